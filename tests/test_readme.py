"""The README is true: its commands print what it shows, and its Python runs."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from simulate.cli import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n\$ simulate (.*?)\n(.*?)```", README, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(("arguments", "shown"), CONSOLE, ids=[command for command, _ in CONSOLE])
def test_commands_print_what_is_shown(
    arguments: str,
    shown: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each console block of the README shows, to the letter, what its command prints in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["simulate", *shlex.split(arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    printed = [line.rstrip() for line in capsys.readouterr().out.strip().splitlines()]
    assert printed == [line.rstrip() for line in shown.strip().splitlines()]


@pytest.mark.parametrize("code", PYTHON, ids=[str(i) for i in range(len(PYTHON))])
def test_python_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each Python block of the README runs as it stands and prints something."""
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out


def test_there_is_something_to_check() -> None:
    """The README shows at least five commands with output and three pieces of Python."""
    assert len(CONSOLE) >= 5
    assert len(PYTHON) >= 3

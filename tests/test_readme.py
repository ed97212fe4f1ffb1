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
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
FILES = {match[1]: block for block in BLOCKS if (match := re.match(r"# (\w+\.py)\n", block))}
"""Blocks that begin with a file's name are that file, for the commands after them."""
PYTHON = [block for block in BLOCKS if block not in FILES.values()]
EXIT = ' || echo "exit code $?"'
"""Ends a command that the README shows failing, as a shell would take it."""


@pytest.mark.parametrize(("arguments", "shown"), CONSOLE, ids=[command for command, _ in CONSOLE])
def test_commands_print_what_is_shown(
    arguments: str,
    shown: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each console block of the README shows, to the letter, what its command prints beside the README's files."""
    monkeypatch.chdir(tmp_path)
    for name, block in FILES.items():
        Path(name).write_text(block, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["simulate", *shlex.split(arguments.removesuffix(EXIT))])
    with pytest.raises(SystemExit) as stop:
        main()
    printed = [line.rstrip() for line in capsys.readouterr().out.strip().splitlines()]
    if arguments.endswith(EXIT):
        assert stop.value.code != 0
        printed.append(f"exit code {stop.value.code}")
    else:
        assert stop.value.code == 0
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

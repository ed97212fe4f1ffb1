"""The command `simulate`, run in the process of the tests."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from simulate.cli import main


class Answer(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Simulate:
    """`simulate(*arguments)` runs the command in this process, in an empty directory."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
    ) -> None:
        self._monkeypatch, self._capsys, self.home = monkeypatch, capsys, home

    def __call__(self, *arguments: str | Path) -> Answer:
        """Exit code, standard output and standard error of `simulate` with these arguments."""
        self._monkeypatch.setattr(sys, "argv", ["simulate", *map(str, arguments)])
        # A first run compiles its kernels: how long that takes must not add lines to what is compared.
        self._monkeypatch.setattr("simulate.progress._SECONDS_BETWEEN_LINES", math.inf)
        with pytest.raises(SystemExit) as stop:
            main()
        assert isinstance(stop.value.code, int)
        return Answer(stop.value.code, *self._capsys.readouterr())

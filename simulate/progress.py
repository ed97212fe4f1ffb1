"""Telling a person how far a run is: a bar on a terminal, plain lines elsewhere, always on stderr."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

_SECONDS_BETWEEN_LINES = 10.0


class TerminalProgress:
    """A bar with rate and time left. `stop` leaves the terminal as it was.

    The rate counts from the end of the first block on, which may have waited for the compiler.

    Args:
        unit: what is counted.

    """

    def __init__(self, unit: str = "trials") -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(unit, total=None, rate="")
        self._first_block: float | None = None
        self._computed = 0

    def start(self, total: int, done: int) -> None:
        """Show the bar: `done` of `total` trials were already on disk."""
        self._bar.update(self._task, total=total, completed=done)
        self._bar.start()

    def advance(self, trials: int) -> None:
        """Move the bar."""
        now, pace = time.perf_counter(), ""
        if self._first_block is None:
            self._first_block = now
        else:
            self._computed += trials
            pace = _pace(self._computed / max(now - self._first_block, 1e-9))
        self._bar.update(self._task, advance=trials, rate=pace)

    def note(self, line: str) -> None:
        """One line above the bar."""
        self._bar.console.print(Text(line), soft_wrap=True)  # a Text: brackets in a path are no markup

    def stop(self) -> None:
        """Take the bar away."""
        self._bar.stop()


class LineProgress:
    """A line every ten seconds, for logs. Its rate is that of `TerminalProgress`.

    Args:
        unit: what is counted.

    """

    def __init__(self, unit: str = "trials") -> None:
        self._unit = unit
        self._total = self._done = self._before = 0
        self._last = 0.0
        self._first_block: float | None = None

    def start(self, total: int, done: int) -> None:
        """Begin counting: `done` of `total` trials were already on disk."""
        self._total, self._done = total, done
        self._last = time.perf_counter()
        if done:
            self.note(f"{done:,} of {total:,} {self._unit} were already there")

    def advance(self, trials: int) -> None:
        """Count, and print if it is time."""
        self._done += trials
        now, pace = time.perf_counter(), ""
        if self._first_block is None:
            self._first_block, self._before = now, self._done
        elif now > self._first_block:
            rate = (self._done - self._before) / (now - self._first_block)
            pace = f", {_pace(rate)}, {(self._total - self._done) / rate:.0f} s left"
        if now - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = now
            self.note(f"{self._done:,} of {self._total:,} {self._unit}{pace}")

    def note(self, line: str) -> None:
        """One line on stderr."""
        print(line, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """Nothing to take away."""


def for_this_terminal(unit: str = "trials") -> TerminalProgress | LineProgress:
    """A bar if stderr is a terminal, else lines; `unit` is what is counted."""
    return TerminalProgress(unit) if sys.stderr.isatty() else LineProgress(unit)


def _pace(rate: float) -> str:
    """So many a second; of slow work with its decimals."""
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"

"""Check statements and hold the verdicts against the ledger.

verify(subjects, budget, ledger)    every verdict, in order
exit_code(checked)                  0 equal, 1 something differs or is refuted, 3 undecided, 4 broken
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, Protocol

from theorems.budget import QUICK, Budget
from theorems.ledger import Entry, Ledger
from theorems.statement import Statement
from theorems.verdicts import Verdict
from theorems.workers import Subject, Task, outcomes, processes

Comparison = Literal["equal", "differs", "undecided", "broken"]
_CODES: dict[Comparison, int] = {"equal": 0, "differs": 1, "undecided": 3, "broken": 4}
_PRECEDENCE: tuple[Comparison, ...] = ("broken", "differs", "undecided", "equal")


class Progress(Protocol):
    """What is told while statements are checked; see `simulate.progress`."""

    def start(self, total: int, done: int) -> None:
        """So many statements are to be checked."""

    def advance(self, trials: int) -> None:
        """So many more are done."""


@dataclass(frozen=True)
class Checked:
    """A statement with its new verdict and what the ledger said.

    Attributes:
        subject: the statement and its file.
        verdict: new.
        budget: it was found with.
        entry: of the ledger; None for a user's statement, and for one that is new.
        seconds: the check took.

    """

    subject: Subject
    verdict: Verdict
    budget: Budget
    entry: Entry | None = None
    seconds: float = 0.0

    @property
    def statement(self) -> Statement:
        """The statement itself."""
        return self.subject.statement

    @property
    def comparison(self) -> Comparison:
        """What the verdict means for whoever verifies.

        A statement that ships: whether the verdict is the ledger's; "undecided" where the ledger decided, with
        more time or a larger budget, what this check could not. A user's statement: "differs" (from its
        author's hope) if it is refuted, "undecided" if nothing was found out, vacuous statements included.
        """
        status = self.verdict.status
        if status == "broken":
            return "broken"
        if self.subject.file is not None:
            return {"refuted": "differs", "holds": "equal"}.get(status, "undecided")  # type: ignore[return-value]
        if self.entry is None:
            return "differs"
        if status == self.entry.verdict.status:
            return "equal"
        return "undecided" if status == "undecided" else "differs"


def verify(
    subjects: Sequence[Subject],
    budget: Budget = QUICK,
    ledger: Ledger | None = None,
    workers: int | None = 1,
    progress: Progress | None = None,
    each: Callable[[Checked], None] | None = None,
) -> list[Checked]:
    """Check statements.

    Args:
        subjects: what to check. On more than one process these are statements that ship, or of files.
        budget: for each statement.
        ledger: what to compare with; None for the one that ships.
        workers: processes; None for as many as there are cores, if there are enough statements. A script that
            asks for more than one needs `if __name__ == "__main__":`, as always with spawned processes.
        progress: is told how far it is.
        each: is called with every verdict as soon as it is known.

    Returns:
        One `Checked` a statement, in the order of the subjects.

    Raises:
        BadInput: fewer than one worker.
        RunFailed: a process died; verdicts that `each` was given remain valid.

    """
    if ledger is None:
        from theorems.ledger import shipped

        ledger = shipped()
    # A user's statement has no entry, whatever its id.
    entries = [None if one.file is not None else ledger.entries.get(one.statement.id) for one in subjects]
    tasks: list[Task] = [
        (subject, entry.verdict.counterexample if entry is not None else None)
        for subject, entry in zip(subjects, entries, strict=True)
    ]
    found: list[Checked | None] = [None] * len(subjects)
    number = processes(subjects, workers)
    if progress is not None:
        progress.start(len(subjects), 0)
    # Closed at once if somebody interrupts: no process outlives the call.
    with closing(outcomes(tasks, budget, number)) as arriving:
        for place, verdict, seconds in arriving:
            checked = Checked(subjects[place], verdict, budget, entries[place], seconds)
            found[place] = checked
            if each is not None:
                each(checked)
            if progress is not None:
                progress.advance(1)
    return [one for one in found if one is not None]


def exit_code(checked: Iterable[Checked]) -> int:
    """0: every verdict is the ledger's, and no statement of the user's is refuted; else the gravest of 4, 1, 3."""
    comparisons = {one.comparison for one in checked}
    return next((_CODES[one] for one in _PRECEDENCE if one in comparisons), 0)

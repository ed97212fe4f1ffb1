"""How much work a check may do. Work is counted, so that a check finds the same on a slow machine."""

from __future__ import annotations

import time
from dataclasses import dataclass

from simulate.errors import BadInput


@dataclass(frozen=True)
class Budget:
    """Work for one statement.

    Attributes:
        seconds: about how long a check takes on one core; the amounts of work follow from it.
        patience: the check is cut short only after so many times its seconds. A machine that is busy still
            does the same work, unless it is slower than that.
        seed: of the search and of simulated trials.

    """

    seconds: float = 1.0
    patience: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.seconds < 1e7:
            raise BadInput(f"a budget is quick, full, or a number of seconds above 0, got {self.seconds}")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """The budget called quick or full, or one of a number of seconds.

        Raises:
            BadInput: anything else.

        """
        named = {"quick": QUICK, "full": FULL}
        if text in named:
            return named[text]
        try:
            return cls(seconds=float(text))
        except ValueError as error:
            raise BadInput(
                f"a budget is quick, full, or a number of seconds above 0, got {text!r}"
            ) from error

    @property
    def corners(self) -> int:
        """Structured instances to try."""
        return int(500 * self.seconds) + 100

    @property
    def landmarks(self) -> int:
        """Instances to try at numbers that stand in the statement's code."""
        return int(200 * self.seconds) + 50

    @property
    def samples(self) -> int:
        """Random instances to try."""
        return int(900 * self.seconds) + 100

    @property
    def examples(self) -> int:
        """Instances that Hypothesis explores: each costs it about ten times an evaluation."""
        return int(80 * self.seconds) + 20

    @property
    def climbs(self) -> int:
        """Gradient steps, for a batch of restarts each."""
        return min(1_000, int(40 * self.seconds) + 20)

    @property
    def groups(self) -> int:
        """Choices of shapes and discrete variables from which the gradient starts."""
        return min(24, 3 + int(self.seconds / 4))

    @property
    def simplifications(self) -> int:
        """Work on simpler instances once a violation is found, in evaluations; one with 50 digits counts for 20."""
        return int(4_000 * self.seconds) + 1_000

    @property
    def trials(self) -> int:
        """Random networks (or other trials of medium size) that a sampled check may draw."""
        return int(40_000 * self.seconds)

    def deadline(self) -> float:
        """The moment, on `time.monotonic`, after which work is cut short."""
        return time.monotonic() + self.seconds * self.patience


QUICK = Budget(1.0)
FULL = Budget(60.0)

"""A sequential check that a probability is at most what is allowed, valid however often one looks.

The trials are looked at as they come, with the confidence sequences of `simulate.statistics`:

    refuted   the lower end of the sequence of error rate `false_alarm` lies above the allowed probability
    holds     the upper end of the sequence of error rate `miss`/2 lies below allowed + discrepancy

A probability that is allowed is therefore ever refuted with probability at most `false_alarm`, and one that
exceeds the allowed one by the discrepancy is ever accepted with probability at most `miss`/2. The other half of
`miss` pays for stopping: `trials` is a number at which such a probability has been refuted, unless with
probability `miss`/2, whatever the looks before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from scipy import special

from simulate.errors import BadInput
from simulate.statistics import confidence_sequence, log_evidence, sequential_test

Decision = Literal["refuted", "holds", "undecided"]

_LEAST_RATE = 1e-13
"""Below this, 1 − rate has lost its digits."""
_MOST_TRIALS = 1 << 50
_SEARCHED_TO = 0.01
"""Relative error of the number of trials: any number that does will do."""


@dataclass(frozen=True)
class SequentialCheck:
    """The check of the module's docstring.

    Attributes:
        allowed: the claimed bound of the probability, in [0, 1).
        discrepancy: the excess that must be seen; allowed + discrepancy < 1.
        false_alarm: probability that an allowed probability is ever refuted, at most.
        miss: probability that one which is too large by the discrepancy is not refuted after `trials`, at most.

    Raises:
        BadInput: numbers that make no check.

    """

    allowed: float
    discrepancy: float
    false_alarm: float
    miss: float

    def __post_init__(self) -> None:
        for name in ("false_alarm", "miss"):
            rate = getattr(self, name)
            if not _LEAST_RATE <= rate < 1:
                raise BadInput(f"{name} must lie between {_LEAST_RATE:g} and 1, got {rate!r}")
        if self.false_alarm + self.miss >= 1:
            raise BadInput("false_alarm and miss must add up to less than 1: a coin does as well")
        if not 0 <= self.allowed < 1:
            raise BadInput(f"the allowed probability must lie in [0, 1), got {self.allowed!r}")
        if not 0 < self.discrepancy < 1 - self.allowed:
            raise BadInput(
                f"nothing exceeds an allowed probability of {self.allowed:g} by {self.discrepancy!r}: give a "
                "discrepancy above 0 that leaves room below 1"
            )

    def interval(self, failures: int, trials: int) -> tuple[float, float]:
        """The lower end that refutes and the upper end that accepts, each with its own error rate."""
        low = confidence_sequence(failures, trials, 1 - self.false_alarm)[0]
        high = confidence_sequence(failures, trials, 1 - self.miss / 2)[1]
        return float(low), float(high)

    def decision(self, failures: int, trials: int) -> Decision:
        """What this look says. The first look that says anything decides."""
        # The evidence behind the ends of `interval`, without solving for them.
        if sequential_test(failures, trials, self.allowed, self.false_alarm) == "above":
            return "refuted"
        too_much = self.allowed + self.discrepancy
        return (
            "holds" if sequential_test(failures, trials, too_much, self.miss / 2) == "below" else "undecided"
        )

    @property
    def trials(self) -> int:
        """A number of trials, if that is one of the looks, that keeps both promises.

        With probability at least 1 − miss/2 the probability allowed + discrepancy has been refuted by then, and with
        probability at least 1 − miss the allowed one, where it is reached, has been accepted. The smallest such
        number to about 1 %.

        Raises:
            BadInput: more than 2⁵⁰.

        """
        return _sufficient(self)

    def _suffices(self, trials: int) -> bool:
        level, threshold = -math.log(self.false_alarm), self.allowed + self.discrepancy
        least = _first(
            lambda s: s > trials * self.allowed and bool(log_evidence(s, trials, self.allowed) >= level),
            trials + 1,
        )
        # P(Bin(n, p) ≥ s) = I_p(s, n − s + 1)
        if least > trials or special.betainc(least, trials - least + 1, threshold) < 1 - self.miss / 2:
            return False
        level = -math.log(self.miss / 2)
        beyond = _first(
            lambda s: s >= trials * threshold or bool(log_evidence(s, trials, threshold) < level), trials + 1
        )
        # P(Bin(n, p) ≤ beyond − 1)
        return beyond > 0 and bool(
            special.betaincc(beyond, trials - beyond + 1, self.allowed) >= 1 - self.miss
        )


@lru_cache(maxsize=1024)
def _sufficient(check: SequentialCheck) -> int:
    fails, enough = 0, 1
    while not check._suffices(enough):
        fails, enough = enough, 2 * enough
        if enough > _MOST_TRIALS:
            raise BadInput(f"a discrepancy of {check.discrepancy!r} takes more than 2^50 trials: raise it")
    while enough - fails > max(1.0, _SEARCHED_TO * enough):
        middle = (fails + enough) // 2
        fails, enough = (fails, middle) if check._suffices(middle) else (middle, enough)
    return enough


def _first(holds: Callable[[int], bool], end: int) -> int:
    """The first of 0, …, end − 1 from which on a condition holds; `end` if there is none."""
    fails, first = -1, end
    while first - fails > 1:
        middle = (fails + first) // 2
        fails, first = (fails, middle) if holds(middle) else (middle, first)
    return first

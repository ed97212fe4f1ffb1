"""The power of the tests that `simulate.statistics.design` designs: exact binomial sums and inverses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy import special

from simulate.errors import BadInput
from simulate.statistics._binomial import lower_critical, lower_tail, upper_critical, upper_tail
from simulate.statistics._checks import Floats, Integers

Departure = Literal["both", "above", "below"]

# More trials than anybody runs: at a microsecond each, 2^40 take twelve days. The power for two samples is a
# sum over √n outcomes, and its inverse would take minutes beyond 2^30.
MOST_TRIALS = 2**40
MOST_TRIALS_OF_TWO = 2**30

# The part of the miss rate that sums over the first sample's outcomes may leave out. It counts as missed, so
# the power errs on the low side.
_LEFT_OUT = 1e-6


def alternatives(
    probability: float, discrepancy: float, departure: Departure
) -> tuple[float | None, float | None]:
    """The probabilities above and below that a test must see; None where there is none."""
    above, below = probability + discrepancy, probability - discrepancy
    wanted = (
        above if departure != "below" and above <= 1 else None,
        below if departure != "above" and below >= 0 else None,
    )
    if wanted == (None, None):
        where = {"both": "either side of", "above": "above", "below": "below"}[departure]
        raise BadInput(f"no probability lies {discrepancy!r} {where} {probability!r}: lower the discrepancy")
    return wanted


def tail_level(false_alarm: float, departure: Departure) -> float:
    """The part of the false-alarm rate that each tail is given."""
    return false_alarm / 2 if departure == "both" else false_alarm


def proportion_power(
    trials: Integers,
    probability: float,
    wanted: tuple[float | None, float | None],
    level: float,
    stricter: int = 0,
) -> Floats:
    """Smallest probability, over the wanted alternatives, that the binomial test refutes in their direction.

    `stricter` moves the critical counts outward by that many.
    """
    above, below = wanted
    power = np.ones(trials.shape)
    if above is not None:
        critical = upper_critical(trials, probability, level) + stricter
        power = np.minimum(power, upper_tail(critical, trials, above))
    if below is not None:
        critical = lower_critical(trials, probability, level) - stricter
        power = np.minimum(power, lower_tail(critical, trials, below))
    return power


class TwoSamplePower:
    """Power of refuting "equal" upwards when two Clopper–Pearson intervals of n trials each do not meet.

    The first sample has the given probability. For each of its outcomes, the second must reach a critical
    count: the smallest whose lower bound exceeds the first one's upper bound. A departure downwards is the
    upward one of the failures.
    """

    def __init__(self, trials: int, probability: float, level: float, miss: float, stricter: int = 0) -> None:
        """Find the critical counts; `level` is the error rate of each bound."""
        self.trials, self.probability, self.miss = trials, probability, miss
        first = max(int(lower_critical(trials, probability, _LEFT_OUT * miss)), 0)
        last = min(int(upper_critical(trials, probability, _LEFT_OUT * miss)), trials)
        outcomes = np.arange(first, last + 1)
        # Outcomes below the first are easier to exceed than the first, and are given its critical count.
        self.weights = np.diff(lower_tail(outcomes, trials, probability), prepend=0.0)
        failures = np.maximum(trials - outcomes, 1)
        bounds = np.where(outcomes < trials, special.betainccinv(outcomes + 1, failures, level), 1.0)
        self.critical = upper_critical(trials, bounds, level) + stricter

    def at(self, second: float) -> float:
        """The power when the second sample has this probability."""
        return float(self.weights @ upper_tail(self.critical, self.trials, second))

    def first_seen(self) -> float | None:
        """The smallest departure upwards that has power 1 − miss; None if there is none."""
        if self.at(1.0) < 1 - self.miss:
            return None
        fails, holds = self.probability, 1.0
        # Bisection to the spacing of float64 at 1; the power increases with the second probability.
        for _ in range(53):
            middle = (fails + holds) / 2
            fails, holds = (fails, middle) if self.at(middle) >= 1 - self.miss else (middle, holds)
        return holds - self.probability


def two_sample_power(
    trials: int,
    probability: float,
    wanted: tuple[float | None, float | None],
    level: float,
    miss: float,
    stricter: int = 0,
) -> float:
    """Smallest probability, over the wanted alternatives of the second sample, that the test sees them."""
    above, below = wanted
    power = 1.0
    if above is not None:
        power = min(power, TwoSamplePower(trials, probability, level, miss, stricter).at(above))
    if below is not None:
        power = min(power, TwoSamplePower(trials, 1 - probability, level, miss, stricter).at(1 - below))
    return power


def sufficient_trials(
    power: Callable[[int], float], miss: float, discrepancy: float, most: int, within: float = 0.0
) -> int:
    """An n at which a power that tends to 1 is at least 1 − miss: by doubling, then bisection.

    The bisection ends when a relative `within` above an n that fails; more than `most` trials are refused.
    """
    fails, holds = 0, 1
    while power(holds) < 1 - miss:
        fails, holds = holds, 2 * holds
        if holds > most:
            raise too_many(discrepancy, most)
    while holds - fails > max(1.0, within * holds):
        middle = (fails + holds) // 2
        fails, holds = (fails, middle) if power(middle) >= 1 - miss else (middle, holds)
    return holds


def too_many(discrepancy: float, most: int) -> BadInput:
    """The refusal of a discrepancy that is too small."""
    return BadInput(f"a discrepancy of {discrepancy!r} takes more than {most} trials: raise it")

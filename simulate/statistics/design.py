"""How many trials a statistical check needs, with both of its error rates stated.

A check accepts or refutes a claimed value. Four numbers belong together, and three of them give the fourth:

    false alarm   the probability to refute a claim that is true, at most
    miss          the probability to accept a claim that is off by the discrepancy, at most
    discrepancy   the departure from the claim that the check must see
    trials        the number of independent trials

After `statistical_testing` of TensorFlow Probability (J. V. Dillon et al., 2017), where every assertion comes
with its detectable discrepancy and its sufficient sample size. The tests that are designed here:

    proportion       refute p = p₀ if p₀ lies outside `clopper_pearson(s, n, 1 - false_alarm)`. Level and
                     power are exact binomial sums.
    two proportions  refute p₁ = p₂ if the two `clopper_pearson(s, n, 1 - false_alarm / 2)` do not meet. The
                     level holds at every n by the union bound, which makes the test conservative (up to √2 in
                     the discrepancy); the power is an exact binomial sum.
    mean             refute μ = μ₀ if |mean − μ₀| > z √(variance/n): the variance is known exactly, the mean
                     is taken as normal. Level and power are the normal law's, approximate for any other.

A departure to one side alone ("the probability is at least p₀" is refuted from below) has the whole
false-alarm rate on that side: `clopper_pearson(s, n, 1 - false_alarm, side="upper")` lies below p₀. With two
samples, a departure is that of the second from the first. Only a refutation in the direction of the departure
counts as seeing it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import special

from simulate.errors import BadInput
from simulate.statistics import _checks
from simulate.statistics._binomial import lower_critical, upper_critical
from simulate.statistics._power import (
    MOST_TRIALS,
    MOST_TRIALS_OF_TWO,
    Departure,
    TwoSamplePower,
    alternatives,
    proportion_power,
    sufficient_trials,
    tail_level,
    too_many,
    two_sample_power,
)

# Discrepancies are rounded up by this much, more than the error of the inverse functions behind them, so that
# a check with exactly the returned numbers is accepted.
_ROUND_UP = 1 + 1e-9


@dataclass(frozen=True)
class Design:
    """A check that can do what it says: the four numbers of the module's docstring.

    Make one with `for_proportion`, `for_two_proportions` or `for_mean`, which refuse trials that cannot
    resolve the discrepancy.

    Attributes:
        false_alarm: probability to refute a true claim, at most.
        miss: probability to accept a claim that is off by the discrepancy, at most.
        discrepancy: the departure that is seen, in the unit of the claimed value.
        trials: number of independent trials (of each sample, where there are two).

    """

    false_alarm: float
    miss: float
    discrepancy: float
    trials: int

    def __str__(self) -> str:
        """One line for a report."""
        return (
            f"{self.trials} trials resolve {self.discrepancy:.3g} "
            f"(false alarm {self.false_alarm:.2g}, miss {self.miss:.2g})"
        )

    @classmethod
    def for_proportion(
        cls,
        probability: float,
        discrepancy: float,
        false_alarm: float,
        miss: float,
        *,
        trials: int | None = None,
        departure: Departure = "both",
    ) -> Self:
        """A check of a Bernoulli mean, with the given trials or with those of `trials_to_resolve`.

        Raises:
            BadInput: the trials cannot resolve the discrepancy; or as `trials_to_resolve`.

        """
        needed = trials_to_resolve(probability, discrepancy, false_alarm, miss, departure)

        def power(n: int) -> float:
            wanted = alternatives(probability, discrepancy, departure)
            level = tail_level(false_alarm, departure)
            return float(proportion_power(np.array(n), probability, wanted, level))

        return cls._checked(false_alarm, miss, discrepancy, trials, needed, power)

    @classmethod
    def for_two_proportions(
        cls,
        probability: float,
        discrepancy: float,
        false_alarm: float,
        miss: float,
        *,
        trials: int | None = None,
        departure: Departure = "both",
    ) -> Self:
        """A check that two samples share one Bernoulli mean, with the given trials each or with enough.

        Raises:
            BadInput: the trials cannot resolve the discrepancy; or as `two_sample_trials_to_resolve`.

        """
        needed = two_sample_trials_to_resolve(probability, discrepancy, false_alarm, miss, departure)

        def power(n: int) -> float:
            wanted = alternatives(probability, discrepancy, departure)
            level = tail_level(false_alarm / 2, departure)
            return two_sample_power(n, probability, wanted, level, miss)

        return cls._checked(false_alarm, miss, discrepancy, trials, needed, power)

    @classmethod
    def for_mean(
        cls,
        variance: float,
        discrepancy: float,
        false_alarm: float,
        miss: float,
        *,
        trials: int | None = None,
        departure: Departure = "both",
    ) -> Self:
        """A check of a mean with known variance, with the given trials or with `mean_trials_to_resolve`.

        Raises:
            BadInput: the trials cannot resolve the discrepancy; or as `mean_trials_to_resolve`.

        """
        needed = mean_trials_to_resolve(variance, discrepancy, false_alarm, miss, departure)
        return cls._checked(false_alarm, miss, discrepancy, trials, needed, lambda n: 0.0)

    @classmethod
    def _checked(
        cls,
        false_alarm: float,
        miss: float,
        discrepancy: float,
        trials: int | None,
        needed: int,
        power_below_needed: Callable[[int], float],
    ) -> Self:
        """The design, if the trials do: from `needed` on all do, below it some may."""
        n = needed if trials is None else _checks.whole(trials, "trials", 1)
        if n < needed and not power_below_needed(n) >= 1 - miss:
            raise BadInput(
                f"{n} trials cannot resolve a discrepancy of {discrepancy:.6g} with false alarm "
                f"{false_alarm:g} and miss {miss:g}: {needed} trials can"
            )
        return cls(false_alarm, miss, discrepancy, n)


def trials_to_resolve(
    probability: float, discrepancy: float, false_alarm: float, miss: float, departure: Departure = "both"
) -> int:
    """Number of trials from which on the exact binomial test of p = p₀ sees departures of the discrepancy.

    At this and every larger n, the test of level `false_alarm` refutes p₀ with probability at least
    1 − miss when the truth is p₀ + discrepancy, and likewise p₀ − discrepancy; a side where no such
    probability exists is left out. Power is a saw-tooth of n, for the level is used up only in part: what is
    returned is one more than the last n that fails, though some smaller n may do.

    That no larger n fails is known from an envelope. With critical counts interpolated in the incomplete
    beta function to real numbers at which the level is used up exactly, and then moved outward by one, the
    power is a smooth lower bound of the true one, and increases with n. (It increases in every case examined;
    this is not proved.)

    Args:
        probability: the claimed p₀, between 0 and 1.
        discrepancy: departure to be seen, positive.
        false_alarm: level of the test, of both tails together.
        miss: 1 − power.
        departure: "both"; or "above" or "below", which gives all of the level to that side.

    Raises:
        BadInput: rates outside (0, 1) or with a sum of 1 or more; no probability at that discrepancy; more
            than 2⁴⁰ (about 10¹²) trials needed.

    """
    p = _checks.closed_unit(probability, "probability")
    delta, level = _checked_rates(discrepancy, false_alarm, miss, departure)
    wanted = alternatives(p, delta, departure)
    # The critical count itself, moved by one, is at least the interpolated one moved by one, and needs no
    # solver: an n that passes with it lies where the envelope passes.
    enough = sufficient_trials(
        lambda n: float(proportion_power(np.array(n), p, wanted, level, stricter=1)),
        miss,
        discrepancy,
        MOST_TRIALS,
    )
    top, length = enough, 64
    while top > 1:
        candidates = np.arange(max(top - length, 1), top)
        fails = proportion_power(candidates, p, wanted, level) < 1 - miss
        if np.any(fails):
            return int(candidates[fails][-1]) + 1
        top, length = int(candidates[0]), min(2 * length, 2**16)
    return 1


def smallest_discrepancy(
    trials: int, probability: float, false_alarm: float, miss: float, departure: Departure = "both"
) -> float:
    """The smallest discrepancy that the exact binomial test of p = p₀ sees with so many trials.

    Each side by the inverse of the binomial tail at the critical count; the larger of the two. A side on
    which nothing can be seen counts with its whole length (1 − p₀ above): beyond that it is empty.

    Args:
        trials: number of trials n, at least 1.
        probability: the claimed p₀, between 0 and 1.
        false_alarm: level of the test, of both tails together.
        miss: 1 − power.
        departure: as in `trials_to_resolve`.

    Raises:
        BadInput: so few trials that not even p = 0 or 1 is seen; rates outside (0, 1) or with a sum of 1 or
            more.

    """
    n = _checks.whole(trials, "trials", 1)
    p = _checks.closed_unit(probability, "probability")
    level = _checked_rates(1.0, false_alarm, miss, departure)[1]
    above = below = None
    upper, lower = int(upper_critical(n, p, level)), int(lower_critical(n, p, level))
    if upper <= n:
        above = float(special.betainccinv(upper, n - upper + 1, miss)) - p
    if lower >= 0:
        below = p - float(special.betaincinv(lower + 1, n - lower, miss))
    return _larger(above, below, n, p, departure)


def two_sample_trials_to_resolve(
    probability: float, discrepancy: float, false_alarm: float, miss: float, departure: Departure = "both"
) -> int:
    """Number of trials in each of two samples that suffices to see their probabilities apart.

    With the first sample at the given probability and the second at the discrepancy above it (and below it),
    the two Clopper–Pearson intervals of confidence 1 − false_alarm / 2 fail to meet with probability at
    least 1 − miss. Sufficient from this n on, by the envelope of `trials_to_resolve`. The smallest such n may
    be less by what one more count is worth, about 2/discrepancy, and by one part in a thousand, at which the
    search ends: each power is a sum over √n outcomes, in all 0.2 s at 20,000 trials and 2 s at a million.

    Args:
        probability: of the first sample, between 0 and 1.
        discrepancy: of the second from the first, positive.
        false_alarm: probability that samples of one probability are told apart, at most.
        miss: 1 − power.
        departure: "both"; or "above" or "below", the side of the second sample. One-sided bounds of error
            rate false_alarm / 2 then take the place of the intervals.

    Raises:
        BadInput: as `trials_to_resolve`, and already beyond 2³⁰ trials.

    """
    p = _checks.closed_unit(probability, "probability")
    delta, _ = _checked_rates(discrepancy, false_alarm, miss, departure)
    wanted = alternatives(p, delta, departure)
    level = tail_level(false_alarm / 2, departure)
    return sufficient_trials(
        lambda n: two_sample_power(n, p, wanted, level, miss, stricter=1),
        miss,
        discrepancy,
        MOST_TRIALS_OF_TWO,
        within=1e-3,
    )


def two_sample_smallest_discrepancy(
    trials: int, probability: float, false_alarm: float, miss: float, departure: Departure = "both"
) -> float:
    """The smallest discrepancy at which two samples of so many trials each are told apart.

    The test and the arguments are those of `two_sample_trials_to_resolve`; sides are combined as in
    `smallest_discrepancy`.

    Raises:
        BadInput: as `smallest_discrepancy`.

    """
    n = _checks.whole(trials, "trials", 1)
    p = _checks.closed_unit(probability, "probability")
    _checked_rates(1.0, false_alarm, miss, departure)
    level = tail_level(false_alarm / 2, departure)
    above = below = None
    if departure != "below":
        above = TwoSamplePower(n, p, level, miss).first_seen()
    if departure != "above":
        below = TwoSamplePower(n, 1 - p, level, miss).first_seen()
    return _larger(above, below, n, p, departure)


def mean_trials_to_resolve(
    variance: float, discrepancy: float, false_alarm: float, miss: float, departure: Departure = "both"
) -> int:
    """Smallest number of values whose mean shows a departure of the discrepancy, the variance being known.

    n ≥ (z_α + z_β)² variance / discrepancy², with z the upper normal quantiles of the level of one tail and
    of the miss rate. Normal approximation of the mean: exact for normal values; for others the error of the
    level is of the order skewness/√n and grows far out in the tails, so a level of 10⁻⁷ wants a large n.

    Args:
        variance: of one value, positive, known exactly.
        discrepancy: departure of the mean to be seen, positive, in the unit of the values.
        false_alarm: level of the test, of both tails together.
        miss: 1 − power.
        departure: "both"; or "above" or "below", which gives all of the level to that side.

    Raises:
        BadInput: a variance or discrepancy that is not positive; rates outside (0, 1) or with a sum of 1 or
            more; more than 2⁴⁰ values needed.

    """
    delta, level = _checked_rates(discrepancy, false_alarm, miss, departure)
    spread = math.sqrt(_checks.positive(variance, "variance"))
    root = _quantiles(level, miss) * spread / delta
    if root > math.sqrt(MOST_TRIALS):
        raise too_many(discrepancy, MOST_TRIALS)
    n = max(math.ceil(root**2), 1)
    # Rounding may put the ceiling one off; the inverse function decides.
    while mean_smallest_discrepancy(n, variance, false_alarm, miss, departure) > delta:
        n += 1
    while n > 1 and mean_smallest_discrepancy(n - 1, variance, false_alarm, miss, departure) <= delta:
        n -= 1
    return n


def mean_smallest_discrepancy(
    trials: int, variance: float, false_alarm: float, miss: float, departure: Departure = "both"
) -> float:
    """The smallest departure that the mean of so many values shows: (z_α + z_β) √(variance / n).

    The test, its approximation and the arguments are those of `mean_trials_to_resolve`.

    Raises:
        BadInput: as `mean_trials_to_resolve`.

    """
    n = _checks.whole(trials, "trials", 1)
    level = _checked_rates(1.0, false_alarm, miss, departure)[1]
    return _quantiles(level, miss) * math.sqrt(_checks.positive(variance, "variance") / n)


def _quantiles(level: float, miss: float) -> float:
    return float(-special.ndtri(level) - special.ndtri(miss))


def _checked_rates(
    discrepancy: float, false_alarm: float, miss: float, departure: Departure
) -> tuple[float, float]:
    """The discrepancy, and the level of one tail."""
    _checks.one_of(departure, "departure", ("both", "above", "below"))
    alpha = _checks.open_unit(false_alarm, "false_alarm")
    beta = _checks.open_unit(miss, "miss")
    if alpha + beta >= 1:
        raise BadInput(
            f"false_alarm and miss must add up to less than 1, got {false_alarm!r} and {miss!r}: "
            "a coin that ignores the data does as well"
        )
    return _checks.positive(discrepancy, "discrepancy"), tail_level(alpha, departure)


def _larger(
    above: float | None, below: float | None, trials: int, probability: float, departure: Departure
) -> float:
    """The discrepancy that is seen on every side in question, given the one seen on each (None: nothing)."""
    seen = {"above": above, "below": below}
    room = {"above": 1 - probability, "below": probability}
    sides = ["above", "below"] if departure == "both" else [departure]
    if all(seen[side] is None for side in sides):
        raise BadInput(f"{trials} trials cannot refute {probability!r} at these rates, whatever the truth")
    found = (seen[side] for side in sides)
    return max(
        room[side] if value is None else min(value * _ROUND_UP, room[side])
        for side, value in zip(sides, found, strict=True)
    )

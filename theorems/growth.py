"""The parts of a claim about an order of growth, each decided by the slope of log q over log n or a constant.

Up to the allowance for finite sizes, "q is O(n^e)" claims that the slope is at most e, and Ω that it is at least e.
With the weighted least squares slope b and its standard error s, z_α and z_β being the upper normal quantiles of
the false-alarm and the miss rate, O is

    refuted   if b − z_α s > e + allowance
    accepted  if b + z_β s <= e + allowance

and Ω likewise from below. Θ claims both and gives half of the false-alarm rate to each. An exact measure has
s = 0. The intervals of a sampled one are asymptotic in the number of trials.

The slope between the two largest sizes may veto either answer, where it lies on the other side by itself: then
the fitted slope still moves with n, and the statement stays undecided. A veto makes no error more likely.

A claimed constant is compared with q(n)/n^e at every size. It shares the false-alarm rate with the slope, and
the sizes share theirs (Bonferroni). A sampled one is accepted where no size leaves room for it to be off by the
factor e^discrepancy, with the stated miss rate.

Trials that cannot resolve the discrepancy of the exponent with both error rates accept nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from scipy import special

from theorems.measures import Measured
from theorems.scaling import SampledMeasure, Scaling
from theorems.sequential import Decision
from theorems.sides import Sides
from theorems.statement import Broken

_ROUNDING = 1e-9
"""Of a slope, and of a constant relatively: many times what float64 makes of an exact measure."""
_LEAST_TRIALS = 100

Side = Literal["above", "below"]


@dataclass(frozen=True)
class Finding:
    """What was found about one part of the claim.

    Attributes:
        what: the part.
        side: on which side of the bound it would be false.
        size: at which a constant was compared.
        sides: the bound and the end of the interval that has to keep to it.
        decision: about this part.
        resolution: the smallest departure that is seen with both error rates.

    """

    what: Literal["slope", "constant"]
    side: Side
    size: int | None
    sides: Sides
    decision: Decision
    resolution: float

    @property
    def place(self) -> tuple[Any, ...]:
        """Which part of the claim this is."""
        return self.what, self.side, self.size


def check(statement: Scaling) -> None:
    """Refuse a statement whose numbers make no check."""
    sizes = statement.sizes
    if len(sizes) < 3 or any(b <= a for a, b in itertools.pairwise(sizes)) or sizes[0] < 1:
        raise Broken(f"sizes must be at least 3 positive numbers, ascending, got {sizes}")
    for name in ("false_alarm", "miss"):
        rate = getattr(statement, name)
        # 1e-13: below it, 1 − rate has lost its digits.
        if not 1e-13 <= rate < 0.5:
            raise Broken(f"{name} must lie between 1e-13 and 0.5, got {rate!r}")
    if not (statement.allowance >= 0 and statement.discrepancy > 0 and math.isfinite(statement.exponent)):
        raise Broken(
            "a scaling needs a finite exponent, an allowance of at least 0 and a positive discrepancy, got "
            f"{statement.exponent!r}, {statement.allowance!r} and {statement.discrepancy!r}"
        )
    if statement.constant is not None:
        if statement.relation == "Θ":
            raise Broken("Θ has two constants: state O and Ω apart, each with its own")
        if not 0 < statement.constant < math.inf:
            raise Broken(f"a constant must be positive and finite, got {statement.constant!r}")
    if statement.relation not in ("O", "Ω", "Θ"):
        raise Broken(f"the relation is O, Ω or Θ, got {statement.relation!r}")
    measure = statement.measure
    if isinstance(measure, SampledMeasure):
        if not isinstance(measure.trials, int) or measure.trials < _LEAST_TRIALS:
            raise Broken(
                f"a sampled measure takes at least {_LEAST_TRIALS} trials a size, for its standard errors are "
                f"asymptotic, got {measure.trials!r}"
            )
        if measure.statistic != "mean" and not (
            isinstance(measure.statistic, float) and 0 < measure.statistic < 1
        ):
            raise Broken(
                f'the statistic is "mean" or the order of a quantile in (0, 1), got {measure.statistic!r}'
            )


def findings(statement: Scaling, measured: Measured) -> Iterator[Finding]:
    """Every part of the claim, decided."""
    alpha = statement.false_alarm if statement.constant is None else statement.false_alarm / 2
    sides: tuple[Side, ...] = {"O": ("above",), "Ω": ("below",), "Θ": ("above", "below")}[statement.relation]  # type: ignore[assignment]
    for side in sides:
        yield _slope_finding(statement, measured, side, alpha / len(sides))
    if statement.constant is not None:
        for position in range(len(measured.sizes)):
            yield _constant_finding(statement, measured, position, sides[0], alpha / len(measured.sizes))


def _slope_finding(statement: Scaling, measured: Measured, side: Side, level: float) -> Finding:
    sign = 1.0 if side == "above" else -1.0
    refuting, accepting = normal_quantile(level), normal_quantile(statement.miss)
    slope, last = measured.slope, measured.local_slopes[-1]
    # Mirrored, so that the claim is always: slope <= bound.
    bound = sign * statement.exponent + statement.allowance
    least = sign * slope.value - refuting * slope.error
    most = sign * slope.value + accepting * slope.error
    falls_back = sign * last.value + accepting * last.error <= bound
    leaves = sign * last.value - refuting * last.error > bound + _ROUNDING
    decision: Decision = "undecided"
    if least > bound + _ROUNDING and not falls_back:
        decision = "refuted"
    elif most <= bound + _ROUNDING and not leaves:
        decision = "holds"
    ends = Sides(least, bound) if side == "above" else Sides(-bound, -least)
    return Finding("slope", side, None, ends, decision, (refuting + accepting) * slope.error)


def _constant_finding(
    statement: Scaling, measured: Measured, position: int, side: Side, level: float
) -> Finding:
    assert statement.constant is not None
    n, error = measured.sizes[position], measured.errors[position]
    order = float(n) ** statement.exponent
    low, high = (end / order for end in measured.interval(position, level))
    lowest, highest = (end / order for end in measured.interval(position, statement.miss))
    # An exact value needs no tolerance but for its rounding.
    factor = math.exp(statement.discrepancy) if error else 1 + _ROUNDING
    constant = statement.constant
    decision: Decision = "undecided"
    if side == "above":
        sides = Sides(low, constant)
        if low > constant * (1 + _ROUNDING):
            decision = "refuted"
        elif highest <= constant * factor:
            decision = "holds"
    else:
        sides = Sides(constant, high)
        if high < constant * (1 - _ROUNDING):
            decision = "refuted"
        elif lowest >= constant / factor:
            decision = "holds"
    return Finding(
        "constant",
        side,
        n,
        sides,
        decision,
        (normal_quantile(level) + normal_quantile(statement.miss)) * error,
    )


def normal_quantile(level: float) -> float:
    """The upper normal quantile of a level."""
    return float(-special.ndtri(level))

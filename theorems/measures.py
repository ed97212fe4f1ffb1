"""A quantity measured at several sizes, and the slope of its logarithm over the logarithm of the size."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulate.engine import Summary
from simulate.statistics import mean_interval
from theorems.scaling import ExactMeasure, SampledMeasure
from theorems.statement import Broken
from theorems.trials import summaries

Interval = tuple[float, float]

_SIGMAS = 2.0
"""A quantile's standard error is read off the interval that reaches so many of them to both sides."""
_TWO_SIGMAS = math.erf(_SIGMAS / math.sqrt(2))
_SMALLEST = 1e-3
"""A size that is known far better than the others counts as if its error were this part of the largest: two
sizes would else decide alone."""


@dataclass(frozen=True)
class Slope:
    """A slope of log q over log n.

    Attributes:
        value: of the fitted line.
        error: its standard error; 0 if the quantity is known exactly.

    """

    value: float
    error: float = 0.0


@dataclass(frozen=True)
class Measured:
    """q(n) at several sizes.

    Attributes:
        sizes: ascending.
        values: q(n), positive.
        errors: standard errors of log q(n), by the delta method; 0 where it is exact.
        interval: function of a position and a level: the interval of q there that errs with probability at most
            `level` on each side. Of a mean it is Student's, asymptotic; of a quantile it is distribution-free.

    """

    sizes: tuple[int, ...]
    values: tuple[float, ...]
    errors: tuple[float, ...]
    interval: Callable[[int, float], Interval]

    @property
    def slope(self) -> Slope:
        """The least squares slope over all sizes, weighted by 1/error² (equal weights without errors)."""
        return _fit(self.sizes, self.values, self.errors)

    @property
    def local_slopes(self) -> tuple[Slope, ...]:
        """The slope between each size and the next: it shows whether the fitted one still moves with n."""
        pairs = range(len(self.sizes) - 1)
        return tuple(
            _fit(self.sizes[i : i + 2], self.values[i : i + 2], self.errors[i : i + 2]) for i in pairs
        )


def _fit(sizes: tuple[int, ...], values: tuple[float, ...], errors: tuple[float, ...]) -> Slope:
    x, y = np.log(np.array(sizes, dtype=float)), np.log(np.array(values))
    error = np.array(errors)
    largest = error.max()
    spread: NDArray[np.float64] = np.maximum(error, _SMALLEST * largest) if largest > 0 else np.ones(len(x))
    # Σ w (x − x̄) y / Σ w (x − x̄)², a linear function of y
    weight = 1 / (spread / spread.max()) ** 2
    centred = x - (weight @ x) / weight.sum()
    share = weight * centred / (weight @ centred**2)
    return Slope(float(share @ y), float(np.sqrt(share**2 @ error**2)))


def measure_exactly(measure: ExactMeasure, sizes: tuple[int, ...]) -> Measured:
    """The values of a known quantity.

    Raises:
        Broken: it raises, or is no positive number.

    """
    values = []
    for n in sizes:
        try:
            values.append(float(measure.value(n)))
        except Exception as error:
            raise Broken(f"{type(error).__name__}: {error} at size {n}") from error
        _positive(values[-1], n)
    return Measured(sizes, tuple(values), (0.0,) * len(sizes), lambda i, level: (values[i], values[i]))


def measure_by_trials(
    measure: SampledMeasure, sizes: tuple[int, ...], seed: int, seconds: float = math.inf
) -> Measured | None:
    """The means or quantiles of a column with their errors; None after so many seconds.

    Raises:
        Broken: the experiment failed, has no such column, or its values are not finite or positive.

    """
    records = records_of(measure, sizes)
    found = summaries(measure.experiment, records, measure.trials, seed, measure.dtype, seconds)
    if found is None:
        return None
    for n, summary in zip(sizes, found, strict=True):
        _check_column(measure, n, summary)
    read = _means if measure.statistic == "mean" else _quantiles
    return read(measure, sizes, found)


def records_of(measure: SampledMeasure, sizes: tuple[int, ...]) -> list[Any]:
    """The parameter record at each size.

    Raises:
        Broken: the statement's function raised.

    """
    records = []
    for n in sizes:
        try:
            records.append(measure.record(n))
        except Exception as error:
            raise Broken(f"{type(error).__name__}: {error} at size {n}") from error
    return records


def _check_column(measure: SampledMeasure, n: int, summary: Summary) -> None:
    name, column = measure.experiment.name, measure.column
    if column not in summary.moments:
        numbers = ", ".join(summary.moments) or "none"
        raise Broken(f"{name} has no column of numbers {column!r}: there are {numbers}")
    if column not in summary.sketches:
        raise Broken(f"{name}: column {column!r} has more than one number a trial")
    moments = summary.moments[column]
    nan, infinite = summary.sketches[column].nan, int(moments.nonfinite)
    # A quantile may have infinite values beside it, a mean not.
    if nan or (infinite and measure.statistic == "mean"):
        what = f"NaN {nan} times" if nan else f"infinite {infinite} times"
        raise Broken(f"{name}: column {column!r} is {what} in {summary.trials} trials at size {n}")


def _means(measure: SampledMeasure, sizes: tuple[int, ...], found: list[Summary]) -> Measured:
    moments = [summary.moments[measure.column] for summary in found]
    values = tuple(float(one.mean) for one in moments)
    for n, value in zip(sizes, values, strict=True):
        _positive(value, n)
    errors = tuple(
        math.sqrt(float(one.variance) / int(one.count)) / value
        for one, value in zip(moments, values, strict=True)
    )

    def interval(i: int, level: float) -> Interval:
        one = moments[i]
        low, high = mean_interval(one.count, one.mean, one.variance, 1 - 2 * level)
        return float(low), float(high)

    return Measured(sizes, values, errors, interval)


def _quantiles(measure: SampledMeasure, sizes: tuple[int, ...], found: list[Summary]) -> Measured:
    assert not isinstance(measure.statistic, str)
    order: float = measure.statistic
    sketches = [summary.sketches[measure.column] for summary in found]
    values = tuple(sketch.quantile(order) for sketch in sketches)
    errors = []
    for n, value, sketch in zip(sizes, values, sketches, strict=True):
        _positive(value, n)
        low, high = sketch.quantile_interval(order, _TWO_SIGMAS)
        if not 0 < low <= high < math.inf:
            raise Broken(
                f"{measure.trials} trials do not bound the quantile {order:g} at size {n}: more trials do"
            )
        # The bins of the sketch are part of the interval: the error is never 0.
        errors.append(math.log(high / low) / (2 * _SIGMAS))

    def interval(i: int, level: float) -> Interval:
        return sketches[i].quantile_interval(order, 1 - 2 * level)

    return Measured(sizes, values, tuple(errors), interval)


def _positive(value: float, n: int) -> None:
    if not 0 < value < math.inf:
        raise Broken(
            f"the quantity must be positive and finite to have an order of growth, got {value} at size {n}"
        )

"""Ranges of one number, or of one of finitely many values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from hypothesis import strategies as st

from simulate.errors import BadInput
from theorems.families import UNBOUNDED
from theorems.ranges.base import Bound, Cached, Range, Values, resolve, show
from theorems.ranges.simple import simpler_numbers

_SMALLEST, _LARGEST = 1e-300, 1e300
"""Ends of what is explored on a logarithmic scale."""
_MOST = float(np.finfo(float).max)


@dataclass(frozen=True)
class Integers(Cached):
    """Whole numbers from low to high, both included. Small ones are explored more often.

    Attributes:
        low, high: the ends.
        log: explore the order of magnitude evenly; for ranges over many decades.

    Raises:
        BadInput: an end is not finite: a size must end somewhere to be tried.

    """

    low: Bound
    high: Bound
    log: bool = False

    def __post_init__(self) -> None:
        if not all(math.isfinite(end) for end in self.bounds() if isinstance(end, float)):
            raise BadInput(f"Integers needs finite ends, got {show(self.low)} and {show(self.high)}")

    def bounds(self) -> tuple[Bound, ...]:
        """The ends."""
        return (self.low, self.high)

    def at(self, values: Values) -> Self:
        """With numbers for ends, rounded inside."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return self
        low, high = resolve(self.low, values), resolve(self.high, values)
        return type(self)(math.ceil(low), math.floor(high), self.log)

    def _ends(self, values: Values) -> tuple[int, int]:
        return math.ceil(resolve(self.low, values)), math.floor(resolve(self.high, values))

    def empty(self, values: Values) -> bool:
        """Whether high < low."""
        low, high = self._ends(values)
        return high < low

    def contains(self, value: Any, values: Values) -> bool:
        """Whether a whole number is between the ends."""
        low, high = self._ends(values)
        return (
            isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(low <= value <= high)
        )

    def _strategy(self) -> st.SearchStrategy[int]:
        """Whole numbers; shrink towards the low end."""
        low, high = self._ends({})
        if not self.log:
            return st.integers(low, high)
        logs = st.floats(0, math.log1p(high - low))
        few = st.integers(low, min(high, low + 9))
        return st.one_of(few, logs.map(lambda e: min(high, low + int(math.expm1(e)))))

    def _corners(self) -> tuple[int, ...]:
        """The first few, the high end, powers of two and their neighbours."""
        low, high = self._ends({})
        powers = [2**j for j in range(3, max(4, high.bit_length() + 1))] if high > 0 else []
        found = [*range(low, min(low + 10, high + 1)), high, high - 1, 0]
        found += [n for power in powers for n in (power, power + 1)]
        return tuple(dict.fromkeys(n for n in found if low <= n <= high))

    def sample(self, rng: np.random.Generator, values: Values) -> int:
        """Evenly, or (half of the time, or if log) evenly in the order of magnitude."""
        low, high = self._ends(values)
        if self.log or rng.random() < 0.5:
            return min(high, low + int(math.expm1(rng.random() * math.log1p(high - low))))
        # numpy's generator ends at 2^63
        return min(high, low + int(rng.random() * (high - low + 1)))

    def project(self, value: Any, values: Values) -> int:
        """The nearer end, if it is outside."""
        low, high = self._ends(values)
        return int(min(max(value, low), high))

    def simpler(self, value: Any, values: Values) -> Iterator[int]:
        """Smaller numbers, the low end first, then by halving the distance."""
        low, _ = self._ends(values)
        step = int(value) - low
        while step > 0:
            yield int(value) - step
            step //= 2

    def __str__(self) -> str:
        return f"{{{show(self.low)}, …, {show(self.high)}}}"


@dataclass(frozen=True)
class Reals(Cached):
    """Real numbers between two ends.

    Attributes:
        low, high: the ends; infinite by default.
        open: which ends are left out.
        log: explore the logarithm evenly (γ down to 1e-300); needs 0 ≤ low.

    Raises:
        BadInput: log, and the low end is negative.

    """

    low: Bound = -math.inf
    high: Bound = math.inf
    open: tuple[bool, bool] = (False, False)
    log: bool = False
    continuous = True

    def __post_init__(self) -> None:
        if self.log and isinstance(self.low, int | float) and self.low < 0:
            raise BadInput(f"a logarithmic range needs a low end of at least 0, got {show(self.low)}")

    def bounds(self) -> tuple[Bound, ...]:
        """The ends."""
        return (self.low, self.high)

    def at(self, values: Values) -> Self:
        """With numbers for ends."""
        if not any(isinstance(end, str) or callable(end) for end in self.bounds()):
            return self
        return type(self)(resolve(self.low, values), resolve(self.high, values), self.open, self.log)

    def ends(self, values: Values) -> tuple[float, float]:
        """The least and the largest float64 inside."""
        low, high = float(resolve(self.low, values)), float(resolve(self.high, values))
        if self.open[0] and math.isfinite(low):
            low = float(np.nextafter(low, math.inf))
        if self.open[1] and math.isfinite(high):
            high = float(np.nextafter(high, -math.inf))
        return low, high

    def explored(self, values: Values) -> tuple[float, float]:
        """Finite ends of what is explored."""
        low, high = self.ends(values)
        if self.log:
            least, most = max(low, _SMALLEST), min(high, _LARGEST)
        else:
            least, most = max(low, -UNBOUNDED), min(high, UNBOUNDED)
        if least <= most:
            return least, most
        # All of the range lies beyond what is usually explored.
        return max(low, 5e-324 if self.log else -_MOST), min(high, _MOST)

    def empty(self, values: Values) -> bool:
        """Whether no float64 is inside."""
        low, high = self.ends(values)
        return not low <= high

    def inside(self, value: Any, values: Values) -> Any:
        """Entry by entry, whether a number is finite and between the ends (an end that is left out is not)."""
        low, high = resolve(self.low, values), resolve(self.high, values)
        above = low < value if self.open[0] else low <= value
        below = value < high if self.open[1] else value <= high
        # Comparisons, because they know every kind of number; NaN fails them.
        return above & below & (-math.inf < value) & (value < math.inf)

    def contains(self, value: Any, values: Values) -> bool:
        """Whether it is a finite number inside."""
        if isinstance(value, bool | np.bool_ | str | np.ndarray) or not hasattr(value, "__float__"):
            return False
        return bool(self.inside(value, values))

    def _strategy(self) -> st.SearchStrategy[float]:
        """Floats inside, finite."""
        low, high = self.ends({})
        least, most = self.explored({})
        if self.log:
            decades = st.floats(math.log(least), math.log(most), allow_nan=False)
            return decades.map(lambda e: min(max(math.exp(e), low), high))
        plain = st.floats(least, most, allow_nan=False, allow_infinity=False)
        first, last = math.ceil(max(least, -9)), math.floor(min(most, 9))
        return st.one_of(st.integers(first, last).map(float), plain) if first <= last else plain

    def _corners(self) -> tuple[float, ...]:
        """0, ±1, ±½, …, the ends, and a grid over the decades if log."""
        low, high = self.ends({})
        least, most = self.explored({})
        if self.log:
            wanted = [0.5, *(10.0**e for e in _decades(math.log10(least), math.log10(most))), least, most]
        else:
            wanted = [
                0.0,
                1.0,
                -1.0,
                0.5,
                2.0,
                -0.5,
                *self._near(low, high),
                1e-3,
                10.0,
                -10.0,
                1e3,
                -1e3,
                1e-9,
            ]
            wanted += [least, most]
        return tuple(dict.fromkeys(float(x) for x in wanted if low <= x <= high and math.isfinite(x)))

    def _near(self, low: float, high: float) -> list[float]:
        """The ends that are inside, and numbers between and near the ends."""
        ends = [end for end, left_out in zip((low, high), self.open, strict=True) if not left_out]
        if not math.isfinite(high - low):
            return ends
        return ends + [
            low + fraction * (high - low) for fraction in (0.5, 0.25, 0.75, 0.1, 0.9, 1e-6, 1 - 1e-6)
        ]

    def sample(self, rng: np.random.Generator, values: Values) -> float:
        """Evenly over a bounded range, of every order of magnitude over others; sometimes a corner."""
        low, high = self.ends(values)
        least, most = self.explored(values)
        choice = rng.random()
        if choice < 0.1:
            corners = self.corners(values)
            value = corners[int(rng.integers(len(corners)))]
        elif self.log:
            value = math.exp(rng.uniform(math.log(least), math.log(most)))
        elif most - least <= 100 or (choice < 0.3 and math.isfinite(high - low)):
            value = rng.uniform(least, most)
        else:
            value = rng.standard_normal() * 10.0 ** rng.uniform(-3, 3)
            value = abs(value) if low >= 0 else value
        return min(max(float(value), low), high)

    def project(self, value: Any, values: Values) -> Any:
        """Clamp to the ends."""
        if hasattr(value, "clamp"):
            low, high = (self._alike(resolve(end, values), value) for end in self.bounds())
            return value.clamp(low, high)
        low, high = self.ends(values)
        return (
            np.clip(value, low, high) if isinstance(value, np.ndarray) else min(max(float(value), low), high)
        )

    @staticmethod
    def _alike(end: Any, batch: Any) -> Any:
        """An end as a tensor that a batch can be compared with: one number, or one for each row."""
        end = batch.new_tensor(end) if isinstance(end, int | float) else end
        return end.reshape(-1, *[1] * (batch.ndim - 1)) if end.ndim else end

    def simpler(self, value: Any, values: Values) -> Iterator[float]:
        """0, 1, a power of ten, and the value with fewer digits."""
        return simpler_numbers(float(value))

    def read(self, data: Any) -> float:
        """A float64."""
        if isinstance(data, bool | str):
            raise TypeError(f"{data!r} is no number")
        return float(data)

    def __str__(self) -> str:
        left, right = "(" if self.open[0] else "[", ")" if self.open[1] else "]"
        low, high = show(self.low), show(self.high)
        if (low, high) == ("-∞", "∞"):
            return "ℝ"
        return f"{'(' if low == '-∞' else left}{low}, {high}{')' if high == '∞' else right}"


def _decades(bottom: float, top: float) -> list[int]:
    """Whole exponents between two, those near 0 first: each of the first dozen, then about twenty of the others."""
    exponents = sorted(range(math.ceil(bottom), math.floor(top) + 1), key=abs)
    return exponents[:13] + exponents[13 :: max(1, len(exponents) // 20)]


@dataclass(frozen=True, init=False)
class OneOf(Range):
    """Finitely many values: numbers, strings or booleans. Simplest first: shrinking moves to the front."""

    choices: tuple[Any, ...]
    # True == 1 == 1.0, but they are different choices.
    _types: tuple[type, ...] = field(repr=False)

    def __init__(self, *choices: Any) -> None:
        object.__setattr__(self, "choices", choices)
        object.__setattr__(self, "_types", tuple(map(type, choices)))

    def empty(self, values: Values) -> bool:
        """Whether there are no choices."""
        return not self.choices

    def contains(self, value: Any, values: Values) -> bool:
        """Whether it is one of them."""
        return value in self.choices

    def strategy(self, values: Values) -> st.SearchStrategy[Any]:
        """One of the values."""
        return st.sampled_from(self.choices)

    def corners(self, values: Values) -> tuple[Any, ...]:
        """All of them."""
        return self.choices

    def simpler(self, value: Any, values: Values) -> Iterator[Any]:
        """Those before it."""
        if value in self.choices:
            yield from self.choices[: self.choices.index(value)]

    def __str__(self) -> str:
        return "{" + ", ".join(map(show, self.choices)) + "}"

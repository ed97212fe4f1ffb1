"""Ranges of arrays: every entry in a range of its own."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any, Self

import numpy as np
from hypothesis import strategies as st

from simulate.errors import BadInput
from theorems.families import array_strategy, random_array, structured_arrays
from theorems.ranges.base import Bound, Cached, Range, Values, resolve, show
from theorems.ranges.scalars import Integers, OneOf, Reals
from theorems.ranges.simple import MOST_ENTRIES, complexity_of_all, simpler_numbers

_REALS = Reals()


class Array(Cached):
    """A real array, its entries in one range.

    Attributes:
        shape: sizes of the axes.
        entries: range of every entry: `Reals`, `Integers`, or `OneOf` numbers.

    Raises:
        BadInput: the entries are of another kind.

    """

    def __init__(self, *shape: Bound, entries: Range | None = None) -> None:
        if not isinstance(entries, Reals | Integers | OneOf | None):
            raise BadInput(f"entries are Reals, Integers or OneOf numbers, got {type(entries).__name__}")
        self.shape: tuple[Bound, ...] = shape
        self.entries: Range = _REALS if entries is None else entries
        self.continuous = self.entries.continuous

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def bounds(self) -> tuple[Bound, ...]:
        """Its sizes, and the ends of its entries."""
        return (*self.shape, *self.entries.bounds())

    def at(self, values: Values) -> Self:
        """With numbers for sizes and ends."""
        resolved = copy(self)
        resolved.shape, resolved.entries = self.shape_of(values), self.entries.at(values)
        return resolved

    def shape_of(self, values: Values) -> tuple[int, ...]:
        """The sizes, as numbers."""
        return tuple(int(resolve(size, values)) for size in self.shape)

    def sizes(self) -> tuple[str, ...]:
        """Names of the sizes."""
        return tuple(size if isinstance(size, str) else "" for size in self.shape)

    def empty(self, values: Values) -> bool:
        """Whether a size is negative, or no number may be an entry."""
        shape = self.shape_of(values)
        return min(shape, default=0) < 0 or (0 not in shape and self.entries.empty(values))

    def _explored(self, values: Values) -> tuple[float, float]:
        """Ends of what is explored for each entry."""
        if isinstance(self.entries, OneOf):
            return float(min(self.entries.choices)), float(max(self.entries.choices))
        if isinstance(self.entries, Reals):
            return self.entries.explored(values)
        assert isinstance(self.entries, Integers)
        low, high = self.entries.at(values).bounds()
        return float(resolve(low, {})), float(resolve(high, {}))

    def contains(self, value: Any, values: Values) -> bool:
        """Whether shape and entries are right."""
        array = np.asarray(value)
        if array.shape != self.shape_of(values) or array.dtype.kind not in "fiO":
            return False
        if isinstance(self.entries, Reals):
            return bool(np.all(self.entries.inside(array, values)))
        if isinstance(self.entries, Integers):
            low, high = self.entries.at(values).bounds()
            whole = array == np.floor(array) if array.dtype.kind == "f" else array % 1 == 0
            return bool(np.all(whole & (low <= array) & (array <= high)))
        return all(self.entries.contains(entry, values) for entry in array.flat)

    def _strategy(self) -> st.SearchStrategy[Any]:
        """Entry by entry if small, from a structured family, or from a seed."""
        shape, ends = self.shape_of({}), self._explored({})
        arrays = array_strategy(shape, self.entries.strategy({}), ends)
        return arrays.map(lambda array: self.project(array, {}))

    def _corners(self) -> tuple[Any, ...]:
        """The structured families."""
        found = structured_arrays(self.shape_of({}), self._explored({}))
        distinct: dict[bytes, Any] = {}
        for structure in found:
            array = self.project(structure, {})
            array.setflags(write=False)
            distinct.setdefault(array.tobytes(), array)
        return tuple(distinct.values())

    def sample(self, rng: np.random.Generator, values: Values) -> Any:
        """Gaussian or even entries of any size, sparse ones, or a structured family with random numbers."""
        return self.project(random_array(self.shape_of(values), self._explored(values), rng), values)

    def project(self, value: Any, values: Values) -> Any:
        """Entries moved to the nearest that is inside; an array that is too large loses its last entries."""
        if not isinstance(value, np.ndarray):
            return self.entries.project(value, values)
        return self._inside(cut(value, self.shape_of(values)), values)

    def _inside(self, array: Any, values: Values) -> Any:
        """The entries of an array of the right shape moved into their range."""
        if isinstance(self.entries, OneOf):
            choices = np.asarray(self.entries.choices, dtype=float)
            return choices[np.abs(array[..., None] - choices).argmin(-1)]
        if isinstance(self.entries, Reals):
            low, high = self.entries.ends(values)
        else:
            low, high = self._explored(values)
            array = np.round(array)
        return np.clip(array, low, high) + 0.0  # + 0.0: no negative zeros

    def simpler(self, value: Any, values: Values) -> Iterator[Any]:
        """All entries simpler at once, then one at a time."""
        array = np.asarray(value, dtype=float)
        mine = complexity_of_all(array)
        largest = np.abs(array).max(initial=0.0)
        whole = [np.zeros_like(array), np.sign(array), np.round(array), np.round(array, 1)]
        if 0 < largest < np.inf:
            # As a homogeneous claim would have it: the same up to a factor.
            whole += [np.round(array / largest * scale) for scale in (1, 2, 4)]
        whole += [np.round(array, 2), np.round(array, 3)]
        for candidate in whole:
            if complexity_of_all(candidate) < mine:
                yield candidate + 0.0
        if array.size > MOST_ENTRIES:
            return
        for index in np.ndindex(array.shape):
            for entry in simpler_numbers(float(array[index])):
                candidate = array.copy()
                candidate[index] = entry
                yield candidate + 0.0

    def read(self, data: Any) -> Any:
        """A float64 array."""
        return np.array(data, dtype=float)

    def __str__(self) -> str:
        sizes = "×".join(map(show, self.shape)) or "1"
        return f"{self.entries}^({sizes})" if len(self.shape) > 1 else f"{self.entries}^{sizes}"


def cut(array: Any, shape: tuple[int, ...]) -> Any:
    """The first entries along each axis, as many as a size asks for."""
    if array.ndim != len(shape) or array.shape == shape:
        return array
    return array[tuple(slice(size) for size in shape)]


def Vector(n: Bound, entries: Range | None = None) -> Array:  # noqa: N802 - reads as a type in a statement
    """A real vector with n entries."""
    return Array(n, entries=entries)


def Matrix(m: Bound, n: Bound, entries: Range | None = None) -> Array:  # noqa: N802
    """A real m×n matrix."""
    return Array(m, n, entries=entries)

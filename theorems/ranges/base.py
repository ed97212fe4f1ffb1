"""What every range can do."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Self

import numpy as np
from hypothesis import strategies as st

from theorems import maths

Values = Mapping[str, Any]
Bound = int | float | str | Callable[[Values], Any]


def resolve(bound: Bound, values: Values) -> Any:
    """The number behind an end or a size: itself, an earlier variable, or a function of the earlier ones."""
    if isinstance(bound, str):
        return values[bound]
    return bound(values) if callable(bound) else bound


def show(bound: Any) -> str:
    """An end or a size, for people."""
    if callable(bound):
        return "…"
    if isinstance(bound, float):
        return "∞" if bound == math.inf else "-∞" if bound == -math.inf else f"{bound:g}"
    return str(bound)


class Range(ABC):
    """The values that one variable may take, given the values of those before it.

    Ranges are immutable. One whose ends and sizes are all numbers is called resolved. A range of your own says
    what it contains, gives a strategy and corners, and may leave the rest as it is.
    """

    continuous: bool = False
    """Whether a gradient can move inside it."""

    @abstractmethod
    def strategy(self, values: Values) -> st.SearchStrategy[Any]:
        """A Hypothesis strategy of values inside."""

    @abstractmethod
    def contains(self, value: Any, values: Values) -> bool:
        """Whether a value is inside; it may be a float64 or an mpf, or an array of them."""

    @abstractmethod
    def corners(self, values: Values) -> Sequence[Any]:
        """Values worth trying first, simplest first: ends, smallest sizes, structures that break inequalities."""

    def sample(self, rng: np.random.Generator, values: Values) -> Any:
        """A random value inside, of a law that likes extremes and coincidences; by default a corner."""
        corners = self.corners(values)
        return corners[int(rng.integers(len(corners)))]

    def bounds(self) -> tuple[Bound, ...]:
        """Its ends and sizes as they were given."""
        return ()

    def at(self, values: Values) -> Self:
        """The resolved range, given the values before it."""
        return self

    def empty(self, values: Values) -> bool:
        """Whether no value is inside."""
        return False

    def project(self, value: Any, values: Values) -> Any:
        """The nearest value inside, where there is one; of a continuous range also for batched torch tensors."""
        return value

    def precise(self, value: Any, values: Values) -> Any:
        """The point that a stored float64 value stands for, in mpmath's numbers."""
        return maths.to_precise(value)

    def simpler(self, value: Any, values: Values) -> Iterator[Any]:
        """Values that a reader would find simpler, simplest first; each step ends, as numbers get shorter."""
        return iter(())

    def sizes(self) -> tuple[str, ...]:
        """Names of the variables that are its sizes, one an axis ("" where a size is not a name)."""
        return ()

    def read(self, data: Any) -> Any:
        """The value that JSON data stand for.

        Raises:
            ValueError, TypeError: they stand for none.

        """
        return data


class Cached(Range):
    """A range that builds its strategy and its corners once for each choice of numbers for ends and sizes.

    Hypothesis validates a strategy when it first sees it, and corners of arrays are projected: doing both anew
    for every instance would be most of a hunt.
    """

    def strategy(self, values: Values) -> st.SearchStrategy[Any]:
        """A Hypothesis strategy of values inside."""
        return _strategy_of(self.at(values))

    def corners(self, values: Values) -> Sequence[Any]:
        """Values worth trying first, simplest first."""
        return _corners_of(self.at(values))

    @abstractmethod
    def _strategy(self) -> st.SearchStrategy[Any]:
        """The strategy of a resolved range."""

    @abstractmethod
    def _corners(self) -> tuple[Any, ...]:
        """The corners of a resolved range."""


@lru_cache(maxsize=2048)
def _strategy_of(resolved: Cached) -> st.SearchStrategy[Any]:
    return resolved._strategy()


@lru_cache(maxsize=512)
def _corners_of(resolved: Cached) -> tuple[Any, ...]:
    return resolved._corners()

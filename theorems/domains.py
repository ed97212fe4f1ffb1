"""Hypotheses: the variables that a statement quantifies over, their ranges, and the conditions on them.

A `Domain` validates an instance, generates instances for Hypothesis, moves one back inside, simplifies it,
writes it to JSON, and prints itself: whatever is known about the hypotheses is known here.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st

from simulate.errors import BadInput
from theorems.ranges import Array, Integers, Range
from theorems.ranges.simple import complexity_of_all
from theorems.statement import Broken

Instance = dict[str, Any]
"""One value for each variable, by name: whole numbers, floats, strings, booleans, float64 arrays."""
Predicate = Callable[..., Any]

_MOST_CORNERS = 4_000
_EMPTY_LEVELS = 12
"""So many levels of corners without one mean that there are no more."""


@lru_cache(maxsize=4096)
def _parameters(function: Callable[..., Any]) -> tuple[tuple[str, ...], bool]:
    """Names that a function takes, and whether it takes any others."""
    parameters = inspect.signature(function).parameters.values()
    named = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    return named, any(p.kind is p.VAR_KEYWORD for p in parameters)


def call(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    """Call a function with copies of the values that it names: what it does to them stays with it."""
    names, everything = _parameters(function)
    given = values if everything else {name: values[name] for name in names if name in values}
    return function(**{name: _own(value) for name, value in given.items()})


def _own(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


class Domain:
    """The hypotheses of a statement: named ranges in order, and conditions on them.

    >>> Domain(n=Integers(1, 6), x=Vector("n"), where={"x is not 0": lambda x: maths.norm(x) > 0})

    Later ranges may use earlier variables as sizes or ends. Sizes first, data later: counterexamples shrink in
    this order.

    Args:
        where: conditions on the variables: for each a text and a predicate, which takes the variables that it
            names as parameters.
        ranges: for each variable its range.

    Raises:
        BadInput: a size or an end names a variable that is not declared before it.

    """

    def __init__(self, *, where: Mapping[str, Predicate] | None = None, **ranges: Range) -> None:
        self.ranges: dict[str, Range] = ranges
        self.where: dict[str, Predicate] = dict(where or {})
        for position, (name, place) in enumerate(ranges.items()):
            before = list(ranges)[:position]
            for bound in place.bounds():
                if isinstance(bound, str) and bound not in before:
                    known = ", ".join(before) or "no variable"
                    raise BadInput(f"the range of {name} uses {bound}, but before it {known} is declared")

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, in order."""
        return tuple(self.ranges)

    # --- What is inside ---

    def fault(self, instance: Mapping[str, Any]) -> str | None:
        """Which hypothesis an instance breaks, in words; None if none.

        Raises:
            Broken: a condition, or an end of a range, cannot be evaluated.

        """
        if set(instance) != set(self.ranges):
            return f"the variables are {', '.join(self.ranges)}, got {', '.join(instance)}"
        values: Instance = {}
        for name, place in self.ranges.items():
            if not self._asked(name, place.contains, instance[name], values):
                return f"{name} is not in {place}"
            values[name] = instance[name]
        return self.unmet(instance)

    def unmet(self, instance: Mapping[str, Any]) -> str | None:
        """The first condition that an instance of the ranges breaks, in words; None if none.

        Raises:
            Broken: a condition cannot be evaluated.

        """
        for text, predicate in self.where.items():
            try:
                # A comparison with NaN is false: the condition is not met.
                with np.errstate(all="ignore"):
                    met = bool(call(predicate, instance))
            except Exception as error:
                raise Broken(f"the condition {text!r}: {_told(error)} at {describe(instance)}") from error
            if not met:
                return f"not satisfied: {text}"
        return None

    def contains(self, instance: Mapping[str, Any]) -> bool:
        """Whether an instance satisfies every hypothesis."""
        return self.fault(instance) is None

    def empty_range(self) -> str | None:
        """A range that is empty whatever the other variables are, in words; None if there is none."""
        for name, place in self.ranges.items():
            numbers = not any(isinstance(bound, str) or callable(bound) for bound in place.bounds())
            if numbers and place.empty({}):
                return f"the range of {name} is empty: {place}"
        return None

    def _asked(self, name: str, question: Callable[..., Any], *values: Any) -> Any:
        """What a range answers, or why it cannot."""
        try:
            return question(*values)
        except Exception as error:
            where = describe(values[-1]) or "the start"
            raise Broken(f"the range {self.ranges[name]} of {name}: {_told(error)} at {where}") from error

    # --- Instances to look at ---

    def strategy(self) -> st.SearchStrategy[Instance]:
        """A Hypothesis strategy of instances that satisfy the hypotheses."""
        return self.strategy_of_ranges().filter(self.contains)

    def strategy_of_ranges(self) -> st.SearchStrategy[Instance]:
        """A Hypothesis strategy of instances of the ranges, whether they meet the conditions or not."""

        @st.composite
        def instances(draw: st.DrawFn) -> Instance:
            values: Instance = {}
            for name, place in self.ranges.items():
                if self._asked(name, place.empty, values):
                    reject()
                values[name] = draw(self._asked(name, place.strategy, values))
            return values

        return instances()

    def corners(self) -> Iterator[Instance]:
        """Structured instances at boundary values and smallest sizes, that satisfy the hypotheses."""
        return filter(self.contains, itertools.islice(self.combined_corners(), _MOST_CORNERS))

    def combined_corners(self) -> Iterator[Instance]:
        """The corners of all ranges combined, whether they meet the conditions or not.

        In order of their simplicity: first the first corner of each range, then all with one of them moved
        by one, and so on, so that every few hundred of them have been at every range's simplest corners.
        """
        barren = 0
        for level in itertools.count():
            found = False
            for values in self._of_level(tuple(self.ranges), level, {}):
                found = True
                yield values
            barren = 0 if found else barren + 1
            if barren > _EMPTY_LEVELS:
                return

    def _of_level(self, names: tuple[str, ...], level: int, values: Instance) -> Iterator[Instance]:
        """Combinations of corners whose positions in their lists add up to the level."""
        if not names:
            if level == 0:
                yield values
            return
        name, *rest = names
        if self._asked(name, self.ranges[name].empty, values):
            return
        corners = self._asked(name, self.ranges[name].corners, values)
        first = level if not rest else 0
        for position in range(first, min(level, len(corners) - 1) + 1):
            yield from self._of_level(tuple(rest), level - position, {**values, name: corners[position]})

    def sample(self, rng: np.random.Generator, fixed: Mapping[str, Any] | None = None) -> Instance | None:
        """A random instance of the ranges, whether it meets the conditions or not; None where one is empty.

        Args:
            rng: generator.
            fixed: values that some variables must have.

        """
        values: Instance = dict(fixed or {})
        for name, place in self.ranges.items():
            if name not in values:
                if self._asked(name, place.empty, values):
                    return None
                values[name] = self._asked(name, place.sample, rng, values)
        return {name: values[name] for name in self.ranges}

    # --- Moves ---

    def continuous(self) -> tuple[str, ...]:
        """The variables that a gradient can move."""
        return tuple(name for name, place in self.ranges.items() if place.continuous)

    def sizes(self) -> tuple[str, ...]:
        """The whole numbers that are sizes of arrays."""
        used = {name for place in self.ranges.values() for name in place.sizes()}
        return tuple(
            name for name, place in self.ranges.items() if name in used and isinstance(place, Integers)
        )

    def project(self, instance: Mapping[str, Any]) -> Instance:
        """Continuous variables moved to their ranges, in order; the conditions are not looked at."""
        values: Instance = {}
        for name, place in self.ranges.items():
            values[name] = place.project(instance[name], values) if place.continuous else instance[name]
        return values

    def precise(self, instance: Mapping[str, Any]) -> Instance:
        """The exact instance that the stored float64 values stand for, in mpmath's numbers."""
        values: Instance = {}
        for name, place in self.ranges.items():
            values[name] = place.precise(instance[name], values)
        return values

    def simpler(self, instance: Mapping[str, Any]) -> Iterator[Instance]:
        """Instances that a reader would find simpler: smaller sizes first, then simpler numbers.

        They may break a hypothesis: the caller checks.
        """
        for name in self.ranges:
            yield from self.simpler_in(name, instance)
        yield from self.simpler_together(instance)

    def simpler_in(self, name: str, instance: Mapping[str, Any]) -> Iterator[Instance]:
        """Those of them in which one variable is simpler, and all that depends on it has followed."""
        place = self.ranges[name]
        for value in place.simpler(instance[name], instance):
            if self._asked(name, place.contains, value, instance):
                yield self._followed({**instance, name: value})
        if name in self.sizes():
            yield from self._smaller(name, instance)

    def simpler_together(self, instance: Mapping[str, Any]) -> Iterator[Instance]:
        """Those of them in which several variables are simpler at once, as a relation between them would have it.

        All whole numbers, or two of them, lower by as much; all real ones divided by the size of one of them.
        """
        whole = [name for name, place in self.ranges.items() if isinstance(place, Integers)]
        for names in [whole, *itertools.combinations(whole, 2)] if len(whole) > 1 else []:
            step = min(int(instance[name]) - self.ranges[name].project(-math.inf, instance) for name in names)
            while step > 0:
                yield self._followed({**instance, **{name: int(instance[name]) - step for name in names}})
                step //= 2
        real = self.continuous()
        mine = sum(complexity_of_all(instance[name])[0] for name in real)
        for size in dict.fromkeys(float(np.max(np.abs(instance[name]), initial=0.0)) for name in real):
            if 1e-300 < size < math.inf and size != 1:
                scaled = self._followed({**instance, **{name: instance[name] / size for name in real}})
                if sum(complexity_of_all(scaled[name])[0] for name in real) < mine:
                    yield scaled

    def _smaller(self, name: str, instance: Mapping[str, Any]) -> Iterator[Instance]:
        """One index less along a size, in every array that has it."""
        size = int(instance[name])
        if not self._asked(name, self.ranges[name].contains, size - 1, instance):
            return
        for index in range(size - 1, -1, -1):
            values: Instance = {**instance, name: size - 1}
            for other, place in self.ranges.items():
                for axis, label in enumerate(place.sizes()):
                    if label == name and np.shape(values[other])[axis : axis + 1] == (size,):
                        values[other] = np.delete(values[other], index, axis)
            yield self._followed(values)

    def _followed(self, instance: Mapping[str, Any]) -> Instance:
        """Every variable moved to where its range is now."""
        values: Instance = {}
        for name, place in self.ranges.items():
            empty = self._asked(name, place.empty, values)
            values[name] = (
                instance[name] if empty else self._asked(name, place.project, instance[name], values)
            )
        return values

    # --- Files and people ---

    def to_json(self, instance: Mapping[str, Any]) -> dict[str, Any]:
        """An instance as JSON data, every float64 exact."""
        return {name: _plain(value) for name, value in instance.items()}

    def from_json(self, data: Mapping[str, Any]) -> Instance:
        """The instance back.

        Raises:
            BadInput: variables are missing or unknown, or a value cannot be one of its variable.

        """
        if set(data) != set(self.ranges):
            raise BadInput(f"the variables are {', '.join(self.ranges)}, got {', '.join(data) or 'none'}")
        values: Instance = {}
        for name, place in self.ranges.items():
            try:
                values[name] = place.read(data[name])
                if (
                    isinstance(place, Array)
                    and values[name].size == 0
                    and 0 in (shape := place.shape_of(values))
                ):
                    # [] does not tell (0, 3) from (0,)
                    values[name] = values[name].reshape(shape)
            except (ValueError, TypeError, KeyError) as error:
                raise BadInput(f"{name} cannot be {data[name]!r}: it is in {place}") from error
        return values

    def __str__(self) -> str:
        """For example "n ∈ {1, …, 6}, x ∈ ℝ^n; x is not 0"."""
        ranges = ", ".join(f"{name} ∈ {place}" for name, place in self.ranges.items())
        return "; ".join([ranges, *self.where])


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


def describe(instance: Mapping[str, Any]) -> str:
    """An instance in one line: "n = 2, x = [1, 1]"."""
    return ", ".join(f"{name} = {_short(value)}" for name, value in instance.items())


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.size > 48:
            return f"array of shape {value.shape}"
        return "[" + ", ".join(_short(entry) for entry in value) + "]" if value.ndim else _short(value[()])
    if isinstance(value, float | np.floating):
        return f"{value:.17g}" if float(f"{value:.6g}") != value else f"{value:.6g}"
    return str(value)


__all__ = ["Domain", "Instance", "Predicate", "call", "describe"]

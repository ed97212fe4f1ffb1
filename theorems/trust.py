"""When float64 may be believed: what makes a violation look real, and is not.

Overflow and denormals, ties that rounding makes, and differences of nearly equal numbers that leave nothing but
rounding errors. Where a conclusion can be evaluated with 50 digits none of this is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import mpmath
import numpy as np

from theorems.sides import Sides

_SAFE = 1e100
"""Numbers beyond this, or below its inverse, lose digits in squares and exponentials of float64."""
_TIE_SIZE = 30.0
_PLAIN = 1e-9
"""An excess above this, relative to the numbers of the instance (or to 1), is no sum of rounding errors."""
_NUDGE = 1e-9
_NUDGES = 6
_SETTLED = 1e-3
_DIGITS = 400
_STEADY = 0.1


def _sizes(instance: Mapping[str, Any]) -> Iterator[Any]:
    """Absolute values of all real numbers, variable by variable."""
    for value in instance.values():
        if isinstance(value, float | np.ndarray):
            yield np.abs(np.ravel(value))


def count(instance: Mapping[str, Any]) -> int:
    """How many real numbers an instance has."""
    return sum(len(sizes) for sizes in _sizes(instance))


def within(instance: Mapping[str, Any], size: float) -> bool:
    """Whether all real numbers are 0 or between 1/size and size, in absolute value."""
    return all(np.all((sizes == 0) | ((1 / size <= sizes) & (sizes <= size))) for sizes in _sizes(instance))


def moderate(instance: Mapping[str, Any]) -> bool:
    """Whether squares and products of all numbers are far from the ends of float64."""
    return within(instance, _SAFE)


def tells_ties(instance: Mapping[str, Any]) -> bool:
    """Whether numbers of this size have sides that differ in some digit if they differ at all.

    tanh x and 1 have the same first 50 digits at x = 60; between 1/30 and 30 they differ within 1,000.
    """
    return within(instance, _TIE_SIZE)


def settled(sides: Sides, again: Sides) -> bool:
    """Whether sides are the same with more digits, and far from where even those may leave nothing.

    cosh t − sinh t is 0 to 1,000 digits at t = 10⁴, where it is 10⁻⁴³⁴³.
    """
    if not again.defined:
        return False
    if sides.excess == again.excess and not again.finite:
        return True
    size = max(abs(again.smaller), abs(again.larger))
    if not again.log and not (size == 0 or mpmath.mpf(10) ** -_DIGITS < size < mpmath.mpf(10) ** _DIGITS):
        return False
    return bool(abs(again.excess - sides.excess) <= _SETTLED * abs(again.excess))


def in_range(sides: Sides) -> bool:
    """Whether the sides themselves are far from the ends of float64."""
    return bool(1 / _SAFE < max(abs(sides.smaller), abs(sides.larger)) < _SAFE)


def steady(
    instance: Mapping[str, Any],
    sides: Sides,
    moving: tuple[str, ...],
    again: Callable[[Mapping[str, Any]], Sides | None],
) -> bool:
    """Whether an excess is more than rounding errors: large, or the same when all numbers move a little.

    Rounding errors are other ones at every point near by.

    Args:
        instance: where the excess was found.
        sides: there.
        moving: the variables that can move a little.
        again: the sides at another instance; None where there are none.

    """
    largest = max((float(sizes.max(initial=0.0)) for sizes in _sizes(instance)), default=0.0)
    if sides.excess > _PLAIN * max(largest, 1.0):
        return True
    rng = np.random.default_rng(0)
    for _ in range(_NUDGES):
        nudged = {
            name: value * (1 + _NUDGE * rng.standard_normal(np.shape(value))) if name in moving else value
            for name, value in instance.items()
        }
        there = again(nudged)
        if there is None or not abs(there.excess - sides.excess) <= _STEADY * sides.excess:
            return False
    return True

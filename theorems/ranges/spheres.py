"""Points on a sphere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import copy
from typing import Any, Self

import numpy as np

from simulate.errors import BadInput
from theorems import maths
from theorems.ranges.arrays import Array, cut
from theorems.ranges.base import Bound, Values, resolve, show

_ON_SPHERE = 1e-12
"""Relative error of the radius that float64 coordinates are allowed."""
_COARSEST, _FINEST = 1, 12
"""Multiples of the largest coordinate that simple directions are rounded to."""


class Sphere(Array):
    """Points on a sphere in the last axis; by default the sphere √n·S^{n−1} of n dimensions.

    The stored float64 coordinates stand for the point of the sphere in their direction: precise evaluation
    uses exactly that point.

    Attributes:
        shape: sizes of the axes; the last one is the dimension.
        radius: of the sphere, or None for √n.

    """

    def __init__(self, *shape: Bound, radius: Bound | None = None) -> None:
        if not shape:
            raise BadInput("a sphere needs its dimension")
        super().__init__(*shape)
        self.radius = radius

    def bounds(self) -> tuple[Bound, ...]:
        """Its sizes and its radius."""
        return self.shape if self.radius is None else (*self.shape, self.radius)

    def at(self, values: Values) -> Self:
        """With numbers for sizes and radius."""
        resolved = copy(self)
        resolved.shape = self.shape_of(values)
        resolved.radius = None if self.radius is None else resolve(self.radius, values)
        return resolved

    def _radius(self, values: Values) -> float:
        if self.radius is None:
            return math.sqrt(int(resolve(self.shape[-1], values)))
        return float(resolve(self.radius, values))

    def empty(self, values: Values) -> bool:
        """Whether a size is negative, there are points and they have no dimension, or the radius is negative."""
        *points, dimension = self.shape_of(values)
        return min((*points, dimension)) < 0 or (
            0 not in points and (dimension == 0 or self._radius(values) < 0)
        )

    def contains(self, value: Any, values: Values) -> bool:
        """Whether the shape is right and the radius too, up to rounding."""
        array = np.asarray(value)
        if array.shape != self.shape_of(values) or array.dtype.kind not in "fO":
            return False
        if array.dtype.kind == "O":
            # Precise points are on the sphere by construction.
            return True
        if not np.all(np.isfinite(array)):
            return False
        radius = self._radius(values)
        return bool(np.all(np.abs(_lengths(array)[..., 0] - radius) <= _ON_SPHERE * radius))

    def project(self, value: Any, values: Values) -> Any:
        """The point of the sphere in the same direction; of 0, the first coordinate's."""
        if not isinstance(value, np.ndarray):
            directions = value / value.abs().amax(dim=-1, keepdim=True).clamp_min(5e-324)
            return directions * (
                self._radius(values) / directions.norm(dim=-1, keepdim=True).clamp_min(1e-300)
            )
        return self._inside(cut(value, self.shape_of(values)), values)

    def _inside(self, array: Any, values: Values) -> Any:
        """The points of an array of the right shape moved to the sphere."""
        points = np.array(array, dtype=float)
        if points.size == 0:
            return points
        largest = np.abs(points).max(axis=-1, keepdims=True)
        nowhere = ~(largest[..., 0] > 0)
        points[nowhere] = 0.0
        points[nowhere, 0] = 1.0
        # Divided by the largest first: squares of numbers near the ends of float64 are not numbers.
        points = points / np.where(nowhere[..., None], 1.0, largest)
        return points * (self._radius(values) / np.linalg.norm(points, axis=-1, keepdims=True)) + 0.0

    def precise(self, value: Any, values: Values) -> Any:
        """The point of the sphere that the float64 coordinates point to."""
        points = maths.to_precise(np.asarray(value, dtype=float))
        radius = maths.sqrt(points.shape[-1]) if self.radius is None else resolve(self.radius, values)
        for index in np.ndindex(points.shape[:-1]):
            length = maths.norm(points[index])
            if length > 0:  # else the radius is 0
                points[index] = points[index] * (maths.to_precise(radius) / length)
        return points

    def simpler(self, value: Any, values: Values) -> Iterator[Any]:
        """Directions with whole coordinates, small ones first."""
        array = np.asarray(value, dtype=float)
        if array.size == 0:
            return
        largest = np.abs(array).max(axis=-1, keepdims=True)
        directions = array / np.where(largest > 0, largest, 1.0)
        for scale in range(_COARSEST, _FINEST + 1):
            whole = np.round(directions * scale)
            candidate = self.project(whole, values)
            if np.allclose(candidate, array, rtol=1e-13, atol=1e-13):
                # It is simple itself: nearer to an axis is all that is left to try.
                yield from self._fewer(whole, values)
                return
            yield candidate

    def _fewer(self, whole: Any, values: Values) -> Iterator[Any]:
        """One coordinate less that is not 0, or one that is smaller."""
        for index in np.ndindex(whole.shape):
            others = np.abs(whole[index[:-1]]).sum() - abs(whole[index])
            if whole[index] != 0 and others > 0:
                candidate = whole.copy()
                candidate[index] = 0.0
                yield self.project(candidate, values)

    def __str__(self) -> str:
        n = show(self.shape[-1])
        one = f"√{n}·S^({n}−1)" if self.radius is None else f"{show(self.radius)}·S^({n}−1)"
        return one if len(self.shape) == 1 else f"({one})^({'×'.join(map(show, self.shape[:-1]))})"


def _lengths(points: Any) -> Any:
    largest = np.abs(points).max(axis=-1, keepdims=True, initial=0.0)
    scale = np.where(largest > 0, largest, 1.0)
    return scale * np.linalg.norm(points / scale, axis=-1, keepdims=True)

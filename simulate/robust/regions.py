"""The inputs that a two-layer ReLU network gets wrong, as a finite union of convex sets.

At a point x with label y let u_j be the preactivations, P the neurons whose outer weight has the sign of y, and N
those of the other sign. With α_j = |a_j|,

    y f = Σ_P α_j relu(u_j) − Σ_N α_j relu(u_j) = min over S ⊆ N of g_S,   g_S = Σ_P α_j relu(u_j) − Σ_S α_j u_j,

since max(u, 0) is the larger of u and 0. Each g_S is convex, so {y f <= 0} is the union of the convex polyhedra
{g_S <= 0}: 2^|N| of them, not 2^k, because the neurons of the label's own sign need no case distinction. Each
g_S is the largest of 2^|P| affine functions, of which a few matter: they are added as they are violated.

{y f < 0} is the union of the open sets {g_S < 0}. Where g_S takes a negative value, the closure of {g_S < 0} is
{g_S <= 0}; where it takes none, S contributes nothing. S = ∅ never does: f is exactly 0 wherever all neurons
are off, which is an adversarial example to y f <= 0 and none to y f < 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulate.errors import BadInput
from simulate.robust.network import ReluNetwork
from simulate.robust.projection import Nearest, nearest_point

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

_TOLERANCE = 1e-13
"""Values of g below this, relative to the terms that it is a sum of, are 0 up to rounding."""
_MOST_CUTS = 1_000


@dataclass(frozen=True)
class Problem:
    """Distances from one point to where the network errs, in the span of the weights and in natural units.

    The nearest point differs from x by a combination of the w_j: everything happens in at most k dimensions.
    Perturbations are δ = unit · basis · η with η of shape (r,).

    Attributes:
        same_rows, same_start: of the neurons of the label's own sign: u = start + rows·η, times α.
        other_rows, other_start: of the neurons of the other sign.
        basis: orthonormal columns, shape (d, r).
        unit: length of η = 1.
        scale: size of the terms of y f near the point.

    """

    same_rows: Floats
    same_start: Floats
    other_rows: Floats
    other_start: Floats
    basis: Floats
    unit: float
    scale: float

    @classmethod
    def at(
        cls,
        network: ReluNetwork,
        x: ArrayLike,
        label: float,
        basis: Floats | None = None,
        unit: float | None = None,
    ) -> Problem:
        """The problem at a point of shape (d,) with label ±1.

        Args:
            network: f.
            x: the point.
            label: y.
            basis: `span_of(network)`, if known.
            unit: a length of the order of the radius; by default a guess.

        """
        point = np.asarray(x, np.float64)
        if point.shape != (network.dim,) or not np.isfinite(point).all():
            raise BadInput(f"a point needs {network.dim} finite coordinates, got shape {point.shape}")
        if label not in (-1, 1):
            raise BadInput(f"a label is −1 or 1, got {label}")
        # α_j relu(u_j) = relu(α_j u_j)
        size = np.abs(network.outer)
        weights, start = network.weights * size[:, None], network.preactivations(point) * size
        lengths = np.linalg.norm(weights, axis=1)
        longest, largest = float(lengths.max()), float(np.abs(start).max())
        if unit is None:
            unit = largest / longest if longest > 0 and largest > 0 else 1.0
        basis = span_of(network) if basis is None else basis
        rows = weights @ basis * unit
        same, other = label * network.outer > 0, label * network.outer < 0
        scale = float(np.sum(np.abs(start) + lengths * unit)) or 1.0
        return cls(rows[same], start[same], rows[other], start[other], basis, unit, scale)

    @property
    def dims(self) -> int:
        """Dimension r of the span."""
        return int(self.basis.shape[1])

    def value(self, eta: Floats) -> float:
        """Y f at a perturbation."""
        same = np.maximum(self.same_start + self.same_rows @ eta, 0.0).sum()
        return float(same - np.maximum(self.other_start + self.other_rows @ eta, 0.0).sum())

    def others_on(self, eta: Floats) -> Booleans:
        """Which neurons of the other sign are on at a perturbation, shape (|N|,)."""
        return np.asarray(self.other_start + self.other_rows @ eta > 0)


def span_of(network: ReluNetwork) -> Floats:
    """An orthonormal basis of the span of the weights, shape (d, r)."""
    scale = np.linalg.norm(network.weights, axis=1, keepdims=True)
    directions = network.weights / np.where(scale > 0, scale, 1.0)
    _, values, right = np.linalg.svd(directions, full_matrices=False)
    # Directions that rounding alone tells apart are kept: leaving one out would change the network.
    rank = max(1, int(np.sum(values > 1e-15 * max(float(values[0]), 1e-300))))
    return np.ascontiguousarray(right[:rank].T)


@dataclass
class Cuts:
    """Affine pieces of Σ_P relu(u_j) that have mattered so far: sets T ⊆ P, one row of booleans each.

    Σ_P relu(u_j) >= Σ_T u_j for every T, so that pieces found for one set remain valid for all others.
    """

    chosen: list[Booleans] = field(default_factory=list)

    def add(self, on: Booleans) -> bool:
        """Remember a piece; False if it was there."""
        if any(np.array_equal(on, known) for known in self.chosen):
            return False
        self.chosen.append(on)
        return True


def nearest_of_convex(
    problem: Problem, slope: Floats, offset: float, A: Floats, b: Floats, cuts: Cuts, level: float = 0.0
) -> Nearest:
    """The point nearest to 0 of {η : Σ_P relu(u_j) − (offset + slope·η) <= level, A η >= b}.

    Cutting planes: project on the pieces that are known, add the violated one, until none is violated. Every
    projection on the way is a lower bound.

    Args:
        problem: the network at a point.
        slope: shape (r,), of the affine function that stands for the neurons of the other sign.
        offset: its value at 0.
        A: normals of further half-spaces, shape (n, r).
        b: their offsets, shape (n,).
        cuts: pieces known from before; new ones are added.
        level: y f shall be at most this.

    """
    tolerance = _TOLERANCE * problem.scale
    for _ in range(_MOST_CUTS):
        chosen = np.array(cuts.chosen, dtype=float).reshape(len(cuts.chosen), len(problem.same_start))
        normals = slope - chosen @ problem.same_rows
        offsets = chosen @ problem.same_start - offset - level
        found = nearest_point(np.vstack([A, normals]), np.concatenate([b, offsets]))
        if found.point is None:
            return found
        same = problem.same_start + problem.same_rows @ found.point
        on = same > 0
        excess = float(same[on].sum()) - offset - float(slope @ found.point) - level
        if excess <= tolerance or not cuts.add(np.asarray(on)):
            return found
    return found


def nearest_in_part(problem: Problem, chosen: Booleans, cuts: Cuts, level: float = 0.0) -> Nearest:
    """The point nearest to 0 of {g_S <= level}.

    Args:
        problem: the network at a point.
        chosen: S, shape (|N|,).
        cuts: see `nearest_of_convex`.
        level: 0, or below to ask for a point where g_S is negative.

    """
    nothing = np.zeros((0, problem.dims))
    slope, offset = problem.other_rows[chosen].sum(0), float(problem.other_start[chosen].sum())
    return nearest_of_convex(problem, slope, offset, nothing, np.zeros(0), cuts, level)


def negative_point(problem: Problem, chosen: Booleans, cuts: Cuts) -> Floats | None:
    """A point where g_S is negative, or None: then {g_S <= 0} is no part of the closure of {y f < 0}."""
    for level in (1e-3, 1e-6, 1e-9):
        found = nearest_in_part(problem, chosen, cuts, -level * problem.scale)
        if found.point is not None and math.isfinite(found.lower):
            return found.point
    return None

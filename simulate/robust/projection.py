"""The point of a polyhedron that is nearest to the origin, with a certificate of the distance.

Least-distance programming (Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23): the nearest point
of {δ : A δ >= b} follows from the residual of the non-negative least-squares problem

    min |[Aᵀ; bᵀ] u − (0, …, 0, 1)|   over u >= 0,

an active-set method that ends after finitely many steps at the exact solution, up to rounding. Rarely (one time in
20,000 on random data) rounding leads it astray, which shows: its point and its multipliers then disagree. A dual
active-set method (Goldfarb and Idnani, Mathematical Programming 27, 1983) is slower and takes over.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]

_FAR = 1e-11
"""The last residual is 1/(1 + distance²): below this the polyhedron is empty, or farther than 3·10⁵."""
_AGREE = 1e-9
"""How far a point may violate its half-spaces, or its length differ from the certified distance, relatively."""
_ROUNDING = 1e-12
"""Half-spaces violated by less, relatively, are met."""
_PARALLEL = 1e-11
"""A unit normal that is nearer than this to the span of others depends on them."""


class Nearest(NamedTuple):
    """The nearest point, and a half-space that certifies how far it is.

    Attributes:
        point: of the polyhedron, the nearest to the origin, shape (r,); None if the polyhedron is empty.
        lower: certified: no point of the polyhedron is nearer than this; infinite or huge if it is empty.
        normal: unit vector, shape (r,): every point δ of the polyhedron has normal·δ >= lower. Zeros where
            lower is 0 or the polyhedron empty.

    """

    point: Floats | None
    lower: float
    normal: Floats


def nearest_point(A: Floats, b: Floats) -> Nearest:
    """The point of {δ : A δ >= b} nearest to 0.

    For multipliers λ >= 0, every point of the polyhedron satisfies (λᵀA) δ >= λᵀb: so its distance is at least
    λᵀb/|Aᵀλ|, whatever rounding did to λ. That is `lower`.

    Args:
        A: normals of the half-spaces, shape (n, r), n >= 0; of any length.
        b: offsets, shape (n,). Distances should be of order 1.

    """
    dims = A.shape[1]
    nothing = np.zeros(dims)
    lengths = np.sqrt(np.einsum("ij,ij->i", A, A))
    flat = lengths <= 1e-300
    if flat.any():
        if (b[flat] > 0).any():
            return Nearest(None, math.inf, nothing)
        A, b, lengths = A[~flat], b[~flat], lengths[~flat]
    if len(b) == 0 or (b <= 0).all():
        return Nearest(nothing, 0.0, nothing)
    A, b = A / lengths[:, None], b / lengths
    found = _least_distance(A, b)
    return found if _consistent(found, A, b) else dual_active_set(A, b)


def _least_distance(A: Floats, b: Floats) -> Nearest:
    target = np.zeros(A.shape[1] + 1)
    target[-1] = 1.0
    try:
        u, _ = nnls(np.vstack([A.T, b]), target)
    except RuntimeError:  # too many iterations
        return Nearest(None, 0.0, target[:-1])
    last = 1.0 - float(b @ u)
    if last <= _FAR:
        return _certified(None, u, A, b)
    return _certified(A.T @ u / last, u, A, b)


def _certified(point: Floats | None, multipliers: Floats, A: Floats, b: Floats) -> Nearest:
    """The half-space that the multipliers combine. Their size must not matter."""
    weights = multipliers / max(float(multipliers.max(initial=0.0)), 1e-300)
    combined, offset = A.T @ weights, float(b @ weights)
    size = float(np.sqrt(combined @ combined))
    if point is None:
        # An empty polyhedron: the combined half-space is empty, or farther than any distance that matters.
        lower = math.inf if size <= 1e-14 * offset else offset / size
        return Nearest(None, lower, np.zeros(A.shape[1]))
    if size == 0 or offset <= 0:
        return Nearest(point, 0.0, np.zeros(A.shape[1]))
    return Nearest(point, offset / size, combined / size)


def _consistent(found: Nearest, A: Floats, b: Floats) -> bool:
    """Whether the point lies in the polyhedron, as far away as its certificate says."""
    if found.point is None:
        return found.lower >= 1e5
    length = float(np.sqrt(found.point @ found.point))
    scale = 1 + length
    return bool(
        (A @ found.point - b).min() >= -_AGREE * scale and abs(length - found.lower) <= _AGREE * scale
    )


def dual_active_set(A: Floats, b: Floats) -> Nearest:
    """The same by adding one violated half-space after another, each step with its multipliers >= 0.

    Args:
        A: unit normals, shape (n, r).
        b: offsets, shape (n,).

    """
    point, active, multipliers = np.zeros(A.shape[1]), list[int](), np.zeros(0)
    touching: list[int] = []
    for _ in range(50 * (len(b) + 1)):
        slack = A @ point - b
        slack[active + touching] = 0.0
        new = int(np.argmin(slack))
        scale = 1 + float(np.sqrt(point @ point))
        if slack[new] >= -_ROUNDING * scale:
            break
        mine = 0.0
        while new not in active:
            normals = A[active]
            depends = np.linalg.lstsq(normals.T, A[new], rcond=None)[0] if active else np.zeros(0)
            direction = A[new] - normals.T @ depends
            free = float(direction @ A[new])
            full = (b[new] - A[new] @ point) / free if free > _PARALLEL else math.inf
            shrinking = np.flatnonzero(depends > _PARALLEL)
            ratios = multipliers[shrinking] / depends[shrinking]
            step = min(full, float(ratios.min(initial=math.inf)))
            if math.isinf(step):  # A[new] is minus a combination of the others
                if slack[new] >= -_AGREE * scale:
                    touching.append(new)
                    break
                weights = np.zeros(len(b))
                weights[active], weights[new] = np.maximum(-depends, 0.0), 1.0
                return _certified(None, weights, A, b)
            if free > _PARALLEL:
                point = point + step * direction
            multipliers = multipliers - step * depends
            mine += step
            if step == full:
                active.append(new)
                multipliers = np.append(multipliers, mine)
            else:
                drop = int(np.argmin(ratios))
                del active[int(shrinking[drop])]
                multipliers = np.delete(multipliers, int(shrinking[drop]))
    weights = np.zeros(len(b))
    weights[active] = np.maximum(multipliers, 0.0)
    return _certified(point, weights, A, b)

"""The network of the existence theorem, one neuron a point, and what can be proved about its radii.

On the sphere of radius √d, with ⟨x_i, x_j⟩ <= c·d for i ≠ j and a threshold t with c <= t < 1,

    f(x) = Σ_j y_j relu(u_j(x)),   u_j(x) = (⟨x_j, x⟩/d − t)/(1 − t):   u_j(x_j) = 1, u_j(x_i) <= (c − t)/(1 − t) <= 0,

so y_i f(x_i) = 1 at every point. The theorem's threshold is the midpoint t = (1 + c)/2: then u_j(x_i) <= −1, every
neuron is at least 1 away from changing sides, and |w_j| = 2/((1 − c)√d), so nothing changes sides within
(1 − c)/2·√d. Lengths below are in units of √d, and u_i is the neuron of the point itself.

*To y f <= 0.* The own neuron goes off at distance exactly 1 − t, reached at t·x_i, where (t >= 0) all other
neurons are off. At the midpoint this is (1 − c)/2, twice the printed (1 − c)/4, at every point of every data
set. Only the upper bound ⟨x_i, x_j⟩ <= c·d was used.

*To y f < 0.* Let x_i + δ have y f < 0, and S be the n >= 1 neurons of the other label that are on. Then
Σ_S u_j >= relu(u_i) >= u_i there, which reads ⟨δ, Σ_S x_j − x_i⟩/d >= (1 − t) + Σ_S (t − ⟨x_i, x_j⟩/d), so

    |δ|/√d >= (1 − t + n(t − k)) / √(1 + n + n(n − 1)c − 2nk),   k <= c the mean of ⟨x_i, x_j⟩/d over S,

which grows as k falls below c (0 <= c <= t): the squared root less the numerator is there n(1 − t) + t + cn(n − 2)
> 0, and more below. With k = c

    |δ|/√d >= min over n of (1 − t + n(t − c)) / √(n + 1 + c n(n − 3)).                                     (*)

Data whose inner products are all c·d, one point against n of the other label, attain each term at the midpoint.
There the square of a term is ((1 − c)/2)²/h(1/(n + 1)), h(z) = c + (1 − 5c)z + 4cz², convex, so the least term is at
one end: n = 1 with √((1 − c)/2) for c <= 1/3, n → ∞ with (1 − c)/(2√c) for c >= 1/3.

*The best threshold.* Where y f <= 0, the own neuron is off, or some S outweighs it: the distance is at least the
smaller of 1 − t and (*). With t = max(√c, 1 − √((1 − c)/2)) it is 1 − t = min(1 − √c, √((1 − c)/2)), and no
other t does better at all data sets. For c >= 1/9 that is so because (1 + n√c)² >= n + 1 + c n(n − 3); for c <= 1/9,
with q = √((1 − c)/2), because (1 + n(2q − 1))² − (n + 1 + c n(n − 3)) = 2q(3q − 2) n(n − 1) >= 0.

*The ceiling.* Whatever f is: if it is positive at one point and negative at another, the nearer of the two
distances to a change of sign is at most half the distance of the points, √((1 − c)/2) where ⟨x_i, x_j⟩ = c·d. So
for c <= 1/9 the best threshold is the best that any function can do.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulate.errors import BadInput
from simulate.robust.network import ReluNetwork

Floats = NDArray[np.float64]


class Correlation(NamedTuple):
    """How near the directions of the points are: inner products of different points, divided by d.

    Attributes:
        largest_size: the smallest c that the theorem allows, max |⟨x_i, x_j⟩|/d.
        largest: max ⟨x_i, x_j⟩/d, the part of it that the proof uses.
        nearest_opposite: the largest among points of different labels; −∞ if all labels are equal.

    """

    largest_size: float
    largest: float
    nearest_opposite: float


def correlation(points: Floats, labels: Floats) -> Correlation:
    """The correlations of a data set: points of shape (m, d) on the sphere of radius √d, labels of shape (m,)."""
    inner = points @ points.T / points.shape[1]
    different = ~np.eye(len(points), dtype=bool)
    opposite = labels[:, None] * labels[None, :] < 0
    return Correlation(
        float(np.max(np.abs(inner), where=different, initial=0.0)),
        float(np.max(inner, where=different, initial=-1.0)),
        float(np.max(inner, where=opposite, initial=-math.inf)),
    )


def midpoint(c: float) -> float:
    """The theorem's threshold (1 + c)/2."""
    return (1 + c) / 2


def best_threshold(c: float) -> float:
    """The threshold max(√c, 1 − √((1 − c)/2)) with the largest guaranteed radius, for 0 <= c < 1."""
    if not 0 <= c < 1:
        raise BadInput(f"the best threshold is known for 0 <= c < 1, got {c}")
    return max(math.sqrt(c), 1 - math.sqrt((1 - c) / 2))


def build(points: ArrayLike, labels: ArrayLike, threshold: float) -> ReluNetwork:
    """The network with one neuron a point, that opens where ⟨x_j, x⟩ > threshold·d and is 1 at x_j.

    Args:
        points: shape (m, d), on the sphere of radius √d.
        labels: ±1, shape (m,).
        threshold: t < 1, at least the largest ⟨x_i, x_j⟩/d for y_i f(x_i) = 1 to hold.

    """
    x, y = np.asarray(points, np.float64), np.asarray(labels, np.float64)
    if not threshold < 1:
        raise BadInput(
            f"a neuron that is on at its own point needs a threshold below 1, got {threshold}: "
            "two points coincide, or nearly"
        )
    return ReluNetwork(x / (x.shape[1] * (1 - threshold)), np.full(len(x), -threshold / (1 - threshold)), y)


def printed_radius(c: float, dim: int) -> float:
    """(1 − c)/4·√d: the theorem's."""
    return (1 - c) / 4 * math.sqrt(dim)


def radius_to_zero(c: float, dim: int) -> float:
    """(1 − c)/2·√d: the distance to y f <= 0 at the midpoint, at every point of every data set."""
    return (1 - c) / 2 * math.sqrt(dim)


def least_radius_to_flip(
    c: float, dim: int, opposite: int | None = None, threshold: float | None = None
) -> float:
    """A lower bound of the distance to y f < 0, attained by some data at the midpoint: (*) above.

    Args:
        c: bound of the inner products, 0 <= c < 1.
        dim: d.
        opposite: how many points have the other label at most; any number if None.
        threshold: t, at least c; the midpoint if None.

    """
    if not 0 <= c < 1:
        raise BadInput(f"c must lie in [0, 1), got {c}")
    if opposite == 0:
        return math.inf
    t = midpoint(c) if threshold is None else threshold
    if not c <= t < 1:
        raise BadInput(f"the threshold must lie in [c, 1), got {t} for c = {c}")
    # The quotient has one critical point in n > 0 at most: the least term is beside it, or at an end.
    own, gap = 1 - t, t - c
    flat = gap * (1 - 3 * c) - 2 * own * c
    critical = (own * (1 - 3 * c) - 2 * gap) / flat if flat != 0 else 1.0
    most = 1e15 if opposite is None else opposite
    critical = min(max(1.0, critical), most)
    counts = {1, math.floor(critical), math.ceil(critical), most}
    terms = [(own + n * gap) / math.sqrt(n + 1 + c * n * (n - 3)) for n in counts]
    if opposite is None:
        terms.append(gap / math.sqrt(c) if c > 0 else math.inf)
    return math.sqrt(dim) * min(terms)


def guaranteed_radius(c: float, dim: int, threshold: float, opposite: int | None = None) -> float:
    """A lower bound of the distance to y f <= 0 for any threshold t in [c, 1): min(1 − t, (*))·√d."""
    own = (1 - threshold) * math.sqrt(dim)
    return min(own, least_radius_to_flip(c, dim, opposite, threshold))


def ceiling(nearest_opposite: float, dim: int) -> float:
    """√((1 − c)/2)·√d for points of different labels with inner product c·d: half their distance.

    No function with the right signs is farther than this from a change of sign at both of them.
    """
    return math.inf if math.isinf(nearest_opposite) else math.sqrt((1 - nearest_opposite) / 2 * dim)

"""The radii of one data set: printed, proved, computed, attacked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulate.errors import BadInput
from simulate.robust import construction
from simulate.robust.attack import Attack, gradient_attack
from simulate.robust.construction import Correlation
from simulate.robust.data import DataSet
from simulate.robust.network import ReluNetwork
from simulate.robust.regions import span_of
from simulate.robust.search import Radius, Target, radius

Floats = NDArray[np.float64]

_PROOF_ROUNDING = 1e-12
MOST_NODES = 20_000
"""Projections for one data set, by default: ten seconds or so."""
_STEPS_TO_RADIUS = 50


@dataclass(frozen=True)
class Measured:
    """Everything known about the network that is built on one data set.

    Attributes:
        data: points and labels.
        network: f.
        c: the constant it was built with.
        threshold: t: neuron j is on where ⟨x_j, x⟩ > t·d.
        correlation: see `simulate.robust.construction`.
        margins: y_i f(x_i), shape (m,).
        printed: (1 − c)/4·√d.
        proved_zero: a lower bound of every distance to y f <= 0, by proof.
        proved_flip: of every distance to y f < 0.
        ceiling: no function with these signs has a larger least distance.
        zero: exact distances to y f <= 0.
        flip: exact distances to y f < 0.
        attack: of the gradient.

    """

    data: DataSet
    network: ReluNetwork
    c: float
    threshold: float
    correlation: Correlation
    margins: Floats
    printed: float
    proved_zero: float
    proved_flip: float
    ceiling: float
    zero: tuple[Radius, ...]
    flip: tuple[Radius, ...]
    attack: Attack


@dataclass
class _Work:
    """Projections that are left for the searches that are left: a hard one may take ten times its share."""

    nodes: int
    searches: int

    def share(self) -> int:
        return max(1, 10 * self.nodes // (self.searches + 9))

    def spend(self, nodes: int) -> None:
        self.nodes, self.searches = max(0, self.nodes - nodes), self.searches - 1


def named_threshold(threshold: str | float, c: float) -> float:
    """The number behind a threshold: "midpoint" is (1 + c)/2, "best" the one with the largest guarantee."""
    if threshold == "midpoint":
        return construction.midpoint(c)
    if threshold == "best":
        return construction.best_threshold(max(c, 0.0))
    try:
        return float(threshold)
    except ValueError:
        raise BadInput(f"a threshold is midpoint, best or a number, got {threshold!r}") from None


def measure(
    data: DataSet,
    *,
    threshold: str | float = "midpoint",
    most_nodes: int = MOST_NODES,
    restarts: int | None = None,
    seed: int = 0,
    advance: Callable[[int], None] = lambda points: None,
) -> Measured:
    """Build the network with the smallest c that the theorem allows, and find every radius.

    Args:
        data: points and labels.
        threshold: "midpoint" as in the theorem, "best", or a number between max ⟨x_i, x_j⟩/d and 1.
        most_nodes: projections that the searches at all points together may take; what is not exact then is
            bracketed.
        restarts: random restarts of the attack at each point; by default 10, fewer at many points.
        seed: of the restarts.
        advance: told 1 whenever both radii of a point are known.

    """
    points, labels = data.points, data.labels
    m, dim = points.shape
    known = construction.correlation(points, labels)
    c = known.largest_size
    t = named_threshold(threshold, c)
    if not known.largest <= t < 1:
        raise BadInput(
            f"the threshold must lie between the largest inner product {known.largest:.6g}·d and 1, got {t:g}: "
            "below, a neuron is on at a point that is not its own"
        )
    network = construction.build(points, labels, t)
    opposite = int(max((labels > 0).sum() * (labels < 0).any(), (labels < 0).sum() * (labels > 0).any()))
    proved_zero = 0.0 if t < c else construction.guaranteed_radius(c, dim, t, opposite)
    proved_flip = 0.0 if t < c else construction.least_radius_to_flip(c, dim, opposite, t)
    basis = span_of(network)
    proofs: tuple[tuple[Target, float], ...] = (("zero", proved_zero), ("flip", proved_flip))
    found: dict[Target, list[Radius]] = {"zero": [], "flip": []}
    work = _Work(most_nodes, 2 * m)
    for x, y in zip(points, labels, strict=True):
        for target, proved in proofs:
            floor = min(proved, 1e300) * (1 - _PROOF_ROUNDING)
            one = radius(network, x, y, target, most_nodes=work.share(), at_least=floor, basis=basis)
            work.spend(one.nodes)
            found[target].append(one)
        advance(1)
    reach = construction.ceiling(max(known.nearest_opposite, -1.0), dim)
    step = (1 - t) * math.sqrt(dim) / _STEPS_TO_RADIUS
    if restarts is None:
        restarts = min(10, 500 // m)
    attack = gradient_attack(network, points, labels, step=step, restarts=restarts, reach=reach, seed=seed)
    return Measured(
        data=data,
        network=network,
        c=c,
        threshold=t,
        correlation=known,
        margins=labels * network(points),
        printed=construction.printed_radius(c, dim),
        proved_zero=proved_zero,
        proved_flip=proved_flip,
        ceiling=construction.ceiling(known.nearest_opposite, dim),
        zero=tuple(found["zero"]),
        flip=tuple(found["flip"]),
        attack=attack,
    )

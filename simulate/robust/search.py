"""Exact distances from a point to a change of sign of a two-layer ReLU network: branch and bound.

The sets S of neurons of the other sign (see `simulate.robust.regions`) form a tree: at a node some neurons are
decided on, some off, and the rest are bounded. A bounded neuron with l <= u <= h has relu(u) <= h(u − l)/(h − l),
which is affine: so a node is one convex set that contains everything below it, and its distance, certified by a
half-space, is a lower bound. Within the ball of the best radius R found so far, beyond the half-space
normal·η >= t of the certificate, u varies little once t is near R: that tightens l and h, and the bound again.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulate.errors import BadInput, RunFailed
from simulate.robust.network import ReluNetwork
from simulate.robust.projection import Nearest
from simulate.robust.regions import (
    Booleans,
    Cuts,
    Floats,
    Problem,
    nearest_in_part,
    nearest_of_convex,
    negative_point,
)

Target = Literal["zero", "flip"]
Integers = NDArray[np.int8]

RELATIVE_GAP = 1e-9
"""A radius is exact where its certified lower bound is as near as this."""
_ROUNDING = 1e-10
"""Where {y f <= 0} has no inside, y f may stay above 0 by so much, relative to its terms."""
_ROUNDS = 4
# Radii in units of the guess that are accepted; another unit serves the others better.
_NEAR, _FAR_AWAY = 1e-3, 1e3
_UNDECIDED, _ON, _OFF = 0, 1, 2


@dataclass(frozen=True)
class Radius:
    """The distance from a point to {y f <= 0}, or to {y f < 0}, with its certificate.

    Attributes:
        target: "zero" is {y f <= 0}, "flip" is {y f < 0}.
        lower: certified: every perturbation shorter than this leaves the sign as it is.
        upper: length of `perturbation`; infinite without one.
        perturbation: δ, shape (d,), with y f(x + δ) <= 0 (for "flip" < 0) evaluated in float64, the shortest that was
            found; None if there is none, or none was found.
        value: y f(x + δ) there.
        nodes: projections on convex sets that the search took.

    """

    target: Target
    lower: float
    upper: float
    perturbation: Floats | None
    value: float
    nodes: int

    @property
    def exact(self) -> bool:
        """Whether lower and upper bound agree to nine digits (or no perturbation at all does it)."""
        return self.lower == self.upper or self.upper - self.lower <= 3 * RELATIVE_GAP * self.upper


@dataclass(frozen=True)
class _Node:
    """A part of the tree: which neurons of the other sign were decided, bounds of all, and what is known of it."""

    state: Integers
    low: Floats
    high: Floats
    found: Nearest
    undecided: Booleans


@dataclass
class _Best:
    """The shortest perturbation so far, in the problem's units, and where else one need not look."""

    length: float = math.inf
    eta: Floats | None = None
    inside: Floats | None = None
    tried: set[bytes] = field(default_factory=set)
    empty: set[bytes] = field(default_factory=set)


class _Search:
    """One search; counts its projections."""

    def __init__(self, problem: Problem, target: Target) -> None:
        self.problem, self.target = problem, target
        self.best, self.cuts, self.nodes = _Best(), Cuts(), 0
        self.lengths = np.linalg.norm(problem.other_rows, axis=1)
        # At what distance each neuron of the other sign opens, and the neurons in that order.
        with np.errstate(divide="ignore", invalid="ignore"):
            opens = -problem.other_start / self.lengths
        self.opens = np.where(problem.other_start >= 0, 0.0, np.where(self.lengths > 0, opens, np.inf))
        self.order = [int(j) for j in np.argsort(self.opens, kind="stable")]
        self.cuts.add(np.asarray(problem.same_start > 0))

    # --- upper bounds ---------------------------------------------------------------------------------------

    def improve(self, chosen: Booleans) -> None:
        """Go to the nearest point of {g_S <= 0}, take S from there, and again until nothing changes."""
        best = self.best
        while chosen.tobytes() not in best.tried:
            best.tried.add(chosen.tobytes())
            if self.target == "flip" and not chosen.any():
                return
            self.nodes += 1
            found = self._part(chosen)
            if found.point is None:
                best.empty.add(chosen.tobytes())
                return
            length = float(np.linalg.norm(found.point))
            if length < best.length:
                inside = None
                if self.target == "flip":
                    inside = negative_point(self.problem, chosen, self.cuts)
                    if inside is None:
                        best.empty.add(chosen.tobytes())
                        return
                best.length, best.eta, best.inside = length, found.point, inside
            chosen = self.problem.others_on(found.point)

    def _part(self, chosen: Booleans) -> Nearest:
        if chosen.any():
            return nearest_in_part(self.problem, chosen, self.cuts)
        # Σ_P relu(u_j) <= 0 says that all of them are off: half-spaces, no pieces needed.
        same = self.problem
        return nearest_of_convex(
            same, np.zeros(same.dims), 0.0, -same.same_rows, same.same_start, Cuts(), math.inf
        )

    def start(self) -> None:
        """First guesses: no neuron of the other sign, each of the nearest, and all of them.

        g_S <= 0 needs a neuron of S that is on: one that opens beyond the best radius improves nothing.
        """
        count = len(self.problem.other_start)
        if self.target == "zero":
            self.improve(np.zeros(count, dtype=bool))
        for j in self.order[:8]:
            if self.opens[j] >= self.best.length:
                return
            self.improve(np.arange(count) == j)
        self.improve(np.ones(count, dtype=bool))
        self.improve(self.problem.others_on(np.zeros(self.problem.dims)))

    # --- lower bounds ---------------------------------------------------------------------------------------

    def node(self, state: Integers, low: Floats, high: Floats) -> _Node | None:
        """Bound a part of the tree; None if nothing in it is nearer than the best."""
        for round_ in range(_ROUNDS):
            low, high = self._within_ball(low, high)
            on, off = (state == _ON) | (low >= 0), (state == _OFF) | (high <= 0)
            if ((state == _ON) & (high < 0)).any() or ((state == _OFF) & (low > 0)).any():
                return None
            undecided = ~(on | off)
            found = self._relaxed(state, on & (state != _OFF), undecided, low, high)
            if found.point is None or found.lower >= self.best.length:
                return None
            self.improve(self.problem.others_on(found.point))
            tighter = self._beyond(found, low, high)
            if round_ == _ROUNDS - 1 or not undecided.any() or tighter is None:
                break
            low, high = tighter
        return _Node(state, low, high, found, undecided)

    def _relaxed(
        self, state: Integers, on: Booleans, undecided: Booleans, low: Floats, high: Floats
    ) -> Nearest:
        problem = self.problem
        rows, start = problem.other_rows, problem.other_start
        A = np.vstack([rows[state == _ON], -rows[state == _OFF]])
        b = np.concatenate([-start[state == _ON], start[state == _OFF]])
        self.nodes += 1
        if undecided.any() and not (np.isfinite(low[undecided]).all() and np.isfinite(high[undecided]).all()):
            return nearest_of_convex(problem, np.zeros(problem.dims), 0.0, A, b, Cuts(), math.inf)
        share = high[undecided] / (high[undecided] - low[undecided])
        slope = rows[on].sum(0) + share @ rows[undecided]
        offset = float(start[on].sum() + share @ (start[undecided] - low[undecided]))
        return nearest_of_convex(problem, slope, offset, A, b, self.cuts)

    def _within_ball(self, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        reach = self.lengths * self.best.length if math.isfinite(self.best.length) else np.inf
        start = self.problem.other_start
        return np.maximum(low, start - reach), np.minimum(high, start + reach)

    def _beyond(self, found: Nearest, low: Floats, high: Floats) -> tuple[Floats, Floats] | None:
        """Bounds on the cap normal·η >= lower of the ball of the best radius; None if they gain little."""
        t, R = found.lower, self.best.length
        if not (0 < t < R < math.inf):
            return None
        along = self.problem.other_rows @ found.normal
        across = np.sqrt(np.maximum(self.lengths**2 - along**2, 0.0)) * math.sqrt(R * R - t * t)
        most = np.where(along * R >= self.lengths * t, self.lengths * R, along * t + across)
        least = np.where(-along * R >= self.lengths * t, -self.lengths * R, along * t - across)
        start = self.problem.other_start
        tighter = np.maximum(low, start + least), np.minimum(high, start + most)
        gained = (high - low) - (tighter[1] - tighter[0])
        return tighter if (gained > 0.05 * (high - low)).any() else None

    # --- the tree -------------------------------------------------------------------------------------------

    def roots(self) -> list[tuple[float, Integers]]:
        """Parts that together hold every perturbation, each with a bound: for a flip, by the first neuron on."""
        count = len(self.problem.other_start)
        if self.target == "zero":
            return [(0.0, np.zeros(count, np.int8))]
        found = []
        for position, j in enumerate(self.order):
            state = np.zeros(count, np.int8)
            state[self.order[:position]], state[j] = _OFF, _ON
            found.append((float(self.opens[j]), state))
        return found

    def children(self, node: _Node) -> list[_Node]:
        """The node's parts: the neuron that is relaxed worst decided on, and off."""
        assert node.found.point is not None
        u = self.problem.other_start + self.problem.other_rows @ node.found.point
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(node.undecided, node.high / (node.high - node.low), 0.0)
            error = np.where(node.undecided, share * (u - node.low) - np.maximum(u, 0.0), -np.inf)
        # Without bounds yet, decide the nearest one.
        error = np.where(np.isnan(error), -np.abs(u), error)
        j = int(np.argmax(error))
        found = []
        for decision in (_ON, _OFF):
            state = node.state.copy()
            state[j] = decision
            child = self.node(state, node.low, node.high)
            if child is not None:
                found.append(child)
        return found

    def chosen(self, node: _Node) -> Booleans:
        """S of a node in which all is decided."""
        return np.asarray((node.state == _ON) | ((node.low >= 0) & (node.state != _OFF)))

    def run(self, most_nodes: int, at_least: float) -> float:
        """Search; returns a certified lower bound in the problem's units."""
        self.start()
        lower = math.inf  # the least bound of what is closed
        order = itertools.count()
        unbounded = np.full(len(self.lengths), -np.inf), np.full(len(self.lengths), np.inf)
        heap: list[tuple[float, int, _Node | Integers]] = []
        for bound, state in self.roots():
            heapq.heappush(heap, (bound, next(order), state))
        while heap and heap[0][0] < self.best.length * (1 - RELATIVE_GAP):
            if self.nodes >= most_nodes or self.best.length <= at_least * (1 + RELATIVE_GAP):
                break
            bound, _, node = heapq.heappop(heap)
            if not isinstance(node, _Node):
                root = self.node(node, *unbounded)
                if root is not None:
                    heapq.heappush(heap, (max(bound, root.found.lower), next(order), root))
                continue
            if not node.undecided.any():
                chosen = self.chosen(node)
                self.improve(chosen)
                if chosen.tobytes() not in self.best.empty:
                    lower = min(lower, bound)
                continue
            for child in self.children(node):
                heapq.heappush(heap, (max(child.found.lower, bound), next(order), child))
        lower = min(lower, heap[0][0] if heap else math.inf, self.best.length)
        return max(lower, min(at_least, self.best.length))


def radius(
    network: ReluNetwork,
    x: ArrayLike,
    label: float,
    target: Target = "zero",
    *,
    most_nodes: int = 20_000,
    at_least: float = 0.0,
    basis: Floats | None = None,
) -> Radius:
    """How far a point is from {y f <= 0} (target "zero") or from {y f < 0} (target "flip").

    Args:
        network: f.
        x: the point, shape (d,).
        label: y, 1 or −1.
        target: the two differ wherever f is 0 on a region.
        most_nodes: stop after so many projections, with the bracket that is known then.
        at_least: a lower bound that is proved elsewhere, or 0; the search stops when it is reached.
        basis: `span_of(network)`, for whoever asks at many points.

    """
    if target not in ("zero", "flip"):
        raise BadInput(f"a target is zero or flip, got {target!r}")
    problem = Problem.at(network, x, label, basis)
    point = np.asarray(x, np.float64)
    value = float(label * network(point))
    if value < 0 or (value == 0 and target == "zero"):
        return Radius(target, 0.0, 0.0, np.zeros_like(point), value, 0)
    search, lower = _searched(problem, target, most_nodes, at_least)
    length, nodes = search.best.length, search.nodes
    if not _NEAR <= length <= _FAR_AWAY:
        # The guessed unit was far off, or there is nothing: look again in a better one.
        unit = problem.unit * (length if 0 < length < math.inf else _FAR_AWAY)
        problem = Problem.at(network, x, label, problem.basis, unit)
        search, lower = _searched(problem, target, most_nodes, at_least)
        nodes += search.nodes
    if search.best.eta is None:
        return Radius(target, lower, math.inf, None, math.nan, nodes)
    best: tuple[Floats, float] | None = None
    for eta in _nudged(search.best, problem):
        delta = problem.unit * (problem.basis @ eta)
        value = float(label * network(point + delta))
        best = delta, value
        if value < 0 or (target == "zero" and value == 0):
            break
    assert best is not None
    delta, value = best
    if value > (_ROUNDING * problem.scale if target == "zero" else 0.0):
        raise RunFailed(
            f"rounding hides the change of sign near this point: y f = {value:.3g} where it should be 0"
        )
    upper = float(np.linalg.norm(delta))
    return Radius(target, min(lower, upper), upper, delta, value, nodes)


def _searched(problem: Problem, target: Target, most_nodes: int, at_least: float) -> tuple[_Search, float]:
    """A search, and its lower bound as a length of inputs."""
    search = _Search(problem, target)
    return search, search.run(most_nodes, at_least / problem.unit) * problem.unit


def _nudged(best: _Best, problem: Problem) -> Iterator[Floats]:
    """The best point, then points a little beyond, where rounding cannot hide that the sign has changed."""
    assert best.eta is not None
    steps = [10.0**e for e in range(-15, -8)]
    if best.inside is None:
        yield best.eta
        yield from (best.eta * (1 + step) for step in steps)
        yield best.eta
        return
    away = best.inside - best.eta
    size = max(float(np.linalg.norm(best.eta)), 1e-12) / max(float(np.linalg.norm(away)), 1e-300)
    yield from (best.eta + min(step * size, 1.0) * away for step in [*steps, 1e-7, 1e-5, 1e-3, 1.0])

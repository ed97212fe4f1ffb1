"""Theorem 1: a robust network for any data on the sphere; how robust exactly, and how robust any can be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from simulate.robust import (
    DataSet,
    ReluNetwork,
    best_threshold,
    build,
    correlation,
    draw,
    least_radius_to_flip,
    midpoint,
    printed_radius,
    radius,
    radius_to_zero,
)
from theorems import (
    Array,
    Domain,
    ExactMeasure,
    Existence,
    Integers,
    Matrix,
    OneOf,
    Reals,
    Scaling,
    Sides,
    Sphere,
    Universal,
)
from theorems import maths as m
from theorems.ranges import Bound, Values
from theorems.statements.lecture.source import lecture

THEOREM_1 = lecture("Theorem 1")

_LEAST_GAP = 1e-4
"""Data with 1 − c below this are left out: weights grow like 1/(1 − c), and rounding with them."""
_TWO_DIGITS = 1e-9


class Still(Sphere):
    """Points on √d·S^{d−1} that no ascent moves: an exact radius takes a millisecond, and has no gradient."""

    def __init__(self, *shape: Bound) -> None:
        super().__init__(*shape)
        self.continuous = False


class Points(Still):
    """The same, with the data that are hard for claims about inner products tried first."""

    def corners(self, values: Values) -> list[Any]:
        """Orthogonal, equicorrelated, simplex, near-duplicate, clustered and random points."""
        return _families(*self.shape_of(values))

    def strategy(self, values: Values) -> st.SearchStrategy[Any]:
        """Those of `corners`, and random ones at any distance of one another, from a seed."""
        count, dim = self.shape_of(values)

        def near(seed: int, distance: float) -> Any:
            rng = np.random.default_rng(seed)
            centre = rng.standard_normal(dim)
            return self._inside(centre + distance * rng.standard_normal((count, dim)), values)

        spread = st.builds(near, st.integers(0, 2**32 - 1), st.floats(0.02, 100.0))
        return st.one_of(st.sampled_from(self.corners(values)), spread)


class Labels(Array):
    """Labels ±1; first one against all others, then alternating, then all equal."""

    def __init__(self, size: Bound) -> None:
        super().__init__(size, entries=OneOf(-1.0, 1.0))

    def corners(self, values: Values) -> list[Any]:
        """The three patterns."""
        index = np.arange(*self.shape_of(values))
        return [np.where(index == 0, 1.0, -1.0), np.where(index % 2 == 0, -1.0, 1.0), np.ones(len(index))]

    def strategy(self, values: Values) -> st.SearchStrategy[Any]:
        """Any signs."""
        (size,) = self.shape_of(values)
        signs = st.lists(st.sampled_from((-1.0, 1.0)), min_size=size, max_size=size)
        return signs.map(lambda entries: np.array(entries, dtype=float))


def _families(count: int, dim: int) -> list[Any]:
    rng = np.random.default_rng(count * 100 + dim)
    gaussian = rng.standard_normal((count, dim))
    twins = gaussian.copy()
    twins[1] = twins[0] + 0.05 * rng.standard_normal(dim)
    centres = rng.standard_normal((2, dim))
    found = [gaussian, twins, centres[np.arange(count) % 2] + 0.3 * rng.standard_normal((count, dim))]
    if dim >= count:
        for inner in (0.0, 0.5, 0.9, -1 / (count + 1)):
            gram = np.full((count, count), inner) + (1 - inner) * np.eye(count)
            found.append(np.pad(np.linalg.cholesky(gram), ((0, 0), (0, dim - count))))
        simplex = np.eye(count) - 1 / count
        found.append(np.pad(simplex, ((0, 0), (0, dim - count))))
    radii = np.linalg.norm(np.stack(found), axis=-1, keepdims=True)
    return list(np.stack(found) * (math.sqrt(dim) / radii))


def _largest(x: Any) -> float:
    """Max |⟨x_i, x_j⟩|/d over i ≠ j."""
    return correlation(np.asarray(x, float), np.ones(len(x))).largest_size


def _largest_inner(x: Any) -> float:
    """Max ⟨x_i, x_j⟩/d over i ≠ j."""
    return correlation(np.asarray(x, float), np.ones(len(x))).largest


def _between(least: float, slack: float) -> float:
    """A constant that the hypothesis allows: from the least to 1."""
    return float(least + slack * (1 - least))


def _data(**more: Any) -> dict[str, Any]:
    """The variables: how much larger than necessary c is, sizes, points, labels."""
    return {
        "slack": OneOf(0.0, 0.5),
        "points": Integers(2, 4),
        "d": OneOf(2, 3, 5),
        "x": Points("points", "d"),
        "y": Labels("points"),
        **more,
    }


_DISTINCT = {"1 − max |⟨x_i, x_j⟩|/d >= 10⁻⁴": lambda x: _largest(x) <= 1 - _LEAST_GAP}

_FIRST = (
    "for all data with distinct, not opposite points and every c the hypothesis allows, c = c₀ + slack·(1 − c₀) with "
    "c₀ = max |⟨x_i, x_j⟩|/d; since the data have no order, i is the first point. "
)


def _network(x: Any, y: Any, slack: float) -> ReluNetwork:
    """One neuron a point, that opens halfway between c·d and d."""
    return build(x, y, midpoint(_between(_largest(x), slack)))


def _right(network: ReluNetwork, x: Any, y: Any) -> bool:
    """Y_i f(x_i) >= 1 for every i, up to rounding."""
    return bool((np.asarray(y) * network(x)).min() >= 1 - _TWO_DIGITS)


def _distance(network: ReluNetwork, x: Any, y: Any, target: Any = "zero") -> float:
    """From the first point, found exactly: the lower end, which is certified."""
    return radius(network, x[0], y[0], target).lower


def _printed_below_exact(witness: ReluNetwork, x: Any, y: Any, slack: float, d: int) -> Sides:
    exact = _distance(witness, x, y) if _right(witness, x, y) else 0.0
    return Sides(printed_radius(_between(_largest(x), slack), d), exact, "<")


THEOREM = Existence(
    id="001.theorem-1",
    title="a depth-2 network of width m with margin 1 that is √d-robust",
    text=r"For every dataset $\{(\mathbf{x}_i, y_i)\}_{i=1}^m \subseteq (\sqrt{d} \cdot \mathbb{S}^{d-1}) \times \{-1, "
    r"1\}$ and constant $0 < c < 1$ with $|\langle \mathbf{x}_i, \mathbf{x}_j \rangle| \le c \cdot d$ for every $i \ne "
    r"j$ there is a depth-2 ReLU network $f$ of width $m$ with $y_i f(\mathbf{x}_i) \geq 1$ for every $i \in [m]$, "
    r"such that at every $\mathbf{x}_i$ only a perturbation of size larger than $\frac{1-c}{4} \cdot \sqrt{d}$ flips "
    r"the sign of the output.",
    reading=_FIRST
    + "The network is f(x) = Σ y_j relu((⟨x_j, x⟩/d − t)/(1 − t)) with t = (1 + c)/2; reaching f = 0 "
    "counts as a flip, which is the stricter reading; the distance to {y f <= 0} is computed exactly. Strictly larger "
    "holds: it is exactly twice the printed radius",
    source=THEOREM_1,
    domain=Domain(where=_DISTINCT, **_data()),
    construction=_network,
    conclusion=_printed_below_exact,
)

ROBUST = Existence(
    id="001.theorem-1.robust",
    title="the network is √d-robust, with one constant for all c",
    text=r"Thus, $f$ is $\sqrt{d}$-robust w.r.t. $\mathbf{x}_1, \ldots, \mathbf{x}_m$.",
    reading="with a constant that does not depend on c: there is κ > 0, here 10⁻⁶, such that for all data there is f "
    "whose sign at every x_i survives all perturbations up to κ√d. Whatever f is, two points of different labels with "
    "⟨x_i, x_j⟩ = cd are √(2(1 − c)d) apart, and one of them is at most half of that from f = 0; gap = 1 − c",
    source=THEOREM_1,
    domain=Domain(d=Integers(2, 8), gap=Reals(1e-15, 1, open=(False, True), log=True)),
    obstruction=lambda d, gap: Sides(m.number("1e-6") * m.sqrt(d), m.sqrt(gap * d / 2)),
    exact=True,
)


def _radius_in_dimension(dim: int) -> float:
    """The least distance to f = 0 of the network on three points, one against two, with c = 1/2."""
    data: DataSet = draw("adversarial", 3, dim, correlation=0.5)
    network = build(data.points, data.labels, midpoint(0.5))
    return min(
        radius(network, one, label, "zero").lower for one, label in zip(data.points, data.labels, strict=True)
    )


ROBUST_FIXED_C = Scaling(
    id="001.theorem-1.robust.fixed-c",
    title="for a fixed c the network is √d-robust",
    text=ROBUST.text,
    reading="c is a constant, and the radius is of the order √d with a constant that depends on c: on three points "
    "with all inner products d/2, one against two, the exact distance to f = 0 is (1 − c)/2·√d = √d/4",
    source=THEOREM_1,
    corrects="001.theorem-1.robust",
    repair="convention",
    measure=ExactMeasure(_radius_in_dimension),
    sizes=(4, 16, 64, 256, 1024),
    exponent=0.5,
    relation="Θ",
    allowance=0.01,
)

SHARP = Universal(
    id="001.theorem-1.sharp",
    title="the distance to f = 0 is exactly (1 − c)/2·√d, twice the printed radius",
    text=r"For the network of Theorem 1, whose neurons open at $\langle \mathbf{x}_j, \mathbf{x} \rangle = "
    r"\frac{1+c}{2} d$, and every $\mathbf{x}_i$: the distance to $\{y_i f \le 0\}$ is $\frac{1-c}{2} \cdot \sqrt{d}$.",
    reading=_FIRST + "Within that distance no neuron changes sides; at (1 + c)/2·x_i all of them are off",
    source=THEOREM_1,
    domain=Domain(where=_DISTINCT, **_data()),
    conclusion=lambda x, y, slack, d: Sides.equal(
        _distance(_network(x, y, slack), x, y), radius_to_zero(_between(_largest(x), slack), d)
    ),
    rounding=1e-8,
)


def _flip_sides(x: Any, y: Any, slack: float, d: int) -> Sides:
    c = _between(_largest(x), slack)
    opposite = int((np.asarray(y) != y[0]).sum())
    return Sides(least_radius_to_flip(c, d, opposite), _distance(_network(x, y, slack), x, y, "flip"))


FLIP = Universal(
    id="001.theorem-1.flip",
    title="a strict flip of the sign takes min over n of (n + 1)(1 − c)/(2√(n + 1 + cn(n − 3)))·√d",
    text=r"For the network of Theorem 1 and every $\mathbf{x}_i$ with at most $N$ points of the other label: the "
    r"distance to $\{y_i f < 0\}$ is at least $\min_{1 \le n \le N} \frac{(n+1)(1-c)}{2\sqrt{n+1+cn(n-3)}} \cdot "
    r"\sqrt{d}$; for all $N$ at once, at least $\sqrt{\frac{1-c}{2}} \cdot \sqrt{d}$ where $c \le \frac13$ and "
    r"$\frac{1-c}{2\sqrt{c}} \cdot \sqrt{d}$ where $c \ge \frac13$. If all labels are equal there is no such input.",
    reading=_FIRST
    + "f is exactly 0 wherever all neurons are off, so that {y f < 0} is much farther than {y f <= 0}; "
    "both distances are computed exactly, over the sets of neurons that can outweigh the own one",
    source=THEOREM_1,
    domain=Domain(where=_DISTINCT, **_data()),
    conclusion=_flip_sides,
    rounding=1e-8,
)


def _one_against(n: int, c: float) -> Sides:
    data = draw("adversarial", n + 1, n + 1, correlation=c)
    network = build(data.points, data.labels, midpoint(c))
    exact = radius(network, data.points[0], data.labels[0], "flip")
    return Sides.equal(exact.upper, least_radius_to_flip(c, n + 1, n))


WORST = Universal(
    id="001.theorem-1.flip.reached",
    title="one point against n others at equal angles reaches the bound for a strict flip",
    text=r"Where $\langle \mathbf{x}_i, \mathbf{x}_j \rangle = c \cdot d$ for all $i \ne j$, and $y_1 = 1$, $y_2 = "
    r"\ldots = y_{n+1} = -1$: the distance from $\mathbf{x}_1$ to $\{f < 0\}$ is $\min_{1 \le k \le n} "
    r"\frac{(k+1)(1-c)}{2\sqrt{k+1+ck(k-3)}} \cdot \sqrt{d}$, for the network of Theorem 1.",
    reading="for n up to 6 and c from 0.01 to 0.99, in n + 1 dimensions (more change nothing); the exact radius of the "
    "branch and bound against the formula: no data with this c and n are worse",
    source=THEOREM_1,
    domain=Domain(n=Integers(1, 6), c=OneOf(0.5, 0.01, 0.1, 0.2, 1 / 3, 0.4, 0.7, 0.9, 0.99)),
    conclusion=_one_against,
    rounding=1e-8,
)


def _with_upper_part(x: Any, y: Any, slack: float) -> ReluNetwork:
    return build(x, y, midpoint(_between(_largest_inner(x), slack)))


def _upper_part(witness: ReluNetwork, x: Any, y: Any, slack: float, d: int) -> Sides:
    exact = _distance(witness, x, y) if _right(witness, x, y) else 0.0
    return Sides(printed_radius(_between(_largest_inner(x), slack), d), exact, "<")


UPPER_PART = Existence(
    id="001.theorem-1.upper-part",
    title="only the upper part of |⟨x_i, x_j⟩| <= cd is needed",
    text=r"Theorem 1 holds for every $-1 \le c < 1$ with $\langle \mathbf{x}_i, \mathbf{x}_j \rangle \le c \cdot d$ "
    r"for every $i \ne j$: inner products may be as negative as they like, and points opposite.",
    reading="for all data with distinct points and every such c, c = c₊ + slack·(1 − c₊) with c₊ = max ⟨x_i, x_j⟩/d, "
    "negative for a simplex, −1 for two opposite points; i is the first point. The upper part cannot be left out: see "
    "001.theorem-1.ceiling",
    source=THEOREM_1,
    domain=Domain(
        where={"1 − max ⟨x_i, x_j⟩/d >= 10⁻⁴": lambda x: _largest_inner(x) <= 1 - _LEAST_GAP}, **_data()
    ),
    construction=_with_upper_part,
    conclusion=_upper_part,
)


def _best_network(x: Any, y: Any, slack: float) -> ReluNetwork:
    return build(x, y, best_threshold(_between(_largest(x), slack)))


def _best_sides(witness: ReluNetwork, x: Any, y: Any, slack: float, d: int) -> Sides:
    c = _between(_largest(x), slack)
    exact = _distance(witness, x, y) if _right(witness, x, y) else 0.0
    return Sides(min(1 - math.sqrt(c), math.sqrt((1 - c) / 2)) * math.sqrt(d), exact)


BEST = Existence(
    id="001.theorem-1.best-threshold",
    title="another threshold gives min(1 − √c, √((1 − c)/2))·√d",
    text=r"Under the hypotheses of Theorem 1 there is a depth-2 ReLU network of width $m$ with $y_i f(\mathbf{x}_i) "
    r"\ge 1$ whose distance from every $\mathbf{x}_i$ to $\{y_i f \le 0\}$ is at least $\min\left(1 - \sqrt{c}, "
    r"\sqrt{\frac{1-c}{2}}\right) \cdot \sqrt{d}$. For $c \le \frac19$ no function has more on two points of different "
    r"labels with inner product $cd$.",
    reading=_FIRST
    + "The same network with neurons that open at t = max(√c, 1 − √((1 − c)/2)) instead of (1 + c)/2",
    source=THEOREM_1,
    domain=Domain(where=_DISTINCT, **_data()),
    construction=_best_network,
    conclusion=_best_sides,
    rounding=1e-8,
)


def _plain(neurons: Any) -> ReluNetwork:
    """The network Σ a_j relu(w_j·x + b_j) from rows (w_j, b_j, a_j)."""
    rows = np.asarray(neurons, float)
    return ReluNetwork(rows[:, :-2], rows[:, -2], rows[:, -1])


def _two_sided(neurons: Any, x: Any) -> ReluNetwork:
    """The same less the mean of its values at the two points: one neuron more."""
    plain = _plain(neurons)
    return ReluNetwork(
        np.vstack([plain.weights, np.zeros(plain.dim)]),
        np.append(plain.biases, 1.0),
        np.append(plain.outer, -plain(x).mean()),
    )


def _apart(neurons: Any, x: Any) -> bool:
    first, second = _plain(neurons)(x)
    return bool(abs(first - second) > 1e-3)


def _ceiling_sides(neurons: Any, x: Any) -> Sides:
    network = _two_sided(neurons, x)
    nearer = min(radius(network, one, float(np.sign(network(one))), "zero").lower for one in x)
    return Sides(nearer, float(np.linalg.norm(x[0] - x[1])) / 2)


CEILING = Universal(
    id="001.theorem-1.ceiling",
    title="no network is more robust than half the distance of two points with different signs",
    text=r"If $f(\mathbf{x}_i) > 0 > f(\mathbf{x}_j)$, one of the two points is at most $\frac12 \lVert \mathbf{x}_i - "
    r"\mathbf{x}_j \rVert$ from $f = 0$: at most $\sqrt{\frac{1-c}{2}} \cdot \sqrt{d}$ where $\langle \mathbf{x}_i, "
    r"\mathbf{x}_j \rangle = c \cdot d$.",
    reading="for every two-layer ReLU network, its neurons the rows (w_j, b_j, a_j), and two inputs on √d·S^{d−1} at "
    "which its signs differ (one neuron more subtracts the mean of the two outputs); exact distances. So Theorem 1 "
    "needs an upper bound of ⟨x_i, x_j⟩, and its (1 − c)/4 is within 2√2/√(1 − c) of the best possible",
    source=THEOREM_1,
    domain=Domain(
        where={"the outputs at the two points are apart": _apart},
        d=OneOf(2),
        k=OneOf(2, 1, 3),
        two=OneOf(2),
        neurons=Matrix("k", lambda v: v["d"] + 2, Integers(-3, 3)),
        x=Still("two", "d"),
    ),
    conclusion=_ceiling_sides,
    rounding=1e-8,
)

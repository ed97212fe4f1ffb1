"""The distance to another class as a mixed-integer programme.

For a wanted class c the variables are δ, the preactivations u and r = max(u, 0) of every hidden neuron; σ(u) is
left·u + (right − left)·r for the two slopes of the activation, and a neuron whose sign is not fixed over the ball has a
binary v with

    r ≥ 0,   r ≥ u,   r ≤ high·v,   r ≤ u − low·(1 − v).

The objective is the norm itself, so one programme a class gives the exact distance; the ball that bounds u comes from
an attack, whose perturbation is feasible. V. Tjeng, K. Xiao and R. Tedrake, "Evaluating robustness of neural networks
with mixed integer programming", ICLR 2019.

The last hidden layer needs fewer binaries: the goal is margin ≤ 0, and where r enters the margin with a coefficient
of at least 0, a value of r above max(u, 0) only raises it. There r ≥ 0 and r ≥ u suffice, and the set of δ is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from simulate.exact.quiet import quiet
from simulate.feedforward import SLOPES, FeedForward

Floats = NDArray[np.float64]
Goal = tuple[Floats, float]
Bounds = list[tuple[Floats, Floats]]


@dataclass
class Rows:
    """Linear constraints low <= A z <= high, collected as triplets."""

    entries: list[tuple[int, int, float]] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def add(self, coefficients: dict[int, float], low: float, high: float) -> None:
        """One more row."""
        row = len(self.low)
        self.entries.extend((row, column, value) for column, value in coefficients.items() if value != 0.0)
        self.low.append(low)
        self.high.append(high)

    def matrix(self, columns: int) -> sparse.csr_array:
        """A, sparse."""
        rows, cols, values = zip(*self.entries, strict=True) if self.entries else ((), (), ())
        return sparse.csr_array((values, (rows, cols)), shape=(len(self.low), columns))


@dataclass(frozen=True)
class Layout:
    """Where each variable stands: δ first, then its size (the norm's own variables), then the layers'.

    In ℓ1 δ is the difference of its positive and negative parts: the first `dim` variables and the next.
    """

    dim: int
    norm: str
    widths: tuple[int, ...]

    @property
    def size_count(self) -> int:
        """How many variables the norm adds: t ≥ |δ_i| in ℓ∞, the negative parts in ℓ1."""
        return {"inf": 1, "1": self.dim, "2": 0}[self.norm]

    def u(self, layer: int) -> int:
        """First preactivation of a hidden layer."""
        return self.dim + self.size_count + 3 * sum(self.widths[:layer])

    def r(self, layer: int) -> int:
        """First rectified value of a hidden layer."""
        return self.u(layer) + self.widths[layer]

    def v(self, layer: int) -> int:
        """First binary of a hidden layer."""
        return self.u(layer) + 2 * self.widths[layer]

    @property
    def columns(self) -> int:
        """All variables."""
        return self.dim + self.size_count + 3 * sum(self.widths)

    def delta(self, solution: Floats) -> Floats:
        """The perturbation of a solution."""
        first = np.asarray(solution[: self.dim])
        return first - solution[self.dim : 2 * self.dim] if self.norm == "1" else first


@dataclass(frozen=True)
class Answer:
    """What a solver returned.

    Attributes:
        delta: the perturbation, (d,), or None if there is none.
        value: the objective at it.
        bound: proved lower bound of the objective; infinite where there is proved to be nothing.
        optimal: whether the solver finished.

    """

    delta: Floats | None
    value: float
    bound: float
    optimal: bool


class Encoding:
    """The constraints of one network around one input, valid on a ball.

    Args:
        network: not batched.
        x: the input, (d,).
        norm: "inf", "1" or "2" (then the ball is only |δ_i| ≤ radius, and the solver adds the norm).
        radius: of the ball on which the bounds hold.
        bounds: (low, high) of the preactivations of each hidden layer on that ball, arrays (width,).
        box: ends of x + δ, arrays (d,).
        goal: row and constant of a margin that shall be at most 0; None leaves it open, with binaries for all neurons.

    """

    def __init__(
        self,
        network: FeedForward,
        x: Floats,
        norm: str,
        radius: float,
        bounds: Bounds,
        box: tuple[Floats, Floats],
        goal: Goal | None = None,
    ) -> None:
        self.network, self.x = network, x
        self.layout = Layout(len(x), norm, tuple(len(low) for low, _ in bounds))
        self.rows = Rows()
        n = self.layout.columns
        self.low, self.high = np.full(n, -np.inf), np.full(n, np.inf)
        self.integral = np.zeros(n, np.int64)
        self.slopes = SLOPES[network.activation]
        self._ball(radius, box)
        for layer, (low, high) in enumerate(bounds):
            last = goal is not None and layer == len(network.weights) - 2
            raises = goal[0] >= 0 if goal is not None and last else np.zeros(len(low), np.bool_)
            self._layer(layer, low, high, raises)
        if goal is not None:
            coefficients, constant = self.affine(len(bounds), goal[0], goal[1])
            self.rows.add(coefficients, -np.inf, -constant)
        self._matrix = self.rows.matrix(n)

    def _ball(self, radius: float, box: tuple[Floats, Floats]) -> None:
        d = self.layout.dim
        low, high = np.maximum(box[0] - self.x, -radius), np.minimum(box[1] - self.x, radius)
        if self.layout.norm == "1":
            # Both parts at once are never better than their difference, and the box holds δ = 0.
            self.low[: 2 * d] = 0.0
            self.high[:d], self.high[d : 2 * d] = np.maximum(high, 0.0), np.maximum(-low, 0.0)
            self.rows.add(dict.fromkeys(range(2 * d), 1.0), -np.inf, radius)
            return
        self.low[:d], self.high[:d] = low, high
        if self.layout.norm == "inf":
            self.low[d], self.high[d] = 0.0, radius
            for i in range(d):
                self.rows.add({i: 1.0, d: -1.0}, -np.inf, 0.0)
                self.rows.add({i: -1.0, d: -1.0}, -np.inf, 0.0)

    def affine(self, layer: int, weights: Floats, constant: float) -> tuple[dict[int, float], float]:
        """The function weights · (input of a layer) + constant as coefficients of the variables and a constant.

        The input of layer 0 is x + δ; of layer i the outputs σ(u) = left·u + (right − left)·r of layer i − 1.
        """
        if layer == 0:
            d = self.layout.dim
            coefficients = {i: float(w) for i, w in enumerate(weights)}
            if self.layout.norm == "1":
                coefficients |= {d + i: -float(w) for i, w in enumerate(weights)}
            return coefficients, constant + float(weights @ self.x)
        left, right = self.slopes
        u, r = self.layout.u(layer - 1), self.layout.r(layer - 1)
        coefficients = {}
        for j, w in enumerate(weights):
            coefficients[u + j] = left * float(w)
            coefficients[r + j] = (right - left) * float(w)
        return coefficients, constant

    def _layer(self, layer: int, low: Floats, high: Floats, raises: NDArray[np.bool_]) -> None:
        weight = self.network.weights[layer].detach().numpy()
        bias = self.network.biases[layer].detach().numpy()
        u, r, v = self.layout.u(layer), self.layout.r(layer), self.layout.v(layer)
        for j in range(len(low)):
            coefficients, constant = self.affine(layer, weight[j], float(bias[j]))
            coefficients[u + j] = -1.0
            self.rows.add(coefficients, -constant, -constant)
            self.low[u + j], self.high[u + j] = low[j], high[j]
            self.low[r + j], self.high[r + j] = 0.0, max(high[j], 0.0)
            self.low[v + j] = self.high[v + j] = 0.0
            if low[j] >= 0:
                self.rows.add({r + j: 1.0, u + j: -1.0}, 0.0, 0.0)
            elif high[j] > 0:
                self.rows.add({r + j: 1.0, u + j: -1.0}, 0.0, np.inf)
                if raises[j]:
                    continue
                self.high[v + j] = 1.0
                self.integral[v + j] = 1
                self.rows.add({r + j: 1.0, v + j: -high[j]}, -np.inf, 0.0)
                self.rows.add({r + j: 1.0, u + j: -1.0, v + j: -low[j]}, -np.inf, -low[j])

    @property
    def binaries(self) -> int:
        """Neurons whose sign the solver must decide."""
        return int(self.integral.sum())

    def constraints(self) -> tuple[sparse.csr_array, Floats, Floats]:
        """The matrix A and the ends of A z."""
        return self._matrix, np.array(self.rows.low), np.array(self.rows.high)

    def solve(self, objective: dict[int, float], *, relax: bool, seconds: float) -> Answer:
        """Minimise a linear objective by HiGHS; `relax` lets the binaries be fractions.

        The gap is set to 0: HiGHS would stop at 1e-4.
        """
        n = self.layout.columns
        cost = np.zeros(n)
        for column, value in objective.items():
            cost[column] = value
        with quiet():
            answer = optimize.milp(
                cost,
                constraints=optimize.LinearConstraint(*self.constraints()),
                integrality=np.zeros(n, np.int64) if relax else self.integral,
                bounds=optimize.Bounds(self.low, self.high),
                options={"mip_rel_gap": 0.0, "time_limit": seconds},
            )
        if answer.status == 2:
            return Answer(None, np.inf, np.inf, True)
        finished = answer.status == 0
        if answer.x is None:
            return Answer(None, np.inf, _bound(answer.mip_dual_bound), False)
        value = float(answer.fun)
        bound = value if finished and (relax or not self.binaries) else _bound(answer.mip_dual_bound)
        return Answer(self.layout.delta(np.asarray(answer.x)), value, min(bound, value), finished)

    def size_objective(self) -> dict[int, float]:
        """The norm of δ, in ℓ∞ and ℓ1."""
        d = self.layout.dim
        return {d: 1.0} if self.layout.norm == "inf" else dict.fromkeys(range(2 * d), 1.0)


def _bound(value: float | None) -> float:
    return -np.inf if value is None or not np.isfinite(value) else float(value)

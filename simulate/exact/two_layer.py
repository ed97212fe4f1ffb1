"""Two-layer networks as the search in `simulate.robust` reads them: ReLU neurons, one output, no outer bias.

For slopes left < right, σ(u) = (right − left)·relu(u) + left·u, so a margin of a two-layer network is

    Σ_j a_j (right − left) relu(u_j) + (left Σ_j a_j u_j + constant),

and the bracket, an affine function ℓ of x, is relu(ℓ) − relu(−ℓ): two more neurons whatever the width.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulate.feedforward import SLOPES, FeedForward
from simulate.robust.network import ReluNetwork
from simulate.robust.regions import Cuts, Problem, nearest_of_convex
from simulate.robust.search import Radius, radius

Floats = NDArray[np.float64]


def as_relu(network: FeedForward, goal: tuple[Floats, float]) -> ReluNetwork:
    """The margin row·σ(W x + b) + constant of a two-layer network as a ReLU network.

    Args:
        network: two layers, not batched.
        goal: row of shape (width,), and the constant.

    """
    left, right = SLOPES[network.activation]
    W, b = network.weights[0].double().numpy(), network.biases[0].double().numpy()
    row, constant = goal
    outer = (right - left) * row
    slope, value = left * row @ W, left * float(row @ b) + constant
    if value == 0 and not slope.any():
        return ReluNetwork(W, b, outer)
    weights, biases = np.vstack([W, slope, -slope]), np.concatenate([b, [value, -value]])
    return ReluNetwork(weights, biases, np.concatenate([outer, [1.0, -1.0]]))


def shortest(
    network: FeedForward, x: Floats, goal: tuple[Floats, float], at_least: float, most_nodes: int
) -> Radius:
    """The ℓ2 distance to a margin of at most 0 by branch and bound, bracketed where `most_nodes` did not suffice."""
    return radius(as_relu(network, goal), x, 1.0, "zero", most_nodes=most_nodes, at_least=at_least)


def relaxed_length(
    network: FeedForward, x: Floats, goal: tuple[Floats, float], bounds: tuple[Floats, Floats]
) -> float:
    """The smallest ℓ2 size of δ where the triangle relaxation of a margin is at most 0; infinite if there is none.

    A neuron with a coefficient of at least 0 is itself in the relaxation (it is convex), one with a negative
    coefficient its chord over [low, high].

    Args:
        network: two layers, not batched.
        x: the input, (d,).
        goal: row and constant of the margin.
        bounds: of the preactivations on the ball in question, arrays (width,).

    """
    left, right = SLOPES[network.activation]
    W, start = network.weights[0].double().numpy(), network.weights[0].double().numpy() @ x
    start = start + network.biases[0].double().numpy()
    row, constant = goal
    outer, (low, high) = (right - left) * row, bounds
    slope, value = left * row @ W, left * float(row @ start) + constant
    convex = (outer >= 0) & (low < 0) & (high > 0)
    for j in np.flatnonzero(~convex):
        if high[j] <= 0:
            continue
        share = 1.0 if low[j] >= 0 else high[j] / (high[j] - low[j])
        slope = slope + outer[j] * share * W[j]
        value += outer[j] * share * (start[j] - min(low[j], 0.0) if low[j] < 0 else start[j])
    # relaxed margin = Σ over convex neurons of outer relu(u) + value + slope·δ, in the span of what occurs
    basis = np.linalg.qr(np.vstack([W[convex], slope]).T)[0]
    unit = float(np.linalg.norm(np.maximum(high - low, 0.0))) / max(float(np.linalg.norm(W)), 1e-300) or 1.0
    rows = outer[convex, None] * W[convex] @ basis * unit
    first = outer[convex] * start[convex]
    problem = Problem(
        rows,
        first,
        np.zeros((0, basis.shape[1])),
        np.zeros(0),
        basis,
        unit,
        float(np.abs(first).sum() + abs(value)) or 1.0,
    )
    empty = np.zeros((0, basis.shape[1]))
    found = nearest_of_convex(problem, -(slope @ basis) * unit, -value, empty, np.zeros(0), Cuts())
    return math.inf if found.point is None and math.isinf(found.lower) else found.lower * unit

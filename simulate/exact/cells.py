"""Cells: the inputs at which every hidden neuron keeps a given sign. On a cell the network is affine.

The nearest misclassified point of one cell is a linear programme (ℓ∞, ℓ1) or a projection on a polyhedron (ℓ2). The
least over all cells is the exact distance, by a way that shares nothing with branch and bound; the cell of a point that
another solver returned gives that point again to full accuracy.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize

from simulate.errors import BadInput
from simulate.exact.quiet import quiet
from simulate.feedforward import SLOPES, FeedForward
from simulate.robust.projection import nearest_point

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Box = tuple[Floats, Floats]

MOST_NEURONS = 16
"""Beyond this the number of patterns, 2^neurons, is out of reach."""
_TOLERANCE = 1e-10
"""Feasibility asked of the linear programmes, the smallest that HiGHS takes."""


_FLAT = 1e-13
"""A slope or an offset below this, relative to the terms that it is a sum of, is 0 up to rounding."""


@dataclass(frozen=True)
class Cell:
    """{δ : A δ ≥ b}, where the margin is value + slope·δ.

    Attributes:
        A: one row a hidden neuron, (n, d).
        b: (n,).
        slope: (d,).
        value: the affine margin's value at δ = 0 (which need not lie in the cell).
        sizes: of the sums behind each row of A, and behind slope, (n + 1,): what rounding is relative to.
        offset_sizes: likewise of b and value.

    """

    A: Floats
    b: Floats
    slope: Floats
    value: float
    sizes: Floats
    offset_sizes: Floats


def pattern_at(network: FeedForward, point: Floats) -> Booleans:
    """Which hidden neurons are positive at an input, layer after layer."""
    z, found = torch.from_numpy(point).to(network.weights[0].dtype), []
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        u = weight @ z + bias
        found.append((u > 0).numpy())
        z = network.sigma(u)
    return np.concatenate([*found, np.zeros(0, np.bool_)])


def cell(network: FeedForward, x: Floats, row: Floats, offset: float, pattern: Booleans) -> Cell:
    """The cell of a pattern, with the margin row·z_{L−1} + offset.

    Args:
        network: not batched.
        x: the input, (d,).
        row: of the last layer, (width,).
        offset: likewise.
        pattern: a boolean for each hidden neuron.

    """
    left, right = SLOPES[network.activation]
    slope, value = np.eye(len(x)), x.astype(np.float64)
    most, largest = slope, np.abs(value)
    normals, offsets, start = [np.zeros((0, len(x)))], [np.zeros(0)], 0
    sizes, offset_sizes = [np.zeros(0)], [np.zeros(0)]
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        W, b = weight.double().numpy(), bias.double().numpy()
        slope, value = W @ slope, W @ value + b
        most, largest = np.abs(W) @ most, np.abs(W) @ largest + np.abs(b)
        on = pattern[start : start + len(b)]
        start += len(b)
        side = np.where(on, 1.0, -1.0)
        normals.append(side[:, None] * slope)
        offsets.append(-side * value)
        sizes.append(np.linalg.norm(most, axis=1))
        offset_sizes.append(largest)
        factor = np.where(on, right, left)
        slope, value = factor[:, None] * slope, factor * value
        most, largest = np.abs(factor)[:, None] * most, np.abs(factor) * largest
    sizes.append(np.linalg.norm(np.abs(row)[None] @ most, axis=1))
    offset_sizes.append(np.array([np.abs(row) @ largest + abs(offset)]))
    return Cell(
        np.concatenate(normals),
        np.concatenate(offsets),
        row @ slope,
        float(row @ value) + offset,
        np.concatenate(sizes),
        np.concatenate(offset_sizes),
    )


def nearest_in_cell(one: Cell, norm: str, box: Box | None = None, below: float = 0.0) -> Floats | None:
    """The smallest δ of the cell with a margin of at most −below, or None if there is none.

    Args:
        one: the cell.
        norm: "inf", "2" or "1".
        box: ends of δ, at most 0 and at least 0.
        below: a little room where rounding would hide that the margin is 0.

    """
    A, b = np.vstack([one.A, -one.slope]), np.append(one.b, one.value + below)
    # A neuron that does not depend on the input either always or never has its sign; scaled rows suit a tolerance.
    lengths = np.linalg.norm(A, axis=1)
    flat = lengths <= _FLAT * one.sizes
    if bool((b[flat] > _FLAT * one.offset_sizes[flat]).any()):
        return None
    A, b = A[~flat] / lengths[~flat, None], b[~flat] / lengths[~flat]
    d = A.shape[1]
    low, high = (np.full(d, -np.inf), np.full(d, np.inf)) if box is None else box
    if norm == "2":
        for sign, end in ((1.0, low), (-1.0, -high)):
            kept = np.isfinite(end)
            A, b = np.vstack([A, sign * np.eye(d)[kept]]), np.append(b, end[kept])
        found = nearest_point(A, b).point
        length = 0.0 if found is None else float(np.linalg.norm(found))
        if length == 0:
            return found
        # Once more in units of its length: a projection is most accurate at lengths of order 1.
        again = nearest_point(A, b / length).point
        return found if again is None else again * length
    if norm == "inf":
        ones = np.ones((d, 1))
        rows = np.vstack(
            [
                np.hstack([-A, np.zeros((len(A), 1))]),
                np.hstack([np.eye(d), -ones]),
                np.hstack([-np.eye(d), -ones]),
            ]
        )
        ends_of = [*zip(low, high, strict=True), (0, None)]
        cost, right = np.append(np.zeros(d), 1.0), np.concatenate([-b, np.zeros(2 * d)])
    else:
        rows, right = np.hstack([-A, A]), -b
        ends_of = [*((0, max(h, 0.0)) for h in high), *((0, max(-e, 0.0)) for e in low)]
        cost = np.ones(2 * d)
    options = {"primal_feasibility_tolerance": _TOLERANCE, "dual_feasibility_tolerance": _TOLERANCE}
    with quiet():
        answer = optimize.linprog(  # type: ignore[call-overload]
            cost, A_ub=rows, b_ub=right, bounds=ends_of, options=options
        )
    if answer.x is None or answer.status != 0:
        return None
    return np.asarray(answer.x[:d] if norm == "inf" else answer.x[:d] - answer.x[d:])


def distance_by_enumeration(
    network: FeedForward, x: Floats, y: int, norm: str, box: Box | None = None
) -> float:
    """The distance to a margin of at most 0 over all 2^n patterns of n hidden neurons; infinite if there is none.

    Args:
        network: not batched, at most 16 hidden neurons.
        x: the input, (d,).
        y: its class, or ±1 for one output.
        norm: "inf", "2" or "1".
        box: ends of δ.

    Raises:
        BadInput: too many neurons.

    """
    neurons = sum(int(w.shape[-2]) for w in network.weights[:-1])
    if neurons > MOST_NEURONS:
        raise BadInput(f"2^{neurons} patterns are too many: at most {MOST_NEURONS} hidden neurons")
    rows, offsets = (tensor[0].double().numpy() for tensor in network.margin_layer(torch.tensor([y])))
    least = math.inf
    for c, (row, offset) in enumerate(zip(rows, offsets, strict=True)):
        if len(rows) > 1 and c == y:
            continue
        for pattern in itertools.product((False, True), repeat=neurons):
            delta = nearest_in_cell(
                cell(network, x, row, float(offset), np.array(pattern, np.bool_)), norm, box
            )
            if delta is not None:
                least = min(least, float(np.linalg.norm(delta, float(norm))))
    return least

"""The same radii by going through all 2^k activation patterns: slow, and independent of the search.

A pattern says which neurons are on; its cell is a polyhedron, on which f is affine. The radius is the least over the
cells, of the distance to {y f <= 0} there. For {y f < 0}, cells count in which y f takes a negative value (a
linear programme tells), and the distance is that of the closure.
"""

from __future__ import annotations

import itertools
import math
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog

from simulate.errors import BadInput
from simulate.robust.network import ReluNetwork
from simulate.robust.projection import nearest_point
from simulate.robust.search import Target

Floats = NDArray[np.float64]

MOST_NEURONS = 16
_BOX = 1e4
_NEGATIVE = 1e-7


class _Cell(TypedDict):
    """A polyhedron A δ >= b on which y f = value + slope·δ."""

    A: Floats
    b: Floats
    slope: Floats
    value: float


def radius_by_enumeration(network: ReluNetwork, x: ArrayLike, label: float, target: Target = "zero") -> float:
    """Distance from x to {y f <= 0} ("zero") or {y f < 0} ("flip"); infinite if that is empty.

    Args:
        network: at most 16 neurons.
        x: shape (d,).
        label: y, 1 or −1.
        target: as in `simulate.robust.search.radius`.

    """
    if network.width > MOST_NEURONS:
        raise BadInput(f"2^{network.width} patterns are too many: at most {MOST_NEURONS} neurons")
    point = np.asarray(x, np.float64)
    least = math.inf
    for pattern in itertools.product((False, True), repeat=network.width):
        cell = _cell(network, point, label, np.array(pattern))
        found = nearest_point(np.vstack([cell["A"], -cell["slope"]]), np.append(cell["b"], cell["value"]))
        if found.point is None:
            continue
        length = float(np.linalg.norm(found.point))
        if length < least and (target == "zero" or _goes_below(cell)):
            least = length
    return least


def _cell(network: ReluNetwork, point: Floats, label: float, on: NDArray[np.bool_]) -> _Cell:
    side = np.where(on, 1.0, -1.0)
    start = network.preactivations(point)
    outer = label * np.where(on, network.outer, 0.0)
    return {
        "A": side[:, None] * network.weights,
        "b": -side * start,
        "slope": outer @ network.weights,
        "value": float(outer @ start),
    }


def _goes_below(cell: _Cell) -> bool:
    """Whether y f takes a value below 0 in the cell: the largest s <= 1 with y f <= −s somewhere."""
    neurons, dims = cell["A"].shape
    rows = np.vstack([np.hstack([-cell["A"], np.zeros((neurons, 1))]), np.append(cell["slope"], 1.0)])
    answer = linprog(
        np.append(np.zeros(dims), -1.0),
        A_ub=rows,
        b_ub=np.append(-cell["b"], -cell["value"]),
        bounds=[(-_BOX, _BOX)] * dims + [(None, 1.0)],
    )
    return answer.x is not None and bool(answer.x[-1] > _NEGATIVE)

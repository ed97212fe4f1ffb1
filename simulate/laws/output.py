"""The exact law of the output of networks whose activation has two slopes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from simulate.arguments import whole
from simulate.errors import BadInput
from simulate.feedforward import SLOPES
from simulate.laws._arguments import array

# Given which of the u_j are positive, a_j σ(u_j) is Gaussian, with variance right² or left². With N of the k neurons
# positive, N ~ Binomial(k, ½), f is N(0, (N right² + (k − N) left²)/k). For ReLU the term N = 0 is an atom at 0.
_REACH = 12.0
"""Standard deviations of the binomial law beyond which its terms are left out: below 1e-30."""


def output_distribution(activation: str, width: int, x: ArrayLike) -> NDArray[np.float64]:
    """P(f ≤ x) for the random two-layer network at any input on its sphere, exactly, at every width.

    Args:
        activation: relu, leaky_relu or abs.
        width: k ≥ 1.
        x: points, a number or an array.

    Raises:
        BadInput: another activation.

    """
    if activation not in SLOPES:
        raise BadInput(f"the exact law of the output is known for {', '.join(SLOPES)}, not {activation!r}")
    left, right = SLOPES[activation]
    k, points = whole(width, "width", 1), array(x, "x", least=-math.inf)
    middle, spread = k / 2, _REACH * math.sqrt(k) / 2
    n = np.arange(max(0, math.floor(middle - spread)), min(k, math.ceil(middle + spread)) + 1)
    weight = np.exp(
        special.gammaln(k + 1) - special.gammaln(n + 1) - special.gammaln(k - n + 1) - k * math.log(2)
    )
    deviation = np.sqrt((n * right**2 + (k - n) * left**2) / k)
    at = points[..., None]
    # A law without spread is an atom at 0, which is reached from 0 on.
    atom = np.where(at >= 0, np.inf, -np.inf)
    scaled = np.divide(
        at, deviation, out=np.broadcast_to(atom, (*points.shape, len(n))).copy(), where=deviation > 0
    )
    result: NDArray[np.float64] = special.ndtr(scaled) @ weight
    return result

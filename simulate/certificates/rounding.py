"""How far rounding can move a computed bound of a margin: what a proof in floating point must leave as room.

A sum of n products is off by at most γ_n = n·u/(1 − n·u) times the sum of their sizes (N. Higham, Accuracy and
Stability of Numerical Algorithms, 2002, section 3.1). Layer by layer, the sizes are those of a network with
|W_i| and |b_i| at |x| + r, and the roundings add up along a path: their number is the sum of the fan-ins and a few
for each activation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulate.certificates.intervals import Ball
from simulate.feedforward import FeedForward, apply

_SAFETY = 4
"""Bounds of earlier layers are rounded too and enter the later ones: each path is counted this many times."""


def rounding_allowance(network: FeedForward, ball: Ball, y: Tensor) -> Tensor:
    """A bound of the rounding error of each margin's computed lower bound, (B, classes).

    Args:
        network: see `FeedForward`.
        ball: inputs.
        y: labels, (B,).

    """
    # |δ_i| ≤ r in each of the three norms.
    sizes = ball.x.abs() + ball.radius.unsqueeze(1)
    paths = 0
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        sizes = apply(weight.abs(), sizes) + bias.abs()
        paths += weight.shape[-1] + 8
    rows, offsets = network.margin_layer(y)
    paths += rows.shape[-1] + 8
    total = apply(rows.abs(), sizes) + offsets.abs()
    return _SAFETY * len(network.weights) * paths * torch.finfo(total.dtype).eps * total

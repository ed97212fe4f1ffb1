"""A programme in natural units: solvers allow absolute errors of 1e-6, so that lengths and values should be of order 1.

relu, leaky_relu and abs are positively homogeneous, σ(s u) = s σ(u) for s > 0: neurons can be measured each in a unit
of its own, the input in the radius of the ball, and the margin in the size of its row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from simulate.exact.program import Bounds, Goal
from simulate.feedforward import FeedForward

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scaled:
    """The same question in other units; lengths of its answers times `radius` are lengths of the first one.

    Attributes:
        network: its last layer is left as it was, only `goal` counts.
        x, box, bounds, goal: as `simulate.exact.program.Encoding` takes them, for the ball of radius 1.
        radius: of the ball before.
        units: of each hidden layer's neurons, arrays (width,).

    """

    network: FeedForward
    x: Floats
    box: tuple[Floats, Floats]
    bounds: Bounds
    goal: Goal
    radius: float
    units: list[Floats]


def scale(
    network: FeedForward, x: Floats, box: tuple[Floats, Floats], bounds: Bounds, goal: Goal, radius: float
) -> Scaled:
    """Divide the input by the radius, each neuron by the width of its bounds, the margin by its row's largest entry."""
    weights, biases, found, units = [], [], [], []
    before: Floats | float = radius
    for weight, bias, (low, high) in zip(network.weights, network.biases, bounds, strict=False):
        unit = high - low
        unit = np.where(unit > 1e-9 * max(1e-300, float(unit.max(initial=0.0))), unit, 1.0)
        weights.append(torch.from_numpy(weight.numpy() * before / unit[:, None]))
        biases.append(torch.from_numpy(bias.numpy() / unit))
        found.append((low / unit, high / unit))
        units.append(unit)
        before = unit
    row = goal[0] * before
    size = float(np.abs(row).max(initial=0.0)) or 1.0
    scaled = FeedForward((*weights, network.weights[-1]), (*biases, network.biases[-1]), network.activation)
    ends = (box[0] / radius, box[1] / radius)
    return Scaled(scaled, x / radius, ends, found, (row / size, goal[1] / size), radius, units)

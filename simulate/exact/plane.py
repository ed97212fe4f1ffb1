"""All slopes of a network on the plane, exactly: the true Lipschitz constant of bias-free networks of two inputs.

Without biases the network is positively homogeneous, so that its gradient is constant on cones, and the cones of the
plane are arcs of directions e(θ) = (cos θ, sin θ). On an arc where no neuron of the layers before changes sides, a
preactivation is m·e(θ) for a constant m ∈ R²: it changes sign at two opposite directions and nowhere else. Cutting
every arc there, layer by layer, gives all of them; the Lipschitz constant is the largest gradient's length.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from simulate.errors import BadInput
from simulate.feedforward import SLOPES, FeedForward

Floats = NDArray[np.float64]


class Arcs(NamedTuple):
    """The directions of the plane, cut where the gradient jumps.

    Attributes:
        start: angles where the arcs begin, ascending in [0, 2π); each ends where the next begins.
        gradients: ∇f on each, (arcs, 2).

    """

    start: Floats
    gradients: Floats

    @property
    def lengths(self) -> Floats:
        """Angles that the arcs span; together 2π."""
        return np.diff(self.start, append=self.start[0] + 2 * math.pi)

    @property
    def lipschitz(self) -> float:
        """The Lipschitz constant in ℓ2: the length of the largest gradient."""
        return float(np.linalg.norm(self.gradients, axis=1).max())

    @property
    def mean_square(self) -> float:
        """The mean of ‖∇f(x)‖² over all directions of x."""
        return float((self.gradients**2).sum(1) @ self.lengths / (2 * math.pi))


def arcs(network: FeedForward) -> Arcs:
    """Where the gradient of a network f: R² → R is constant, and what it is there.

    Args:
        network: one network with one output, two inputs and no biases.

    Raises:
        BadInput: another kind of network.

    """
    if any(weight.ndim != 2 for weight in network.weights):
        raise BadInput("the slopes of one network are found at a time: take a row of the batch")
    if network.dim != 2 or network.outputs != 1 or any(bool(bias.any()) for bias in network.biases):
        raise BadInput("exact slopes need a network of two inputs and one output, without biases")
    left, right = SLOPES[network.activation]
    weights = [weight.to(torch.float64).numpy() for weight in network.weights]
    start = np.zeros(1)
    image = np.eye(2)[None]  # (arcs, n, 2): the layer's values are image @ e(θ)
    for weight in weights[:-1]:
        image = weight @ image
        start, image = _cut(start, image)
        ends = np.append(start[1:], 2 * math.pi)
        middle = (start + ends) / 2
        # On an arc the sign of every preactivation is that at its middle.
        u = image[:, :, 0] * np.cos(middle)[:, None] + image[:, :, 1] * np.sin(middle)[:, None]
        image = np.where(u > 0, right, left)[:, :, None] * image
    return Arcs(start, (weights[-1] @ image)[:, 0])


def _cut(start: Floats, image: Floats) -> tuple[Floats, Floats]:
    """The arcs cut where a preactivation is 0, with the same images."""
    ends = np.append(start[1:], 2 * math.pi)
    # m·e(θ) = 0 for e(θ) along (−m₂, m₁) and opposite to it.
    zero = np.arctan2(image[:, :, 0], -image[:, :, 1])
    both = np.stack([zero, zero + math.pi]) % (2 * math.pi)  # (2, arcs, n)
    inside = (both > start[:, None]) & (both < ends[:, None])
    # A neuron that is dead on the arc has m = 0, and no direction where it changes.
    inside &= (np.abs(image).max(2) > 0)[None]
    cuts = both[inside]
    owner = np.broadcast_to(np.arange(len(start))[:, None], both.shape[1:])[None].repeat(2, 0)[inside]
    every = np.concatenate([start, cuts])
    owners = np.concatenate([np.arange(len(start)), owner])
    order = np.argsort(every, kind="stable")
    return every[order], image[owners[order]]

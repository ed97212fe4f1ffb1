"""The linear (triangle) relaxation: binaries replaced by fractions.

R. Ehlers, "Formal verification of piece-wise linear feed-forward neural networks", ATVA 2017. A positive minimum of the
margin certifies a ball; the point where it is reached is in general no input of the network.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from simulate.attacks.norms import Norm, check_norm
from simulate.attacks.problem import Problem
from simulate.certificates.dual import tightened_bounds
from simulate.certificates.intervals import Ball
from simulate.errors import BadInput, RunFailed
from simulate.exact.program import Bounds, Encoding, Floats
from simulate.exact.two_layer import relaxed_length
from simulate.feedforward import FeedForward

_CLOSE = 1e-4
"""Where the bisection of the relaxation's radius stops, relatively."""
_SLACK = 1e-7
"""A radius from a linear programme is lowered by this share, more than its tolerances hide."""


def relaxed_margin(network: FeedForward, ball: Ball, y: Tensor, seconds: float = 60.0) -> Tensor:
    """Lower bound of each margin Z_y − Z_c over a ball in ℓ∞ or ℓ1, (B, classes); +inf for c = y.

    Raises:
        BadInput: the norm is 2, which is no linear programme.
        RunFailed: the solver did not finish a linear programme.

    """
    if ball.norm == "2":
        raise BadInput("margins over a ball in ℓ2 are no linear programme: the norm must be inf or 1")
    network = network.double()
    every = []
    for i in range(len(ball.x)):
        one, x = network.row(i), ball.x[i].double().numpy()
        bounds = bounds_on(one, ball.x[i], float(ball.radius[i]), ball.norm)
        encoding = Encoding(one, x, ball.norm, float(ball.radius[i]), bounds, everywhere(len(x)))
        rows, offsets = (tensor[0].numpy() for tensor in one.margin_layer(y[i : i + 1]))
        margins = []
        for c in range(len(rows)):
            if len(rows) > 1 and c == int(y[i]):
                margins.append(np.inf)
                continue
            coefficients, constant = encoding.affine(len(bounds), rows[c], float(offsets[c]))
            answer = encoding.solve(coefficients, relax=True, seconds=seconds)
            if not answer.optimal:
                raise RunFailed("a linear programme of the relaxation did not finish")
            margins.append(answer.value + constant)
        every.append(margins)
    return torch.tensor(every, dtype=torch.float64)


def relaxed_radius(
    network: FeedForward, x: Tensor, y: Tensor, norm: Norm, least: Tensor, most: Tensor, seconds: float = 10.0
) -> Tensor:
    """The largest radius that the relaxation proves, (B,), between a proved one and one that is too large.

    At a radius R the relaxation with the bounds of that ball is minimised over the norm of δ where the margin is at
    most 0. Its value v(R) bounds the distance from below if v(R) < R; if v(R) ≥ R, or there is nothing, R is
    proved: so every step raises the lower end or lowers the upper one, and most do both.

    Args:
        network: in ℓ2 of two layers.
        x: inputs, (B, d).
        y: labels, (B,).
        norm: "inf", "1" or "2".
        least: proved by another certificate, (B,), such as the relaxation's dual; it is never undercut.
        most: sizes of perturbations that succeed, (B,).
        seconds: for each programme; one that does not finish counts as nothing proved.

    Raises:
        BadInput: ℓ2 and more than two layers; inputs, labels, or numbers of radii that do not fit.

    """
    norm, network, x = check_norm(norm), network.double(), x.double()
    Problem.of(network, x, y)
    if least.shape != (len(x),) or most.shape != (len(x),) or bool((least.isnan() | most.isnan()).any()):
        raise BadInput(f"the least and largest radii must be one number for each of {len(x)} inputs")
    if norm == "2" and len(network.weights) != 2:
        raise BadInput("the relaxation in ℓ2 is solved for two-layer networks only")
    found = []
    for i in range(len(x)):
        one, low, high = network.row(i), float(least[i]), float(most[i])
        if not math.isfinite(high):
            high = max(1e3, 2 * low)
        radius = high
        while 0 < low <= high * (1 - _CLOSE) or (low == 0 and radius > 1e-6 * high):
            value = _shortest(one, x[i], y[i : i + 1], norm, radius, seconds)
            if value >= radius:
                low = max(low, radius)
                if radius >= high:
                    break
            else:
                low, high = max(low, value), radius
            radius = math.sqrt(low * high) if low > 0 else high / 4
        found.append(low)
    return torch.tensor(found, dtype=torch.float64)


def _shortest(one: FeedForward, x: Tensor, y: Tensor, norm: Norm, radius: float, seconds: float) -> float:
    """v(R), lowered by what the solver's tolerances may hide."""
    bounds = bounds_on(one, x, radius, norm)
    rows, offsets = (tensor[0].numpy() for tensor in one.margin_layer(y))
    least = math.inf
    for c in range(len(rows)):
        if len(rows) > 1 and c == int(y[0]):
            continue
        goal = (rows[c], float(offsets[c]))
        if norm == "2":
            length = relaxed_length(one, x.numpy(), goal, bounds[0])
        else:
            encoding = Encoding(one, x.numpy(), norm, radius, bounds, everywhere(len(x)), goal)
            answer = encoding.solve(encoding.size_objective(), relax=True, seconds=seconds)
            length = answer.value if answer.optimal else 0.0
        least = min(least, length * (1 - _SLACK))
    return least


def bounds_on(one: FeedForward, x: Tensor, radius: float, norm: Norm) -> Bounds:
    """Bounds of the preactivations of one network on one ball."""
    ball = Ball(x.unsqueeze(0).double(), torch.tensor([radius], dtype=torch.float64), norm)
    return [(low[0].numpy(), high[0].numpy()) for low, high in tightened_bounds(one, ball)]


def everywhere(dim: int) -> tuple[Floats, Floats]:
    """A box without ends."""
    return np.full(dim, -np.inf), np.full(dim, np.inf)

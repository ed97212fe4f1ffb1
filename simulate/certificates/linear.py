"""Linear classifiers: the distance to another class, exactly, in any norm; and products of Lipschitz constants.

For Z = W x + b the input of class y is at distance min_{c≠y} (Z_y − Z_c)/‖w_y − w_c‖_q from the nearest tie, q dual to
p. For a network, the margin over a Lipschitz constant of the margin is a lower bound of the distance.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulate.arguments import whole
from simulate.attacks.norms import Norm, check_norm
from simulate.attacks.problem import Problem
from simulate.certificates.intervals import DUAL_ORDER, Ball, preactivation_bounds, without_own
from simulate.errors import BadInput
from simulate.feedforward import SLOPES, FeedForward


def linear_radius(network: FeedForward, x: Tensor, y: Tensor, norm: Norm = "2") -> Tensor:
    """Exact distance to the boundary of a network with one layer, (B,); 0 for misclassified inputs, inf for none.

    Raises:
        BadInput: the network has more than one layer; inputs or labels that do not fit, an unknown norm.

    """
    if len(network.weights) != 1:
        raise BadInput("the exact linear radius needs a network of one linear layer")
    norm, network, x = _checked(network, x, y, norm)
    rows, _ = network.margin_layer(y)
    return _margin_over_slope(network, x, y, torch.linalg.vector_norm(rows, DUAL_ORDER[norm], dim=-1))


def _checked(network: FeedForward, x: Tensor, y: Tensor, norm: Norm) -> tuple[Norm, FeedForward, Tensor]:
    """The norm, and network and inputs in float64, if they and the labels fit each other."""
    norm, network, x = check_norm(norm), network.double(), x.double()
    Problem.of(network, x, y)
    return norm, network, x


def _margin_over_slope(network: FeedForward, x: Tensor, y: Tensor, slopes: Tensor) -> Tensor:
    """min_c (Z_y − Z_c)/slope_c, at least 0; inf where no margin can change. Slopes (B, classes)."""
    margins = network.margins(x, y)
    flat = slopes == 0
    distances = torch.where(flat, torch.inf, margins / torch.where(flat, 1, slopes))
    distances = torch.where(margins <= 0, 0, distances)
    return without_own(distances, y).amin(1)


def operator_norm(weight: Tensor, norm: Norm) -> Tensor:
    """Norm of W from ℓp to ℓp: largest singular value (2), row sum (inf) or column sum (1); one a matrix."""
    if check_norm(norm) == "2":
        largest: Tensor = torch.linalg.matrix_norm(weight, 2)
        return largest
    return weight.abs().sum(-1 if norm == "inf" else -2).amax(-1)


def lipschitz_radius(network: FeedForward, x: Tensor, y: Tensor, norm: Norm = "2") -> Tensor:
    """Margin over the product of the layers' Lipschitz constants, (B,): a lower bound of the distance.

    Raises:
        BadInput: inputs or labels that do not fit, an unknown norm.

    """
    norm, network, x = _checked(network, x, y, norm)
    constant = max(abs(slope) for slope in SLOPES[network.activation])
    product = torch.ones(len(x), 1, dtype=x.dtype, device=x.device)
    for weight in network.weights[:-1]:
        product = product * (constant * operator_norm(weight, norm)).reshape(-1, 1)
    rows, _ = network.margin_layer(y)
    slopes = torch.linalg.vector_norm(rows, DUAL_ORDER[norm], dim=-1) * product
    return _margin_over_slope(network, x, y, slopes)


def local_lipschitz_radius(
    network: FeedForward, x: Tensor, y: Tensor, norm: Norm = "2", halvings: int = 30, most: float = 1e6
) -> Tensor:
    """The largest r ≤ margin/L(r), L(r) a bound of the Lipschitz constant inside the ball of radius r, (B,).

    Neurons that can pass no slope anywhere in the ball (by interval bounds) drop their rows and columns, those that can
    only pass the smaller slope count with it, the rest in full; the last layer drops its columns too. A larger ball
    has wider intervals, so L(r) grows with r, and the largest such r is found by bisection between the bound of the
    whole space and `most`. What is returned satisfied the inequality itself.

    Raises:
        BadInput: inputs or labels that do not fit, an unknown norm, `most` not positive.

    """
    norm, network, x = _checked(network, x, y, norm)
    if not 0 < most < math.inf:
        raise BadInput(f"the largest radius must be positive and finite, got {most}")
    halvings = whole(halvings, "halvings", 0)
    least = lipschitz_radius(network, x, y, norm)
    bounded = torch.isfinite(least)
    upper = torch.full_like(least, most)
    for _ in range(halvings):
        middle = torch.where(bounded & (least > 0), (least * upper).sqrt(), upper / 2)
        enough = _margin_over_slope(network, x, y, _local_slopes(network, Ball(x, middle, norm), y)) >= middle
        least, upper = torch.where(enough & bounded, middle, least), torch.where(enough, upper, middle)
    return least


def _local_slopes(network: FeedForward, ball: Ball, y: Tensor) -> Tensor:
    """Lipschitz bounds of the margins in the ball, (B, classes): norms of the layers restricted to what can pass."""
    left, right = (abs(slope) for slope in SLOPES[network.activation])
    product = torch.ones(len(ball.x), 1, dtype=ball.x.dtype, device=ball.x.device)
    passes: Tensor | None = None
    for index, (low, high) in enumerate(preactivation_bounds(network, ball)):
        # The largest slope that each neuron can have in the ball.
        both = torch.full_like(low, max(left, right))
        slope = torch.where(
            high <= 0, left * torch.ones_like(low), torch.where(low >= 0, right * torch.ones_like(low), both)
        )
        scaled = slope.unsqueeze(-1) * _restricted(network.weights[index], passes)
        product = product * operator_norm(scaled, ball.norm).unsqueeze(1)
        passes = slope > 0
    rows = _restricted(network.margin_layer(y)[0], passes)
    slopes: Tensor = torch.linalg.vector_norm(rows, DUAL_ORDER[ball.norm], dim=-1) * product
    return slopes


def _restricted(weight: Tensor, passes: Tensor | None) -> Tensor:
    """The columns of neurons that can pass a slope, the others 0."""
    return weight if passes is None else weight * passes.to(weight.dtype).unsqueeze(1)

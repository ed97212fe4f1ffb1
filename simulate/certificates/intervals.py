"""Bounds of all preactivations over a ball: intervals, pushed forward layer by layer.

The first layer is exact in any norm: w·δ ranges over ±r‖w‖_q, q dual to the ball's norm. Further layers take the worst
of each input interval; the last layer is not bounded output by output but through the margins w_y − w_c themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from simulate.attacks.norms import Norm, check_norm
from simulate.errors import BadInput
from simulate.feedforward import SLOPES, FeedForward, apply

DUAL_ORDER = {"inf": 1.0, "2": 2.0, "1": float("inf")}
"""q of the norm dual to ℓp."""


@dataclass(frozen=True)
class Ball:
    """Inputs {x + δ : ‖δ‖ ≤ r}. What holds on it holds on every part of it, such as its cut with a box.

    Attributes:
        x: centres, shape (B, d).
        radius: at least 0, shape (B,).
        norm: "inf", "2" or "1".

    Raises:
        BadInput: shapes that do not fit, centres or radii that are not finite, a negative radius, an unknown norm.

    """

    x: Tensor
    radius: Tensor
    norm: Norm

    def __post_init__(self) -> None:
        check_norm(self.norm)
        if self.x.ndim != 2 or self.radius.shape != (len(self.x),):
            shapes = f"{tuple(self.x.shape)} and {tuple(self.radius.shape)}"
            raise BadInput(f"a ball needs centres (B, d) and radii (B,), got {shapes}")
        if not bool(torch.isfinite(self.x).all()):
            raise BadInput("the centres of balls hold NaN or infinite numbers")
        if not bool((torch.isfinite(self.radius) & (self.radius >= 0)).all()):
            raise BadInput("the radii of balls must be finite and at least 0")

    def image(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Exact range of each entry of W(x + δ) + b: two tensors (B, out)."""
        centre = apply(weight, self.x) + bias
        reach = torch.linalg.vector_norm(weight, DUAL_ORDER[self.norm], dim=-1)
        spread = self.radius.unsqueeze(1) * reach
        return centre - spread, centre + spread


def affine_image(weight: Tensor, bias: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Range of each entry of W z + b over low ≤ z ≤ high: max(W, 0) low + min(W, 0) high + b, and the mirror."""
    centre, spread = (low + high) / 2, (high - low) / 2
    middle = apply(weight, centre) + bias
    reach = apply(weight.abs(), spread)
    return middle - reach, middle + reach


def sigma_image(activation: str, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Range of σ over [low, high], entry by entry."""
    left, right = SLOPES[activation]
    ends = torch.stack([torch.where(u > 0, right * u, left * u) for u in (low, high)])
    least, most = ends.amin(0), ends.amax(0)
    if left < 0:  # the kink at 0 is a minimum
        least = torch.where((low < 0) & (high > 0), torch.zeros_like(least), least)
    return least, most


def preactivation_bounds(network: FeedForward, ball: Ball) -> list[tuple[Tensor, Tensor]]:
    """(low, high) of u_1 … u_{L−1}, each of shape (B, width), valid for every point of the ball.

    Raises:
        BadInput: the ball is none of this network's inputs.

    """
    _check_fits(network, ball)
    bounds: list[tuple[Tensor, Tensor]] = []
    for index in range(len(network.weights) - 1):
        weight, bias = network.weights[index], network.biases[index]
        if index == 0:
            bounds.append(ball.image(weight, bias))
        else:
            bounds.append(affine_image(weight, bias, *sigma_image(network.activation, *bounds[-1])))
    return bounds


def _check_fits(network: FeedForward, ball: Ball) -> None:
    if ball.x.shape[1] != network.dim:
        raise BadInput(f"the network takes {network.dim} numbers, the balls have {ball.x.shape[1]}")
    batches = {one.shape[0] for one in network.weights if one.ndim == 3}
    if batches - {len(ball.x)}:
        raise BadInput(f"{batches.pop()} networks cannot meet {len(ball.x)} balls")


def interval_margin(network: FeedForward, ball: Ball, y: Tensor) -> Tensor:
    """Lower bound of each margin Z_y − Z_c over the ball, (B, classes); +inf for c = y.

    The last layer is eliminated: its inputs range over a box, and w_y − w_c is minimised over that box in closed form.

    Raises:
        BadInput: labels or inputs that are none of this network's.

    """
    rows, offsets = network.margin_layer(y)
    bounds = preactivation_bounds(network, ball)
    if not bounds:
        low, _ = ball.image(rows, offsets)
    else:
        low, _ = affine_image(rows, offsets, *sigma_image(network.activation, *bounds[-1]))
    return without_own(low, y)


def without_own(margins: Tensor, y: Tensor) -> Tensor:
    """+inf in the column of the own class, so that a minimum over classes is over the others."""
    if margins.shape[1] == 1:
        return margins
    return margins.scatter(1, y.unsqueeze(1), float("inf"))

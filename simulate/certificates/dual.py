"""Linear lower bounds of the margin in one backward pass: the dual of the triangle relaxation.

Over [l, h] with l < 0 < h a ReLU of u lies between α u (any 0 ≤ α ≤ 1) below and the chord h(u − l)/(h − l) above.
Going backwards from the margin's coefficients, each neuron takes the lower line where its coefficient is positive and
the upper where it is negative; what remains is linear in x and minimised over the ball exactly. With α = h/(h − l) it
is the bound of E. Wong and J. Z. Kolter (ICML 2018), with α ∈ {0, 1} by the larger half that of H. Zhang et al. (CROWN,
NeurIPS 2018); any α is valid, so α may be optimised by gradient ascent on the bound itself.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from simulate.certificates.intervals import DUAL_ORDER, Ball, preactivation_bounds, without_own
from simulate.errors import BadInput
from simulate.feedforward import SLOPES, FeedForward

Bounds = list[tuple[Tensor, Tensor]]
Slopes = Literal["parallel", "adaptive"]


def _lines(activation: str, low: Tensor, high: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Slope of the line below, slope and offset of the line above σ on [low, high]; the line below has offset 0.

    All three activations are convex with σ(0) = 0 (the left slope is the smaller): below serves any slope between
    the two of σ, and above the chord. A neuron that keeps its sign is linear.
    """
    left, right = SLOPES[activation]
    crossing = (low < 0) & (high > 0)
    # Numbers alone would meet in torch's default type, where 0.01 is another number.
    plain = torch.where(low >= 0, low.new_tensor(right), low.new_tensor(left))
    width = torch.where(crossing, high - low, 1)
    chord = (right * high - left * low) / width
    below = torch.where(crossing, alpha, plain)
    above = torch.where(crossing, chord, plain)
    offset = torch.where(crossing, right * high - chord * high, 0)
    return below, above, offset


def starting_alpha(network: FeedForward, bounds: Bounds, slopes: Slopes) -> list[Tensor]:
    """α of each hidden layer: the chord's slope ("parallel") or the nearer of the two slopes ("adaptive")."""
    left, right = SLOPES[network.activation]
    found = []
    for low, high in bounds:
        width = torch.where(high > low, high - low, 1)
        chord = ((right * high - left * low) / width).clamp(min(left, right), max(left, right))
        if slopes == "parallel":
            found.append(chord)
        elif slopes == "adaptive":
            found.append(torch.where(high > -low, low.new_tensor(right), low.new_tensor(left)))
        else:
            raise BadInput(f"the slopes are parallel or adaptive, got {slopes!r}")
    return found


def backward_bound(
    network: FeedForward, ball: Ball, bounds: Bounds, alpha: list[Tensor], rows: Tensor, offsets: Tensor
) -> Tensor:
    """Lower bound of rows·z_{L−1} + offsets over the ball, (B, m), for rows of shape (B, m, width).

    Args:
        network: its hidden layers up to len(bounds) are used.
        ball: inputs.
        bounds: of the preactivations of the hidden layers.
        alpha: slopes of the lines below, one tensor (B, width) or (B, m, width) a hidden layer.
        rows: coefficients of the last hidden layer's outputs.
        offsets: constants, (B, m).

    """
    coefficients, constant = rows, offsets
    for index in reversed(range(len(bounds))):
        low, high = (end.unsqueeze(1) for end in bounds[index])
        slope = alpha[index] if alpha[index].ndim == 3 else alpha[index].unsqueeze(1)
        below, above, offset = _lines(network.activation, low, high, slope)
        negative = coefficients.clamp_max(0)
        constant = constant + (negative * offset).sum(-1)
        coefficients = coefficients.clamp_min(0) * below + negative * above
        bias = network.biases[index]
        bias = bias if bias.ndim == 2 else bias.expand(len(ball.x), -1)
        constant = constant + torch.einsum("bmw,bw->bm", coefficients, bias)
        weight = network.weights[index]
        weight = weight if weight.ndim == 3 else weight.expand(len(ball.x), *weight.shape)
        coefficients = coefficients @ weight
    centre = torch.einsum("bmd,bd->bm", coefficients, ball.x)
    reach = torch.linalg.vector_norm(coefficients, DUAL_ORDER[ball.norm], dim=-1)
    found: Tensor = centre + constant - ball.radius.unsqueeze(1) * reach
    return found


def tightened_bounds(network: FeedForward, ball: Ball, slopes: Slopes = "adaptive") -> Bounds:
    """Bounds of all hidden preactivations, each layer by a backward pass through those before it.

    Intersected with interval bounds, which are sometimes the tighter ones.
    """
    plain = preactivation_bounds(network, ball)
    found: Bounds = plain[:1]
    for index in range(1, len(plain)):
        alpha = starting_alpha(network, found, slopes)
        weight, bias = network.weights[index], network.biases[index]
        rows = weight if weight.ndim == 3 else weight.expand(len(ball.x), *weight.shape)
        offsets = bias if bias.ndim == 2 else bias.expand(len(ball.x), -1)
        low = backward_bound(network, ball, found, alpha, rows, offsets)
        high = -backward_bound(network, ball, found, alpha, -rows, -offsets)
        # Both are valid; rounding must not make an interval empty.
        least, most = torch.maximum(low, plain[index][0]), torch.minimum(high, plain[index][1])
        found.append((torch.minimum(least, most), torch.maximum(least, most)))
    return found


def dual_margin(
    network: FeedForward,
    ball: Ball,
    y: Tensor,
    *,
    slopes: Slopes = "adaptive",
    optimise: int = 0,
    rate: float = 0.2,
) -> Tensor:
    """Lower bound of each margin Z_y − Z_c over the ball, (B, classes); +inf for c = y.

    Args:
        network: see `FeedForward`.
        ball: inputs.
        y: labels, (B,).
        slopes: of the lines below at the start.
        optimise: steps of Adam on the slopes, each class on its own; the best bound met is returned.
        rate: of Adam.

    Raises:
        BadInput: labels or inputs that are none of this network's, unknown slopes.

    """
    bounds = tightened_bounds(network, ball, slopes)
    rows, offsets = network.margin_layer(y)
    alpha = starting_alpha(network, bounds, slopes)
    best = backward_bound(network, ball, bounds, alpha, rows, offsets)
    if optimise and bounds:
        left, right = sorted(SLOPES[network.activation])
        free = [a.unsqueeze(1).repeat(1, rows.shape[1], 1).requires_grad_() for a in alpha]
        optimiser = torch.optim.Adam(free, lr=rate)
        for _ in range(optimise):
            with torch.enable_grad():
                value = backward_bound(network, ball, bounds, free, rows, offsets)
                optimiser.zero_grad()
                (-value.sum()).backward()  # type: ignore[no-untyped-call]
            best = torch.maximum(best, value.detach())
            optimiser.step()
            with torch.no_grad():
                for one in free:
                    one.clamp_(left, right)
    return without_own(best, y)

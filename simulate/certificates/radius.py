"""From bounds of margins to radii: bisection that returns only what was proved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from simulate.arguments import whole
from simulate.attacks.norms import Norm, check_norm
from simulate.attacks.problem import Problem, check_radius
from simulate.certificates.dual import dual_margin
from simulate.certificates.intervals import Ball, interval_margin
from simulate.certificates.rounding import rounding_allowance
from simulate.errors import BadInput
from simulate.feedforward import FeedForward

Method = Literal["interval", "parallel", "dual", "optimised"]
METHODS: tuple[Method, ...] = ("interval", "parallel", "dual", "optimised")

_LEAST = 1e-6
"""The smallest radius tried, as a share of the largest."""


def certified_radius(
    network: FeedForward,
    x: Tensor,
    y: Tensor,
    norm: Norm,
    method: Method = "dual",
    most: float | Tensor = 1e3,
    halvings: int = 30,
    steps: int = 20,
) -> Tensor:
    """The largest radius at which a bound proves every margin positive, (B,): a lower bound of the distance.

    Found by bisection of the logarithm from a millionth of `most`; 0 where even that cannot be proved. Every radius
    returned was itself proved, with the margin above what rounding can hide, so it does not matter that bounds need not
    fall with the radius. Computed in float64 whatever the network is in.

    Args:
        network: see `FeedForward`.
        x: inputs, (B, d).
        y: labels, (B,): classes, or ±1 for one output.
        norm: "inf", "2" or "1".
        method: "interval"; "parallel" and "dual" (one backward pass with the chord's slopes, and with the nearer of the
            two slopes); "optimised" (the latter, improved by gradient ascent).
        most: radii above this are not asked for; a number, or one a row, such as what an attack found.
        halvings: of the logarithm's interval.
        steps: of the gradient ascent, at each radius.

    Raises:
        BadInput: an unknown method or norm, labels or inputs that do not fit, `most` not positive.

    """
    if method not in METHODS:
        raise BadInput(f"the method is one of {', '.join(METHODS)}, got {method!r}")
    norm, network, x = check_norm(norm), network.double(), x.double()
    Problem.of(network, x, y)
    whole(halvings, "halvings", 0)
    whole(steps, "steps", 0)
    upper = check_radius(most, x, "largest radius").clone()
    ask = _question(network, x, y, norm, method, steps)
    all_proved, ceiling = ask(upper), upper
    least = upper * _LEAST
    least = torch.where(ask(least), least, 0)
    for _ in range(halvings):
        middle = torch.where(least > 0, (least * upper).sqrt(), upper)
        works = ask(middle) & (least > 0)
        least, upper = torch.where(works, middle, least), torch.where(works, upper, middle)
    return torch.where(all_proved, ceiling, least)


def _question(
    network: FeedForward, x: Tensor, y: Tensor, norm: Norm, method: Method, steps: int
) -> Callable[[Tensor], Tensor]:
    """Whether radii (B,) are proved."""

    def proved(radius: Tensor) -> Tensor:
        ball = Ball(x, radius, norm)
        if method == "interval":
            margins = interval_margin(network, ball, y)
        else:
            slopes: Literal["parallel", "adaptive"] = "parallel" if method == "parallel" else "adaptive"
            margins = dual_margin(
                network, ball, y, slopes=slopes, optimise=steps if method == "optimised" else 0
            )
        return (margins > rounding_allowance(network, ball, y)).all(1)

    return proved

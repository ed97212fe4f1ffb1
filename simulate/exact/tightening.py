"""Tighter bounds of the preactivations than backward passes give, by a programme or two for each neuron.

The bounds decide how many neurons a mixed-integer programme must branch on. A preactivation is minimised and maximised
by the same means as the margin: over the layers before it as they are (binaries: the bounds are exact), or over their
triangle relaxation (a linear programme).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from torch import Tensor

from simulate.attacks.norms import Norm
from simulate.certificates.intervals import Ball
from simulate.errors import BadInput
from simulate.exact.program import Answer, Bounds, Encoding, Floats
from simulate.exact.relaxation import bounds_on, everywhere
from simulate.exact.units import Scaled, scale
from simulate.feedforward import FeedForward

Tighten = Literal["dual", "lp", "exact"]
TIGHTEN: tuple[Tighten, ...] = ("dual", "lp", "exact")

_SLACK = 1e-5
"""In units of a neuron's range: feasibility tolerances of the solver must not cut off true values."""


def exact_bounds(
    network: FeedForward, ball: Ball, seconds: float = 60.0
) -> list[list[tuple[Floats, Floats]]]:
    """The exact range of every hidden preactivation over balls in ℓ∞ or ℓ1, widened by 1e-5 of its first bounds.

    Args:
        network: see `FeedForward`.
        ball: inputs.
        seconds: for each programme; at the limit what is proved until then is taken, which is valid but wider.

    Returns:
        For each row a list with (low, high) of every hidden layer, arrays (width,).

    Raises:
        BadInput: the norm is 2, which is no linear programme; a limit that is not positive.

    """
    if ball.norm == "2":
        raise BadInput("ranges over a ball in ℓ2 are no linear programme: the norm must be inf or 1")
    if not 0 < seconds < math.inf:
        raise BadInput(f"the time limit must be positive, got {seconds}")
    network = network.double()
    return [
        _exact_row(network.row(i), ball.x[i].double(), float(ball.radius[i]), ball.norm, seconds)
        for i in range(len(ball.x))
    ]


def _exact_row(one: FeedForward, x: Tensor, radius: float, norm: Norm, seconds: float) -> Bounds:
    bounds = bounds_on(one, x, radius, norm)
    if radius == 0 or not bounds:
        return bounds
    goal = (np.zeros(len(bounds[-1][0])), 0.0)
    scaled = scale(one, x.numpy(), everywhere(len(x)), bounds, goal, radius)
    tight = _solved(scaled, norm, seconds, exact=True, with_goal=False)
    assert tight is not None
    return [(low * unit, high * unit) for (low, high), unit in zip(tight, scaled.units, strict=True)]


def tightened(one: Scaled, norm: Norm, tighten: Tighten, seconds: float) -> Bounds | None:
    """Bounds on the part of the ball where the margin can be at most 0; None if there is no such part.

    Only neurons whose sign is open are asked for.

    Args:
        one: the question, in natural units.
        norm: "inf" or "1".
        tighten: "lp" takes the relaxation of network and goal, "exact" the layers before each neuron as they are,
            and the relaxation's answer first.
        seconds: for each programme.

    """
    found = _solved(one, norm, seconds, exact=False, with_goal=True)
    if found is None or tighten == "lp":
        return found
    again = Scaled(one.network, one.x, one.box, found, one.goal, one.radius, one.units)
    return _solved(again, norm, seconds, exact=True, with_goal=False, only_open=True)


def _solved(
    one: Scaled, norm: Norm, seconds: float, *, exact: bool, with_goal: bool, only_open: bool = False
) -> Bounds | None:
    """Minimise and maximise preactivations, layer after layer, each with the bounds found before it."""
    found = [(low.copy(), high.copy()) for low, high in one.bounds]
    for layer, (low, high) in enumerate(found):
        if with_goal:
            encoding = Encoding(one.network, one.x, norm, 1.0, found, one.box, one.goal)
        elif layer == 0:
            continue  # one linear layer: what a backward pass says is exact, but for a box
        else:
            encoding = Encoding(one.network, one.x, norm, 1.0, found[:layer], one.box)
        weight, bias = one.network.weights[layer].numpy(), one.network.biases[layer].numpy()
        asked = (low < 0) & (high > 0) if with_goal or only_open else low < high
        for j in np.flatnonzero(asked):
            coefficients, constant = encoding.affine(layer, weight[j], float(bias[j]))
            for sign in (1.0, -1.0):
                objective = {column: sign * value for column, value in coefficients.items()}
                answer = encoding.solve(objective, relax=not exact, seconds=seconds)
                if answer.optimal and answer.delta is None and with_goal:
                    return None
                least = _proved(answer, exact) + sign * constant - _SLACK
                if sign > 0:
                    low[j] = max(low[j], least)
                else:
                    high[j] = min(high[j], -least)
    return found


def _proved(answer: Answer, exact: bool) -> float:
    """What a programme says of its minimum: its proved bound, at any time limit; of a linear one, its value."""
    if exact:
        return answer.bound if answer.delta is not None or not answer.optimal else -math.inf
    return answer.value if answer.optimal else -math.inf

"""Does one step change the sign of a random network?

From x on √d·S^{d−1} the step goes to x + δ, where δ points along −sign(f)∇f (or the other directions of
`simulate.onestep`) and has length η‖∇f‖ for a step size η, or a given radius r. Two events are counted:

    flip    f(x)·f(x+δ) < 0
    differ  sign f(x) ≠ sign f(x+δ) with sign ∈ {−1, 0, 1}: also true when exactly one of the two is 0

The first is the headline; the second is the literal reading of "sign(f(x)) ≠ sign(f(x + η∇f(x)))"
(Lucchi 2024, lecture 11, Theorem 3), and larger where dead neurons make f exactly 0. With a zero gradient
there is no step: neither happens, and the share of such trials is reported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulate import activations, laws
from simulate.engine import CellResult, Columns, Experiment, observable
from simulate.errors import BadInput, RunFailed
from simulate.experiments.two_layer import TwoLayer, double, gradient_norm_json, in_float64, moments_json
from simulate.onestep import DIRECTIONS, ENGINES, Buffer, Draws, Response, outputs_after
from simulate.statistics import clopper_pearson, simultaneous_clopper_pearson
from simulate.streams import Stream

DEFAULT_STEPS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)

ROUNDING = 64.0
"""A computed output is trusted to ± ROUNDING · ε · L · (1 + r + r/‖∇f‖), ε the type's epsilon, L = max(1, Lip σ).

Rounding errors of the k terms of k^{−1/2} Σ a_j σ(y_j) are independent of the signs a_j, so they add like
√k · k^{−1/2}: no growth with k. The y_j are some ε(1 + r) off for a step r along a given direction, and the
direction itself is ε/‖∇f‖ off, for σ′ is known to ε and not to ε|σ′|. The dense engine also sums products of
W over d and over k terms, whose errors grow like a random walk: √max(k, d) times as much.
`tests/test_init_flip.py` measures that float32 stays below a quarter of the bound.
"""


@dataclass(frozen=True)
class InitFlip(TwoLayer):
    """The network of `TwoLayer`, with the steps to be tried: they read more from the same draws.

    Attributes:
        steps: step sizes η > 0; the perturbation is η‖∇f‖ long.
        radii: lengths r > 0 of the perturbation; these follow the steps in every table.
        directions: some of "gradient", "sign", "random"; all perturbations of one step have equal length. The
            sign step makes batches smaller, which can move the last digits of averages, never a draw.
        fixed_sign: go along +∇f whatever the sign of f: a different claim, true half as often.

    """

    steps: tuple[float, ...] = observable(default=DEFAULT_STEPS)
    radii: tuple[float, ...] = observable(default=())
    directions: tuple[str, ...] = observable(default=("gradient",))
    fixed_sign: bool = observable(default=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("steps", _positive(self.steps, "step"))
        self._set("radii", _positive(self.radii, "radius"))
        self._set(
            "directions", (self.directions,) if isinstance(self.directions, str) else tuple(self.directions)
        )
        if not self.steps and not self.radii:
            raise BadInput("give at least one step or radius")
        unknown = [direction for direction in self.directions if direction not in DIRECTIONS]
        if unknown or not self.directions:
            what = repr(unknown[0]) if unknown else "none"
            raise BadInput(f"direction is one of {', '.join(DIRECTIONS)}, got {what}")
        for repeated in (self.steps, self.radii, self.directions):
            if len(set(repeated)) < len(repeated):
                raise BadInput(f"a step, radius or direction is listed twice: {repeated}")

    @property
    def numbers_per_trial(self) -> int:
        """As for any two-layer network; the conditional sign step also draws two vectors of length d."""
        extra = 2 * self.dim if "sign" in self.directions and self.engine == "conditional" else 0
        return super().numbers_per_trial + extra


def _positive(values: Any, name: str) -> tuple[float, ...]:
    """The values as plain floats, for they are written to files; a single number counts as one of them."""
    try:
        numbers = tuple(float(value) for value in np.atleast_1d(values))
    except (TypeError, ValueError):
        raise BadInput(f"a {name} is a positive number, got {values!r}") from None
    for number in numbers:
        if not (math.isfinite(number) and number > 0):
            raise BadInput(f"a {name} is a positive number, got {number}")
    return numbers


def trial(parameters: InitFlip, stream: Stream, batch: int) -> Columns:
    """Columns of `batch` trials.

    Returns:
        flip, differ: boolean, shape (batch, directions, steps + radii).
        zero_gradient: boolean, shape (batch,).
        output, gradient_norm, gradient_norm_squared: f(x), ‖∇f(x)‖ and its square, shape (batch,).

    Raises:
        RunFailed: an output is not a number even in float64: σ overflows at the points that the step reaches.

    """
    del batch  # the stream knows it
    draw, _ = ENGINES[parameters.engine]
    draws = draw(parameters.width, parameters.dim, parameters.directions, stream)
    response, before, after = _evaluate(parameters, draws, stream.buffer)
    norm = response.gradient_norm
    if stream.dtype != torch.float64:
        before, after, norm = _settle(parameters, draws, response, before, after)
    if bool(before.isnan().any()) or bool(after.isnan().any()):
        raise RunFailed(
            f"an output of the {parameters.activation} network is not a number: the step is too long"
        )
    sign, moved = torch.sign(before)[:, None, None], torch.sign(after)
    return {
        "flip": sign * moved < 0,
        "differ": sign != moved,
        "zero_gradient": norm == 0,
        "output": before,
        "gradient_norm": norm,
        "gradient_norm_squared": norm**2,
    }


def _evaluate(parameters: InitFlip, draws: Draws, buffer: Buffer) -> tuple[Response, Tensor, Tensor]:
    """The response, f(x) of shape (B,), and f(x + δ) of shape (B, directions, steps + radii)."""
    activation = activations.get(parameters.activation)
    _, respond = ENGINES[parameters.engine]
    response = respond(parameters.width, parameters.dim, activation, parameters.directions, draws, buffer)
    outward = torch.ones_like(response.output) if parameters.fixed_sign else -torch.sign(response.output)
    after = []
    for direction in parameters.directions:
        # The random direction is symmetric: nothing is lost by not turning it against f.
        heading = torch.ones_like(outward) if direction == "random" else outward
        lengths = [heading * length for length in _lengths(parameters, response.gradient_norm)]
        after.append(outputs_after(response, direction, lengths, activation, buffer))
    return response, response.output, torch.stack(after, dim=1)


def _lengths(parameters: InitFlip, norm: Tensor) -> list[Tensor]:
    alive = (norm > 0).to(norm.dtype)
    return [step * norm for step in parameters.steps] + [radius * alive for radius in parameters.radii]


def _settle(
    parameters: InitFlip, draws: Draws, response: Response, before: Tensor, after: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs before and after and the gradient norm in float64, recomputed where a trial is doubtful.

    Doubtful is a trial with an output whose sign rounding could have turned, or a gradient too small for
    float32; with the dense engine, whose u = W x is itself rounded, also one with a neuron at a kink of σ,
    for there σ′ could have jumped. One choice stays with float32: the sign of a component of ∇f that is 0 to
    rounding. The sign step then is that of a gradient 10⁻⁷ away.
    """
    activation = activations.get(parameters.activation)
    unit = ROUNDING * torch.finfo(before.dtype).eps * max(1.0, activation.lipschitz or 1.0)
    if parameters.engine == "dense":
        unit *= math.sqrt(max(parameters.width, parameters.dim))
    norm = response.gradient_norm.unsqueeze(1)
    longest = torch.stack(_lengths(parameters, response.gradient_norm), dim=1)  # (B, steps)
    allowed = unit * (1 + longest + longest / torch.where(norm > 0, norm, 1))[:, None, :]
    certain = ((after.abs() > allowed) & after.isfinite()).flatten(1).all(dim=1) & (before.abs() > unit)
    certain &= response.gradient_norm > 0
    if parameters.engine == "dense":
        for kink in activation.kinks:
            near = (response.preactivations - kink).abs() <= unit * (1 + abs(kink))
            certain &= ~near.any(dim=1)
    if activation.lipschitz is None:
        certain[:] = False  # without a slope bound no rounding bound is stated
    before, after, norm = double(before), double(after), double(response.gradient_norm)
    rows = (~certain).nonzero().squeeze(1).to(before.device)
    if len(rows):
        exact, before[rows], after[rows] = _evaluate(parameters, *in_float64(draws, rows))
        norm[rows] = exact.gradient_norm
    return before, after, norm


def report(cell: CellResult, confidence: float, simultaneous: bool = False) -> dict[str, Any]:
    """One entry of the document's `results`, see the README for its keys.

    Args:
        cell: parameters and summary.
        confidence: of every interval.
        simultaneous: let the intervals of all steps and directions of this cell hold at once (Bonferroni)
            instead of one by one.

    """
    parameters, summary = cell.parameters, cell.summary
    activation = activations.get(parameters.activation)
    band = simultaneous_clopper_pearson if simultaneous else clopper_pearson
    counts = {name: summary.counts[name] for name in ("flip", "differ")}
    ends = {name: band(count, summary.trials, confidence) for name, count in counts.items()}

    def proportion(name: str, place: tuple[int, int]) -> dict[str, float]:
        return {
            "probability": float(counts[name][place] / summary.trials),
            "low": float(ends[name][0][place]),
            "high": float(ends[name][1][place]),
        }

    norm = moments_json(summary.moments["gradient_norm"], confidence)
    steps: list[tuple[str, float]] = [("step", step) for step in parameters.steps]
    steps += [("radius", radius) for radius in parameters.radii]
    rows = []
    for i, direction in enumerate(parameters.directions):
        for j, (kind, value) in enumerate(steps):
            step, radius = (value, None) if kind == "step" else (None, value)
            limit = laws.flip_probability_limit(
                activation, step=step, radius=radius, direction=direction, fixed_sign=parameters.fixed_sign
            )
            # δ is η‖∇f‖ or r long: its share of ‖x‖ = √d follows from the gradient norm.
            scale = value / math.sqrt(parameters.dim)
            relative = (
                {key: scale * norm[key] for key in ("mean", "low", "high")}
                if step is not None
                else {"mean": scale, "low": scale, "high": scale}
            )
            rows.append(
                {
                    "direction": direction,
                    "step": step,
                    "radius": radius,
                    **proportion("flip", (i, j)),
                    "limit": float(np.asarray(limit)),
                    "differ": proportion("differ", (i, j)),
                    "relative_perturbation": relative,
                }
            )
    zero = int(summary.counts["zero_gradient"])
    low, high = clopper_pearson(zero, summary.trials, confidence)
    output = moments_json(summary.moments["output"], confidence)
    return {
        "width": parameters.width,
        "dim": parameters.dim,
        "activation": parameters.activation,
        "trials": summary.trials,
        "engine": parameters.engine,
        "fixed_sign": parameters.fixed_sign,
        "flip": rows,
        "zero_gradient": {"share": zero / summary.trials, "low": float(low), "high": float(high)},
        "output": {**output, "exact_std": math.sqrt(laws.output_variance(activation))},
        "gradient_norm": gradient_norm_json(cell, confidence),
    }


INIT_FLIP = Experiment("init-flip", trial, InitFlip)

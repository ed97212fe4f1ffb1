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
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulate import activations, laws
from simulate.engine import Columns, Experiment, observable
from simulate.errors import BadInput, RunFailed
from simulate.experiments.random_network import RandomNetwork, deep_response, double, in_float64
from simulate.firstflip import FirstFlip, first_flip
from simulate.onestep import DIRECTIONS, ENGINES, Buffer, Draws, Response, outputs_after
from simulate.streams import Stream

DEFAULT_STEPS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)

ROUNDING = 64.0
"""A computed output is trusted to ± ROUNDING · ε · L · (1 + r + r/‖∇f‖), ε the type's epsilon, L = max(1, Lip σ).

Rounding errors of the k terms of k^{−1/2} Σ a_j σ(y_j) are independent of the signs a_j, so they add like
√k · k^{−1/2}: no growth with k. The y_j are some ε(1 + r) off for a step r along a given direction, and the
direction itself is ε/‖∇f‖ off, for σ′ is known to ε and not to ε|σ′|. The dense engine also sums products of
W over d and over k terms, whose errors grow like a random walk: √max(k, d) times as much.
`tests/test_init_flip.py` measures that float32 stays below an eighth of the bound.
"""


@dataclass(frozen=True)
class InitFlip(RandomNetwork):
    """The network of `RandomNetwork`, with the steps to be tried: they read more from the same draws.

    One exception: deeper than two layers, the lazy engine asks its matrices for the answer to each step, and what
    it draws for one depends on what was asked before. Other steps then show other networks, of the same law.

    Attributes:
        steps: step sizes η > 0; the perturbation is η‖∇f‖ long.
        radii: lengths r > 0 of the perturbation; these follow the steps in every table.
        directions: some of "gradient", "sign", "random"; all perturbations of one step have equal length. The
            sign step makes batches smaller, which can move the last digits of averages, never a draw.
        fixed_sign: go along +∇f whatever the sign of f: a different claim, true half as often.
        gammas: failure probabilities γ in (0, 1): look for the smallest |η| that flips with probability 1 − γ.
        minimal_step: also find, in each trial and direction, the smallest step that flips; exact or certified at
            depth 2, see `simulate.firstflip`, and on the fixed `length_grid` in deeper networks.

    """

    steps: tuple[float, ...] = observable(default=DEFAULT_STEPS)
    radii: tuple[float, ...] = observable(default=())
    directions: tuple[str, ...] = observable(default=("gradient",))
    fixed_sign: bool = observable(default=False)
    gammas: tuple[float, ...] = observable(default=())
    minimal_step: bool = observable(default=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set("steps", _positive(self.steps, "step"))
        self._set("radii", _positive(self.radii, "radius"))
        self._set("gammas", _positive(self.gammas, "gamma"))
        self._set(
            "directions", (self.directions,) if isinstance(self.directions, str) else tuple(self.directions)
        )
        if not self.steps and not self.radii:
            raise BadInput("give at least one step or radius")
        if any(gamma >= 1 for gamma in self.gammas):
            raise BadInput(f"gamma must lie strictly between 0 and 1, got {max(self.gammas)}")
        unknown = [direction for direction in self.directions if direction not in DIRECTIONS]
        if unknown or not self.directions:
            what = repr(unknown[0]) if unknown else "none"
            raise BadInput(f"direction is one of {', '.join(DIRECTIONS)}, got {what}")
        for repeated in (self.steps, self.radii, self.directions, self.gammas):
            if len(set(repeated)) < len(repeated):
                raise BadInput(f"a step, radius, direction or gamma is listed twice: {repeated}")

    @property
    def numbers_per_trial(self) -> int:
        """As for any network; the conditional sign step also draws two vectors of length d."""
        extra = 2 * self.dim if "sign" in self.directions and self.engine == "conditional" else 0
        return super().numbers_per_trial + extra

    @property
    def reach(self) -> float:
        """Longest perturbation at which a first flip is looked for where that is not decided exactly: 8 ‖x‖."""
        return 8 * math.sqrt(self.dim)

    @property
    def length_grid(self) -> tuple[float, ...]:
        """Lengths of the perturbation at which the minimal step of a deep network is looked for."""
        return tuple(np.geomspace(self.reach / 2000, self.reach, 120).tolist())

    @property
    def limit_steps(self) -> NDArray[np.float64]:
        """The limit's |η| for each γ; ∞ where none flips with probability 1 − γ."""
        return laws.step_for_failure_probability(
            self.activation, self.gammas, self.depth, self.gain, self.fixed_sign
        )

    @property
    def gamma_grid(self) -> tuple[float, ...]:
        """The step sizes at which `gammas` are looked up; empty without gammas.

        From a quarter of the limit's answer for the largest γ to eight times that for the smallest in ratios of
        1.05, and then twelve doublings, so that "no |η| does" looks far.
        """
        return _gamma_grid(self)


@cache
def _gamma_grid(parameters: InitFlip) -> tuple[float, ...]:
    if not parameters.gammas:
        return ()
    answers = parameters.limit_steps
    finite = answers[np.isfinite(answers)]
    # Where no step answers in the limit either, look around η = 1.
    finite = finite if len(finite) else np.array([1.0])
    low, high = float(finite.min()) / 4, float(finite.max()) * 8
    dense = np.geomspace(low, high, math.ceil(math.log(high / low) / math.log(1.05)) + 1)
    return (*dense.tolist(), *(high * 2.0**i for i in range(1, 13)))


@dataclass(frozen=True)
class Moves:
    """Every point at which outputs are wanted: for each, its direction and its signed length in each trial.

    Attributes:
        directions: one name a point.
        lengths: shape (B, points).

    """

    directions: tuple[str, ...]
    lengths: Tensor


def trial(parameters: InitFlip, stream: Stream, batch: int) -> Columns:
    """Columns of `batch` trials.

    Returns:
        flip, differ: boolean, shape (batch, directions, steps + radii).
        flip_on_grid: boolean, shape (batch, len(gamma_grid)), along the gradient; with gammas only.
        zero_gradient: boolean, shape (batch,).
        output, gradient_norm, gradient_norm_squared: f(x), ‖∇f(x)‖ and its square, shape (batch,).
        first_flip.D: the smallest perturbation along direction D that flips, over ‖∇f‖ (so in units of |η|), ∞ if
            there is none; never.D, never_differ.D, the same with _certified, unresolved.D: see `simulate.firstflip`;
            shape (batch,), with minimal_step only.

    Raises:
        RunFailed: an output is not a number even in float64: σ overflows at the points that the step reaches.

    """
    del batch  # the stream knows it
    observe = _through_layers if parameters.through_layers else _in_one_step
    before, after, norm, first_flips = observe(parameters, stream)
    if bool(before.isnan().any()) or bool(after.isnan().any()):
        raise RunFailed(
            f"an output of the {parameters.activation} network is not a number: the step is too long"
        )
    sign, moved = torch.sign(before)[:, None], torch.sign(after)
    sizes = len(parameters.steps) + len(parameters.radii)
    main = len(parameters.directions) * sizes
    shape = (-1, len(parameters.directions), sizes)
    columns = {
        "flip": (sign * moved < 0)[:, :main].reshape(shape),
        "differ": (sign != moved)[:, :main].reshape(shape),
        "zero_gradient": norm == 0,
        "output": before,
        "gradient_norm": norm,
        "gradient_norm_squared": norm**2,
    }
    if parameters.gammas:
        columns["flip_on_grid"] = (sign * moved < 0)[:, main:]
    for direction, found in first_flips.items():
        columns[f"first_flip.{direction}"] = torch.where(norm > 0, found.length / norm, math.inf)
        for name, never in (("never", torch.isinf(found.length)), ("never_differ", ~found.zero)):
            columns[f"{name}.{direction}"] = never
            columns[f"{name}_certified.{direction}"] = never & ~found.unresolved
        columns[f"unresolved.{direction}"] = found.unresolved
    return columns


Observation = tuple[Tensor, Tensor, Tensor, dict[str, FirstFlip]]
"""f(x) (B,), f at all moves (B, points), ‖∇f‖ (B,), and the first flip along each direction, in float64."""


def _through_layers(parameters: InitFlip, stream: Stream) -> Observation:
    response = deep_response(parameters, _wanted(parameters), stream)
    norm = torch.linalg.vector_norm(response.gradient, dim=1)
    heading = _heading(parameters, response.output)
    moves = _moves(parameters, heading, norm)
    points = range(len(moves.directions))
    after = torch.empty_like(moves.lengths)
    for direction in set(moves.directions):
        places = [i for i in points if moves.directions[i] == direction]
        after[:, places] = response.outputs_after(direction, moves.lengths[:, places].unbind(1))
    first: dict[str, FirstFlip] = {}
    if parameters.minimal_step and parameters.depth == 2:
        sigma = activations.get(parameters.activation)
        for direction in parameters.directions:
            image = _turned(heading, direction) * response.images[direction]
            signs = response.network.signs
            first[direction] = first_flip(response.preactivations, signs, image, sigma, parameters.reach)
    elif parameters.minimal_step:
        # No line through a deep network stays a line: a grid of lengths, the same whatever else is asked.
        for direction in parameters.directions:
            turn = _turned(heading, direction).squeeze(1)
            grid = torch.tensor(parameters.length_grid, dtype=norm.dtype, device=norm.device)
            outputs = response.outputs_after(direction, [turn * length for length in grid])
            flips = torch.sign(outputs) * torch.sign(response.output)[:, None] < 0
            length = torch.where(flips, grid, math.inf).amin(1)
            everywhere = torch.ones_like(norm, dtype=torch.bool)
            first[direction] = FirstFlip(length, everywhere, torch.isfinite(length), "grid")
    return response.output, after, norm, first


def _in_one_step(parameters: InitFlip, stream: Stream) -> Observation:
    draw, _ = ENGINES[parameters.engine]
    draws = draw(parameters.width, parameters.dim, _wanted(parameters), stream)
    response, moves, after = _evaluate(parameters, draws, stream.buffer)
    before, norm = response.output, response.gradient_norm
    if stream.dtype != torch.float64:
        before, after, norm = _settle(parameters, draws, response, moves, after)
    first = {}
    if parameters.minimal_step:
        heading = _heading(parameters, before)
        for direction in parameters.directions:
            image = _turned(heading, direction) * double(response.images[direction])
            first[direction] = first_flip(
                response.preactivations, response.signs, image, parameters.sigma, parameters.reach
            )
    return before, after, norm, first


def _evaluate(parameters: InitFlip, draws: Draws, buffer: Buffer) -> tuple[Response, Moves, Tensor]:
    """The response, the moves, and f at all of them, of shape (B, points)."""
    _, respond = ENGINES[parameters.engine]
    sigma, wanted = parameters.sigma, _wanted(parameters)
    response = respond(parameters.width, parameters.dim, sigma, wanted, draws, buffer)
    moves = _moves(parameters, _heading(parameters, response.output), response.gradient_norm)
    after = [
        outputs_after(response, direction, [length], sigma, buffer)
        for direction, length in zip(moves.directions, moves.lengths.unbind(1), strict=True)
    ]
    return response, moves, torch.cat(after, dim=1)


def _wanted(parameters: InitFlip) -> tuple[str, ...]:
    """The directions whose images are needed."""
    along = ("gradient",) if parameters.gammas else ()
    return tuple(dict.fromkeys((*parameters.directions, *along)))


def _heading(parameters: InitFlip, output: Tensor) -> Tensor:
    """Which way to go along a direction: against f, or forwards by decree."""
    return torch.ones_like(output) if parameters.fixed_sign else -torch.sign(output)


def _turned(heading: Tensor, direction: str) -> Tensor:
    """The heading as a column; a random direction is symmetric, nothing is lost by not turning it against f."""
    return (torch.ones_like(heading) if direction == "random" else heading).unsqueeze(1)


def _moves(parameters: InitFlip, heading: Tensor, norm: Tensor) -> Moves:
    """All points in the order of the columns: direction by direction its steps and radii, then the grid."""
    alive = (norm > 0).to(norm.dtype)
    sizes = [step * norm for step in parameters.steps] + [radius * alive for radius in parameters.radii]
    directions = [direction for direction in parameters.directions for _ in sizes]
    lengths = [
        _turned(heading, direction).squeeze(1) * size for direction in parameters.directions for size in sizes
    ]
    directions += ["gradient"] * len(parameters.gamma_grid)
    lengths += [heading * step * norm for step in parameters.gamma_grid]
    return Moves(tuple(directions), torch.stack(lengths, dim=1))


def _settle(
    parameters: InitFlip, draws: Draws, response: Response, moves: Moves, after: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs before and after and the gradient norm in float64, recomputed where a trial is doubtful.

    Doubtful is a trial with an output whose sign rounding could have turned, or a gradient too small for
    float32; with the dense engine, whose u = W x is itself rounded, also one with a neuron at a kink of σ,
    for there σ′ could have jumped. One choice stays with float32: the sign of a component of ∇f that is 0 to
    rounding. The sign step then is that of a gradient 10⁻⁷ away.
    """
    sigma, before = parameters.sigma, response.output
    unit = ROUNDING * torch.finfo(before.dtype).eps * max(1.0, sigma.lipschitz or 1.0)
    if parameters.engine == "dense":
        unit *= math.sqrt(max(parameters.width, parameters.dim))
    norm, length = response.gradient_norm.unsqueeze(1), moves.lengths.abs()
    allowed = unit * (1 + length + length / torch.where(norm > 0, norm, 1))
    # What is doubtful whatever the steps are, and what only a step makes so: output and gradient are replaced
    # for the first alone, so that another step changes no bit of them.
    settled = (before.abs() > unit) & (response.gradient_norm > 0)
    if parameters.engine == "dense":
        # The sums behind u = W x err by at most (8 + √d) ε in 10⁵ neurons tried at each d from 40 to 10⁶: twice that.
        blur = (16 + 2 * math.sqrt(parameters.dim)) * torch.finfo(response.output.dtype).eps
        for kink in sigma.kinks:
            near = (response.preactivations - kink).abs() <= blur * (1 + abs(kink))
            settled &= ~near.any(dim=1)
    if sigma.lipschitz is None:
        settled[:] = False  # without a slope bound no rounding bound is stated
    certain = ((after.abs() > allowed) & after.isfinite()).all(dim=1) & settled
    before, after, norm = double(before), double(after), double(response.gradient_norm)
    rows = (~certain).nonzero().squeeze(1).to(before.device)
    if len(rows):
        exact, _, after[rows] = _evaluate(parameters, *in_float64(draws, rows))
        base = (~settled[rows]).to(before.device)
        before[rows[base]], norm[rows[base]] = exact.output[base], exact.gradient_norm[base]
    return before, after, norm


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


INIT_FLIP = Experiment("init-flip", trial, InitFlip, ("flip",))

"""What a trial of init-flip sees: f before the step and after it, ‖∇f‖, and where the sign first flips.

Four ways lead there: layer by layer for deep and lazy networks, the neurons near the kink alone for the event engine,
the compiled kernel of `simulate.fused` for what it knows, and the torch form of `simulate.onestep` for everything else.
Signs that rounding could have turned are settled in float64 from the same draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from simulate import activations, events, fused
from simulate.experiments.random_network import deep_response, double, drawn_again, in_float64
from simulate.firstflip import FirstFlip, first_flip
from simulate.onestep import ENGINES, Buffer, Draws, Response, outputs_after
from simulate.streams import Stream

if TYPE_CHECKING:
    from simulate.experiments.init_flip import InitFlip

ROUNDING = 64.0
"""A computed output is trusted to ± ROUNDING · ε · L · (1 + r + r/‖∇f‖), ε the type's epsilon, L = max(1, Lip σ).

Rounding errors of the k terms of k^{−1/2} Σ a_j σ(y_j) are independent of the signs a_j, so they add like
√k · k^{−1/2}: no growth with k. The y_j are some ε(1 + r) off for a step r along a given direction, and the
direction itself is ε/‖∇f‖ off, for σ′ is known to ε and not to ε|σ′|. The dense engine also sums products of
W over d and over k terms, whose errors grow like a random walk: √max(k, d) times as much.
`tests/test_init_flip.py` measures that float32 stays below an eighth of the bound.
"""

Observation = tuple[Tensor, Tensor, Tensor, dict[str, FirstFlip]]
"""f(x) (B,), f at all moves (B, points), ‖∇f‖ (B,), and the first flip along each direction, in float64."""


@dataclass(frozen=True)
class Moves:
    """Every point at which outputs are wanted: for each, its direction and its signed length in each trial.

    Attributes:
        directions: one name a point.
        lengths: shape (B, points).

    """

    directions: tuple[str, ...]
    lengths: Tensor

    def along(self, direction: str) -> list[int]:
        """The places of the points that lie along a direction."""
        return [place for place, name in enumerate(self.directions) if name == direction]


def observe(parameters: InitFlip, stream: Stream) -> Observation:
    """The outputs of the trials of a stream at every point that the parameters ask for."""
    return (_through_layers if parameters.through_layers else _in_one_step)(parameters, stream)


def _through_layers(parameters: InitFlip, stream: Stream) -> Observation:
    response = deep_response(parameters, parameters.wanted, stream)
    norm = torch.linalg.vector_norm(response.gradient, dim=1)
    heading = _heading(parameters, response.output)
    moves = _moves(parameters, heading, norm)
    after = torch.empty_like(moves.lengths)
    for direction in set(moves.directions):
        places = moves.along(direction)
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
    if region := parameters.region:
        steps, radii, fixed = parameters.steps, parameters.radii, parameters.fixed_sign
        few = events.observe(stream, region, parameters.dim, steps, radii, fixed_sign=fixed)
        return few.output, few.after[0], few.gradient_norm, {}
    draw, _ = ENGINES[parameters.one_step_engine]
    compiled = parameters.compiled_on(stream.device.type, parameters.wanted, stream.dtype)
    lines = _lines(parameters) if compiled else ()
    left = [name for name in parameters.wanted if name not in [line.direction for line in lines]]
    draws: Draws | None = None
    response: Response | None = None
    if not compiled or left or parameters.minimal_step:
        draws = draw(parameters.width, parameters.dim, parameters.wanted, stream)
        response, moves, after = evaluate(parameters, draws, stream.buffer, left)
        before, norm = response.output, response.gradient_norm
    if compiled:
        # What the kernel leaves to the torch form has got the same numbers, so both see the same networks.
        seen = fused.observe(
            stream,
            parameters.sigma,
            parameters.width,
            parameters.dim,
            lines,
            fixed_sign=parameters.fixed_sign,
        )
        before, norm = seen.output, seen.gradient_norm
        moves = _moves(parameters, _heading(parameters, before), norm)
        outputs = torch.empty_like(moves.lengths)
        for line, found in zip(lines, seen.after, strict=True):
            outputs[:, moves.along(line.direction)] = found
        for direction in left:
            places = moves.along(direction)
            outputs[:, places] = after[:, places].double()
        after = outputs

    def again(rows: Tensor) -> tuple[Draws, Buffer]:
        if draws is not None:
            return in_float64(draws, rows)
        return drawn_again(parameters, parameters.wanted, stream, rows)

    exact = compiled and fused.computes_in_float64(parameters.sigma, stream.dtype)
    if stream.dtype != torch.float64 and (left or not exact):
        doubtful = [place for name in left for place in moves.along(name)] if exact else None
        before, after, norm = _settle(parameters, before, after, norm, moves, again, response, doubtful)
    first = {}
    if parameters.minimal_step:
        assert response is not None
        heading = _heading(parameters, before)
        for direction in parameters.directions:
            image = _turned(heading, direction) * double(response.images[direction])
            first[direction] = first_flip(
                response.preactivations, response.signs, image, parameters.sigma, parameters.reach
            )
    return before, after, norm, first


def evaluate(
    parameters: InitFlip, draws: Draws, buffer: Buffer, directions: Sequence[str] | None = None
) -> tuple[Response, Moves, Tensor]:
    """The response, the moves, and f at them, (B, points), by the torch form.

    Only along some directions if they are named: elsewhere the outputs are NaN.
    """
    _, respond = ENGINES[parameters.one_step_engine]
    sigma, wanted = parameters.sigma, parameters.wanted
    response = respond(parameters.width, parameters.dim, sigma, wanted, draws, buffer)
    moves = _moves(parameters, _heading(parameters, response.output), response.gradient_norm)
    after = torch.full_like(moves.lengths, math.nan)
    for direction in wanted if directions is None else directions:
        places = moves.along(direction)
        after[:, places] = outputs_after(
            response, direction, moves.lengths[:, places].unbind(1), sigma, buffer
        )
    return response, moves, after


def _lines(parameters: InitFlip) -> tuple[fused.Line, ...]:
    """What is asked of the compiled kernel, in the order of `_moves`."""
    lines = []
    for direction in parameters.wanted:
        if direction in fused.DIRECTIONS:
            asked = direction in parameters.directions
            steps = parameters.steps if asked else ()
            radii = parameters.radii if asked else ()
            grid = parameters.gamma_grid if direction == "gradient" else ()
            lines.append(fused.Line(direction, steps, radii, grid))
    return tuple(lines)


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
    parameters: InitFlip,
    before: Tensor,
    after: Tensor,
    norm: Tensor,
    moves: Moves,
    again: Callable[[Tensor], tuple[Draws, Buffer]],
    response: Response | None,
    doubtful: list[int] | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs before and after and the gradient norm in float64, recomputed where a trial is doubtful.

    `doubtful` names the moves that float32 computed, where it did not compute everything.

    Doubtful is a trial with an output whose sign rounding could have turned, or a gradient too small for
    float32; with the dense engine, whose u = W x is itself rounded, also one with a neuron at a kink of σ,
    for there σ′ could have jumped. One choice stays with float32: the sign of a component of ∇f that is 0 to
    rounding. The sign step then is that of a gradient 10⁻⁷ away.
    """
    sigma, epsilon = parameters.sigma, torch.finfo(torch.float32).eps
    unit = ROUNDING * epsilon * max(1.0, sigma.lipschitz or 1.0)
    if parameters.engine == "dense":
        unit *= math.sqrt(max(parameters.width, parameters.dim))
    column, length = norm.unsqueeze(1), moves.lengths.abs()
    allowed = unit * (1 + length + length / torch.where(column > 0, column, 1))
    # What is doubtful whatever the steps are, and what only a step makes so: output and gradient are replaced
    # for the first alone, so that another step changes no bit of them.
    settled = (before.abs() > unit) & (norm > 0)
    if parameters.engine == "dense":
        assert response is not None
        # The sums behind u = W x err by at most (8 + √d) ε in 10⁵ neurons tried at each d from 40 to 10⁶: twice that.
        blur = (16 + 2 * math.sqrt(parameters.dim)) * epsilon
        for kink in sigma.kinks:
            near = (response.preactivations - kink).abs() <= blur * (1 + abs(kink))
            settled &= ~near.any(dim=1)
    certain = ((after.abs() > allowed) & after.isfinite()).all(dim=1)
    if sigma.lipschitz is None:  # without a slope bound no rounding bound is stated
        settled[:], certain[:] = False, False
    if doubtful is not None:
        settled[:] = True
    before, after, norm = double(before), double(after), double(norm)
    # Each in a call of its own: how torch rounds a row can depend on the rows beside it.
    for chosen in (~settled, settled & ~certain):
        rows = chosen.nonzero().squeeze(1).to(before.device)
        if not len(rows):
            continue
        exact, _, outputs = evaluate(parameters, *again(rows))
        outputs = outputs.to(after.device)
        if doubtful is None:
            after[rows] = outputs
        else:
            after[rows[:, None], doubtful] = outputs[:, doubtful]
        if chosen[rows[0]] and not settled[rows[0]]:
            before[rows] = exact.output.to(before.device)
            norm[rows] = exact.gradient_norm.to(norm.device)
    return before, after, norm

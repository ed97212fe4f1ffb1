"""Projected gradient descent on the margin or the loss: normalised steepest steps, projected, from many starts.

One iteration is δ ← P(δ + α_t v), v the steepest direction of the objective in the attack's norm and P the
projection onto ball and box together. With one step of full length from 0 this is the fast gradient sign method
(ℓ∞) or its ℓ2 and ℓ1 relatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice

import torch
from torch import Tensor

from simulate.arguments import whole
from simulate.attacks.along import shorten
from simulate.attacks.goal import Objective
from simulate.attacks.norms import Ball, Norm, check_norm, project, scaled, steepest, uniform
from simulate.attacks.problem import Attacked, Box, Network, Problem, check_radius
from simulate.errors import BadInput

_BATCH_NUMBERS = 1 << 22
"""Numbers of the inputs of all starts that are followed at once: beyond this a batch gains nothing more."""


def pgd(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    radius: float | Tensor,
    norm: Norm = "inf",
    steps: int = 40,
    restarts: int = 1,
    step: float | None = None,
    random_start: bool = False,
    objective: Objective = "margin",
    target: Tensor | int | None = None,
    box: Box | None = None,
    seed: int = 0,
) -> Attacked:
    """Look for a misclassified point in the ball of a radius around each input.

    The point of smallest margin over all steps and starts is returned, x itself if none is below its margin. The
    steps shrink like a cosine from `step` to a hundredth of it.

    Args:
        network: see `simulate.attacks.problem`.
        x: inputs, shape (B, *shape).
        y: labels, shape (B,).
        radius: of the ball, positive; one number, or one a row.
        norm: "inf", "2" or "1".
        steps: gradient steps of each start.
        restarts: starts, followed together; the first is at x unless `random_start`, the others uniform in the ball.
        step: length of the first step over the radius; by default 2.5/steps^{1/2}, at most 1.
        random_start: whether the first start is random too.
        objective: what is climbed, see `simulate.attacks.problem`; success is judged by the margin in any case.
        target: the class wanted for each row, instead of any wrong one.
        box: ends that x + δ keeps.
        seed: of the random starts.

    Raises:
        BadInput: see `Problem.of`; a radius, step or count that is not positive, an unknown norm or objective.

    """
    problem = Problem.of(network, x, y, box, target)
    norm, radii = check_norm(norm), check_radius(radius, x)
    problem.objective(objective)
    steps, restarts = whole(steps, "steps", 1), whole(restarts, "restarts", 1)
    first = first_step(step, steps)
    low, high = problem.room()
    generator = torch.Generator(device="cpu").manual_seed(whole(seed, "seed", 0))
    best, best_margin = torch.zeros_like(low), torch.full_like(low[:, 0], math.inf)
    if random_start:  # else the first start is x itself
        best_margin = problem.evaluate(problem.x)
    zero = torch.zeros(len(low), dtype=torch.bool, device=low.device)

    def starts() -> Iterator[Tensor]:
        if not random_start:
            yield torch.zeros_like(low)
        for _ in range(restarts if random_start else restarts - 1):
            yield project(uniform(norm, radii, low.shape, generator, low), norm, radii, low, high)

    for found, margin, dead in descend_from(problem, starts(), norm, radii, steps, first, objective):
        better = margin < best_margin
        best = torch.where(better.unsqueeze(1), found, best)
        best_margin = torch.where(better, margin, best_margin)
        zero |= dead
    return problem.attacked(best, norm, zero, steps * restarts)


def first_step(step: float | None, steps: int) -> float:
    """The length of the first step over the radius.

    Raises:
        BadInput: a step that is not positive.

    """
    first = min(1.0, 2.5 / math.sqrt(steps)) if step is None else float(step)
    if not 0 < first < math.inf:
        raise BadInput(f"the step must be positive, got {step}")
    return first


def descend_from(
    problem: Problem,
    starts: Iterator[Tensor],
    norm: Norm,
    radii: Tensor,
    steps: int,
    first: float,
    objective: str,
    halvings: int = 0,
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """What `descend` finds from each start, in their order; as many starts at once as a batch may hold.

    Successes are pulled back along their segment by so many bisections; the margin is that before.
    """
    together = max(1, _BATCH_NUMBERS // problem.x.numel())
    while group := list(islice(starts, together)):
        several = problem.repeated(len(group))
        climbs = several.objective(objective)
        radii_of_all = radii.repeat(len(group))
        delta, margin, dead = descend(several, torch.cat(group), norm, radii_of_all, steps, first, climbs)
        if halvings:
            delta = shorten(several, delta, halvings)
        yield from zip(*(part.chunk(len(group)) for part in (delta, margin, dead)), strict=True)


def descend(
    problem: Problem,
    start: Tensor,
    norm: Norm,
    radii: Tensor,
    steps: int,
    first: float,
    climbs: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor, Tensor]:
    """One start: the δ of smallest margin on the way, (B, d), that margin, and where a gradient was 0."""
    ball = Ball.of(norm, radii, *problem.room())
    delta = best = start
    best_margin = torch.full_like(start[:, 0], math.inf)
    flattest = torch.ones_like(ball.r)

    def keep(margin: Tensor) -> None:
        nonlocal best, best_margin
        # With weights 0 and 1 this takes one of the two to the bit, more quickly than `torch.where`.
        best = torch.lerp(best, delta, (margin < best_margin).to(delta.dtype).unsqueeze(1))
        best_margin = torch.fmin(best_margin, margin)

    for count in range(steps):
        # On the way x + δ need not be rounded into ball and box: what is returned is looked at once more.
        margin, slope = problem.climb(problem.x + delta.reshape(problem.x.shape), climbs)
        keep(margin)
        slope, unit = scaled(slope)
        flattest = torch.minimum(flattest, unit)
        share = first if steps == 1 else first * (0.01 + 0.99 * (1 + math.cos(math.pi * count / steps)) / 2)
        if norm == "inf":
            moved = torch.addcmul(delta, slope.sign(), ball.r, value=share)
        elif norm == "2":
            moved = torch.addcmul(delta, slope, ball.r * unit, value=share)
        else:
            free = torch.where(slope > 0, delta < ball.high, delta > ball.low)
            moved = torch.addcmul(delta, steepest(slope, norm, free), ball.r, value=share)
        delta = ball.project(moved)
    keep(problem.evaluate(problem.x + delta.reshape(problem.x.shape)))
    return best, problem.evaluate(problem.move(best)), (flattest == 0).squeeze(1)

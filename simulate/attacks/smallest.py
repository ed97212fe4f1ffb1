"""The smallest radius at which projected gradient descent succeeds, for each input."""

from __future__ import annotations

import torch
from torch import Tensor

from simulate.arguments import whole
from simulate.attacks.along import shorten
from simulate.attacks.deepfool import deepfool
from simulate.attacks.goal import Objective
from simulate.attacks.norms import Norm, check_norm, dual_size, project, size, uniform
from simulate.attacks.pgd import descend_from, first_step
from simulate.attacks.problem import Attacked, Box, Network, Problem, check_radius

_DOUBLINGS = 12
"""Without a largest radius: how often the linearised distance is doubled until an attack succeeds."""
_PULLS = 12
"""Bisections of the segment to each success."""
_BELOW = 0.85
"""The next radius over the best so far, while no radius has failed."""


def smallest_radius(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    norm: Norm = "2",
    most: float | Tensor | None = None,
    steps: int = 20,
    restarts: int = 1,
    halvings: int = 8,
    objective: Objective = "margin",
    target: Tensor | int | None = None,
    box: Box | None = None,
    seed: int = 0,
) -> Attacked:
    """A perturbation as small as projected gradient descent finds, by bisection of the radius.

    At each radius the descent starts at x, at the best perturbation so far projected to the ball (without a target
    the first is DeepFool's), and at `restarts` − 1 random points; what succeeds is pulled back to the boundary along
    its segment. The result is an upper bound of the distance. Rows without success return δ = 0.

    Args:
        network: see `simulate.attacks.problem`.
        x: inputs, shape (B, *shape).
        y: labels, shape (B,).
        norm: "inf", "2" or "1".
        most: the largest radius; by default the linearised distance is doubled until a success, 12 times at most.
        steps: gradient steps of each start.
        restarts: 1, and random starts at each radius.
        halvings: radii tried after the first success: 0.85 of the best until one fails, then by bisection.
        objective: what is climbed, see `simulate.attacks.problem`.
        target: the class wanted for each row, instead of any wrong one.
        box: ends that x + δ keeps.
        seed: of the random starts.

    Raises:
        BadInput: see `simulate.attacks.pgd`.

    """
    problem, norm = Problem.of(network, x, y, box, target), check_norm(norm)
    steps, restarts = whole(steps, "steps", 1), whole(restarts, "restarts", 1)
    halvings = whole(halvings, "halvings", 0)
    problem.objective(objective)
    generator = torch.Generator(device="cpu").manual_seed(whole(seed, "seed", 0))
    low, high = problem.room()
    first = first_step(None, steps)
    margin, slope = problem.look(problem.x, lambda outputs: -problem.margins(outputs))
    best, found = torch.zeros_like(low), margin < 0
    zero, taken = torch.zeros_like(found), 0

    def attack(radii: Tensor) -> Tensor:
        """Try all starts in these balls; improves `best` where one succeeds, and says where."""
        nonlocal best, zero, taken
        starts = [torch.zeros_like(low)]
        if bool((best != 0).any()):
            starts.append(project(best, norm, radii, low, high))
        for _ in range(restarts - 1):
            starts.append(project(uniform(norm, radii, low.shape, generator, low), norm, radii, low, high))
        works = torch.zeros_like(found)
        for delta, reached, dead in descend_from(
            problem, iter(starts), norm, radii, steps, first, objective, _PULLS
        ):
            taken += steps
            zero |= dead
            better = (reached < 0) & (~(found | works) | (size(delta, norm) < size(best, norm)))
            best = torch.where(better.unsqueeze(1), delta, best)
            works |= reached < 0
        return works

    if most is None:
        speed = dual_size(slope, norm)
        guess = torch.where((speed > 0) & (margin > 0), margin / torch.where(speed > 0, speed, 1), 0)
        scale = size(problem.x, norm)
        # Where the gradient or the margin is 0 the input's own length says what is long.
        guess = torch.where(guess > 0, 1.25 * guess, torch.where(scale > 0, 1e-3 * scale, 1e-3))
        radii, attempts = guess, _DOUBLINGS + 1
    else:
        radii, attempts = check_radius(most, x), 1
    started = found.clone()
    if target is None:
        quick = deepfool(
            problem.network, problem.x, problem.y, norm=norm, box=(problem.low, problem.high), steps=steps
        )
        works = quick.success & ~found
        if most is not None:
            works &= quick.size <= radii
        best = torch.where(works.unsqueeze(1), quick.perturbation.flatten(1), best)
        found |= works
        zero |= quick.zero_gradient
        taken += quick.steps
    for attempt in range(attempts):
        if bool(found.all()):
            break
        works = attack(radii)
        found |= works
        if attempt + 1 < attempts:
            radii = torch.where(found, radii, 2 * radii)
    least, upper = torch.zeros_like(radii), size(best, norm)
    open_rows = found & ~started
    for _ in range(halvings if bool(open_rows.any()) else 0):
        # The first perturbation is mostly a good one: look close below it before halving.
        middle = torch.where(least > 0, (least + upper) / 2, _BELOW * upper)
        works = attack(torch.where(open_rows, middle, radii))
        least = torch.where(works, least, middle)
        upper = size(best, norm)
        least = torch.minimum(least, upper)
    return problem.attacked(shorten(problem, best), norm, zero, taken)

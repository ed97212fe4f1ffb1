"""DeepFool: step to the boundary of the linearised network, again and again, then a little beyond.

S.-M. Moosavi-Dezfooli, A. Fawzi and P. Frossard, "DeepFool: a simple and accurate method to fool deep neural
networks", CVPR 2016. For the classes c ≠ y with w_c = ∇(Z_c − Z_y) and f_c = Z_c − Z_y the nearest linearised boundary
is that of the class with the smallest |f_c|/‖w_c‖_q (q dual to p), and the step that reaches it is
|f_c|/‖w_c‖_q · v_c, v_c the steepest unit step in ℓp.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulate.arguments import whole
from simulate.attacks.along import shorten
from simulate.attacks.norms import Norm, check_norm, dual_size, size, steepest
from simulate.attacks.problem import Attacked, Box, Network, Problem
from simulate.errors import BadInput


def deepfool(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    norm: Norm = "2",
    steps: int = 50,
    overshoot: float = 0.02,
    box: Box | None = None,
    shrink: int = 20,
) -> Attacked:
    """A small perturbation that changes the class, in ℓ2, ℓ∞ or ℓ1.

    Rows without success return the point of smallest margin on the way.

    Args:
        network: see `simulate.attacks.problem`.
        x: inputs, shape (B, *shape).
        y: labels, shape (B,).
        norm: "2", "inf" or "1".
        steps: linearisations at most.
        overshoot: the total step is made longer by this factor, so that the boundary is crossed; positive.
        box: ends that x + δ keeps, by clipping after each step.
        shrink: bisections along the segment from x to the point found, which keep it misclassified.

    Raises:
        BadInput: see `Problem.of`; an overshoot that is not positive.

    """
    problem, norm = Problem.of(network, x, y, box), check_norm(norm)
    if not overshoot > 0:
        raise BadInput(f"the overshoot must be positive, got {overshoot}")
    steps, shrink = whole(steps, "steps", 1), whole(shrink, "shrink", 0)
    low, high = problem.room()
    delta = torch.zeros_like(low)  # before the overshoot
    best, best_margin = delta, problem.evaluate(problem.x)
    zero, done = torch.zeros_like(best_margin, dtype=torch.bool), best_margin < 0
    taken = 0
    while taken < steps and not bool(done.all()):
        taken += 1
        step, dead = _step(problem, problem.move(delta * (1 + overshoot)), norm)
        zero |= dead & ~done
        moved = torch.minimum(torch.maximum((delta + step) * (1 + overshoot), low), high)
        # What the box cuts off must not pile up in the next steps.
        delta = torch.where(done.unsqueeze(1), delta, moved / (1 + overshoot))
        margin = problem.evaluate(problem.move(moved))
        better = (margin < best_margin) & ~done
        best = torch.where(better.unsqueeze(1), moved, best)
        best_margin = torch.where(better, margin, best_margin)
        done = best_margin < 0
    return problem.attacked(shorten(problem, best, shrink), norm, zero, taken)


def _step(problem: Problem, points: Tensor, norm: Norm) -> tuple[Tensor, Tensor]:
    """The step to the nearest linearised boundary, (B, d), and where no gradient leads anywhere."""
    if problem.scalar:
        value, slope = problem.gradient(points, lambda outputs: outputs * problem.y)
        differences, slopes = [value], [-slope.flatten(1)]
    else:
        differences, slopes = [], []
        for wanted in range(problem.classes):
            others = torch.full_like(problem.y, wanted)

            def gap(outputs: Tensor, others: Tensor = others) -> Tensor:
                pick = outputs.gather(1, torch.stack([others, problem.y], 1))
                return pick[:, 0] - pick[:, 1]

            value, slope = problem.gradient(points, gap)
            # Its own class is no boundary.
            differences.append(torch.where(others == problem.y, -torch.inf, value).neg())
            slopes.append(slope.flatten(1))
    gaps = torch.stack(differences).abs()  # (classes, B)
    speeds = torch.stack([dual_size(slope, norm) for slope in slopes])
    # A point on the boundary (a tie) must move too, by what rounding can tell from nothing.
    with torch.no_grad():
        scale = problem.network(points).reshape(len(points), -1).abs().amax(1)
    least = torch.finfo(points.dtype).eps ** 0.5 * torch.where(scale > 0, scale, 1)
    distances = torch.where(speeds > 0, (gaps + least) / torch.where(speeds > 0, speeds, 1), torch.inf)
    nearest = distances.argmin(0)
    rows = torch.arange(len(points), device=points.device)
    distance = distances[nearest, rows]
    slope = torch.stack(slopes)[nearest, rows]
    dead = torch.isinf(distance)
    low, high = problem.room()
    delta = (points - problem.x).flatten(1)
    free = torch.where(slope > 0, delta < high, delta > low)
    step = steepest(slope, norm, free) * torch.where(dead, 0, distance).unsqueeze(1)
    return step, dead & (size(slope, "inf") == 0)

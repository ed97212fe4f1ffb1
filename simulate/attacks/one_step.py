"""One gradient step: the fast gradient sign, the fast gradient value, and the smallest ε along either.

    sign     η = ε sign(∇ loss)          (Goodfellow, Shlens and Szegedy 2015)
    value    η = ε ∇ loss                (Rozsa, Rudd and Boult 2016); here also over its norm, so that ε is a length

The loss can be replaced by another objective, such as the margin or either of the targeted ones.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from simulate.arguments import whole
from simulate.attacks.along import first_success
from simulate.attacks.goal import Objective
from simulate.attacks.norms import Norm, size, steepest
from simulate.attacks.problem import Attacked, Box, Network, Problem, check_radius
from simulate.errors import BadInput

Direction = Literal["sign", "value", "unit"]
_NORM_OF: dict[str, Norm] = {"sign": "inf", "value": "2", "unit": "2"}


def _direction(problem: Problem, direction: Direction, objective: str) -> tuple[Tensor, Tensor]:
    """The step's direction, flattened to (B, d), and where the gradient is 0."""
    if direction not in _NORM_OF:
        raise BadInput(f"the direction is sign, value or unit, got {direction!r}")
    _, slope = problem.look(problem.x, problem.objective(objective))
    zero = size(slope, "inf") == 0
    if direction == "value":
        return slope, zero
    return steepest(slope, "inf" if direction == "sign" else "2"), zero


def gradient_step(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    epsilon: float | Tensor,
    direction: Direction = "sign",
    objective: Objective = "loss",
    target: Tensor | int | None = None,
    box: Box | None = None,
) -> Attacked:
    """One step of a given size along the gradient of an objective.

    Args:
        network: see `simulate.attacks.problem`.
        x: inputs, shape (B, *shape).
        y: labels, shape (B,).
        epsilon: factor of the direction, positive.
        direction: "sign" (a step of ℓ∞ norm ε), "unit" (of ℓ2 norm ε) or "value" (ε times the gradient).
        objective: what is climbed, see `simulate.attacks.problem`.
        target: the class wanted for each row.
        box: ends that x + δ keeps, by clipping.

    Raises:
        BadInput: see `Problem.of`; ε that is not positive; an unknown direction or objective.

    """
    problem = Problem.of(network, x, y, box, target)
    way, zero = _direction(problem, direction, objective)
    epsilons = check_radius(epsilon, x)
    return problem.attacked(epsilons.unsqueeze(1) * way, _NORM_OF[direction], zero, 1)


def smallest_epsilon(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    most: float | Tensor,
    direction: Direction = "sign",
    objective: Objective = "loss",
    target: Tensor | int | None = None,
    box: Box | None = None,
    grid: int = 64,
    halvings: int = 40,
) -> Attacked:
    """The smallest ε ≤ `most` whose single step succeeds, up to a grid and a bisection; never a step that fails.

    Args:
        network: see `simulate.attacks.problem`.
        x: inputs, shape (B, *shape).
        y: labels, shape (B,).
        most: the largest ε, one number or one a row.
        direction: "sign", "unit" or "value", see `gradient_step`.
        objective: what is climbed, see `simulate.attacks.problem`.
        target: the class wanted for each row.
        box: ends that x + δ keeps, by clipping.
        grid: points looked at. Rows without success return δ = 0.
        halvings: bisections after that, see `simulate.attacks.along.first_success`.

    Raises:
        BadInput: see `gradient_step`.

    """
    problem = Problem.of(network, x, y, box, target)
    way, zero = _direction(problem, direction, objective)
    ceiling = check_radius(most, x)
    epsilons = first_success(problem, way, ceiling, whole(grid, "grid", 1), whole(halvings, "halvings", 0))
    return problem.attacked(epsilons.unsqueeze(1) * way, _NORM_OF[direction], zero, 1)

"""Hot/cold, and attacks that are applied to their own results.

A. Rozsa, E. M. Rudd and T. E. Boult, "Adversarial diversity and hard positive generation", CVPR workshops 2016: the
direction that raises the hot class's feature and lowers the cold one's, with the weights |h_hot| and −h_cold.
"""

from __future__ import annotations

from torch import Tensor

from simulate.arguments import whole
from simulate.attacks.along import first_success
from simulate.attacks.norms import size, steepest
from simulate.attacks.one_step import Direction, smallest_epsilon
from simulate.attacks.problem import Attacked, Box, Network, Problem, check_radius, classes_of
from simulate.errors import BadInput


def hot_cold(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    hot: Tensor | int,
    most: float | Tensor,
    box: Box | None = None,
    grid: int = 64,
    halvings: int = 40,
) -> Attacked:
    """The smallest step along the hot/cold direction that changes the class, up to grid and bisection.

    The logits stand for the features h of the penultimate layer.

    Args:
        network: (B, *shape) → (B, C).
        x: inputs, shape (B, *shape).
        y: labels, shape (B,), the cold classes.
        hot: wanted classes; the attack succeeds with any wrong class.
        most: longest step in ℓ2.
        box: ends that x + δ keeps, by clipping.
        grid: points looked at.
        halvings: bisections after that, see `simulate.attacks.along.first_success`.

    Raises:
        BadInput: see `Problem.of`; a hot class that is the cold one.

    """
    wanted = Problem.of(network, x, y, box, hot)
    assert wanted.target is not None
    if bool((wanted.target == wanted.y).any()):
        raise BadInput("the hot class must differ from the label")
    hot_class, cold_class = wanted.target, wanted.y

    def pull(outputs: Tensor) -> Tensor:
        """⟨ω, h⟩ with ω held fixed."""
        up = outputs.gather(1, hot_class.unsqueeze(1)).squeeze(1)
        down = outputs.gather(1, cold_class.unsqueeze(1)).squeeze(1)
        return up.detach().abs() * up - down.detach() * down

    problem = Problem.of(network, x, y, box)
    _, slope = problem.look(problem.x, pull)
    way = steepest(slope, "2")
    grid, halvings = whole(grid, "grid", 1), whole(halvings, "halvings", 0)
    length = first_success(problem, way, check_radius(most, x), grid, halvings)
    return problem.attacked(length.unsqueeze(1) * way, "2", size(slope, "inf") == 0, 1)


def iterated(
    network: Network,
    x: Tensor,
    *,
    most: float,
    rounds: int = 5,
    direction: Direction = "sign",
    halvings: int = 10,
    box: Box | None = None,
) -> list[Attacked]:
    """The smallest one-step perturbation of the point found before, again and again.

    Round i starts from what round i − 1 found, with the class that the network gives it there, whether the round
    before succeeded or not. A bisection ends just beyond the boundary, where the way back is short: from the second
    round on the perturbations are about as short as the bisection is fine.

    Args:
        network: see `simulate.attacks.problem`.
        x: inputs, shape (B, *shape).
        most: largest ε of each round.
        rounds: how many.
        direction: see `simulate.attacks.one_step`.
        halvings: of the interval of ε, `most`/64 long, in which a round first succeeds.
        box: ends that all points keep.

    Raises:
        BadInput: see `Problem.of`.

    """
    points, results = x, []
    for _ in range(whole(rounds, "rounds", 1)):
        labels = classes_of(network, points)
        results.append(
            smallest_epsilon(
                network, points, labels, most=most, direction=direction, box=box, halvings=halvings
            )
        )
        points = results[-1].adversarial
    return results

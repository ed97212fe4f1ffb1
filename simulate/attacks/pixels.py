"""A few changed coordinates (ℓ0), by search: no gradient is asked.

J. Su, D. V. Vargas and K. Sakurai, "One pixel attack for fooling deep neural networks", IEEE Trans. Evol. Comp. 23,
2019, change one pixel by differential evolution. Here every coordinate is tried at every value of a grid, which for one
coordinate is the best that the grid allows, and further coordinates are added greedily.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulate.arguments import whole
from simulate.attacks.problem import Attacked, Box, Network, Problem
from simulate.errors import BadInput


def few_pixels(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    pixels: int = 1,
    values: int = 17,
    target: Tensor | int | None = None,
    box: Box,
) -> Attacked:
    """Change at most so many coordinates, each to a value on a grid of the box.

    All rows are tried at once, so that row b may belong to network b; pixels·d·values evaluations of the batch.

    Args:
        network: see `simulate.attacks.problem`.
        x: inputs, shape (B, *shape).
        y: labels, shape (B,).
        pixels: coordinates changed at most; one at a time, each the best given those before.
        values: grid points between the ends of the box, at least 2 (both ends).
        target: the class wanted for each row, instead of any wrong one.
        box: finite ends.

    Raises:
        BadInput: see `Problem.of`; a box without ends.

    """
    problem = Problem.of(network, x, y, box, target)
    pixels, values = whole(pixels, "pixels", 1), whole(values, "values", 2)
    low, high = problem.room()
    if not bool((torch.isfinite(low) & torch.isfinite(high)).all()):
        raise BadInput("changing single coordinates needs a box with finite ends")
    start = problem.x.flatten(1)
    low, high = problem.low.flatten(1), problem.high.flatten(1)
    points, margin = start, problem.evaluate(problem.x)
    taken = 0
    for _ in range(pixels):
        if bool((margin < 0).all()):
            break
        tried, tried_margin = points, margin
        for coordinate in range(points.shape[1]):
            for index in range(values):
                share = index / (values - 1)
                candidate = points.clone()
                candidate[:, coordinate] = (1 - share) * low[:, coordinate] + share * high[:, coordinate]
                reached = problem.evaluate(candidate.reshape(problem.x.shape))
                better = (reached < tried_margin) & (margin >= 0)
                tried = torch.where(better.unsqueeze(1), candidate, tried)
                tried_margin = torch.where(better, reached, tried_margin)
        taken += points.shape[1] * values
        points, margin = tried, tried_margin
    none = torch.zeros_like(margin, dtype=torch.bool)
    return problem.attacked(points - start, "0", none, taken)

"""Searches along a fixed direction, by evaluating the network only.

Along a line the class need not be monotone in the length: bisection finds a place where it changes, not the first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from simulate.attacks.problem import Problem


def first_success(problem: Problem, way: Tensor, most: Tensor, grid: int, halvings: int) -> Tensor:
    """The smallest multiple t ≤ `most` of a direction that succeeds, up to a grid and a bisection; (B,).

    Looked at are t = most·i/grid in ascending order; inside the first interval whose upper end succeeds, bisections
    keep a successful upper end. A success that begins and ends between two grid points is missed: the result is an
    upper bound of the smallest t, and never a t that fails. It is 0 where nothing succeeds, or x itself does.

    Args:
        problem: what is attacked.
        way: directions, (B, d).
        most: largest multiples, (B,).
        grid: points looked at, at least 1.
        halvings: of the first interval.

    """

    def succeeds(multiple: Tensor) -> Tensor:
        return problem.evaluate(problem.move(multiple.unsqueeze(1) * way)) < 0

    least, most_found = torch.zeros_like(most), torch.zeros_like(most)
    found = problem.evaluate(problem.x) < 0
    for index in range(1, grid + 1):
        if bool(found.all()):
            break
        multiple = most * (index / grid)
        new = succeeds(multiple) & ~found
        least = torch.where(new, most * ((index - 1) / grid), least)
        most_found = torch.where(new, multiple, most_found)
        found |= new
    for _ in range(halvings if bool((most_found > 0).any()) else 0):
        middle = (least + most_found) / 2
        works = succeeds(middle)
        most_found, least = torch.where(works, middle, most_found), torch.where(works, least, middle)
    return most_found


def shorten(problem: Problem, delta: Tensor, halvings: int = 30, confidence: float = 0.0) -> Tensor:
    """Pull successful perturbations back along their segment to the boundary; others stay as they are.

    Args:
        problem: what is attacked.
        delta: perturbations, (B, d).
        halvings: bisections of the segment from x (not successful) to x + δ (successful).
        confidence: success is a margin below minus this.

    """

    def succeeds(points: Tensor) -> Tensor:
        return problem.evaluate(points) < -confidence

    works = succeeds(problem.move(delta))
    least, most = torch.zeros_like(delta[:, 0]), torch.ones_like(delta[:, 0])
    if not bool(works.any()):
        return delta
    most = torch.where(works & succeeds(problem.x), 0.0, most)
    for _ in range(halvings):
        middle = (least + most) / 2
        inside = succeeds(problem.move(middle.unsqueeze(1) * delta))
        most, least = torch.where(inside, middle, most), torch.where(inside, least, middle)
    return torch.where(works.unsqueeze(1), most.unsqueeze(1) * delta, delta)

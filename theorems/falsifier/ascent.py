"""Batched gradient ascent on the violation, with torch."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from theorems.domains import Instance, call
from theorems.judge import Judge
from theorems.sides import Sides

if TYPE_CHECKING:
    from torch import Tensor

    State = dict[str, Tensor]

_FIRST_STEP, _LAST_STEP = 0.3, 1e-5
_LOOKS = 6
"""How often on the way the batch is brought back inside the conditions, and handed out."""
_HALVINGS = 12


class NotDifferentiable(Exception):
    """Torch cannot follow the conclusion."""


def ascend(
    judge: Judge, starts: list[Instance], moving: tuple[str, ...], steps: int, deadline: float
) -> Iterator[list[Instance]]:
    """Climb from many instances of the same shapes at once.

    Args:
        judge: its conclusion is climbed.
        starts: instances of the hypotheses that differ in the moving variables only, all of one shape.
        moving: the variables that a gradient moves.
        steps: gradient steps.
        deadline: see `Budget.deadline`.

    Yields:
        The batch, every few steps: instances of the hypotheses.

    Raises:
        NotDifferentiable: the conclusion does not work on torch tensors.

    """
    import torch

    fixed = {name: _fixed(value) for name, value in starts[0].items() if name not in moving}
    heights = torch.vmap(_height(judge.conclusion, fixed))
    inside, every = starts, max(1, steps // _LOOKS)
    for first in range(0, steps, every):
        state = {name: torch.as_tensor(np.stack([one[name] for one in inside])) for name in moving}
        for step in range(first, min(first + every, steps)):
            if time.monotonic() > deadline:
                return
            size = _FIRST_STEP * (_LAST_STEP / _FIRST_STEP) ** (step / steps)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    slopes = _slopes(heights, state)
                    state = {
                        name: state[name] + size * _direction(state[name], slopes[name]) for name in moving
                    }
                    state = _projected(judge, fixed, state)
            except Exception as error:
                # Whatever torch has against the conclusion or a range, random steps can go on.
                raise NotDifferentiable from error
        inside = [_back(judge, one, state, row) for row, one in enumerate(inside)]
        yield inside


def _fixed(value: Any) -> Any:
    """A variable that stays; arrays as tensors, because numpy's do not mix with them."""
    import torch

    return torch.tensor(value, dtype=torch.float64) if isinstance(value, np.ndarray) else value


def _height(conclusion: Callable[..., Sides], fixed: dict[str, Any]) -> Callable[[State], Tensor]:
    """What is climbed: `Sides.score`, as a function of the moving variables."""
    import torch

    def height(variables: State) -> Tensor:
        own = {name: value.clone() for name, value in variables.items()}
        sides = call(conclusion, {**fixed, **own})
        smaller, larger = (
            torch.as_tensor(side, dtype=torch.float64) for side in (sides.smaller, sides.larger)
        )
        difference = smaller - larger
        if sides.log or sides.relation == "==":
            return difference.abs() if sides.relation == "==" else difference
        tiny = torch.finfo(torch.float64).tiny
        up, down = (smaller > 0) & (larger > 0), (smaller < 0) & (larger < 0)
        logs = smaller.abs().clamp_min(tiny).log() - larger.abs().clamp_min(tiny).log()
        return torch.where(up, logs, torch.where(down, -logs, difference))

    return height


def _slopes(heights: Callable[[State], Tensor], state: State) -> State:
    """The gradient of each row's height. (torch.func.grad would do, after importing torch's compiler.)"""
    import torch

    leaves = {name: batch.detach().requires_grad_() for name, batch in state.items()}
    slopes = torch.autograd.grad(heights(leaves).sum(), list(leaves.values()), allow_unused=True)
    return {
        name: torch.zeros_like(leaf) if slope is None else slope
        for (name, leaf), slope in zip(leaves.items(), slopes, strict=True)
    }


def _direction(x: Tensor, slope: Tensor) -> Tensor:
    """The gradient, scaled for each restart to the length of the variable itself."""
    import torch

    slope = torch.nan_to_num(slope, nan=0.0, posinf=0.0, neginf=0.0)
    length = slope.reshape(len(slope), -1).norm(dim=1)
    scale = x.reshape(len(x), -1).norm(dim=1)
    scale = torch.where(scale > 0, scale, 1.0)
    factor = torch.where(length > 0, scale / length.clamp_min(1e-300), 0.0)
    return slope * factor.reshape(-1, *[1] * (x.ndim - 1))


def _projected(judge: Judge, fixed: dict[str, Any], state: State) -> State:
    """All rows moved to the ranges."""
    values: dict[str, Any] = {}
    for name, place in judge.domain.ranges.items():
        values[name] = place.project(state[name], values) if name in state else fixed[name]
    return {name: values[name] for name in state}


def _back(judge: Judge, before: Instance, state: State, row: int) -> Instance:
    """Where a row has come to, or as far on the way there from where it was as the conditions allow."""
    after = dict(before)
    for name, batch in state.items():
        after[name] = batch[row].numpy().copy() if batch.ndim > 1 else float(batch[row])
    fraction = 1.0
    for _ in range(_HALVINGS):
        there = {
            name: before[name] + fraction * (after[name] - before[name]) if name in state else value
            for name, value in before.items()
        }
        # In numpy, so that the last bit is inside too.
        there = judge.domain.project(there)
        if judge.domain.contains(there):
            return there
        fraction /= 2
    return before

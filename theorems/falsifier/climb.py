"""Local search from the instances nearest to a violation; it never leaves the hypotheses.

Gradient ascent on the violation, many restarts in one batch. Where torch cannot follow a conclusion (it calls
numpy or scipy, or branches on its arguments), random steps that only go up take the gradient's place.
"""

from __future__ import annotations

import time

import numpy as np

from theorems.budget import Budget
from theorems.domains import Instance
from theorems.falsifier.ascent import NotDifferentiable, ascend
from theorems.falsifier.findings import Findings
from theorems.judge import Judge

_RESTARTS = 12
_WALKS_PER_STEP = 3
"""Random steps for each gradient step of the budget; a gradient step moves a whole batch."""


def climb(judge: Judge, findings: Findings, budget: Budget, deadline: float) -> None:
    """Climb from the nearest instances of a few choices of shapes; stop at the first violation."""
    moving = judge.domain.continuous()
    if not moving:
        return
    rng = np.random.default_rng(budget.seed)
    groups = sorted(findings.nearest.values(), key=lambda kept: -kept[0][0])
    followed = True
    for kept in groups[: budget.groups]:
        starts = [instance for _, instance in kept]
        if followed:
            findings.found_by = "gradient ascent"
            try:
                for batch in ascend(
                    judge, _spread(judge, starts, moving, rng), moving, budget.climbs, deadline
                ):
                    for instance in batch:
                        findings.look(judge, instance)
                        if findings.violation is not None:
                            return
            except NotDifferentiable:
                followed = False
        # A gradient stops where it meets the edge of a condition; random steps go on along it.
        if not followed or judge.domain.where:
            findings.found_by = "random steps"
            steps = _WALKS_PER_STEP * budget.climbs
            _walk(judge, findings, kept[0][1], moving, rng, steps, deadline)
        if findings.violation is not None:
            return
        if time.monotonic() > deadline:
            findings.cut_short = True
            return


def _spread(
    judge: Judge, starts: list[Instance], moving: tuple[str, ...], rng: np.random.Generator
) -> list[Instance]:
    """The starts, a little moved off kinks and ties, and copies of them moved by more and more."""
    found = []
    for row in range(_RESTARTS):
        size = 0.02 * 4.0 ** (row // len(starts))
        moved = _moved(judge, starts[row % len(starts)], moving, size, rng)
        found.append(moved if judge.domain.contains(moved) else starts[row % len(starts)])
    return found


def _moved(
    judge: Judge, instance: Instance, moving: tuple[str, ...], size: float, rng: np.random.Generator
) -> Instance:
    """A random step, relative to the size of each variable, that stays in the ranges."""
    values = dict(instance)
    for name in moving:
        scale = float(np.max(np.abs(values[name]), initial=0.0)) or 1.0
        step = values[name] + size * scale * rng.standard_normal(np.shape(values[name]))
        values[name] = float(step) if isinstance(values[name], float) else step
    return judge.domain.project(values)


def _walk(
    judge: Judge,
    findings: Findings,
    start: Instance,
    moving: tuple[str, ...],
    rng: np.random.Generator,
    steps: int,
    deadline: float,
) -> None:
    """Random steps that only go up, longer after a success and shorter after a failure."""
    sides = findings.look(judge, start)
    best, height, size = start, -np.inf if sides is None else sides.score, 0.3
    for _ in range(steps):
        if time.monotonic() > deadline or findings.violation is not None:
            return
        trial = _moved(judge, best, moving, size, rng)
        sides = None
        if judge.domain.contains(trial):
            sides = findings.look(judge, trial)
        if sides is not None and sides.score > height:
            best, height, size = trial, sides.score, min(size * 1.5, 1.0)
        else:
            size = max(size * 0.93, 1e-8)

"""One hunt: structured instances, random ones, Hypothesis, the gradient; then the violation made simple."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator

import numpy as np

from theorems.budget import Budget
from theorems.domains import Instance
from theorems.falsifier.climb import climb
from theorems.falsifier.explore import explore
from theorems.falsifier.findings import Findings
from theorems.falsifier.simplify import simplify
from theorems.judge import Judge
from theorems.statement import Broken

_TRIES = 5
"""How many candidates may fail the conditions for each instance that is wanted."""
_DEAR = 5
"""A stage ends early when its instances cost so many times an evaluation in float64."""


def hunt(judge: Judge, budget: Budget) -> Findings:
    """Look for a violation within the budget; simplify the first one that is found.

    Raises:
        Broken: the statement's own code failed, or a range is empty.

    """
    empty = judge.domain.empty_range()
    if empty is not None:
        raise Broken(empty)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return _hunt(judge, budget)


def _hunt(judge: Judge, budget: Budget) -> Findings:
    findings, started, deadline = Findings(), time.monotonic(), budget.deadline()
    for number, stage in enumerate(_STAGES, 1):
        stage(judge, findings, budget, started + number / len(_STAGES) * (deadline - started))
        if findings.violation is not None:
            findings.violation = simplify(judge, findings.violation, budget)
            findings.look(judge, findings.violation)
            break
    return findings


def structures(judge: Judge, findings: Findings, budget: Budget, deadline: float) -> None:
    """Structured instances at the ends of every range, smallest sizes first."""
    findings.found_by = "structures"
    _try_all(judge.domain.combined_corners(), budget.corners, judge, findings, deadline)


def draws(judge: Judge, findings: Findings, budget: Budget, deadline: float) -> None:
    """Random instances."""
    findings.found_by = "random draws"
    rng = np.random.default_rng(budget.seed)
    candidates = (judge.domain.sample(rng) for _ in iter(int, 1))
    _try_all(candidates, budget.samples, judge, findings, deadline)


def _try_all(
    candidates: Iterator[Instance | None], wanted: int, judge: Judge, findings: Findings, deadline: float
) -> None:
    """Look at candidates that meet the conditions until enough were seen, or one is a violation."""
    seen, work = 0, judge.work
    for tried, candidate in enumerate(candidates, 1):
        if candidate is not None and judge.domain.contains(candidate):
            seen += 1
            findings.look(judge, candidate)
        if findings.violation is not None or seen >= wanted or tried >= _TRIES * wanted:
            return
        if judge.work - work >= _DEAR * wanted:
            return
        if time.monotonic() > deadline:
            findings.cut_short = True
            return


_STAGES = (structures, draws, explore, climb)
"""Each has as much of the time as the others, should the conclusion be slow."""

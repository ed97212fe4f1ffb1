"""From a violation to one that a person can check by hand: smaller sizes, then simpler numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from theorems.budget import Budget
from theorems.domains import Instance
from theorems.judge import Judge
from theorems.statement import Broken

_REDRAWS = 300
"""Random instances that are tried at each smaller size."""


def simplify(judge: Judge, violation: Instance, budget: Budget) -> Instance:
    """The simplest violation that greedy simplification reaches.

    One variable after the other, in the order of their declaration (sizes come first), each as far as it goes,
    then several at once; and all of it again until nothing changes. Each accepted step makes a size smaller
    or a number shorter, so that it ends. Where a size can go no further, other instances of smaller sizes are
    drawn: a violation may be there that this one does not lead to.
    """
    domain, search = judge.domain, _Search(judge, budget)
    moves: list[Callable[[Instance], Iterator[Instance]]]
    moves = [*(partial(domain.simpler_in, name) for name in domain.names), domain.simpler_together]
    rng = np.random.default_rng(budget.seed)
    best = search.simplest(moves, violation)
    for name in domain.sizes():
        while (smaller := search.simpler_violation(partial(_redrawn, judge, rng, name), best)) is not None:
            best = search.simplest(moves, smaller)
    return best


def _redrawn(judge: Judge, rng: np.random.Generator, name: str, instance: Instance) -> Iterator[Instance]:
    """Random instances in which one size is smaller."""
    for size in judge.domain.ranges[name].simpler(instance[name], instance):
        for _ in range(_REDRAWS):
            candidate = judge.domain.sample(rng, {name: size})
            if candidate is not None and all(candidate[one] <= instance[one] for one in judge.domain.sizes()):
                yield candidate


class _Search:
    """Looks for simpler violations until the budget is spent."""

    def __init__(self, judge: Judge, budget: Budget) -> None:
        self.judge, self.deadline = judge, budget.deadline()
        self.last = judge.work + budget.simplifications

    def simplest(self, moves: list[Callable[[Instance], Iterator[Instance]]], instance: Instance) -> Instance:
        """What no move makes simpler."""
        best, before = instance, None
        while best is not before:
            before = best
            for move in moves:
                while (simpler := self.simpler_violation(move, best)) is not None:
                    best = simpler
        return best

    def simpler_violation(
        self, move: Callable[[Instance], Iterator[Instance]], instance: Instance
    ) -> Instance | None:
        """The first violation among simpler instances; None if there is none, or no budget is left."""
        for candidate in move(instance):
            if self.judge.work >= self.last or time.monotonic() > self.deadline:
                return None
            if self._violates(candidate):
                return candidate
        return None

    def _violates(self, instance: Instance) -> bool:
        try:
            return self.judge.domain.contains(instance) and self.judge.examine(instance)[1]
        except Broken:
            return False

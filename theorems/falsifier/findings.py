"""What a hunt has seen so far."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from theorems.domains import Instance
from theorems.judge import Judge, Unresolved
from theorems.sides import Sides

_KEPT = 4
"""Instances nearest to a violation that are kept for each choice of what a gradient cannot move."""

_MOST_GROUPS = 64


@dataclass
class Findings:
    """What a hunt has seen so far.

    Attributes:
        met: instances of the hypotheses that were evaluated.
        unresolved: instances at which float64 overflows and 50 digits are not known.
        violation: an instance that violates the conclusion, or None.
        found_by: which stage found it.
        cut_short: whether the deadline ended a stage early.
        tightest: largest ratio of the sides, with its instance; None if nothing was compared.
        nearest: for each choice of discrete variables and shapes, (score, instance) nearest to a violation,
            nearest first.

    """

    met: int = 0
    unresolved: int = 0
    violation: Instance | None = None
    found_by: str = ""
    cut_short: bool = False
    tightest: tuple[float, Instance] | None = None
    nearest: dict[Hashable, list[tuple[float, Instance]]] = field(default_factory=dict)

    def look(self, judge: Judge, instance: Instance) -> Sides | None:
        """Judge an instance of the hypotheses, and remember what it shows; None if float64 overflows there.

        Raises:
            Broken: see `Judge.sides`.

        """
        try:
            sides, violated = judge.examine(instance)
        except Unresolved:
            self.unresolved += 1
            return None
        self.note(instance, sides)
        self._keep(judge, instance, sides.score)
        if violated:
            self.violation = instance
        return sides

    def note(self, instance: Instance, sides: Sides) -> None:
        """Count an instance of the hypotheses that was evaluated, and remember it if it is the tightest."""
        self.met += 1
        # An infinite ratio says that the larger side is 0: a violation, or rounding.
        if (self.tightest[0] if self.tightest else -1.0) < sides.ratio < math.inf:
            self.tightest = (sides.ratio, instance)

    def _keep(self, judge: Judge, instance: Instance, score: float) -> None:
        fixed = standstill(judge, instance)
        if fixed not in self.nearest and len(self.nearest) >= _MOST_GROUPS:
            farthest = min(self.nearest, key=lambda one: self.nearest[one][0][0])
            if score <= self.nearest[farthest][0][0]:
                return
            del self.nearest[farthest]
        kept = self.nearest.setdefault(fixed, [])
        if len(kept) < _KEPT or score > kept[-1][0]:
            kept.append((score, instance))
            kept.sort(key=lambda entry: -entry[0])
            del kept[_KEPT:]


def standstill(judge: Judge, instance: Instance) -> Hashable:
    """What a gradient cannot change: shapes, and the values of all that is not real."""
    moving = judge.domain.continuous()
    return tuple(np.shape(value) if name in moving else _hashable(value) for name, value in instance.items())


def _hashable(value: Any) -> Hashable:
    return (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else repr(value)

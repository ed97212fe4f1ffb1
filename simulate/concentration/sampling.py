"""Frequencies beside exact tails: sampling as a check of what is exact, and of nothing else."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from simulate.bounds import Side
from simulate.concentration.exact import log_tail, quantile
from simulate.errors import BadInput
from simulate.statistics import simultaneous_clopper_pearson, smallest_discrepancy
from simulate.streams import Stream
from simulate.tails import Law

LEAST_EXPECTED = 30
"""A level γ is sampled only if at least so many trials are expected beyond its quantile."""
_LEVELS = (0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
# Of every check: the probability that a correct tail is called wrong, over all of its levels; and the
# probability with which the discrepancy named `resolves` may go unseen at a level.
FALSE_ALARM, _MISS = 1e-6, 1e-2
MOST_NUMBERS = 10_000_000
"""Random numbers drawn for one check at most."""
_CHUNK = 1_000_000  # those held at once


@dataclass(frozen=True)
class Level:
    """The frequency of S ≥ t (or S ≤ −t, |S| ≥ t) beside its exact probability, t the quantile of γ.

    With ≥, where the bounds have >, the probability is at least γ for laws on a lattice too.

    Attributes:
        family: the law of one term.
        k: number of terms.
        gamma: the level.
        exact: t.
        probability: the exact probability of the event.
        trials: number of sums that were drawn.
        count: how often the event happened.
        low: lower end of a Clopper-Pearson interval; all intervals of one check hold at once.
        high: upper end.
        resolves: the discrepancy that the level sees with probability 0.99; null where the event is certain.

    """

    family: str
    k: int
    gamma: float
    exact: float
    probability: float
    trials: int
    count: int
    low: float
    high: float
    resolves: float | None

    @property
    def agrees(self) -> bool:
        """Whether the exact probability lies in the interval."""
        return self.low <= self.probability <= self.high

    def to_json(self) -> dict[str, Any]:
        """The level as JSON data."""
        return {**asdict(self), "frequency": self.count / self.trials, "agrees": self.agrees}


def check_by_sampling(
    law: Law, k: int, trials: int, stream: Stream, side: Side = "upper", label: str | None = None
) -> list[Level]:
    """Draw sums, and set the frequencies beyond exact quantiles beside their exact probabilities.

    The levels are those of 0.5, 0.1, 0.01, … beyond which at least `LEAST_EXPECTED` trials are expected. A
    correct tail disagrees at one or more of its levels with probability at most 1e-6.

    Args:
        law: of one term.
        k: number of terms.
        trials: number of sums, at least 60.
        stream: its key and first trial say which random numbers; they are drawn in chunks of another size.
        side: the tail.
        label: what the levels call the law; its name by default.

    """
    gammas = [gamma for gamma in _LEVELS if gamma * trials >= LEAST_EXPECTED]
    if not gammas:
        raise BadInput(f"{trials} trials resolve no level: give at least {2 * LEAST_EXPECTED}")
    points = np.array([quantile(law, k, math.log(gamma), side) for gamma in gammas])
    exact = np.exp(log_tail(law, k, points, side, strict=False))
    counts = np.zeros(len(gammas), np.int64)
    size = max(1, min(trials, _CHUNK // k))
    for start in range(0, trials, size):
        rows = min(size, trials - start)
        sums = law.sample(Stream(stream.key, stream.first + start, rows, dtype=torch.float64), k)
        values = {"upper": sums, "lower": -sums, "two-sided": np.abs(sums)}[side]
        counts += (values >= points[:, None]).sum(axis=1)
    low, high = simultaneous_clopper_pearson(counts, trials, 1 - FALSE_ALARM)
    levels = []
    for i, gamma in enumerate(gammas):
        p = float(exact[i])
        seen = smallest_discrepancy(trials, p, FALSE_ALARM / len(gammas), _MISS) if p < 1 else None
        place = (float(points[i]), p, trials, int(counts[i]), float(low[i]), float(high[i]), seen)
        levels.append(Level(label or law.name, k, gamma, *place))
    return levels

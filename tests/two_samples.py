"""Telling two samples of networks apart: exact tests for events, z-tests for means, bins for shapes.

A comparison of two samples states its design: `level` is the false-alarm rate of all its tests together (Bonferroni),
and `resolution` says what it finds with miss rate `MISS`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simulate.statistics import two_sample_smallest_discrepancy

MISS = 1e-3
BINS = 16

Sample = dict[str, NDArray[np.float64]]
"""Columns of one number a network; names of events (0 or 1) end in "?"."""


def differences(ours: Sample, theirs: Sample, level: float) -> list[str]:
    """What tells the two apart."""
    assert ours.keys() == theirs.keys()
    events = [name for name in ours if name.endswith("?")]
    each = level / (len(events) + 3 * (len(ours) - len(events)))
    found = []
    for name in ours:
        a, b = ours[name], theirs[name]
        assert np.isfinite(a).all(), name
        assert np.isfinite(b).all(), name
        if name in events:
            table = [[int(a.sum()), int(len(a) - a.sum())], [int(b.sum()), int(len(b) - b.sum())]]
            if stats.fisher_exact(table).pvalue < each:
                found.append(f"P({name}) {a.mean():.5f} against {b.mean():.5f}")
            continue
        for power in (1, 2):
            x, y = a**power, b**power
            error = math.sqrt(x.var() / len(x) + y.var() / len(y))
            if abs(x.mean() - y.mean()) > stats.norm.isf(each / 2) * error:
                found.append(f"E({name})^{power} {x.mean():.5g} against {y.mean():.5g}")
        edges = np.unique(np.quantile(b, np.linspace(0, 1, BINS + 1)[1:-1]))
        # An atom of the law, f = 0 say, is an edge, and falls into one bin on both sides.
        counts = np.array([np.bincount(np.digitize(x, edges), minlength=len(edges) + 1) for x in (a, b)])
        counts = counts[:, counts.sum(0) > 40]
        if counts.shape[1] > 1 and stats.chi2_contingency(counts).pvalue < each:
            found.append(f"bins of {name}")
    return found


def resolution(trials: int, tests: int, level: float) -> tuple[float, float]:
    """The shift of a mean, in standard deviations, and of a probability that one of so many tests finds."""
    each = level / tests
    shift = (stats.norm.isf(each / 2) + stats.norm.isf(MISS)) * math.sqrt(2 / trials)
    return float(shift), float(two_sample_smallest_discrepancy(trials, 0.5, each, MISS))

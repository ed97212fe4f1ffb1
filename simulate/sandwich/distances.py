"""Exact distances alone, of robust, trained and random networks over the dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulate.engine.block import one_thread
from simulate.exact import exact_distance
from simulate.progress import LineProgress, TerminalProgress
from simulate.robust import correlation, draw, printed_radius
from simulate.sandwich import instances as networks
from simulate.statistics import quantile_rank_interval


def distances(
    kinds: Sequence[str],
    width: int,
    dims: Sequence[int],
    trials: Sequence[int],
    *,
    seconds: float = 20.0,
    confidence: float = 0.95,
    seed: int = 0,
    progress: TerminalProgress | LineProgress | None = None,
) -> dict[str, Any]:
    """The law of the exact ℓ2 distance to another class, over the dimension, as JSON data.

    Args:
        kinds: see `simulate.sandwich.instances.draw`.
        width: k, and the number of points of robust and trained networks.
        dims: d.
        trials: networks of each kind at every dimension, each at one input.
        seconds: limit of each exact search; what is open then is counted, and enters with what was found.
        confidence: of the distribution-free interval of each median.
        seed: of the networks.
        progress: told about the networks of every cell.

    Raises:
        BadInput: sizes or kinds that make no network.

    """
    results = []
    if progress is not None:
        progress.start(sum(trials) * len(dims), 0)
    try:
        with one_thread():
            for kind, count in zip(kinds, trials, strict=True):
                for dim in dims:
                    results.append(_cell(kind, width, dim, count, seconds, confidence, seed))
                    if progress is not None:
                        progress.advance(count)
    finally:
        if progress is not None:
            progress.stop()
    return {
        "experiment": "distances",
        "norm": "2",
        "confidence": confidence,
        "seed": seed,
        "results": results,
    }


def _cell(
    kind: str, width: int, dim: int, count: int, seconds: float, confidence: float, seed: int
) -> dict[str, Any]:
    one = networks.draw(kind, width, dim, count, seed=seed)
    found = []
    for row in range(count):
        alone = one.network.row(row), one.x[row : row + 1], one.y[row : row + 1]
        found += exact_distance(*alone, norm="2", seconds=seconds)
    cell: dict[str, Any] = {"network": kind, "width": width, "dim": dim, "trials": count}
    cell |= {"open": sum(not each.exact for each in found)}
    cell["distance"] = _median([each.upper for each in found], confidence)
    if kind == "robust":
        printed = [_printed(width, dim, seed, trial) for trial in range(count)]
        cell["printed"] = _median(printed, confidence)
    return cell


def _printed(width: int, dim: int, seed: int, trial: int) -> float:
    """The existence theorem's (1 − c)/4·√d for the data of `instances.draw`."""
    data = draw("random", width, dim, seed=seed, trial=trial)
    return printed_radius(correlation(data.points, data.labels).largest_size, dim)


def _median(values: Sequence[float], confidence: float) -> dict[str, Any]:
    """The lower median, its interval, and the extremes; null for what is infinite."""
    ordered = np.sort(np.asarray(values, float))
    lower, upper = (int(rank) for rank in quantile_rank_interval(len(ordered), 0.5, confidence))
    found = {
        "median": ordered[(len(ordered) - 1) // 2],
        "low": ordered[lower - 1] if lower >= 1 else 0.0,
        "high": ordered[upper - 1] if upper <= len(ordered) else math.inf,
        "min": ordered[0],
        "max": ordered[-1],
    }
    return {name: float(value) if math.isfinite(value) else None for name, value in found.items()}

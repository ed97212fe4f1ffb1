"""Radii of the existence theorem's network as JSON data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from simulate.arguments import whole
from simulate.errors import BadInput
from simulate.progress import LineProgress, TerminalProgress
from simulate.robust.construction import best_threshold
from simulate.robust.data import KINDS, DataSet, draw, load
from simulate.robust.radii import MOST_NODES, Measured, measure
from simulate.robust.search import RELATIVE_GAP, Radius

DEFAULT_POINTS, DEFAULT_DIM = 10, 100


def document(
    data: str | DataSet = "random",
    points: int | None = None,
    dim: int | None = None,
    *,
    clusters: int = 3,
    correlation: float = 0.5,
    normalise: bool = False,
    threshold: str | float = "midpoint",
    trials: int = 1,
    most_nodes: int = MOST_NODES,
    restarts: int | None = None,
    seed: int = 0,
    progress: TerminalProgress | LineProgress | None = None,
) -> dict[str, Any]:
    """What `simulate robust-net --json` prints.

    Args:
        data: "random", "clustered", "adversarial", the name of a file, or a data set.
        points: m, 10 by default; a file has its own.
        dim: d, 100 by default; a file has its own.
        clusters: of clustered data, see `simulate.robust.data.draw`.
        correlation: of clustered and adversarial data, see there.
        normalise: see `simulate.robust.data.load`.
        threshold: at which neurons open, see `simulate.robust.radii.measure`.
        trials: data sets, each drawn anew.
        most_nodes: work for the exact radii of a data set, see there.
        restarts: of the attack, see there.
        seed: of the data and of the attack's restarts.
        progress: told about every point.

    Raises:
        BadInput: the request makes no sense; the line says what to change.

    """
    whole(trials, "trials", 1)
    whole(most_nodes, "nodes", 1)
    drawn = data in KINDS if isinstance(data, str) else False
    if not drawn and (points is not None or dim is not None):
        raise BadInput(
            "a file says itself how many points and dimensions it has: leave --points and --dim out"
        )
    if not drawn and trials > 1:
        raise BadInput("--trials repeats random data: a file has one data set")
    if data == "adversarial" and trials > 1:
        raise BadInput("--trials repeats random data: the adversarial data set is one")
    if drawn and normalise:
        raise BadInput("--normalise is for data from a file: all other points are on the sphere")
    m = DEFAULT_POINTS if points is None else points
    d = DEFAULT_DIM if dim is None else dim
    results = []
    try:
        for trial in range(trials):
            if isinstance(data, DataSet):
                one = data
            elif drawn:
                one = draw(data, m, d, clusters=clusters, correlation=correlation, seed=seed, trial=trial)
            else:
                one = load(data, normalise=normalise)
            if progress is not None and trial == 0:
                progress.start(trials * len(one.labels), 0)
            found = measure(
                one,
                threshold=threshold,
                most_nodes=most_nodes,
                restarts=restarts,
                seed=seed,
                **({} if progress is None else {"advance": progress.advance}),
            )
            results.append(_result(found))
    finally:
        if progress is not None:
            progress.stop()
    name = data.source if isinstance(data, DataSet) else data
    return {
        "experiment": "robust-net",
        "data": name,
        "clusters": clusters if data == "clustered" else None,
        "correlation": correlation if data in ("clustered", "adversarial") else None,
        "threshold": threshold if isinstance(threshold, str) else float(threshold),
        "trials": trials,
        "seed": seed,
        "relative_gap": RELATIVE_GAP,
        "results": results,
        "over_data": _over_data(results) if trials > 1 else None,
    }


def _result(found: Measured) -> dict[str, Any]:
    """One data set."""
    labels = found.data.labels
    c = found.correlation
    printed = found.printed
    best = best_threshold(found.c)
    return {
        "points": len(labels),
        "dim": found.data.dim,
        "labels": {"positive": int((labels > 0).sum()), "negative": int((labels < 0).sum())},
        "c": found.c,
        "c_plus": c.largest,
        "c_opposite": _number(c.nearest_opposite),
        "threshold": found.threshold,
        "margin": {"min": float(found.margins.min()), "max": float(found.margins.max())},
        "printed_radius": printed,
        "midpoint_radius": 2 * printed,
        "upper_part_radius": (1 - c.largest) / 2 * math.sqrt(found.data.dim),
        "best_threshold": {"threshold": best, "radius": (1 - best) * math.sqrt(found.data.dim)},
        "proved": {"to_zero": _number(found.proved_zero), "to_flip": _number(found.proved_flip)},
        "ceiling": _number(found.ceiling),
        "to_zero": _radii(found.zero, printed),
        "to_flip": _radii(found.flip, printed),
        "attack": _attack(found),
        "per_point": [_point(found, i) for i in range(len(labels))],
    }


def _radii(radii: Sequence[Radius], printed: float) -> dict[str, Any]:
    """Least, middle and largest over the points; of brackets the certified end for the least."""
    lower = np.array([one.lower for one in radii])
    upper = np.array([one.upper for one in radii])
    return {
        "min": {"lower": _number(lower.min()), "upper": _number(upper.min())},
        "median": {"lower": _number(_median(lower)), "upper": _number(_median(upper))},
        "max": {"lower": _number(lower.max()), "upper": _number(upper.max())},
        "min_over_printed": _number(lower.min() / printed),
        "exact": sum(one.exact for one in radii),
        "infinite": int(np.isinf(lower).sum()),
        "nodes": sum(one.nodes for one in radii),
    }


def _median(values: ArrayLike) -> float:
    """The lower median, so that it is one of the values, infinite ones included."""
    ordered = np.sort(np.asarray(values))
    return float(ordered[(len(ordered) - 1) // 2])


def _attack(found: Measured) -> dict[str, Any]:
    attack = found.attack
    least = np.array([one.upper for one in found.zero])
    return {
        "to_zero": {"min": _number(attack.zero.min()), "median": _number(_median(attack.zero))},
        "reached_zero": int(np.isfinite(attack.zero).sum()),
        "to_flip": {"min": _number(attack.flip.min())},
        "flipped": int(np.isfinite(attack.flip).sum()),
        "stalled": int(attack.stalled.sum()),
        "neurons_on_at_the_end": {"min": int(attack.on.min()), "max": int(attack.on.max())},
        "restarts": attack.restarts,
        "largest_excess_over_exact": _number(np.max(attack.zero / least) - 1),
    }


def _point(found: Measured, i: int) -> dict[str, Any]:
    return {
        "label": int(found.data.labels[i]),
        "margin": float(found.margins[i]),
        "to_zero": _bracket(found.zero[i]),
        "to_flip": _bracket(found.flip[i]),
        "attack_to_zero": _number(found.attack.zero[i]),
        "attack_to_flip": _number(found.attack.flip[i]),
        "stalled": bool(found.attack.stalled[i]),
    }


def _bracket(one: Radius) -> dict[str, Any]:
    return {
        "lower": _number(one.lower),
        "upper": _number(one.upper),
        "exact": one.exact,
        "value": _number(one.value),
        "nodes": one.nodes,
    }


def _number(value: Any) -> float | None:
    """A finite number, else null: a radius that is infinite, a value that is nowhere taken."""
    return float(value) if math.isfinite(value) else None


def _over_data(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Least, median and largest over the data sets, of the least radius over the points."""

    def spread(values: Sequence[float | None]) -> dict[str, Any]:
        numbers = [math.inf if value is None else value for value in values]
        least, middle, most = min(numbers), _median(numbers), max(numbers)
        return {"min": _number(least), "median": _number(middle), "max": _number(most)}

    return {
        "c": spread([one["c"] for one in results]),
        "c_plus": spread([one["c_plus"] for one in results]),
        "printed_radius": spread([one["printed_radius"] for one in results]),
        "to_zero": spread([one["to_zero"]["min"]["lower"] for one in results]),
        "to_flip": spread([one["to_flip"]["min"]["lower"] for one in results]),
        "to_zero_over_printed": spread([one["to_zero"]["min_over_printed"] for one in results]),
        "to_flip_over_printed": spread([one["to_flip"]["min_over_printed"] for one in results]),
        "ceiling": spread([one["ceiling"] for one in results]),
    }

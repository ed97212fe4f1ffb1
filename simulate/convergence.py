"""How an estimate converges, and what looking at it on the way costs: intervals for fixed n against sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulate import laws
from simulate.engine import Plan, trial_columns
from simulate.experiments import INIT_FLIP, InitFlip
from simulate.statistics import clopper_pearson, confidence_sequence
from simulate.streams import Stream, stable_key

Integers = NDArray[np.int64]


def looks(most: int, count: int) -> Integers:
    """Sample sizes at which one looks: at most `count`, evenly spaced in the logarithm, from 10 to the most."""
    return np.unique(np.geomspace(10, most, count).round().astype(np.int64))


def document(
    width: int,
    dim: int,
    trials: int,
    runs: int,
    repetitions: int,
    *,
    activation: str = "relu",
    count: int = 100,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """Flip frequencies after every number of trials, and how often looking so often misleads, as JSON data.

    The step is the one whose limiting flip probability is ½. The cost of looking is measured on coins of probability
    ½: the share of sequences in which an interval has ever left out the truth.

    Args:
        width: k.
        dim: d.
        trials: of each run.
        runs: independent ones, with seeds from `seed` on.
        repetitions: sequences of coins.
        activation: σ.
        count: looks at most.
        confidence: of every interval.
        seed: of the first run, and of the coins.

    """
    step = float(laws.step_for_flip_probability(activation, 0.5))
    point = InitFlip(width=width, dim=dim, activation=activation, steps=(step,))
    at = looks(trials, count)
    paths = []
    for number in range(runs):
        plan = Plan(INIT_FLIP, (point,), trials, seed + number)
        flips = trial_columns(plan, 0, 0, trials)["flip"].reshape(trials)
        successes = np.cumsum(flips)[at - 1]
        paths.append(
            {"seed": seed + number, "successes": successes.tolist(), **_ends(successes, at, confidence)}
        )
    return {
        "experiment": "convergence",
        "step": step,
        "limit": 0.5,
        "confidence": confidence,
        "seed": seed,
        "trials": at.tolist(),
        "paths": paths,
        "looking": _looking(at, repetitions, confidence, seed),
    }


def _ends(successes: Integers, trials: Integers, confidence: float) -> dict[str, list[float]]:
    fixed, sequence = (
        clopper_pearson(successes, trials, confidence),
        confidence_sequence(successes, trials, confidence),
    )
    return {
        "low": sequence[0].tolist(),
        "high": sequence[1].tolist(),
        "fixed_low": fixed[0].tolist(),
        "fixed_high": fixed[1].tolist(),
    }


def _looking(at: Integers, repetitions: int, confidence: float, seed: int) -> dict[str, Any]:
    """How many sequences of fair coins had an interval without ½ up to each look."""
    key = stable_key(seed, {"experiment": "looking", "looks": len(at), "trials": int(at[-1])})
    # In parts: the coins of all sequences at once would not fit.
    misled: dict[str, list[NDArray[np.bool_]]] = {"fixed": [], "sequence": []}
    for first in range(0, repetitions, 100):
        stream = Stream(key, first, min(100, repetitions - first))
        coins = (stream.signs("coins", int(at[-1])) > 0).numpy()
        successes = np.cumsum(coins, axis=1)[:, at - 1]
        for name, interval in (("fixed", clopper_pearson), ("sequence", confidence_sequence)):
            low, high = interval(successes, at[None], confidence)
            misled[name].append(np.logical_or.accumulate((low > 0.5) | (high < 0.5), axis=1))
    counts = {name: np.concatenate(parts).sum(0) for name, parts in misled.items()}
    found: dict[str, Any] = {"repetitions": repetitions}
    for name, count in counts.items():
        low, high = clopper_pearson(count, repetitions, confidence)
        share = count / repetitions
        found[name] = {"share": share.tolist(), "low": low.tolist(), "high": high.tolist()}
    return found

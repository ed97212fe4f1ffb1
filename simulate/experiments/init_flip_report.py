"""What was found about flips, as JSON data: probabilities, the answers for γ, and the smallest steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulate import laws
from simulate.engine import CellResult
from simulate.experiments.init_flip import InitFlip
from simulate.experiments.random_network import (
    exact_output_std,
    gradient_norm_json,
    moments_json,
    network_json,
)
from simulate.firstflip import method_for
from simulate.statistics import (
    clopper_pearson,
    confidence_sequence,
    simultaneous_clopper_pearson,
)

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def report(cell: CellResult, confidence: float, simultaneous: bool = False) -> dict[str, Any]:
    """One entry of the document's `results`, see the README for its keys.

    Args:
        cell: parameters and summary.
        confidence: of every interval.
        simultaneous: let the intervals of all steps and directions of this cell hold at once (Bonferroni)
            instead of one by one.

    """
    parameters, summary = cell.parameters, cell.summary
    entry = {
        **network_json(cell),
        "fixed_sign": parameters.fixed_sign,
        "flip": _flips(cell, confidence, simultaneous),
        "zero_gradient": _share(cell, "zero_gradient", confidence),
        "output": {
            **moments_json(summary.moments["output"], confidence),
            "exact_std": exact_output_std(parameters),
        },
        "gradient_norm": gradient_norm_json(cell, confidence),
    }
    if cell.precision is not None:
        wanted = cell.precision.half_width
        shown = max((row["high"] - row["low"]) / 2 for row in entry["flip"])
        entry["precision"] = {"half_width": wanted, "reached": shown <= wanted}
    if parameters.gammas:
        entry["gamma"] = _gamma_answers(
            parameters, summary.counts["flip_on_grid"], summary.trials, confidence, cell.precision is not None
        )
    if parameters.minimal_step:
        entry["minimal_step"] = [
            _minimal_step(cell, direction, confidence) for direction in parameters.directions
        ]
    return entry


def _flips(cell: CellResult, confidence: float, simultaneous: bool) -> list[dict[str, Any]]:
    parameters, summary = cell.parameters, cell.summary
    counts = {name: summary.counts[name] for name in ("flip", "differ")}
    ends = {
        name: _band(count, summary.trials, confidence, simultaneous, cell.precision is not None)
        for name, count in counts.items()
    }

    def proportion(name: str, place: tuple[int, int]) -> dict[str, float]:
        return {
            "probability": float(counts[name][place] / summary.trials),
            "low": float(ends[name][0][place]),
            "high": float(ends[name][1][place]),
        }

    norm = moments_json(summary.moments["gradient_norm"], confidence)
    steps: list[tuple[float | None, float | None]] = [(step, None) for step in parameters.steps]
    steps += [(None, radius) for radius in parameters.radii]
    rows = []
    for i, direction in enumerate(parameters.directions):
        for j, (step, radius) in enumerate(steps):
            limit = laws.flip_probability_limit(
                parameters.activation,
                step=step,
                radius=radius,
                direction=direction,
                fixed_sign=parameters.fixed_sign,
                depth=parameters.depth,
                gain=parameters.gain,
                dim=parameters.dim,
            )
            # δ is η‖∇f‖ or r long: its share of ‖x‖ = √d follows from the gradient norm.
            scale = (step or radius or 0.0) / math.sqrt(parameters.dim)
            relative = {key: scale if step is None else scale * norm[key] for key in ("mean", "low", "high")}
            rows.append(
                {
                    "direction": direction,
                    "step": step,
                    "radius": radius,
                    **proportion("flip", (i, j)),
                    "limit": float(np.asarray(limit)),
                    "differ": proportion("differ", (i, j)),
                    "relative_perturbation": relative,
                }
            )
    return rows


def _share(cell: CellResult, name: str, confidence: float, certain: str | None = None) -> dict[str, float]:
    """How often a column of one entry a trial was true.

    With `certain`, a column of the trials in which that is beyond doubt, the interval begins with that one's lower
    end: it covers the share wherever the doubtful trials belong.
    """
    counts = np.array([int(cell.summary.counts[column]) for column in (certain or name, name)])
    low, high = _band(counts, cell.summary.trials, confidence, False, cell.precision is not None)
    return {"share": float(counts[1] / cell.summary.trials), "low": float(low[0]), "high": float(high[1])}


def _band(
    count: NDArray[np.int64], trials: int, confidence: float, simultaneous: bool, sequential: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Intervals for proportions; where the run stopped by looking, only a confidence sequence covers."""
    if sequential:
        each = 1 - (1 - confidence) / count.size if simultaneous else confidence
        return confidence_sequence(count, trials, each)
    band = simultaneous_clopper_pearson if simultaneous else clopper_pearson
    return band(count, trials, confidence)


def _gamma_answers(
    parameters: InitFlip,
    counts: NDArray[np.int64],
    trials: int,
    confidence: float,
    sequential: bool = False,
) -> list[dict[str, Any]]:
    """The smallest fixed |η| with flip probability at least 1 − γ, for each γ.

    One band covers the flip probability at every |η| of the grid at once. `high` is the first |η| at which the
    whole interval lies at or above 1 − γ; up to `low` every interval lies below it. If all do, the answer is
    "none": no |η| of the grid reaches 1 − γ, however large. If neither end is found, more trials are needed.
    """
    grid = np.array(parameters.gamma_grid)
    lower, upper = _band(counts, trials, confidence, True, sequential)
    constant = laws.flip_constant(parameters.activation, parameters.depth, parameters.gain)
    answers = []
    for gamma, limit in zip(parameters.gammas, parameters.limit_steps.tolist(), strict=True):
        reached, estimated = grid[lower >= 1 - gamma], grid[counts >= (1 - gamma) * trials]
        possible = np.flatnonzero(upper >= 1 - gamma)
        high = float(reached[0]) if len(reached) else None
        # Below the first |η| whose interval allows 1 − γ none reaches it; at the grid's edge nothing is known.
        low = float(grid[possible[0] - 1]) if len(possible) and possible[0] > 0 else None
        verdict = "none" if not len(possible) else "reached" if high is not None else "undecided"
        step = float(estimated[0]) if len(estimated) and verdict != "none" else None
        root = math.sqrt(math.log(1 / gamma))
        answers.append(
            {
                "gamma": gamma,
                "verdict": verdict,
                "step": step,
                "low": low if verdict != "none" else None,
                "high": high,
                "constant": None if step is None else step / root,
                "constant_low": None if low is None or verdict == "none" else low / root,
                "constant_high": None if high is None else high / root,
                "limit_step": limit,
                "limit_constant": limit / root,
                # erfinv(1 − γ) ≤ √log(1/γ): with this constant the theorem's form holds in the limit for all γ.
                "limit_constant_all_gamma": None if parameters.fixed_sign else constant,
                "largest_step_tried": float(grid[-1]),
            }
        )
    return answers


def _minimal_step(cell: CellResult, direction: str, confidence: float) -> dict[str, Any]:
    """The law of the smallest |η| that flips; a trial without one counts as ∞ in the quantiles."""
    parameters, summary = cell.parameters, cell.summary
    sketch = summary.sketches[f"first_flip.{direction}"]
    quantiles = []
    for p in QUANTILES:
        least, most = sketch.quantile_interval(p, confidence)
        quantiles.append({"probability": p, "value": sketch.quantile(p), "low": least, "high": most})
    method = "grid" if parameters.depth > 2 else method_for(parameters.sigma)
    return {
        "direction": direction,
        "method": method,
        # ∞ is decided for all steps by the exact method, else up to this length of the perturbation.
        "reach": None if method == "exact" else parameters.reach,
        "never": _share(cell, f"never.{direction}", confidence, f"never_certified.{direction}"),
        # No t with sign f(x + t e) ≠ sign f(x), where sign 0 = 0: the literal reading of that inequality.
        "never_differ": _share(
            cell, f"never_differ.{direction}", confidence, f"never_differ_certified.{direction}"
        ),
        "unresolved": int(summary.counts[f"unresolved.{direction}"]) / summary.trials,
        "quantiles": quantiles,
    }

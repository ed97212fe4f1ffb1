"""The law of ‖∇f(x)‖ for the random two-layer network.

"With high probability ‖∇f(x)‖ = Ω(1)" (Lucchi 2024, lecture 11, Proposition 4) is a statement about the
lower tail of this law: its lower quantiles stand in the table, beside the exact second moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulate import activations
from simulate.engine import CellResult, Columns, Experiment
from simulate.experiments.two_layer import TwoLayer, gradient_norm_json
from simulate.onestep import ENGINES
from simulate.statistics import clopper_pearson
from simulate.streams import Stream

QUANTILES = (0.001, 0.01, 0.05, 0.5, 0.95)


@dataclass(frozen=True)
class GradNorm(TwoLayer):
    """The network of `TwoLayer`; there is nothing else to choose."""


def trial(parameters: GradNorm, stream: Stream, batch: int) -> Columns:
    """Columns of `batch` trials: zero_gradient (boolean), gradient_norm, gradient_norm_squared; shape (batch,)."""
    del batch  # the stream knows it
    draw, respond = ENGINES[parameters.engine]
    draws = draw(parameters.width, parameters.dim, (), stream)
    activation = activations.get(parameters.activation)
    response = respond(parameters.width, parameters.dim, activation, (), draws, stream.buffer)
    norm = response.gradient_norm.double()
    return {"zero_gradient": norm == 0, "gradient_norm": norm, "gradient_norm_squared": norm**2}


def report(cell: CellResult, confidence: float, simultaneous: bool = False) -> dict[str, Any]:
    """One entry of the document's `results`, see the README for its keys.

    The quantile intervals are distribution-free, by order statistics, and rounded outward to the bins of
    the sketch; `simultaneous` lets all of them hold at once (Bonferroni).
    """
    parameters, summary = cell.parameters, cell.summary
    sketch = summary.sketches["gradient_norm"]
    shared = 1 - (1 - confidence) / len(QUANTILES) if simultaneous else confidence
    quantiles = []
    for p in QUANTILES:
        low, high = sketch.quantile_interval(p, shared)
        quantiles.append({"probability": p, "value": float(sketch.quantile(p)), "low": low, "high": high})
    zero = int(summary.counts["zero_gradient"])
    low, high = clopper_pearson(zero, summary.trials, confidence)
    return {
        "width": parameters.width,
        "dim": parameters.dim,
        "activation": parameters.activation,
        "trials": summary.trials,
        "engine": parameters.engine,
        "zero_gradient": {"share": zero / summary.trials, "low": float(low), "high": float(high)},
        "gradient_norm": {**gradient_norm_json(cell, confidence), "quantiles": quantiles},
    }


GRAD_NORM = Experiment("grad-norm", trial, GradNorm)

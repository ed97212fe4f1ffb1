"""The law of ‖∇f(x)‖ for the random networks.

"With high probability ‖∇f(x)‖ = Ω(1)" (Lucchi 2024, lecture 11, Proposition 4) is a statement about the
lower tail of this law: its lower quantiles stand in the table, beside the exact second moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from simulate import events, fused
from simulate.engine import CellResult, Columns, Experiment
from simulate.experiments.random_network import (
    KEPT_ON_DEVICE,
    RandomNetwork,
    deep_response,
    double,
    drawn_again,
    gradient_norm_json,
    in_float64,
    network_json,
)
from simulate.onestep import ENGINES
from simulate.statistics import clopper_pearson
from simulate.streams import Stream

QUANTILES = (0.001, 0.01, 0.05, 0.5, 0.95)


@dataclass(frozen=True)
class GradNorm(RandomNetwork):
    """The network of `RandomNetwork`; there is nothing else to choose."""

    def held_on(self, device: str, dtype: str) -> int:
        """Compiled kernels keep one trial and the columns of all."""
        compiled = self.region is not None or self.compiled_on(device, dtype=getattr(torch, dtype))
        return KEPT_ON_DEVICE if compiled else self.numbers_per_trial


def trial(parameters: GradNorm, stream: Stream, batch: int) -> Columns:
    """Columns of `batch` trials: zero_gradient (boolean), gradient_norm and its square, of shape (batch,)."""
    del batch  # the stream knows it
    if parameters.through_layers:
        norm = torch.linalg.vector_norm(deep_response(parameters, (), stream).gradient, dim=1)
        return {"zero_gradient": norm == 0, "gradient_norm": norm, "gradient_norm_squared": norm**2}
    if region := parameters.region:
        norm = events.observe(stream, region, parameters.dim).gradient_norm
        return {"zero_gradient": norm == 0, "gradient_norm": norm, "gradient_norm_squared": norm**2}
    draw, respond = ENGINES[parameters.one_step_engine]
    width, dim, activation = parameters.width, parameters.dim, parameters.sigma
    compiled = parameters.compiled_on(stream.device.type, dtype=stream.dtype)
    if compiled:
        norm = fused.observe(stream, activation, width, dim).gradient_norm
    else:
        draws = draw(width, dim, (), stream)
        norm = double(respond(width, dim, activation, (), draws, stream.buffer).gradient_norm)
    faint = (norm == 0).nonzero().squeeze(1)
    if len(faint) and stream.dtype != torch.float64:  # zero, or too small for float32
        exact, buffer = drawn_again(parameters, (), stream, faint) if compiled else in_float64(draws, faint)
        norm[faint] = respond(width, dim, activation, (), exact, buffer).gradient_norm.to(norm.device)
    return {"zero_gradient": norm == 0, "gradient_norm": norm, "gradient_norm_squared": norm**2}


def report(cell: CellResult, confidence: float, simultaneous: bool = False) -> dict[str, Any]:
    """One entry of the document's `results`, see the README for its keys.

    The quantile intervals are distribution-free, by order statistics, and rounded outward to the bins of
    the sketch; `simultaneous` lets all of them hold at once (Bonferroni).
    """
    summary = cell.summary
    sketch = summary.sketches["gradient_norm"]
    shared = 1 - (1 - confidence) / len(QUANTILES) if simultaneous else confidence
    quantiles = []
    for p in QUANTILES:
        least, most = sketch.quantile_interval(p, shared)
        quantiles.append({"probability": p, "value": float(sketch.quantile(p)), "low": least, "high": most})
    zero = int(summary.counts["zero_gradient"])
    low, high = clopper_pearson(zero, summary.trials, confidence)
    return {
        **network_json(cell),
        "zero_gradient": {"share": zero / summary.trials, "low": float(low), "high": float(high)},
        "gradient_norm": {**gradient_norm_json(cell, confidence), "quantiles": quantiles},
    }


GRAD_NORM = Experiment("grad-norm", trial, GradNorm)

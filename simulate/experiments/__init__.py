"""The experiments that ship: each a parameter record, a trial, and a report of what was found."""

from __future__ import annotations

import math
from typing import Any, Protocol

from simulate.engine import CellResult, Result
from simulate.engine import report as general_report
from simulate.errors import BadInput
from simulate.experiments import grad_norm, init_flip_report
from simulate.experiments.grad_norm import GRAD_NORM, GradNorm
from simulate.experiments.init_flip import DEFAULT_STEPS, INIT_FLIP, InitFlip
from simulate.experiments.random_network import device_named


class Report(Protocol):
    """How an experiment turns a cell into an entry of the document."""

    def __call__(self, cell: CellResult, confidence: float, simultaneous: bool = False) -> dict[str, Any]:
        """JSON data of one cell."""


REPORTS: dict[str, Report] = {"init-flip": init_flip_report.report, "grad-norm": grad_norm.report}


def document(result: Result, confidence: float = 0.95, simultaneous: bool = False) -> dict[str, Any]:
    """What `--json` prints: the plan, and an entry for each cell. Its keys are listed in the README.

    An experiment of the user's own gets the general description of its columns.

    Raises:
        BadInput: the confidence is not inside (0, 1).

    """
    if not 0 < confidence < 1:
        raise BadInput(f"confidence must lie strictly between 0 and 1, got {confidence}")
    name = result.plan.experiment.name
    report = REPORTS.get(name, general_report)
    plan: dict[str, Any] = _finite(
        {
            "experiment": name,
            "confidence": confidence,
            "intervals": "simultaneous" if simultaneous else "pointwise",
            # A run that stopped by looking: its proportions have intervals that allow it, its means and quantiles not.
            "anytime": result.plan.precision is not None,
            "plan": result.plan.to_json(),
            "results": [report(cell, confidence, simultaneous) for cell in result.cells],
        }
    )
    return plan


def _finite(value: Any) -> Any:
    """JSON has no infinity: an end of an interval that is not finite becomes null."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


__all__ = [
    "DEFAULT_STEPS",
    "GRAD_NORM",
    "INIT_FLIP",
    "REPORTS",
    "GradNorm",
    "InitFlip",
    "device_named",
    "document",
]

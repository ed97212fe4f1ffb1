"""Figures: each module has `plan(quality)`, the run that it needs, and `draw(result)`, the picture of it."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import flip_curve, gradient_law
from figures.style import ONE_COLUMN, TWO_COLUMNS, paper_style, save
from simulate.engine import Result

_DRAW = {"init-flip": flip_curve.draw, "grad-norm": gradient_law.draw}


def draw_result(result: Result, confidence: float = 0.95, simultaneous: bool = False) -> Figure:
    """The figure that belongs to the experiment of a run, with the intervals of its table."""
    return _DRAW[result.plan.experiment.name](result, confidence, simultaneous)


__all__ = ["ONE_COLUMN", "TWO_COLUMNS", "draw_result", "flip_curve", "gradient_law", "paper_style", "save"]

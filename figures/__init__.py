"""Figures: each module has what it needs to be measured and `draw`, the picture of it; `write` puts them on disk."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures import flip_curve, gradient_law
from figures.catalogue import CATALOGUE
from figures.picture import Picture
from figures.stored import Stored
from figures.style import ONE_COLUMN, TWO_COLUMNS, paper_style, save
from figures.write import FORMATS, Written, find, write
from simulate.engine import Result

_DRAW = {"init-flip": flip_curve.draw, "grad-norm": gradient_law.draw}


def draw_result(result: Result, confidence: float = 0.95, simultaneous: bool = False) -> Figure:
    """The figure that belongs to the experiment of a run, with the intervals of its table."""
    return _DRAW[result.plan.experiment.name](result, confidence, simultaneous)


__all__ = [
    "CATALOGUE",
    "FORMATS",
    "ONE_COLUMN",
    "TWO_COLUMNS",
    "Picture",
    "Stored",
    "Written",
    "draw_result",
    "find",
    "flip_curve",
    "gradient_law",
    "paper_style",
    "save",
    "write",
]

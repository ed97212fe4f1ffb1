"""The distribution function of ‖∇f(x)‖, with its band and its limit."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from figures.style import TWO_COLUMNS, cell_label, colours, paper_style
from simulate import laws
from simulate.engine import Plan, Result, grid
from simulate.experiments import GRAD_NORM, GradNorm
from simulate.statistics import dkw_band

_TRIALS = {"draft": 5_000, "paper": 200_000}


def plan(quality: str = "draft") -> Plan:
    """The run behind the figure at its default: how the law narrows with the width."""
    points = grid(GradNorm, width=[16, 64, 256, 1024, 4096], dim=1024, activation="relu")
    return Plan(GRAD_NORM, points, _TRIALS[quality])


def draw(result: Result, confidence: float = 0.95, simultaneous: bool = False) -> Figure:
    """The empirical distribution function of each cell inside its DKW band; dashed, the limit √(E σ′²).

    A DKW band holds for the whole curve; `simultaneous` lets those of all cells hold at once.
    """
    if simultaneous:
        confidence = 1 - (1 - confidence) / len(result.cells)
    with paper_style():
        figure = Figure(figsize=(TWO_COLUMNS, 2.9), layout="constrained")
        axes = figure.subplots()
        styles = ("-", "--", "-.", ":")
        palette = colours(len(result.cells))
        for i, cell in enumerate(result.cells):
            _, edges, counts = cell.summary.sketches["gradient_norm"].edges_and_counts()
            # The distribution function is known at the upper edge of each bin.
            heights = np.cumsum(counts) / cell.summary.trials
            half = float(dkw_band(cell.summary.trials, confidence))
            p = cell.parameters
            axes.plot(
                edges,
                heights,
                color=palette[i],
                linestyle=styles[i % len(styles)],
                label=cell_label(vars(p)),
            )
            low, high = np.clip(heights - half, 0, 1), np.clip(heights + half, 0, 1)
            axes.fill_between(edges, low, high, color=palette[i], alpha=0.2, linewidth=0)
        limits = [
            laws.gradient_norm_limit(p.activation, p.depth, p.gain)
            for p in (cell.parameters for cell in result.cells)
        ]
        for limit in dict.fromkeys(limits):
            axes.axvline(limit, color="0.3", linestyle=(0, (4, 3)), linewidth=0.8)
        axes.set(xlabel=r"$\|\nabla f(x)\|$", ylabel="distribution function", ylim=(0, 1))
        figure.legend(loc="outside right center", frameon=False)
    return figure

"""The law of ‖∇f(x)‖: its distribution function with its band and its limit, and how it narrows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.picture import Picture, Rows
from figures.style import (
    GUIDE,
    TWO_COLUMNS,
    cell_label,
    is_narrow,
    legend_below,
    letters,
    looks,
    measured,
    panels,
    paper_style,
    theory,
)
from simulate import laws
from simulate.engine import CellResult, Plan, Result, grid
from simulate.experiments import GRAD_NORM, GradNorm
from simulate.statistics import dkw_band, variance_interval

_TRIALS = {"draft": 5_000, "paper": 200_000}


def plan(quality: str = "draft") -> Plan:
    """The run behind the figure at its default: how the law narrows with the width."""
    points = grid(GradNorm, width=[16, 64, 256, 1024, 4096], dim=1024, activation="relu")
    return Plan(GRAD_NORM, points, _TRIALS[quality])


def draw(
    result: Result, confidence: float = 0.95, simultaneous: bool = False, width: float = TWO_COLUMNS
) -> Figure:
    """The empirical distribution function of each cell inside its DKW band; dashed, the limit √(E σ′²).

    A DKW band holds for the whole curve; `simultaneous` lets those of all cells hold at once.
    """
    if simultaneous:
        confidence = 1 - (1 - confidence) / len(result.cells)
    with paper_style():
        figure, (axes,) = panels(width, 1, 2.9)
        entries = _distribution_functions(axes, result, confidence)
        legend_below(figure, width, entries)
    return figure


def _distribution_functions(panel: Axes, result: Result, confidence: float) -> dict[str, Any]:
    """The curves, their bands and their limits; returns the legend's entries."""
    entries = {}
    for cell, look in zip(result.cells, looks(len(result.cells)), strict=True):
        edges, heights, half = _distribution(cell, confidence)
        entries[cell_label(vars(cell.parameters))] = theory(panel, edges, heights, look)
        low, high = np.clip(heights - half, 0, 1), np.clip(heights + half, 0, 1)
        panel.fill_between(edges, low, high, color=look.colour, alpha=0.2, linewidth=0)
    limits = [
        laws.gradient_norm_limit(p.activation, p.depth, p.gain)
        for p in (cell.parameters for cell in result.cells)
    ]
    for limit in dict.fromkeys(limits):
        panel.axvline(limit, linestyle=(0, (4, 3)), **GUIDE)
    panel.set(xlabel=r"$\|\nabla f(x)\|$", ylabel="distribution function", ylim=(0, 1))
    return entries


def _distribution(cell: CellResult, confidence: float) -> tuple[Any, Any, float]:
    # The distribution function is known at the upper edge of each bin.
    _, edges, counts = cell.summary.sketches["gradient_norm"].edges_and_counts()
    return edges, np.cumsum(counts) / cell.summary.trials, float(dkw_band(cell.summary.trials, confidence))


def _draw(result: Result, width: float) -> Figure:
    """Left the distribution functions, right the spread of ‖∇f‖² over the width with its exact law."""
    with paper_style():
        figure, (left, right) = panels(width, 2, 2.9 if not is_narrow(width) else 2.3, width_ratios=(1.25, 1))
        curves = _distribution_functions(left, result, 0.95)
        left.set_title(f"{result.cells[0].parameters.activation}, d={result.cells[0].parameters.dim}")
        right.set_title("its spread")
        spread = _spread(result)
        look = looks(1)[0]
        k = [one["width"] for one in spread]
        points = measured(right, k, [[one[key] for one in spread] for key in ("std", "low", "high")], look)
        smooth = np.geomspace(min(k), max(k), 100)
        dim, sigma = result.cells[0].parameters.dim, result.cells[0].parameters.activation
        exact = [math.sqrt(laws.gradient_second_moment_variance(sigma, round(one), dim)) for one in smooth]
        line = theory(right, np.round(smooth), exact, look)
        right.set(xscale="log", yscale="log", xlabel="width $k$", ylabel=r"std of $\|\nabla f(x)\|^2$")
        letters([left, right])
        named = {
            rf"$k={cell.parameters.width}$": curves[cell_label(vars(cell.parameters))]
            for cell in result.cells
        }
        named[r"limit $\sqrt{\mathbb{E}\sigma'^2}$"] = left.lines[-1]
        named["std: measured, exact"] = (line, points)
        legend_below(figure, width, named)
    return figure


def _spread(result: Result) -> Rows:
    """Standard deviations of ‖∇f‖² with 95 % intervals, beside the exact ones."""
    found = []
    for cell in result.cells:
        moments, p = cell.summary.moments["gradient_norm_squared"], cell.parameters
        variance = float(moments.variance)
        ends = variance_interval(moments.count, variance, moments.fourth_central_moment, 0.95)
        exact = laws.gradient_second_moment_variance(p.activation, p.width, p.dim)
        found.append(
            {
                "width": p.width,
                "std": math.sqrt(variance),
                "low": math.sqrt(float(ends[0])),
                "high": math.sqrt(float(ends[1])),
                "exact": math.sqrt(exact),
            }
        )
    return found


def _table(result: Result) -> Rows:
    rows: Rows = []
    for cell in result.cells:
        p = cell.parameters
        edges, heights, half = _distribution(cell, 0.95)
        base = {"activation": p.activation, "width": p.width, "dim": p.dim, "trials": cell.summary.trials}
        limit = laws.gradient_norm_limit(p.activation, p.depth, p.gain)
        rows += [
            {**base, "panel": "a", "norm": x, "distribution": y, "band": half, "limit": limit}
            for x, y in zip(edges.tolist(), heights.tolist(), strict=True)
        ]
        rows += [{**base, "panel": "b", **one} for one in _spread(result) if one["width"] == p.width]
    return rows


def _alt(result: Result) -> str:
    spread = _spread(result)
    return (
        f"Distribution functions of the gradient norm for widths {', '.join(str(one['width']) for one in spread)}: "
        f"ever steeper about their limit. The standard deviation of its square falls from {spread[0]['std']:.3g} to "
        f"{spread[-1]['std']:.3g}, on the line of its exact law."
    )


PICTURE = Picture(
    name="gradient-law",
    title="The gradient norm of a random network concentrates as the width grows",
    caption="(a) Distribution functions of ‖∇f(x)‖ for ReLU networks of several widths k at d = 1024, each in the band "
    "that covers it everywhere with confidence 95 %; dashed, the limit √(Eσ′²). (b) The standard deviation of "
    "‖∇f(x)‖²: measured, with 95 % intervals, on the line of its exact law at every k and d.",
    sources=("001",),
    measure=lambda stored, quality: stored.run(plan(quality)),
    table=_table,
    draw=_draw,
    alt=_alt,
)

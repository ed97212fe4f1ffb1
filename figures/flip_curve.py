"""Flip probability against the size of the step, with the infinite-width limit."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import MARKERS, TWO_COLUMNS, cell_label, colours, paper_style
from simulate import laws
from simulate.deep import SCALINGS
from simulate.engine import Plan, Result, grid
from simulate.experiments import INIT_FLIP, InitFlip, document

_TRIALS = {"draft": 2_000, "paper": 100_000}


def plan(quality: str = "draft") -> Plan:
    """The run behind the figure at its default: gradient, sign and random steps of equal length."""
    points = grid(
        InitFlip,
        width=4096,
        dim=1024,
        activation=["relu", "tanh"],
        steps=tuple(np.linspace(0.25, 5, 20).tolist()),
        directions=("gradient", "sign", "random"),
    )
    return Plan(INIT_FLIP, points, _TRIALS[quality])


def draw(result: Result, confidence: float = 0.95, simultaneous: bool = False) -> Figure:
    """Points with intervals for what was measured, lines for the limit k, d → ∞.

    Steps and radii get a panel each if both were measured; each cell and direction is one colour and marker.
    """
    data = document(result, confidence, simultaneous)
    kinds = [
        kind
        for kind in ("step", "radius")
        if any(entry[kind] is not None for cell in data["results"] for entry in cell["flip"])
    ]
    series = [
        (cell, direction)
        for cell in data["results"]
        for direction in dict.fromkeys(entry["direction"] for entry in cell["flip"])
    ]
    with paper_style():
        figure = Figure(figsize=(TWO_COLUMNS, 2.9), layout="constrained")
        axes = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
        for panel, kind in zip(axes, kinds, strict=True):
            for (cell, direction), colour, marker in zip(
                series, colours(len(series)), MARKERS * len(series), strict=False
            ):
                _series(panel, kind, cell, direction, colour, marker)
            name = r"step size $|\eta|$" if kind == "step" else r"perturbation norm $r$"
            panel.set(xlabel=name, ylim=(-0.02, 1.02))
            panel.set_xlim(left=0)
        axes[0].set_ylabel(r"$P(f(x)\,f(x+\delta)<0)$")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center", frameon=False)
    return figure


def _series(
    panel: Axes, kind: str, cell: dict[str, Any], direction: laws.Direction, colour: Any, marker: str
) -> None:
    entries = [entry for entry in cell["flip"] if entry["direction"] == direction and entry[kind] is not None]
    sizes = np.array([entry[kind] for entry in entries])
    probability = np.array([entry["probability"] for entry in entries])
    ends = np.array([[entry["low"], entry["high"]] for entry in entries]).T
    label = f"{cell_label(cell)}, {direction}"
    panel.errorbar(
        sizes,
        probability,
        yerr=np.abs(ends - probability),
        fmt=marker,
        color=colour,
        capsize=1.5,
        elinewidth=0.8,
        label=label,
    )
    smooth = np.linspace(0, sizes.max(), 200)
    limit = laws.flip_probability_limit(
        cell["activation"],
        step=smooth if kind == "step" else None,
        radius=smooth if kind == "radius" else None,
        direction=direction,
        fixed_sign=cell["fixed_sign"],
        depth=cell["depth"],
        gain=SCALINGS[cell["scaling"]],
        dim=cell["dim"],
    )
    panel.plot(smooth, np.broadcast_to(limit, smooth.shape), color=colour, alpha=0.8)

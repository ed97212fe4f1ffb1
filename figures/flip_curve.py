"""Flip probability against the size of the step, with the infinite-width limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.picture import Picture, Rows
from figures.stored import Stored
from figures.style import (
    TWO_COLUMNS,
    Look,
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
from simulate.deep import SCALINGS
from simulate.engine import Plan, Result, grid
from simulate.experiments import INIT_FLIP, InitFlip, document

_TRIALS = {"draft": 8_000, "paper": 200_000}
_MOST_PANELS = 3
Series = tuple[dict[str, Any], str]
"""A cell of the document, and a direction."""


def plan(quality: str = "draft") -> Plan:
    """The run behind the figure at its default: gradient, sign and random steps of equal length."""
    points = grid(
        InitFlip,
        width=1024,
        dim=1024,
        activation=["relu", "tanh"],
        steps=tuple(np.linspace(0.4, 4.8, 12).tolist()),
        directions=("gradient", "sign", "random"),
    )
    return Plan(INIT_FLIP, points, _TRIALS[quality])


def draw(
    result: Result, confidence: float = 0.95, simultaneous: bool = False, width: float = TWO_COLUMNS
) -> Figure:
    """Points with intervals for what was measured, lines for the limit k, d → ∞.

    Steps and radii get a panel each if both were measured. With one of the two, several cells that are tried in
    several directions get a panel each. Otherwise each cell and direction is a series of its own in every panel.
    """
    return _draw(document(result, confidence, simultaneous), width)


def _draw(data: Mapping[str, Any], width: float) -> Figure:
    cells = data["results"]
    kinds = [
        kind
        for kind in ("step", "radius")
        if any(entry[kind] is not None for cell in cells for entry in cell["flip"])
    ]
    directions = list(dict.fromkeys(entry["direction"] for cell in cells for entry in cell["flip"]))
    apart = len(kinds) == 1 and len(directions) > 1 and 1 < len(cells) <= _MOST_PANELS
    with paper_style():
        if apart:
            figure, axes = panels(width, len(cells), 2.7 if not is_narrow(width) else 2.1, sharey=True)
            shown = [[(cell, direction) for direction in directions] for cell in cells]
        else:
            figure, axes = panels(width, len(kinds), 2.9 if not is_narrow(width) else 2.4, sharey=True)
            shown = [[(cell, direction) for cell in cells for direction in directions]] * len(kinds)
        entries: dict[str, Any] = {}
        for panel, series, kind in zip(axes, shown, kinds * len(axes), strict=False):
            for one, look in zip(series, looks(len(series)), strict=True):
                handle = _series(panel, kind, *one, look)
                entries.setdefault(one[1] if apart else f"{cell_label(one[0])}, {one[1]}", handle)
            name = r"step size $|\eta|$" if kind == "step" else r"perturbation norm $r$"
            panel.set(xlabel=name, ylim=(-0.03, 1.03))
            panel.set_xlim(left=0)
            if apart:
                panel.set_title(cell_label(series[0][0]))
        for panel in axes if is_narrow(width) else axes[:1]:
            panel.set_ylabel(r"$P(f(x)\,f(x+\delta)<0)$")
        if len(axes) > 1:
            letters(axes)
        legend_below(figure, width, entries)
    return figure


def _series(
    panel: Axes, kind: str, cell: dict[str, Any], direction: laws.Direction, look: Look
) -> tuple[Any, Any]:
    entries = [entry for entry in cell["flip"] if entry["direction"] == direction and entry[kind] is not None]
    sizes = np.array([entry[kind] for entry in entries])
    found = [[entry[key] for entry in entries] for key in ("probability", "low", "high")]
    points = measured(panel, sizes, found, look)
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
    return theory(panel, smooth, np.broadcast_to(limit, smooth.shape), look), points


def _measure(stored: Stored, quality: str) -> dict[str, Any]:
    return document(stored.run(plan(quality)))


def rows(cells: Sequence[Mapping[str, Any]]) -> Rows:
    """One record a cell, direction and size."""
    return [
        {
            **{key: cell[key] for key in ("activation", "width", "dim", "trials")},
            **{
                key: entry[key]
                for key in ("direction", "step", "radius", "probability", "low", "high", "limit")
            },
        }
        for cell in cells
        for entry in cell["flip"]
    ]


def _alt(data: Mapping[str, Any]) -> str:
    told = []
    for cell in data["results"]:
        ends = []
        for direction in dict.fromkeys(entry["direction"] for entry in cell["flip"]):
            line = [entry for entry in cell["flip"] if entry["direction"] == direction]
            first, last = line[0], line[-1]
            ends.append(
                f"{direction} from {first['probability']:.2g} at |η| = {first['step']:g} to "
                f"{last['probability']:.2g} at {last['step']:g}"
            )
        told.append(f"{cell['activation']}: {'; '.join(ends)}")
    return (
        "Share of random networks whose sign a step flips, over the size of the step, points on the lines of "
        f"the limit. {'. '.join(told)}."
    )


PICTURE = Picture(
    name="flip-curve",
    title="One step along the gradient flips the sign of a random network",
    caption="How often a step of length |η|‖∇f‖ flips the sign of f at initialisation: against the gradient, along "
    "the sign of the gradient, and in a random direction. Points: measured, with 95 % intervals; lines: the limit "
    "k, d → ∞, for the gradient erf(|η| Eσ′²/√(2Eσ²)), for the random direction its leading term at this d.",
    sources=("001",),
    measure=_measure,
    table=lambda data: rows(data["results"]),
    draw=_draw,
    alt=_alt,
)

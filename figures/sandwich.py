"""The sandwich: certificates below, the exact distance, attacks above; over the dimension or the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import MARKERS, TWO_COLUMNS, colours, paper_style
from simulate.sandwich.table import NAMES, NORMS

_DIMS = {"draft": [10, 20, 40, 80], "paper": [10, 20, 40, 80, 160, 320]}
_TRIALS = {"draft": 8, "paper": 40}
_LOWER = ("product", "local", "interval", "optimised", "triangle")
_UPPER = ("one step", "deepfool", "pgd", "carlini-wagner")
_NORM_SIGNS = {"inf": r"$\ell_\infty$", "2": r"$\ell_2$", "1": r"$\ell_1$"}
assert set(_NORM_SIGNS) == set(NORMS)


def plan(quality: str = "draft") -> dict[str, Any]:
    """The arguments of `simulate.sandwich.document` behind the figure at its default."""
    kinds = ["robust", "trained", "random"]
    return {"network": kinds, "width": [10], "dim": _DIMS[quality], "norm": "2", "trials": _TRIALS[quality]}


def draw(document: Mapping[str, Any]) -> Figure:
    """A panel for each kind of network: medians of every method over the grid, the exact distance as a thick line.

    The band spans the exact distances of all networks of a cell. Several dimensions are the horizontal axis, else
    several widths; a single cell is drawn method by method. In ℓ2 a dotted line is √d.

    Args:
        document: of `simulate.sandwich.document`.

    """
    results = document["results"]
    kinds = list(dict.fromkeys(one["network"] for one in results))
    axis = "dim" if len({one["dim"] for one in results}) > 1 else "width"
    with paper_style():
        figure = Figure(figsize=(TWO_COLUMNS, 3.1), layout="constrained")
        panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
        for panel, kind in zip(panels, kinds, strict=True):
            cells = [one for one in results if one["network"] == kind]
            if len({one[axis] for one in cells}) > 1:
                _over(panel, cells, axis, document["norm"])
            else:
                _methods(panel, cells[0])
            panel.set_yscale("log")
            panel.set_title(f"{kind}, {_size(cells, axis)}")
        panels[0].set_ylabel(f"{_NORM_SIGNS[document['norm']]} distance to another class")
        handles: dict[str, Any] = {}
        for panel in panels:
            for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
                handles.setdefault(label, handle)
        figure.legend(
            list(handles.values()), list(handles), loc="outside lower center", ncols=4, frameon=False
        )
    return figure


def _size(cells: Sequence[Mapping[str, Any]], axis: str) -> str:
    other = "width" if axis == "dim" else "dim"
    if len({one[axis] for one in cells}) == 1:
        return f"k={cells[0]['width']}, d={cells[0]['dim']}"
    fixed = sorted({one[other] for one in cells})
    return f"{'k' if other == 'width' else 'd'}={', '.join(map(str, fixed))}"


def _over(panel: Axes, cells: Sequence[Mapping[str, Any]], axis: str, norm: str) -> None:
    """Medians over the grid; of a grid in both sizes one line each."""
    other = "width" if axis == "dim" else "dim"
    below, above = colours(len(_LOWER) + len(_UPPER))[: len(_LOWER)], colours(10)[len(_LOWER) :]
    for size in sorted({one[other] for one in cells}):
        line = sorted((one for one in cells if one[other] == size), key=lambda one: one[axis])
        place = [one[axis] for one in line]
        for side, names, palette, style in (("lower", _LOWER, below, "--"), ("upper", _UPPER, above, ":")):
            for index, name in enumerate(names):
                if all(name in one[side] for one in line):
                    height = [_height(one[side][name]["radius"]["median"]) for one in line]
                    marker = MARKERS[index]
                    panel.plot(
                        place, height, style, marker=marker, color=palette[index], label=_label(side, name)
                    )
        low = [_height(min(_positive(one["exact"]["lower"]), default=None)) for one in line]
        high = [_height(max(_positive(one["exact"]["upper"]), default=None)) for one in line]
        panel.fill_between(place, low, high, color="0.85", linewidth=0, zorder=0, label="exact, all networks")
        middle = [_height(one["exact"]["upper"]["median"]) for one in line]
        panel.plot(place, middle, color="black", linewidth=2, label="exact, median", zorder=5)
    if axis == "dim" and norm == "2":
        place = sorted({one[axis] for one in cells})
        panel.plot(
            place, np.sqrt(place), color="0.5", linewidth=0.8, linestyle=(0, (1, 3)), label=r"$\sqrt{d}$"
        )
    panel.set_xscale("log", base=2)
    panel.set_xlabel("dimension d" if axis == "dim" else "width k")


def _methods(panel: Axes, cell: Mapping[str, Any]) -> None:
    """One cell: every network's bounds, a column for each method."""
    below, exact, above = colours(3)
    columns = [("lower", name, below) for name in cell["lower"]]
    columns += [("exact", "upper", exact)] + [("upper", name, above) for name in cell["upper"]]
    ticks = []
    for place, (side, name, colour) in enumerate(columns):
        entry = cell["exact"]["upper"] if side == "exact" else cell[side][name]["radius"]
        values = [_height(value) for value in entry["values"]]
        label = {"lower": "certificate", "upper": "attack", "exact": "exact"}[side]
        spots = np.full(len(values), place)
        panel.plot(spots, values, MARKERS[0], color=colour, markersize=2.5, alpha=0.7, label=label)
        panel.plot([place - 0.3, place + 0.3], [_height(entry["median"])] * 2, color=colour)
        ticks.append("exact" if side == "exact" else NAMES[name])
    panel.set_xticks(range(len(ticks)), ticks, rotation=60, ha="right")


def _label(side: str, name: str) -> str:
    return f"{'≥' if side == 'lower' else '≤'} {NAMES[name]}"


def _positive(spread: Mapping[str, Any]) -> list[float]:
    return [value for value in spread["values"] if value]


def _height(value: float | None) -> float:
    """A radius that is infinite or 0 has no place on a logarithmic axis."""
    return float("nan") if value is None or value <= 0 else value

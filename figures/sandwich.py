"""The sandwich: certificates below, the exact distance, attacks above; over the dimension or the width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.picture import Picture, Rows
from figures.stored import Stored
from figures.style import MARKERS, TWO_COLUMNS, colours, is_narrow, legend_below, letters, paper_style
from simulate.sandwich import document as measure
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


def draw(document: Mapping[str, Any], width: float = TWO_COLUMNS) -> Figure:
    """A panel for each kind of network: medians of every method over the grid, the exact distance as a thick line.

    The band spans the exact distances of all networks of a cell. Several dimensions are the horizontal axis, else
    several widths; a single cell is drawn method by method. In ℓ2 a dotted line is √d.

    Args:
        document: of `simulate.sandwich.document`.
        width: in inches.

    """
    results = document["results"]
    kinds = list(dict.fromkeys(one["network"] for one in results))
    axis = "dim" if len({one["dim"] for one in results}) > 1 else "width"
    with paper_style():
        narrow = is_narrow(width)
        size = (width, 1.75 * len(kinds) + 0.9) if narrow else (width, 3.1)
        figure = Figure(figsize=size, layout="constrained")
        grid = (len(kinds), 1) if narrow else (1, len(kinds))
        panels = list(figure.subplots(*grid, sharey=True, sharex=narrow, squeeze=False).flat)
        for panel, kind in zip(panels, kinds, strict=True):
            cells = [one for one in results if one["network"] == kind]
            if len({one[axis] for one in cells}) > 1:
                _over(panel, cells, axis, document["norm"])
            else:
                _methods(panel, cells[0])
            panel.set_yscale("log")
            panel.set_title(f"{kind}, {_size(cells, axis)}")
        for panel in panels if narrow else panels[:1]:
            panel.set_ylabel(f"{_NORM_SIGNS[document['norm']]} distance")
        for panel in panels[:-1] if narrow else ():
            panel.set_xlabel("")
        if len(kinds) > 1:
            letters(panels)
        handles: dict[str, Any] = {}
        for panel in panels:
            for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
                handles.setdefault(label, handle)
        legend_below(figure, width, handles)
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
    sizes = sorted({one[axis] for one in cells})
    panel.set_xticks(sizes, [str(size) for size in sizes])
    panel.minorticks_off()
    panel.set_xlabel("dimension $d$" if axis == "dim" else "width $k$")


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


def _measure(stored: Stored, quality: str) -> dict[str, Any]:
    arguments = {**plan(quality), "seconds": 20.0, "seed": 0}
    found: dict[str, Any] = stored.document("radius", arguments, measure, "networks")
    return found


def _table(data: Mapping[str, Any]) -> Rows:
    rows: Rows = []
    for one in data["results"]:
        base = {key: one[key] for key in ("network", "width", "dim")} | {"norm": data["norm"]}
        methods = [("exact", side, one["exact"][side]) for side in ("lower", "upper")]
        methods += [
            (side, name, found["radius"]) for side in ("lower", "upper") for name, found in one[side].items()
        ]
        for side, name, spread in methods:
            rows += [
                {
                    **base,
                    "side": side,
                    "method": name,
                    "trial": trial,
                    "radius": value,
                    "median": spread["median"],
                }
                for trial, value in enumerate(spread["values"])
            ]
    return rows


def _alt(data: Mapping[str, Any]) -> str:
    told = []
    for kind in dict.fromkeys(one["network"] for one in data["results"]):
        line = [one for one in data["results"] if one["network"] == kind]
        ends = [f"{one['exact']['upper']['median']:.2g} at d = {one['dim']}" for one in (line[0], line[-1])]
        told.append(f"{kind} {' to '.join(ends)}")
    return (
        "Certificates below and attacks above the exact distances of robust, trained and random networks, over the "
        f"dimension. Exact medians: {'; '.join(told)}."
    )


PICTURE = Picture(
    name="sandwich",
    title="Certificates below, attacks above, and the exact distance between them",
    caption="ℓ2 distance to another class over the dimension, for the existence theorem's network, a trained and a "
    "random one: medians of every certificate (dashed, ≥) and attack (dotted, ≤) over the networks, the exact median "
    "(thick) and the range of the exact distances (grey). A certificate above an attack would stop the run.",
    sources=("001", "002", "003"),
    measure=_measure,
    table=_table,
    draw=draw,
    alt=_alt,
)

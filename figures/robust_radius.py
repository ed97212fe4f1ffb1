"""How robust the existence theorem's network is: printed, exact and attacked radii, and the bounds over c."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from figures.style import MARKERS, TWO_COLUMNS, colours, paper_style
from simulate.robust import best_threshold, ceiling, least_radius_to_flip, printed_radius, radius_to_zero

_POINTS = {"draft": 20, "paper": 40}
_DIM = {"draft": 200, "paper": 1000}
_MANY = 2_000  # points of the other label: the bound for c >= 1/3 is the limit of many
_GUIDE: dict[str, Any] = {"color": "0.3", "linewidth": 0.8, "zorder": 1}


def plan(quality: str = "draft") -> dict[str, Any]:
    """The arguments of `simulate.robust.document` behind the figure at its default."""
    return {"data": "clustered", "points": _POINTS[quality], "dim": _DIM[quality]}


def draw(document: Mapping[str, Any]) -> Figure:
    """Left, the radii of every point in units of √d, sorted by the distance to a strict flip (many data sets: the
    least of each). Right, where the least of them lie among the bounds, as functions of c.

    Brackets are drawn as bars. Points that no perturbation flips have no mark.

    Args:
        document: of `simulate.robust.document`.

    """
    with paper_style():
        figure = Figure(figsize=(TWO_COLUMNS, 2.9), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
        if len(document["results"]) == 1:
            _per_point(left, document["results"][0])
        else:
            _per_data_set(left, document["results"])
        _over_c(right, document["results"])
        handles, labels = left.get_legend_handles_labels()
        more = [
            pair for pair in zip(*right.get_legend_handles_labels(), strict=True) if pair[1] not in labels
        ]
        handles, labels = handles + [pair[0] for pair in more], labels + [pair[1] for pair in more]
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


_FLIP, _ZERO, _ATTACK = (
    "strict flip, exact",
    r"$f=0$, exact",
    r"$f=0$, gradient attack",
)


def _per_point(panel: Axes, result: Mapping[str, Any]) -> None:
    unit = math.sqrt(result["dim"])
    points = sorted(result["per_point"], key=lambda one: _upper(one["to_flip"]))
    place = np.arange(1, len(points) + 1)
    flip, zero, attack = colours(3)
    _brackets(panel, place, [one["to_flip"] for one in points], unit, flip, MARKERS[0], _FLIP)
    _brackets(panel, place, [one["to_zero"] for one in points], unit, zero, MARKERS[1], _ZERO)
    reached = [_plain(one["attack_to_zero"]) / unit for one in points]
    panel.plot(place, reached, MARKERS[6], color=attack, markersize=2.2, label=_ATTACK, zorder=4)
    _levels(panel, result["printed_radius"] / unit, _plain(result["ceiling"]) / unit)
    panel.set(xlabel="point, by its distance to a strict flip", ylabel=r"distance $/\sqrt{d}$")
    _count_axis(panel, len(points))


def _per_data_set(panel: Axes, results: Sequence[Mapping[str, Any]]) -> None:
    ordered = sorted(results, key=lambda one: _upper(one["to_flip"]["min"]))
    unit = math.sqrt(ordered[0]["dim"])
    place = np.arange(1, len(ordered) + 1)
    flip, zero, attack = colours(3)
    _brackets(panel, place, [one["to_flip"]["min"] for one in ordered], unit, flip, MARKERS[0], _FLIP)
    _brackets(panel, place, [one["to_zero"]["min"] for one in ordered], unit, zero, MARKERS[1], _ZERO)
    reached = [_plain(one["attack"]["to_zero"]["min"]) / unit for one in ordered]
    panel.plot(place, reached, MARKERS[6], color=attack, markersize=2.2, label=_ATTACK, zorder=4)
    printed = [one["printed_radius"] / unit for one in ordered]
    panel.plot(place, printed, linestyle=(0, (4, 3)), label=r"printed, $\frac{1-c}{4}\sqrt{d}$", **_GUIDE)
    panel.set(xlabel="data set, by its least distance to a strict flip", ylabel=r"least distance $/\sqrt{d}$")
    _count_axis(panel, len(ordered))


def _count_axis(panel: Axes, count: int) -> None:
    panel.set_xlim(0.5, count + 0.5)
    panel.set_ylim(bottom=0)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))


def _levels(panel: Axes, printed: float, most: float) -> None:
    panel.axhline(printed, linestyle=(0, (4, 3)), label=r"printed, $\frac{1-c}{4}\sqrt{d}$", **_GUIDE)
    if math.isfinite(most):
        panel.axhline(most, linestyle=(0, (1, 1.5)), label="ceiling of every function", **_GUIDE)


def _brackets(
    panel: Axes,
    place: Any,
    entries: Sequence[Mapping[str, Any]],
    unit: float,
    colour: Any,
    marker: str,
    label: str,
) -> None:
    """Marks at the lengths that were found, bars down to what is certified."""
    upper = np.array([_plain(one["upper"]) for one in entries]) / unit
    lower = np.array([_plain(one["lower"]) for one in entries]) / unit
    bars = np.vstack([np.maximum(upper - lower, 0.0), np.zeros(len(upper))])
    panel.errorbar(
        place, upper, yerr=bars, fmt=marker, color=colour, capsize=1.5, elinewidth=0.8, label=label, zorder=3
    )


def _over_c(panel: Axes, results: Sequence[Mapping[str, Any]]) -> None:
    """The bounds in units of √d, all functions of c alone, and the data's least radii."""
    c = np.linspace(0.001, 0.999, 250)
    flip, zero, _ = colours(3)
    best = colours(4)[3]
    panel.plot(
        c,
        [ceiling(one, 1) for one in c],
        linestyle=(0, (1, 1.5)),
        label="ceiling of every function",
        **_GUIDE,
    )
    worst = [least_radius_to_flip(one, 1, _MANY) for one in c]
    panel.plot(c, worst, color=flip, label="strict flip, midpoint, worst data")
    panel.plot(
        c, [1 - best_threshold(one) for one in c], color=best, label=r"$f=0$, best threshold, worst data"
    )
    panel.plot(c, [radius_to_zero(one, 1) for one in c], color=zero, label=r"$f=0$, midpoint, all data")
    printed = [printed_radius(one, 1) for one in c]
    panel.plot(c, printed, linestyle=(0, (4, 3)), label=r"printed, $\frac{1-c}{4}\sqrt{d}$", **_GUIDE)
    top = 0.75
    for one in results:
        unit = math.sqrt(one["dim"])
        for key, marker, colour in (("to_flip", MARKERS[0], flip), ("to_zero", MARKERS[1], zero)):
            height = _plain(one[key]["min"]["upper"]) / unit
            panel.plot(one["c"], height, marker, color=colour, zorder=3)
            top = max(top, 1.05 * height) if math.isfinite(height) else top
    panel.set(xlabel=r"$c$", xlim=(0, 1), ylim=(0, top))


def _upper(entry: Mapping[str, Any]) -> float:
    return math.inf if entry["upper"] is None else float(entry["upper"])


def _plain(value: float | None) -> float:
    return math.nan if value is None else value

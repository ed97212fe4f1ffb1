"""Exact tails against a concentration bound, and where in the plane of k and γ the printed χ² bound fails."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from figures.style import MARKERS, TWO_COLUMNS, colours, paper_style
from simulate.concentration import cases, condition_that_rescues, log_tail, quantile

_LOG10 = math.log(10)
_FAILS = "0.88"
_GUIDE: dict[str, Any] = {"color": "0.3", "linestyle": (0, (4, 3)), "linewidth": 0.8, "zorder": 1}
_SMOOTH_TO_K = 10_000
# Of several families one k is drawn on the left and one γ on the right: those of the grid nearest to these.
_FAMILIES_AT_K, _FAMILIES_AT_LOG10_GAMMA = 100, -10.0


def draw(document: Mapping[str, Any]) -> Figure:
    """Left, the exact probability to pass the bound against the promised γ; it fails in the shaded half.

    Right, for the χ² bound as printed, the region of (k, γ) where it fails, with the grid's points; for any
    other bound its tightness. Axes of probabilities are logarithms of logarithms.

    Args:
        document: of `simulate.concentration.document`.

    """
    several = len(document["families"]) > 1
    with paper_style():
        figure = Figure(figsize=(TWO_COLUMNS, 2.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        series = _series(document, several)
        bound = document["bound"]
        left.set_title(f"{bound['name']}: {bound['formula']}", loc="left")
        _exact_against_promised(left, document, series)
        if document["fails"]["boundary"]:
            _region(figure, right, document)
        else:
            _tightness(right, document, series, several)
        handles, labels = left.get_legend_handles_labels()
        name = None if several else document["families"][0]["family"]
        legend = figure.legend(handles, labels, loc="outside right center", frameon=False, title=name)
        legend.get_title().set_fontsize(7)
        if several:
            k = next(iter(series.values()))[0]["k"]
            left.text(0.04, 0.05, f"k = {k:,}", transform=left.transAxes, fontsize=7)
    return figure


def _series(document: Mapping[str, Any], several: bool) -> dict[str, list[dict[str, Any]]]:
    """Rows that make a line: of one k of the only family, or of one family at one k."""
    rows = document["results"]
    if not several:
        return {f"k = {k:,}": [row for row in rows if row["k"] == k] for k in _values(rows, "k")}
    k = min(_values(rows, "k"), key=lambda k: abs(math.log(k / _FAMILIES_AT_K)))
    chosen = [row for row in rows if row["k"] == k]
    return {name: [row for row in chosen if row["family"] == name] for name in _values(chosen, "family")}


def _values(rows: Sequence[Mapping[str, Any]], key: str) -> list[Any]:
    return list(dict.fromkeys(row[key] for row in rows))


def _exact_against_promised(
    panel: Axes, document: Mapping[str, Any], series: Mapping[str, list[dict[str, Any]]]
) -> None:
    laws = {case.label: case for case in cases(document["law"])}
    promised = [-row["log10_gamma"] for row in document["results"]]
    least, most = min(promised), max(promised)
    lowest = most
    for (label, rows), colour, marker in zip(
        series.items(), colours(len(series)), _markers(series), strict=True
    ):
        _, law, bound = laws[rows[0]["family"]]
        k = rows[0]["k"]
        fine = np.geomspace(least, most, 200)
        exact = -log_tail(law, k, bound.threshold(k, -fine * _LOG10), bound.side) / _LOG10
        # Where a bounded sum cannot pass the bound at all, the line ends.
        panel.plot(fine, np.where(np.isfinite(exact), exact, np.nan), color=colour, zorder=2)
        passed = [row for row in rows if row["log10_failure"] is not None]
        x, y = [-row["log10_gamma"] for row in passed], [-row["log10_failure"] for row in passed]
        panel.plot(x, y, marker, color=colour, label=label, zorder=3)
        lowest = max([lowest, *(value for value in y if value < 3 * most)])
    known = [-row["log10_failure"] for row in document["results"] if row["log10_failure"]]
    top, bottom = _wide(0.8 * min([least, *known]), 1.25 * lowest, 12)
    ends = np.array(_wide(least / 1.2, most * 1.25, 12))
    panel.fill_between(ends, ends, min(top, *ends), color=_FAILS, linewidth=0, zorder=0)
    panel.plot(ends, ends, **_GUIDE)
    panel.text(0.96, 0.94, "bound fails", transform=panel.transAxes, ha="right", va="top", fontsize=7)
    panel.set(xlabel=r"promised failure probability $\gamma$", ylabel="exact failure probability")
    _probability_axis(panel, "x", ends[0], ends[1])
    _probability_axis(panel, "y", bottom, top)


def _region(figure: Figure, panel: Axes, document: Mapping[str, Any]) -> None:
    rows = document["results"]
    ks, promised = _values(rows, "k"), [-row["log10_gamma"] for row in rows]
    low, high = _wide(min(ks) / 1.5, max(ks) * 1.5, 10)
    least, most = _wide(min(promised) / 1.4, max(promised) * 1.6, 12)
    k = np.unique(np.ceil(np.geomspace(max(low, 1), high, 120)).astype(int))
    boundary = -np.array([entry.log_gamma for entry in condition_that_rescues(k.tolist())]) / _LOG10
    x = np.concatenate([[min(low, 1)], k])
    y = np.interp(x, k, boundary)
    panel.fill_between(x, y, 10 * most + y, color=_FAILS, linewidth=0, zorder=0)
    panel.plot(k, boundary, color="k", zorder=2, label=r"exact boundary $\gamma^*(k)$")
    smooth = np.geomspace(max(low, math.log(2) + 1e-6), high, 300)
    panel.plot(smooth, (smooth - math.log(2)) / _LOG10, label=r"$\gamma=2e^{-k}$", **_GUIDE)
    for holds, marker, colour in ((True, "o", colours(3)[0]), (False, "X", colours(4)[3])):
        chosen = [row for row in rows if row["holds"] == holds]
        at = [row["k"] for row in chosen], [-row["log10_gamma"] for row in chosen]
        panel.plot(*at, marker, color=colour, zorder=3, label="holds" if holds else "fails")
    _k_axis(panel, low, high)
    panel.set(ylabel=r"promised failure probability $\gamma$")
    _probability_axis(panel, "y", most, least)
    figure.legend(*panel.get_legend_handles_labels(), loc="outside lower right", ncols=4, frameon=False)


def _tightness(
    panel: Axes, document: Mapping[str, Any], series: Mapping[str, list[dict[str, Any]]], several: bool
) -> None:
    rows = document["results"]
    at = min(_values(rows, "log10_gamma"), key=lambda log10: abs(log10 - _FAMILIES_AT_LOG10_GAMMA))
    for name, colour, marker in zip(series, colours(len(series)), _markers(series), strict=True):
        chosen = [row for row in rows if row["family"] == name and row["log10_gamma"] == at]
        chosen = chosen if several else series[name]
        places = [row["k"] if several else -row["log10_gamma"] for row in chosen]
        panel.plot(places, [_ratio(row["tightness"]) for row in chosen], marker, color=colour)
        line = (
            (places, [_ratio(row["tightness"]) for row in chosen]) if several else _smooth(document, chosen)
        )
        panel.plot(*line, color=colour)
    panel.axhline(1, **_GUIDE)
    panel.set(yscale="log", ylabel="bound / exact quantile")
    if several:
        ks = _values(rows, "k")
        _k_axis(panel, *_wide(min(ks) / 1.5, max(ks) * 1.5, 10))
        panel.text(0.96, 0.94, rf"$\gamma={_power(-at)}$", transform=panel.transAxes, ha="right", va="top")
    else:
        promised = [-row["log10_gamma"] for row in rows]
        panel.set_xlabel(r"promised failure probability $\gamma$")
        _probability_axis(panel, "x", *_wide(min(promised) / 1.2, max(promised) * 1.25, 12))
    low, high = panel.get_ylim()
    ticks = [
        tick for tick in (0.1, 0.2, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500) if low <= tick <= high
    ]
    panel.yaxis.set_major_locator(FixedLocator(ticks))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.yaxis.set_minor_locator(NullLocator())


def _smooth(document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> tuple[Any, Any]:
    """The tightness between the grid's γ; straight lines for laws on a lattice, where it is a saw."""
    k, promised = rows[0]["k"], [-row["log10_gamma"] for row in rows]
    _, law, bound = cases(document["law"])[0]
    if law.lattice(k) is not None or k > _SMOOTH_TO_K:
        return promised, [_ratio(row["tightness"]) for row in rows]
    fine = np.geomspace(min(promised), max(promised), 60)
    exact = np.array([quantile(law, k, -e * _LOG10, bound.side) for e in fine])
    # Beside a quantile of 0 the ratio is off every scale.
    heights = bound.threshold(k, -fine * _LOG10) / np.where(exact > 0, exact, np.nan)
    return fine, np.where(
        heights < 3 * max(_ratio(row["tightness"]) for row in rows[1:] or rows), heights, np.nan
    )


def _ratio(tightness: float | None) -> float:
    return math.nan if tightness is None else tightness


def _markers(series: Mapping[str, Any]) -> list[str]:
    return [MARKERS[i % len(MARKERS)] for i in range(len(series))]


def _wide(low: float, high: float, ratio: float) -> tuple[float, float]:
    """The ends of a logarithmic axis, moved apart if they would leave it without ticks."""
    more = max(1.0, math.sqrt(ratio * low / high))
    return low / more, high * more


def _k_axis(panel: Axes, low: float, high: float) -> None:
    panel.set(xscale="log", xlim=(low, high), xlabel="$k$")
    panel.xaxis.set_minor_formatter(NullFormatter())


def _probability_axis(panel: Axes, which: str, start: float, end: float) -> None:
    """An axis of log₁₀(1/P), itself logarithmic, with P written at the ticks."""
    axis = panel.xaxis if which == "x" else panel.yaxis
    if which == "x":
        panel.set(xscale="log", xlim=(start, end))
    else:
        panel.set(yscale="log", ylim=(start, end))
    ticks = (math.log10(2), *(digit * 10**power for power in range(8) for digit in (1, 3)))
    axis.set_major_locator(FixedLocator([e for e in ticks if min(start, end) <= e <= max(start, end)]))
    axis.set_major_formatter(FuncFormatter(lambda e, _: f"${_power(e)}$"))
    axis.set_minor_locator(NullLocator())


def _power(exponent: float) -> str:
    """10^(−exponent), or 0.5."""
    return "0.5" if exponent < 0.5 else f"10^{{-{exponent:.10g}}}"

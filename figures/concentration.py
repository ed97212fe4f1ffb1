"""Exact tails against a concentration bound, and where in the plane of k and γ the printed χ² bound fails."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from figures.picture import Picture, Rows
from figures.stored import Stored
from figures.style import (
    GUIDE,
    TWO_COLUMNS,
    Look,
    colours,
    is_narrow,
    legend_below,
    letters,
    looks,
    panels,
    paper_style,
)
from simulate.concentration import (
    DEFAULT_GAMMAS,
    DEFAULT_KS,
    cases,
    condition_that_rescues,
    document,
    log_tail,
    quantile,
)

_LOG10 = math.log(10)
_FAILS = "0.88"
_GUIDE: dict[str, Any] = {**GUIDE, "linestyle": (0, (4, 3))}
_SMOOTH_TO_K = 10_000
# Of several families one k is drawn on the left and one γ on the right: those of the grid nearest to these.
_FAMILIES_AT_K, _FAMILIES_AT_LOG10_GAMMA = 100, -10.0


def draw(document: Mapping[str, Any], width: float = TWO_COLUMNS) -> Figure:
    """Left, the exact probability to pass the bound against the promised γ; it fails in the shaded half.

    Right, for the χ² bound as printed, the region of (k, γ) where it fails, with the grid's points; for any
    other bound its tightness. Axes of probabilities are logarithms of logarithms.

    Args:
        document: of `simulate.concentration.document`.
        width: in inches.

    """
    several = len(document["families"]) > 1
    with paper_style():
        figure, (left, right) = panels(width, 2, 2.7 if is_narrow(width) else 3.3)
        series = _series(document, several)
        bound = document["bound"]
        _exact_against_promised(left, document, series)
        region = bool(document["fails"]["boundary"])
        if region:
            _region(right, document)
        else:
            _tightness(right, document, series, several)
        at = f", k = {next(iter(series.values()))[0]['k']:,}" if several else ""
        name = "" if several else f", {document['families'][0]['family']}"
        left.set_title(f"{bound['name']}{'' if region else name}{at}")
        right.set_title("where it fails" if region else "how tight it is")
        letters([left, right])
        entries = dict(zip(*reversed(left.get_legend_handles_labels()), strict=True))
        more = dict(zip(*reversed(right.get_legend_handles_labels()), strict=True))
        legend_below(figure, width, {**entries, **more})
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
    for (label, rows), look in zip(series.items(), looks(len(series)), strict=True):
        _, law, bound = laws[rows[0]["family"]]
        k = rows[0]["k"]
        fine = np.geomspace(least, most, 200)
        exact = -log_tail(law, k, bound.threshold(k, -fine * _LOG10), bound.side) / _LOG10
        # Where a bounded sum cannot pass the bound at all, the line ends.
        finite = np.where(np.isfinite(exact), exact, np.nan)
        panel.plot(fine, finite, color=look.colour, linestyle=look.line, zorder=2)
        passed = [row for row in rows if row["log10_failure"] is not None]
        x, y = [-row["log10_gamma"] for row in passed], [-row["log10_failure"] for row in passed]
        panel.plot(x, y, look.marker, color=look.colour, zorder=3)
        _named(panel, label, look)
        lowest = max([lowest, *(value for value in y if value < 3 * most)])
    known = [-row["log10_failure"] for row in document["results"] if row["log10_failure"]]
    top, bottom = _wide(0.8 * min([least, *known]), 1.25 * lowest, 12)
    ends = np.array(_wide(least / 1.2, most * 1.25, 12))
    panel.fill_between(ends, ends, min(top, *ends), color=_FAILS, linewidth=0, zorder=0)
    panel.plot(ends, ends, **_GUIDE)
    panel.text(0.96, 0.94, "bound fails", transform=panel.transAxes, ha="right", va="top", fontsize=7)
    panel.set(xlabel=r"promised probability $\gamma$", ylabel=r"exact probability")
    _probability_axis(panel, "x", ends[0], ends[1])
    _probability_axis(panel, "y", bottom, top)


def _named(panel: Axes, label: str, look: Look) -> None:
    """An entry for the legend: marker and line together."""
    panel.plot([], [], marker=look.marker, linestyle=look.line, color=look.colour, label=label)


def _region(panel: Axes, document: Mapping[str, Any]) -> None:
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
    panel.set(ylabel=r"promised probability $\gamma$")
    _probability_axis(panel, "y", most, least)


def _tightness(
    panel: Axes, document: Mapping[str, Any], series: Mapping[str, list[dict[str, Any]]], several: bool
) -> None:
    rows = document["results"]
    at = min(_values(rows, "log10_gamma"), key=lambda log10: abs(log10 - _FAMILIES_AT_LOG10_GAMMA))
    for name, look in zip(series, looks(len(series)), strict=True):
        chosen = [row for row in rows if row["family"] == name and row["log10_gamma"] == at]
        chosen = chosen if several else series[name]
        places = [row["k"] if several else -row["log10_gamma"] for row in chosen]
        panel.plot(places, [_ratio(row["tightness"]) for row in chosen], look.marker, color=look.colour)
        line = (
            (places, [_ratio(row["tightness"]) for row in chosen]) if several else _smooth(document, chosen)
        )
        panel.plot(*line, color=look.colour, linestyle=look.line)
    panel.axhline(1, **_GUIDE)
    panel.set(yscale="log", ylabel="bound / exact quantile")
    if several:
        ks = _values(rows, "k")
        _k_axis(panel, *_wide(min(ks) / 1.5, max(ks) * 1.5, 10))
        panel.text(
            0.96,
            0.94,
            rf"$\gamma={_power(-at)}$",
            transform=panel.transAxes,
            ha="right",
            va="top",
            fontsize=7,
        )
    else:
        promised = [-row["log10_gamma"] for row in rows]
        panel.set_xlabel(r"promised probability $\gamma$")
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


_TRIALS = {"draft": 0, "paper": 100_000}
"""Sums drawn beside the exact tails as a check; the figure shows exact values alone."""


def _measure(law: str, stored: Stored, quality: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {"law": law, "ks": list(DEFAULT_KS), "gammas": list(DEFAULT_GAMMAS)}
    arguments |= {"trials": _TRIALS[quality], "seed": 0}
    found: dict[str, Any] = stored.document("concentration", arguments, document)
    return found


def _table(data: Mapping[str, Any]) -> Rows:
    rows = [{"panel": "grid", **row} for row in data["results"]]
    boundary = data["fails"]["boundary"] or []
    return rows + [{"panel": "boundary", **entry} for entry in boundary]


def _alt(data: Mapping[str, Any]) -> str:
    fails = data["fails"]
    name = data["bound"]["name"]
    told = (
        f"The exact probability to pass the bound over the promised γ, both from 0.5 down to 10⁻³⁰⁰. {name}: "
    )
    if not fails["count"]:
        return told + f"the bound holds at all {fails['of']} points, its curves stay below the diagonal."
    told += f"it fails at {fails['count']} of {fails['of']} points, where the curves cross the diagonal"
    if not fails["boundary"]:
        return f"{told}."
    first, last = fails["boundary"][0], fails["boundary"][-1]
    return (
        f"{told}. The region of failure in the plane of k and γ lies below a boundary from "
        f"log₁₀ γ = {first['log10_gamma']:.3g} at k = {first['k']} to {last['log10_gamma']:.4g} at k = {last['k']:,}."
    )


CHI_SQUARE = Picture(
    name="chi-square",
    title="The printed χ² bound fails for small γ",
    caption="(a) The exact probability that |χ²_k − k| passes the printed 4√(k log(2/γ)), against the promised γ; in "
    "the shaded half the bound fails. (b) Where it fails in the plane of k and γ: exactly below the boundary γ*(k); "
    "γ ≥ 2e^{−k} suffices at every k. Everything is exact, nothing is sampled.",
    sources=("001",),
    measure=lambda stored, quality: _measure("chi2", stored, quality),
    table=_table,
    draw=draw,
    alt=_alt,
)
BERNSTEIN = Picture(
    name="bernstein",
    title="Bernstein's inequality against exact tails",
    caption="(a) The exact probability that a sum of k terms passes Bernstein's √(2σ²k log(1/γ)) + c log(1/γ), against "
    "the promised γ, for seven laws: always below the diagonal. (b) The bound over the exact quantile; 1 would be the "
    "best bound there is. Everything is exact, nothing is sampled.",
    sources=("001",),
    measure=lambda stored, quality: _measure("bernstein", stored, quality),
    table=_table,
    draw=draw,
    alt=_alt,
)

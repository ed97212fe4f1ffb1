"""Flip probability over width and dimension, beside the conditions under which the theorem promises it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from figures.picture import Picture, Rows
from figures.stored import Stored
from figures.style import is_narrow, legend_below, letters, panels, paper_style
from simulate import laws
from simulate.engine import Plan, grid
from simulate.experiments import INIT_FLIP, InitFlip, document

ACTIVATION = "tanh"
"""It meets the theorem's hypotheses: Lipschitz, with a Lipschitz derivative."""
GAMMAS = (0.1, 0.01)
CONSTANTS = (1.0, 4.0)
"""Of the hidden constants in both conditions: the theorem names none."""
_LARGEST = {"draft": 10, "paper": 12}
_TRIALS = {"draft": 3_000, "paper": 100_000}
_STEPS = (0.25, 0.5, 1, 2, 4, 8, 16, 64)
"""Boundaries of the colours, in units of γ: of the probability not to flip."""


def step(gamma: float, activation: str = ACTIVATION) -> float:
    """The theorem's |η| with the limit's constant: √(2Eσ²)/Eσ′² · √log(1/γ)."""
    return laws.flip_constant(activation) * math.sqrt(math.log(1 / gamma))


def least_width(gamma: float, constant: float) -> float:
    """The theorem's condition on the width: k ≥ C log³(1/γ)."""
    return constant * math.log(1 / gamma) ** 3


def least_dimension(gamma: float, constant: float, width: Any) -> Any:
    """Its condition on the dimension: d ≥ C log(k/γ) log(1/γ)."""
    return constant * np.log(np.asarray(width) / gamma) * math.log(1 / gamma)


def plan(quality: str = "draft") -> Plan:
    """Powers of two in both directions; both steps read the same draws."""
    sizes = [2**i for i in range(1, _LARGEST[quality] + 1)]
    steps = tuple(step(gamma) for gamma in GAMMAS)
    points = grid(InitFlip, width=sizes, dim=sizes, activation=ACTIVATION, steps=steps)
    return Plan(INIT_FLIP, points, _TRIALS[quality])


def table(data: Mapping[str, Any]) -> Rows:
    """One record a width, dimension and γ; `certain` says on which side of 1 − γ the interval lies."""
    found = []
    for cell in data["results"]:
        for gamma in GAMMAS:
            (entry,) = (one for one in cell["flip"] if one["step"] == step(gamma, cell["activation"]))
            certain = "above" if entry["low"] >= 1 - gamma else "below" if entry["high"] < 1 - gamma else ""
            base = {key: cell[key] for key in ("activation", "width", "dim", "trials")}
            found.append(
                {
                    **base,
                    "gamma": gamma,
                    **{key: entry[key] for key in ("step", "probability", "low", "high", "limit")},
                    "certain": certain,
                }
            )
    return found


def draw(data: Mapping[str, Any], width: float) -> Figure:
    """A panel for each γ: dark where the step fails more often than γ, marked where the interval decides."""
    rows = table(data)
    with paper_style():
        figure, axes = panels(width, len(GAMMAS), 3.0 if not is_narrow(width) else 2.75, sharey=True)
        import seaborn as sns

        colours = sns.color_palette("mako_r", as_cmap=True)
        norm = BoundaryNorm(_STEPS, colours.N, extend="both")
        entries: dict[str, Any] = {}
        for panel, gamma in zip(axes, GAMMAS, strict=True):
            chosen = [row for row in rows if row["gamma"] == gamma]
            shown = _cells(panel, chosen, gamma, colours, norm)
            _conditions(panel, chosen, gamma, entries)
            panel.set_title(rf"$\gamma={gamma:g}$, $|\eta|={step(gamma):.2f}$")
            bar = figure.colorbar(shown, ax=panel, ticks=_STEPS, pad=0.02, aspect=30)
            bar.ax.set_yticklabels([f"{one:g}" for one in _STEPS])
            bar.set_label(r"$P(\mathrm{no\ flip})\,/\,\gamma$")
            bar.ax.minorticks_off()
        for panel in axes if is_narrow(width) else axes[:1]:
            panel.set_ylabel("dimension $d$")
        for panel in axes if not is_narrow(width) else axes[-1:]:
            panel.set_xlabel("width $k$")
        letters(axes)
        legend_below(figure, width, entries)
    return figure


def _cells(panel: Axes, rows: Rows, gamma: float, colours: Any, norm: BoundaryNorm) -> Any:
    widths, dims = (sorted({row[key] for row in rows}) for key in ("width", "dim"))
    failure = np.empty((len(dims), len(widths)))
    for row in rows:
        failure[dims.index(row["dim"]), widths.index(row["width"])] = (1 - row["probability"]) / gamma
    edges = [np.array([*(np.array(one) / math.sqrt(2)), one[-1] * math.sqrt(2)]) for one in (widths, dims)]
    shown = panel.pcolormesh(*edges, np.maximum(failure, 1e-9), cmap=colours, norm=norm, rasterized=False)
    for side, marker in (("above", "o"), ("below", "x")):
        at = [(row["width"], row["dim"]) for row in rows if row["certain"] == side]
        if at:
            panel.plot(
                *zip(*at, strict=True),
                marker,
                color="black" if side == "above" else "white",
                markersize=2.2 if side == "above" else 2.8,
                markeredgewidth=0.8,
                linestyle="none",
            )
    panel.set_xscale("log", base=2)
    panel.set_yscale("log", base=2)
    panel.set(xlim=(edges[0][0], edges[0][-1]), ylim=(edges[1][0], edges[1][-1]))
    return shown


def _conditions(panel: Axes, rows: Rows, gamma: float, entries: dict[str, Any]) -> None:
    """Where both conditions hold, for each constant: a corner whose sides are the conditions."""
    most_k, most_d = (math.sqrt(2) * max(row[key] for row in rows) for key in ("width", "dim"))
    styles: tuple[Any, ...] = ("-", (0, (4, 2)))
    for constant, line in zip(CONSTANTS, styles, strict=True):
        start = least_width(gamma, constant)
        if start < most_k:
            smooth = np.geomspace(start, most_k, 100)
            d = least_dimension(gamma, constant, smooth)
            panel.plot(
                [start, *smooth],
                [most_d, *d],
                color="tab:red",
                linestyle=line,
                linewidth=1.4,
                path_effects=[withStroke(linewidth=2.6, foreground="white")],
            )
        handle = Line2D([], [], color="tab:red", linestyle=line, linewidth=1.4)
        entries[rf"theorem's conditions with $C={constant:g}$"] = handle
    dot = Line2D([], [], color="black", marker="o", markersize=2.2, linestyle="none")
    cross = Line2D([], [], color="0.35", marker="x", markersize=2.8, linestyle="none")
    entries[r"flips with probability $\geq1-\gamma$"] = dot
    entries[r"does not"] = cross


def _alt(data: Mapping[str, Any]) -> str:
    told = []
    rows = table(data)
    for gamma in GAMMAS:
        chosen = [row for row in rows if row["gamma"] == gamma]
        count = {side: sum(row["certain"] == side for row in chosen) for side in ("above", "below")}
        told.append(
            f"for γ = {gamma:g} the probability is certainly at least 1 − γ at {count['above']} of {len(chosen)} sizes "
            f"and certainly less at {count['below']}"
        )
    return f"Maps over width and dimension of how often the step fails to flip; {'; '.join(told)}, at small sizes."


def _measure(stored: Stored, quality: str) -> dict[str, Any]:
    return document(stored.run(plan(quality)))


PICTURE = Picture(
    name="phase-diagram",
    title="How wide and how high-dimensional a network must be for the theorem",
    caption="How often the step of size |η| = C√log(1/γ), C = √(2Eσ²)/Eσ′², against the sign of f fails to flip a tanh "
    "network, in units of γ, over width k and dimension d. Dots: it flips with probability at least 1 − γ, crosses: "
    "less, each with confidence 95 %. Above and right of the lines the theorem's conditions k ≥ C log³(1/γ), "
    "d ≥ C log(k/γ) log(1/γ) hold with the constants named.",
    sources=("001",),
    measure=_measure,
    table=table,
    draw=draw,
    alt=_alt,
)

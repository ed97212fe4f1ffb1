"""The smallest |η| that flips with probability 1 − γ, against √log(1/γ)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.picture import Picture, Rows
from figures.stored import Stored
from figures.style import (
    GUIDE,
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
from simulate.engine import Plan
from simulate.experiments import INIT_FLIP, InitFlip, document

GAMMAS = (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
RARE = (0.005, 0.002, 0.001)
_SIZES = {"draft": 512, "paper": 2048}
_TRIALS = {"draft": 4_000, "paper": 100_000}
_TICKS = (0.5, 0.1, 0.01, 0.001, 1e-4)


def plan(quality: str = "draft") -> Plan:
    """Four activations at one size, and ReLU at a small width, where the smallest |η| is larger."""
    size = _SIZES[quality]
    gammas = GAMMAS if quality == "draft" else (*GAMMAS, *RARE)
    cells = [(name, size) for name in ("relu", "tanh", "sin")] + [("relu", 32)]
    points = tuple(
        InitFlip(width=width, dim=size, activation=name, steps=(1.0,), gammas=gammas) for name, width in cells
    )
    return Plan(INIT_FLIP, points, _TRIALS[quality])


def table(data: Mapping[str, Any]) -> Rows:
    """One record a cell and γ; low and high enclose the smallest |η| for all γ of a cell at once."""
    return [
        {
            **{key: cell[key] for key in ("activation", "width", "dim", "trials")},
            "root": math.sqrt(math.log(1 / one["gamma"])),
            **{key: one[key] for key in ("gamma", "verdict", "step", "low", "high", "limit_step")},
        }
        for cell in data["results"]
        for one in cell["gamma"]
    ]


def draw(data: Mapping[str, Any], width: float) -> Figure:
    """Left |η|, right |η| over √log(1/γ), where the theorem's form is a level line."""
    with paper_style():
        figure, axes = panels(width, 2, 2.9 if not is_narrow(width) else 2.5)
        entries: dict[str, Any] = {}
        for panel, scaled in zip(axes, (False, True), strict=True):
            known: set[str] = set()
            for cell, look in zip(data["results"], looks(len(data["results"])), strict=True):
                with_limit = cell["activation"] not in known
                known.add(cell["activation"])
                entries.setdefault(cell_label(cell), _series(panel, cell, look, scaled, with_limit))
            entries[r"$C\sqrt{\log(1/\gamma)}$, relu"] = _form(panel, data, scaled)
            panel.set_xlabel(r"$\sqrt{\log(1/\gamma)}$")
            panel.set_ylabel(r"smallest $|\eta|$" + (r" $/\sqrt{\log(1/\gamma)}$" if scaled else ""))
            if not scaled:
                panel.set_ylim(bottom=0)
            _gamma_axis(panel)
        letters(axes)
        legend_below(figure, width, entries)
    return figure


def _series(
    panel: Axes, cell: Mapping[str, Any], look: Look, scaled: bool, with_limit: bool
) -> tuple[Any, ...]:
    """Points, and the limit unless another width of the same activation has drawn it."""
    shown = [one for one in cell["gamma"] if one["step"] is not None]
    root = np.array([math.sqrt(math.log(1 / one["gamma"])) for one in shown])
    unit = root if scaled else np.ones_like(root)
    found = [np.array([_plain(one[key]) for one in shown]) / unit for key in ("step", "low", "high")]
    points = measured(panel, root, found, look)
    if not with_limit:
        return (points,)
    gammas = [one["gamma"] for one in cell["gamma"]]
    smooth = np.linspace(math.sqrt(math.log(1 / max(gammas))), math.sqrt(math.log(1 / min(gammas))), 150)
    limit = laws.step_for_failure_probability(cell["activation"], np.exp(-(smooth**2)))
    return theory(panel, smooth, limit / (smooth if scaled else 1), look), points


def _form(panel: Axes, data: Mapping[str, Any], scaled: bool) -> Any:
    """The theorem's C√log(1/γ) with the constant that suffices in the limit."""
    ends = np.array([row["root"] for row in table(data)])
    constant = laws.flip_constant("relu")
    smooth = np.array([ends.min(), ends.max()])
    (line,) = panel.plot(
        smooth, constant * (np.ones(2) if scaled else smooth), **{**GUIDE, "linestyle": (0, (2, 2))}
    )
    return line


def _gamma_axis(panel: Axes) -> None:
    """γ itself above the panel."""
    low, high = panel.get_xlim()
    ticks = [one for one in _TICKS if low <= math.sqrt(math.log(1 / one)) <= high]
    above = panel.secondary_xaxis("top")
    above.set_xticks([math.sqrt(math.log(1 / one)) for one in ticks], [rf"$\gamma={one:g}$" for one in ticks])
    above.tick_params(length=2)


def _plain(value: float | None) -> float:
    return math.nan if value is None else value


def _alt(data: Mapping[str, Any]) -> str:
    told = []
    for cell in data["results"]:
        reached = [one for one in cell["gamma"] if one["step"] is not None]
        if reached:
            last = reached[-1]
            told.append(
                f"{cell_label(cell)}: {last['step']:.3g} at γ = {last['gamma']:g} (limit {last['limit_step']:.3g})"
            )
    return f"The smallest step size over √log(1/γ) rises along the limit's curves. {'; '.join(told)}."


def _measure(stored: Stored, quality: str) -> dict[str, Any]:
    return document(stored.run(plan(quality)))


PICTURE = Picture(
    name="smallest-step",
    title="The step size that a failure probability γ asks for",
    caption="The smallest fixed |η| whose flip probability reaches 1 − γ, (a) over √log(1/γ) and (b) divided by it. "
    "Points: measured, with intervals that hold for all γ of a network at once; lines: the limit √(2Eσ²)/Eσ′² · "
    "erfc⁻¹(γ); dotted: the theorem's form C√log(1/γ) with C = √(2Eσ²)/Eσ′² for ReLU, which suffices at every γ.",
    sources=("001",),
    measure=_measure,
    table=table,
    draw=draw,
    alt=_alt,
)

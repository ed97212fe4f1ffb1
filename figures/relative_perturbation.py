"""How small a flipping step is beside its input, over the dimension."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from figures.picture import Picture, Rows
from figures.slope import fitted_slope, in_words
from figures.stored import Stored
from figures.style import (
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
from simulate.engine import Plan, grid
from simulate.experiments import INIT_FLIP, InitFlip, document

GAMMA = 0.1
FITTED_FROM = 64
"""The slope is fitted from this dimension on; below, the step is no small part of its input."""
_LARGEST = {"draft": 9, "paper": 10}
_WIDTH = {"draft": 512, "paper": 4096}
_TRIALS = {"draft": 2_000, "paper": 40_000}


def plan(quality: str = "draft") -> Plan:
    """Dimensions 4 … 4⁹ for two activations: a trial costs the same at all of them."""
    points = grid(
        InitFlip,
        activation=["relu", "tanh"],
        width=_WIDTH[quality],
        dim=[4**i for i in range(1, _LARGEST[quality] + 1)],
        steps=(1.0,),
        gammas=(GAMMA,),
    )
    return Plan(INIT_FLIP, points, _TRIALS[quality])


def table(data: Mapping[str, Any]) -> Rows:
    """One record a cell: |η|·E‖∇f‖/‖x‖ for the smallest |η| with flip probability 1 − γ, its interval and its limit."""
    found = []
    for cell in data["results"]:
        (one,), norm, root = cell["gamma"], cell["gradient_norm"], math.sqrt(cell["dim"])
        known = one["step"] is not None and one["low"] is not None and one["high"] is not None
        limit = laws.relative_perturbation_limit(cell["activation"], one["limit_step"], cell["dim"])
        found.append(
            {
                **{key: cell[key] for key in ("activation", "width", "dim", "trials")},
                "gamma": GAMMA,
                "step": one["step"],
                "relative": one["step"] * norm["mean"] / root if known else None,
                "low": one["low"] * norm["low"] / root if known else None,
                "high": one["high"] * norm["high"] / root if known else None,
                "limit": float(limit),
            }
        )
    return found


def slopes(data: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """For each activation the slope of log relative length over log d from `FITTED_FROM` on, with its ends."""
    rows = [row for row in table(data) if row["relative"] is not None and row["dim"] >= FITTED_FROM]
    return {
        name: fitted_slope(
            [row["dim"] for row in rows if row["activation"] == name],
            *([row[key] for row in rows if row["activation"] == name] for key in ("relative", "low", "high")),
        )
        for name in dict.fromkeys(row["activation"] for row in rows)
    }


def draw(data: Mapping[str, Any], width: float) -> Figure:
    """Left the relative length in logarithms, the slopes in the legend; right the length itself."""
    rows, fitted = table(data), slopes(data)
    with paper_style():
        figure, (left, right) = panels(width, 2, 2.8 if not is_narrow(width) else 2.3)
        entries: dict[str, Any] = {}
        for (name, slope), look in zip(fitted.items(), looks(len(fitted)), strict=True):
            line = [row for row in rows if row["activation"] == name]
            shown = [row for row in line if row["relative"] is not None]
            for panel, power in ((left, 0.0), (right, 0.5)):
                unit = np.array([row["dim"] for row in shown]) ** power
                found = [[row[key] for row in shown] * unit for key in ("relative", "low", "high")]
                points = measured(panel, [row["dim"] for row in shown], found, look)
                dims = np.array([row["dim"] for row in line])
                limit = theory(panel, dims, [row["limit"] for row in line] * dims**power, look)
            entries[f"{name}, {in_words(slope)}"] = (limit, points)
        left.set(xscale="log", yscale="log", xlabel="dimension $d$")
        left.set_ylabel(r"$|\eta|\,\|\nabla f(x)\|\,/\,\|x\|$")
        right.set(xscale="log", xlabel="dimension $d$", ylim=(0, None))
        right.set_ylabel(r"$|\eta|\,\|\nabla f(x)\|$")
        left.set_title(rf"$\gamma={GAMMA:g}$, $k={data['results'][0]['width']}$")
        right.set_title("the length itself")
        letters([left, right])
        legend_below(figure, width, entries)
    return figure


def _alt(data: Mapping[str, Any]) -> str:
    told = [
        f"{cell_label(cell)}: {row['relative']:.2g}"
        for cell, row in zip(data["results"], table(data), strict=True)
        if row["relative"] is not None
    ]
    ends = "; ".join(f"{name} {low:.3f} to {high:.3f}" for name, (_, low, high) in slopes(data).items())
    return (
        "Relative length of the flipping step over d, straight in logarithms, slope "
        f"{ends}. From {told[0]} to {told[-1]}."
    )


def _measure(stored: Stored, quality: str) -> dict[str, Any]:
    return document(stored.run(plan(quality)))


PICTURE = Picture(
    name="relative-perturbation",
    title="Beside its input, the perturbation that flips vanishes like 1/√d",
    caption="(a) Length |η|·E‖∇f‖ of the smallest step along the gradient that flips the sign with probability 1 − γ, "
    "over ‖x‖ = √d, against the dimension; (b) the length itself. Points: measured, with intervals; lines: the limit "
    "|η|√(Eσ′²)/√d, of slope −1/2. In the legend the slopes fitted from d = 64 on, and the range of the slope when "
    "every point moves within its interval.",
    sources=("001",),
    measure=_measure,
    table=table,
    draw=draw,
    alt=_alt,
)

"""The law of the output at finite width against its Gaussian limit, and the rate at which it gets there."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtr

from figures.picture import Picture, Rows
from figures.style import (
    GUIDE,
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
from simulate.engine import CellResult, Plan, Result, grid
from simulate.experiments import INIT_FLIP, InitFlip
from simulate.statistics import dkw_band

ACTIVATIONS = ("relu", "tanh", "step")
_WIDTHS = {"draft": [1, 2, 4, 8, 16, 32], "paper": [1, 2, 4, 8, 16, 32, 64]}
_TRIALS = {"draft": 100_000, "paper": 2_000_000}
_DIM = 2
"""The law of f(x) does not depend on d."""
_SHOWN = (2, 4, 8)
"""Widths whose difference to the Gaussian is drawn."""
_PLACES = np.linspace(0.1, 3.1, 16)
_LEAST = 1e-9
"""The lower end of an interval that reaches 0, on a logarithmic axis."""


def plan(quality: str = "draft") -> Plan:
    """Small widths, where the law is not yet Gaussian."""
    points = grid(InitFlip, activation=list(ACTIVATIONS), width=_WIDTHS[quality], dim=_DIM, steps=(1.0,))
    return Plan(INIT_FLIP, points, _TRIALS[quality])


def distance(cell: CellResult, confidence: float = 0.95) -> tuple[float, float, float]:
    """Kolmogorov's distance between the law of f and N(0, Eσ²): estimate and ends.

    The ends add to the band of Dvoretzky, Kiefer and Wolfowitz what the width of a sketch's bins can hide.
    """
    low, high, counts = cell.summary.sketches["output"].edges_and_counts()
    scale = math.sqrt(laws.output_variance(cell.parameters.activation))
    after = np.cumsum(counts) / cell.summary.trials
    before = np.concatenate([[0.0], after[:-1]])
    gap = float(max(np.abs(after - ndtr(high / scale)).max(), np.abs(before - ndtr(low / scale)).max()))
    hidden = float((ndtr(high / scale) - ndtr(low / scale)).max())
    half = float(dkw_band(cell.summary.trials, confidence)) + hidden
    return gap, max(gap - half, 0.0), min(gap + half, 1.0)


def exact_distance(activation: str) -> tuple[Callable[[int], float], int]:
    """The distance without sampling, as a function of the width, and the least width at which it is known."""
    from theorems.statements.lecture import kolmogorov

    if activation == "step":
        return kolmogorov.step_distance, 1
    if activation == "relu":
        return lambda k: kolmogorov.two_slopes_distance(1.0, 0.0, k), 1
    return lambda k: kolmogorov.fourier_distance(activation, k), 16


def table(result: Result) -> Rows:
    """Panel a: P(f ≤ x) − Φ(x/√Eσ²), with its band and its exact value; panel b: distances."""
    rows: Rows = []
    for cell in result.cells:
        p, trials = cell.parameters, cell.summary.trials
        base = {"activation": p.activation, "width": p.width, "trials": trials}
        if p.activation == "relu" and p.width in _SHOWN:
            half = float(dkw_band(trials, 0.95))
            scale = math.sqrt(laws.output_variance(p.activation))
            found = cell.summary.sketches["output"].cdf(_PLACES * scale) - ndtr(_PLACES)
            exact = laws.output_distribution(p.activation, p.width, _PLACES * scale) - ndtr(_PLACES)
            rows += [
                {**base, "panel": "a", "x": x, "value": y, "low": y - half, "high": y + half, "exact": z}
                for x, y, z in zip(_PLACES.tolist(), found.tolist(), exact.tolist(), strict=True)
            ]
        value, low, high = distance(cell)
        law, least = exact_distance(p.activation)
        known = law(p.width) if p.width >= least else None
        rows.append({**base, "panel": "b", "value": value, "low": low, "high": high, "exact": known})
    return rows


def draw(result: Result, width: float) -> Figure:
    """Left the difference of distribution functions for ReLU, right the distances of three activations."""
    rows = table(result)
    with paper_style():
        figure, (left, right) = panels(width, 2, 3.0 if not is_narrow(width) else 2.4)
        entries = _differences(left, rows) | _distances(right, rows)
        letters([left, right])
        legend_below(figure, width, entries)
    return figure


def _differences(panel: Axes, rows: Rows) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    fine = np.linspace(0.02, 3.2, 200)
    scale = math.sqrt(laws.output_variance("relu"))
    for k, look in zip(_SHOWN, looks(6)[3:], strict=True):
        line = [row for row in rows if row["panel"] == "a" and row["width"] == k]
        if not line:
            continue
        points = measured(
            panel,
            [row["x"] for row in line],
            [[row[key] for row in line] for key in ("value", "low", "high")],
            look,
        )
        law = laws.output_distribution("relu", k, fine * scale) - ndtr(fine)
        entries[f"relu, k={k}"] = (theory(panel, fine, law, look), points)
    panel.axhline(0, **GUIDE)
    panel.set(xlabel=r"$t$", xlim=(0, 3.25))
    panel.set_ylabel(r"$P(f\leq t\sqrt{\mathbb{E}\sigma^2})-\Phi(t)$")
    panel.set_title("relu against its limit")
    return entries


def _distances(panel: Axes, rows: Rows) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name, look in zip(ACTIVATIONS, looks(len(ACTIVATIONS)), strict=True):
        line = [row for row in rows if row["panel"] == "b" and row["activation"] == name]
        if not line:
            continue
        k = [row["width"] for row in line]
        found = [[max(row[key], _LEAST) for row in line] for key in ("value", "low", "high")]
        points = measured(panel, k, found, look)
        law, least = exact_distance(name)
        # Where a value takes an integral, few: the line is straight there.
        count = 40 if least == 1 else 4
        smooth = np.unique(np.geomspace(least, max(4 * max(k), 2 * least), count).astype(int)).tolist()
        entries[f"{name}: measured, exact"] = (
            theory(panel, smooth, [law(one) for one in smooth], look),
            points,
        )
    most = 4 * max(row["width"] for row in rows)
    for power, label, line_style in (
        (-0.5, r"slope $-1/2$", (0, (1, 1.5))),
        (-1.0, r"slope $-1$", (0, (5, 2))),
    ):
        at = np.array([1.0, most])
        (guide,) = panel.plot(
            at, (0.55 if power == -0.5 else 0.02) * at**power, linestyle=line_style, **GUIDE
        )
        entries[label] = guide
    panel.set(xscale="log", yscale="log", xlabel="width $k$", ylabel="Kolmogorov's distance to the limit")
    lows = [row["value"] for row in rows if row["panel"] == "b"]
    panel.set_ylim(max(min(lows) / 20, 1e-4), 1)
    panel.set_title("how fast")
    return entries


def _alt(result: Result) -> str:
    rows = [row for row in table(result) if row["panel"] == "b"]
    told = []
    for name in dict.fromkeys(row["activation"] for row in rows):
        line = [row for row in rows if row["activation"] == name]
        told.append(
            f"{name} {line[0]['value']:.2g} at width {line[0]['width']}, {line[-1]['value']:.2g} at {line[-1]['width']}"
        )
    return (
        "The difference between the distribution function of the output and its Gaussian limit shrinks with the width. "
        f"Kolmogorov's distance: {'; '.join(told)}."
    )


PICTURE = Picture(
    name="gaussian-limit",
    title="The output at initialisation against its Gaussian limit",
    caption="(a) The distribution function of f(x) for ReLU networks of width k, less that of the limit N(0, Eσ²). "
    "(b) Kolmogorov's distance to the limit over the width. Points: measured, with 95 % bands; lines: exact laws (of "
    "tanh from k = 16 on). The "
    "rate is 1/√k for the unit step, whose outputs lie on a lattice, and 1/k for ReLU and tanh, for the fair signs "
    "a_j leave no skewness.",
    sources=("001",),
    measure=lambda stored, quality: stored.run(plan(quality)),
    table=table,
    draw=draw,
    alt=_alt,
)

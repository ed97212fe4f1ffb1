"""How far another class is from an input: the robust construction, trained and random networks over the dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy.special import erfinv

from figures.picture import Picture, Rows
from figures.slope import fitted_slope, in_words
from figures.stored import Stored
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
from simulate.sandwich import distances

KINDS = ("robust", "trained", "random")
_WIDTH = 10
_DIMS = {"draft": [10, 20, 40, 80, 160, 320], "paper": [10, 20, 40, 80, 160, 320, 640, 1280]}
_TRIALS = {"draft": (20, 15, 60), "paper": (200, 200, 1000)}
"""Networks of each kind: the law of a random network's distance is the widest, and training costs most."""


def arguments(quality: str) -> dict[str, Any]:
    """Of `simulate.sandwich.distances`."""
    return {
        "kinds": list(KINDS),
        "width": _WIDTH,
        "dims": _DIMS[quality],
        "trials": list(_TRIALS[quality]),
        "seed": 0,
    }


def random_median(activation: str = "relu") -> float:
    """The limit's median distance along the gradient: the r with erf(r√(Eσ′²/(2Eσ²))) = ½."""
    return float(erfinv(0.5)) * laws.flip_constant(activation) * laws.gradient_norm_limit(activation)


def table(data: Mapping[str, Any]) -> Rows:
    """One record a kind and dimension; `printed` is the theorem's (1 − c)/4·√d, its median over the data sets."""
    return [
        {
            **{key: one[key] for key in ("network", "width", "dim", "trials", "open")},
            **one["distance"],
            "printed": one["printed"]["median"] if "printed" in one else None,
        }
        for one in data["results"]
    ]


def slopes(data: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """For each kind the slope of the log median over log d, with its ends."""
    rows = table(data)
    return {
        kind: fitted_slope(
            *(
                [row[key] for row in rows if row["network"] == kind]
                for key in ("dim", "median", "low", "high")
            )
        )
        for kind in dict.fromkeys(row["network"] for row in rows)
    }


def draw(data: Mapping[str, Any], width: float) -> Figure:
    """Left in logarithms, the slopes in the legend; right in units of ‖x‖ = √d."""
    rows = table(data)
    with paper_style():
        figure, (left, right) = panels(width, 2, 3.2 if not is_narrow(width) else 2.6)
        entries: dict[str, Any] = {}
        for (kind, slope), look in zip(slopes(data).items(), looks(len(KINDS)), strict=False):
            line = [row for row in rows if row["network"] == kind]
            dim = np.array([row["dim"] for row in line])
            for panel, unit in ((left, np.ones(len(dim))), (right, np.sqrt(dim))):
                found = [np.array([row[key] for row in line]) / unit for key in ("median", "low", "high")]
                entries[f"{kind}, {in_words(slope)}"] = measured(panel, dim, found, look)
                if kind == "robust":
                    printed = np.array([row["printed"] for row in line]) / unit
                    entries[r"robust, exactly $\frac{1-c}{2}\sqrt{d}$"] = theory(
                        panel, dim, 2 * printed, look
                    )
                    (guide,) = panel.plot(dim, printed, linestyle=(0, (1, 1.5)), **GUIDE)
                    entries[r"printed, $\frac{1-c}{4}\sqrt{d}$"] = guide
                if kind == "random":
                    entries["random, limit"] = theory(panel, dim, random_median() / unit, look)
        dims = sorted({row["dim"] for row in rows})
        (guide,) = left.plot(dims, np.sqrt(dims), linestyle=(0, (5, 2)), **GUIDE)
        entries[r"$\|x\|=\sqrt{d}$"] = guide
        left.set(xscale="log", yscale="log", ylabel=r"$\ell_2$ distance to another class")
        right.set(xscale="log", ylim=(0, None), ylabel=r"distance $/\,\sqrt{d}$")
        for panel in (left, right):
            panel.set_xlabel("dimension $d$")
        left.set_title(f"{rows[0]['width']} points and neurons")
        right.set_title("beside the input")
        letters([left, right])
        legend_below(figure, width, entries)
    return figure


def _alt(data: Mapping[str, Any]) -> str:
    rows = table(data)
    told = []
    for kind, (slope, low, high) in slopes(data).items():
        line = [row for row in rows if row["network"] == kind]
        told.append(
            f"{kind} from {line[0]['median']:.2g} at d = {line[0]['dim']} to {line[-1]['median']:.2g} at "
            f"d = {line[-1]['dim']}, slope {slope:.2f} ({low:.2f} to {high:.2f})"
        )
    return f"Median exact distances over the dimension, in logarithms: {'; '.join(told)}."


def _measure(stored: Stored, quality: str) -> dict[str, Any]:
    found: dict[str, Any] = stored.document("distances", arguments(quality), distances, "networks")
    return found


PICTURE = Picture(
    name="radii",
    title="Robust networks exist, random networks are not robust, trained ones lie between",
    caption="(a) Exact ℓ2 distance from an input to the nearest of another class, medians with 95 % intervals, against "
    "the dimension: the existence theorem's network on random points, one trained on such points, and a random one. "
    "Lines: the robust network's exact distance (1 − c)/2·√d, twice the printed (1 − c)/4·√d, and the limit of the "
    "random network's median along its gradient, which does not grow. In the legend the fitted slopes. (b) The "
    "same over ‖x‖ = √d.",
    sources=("001",),
    measure=_measure,
    table=table,
    draw=draw,
    alt=_alt,
)

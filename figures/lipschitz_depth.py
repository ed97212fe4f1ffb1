"""The product of the layers' Lipschitz constants against the truth, over the depth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from figures.picture import Picture, Rows
from figures.stored import Stored
from figures.style import is_narrow, legend_below, letters, looks, measured, panels, paper_style, theory
from simulate.lipschitz import document

_DEPTHS = {"draft": [2, 3, 4, 5, 6, 8], "paper": [2, 3, 4, 5, 6, 8, 10, 12]}
_NETWORKS = {"draft": 20, "paper": 200}
_WIDTH = {"draft": 32, "paper": 64}


def arguments(quality: str) -> dict[str, Any]:
    """Of `simulate.lipschitz.document`."""
    return {
        "dims": [2, 64],
        "width": _WIDTH[quality],
        "depths": _DEPTHS[quality],
        "count": _NETWORKS[quality],
        "seed": 0,
    }


def table(data: Mapping[str, Any]) -> Rows:
    """One record a dimension and depth."""
    rows = []
    for one in data["results"]:
        row = {key: one[key] for key in ("dim", "width", "depth", "networks", "exact")}
        for name in ("product", "slope", "ratio", "mean_square"):
            row |= {f"{name}_{key}": one[name][key] for key in ("value", "low", "high")}
        rows.append({**row, **{key: one[key] for key in ("mean_product_bound", "root_mean_square")}})
    return rows


def draw(data: Mapping[str, Any], width: float) -> Figure:
    """A panel for each number of inputs."""
    rows = table(data)
    dims = list(dict.fromkeys(row["dim"] for row in rows))
    with paper_style():
        figure, axes = panels(width, len(dims), 2.8 if not is_narrow(width) else 2.3, sharey=True)
        above, truth, typical = looks(3)
        entries: dict[str, Any] = {}
        for panel, dim in zip(axes, dims, strict=True):
            line = [row for row in rows if row["dim"] == dim]
            depth = [row["depth"] for row in line]
            found = {
                name: [[row[f"{name}_{key}"] for row in line] for key in ("value", "low", "high")]
                for name in ("product", "slope", "mean_square")
            }
            roots = [[math.sqrt(max(value, 0)) for value in one] for one in found["mean_square"]]
            points = measured(panel, depth, found["product"], above)
            bound = theory(panel, depth, [row["mean_product_bound"] for row in line], above)
            entries[r"$\Pi_l\|W_l\|_2$: median, bound of its mean"] = (bound, points)
            # No line: no law of it is known.
            exact = line[0]["exact"]
            look = truth if exact else looks(4)[3]
            name = r"$\max\|\nabla f\|$, exact: median" if exact else r"largest $\|\nabla f\|$ found: median"
            entries[name] = measured(panel, depth, found["slope"], look)
            points = measured(panel, depth, roots, typical)
            law = theory(panel, depth, [row["root_mean_square"] for row in line], typical)
            entries[r"$\sqrt{\mathbb{E}\|\nabla f(x)\|^2}$: measured, exact law"] = (law, points)
            panel.set(yscale="log", xlabel="depth $L$", xticks=depth)
            panel.set_title(f"d={dim}, k={line[0]['width']}")
        for panel in axes if is_narrow(width) else axes[:1]:
            panel.set_ylabel("Lipschitz constant")
        letters(axes)
        legend_below(figure, width, entries)
    return figure


def _alt(data: Mapping[str, Any]) -> str:
    told = []
    for dim in dict.fromkeys(one["dim"] for one in data["results"]):
        line = [one for one in data["results"] if one["dim"] == dim]
        first, last = line[0]["ratio"]["value"], line[-1]["ratio"]["value"]
        what = "the true constant" if line[0]["exact"] else "the largest slope found"
        told.append(
            f"with {dim} inputs the product is {first:.3g} times {what} at depth {line[0]['depth']} and "
            f"{last:.3g} times at depth {line[-1]['depth']}"
        )
    return f"Over the depth the product of spectral norms grows exponentially, the truth hardly: {'; '.join(told)}."


def _measure(stored: Stored, quality: str) -> dict[str, Any]:
    found: dict[str, Any] = stored.document("lipschitz", arguments(quality), document)
    return found


PICTURE = Picture(
    name="lipschitz-depth",
    title="The product of Lipschitz constants against the truth, over the depth",
    caption="ReLU networks with He's initialisation and no biases. The product of the layers' spectral norms grows "
    "exponentially with the depth L; line: a bound of its mean, g^L (√k + √d)/√d · 2^{L−2} with g = √2. The true "
    "Lipschitz constant max ‖∇f‖ is exact for d = 2; for d = 64 the largest slope that a search finds bounds it "
    "from below. At a random input ‖∇f‖² has mean 2 at every depth. Medians over networks and means, with 95 % "
    "intervals.",
    sources=("003", "004"),
    measure=_measure,
    table=table,
    draw=draw,
    alt=_alt,
)

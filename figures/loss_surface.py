"""Loss surfaces through an input: along the gradient and across it, for a random and for a trained network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.picture import Picture, Rows
from figures.stored import Stored
from figures.style import GUIDE, is_narrow, legend_below, letters, looks, paper_style, theory
from simulate.surface import document

_POINTS = {"draft": 41, "paper": 121}
_EPOCHS = {"draft": 60, "paper": 200}
_LEVELS = 11


def arguments(quality: str) -> dict[str, Any]:
    """Of `simulate.surface.document`."""
    sizes = {"width": 1024, "dim": 256, "trained": 64}
    return {
        **sizes,
        "points": _POINTS[quality],
        "directions": 5,
        "reach": 4.0,
        "epochs": _EPOCHS[quality],
        "seed": 0,
    }


def table(data: Mapping[str, Any]) -> Rows:
    """The surfaces point by point, then the lines."""
    rows: Rows = []
    for name, one in data["results"].items():
        for j, across in enumerate(one["at"]):
            for i, along in enumerate(one["at"]):
                loss, margin = one["loss"][j][i], one["margin"][j][i]
                rows.append(
                    {"network": name, "along": along, "across": across, "loss": loss, "margin": margin}
                )
        lines = {
            "gradient": one["along"],
            **{f"random {i + 1}": line for i, line in enumerate(one["random"])},
        }
        for direction, line in lines.items():
            for along, loss in zip(one["at"], line, strict=True):
                row = {"network": name, "direction": direction, "along": along, "loss": loss}
                if direction == "gradient":
                    row["linear"] = one["start"] + one["slope"] * along
                rows.append(row)
    return rows


def draw(data: Mapping[str, Any], width: float) -> Figure:
    """Above the surfaces with the boundary of the class, below the losses on lines through the input."""
    titles = {
        "random": "random" if is_narrow(width) else f"random, k={data['width']}, d={data['dim']}",
        "trained": "trained on digits",
    }
    with paper_style():
        height = 3.9 if is_narrow(width) else 4.6
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(2, 2, height_ratios=(1.25, 1))
        for column, (name, one) in enumerate(data["results"].items()):
            _surface(axes[0, column], one)
            axes[0, column].set_title(titles[name])
            entries = _lines(axes[1, column], one)
        short = is_narrow(width)
        for panel in axes[:, 0]:
            panel.set_ylabel("random direction" if panel is axes[0, 0] else "loss")
        for panel in axes[0]:
            panel.set_xlabel("along the gradient")
        for panel in axes[1]:
            panel.set_xlabel(r"$r$" if short else r"length $r$ of the step")
        entries["boundary of the class"] = Line2D([], [], color="tab:red", linewidth=1.4)
        entries["$x$"] = Line2D([], [], color="white", marker="o", markeredgecolor="black", linestyle="none")
        letters(list(axes.flat))
        legend_below(figure, width, entries)
    return figure


def _surface(panel: Axes, one: Mapping[str, Any]) -> None:
    at, loss, margin = (np.array(one[key]) for key in ("at", "loss", "margin"))
    # By quantiles: the loss of a trained network is all but 0 on most of the plane.
    levels = np.unique(np.quantile(loss, np.linspace(0, 1, _LEVELS)))
    colours = sns.color_palette("mako", as_cmap=True)
    panel.contourf(at, at, loss, levels=levels, cmap=colours, norm=BoundaryNorm(levels, colours.N))
    panel.contour(at, at, loss, levels=levels[1:-1], colors="white", linewidths=0.4, alpha=0.7)
    if margin.min() < 0 < margin.max():
        panel.contour(at, at, margin, levels=[0], colors="tab:red", linewidths=1.4)
    panel.plot(0, 0, "o", color="white", markeredgecolor="black")


def _lines(panel: Axes, one: Mapping[str, Any]) -> dict[str, Any]:
    gradient, random = looks(2)
    at = np.array(one["at"])
    every = max(1, len(at) // 20)
    for line in one["random"]:
        (across,) = panel.plot(at, line, color=random.colour, linestyle=random.line, linewidth=0.8, zorder=3)
    linear = theory(panel, at, one["start"] + one["slope"] * at, gradient)
    (along,) = panel.plot(
        at[::every], one["along"][::every], gradient.marker, color=gradient.colour, clip_on=False, zorder=4
    )
    highest = max(map(max, (one["along"], *one["random"])))
    panel.axvline(0, **GUIDE)
    panel.set(ylim=(-0.03 * highest, 1.05 * highest), xlim=(at[0], at[-1]))
    return {
        "along the gradient": along,
        "linear: loss$(x)+r\\|\\nabla$loss$\\|$": linear,
        "random directions": across,
    }


def _alt(data: Mapping[str, Any]) -> str:
    told = []
    for name, one in data["results"].items():
        last = max(line[-1] for line in one["random"])
        told.append(
            f"{name} network: the loss goes from {one['start']:.2g} to {one['along'][-1]:.3g} at distance "
            f"{one['at'][-1]:g} along its gradient, and to at most {last:.2g} in {len(one['random'])} random directions"
        )
    return f"Loss surfaces that rise along the gradient and stay level across it. {'; '.join(told)}."


def _measure(stored: Stored, quality: str) -> dict[str, Any]:
    found: dict[str, Any] = stored.document("surface", arguments(quality), document)
    return found


PICTURE = Picture(
    name="loss-surface",
    title="The loss rises along the gradient, and hardly in random directions",
    caption="(a), (b) The loss on the plane through an input x that its gradient and a random direction span, for a "
    "random network and for one trained on digits; red, where the class changes. (c), (d) The loss on lines through x: "
    "along the gradient (points), what its slope at x promises (line; nothing, where the network is sure), and along "
    "five random directions (dashed).",
    sources=("001", "002"),
    measure=_measure,
    table=table,
    draw=draw,
    alt=_alt,
)

"""Carlini and Wagner's first objective over the target's probability, printed and repaired: the exercise's Figure 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from figures.picture import Picture, Rows
from figures.stored import Stored
from figures.style import GUIDE, is_narrow, legend_below, letters, looks, panels, paper_style, theory

CLASSES = (2, 3, 10)
_PRINTED = ((0.7, "0.64"), (0.3, "-0.20"))
"""The exercise's counterexample: the target's probability, and the printed value of obj₁."""
_NAMES = {
    "obj_1": r"$\mathrm{obj}_1^t$",
    "obj_1*": r"$\mathrm{obj}_{1*}^t$",
    "obj_1**": r"$\mathrm{obj}_{1**}^t$",
}


def objectives(p: float, classes: int = 2) -> dict[str, float]:
    """The three objectives where the target has probability p and the rest is shared equally.

    They are those of the statements that the registry holds.
    """
    from theorems.statements.exercise import carlini_wagner as statements

    weights = np.array([p, *[(1 - p) / (classes - 1)] * (classes - 1)])
    made = {"obj_1": statements.obj_1, "obj_1*": statements.obj_star, "obj_1**": statements.obj_star_star}
    return {name: float(objective(weights)) for name, objective in made.items()}


def measure(quality: str) -> dict[str, Any]:
    """The curves for two classes, and the last of them for more; nothing is sampled."""
    count = {"draft": 120, "paper": 400}[quality]
    places = np.linspace(0, 1, count + 2)[1:-1]
    return {
        "two": [{"p": p, **objectives(p)} for p in places.tolist()],
        "many": {
            str(classes): [{"p": p, "obj_1**": objectives(p, classes)["obj_1**"]} for p in places.tolist()]
            for classes in CLASSES
        },
        "printed": [{"p": p, "obj_1": float(value)} for p, value in _PRINTED],
    }


def table(data: Mapping[str, Any]) -> Rows:
    """One record a curve and probability."""
    rows = [{"panel": "a", "classes": 2, **row} for row in data["two"]]
    rows += [{"panel": "a", "classes": 2, "printed": True, **row} for row in data["printed"]]
    return rows + [
        {"panel": "b", "classes": int(classes), **row}
        for classes, line in data["many"].items()
        for row in line
    ]


def draw(data: Mapping[str, Any], width: float) -> Figure:
    """Left the exercise's figure, shaded where the target is the class; right obj** for several numbers of classes."""
    with paper_style():
        figure, (left, right) = panels(width, 2, 3.0 if not is_narrow(width) else 2.5, sharey=True)
        entries: dict[str, Any] = {}
        for (name, label), look in zip(_NAMES.items(), looks(3), strict=True):
            line = data["two"]
            entries[label] = theory(left, [row["p"] for row in line], [row[name] for row in line], look)
        at = [[row[key] for row in data["printed"]] for key in ("p", "obj_1")]
        (points,) = left.plot(*at, "o", color="black", markersize=4, zorder=4)
        entries["printed counterexample"] = points
        left.set_title("two classes")
        _shade(left, 0.5, 0.5)
        for classes, look in zip(data["many"], looks(6)[3:], strict=True):
            line = data["many"][classes]
            handle = theory(right, [row["p"] for row in line], [row["obj_1**"] for row in line], look)
            entries[rf"$\mathrm{{obj}}_{{1**}}^t$, $C={classes}$"] = handle
            right.plot(1 / int(classes), 0, marker=look.marker, color=look.colour, zorder=4)
        _shade(right, 1 / max(CLASSES), 0.5)
        right.set_title("more classes")
        for panel in (left, right):
            panel.axhline(0, **GUIDE)
            panel.set(xlim=(0, 1), ylim=(-2, 2.5), xlabel=r"$p=\mathrm{softmax}(N(x^{\prime}))_t$")
        for panel in (left, right) if is_narrow(width) else (left,):
            panel.set_ylabel("objective")
        entries[r"$f(x^{\prime})=t$"] = Patch(color="0.85")
        entries["depends on the others"] = Patch(facecolor="white", hatch="////", edgecolor="0.75")
        letters([left, right])
        legend_below(figure, width, entries)
    return figure


def _shade(panel: Axes, maybe: float, surely: float) -> None:
    """Where the class is the target: surely above one half, perhaps above 1/C."""
    panel.axvspan(surely, 1, color="0.88", linewidth=0, zorder=0)
    if maybe < surely:
        panel.axvspan(maybe, surely, facecolor="none", hatch="////", edgecolor="0.85", linewidth=0, zorder=0)


def _alt(data: Mapping[str, Any]) -> str:
    zeros = ", ".join(f"{1 / int(classes):.3g} for {classes}" for classes in data["many"])
    return (
        "Objectives over the probability p of the target for two classes: obj_1 rises from minus infinity and is 0 at "
        f"p = {math.exp(-1):.3g}, obj_1* falls and is 0 there, obj_1** falls and is 0 at 0.5, where the target becomes "
        f"the class. For more classes the zero of obj_1** is at 1/C: {zeros}; between 1/C and one half the other "
        "probabilities decide the class."
    )


def _measure(stored: Stored, quality: str) -> dict[str, Any]:
    found: dict[str, Any] = stored.document("objectives", {"quality": quality}, measure)
    return found


PICTURE = Picture(
    name="carlini-wagner-objectives",
    title="Carlini and Wagner's first objective: printed, repaired, and with more classes",
    caption="(a) The exercise's figure: the printed obj₁ = 1 − loss and the repairs obj₁* = loss − 1 and "
    "obj₁** = −log_C p − 1 over the target's probability p for two classes; shaded, where the target is the class. "
    "Only obj₁** ≤ 0 says so; dots, the exercise's counterexample to obj₁. (b) For C classes obj₁** ≤ 0 says "
    "p ≥ 1/C, which for C ≥ 3 is not enough (hatched: depends on the other probabilities).",
    sources=("000",),
    measure=_measure,
    table=table,
    draw=draw,
    alt=_alt,
)

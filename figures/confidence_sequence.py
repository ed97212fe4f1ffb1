"""An estimate on its way, inside its confidence sequence; and what looking costs without one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.picture import Picture, Rows
from figures.stored import Stored
from figures.style import GUIDE, is_narrow, legend_below, letters, looks, measured, panels, paper_style
from simulate.convergence import document

_TRIALS = {"draft": 10_000, "paper": 100_000}
_REPETITIONS = {"draft": 1_000, "paper": 5_000}


def arguments(quality: str) -> dict[str, Any]:
    """Of `simulate.convergence.document`."""
    return {
        "width": 1024,
        "dim": 1024,
        "trials": _TRIALS[quality],
        "runs": 5,
        "repetitions": _REPETITIONS[quality],
        "seed": 0,
    }


def table(data: Mapping[str, Any]) -> Rows:
    """Panel a: each run after n trials; panel b: the share of sequences that were ever misled."""
    rows: Rows = []
    for path in data["paths"]:
        for i, n in enumerate(data["trials"]):
            ends = {key: path[key][i] for key in ("low", "high", "fixed_low", "fixed_high")}
            estimate = path["successes"][i] / n
            rows.append({"panel": "a", "seed": path["seed"], "trials": n, "estimate": estimate, **ends})
    for name in ("fixed", "sequence"):
        found = data["looking"][name]
        for i, n in enumerate(data["trials"]):
            ends = {"estimate": found["share"][i], "low": found["low"][i], "high": found["high"][i]}
            rows.append({"panel": "b", "interval": name, "trials": n, **ends})
    return rows


def draw(data: Mapping[str, Any], width: float) -> Figure:
    """Left the estimates, the first with both bands; right how often a look has misled by then."""
    with paper_style():
        figure, (left, right) = panels(width, 2, 2.9 if not is_narrow(width) else 2.4)
        entries = _paths(left, data) | _misled(right, data)
        letters([left, right])
        legend_below(figure, width, entries)
    return figure


def _paths(panel: Axes, data: Mapping[str, Any]) -> dict[str, Any]:
    n, (first, *others) = data["trials"], data["paths"]
    look = looks(2)[0]
    entries: dict[str, Any] = {}
    for other in others:
        (thin,) = panel.plot(n, np.array(other["successes"]) / n, color="0.6", linewidth=0.6, zorder=1)
        entries["other seeds"] = thin
    band = panel.fill_between(
        n, first["low"], first["high"], color=look.colour, alpha=0.18, linewidth=0, zorder=0
    )
    entries["confidence sequence"] = band
    for end in ("fixed_low", "fixed_high"):
        (fixed,) = panel.plot(n, first[end], color=look.colour, linewidth=0.8, linestyle=(0, (2, 1.5)))
    entries["Clopper-Pearson, fixed $n$"] = fixed
    (line,) = panel.plot(n, np.array(first["successes"]) / n, color=look.colour, zorder=3)
    entries["estimate"] = line
    entries[r"limit, $\frac{1}{2}$"] = panel.axhline(data["limit"], linestyle=(0, (6, 2)), **GUIDE)
    panel.set(
        xscale="log", xlim=(n[0], n[-1]), ylim=(0.2, 0.8), xlabel="trials $n$", ylabel=r"$P(\mathrm{flip})$"
    )
    panel.set_title("one step, estimated")
    return entries


def _misled(panel: Axes, data: Mapping[str, Any]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    shown = range(0, len(data["trials"]), max(1, len(data["trials"]) // 12))
    n = [data["trials"][i] for i in shown]
    names = {"fixed": "Clopper-Pearson at every look", "sequence": "sequence at every look"}
    for (name, label), look in zip(names.items(), looks(6)[3:5], strict=True):
        found = data["looking"][name]
        line = [[found[key][i] for i in shown] for key in ("share", "low", "high")]
        entries[label] = measured(panel, n, line, look)
    entries[r"$1-$confidence"] = panel.axhline(1 - data["confidence"], linestyle=(0, (1, 1.5)), **GUIDE)
    panel.set(xscale="log", xlabel="trials $n$", ylim=(0, None))
    panel.set_ylabel("share of runs ever misled")
    panel.set_title("the cost of looking")
    return entries


def _alt(data: Mapping[str, Any]) -> str:
    first = data["paths"][0]
    return (
        f"An estimate is {first['successes'][-1] / data['trials'][-1]:.3g} after {data['trials'][-1]:,} trials, "
        f"inside a confidence sequence that narrows to {first['low'][-1]:.3g} … {first['high'][-1]:.3g}. Looking at "
        f"{len(data['trials'])} sample sizes, Clopper-Pearson intervals have misled in "
        f"{100 * data['looking']['fixed']['share'][-1]:.2g} % of the runs, the sequence in "
        f"{100 * data['looking']['sequence']['share'][-1]:.2g} %."
    )


def _measure(stored: Stored, quality: str) -> dict[str, Any]:
    found: dict[str, Any] = stored.document("convergence", arguments(quality), document)
    return found


PICTURE = Picture(
    name="confidence-sequence",
    title="An estimate may be watched: its confidence sequence holds at every look",
    caption="(a) The estimated flip probability of a ReLU network after n trials, at the step whose limit is ½, with "
    "its 95 % confidence sequence, which covers at all n at once, and the narrower Clopper-Pearson intervals, each of "
    "which is for one n fixed in advance. (b) Fair coins: the share of runs in which some interval up to n has left "
    "out the truth, with 95 % intervals; dotted, the 5 % that was promised.",
    sources=("001",),
    measure=_measure,
    table=table,
    draw=draw,
    alt=_alt,
)

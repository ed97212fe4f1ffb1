"""Adversarial examples on digits: inputs, the smallest perturbations found, and what the network then sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from figures.picture import Picture, Rows
from figures.stored import Stored
from figures.style import is_narrow, paper_style
from simulate.attack_study.examples import examples

_EPOCHS = {"draft": 60, "paper": 200}
_IN_ONE_COLUMN = 5
_NORMS = {"2": r"$\ell_2$", "inf": r"$\ell_\infty$"}


def arguments(quality: str) -> dict[str, Any]:
    """Of `simulate.attack_study.examples.examples`."""
    return {"data": "digits", "norms": list(_NORMS), "width": 64, "epochs": _EPOCHS[quality], "seed": 0}


def table(data: Mapping[str, Any]) -> Rows:
    """One record an image, its pixels in columns; `size` is the perturbation's length in its norm."""
    rows: Rows = []
    for number, one in enumerate(data["examples"]):
        shown = [("none", {**one, "size": 0.0, "success": None})] + [
            (norm, one[norm]) for norm in data["norms"]
        ]
        for norm, image in shown:
            row = {"example": number, "label": one["label"], "norm": norm}
            row |= {key: image[key] for key in ("size", "success", "class", "probability")}
            rows.append(row | {f"pixel_{i}": value for i, value in enumerate(image["image"])})
    return rows


def draw(data: Mapping[str, Any], width: float) -> Figure:
    """A column an example; rows: the input, and for each norm the perturbed input and its perturbation."""
    shown = data["examples"][: _IN_ONE_COLUMN if is_narrow(width) else None]
    shape = tuple(data["shape"])
    kinds = ["input", *(f"{what} {norm}" for norm in data["norms"] for what in ("moved", "change"))]
    most = {
        norm: max(float(np.abs(np.array(one[norm]["image"]) - np.array(one["image"])).max()) for one in shown)
        for norm in data["norms"]
    }
    colours = sns.color_palette("vlag", as_cmap=True)
    with paper_style():
        tight = ConstrainedLayoutEngine(w_pad=0.015, h_pad=0.01, wspace=0.02, hspace=0.01)
        side = (width - 0.55) / len(shown)
        figure = Figure(figsize=(width, (side + 0.17) * len(kinds) + 0.1), layout=tight)
        axes = figure.subplots(len(kinds), len(shown), squeeze=False)
        for column, one in enumerate(shown):
            _image(axes[0, column], one["image"], shape, _seen(one))
            for i, norm in enumerate(data["norms"]):
                moved = one[norm]
                _image(axes[1 + 2 * i, column], moved["image"], shape, _seen(moved), wrong=moved["success"])
                change = np.array(moved["image"]) - np.array(one["image"])
                ends = {"vmin": -most[norm], "vmax": most[norm]}
                axes[2 + 2 * i, column].imshow(change.reshape(shape), cmap=colours, **ends)
                axes[2 + 2 * i, column].set_title(f"{moved['size']:.2f}", fontsize=6, pad=2)
        labels = [r"$x$"]
        for norm in data["norms"]:
            labels += [r"$x+\delta$", rf"$\delta$, {_NORMS[norm]}"]
        for row, label in zip(axes, labels, strict=True):
            row[0].set_ylabel(label, fontsize=7)
        for panel in axes.flat:
            panel.set(xticks=[], yticks=[])
            for spine in panel.spines.values():
                spine.set_visible(True)
                spine.set_linewidth(0.4)
    return figure


def _image(panel: Axes, image: Any, shape: tuple[int, ...], title: str, wrong: bool | None = None) -> None:
    panel.imshow(np.array(image).reshape(shape), cmap="gray_r", vmin=0, vmax=1)
    panel.set_title(title, fontsize=6, pad=2, fontweight="bold" if wrong else "normal")


def _seen(image: Mapping[str, Any]) -> str:
    return f"{image['class']} ({image['probability']:.2f})"


def _alt(data: Mapping[str, Any]) -> str:
    told = "; ".join(
        f"{one['label']} becomes "
        + " and ".join(
            f"{one[norm]['class']} at {_plain(norm)} size {one[norm]['size']:.2f}" for norm in data["norms"]
        )
        for one in data["examples"]
    )
    return f"Images of handwritten digits before and after perturbations that are hard to see: {told}."


def _plain(norm: str) -> str:
    return "ℓ∞" if norm == "inf" else f"ℓ{norm}"


def _measure(stored: Stored, quality: str) -> dict[str, Any]:
    found: dict[str, Any] = stored.document("examples", arguments(quality), examples)
    return found


PICTURE = Picture(
    name="digits",
    title="Adversarial examples on handwritten digits",
    caption="One test image of each class, and the smallest perturbations that an attack found in ℓ2 and in ℓ∞, inside "
    "the box of images. Above each image the class that the network sees and its probability (bold: wrong), above each "
    "perturbation δ its norm; white is no change, red brighter ink and blue less.",
    sources=("000", "001", "002", "004"),
    measure=_measure,
    table=table,
    draw=draw,
    alt=_alt,
)

"""One look for every figure: column widths, fonts, colours that survive grey and colour blindness."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.textpath import TextPath
from numpy.typing import ArrayLike

from simulate.errors import BadInput

ONE_COLUMN, TWO_COLUMNS = 3.35, 6.9
"""Widths in inches of a figure in a two-column paper."""

# It takes the dates in matplotlib's own fonts for odd, and says so for every PDF.
logging.getLogger("fontTools").setLevel(logging.ERROR)

WIDTHS = {"one": ONE_COLUMN, "two": TWO_COLUMNS}
"""The widths by name."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
LINES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (6, 1.5, 1.2, 1.5)),
    (0, (1.2, 1.2)),
    (0, (5, 1.2, 1.2, 1.2, 1.2, 1.2)),
    (0, (9, 2)),
)
"""Line styles that tell series apart where colour does not."""

GUIDE: dict[str, Any] = {"color": "0.3", "linewidth": 0.8, "zorder": 1}
"""A line that is neither a measurement nor the law of one: a bound, an identity, a reference slope."""


class Look(NamedTuple):
    """How one series looks: its colour, its marker and its line all differ from those of the others."""

    colour: tuple[float, float, float]
    marker: str
    line: Any


@contextmanager
def paper_style() -> Iterator[None]:
    """Fonts embedded as outlines that journals accept, small sizes, and identical bytes for identical data."""
    settings: dict[Any, Any] = {
        **sns.axes_style("ticks"),
        "pdf.fonttype": 42,
        "svg.fonttype": "path",
        "svg.hashsalt": "signflip",
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "legend.fontsize": 7,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "lines.linewidth": 1.2,
        "lines.markersize": 3.5,
        "figure.dpi": 150,
        "savefig.dpi": 300,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(settings):
        yield


def colours(count: int) -> list[tuple[float, float, float]]:
    """Colours that differ for colour-blind readers too, ten at most before they repeat."""
    palette = sns.color_palette("colorblind")
    return [palette[i % len(palette)] for i in range(count)]


def looks(count: int) -> list[Look]:
    """Looks of so many series."""
    return [
        Look(colour, MARKERS[i % len(MARKERS)], LINES[i % len(LINES)])
        for i, colour in enumerate(colours(count))
    ]


def is_narrow(width: float) -> bool:
    """Whether a figure of this width, in inches, stands in one column: its panels then go below each other."""
    return width < (ONE_COLUMN + TWO_COLUMNS) / 2


def panels(width: float, count: int, height: float = 2.3, **settings: Any) -> tuple[Figure, list[Axes]]:
    """A figure with some panels: beside each other in two columns, below each other in one.

    Args:
        width: of the figure, in inches.
        count: of panels.
        height: of one row of panels, in inches; what a legend outside takes goes off it.
        settings: of `Figure.subplots`.

    """
    if is_narrow(width):
        if "width_ratios" in settings:
            settings["height_ratios"] = [1] * len(settings.pop("width_ratios"))
        figure = Figure(figsize=(width, height * count), layout="constrained")
        axes = figure.subplots(count, 1, squeeze=False, **settings)
    else:
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(1, count, squeeze=False, **settings)
    return figure, list(axes.flat)


def measured(panel: Axes, x: ArrayLike, found: Sequence[ArrayLike], look: Look, **settings: Any) -> Any:
    """Points with their intervals.

    Args:
        panel: where.
        x: places.
        found: values, lower and upper ends; an end that is not finite leaves the bar out on that side.
        look: of the series.
        settings: of `Axes.errorbar`.

    """
    middle, *ends = (np.asarray(one, float) for one in found)
    bars = [np.where(np.isfinite(end), np.abs(end - middle), 0.0) for end in ends]
    return panel.errorbar(
        np.asarray(x, float),
        middle,
        yerr=np.vstack(bars),
        fmt=look.marker,
        color=look.colour,
        capsize=1.5,
        elinewidth=0.8,
        zorder=3,
        **settings,
    )


def theory(panel: Axes, x: ArrayLike, y: ArrayLike, look: Look, **settings: Any) -> Any:
    """The line of a law, in the look of what was measured of it."""
    (line,) = panel.plot(
        np.asarray(x, float),
        np.asarray(y, float),
        linestyle=look.line,
        color=look.colour,
        zorder=2,
        **settings,
    )
    return line


def legend_below(
    figure: Figure, width: float, entries: Mapping[str, Any] | Sequence[tuple[str, Any]], **settings: Any
) -> None:
    """One legend for all panels, below them. A tuple of handles is drawn as one: a point on its line.

    Args:
        figure: where.
        width: of the figure, in inches.
        entries: handles by their labels.
        settings: of `Figure.legend`; `ncols` by default fills the width.

    """
    pairs = list(entries.items()) if isinstance(entries, Mapping) else list(entries)
    settings.setdefault("ncols", _columns([label for label, _ in pairs], width))
    figure.legend(
        [handle for _, handle in pairs],
        [label for label, _ in pairs],
        loc="outside lower center",
        frameon=False,
        handler_map={tuple: HandlerTuple(ndivide=1, pad=0)},
        columnspacing=1.2,
        handlelength=2.6,
        **settings,
    )


def _columns(labels: Sequence[str], width: float) -> int:
    """The most columns that a legend of these labels has room for: matplotlib fills them one after the other."""
    size = mpl.rcParams["legend.fontsize"]
    em = size / 72
    # Text on pixels is wider than its outline, by up to a tenth.
    lengths = [1.12 * TextPath((0, 0), label, size=size).get_extents().width / 72 for label in labels]
    for columns in range(len(labels), 1, -1):
        rows, longer = divmod(len(labels), columns)
        taken, start = 0.8 * em, 0
        for column in range(columns):
            end = start + rows + (column < longer)
            # The handle, the gap to its text, the text, the gap to the next column.
            taken += (2.6 + 0.8 + 1.2) * em + max(lengths[start:end])
            start = end
        if taken - 1.2 * em <= width:
            return columns
    return 1


def letters(axes: Sequence[Axes]) -> None:
    """(a), (b), … above the panels, by which a caption names them."""
    for panel, letter in zip(axes, "abcdefgh", strict=False):
        title = panel.get_title(loc="left") or panel.get_title()
        panel.set_title("")
        panel.set_title(f"({letter}) {title}".rstrip(), loc="left")


def cell_label(cell: Mapping[str, Any]) -> str:
    """What a legend says of a network: its parameters, those of the plain two-layer network left out."""
    deep = f", L={cell['depth']}" if cell["depth"] != 2 else ""
    scaling = ", He" if cell["scaling"] == "he" else ""
    return f"{cell['activation']}, k={cell['width']}, d={cell['dim']}{deep}{scaling}"


def save(figure: Figure, path: Path | str, resolution: int = 300) -> Path:
    """Write a figure as .pdf, .png or .svg, the same bytes for the same figure.

    Args:
        figure: what to write.
        path: where; its ending says what.
        resolution: of a .png, in dots an inch.

    Raises:
        BadInput: another ending, or a place that cannot be written.

    """
    path = Path(path)
    dates = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {}}
    if path.suffix not in dates:
        raise BadInput(f"a figure is a .pdf, .png or .svg file, got {path}")
    temporary = path.with_name(f".tmp-{path.name}")
    try:
        with paper_style():
            figure.savefig(temporary, metadata=dates[path.suffix], dpi=resolution)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
    return path

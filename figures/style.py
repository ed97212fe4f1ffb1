"""One look for every figure: column widths, fonts, colours that survive grey and colour blindness."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.figure import Figure

from simulate.errors import BadInput

ONE_COLUMN, TWO_COLUMNS = 3.35, 6.9
"""Widths in inches of a figure in a two-column paper."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


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


def cell_label(cell: Mapping[str, Any]) -> str:
    """What a legend says of a network: its parameters, those of the plain two-layer network left out."""
    deep = f", L={cell['depth']}" if cell["depth"] != 2 else ""
    scaling = ", He" if cell["scaling"] == "he" else ""
    return f"{cell['activation']}, k={cell['width']}, d={cell['dim']}{deep}{scaling}"


def save(figure: Figure, path: Path | str) -> Path:
    """Write a figure as .pdf, .png or .svg, the same bytes for the same figure.

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
            figure.savefig(temporary, metadata=dates[path.suffix])
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BadInput(f"cannot write {path}: {error.strerror}") from error
    return path

"""A figure of the catalogue: how it is measured, what of that is drawn, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from figures.stored import Stored

Rows = list[dict[str, Any]]
"""The data of a figure, one record a point: what its CSV holds."""

QUALITIES = ("draft", "paper")
"""Draft is for looking at while one works; paper takes more trials and finer grids."""


@dataclass(frozen=True)
class Picture:
    """A figure that can be drawn by its name.

    Attributes:
        name: on the command line.
        title: in plain words.
        caption: what is seen and what the lines are, in plain text.
        sources: the documents that it is about, by their numbers in the registry.
        measure: (where measurements are kept, quality) → what was measured. Two calls with the same store
            give the same.
        table: what was measured → the numbers that are drawn.
        draw: (what was measured, width in inches) → the figure.
        alt: what was measured → what the figure shows, for those who cannot see it.

    """

    name: str
    title: str
    caption: str
    sources: tuple[str, ...]
    measure: Callable[[Stored, str], Any]
    table: Callable[[Any], Rows]
    draw: Callable[[Any, float], Figure]
    alt: Callable[[Any], str]

"""How the statements of this document are cited."""

from __future__ import annotations

from simulate.bounds import Source


def lecture(number: str) -> Source:
    """The lecture, at a numbered statement or at the title of an unnumbered slide."""
    return Source("Lucchi 2024, Lecture 11", number, "001")

"""How the statements of this document are cited."""

from __future__ import annotations

from simulate.bounds import Source


def slide(number: str) -> Source:
    """The slides, at the title of a slide."""
    return Source("Sadeghzadeh 2024, Adversarial Examples", number, "004")

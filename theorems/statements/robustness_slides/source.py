"""How the statements of this document are cited."""

from __future__ import annotations

from simulate.bounds import Source


def slide(number: str) -> Source:
    """The slides, at the title of a slide."""
    return Source("Kashefi, Adversarial Robustness", number, "002")

"""How the statements of this document are cited."""

from __future__ import annotations

from simulate.bounds import Source


def thesis(number: str) -> Source:
    """The thesis, at one of its own numbers, or at the title of the section."""
    return Source("Peck 2017, Robustness of Classifiers to Adversarial Perturbations", number, "003")

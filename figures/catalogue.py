"""Every figure by its name, in the order of the text that they belong to."""

from __future__ import annotations

from figures import concentration, flip_curve, gradient_law
from figures.picture import Picture

_PICTURES = (
    flip_curve.PICTURE,
    gradient_law.PICTURE,
    concentration.CHI_SQUARE,
    concentration.BERNSTEIN,
)

CATALOGUE: dict[str, Picture] = {picture.name: picture for picture in _PICTURES}
"""The figures that `simulate figures` draws."""

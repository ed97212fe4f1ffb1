"""Every figure by its name, in the order of the text that they belong to."""

from __future__ import annotations

from figures import (
    concentration,
    confidence_sequence,
    digits,
    flip_curve,
    gaussian_limit,
    gradient_law,
    lipschitz_depth,
    loss_surface,
    objectives,
    phase_diagram,
    radii,
    relative_perturbation,
    sandwich,
    smallest_step,
)
from figures.picture import Picture

_PICTURES = (
    flip_curve.PICTURE,
    phase_diagram.PICTURE,
    smallest_step.PICTURE,
    relative_perturbation.PICTURE,
    gradient_law.PICTURE,
    gaussian_limit.PICTURE,
    concentration.CHI_SQUARE,
    concentration.BERNSTEIN,
    radii.PICTURE,
    sandwich.PICTURE,
    lipschitz_depth.PICTURE,
    objectives.PICTURE,
    loss_surface.PICTURE,
    digits.PICTURE,
    confidence_sequence.PICTURE,
)

CATALOGUE: dict[str, Picture] = {picture.name: picture for picture in _PICTURES}
"""The figures that `simulate figures` draws."""

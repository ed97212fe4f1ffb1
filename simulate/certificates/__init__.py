"""Certificates: lower bounds of the distance to the nearest input of another class, proved and batched."""

from simulate.certificates.dual import dual_margin, tightened_bounds
from simulate.certificates.intervals import Ball, interval_margin, preactivation_bounds
from simulate.certificates.linear import linear_radius, lipschitz_radius, local_lipschitz_radius
from simulate.certificates.radius import METHODS, Method, certified_radius
from simulate.certificates.rounding import rounding_allowance

__all__ = [
    "METHODS",
    "Ball",
    "Method",
    "certified_radius",
    "dual_margin",
    "interval_margin",
    "linear_radius",
    "lipschitz_radius",
    "local_lipschitz_radius",
    "preactivation_bounds",
    "rounding_allowance",
    "tightened_bounds",
]

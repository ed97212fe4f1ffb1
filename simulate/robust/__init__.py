"""The network of the existence theorem: construction, exact radii, attack; see `simulate robust-net`."""

from simulate.robust.attack import Attack, gradient_attack
from simulate.robust.construction import (
    Correlation,
    best_threshold,
    build,
    ceiling,
    correlation,
    guaranteed_radius,
    least_radius_to_flip,
    midpoint,
    printed_radius,
    radius_to_zero,
)
from simulate.robust.data import DataSet, draw, load
from simulate.robust.document import document
from simulate.robust.enumeration import radius_by_enumeration
from simulate.robust.network import ReluNetwork
from simulate.robust.radii import Measured, measure
from simulate.robust.search import Radius, radius
from simulate.robust.table import render

__all__ = [
    "Attack",
    "Correlation",
    "DataSet",
    "Measured",
    "Radius",
    "ReluNetwork",
    "best_threshold",
    "build",
    "ceiling",
    "correlation",
    "document",
    "draw",
    "gradient_attack",
    "guaranteed_radius",
    "least_radius_to_flip",
    "load",
    "measure",
    "midpoint",
    "printed_radius",
    "radius",
    "radius_by_enumeration",
    "radius_to_zero",
    "render",
]

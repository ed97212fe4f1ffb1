"""Certificates, exact distances and attacks side by side; see `simulate radius`."""

from simulate.sandwich.bounds import LOWER, UPPER, lower_bounds, upper_bounds
from simulate.sandwich.crossing import TOLERANCE, Crossing, check, load, save
from simulate.sandwich.distances import distances
from simulate.sandwich.document import document
from simulate.sandwich.instances import KINDS, Instances, draw, from_data
from simulate.sandwich.table import render

__all__ = [
    "KINDS",
    "LOWER",
    "TOLERANCE",
    "UPPER",
    "Crossing",
    "Instances",
    "check",
    "distances",
    "document",
    "draw",
    "from_data",
    "load",
    "lower_bounds",
    "render",
    "save",
    "upper_bounds",
]

"""Exact distances: what attacks approach from above and certificates from below."""

from simulate.exact.cells import distance_by_enumeration
from simulate.exact.distance import SOLVERS, Distance, Solver, exact_distance
from simulate.exact.relaxation import relaxed_margin, relaxed_radius

__all__ = [
    "SOLVERS",
    "Distance",
    "Solver",
    "distance_by_enumeration",
    "exact_distance",
    "relaxed_margin",
    "relaxed_radius",
]

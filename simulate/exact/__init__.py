"""Exact distances: what attacks approach from above and certificates from below."""

from simulate.exact.cells import distance_by_enumeration
from simulate.exact.distance import SOLVERS, Distance, Solver, exact_distance
from simulate.exact.relaxation import relaxed_margin, relaxed_radius
from simulate.exact.tightening import TIGHTEN, Tighten, exact_bounds

__all__ = [
    "SOLVERS",
    "TIGHTEN",
    "Distance",
    "Solver",
    "Tighten",
    "distance_by_enumeration",
    "exact_bounds",
    "exact_distance",
    "relaxed_margin",
    "relaxed_radius",
]

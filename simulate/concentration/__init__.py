"""Bounds in print against exact tails: see `simulate concentration`."""

from simulate.concentration.comparison import (
    DEFAULT_GAMMAS,
    DEFAULT_KS,
    LAWS,
    Boundary,
    Case,
    Row,
    cases,
    compare,
    condition_that_rescues,
)
from simulate.concentration.document import document
from simulate.concentration.exact import log_of, log_tail, quantile
from simulate.concentration.sampling import Level, check_by_sampling
from simulate.concentration.table import render

__all__ = [
    "DEFAULT_GAMMAS",
    "DEFAULT_KS",
    "LAWS",
    "Boundary",
    "Case",
    "Level",
    "Row",
    "cases",
    "check_by_sampling",
    "compare",
    "condition_that_rescues",
    "document",
    "log_of",
    "log_tail",
    "quantile",
    "render",
]

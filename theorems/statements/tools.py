"""What many statements need to say: equality up to cancelling terms, labels, and claiming nothing."""

from __future__ import annotations

import math
from typing import Any

from theorems.sides import Sides

NOTHING = Sides(0.0, math.inf)
"""What is claimed at instances where the statement claims nothing: for conditions that are met too seldom to
be a hypothesis of the domain, which rejects all other instances."""


def equal_terms(left: Any, right: Any, size: Any) -> Sides:
    """The claim left = right, where both are sums whose terms are as large as `size` > 0.

    Terms that cancel leave no digits of a small difference, at any precision: the sides are compared after
    adding `size`, so that 50 digits mean 50 digits of the terms.
    """
    return Sides.equal(size + left, size + right)


def label(scores: Any) -> int:
    """Index of the largest score; of equal ones, the first."""
    best = 0
    for index in range(1, len(scores)):
        if scores[index] > scores[best]:
            best = index
    return best

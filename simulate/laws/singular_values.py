"""Extreme singular values of Gaussian matrices."""

from __future__ import annotations

import math
from typing import NamedTuple

from simulate.arguments import whole
from simulate.errors import BadInput


class SingularValueBound(NamedTuple):
    """A bound on the operator norm |W|₂ and the least probability with which it holds."""

    bound: float
    probability: float


def singular_value_bound(width: int, dim: int, t: float) -> SingularValueBound:
    """|W|₂ ≤ (√k + √d + t)/√d with probability at least 1 − e^{−t²/2}.

    W is k×d with independent N(0, 1/d) entries. K. R. Davidson & S. J. Szarek, Local operator theory,
    random matrices and Banach spaces (2001), Theorem II.13: E|√d W|₂ ≤ √k + √d (Gordon's inequality), and
    the norm is a 1-Lipschitz function of the entries.

    Args:
        width: k ≥ 1.
        dim: d ≥ 1.
        t: excess over the mean's bound, ≥ 0.

    """
    k, d = whole(width, "width", 1), whole(dim, "dim", 1)
    if not t >= 0:
        raise BadInput(f"t must be ≥ 0, not {t}")
    return SingularValueBound((math.sqrt(k) + math.sqrt(d) + t) / math.sqrt(d), -math.expm1(-t * t / 2))

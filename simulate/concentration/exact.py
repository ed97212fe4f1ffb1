"""Exact tails and quantiles of a law, in the logarithm of the probability."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
from scipy import optimize

from simulate.bounds import Bernstein, Side
from simulate.errors import BadInput
from simulate.special_functions import Floats
from simulate.tails import ROUNDING, Law


def log_of(gamma: float | str) -> float:
    """Log γ of a number, or of a text such as "1e-400" that no float64 can hold.

    Raises:
        BadInput: not a number strictly between 0 and 1.

    """
    try:
        number = Decimal(str(gamma))
    except InvalidOperation:
        number = Decimal("nan")
    if not (number.is_finite() and 0 < number < 1):
        raise BadInput(f"γ must lie strictly between 0 and 1, got {gamma}")
    return float(number.ln())


def decimal_power(log10: float, digits: int) -> str:
    """The power of ten as a decimal number, also where it is no float64."""
    if log10 > -4:
        return f"{10**log10:.{digits}g}"
    exponent = math.floor(log10 + 1e-12)
    return f"{10 ** (log10 - exponent):.{digits}g}e{exponent:+d}"


def log_tail(law: Law, k: int, t: Any, side: Side, *, strict: bool = True) -> Floats:
    """Log P(S > t), log P(S < −t) or log P(|S| > t) as the side says; with ≥ and ≤ if not `strict`."""
    if side == "upper":
        return law.log_upper(k, t, strict=strict)
    if side == "lower":
        return law.log_lower(k, -np.asarray(t, np.float64), strict=strict)
    return law.log_two_sided(k, t, strict=strict)


def quantile(law: Law, k: int, log_gamma: float, side: Side = "upper") -> float:
    """The smallest t with P(S > t) ≤ γ, or likewise for S < −t or |S| > t.

    Of a law on a lattice it is a lattice point, and a probability equal to γ up to `ROUNDING` counts as ≤ γ.
    Of a law with a density it is right to some 1e-13 of itself or 1e-15 of the spread σ√k.

    Args:
        law: of one term.
        k: number of terms.
        log_gamma: log γ < 0.
        side: the tail.

    """
    # Theorem 2 brackets the quantile: P(S > T(γ)) ≤ γ; and as it holds for −X too, P(S < −T(1 − γ)) ≤ 1 − γ.
    bernstein = Bernstein(law.variance, law.scale)
    two_sided = side == "two-sided"
    high = float(bernstein.threshold(k, log_gamma - math.log(2) * two_sided))
    rest = min(math.log(-math.expm1(log_gamma)), -1e-300)
    low = 0.0 if two_sided else -float(bernstein.threshold(k, rest))
    if law.lattice(k) is not None:
        return _lattice_quantile(law, k, log_gamma, side, low, high)
    # √(−log P) is nearly linear in t, whatever the depth: a few steps of Brent's method suffice.
    target, ceiling = math.sqrt(-log_gamma), 2 * math.sqrt(-log_gamma) + 10

    def excess(t: float) -> float:
        return min(math.sqrt(max(-float(log_tail(law, k, t, side)), 0.0)), ceiling) - target

    if excess(high) <= 0 or excess(low) >= 0:
        return high if excess(high) <= 0 else low
    width = 1e-15 * math.sqrt(law.variance * k)
    root = float(optimize.brentq(excess, low, high, xtol=width, rtol=4 * np.finfo(float).eps))
    # The median of a symmetric law is 0, and not the rounding error that Brent's method ends in.
    return root if abs(root) > 10 * width else 0.0


def _lattice_quantile(law: Law, k: int, log_gamma: float, side: Side, low: float, high: float) -> float:
    step, shift = law.lattice(k) or (1.0, 0.0)

    def first(sign: int) -> float:
        """The smallest sign·(lattice point) that will do, by bisection over the counts in the bracket."""
        ends = sorted((sign * low, sign * high))
        below, found = math.floor((ends[0] + shift) / step) - 1, math.ceil((ends[1] + shift) / step) + 1
        below, found = (below, found) if sign > 0 else (found, below)
        while abs(found - below) > 1:
            middle = (below + found) // 2
            # The point is computed as `simulate.tails` computes it, so that rounding turns no comparison.
            point = sign * (step * middle - shift)
            good = point >= low and at_most(float(log_tail(law, k, point, side)), log_gamma)
            below, found = (below, middle) if good else (middle, found)
        return sign * (step * found - shift)

    signs = {"upper": (1,), "lower": (-1,), "two-sided": (1, -1)}[side]
    return min(first(sign) for sign in signs) + 0.0


def at_most(log_probability: float, log_gamma: float) -> bool:
    """P ≤ γ up to the rounding of the exact tail."""
    return log_probability <= log_gamma + ROUNDING * max(1.0, -log_gamma)

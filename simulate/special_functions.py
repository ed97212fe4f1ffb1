"""Logarithms of tail probabilities that scipy gives only down to 1e-308: gamma, binomial, Irwin-Hall.

Every number comes from a sum of positive terms, a continued fraction of positive terms, or the complement of one
where that is at most about a half: nothing cancels and nothing underflows.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy import special

__all__ = [
    "deviance",
    "log_binomial_upper",
    "log_gamma_lower",
    "log_gamma_upper",
    "log_irwin_hall",
    "stirling_error",
]

Floats = NDArray[np.float64]

# --- Gamma ----------------------------------------------------------------------------------------------

# scipy's incomplete gamma functions serve down to here. Below, they lose digits and then underflow.
_DEEP = 1e-200


def stirling_error(a: Floats) -> Floats:
    """Log Γ(a + 1) − (a + ½) log a + a − ½ log 2π, for a > 0."""
    big = np.maximum(a, 16.0)
    r = 1 / (big * big)
    # The next term of the series, 691/(360360 a¹¹), is 1e-16 at 16.
    series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / big
    small = np.minimum(a, 16.0)
    direct = special.gammaln(small + 1) - (small + 0.5) * np.log(small) + small - 0.5 * math.log(2 * math.pi)
    return np.where(a >= 16, series, direct)


def deviance(x: Floats, mean: Floats) -> Floats:
    """The sum x log(x/mean) + mean − x, x ≥ 0, with a rounding error relative to |x − mean|, not to x."""
    gap: Floats = x - mean
    result: Floats = special.xlog1py(x, gap / mean) - gap
    return result


def log_gamma_term(a: Floats, x: Floats) -> Floats:
    """log(xᵃ e^{−x} / Γ(a + 1)), by the saddle point of C. Loader (2000): nothing large cancels."""
    return -deviance(a, x) - 0.5 * np.log(2 * math.pi * a) - stirling_error(a)


def log_gamma_upper(a: ArrayLike, x: ArrayLike) -> Floats:
    """Log P(G ≥ x) for G ~ Gamma(a) of scale 1: the logarithm of the regularised Q(a, x).

    Args:
        a: shape > 0.
        x: any real number.

    """
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    inside = np.maximum(x, 0.0)
    tail = special.gammaincc(a, inside)
    with np.errstate(divide="ignore"):
        out: Floats = np.where(tail > 0.5, np.log1p(-special.gammainc(a, inside)), np.log(tail))
    deep = (tail < _DEEP) & np.isfinite(x)
    if deep.any():
        out[deep] = _upper_fraction(a[deep], x[deep])
    return out


def _upper_fraction(a: Floats, x: Floats) -> Floats:
    """Log Q(a, x) by Legendre's continued fraction, in the modified form of Lentz; x well above a."""
    # Γ(a, x) = xᵃ e^{−x} · 1/(x + 1 − a − 1(1 − a)/(x + 3 − a − 2(2 − a)/(x + 5 − a − …)))
    b = x + 1 - a
    c, d = np.full(b.shape, np.inf), 1 / b
    fraction = d.copy()
    for n in range(1, 100_000):
        numerator = -n * (n - a)
        b += 2
        d = 1 / (b + numerator * d)
        c = b + numerator / c
        fraction *= c * d
        if (np.abs(c * d - 1) < 1e-16).all():
            break
    return log_gamma_term(a, x) + np.log(a * fraction)


def log_gamma_lower(a: ArrayLike, x: ArrayLike) -> Floats:
    """Log P(G ≤ x) for G ~ Gamma(a) of scale 1: the logarithm of the regularised P(a, x).

    Args:
        a: shape > 0.
        x: any real number.

    """
    a, x = np.broadcast_arrays(np.asarray(a, np.float64), np.asarray(x, np.float64))
    inside = np.maximum(x, 0.0)
    tail = special.gammainc(a, inside)
    with np.errstate(divide="ignore"):
        out: Floats = np.where(tail > 0.5, np.log1p(-special.gammaincc(a, inside)), np.log(tail))
    deep = (tail < _DEEP) & (x > 0)
    if deep.any():
        # P(a, x) = xᵃ e^{−x} / Γ(a + 1) · (1 + x/(a+1) + x²/((a+1)(a+2)) + …), all positive.
        shape, point = a[deep], x[deep]
        term = np.ones(shape.shape)
        total = term.copy()
        while (term > 1e-17 * total).any():
            shape = shape + 1
            term *= point / shape
            total += term
        out[deep] = log_gamma_term(a[deep], point) + np.log(total)
    return out


# --- Binomial -------------------------------------------------------------------------------------------


def log_binomial_upper(n: int, p: float, q: float, m: ArrayLike) -> Floats:
    """Log P(B ≥ m) for B ~ Binomial(n, p).

    Args:
        n: number of trials ≥ 1.
        p: probability inside (0, 1).
        q: 1 − p, given apart so that neither loses digits.
        m: whole numbers, also below 0 and above n.

    """
    m = np.asarray(m, np.float64)
    out = np.where(m <= 0, 0.0, -np.inf)
    beyond_mean = (m > n * p) & (m <= n)
    out[beyond_mean] = _binomial_sum(n, p, q, m[beyond_mean])
    # Up to the mean, the tail is the larger part: P(B ≥ m) = 1 − P(n − B ≥ n − m + 1).
    rest = (m > 0) & (m <= n * p)
    out[rest] = np.log1p(-np.exp(_binomial_sum(n, q, p, n - m[rest] + 1)))
    return out


def _binomial_sum(n: int, p: float, q: float, m: Floats) -> Floats:
    """Log P(B ≥ m) for np < m ≤ n: P(B = m) times a sum of falling terms."""
    last = m == n
    x = np.where(last, 1.0, m)  # a placeholder, so that Stirling's formula is not asked for n − m = 0
    y = n - x if n > 1 else np.ones_like(x)
    point = stirling_error(np.array(float(n))) - stirling_error(x) - stirling_error(y)
    point = point + 0.5 * (math.log(n / (2 * math.pi)) - np.log(x) - np.log(y))
    point = point - deviance(x, np.array(n * p)) - deviance(y, np.array(n * q))
    point = np.where(last, n * (math.log1p(-q) if q < 0.5 else math.log(p)), point)
    term, total, j = np.ones(m.shape), np.ones(m.shape), m.copy()
    while (term > 1e-17 * total).any():
        term *= np.maximum(n - j, 0.0) / (j + 1) * (p / q)
        total += term
        j += 1
    result: Floats = point + np.log(total)
    return result


# --- Irwin–Hall -----------------------------------------------------------------------------------------
#
# The density N_m of U₁ + … + U_m is a cardinal B-spline. The textbook formula is an alternating sum and loses
# all digits; the recurrence of de Boor and Cox has positive terms:
#
#     N_m(y) = (y N_{m−1}(y) + (m − y) N_{m−1}(y − 1)) / (m − 1),    N₁ = 1 on [0, 1),
#     P(U₁ + … + U_k ≤ x) = Σ_{i ≥ 0} N_{k+1}(x − i).
#
# So only y ∈ {x, x − 1, x − 2, …} are ever needed, and a level adds a few ε of relative error. Cost: k·x
# steps, 5 ms at k = 10⁴; a hundred times that where the logarithmic form is needed, below P = 1e-580.

# Starting from 2¹⁰⁰⁰ the recurrence keeps values down to 2^{−2074} = 1e-624. What falls below is lost, but
# enters the result with a total weight below k²: nothing beside a result of at least 1e-580.
_START, _LEAST = 2.0**1000, 1e-280


def _spline_sum(x: float, k: int) -> float:
    """2¹⁰⁰⁰ P(U₁ + … + U_k ≤ x) for 0 < x < k."""
    size = int(x) + 1
    fraction = x - int(x)
    row = np.zeros(size)
    row[0] = _START
    for m in range(2, k + 2):
        for j in range(min(size - 1, m - 1), 0, -1):
            y = fraction + j
            row[j] = (y * row[j] + (m - y) * row[j - 1]) / (m - 1)
        row[0] *= fraction / (m - 1)
    return float(row.sum())


def _log_spline_sum(x: float, k: int) -> float:
    """The logarithm of P(U₁ + … + U_k ≤ x) for 0 < x < k: the same recurrence on logarithms, at any depth."""
    size = int(x) + 1
    fraction = x - int(x)
    log_fraction = math.log(fraction) if fraction > 0 else -np.inf
    row = np.full(size, -np.inf)
    row[0] = 0.0
    for m in range(2, k + 2):
        divisor = math.log(m - 1)
        for j in range(min(size - 1, m - 1), 0, -1):
            y = fraction + j
            stay, move = math.log(y) + row[j], math.log(m - y) + row[j - 1]
            high, low = max(stay, move), min(stay, move)
            row[j] = high if low == -np.inf else high + math.log1p(math.exp(low - high))
            row[j] -= divisor
        row[0] += log_fraction - divisor
    high = float(row.max())
    return high + math.log(np.exp(row - high).sum())


_linear_kernel = njit(nogil=True, cache=True, error_model="numpy")(_spline_sum)
_log_kernel = njit(nogil=True, cache=True, error_model="numpy")(_log_spline_sum)


def log_irwin_hall(k: int, x: ArrayLike) -> Floats:
    """Log P(U₁ + … + U_k ≤ x) for independent uniforms on [0, 1]: time k·min(x, k − x) for each x.

    Args:
        k: number of uniforms ≥ 1.
        x: any real number.

    """
    x = np.asarray(x, np.float64)
    out = np.where(x <= 0, -np.inf, 0.0)
    for place in np.ndindex(x.shape):
        point = float(x[place])
        if 0 < point < k:
            upper = point > k / 2
            nearer = k - point if upper else point
            scaled = _linear_kernel(nearer, k)
            deep = scaled < _LEAST
            log = _log_kernel(nearer, k) if deep else math.log(scaled) - math.log(_START)
            out[place] = math.log1p(-math.exp(log)) if upper else log
    return out

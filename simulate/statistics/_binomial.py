"""Tails of the binomial law, and the counts at which they cross a level.

S ∼ Bin(n, p). Both tails are incomplete beta functions (Abramowitz and Stegun 1964, 26.5.24),

    P(S ≥ k) = I_p(k, n − k + 1),        P(S ≤ k) = 1 − I_p(k + 1, n − k),

each evaluated without a subtraction, so that a level of 10⁻¹⁵ is as sharp as one of 5 %.
`scipy.special.bdtr` has the same tails but starts from 1 − p, which rounds away a small p.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from simulate.statistics._checks import Floats, Integers

IntegerLike = NDArray[np.int64] | int
FloatLike = NDArray[np.float64] | float


def upper_tail(k: IntegerLike, trials: IntegerLike, probability: FloatLike) -> Floats:
    """P(S ≥ k) for any integer k; arguments broadcast."""
    k, n = np.asarray(k), np.asarray(trials)
    inside = special.betainc(np.clip(k, 1, np.maximum(n, 1)), np.maximum(n - k + 1, 1), probability)
    return np.where(k <= 0, 1.0, np.where(k > n, 0.0, inside))


def lower_tail(k: IntegerLike, trials: IntegerLike, probability: FloatLike) -> Floats:
    """P(S ≤ k) for any integer k; arguments broadcast."""
    k, n = np.asarray(k), np.asarray(trials)
    inside = special.betaincc(np.maximum(k + 1, 1), np.maximum(n - k, 1), probability)
    return np.where(k < 0, 0.0, np.where(k >= n, 1.0, inside))


def upper_critical(trials: IntegerLike, probability: FloatLike, level: float) -> Integers:
    """The smallest u with P(S ≥ u) ≤ level, between 1 and n + 1; arguments broadcast.

    By bisection on the integers, because the inverse that scipy.special has (`bdtrik`) is a real number good
    to eight digits, and scipy.stats takes a second to import.
    """
    n, p = np.broadcast_arrays(np.asarray(trials, np.int64), np.asarray(probability, np.float64))
    fails, holds = np.zeros_like(n), n + 1
    while np.any(holds - fails > 1):
        middle = (fails + holds) // 2
        below = upper_tail(middle, n, p) <= level
        fails, holds = np.where(below, fails, middle), np.where(below, middle, holds)
    return np.asarray(holds)


def lower_critical(trials: IntegerLike, probability: FloatLike, level: float) -> Integers:
    """The largest l with P(S ≤ l) ≤ level, between −1 and n − 1; arguments broadcast."""
    n, p = np.broadcast_arrays(np.asarray(trials, np.int64), np.asarray(probability, np.float64))
    holds, fails = np.full_like(n, -1), n
    while np.any(fails - holds > 1):
        middle = (fails + holds) // 2
        below = lower_tail(middle, n, p) <= level
        holds, fails = np.where(below, middle, holds), np.where(below, fails, middle)
    return np.asarray(holds)

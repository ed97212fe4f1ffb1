"""Confidence intervals for a fixed number of independent trials.

Which guarantee each one gives:

    clopper_pearson               at least its confidence, for every n and p
    simultaneous_clopper_pearson  all entries at once, however they depend on each other
    quantile_rank_interval        at least its confidence, for every distribution
    dkw_band                      at least its confidence, for every distribution, all quantiles at once
    normal_variance_interval      exactly its confidence, for normal data alone
    mean_interval                 asymptotic (exact for normal data)
    variance_interval             asymptotic

All of them are for a number of trials that was fixed in advance. Whoever looks at the data to decide when to
stop needs `simulate.statistics.sequences`.

Arrays broadcast; results are float64 arrays of the common shape (shape () for scalars: `float(low)`).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from simulate.errors import BadInput
from simulate.statistics import _checks
from simulate.statistics._binomial import lower_critical, upper_critical
from simulate.statistics._checks import Floats, Integers

Side = Literal["both", "lower", "upper"]


def clopper_pearson(
    successes: ArrayLike, trials: ArrayLike, confidence: float, side: Side = "both"
) -> tuple[Floats, Floats]:
    """Interval [low, high] that covers a Bernoulli mean p with at least the confidence, at every n and p.

    The ends are the p at which the observed count is just in a tail of its binomial law (C. J. Clopper and
    E. S. Pearson, Biometrika 26, 1934): P(S ≥ s; low) = α/2 and P(S ≤ s; high) = α/2. So p₀ lies outside
    exactly when the equal-tailed binomial test of level α rejects p = p₀. No successes give low = 0, no
    failures give high = 1, and no trials give [0, 1].

    Args:
        successes: counts s, whole numbers, any shape.
        trials: counts n ≥ s, broadcast against the successes.
        confidence: 1 − α, strictly between 0 and 1.
        side: "both"; or "lower" for a lower bound alone, which spends all of α on it (high is then 1); or
            "upper" likewise (low is then 0).

    Raises:
        BadInput: counts that are no counts, or empty; a confidence outside (0, 1); another side.

    """
    alpha = _checks.error_rate(confidence)
    _checks.one_of(side, "side", ("both", "lower", "upper"))
    s, n = _checks.successes_of_trials(successes, trials)
    return _clopper_pearson(s, n, alpha, side)


def _clopper_pearson(s: Integers, n: Integers, alpha: float, side: Side) -> tuple[Floats, Floats]:
    level = alpha / 2 if side == "both" else alpha
    low, high = np.zeros(s.shape), np.ones(s.shape)
    # The incomplete beta function has no inverse where one of its parameters is 0: these are the ends at 0
    # and 1, which are exact. The upper end inverts the complement, or 1 − α/2 would cost its digits.
    if side != "upper":
        low = np.where(s > 0, special.betaincinv(np.maximum(s, 1), n - s + 1, level), low)
    if side != "lower":
        high = np.where(s < n, special.betainccinv(s + 1, np.maximum(n - s, 1), level), high)
    return low, high


def simultaneous_clopper_pearson(
    successes: ArrayLike, trials: ArrayLike, confidence: float, axis: int | None = None
) -> tuple[Floats, Floats]:
    """A band of intervals that covers all of its Bernoulli means at once with at least the confidence.

    Bonferroni: m entries share the error rate, each is a Clopper–Pearson interval of error rate α/m. The
    union bound asks nothing about how the entries depend on each other, and here they do: the steps of one
    attack are measured on the same draws.

    Args:
        successes: counts, whole numbers, any shape.
        trials: counts, broadcast against the successes.
        confidence: of the whole band, strictly between 0 and 1.
        axis: None takes all entries as one band; a number takes the entries along that axis as a band, and
            each position on the other axes is a band of its own with the full confidence.

    Raises:
        BadInput: as `clopper_pearson`; an axis that is not there.

    """
    alpha = _checks.error_rate(confidence)
    s, n = _checks.successes_of_trials(successes, trials)
    if axis is not None and not -s.ndim <= axis < s.ndim:
        raise BadInput(f"axis must be one of the {s.ndim} axes of the counts, got {axis}")
    entries = s.size if axis is None else s.shape[axis]
    return _clopper_pearson(s, n, alpha / entries, "both")


def mean_interval(
    count: ArrayLike, mean: ArrayLike, variance: ArrayLike, confidence: float
) -> tuple[Floats, Floats]:
    """Student's interval for a mean: mean ± t √(variance / count), with count − 1 degrees of freedom.

    Asymptotic: the coverage tends to the confidence as the count grows, if the variance is finite, and equals
    it for normal data (Student, Biometrika 6, 1908). Fewer than two values say nothing: (−∞, ∞).

    Args:
        count: number of values, whole numbers.
        mean: their mean.
        variance: their unbiased variance (divisor count − 1).
        confidence: strictly between 0 and 1.

    Raises:
        BadInput: a mean or variance that is not finite, or a negative variance, of two values or more; counts
            that are no counts; a confidence outside (0, 1).

    """
    alpha = _checks.error_rate(confidence)
    n, centre, spread = _checks.together(
        _checks.integers(count, "count"), _checks.floats(mean, "mean"), _checks.floats(variance, "variance")
    )
    known = n >= 2
    centre = _moment(centre, known, "mean", signed=True)
    spread = _moment(spread, known, "variance")
    half = -special.stdtrit(np.maximum(n - 1.0, 1.0), alpha / 2) * np.sqrt(spread / np.maximum(n, 1))
    return np.where(known, centre - half, -np.inf), np.where(known, centre + half, np.inf)


def variance_interval(
    count: ArrayLike, variance: ArrayLike, fourth_central_moment: ArrayLike, confidence: float
) -> tuple[Floats, Floats]:
    """Interval for the variance of data of any shape with a finite fourth moment: variance · exp(± z · se).

    Asymptotic. The unbiased variance s² has Var s² = (μ₄ − σ⁴ (n − 3)/(n − 1)) / n (R. A. Fisher, Proc.
    London Math. Soc. 30, 1929), so by the delta method log s² has standard error

        se = √( (μ₄/σ⁴ − (n − 3)/(n − 1)) / n ),

    with the estimates put in for μ₄ and σ⁴. On the logarithm the interval stays positive and its coverage
    suffers less from the skewness of s². A sample with a heavy tail usually underestimates μ₄, and the
    interval is then too narrow. Fewer than two values give (0, ∞); constant values give (0, 0).

    Args:
        count: number of values n, whole numbers.
        variance: their unbiased variance s² (divisor n − 1).
        fourth_central_moment: the mean of (value − mean)⁴ (divisor n).
        confidence: strictly between 0 and 1.

    Raises:
        BadInput: moments of two values or more that are negative or not finite, or that no sample has (the
            fourth moment is at least the squared variance); counts that are no counts; a confidence outside
            (0, 1).

    """
    alpha = _checks.error_rate(confidence)
    n, second, fourth = _checks.together(
        _checks.integers(count, "count"),
        _checks.floats(variance, "variance"),
        _checks.floats(fourth_central_moment, "fourth_central_moment"),
    )
    known = n >= 2
    second = _moment(second, known, "variance")
    fourth = _moment(fourth, known, "fourth_central_moment")
    size = np.maximum(n, 2).astype(np.float64)
    spreads = second > 0
    with np.errstate(over="ignore", under="ignore"):
        kurtosis = np.divide(fourth, second**2, out=np.ones_like(second), where=spreads & (second**2 > 0))
    # By Jensen the kurtosis of a sample is at least ((n − 1)/n)² in these units, which exceeds
    # (n − 3)/(n − 1) by 3/n² at the least: too little to survive rounding in large samples, hence the clip.
    # 1e-6 allows for moments that were computed in one pass or stored in six digits.
    impossible = known & spreads & (kurtosis < ((size - 1) / size) ** 2 * (1 - 1e-6))
    if np.any(impossible):
        at = np.argmax(impossible)
        raise BadInput(
            f"a variance of {second.flat[at]} needs a larger fourth_central_moment, got {fourth.flat[at]}"
        )
    squared = np.maximum(kurtosis - (size - 3) / (size - 1), 0.0) / size
    factor = np.exp(-special.ndtri(alpha / 2) * np.sqrt(squared))
    return np.where(known, second / factor, 0.0), np.where(known, second * factor, np.inf)


def normal_variance_interval(
    count: ArrayLike, variance: ArrayLike, confidence: float
) -> tuple[Floats, Floats]:
    """Interval for the variance of normal data: (n − 1) s² over the χ²_{n−1} quantiles, with equal tails.

    Exact for normal data (F. R. Helmert 1876) and for no other: the coverage tends to something else when the
    kurtosis is not 3, however large the sample (G. E. P. Box, Biometrika 40, 1953). Fewer than two values
    give (0, ∞).

    Args:
        count: number of values n, whole numbers.
        variance: their unbiased variance s² (divisor n − 1).
        confidence: strictly between 0 and 1.

    Raises:
        BadInput: a variance of two values or more that is negative or not finite; counts that are no counts;
            a confidence outside (0, 1).

    """
    alpha = _checks.error_rate(confidence)
    n, second = _checks.together(_checks.integers(count, "count"), _checks.floats(variance, "variance"))
    known = n >= 2
    second = _moment(second, known, "variance")
    half_degrees = np.maximum(n - 1.0, 1.0) / 2
    low = half_degrees * second / special.gammainccinv(half_degrees, alpha / 2)
    high = half_degrees * second / special.gammaincinv(half_degrees, alpha / 2)
    return np.where(known, low, 0.0), np.where(known, high, np.inf)


def dkw_band(count: ArrayLike, confidence: float) -> Floats:
    """Half width ε of a band about the empirical distribution function that covers F everywhere at once.

    P(sup |F_n − F| > ε) ≤ 2 exp(−2 n ε²) for every n, ε and distribution: the inequality of Dvoretzky, Kiefer
    and Wolfowitz with the constant of P. Massart (Annals of Probability 18, 1990). Hence
    ε = √(log(2/α) / (2n)), at most 1.

    Args:
        count: number of independent values, whole numbers; 0 gives 1.
        confidence: strictly between 0 and 1.

    Raises:
        BadInput: counts that are no counts; a confidence outside (0, 1).

    """
    alpha = _checks.error_rate(confidence)
    n = _checks.integers(count, "count")
    return np.where(n > 0, np.minimum(np.sqrt(math.log(2 / alpha) / (2 * np.maximum(n, 1))), 1.0), 1.0)


def quantile_rank_interval(
    count: ArrayLike, probability: ArrayLike, confidence: float
) -> tuple[Integers, Integers]:
    """Ranks (l, u) such that the l-th and u-th smallest of `count` values enclose a quantile of their law.

    P(x₍l₎ ≤ q ≤ x₍u₎) is at least the confidence for every distribution, continuous or not, and every q with
    F(q−) ≤ p ≤ F(q), because the number of values up to q is binomial: l is the largest rank with
    P(Bin(n, p) ≤ l − 1) ≤ α/2 and u the smallest with P(Bin(n, p) ≥ u) ≤ α/2 (W. R. Thompson, Ann. Math.
    Statist. 7, 1936; H. A. David and H. N. Nagaraja, Order Statistics, 2003, section 7.1).

    Args:
        count: number of independent values n, whole numbers.
        probability: p of the quantile, strictly between 0 and 1 (0.5 is the median).
        confidence: strictly between 0 and 1.

    Returns:
        Ranks from 1 to n. l = 0 says that no value bounds the quantile from below (take −∞), u = n + 1 that
        none bounds it from above (take ∞).

    Raises:
        BadInput: counts that are no counts; a probability or confidence outside (0, 1).

    """
    alpha = _checks.error_rate(confidence)
    n, p = _checks.together(_checks.integers(count, "count"), _checks.floats(probability, "probability"))
    if not np.all((p > 0) & (p < 1)):
        wrong = p[~((p > 0) & (p < 1))].flat[0]
        raise BadInput(f"probability must lie strictly between 0 and 1, got {wrong}")
    return np.asarray(lower_critical(n, p, alpha / 2) + 1), upper_critical(n, p, alpha / 2)


def _moment(values: Floats, known: NDArray[np.bool_], name: str, *, signed: bool = False) -> Floats:
    """The moment where it is known, 1 elsewhere (a placeholder that makes no warnings)."""
    good = np.isfinite(values) & (signed | (values >= 0))
    if np.any(known & ~good):
        what = "finite" if signed else "finite and not negative"
        raise BadInput(f"{name} must be {what}, got {values[known & ~good].flat[0]}")
    return np.where(known, values, 1.0)

"""Confidence sequences: intervals for a Bernoulli mean that stay valid however often one looks.

After s successes in n trials, the wealth of a gambler who bets against p, his bets mixed over a
Beta(a, b) law, is the likelihood ratio

    E_n(p) = B(a + s, b + n − s) / (B(a, b) p^s (1 − p)^(n − s)).

Under p it is a non-negative martingale that starts at 1, so by Ville's inequality it ever reaches 1/α with
probability at most α (J. Ville 1939; H. Robbins, Ann. Math. Statist. 41, 1970; S. R. Howard, A. Ramdas,
J. McAuliffe and J. Sekhon, Annals of Statistics 49, 2021). Hence {p : E_n(p) < 1/α} covers p at all n at
once, with probability at least 1 − α: look after each block, stop when the answer is clear, go on later.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from simulate.statistics import _checks
from simulate.statistics._checks import Floats, Integers

Decision = Literal["above", "below", "undecided"]

# The Newton steps from outside never overshoot, so stopping early errs on the side of too wide an interval.
# Observed: 12 steps at 10^4 trials, 38 at 10^15.
_MOST_STEPS = 200


def confidence_sequence(
    successes: ArrayLike, trials: ArrayLike, confidence: float, a: float = 0.5, b: float = 0.5
) -> tuple[Floats, Floats]:
    """Interval (low, high) for a Bernoulli mean, valid at all sample sizes at once.

    The set {p : E_n(p) < 1/α} of the module's docstring, which is the interval
    {p : n KL(s/n ‖ p) < log(1/α) + log(B(a, b)/B(a + s, b + n − s)) + s log(s/n) + (n − s) log(1 − s/n)}:
    a Chernoff ball with a radius that grows like ½ log n. Intervals of several looks may be intersected.
    No successes give low = 0, no failures give high = 1, and no trials give (0, 1). The ends carry rounding
    errors of the order 10⁻¹⁶ √n, the interval's half width is of the order 1/√n.

    Args:
        successes: counts s, whole numbers, any shape.
        trials: counts n ≥ s, broadcast against the successes.
        confidence: 1 − α, strictly between 0 and 1.
        a: the Beta mixture's weight on successes, fixed before the first look. The default a = b = ½ adds
            at most ½ log n + log 2 to the radius, whatever the data (R. E. Krichevsky and V. K. Trofimov,
            IEEE Trans. IT 27, 1981). If p is known to be near p₀ and n about m, then a = c p₀,
            b = c (1 − p₀) with c of the order m/log(1/α) is tighter there and looser elsewhere.
        b: the mixture's weight on failures, likewise.

    Raises:
        BadInput: counts that are no counts, or empty; a confidence outside (0, 1); a or b not positive.

    """
    alpha = _checks.error_rate(confidence)
    s, n = _checks.successes_of_trials(successes, trials)
    a, b = _checks.positive(a, "a"), _checks.positive(b, "b")
    radius = math.log(1 / alpha) - _log_mixture(s, n, a, b)
    # Seen from the failures, the upper end is a lower end: 1 − p is their mean, and the radius is the same.
    low = np.where(s > 0, special.expit(_lower_end(np.maximum(s, 1), np.maximum(n, 1), radius)), 0.0)
    high = np.where(s < n, special.expit(-_lower_end(np.maximum(n - s, 1), np.maximum(n, 1), radius)), 1.0)
    return low, high


def log_evidence(
    successes: ArrayLike, trials: ArrayLike, probability: ArrayLike, a: float = 0.5, b: float = 0.5
) -> Floats:
    """Return log E_n(p), the natural logarithm of the evidence against a Bernoulli mean p.

    Under p, P(log E_n(p) ≥ log(1/α) at any n) ≤ α: exp(−log E_n) may be read as a p-value that survives
    repeated looks. Infinite where the data are impossible under p (p = 0 after a success).

    Args:
        successes: counts s, whole numbers.
        trials: counts n ≥ s.
        probability: p, between 0 and 1.
        a: the Beta mixture's weight on successes, fixed before the first look.
        b: the mixture's weight on failures, likewise.

    Raises:
        BadInput: counts that are no counts; a probability outside [0, 1]; a or b not positive.

    """
    s, n = _checks.successes_of_trials(successes, trials)
    p = _checks.floats(probability, "probability")
    for value in p.flat:
        _checks.closed_unit(value, "probability")
    a, b = _checks.positive(a, "a"), _checks.positive(b, "b")
    s, n, p = _checks.together(s, n, p)
    return np.asarray(_log_mixture(s, n, a, b) + _scaled_divergence(s, n, p))


def sequential_test(
    successes: int, trials: int, threshold: float, alpha: float, a: float = 0.5, b: float = 0.5
) -> Decision:
    """Say whether a Bernoulli mean lies above or below a threshold, at any look, as soon as the data tell.

    "above" when the confidence sequence of error rate α has left the threshold below it, "below" when it has
    left it above, else "undecided". Over all looks together, a wrong answer is ever given with probability at
    most α. A mean at the threshold stays undecided for ever; one at distance δ is decided after about the n
    that solves n δ² = 2 p (1 − p) (log(1/α) + ½ log n).

    Args:
        successes: count so far.
        trials: count so far.
        threshold: the value in question, between 0 and 1.
        alpha: error rate, strictly between 0 and 1.
        a: the Beta mixture's weight on successes, fixed before the first look.
        b: the mixture's weight on failures, likewise.

    Raises:
        BadInput: counts that are no counts; a threshold outside [0, 1]; an error rate outside (0, 1).

    """
    alpha = _checks.open_unit(alpha, "alpha")
    threshold = _checks.closed_unit(threshold, "threshold")
    s, n = _checks.whole(successes, "successes", 0), _checks.whole(trials, "trials", 0)
    # The evidence is compared, not the ends: 1 − α is 1 in float64 below α = 10⁻¹⁶.
    if not log_evidence(s, n, threshold, a, b) >= -math.log(alpha):
        return "undecided"
    return "above" if s > n * threshold else "below"


def _log_mixture(successes: Integers, trials: Integers, a: float, b: float) -> Floats:
    """Logarithm of B(a + s, b + n − s) / (B(a, b) p̂^s (1 − p̂)^(n − s)) at p̂ = s/n; it is at most 0.

    The difference of a log beta function and an entropy, both of the order n; subtracting them would leave an
    error of 10⁻³ at n = 10¹². With log Γ(x) = (x − ½) log x − x + ½ log 2π + ω(x) the terms of order n cancel
    by hand: with x = a + s, y = b + f, f = n − s, N = x + y and t = a f − b s what is left is

        s log(1 + t/(N s)) + f log(1 − t/(N f)) + (a − ½) log x + (b − ½) log y − (a + b − ½) log N
        + ½ log 2π + ω(x) + ω(y) − ω(N).
    """
    s, f = successes.astype(np.float64), (trials - successes).astype(np.float64)
    x, y = a + s, b + f
    total = x + y
    tilt = a * f - b * s
    cancelled = special.xlog1py(s, tilt / (total * np.maximum(s, 1))) + special.xlog1py(
        f, -tilt / (total * np.maximum(f, 1))
    )
    logarithms = (a - 0.5) * np.log(x) + (b - 0.5) * np.log(y) - (a + b - 0.5) * np.log(total)
    remainders = _stirling_remainder(x) + _stirling_remainder(y) - _stirling_remainder(total)
    mixture = cancelled + logarithms + 0.5 * math.log(2 * math.pi) + remainders
    return np.asarray(mixture - special.betaln(a, b))


def _stirling_remainder(x: Floats) -> Floats:
    """ω(x) = log Γ(x) − ((x − ½) log x − x + ½ log 2π), for x > 0 (Abramowitz and Stegun 1964, 6.1.41)."""
    # From 16 on, the first term left out of the series is below 10⁻¹⁵; up to 16, subtracting costs 10⁻¹⁴.
    large = np.maximum(x, 16.0)
    w = 1 / large**2
    series = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w / 1188)))) / large
    small = np.minimum(x, 16.0)
    exact = special.gammaln(small) - ((small - 0.5) * np.log(small) - small + 0.5 * math.log(2 * math.pi))
    return np.where(x > 16.0, series, exact)


def _scaled_divergence(s: Integers, n: Integers, p: Floats) -> Floats:
    """The divergence n KL(s/n ‖ p) = s log(s/(n p)) + (n − s) log((n − s)/(n (1 − p))), with 0 log 0 = 0."""
    observed = s / np.maximum(n, 1)
    return _entropy_term(s, observed, p, observed - p) + _entropy_term(
        n - s, 1 - observed, 1 - p, p - observed
    )


def _entropy_term(count: Integers, observed: Floats, p: Floats, excess: Floats) -> Floats:
    """The term count · log(observed/p), where excess = observed − p."""
    possible = p > 0
    base = np.where(possible, p, 1.0)
    # Near p, where a decision falls, the two terms nearly cancel: log1p keeps the digits of their difference.
    ratio = np.where(possible, excess, 0.0) / base
    near = special.xlog1py(count, np.where(np.abs(ratio) < 0.5, ratio, 0.0))
    far = special.xlogy(count, np.where(count > 0, observed, 1.0) / base)
    return np.where(possible, np.where(np.abs(ratio) < 0.5, near, far), np.where(count > 0, np.inf, 0.0))


def _lower_end(s: Floats, n: Floats, radius: Floats) -> Floats:
    """The logit λ of the p below s/n at which n KL(s/n ‖ p) equals the radius, for 1 ≤ s ≤ n.

    In λ the divergence is convex and close to a straight line far out, so Newton's steps that start outside
    stay outside, and arrive in few steps from any distance.
    """
    f = n - s
    rare = np.minimum(s, f)
    entropy = special.xlogy(rare, rare / n) + special.xlog1py(n - rare, -rare / n)
    # −s log p ≥ −s λ, hence the divergence exceeds the radius at this λ.
    logit = np.asarray((entropy - radius) / s)
    for _ in range(_MOST_STEPS):
        excess = entropy - radius - s * special.log_expit(logit) - f * special.log_expit(-logit)
        step = excess / np.maximum(s - n * special.expit(logit), np.finfo(float).tiny)
        moves = step > 4 * np.finfo(float).eps * (1 + np.abs(logit))
        if not np.any(moves):
            break
        logit = np.where(moves, logit + step, logit)
    return logit

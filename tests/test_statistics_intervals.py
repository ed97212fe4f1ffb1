"""Fixed-n intervals: against scipy.stats, and their coverage summed exactly over all outcomes."""

import math
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from simulate import statistics
from simulate.errors import BadInput
from simulate.statistics import (
    clopper_pearson,
    dkw_band,
    mean_interval,
    normal_variance_interval,
    quantile_rank_interval,
    simultaneous_clopper_pearson,
    variance_interval,
)
from simulate.statistics._binomial import lower_critical, lower_tail, upper_critical, upper_tail

PROBABILITIES = np.concatenate([[0.0, 1e-9, 1e-3], np.linspace(0.01, 0.99, 99), [0.999, 1.0]])


def coverage(low, high, trials):
    """P(low(S) ≤ p ≤ high(S)) at each of PROBABILITIES, summed over all outcomes S."""
    p = PROBABILITIES[:, None]
    outcomes = np.arange(trials + 1)
    inside = (low[outcomes] <= p) & (p <= high[outcomes])
    return np.sum(np.where(inside, stats.binom.pmf(outcomes, trials, p), 0.0), axis=1)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 1 - 1e-7])
@pytest.mark.parametrize("trials", [1, 2, 7, 40])
def test_clopper_pearson_is_scipys_exact_interval(trials, confidence):
    """Every outcome gives the interval of scipy.stats.binomtest, both sides and either bound alone."""
    outcomes = np.arange(trials + 1)
    sides = {"both": "two-sided", "lower": "greater", "upper": "less"}
    for side, alternative in sides.items():
        low, high = clopper_pearson(outcomes, trials, confidence, side)
        for s in outcomes:
            expected = stats.binomtest(int(s), trials, alternative=alternative).proportion_ci(confidence)
            # scipy solves for its ends by brentq with an absolute tolerance of 2e-12.
            assert_allclose((low[s], high[s]), expected, rtol=1e-9, atol=4e-12)


@pytest.mark.parametrize(
    ("trials", "confidence"), [(1, 0.9), (5, 0.95), (30, 0.8), (30, 1 - 1e-6), (100, 0.95)]
)
def test_clopper_pearson_covers_at_every_probability(trials, confidence):
    """The coverage, summed over all outcomes, is nowhere below nominal."""
    low, high = clopper_pearson(np.arange(trials + 1), trials, confidence)
    # 1e-12: the rounding of a sum of a hundred probabilities.
    assert coverage(low, high, trials).min() >= confidence - 1e-12


@pytest.mark.parametrize(("trials", "confidence"), [(5, 0.95), (30, 0.8), (30, 1 - 1e-6), (100, 0.95)])
def test_the_coverage_check_rejects_walds_interval(trials, confidence):
    """Negative control: p̂ ± z √(p̂ (1 − p̂)/n) fails the check that Clopper–Pearson passes."""
    share = np.arange(trials + 1) / trials
    half = stats.norm.isf((1 - confidence) / 2) * np.sqrt(share * (1 - share) / trials)
    assert coverage(share - half, share + half, trials).min() < confidence - 0.05


def test_no_successes_and_no_failures_give_exact_ends():
    """Zero successes start at exactly 0, n successes end at exactly 1, no trials say nothing at all."""
    low, high = clopper_pearson([0, 10, 0], [10, 10, 0], 0.95)
    assert low.tolist() == [0.0, low[1], 0.0]
    assert high.tolist() == [high[0], 1.0, 1.0]
    # The other end has a closed form: (1 − high)^10 = α/2.
    assert_allclose(high[0], 1 - 0.025**0.1, rtol=1e-14)
    assert_allclose(low[1], 0.025**0.1, rtol=1e-14)


def test_scalars_give_numbers():
    """Scalar counts give zero-dimensional results that format and convert like numbers."""
    low, high = clopper_pearson(3, 10, 0.95)
    assert low.shape == high.shape == ()
    assert f"{low:.4f} {float(high):.4f}" == "0.0667 0.6525"


def test_bonferroni_is_clopper_pearson_at_a_shared_error_rate():
    """A band of m entries is m intervals of error rate α/m; an axis makes bands of that axis alone."""
    s, n = np.array([[1, 5, 9], [0, 20, 3]]), np.array([[10], [20]])
    for axis, entries in ((None, 6), (0, 2), (-1, 3)):
        band = simultaneous_clopper_pearson(s, n, 0.95, axis)
        # 1e-13: 1 − 0.05/6 loses the last digits of the error rate, the band does not.
        assert_allclose(band, clopper_pearson(s, n, 1 - 0.05 / entries), rtol=1e-13)


def test_the_band_covers_all_entries_at_once():
    """Twenty independent entries are all covered with the confidence; single intervals are not."""
    trials, entries, confidence = 50, 20, 0.95
    counts = np.tile(np.arange(trials + 1)[:, None], entries)
    low, high = simultaneous_clopper_pearson(counts, trials, confidence, axis=1)
    assert np.min(coverage(low[:, 0], high[:, 0], trials) ** entries) >= confidence
    low, high = clopper_pearson(np.arange(trials + 1), trials, confidence)
    assert np.min(coverage(low, high, trials) ** entries) < 0.7


def test_mean_interval_is_students():
    """The interval equals scipy.stats.t.interval, also far out in the tail."""
    count, mean, variance = np.array([2, 5, 1000]), np.array([1.0, -3.0, 0.0]), np.array([4.0, 0.1, 1e6])
    for confidence in (0.9, 1 - 1e-7):
        expected = stats.t.interval(confidence, count - 1, mean, np.sqrt(variance / count))
        # 1e-8: scipy's interval goes through 1 − α/2, which keeps nine digits of α = 1e-7.
        assert_allclose(mean_interval(count, mean, variance, confidence), expected, rtol=1e-8)


def test_fewer_than_two_values_say_nothing():
    """With no or one value, whatever its moments, the intervals are the whole range."""
    assert mean_interval([0, 1], [np.nan, 3.0], [np.nan, np.nan], 0.95)[0].tolist() == [-np.inf, -np.inf]
    assert mean_interval([0, 1], [np.nan, 3.0], [np.nan, np.nan], 0.95)[1].tolist() == [np.inf, np.inf]
    for low, high in (variance_interval(1, np.nan, 0.0, 0.95), normal_variance_interval(0, np.nan, 0.95)):
        assert (low, high) == (0.0, np.inf)


def test_normal_variance_interval_inverts_the_chi_square_law():
    """(n − 1) s² / σ² is χ² with n − 1 degrees of freedom, and its α/2 quantiles are the two ends."""
    count, variance = np.array([2, 10, 10**6]), np.array([1.0, 2.5, 1e-3])
    for confidence in (0.9, 1 - 1e-7):
        low, high = normal_variance_interval(count, variance, confidence)
        alpha = 1 - confidence
        assert_allclose(stats.chi2.sf((count - 1) * variance / low, count - 1), alpha / 2, rtol=1e-9)
        assert_allclose(stats.chi2.cdf((count - 1) * variance / high, count - 1), alpha / 2, rtol=1e-9)


def test_variance_interval_widens_with_the_kurtosis():
    """At kurtosis 3 it agrees with the normal one; otherwise it is √((kurtosis − 1)/2) times as wide."""
    count = 10**8
    low, high = normal_variance_interval(count, 1.0, 0.95)
    for kurtosis in (1.5, 3.0, 9.0):
        wide_low, wide_high = variance_interval(count, 1.0, kurtosis, 0.95)
        ratio = (wide_high - wide_low) / (high - low)
        # Both intervals deviate from their limit by a relative 1/√n = 1e-4, the skewness of s².
        assert_allclose(ratio, math.sqrt((kurtosis - 1) / 2), rtol=1e-3)


@pytest.mark.parametrize("count", [3, 10, 50])
def test_the_standard_error_of_the_variance_is_exact_at_every_count(count):
    """Given the true moments, the half width is z times the deviation of s², summed over all samples."""
    for p in (0.5, 0.2):
        ones = np.arange(count + 1)
        mass = stats.binom.pmf(ones, count, p)
        sample_variance = ones * (count - ones) / (count * (count - 1))
        second, fourth = p * (1 - p), p * (1 - p) * (1 - 3 * p * (1 - p))
        relative = math.sqrt(mass @ (sample_variance - second) ** 2) / second
        low, high = variance_interval(count, second, fourth, 0.95)
        half = stats.norm.isf(0.025) * relative
        # 1e-12: rounding of a sum of fifty terms.
        assert_allclose((np.log(low / second), np.log(high / second)), (-half, half), rtol=1e-12)


def test_variance_interval_covers_where_the_normal_one_does_not():
    """Exponential data (kurtosis 9): nominal 95 % is met within 3 %, while χ² intervals cover two thirds."""
    count, repeats = 2000, 4000
    x = np.random.default_rng(20240501).exponential(size=(repeats, count))
    deviations = x - x.mean(axis=1, keepdims=True)
    variance, fourth = deviations.var(axis=1, ddof=1), np.mean(deviations**4, axis=1)

    def share_covered(interval):
        low, high = interval
        return int(np.sum((low <= 1) & (high >= 1)))

    # The allowance for count = 2000: an estimate of μ₄ with a relative error of √(µ₈/µ₄²/2000) ≈ 0.3 costs up
    # to 3 %. Then a false alarm takes a count outside the 1 − 1e-6 interval of the 4000 repeats.
    low, high = clopper_pearson(
        share_covered(variance_interval(count, variance, fourth, 0.95)), repeats, 1 - 1e-6
    )
    assert high > 0.92
    assert low < 0.95
    low, high = clopper_pearson(
        share_covered(normal_variance_interval(count, variance, 0.95)), repeats, 1 - 1e-6
    )
    # The limit is P(|Z| < 1.96/2) = 0.673.
    assert low < 0.673 < high


def test_two_valued_data_survive_rounding():
    """±1 values have the least kurtosis there is: the interval shrinks to a point and nothing is raised."""
    for count in (10, 10**4, 10**8, 10**12):
        variance = count / (count - 1)
        low, high = variance_interval(count, variance, 1.0, 0.95)
        assert 0 < low <= variance <= high
        # The standard error of log s² is √((3n − 1)/(n³ (n − 1))) here, and 2 · 1.96 · √3 < 7.
        assert high / low - 1 < 10 / count**1.5 + 1e-15
    assert variance_interval(10, 0.0, 0.0, 0.95) == (0.0, 0.0)


def test_dkw_band_is_massarts():
    """The half width solves 2 exp(−2 n ε²) = α and never exceeds 1."""
    half = dkw_band([1, 100, 10**6, 0], 0.99)
    assert_allclose(2 * np.exp(-2 * np.array([100, 10**6]) * half[1:3] ** 2), 0.01, rtol=1e-13)
    assert half[0] == half[3] == 1.0


@pytest.mark.parametrize("confidence", [0.6, 0.95, 1 - 1e-6])
@pytest.mark.parametrize("count", [1, 4, 25, 300])
def test_quantile_ranks_cover_and_are_tight(count, confidence):
    """Each tail of the binomial law is at most α/2, and would exceed it one rank further in."""
    alpha = 1 - confidence
    for p in (0.003, 0.1, 0.5, 0.9):
        lower, upper = (int(rank) for rank in quantile_rank_interval(count, p, confidence))
        assert stats.binom.cdf(lower - 1, count, p) <= alpha / 2 < stats.binom.cdf(lower, count, p)
        assert stats.binom.sf(upper - 1, count, p) <= alpha / 2 < stats.binom.sf(upper - 2, count, p)
        assert 0 <= lower <= upper <= count + 1


def test_binomial_tails_are_sharp():
    """Tails equal sums of the mass function at every count, beyond the ends too, and keep a tiny p."""
    n, p = 30, 0.37
    k = np.arange(-3, n + 4)
    mass = stats.binom.pmf(np.arange(-60, 60), n, p)
    assert_allclose(upper_tail(k, n, p), [mass[c + 60 :].sum() for c in k], rtol=1e-12, atol=1e-16)
    assert_allclose(lower_tail(k, n, p), [mass[: c + 61].sum() for c in k], rtol=1e-12, atol=1e-16)
    assert_allclose(upper_tail(1, 10**6, 1e-20), 1e-14, rtol=1e-12)


def test_critical_counts_at_the_ends_of_the_unit_interval():
    """The first success refutes p = 0, the first failure p = 1, and nothing refutes on the other side."""
    assert (int(upper_critical(9, 0.0, 1e-9)), int(lower_critical(9, 0.0, 1e-9))) == (1, -1)
    assert (int(upper_critical(9, 1.0, 1e-9)), int(lower_critical(9, 1.0, 1e-9))) == (10, 8)


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: clopper_pearson(1, 2, 0.0), "0.0"),
        (lambda: clopper_pearson(1, 2, 1), "1"),
        (lambda: clopper_pearson(1, 2, math.nan), "nan"),
        (lambda: clopper_pearson(1, 2, "high"), "high"),
        (lambda: clopper_pearson(-4, 10, 0.95), "-4"),
        (lambda: clopper_pearson([1, 11], 10, 0.95), "11 of 10"),
        (lambda: clopper_pearson([], 10, 0.95), "empty"),
        (lambda: clopper_pearson(2.5, 10, 0.95), "2.5"),
        (lambda: clopper_pearson([True, False], 1, 0.95), "True"),
        (lambda: clopper_pearson([1, 2], [3, 4, 5], 0.95), r"\(2,\) and \(3,\)"),
        (lambda: clopper_pearson([[1], [1, 2]], 5, 0.95), "array of numbers"),
        (lambda: clopper_pearson(1, 2, 0.95, "left"), "left"),
        (lambda: simultaneous_clopper_pearson([1, 2], 5, 0.95, 1), "got 1"),
        (lambda: mean_interval(10, np.nan, 1.0, 0.95), "nan"),
        (lambda: mean_interval(10, 0.0, -2.0, 0.95), "-2.0"),
        (lambda: mean_interval(10, "zero", 1.0, 0.95), "zero"),
        (lambda: variance_interval(10, 2.0, 1.0, 0.95), "2.0"),
        (lambda: variance_interval(10, 2.0, np.inf, 0.95), "inf"),
        (lambda: normal_variance_interval(10, -1.0, 0.95), "-1.0"),
        (lambda: dkw_band(-3, 0.95), "-3"),
        (lambda: quantile_rank_interval(10, 0.0, 0.95), "0.0"),
        (lambda: quantile_rank_interval(10, [0.5, 1.5], 0.95), "1.5"),
    ],
)
def test_bad_input_is_one_line_that_quotes_it(call, quoted):
    """Whatever makes no sense raises BadInput, in one line with the offending value."""
    with pytest.raises(BadInput, match=quoted) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_the_package_lists_what_it_exports_and_imports_cheaply():
    """Every public name exists, and importing them loads neither scipy.stats nor torch."""
    assert all(hasattr(statistics, name) for name in statistics.__all__)
    assert sorted(statistics.__all__) == statistics.__all__
    program = (
        "import sys, simulate.statistics; print([m for m in ('scipy.stats', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

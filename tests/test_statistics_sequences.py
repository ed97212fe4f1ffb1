"""Confidence sequences: their equation, their exact error over repeated looks, and the test on them."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize, special, stats

from simulate.errors import BadInput
from simulate.statistics import clopper_pearson, confidence_sequence, log_evidence, sequential_test


def probability_ever_outside(probability, looks, interval):
    """P(some look finds the probability outside its interval), by recursion over the binomial lattice.

    `alive[s]` is the probability that s of the trials so far succeeded and that no look has failed yet.
    """
    alive, trials, lost = np.array([1.0]), 0, 0.0
    for look in looks:
        while trials < look:
            after = np.zeros(trials + 2)
            after[:-1] += alive * (1 - probability)
            after[1:] += alive * probability
            alive, trials = after, trials + 1
        low, high = interval(np.arange(trials + 1), trials)
        outside = (probability < low) | (probability > high)
        lost += float(alive[outside].sum())
        alive[outside] = 0.0
    return lost


def sequence(successes, trials):
    """The default sequence at 95 %."""
    return confidence_sequence(successes, trials, 0.95)


def fixed(successes, trials):
    """The fixed-n interval at 95 %."""
    return clopper_pearson(successes, trials, 0.95)


@pytest.mark.parametrize("probability", [0.5, 0.1, 0.01])
def test_two_hundred_looks_keep_the_error_rate(probability):
    """Looking after each of 200 trials, or after each ten of 2000, errs with probability below 5 %."""
    assert probability_ever_outside(probability, range(1, 201), sequence) < 0.05
    assert probability_ever_outside(probability, range(10, 2001, 10), sequence) < 0.05


def test_two_hundred_looks_break_the_fixed_interval():
    """Negative control: Clopper–Pearson at nominal 5 %, looked at 200 times up to n = 10⁴, errs in 39 %."""
    looks = range(50, 10_001, 50)
    assert 0.39 < probability_ever_outside(0.5, looks, fixed) < 0.40
    assert probability_ever_outside(0.5, looks, sequence) < 0.01


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1.0, 1.0), (30.0, 2.0)])
def test_the_evidence_is_a_martingale_of_mean_one(a, b):
    """Under p, the evidence against p has mean 1 at every number of trials, whatever the mixture."""
    for trials in (1, 10, 300):
        outcomes = np.arange(trials + 1)
        for p in (0.03, 0.5, 0.9):
            mass = stats.binom.logpmf(outcomes, trials, p)
            # 1e-11: rounding of logarithms of the order of 300.
            assert_allclose(np.exp(mass + log_evidence(outcomes, trials, p, a, b)).sum(), 1.0, rtol=1e-11)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1.0, 3.0), (200.0, 20.0)])
@pytest.mark.parametrize("trials", [1, 2, 13, 500])
def test_the_ends_solve_the_printed_equation(trials, a, b):
    """Each end is where log B(a+s, b+n−s)/B(a,b) − s log p − (n−s) log(1−p) = log 1/α, found by brentq."""
    for confidence in (0.5, 0.95, 1 - 1e-7):

        def excess(p, s, confidence=confidence):
            mixture = special.betaln(a + s, b + trials - s) - special.betaln(a, b)
            return mixture - special.xlogy(s, p) - special.xlog1py(trials - s, -p) + math.log1p(-confidence)

        for s in range(0, trials + 1, max(trials // 9, 1)):
            low, high = (float(end) for end in confidence_sequence(s, trials, confidence, a, b))
            # scipy's betaln costs some 1e-13 here, which the slope at the root turns into 1e-12.
            if s > 0:
                root = optimize.brentq(excess, 1e-300, s / trials, args=(s,), xtol=1e-300, maxiter=2000)
                assert_allclose(low, root, rtol=1e-11)
            else:
                assert low == 0.0
            if s < trials:
                root = optimize.brentq(excess, s / trials, 1 - 1e-16, args=(s,), xtol=1e-15)
                assert_allclose(high, root, rtol=1e-11)
            else:
                assert high == 1.0


@pytest.mark.parametrize(
    ("successes", "trials", "alpha", "low", "high"),
    [
        (3, 10, 2.0**-4, 0.035258734027386611, 0.73795953934744361),
        (1, 10**6, 2.0**-4, 1.7631241955109123e-11, 1.3552336431201935e-5),
        (10, 10**9, 2.0**-20, 3.2958887742052296e-10, 5.0684975653449438e-8),
        (3 * 10**8, 10**9, 2.0**-4, 0.29992509558319722, 0.30007491154214298),
        (3 * 10**11, 10**12, 2.0**-20, 0.29999657659056338, 0.30000342342431888),
    ],
)
def test_large_counts_keep_their_digits(successes, trials, alpha, low, high):
    """The ends agree with bisection in arithmetic of 60 digits, to the rounding stated in the docstring."""
    got_low, got_high = confidence_sequence(successes, trials, 1 - alpha)
    share = successes / trials
    # 10⁻¹⁶ √n per standard deviation √(p (1 − p)), and no less than a few units in the last place.
    allowed = 1e-16 * math.sqrt(trials * share * (1 - share))
    assert abs(got_low - low) <= allowed + 8e-15 * low
    assert abs(got_high - high) <= allowed + 8e-15 * high
    # And the mirrored counts give the mirrored interval.
    mirror_low, mirror_high = confidence_sequence(trials - successes, trials, 1 - alpha)
    assert_allclose((1 - mirror_high, 1 - mirror_low), (low, high), rtol=1e-14, atol=allowed + 2e-16)


def test_extreme_counts_have_closed_forms():
    """Without successes (1 − high)^n is the evidence's share of 1/α; without trials nothing is excluded."""
    for n in (1, 30, 10**6):
        low, high = confidence_sequence([0, n], n, 0.95)
        log_mixture = math.lgamma(n + 0.5) - math.lgamma(n + 1) - math.lgamma(0.5)
        # lgamma of 10⁶ carries an error of 1e-9, out of a radius of 10.
        expected = -math.expm1((log_mixture + math.log(0.05)) / n)
        assert_allclose((high[0], 1 - low[1]), expected, rtol=1e-9)
        assert (low[0], high[1]) == (0.0, 1.0)
    low, high = confidence_sequence(0, 0, 0.95)
    assert (float(low), float(high)) == (0.0, 1.0)


def test_the_default_mixture_costs_at_most_half_a_logarithm():
    """−log E_n(s/n) is at most ½ log n + log 2 for every s: the bound of Krichevsky and Trofimov."""
    for n in (1, 2, 10, 1000, 10**5):
        s = np.arange(n + 1)
        cost = -log_evidence(s, n, s / n)
        # 1e-12: at s = 0 and n = 1 the bound is an equality.
        assert np.all(cost <= 0.5 * math.log(n) + math.log(2) + 1e-12)
        assert np.all(cost >= 0)


def test_the_interval_is_where_the_evidence_is_small():
    """Just inside the ends the evidence is below 1/α, just outside it is above."""
    s, n = np.array([[0, 3], [400, 999]]), np.array([[10], [1000]])
    low, high = confidence_sequence(s, n, 0.99)
    for end, outward in ((low, -1), (high, 1)):
        real = (end > 0) & (end < 1)
        inside = log_evidence(s, n, np.where(real, end * (1 - outward * 1e-9), 0.5))
        outside = log_evidence(s, n, np.where(real, end * (1 + outward * 1e-9), 0.5))
        assert np.all((inside < math.log(100))[real])
        assert np.all((outside > math.log(100))[real])


def test_a_tuned_mixture_is_tighter_where_it_was_tuned():
    """A mixture concentrated about p₀ = 0.9 narrows the interval there and widens it elsewhere."""

    def width(successes, a, b):
        low, high = confidence_sequence(successes, 10_000, 0.95, a, b)
        return high - low

    assert width(9000, 900, 100) < 0.8 * width(9000, 0.5, 0.5)
    assert width(1000, 900, 100) > 1.5 * width(1000, 0.5, 0.5)


def test_the_sequential_test_agrees_with_the_sequence():
    """It says "above" exactly when the interval lies above the threshold, and "below" when it lies below."""
    decisions = set()
    for trials in (5, 50, 400):
        for s in range(trials + 1):
            low, high = confidence_sequence(s, trials, 0.99)
            expected = "above" if low > 0.3 else "below" if high < 0.3 else "undecided"
            assert sequential_test(s, trials, 0.3, 0.01) == expected
            decisions.add(expected)
    assert decisions == {"above", "below", "undecided"}


def test_the_sequential_test_decides_at_extreme_rates_and_thresholds():
    """An error rate of 10⁻³⁰⁰ works, and a single success refutes "never"."""
    assert sequential_test(5000, 5000, 0.5, 1e-300) == "above"
    assert sequential_test(100, 5000, 0.5, 1e-300) == "below"
    assert sequential_test(400, 400, 0.5, 1e-300) == "undecided"
    assert sequential_test(1, 100, 0.0, 1e-7) == "above"
    assert sequential_test(99, 100, 1.0, 1e-7) == "below"
    assert sequential_test(100, 100, 1.0, 1e-7) == "undecided"
    assert sequential_test(0, 0, 0.5, 0.5) == "undecided"
    assert log_evidence(1, 100, 0.0) == math.inf


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: confidence_sequence(1, 2, 1.0), "1.0"),
        (lambda: confidence_sequence(3, 2, 0.95), "3 of 2"),
        (lambda: confidence_sequence(-1, 2, 0.95), "-1"),
        (lambda: confidence_sequence([], [], 0.95), "empty"),
        (lambda: confidence_sequence(1, 2, 0.95, a=0.0), "0.0"),
        (lambda: confidence_sequence(1, 2, 0.95, b=math.inf), "inf"),
        (lambda: log_evidence(1, 2, 1.5), "1.5"),
        (lambda: log_evidence([1, 2], 2, [0.5, 0.5, 0.5]), r"\(2,\)"),
        (lambda: sequential_test(1, 2, 0.5, 0.0), "0.0"),
        (lambda: sequential_test(1, 2, -0.5, 0.05), "-0.5"),
        (lambda: sequential_test(3, 2, 0.5, 0.05), "3 of 2"),
        (lambda: sequential_test(1.5, 2, 0.5, 0.05), "1.5"),
    ],
)
def test_bad_input_is_one_line_that_quotes_it(call, quoted):
    """Whatever makes no sense raises BadInput, in one line with the offending value."""
    with pytest.raises(BadInput, match=quoted) as caught:
        call()
    assert "\n" not in str(caught.value)

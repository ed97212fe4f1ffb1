"""Exact tails: fifty-digit arithmetic, enumeration in fractions, numeric convolution, scipy where it reaches."""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import special, stats

from simulate import special_functions
from simulate.errors import BadInput
from simulate.special_functions import (
    log_binomial_upper,
    log_gamma_lower,
    log_gamma_upper,
    log_irwin_hall,
)
from simulate.streams import Stream
from simulate.tails import (
    FAMILIES,
    ROUNDING,
    Bernoulli,
    Poisson,
)

LAWS = {
    **FAMILIES,
    "poisson:0.05": Poisson(0.05),
    "poisson:3": Poisson(3.0),
    "poisson:50": Poisson(50.0),
    "bernoulli:0.5": Bernoulli(0.5),
    "bernoulli:0.97": Bernoulli(0.97),
}


@pytest.fixture(autouse=True)
def fifty_digits():
    """All oracles of this module compute with 50 digits."""
    with mp.workdps(50):
        yield


def close(log, oracle):
    """The stated accuracy of a log-tail: ROUNDING relative to max(1, |log P|)."""
    expected = float(oracle)
    return abs(float(log) - expected) <= ROUNDING * max(1, abs(expected))


# --- Oracles ----------------------------------------------------------------------------------------------


def irwin_hall(k, x):
    """P(U₁ + … + U_k ≤ x) by the alternating sum in exact integers."""
    x = Fraction(x)
    total = sum(
        (-1) ** j * math.comb(k, j) * (x.numerator - j * x.denominator) ** k for j in range(math.floor(x) + 1)
    )
    return mp.mpf(total) / (mp.mpf(x.denominator) ** k * mp.factorial(k))


def binomial_upper(n, p, m):
    """P(B ≥ m) as a sum of fifty-digit terms, each from the one before."""
    p, m = mp.mpf(p), max(m, 0)
    term = mp.binomial(n, m) * p**m * (1 - p) ** (n - m)
    total = term
    for j in range(m, n):
        term *= p * (n - j) / ((1 - p) * (j + 1))
        total += term
    return total


def laplace_upper(k, s):
    """P(G − G′ > s) for two Gamma(k): ∫ P(G > s + y) y^{k−1} e^{−y}/Γ(k) dy, by quadrature."""

    # Quadrature stops at an absolute tolerance: the factor e^s keeps the integrand of the order of 1.
    def integrand(y):
        tail = mp.exp(s) * mp.gammainc(k, s + y, mp.inf, regularized=True)
        return tail * y ** (k - 1) * mp.exp(-y) / mp.gamma(k)

    return mp.quad(integrand, [0, 1, 2, 4, 8, 16, 32, 64, 128]) * mp.exp(-s)


ORACLES = {
    "rademacher": lambda k, s: binomial_upper(k, 0.5, math.ceil((s + k) / 2)),
    "exponential": lambda k, s: mp.gammainc(k, mp.mpf(s) + k, mp.inf, regularized=True),
    "chi2": lambda k, s: mp.gammainc(mp.mpf(k) / 2, (mp.mpf(s) + k) / 2, mp.inf, regularized=True),
    "uniform": lambda k, s: irwin_hall(k, (k - Fraction(s)) / 2),
    "poisson": lambda k, s: mp.gammainc(math.ceil(s + k), 0, k, regularized=True),
    "bernoulli": lambda k, s: binomial_upper(k, 0.1, math.ceil(Fraction(s) + k * Fraction(0.1))),
    "laplace": laplace_upper,
}


# --- Special functions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("a", [0.5, 1.0, 1.5, 10.0, 50.5, 5_000.0, 5_000.5, 100_000.0])
def test_gamma_tails_have_fifty_digit_values(a):
    """Both incomplete gamma functions, from 60 deviations below the mean to 200 above, in log space."""
    deepest = 0.0
    for z in (-60, -37.5, -20, -3, -1, -0.01, 0, 0.01, 1, 3, 20, 37.5, 40, 60, 200):
        x = a + z * math.sqrt(a)
        if x <= 0:
            continue
        upper = mp.log(mp.gammainc(a, x, mp.inf, regularized=True))
        assert close(log_gamma_upper(a, x), upper), (a, z)
        deepest = min(deepest, float(upper))
        if z < 30:  # beyond, the complement of the lower one is below fifty digits
            assert close(log_gamma_lower(a, x), mp.log(mp.gammainc(a, 0, x, regularized=True))), (a, z)
    assert deepest < -100
    for x in (1e-300, 1e-20):
        assert close(log_gamma_lower(a, x), a * mp.log(x) - mp.loggamma(a + 1)), x
    assert log_gamma_upper(a, [-1.0, 0.0]).tolist() == [0, 0]
    assert log_gamma_lower(a, [-1.0, 0.0]).tolist() == [-math.inf, -math.inf]


@pytest.mark.parametrize("p", [0.5, 0.1, 1e-3, 0.97])
@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_binomial_tails_are_the_sums_of_fractions(n, p):
    """Every tail of small binomial laws, from below 0 to above n, against exact rational sums."""
    exact = Fraction(p)
    for m in range(-1, n + 2):
        tail = sum(math.comb(n, j) * exact**j * (1 - exact) ** (n - j) for j in range(max(m, 0), n + 1))
        log = float(log_binomial_upper(n, p, 1 - p, m))
        if tail == 0:
            assert log == -math.inf
        else:
            assert close(log, mp.log(mp.mpf(tail.numerator) / tail.denominator)), (m, log)


@pytest.mark.parametrize("m", [1, 900, 1_000, 1_001, 1_100, 3_000, 10_000])
def test_binomial_tails_are_right_at_ten_thousand_trials(m):
    """Binomial(10⁴, 0.1) down to log P = −23,000 against sums of fifty digits."""
    assert close(log_binomial_upper(10_000, 0.1, 0.9, m), mp.log(binomial_upper(10_000, 0.1, m)))


@pytest.mark.parametrize("k", [1, 2, 3, 7, 30, 200])
def test_irwin_hall_is_the_alternating_sum_in_exact_integers(k):
    """Both recurrences, linear and logarithmic, and the complement, against exact rational arithmetic."""
    points = [k * share for share in (1e-9, 1e-3, 0.05, 0.2, 0.4, 0.5, 0.6, 0.95)] + [
        1,
        k // 2,
        k - 1,
        k - 1e-9,
    ]
    for x in (float(x) for x in points if 0 < x < k):
        expected = mp.log(irwin_hall(k, x))
        assert close(log_irwin_hall(k, x), expected), x
        assert close(special_functions._log_kernel(x, k), expected), x
    assert log_irwin_hall(k, [-1.0, 0.0, k, k + 1.0]).tolist() == [-math.inf, -math.inf, 0, 0]


@pytest.mark.parametrize("share", [0.5, 0.45, 0.4, 0.36])
def test_the_two_irwin_hall_recurrences_agree_at_four_thousand_uniforms(share):
    """With 2¹⁰⁰⁰ to start from, the linear recurrence loses nothing down to P = 1e-200 at k = 4000."""
    linear = math.log(special_functions._linear_kernel(4_000 * share, 4_000)) - 1_000 * math.log(2)
    assert close(linear, special_functions._log_kernel(4_000 * share, 4_000))


# --- Families -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "k", "points"),
    [
        ("rademacher", 3, (-3, -1, 0.5, 3)),
        ("rademacher", 2_000, (2, 500, 1_800, 2_000)),
        ("exponential", 3, (-2.5, 0, 5, 800)),
        ("exponential", 1_000, (-100, 3, 500, 2_000)),
        ("chi2", 1, (-0.9, 0.5, 100, 1_600)),
        ("chi2", 400, (-100, 3, 500, 3_000)),
        ("uniform", 3, (-2.5, 0.5, 2.75)),
        ("uniform", 300, (-30, 1.5, 150, 270, 299)),
        ("poisson", 3, (-2, 0, 7, 250)),
        ("poisson", 500, (-100, 3, 400, 1_500)),
        ("bernoulli", 300, (-20.5, 0.25, 100.5, 260.5)),
        ("laplace", 1, (0.5, 30, 800)),
        ("laplace", 6, (0.5, 30, 800)),
    ],
)
def test_tails_of_sums_have_fifty_digit_values(name, k, points):
    """Each family against an oracle that shares no code with it, beyond log P = −700 where P can be so small."""
    for s in points:
        expected = mp.log(ORACLES[name](k, s))
        assert close(FAMILIES[name].log_upper(k, s), expected), (s, float(expected))


@pytest.mark.parametrize(("name", "p"), [("rademacher", 0.5), ("bernoulli", 0.1), ("bernoulli:0.97", 0.97)])
@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_tails_on_a_lattice_are_those_of_an_enumeration(name, p, k):
    """All 2ᵏ outcomes in fractions: all tails, strict or not, at lattice points and between them."""
    law, p = LAWS[name], Fraction(p)
    step, shift = law.lattice(k)
    masses = {}
    for outcome in product((0, 1), repeat=k):
        n = sum(outcome)
        masses[n] = masses.get(n, 0) + p**n * (1 - p) ** (k - n)
    values = {step * n - shift: mass for n, mass in masses.items()}
    for s in [*values, *(value + 0.3 for value in values), *(-value for value in values)]:
        for strict in (False, True):
            events = (
                (law.log_upper, lambda v, s=s: v >= s, lambda v, s=s: v > s),
                (law.log_lower, lambda v, s=s: v <= s, lambda v, s=s: v < s),
                (law.log_two_sided, lambda v, s=s: abs(v) >= s, lambda v, s=s: abs(v) > s),
            )
            for tail, weak, strong in events:
                mass = sum(m for v, m in values.items() if (strong if strict else weak)(v))
                log = float(tail(k, s, strict=strict))
                if mass == 0:
                    assert log == -math.inf
                else:
                    assert close(log, mp.log(mp.mpf(mass.numerator) / mass.denominator)), (s, strict)


def test_tails_are_scipys_where_it_does_not_underflow():
    """Gamma, χ², Poisson and binomial laws of scipy.stats, both tails, within eight deviations."""
    z = np.linspace(-8, 8, 33)
    for k in (1, 5, 40, 3_000):
        laws = {
            "exponential": (stats.gamma(k), k),
            "chi2": (stats.chi2(k), k),
            "poisson:3": (stats.poisson(3 * k), 3 * k),
            "bernoulli": (stats.binom(k, 0.1), 0.1 * k),
        }
        for name, (scipys, mean) in laws.items():
            law = LAWS[name]
            s = z * math.sqrt(law.variance * k) + 1e-3
            with np.errstate(divide="ignore"):
                assert_allclose(law.log_upper(k, s), scipys.logsf(s + mean), rtol=1e-9, atol=1e-11)
                assert_allclose(law.log_lower(k, s), scipys.logcdf(s + mean), rtol=1e-9, atol=1e-11)


def test_laplace_tails_are_those_of_a_numeric_convolution():
    """The density e^{−|x|}/2 convolved with itself on a grid of step 0.002: second-order accurate, to 1e-5."""
    h, reach = 0.002, 40.0
    x = np.arange(-reach, reach + h / 2, h)
    density = np.exp(-np.abs(x)) / 2
    spectrum = np.fft.rfft(np.fft.ifftshift(density)) * h
    for k in (2, 3, 6):
        summed = np.fft.fftshift(np.fft.irfft(spectrum**k, len(x))) / h
        for s in (0.0, 1.0, 4.0, 10.0):
            start = np.searchsorted(x, s - h / 2)
            expected = np.trapezoid(summed[start:], dx=h)
            assert_allclose(np.exp(FAMILIES["laplace"].log_upper(k, s)), expected, rtol=1e-5)


@given(st.sampled_from(sorted(LAWS)), st.integers(1, 60), st.floats(-12, 12), st.floats(0, 3))
@settings(max_examples=300)
def test_a_tail_and_its_complement_make_one_and_tails_fall(name, k, z, further):
    """P(S ≥ s) + P(S < s) = 1, P(|S| ≥ s) is the sum of two tails, and no tail grows outward."""
    law, spread = LAWS[name], math.sqrt(LAWS[name].variance * k)
    s, t = z * spread, (z + further) * spread
    upper, lower = law.log_upper(k, s), law.log_lower(k, s, strict=True)
    assert abs(math.exp(upper) + math.exp(lower) - 1) <= 10 * ROUNDING
    assert law.log_upper(k, t) <= upper + ROUNDING
    assert law.log_lower(k, t) >= law.log_lower(k, s) - ROUNDING
    assert law.log_upper(k, s, strict=True) <= upper
    both = law.log_two_sided(k, abs(s))
    if s != 0:
        sides = math.exp(law.log_upper(k, abs(s))) + math.exp(law.log_lower(k, -abs(s)))
        assert abs(math.exp(both) - sides) <= 10 * ROUNDING


@pytest.mark.parametrize("name", ["rademacher", "uniform", "laplace", "bernoulli:0.5"])
def test_symmetric_laws_have_symmetric_tails(name):
    """P(S ≥ s) = P(S ≤ −s), at every depth."""
    for k in (1, 8, 300):
        s = np.linspace(-1, 1, 41) * k
        assert_allclose(LAWS[name].log_upper(k, s), LAWS[name].log_lower(k, -s), rtol=1e-12, atol=1e-13)


def test_bad_points_and_counts_are_refused():
    """A nan, no terms, half a term, more terms than a law can do, and parameters out of range."""
    law = FAMILIES["uniform"]
    with pytest.raises(BadInput, match="nan"):
        law.log_upper(3, [0.0, math.nan])
    for k in (0, -1, 1.5, law.largest_k + 1):
        with pytest.raises(BadInput, match="k must"):
            law.log_upper(k, 0.0)
    for make in (
        lambda: Poisson(0.0),
        lambda: Poisson(math.nan),
        lambda: Bernoulli(0.0),
        lambda: Bernoulli(1.0),
    ):
        with pytest.raises(BadInput):
            make()


# --- Bernstein's moment condition -----------------------------------------------------------------------------


def poisson_log_moments(rate, qs):
    """Log E|N − λ|^q by summing scipy's mass function."""
    n = np.arange(4_000.0)
    mass = stats.poisson.logpmf(n, rate)
    with np.errstate(divide="ignore"):
        return [special.logsumexp(mass + q * np.log(np.abs(n - rate))) for q in qs]


def chi2_log_moment(q):
    """Log E|Z² − 1|^q = log (E(Z²−1)^q + 2·[q odd]·E(1−Z²)₊^q): the first in integers, the second a series."""
    signed = sum(math.comb(q, j) * (-1) ** (q - j) * math.prod(range(1, 2 * j, 2)) for j in range(q + 1))
    # E(1−Z²)₊^q = (2π)^{−½} ∫₀¹ (1−u)^q u^{−½} e^{−u/2} du, term by term in e^{−u/2}
    terms = ((-mp.mpf(1) / 2) ** j / mp.factorial(j) * mp.beta(j + 0.5, q + 1) for j in range(40))
    return mp.log(signed + (2 * mp.fsum(terms) / mp.sqrt(2 * mp.pi) if q % 2 else 0))


def bernoulli_log_moments(p, qs):
    """Log E|B − p|^q from its two terms."""
    return [np.logaddexp(math.log(p) + q * math.log1p(-p), math.log1p(-p) + q * math.log(p)) for q in qs]


def log_moments(name, qs):
    """Log E|X|^q for each q, from closed forms that the families do not contain."""
    family, _, parameter = name.partition(":")
    return {
        "rademacher": lambda: [0.0 for q in qs],
        "exponential": lambda: [
            mp.log(mp.factorial(q) + mp.fsum(1 / (mp.factorial(n) * (q + n + 1)) for n in range(45))) - 1
            for q in qs
        ],
        "chi2": lambda: [chi2_log_moment(q) for q in qs],
        "uniform": lambda: [-math.log(q + 1) for q in qs],
        "poisson": lambda: poisson_log_moments(float(parameter or 1), qs),
        "bernoulli": lambda: bernoulli_log_moments(float(parameter or 0.1), qs),
        "laplace": lambda: [math.lgamma(q + 1) for q in qs],
    }[family]()


@pytest.mark.parametrize("name", LAWS)
def test_the_constants_are_the_sharpest_of_bernsteins_condition(name):
    """E|X|^q ≤ (q!/2) σ² c^{q−2} for q = 2 … 300, with equality at q = 2, and not with c reduced by 1 %."""
    # For χ², c_q passes 0.99·2 only at q = 258: two hundred moments would not do.
    law, qs = LAWS[name], range(2, 301)
    moments = np.array([float(moment) for moment in log_moments(name, qs)])

    def slack(c):
        return (
            np.array([math.lgamma(q + 1) + (q - 2) * math.log(c) for q in qs])
            + math.log(law.variance / 2)
            - moments
        )

    rounding = 1e-12 * np.array([1 + math.lgamma(q + 1) for q in qs])
    assert abs(slack(law.scale)[0]) <= rounding[0]
    assert np.all(slack(law.scale) >= -rounding)
    assert np.any(slack(0.99 * law.scale) < -rounding)


def test_poisson_constants_join_their_two_limits():
    """The constant c → 1/3 as λ → 0 (a rare unit jump) and c/√λ → the normal law's 2E|Z|³/6 as λ → ∞."""
    assert_allclose(Poisson(1e-6).scale, 1 / 3, rtol=1e-5)
    assert_allclose(Poisson(1e3).scale / math.sqrt(1e3), math.sqrt(8 / math.pi) / 3, rtol=1e-3)


# --- Samplers ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Design:
    """A z-test of a mean of n sums at false alarm 1e-6, two-sided: it sees shifts of 7 standard errors."""

    n: int = 40_000
    z: float = 4.89


@pytest.mark.parametrize("name", LAWS)
def test_samplers_have_mean_zero_and_the_stated_variance(name):
    """Mean of S/√(kσ²) is 0 and of its square 1, k = 7; the standard error of the second from the sample."""
    law, design = LAWS[name], Design()
    sums = law.sample(Stream.from_seed(5, design.n), 7) / math.sqrt(7 * law.variance)
    assert abs(sums.mean()) <= design.z / math.sqrt(design.n)
    squares = sums**2
    assert abs(squares.mean() - 1) <= design.z * squares.std() / math.sqrt(design.n)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_trial_is_the_same_in_every_batch(name):
    """Rows 3 … 5 of a batch of 8, drawn again alone, are the same sums."""
    law, key = FAMILIES[name], Stream.from_seed(1).key
    whole = law.sample(Stream(key, 0, 8), 5)
    assert np.array_equal(law.sample(Stream(key, 3, 3), 5), whole[3:6])
    assert len(set(whole)) > 1

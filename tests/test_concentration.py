"""Bounds against exact tails: who holds, where the printed χ² bound fails, and a sampled check of it all."""

import io
import json
import math
from dataclasses import dataclass, replace
from itertools import pairwise

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from numpy.testing import assert_allclose
from rich.console import Console

from simulate import concentration
from simulate.bounds import (
    Bernstein,
    ChiSquareCorrected,
    ChiSquarePrinted,
    Hoeffding,
    LaurentMassartLower,
    LaurentMassartUpper,
    SubExponential,
)
from simulate.concentration import (
    DEFAULT_GAMMAS,
    DEFAULT_KS,
    LAWS,
    cases,
    check_by_sampling,
    compare,
    condition_that_rescues,
    document,
    log_of,
    log_tail,
    quantile,
    render,
)
from simulate.errors import BadInput
from simulate.streams import Stream
from simulate.tails import FAMILIES, Bernoulli, Exponential, Laplace, Poisson

CHI2 = FAMILIES["chi2"]
LOG_GAMMAS = [log_of(gamma) for gamma in DEFAULT_GAMMAS]
SIDES = ("upper", "lower", "two-sided")


# --- Bounds -------------------------------------------------------------------------------------------------


def test_thresholds_are_their_formulas():
    """Each threshold at k = 100, γ = e^{−9} (2e^{−9} where the formula has log(2/γ)), by hand."""
    by_hand = {
        Bernstein(2.0, 0.5): math.sqrt(2 * 2 * 100 * 9) + 0.5 * 9,
        LaurentMassartUpper(): 2 * 30 + 18,
        LaurentMassartLower(): 60,
        Hoeffding(-0.5, 1.5): 2 * math.sqrt(450),
        SubExponential(2.0, 4.0): max(2 * math.sqrt(1800), 72),
        SubExponential(2.0, 40.0): 720,
    }
    for bound, expected in by_hand.items():
        assert_allclose(bound.threshold(100, -9.0), expected, rtol=1e-15)
    shifted = math.log(2) - 9
    assert_allclose(ChiSquarePrinted().threshold(100, shifted), 120, rtol=1e-15)
    assert_allclose(ChiSquareCorrected().threshold(100, shifted), 78, rtol=1e-15)


def test_thresholds_broadcast_and_go_below_the_smallest_float():
    """A k of shape (2, 1) with log γ of shape (3,) gives (2, 3), at γ = 1e-4000 too."""
    log_gamma = np.array([-1.0, -700.0, log_of("1e-4000")])
    table = ChiSquarePrinted().threshold(np.array([[1], [50]]), log_gamma)
    assert table.shape == (2, 3)
    assert_allclose(table[1, 2], 4 * math.sqrt(50 * (math.log(2) + 4000 * math.log(10))), rtol=1e-14)
    for k, log in ((0, -1.0), (3, 0.0), (3, 1.0), (3, math.nan), (3, -math.inf), (math.nan, -1.0)):
        with pytest.raises(BadInput):
            ChiSquarePrinted().threshold(k, log)


def test_a_bound_refuses_parameters_that_describe_no_variable():
    """σ² or c not positive, an interval that does not contain 0 inside, ν or α not positive."""
    for make in (
        lambda: Bernstein(0.0, 1.0),
        lambda: Bernstein(1.0, math.nan),
        lambda: Hoeffding(0.0, 1.0),
        lambda: SubExponential(1.0, -1.0),
    ):
        with pytest.raises(BadInput):
            make()


# --- Quantiles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "law", [Exponential(), CHI2, FAMILIES["uniform"], Laplace()], ids=lambda law: law.name
)
def test_quantiles_of_densities_invert_the_tail(law, side):
    """P beyond t is γ for γ from 0.9 to 1e-300, to 1e-10 of log γ."""
    checked = 0
    for k in (1, 4, 60, 900):
        for gamma in (0.9, 0.5, 0.1, 1e-3, 1e-20, 1e-300):
            t = quantile(law, k, math.log(gamma), side)
            log = float(log_tail(law, k, t, side))
            # Beside the end of a bounded support, rounding t to float64 moves log P by more than the tolerance.
            slope = abs(log - float(log_tail(law, k, t * (1 + 1e-12), side)))
            if slope < 1e-9:
                assert abs(log - math.log(gamma)) <= 1e-10 * max(1, -math.log(gamma)), (k, gamma, t)
                checked += 1
    assert checked >= 12


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "law", [FAMILIES["rademacher"], Poisson(0.7), Bernoulli(0.3)], ids=lambda law: law.name
)
def test_quantiles_on_a_lattice_are_found_by_trying_every_point(law, side):
    """The smallest lattice point with P beyond it ≤ γ (a tie counts) among all that there are."""
    for k in (1, 2, 5, 9):
        step, shift = law.lattice(k)
        points = step * np.arange(-1, 60) - shift
        tried = np.sort({"upper": points, "lower": -points, "two-sided": np.abs(points)}[side])
        for gamma in (0.9, 0.5, 0.25, 0.1, 0.01, 1e-5, 1e-12):
            enough = log_tail(law, k, tried, side) <= math.log(gamma) + 1e-12 * max(1, -math.log(gamma))
            assert quantile(law, k, math.log(gamma), side) == tried[np.argmax(enough)], (k, gamma)


def test_the_median_of_a_symmetric_law_is_zero():
    """No rounding error stands in for 0, so that no tightness is 1e15."""
    for name in ("laplace", "uniform"):
        assert [quantile(FAMILIES[name], k, math.log(0.5)) for k in (1, 2, 10, 1_000)] == [0, 0, 0, 0]


# --- Who holds ------------------------------------------------------------------------------------------------


def test_bernstein_holds_for_all_seven_families_over_the_whole_grid():
    """Theorem 2 with the sharpest constants: 441 of 441, never below the exact quantile, sharp to 8 % somewhere."""
    data = document("bernstein", trials=0)
    rows = data["results"]
    assert len(rows) == 7 * len(DEFAULT_KS) * len(DEFAULT_GAMMAS) == data["fails"]["of"]
    assert data["fails"]["count"] == 0
    assert all(row["holds"] for row in rows)
    for name in FAMILIES:
        ratios = [row["tightness"] for row in rows if row["family"] == name and row["tightness"] is not None]
        # Exactly 1 at most by rounding; the limit k → ∞, γ → 0 slowly, is 1 for every family.
        assert 1 <= min(ratios) < 1.08


@pytest.mark.parametrize("name", FAMILIES)
def test_bernstein_with_a_smaller_variance_is_refuted(name):
    """The twin with 0.8 σ² fails at k = 10⁴ and γ = 1e-30 for every family: the check sees what it should."""
    law = FAMILIES[name]
    twin = Bernstein(0.8 * law.variance, law.scale)
    assert not compare(law, twin, [10_000], [log_of(1e-30)])[0].holds


@pytest.mark.parametrize("name", ["exponential", "chi2", "laplace"])
def test_bernstein_with_a_smaller_scale_is_refuted(name):
    """The twin with 0.9 c fails for the three families with exponential tails, at k = 1 and γ small enough."""
    law = FAMILIES[name]
    twin = Bernstein(law.variance, 0.9 * law.scale)
    assert not all(row.holds for row in compare(law, twin, [1], [log_of("1e-6000")]))


@given(st.sampled_from(sorted(FAMILIES)), st.integers(1, 300), st.floats(-2_000, -1e-3))
@settings(max_examples=150)
def test_bernstein_holds_off_the_grid(name, k, log_gamma):
    """Any k up to 300 and γ from 0.999 to e^{−2000}."""
    law = FAMILIES[name]
    (row,) = compare(law, Bernstein(law.variance, law.scale), [k], [log_gamma])
    assert row.holds
    assert row.threshold >= row.exact * (1 - 1e-12)


def test_textbook_bounds_hold_where_they_apply():
    """Hoeffding for the bounded families; Laurent-Massart on each side and (2, 4) sub-exponential for χ²."""
    bounded = {"rademacher": (-1, 1), "uniform": (-1, 1), "bernoulli": (-0.1, 0.9)}
    pairs = [(FAMILIES[name], Hoeffding(*ends)) for name, ends in bounded.items()]
    pairs += [
        (CHI2, bound) for bound in (LaurentMassartUpper(), LaurentMassartLower(), SubExponential(2.0, 4.0))
    ]
    for law, bound in pairs:
        rows = compare(law, bound, [1, 5, 100, 1_000], LOG_GAMMAS)
        assert all(row.holds for row in rows), (law, bound)
        assert {row.family for row in rows} == {law.name}


# --- The printed χ² bound ---------------------------------------------------------------------------------------


def mpmath_log_failure(k, log_gamma):
    """Log P(|χ²_k − k| > 4√(k log(2/γ))) with fifty digits."""
    with mp.workdps(50):
        threshold = 4 * mp.sqrt(k * (mp.log(2) - mp.mpf(log_gamma)))
        upper = mp.gammainc(mp.mpf(k) / 2, (k + threshold) / 2, mp.inf, regularized=True)
        low = k - threshold
        lower = mp.gammainc(mp.mpf(k) / 2, 0, low / 2, regularized=True) if low > 0 else mp.mpf(0)
        return mp.log(upper + lower)


@pytest.mark.parametrize("k", [1, 2, 3, 10, 100, 1_000])
def test_the_printed_chi_square_bound_fails_exactly_below_gamma_star(k):
    """By fifty digits: at γ* the exact tail is γ*; 1e-9 in log γ above it holds, below it fails, and further on."""
    (boundary,) = condition_that_rescues([k])
    at = boundary.log_gamma
    assert abs(mpmath_log_failure(k, at) - at) <= 1e-11 * abs(at)
    step = 1e-9 * abs(at)
    assert mpmath_log_failure(k, at + step) < at + step
    assert mpmath_log_failure(k, at - step) > at - step
    for factor in (1.01, 2, 10, 100):
        assert mpmath_log_failure(k, factor * at) > factor * at


def test_where_the_printed_chi_square_bound_starts_to_fail():
    """γ*(1) = 3.55e-4, γ*(10) = 3.08e-12, γ*(100) = 8.4e-80; log(2/γ*)/k falls from 8.64 to u²/16 = 1.6836."""
    found = condition_that_rescues([1, 2, 5, 10, 100, 1_000, 10_000, 1_000_000])
    gammas = [math.exp(entry.log_gamma) for entry in found[:5]]
    assert_allclose(gammas, [3.550e-4, 2.937e-5, 4.687e-8, 3.083e-12, 8.373e-80], rtol=3e-4)
    ratios = [entry.x / entry.k for entry in found]
    assert all(earlier > later > 1.68358 for earlier, later in pairwise(ratios))
    u = mp.findroot(lambda u: u**2 / 8 - u + mp.log(1 + u), 5)
    assert_allclose(ratios[-1], float(u**2 / 16), rtol=1e-4)
    assert_allclose(ratios[0], 8.6364, rtol=1e-4)


def test_on_the_default_grid_the_printed_bound_fails_at_nineteen_points():
    """At those with γ < γ*(k) and no others; k = 1,000 and 10,000 are safe down to 1e-300."""
    data = document("chi2", trials=0)
    stars = {entry["k"]: entry["log10_gamma"] for entry in data["fails"]["boundary"]}
    for row in data["results"]:
        assert row["holds"] == (row["log10_gamma"] >= stars[row["k"]])
        assert row["holds"] == (row["tightness"] >= 1)
    assert data["fails"]["count"] == 19
    assert {entry["k"] for entry in data["fails"]["where"]} == {1, 2, 5, 10, 100}
    first = data["fails"]["where"][0]
    assert (first["k"], first["gamma"]) == (1, 1e-6)


@given(st.integers(1, 5_000), st.floats(0, 1))
@settings(max_examples=100)
def test_two_exp_minus_k_rescues_the_printed_bound(k, share):
    """It holds for every γ ≥ 2e^{−k}, that is log(2/γ) ≤ k, where the corrected bound is below the printed one."""
    x = math.log(2) * 1.001 + share * (k - math.log(2) * 1.001)
    log_gamma = math.log(2) - x
    (row,) = compare(CHI2, ChiSquarePrinted(), [k], [log_gamma])
    assert row.holds
    assert ChiSquareCorrected().threshold(k, log_gamma) <= row.threshold * (1 + 1e-14)
    beyond = math.log(2) - 1.01 * k
    assert ChiSquareCorrected().threshold(k, beyond) > ChiSquarePrinted().threshold(k, beyond)


@pytest.mark.parametrize("k", [1, 2, 3, 30])
def test_the_printed_bound_changes_from_true_to_false_once(k):
    """On 4,000 points of log(2/γ) from log 2 to 40 k + 40 it holds up to one point and fails from the next on."""
    x = np.linspace(math.log(2) + 1e-6, 40 * k + 40, 4_000)
    log_gamma = math.log(2) - x
    fails = log_tail(CHI2, k, ChiSquarePrinted().threshold(k, log_gamma), "two-sided") > log_gamma
    (boundary,) = condition_that_rescues([k])
    assert np.array_equal(fails, x > boundary.x)


@given(st.integers(1, 100_000), st.floats(-5_000, -1e-3))
@settings(max_examples=150)
def test_the_corrected_chi_square_bound_holds_everywhere(k, log_gamma):
    """Any k up to 10⁵ and γ from 0.999 to e^{−5000}."""
    (row,) = compare(CHI2, ChiSquareCorrected(), [k], [log_gamma])
    assert row.holds
    assert row.tightness is None or row.tightness >= 1


# --- Sampling -----------------------------------------------------------------------------------------------------

# Design of the sampled checks: 20,000 sums resolve γ = 0.5, 0.1, 0.01 (200 expected). False alarm 1e-6 a check, all
# levels together; 7 families × 2 k make 1.4e-5 in all, at fixed seeds. At γ = 0.01 a shift of 0.0058 is seen with
# probability 0.99, at γ = 0.5 one of 0.027.


@pytest.mark.parametrize(
    "label", ["chi2", *(f"bernstein:{name}" for name in FAMILIES), "bernstein:poisson:3.5"]
)
@pytest.mark.parametrize("k", [1, 12])
def test_frequencies_agree_with_the_exact_tails(label, k):
    """Every level that 20,000 sums resolve, for each family, one-sided, and two-sided for χ²."""
    ((name, law, bound),) = cases(label)
    levels = check_by_sampling(law, k, 20_000, Stream.from_seed(11), bound.side, name)
    assert [level.gamma for level in levels] == [0.5, 0.1, 0.01]
    for level in levels:
        assert level.agrees, level
        assert level.probability >= level.gamma * (1 - 1e-9)
        assert level.trials == 20_000
        assert level.resolves is None or 0 < level.resolves < 0.03
    assert 0.005 < levels[2].resolves < 0.03 or levels[2].probability > 0.1


@dataclass(frozen=True)
class Impostor(Exponential):
    """Tails of the exponential law, draws of a normal one with the same mean and variance."""

    def _draw(self, stream, k):
        return np.asarray(stream.normals("impostor", k)).sum(axis=1)


def test_draws_of_another_family_are_found_out():
    """The negative control: normal sums of equal mean and variance disagree with the exponential family's tails."""
    levels = check_by_sampling(Impostor(), 12, 20_000, Stream.from_seed(11))
    assert not all(level.agrees for level in levels)


def test_the_check_is_the_same_in_chunks_of_any_size(monkeypatch):
    """Counts do not depend on how many sums are held at once."""
    whole = check_by_sampling(CHI2, 3, 1_000, Stream.from_seed(2))
    monkeypatch.setattr(concentration.sampling, "_CHUNK", 100)
    assert check_by_sampling(CHI2, 3, 1_000, Stream.from_seed(2)) == whole
    other = check_by_sampling(CHI2, 3, 1_000, Stream.from_seed(3))
    assert [level.count for level in other] != [level.count for level in whole]


# --- The document ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    """A small document of each name."""
    return {law: document(law, [1, 3, 40], [0.5, 1e-3, "1e-400"], trials=500, seed=4) for law in LAWS}


def test_the_document_is_json_and_repeats(small):
    """No infinity or nan; the same call gives the same text, another seed other counts."""
    for law, data in small.items():
        text = json.dumps(data, allow_nan=False)
        assert (data["experiment"], data["law"]) == ("concentration", law)
        families = len(data["families"])
        assert len(data["results"]) == 9 * families
        assert len(data["sampling"]) == 2 * 3 * families
        assert all(level["agrees"] for level in data["sampling"])
        if law == "chi2":
            assert text == json.dumps(document(law, [1, 3, 40], [0.5, 1e-3, "1e-400"], trials=500, seed=4))
            other = document(law, [1, 3, 40], [0.5, 1e-3, "1e-400"], trials=500, seed=5)
            assert other["sampling"] != data["sampling"]
            assert other["results"] == data["results"]


def test_numbers_that_no_float_holds_become_null(small):
    """γ = 1e-400 keeps its logarithm; an impossible excess has no logarithm, and holds."""
    rows = small["bernstein:rademacher"]["results"]
    deep = [row for row in rows if row["log10_gamma"] == -400]
    assert [row["gamma"] for row in deep] == [None] * 3
    assert [row["exact"] for row in deep] == [1, 3, 40]
    assert [row["log10_failure"] for row in deep] == [None] * 3
    assert all(row["holds"] for row in deep)
    assert rows[0]["gamma"] == 0.5
    assert rows[1]["gamma"] == 1e-3


def test_the_table_says_where_the_bound_fails(small):
    """A cross at each failing point, the boundary, and the outcome of the check."""
    for law, data in small.items():
        text = io.StringIO()
        render(data, Console(file=text, width=160))
        shown = text.getvalue()
        assert data["bound"]["formula"] in shown
        assert ("✗ 0." in shown) == (law == "chi2")
        assert f"{len(data['sampling'])} of {len(data['sampling'])} frequencies agree" in shown
        assert ("2exp(-k) suffices" in shown) == (law == "chi2")
        assert all(family["family"] in shown for family in data["families"])


def test_the_table_names_a_frequency_that_disagrees(small):
    """A level outside its interval is printed with both numbers."""
    data = json.loads(json.dumps(small["chi2"]))
    data["sampling"][0].update(agrees=False, probability=0.123456)
    text = io.StringIO()
    render(data, Console(file=text, width=160))
    assert "5 of 6 frequencies agree" in text.getvalue()
    assert "exact probability 0.123456, measured in [" in text.getvalue()


def test_large_sums_are_not_sampled_and_the_document_says_so():
    """Of 10⁴ terms, 10⁴ sums would take 10⁸ numbers."""
    data = document("chi2", [2, 10_000], [0.5], trials=10_000)
    assert data["not_sampled"] == [10_000]
    assert {level["k"] for level in data["sampling"]} == {2}
    assert document("chi2", [2], [0.5], trials=0)["sampling"] == []


@pytest.mark.parametrize(
    ("law", "near"),
    [
        ("bernstein:laplac", "bernstein:laplace"),
        ("chi", "chi2"),
        ("berstein", "bernstein"),
        ("bernstein:", "one of"),
    ],
)
def test_an_unknown_law_is_refused_with_the_nearest_name(law, near):
    """One line that names what was probably meant."""
    with pytest.raises(BadInput, match=near):
        cases(law)


def test_parameters_follow_the_name_of_a_family():
    """bernstein:poisson:2.5 is that law; a family without a parameter, or a parameter out of range, is refused."""
    ((label, law, bound),) = cases("bernstein:poisson:2.5")
    assert (label, law, bound) == ("poisson:2.5", Poisson(2.5), Bernstein(2.5, Poisson(2.5).scale))
    for name in (
        "bernstein:laplace:2",
        "bernstein:poisson:x",
        "bernstein:poisson:-1",
        "bernstein:bernoulli:1",
    ):
        with pytest.raises(BadInput):
            cases(name)


@pytest.mark.parametrize(
    "options",
    [
        {"ks": [0]},
        {"ks": [1.5]},
        {"ks": []},
        {"ks": [10**9]},
        {"gammas": [0.0]},
        {"gammas": [1.0]},
        {"gammas": ["-1e-5"]},
        {"gammas": ["small"]},
        {"gammas": [math.nan]},
        {"gammas": []},
        {"trials": 10},
        {"trials": -1},
        {"seed": -1},
    ],
    ids=str,
)
def test_bad_requests_are_refused(options):
    """Grids with a k or γ out of range, or with none, and trials that resolve nothing."""
    with pytest.raises(BadInput):
        document("chi2", **{"ks": [2], "gammas": [0.1], "trials": 100, **options})


def test_rows_say_what_a_label_they_were_given():
    """A law with parameters of one's own keeps the label in every row and level."""
    law = Bernoulli(0.25)
    rows = compare(law, Bernstein(law.variance, law.scale), [4], [-1.0], "mine")
    assert [row.family for row in rows] == ["mine"]
    assert replace(rows[0], log_failure=-0.5).holds is False
    assert check_by_sampling(law, 4, 100, Stream.from_seed(0), label="mine")[0].family == "mine"


@pytest.mark.parametrize("law", ["chi2", "chi2-corrected", "bernstein", "bernstein:rademacher"])
def test_the_figure_shows_both_panels(law, small):
    """Two panels; of the printed χ² bound, the right one carries the exact boundary and every failing point."""
    from figures.concentration import draw

    figure = draw(small[law])
    assert isinstance(figure, Figure)
    left, right = figure.axes
    labels = [line.get_label() for line in right.lines]
    assert left.get_xlabel().startswith("promised")
    if law == "chi2":
        crosses = right.lines[labels.index("fails")]
        assert len(crosses.get_xdata()) == small[law]["fails"]["count"] > 0
        boundary = right.lines[labels.index(r"exact boundary $\gamma^*(k)$")]
        found = condition_that_rescues([1])[0]
        assert boundary.get_xdata()[0] == 1
        assert_allclose(boundary.get_ydata()[0], -found.log_gamma / math.log(10))
    else:
        assert right.get_ylabel() == "bound / exact quantile"

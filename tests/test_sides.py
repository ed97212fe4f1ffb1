"""What two sides say about a claim."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theorems.sides import Relation, Sides

INF, NAN = math.inf, math.nan
NUMBERS = st.floats(allow_nan=False)
FINITE = st.floats(-1e300, 1e300)


@pytest.mark.parametrize(
    ("smaller", "relation", "larger", "violated"),
    [
        (1.0, "<=", 2.0, False),
        (2.0, "<=", 1.0, True),
        (1.0, "<=", 1.0, False),
        (1.0, "<", 1.0, True),
        (0.0, "<", 0.0, True),
        (1.0, "==", 1.0, False),
        (1.0, "==", 1.1, True),
        (1.1, "==", 1.0, True),
        (-3.0, "<=", -5.0, True),
        (-5.0, "<=", -3.0, False),
        (0.0, "<=", -0.0, False),
        (5e-324, "<=", 0.0, True),
        (0.0, "<=", 5e-324, False),
        (INF, "<=", INF, False),
        (INF, "<", INF, False),
        (INF, "==", INF, False),
        (-INF, "==", -INF, False),
        (INF, "<=", 1.0, True),
        (1.0, "<=", INF, False),
        (-INF, "<=", 1.0, False),
        (1.0, "<=", -INF, True),
        (1.0, "==", INF, True),
        (-INF, "==", 1.0, True),
        (NAN, "<=", 1.0, False),
        (1.0, "==", NAN, False),
    ],
)
def test_a_claim_is_violated_where_its_relation_fails(
    smaller: float, relation: Relation, larger: float, violated: bool
) -> None:
    """Ties, infinities, denormals and both zeros are judged as numbers; NaN violates nothing."""
    assert Sides(smaller, larger, relation).violated() is violated


@given(st.floats(1e-200, 1e200), st.floats(-0.9, 0.9))
def test_rounding_is_allowed_relative_to_the_larger_side(larger: float, part: float) -> None:
    """An excess of less than the allowance is no violation at any scale, twice as much is."""
    assert not Sides(larger * (1 + part * 1e-9), larger).violated(1e-9)
    assert not Sides.equal(larger * (1 + part * 1e-9), larger).violated(1e-9)
    assert Sides(larger * (1 + 2e-9), larger).violated(1e-9)
    assert Sides.equal(larger * (1 - 2e-9), larger).violated(1e-9)


def test_rounding_of_a_logarithm_is_absolute() -> None:
    """A quantity known to nine digits has a logarithm with an error of 1e-9, also where that is near 0."""
    assert not Sides(1e-10, 0.0, log=True).violated(1e-9)
    assert Sides(1e-10, 0.0).violated(1e-9)
    assert Sides(1e-8, 0.0, log=True).violated(1e-9)


@given(NUMBERS, NUMBERS)
def test_positive_scores_are_violations_and_only_they(smaller: float, larger: float) -> None:
    """What a search climbs is above 0 where the claim fails by more than rounding, and nowhere where it holds."""
    for log in (False, True):
        sides = Sides(smaller, larger, log=log)
        if sides.violated() and (log or max(abs(smaller), abs(larger)) > 1e-280):
            assert sides.score > 0
        if smaller <= larger:
            assert sides.score <= 0


@given(FINITE, FINITE, st.floats(1e-3, 1e3))
def test_score_grows_with_the_smaller_side(smaller: float, larger: float, more: float) -> None:
    """Climbing the score climbs towards a violation."""
    below, above = Sides(smaller, larger), Sides(smaller + abs(smaller) * more + more, larger)
    assert below.score <= above.score or abs(above.smaller) < abs(below.smaller) < 1e-279


@given(st.floats(1e-100, 1e100), st.floats(1e-100, 1e100), st.floats(1e-50, 1e50))
def test_ratio_and_score_do_not_depend_on_the_unit(smaller: float, larger: float, unit: float) -> None:
    """Metres or miles: the same tightness, the same order of instances."""
    one, other = Sides(smaller, larger), Sides(smaller * unit, larger * unit)
    assert other.ratio == pytest.approx(one.ratio, rel=1e-12)
    assert other.score == pytest.approx(one.score, abs=1e-9)


@pytest.mark.parametrize(
    ("sides", "ratio"),
    [
        (Sides(3.0, 5.0), 0.6),
        (Sides(-5.0, -3.0), 0.6),
        (Sides(5.0, 4.0), 1.25),
        (Sides(0.0, 0.0), 0.0),
        (Sides(0.0, 2.0), 0.0),
        (Sides(1e-300, 5e-301), 0.0),
        (Sides(1.0, INF), 0.0),
        (Sides(-1.0, 1.0), -INF),
        (Sides(1.0, -1.0), INF),
        (Sides(NAN, 1.0), -INF),
        (Sides.equal(4.0, 5.0), 0.2),
        (Sides.equal(0.0, 0.0), 0.0),
        (Sides(math.log(0.5), 0.0, log=True), 0.5),
        (Sides(-INF, -INF, log=True), 0.0),
        (Sides(-700.0, -700.0, log=True), 1.0),
        (Sides(5000.0, 0.0, log=True), math.exp(700.0)),
    ],
)
def test_tightness_is_the_ratio_of_the_sides(sides: Sides, ratio: float) -> None:
    """Also of negative sides, of logarithms, and of sides that say nothing."""
    assert sides.ratio == pytest.approx(ratio, rel=1e-15)


def test_precise_sides_are_compared_precisely() -> None:
    """A difference in the 40th digit counts where 45 are asked for; numbers beyond float64 are not infinite."""
    with mpmath.workdps(50):
        one = mpmath.mpf(1)
        near = Sides(one + mpmath.mpf(10) ** -40, one)
        assert near.violated(1e-45)
        assert not near.violated(1e-35)
        huge = mpmath.mpf("1e400")
        assert not Sides.equal(huge * (1 + mpmath.mpf(10) ** -48), huge).violated(1e-40)
        assert Sides(2 * huge, huge).violated()
        assert Sides(huge, mpmath.inf).finite is False
        assert Sides(huge, huge).finite


@pytest.mark.parametrize("claim", [True, False, 1, 0])
def test_a_plain_claim_has_sides_too(claim: Any) -> None:
    """True is 0 <= 0, false is 1 <= 0."""
    assert Sides.true(claim).violated() is not bool(claim)


def test_sides_print_themselves_with_what_is_claimed() -> None:
    """The relation, then both numbers; logarithms are called so."""
    assert str(Sides(2.0, 1.0)) == "claimed: left ≤ right;  left = 2.0, right = 1.0"
    assert "log left = -1.0" in str(Sides(-1.0, 0.0, "<", log=True))
    assert "left = right" in str(Sides.equal(1, 2))

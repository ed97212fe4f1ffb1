"""Nothing false passes, nothing true is refuted: how a single instance is judged."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theorems import maths as m
from theorems.domains import Domain
from theorems.judge import Judge, Unresolved
from theorems.ranges import Integers, Matrix, Reals, Sphere, Vector
from theorems.sides import Sides
from theorems.statement import Broken

X = Domain(x=Vector(2))
T = Domain(t=Reals())


def violated(judge: Judge, **instance: Any) -> bool:
    """The verdict on one instance, both ways of asking for it."""
    sides = judge.sides(instance)
    once, twice = judge.violated(instance, sides), judge.examine(instance)[1]
    assert once == twice
    return once


# --- what float64 makes up -------------------------------------------------------------------------


def test_overflow_refutes_nothing_that_50_digits_can_evaluate() -> None:
    """e^1000 − e^999 <= e^1000 is ∞ − ∞ in float64; e^800/e^799 <= 3 is NaN."""
    judge = Judge(T, lambda t: Sides(m.exp(t) - m.exp(t - 1), m.exp(t)))
    assert not violated(judge, t=1000.0)
    judge = Judge(T, lambda t: Sides(m.exp(t) / m.exp(t - 1), 3))
    assert not violated(judge, t=800.0)
    assert judge.sides({"t": 800.0}).smaller == pytest.approx(math.e)


def test_overflow_refutes_nothing_that_is_known_in_float64_only() -> None:
    """Log Σ e^x computed the naive way is infinite at 1,000, where it is about 1,000."""
    judge = Judge(
        X, lambda x: Sides(np.log(np.sum(np.exp(np.asarray(x, float)))), np.max(x) + np.log(2.0) + 1e-9)
    )
    assert judge.sides({"x": np.array([1000.0, 0.0])}).smaller == math.inf
    assert not violated(judge, x=np.array([1000.0, 0.0]))


def test_an_overflow_that_python_reports_says_nothing() -> None:
    """math.exp(1000) raises, which does not make the statement broken; with 50 digits the instance is judged."""
    with pytest.raises(Unresolved, match="OverflowError"):
        Judge(T, lambda t: Sides(math.exp(float(t)), np.float64(1))).sides({"t": 1000.0})
    judge = Judge(T, lambda t: Sides(t**2, 2 * t**2))
    assert not violated(judge, t=1e200)
    assert judge.sides({"t": 1e200}).smaller == math.inf


@given(st.sampled_from([5e-324, 1e-310, 1e-200, 1e-160]))
def test_denormals_refute_nothing(tiny: float) -> None:
    """The largest |x_i| <= ‖x‖₂ with a norm that squares first, in float64 only and with 50 digits."""
    x = np.array([tiny, tiny])
    for square in (
        lambda x: float(np.sqrt(np.sum(np.asarray(x, float) ** 2))),
        lambda x: m.sqrt(m.sum(x * x)),
    ):
        assert not violated(Judge(X, lambda x, norm=square: Sides(m.max(m.abs(x)), norm(x))), x=x)
        # The same as a ratio, which divides by the square root of what is rounded to 0.
        assert not violated(Judge(X, lambda x, norm=square: Sides(m.max(m.abs(x)) / norm(x), 1)), x=x)


def test_a_violation_at_denormals_is_seen_with_50_digits() -> None:
    """1e-310 <= 5e-324 is false."""
    assert violated(Judge(X, lambda x: Sides(x[0], x[1])), x=np.array([1e-310, 5e-324]))


@pytest.mark.parametrize("size", [1e3, 1e6])
def test_differences_of_nearly_equal_numbers_refute_nothing(size: float) -> None:
    """‖x + y‖ − ‖x‖ <= ‖y‖ with y below the spacing of numbers at x: what is left in float64 is rounding."""

    def gap(x: Any, y: Any) -> Sides:
        plain = np.asarray(x, float), np.asarray(y, float)
        return Sides(np.linalg.norm(plain[0] + plain[1]) - np.linalg.norm(plain[0]), np.linalg.norm(plain[1]))

    domain, rng = Domain(x=Vector(3), y=Vector(3)), np.random.default_rng(0)
    looks = 0
    for _ in range(200):
        x, y = size * rng.standard_normal(3), 2e-16 * size * rng.standard_normal(3)
        judge = Judge(domain, lambda x, y: gap(x, y), rounding=1e-9)
        looks += judge.sides({"x": x, "y": y}).violated(1e-9)
        assert not violated(judge, x=x, y=y)
    assert looks > 10, "rounding made no violation that had to be looked through"


def test_differences_without_digits_refute_nothing_with_50_digits_either() -> None:
    """At t = 200, 50 digits of cosh t and sinh t leave none of their difference e^{−t}; at 10⁴, not even 1,000."""
    judge = Judge(T, lambda t: Sides(m.exp(-t), m.cosh(t) - m.sinh(t)))
    assert not violated(judge, t=200.0)
    assert not violated(judge, t=1e4)
    assert violated(Judge(T, lambda t: Sides(1.01 * m.exp(-t), m.cosh(t) - m.sinh(t))), t=20.0)


def test_a_small_excess_that_is_real_is_seen_in_float64() -> None:
    """P <= γ for probabilities of 1e-14: no rounding, although small."""
    judge = Judge(
        Domain(gamma=Reals(0, 1, log=True)), lambda gamma: Sides(2 * float(np.float64(gamma)), float(gamma))
    )
    assert violated(judge, gamma=1e-14)


# --- ties ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [1.0, 20.0, 29.0, 60.0, 1e6])
def test_saturation_is_no_tie(t: float) -> None:
    """Tanh t < 1, although float64 calls it 1 from 19 on, 50 digits from 58 on, and 1,000 digits at 1e6."""
    assert not violated(Judge(T, lambda t: Sides(m.tanh(t), 1, "<")), t=t)
    assert not violated(Judge(T, lambda t: Sides(np.tanh(float(t)), 1.0, "<")), t=t)


def test_a_tie_refutes_a_strict_claim() -> None:
    """‖x‖₁ < √n ‖x‖₂ is false at x = (1, 1), where both sides are 2; <= is true there."""
    for exact in (False, True):
        for relation, verdict in (("<", True), ("<=", False), ("==", False)):
            judge = Judge(X, lambda x, r=relation: Sides(m.norm(x, 1), m.sqrt(2) * m.norm(x), r), exact=exact)
            assert violated(judge, x=np.ones(2)) is verdict


# --- what only 50 digits see -----------------------------------------------------------------------


def test_exact_statements_are_decided_beyond_float64() -> None:
    """1 − γ >= 1 is false at γ = 1e-20, 1 − γ <= 1 is true, and float64 cannot tell."""
    domain = Domain(gamma=Reals(0, 1, open=(True, True), log=True))
    assert violated(Judge(domain, lambda gamma: Sides(1, 1 - gamma), exact=True), gamma=1e-20)
    assert not violated(Judge(domain, lambda gamma: Sides(1 - gamma, 1), exact=True), gamma=1e-20)
    assert not violated(Judge(domain, lambda gamma: Sides(1, 1 - gamma)), gamma=1e-20)


def test_whole_numbers_of_a_conclusion_are_divided_exactly() -> None:
    """N·(1/n) = 1 and (√n)² = n are reached, and no 17th digit refutes them."""
    domain = Domain(n=Integers(1, 100))
    for n in range(1, 100):
        assert not violated(Judge(domain, lambda n: Sides.equal(n * (1 / n), 1), exact=True), n=n)
        assert not violated(Judge(domain, lambda n: Sides.equal(m.sqrt(n) ** 2, n), exact=True), n=n)
        assert not violated(Judge(domain, lambda n: Sides.equal((n**0.5) ** 2, n), exact=True), n=n)


def test_a_function_of_float64_in_an_exact_statement_falls_back_to_float64() -> None:
    """(math.sqrt(n))² = n is off in the 16th digit for n = 2: rounding, not a counterexample."""
    judge = Judge(Domain(n=Integers(1, 100)), lambda n: Sides.equal(math.sqrt(n) ** 2, n), exact=True)
    assert not any(violated(judge, n=n) for n in range(1, 100))
    assert judge.precise_sides({"n": 2}) is None


def test_points_of_a_sphere_are_on_the_sphere() -> None:
    """‖x‖² = n is exact on √n·S^{n−1}, whatever the coordinates are rounded to."""
    judge = Judge(Domain(n=Integers(1, 9), x=Sphere("n")), lambda n, x: Sides.equal(x @ x, n), exact=True)
    rng = np.random.default_rng(0)
    for n in range(1, 9):
        x = Sphere(n).project(rng.standard_normal(n), {})
        assert not violated(judge, n=n, x=x)


def test_a_condition_that_is_met_by_rounding_only_refutes_nothing() -> None:
    """‖x‖ <= 1 holds for float64 norms of points just outside the ball: then ‖x‖² <= 1 is not refuted by 1e-17."""
    domain = Domain(x=Vector(2), where={"‖x‖ <= 1": lambda x: m.norm(x) <= 1})
    judge = Judge(domain, lambda x: Sides(x @ x, 1), exact=True)
    rng, outside = np.random.default_rng(0), 0
    for _ in range(200):
        x = rng.standard_normal(2)
        x /= m.norm(x)
        if domain.contains({"x": x}):
            precise = judge.precise_sides({"x": x})
            assert precise is not None
            outside += precise.smaller > 1
            assert not violated(judge, x=x)
    assert outside > 20, "no point was outside by rounding"
    assert violated(
        Judge(domain, lambda x: Sides(x @ x, m.number("0.99")), exact=True), x=np.array([1.0, 0.0])
    )


def test_an_end_that_float64_rounds_up_refutes_nothing() -> None:
    """For t in [0, 1/n], n·t <= 1, although the float64 number 0.1 is more than a tenth."""
    domain = Domain(n=Integers(1, 20), t=Reals(0, lambda v: 1 / v["n"]))
    judge = Judge(domain, lambda n, t: Sides(n * t, 1), exact=True)
    assert not any(violated(judge, n=n, t=1 / n) for n in range(1, 20))


def test_large_arrays_are_not_evaluated_with_50_digits() -> None:
    """A violation at a 30×30 matrix is found in float64: its singular values would take minutes otherwise."""
    judge = Judge(Domain(A=Matrix(30, 30)), lambda A: Sides(m.spectral_norm(A), 0.5 * m.spectral_norm(A)))
    assert judge.precise_sides({"A": np.eye(30)}) is None
    assert violated(judge, A=np.eye(30))


# --- what is broken --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conclusion", "words"),
    [
        (lambda t: Sides(1 / t, 1), "ZeroDivisionError.* at t = 0"),
        (lambda t: Sides(m.log(-1 - t), 1), "a side is NaN at t = 0"),
        (lambda t: t <= 1, "returned bool, not Sides, at t = 0"),
        (lambda t: None, "returned NoneType, not Sides, at t = 0"),
        (lambda t: Sides("a", 1), "ValueError.* at t = 0"),
        (lambda t: Sides(np.ones(2), 1), "TypeError.* at t = 0"),
        (lambda t: Sides(t), "TypeError.* at t = 0"),
        (lambda t, u: Sides(t, u), "TypeError.*'u' at t = 0"),
    ],
)
def test_what_gives_no_sides_is_broken(conclusion: Callable[..., Any], words: str) -> None:
    """An exception, NaN, another type, arrays for numbers, an unknown variable: each with the instance."""
    with pytest.raises(Broken, match=words):
        Judge(T, conclusion).sides({"t": 0.0})


def test_division_by_zero_is_seen_for_what_it_is() -> None:
    """1/‖x‖ <= 1 fails at 0 as it fails near 0; 1 <= 1/‖x‖ does not."""
    x = np.zeros(2)
    assert violated(Judge(X, lambda x: Sides(1 / m.norm(x), 1)), x=x)
    assert not violated(Judge(X, lambda x: Sides(1, 1 / m.norm(x))), x=x)


def test_one_instance_without_precise_sides_does_not_end_precision() -> None:
    """A division by zero at one instance leaves 50 digits for the others; a foreign function does not."""
    judge = Judge(T, lambda t: Sides(m.abs(t) / m.abs(t), 2))
    assert judge.precise_sides({"t": 0.0}) is None
    assert judge.precise_sides({"t": 1.0}) is not None
    judge = Judge(T, lambda t: Sides(np.float64(np.arctan(t)), 2.0))
    assert judge.precise_sides({"t": 1.0}) is None
    assert not judge.knows_precise
    assert violated(Judge(T, lambda t: Sides(np.arctan(t), 0.5)), t=1.0)


def test_rounding_of_zero_believes_whatever_is_computed() -> None:
    """Claims about floating point itself: 0.1 + 0.2 <= 0.3 is false, (1/3)·3 < 1 too."""
    judge = Judge(T, lambda t: Sides(float(t) + 0.2, 0.3), rounding=0.0)
    judge.knows_precise = False
    assert violated(judge, t=0.1)
    assert not violated(Judge(T, lambda t: Sides(float(t) + 0.2, 0.3)), t=0.1)


def test_a_conclusion_may_spoil_its_arguments() -> None:
    """It gets copies: the instance that is remembered is the one that was judged."""

    def spoil(x: Any) -> Sides:
        x *= 0
        return Sides(m.norm(x), 0)

    x = np.ones(2)
    assert not violated(Judge(X, spoil), x=x)
    assert x.tolist() == [1.0, 1.0]

"""Document 000, the exercise on FGSM and the Carlini-Wagner objectives: its verdicts, and arithmetic by hand."""

from __future__ import annotations

import importlib
import json
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from theorems import Budget, Counterexample, Statement
from theorems.latex import plain
from theorems.registry import corrections, statements_of
from theorems.statements import MODULES
from theorems.statements.exercise import network
from theorems.statements.exercise.spellings import ABSES, NORMS, RELUS

STATEMENTS: dict[str, Statement] = {
    one.id: one
    for name in MODULES
    if name.startswith("exercise.")
    for one in statements_of(importlib.import_module(f"theorems.statements.{name}"))
}

REFUTED = {
    "000.problem-1.2-attained",
    "000.problem-1.3-attained",
    "000.eq-3-float",
    "000.eq-3-sum-float",
    "000.eq-4-float",
    "000.eq-4-float-formula",
    "000.eq-5-float",
    "000.eq-5-gradient-float",
    "000.solution-1.7-relu",
    "000.solution-1.7-closed-form",
    "000.solution-1.7-closed-form-differentiable",
    "000.solution-1.7-backward",
    "000.eq-6-float",
    "000.problem-1.6-strict-ball",
    "000.solution-2.3-box-float",
    "000.intuition-target",
    "000.intuition-others",
    "000.intuition-class",
    "000.semantics",
    "000.dropped-target",
    "000.dropped-others",
    "000.eq-8",
    "000.solution-2.2-star-two-classes",
    "000.solution-2.2-star-n-classes",
    "000.solution-2.2-two-classes",
    "000.solution-2.2-n-classes",
    "000.solution-2.3-norms",
    "000.problem-3-index",
    "000.solution-3-dh",
    "000.solution-3-dh-torch",
    "000.solution-3-dh-zero",
    "000.solution-3-torch-ties",
    "000.solution-3-dg",
    "000.solution-3-dg-torch",
    "000.solution-3-g-star-closer",
    "000.solution-3-same-under-constraint",
    "000.solution-3-lowering",
}
HOLDS = sorted(set(STATEMENTS) - REFUTED)
PATIENT = 60.0
"""A busy machine gets the time that it needs: the work is the same."""


def test_every_statement_is_of_the_document() -> None:
    """The package registers all its statements, each with its number in print, and the false ones are among them."""
    assert len(STATEMENTS) >= 110
    assert set(STATEMENTS) >= REFUTED
    for name, one in STATEMENTS.items():
        assert name.startswith("000.")
        assert one.source.document == "000"
        assert one.source.number.split()[0] in {"eq.", "Problem", "Solution", "Figure"}
        assert all((one.title, one.text, one.reading))
        assert "\\" not in plain(one.text)


def numbers(value: Any) -> list[float]:
    """All numbers in JSON data."""
    if isinstance(value, dict | list):
        return [
            one for part in (value.values() if isinstance(value, dict) else value) for one in numbers(part)
        ]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(REFUTED))
def test_false_statement_has_a_small_counterexample_and_a_correction(name: str) -> None:
    """The search refutes it; the counterexample is short, survives a file, stands again, and something repairs it."""
    statement = STATEMENTS[name]
    verdict = statement.check(Budget(1.0, patience=PATIENT))
    assert verdict.status == "refuted", verdict
    assert verdict.counterexample is not None
    found = numbers(dict(verdict.counterexample.instance))
    assert len(found) <= 24
    assert sum(number != 0 for number in found) <= 13
    again = Counterexample.from_json(json.loads(json.dumps(verdict.counterexample.to_json())))
    replay = statement.replay(again)
    assert replay.stands
    assert replay.same
    repairs = corrections(STATEMENTS.values())[name]
    assert all(one.repair is not None and one.id not in REFUTED for one in repairs)


@pytest.mark.slow
@pytest.mark.parametrize("name", HOLDS)
def test_statement_holds_and_its_twin_does_not(name: str) -> None:
    """No counterexample is found; the same search refutes the statement once it is made false."""
    statement = STATEMENTS[name]
    verdict = statement.check(Budget(0.2, patience=5 * PATIENT))
    assert verdict.status == "holds", verdict
    false = statement.twin(verdict).check(Budget(1.0, patience=PATIENT))
    assert false.status == "refuted", false


def test_smallest_target_probability_that_fools_the_second_repair() -> None:
    """The probabilities (1/3, 1/6, 1/2) meet −log_3 p_0 − 1 <= 0 with class 2 ahead of class 0."""
    p = [Fraction(2, 6), Fraction(1, 6), Fraction(3, 6)]
    assert p[0] == Fraction(1, 3)  # the objective is 0 there
    assert max(p) == p[2] > p[0]
    statement = STATEMENTS["000.solution-2.2-n-classes"]
    counterexample = Counterexample(statement.id, statement.kind, {"C": 3, "w": [2.0, 1.0, 3.0]}, 1.0, 0.0)
    assert statement.replay(counterexample).stands
    harmless = Counterexample(statement.id, statement.kind, {"C": 3, "w": [3.0, 1.0, 2.0]}, 0.0, 0.0)
    assert not statement.replay(harmless).stands


def test_attack_can_lower_the_logit_of_its_target() -> None:
    """N(x) = (x, 0, 3x) at x = 1: ∂ loss_0 = −p_1 + 2p_2 > 0, so the attack lowers x and with it N_0 = x."""
    weights = np.exp([1.0, 0.0, 3.0])
    p = weights / weights.sum()
    assert -p[1] + 2 * p[2] > 0
    one = np.ones((1, 1))
    slope = network.loss_gradient(one, one, np.array([[1.0], [0.0], [3.0]]), np.ones(1))
    assert slope == pytest.approx([-p[1] + 2 * p[2]], rel=1e-14)


def test_attack_can_push_away_from_its_target() -> None:
    """N(x) = (−2|x|, 0, 0) at x = 1/4: a step of 1 to the left overshoots the kink, and p_0 falls."""

    def probability(x: float) -> float:
        return math.exp(-2 * abs(x)) / (math.exp(-2 * abs(x)) + 2)

    assert probability(0.25 - 1) < probability(0.25) < probability(0.25 - 0.125)


def test_printed_step_leaves_the_box_by_one_rounding() -> None:
    """1 + 0.1 − 1 > 0.1 for the float64 numbers, in exact arithmetic."""
    assert Fraction(1.0 + 0.1) - 1 > Fraction(0.1)


@given(
    weights=arrays.arrays(float, (2, 3, 3), elements=st.integers(-3, 3)),
    C=arrays.arrays(float, (3, 3), elements=st.integers(-3, 3)),
    x=arrays.arrays(float, 3, elements=st.integers(-3, 3)),
    v=arrays.arrays(float, 3, elements=st.integers(-3, 3)),
)
def test_one_sided_derivative_is_the_limit_of_difference_quotients(
    weights: Any, C: Any, x: Any, v: Any
) -> None:
    """(N(x + sv) − N(x))/s is the one-sided derivative once s is below the way to the next kink, kinks included."""
    A, B = weights
    s = 2.0**-20
    quotient = (network.logits(A, B, C, x + s * v) - network.logits(A, B, C, x)) / s
    assert np.array_equal(quotient, network.directional(A, B, C, x, v))


@given(
    weights=arrays.arrays(float, (2, 3, 3), elements=st.integers(-3, 3)),
    C=arrays.arrays(float, (3, 3), elements=st.integers(-3, 3)),
    x=arrays.arrays(float, 3, elements=st.integers(-3, 3)),
    u=arrays.arrays(float, 3, elements=st.integers(-1, 1)),
)
def test_network_is_linear_up_to_the_next_kink(weights: Any, C: Any, x: Any, u: Any) -> None:
    """Half way and all the way to the nearest kink the logits move along a line, off kinks."""
    A, B = weights
    assume(network.off_kinks(A, B, x))
    here, s = network.logits(A, B, C, x), float(network.step_to_kink(A, B, x, u))
    half, whole = (network.logits(A, B, C, x + share * s * u) - here for share in (0.5, 1.0))
    assert whole == pytest.approx(2 * half, abs=1e-10)
    assert whole == pytest.approx(s * (network.gradients(A, B, C, x) @ u), abs=1e-10)


def test_spellings_agree_away_from_kinks_and_ties() -> None:
    """Every spelling is the function that it spells: values and derivatives at ordinary points."""
    x = torch.tensor([-2.0, 0.5, 3.0], dtype=torch.float64)
    for relu in RELUS.values():
        assert relu.function(x).tolist() == [0.0, 0.5, 3.0]
    for size in ABSES.values():
        assert [float(size.function(entry)) for entry in x] == [2.0, 0.5, 3.0]
    for norm in NORMS.values():
        assert float(norm.function(x)) == 3.0


def test_counterexample_values_by_hand() -> None:
    """The numbers log 0.7 + 1 = 0.6433 and log 0.3 + 1 = −0.2040 round to 0.64 and −0.20; log_10 would not."""
    verdict = STATEMENTS["000.solution-2.1-values"].check()
    assert verdict.status == "holds"
    assert [round(1 + math.log(p), 2) for p in (0.7, 0.3)] == [0.64, -0.2]
    assert [round(1 + math.log10(p), 2) for p in (0.7, 0.3)] != [0.64, -0.2]


def test_softmax_ends_are_attained_in_floating_point_alone() -> None:
    """At logits (0, −746, −746) float64 gives (1, 0, 0); 50 digits give neither 0 nor, with 400 digits, 1."""
    computed = torch.softmax(torch.tensor([0.0, -746.0, -746.0], dtype=torch.float64), 0)
    assert computed.tolist() == [1.0, 0.0, 0.0]
    with mpmath.workdps(400):
        small = mpmath.exp(-746) / (1 + 2 * mpmath.exp(-746))
        assert small > 0
        assert 1 - 2 * small < 1

"""Existence: a construction is checked, and only an obstruction refutes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from theorems import maths as m
from theorems.budget import Budget
from theorems.domains import Domain
from theorems.existence import Existence
from theorems.ranges import Integers, Reals, Vector
from theorems.sides import Sides
from theorems.statement import Broken

PATIENT = Budget(1.0, patience=60.0)
NONZERO = {"x is not 0": lambda x: m.norm(x) > 0}
DATA = Domain(n=Integers(1, 5), x=Vector("n"), where=NONZERO)

UNIT = Existence(
    id="unit",
    title="a unit vector with x·v = ‖x‖",
    domain=DATA,
    construction=lambda x: x / m.norm(x),
    conclusion=lambda witness, x: Sides.equal(witness @ x, m.norm(x)),
)
SHORT = replace(
    UNIT,
    id="short",
    title="a vector shorter than 1 with x·v = ‖x‖",
    construction=lambda x: x / m.norm(x) / 2,
    obstruction=lambda x: Sides(m.norm(x), 0.5 * m.norm(x)),
)


def test_a_construction_that_works_everywhere_holds() -> None:
    """At every instance that the search finds, as a universal statement would."""
    verdict = UNIT.check(PATIENT)
    assert (verdict.status, verdict.evidence) == ("holds", "searched")
    assert verdict.tightness is not None


def test_a_construction_that_fails_refutes_nothing() -> None:
    """Undecided, with the instance at which it fails."""
    verdict = replace(UNIT, construction=lambda x: np.sign(x)).check(PATIENT)
    assert (verdict.status, verdict.counterexample) == ("undecided", None)
    assert "this construction fails, which refutes nothing: at n = 2, x = [1, 1]" in verdict.note


def test_an_obstruction_refutes() -> None:
    """What holds wherever a witness exists is violated: there is nothing to construct."""
    verdict = SHORT.check(PATIENT)
    assert verdict.status == "refuted"
    assert verdict.counterexample is not None
    assert verdict.counterexample.instance == {"n": 1, "x": [1.0]}
    replay = SHORT.replay(verdict.counterexample)
    assert replay.stands
    assert replay.same


def test_no_obstruction_and_no_construction_is_undecided() -> None:
    """Nothing found is not something built."""
    verdict = replace(UNIT, construction=None, conclusion=None, obstruction=lambda x: Sides(0, 1)).check(
        PATIENT
    )
    assert verdict.status == "undecided"
    assert "no construction given" in verdict.note


def test_an_obstruction_that_is_never_violated_leaves_it_to_the_construction() -> None:
    """Both are searched, each with half of the budget."""
    calls = {"obstruction": 0, "construction": 0}

    def count(name: str, value: Any) -> Any:
        calls[name] += 1
        return value

    both = replace(
        UNIT,
        construction=lambda x: count("construction", x / m.norm(x)),
        obstruction=lambda x: count("obstruction", Sides(0, m.norm(x))),
    )
    assert both.check(PATIENT).status == "holds"
    assert min(calls.values()) > 500
    assert sum(calls.values()) < 6_000


def test_neither_construction_nor_obstruction_is_broken() -> None:
    """There is nothing to check."""
    verdict = replace(UNIT, construction=None).check(PATIENT)
    assert verdict.status == "broken"
    assert "needs a construction and a conclusion, or an obstruction" in verdict.note


def test_a_construction_that_raises_is_broken() -> None:
    """With the instance; it is neither undecided nor a pass."""
    verdict = replace(UNIT, construction=lambda x: 1 / 0).check(PATIENT)
    assert verdict.status == "broken"
    assert "ZeroDivisionError: division by zero at n = 1" in verdict.note


def test_hypotheses_that_nothing_meets_are_vacuous() -> None:
    """No data, no construction checked."""
    nobody = replace(UNIT, domain=Domain(n=Integers(1, 2), x=Vector("n"), where={"never": lambda x: False}))
    assert nobody.check(PATIENT).status == "vacuous"


@pytest.mark.parametrize(
    "statement",
    [
        UNIT,
        replace(UNIT, exact=True),
        replace(UNIT, conclusion=lambda witness, x: Sides(m.norm(x), 3 * (witness @ x))),
        replace(UNIT, obstruction=lambda x: Sides(0, m.norm(x))),
        replace(
            UNIT,
            conclusion=lambda witness, x: Sides.true(witness @ x > 0),
            made_false=lambda witness, x: Sides.true(witness @ x > 1),
        ),
    ],
    ids=["equality", "exact", "loose", "with an obstruction", "true or false"],
)
def test_the_twin_of_a_construction_that_works_is_refuted(statement: Existence) -> None:
    """The same construction is not 5 % better than it is."""
    verdict = statement.check(PATIENT)
    assert verdict.status == "holds"
    refuted = statement.twin(verdict).check(PATIENT)
    assert refuted.status == "refuted"


def test_without_a_construction_there_is_no_twin_and_without_an_obstruction_no_replay() -> None:
    """Both say why."""
    bare = replace(UNIT, construction=None, obstruction=lambda x: Sides(0, 1))
    with pytest.raises(Broken, match="nothing is constructed"):
        bare.twin(bare.check(PATIENT))
    counterexample = SHORT.check(PATIENT).counterexample
    assert counterexample is not None
    with pytest.raises(Broken, match="refutes nothing"):
        UNIT.replay(counterexample)


def test_an_existential_over_a_number_is_checked_at_the_best_one() -> None:
    """There is η > 0 with f(x − η f′(x)) <= f(x)/2 for f(x) = x⁴: η = 1/(8x²) does everywhere, η = 0.1 does not."""
    domain = Domain(x=Reals(0.1, 10))
    statement = Existence(
        id="step",
        domain=domain,
        construction=lambda x: 1 / (8 * x * x),
        conclusion=lambda witness, x: Sides((x - witness * 4 * x**3) ** 4, x**4 / 2),
    )
    assert statement.check(PATIENT).status == "holds"
    fixed = replace(statement, construction=lambda x: 0.1)
    assert fixed.check(PATIENT).status == "undecided"

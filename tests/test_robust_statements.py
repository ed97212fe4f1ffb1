"""Theorem 1 and what is around it: verdicts, twins, counterexamples, and the data they are tried on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from simulate.robust import correlation, measure
from simulate.robust.data import DataSet
from theorems import Budget, Existence, Universal
from theorems.registry import registry, statements_of
from theorems.statements.lecture import robust_network
from theorems.statements.lecture.robust_network import Labels, Points

LITTLE = Budget(0.2, patience=200)
STATEMENTS = {one.id: one for one in statements_of(robust_network)}
FALSE = "001.theorem-1.robust"
HOLD = [name for name in STATEMENTS if name != FALSE]


def test_they_ship() -> None:
    """All nine are in the registry, cited as Theorem 1 of the lecture, with a reading each."""
    assert len(STATEMENTS) == 9
    for name, statement in STATEMENTS.items():
        assert registry()[name] is statement
        assert (statement.source.document, statement.source.number) == ("001", "Theorem 1")
        assert statement.text
        assert statement.reading


@pytest.mark.slow
@pytest.mark.parametrize("name", HOLD)
def test_holds_and_its_twin_does_not(name: str) -> None:
    """No counterexample is found, and the same claim made false by 5 % is refuted with one that replays."""
    statement = STATEMENTS[name]
    verdict = statement.check(LITTLE)
    assert verdict.status == "holds", verdict
    twin = statement.twin(verdict)
    refuted = twin.check(LITTLE)
    assert refuted.status == "refuted", refuted
    assert refuted.counterexample is not None
    assert twin.replay(refuted.counterexample).stands


def test_one_constant_for_all_c_is_refuted() -> None:
    """Read with a constant that does not depend on c, "√d-robust" is false for every function, and a statement
    with the constant (1 − c)/2 corrects it.
    """
    statement = STATEMENTS[FALSE]
    verdict = statement.check(LITTLE)
    assert verdict.status == "refuted"
    assert verdict.counterexample is not None
    assert verdict.counterexample.instance["gap"] < 2e-12
    assert statement.replay(verdict.counterexample).stands
    fixed = STATEMENTS["001.theorem-1.robust.fixed-c"]
    assert (fixed.corrects, fixed.repair) == (FALSE, "convention")


def test_how_tight_they_are() -> None:
    """The printed radius is half of what is true; the other bounds are reached."""
    for name, ratio in (
        ("001.theorem-1", 0.5),
        ("001.theorem-1.upper-part", 0.5),
        ("001.theorem-1.flip", 1.0),
        ("001.theorem-1.best-threshold", 1.0),
    ):
        verdict = STATEMENTS[name].check(LITTLE)
        assert verdict.tightness is not None
        assert_allclose(verdict.tightness.ratio, ratio, rtol=1e-8)


def test_a_worse_construction_is_noticed() -> None:
    """Negative control: neurons that open at 1 − (1 − c)/5 give margin 1 and too small a radius: undecided."""
    statement = STATEMENTS["001.theorem-1"]
    assert isinstance(statement, Existence)

    def careless(x: np.ndarray, y: np.ndarray, slack: float):  # type: ignore[no-untyped-def]
        c = correlation(x, y).largest_size
        return robust_network.build(x, y, 1 - (1 - c) / 5)

    broken = Existence(
        id="careless", domain=statement.domain, construction=careless, conclusion=statement.conclusion
    )
    assert broken.check(LITTLE).status == "undecided"


def test_the_data_that_are_tried_lie_in_the_hypotheses() -> None:
    """The corners are points on the sphere and signs; near-duplicates, a simplex and equal angles are
    among them.
    """
    for count, dim in ((2, 2), (3, 3), (4, 5), (4, 2)):
        values = {"points": count, "d": dim}
        place, labels = Points("points", "d"), Labels("points")
        corners = place.corners(values)
        assert all(place.contains(one, values) for one in corners)
        assert all(labels.contains(one, values) for one in labels.corners(values))
        largest = [correlation(one, np.ones(count)).largest for one in corners]
        assert max(largest) > 0.95
        if dim >= count:
            assert any(math.isclose(one, -1 / (count - 1), abs_tol=1e-9) for one in largest)
            assert any(math.isclose(one, 0.9, abs_tol=1e-9) for one in largest)


def test_the_statement_measures_what_the_command_measures() -> None:
    """At one data set, the sides of Theorem 1 are the printed and the exact radius of `measure`."""
    statement = STATEMENTS["001.theorem-1.sharp"]
    assert isinstance(statement, Universal)
    values = {"points": 4, "d": 5}
    x = Points("points", "d").corners(values)[0]
    y = np.array([1.0, -1.0, 1.0, -1.0])
    sides = statement.conclusion(x=x, y=y, slack=0.0, d=5)
    found = measure(DataSet(x, y), restarts=0)
    assert_allclose(float(sides.smaller), found.zero[0].upper, rtol=1e-9)
    assert_allclose(float(sides.larger), 2 * found.printed, rtol=1e-12)

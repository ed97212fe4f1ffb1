"""False lemmas of graded difficulty: what the falsifier must find, and what it must leave alone."""

from __future__ import annotations

import pytest

from theorems import Budget
from theorems.planted import NAMED, PLANTED

SEEDS = range(5)
PATIENT = 30.0
"""A busy machine does the same work, only later."""
HAND_SIZED = 32
"""Numbers of a counterexample that a person can still check by hand."""


def numbers(value: object) -> int:
    """How many numbers a JSON value holds."""
    if isinstance(value, dict | list):
        return sum(numbers(one) for one in (value.values() if isinstance(value, dict) else value))
    return 1


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("seed", SEEDS)
def test_each_named_lemma_is_refuted_within_the_quick_budget(name: str, seed: int) -> None:
    """The six kinds of planted error are found from every seed, and shrink to something to check by hand."""
    false = PLANTED[name].false
    verdict = false.check(Budget(1.0, patience=PATIENT, seed=seed))
    assert verdict.status == "refuted", verdict.note
    assert verdict.counterexample is not None
    assert numbers(dict(verdict.counterexample.instance)) <= HAND_SIZED
    replay = false.replay(verdict.counterexample)
    assert replay.stands
    assert replay.same


@pytest.mark.parametrize("name", PLANTED)
def test_the_true_lemma_beside_it_is_not_refuted(name: str) -> None:
    """What each false lemma was made from survives the same search."""
    verdict = PLANTED[name].true.check(Budget(0.5, patience=PATIENT))
    assert verdict.status == "holds", verdict


def test_a_violation_where_it_is_hidden() -> None:
    """The counterexamples lie where the lemmas were made false: seven dimensions, a tie, gelu, γ below 1e-8."""
    found = {name: PLANTED[name].false.check(Budget(1.0, patience=PATIENT)).counterexample for name in NAMED}
    instances = {name: dict(one.instance) for name, one in found.items() if one is not None}
    assert instances["large-n"]["n"] == 7
    assert sorted(instances["ties"]["x"])[-1] == sorted(instances["ties"]["x"])[-2]
    assert instances["one-activation"]["name"] == "gelu"
    assert instances["tiny-gamma"]["gamma"] < 1e-8

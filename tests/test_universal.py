"""Universal statements: verdicts, twins, replays, budgets."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulate.errors import BadInput
from theorems import maths as m
from theorems.budget import FULL, QUICK, Budget
from theorems.domains import Domain
from theorems.ranges import Integers, Matrix, Reals, Sphere, Vector
from theorems.sides import Sides
from theorems.statement import Broken
from theorems.universal import Universal
from theorems.verdicts import Counterexample, Verdict

PATIENT = Budget(1.0, patience=60.0)
HASTY = Budget(0.1, patience=600.0)


def claim(domain: Domain, conclusion: Callable[..., Any], **more: Any) -> Universal:
    """A statement about all instances."""
    return Universal(id="mine", title="mine", domain=domain, conclusion=conclusion, **more)


N_X = Domain(n=Integers(1, 6), x=Vector("n"))
FALSE = claim(N_X, lambda x: Sides(m.norm(x, 1), 2 * m.norm(x)))
TRUE = claim(N_X, lambda n, x: Sides(m.norm(x, 1), m.sqrt(n) * m.norm(x)))


# --- verdicts ----------------------------------------------------------------------------------------


def test_a_true_statement_holds_with_its_evidence_and_tightness() -> None:
    """Searched, with the number of instances, and equality reached at an instance that is given."""
    verdict = TRUE.check(PATIENT)
    assert (verdict.status, verdict.evidence, verdict.counterexample) == ("holds", "searched", None)
    assert int(verdict.amount.split()[0].replace(",", "")) > 500
    assert verdict.tightness is not None
    assert verdict.tightness.ratio == pytest.approx(1.0, rel=1e-12)
    sides = TRUE.judge().sides(N_X.from_json(verdict.tightness.instance))
    assert sides.ratio == verdict.tightness.ratio


def test_a_false_statement_is_refuted_by_a_small_instance() -> None:
    """Exactly, in the smallest dimension, with both sides and what found it."""
    verdict = FALSE.check(PATIENT)
    assert (verdict.status, verdict.evidence, verdict.amount) == ("refuted", "exact", "found by structures")
    counterexample = verdict.counterexample
    assert counterexample is not None
    assert counterexample.instance == {"n": 5, "x": [1.0] * 5}
    assert (counterexample.smaller, counterexample.larger) == (5.0, 2 * math.sqrt(5))
    assert counterexample.words.startswith(
        "at n = 5, x = [1, 1, 1, 1, 1]: claimed: left ≤ right;  left = 5.0"
    )


def test_what_is_known_in_float64_only_is_refuted_by_search() -> None:
    """The evidence says so."""
    verdict = claim(N_X, lambda x: Sides(np.abs(np.asarray(x, dtype=float)).sum(), 2.0)).check(PATIENT)
    assert (verdict.status, verdict.evidence) == ("refuted", "searched")


def boom(*_: Any) -> Any:
    """Raise."""
    raise RuntimeError("boom")


@pytest.mark.parametrize(
    ("statement", "note"),
    [
        (claim(N_X, lambda x: boom()), "RuntimeError: boom at n = 1, x = [0]"),
        (
            claim(Domain(n=Integers(2, 8)), lambda n: Sides(1 / (n - 5), 1)),
            "ZeroDivisionError: division by zero at n = 5",
        ),
        (claim(N_X, lambda x: Sides(m.norm(x) / m.norm(x), 1)), "a side is NaN at n = 1, x = [0]"),
        (claim(N_X, lambda x: m.norm(x) < 1), "the conclusion returned bool, not Sides, at n = 1, x = [0]"),
        (claim(N_X, lambda y: Sides(y, 1)), "missing 1 required positional argument: 'y' at n = 1, x = [0]"),
        (claim(Domain(n=Integers(8, 2)), lambda n: Sides(0, 1)), "the range of n is empty: {8, …, 2}"),
        (claim(Domain(t=Reals(1, 0)), lambda t: Sides(0, 1)), "the range of t is empty: [1, 0]"),
        (
            claim(Domain(x=Vector(2), where={"generic": lambda x: boom()}), lambda x: Sides(0, 1)),
            "the condition 'generic': RuntimeError: boom at x = [0, 0]",
        ),
        (
            claim(Domain(n=Integers(1, 3), t=Reals(0, lambda v: boom())), lambda t: Sides(0, 1)),
            "the range [0, …] of t: RuntimeError: boom at n = 1",
        ),
    ],
    ids=["raises", "divides by 0", "NaN", "no sides", "unknown", "empty", "empty reals", "condition", "end"],
)
def test_a_broken_statement_is_no_pass(statement: Universal, note: str) -> None:
    """It is called broken, and the note says what failed and where."""
    verdict = statement.check(HASTY)
    assert verdict.status == "broken"
    assert verdict.counterexample is None
    assert note in verdict.note


def test_hypotheses_that_nothing_meets_are_vacuous() -> None:
    """An unmeetable condition, and a range that is empty wherever one looks."""
    never = claim(Domain(x=Vector(2), where={"|x| < 0": lambda x: m.norm(x) < 0}), lambda x: Sides(1, 0))
    nowhere = claim(Domain(n=Integers(1, 5), k=Integers("n", 0)), lambda n: Sides(1, 0))
    for statement in (never, nowhere):
        verdict = statement.check(HASTY)
        assert (verdict.status, verdict.counterexample) == ("vacuous", None)
        assert str(statement.domain) in verdict.note


def test_overflow_everywhere_is_undecided_and_overflow_somewhere_is_counted() -> None:
    """A statement that was never evaluated does not hold."""
    everywhere = claim(Domain(t=Reals(1e3, 1e4)), lambda t: Sides(math.exp(float(t)), 1))
    assert everywhere.check(HASTY).status == "undecided"
    somewhere = claim(Domain(t=Reals(0, 1e4)), lambda t: Sides(1, math.exp(float(t))))
    verdict = somewhere.check(HASTY)
    assert verdict.status == "holds"
    assert "float64 overflows at" in verdict.note


def test_a_conclusion_that_spoils_its_arguments_changes_nothing() -> None:
    """The counterexample is the instance as it was, and it replays."""

    def spoil(x: Any) -> Sides:
        size = m.norm(x)
        x -= x
        return Sides(size, 2.0)

    statement = claim(N_X, spoil)
    verdict = statement.check(PATIENT)
    assert verdict.counterexample is not None
    assert m.norm(np.array(verdict.counterexample.instance["x"])) > 2
    replay = statement.replay(verdict.counterexample)
    assert replay.stands
    assert replay.same


def test_a_slow_conclusion_is_cut_short_and_the_verdict_says_so() -> None:
    """Every stage still has its share of the time."""
    import time

    def slow(n: int) -> Sides:
        time.sleep(0.02)
        return Sides(n, 10)

    verdict = claim(Domain(n=Integers(1, 9), x=Vector("n")), slow).check(Budget(0.1, patience=4))
    assert verdict.status == "holds"
    assert verdict.note == "cut short by the time limit"


def test_the_same_check_gives_the_same_verdict() -> None:
    """To the last digit of tightness and counterexample."""
    for statement in (TRUE, FALSE):
        assert statement.check(PATIENT) == statement.check(PATIENT)


# --- twins -------------------------------------------------------------------------------------------

HOLD: dict[str, Universal] = {
    "tight": TRUE,
    "exact": replace(TRUE, exact=True),
    "loose": claim(N_X, lambda x: Sides(m.norm(x), 1e6 * m.norm(x, 1))),
    "strict": claim(Domain(t=Reals()), lambda t: Sides(m.tanh(t), 1, "<")),
    "negative sides": claim(Domain(t=Reals(1, 3)), lambda t: Sides(-2 * t, -t)),
    "equality": claim(N_X, lambda x: Sides.equal(m.norm(x) ** 2, x @ x)),
    "exact equality": claim(N_X, lambda x: Sides.equal(m.norm(x) ** 2, x @ x), exact=True),
    "logarithms": claim(Domain(t=Reals(1, 9)), lambda t: Sides(-t * t, -t, log=True)),
    "far apart logarithms": claim(Domain(t=Reals(2, 9)), lambda t: Sides(-1000 * t, -t, log=True)),
    "true or false": claim(
        Domain(n=Integers(1, 9)),
        lambda n: Sides.true(n * n >= n),
        made_false=lambda n: Sides.true(n * n > n),
    ),
    "matrices": claim(
        Domain(n=Integers(1, 4), A=Matrix("n", "n")),
        lambda n, A: Sides(m.frobenius_norm(A), m.sqrt(n) * m.spectral_norm(A)),
    ),
    "only the gradient gets near": claim(
        Domain(x=Vector(4, Reals(0.3, 3))), lambda x: Sides(m.sum(m.sin(x + m.sin(3 * x))), 4)
    ),
    "on a sphere": claim(Domain(n=Integers(2, 6), x=Sphere("n")), lambda n, x: Sides(m.norm(x, 1), n)),
    "numpy only": claim(
        N_X, lambda x: Sides(np.abs(np.asarray(x, float)).max(), np.linalg.norm(np.asarray(x, float)))
    ),
}


@pytest.mark.parametrize("name", HOLD)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_twin_of_what_holds_is_refuted(name: str, seed: int) -> None:
    """Within the quick budget: the search can refute what is false by 5 %."""
    statement, budget = HOLD[name], replace(PATIENT, seed=seed)
    verdict = statement.check(budget)
    assert verdict.status == "holds", verdict
    twin = statement.twin(verdict)
    assert twin.id == "mine.twin"
    assert "(" in twin.title
    refuted = twin.check(budget)
    assert refuted.status == "refuted"
    assert refuted.counterexample is not None
    assert twin.replay(refuted.counterexample).stands


def test_a_statement_whose_sides_were_never_compared_has_no_twin() -> None:
    """It says what to give it."""
    for statement in (
        claim(N_X, lambda x: Sides.true(True)),
        claim(N_X, lambda x: Sides(-1, m.norm(x))),
    ):
        verdict = statement.check(HASTY)
        assert verdict.status == "holds"
        with pytest.raises(Broken, match="made_false"):
            statement.twin(verdict)
    with pytest.raises(Broken, match="made_false"):
        TRUE.twin(Verdict("holds"))


# --- replays -----------------------------------------------------------------------------------------


def refutation() -> Counterexample:
    """The counterexample to the false statement."""
    counterexample = FALSE.check(PATIENT).counterexample
    assert counterexample is not None
    return counterexample


def test_a_counterexample_replays_from_a_file(tmp_path: Path) -> None:
    """Bit for bit, in float64 and with 50 digits."""
    refutation().save(tmp_path / "found.json")
    replay = FALSE.replay(Counterexample.load(tmp_path / "found.json"))
    assert replay.stands
    assert replay.same
    assert replay.precise is not None
    assert abs(float(replay.precise.larger) - replay.sides.larger) < 1e-14


@pytest.mark.parametrize(
    ("instance", "fault"),
    [
        ({"n": 5, "x": [1.0] * 4}, "x is not in ℝ^n"),
        ({"n": 7, "x": [1.0] * 7}, "n is not in {1, …, 6}"),
        ({"n": 1, "x": [1.0]}, None),
    ],
)
def test_a_counterexample_outside_the_hypotheses_or_without_violation_does_not_stand(
    instance: dict[str, Any], fault: str | None
) -> None:
    """The replay says which hypothesis is broken, if one is."""
    replay = FALSE.replay(replace(refutation(), instance=instance))
    assert replay.fault == fault
    assert not replay.stands


def test_a_counterexample_to_another_statement_is_refused() -> None:
    """Its variables are others."""
    with pytest.raises(BadInput, match="the variables are n, x"):
        FALSE.replay(replace(refutation(), instance={"t": 1.0}))


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    """The digest is that of another instance."""
    data = refutation().to_json()
    data["instance"]["x"][0] = 2.0
    (tmp_path / "changed.json").write_text(json.dumps(data))
    with pytest.raises(BadInput, match="changed"):
        Counterexample.load(tmp_path / "changed.json")


# --- budgets -----------------------------------------------------------------------------------------


def test_budgets_are_named_or_numbers_of_seconds() -> None:
    """Quick, full, or a number above 0; more seconds are more work of every kind."""
    assert Budget.parse("quick") == QUICK
    assert Budget.parse("full") == FULL
    assert Budget.parse("2.5") == Budget(2.5)
    for kind in ("corners", "samples", "examples", "climbs", "groups", "simplifications", "trials"):
        assert getattr(QUICK, kind) < getattr(FULL, kind)


@pytest.mark.parametrize("text", ["", "fast", "0", "-1", "nan", "inf"])
def test_other_budgets_are_refused(text: str) -> None:
    """In one line that says what a budget is."""
    with pytest.raises(BadInput, match="a budget is quick, full, or a number of seconds above 0"):
        Budget.parse(text)

"""`theorems.testing`: a statement as a test fails exactly when it should, with something to paste."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from small_statements import BROKEN, FALSE, OPEN, SLIP, SLIP_MENDED, TRUE, VACUOUS

from simulate.errors import BadInput
from theorems import Budget, Counterexample, Domain, Integers, Reals, Sides, Universal
from theorems.documents import OutputDirectory
from theorems.ledger import Entry, Ledger
from theorems.statement import Statement
from theorems.testing import explored, property_tests, stands
from theorems.userfile import load_all
from theorems.verdicts import Verdict
from theorems.verify import verify
from theorems.workers import Subject

BUDGET = Budget(0.5)
Failed = pytest.fail.Exception


def run_test(statement: Statement) -> None:
    """Run the test of one statement."""
    property_tests([statement], budget=BUDGET)(statement)


def test_what_holds_passes() -> None:
    """A true universal statement and a right number pass."""
    for statement in (TRUE, SLIP_MENDED):
        run_test(statement)


def test_a_refutation_fails_with_something_to_paste(tmp_path: Path) -> None:
    """The failure of a false statement carries both sides and a counterexample that stands when it is replayed."""
    for statement in (FALSE, SLIP):
        with pytest.raises(Failed) as failure:
            run_test(statement)
        message = str(failure.value)
        assert message.startswith(f"{statement.id} is refuted: ")
        pasted = re.search(r"simulate replay - <<'END'\n(.*)\nEND$", message, re.DOTALL)
        assert pasted is not None
        stands(statement, Counterexample.from_json(json.loads(pasted[1])))


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (BROKEN, "small.broken is broken: ZeroDivisionError: division by zero at n = 1"),
        (VACUOUS, "small.vacuous is vacuous: no instance met the hypotheses"),
        (OPEN, "small.open is undecided: this construction fails"),
    ],
    ids=lambda value: value.id if isinstance(value, Statement) else "",
)
def test_nothing_passes_on_nothing(statement: Statement, message: str) -> None:
    """Broken, vacuous and undecided statements fail, and say why."""
    with pytest.raises(Failed) as failure:
        run_test(statement)
    assert str(failure.value).startswith(message)


def test_no_statement_is_an_error(tmp_path: Path) -> None:
    """An empty collection and a file without statements are refused where the test is made."""
    with pytest.raises(BadInput, match="there is no statement to test"):
        property_tests([])
    (tmp_path / "paper.py").write_text("x = 1\n")
    with pytest.raises(BadInput, match="has assigned no statement"):
        property_tests(tmp_path / "paper.py")
    with pytest.raises(BadInput, match=r"cannot read .*nowhere\.py"):
        property_tests("nowhere.py")


def test_hypothesis_explores_beyond_the_corners() -> None:
    """A violation that no structured instance meets is found by Hypothesis, shrunk, and found again each time."""
    needle = Universal(
        id="needle",
        domain=Domain(n=Integers(0, 10**6), x=Reals(0, 100)),
        conclusion=lambda n, x: Sides(
            float(n > 40 and n % 3 == 2 and 3.1 < x < 70 and 0.1 < x % 1 < 0.45), 0.0
        ),
    )
    verdict = explored(needle, BUDGET)
    assert verdict.status == "refuted"
    assert verdict.counterexample is not None
    assert verdict.amount == "found by Hypothesis"
    assert explored(needle, BUDGET) == verdict
    stands(needle, verdict.counterexample)


def test_a_gradient_may_find_what_hypothesis_does_not() -> None:
    """A user's statement is hunted as by verify: what only a gradient finds fails the test."""
    peak = Universal(
        id="peak",
        domain=Domain(x=Reals(-1000, 1000)),
        conclusion=lambda x: Sides(1 / (1 + (x - 0.5432) ** 2), 0.99999),
    )
    # A landscape that Hypothesis' few examples miss and a gradient climbs.
    assert explored(peak, Budget(0.01)).status == "holds"
    with pytest.raises(Failed, match="peak is refuted"):
        run_test(peak)


def test_a_stored_counterexample_must_stand() -> None:
    """A known refutation passes by replay; one that no longer stands fails and says why."""
    (checked,) = verify([Subject(FALSE)], BUDGET, Ledger())
    counterexample = checked.verdict.counterexample
    assert counterexample is not None
    stands(FALSE, counterexample)
    with pytest.raises(Failed, match="does not stand: the claim holds there"):
        stands(replace(TRUE, domain=FALSE.domain), counterexample)
    with pytest.raises(Failed, match="does not stand: it violates a hypothesis: n is not in"):
        stands(FALSE, replace(counterexample, instance={"n": 9, "x": [1.0] * 9}))


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> dict[str, Entry]:
    """A registry of four statements in the place of the one that ships, with entries to be changed."""
    every = {one.id: one for one in (TRUE, OPEN, VACUOUS, FALSE)}
    (checked,) = verify([Subject(FALSE)], BUDGET, Ledger())
    entries = {
        TRUE.id: Entry(Verdict("holds"), 1.0),
        OPEN.id: Entry(Verdict("undecided"), 1.0),
        VACUOUS.id: Entry(Verdict("vacuous"), 1.0),
        FALSE.id: Entry(checked.verdict, 1.0),
    }
    monkeypatch.setattr("theorems.testing.registry", lambda: every)
    monkeypatch.setattr("theorems.testing.shipped", lambda: Ledger(entries))
    return entries


def test_the_registry_is_held_against_its_ledger(shipped: dict[str, Entry]) -> None:
    """What ships passes when its verdict is the ledger's, whatever that is, and fails when it is another."""
    for statement in (TRUE, OPEN, VACUOUS, FALSE):
        property_tests()(statement)
    shipped[TRUE.id] = Entry(Verdict("undecided"), 1.0)
    with pytest.raises(Failed, match=r"small\.norms\.corrected is holds"):
        property_tests()(TRUE)
    shipped[VACUOUS.id] = Entry(Verdict("holds"), 1.0)
    with pytest.raises(Failed, match=r"small\.vacuous is vacuous"):
        property_tests()(VACUOUS)
    del shipped[FALSE.id]
    with pytest.raises(Failed, match=r"small\.norms is not in the ledger"):
        property_tests()(FALSE)


def test_more_budget_is_said_not_passed(shipped: dict[str, Entry]) -> None:
    """What the ledger decided with a larger budget is skipped with the command that decides it."""
    shipped[OPEN.id] = Entry(Verdict("holds", "sampled"), 60.0)
    with pytest.raises(pytest.skip.Exception, match=r"simulate verify small\.open --budget 60"):
        property_tests()(OPEN)
    shipped[OPEN.id] = Entry(Verdict("holds", "sampled"), 1.0)
    with pytest.raises(Failed, match=r"small\.open is undecided"):
        property_tests()(OPEN)


TEST_FILE = """
from theorems.testing import property_tests

test_my_paper = property_tests("my_paper.py")
"""
PAPER = """
from theorems import Domain, Integers, Sides, Universal

SQUARE = Universal(id="square", domain=Domain(n=Integers(1, 5)), conclusion=lambda n: Sides(n, n * n))
CUBE = Universal(id="cube", domain=Domain(n=Integers(1, 5)), conclusion=lambda n: Sides(n ** 3, n * n))
"""


def test_pytest_shows_one_test_a_statement(tmp_path: Path) -> None:
    """Two lines of a test file give one test a statement, whose failure can be pasted into a shell as it stands."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "my_paper.py").write_text(PAPER)
    (tmp_path / "tests" / "test_my_paper.py").write_text(TEST_FILE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "test_my_paper[cube]" in done.stdout
    pasted = re.search(r"simulate (replay - .*? <<'END'\n.*?\nEND)\n", done.stdout, re.DOTALL)
    assert pasted is not None
    shell = f"{sys.executable} -m simulate.cli {pasted[1]}\n"
    done = subprocess.run(["bash", "-c", shell], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("the counterexample stands\n")


def test_known_refutations_of_ones_own(tmp_path: Path) -> None:
    """With the directory of `verify --out`, a statement that is known to be false is tested by replay."""
    (tmp_path / "my_paper.py").write_text(PAPER)
    with pytest.raises(BadInput, match="holds no counterexample to these statements"):
        property_tests(tmp_path / "my_paper.py", counterexamples=tmp_path)
    subjects = [Subject(one, path) for path, one in load_all([tmp_path / "my_paper.py"])]
    verify(subjects, BUDGET, Ledger(), each=OutputDirectory(tmp_path / "out", BUDGET).add)
    test = property_tests(tmp_path / "my_paper.py", counterexamples=tmp_path / "out")
    for subject in subjects:
        test(subject.statement)

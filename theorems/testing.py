"""Statements as tests: one line in a test file keeps a paper true.

    from theorems.testing import property_tests

    test_my_paper = property_tests("my_paper.py")

pytest then shows one test a statement. Nothing passes on nothing: a file without statements, hypotheses that no
instance meets, a statement that is broken or undecided all fail.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from simulate.errors import BadInput
from theorems.budget import QUICK, Budget
from theorems.falsifier import Findings
from theorems.falsifier.explore import explore
from theorems.falsifier.hunt import structures
from theorems.falsifier.simplify import simplify
from theorems.latex import plain
from theorems.ledger import Entry, Ledger, counterexample_path, shipped
from theorems.registry import registry
from theorems.statement import Statement
from theorems.universal import Universal, verdict_of
from theorems.userfile import load
from theorems.verdicts import Counterexample, Verdict
from theorems.workers import check

PROPERTY = Budget(0.1, patience=30.0)
"""Budget of the Hypothesis property of a statement that ships: the ledger vouches for the longer search."""


def property_tests(
    place: Path | str | Iterable[Statement] | None = None,
    *,
    counterexamples: Path | str | None = None,
    budget: Budget = QUICK,
) -> Callable[..., None]:
    """A parametrised pytest test of every statement in a file; assign it to a name that begins with `test_`.

    Statements are checked as by `simulate verify`: a universal one as a property that Hypothesis explores, always
    with the same examples, beside structured and random instances and gradient ascent. (Of universal statements
    that ship and hold, a short exploration alone: the ledger vouches for the long one.) A failure carries the
    counterexample and a command to paste, which replays it. A statement that is known to be refuted is tested
    by replaying its stored counterexample, which must stand.

    Args:
        place: a file of your own, looked for beside the file that calls this and then in the current directory;
            or statements themselves; None for all that ship, with the ledger's verdicts.
        counterexamples: of your own statements that are known to be refuted: the directory that `simulate verify
            my_paper.py --out DIR` wrote, with DIR/counterexamples/ID.json.
        budget: of every check.

    Returns:
        The test function.

    Raises:
        BadInput: the file cannot be used, or holds no statement.

    """
    if place is None:
        chosen, known, file = tuple(registry().values()), shipped(), None
    else:
        around = Path(sys._getframe(1).f_globals.get("__file__", "."))
        if isinstance(place, Path | str):
            file = _beside(Path(place), around)
            chosen = load(file)
        else:
            chosen, file = tuple(place), None
        stored = None if counterexamples is None else _beside(Path(counterexamples), around)
        known = _known(chosen, stored)
    if not chosen:
        raise BadInput("there is no statement to test")
    ships = place is None

    @pytest.mark.parametrize("statement", chosen, ids=[one.id for one in chosen])
    def test(statement: Statement) -> None:
        """The statement holds, or its stored counterexample stands."""
        __tracebackhide__ = True
        entry = known.entries.get(statement.id)
        if entry is not None and entry.verdict.counterexample is not None:
            stands(statement, entry.verdict.counterexample)
        elif ships:
            _as_in_the_ledger(statement, entry, budget)
        else:
            _demand("holds", statement, check(statement, budget), file)

    return test


def stands(statement: Statement, counterexample: Counterexample) -> None:
    """Fail unless a stored counterexample, evaluated again, satisfies the hypotheses and contradicts the claim."""
    __tracebackhide__ = True
    replay = statement.replay(counterexample)
    if not replay.stands:
        why = (
            f"it violates a hypothesis: {replay.fault}"
            if replay.fault
            else f"the claim holds there: {replay.sides}"
        )
        _fail(f"the stored counterexample to {statement.id} does not stand: {why}")


def _as_in_the_ledger(statement: Statement, entry: Entry | None, budget: Budget) -> None:
    __tracebackhide__ = True
    if entry is None:
        _fail(f"{statement.id} is not in the ledger: python -m theorems.ledger {statement.id}")
    if isinstance(statement, Universal) and entry.verdict.status == "holds":
        verdict = explored(statement, replace(PROPERTY, seed=budget.seed))
    else:
        verdict = check(statement, replace(budget, patience=30.0))
    if verdict.status == "undecided" != entry.verdict.status and budget.seconds < entry.seconds:
        pytest.skip(
            f"undecided within {budget.seconds:g} s; the ledger decided it with {entry.seconds:g} s: "
            f"simulate verify {statement.id} --budget {entry.seconds:g}"
        )
    _demand(entry.verdict.status, statement, verdict, None)


def explored(statement: Universal, budget: Budget) -> Verdict:
    """What structured instances and then Hypothesis find about a universal statement, always the same ones."""
    judge, findings = statement.judge(), Findings()
    deadline = budget.deadline()
    try:
        structures(judge, findings, budget, deadline)
        if findings.violation is None:
            explore(judge, findings, budget, deadline)
        if findings.violation is not None:
            findings.violation = simplify(judge, findings.violation, budget)
    except Exception as error:
        return Verdict("broken", note=str(error))
    return verdict_of(statement, judge, findings)


def _demand(wanted: str, statement: Statement, verdict: Verdict, file: Path | None) -> None:
    """Fail unless a verdict is the one that is wanted."""
    __tracebackhide__ = True
    if verdict.status == wanted:
        return
    counterexample = verdict.counterexample
    if counterexample is None:
        _fail(f"{statement.id} is {verdict.status}{f': {verdict.note}' if verdict.note else ''}")
    option = f" --statement {file}" if file is not None else ""
    data = json.dumps(counterexample.to_json(), ensure_ascii=False)
    _fail(
        f"{statement.id} is refuted: {counterexample.words}\n"
        f"claim: {plain(statement.text)}\n"
        f"to see it again, paste:\nsimulate replay -{option} <<'END'\n{data}\nEND"
    )


def _fail(message: str) -> NoReturn:
    __tracebackhide__ = True
    pytest.fail(message, pytrace=False)


def _beside(path: Path, caller: Path) -> Path:
    """A path beside the calling file if there is such a thing, else as it stands."""
    there = caller.parent / path
    return there if there.exists() else path


def _known(statements: Iterable[Statement], directory: Path | None) -> Ledger:
    """The stored counterexamples of a directory as a ledger."""
    if directory is None:
        return Ledger()
    entries = {}
    for one in statements:
        path = counterexample_path(one.id, directory)
        if path.exists():
            entries[one.id] = Entry(Verdict("refuted", counterexample=Counterexample.load(path)), 0.0)
    if not entries:
        raise BadInput(
            f"{directory} holds no counterexample to these statements: simulate verify --out writes them"
        )
    return Ledger(entries)

"""Every statement that ships, held against the ledger: properties, replays, and twins that must be refuted."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulate.errors import BadInput
from theorems import Budget, Counterexample, Statement
from theorems.ledger import HERE, counterexample_path, file_stem, shipped
from theorems.registry import corrections, registry
from theorems.statement import OWN
from theorems.testing import property_tests
from theorems.workers import check

STATEMENTS = registry()
LEDGER = shipped()
HOLDING = [
    name for name, entry in LEDGER.entries.items() if entry.verdict.status == "holds" and name in STATEMENTS
]
REFUTED = [
    name for name, entry in LEDGER.entries.items() if entry.verdict.status == "refuted" and name in STATEMENTS
]
CORRECTIONS = corrections(STATEMENTS.values())
NO_CORRECTION = "No correction: "
"""How the reading of a refuted statement begins to say why nothing is put in its place."""

test_statement = property_tests()


# ----------------------------------------------------------------------------------------------- the twins


@pytest.mark.parametrize("name", HOLDING)
def test_a_twin_is_refuted(name: str) -> None:
    """What holds has a twin, made false by a stated strength, that the checker refutes within the quick budget."""
    verdict = LEDGER.entries[name].verdict
    twin = STATEMENTS[name].twin(verdict)
    assert twin.id != name
    # Most twins fall at once; a small budget leaves out the long search for a simpler counterexample.
    for seconds in (0.1, 1.0):
        found = check(twin, Budget(seconds, patience=30.0))
        if found.status == "refuted":
            break
    assert found.status == "refuted", f"{twin.title}: {found.status} {found.note}"
    assert found.counterexample is not None
    assert twin.replay(found.counterexample).stands


# --------------------------------------------------------------------------------- stored counterexamples


@pytest.mark.parametrize("name", REFUTED)
def test_a_stored_counterexample_replays_bit_for_bit(name: str) -> None:
    """Evaluated from scratch, the instance satisfies the hypotheses and has exactly the sides of the file."""
    counterexample = Counterexample.load(counterexample_path(name))
    replay = STATEMENTS[name].replay(counterexample)
    assert replay.stands
    assert replay.same
    assert (counterexample.statement, counterexample.kind) == (name, STATEMENTS[name].kind)


def places(data: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values in JSON data."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else None
    if items is None:
        yield place
        return
    for key, value in items:
        yield from places(value, (*place, key))


@pytest.mark.parametrize("name", REFUTED)
def test_tampering_is_refused(name: str) -> None:
    """A stored counterexample with any one value changed is refused."""
    data = json.loads(counterexample_path(name).read_text(encoding="utf-8"))
    for place in list(places(data))[:200]:
        changed = copy.deepcopy(data)
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        value = inner[place[-1]]
        inner[place[-1]] = f"{value}x" if isinstance(value, str) or value is None else not value
        with pytest.raises(BadInput):
            Counterexample.from_json(changed)


def test_every_file_belongs_to_a_refuted_statement() -> None:
    """The directory of counterexamples holds those of the ledger and nothing else."""
    files = {path.name for path in (HERE / "counterexamples").glob("*")}
    assert files == {f"{file_stem(name)}.json" for name in REFUTED}


# ------------------------------------------------------------------------------------------- the records


def test_there_is_something_to_test() -> None:
    """Statements ship, every one of them has an entry, and the ledger knows no other; some hold, some are refuted."""
    assert len(STATEMENTS) >= 100
    assert set(STATEMENTS) == set(LEDGER.entries)
    assert len(HOLDING) >= 50
    assert len(REFUTED) >= 20


def test_ids_are_permanent() -> None:
    """No id of a retired statement is used again, and an id is a file name that begins with its document."""
    assert not set(LEDGER.retired) & set(STATEMENTS)
    assert len({name.lower() for name in STATEMENTS}) == len(STATEMENTS)  # for file systems that know no case
    for name, statement in STATEMENTS.items():
        assert re.fullmatch(r"\d{3}\.[A-Za-z0-9.-]+", name), name
        assert name.startswith(f"{statement.source.document}."), name
        assert file_stem(name) == name


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
def test_a_record_is_complete(statement: Statement) -> None:
    """Every statement has title, claim, reading and a source with document and number; it names no private place."""
    assert statement.title
    assert statement.text
    assert statement.reading
    assert statement.source != OWN
    assert statement.source.name
    assert re.fullmatch(r"\d{3}", statement.source.document or "")
    assert statement.source.number
    for words in (statement.title, statement.text, statement.reading):
        assert "\n" not in words
        assert words == words.strip()


def test_corrections_correct_something() -> None:
    """What is corrected ships, and every correction says what was wrong."""
    for name, repairs in CORRECTIONS.items():
        assert name in STATEMENTS
        for repair in repairs:
            assert repair.repair is not None, repair.id
            assert repair.id != name


@pytest.mark.parametrize("name", REFUTED)
def test_what_is_false_is_corrected(name: str) -> None:
    """A refuted statement has a correction that holds, or its reading says why there is none."""
    # A repair that is refuted too is excused by another repair of the same statement.
    repaired = STATEMENTS[name].corrects or name
    repairs = [*CORRECTIONS.get(name, []), *CORRECTIONS.get(repaired, [])]
    holding = [one for one in repairs if LEDGER.entries[one.id].verdict.status == "holds"]
    assert holding or NO_CORRECTION in STATEMENTS[name].reading


def test_the_ledger_ships() -> None:
    """The wheel is built from directories, so that the ledger and its counterexamples are inside."""
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert 'packages = ["simulate", "theorems", "figures"]' in text
    ignored = (Path(__file__).parent.parent / ".gitignore").read_text(encoding="utf-8")
    assert "json" not in ignored

"""Replaying: a counterexample file is evaluated from scratch, and is believed only as far as that goes."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import mpmath
import pytest
from small_statements import FALSE, OPEN, SLIP, TRUE

from simulate.errors import BadInput
from theorems import Budget, Counterexample, Sides
from theorems.ledger import Ledger
from theorems.replay import load, replay_of, statement_of
from theorems.sheet import replayed
from theorems.statement import Broken, Replay, Statement
from theorems.verify import verify
from theorems.workers import Subject


def found(statement: Statement) -> Counterexample:
    """The counterexample that a check finds."""
    (checked,) = verify([Subject(statement)], Budget(0.5), Ledger())
    assert checked.verdict.counterexample is not None
    return checked.verdict.counterexample


@pytest.fixture(scope="module")
def norms() -> Counterexample:
    """The counterexample to the false statement about norms."""
    return found(FALSE)


def signed(counterexample: Counterexample, **changes: Any) -> Counterexample:
    """A counterexample that somebody changed and signed again."""
    data = {**counterexample.to_json(), **changes}
    data.pop("digest")
    return Counterexample(**{**data, "smaller": float(data["smaller"]), "larger": float(data["larger"])})


@pytest.mark.parametrize("statement", [FALSE, SLIP], ids=lambda statement: statement.id)
def test_a_counterexample_stands_bit_for_bit(statement: Statement, tmp_path: Path) -> None:
    """Written to a file and read back, it gives the same float64 sides, and contradicts the claim with 50 digits."""
    found(statement).save(tmp_path / "c.json")
    counterexample = load(tmp_path / "c.json")
    replay = replay_of(statement, counterexample)
    assert (replay.stands, replay.same, replay.fault) == (True, True, None)
    assert (replay.sides.smaller, replay.sides.larger) == (counterexample.smaller, counterexample.larger)
    assert replay.precise is not None
    assert replay.precise.smaller > replay.precise.larger


def leaves(data: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all values in JSON data."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else None
    if items is None:
        return [place]
    return [leaf for key, value in items for leaf in leaves(value, (*place, key))]


def test_tampering_with_any_field_is_refused(norms: Counterexample, tmp_path: Path) -> None:
    """A changed value, a lost field and an added one are refused in every place of the file, in one line."""
    data = norms.to_json()
    places = leaves(data)
    assert len(places) >= 9
    for place in places:
        changed = copy.deepcopy(data)
        inner = changed
        for key in place[:-1]:
            inner = inner[key]
        value = inner[place[-1]]
        inner[place[-1]] = value + "x" if isinstance(value, str) else value + 1
        (tmp_path / "c.json").write_text(json.dumps(changed))
        with pytest.raises(BadInput) as error:
            load(tmp_path / "c.json")
        assert "\n" not in str(error.value)
    for key in data:
        (tmp_path / "c.json").write_text(json.dumps({name: data[name] for name in data if name != key}))
        with pytest.raises(BadInput, match="this is no counterexample"):
            load(tmp_path / "c.json")
    (tmp_path / "c.json").write_text(json.dumps({**data, "comment": "mine"}))
    with pytest.raises(BadInput, match="was changed after it was written"):
        load(tmp_path / "c.json")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "is not JSON"),
        ("[1, 2]", "this is no counterexample"),
        ("null", "this is no counterexample"),
        ('{"statement": 1', "is not JSON"),
        ("[" * 100_000, "is no"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, line: str) -> None:
    """What is no counterexample is refused in one line, not with a traceback."""
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(BadInput, match=line):
        load(tmp_path / "c.json")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is one line with its name."""
    with pytest.raises(BadInput, match=r"cannot read .*c\.json: No such file or directory"):
        load(tmp_path / "c.json")


def test_an_instance_outside_the_hypotheses_does_not_stand(norms: Counterexample) -> None:
    """An instance that breaks a hypothesis refutes nothing, however it was signed; the fault is named."""
    outside = signed(norms, instance={"n": 5, "x": [1.0] * 5})
    replay = replay_of(FALSE, outside)
    assert not replay.stands
    assert replay.fault == "n is not in {1, …, 4}"
    assert "violated: n is not in" in replayed(FALSE, outside, replay)


def test_a_signed_instance_that_holds_does_not_stand(norms: Counterexample) -> None:
    """Sides in the file are not believed: those of the instance decide."""
    harmless = signed(norms, instance={"n": 1, "x": [1.0]})
    replay = replay_of(FALSE, harmless)
    assert (replay.stands, replay.same) == (False, False)
    shown = replayed(FALSE, harmless, replay)
    assert "the file has other numbers" in shown
    assert shown.endswith("the counterexample does not stand")


@pytest.mark.parametrize(
    "instance",
    [{}, {"n": 2}, {"n": "two", "x": [1.0, 1.0]}, {"n": 2, "x": [[1.0], [1.0, 2.0]]}, {"n": 2, "x": "ones"}],
    ids=["empty", "a variable lost", "a word for a number", "ragged", "a word for a vector"],
)
def test_an_instance_that_does_not_fit(norms: Counterexample, instance: dict[str, Any]) -> None:
    """An instance of other variables or shapes is refused, or breaks a hypothesis: it never stands."""
    try:
        stands = replay_of(FALSE, signed(norms, instance=instance)).stands
    except BadInput:
        stands = False
    assert not stands


def test_a_construction_that_fails_cannot_be_replayed(norms: Counterexample) -> None:
    """An existence statement without obstruction has no counterexamples, and says so."""
    with pytest.raises(Broken, match="a failed construction refutes nothing"):
        replay_of(OPEN, signed(norms, statement=OPEN.id, kind="existence", instance={"n": 1}))


def test_the_statement_is_looked_for(norms: Counterexample, tmp_path: Path) -> None:
    """An unknown id and another kind are refused in one line; the user's file is found by --statement."""
    with pytest.raises(BadInput, match=r"no statement is called 'small\.norms'; give --statement FILE\.py"):
        statement_of(norms)
    file = tmp_path / "paper.py"
    file.write_text("from small_statements import FALSE, SLIP\n")
    assert statement_of(norms, file=file) is FALSE
    with pytest.raises(
        BadInput, match=r"no statement is called 'small\.nrms' in .*did you mean small\.norms"
    ):
        statement_of(signed(norms, statement="small.nrms"), file=file)
    with pytest.raises(
        BadInput, match=r"small\.number is of the kind value, the counterexample of universal"
    ):
        statement_of(signed(norms, statement=SLIP.id), file=file)


def test_a_corrected_statement_survives(norms: Counterexample) -> None:
    """The counterexample to the printed statement is none to its correction."""
    assert not replay_of(TRUE, signed(norms, statement=TRUE.id, instance={"n": 2})).stands


def test_a_side_beyond_all_floats_is_a_power_of_ten(norms: Counterexample) -> None:
    """A precise side with millions of digits is printed by its order of magnitude."""
    with mpmath.workdps(50):
        precise = Sides(mpmath.mpf(10) ** 123456, mpmath.mpf(2))
    replay = Replay(None, Sides(math.inf, 2.0), precise, True, True)
    assert "50 digits       left = 10^123456.0, right = 2.0" in replayed(FALSE, norms, replay)

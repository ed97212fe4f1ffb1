"""The ledger: verdicts as committed files, renewed one by one, never less than they were."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from small_statements import BROKEN, FALSE, OPEN, SLIP, STATEMENTS, TRUE

from simulate.errors import BadInput
from theorems import Budget, Verdict
from theorems.ledger import Entry, Ledger, counterexample_path, file_stem, main, renewed
from theorems.statement import Statement
from theorems.verify import Checked, verify
from theorems.workers import Subject

BUDGET = Budget(0.5)
IDS = [one.id for one in STATEMENTS]


@pytest.fixture(scope="module")
def checked() -> list[Checked]:
    """The verdicts of the small registry, against an empty ledger."""
    return verify([Subject(one) for one in STATEMENTS], BUDGET, Ledger())


@pytest.fixture
def ledger(checked: list[Checked]) -> Ledger:
    """The ledger of these verdicts."""
    return renewed(Ledger(), checked, IDS)


def test_a_ledger_comes_back_as_it_was_written(ledger: Ledger, tmp_path: Path) -> None:
    """Verdict, evidence, tightness, counterexample and budget survive the files, and the files are stable."""
    ledger.save(tmp_path)
    again = Ledger.load(tmp_path)
    assert {name: one.verdict.to_json() for name, one in again.entries.items()} == {
        name: one.verdict.to_json() for name, one in ledger.entries.items()
    }
    assert all((one.seconds, one.seed) == (0.5, 0) for one in again.entries.values())
    first = (tmp_path / "ledger.json").read_bytes()
    again.save(tmp_path)
    assert (tmp_path / "ledger.json").read_bytes() == first
    assert sorted(path.stem for path in (tmp_path / "counterexamples").iterdir()) == [FALSE.id, SLIP.id]


def test_one_line_a_statement(ledger: Ledger, tmp_path: Path) -> None:
    """A change of one verdict changes one line of the committed file."""
    ledger.save(tmp_path)
    lines = (tmp_path / "ledger.json").read_text().splitlines()
    changed = replace(ledger.entries[TRUE.id], seconds=60.0)
    Ledger({**ledger.entries, TRUE.id: changed}).save(tmp_path)
    differing = [
        one
        for one, two in zip(lines, (tmp_path / "ledger.json").read_text().splitlines(), strict=True)
        if one != two
    ]
    assert len(differing) == 1
    assert TRUE.id in differing[0]


def test_no_file_is_an_empty_ledger(tmp_path: Path) -> None:
    """Before the first verdict there is no entry, and no error."""
    assert Ledger.load(tmp_path) == Ledger()


@pytest.mark.parametrize("damage", ["truncated", "no format", "other format", "entry without verdict"])
def test_a_damaged_ledger_is_refused(ledger: Ledger, tmp_path: Path, damage: str) -> None:
    """A ledger that cannot be read as one is refused by its path."""
    ledger.save(tmp_path)
    path = tmp_path / "ledger.json"
    data = json.loads(path.read_text())
    if damage == "no format":
        del data["format"]
    if damage == "other format":
        data["format"] = 99
    if damage == "entry without verdict":
        del data["statements"][TRUE.id]["verdict"]
    text = json.dumps(data)
    path.write_text(text[:-9] if damage == "truncated" else text)
    with pytest.raises(BadInput, match=r"ledger\.json (is damaged|has format 99)"):
        Ledger.load(tmp_path)


def test_a_counterexample_belongs_to_its_entry(ledger: Ledger, tmp_path: Path) -> None:
    """A missing, changed or exchanged counterexample file is noticed when the ledger is read."""
    ledger.save(tmp_path)
    mine, other = (counterexample_path(name, tmp_path) for name in (FALSE.id, SLIP.id))
    original = mine.read_text()
    mine.write_text(other.read_text())
    with pytest.raises(BadInput, match="is not the counterexample that the ledger names"):
        Ledger.load(tmp_path)
    mine.write_text(original.replace("1.0", "2.0", 1))
    with pytest.raises(BadInput, match="was changed after it was written"):
        Ledger.load(tmp_path)
    mine.unlink()
    with pytest.raises(BadInput, match="cannot read"):
        Ledger.load(tmp_path)


def test_ids_become_file_names() -> None:
    """An id that is a file name already stays; any other becomes one, and no two the same."""
    assert file_stem("001.theorem-2") == "001.theorem-2"
    odd = ["Lemma 3/4", "Lemma 3:4", "../up", "..", "ℓ₂ ≤ ℓ₁", "x" * 300, "x" * 301, "a b", "a_b", ""]
    stems = [file_stem(name) for name in odd]
    assert len(set(stems)) == len(odd)
    assert all(stem not in ("", ".", "..") and "/" not in stem and len(stem) < 120 for stem in stems)


def one(statement: Statement, verdict: Verdict, seconds: float = 1.0) -> Checked:
    """A new verdict."""
    return Checked(Subject(statement), verdict, Budget(seconds))


def test_a_check_that_says_less_changes_nothing(ledger: Ledger) -> None:
    """What was only replayed, undecided with less work or for lack of time, or broken leaves the entry as it was."""
    before = ledger.entries[FALSE.id].verdict
    full = Ledger({TRUE.id: Entry(Verdict("holds", "searched"), 60.0), FALSE.id: ledger.entries[FALSE.id]})
    new = renewed(
        full,
        [
            one(FALSE, replace(before, evidence="replayed")),
            one(TRUE, Verdict("undecided")),
            one(TRUE, Verdict("undecided", note="cut short by the time limit"), 3600.0),
            one(BROKEN, Verdict("broken", note="a bug")),
        ],
        [FALSE.id, TRUE.id, BROKEN.id],
    )
    assert new.entries == full.entries


def test_a_check_that_says_something_else_is_believed(ledger: Ledger) -> None:
    """A new decision, or no decision after as much work as before, replaces the entry."""
    new = renewed(ledger, [one(FALSE, Verdict("holds", "exact")), one(TRUE, Verdict("undecided"))], IDS)
    assert new.entries[FALSE.id].verdict.status == "holds"
    assert new.entries[TRUE.id] == Entry(Verdict("undecided"), 1.0)
    assert new.entries[SLIP.id] == ledger.entries[SLIP.id]


def test_ids_are_never_reused(ledger: Ledger) -> None:
    """An id leaves only when that is meant, and once retired it is refused."""
    fewer = [name for name in IDS if name != OPEN.id]
    with pytest.raises(BadInput, match=r"small\.open is in the ledger and no longer ships: --retire"):
        renewed(ledger, [], fewer)
    retired = renewed(ledger, [], fewer, retire=True)
    assert retired.retired == (OPEN.id,)
    assert OPEN.id not in retired.entries
    with pytest.raises(BadInput, match=r"the id small\.open was retired and is never used again"):
        renewed(retired, [], IDS)


def test_the_maintenance_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m theorems.ledger` writes what is named or missing, says what changed, and reports what is broken."""
    every = {statement.id: statement for statement in (SLIP, TRUE, BROKEN)}
    monkeypatch.setattr("theorems.registry.registry", lambda: every)
    assert main([SLIP.id], tmp_path) == 0
    assert capsys.readouterr().out == "small.number: new → refuted\n"
    assert set(Ledger.load(tmp_path).entries) == {SLIP.id}
    assert main(["--missing", "--budget", "0.5", "--seed", "3"], tmp_path) == 4
    out, err = capsys.readouterr()
    assert out == "small.norms.corrected: new → holds\n"
    assert err.startswith("small.broken is broken: ZeroDivisionError")
    entries = Ledger.load(tmp_path).entries
    assert list(entries) == [SLIP.id, TRUE.id]
    assert (entries[TRUE.id].seconds, entries[TRUE.id].seed) == (0.5, 3)
    assert main(["small.nmber"], tmp_path) == 2
    assert "did you mean small.number or" in capsys.readouterr().err
    del every[TRUE.id]
    assert main([SLIP.id], tmp_path) == 2
    assert main([SLIP.id, "--retire"], tmp_path) == 0
    assert Ledger.load(tmp_path).retired == (TRUE.id,)


def test_the_ledger_knows_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Date and versions are those of the last change of an entry: a check that finds the same leaves them alone."""
    every = {statement.id: statement for statement in (SLIP, TRUE)}
    monkeypatch.setattr("theorems.registry.registry", lambda: every)
    assert main([SLIP.id], tmp_path) == 0
    written = Ledger.load(tmp_path).written
    assert date.fromisoformat(written["date"]) <= datetime.now(UTC).date()
    assert written["python"] == platform.python_version()
    assert set(written) == {"date", "python", "signflip", "torch", "numpy", "scipy", "hypothesis", "mpmath"}
    before = {"date": "2000-01-01"}
    replace(Ledger.load(tmp_path), written=before).save(tmp_path)
    assert main([SLIP.id], tmp_path) == 0
    assert Ledger.load(tmp_path).written == before
    assert main([TRUE.id], tmp_path) == 0
    assert Ledger.load(tmp_path).written == written

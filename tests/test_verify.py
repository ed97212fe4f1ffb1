"""Verifying: verdicts against the ledger, one process or several, and what is left when something goes wrong."""

from __future__ import annotations

import csv
import io
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from small_statements import BROKEN, FALSE, FEW, OPEN, SLIP, STATEMENTS, TRUE, VACUOUS

from simulate.errors import BadInput, RunFailed
from theorems import Budget, Counterexample, Sides, Universal, Verdict
from theorems.documents import OutputDirectory, document, of_checked, to_csv, to_text
from theorems.ledger import Entry, Ledger, renewed
from theorems.statement import Statement
from theorems.userfile import load_all
from theorems.verify import Checked, exit_code, verify
from theorems.workers import Subject, processes

BUDGET = Budget(0.5)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """The ledger of the small registry."""
    checked = verify([Subject(one) for one in STATEMENTS], BUDGET, Ledger())
    return renewed(Ledger(), checked, [one.id for one in STATEMENTS])


# ---------------------------------------------------------------------------------- against the ledger


def test_equal_verdicts_exit_with_0(ledger: Ledger) -> None:
    """What the ledger says is found again, an open and a vacuous statement included."""
    checked = verify([Subject(one) for one in STATEMENTS], BUDGET, ledger)
    assert [one.verdict.status for one in checked] == [
        "refuted",
        "holds",
        "refuted",
        "holds",
        "undecided",
        "vacuous",
    ]
    assert {one.comparison for one in checked} == {"equal"}
    assert exit_code(checked) == 0


def one(status: str, entry: Entry | None = None, file: Path | None = None, seconds: float = 1.0) -> Checked:
    """A verdict as it might come."""
    return Checked(Subject(TRUE, file), Verdict(status), Budget(seconds), entry)  # type: ignore[arg-type]


HELD = Entry(Verdict("holds"), 60.0)
MINE = Path("my_paper.py")
ENDS = {
    "as in the ledger": (one("holds", HELD), 0),
    "other than the ledger": (one("refuted", HELD), 1),
    "no longer vacuous": (one("vacuous", HELD), 1),
    "without entry": (one("holds"), 1),
    "more budget was needed": (one("undecided", HELD), 3),
    "the same budget did not suffice this time": (one("undecided", HELD, seconds=60.0), 3),
    "decided what the ledger left open": (one("holds", Entry(Verdict("undecided"), 1.0)), 1),
    "open as in the ledger": (one("undecided", Entry(Verdict("undecided"), 1.0)), 0),
    "broken": (one("broken", HELD), 4),
    "a user's that holds": (one("holds", file=MINE), 0),
    "a user's that is refuted": (one("refuted", file=MINE), 1),
    "a user's that is open": (one("undecided", file=MINE), 3),
    "a user's about nothing": (one("vacuous", file=MINE), 3),
    "a user's with a bug": (one("broken", file=MINE), 4),
}


@pytest.mark.parametrize(("checked", "code"), ENDS.values(), ids=ENDS)
def test_exit_codes(checked: Checked, code: int) -> None:
    """Each comparison with the ledger has its exit code."""
    assert exit_code([checked]) == code


def test_the_gravest_end_decides() -> None:
    """Broken before different, different before undecided, undecided before equal."""
    equal, different, open_, broken = (
        one("holds", HELD),
        one("refuted", HELD),
        one("undecided", HELD),
        one("broken"),
    )
    assert exit_code([equal, open_]) == 3
    assert exit_code([open_, different, equal]) == 1
    assert exit_code([broken, different, open_]) == 4
    assert exit_code([]) == 0


def test_a_hunt_that_misses_replays(ledger: Ledger) -> None:
    """Where the hunt does not find what the ledger refutes, its stored counterexample decides, and says so."""
    # Corners, small examples and the numbers in the code hold; only the stored instance violates.
    needle = replace(FALSE, conclusion=lambda n, x: Sides(float(x[0] == math.tan(0.1234567)), 0.0, "<="))
    stored = Counterexample(needle.id, needle.kind, {"n": 1, "x": [math.tan(0.1234567)]}, 1.0, 0.0)
    known = Ledger({needle.id: Entry(Verdict("refuted", counterexample=stored), 60.0)})
    (checked,) = verify([Subject(needle)], BUDGET, known)
    assert (checked.verdict.status, checked.verdict.evidence) == ("refuted", "replayed")
    assert checked.verdict.counterexample == stored
    assert exit_code([checked]) == 0
    for wrong in ({"n": 1, "x": [0.5]}, {"n": 9, "x": [0.1234567]}, {"m": 1}):
        lost = replace(stored, instance=wrong)
        known = Ledger({needle.id: Entry(Verdict("refuted", counterexample=lost), 60.0)})
        (checked,) = verify([Subject(needle)], BUDGET, known)
        assert checked.verdict.status == "holds"
        assert "the stored counterexample does not" in checked.verdict.note
        assert exit_code([checked]) == 1


def test_a_bug_is_no_verdict() -> None:
    """A statement whose code raises, ends the program or prints is reported by name and stops nothing else."""

    def leave(n: int) -> Sides:
        raise SystemExit(0)

    def talk(n: int) -> Sides:
        print("noise")
        return Sides(n, n)

    subjects = [BROKEN, replace(TRUE, conclusion=leave), replace(TRUE, id="talks", conclusion=talk), TRUE]
    checked = verify([Subject(statement) for statement in subjects], BUDGET, Ledger())
    assert [one.verdict.status for one in checked] == ["broken", "broken", "holds", "holds"]
    assert checked[0].verdict.note.startswith("ZeroDivisionError")
    assert checked[1].verdict.note == "the statement's code ends the program"


def test_standard_output_is_for_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    """What a statement's code prints goes to standard error."""
    talks = replace(TRUE, conclusion=lambda n: (print("noise"), Sides(n, n))[1])
    verify([Subject(talks)], BUDGET, Ledger())
    out, err = capsys.readouterr()
    assert out == ""
    assert "noise" in err


# ------------------------------------------------------------------------------------- several processes


def test_how_many_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process for a few statements, the cores for many, and what is asked for in any case."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    few, many = [Subject(TRUE)] * 7, [Subject(TRUE)] * 8
    assert (processes(few), processes(many)) == (1, 2)
    assert (processes(few, 3), processes(few, 9), processes([], 3)) == (3, 7, 1)
    with pytest.raises(BadInput, match="workers must be at least 1, got 0"):
        processes(few, 0)


PAPER = """
import os
from theorems import Domain, Integers, Sides, Universal, Value, Entry, maths as m

ONE = Universal(id="one", domain=Domain(n=Integers(1, 5)), conclusion=lambda n: Sides(n * n, n))
TWO = Universal(id="two", domain=Domain(n=Integers(1, 5)), conclusion=lambda n: Sides(n, n * n))
PID = Value(id="pid", entries=(Entry("pid", str(os.getpid()), lambda: -1),))
print("noise on import")
"""


def test_processes_change_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two processes give the verdicts of one, in the same order, and truly are other processes."""
    (tmp_path / "paper.py").write_text(PAPER)
    subjects = [Subject(statement, path) for path, statement in load_all([tmp_path / "paper.py"])]
    advanced: list[int] = []

    class Progress:
        def start(self, total: int, done: int) -> None:
            assert (total, done) == (3, 0)

        def advance(self, trials: int) -> None:
            advanced.append(trials)

    two = verify(subjects, BUDGET, Ledger(), workers=2, progress=Progress())
    alone = verify(subjects, BUDGET, Ledger(), workers=1)
    assert [found.statement.id for found in two] == ["one", "two", "pid"]
    assert [found.verdict for found in two[:2]] == [found.verdict for found in alone[:2]]
    assert two[2].verdict.counterexample != alone[2].verdict.counterexample
    assert advanced == [1, 1, 1]
    assert capsys.readouterr().out == ""
    assert multiprocessing.active_children() == []


DEADLY = """
import multiprocessing, os, signal
from theorems import Domain, Integers, Sides, Universal

def dies(n):
    if multiprocessing.parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return Sides(n, n)

DEADLY = Universal(id="deadly", domain=Domain(n=Integers(1, 5)), conclusion=dies)
FINE = Universal(id="fine", domain=Domain(n=Integers(1, 5)), conclusion=lambda n: Sides(n, n))
"""


def test_a_dead_worker_is_one_line(tmp_path: Path) -> None:
    """A worker that is killed ends the run with what was still open, and no process is left."""
    (tmp_path / "paper.py").write_text(DEADLY)
    subjects = [Subject(statement, path) for path, statement in load_all([tmp_path / "paper.py"])]
    with pytest.raises(
        RunFailed, match=r"a worker process died .* still open: .*deadly.*; one worker checks"
    ):
        verify(subjects, BUDGET, Ledger(), workers=2)
    end = time.monotonic() + 60
    while multiprocessing.active_children():  # killed, and on a busy machine not yet gone
        assert time.monotonic() < end
        time.sleep(0.05)


SLOW = """
import time
from pathlib import Path
from theorems import Domain, Integers, Sides, Universal

def slow(n):
    Path(__file__).with_name("started").touch()
    time.sleep(600)
    return Sides(n, n)

FALSE = Universal(id="false", domain=Domain(n=Integers(1, 5)), conclusion=lambda n: Sides(n * n, n))
SLOW = Universal(id="slow", domain=Domain(n=Integers(1, 5)), conclusion=slow)
"""


def is_alive(group: int) -> bool:
    """Whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to a process group")
@pytest.mark.parametrize(
    ("workers", "number"),
    [("1", signal.SIGINT), pytest.param("2", signal.SIGINT, marks=pytest.mark.slow), ("1", signal.SIGTERM)],
)
def test_ctrl_c_keeps_what_is_finished(tmp_path: Path, workers: str, number: signal.Signals) -> None:
    """Ctrl-C ends a verify at once with 130 and one line; finished verdicts and counterexamples are on disk."""
    (tmp_path / "paper.py").write_text(SLOW)
    command = [
        sys.executable,
        "-m",
        "simulate.cli",
        "verify",
        "paper.py",
        "--out",
        "out",
        "--workers",
        workers,
    ]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    stored = tmp_path / "out" / "counterexamples" / "false.json"
    end = time.monotonic() + 120
    while not ((tmp_path / "started").exists() and stored.exists()):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    os.killpg(process.pid, number)  # as a terminal does: to every process of the group
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert out == ""
    assert err.splitlines()[-1] == "simulate: stopped; 1 of 2 statements were checked, kept in out"
    assert "Traceback" not in err
    data = json.loads((tmp_path / "out" / "verdicts.json").read_text())
    assert data["complete"] is False
    assert [found["id"] for found in data["statements"]] == ["false"]
    assert Counterexample.load(stored).statement == "false"
    while is_alive(process.pid):
        assert time.monotonic() < end
        time.sleep(0.05)


# ----------------------------------------------------------------------------------------------- documents


def test_the_document_has_every_field(ledger: Ledger) -> None:
    """Each record holds claim, source, verdict, evidence, counterexample, correction and comparison."""
    checked = verify([Subject(FALSE), Subject(TRUE)], BUDGET, ledger)
    data = json.loads(to_text(document(of_checked(checked, STATEMENTS), BUDGET)))
    assert data["budget"] == {"seconds": 0.5, "seed": 0}
    false, true = data["statements"]
    assert false["source"] == {"document": "900", "name": "A book of norms", "number": "Lemma 1", "page": 7}
    assert (false["verdict"], false["evidence"]["kind"]) == ("refuted", "exact")
    assert (false["corrects"], false["corrected_by"]) == (None, [TRUE.id])
    assert false["counterexample"]["smaller"] > false["counterexample"]["larger"]
    assert Counterexample.from_json(false["counterexample"]).statement == FALSE.id
    assert false["tightness"]["ratio"] > 1
    assert (true["verdict"], true["corrects"], true["repair"]) == ("holds", FALSE.id, "constant")
    assert (true["counterexample"], true["comparison"], true["ledger"]) == (None, "equal", "holds")
    assert true["seconds"] >= 0
    assert (true["text"], true["reading"], true["hypotheses"]) == (TRUE.text, TRUE.reading, str(FEW))
    assert false.keys() == true.keys()


def test_csv_is_the_headline(ledger: Ledger) -> None:
    """The CSV file has a row a statement, with the tightness in full precision."""
    checked = verify([Subject(one) for one in STATEMENTS], BUDGET, ledger)
    records = of_checked(checked)
    rows = list(csv.DictReader(io.StringIO(to_csv(records))))
    assert [row["id"] for row in rows] == [one.id for one in STATEMENTS]
    assert float(rows[0]["tightness"]) == records[0]["tightness"]["ratio"]
    assert (rows[0]["corrected_by"], rows[1]["corrects"]) == (TRUE.id, FALSE.id)
    assert [row["verdict"] for row in rows] == [record["verdict"] for record in records]


def test_the_directory_holds_what_is_true_now(tmp_path: Path) -> None:
    """A statement that was refuted and has been mended leaves no counterexample behind."""
    directory = OutputDirectory(tmp_path / "out", BUDGET)
    (refuted,) = verify([Subject(FALSE)], BUDGET, Ledger(), each=directory.add)
    path = tmp_path / "out" / "counterexamples" / f"{FALSE.id}.json"
    assert Counterexample.load(path) == refuted.verdict.counterexample
    mended = replace(TRUE, id=FALSE.id)
    verify([Subject(mended)], BUDGET, Ledger(), each=OutputDirectory(tmp_path / "out", BUDGET).add)
    assert not path.exists()


def test_a_place_that_is_a_file(tmp_path: Path) -> None:
    """A file where the directory should be is bad input, before anything is checked."""
    (tmp_path / "out").touch()
    with pytest.raises(BadInput, match=r"cannot write into .*out: "):
        OutputDirectory(tmp_path / "out", BUDGET)


def test_every_kind_of_end_is_covered() -> None:
    """The small registry knows a statement for each verdict, so that no test here passes on nothing."""
    known: tuple[Statement, ...] = (*STATEMENTS, BROKEN)
    assert {OPEN, VACUOUS, SLIP, FALSE} <= set(known)
    assert isinstance(BROKEN, Universal)

"""list, show, verify and replay: what they print, what they refuse, and how they end."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from command import Simulate
from small_statements import BROKEN, FALSE, OPEN, SLIP, STATEMENTS, TRUE, VACUOUS

from simulate.cli import app
from theorems import Budget, Verdict
from theorems.ledger import Entry, Ledger, renewed
from theorems.statement import Statement
from theorems.verify import verify
from theorems.workers import Subject

Install = Callable[..., None]


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """The ledger of the small registry, without an entry of the vacuous statement."""
    checked = verify([Subject(one) for one in STATEMENTS if one is not VACUOUS], Budget(0.5), Ledger())
    return renewed(Ledger(), checked, [one.id for one in STATEMENTS])


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a registry and a ledger in the place of those that ship."""

    def installed(statements: tuple[Statement, ...], ledger: Ledger) -> None:
        every = {one.id: one for one in statements}
        for place in ("theorems.registry.registry", "theorems.replay.registry"):
            monkeypatch.setattr(place, lambda: every)
        for place in ("theorems.ledger.shipped", "theorems.replay.shipped"):
            monkeypatch.setattr(place, lambda: ledger)

    return installed


@pytest.fixture(autouse=True)
def small(install: Install, ledger: Ledger) -> None:
    """The small registry ships."""
    install(STATEMENTS, ledger)


# ---------------------------------------------------------------------------------------------------- list


def test_list_is_a_table(simulate: Simulate) -> None:
    """Each statement has a line with id, title, source, kind and verdict; a last line counts."""
    code, out, err = simulate("list")
    assert (code, err) == (0, "")
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0].split() == ["id", "title", "source", "kind", "verdict"]
    assert [line.split()[0] for line in lines[1:-1]] == [one.id for one in STATEMENTS]
    assert lines[1].endswith("refuted")
    assert lines[6].endswith("not yet")
    assert "900 Lemma 1" in lines[1]
    assert lines[-1] == "6 statements: 2 hold, 2 refuted, 1 undecided, 1 without verdict"


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (("--source", "901"), [OPEN.id, VACUOUS.id]),
        (("--kind", "value"), [SLIP.id, "small.number.corrected"]),
        (("--verdict", "refuted"), [FALSE.id, SLIP.id]),
        (("--verdict", "refuted", "--kind", "universal", "--source", "900"), [FALSE.id]),
        (("--verdict", "vacuous"), []),
    ],
)
def test_list_is_narrowed(simulate: Simulate, options: tuple[str, ...], ids: list[str]) -> None:
    """Source, kind and verdict narrow the list together, in the table and in JSON; nothing is an answer too."""
    code, out, _ = simulate("list", *options)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:-1]] == ids
    assert ids or out.splitlines()[-1] == "no statement matches"
    code, out, _ = simulate("list", *options, "--json")
    assert [one["id"] for one in json.loads(out)["statements"]] == ids


# ---------------------------------------------------------------------------------------------------- show


def test_show_says_everything(simulate: Simulate) -> None:
    """A refuted statement: claim in plain text, reading, source, both sides of the counterexample, correction."""
    code, out, err = simulate("show", FALSE.id)
    assert (code, err) == (0, "")
    rows = {line[:16].strip(): line[16:] for line in out.splitlines()[1:]}
    assert out.splitlines()[0] == "small.norms  the norms are as printed"
    assert rows["claims"] == "‖x‖₁ ≤ ‖x‖₂ for all x ∈ ℝⁿ"
    assert rows["read as"] == "for all n <= 4 and x"
    assert rows["hypotheses"] == "n ∈ {1, …, 4}, x ∈ ℝ^n"
    assert rows["source"] == "document 900, A book of norms, Lemma 1, page 7"
    assert rows["kind"] == "universal"
    assert rows["verdict"].startswith("refuted (exact, found by ")
    assert rows["tightness"].startswith("1.414 at n = 2, x = [")
    assert "left = " in out
    assert "right = " in out
    assert rows["corrected by"].startswith("small.norms.corrected (constant, holds): ‖x‖₁ ≤ √n‖x‖₂")
    assert max(map(len, out.splitlines())) <= 100


def test_show_keeps_the_signs_of_a_reading(simulate: Simulate, install: Install, ledger: Ledger) -> None:
    """A reading is Unicode: w ~ N(0, 1) loses nothing, and LaTeX of one's own is spelled."""
    install((replace(TRUE, reading=r"for all w ~ N(0, 1)"),), ledger)
    assert "read as         for all w ~ N(0, 1)" in simulate("show", TRUE.id).out
    install((replace(TRUE, reading=r"for all $w \ge 0$"),), ledger)
    assert "read as         for all w ≥ 0" in simulate("show", TRUE.id).out


def test_show_of_a_correction(simulate: Simulate) -> None:
    """A correction names what it corrects and the repair's kind; a statement without verdict says what to do."""
    assert "corrects        small.norms (constant)" in simulate("show", TRUE.id).out
    assert "verdict         not yet: simulate verify small.vacuous" in simulate("show", VACUOUS.id).out


def test_show_of_a_statistical_check(simulate: Simulate, install: Install) -> None:
    """The design of a sampled verdict stands in one row, and each tested point in a row of its own."""
    points = [{"point": {"k": 4, "d": 8}, "trials": 100, "low": 0.12345678}]
    design = {"false_alarm": 1e-7, "sizes": [1, 2], "found": {"least": 0.5}, "points": points}
    install((TRUE,), Ledger({TRUE.id: Entry(Verdict("holds", "sampled", "100 trials", design=design), 1.0)}))
    lines = simulate("show", TRUE.id).out.splitlines()
    assert "verdict         holds (sampled, 100 trials)" in lines
    assert "design          false alarm 1e-07, sizes [1, 2], found (least 0.5)" in lines
    assert "point           k 4, d 8, trials 100, low 0.1235" in lines


def test_show_as_json(simulate: Simulate) -> None:
    """--json prints the record of verify, with the ledger's verdict."""
    data = json.loads(simulate("show", SLIP.id, "--json").out)
    assert (data["id"], data["verdict"], data["corrected_by"]) == (
        SLIP.id,
        "refuted",
        ["small.number.corrected"],
    )
    assert data["counterexample"]["instance"] == {"entry": "2^10"}


# -------------------------------------------------------------------------------------------------- verify


def test_verify_is_a_table(simulate: Simulate) -> None:
    """Each statement has a line with verdict, evidence and tightness; the last line compares with the ledger."""
    code, out, err = simulate("verify", FALSE.id, TRUE.id, OPEN.id)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["id", "statement", "source", "verdict", "evidence", "tightness"]
    assert lines[1].split()[-1] == "1.414"
    assert " refuted    exact, found by " in lines[1]
    assert " holds " in lines[2]
    assert lines[4].startswith("small.open: this construction fails, which refutes nothing: at n = 1")
    assert lines[-1] == "3 statements: 1 holds, 1 refuted, 1 undecided; as in the ledger"


def test_verify_of_everything(simulate: Simulate, install: Install, ledger: Ledger) -> None:
    """Without arguments all that ships is checked; a statement that the ledger does not know differs from it."""
    code, out, _ = simulate("verify", "--source", "900")
    assert (code, out.splitlines()[-1]) == (0, "4 statements: 2 hold, 2 refuted; as in the ledger")
    code, out, _ = simulate("verify", "--budget", "0.5")
    assert code == 1
    assert "small.vacuous: the ledger has no entry, now vacuous" in out
    install((TRUE,), Ledger({TRUE.id: Entry(Verdict("refuted"), 1.0)}))
    code, out, _ = simulate("verify")
    assert code == 1
    assert "small.norms.corrected: the ledger says refuted, now holds" in out
    assert out.splitlines()[-1] == "1 statement: 1 holds; 1 not as in the ledger"


def test_undecided_is_never_silent(simulate: Simulate, install: Install) -> None:
    """What the ledger decided with a larger budget is shown undecided, with exit code 3."""
    install((OPEN,), Ledger({OPEN.id: Entry(Verdict("holds", "sampled"), 60.0)}))
    code, out, _ = simulate("verify", "--budget", "quick")
    assert code == 3
    assert out.splitlines()[-1] == "1 statement: 1 undecided; 1 that the ledger decides with more"


def test_a_broken_statement_exits_with_4(simulate: Simulate, install: Install, ledger: Ledger) -> None:
    """A statement that ships with a bug is 4, whatever else differs."""
    install((*STATEMENTS, BROKEN), ledger)
    code, out, _ = simulate("verify", BROKEN.id, VACUOUS.id)
    assert code == 4
    assert "small.broken: ZeroDivisionError: division by zero at n = 1" in out


def test_verify_writes_files(simulate: Simulate) -> None:
    """--out holds the document of --json, the same as CSV, and each counterexample as a file that replays."""
    code, out, _ = simulate("verify", "--source", "900", "--seed", "5", "--json", "--out", "out")
    assert code == 0
    data, written = json.loads(out), json.loads(Path("out/verdicts.json").read_text())
    for one in (*data["statements"], *written["statements"]):
        assert one.pop("seconds") >= 0
    assert data == written
    assert data["budget"] == {"seconds": 1.0, "seed": 5}
    rows = list(csv.DictReader(Path("out/verdicts.csv").read_text().splitlines()))
    assert [row["verdict"] for row in rows] == ["refuted", "holds", "refuted", "holds"]
    files = sorted(path.name for path in Path("out/counterexamples").iterdir())
    assert files == ["small.norms.json", "small.number.json"]
    for name in files:
        code, out, err = simulate("replay", f"out/counterexamples/{name}")
        assert (code, err) == (0, "")
        assert out.endswith("the counterexample stands\n")


def test_a_users_file_beside_what_ships(simulate: Simulate) -> None:
    """Ids and files are checked together; an id of one's own that ships already is refused."""
    Path("paper.py").write_text(
        "from dataclasses import replace\nfrom small_statements import TRUE as t\n"
        "MINE = replace(t, id='mine')\ndel t\n"
    )
    code, out, _ = simulate("verify", FALSE.id, "paper.py", "--json")
    assert code == 0
    shipped, mine = json.loads(out)["statements"]
    assert (shipped["id"], shipped["ledger"], shipped["file"]) == (FALSE.id, "refuted", None)
    assert (mine["id"], mine["ledger"], mine["file"]) == ("mine", None, str(Path("paper.py").resolve()))
    Path("paper.py").write_text("from small_statements import FALSE\n")
    code, out, err = simulate("verify", FALSE.id, "paper.py")
    assert (code, out) == (2, "")
    assert err == "simulate: two statements have the id small.norms: one that ships and one in paper.py\n"


# -------------------------------------------------------------------------------------------------- replay


def test_replay_shows_both_sides(simulate: Simulate) -> None:
    """The sides are printed in float64 to the last bit and with 30 of 50 digits."""
    simulate("verify", FALSE.id, "--out", "out")
    code, out, _ = simulate("replay", "out/counterexamples/small.norms.json")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == FALSE.id
    assert "hypotheses      satisfied" in lines
    assert "claimed         left ≤ right" in lines
    assert any(line.startswith("float64         left = ") for line in lines)
    assert any(line.startswith("50 digits       left = ") for line in lines)
    assert lines[-1] == "the counterexample stands"


def test_replay_of_what_ships(simulate: Simulate) -> None:
    """A refuted statement's id stands for the counterexample in the ledger; others have none."""
    code, out, _ = simulate("replay", SLIP.id)
    assert code == 0
    assert out.startswith("small.number\n")
    assert out.endswith("the counterexample stands\n")
    code, _, err = simulate("replay", TRUE.id)
    assert (code, err) == (
        2,
        "simulate: small.norms.corrected has no counterexample to replay: in the ledger it is holds\n",
    )


def test_replay_from_standard_input(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """`simulate replay -` reads what a failing test printed."""
    simulate("verify", SLIP.id, "--out", "out")
    with open("out/counterexamples/small.number.json") as file:
        monkeypatch.setattr(sys, "stdin", file)
        code, out, _ = simulate("replay", "-")
    assert code == 0
    assert "2^10: printed 102, recomputed 1024.0" in out


def test_a_counterexample_that_does_not_stand(simulate: Simulate, install: Install, ledger: Ledger) -> None:
    """Against a mended statement under the same id, the exit code is 1."""
    simulate("verify", FALSE.id, "--out", "out")
    install((replace(TRUE, id=FALSE.id, domain=FALSE.domain),), ledger)
    code, out, _ = simulate("replay", "out/counterexamples/small.norms.json")
    assert code == 1
    assert out.splitlines()[-1] == "the counterexample does not stand"


# ------------------------------------------------------------------------------------------------- refusals


BAD = {
    "kind": (("list", "--kind", "maybe"), "no statement is of the kind 'maybe': there are universal, high"),
    "source": (("list", "--source", "1"), "no statement has the source '1': there are 900, 901"),
    "verdict": (("list", "--verdict", "true"), "no verdict is called 'true': there are holds, refuted, "),
    "show": (("show", "small.norm"), "no statement is called 'small.norm'; did you mean small.norms"),
    "show without id": (("show",), "Missing argument 'ID'"),
    "verify": (("verify", "small.number", "nonsense"), "no statement is called 'nonsense'"),
    "verify source": (("verify", "--source", "1"), "no statement has the source '1': there are 900, 901"),
    "verify id of another source": (
        ("verify", "small.norms", "--source", "901"),
        "none of the statements named is of source 901",
    ),
    "budget": (("verify", "--budget", "large"), "a budget is quick, full, or a number of seconds above 0"),
    "budget 0": (("verify", "--budget", "0"), "a budget is quick, full, or a number of seconds above 0"),
    "budget nan": (("verify", "--budget", "nan"), "a budget is quick, full, or a number of seconds above 0"),
    "workers": (("verify", "--workers", "0"), "workers must be at least 1, got 0"),
    "seed": (("verify", "--seed", "-1"), "seed must be at least 0, got -1"),
    "out": (("verify", "--out", "file"), "cannot write into file: "),
    "replay": (("replay", "nowhere.json"), "cannot read nowhere.json: No such file or directory"),
    "replay id": (("replay", "small.norm"), "no statement is called 'small.norm'; did you mean small.norms"),
    "replay nonsense": (("replay", "file"), "file is not JSON"),
    "replay tampered": (("replay", "tampered.json"), "the counterexample to small.norms was changed after"),
    "replay unknown": (
        ("replay", "unknown.json"),
        "no statement is called 'small.gone'; give --statement FILE.py",
    ),
    "replay file": (("replay", "good.json", "--statement", "no.py"), "cannot read no.py: No such file"),
}


@pytest.mark.parametrize(("arguments", "line"), BAD.values(), ids=BAD)
def test_bad_use_is_one_line(
    simulate: Simulate, ledger: Ledger, arguments: tuple[str, ...], line: str
) -> None:
    """What cannot be done gets one line on stderr and exit code 2, before anything is checked."""
    counterexample = ledger.entries[FALSE.id].verdict.counterexample
    assert counterexample is not None
    Path("file").touch()
    counterexample.save(Path("good.json"))
    replace(counterexample, statement="small.gone").save(Path("unknown.json"))
    text = Path("good.json").read_text().replace('"kind": "universal"', '"kind": "value"')
    Path("tampered.json").write_text(text)
    code, out, err = simulate(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("simulate: ")
    assert line in err
    assert err.count("\n") == 1


# ---------------------------------------------------------------------------------------------------- help


OPTIONS = {
    "list": ("--source", "--kind", "--verdict", "--json"),
    "show": ("--json",),
    "verify": ("--source", "--budget", "--seed", "--workers", "--out", "--json"),
    "replay": ("--statement",),
}


@pytest.mark.parametrize("command", OPTIONS)
def test_help_names_every_option(simulate: Simulate, command: str) -> None:
    """The help of a command explains each of its options, in lines that fit a terminal."""
    code, out, err = simulate(command, "--help")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    for option in (*OPTIONS[command], "--help"):
        assert sum(line.lstrip().startswith(f"{option} ") for line in lines) == 1
    assert max(map(len, lines)) <= 80
    named = [each for each in typer.main.get_command(app).commands[command].params if each.opts[0][0] == "-"]
    assert sorted(each.opts[0] for each in named) == sorted(OPTIONS[command])
    assert all(each.help for each in named)
    assert command in simulate("--help").out


def test_the_module_is_the_command(tmp_path: Path) -> None:
    """`python -m simulate.cli` is the command, with its exit codes."""
    command = [sys.executable, "-m", "simulate.cli", "frobnicate"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("simulate: No such command 'frobnicate'")

"""The command line: its options, its documents, and one clear line for whatever a user gets wrong."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer
from command import Simulate
from kill_and_resume import ROOT, launcher
from rich.console import Console

from simulate import tables
from simulate.cli import app
from simulate.engine import Plan, run
from simulate.experiments import INIT_FLIP, InitFlip, document
from simulate.progress import LineProgress, TerminalProgress

SMALL = ("--width", "16", "--dim", "8", "--trials", "500")


# --------------------------------------------------------------------------------------------- bad input

BAD = {
    "width 0": (("--width", "0"), "width must be at least 1, got 0"),
    "one width of a grid": (("--width", "64", "--width", "-1"), "width must be at least 1, got -1"),
    "dim 1": (("--dim", "1"), "dim must be at least 2"),
    "confidence 1": (("--confidence", "1"), "--confidence must lie strictly between 0 and 1, got 1"),
    "confidence 0": (("--confidence", "0"), "--confidence must lie strictly between 0 and 1, got 0"),
    "confidence 95": (("--confidence", "95"), "--confidence must lie strictly between 0 and 1, got 95"),
    "confidence nan": (("--confidence", "nan"), "--confidence must lie strictly between 0 and 1, got nan"),
    "no trials": (("--trials", "0"), "trials must be at least 1, got 0"),
    "negative trials": (("--trials", "-5"), "trials must be at least 1, got -5"),
    "half a trial": (("--trials", "1.5"), "Invalid value for '--trials'"),
    "endless trials": (("--trials", str(10**30)), "fewer than 2^63 trials"),
    "negative seed": (("--seed", "-1"), "seed must be at least 0, got -1"),
    "unknown activation": (("--activation", "rleu"), "unknown activation 'rleu': did you mean 'relu'?"),
    "activation of no file": (("--activation", "no.py:f"), "there is no file 'no.py'"),
    "no cuda": (("--device", "cuda"), "--device cuda: "),
    "unknown device": (("--device", "tpu"), "Invalid value for '--device'"),
    "unknown engine": (("--engine", "nonsense"), "Invalid value for '--engine'"),
    "unknown dtype": (("--dtype", "float16"), "Invalid value for '--dtype'"),
    "word for a number": (("--width", "wide"), "Invalid value for '--width'"),
    "unknown option": (("--wdith", "64"), "No such option: --wdith"),
    "option without its value": (("--width",), "requires an argument"),
    "argument too many": (("64",), "unexpected extra argument"),
    "the same cell twice": (("--width", "64", "--width", "64"), "draw the same random numbers"),
    "figure of unknown ending": (("--figure", "x.jpeg"), "--figure takes a .pdf, .png or .svg file"),
    "figure without ending": (("--figure", "x"), "--figure takes a .pdf, .png or .svg file"),
    "figure nowhere": (("--figure", "no/x.pdf"), "--figure no/x.pdf: there is no directory"),
}
BAD_STEPS = {
    "step 0": (("--step", "0"), "a step is a positive number, got 0"),
    "step nan": (("--step", "nan"), "a step is a positive number, got nan"),
    "step inf": (("--step", "1", "--step", "inf"), "a step is a positive number, got inf"),
    "negative step": (("--step", "-1"), "a step is a positive number, got -1"),
    "negative radius": (("--radius", "-1"), "a radius is a positive number, got -1"),
    "repeated step": (("--step", "1", "--step", "1.0"), "is listed twice"),
    "repeated radius": (("--radius", "1", "--radius", "1"), "is listed twice"),
    "repeated direction": (("--direction", "sign", "--direction", "sign"), "is listed twice"),
    "unknown direction": (("--direction", "up"), "Invalid value for '--direction'"),
    "word for a step": (("--step", "x"), "Invalid value for '--step'"),
}
CASES = {
    f"{command} {name}": (command, *case)
    for command in ("init-flip", "grad-norm")
    for name, case in BAD.items()
}
CASES |= {f"init-flip {name}": ("init-flip", *case) for name, case in BAD_STEPS.items()}


@pytest.mark.parametrize(("command", "options", "line"), CASES.values(), ids=CASES)
def test_bad_input_is_one_line(
    simulate: Simulate, command: str, options: tuple[str, ...], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be run gets one line on stderr and exit code 2, and leaves no trace."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, out, err = simulate(command, *options)
    assert (code, out) == (2, "")
    assert err.startswith("simulate: ")
    assert line in err
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "Traceback" not in err
    assert list(simulate.home.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("frobnicate",), "No such command 'frobnicate'"),
        (("--nonsense",), "No such option: --nonsense"),
        (("resume",), "Missing argument"),
        (("resume", "nowhere"), "nowhere holds no run (there is no manifest.json)"),
        (("resume", "."), "holds no run"),
        (("resume", "nowhere", "--confidence", "2"), "simulate: "),
        (("resume", "file"), "cannot read file/manifest.json: Not a directory"),
        (("init-flip", "--out", "file/run"), "cannot write a run into file/run: Not a directory"),
        (("init-flip", "--out", "file"), "cannot write a run into file: File exists"),
        (("init-flip", "--out", "full"), "full is not empty and holds no run: choose another --out"),
    ],
)
def test_a_bad_place_is_one_line(simulate: Simulate, arguments: tuple[str, ...], line: str) -> None:
    """Unknown commands and places that hold no run or cannot hold one get the same treatment."""
    (simulate.home / "file").touch()
    (simulate.home / "full").mkdir()
    (simulate.home / "full" / "thesis.tex").touch()
    code, out, err = simulate(*arguments)
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in simulate.home.iterdir()) == ["file", "full"]
    assert [path.name for path in (simulate.home / "full").iterdir()] == ["thesis.tex"]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="/proc is where even root cannot write")
def test_a_directory_that_cannot_be_written(simulate: Simulate) -> None:
    """A directory that the system does not let be made is bad input, for root too."""
    code, out, err = simulate("init-flip", *SMALL, "--out", "/proc/run")
    assert (code, out) == (2, "")
    assert err.startswith("simulate: cannot write a run into /proc/run: ")
    assert err.count("\n") == 1


def test_no_command_shows_the_help(simulate: Simulate) -> None:
    """`simulate` alone is bad use: the help on stderr, exit code 2."""
    code, out, err = simulate()
    assert (code, out) == (2, "")
    assert "Usage: simulate" in err
    assert "init-flip" in err


def test_a_defect_is_no_verdict(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody foresaw ends with its traceback and 4, never with 1 (a refuted claim)."""

    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("simulate.cli.experiments._run_and_show", broken)
    code, out, err = simulate("grad-norm", *SMALL)
    assert (code, out) == (4, "")
    assert "ZeroDivisionError: a defect" in err


# -------------------------------------------------------------------------------------------------- help


def test_help_names_every_command(simulate: Simulate) -> None:
    """`simulate --help` names the commands, and --version says what this is."""
    code, out, err = simulate("--help")
    assert (code, err) == (0, "")
    for word in ("init-flip", "grad-norm", "resume", "--version", "--help"):
        assert word in out
    code, out, err = simulate("--version")
    assert (code, err) == (0, "")
    assert out.startswith("simulate (signflip) ")


NETWORK = ("--width", "--dim", "--activation")
RUN = (
    "--trials",
    "--seed",
    "--confidence",
    "--simultaneous",
    "--engine",
    "--device",
    "--dtype",
    "--out",
    "--json",
)
OPTIONS = {
    "init-flip": (
        *NETWORK,
        "--depth",
        "--scaling",
        "--step",
        "--radius",
        "--direction",
        "--fixed-sign",
        "--gamma",
        "--minimal-step",
        "--precision",
        *RUN,
        "--figure",
    ),
    "grad-norm": (*NETWORK, "--depth", "--scaling", *RUN, "--figure"),
    "concentration": ("--law", "--k", "--gamma", "--trials", "--seed", "--json", "--figure"),
    "resume": ("--confidence", "--simultaneous", "--json", "--figure"),
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
    options = [
        each for each in typer.main.get_command(app).commands[command].params if each.opts[0][0] == "-"
    ]
    assert len(options) >= len(OPTIONS[command])
    assert all(each.help for each in options)


@pytest.mark.parametrize("argument", ["--help", "--version", "--nonsense"])
def test_help_imports_nothing_heavy(argument: str, tmp_path: Path) -> None:
    """Help is quick because it loads neither torch nor numpy nor numba, nor what needs them."""
    heavy = {
        "torch",
        "numpy",
        "scipy",
        "numba",
        "seaborn",
        "matplotlib",
        "simulate.engine",
        "theorems",
        "figures",
    }
    source = (
        "import sys\n"
        "from simulate.cli import main\n"
        f"sys.argv = ['simulate', {argument!r}]\n"
        "try:\n    main()\n"
        f"except SystemExit:\n    print('loaded', sorted({heavy!r} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("loaded []\n")


# --------------------------------------------------------------------------------------------- documents


def test_json_is_one_document(simulate: Simulate) -> None:
    """--json prints the document of the run, as in results.json, with its promised keys, and nothing else."""
    options = (
        "--width",
        "5",
        "--width",
        "16",
        "--dim",
        "8",
        "--trials",
        "500",
        "--seed",
        "7",
        "--confidence",
        "0.9",
    )
    steps = (
        "--step",
        "0.5",
        "--step",
        "2",
        "--radius",
        "1",
        "--direction",
        "gradient",
        "--direction",
        "random",
    )
    code, out, err = simulate("init-flip", *options, *steps, "--json", "--out", "run")
    assert (code, err) == (0, "")
    assert out == (simulate.home / "run" / "results.json").read_text()
    data = json.loads(out)
    plan = data["plan"]
    assert (data["experiment"], data["confidence"], data["intervals"]) == ("init-flip", 0.9, "pointwise")
    assert (plan["trials"], plan["seed"], plan["dtype"], len(plan["cells"])) == (500, 7, "float32", 2)
    assert [cell["width"] for cell in data["results"]] == [5, 16]
    for cell in data["results"]:
        assert (cell["dim"], cell["activation"], cell["trials"], cell["engine"]) == (
            8,
            "relu",
            500,
            "conditional",
        )
        assert [(row["direction"], row["step"], row["radius"]) for row in cell["flip"]] == [
            (direction, step, radius)
            for direction in ("gradient", "random")
            for step, radius in ((0.5, None), (2.0, None), (None, 1.0))
        ]
        for row in cell["flip"]:
            assert {"step", "probability", "low", "high", "limit", "differ"} <= row.keys()
            for entry in (row, row["differ"]):
                assert 0 <= entry["low"] <= entry["probability"] <= entry["high"] <= 1
            assert 0 <= row["limit"] <= 1
            assert row["differ"]["probability"] >= row["probability"]
            assert row["probability"] * 500 == pytest.approx(round(row["probability"] * 500))
        norm = cell["gradient_norm"]
        assert {"mean", "std", "low", "high", "second_moment", "exact_second_moment"} <= norm.keys()
        assert norm["low"] < norm["mean"] < norm["high"]
        assert norm["exact_second_moment"] == pytest.approx(0.5)
        assert norm["second_moment"] == pytest.approx(0.5, abs=0.15)


def test_json_of_the_gradient_norm(simulate: Simulate) -> None:
    """The document of grad-norm has the same keys for the norm, and its quantiles."""
    code, out, err = simulate("grad-norm", *SMALL, "--json")
    assert (code, err) == (0, "")
    data = json.loads(out)
    assert data["experiment"] == "grad-norm"
    norm = data["results"][0]["gradient_norm"]
    assert {"mean", "std", "low", "high", "second_moment", "exact_second_moment", "quantiles"} <= norm.keys()
    assert "flip" not in data["results"][0]


def test_the_document_is_that_of_python(simulate: Simulate) -> None:
    """The command and five lines of Python give the same document."""
    _, out, _ = simulate("init-flip", *SMALL, "--step", "1", "--seed", "3", "--json")
    plan = Plan(INIT_FLIP, (InitFlip(width=16, dim=8, steps=(1.0,)),), 500, seed=3)
    assert json.loads(out) == document(run(plan))


def test_a_second_command_computes_nothing_new(simulate: Simulate) -> None:
    """The same command again prints the same from the blocks on disk, and so does resume."""
    command = ("init-flip", *SMALL, "--out", "run")
    first = simulate(*command)
    assert first.code == 0
    blocks = (simulate.home / "run" / "blocks.jsonl").read_bytes()
    files = {name: (simulate.home / "run" / name).read_bytes() for name in ("results.json", "results.csv")}
    assert simulate(*command) == first
    assert simulate("resume", "run") == first
    assert simulate("resume", "run", "--json").out == files["results.json"].decode()
    assert (simulate.home / "run" / "blocks.jsonl").read_bytes() == blocks
    for name, data in files.items():
        assert (simulate.home / "run" / name).read_bytes() == data
    manifest = json.loads((simulate.home / "run" / "manifest.json").read_text())
    assert len(manifest["sessions"]) == 1


def test_a_run_has_a_place_without_asking(simulate: Simulate) -> None:
    """Without --out a run is kept below runs/ under the name of its plan: another plan in another place."""
    plan = Plan(INIT_FLIP, (InitFlip(width=16, dim=8),), 500)
    out = simulate("init-flip", *SMALL).out
    place = Path("runs") / f"init-flip-{plan.digest}"
    assert out.splitlines()[-1] == f"files: {place / 'results.json'}, {place / 'results.csv'}"
    assert simulate("init-flip", *SMALL).out == out
    assert simulate("init-flip", *SMALL, "--seed", "1").code == 0
    assert len(list((simulate.home / "runs").iterdir())) == 2


def test_another_confidence_needs_no_new_trials(simulate: Simulate) -> None:
    """Confidence is a way to look at a run: a wider interval comes from the same blocks."""
    narrow = json.loads(simulate("init-flip", *SMALL, "--json", "--out", "run").out)
    wide = json.loads(simulate("resume", "run", "--json", "--confidence", "0.999").out)
    band = json.loads(simulate("resume", "run", "--json", "--simultaneous").out)
    assert band["intervals"] == "simultaneous"
    for other in (wide, band):
        rows = zip(narrow["results"][0]["flip"], other["results"][0]["flip"], strict=True)
        for one, two in rows:
            assert one["probability"] == two["probability"]
            assert two["low"] <= one["low"]
            assert two["high"] >= one["high"]


def test_another_plan_is_refused(simulate: Simulate) -> None:
    """The directory of another plan is refused, and its results stay."""
    simulate("init-flip", *SMALL, "--out", "run")
    before = (simulate.home / "run" / "results.json").read_bytes()
    code, out, err = simulate("grad-norm", *SMALL, "--out", "run")
    assert (code, out, err) == (2, "", "simulate: run holds the run of another plan: choose another --out\n")
    assert (simulate.home / "run" / "results.json").read_bytes() == before


def test_a_damaged_run_is_mended(simulate: Simulate) -> None:
    """A truncated blocks file costs a note, a truncated manifest the original command: never a digit."""
    command = ("init-flip", *SMALL, "--out", "run", "--json")
    out = simulate(*command).out
    blocks, manifest = simulate.home / "run" / "blocks.jsonl", simulate.home / "run" / "manifest.json"
    blocks.write_bytes(blocks.read_bytes()[:-10])
    code, again, err = simulate("resume", "run", "--json")
    assert (code, again) == (0, out)
    assert err == "run/blocks.jsonl: the last line was cut off and is left out\n"
    manifest.write_bytes(manifest.read_bytes()[:50])
    code, again, err = simulate("resume", "run", "--json")
    assert (code, again) == (2, "")
    assert "run/manifest.json is damaged" in err
    assert "give the command that began the run again, with --out run: finished blocks are kept" in err
    assert err.count("\n") == 1
    code, again, err = simulate(*command)
    assert (code, again) == (0, out)
    assert err == "run/manifest.json was damaged: it is written anew, finished blocks are kept\n"


@pytest.mark.parametrize("trials", ["1", "2", "3"])
@pytest.mark.parametrize("command", ["init-flip", "grad-norm"])
def test_few_trials_are_enough(simulate: Simulate, command: str, trials: str) -> None:
    """One trial has no spread: the table and the documents say so, and are whole."""
    options = ("--width", "4", "--dim", "8", "--trials", trials)
    assert simulate(command, *options).code == 0
    code, out, _ = simulate(command, *options, "--json")
    data = json.loads(out)
    assert code == 0
    assert data["results"][0]["trials"] == int(trials)
    assert (data["results"][0]["gradient_norm"]["low"] is None) is (trials == "1")


@pytest.mark.parametrize("activation", ["step", "quadratic", "identity", "abs", "cos"])
def test_odd_activations_print_whole_tables(simulate: Simulate, activation: str) -> None:
    """An activation without gradient, or without a limit, gives a table like any other."""
    code, out, err = simulate("init-flip", *SMALL, "--activation", activation, "--step", "1")
    assert (code, err) == (0, "")
    assert "gradient" in out
    assert "nan" not in out


def test_csv_has_the_headline_of_the_document(simulate: Simulate) -> None:
    """The CSV file has a row for each step of each cell, with the document's numbers in full precision."""
    _, out, _ = simulate(
        "init-flip", *SMALL, "--width", "32", "--step", "0.5", "--radius", "2", "--json", "--out", "run"
    )
    rows = list(csv.DictReader(io.StringIO((simulate.home / "run" / "results.csv").read_text())))
    data = json.loads(out)
    entries = [(cell, entry) for cell in data["results"] for entry in cell["flip"]]
    assert len(rows) == len(entries) == 4
    for row, (cell, entry) in zip(rows, entries, strict=True):
        assert (row["width"], row["activation"]) == (str(cell["width"]), "relu")
        assert row["step"] == ("" if entry["step"] is None else repr(entry["step"]))
        assert float(row["probability"]) == entry["probability"]
        assert float(row["differ_high"]) == entry["differ"]["high"]
        assert float(row["gradient_norm_mean"]) == cell["gradient_norm"]["mean"]
    simulate("grad-norm", *SMALL, "--out", "norm")
    (row,) = csv.DictReader(io.StringIO((simulate.home / "norm" / "results.csv").read_text()))
    assert float(row["quantile_0.5_low"]) <= float(row["quantile_0.5_value"])


def test_a_figure_is_drawn(simulate: Simulate) -> None:
    """--figure draws the run, also of a finished one, and is listed among the files."""
    code, out, _ = simulate("init-flip", *SMALL, "--out", "run", "--figure", "flip.svg")
    assert code == 0
    assert out.splitlines()[-1].endswith(", flip.svg")
    assert simulate("resume", "run", "--figure", "again.svg").code == 0
    assert (simulate.home / "flip.svg").read_bytes() == (simulate.home / "again.svg").read_bytes()


OWN_MODEL = '''
from dataclasses import dataclass

from simulate import Experiment


@dataclass(frozen=True)
class Coins:
    """Parameters of the model."""

    number: int = 3
    bias: float = 0.5


def trial(parameters, stream, batch):
    """Heads of a few coins."""
    heads = stream.uniforms("coins", parameters.number) <= parameters.bias
    return {"heads": heads, "total": heads.sum(dim=1)}


COINS = Experiment("coins", trial, Coins)
'''


def test_an_experiment_of_ones_own_is_resumed(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a user's model is continued and shown by `simulate resume` beside the file of the model."""
    (simulate.home / "model_of_coins.py").write_text(OWN_MODEL)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(simulate.home)
        from model_of_coins import COINS, Coins  # type: ignore[import-not-found]

        run(Plan(COINS, (Coins(), Coins(number=2, bias=0.25)), 400), "run")
        monkeypatch.delitem(sys.modules, "model_of_coins")
    blocks = simulate.home / "run" / "blocks.jsonl"
    blocks.write_bytes(blocks.read_bytes()[:-10])
    code, out, err = simulate("resume", "run")
    assert (code, err.count("\n")) == (0, 2)
    assert "coins  number=2  bias=0.25  400 trials" in out
    code, out, err = simulate("resume", "run", "--json")
    assert (code, err) == (0, "")
    data = json.loads(out)
    assert data["experiment"] == "coins"
    assert data["results"][1]["parameters"] == {"number": 2, "bias": 0.25}
    columns = data["results"][1]["columns"]
    assert len(columns["heads"]["probability"]) == 2
    assert columns["total"]["low"] < 0.5 < columns["total"]["high"]
    rows = list(csv.DictReader(io.StringIO((simulate.home / "run" / "results.csv").read_text())))
    assert [(row["parameter_number"], row["column"], row["entry"]) for row in rows] == [
        *(("3", "heads", str(i)) for i in range(3)),
        ("3", "total", ""),
        ("2", "heads", "0"),
        ("2", "heads", "1"),
        ("2", "total", ""),
    ]
    code, out, err = simulate("resume", "run", "--figure", "x.pdf")
    assert (code, out) == (2, "")
    assert err == "simulate: --figure has no picture of coins, an experiment of your own\n"


# ----------------------------------------------------------------------------------- streams and tables


needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="forks a child, needs /dev/full")


@needs_fork
def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    """Standard output on a full disk is one line and exit code 4; the run is kept."""
    command = ("init-flip", *SMALL, "--out", "run")
    for options in (command, (*command, "--json"), ("--help",)):
        answer = launcher()(*options, cwd=tmp_path, stdout="/dev/full")
        assert answer["code"] == 4
        assert answer["stderr"] == "simulate: cannot write: No space left on device\n"
    assert (tmp_path / "run" / "results.json").exists()


@needs_fork
def test_output_in_a_poor_encoding(tmp_path: Path) -> None:
    """Where ∇ cannot be shown the table has ? in its place."""
    answer = launcher()("init-flip", *SMALL, cwd=tmp_path, encoding="ascii")
    assert (answer["code"], answer["stderr"]) == (0, "")
    assert "P(flip)" in answer["stdout"]
    assert "??f?" in answer["stdout"]


@needs_fork
def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    """A closed pipe ends the command without a word, with the code of SIGPIPE and not that of a verdict."""
    command = ("init-flip", *SMALL, "--out", "run")
    for options in (command, (*command, "--json"), ("--help",)):
        answer = launcher()(*options, cwd=tmp_path, stdout="closed pipe")
        assert (answer["code"], answer["stderr"]) == (141, "")


def test_brackets_are_no_markup() -> None:
    """A path with brackets stands in tables and notes as it is."""
    cell = document(run(Plan(INIT_FLIP, (InitFlip(width=4, dim=4),), 10)))
    cell["results"][0]["activation"] = "[red]/a :smile: b.py:f"
    console = Console(file=io.StringIO(), width=200)
    tables.render(cell, console)
    assert isinstance(console.file, io.StringIO)
    assert "[red]/a :smile: b.py:f" in console.file.getvalue()


def test_lines_of_progress_are_for_logs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal, progress is a plain line every ten seconds on stderr, with rate and time left."""
    now = [0.0]
    monkeypatch.setattr("simulate.progress.time.perf_counter", lambda: now[0])
    progress = LineProgress()
    progress.start(1000, 100)
    for _ in range(5):
        now[0] += 5.0
        progress.advance(50)
    progress.note("look [here]")
    progress.stop()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "100 of 1,000 trials were already there",
        "200 of 1,000 trials, 10/s, 80 s left",
        "300 of 1,000 trials, 10/s, 70 s left",
        "look [here]",
    ]


def test_waiting_for_the_compiler_is_no_rate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first block that took half a minute, for its code had to be compiled, tells nothing of the next ones."""
    now = [0.0]
    monkeypatch.setattr("simulate.progress.time.perf_counter", lambda: now[0])
    progress = LineProgress()
    progress.start(1000, 0)
    for seconds in (30.0, 10.0):
        now[0] += seconds
        progress.advance(100)
    assert capsys.readouterr().err.splitlines() == [
        "100 of 1,000 trials",
        "200 of 1,000 trials, 10/s, 80 s left",
    ]


def test_the_bar_leaves_the_terminal_as_it_was(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal a bar is drawn on stderr and taken away; notes stay, brackets and all."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    progress = TerminalProgress()
    progress.note("before [it] starts")
    progress.start(1000, 100)
    progress.advance(400)
    progress.note("look [here]")
    progress.stop()
    out, err = capsys.readouterr()
    assert out == ""
    assert "before [it] starts" in err
    assert "look [here]" in err
    assert err.count("\x1b[?25l") == err.count("\x1b[?25h")

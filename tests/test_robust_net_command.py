"""`simulate robust-net` and its figure: what they show is what was computed, and bad input gets one line."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from rich.console import Console
from typer.testing import CliRunner

import figures
from figures import robust_radius
from simulate.cli import app
from simulate.errors import BadInput
from simulate.robust import (
    DataSet,
    best_threshold,
    build,
    ceiling,
    document,
    draw,
    least_radius_to_flip,
    midpoint,
    printed_radius,
    radius,
    radius_to_zero,
    render,
)


def ask(*arguments: str | Path) -> Any:
    """The command in this process."""
    return CliRunner().invoke(app, ["robust-net", *map(str, arguments)])


def shown(data: dict[str, Any]) -> str:
    """The table as text."""
    console = Console(file=io.StringIO(), width=200)
    render(data, console)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def cells(text: str, name: str) -> list[str]:
    """The numbers of a row of the table."""
    (line,) = [line for line in text.splitlines() if line.startswith(name)]
    return line.removeprefix(name).split()


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    """Six points in twelve dimensions."""
    return document("random", 6, 12, seed=1)


# --- the command --------------------------------------------------------------------------------------------


def test_json_is_the_document() -> None:
    """`--json` prints what `document` returns for the same request."""
    answer = ask("--points", 6, "--dim", 12, "--seed", 1, "--json")
    assert answer.exit_code == 0
    assert json.loads(answer.stdout) == json.loads(json.dumps(document("random", 6, 12, seed=1)))


def test_document_agrees_with_the_pieces(small: dict[str, Any]) -> None:
    """c, the threshold, the margin, and the radii of each point are those of construction and search."""
    data = draw("random", 6, 12, seed=1)
    (result,) = small["results"]
    c = np.abs(data.points @ data.points.T / 12 - np.eye(6)).max()
    assert_allclose([result["c"], result["threshold"]], [c, midpoint(c)])
    assert_allclose(result["printed_radius"], (1 - c) / 4 * math.sqrt(12))
    network = build(data.points, data.labels, midpoint(c))
    for point, x, y in zip(result["per_point"], data.points, data.labels, strict=True):
        assert point["label"] == y
        assert_allclose(point["margin"], 1)
        assert_allclose(point["to_zero"]["upper"], radius(network, x, y).upper)
        assert_allclose(point["to_flip"]["upper"], radius(network, x, y, "flip").upper)
        assert_allclose(point["attack_to_zero"], point["to_zero"]["upper"], rtol=1e-9)
        assert point["attack_to_flip"] is None
        assert point["stalled"]
    assert_allclose(result["to_zero"]["min_over_printed"], 2)
    assert result["to_zero"]["exact"] == result["to_flip"]["exact"] == 6
    assert_allclose(
        result["to_flip"]["min"]["upper"], min(p["to_flip"]["upper"] for p in result["per_point"])
    )
    assert result["attack"]["stalled"] == 6


def test_the_table_shows_the_document(small: dict[str, Any]) -> None:
    """Every row of the table carries its numbers of the document, and the notes say where the attack stops."""
    (result,) = small["results"]
    text = shown(small)
    printed = result["printed_radius"]
    assert cells(text, "printed, (1−c)/4·√d") == [f"{printed:#.5g}", "1.0000"]
    assert cells(text, "to f = 0, exact") == [f"{2 * printed:#.5g}"] * 3 + ["2.0000"]
    flips = [f"{result['to_flip'][key]['upper']:#.5g}" for key in ("min", "median", "max")]
    assert cells(text, "to a strict flip, exact")[:3] == flips
    assert cells(text, "to a strict flip, gradient attack") == ["never"]
    assert cells(text, "f = 0 with any function, at most")[0] == f"{result['ceiling']:#.5g}"
    assert "the attack stops at 6 of 6 points, where f = 0 with no neuron on" in text


def test_equal_labels_never_flip(tmp_path: Path) -> None:
    """Data with one label alone have no strict flip: null in the document, a line in the table."""
    file = tmp_path / "same.csv"
    file.write_text("1,0,1\n0,1,1\n")
    answer = ask("--data", file, "--normalise")
    assert answer.exit_code == 0
    assert cells(answer.stdout, "to a strict flip, exact") == ["never"] * 3
    assert "every label is the same" in answer.stdout
    (result,) = json.loads(ask("--data", file, "--normalise", "--json").stdout)["results"]
    assert result["to_flip"]["min"] == {"lower": None, "upper": None}
    assert result["ceiling"] is None
    assert_allclose(result["to_zero"]["min"]["upper"], math.sqrt(2) / 2)  # c = 0


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """Points and labels from an NPZ file give the same radii as the data set itself."""
    data = draw("clustered", 5, 8, seed=2)
    np.savez(tmp_path / "mine.npz", points=data.points, labels=data.labels)
    found = json.loads(ask("--data", tmp_path / "mine.npz", "--json").stdout)
    assert found["data"].endswith("mine.npz")
    expected = document(DataSet(data.points, data.labels))
    assert_allclose(
        found["results"][0]["to_flip"]["min"]["upper"], expected["results"][0]["to_flip"]["min"]["upper"]
    )


def test_many_data_sets() -> None:
    """With --trials the table and `over_data` have the least, median and largest over data sets drawn anew."""
    data = document("random", 4, 10, trials=5, seed=3)
    least = [one["to_flip"]["min"]["lower"] for one in data["results"]]
    numbers = sorted(math.inf if one is None else one for one in least)
    assert len(set(numbers)) > 1
    over = data["over_data"]["to_flip"]
    assert [over["min"], over["median"]] == [numbers[0], numbers[2]]
    assert_allclose([data["over_data"]["to_zero_over_printed"][key] for key in ("min", "max")], 2)
    text = shown(data)
    assert cells(text, "to f = 0, over printed") == ["2.0000"] * 3
    assert "5 data sets" in text


def test_a_bracket_is_shown_as_one() -> None:
    """Where the work does not suffice the table shows certified brackets and how many points are exact."""
    data = document("random", 24, 60, threshold="best", most_nodes=150, restarts=0)
    (result,) = data["results"]
    assert result["to_flip"]["exact"] < 24
    for point in result["per_point"]:
        entry = point["to_flip"]
        assert entry["lower"] <= entry["upper"] * (1 + 1e-12)
        assert entry["lower"] >= result["proved"]["to_flip"] * (1 - 1e-9)
    text = shown(data)
    assert f"exact at {result['to_flip']['exact']} of 24 points, a certified bracket at the others" in text
    assert cells(text, "to a strict flip, exact")[0].startswith("[")


def test_thresholds() -> None:
    """The best threshold raises every radius to f = 0, and a number is taken as it is."""
    plain, best, own = (document("random", 6, 30, threshold=t, seed=4) for t in ("midpoint", "best", "0.8"))
    results = [one["results"][0] for one in (plain, best, own)]
    assert results[1]["threshold"] == best_threshold(results[1]["c"])
    assert results[1]["to_zero"]["min"]["lower"] > results[0]["to_zero"]["min"]["upper"]
    assert results[2]["threshold"] == 0.8
    assert_allclose(results[2]["to_zero"]["min"]["upper"], 0.2 * math.sqrt(30))


BAD = {
    "one point": (("--points", "1"), "points must be at least 2, got 1"),
    "dim 1": (("--dim", "1"), "dim must be at least 2, got 1"),
    "no file": (("--data", "no.csv"), "there is no file no.csv; the data are random, clustered, adversarial"),
    "file and points": (("--data", "no.csv", "--points", "3"), "leave --points and --dim out"),
    "file and trials": (("--data", "no.csv", "--trials", "3"), "a file has one data set"),
    "adversarial trials": (("--data", "adversarial", "--trials", "3"), "the adversarial data set is one"),
    "random normalised": (("--normalise",), "--normalise is for data from a file"),
    "correlation 1": (("--data", "clustered", "--correlation", "1"), "strictly between 0 and 1, got 1"),
    "correlation nan": (("--data", "clustered", "--correlation", "nan"), "strictly between 0 and 1, got nan"),
    "few dimensions": (("--data", "adversarial", "--dim", "5"), "dim at least 10, got 5"),
    "no clusters": (("--data", "clustered", "--clusters", "0"), "clusters must be at least 1, got 0"),
    "no trials": (("--trials", "0"), "trials must be at least 1, got 0"),
    "no nodes": (("--nodes", "0"), "nodes must be at least 1, got 0"),
    "restarts -1": (("--restarts", "-1"), "restarts must be at least 0, got -1"),
    "negative seed": (("--seed", "-1"), "a non-negative integer, got -1"),
    "threshold word": (("--threshold", "high"), "a threshold is midpoint, best or a number, got 'high'"),
    "threshold 1": (("--threshold", "1"), "and 1, got 1"),
    "threshold nan": (("--threshold", "nan"), "and 1, got nan"),
    "figure ending": (("--figure", "x.jpeg"), "--figure takes a .pdf, .png or .svg file"),
    "figure nowhere": (("--figure", "no/x.pdf"), "there is no directory"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_clear_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2, one line on standard error that says what to change, nothing on standard output."""
    monkeypatch.chdir(tmp_path)
    arguments, told = BAD[name]
    answer = ask(*arguments)
    assert answer.exit_code == 2
    assert told in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert answer.stdout == ""


def test_documents_refuse_what_makes_no_sense() -> None:
    """A data set of one's own takes no sizes and no repetitions."""
    data = draw("random", 3, 4)
    with pytest.raises(BadInput, match="leave --points"):
        document(data, points=3)
    with pytest.raises(BadInput, match="one data set"):
        document(data, trials=2)


# --- the figure ---------------------------------------------------------------------------------------------


def marks(panel: Any, label: str) -> Any:
    """The coordinates of the marks of a legend's entry."""
    for container in panel.containers:
        if container.get_label() == label:
            return np.array(container[0].get_data())
    (line,) = [line for line in panel.lines if line.get_label() == label]
    return np.array(line.get_data())


def test_figure_shows_the_radii_of_each_point(small: dict[str, Any]) -> None:
    """Left: exact radii, attack and printed radius of the document in units of √d, sorted by the flip radius."""
    figure = robust_radius.draw(small)
    left, _ = figure.axes
    (result,) = small["results"]
    unit = math.sqrt(12)
    points = sorted(result["per_point"], key=lambda one: one["to_flip"]["upper"])
    assert_allclose(marks(left, "strict flip, exact")[1], [one["to_flip"]["upper"] / unit for one in points])
    assert_allclose(marks(left, "$f=0$, exact")[1], [one["to_zero"]["upper"] / unit for one in points])
    assert_allclose(
        marks(left, "$f=0$, gradient attack")[1], [one["attack_to_zero"] / unit for one in points]
    )
    levels = [
        line.get_ydata()[0]
        for line in left.lines
        if len(set(line.get_ydata())) == 1 and len(line.get_xdata()) == 2
    ]
    assert any(math.isclose(level, result["printed_radius"] / unit) for level in levels)
    assert any(math.isclose(level, result["ceiling"] / unit) for level in levels)
    assert "sqrt{d}" in left.get_ylabel()
    assert "strict flip" in left.get_xlabel()


def test_figure_shows_the_bounds_over_c(small: dict[str, Any]) -> None:
    """Right: the printed and the proved bounds as functions of c, and the data's least radii at their c."""
    figure = robust_radius.draw(small)
    right = figure.axes[1]
    (result,) = small["results"]
    for label, formula in {
        r"$f=0$, midpoint, all data": lambda c: radius_to_zero(c, 1),
        r"printed, $\frac{1-c}{4}\sqrt{d}$": lambda c: printed_radius(c, 1),
        r"$f=0$, best threshold, worst data": lambda c: 1 - best_threshold(c),
        "strict flip, midpoint, worst data": lambda c: least_radius_to_flip(c, 1),
        "ceiling of every function": lambda c: ceiling(c, 1),
    }.items():
        x, y = marks(right, label)
        assert_allclose(y, [formula(one) for one in x], rtol=2e-3)
    single = [line.get_data() for line in right.lines if len(line.get_xdata()) == 1]
    flip = result["to_flip"]["min"]["upper"] / math.sqrt(12)
    assert any(x[0] == result["c"] and math.isclose(y[0], flip) for x, y in single)
    assert right.get_xlabel() == "$c$"
    legend = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"strict flip, exact", r"$f=0$, midpoint, all data"} <= legend


def test_figure_of_many_data_sets_and_of_no_flip(tmp_path: Path) -> None:
    """With --trials each data set is a mark; where nothing flips there is no mark, and no error."""
    many = document("random", 4, 10, trials=3, seed=5)
    left, _ = robust_radius.draw(many).axes
    assert_allclose(
        sorted(marks(left, "$f=0$, exact")[1]),
        sorted(one["to_zero"]["min"]["upper"] / math.sqrt(10) for one in many["results"]),
    )
    same = document(DataSet(math.sqrt(2) * np.eye(2), np.ones(2)))
    figure = robust_radius.draw(same)
    assert np.isnan(marks(figure.axes[0], "strict flip, exact")[1]).all()
    assert figures.save(figure, tmp_path / "same.pdf").read_bytes().startswith(b"%PDF")


def test_figure_option_writes_the_file(tmp_path: Path) -> None:
    """--figure writes the picture, the same bytes each time, and names it below the table."""
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path in paths:
        answer = ask("--points", 3, "--dim", 6, "--figure", path)
        assert answer.exit_code == 0
        assert f"files: {path}" in answer.stdout
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_plan_of_the_figure_is_a_request() -> None:
    """The figure names its data at two qualities, the larger for paper."""
    draft, paper = robust_radius.plan("draft"), robust_radius.plan("paper")
    assert draft["points"] < paper["points"]
    assert document(**{**draft, "points": 4, "dim": 10})["data"] == "clustered"

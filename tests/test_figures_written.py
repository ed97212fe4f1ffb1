"""`figures.write` and the command `simulate figures`: what is on disk afterwards, and what a user gets wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from command import Simulate

import figures
from figures import concentration, picture
from simulate.errors import BadInput

SMALL = "chi-square"
"""A figure that samples nothing."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coarser grids than those of a draft."""
    monkeypatch.setattr(concentration, "DEFAULT_KS", (1, 10))
    monkeypatch.setattr(concentration, "DEFAULT_GAMMAS", (0.1, 1e-6))


def test_a_figure_is_written_with_its_data_and_its_sidecar(tmp_path: Path) -> None:
    """Pictures of every format, the data drawn, and where they come from, under the figure's name."""
    (one,) = figures.write([SMALL], tmp_path / "out", formats=("pdf", "svg", "png"))
    assert [path.name for path in one.files] == [f"{SMALL}.{e}" for e in ("pdf", "svg", "png", "csv", "json")]
    assert all(path.stat().st_size > 500 for path in one.files)
    sidecar = json.loads((tmp_path / "out" / f"{SMALL}.json").read_text(encoding="utf-8"))
    assert sidecar == one.sidecar
    keys = {"name", "title", "caption", "alt", "files", "plan", "seed", "versions", "quality", "seconds"}
    assert keys <= sidecar.keys()
    assert sidecar["files"] == [f"{SMALL}.{ending}" for ending in ("pdf", "svg", "png", "csv")]
    assert sidecar["plan"][0]["ks"] == [1, 10]
    assert sidecar["versions"].keys() >= {"python", "torch", "matplotlib"}
    with open(tmp_path / "out" / f"{SMALL}.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["k"] for row in rows if row["panel"] == "grid"] == ["1", "1", "10", "10"]


def test_what_is_stored_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second call reads the stored measurement, and writes the same bytes of every file but the sidecar."""
    (first,) = figures.write([SMALL], tmp_path / "a", data=tmp_path / "runs")

    def refuse(**arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(concentration, "document", refuse)
    (second,) = figures.write([SMALL], tmp_path / "b", data=tmp_path / "runs")
    for before, after in zip(first.files[:-1], second.files[:-1], strict=True):
        assert before.read_bytes() == after.read_bytes()


def test_a_damaged_measurement_is_made_again(tmp_path: Path) -> None:
    """A stored document that cannot be read counts as missing."""
    figures.write([SMALL], tmp_path / "a", formats=["png"], data=tmp_path / "runs")
    (kept,) = (tmp_path / "runs").glob("concentration-*.json")
    whole = kept.read_text(encoding="utf-8")
    kept.write_text(whole[:100], encoding="utf-8")
    figures.write([SMALL], tmp_path / "b", formats=["png"], data=tmp_path / "runs")
    assert kept.read_text(encoding="utf-8") == whole


def test_a_figure_that_fails_keeps_no_other_from_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are written, and the error names the figure at the end."""

    def fail(*_: object) -> None:
        raise BadInput("no data here")

    broken = picture.Picture("broken", "", "", (), fail, lambda _: [], lambda *_: None, str)  # type: ignore[arg-type,return-value]
    monkeypatch.setitem(figures.CATALOGUE, "broken", broken)
    with pytest.raises(BadInput, match="figure broken: no data here"):
        figures.write(["broken", SMALL], tmp_path)
    assert (tmp_path / f"{SMALL}.json").exists()


BAD = {
    "unknown name": (("chi-sqare",), "no figure is called 'chi-sqare': did you mean chi-square?"),
    "unknown name, nothing near": (("zzz",), "no figure is called 'zzz': there are "),
    "unknown format": ((SMALL, "--format", "pdf,jpeg"), "one of pdf, svg, png, got 'jpeg'"),
    "no format": ((SMALL, "--format", ""), "one of pdf, svg, png, got ''"),
    "unknown quality": ((SMALL, "--quality", "best"), "Invalid value for '--quality'"),
    "unknown width": ((SMALL, "--width", "three"), "Invalid value for '--width'"),
    "out is a file": ((SMALL, "--out", "taken"), "cannot write figures into taken"),
    "data is a file": ((SMALL, "--data", "taken"), "cannot write measurements into taken"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_line(simulate: Simulate, case: str) -> None:
    """Whatever is wrong with a request is said in one line, with exit code 2."""
    Path("taken").touch()
    arguments, line = BAD[case]
    answer = simulate("figures", *arguments)
    assert answer.code == 2
    assert line in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    assert answer.out == ""


def test_the_command_writes_and_lists(simulate: Simulate) -> None:
    """`figures NAME` writes into --out and keeps measurements below runs; --list names every figure."""
    answer = simulate("figures", SMALL, "--format", "png, svg", "--out", "out", "--width", "one")
    assert answer.code == 0
    assert (
        answer.out
        == f"{SMALL}: " + ", ".join(f"out/{SMALL}.{e}" for e in ("png", "svg", "csv", "json")) + "\n"
    )
    assert list(Path("runs").glob("concentration-*.json"))
    listed = simulate("figures", "--list").out.splitlines()
    assert [line.split()[0] for line in listed] == list(figures.CATALOGUE)

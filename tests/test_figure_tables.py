"""Tables: their numbers, their three formats, and that LaTeX takes them."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import subprocess
from pathlib import Path

import pytest
from command import Simulate

from figures import smallest_step, tables
from figures.tables import table
from figures.typeset import Column, Sheet, to_latex, typeset
from simulate import laws
from simulate.activations import NAMES


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks and runs that take a second."""
    monkeypatch.setattr(tables, "WIDTH", 16)
    monkeypatch.setattr(tables, "DIM", 64)
    monkeypatch.setattr(tables, "_TRIALS", {"draft": 300})
    monkeypatch.setattr(smallest_step, "_SIZES", {"draft": 64})
    monkeypatch.setattr(smallest_step, "_TRIALS", {"draft": 300})


def rows(text: str) -> list[dict[str, str]]:
    """The records of a CSV."""
    return list(csv.DictReader(io.StringIO(text)))


def test_constants_are_those_of_the_laws_and_beside_them_what_is_measured(tmp_path: Path) -> None:
    """Every named activation with Eσ², Eσ′² and √(2Eσ²)/Eσ′²; E‖∇f‖² at this d lies in nearly all of its intervals."""
    found = rows(table("constants", "csv", data=tmp_path))
    assert [row["activation"] for row in found] == list(NAMES)
    inside = 0
    for row in found:
        value, slope = laws.second_moment(row["activation"]), laws.derivative_second_moment(row["activation"])
        assert float(row["second_moment"]) == value
        assert float(row["derivative_second_moment"]) == slope
        constant = math.inf if slope == 0 else math.sqrt(2 * value) / slope
        assert float(row["constant"]) == pytest.approx(constant)
        exact = laws.gradient_second_moment(row["activation"], 64)
        inside += float(row["gradient_low"]) <= exact <= float(row["gradient_high"])
        if slope:
            assert float(row["flip_limit"]) == pytest.approx(math.erf(1))
            assert float(row["flip_low"]) <= float(row["flip"]) <= float(row["flip_high"])
    # 14 intervals of 95 %: fewer than 10 right has probability 2e-4.
    assert inside >= 10


def test_flip_sizes_are_those_of_the_figure(tmp_path: Path) -> None:
    """One run serves the figure and the table; C is |η| over √log(1/γ)."""
    from figures import CATALOGUE, Stored

    found = rows(table("flip-sizes", "csv", data=tmp_path))
    drawn = smallest_step.table(CATALOGUE["smallest-step"].measure(Stored(tmp_path), "draft"))
    assert [(row["activation"], float(row["gamma"])) for row in found] == [
        (row["activation"], row["gamma"]) for row in drawn
    ]
    assert len(list(tmp_path.iterdir())) == 1
    reached = [row for row in found if row["step"]]
    assert reached
    for row in reached:
        root = math.sqrt(math.log(1 / float(row["gamma"])))
        assert float(row["constant"]) == pytest.approx(float(row["step"]) / root)


def test_verdicts_are_those_of_the_ledger() -> None:
    """Every statement of the committed ledger, with its verdict, in all three formats."""
    from theorems import ledger

    entries = json.loads((ledger.HERE / "ledger.json").read_text(encoding="utf-8"))["statements"]
    found = rows(table("verdicts", "csv"))
    assert {row["id"]: row["verdict"] for row in found} == {
        name: one["verdict"] for name, one in entries.items()
    }
    shown = table("verdicts", "markdown").splitlines()
    assert shown[0].startswith("| id | statement |")
    assert len([line for line in shown if line.startswith("| `")]) == len(entries)
    text = table("verdicts", "latex")
    assert text.isascii()
    assert text.count(r" \\") == len(entries) + 3  # the caption and two heads
    assert "longtable" in text


def test_symbols_become_formulas() -> None:
    """Unicode text is ASCII afterwards, what LaTeX reads is escaped, a root reaches over what follows it."""
    assert to_latex(
        "50 % of f_1 & 2√d ≤ √(1 − c)"
    ) == r"50 \% of f\_1 \& 2$\sqrt{d}\le \sqrt{1 - c}$".replace(r"}\le ", r"}$ $\le $ $")
    assert to_latex("σ² = 2²⁰, [0, 1]^n, 10^−3") == r"$\sigma ^{2}$ = 2$^{20}$, [0, 1]$^{n}$, 10$^{-3}$"
    assert to_latex(r"a\b{c}~") == r"a\textbackslash{}b\{c\}\textasciitilde{}"


def test_numbers_have_their_digits() -> None:
    """Four significant digits with intervals, powers of ten where need be, – for nothing and ∞ for no end."""
    row = {"a": 0.00001234567, "a_low": -1.0, "a_high": None, "b": 1234567, "c": None, "d": 0.0, "e": 0.99996}
    columns = (Column("a", "a", "a", interval=True), *(Column(key, key, key) for key in "bcde"))
    text = typeset(Sheet("t", "A caption.", columns, [row]), "markdown")
    assert text.splitlines()[2] == "| 1.235·10^−5 [−1.000, ∞] | 1,234,567 | – | 0 | 1.000 |"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_takes_the_tables(tmp_path: Path) -> None:
    """All three compile without an error and without a line that is too long."""
    body = []
    for name in tables.TABLES:
        (tmp_path / f"{name}.tex").write_text(table(name, "latex", data=tmp_path / "runs"), encoding="ascii")
        body.append(rf"\input{{{name}}}")
    page = [
        r"\documentclass{article}",
        r"\usepackage[margin=2cm]{geometry}",
        r"\usepackage{booktabs,array,longtable,amsmath,amssymb}",
        r"\begin{document}",
        *body,
        r"\end{document}",
    ]
    (tmp_path / "page.tex").write_text("\n".join(page), encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert answer.returncode == 0, answer.stdout.decode(errors="replace")[-2000:]
    assert b"Overfull" not in answer.stdout


BAD = {
    "unknown table": (("verdict",), "no table 'verdict': did you mean verdicts?"),
    "unknown format": (("verdicts", "--format", "html"), "no format of a table 'html': "),
    "no name": ((), "Missing argument 'NAME'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_line(simulate: Simulate, case: str) -> None:
    """Whatever is wrong with a request is said in one line, with exit code 2."""
    arguments, line = BAD[case]
    answer = simulate("table", *arguments)
    assert answer.code == 2
    assert line in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    assert answer.out == ""


def test_the_command_prints_a_table(simulate: Simulate) -> None:
    """`table NAME` prints Markdown, and with --format the others, to the letter what the function returns."""
    answer = simulate("table", "verdicts")
    assert answer.code == 0
    assert answer.out == table("verdicts", "markdown")

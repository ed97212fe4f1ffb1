"""The page of statements: what is false first, slips apart, and always what the generator makes."""

from __future__ import annotations

import pytest
from small_statements import STATEMENTS

from theorems import Budget
from theorems.catalogue import PAGE, page
from theorems.ledger import Ledger, renewed, shipped
from theorems.registry import registry
from theorems.verify import verify
from theorems.workers import Subject

EVERY = {one.id: one for one in STATEMENTS}


@pytest.fixture(scope="module")
def made() -> str:
    """The page of the small registry."""
    checked = verify([Subject(one) for one in STATEMENTS], Budget(0.5), Ledger())
    return page(EVERY, renewed(Ledger(), checked, EVERY))


def test_false_first_slips_apart(made: str) -> None:
    """A false theorem stands under its heading with what is true instead, a slip of the pen under another."""
    false = made.index("## False as printed, and what is true instead")
    slips = made.index("## Slips of the pen")
    book = made.index("## 900: A book of norms")
    other = made.index("## 901: Another work")
    assert false < made.index("### the norms are as printed") < slips
    assert slips < made.index("### a number with a digit lost") < book < other
    assert "- printed: ‖x‖₁ ≤ ‖x‖₂ for all x ∈ ℝⁿ" in made
    assert "- instead (`small.norms.corrected`, constant): ‖x‖₁ ≤ √n‖x‖₂ for all x ∈ ℝⁿ – holds" in made
    assert "6 statements: 2 hold, 2 refuted, 1 undecided, 1 vacuous." in made


def test_every_statement_has_one_row(made: str) -> None:
    """Each id stands in exactly one row of the tables, whose cells cannot be broken by a bar."""
    rows = [line for line in made.splitlines() if line.startswith("|") and "`small." in line]
    assert [line.split("`")[1] for line in rows] == list(EVERY)
    assert all(line.replace("\\|", "").count("|") == 7 for line in rows)


def test_without_verdicts() -> None:
    """Before the first verdict the page says so, and refutes nothing."""
    empty = page(EVERY, Ledger())
    assert "6 statements: 6 without verdict." in empty
    assert "## False" not in empty
    assert "not checked yet" in empty


def test_the_committed_page_is_what_the_generator_makes() -> None:
    """theorems/README.md is up to date: python -m theorems.catalogue writes it."""
    assert PAGE.read_text(encoding="utf-8") == page(registry(), shipped())

"""How the verdicts were found: what each kind of evidence is worth, error rates, sample sizes, budget, versions."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Any

from figures.report.rows import Row
from theorems.ledger import Ledger

_MEANINGS = {
    "exact": "Arithmetic or an exact law decided.",
    "searched": "So many instances of the hypotheses were tried, and none violates the statement. A refuted one has an "
    "instance that does, which its command evaluates again.",
    "sampled": "A statistical test decided, with the error rates below.",
    "replayed": "Not found again, but a stored counterexample stands.",
    "none": "Nothing was decided.",
}


@dataclass(frozen=True)
class Evidence:
    """A kind of evidence.

    Attributes:
        kind: its name.
        meaning: in a sentence.
        holds, refuted, others: how many verdicts rest on it.
        amount: how much of it there is behind those that hold, in words; empty where it is not counted.

    """

    kind: str
    meaning: str
    holds: int
    refuted: int
    others: int
    amount: str


def evidences(rows: Sequence[Row]) -> list[Evidence]:
    """Every kind of evidence that occurs, in the order of what it is worth."""
    found = []
    for kind, meaning in _MEANINGS.items():
        these = [row for row in rows if row.evidence_kind == kind]
        verdicts = Counter(row.verdict for row in these)
        others = len(these) - verdicts["holds"] - verdicts["refuted"]
        if these:
            found.append(
                Evidence(kind, meaning, verdicts["holds"], verdicts["refuted"], others, _instances(these))
            )
    return found


def _instances(rows: Sequence[Row]) -> str:
    """Least, median and most instances behind a verdict that holds."""
    matches = [re.search(r"([\d,]+) instances", row.evidence) for row in rows if row.verdict == "holds"]
    numbers = sorted(int(match[1].replace(",", "")) for match in matches if match)
    if not numbers:
        return ""
    least, middle, most = (f"{number:,}" for number in (numbers[0], median_low(numbers), numbers[-1]))
    return f"{sum(numbers):,} instances in all; {least} to {most} a statement, median {middle}"


@dataclass(frozen=True)
class Design:
    """The design of a statistical check.

    Attributes:
        row: of the statement.
        false_alarm: probability that a true statement is refuted.
        miss: probability that a false one is not, if it is false by at least `discrepancy`.
        discrepancy: the smallest that the check resolves.
        needed: trials that follow from these three.
        used: trials after which the sequential test had decided.
        points: at how many points or sizes.

    """

    row: Row
    false_alarm: str
    miss: str
    discrepancy: str
    needed: str
    used: str
    points: str


def designs(rows: Sequence[Row], ledger: Ledger) -> list[Design]:
    """The designs of all statistical checks."""
    found = []
    for row in rows:
        design = ledger.entries[row.id].verdict.design if row.id in ledger.entries else {}
        if row.evidence_kind == "sampled" and design:
            found.append(
                Design(
                    row,
                    _number(design, "false_alarm"),
                    _number(design, "miss"),
                    _number(design, "discrepancy"),
                    _number(design, "trials_needed"),
                    _number(design, "trials"),
                    _points(design),
                )
            )
    return found


def _points(design: Mapping[str, Any]) -> str:
    for key, name in (("points", "point"), ("sizes", "size")):
        if key in design:
            number = len(design[key])
            return f"{number} {name}{'' if number == 1 else 's'}"
    return ""


def _number(design: Mapping[str, Any], key: str) -> str:
    value = design.get(key)
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


@dataclass(frozen=True)
class Provenance:
    """Where the verdicts come from.

    Attributes:
        budgets: how many statements were checked with which budget, in words.
        cut_short: checks that the time limit ended before their search was through.
        date: of the ledger's last change; empty if not known.
        versions: of what checked then.
        digest: SHA-256 of ledger.json.

    """

    budgets: Sequence[str]
    cut_short: int
    date: str
    versions: Mapping[str, str]
    digest: str


def provenance(ledger: Ledger) -> Provenance:
    """Budget, date, versions and digest of a ledger."""
    budgets = Counter((one.seconds, one.seed) for one in ledger.entries.values())
    words = [
        f"{number} statement{'' if number == 1 else 's'}: {seconds:g} s each, seed {seed}"
        for (seconds, seed), number in sorted(budgets.items())
    ]
    return Provenance(
        words,
        sum("cut short" in one.verdict.note for one in ledger.entries.values()),
        ledger.written.get("date", ""),
        {name: version for name, version in ledger.written.items() if name != "date"},
        hashlib.sha256(ledger.text().encode()).hexdigest(),
    )

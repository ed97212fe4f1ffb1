"""What the page says about one statement, in the words and the order of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from figures.report.mathematics import markup
from theorems.documents import of_ledger
from theorems.latex import plain
from theorems.ledger import Ledger
from theorems.registry import FLAWS, corrections, flaw
from theorems.sheet import RELATIONS, design_rows, instance_words
from theorems.statement import Repair, Statement
from theorems.tables import evidence, tightness

Record = dict[str, Any]

_RANKS = {"undecided": 0, "broken": 1, "vacuous": 2, None: 3, "holds": 4}
_CLAIMED = ": claimed: "


@dataclass(frozen=True)
class Contradiction:
    """What refutes a statement.

    Attributes:
        words: what happens, or the instance where the two sides are told apart.
        claim: the relation that is claimed between the sides.
        sides: their names and their values.

    """

    words: str
    claim: str
    sides: tuple[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True)
class Link:
    """A statement that corrects another, or is corrected by it."""

    id: str
    title: str
    repair: Repair | None
    claim: Markup
    verdict: str
    evidence: str


@dataclass(frozen=True)
class Row:
    """A statement.

    Attributes:
        place: in the registry, from 0.
        anchor: of its row on the page.
        flaw: what is wrong with it if it is refuted: the gravest of its corrections' repairs.
        rank: of its verdict, what is most in need of attention first.
        ratio: the tightness as a number, None where nothing was compared or where it is not finite.
        design: of a statistical check, in labelled lines.
        command: evaluates what refutes it, or checks it again.

    """

    place: int
    id: str
    anchor: str
    title: str
    document: str
    source: str
    number: str
    page: str
    kind: str
    verdict: str
    flaw: Repair | None
    rank: int
    evidence_kind: str
    evidence: str
    tightness: str
    ratio: float | None
    tightest: str
    claim: Markup
    reading: str
    hypotheses: str
    contradiction: Contradiction | None
    design: Sequence[tuple[str, str]]
    note: str
    corrects: Link | None
    corrected_by: Sequence[Link]
    command: str

    @property
    def where(self) -> str:
        """Number and page in its source."""
        return ", ".join(filter(None, (self.number, self.page)))


def rows(statements: Mapping[str, Statement], ledger: Ledger) -> list[Row]:
    """A row for every statement, in their order."""
    every = list(statements.values())
    corrected_by = corrections(every)
    records = {one["id"]: one for one in of_ledger(every, ledger.entries, every)}
    return [
        _row(
            place, one, records, flaw(one, corrected_by) if records[one.id]["verdict"] == "refuted" else None
        )
        for place, one in enumerate(every)
    ]


def _row(place: int, statement: Statement, records: Mapping[str, Record], flaw: Repair | None) -> Row:
    record = records[statement.id]
    source, found, verdict = record["source"], record["evidence"], record["verdict"]
    ratio = float(record["tightness"]["ratio"]) if record["tightness"] else None
    refuted = verdict == "refuted"
    return Row(
        place=place,
        id=statement.id,
        anchor=anchor(statement.id),
        title=_title(record),
        document=source["document"] or "",
        source=source["name"],
        number=source["number"],
        page=f"page {source['page']}" if source["page"] is not None else "",
        kind=record["kind"],
        verdict=verdict or "not checked yet",
        flaw=flaw,
        rank=-(FLAWS.index(flaw) + 1 if flaw else len(FLAWS) + 1) if refuted else _RANKS[verdict],
        evidence_kind=found["kind"] if found else "none",
        evidence=evidence(record),
        tightness=tightness(record),
        ratio=ratio if ratio is not None and abs(ratio) < float("inf") else None,
        tightest=instance_words(record["tightness"]["instance"]) if record["tightness"] else "",
        claim=markup(record["text"]),
        reading=markup(record["reading"]) if "$" in record["reading"] else record["reading"],
        hypotheses=record["hypotheses"] or "",
        contradiction=_contradiction(record["counterexample"]),
        design=[(label, text) for label, text in design_rows(record["design"] or {}) if text],
        note=record["note"],
        corrects=_link(records[record["corrects"]], record["repair"])
        if record["corrects"] in records
        else None,
        corrected_by=[_link(records[name], records[name]["repair"]) for name in record["corrected_by"]],
        command=f"simulate {'replay' if refuted else 'verify'} {statement.id}",
    )


def anchor(name: str) -> str:
    """The fragment of a statement's row: ids of statements may hold what a fragment may not."""
    return "s-" + "".join(one if one.isalnum() or one in ".-_" else f"~{ord(one):x}" for one in name)


def _title(record: Record) -> str:
    return plain(record["title"] or record["text"])


def _link(record: Record, repair: Repair | None) -> Link:
    return Link(
        record["id"],
        _title(record),
        repair,
        markup(record["text"]),
        record["verdict"] or "not checked yet",
        evidence(record),
    )


def _contradiction(counterexample: Record | None) -> Contradiction | None:
    if counterexample is None:
        return None
    words, _, rest = counterexample["words"].partition(_CLAIMED)
    left, right = ("log left", "log right") if "log left = " in rest else ("left", "right")
    sides = (left, str(counterexample["smaller"])), (right, str(counterexample["larger"]))
    return Contradiction(words, f"{left} {RELATIONS[counterexample['relation']]} {right}", sides)

"""Records of statements for the terminal: the tables of `list` and `verify`, and what is said below them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from theorems.latex import plain

Record = dict[str, Any]
_SHORT, _PLACE = 60, 32
"""Characters of a statement, and of the place in its source, that a table has room for."""


def short(record: Record) -> str:
    """A statement in a few words."""
    return _cut(record["title"] or plain(record["text"]), _SHORT)


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def where(record: Record) -> str:
    """A source in short: document and number, or the name of a work that is no source document."""
    source = record["source"]
    return _cut(" ".join(filter(None, (source["document"] or source["name"], source["number"]))), _PLACE)


def evidence(record: Record) -> str:
    """Kind and amount: "searched, 1,204 instances"."""
    found = record["evidence"]
    if found is None or found["kind"] == "none":
        return ""
    kind, amount = found["kind"], found["amount"]
    return str(amount) if amount.startswith(kind) else ", ".join(filter(None, (kind, amount)))


def tightness(record: Record) -> str:
    """The extreme ratio that was reached."""
    found = record["tightness"]
    return "" if found is None else f"{float(found['ratio']):.4g}"


def render_list(records: Sequence[Record], console: Console) -> None:
    """The table of `simulate list`."""
    table = _table("id", "title", "source", "kind", "verdict")
    for one in records:
        cells = (one["id"], short(one), where(one), one["kind"], one["verdict"] or "not yet")
        table.add_row(*map(Text, cells))
    console.print(table, highlight=False)
    console.print(summary(records), highlight=False)


def render_verdicts(records: Sequence[Record], console: Console) -> None:
    """The table of `simulate verify`, and below it what needs words."""
    table = _table("id", "statement", "source", "verdict", "evidence", "tightness")
    for one in records:
        cells = (one["id"], short(one), where(one), one["verdict"], evidence(one), tightness(one))
        table.add_row(*map(Text, cells))
    console.print(table, highlight=False)
    for one in records:
        for line in _remarks(one):
            console.print(Text(line), soft_wrap=True)
    console.print(summary(records) + _against_ledger(records), highlight=False)


def _remarks(record: Record) -> list[str]:
    """What a person has to know about one verdict besides its row."""
    name, lines = record["id"], []
    if record["comparison"] == "differs" and record["file"] is None:
        ledger = record["ledger"]
        said = f"the ledger says {ledger}" if ledger else "the ledger has no entry"
        lines.append(f"{name}: {said}, now {record['verdict']}")
    if record["counterexample"] is not None and (record["comparison"] == "differs"):
        lines.append(f"{name} refuted: {record['counterexample']['words']}")
    if record["verdict"] in ("broken", "undecided", "vacuous") and record["note"]:
        lines.append(f"{name}: {record['note']}")
    return lines


def summary(records: Sequence[Record]) -> str:
    """How many statements have which verdict."""
    number = Counter(one["verdict"] or "without verdict" for one in records)
    names = ("holds", "refuted", "undecided", "vacuous", "broken", "without verdict")
    parts = [f"{number[name]} {'hold' if name == 'holds' and number[name] != 1 else name}" for name in names]
    counted = ", ".join(part for name, part in zip(names, parts, strict=True) if number[name])
    plural = "" if len(records) == 1 else "s"
    return f"{len(records)} statement{plural}: {counted}" if records else "no statement matches"


def _against_ledger(records: Sequence[Record]) -> str:
    shipped = [one for one in records if one["file"] is None]
    if not shipped:
        return ""
    different = sum(one["comparison"] == "differs" for one in shipped)
    open_ones = sum(one["comparison"] == "undecided" for one in shipped)
    parts = [f"{different} not as in the ledger"] if different else []
    parts += [f"{open_ones} that the ledger decides with more"] if open_ones else []
    return "; " + (", ".join(parts) or "as in the ledger")


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        right = header == "tightness"
        table.add_column(
            header,
            justify="right" if right else "left",
            no_wrap=header in ("id", "verdict", "tightness"),
            overflow="fold",
        )
    return table

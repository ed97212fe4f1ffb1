"""The page theorems/README.md: every statement that ships with its verdict, written by `python -m theorems.catalogue`.

What is false comes first, with what is true instead; slips of the pen are listed apart from false theorems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from theorems.documents import of_ledger
from theorems.latex import plain
from theorems.ledger import HERE, Ledger, shipped
from theorems.registry import corrections, is_slip, registry
from theorems.statement import Statement
from theorems.tables import evidence, short, summary, tightness

Record = dict[str, Any]
PAGE = HERE / "README.md"

_HEAD = """\
# Statements and their verdicts

This page is written by `python -m theorems.catalogue` from the statements in `theorems/statements/` and the verdicts in
`theorems/ledger.json`. `simulate show ID` says more about each one, `simulate verify ID` checks it again, and
`simulate replay ID` evaluates what refutes it (`theorems/counterexamples/ID.json`) from scratch.

*Holds* means exactly what its evidence says: *exact*, arithmetic or an exact law decided; *searched*, so many
instances were tried and none violates it; *sampled*, a statistical test with stated error rates. *Tightness* is the
extreme ratio of the two sides that was reached; 1 is an equality.
"""


def page(statements: Mapping[str, Statement], ledger: Ledger) -> str:
    """The whole page, in Markdown."""
    every = list(statements.values())
    records = {one["id"]: one for one in of_ledger(every, ledger.entries, every)}
    corrected_by = corrections(every)
    refuted = [one for one in every if records[one.id]["verdict"] == "refuted"]
    slips = [one for one in refuted if is_slip(one, corrected_by)]
    false = [one for one in refuted if one not in slips]
    return "\n".join(
        [
            _HEAD,
            _counts(records.values()),
            *_section("False as printed, and what is true instead", false, records, corrected_by),
            *_section("Slips of the pen", slips, records, corrected_by),
            *_sources(every, records),
        ]
    )


def _counts(records: Iterable[Record]) -> str:
    return f"{summary(list(records))}.\n"


def _section(
    title: str,
    statements: list[Statement],
    records: Mapping[str, Record],
    corrected_by: Mapping[str, list[Statement]],
) -> Iterator[str]:
    if not statements:
        return
    yield f"## {title}\n"
    for one in statements:
        yield from _refuted(records[one.id], corrected_by.get(one.id, []), records)


def _refuted(record: Record, repairs: list[Statement], records: Mapping[str, Record]) -> Iterator[str]:
    """What is false, why, and what is true instead."""
    yield f"### {_text(record['title'] or record['id'])}\n"
    yield f"`{record['id']}`, {_text(_source(record))}\n"
    yield f"- printed: {_text(plain(record['text']))}"
    yield f"- refuted ({_text(evidence(record))}): {_text(record['counterexample']['words'])}"
    for one in repairs:
        verdict = records[one.id]
        repair = f", {one.repair}" if one.repair else ""
        yield f"- instead (`{one.id}`{repair}): {_text(plain(one.text))} – {_verdict(verdict)}"
    if not repairs:
        yield f"- {_text(plain(record['reading']))}"
    yield ""


def _verdict(record: Record) -> str:
    if record["verdict"] is None:
        return "not checked yet"
    return _text(" ".join([record["verdict"], *([f"({evidence(record)})"] if evidence(record) else [])]))


def _source(record: Record) -> str:
    source = record["source"]
    at = f", page {source['page']}" if source["page"] is not None else ""
    return f"{source['name']}, {source['number']}{at}"


def _sources(statements: list[Statement], records: Mapping[str, Record]) -> Iterator[str]:
    """A table for every source document, in the order of the documents."""
    documents: dict[tuple[str, str], list[Statement]] = {}
    for one in statements:
        documents.setdefault((one.source.document or "", one.source.name), []).append(one)
    for (document, name), members in sorted(documents.items(), key=lambda item: item[0]):
        yield f"## {f'{document}: ' if document else ''}{_text(name)}\n"
        yield "| number | statement | id | verdict | evidence | tightness |"
        yield "|---|---|---|---|---|---:|"
        for one in members:
            record = records[one.id]
            cells = (
                _text(record["source"]["number"]),
                _text(short(record)),
                f"`{one.id}`",
                _status(record),
                _text(evidence(record)),
                tightness(record),
            )
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        yield ""


def _status(record: Record) -> str:
    verdict = record["verdict"] or "not checked yet"
    corrects = f"; corrects `{record['corrects']}`" if record["corrects"] else ""
    return (f"**{verdict}**" if verdict == "refuted" else verdict) + corrects


def _text(words: str) -> str:
    """Words as Markdown that shows them as they are."""
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", " ".join(words.split()))


def main() -> None:
    """Write the page."""
    from simulate.engine import write_atomically

    write_atomically(PAGE, page(registry(), shipped()))


if __name__ == "__main__":
    main()

"""Statements and verdicts as data: a JSON record a statement, the same as CSV, the directory of `verify --out`."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from simulate.errors import BadInput
from theorems.budget import Budget
from theorems.latex import plain
from theorems.ledger import Entry, counterexample_path
from theorems.registry import corrections
from theorems.statement import Statement
from theorems.verdicts import Verdict
from theorems.verify import Checked

Record = dict[str, Any]
_NOTHING: Record = {
    "verdict": None,
    "evidence": None,
    "tightness": None,
    "counterexample": None,
    "design": None,
    "note": "",
}
_COLUMNS = (
    "id", "title", "kind", "document", "number", "verdict", "evidence", "amount", "tightness", "ledger", "corrects",
    "repair", "corrected_by", "note", "seconds",
)  # fmt: skip


def record(
    statement: Statement, verdict: Verdict | None, corrected_by: Mapping[str, list[Statement]]
) -> Record:
    """Everything about a statement and its verdict.

    Args:
        statement: what is claimed.
        verdict: None where none is known.
        corrected_by: see `theorems.registry.corrections`.

    """
    found = _NOTHING if verdict is None else verdict.to_json()
    domain = getattr(statement, "domain", None)
    return {
        "id": statement.id,
        "title": statement.title,
        "kind": statement.kind,
        "source": statement.source.to_json(),
        "text": statement.text,
        "reading": statement.reading,
        "hypotheses": None if domain is None else str(domain),
        **{key: found[key] for key in ("verdict", "evidence")},
        "corrects": statement.corrects,
        "repair": statement.repair,
        "corrected_by": [one.id for one in corrected_by.get(statement.id, ())],
        **{key: found[key] for key in ("tightness", "counterexample", "design", "note")},
    }


def of_ledger(
    statements: Iterable[Statement], entries: Mapping[str, Entry], every: Iterable[Statement]
) -> list[Record]:
    """The records of statements that ship, with the ledger's verdicts; `every` is the whole registry."""
    corrected_by = corrections(every)
    return [
        record(one, entries[one.id].verdict if one.id in entries else None, corrected_by)
        for one in statements
    ]


def of_checked(checked: Sequence[Checked], every: Iterable[Statement] = ()) -> list[Record]:
    """The records of statements that were checked.

    Each has besides `comparison` (see `theorems.verify.Checked`), `ledger` (the verdict there, or None), `file`
    and `seconds`.

    Args:
        checked: the verdicts.
        every: statements that may correct them, beside themselves.

    """
    around = {id(one): one for one in (*every, *(each.statement for each in checked))}
    corrected_by = corrections(around.values())
    return [
        {
            **record(one.statement, one.verdict, corrected_by),
            "comparison": one.comparison,
            "ledger": None if one.entry is None else one.entry.verdict.status,
            "file": None if one.subject.file is None else str(one.subject.file.resolve()),
            "seconds": round(one.seconds, 3),
        }
        for one in checked
    ]


def document(records: Sequence[Record], budget: Budget, complete: bool = True) -> Record:
    """The JSON document of `simulate verify`; `complete` is false after Ctrl-C."""
    return {
        "budget": {"seconds": budget.seconds, "seed": budget.seed},
        "complete": complete,
        "statements": list(records),
    }


def to_text(data: Record) -> str:
    """JSON, as it is printed and written."""
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)


def to_csv(records: Iterable[Record]) -> str:
    """The headline of each record as CSV; numbers in full precision."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=_COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for one in records:
        evidence, tightness = one["evidence"] or {}, one["tightness"] or {}
        writer.writerow(
            {
                **one,
                "title": one["title"] or plain(one["text"]),
                "document": one["source"]["document"],
                "number": one["source"]["number"],
                "evidence": evidence.get("kind"),
                "amount": evidence.get("amount"),
                "tightness": tightness.get("ratio"),
                "corrected_by": " ".join(one["corrected_by"]),
            }
        )
    return text.getvalue()


class OutputDirectory:
    """Where `verify --out` writes: verdicts.json, verdicts.csv and counterexamples/ID.json, while it goes on.

    Args:
        path: created if it does not exist; the lists of an earlier verify are replaced.
        budget: of the checks.
        every: see `of_checked`.

    Raises:
        BadInput: it cannot be created.

    """

    def __init__(self, path: Path, budget: Budget, every: Iterable[Statement] = ()) -> None:
        self.path, self._budget, self._every = path, budget, tuple(every)
        self._found: list[Checked] = []
        self._written = 0.0
        try:
            (path / "counterexamples").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"cannot write into {path}: {error.strerror or error}") from error

    def add(self, checked: Checked) -> None:
        """Keep one more verdict; a counterexample is on disk when this returns, the lists within a second."""
        self._found.append(checked)
        place = counterexample_path(checked.statement.id, self.path)
        if checked.verdict.counterexample is not None:
            checked.verdict.counterexample.save(place)
        else:
            place.unlink(missing_ok=True)  # of an earlier verify, of a statement that has been mended since
        if time.monotonic() - self._written > 1.0:
            self.write(self._found, complete=False)

    def write(self, checked: Sequence[Checked] | None = None, complete: bool = False) -> list[Path]:
        """Write the lists, of all verdicts so far unless told otherwise; returns the files."""
        from simulate.engine import write_atomically

        records = of_checked(self._found if checked is None else checked, self._every)
        text = to_text(document(records, self._budget, complete))
        files = [
            write_atomically(self.path / "verdicts.json", text + "\n"),
            write_atomically(self.path / "verdicts.csv", to_csv(records)),
        ]
        self._written = time.monotonic()
        return files


def remembered_file(counterexample: Path, name: str) -> Path | None:
    """The user's file that a statement came from, by the verdicts.json beside the directory of a counterexample."""
    try:
        data = json.loads((counterexample.parent.parent / "verdicts.json").read_text(encoding="utf-8"))
        files = {one["id"]: one["file"] for one in data["statements"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    found = files.get(name)
    return Path(found) if isinstance(found, str) else None

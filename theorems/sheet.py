"""One statement on one page: what `simulate show` and `simulate replay` print."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import mpmath

from theorems.domains import describe
from theorems.latex import plain
from theorems.sides import Sides
from theorems.statement import Replay, Statement
from theorems.tables import evidence, tightness
from theorems.verdicts import Counterexample

Record = dict[str, Any]
_LABEL = 16
_FLOAT64_ENDS = 400
"""Powers of ten beyond which digits are no help."""


def page(record: Record, corrections: Iterable[Record] = (), width: int = 100) -> str:
    """Everything that is known about a statement, in plain text.

    Args:
        record: see `theorems.documents.record`.
        corrections: the records of the statements that correct it.
        width: of the longest line.

    """
    counterexample = record["counterexample"]
    corrected = [
        f"{one['id']} ({', '.join(filter(None, (one['repair'], one['verdict'])))}): {plain(one['text'])}"
        for one in corrections
    ]
    repair = f" ({record['repair']})" if record["repair"] else ""
    rows = [
        ("claims", plain(record["text"])),
        ("read as", reading(record["reading"])),
        ("hypotheses", record["hypotheses"] or ""),
        ("source", _source(record["source"])),
        ("kind", record["kind"]),
        ("verdict", _verdict(record)),
        ("tightness", _tightness(record)),
        ("counterexample", counterexample["words"] if counterexample else ""),
        *design_rows(record["design"] or {}),
        ("note", record["note"]),
        ("corrects", f"{record['corrects']}{repair}" if record["corrects"] else ""),
        *[("corrected by", line) for line in corrected],
    ]
    title = record["id"] + (f"  {plain(record['title'])}" if record["title"] else "")
    return "\n".join([title, *(_row(label, text, width) for label, text in rows if text)])


def reading(text: str) -> str:
    """How a statement is read: Unicode as it stands, where ~ is a sign and no space, unless there is LaTeX in it."""
    return plain(text) if "$" in text else " ".join(text.split())


def _row(label: str, text: str, width: int) -> str:
    return textwrap.fill(
        text,
        width,
        initial_indent=f"{label:<{_LABEL}}",
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _source(source: Record) -> str:
    document = f"document {source['document']}" if source["document"] else ""
    page_number = f"page {source['page']}" if source["page"] is not None else ""
    return ", ".join(filter(None, (document, source["name"], source["number"], page_number)))


def _verdict(record: Record) -> str:
    if record["verdict"] is None:
        return f"not yet: simulate verify {record['id']}"
    return f"{record['verdict']} ({evidence(record)})" if evidence(record) else str(record["verdict"])


def design_rows(design: Record) -> list[tuple[str, str]]:
    """The design of a statistical check: numbers in one row, and a row for each point that was tested."""
    tables = {
        key: value
        for key, value in design.items()
        if isinstance(value, list) and value and isinstance(value[0], dict)
    }
    rows = [("design", _settings({key: value for key, value in design.items() if key not in tables}))]
    for key, members in tables.items():
        label = key.removesuffix("s")
        rows += [(label, _settings({**one.pop(label, {}), **one})) for one in map(dict, members)]
    return rows


def _settings(values: Record) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {_short(value)}" for key, value in values.items())


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return f"({_settings(value)})"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _tightness(record: Record) -> str:
    found = record["tightness"]
    if found is None:
        return ""
    return f"{tightness(record)} at {instance_words(found['instance'])}"


def instance_words(instance: Mapping[str, Any]) -> str:
    """An instance that is JSON data, in one line; long arrays are not printed in full."""
    import numpy as np

    found: dict[str, Any] = {}
    for name, value in instance.items():
        try:
            found[name] = np.array(value, dtype=float) if isinstance(value, list) else value
        except (ValueError, TypeError):  # data of a simulation, which is no instance of a domain
            found[name] = value
    return describe(found)


def replayed(statement: Statement, counterexample: Counterexample, replay: Replay, width: int = 100) -> str:
    """A replay: hypotheses, both sides in both arithmetics, and whether it stands."""
    rows = [
        ("claims", plain(statement.text) or plain(statement.title)),
        ("instance", instance_words(counterexample.instance)),
        ("hypotheses", "satisfied" if replay.fault is None else f"violated: {replay.fault}"),
    ]
    if replay.fault is None:
        rows += [
            ("claimed", f"left {RELATIONS[replay.sides.relation]} right"),
            ("float64", _both(replay.sides) + ("" if replay.same else "; the file has other numbers")),
            (
                "50 digits",
                _both(replay.precise) if replay.precise is not None else "not known to its functions",
            ),
        ]
    rows.append(("note", replay.note))
    end = "stands" if replay.stands else "does not stand"
    lines = [_row(label, text, width) for label, text in rows if text]
    return "\n".join([statement.id, *lines, f"the counterexample {end}"])


RELATIONS = {"<=": "≤", "<": "<", "==": "="}


def _both(sides: Sides) -> str:
    left, right = ("log left", "log right") if sides.log else ("left", "right")
    return f"{left} = {_number(sides.smaller)}, {right} = {_number(sides.larger)}"


def _number(value: Any) -> str:
    """A float64 to the last bit, an mpf to 30 digits; a power of ten where it has no other size."""
    if isinstance(value, float):
        return repr(float(value))
    precise = mpmath.mpf(value)
    if mpmath.isfinite(precise) and precise and abs(mpmath.log10(abs(precise))) > _FLOAT64_ENDS:
        return f"{'-' if precise < 0 else ''}10^{mpmath.nstr(mpmath.log10(abs(precise)), 10)}"
    return str(mpmath.nstr(precise, 30))

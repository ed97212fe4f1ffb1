"""All statements that ship, and how to find one."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import Any, get_args

from simulate.errors import BadInput
from theorems.statement import KINDS, Repair, Statement
from theorems.statements import MODULES

SLIPS: tuple[Repair, ...] = ("typo", "convention")
"""Repairs of a slip of the pen; the others repair a false theorem, and no report lists the two alike."""
FLAWS: tuple[Repair, ...] = get_args(Repair)
"""All repairs, the gravest last."""


def statements_of(module: ModuleType) -> tuple[Statement, ...]:
    """The statements that a module assigns to names, one by one or in lists and tuples, in order.

    Raises:
        BadInput: two of them have the same id.

    """
    return _distinct(one for value in vars(module).values() for one in _within(value))


def _within(value: Any) -> Iterator[Statement]:
    if isinstance(value, Statement):
        yield value
    elif isinstance(value, list | tuple):
        yield from (one for one in value if isinstance(one, Statement))


def _distinct(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    found: dict[str, Statement] = {}
    for statement in statements:
        if found.setdefault(statement.id, statement) is not statement:
            raise BadInput(f"two statements have the id {statement.id}")
    return tuple(found.values())


@cache
def registry() -> dict[str, Statement]:
    """Every statement that ships, by id, in the order of the sources.

    Raises:
        BadInput: two statements have the same id.

    """
    every = [one for name in MODULES for module in _modules(name) for one in statements_of(module)]
    return {statement.id: statement for statement in _distinct(every)}


def _modules(name: str) -> Iterator[ModuleType]:
    """A module of statements; a package with all of its modules."""
    module = importlib.import_module(f"theorems.statements.{name}")
    yield module
    for part in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield from _modules(f"{name}.{part.name}")


def find(name: str, among: Mapping[str, Statement]) -> Statement:
    """The statement with an id.

    Raises:
        BadInput: there is none; the line names the nearest ids.

    """
    if name in among:
        return among[name]
    raise BadInput(f"no statement is called {name!r}{near(name, among)}")


def near(name: str, names: Iterable[str]) -> str:
    """The end of a sentence, "; did you mean …?" with the most similar names; empty where nothing is similar."""
    lower = {one.lower(): one for one in names}
    wanted = name.lower()
    parts = [one for one in lower if wanted and wanted in one]
    similar = [*parts, *difflib.get_close_matches(wanted, lower, n=3, cutoff=0.6)]
    found = [lower[one] for one in dict.fromkeys(similar)][:3]
    return f"; did you mean {' or '.join(found)}?" if found else ""


def select(
    statements: Iterable[Statement], source: str | None = None, kind: str | None = None
) -> tuple[Statement, ...]:
    """The statements of one source document, of one kind, or both.

    Raises:
        BadInput: there is no such source or kind; the line lists those there are.

    """
    every = tuple(statements)
    documents = sorted({one.source.document for one in every if one.source.document})
    kind = kind.replace("-", " ") if kind is not None else None
    if source is not None and source not in documents:
        raise BadInput(f"no statement has the source {source!r}: there are {_listed(documents)}")
    if kind is not None and kind not in KINDS:
        raise BadInput(f"no statement is of the kind {kind!r}: there are {_listed(KINDS)}")
    return tuple(one for one in every if source in (None, one.source.document) and kind in (None, one.kind))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def corrections(statements: Iterable[Statement]) -> dict[str, list[Statement]]:
    """For each id that is corrected, the statements that correct it."""
    found: dict[str, list[Statement]] = {}
    for one in statements:
        if one.corrects is not None:
            found.setdefault(one.corrects, []).append(one)
    return found


def is_slip(statement: Statement, corrected_by: Mapping[str, list[Statement]]) -> bool:
    """Whether what is wrong with a printed statement is a slip of the pen, by what its corrections say."""
    repairs = [one.repair for one in corrected_by.get(statement.id, ())]
    return bool(repairs) and all(repair in SLIPS for repair in repairs)


def flaw(statement: Statement, corrected_by: Mapping[str, list[Statement]]) -> Repair | None:
    """What is wrong with a printed statement: the gravest of its corrections' repairs; None if there are none."""
    repairs = [one.repair for one in corrected_by.get(statement.id, ()) if one.repair is not None]
    return max(repairs, key=FLAWS.index, default=None)

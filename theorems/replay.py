"""Counterexamples from files: which statement they are against, and whether they stand."""

from __future__ import annotations

import json
from pathlib import Path

from simulate.errors import BadInput, SimulateError
from theorems.documents import remembered_file
from theorems.ledger import shipped
from theorems.registry import find, near, registry
from theorems.statement import Replay, Statement
from theorems.userfile import load as load_statements
from theorems.verdicts import Counterexample


def load(path: Path, text: str | None = None) -> Counterexample:
    """A counterexample from a file, or from JSON text.

    Raises:
        BadInput: it cannot be read, is no counterexample, or was changed after it was written.

    """
    try:
        return Counterexample.load(path) if text is None else Counterexample.from_json(json.loads(text))
    except BadInput:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise BadInput(f"{path} is no counterexample: {type(error).__name__}: {error}") from error


def stored(name: str) -> Counterexample:
    """The counterexample that ships with the ledger to a statement that ships.

    Raises:
        BadInput: no such statement, or the ledger does not call it refuted.

    """
    statement = find(name, registry())
    entry = shipped().entries.get(statement.id)
    if entry is None or entry.verdict.counterexample is None:
        said = entry.verdict.status if entry is not None else "not checked yet"
        raise BadInput(f"{name} has no counterexample to replay: in the ledger it is {said}")
    return entry.verdict.counterexample


def statement_of(
    counterexample: Counterexample, path: Path | None = None, file: Path | None = None
) -> Statement:
    """The statement that a counterexample is against.

    It is looked for in the given file of the user's; else in the file that verdicts.json names, if `verify --out`
    wrote the counterexample; else among the statements that ship.

    Raises:
        BadInput: it is not there, or is of another kind.

    """
    name = counterexample.statement
    place = file if file is not None or path is None else remembered_file(path, name)
    every = registry() if place is None else {one.id: one for one in load_statements(place)}
    found = every.get(name)
    if found is None:
        advice = "; give --statement FILE.py if it is your own" if place is None else ""
        raise BadInput(
            f"no statement is called {name!r}{f' in {place}' if place else ''}{advice}{near(name, every)}"
        )
    if found.kind != counterexample.kind:
        raise BadInput(f"{name} is of the kind {found.kind}, the counterexample of {counterexample.kind}")
    return found


def replay_of(statement: Statement, counterexample: Counterexample) -> Replay:
    """The counterexample evaluated from scratch.

    Raises:
        BadInput: the instance does not fit the statement.
        Broken: the statement's own code fails there.

    """
    try:
        return statement.replay(counterexample)
    except SimulateError:
        raise
    except Exception as error:
        raise BadInput(
            f"the instance does not fit {statement.id}: {type(error).__name__}: {error}"
        ) from error

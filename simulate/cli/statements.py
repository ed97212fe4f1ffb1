"""Commands about statements: list, show, verify, replay."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulate.cli.door import Terminated, app, console, one_line
from simulate.errors import BadInput, Interrupted
from simulate.options import Json, Seed

if TYPE_CHECKING:
    from theorems import Statement
    from theorems.workers import Subject

_FEW = 8
"""Fewer statements than this are checked patiently: a busy machine cuts none of them short."""

SourceOption = Annotated[
    str | None, typer.Option(help="Only statements of this source document, such as 001.")
]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A statement's id; see simulate list.")]


@app.command("list")
@one_line
def list_statements(
    source: SourceOption = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Only of this kind: universal, high-probability, existence, scaling, value."),
    ] = None,
    verdict: Annotated[
        str | None, typer.Option(help="Only with this verdict: holds, refuted, undecided, vacuous.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Every statement that ships, with its verdict in the ledger."""
    from theorems.documents import of_ledger, to_text
    from theorems.ledger import shipped
    from theorems.registry import registry, select
    from theorems.tables import render_list

    verdicts = ("holds", "refuted", "undecided", "vacuous")
    if verdict is not None and verdict not in verdicts:
        raise BadInput(f"no verdict is called {verdict!r}: there are {', '.join(verdicts)}")
    every = registry().values()
    records = of_ledger(select(every, source, kind), shipped().entries, every)
    records = [one for one in records if verdict in (None, one["verdict"])]
    if as_json:
        typer.echo(to_text({"statements": records}))
    else:
        render_list(records, console())


@app.command("show")
@one_line
def show(name: IdArgument, as_json: Json = False) -> None:
    """One statement: claim, reading, source, verdict, evidence, counterexample, correction."""
    from theorems.documents import of_ledger, to_text
    from theorems.ledger import shipped
    from theorems.registry import corrections, find, registry
    from theorems.sheet import page

    every = registry()
    statement = find(name, every)
    repairs = corrections(every.values()).get(name, [])
    record, *corrected = of_ledger([statement, *repairs], shipped().entries, every.values())
    if as_json:
        typer.echo(to_text(record))
        return
    typer.echo(page(record, corrected, _width()))


@app.command("verify")
@one_line
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID|FILE.py]...",
            help="Statements that ship, or files of your own [default: all that ship].",
        ),
    ] = None,
    source: SourceOption = None,
    budget: Annotated[
        str, typer.Option(help="For each statement: quick (1 s), full (60 s), or seconds.")
    ] = "quick",
    seed: Seed = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes [default: one a core, if there are statements enough].", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write verdicts.json, verdicts.csv and counterexamples there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check statements again: do the verdicts equal the ledger's?

    Exit codes: 0 yes; 1 a verdict differs, or a statement of yours is refuted; 2 bad use; 3 undecided within
    the budget; 4 a statement is broken, or the run failed.
    """
    from dataclasses import replace

    from simulate.progress import for_this_terminal
    from theorems import Budget
    from theorems import verify as theorems_verify
    from theorems.documents import OutputDirectory, document, of_checked, to_text
    from theorems.registry import registry
    from theorems.tables import render_verdicts

    if seed < 0:
        raise BadInput(f"seed must be at least 0, got {seed}")
    given = replace(Budget.parse(budget), seed=seed)
    subjects = _subjects(names or [], source)
    if len(subjects) < _FEW:
        given = replace(given, patience=10.0)
    every = () if all(one.file is not None for one in subjects) else tuple(registry().values())
    directory = OutputDirectory(out, given, every) if out is not None else None
    done: list[theorems_verify.Checked] = []

    def each(checked: theorems_verify.Checked) -> None:
        done.append(checked)
        if directory is not None:
            directory.add(checked)

    progress = for_this_terminal("statements")
    try:
        checked = theorems_verify.verify(subjects, given, None, workers, progress, each)
    except KeyboardInterrupt as stop:
        progress.stop()
        kept = f", kept in {out}" if out is not None else ""
        line = f"stopped; {len(done)} of {len(subjects)} statements were checked{kept}"
        raise Interrupted(line, 15 if isinstance(stop, Terminated) else 2) from stop
    finally:
        progress.stop()
        if directory is not None and len(done) < len(subjects):
            directory.write()
    files = directory.write(checked, complete=True) if directory is not None else []
    records = of_checked(checked, every)
    if as_json:
        typer.echo(to_text(document(records, given)))
    else:
        render_verdicts(records, console())
        if files:
            typer.echo(f"files: {', '.join(map(str, files))}")
    raise typer.Exit(theorems_verify.exit_code(checked))


@app.command("replay")
@one_line
def replay(
    counterexample: Annotated[
        str,
        typer.Argument(
            metavar="FILE.json|ID",
            help="A file that verify --out wrote, - for stdin, or a refuted statement's id.",
        ),
    ],
    statement: Annotated[
        Path | None, typer.Option(metavar="FILE.py", help="The file of your own with the refuted statement.")
    ] = None,
) -> None:
    """Evaluate a counterexample from scratch: exit code 0 if it stands, 1 if not."""
    from theorems.replay import load, replay_of, statement_of, stored
    from theorems.sheet import replayed

    path = Path(counterexample)
    if counterexample == "-":
        found, place = load(path, sys.stdin.read()), None
    elif path.suffix == ".json" or path.exists():
        found, place = load(path), path
    else:
        found, place = stored(counterexample), None
    claimed = statement_of(found, place, statement)
    result = replay_of(claimed, found)
    typer.echo(replayed(claimed, found, result, _width()))
    raise typer.Exit(0 if result.stands else 1)


def _width() -> int:
    return min(console().width, 100)


def _subjects(names: list[str], source: str | None) -> list[Subject]:
    """What the arguments of verify name, each once: statements that ship first."""
    from theorems.registry import find, registry, select
    from theorems.userfile import load_all
    from theorems.workers import Subject

    files = [Path(name) for name in names if name.endswith(".py") or Path(name).is_file()]
    ids = [name for name in dict.fromkeys(names) if Path(name) not in files]
    chosen: tuple[Statement, ...] = ()
    if ids or source is not None or not files:
        every = registry()
        chosen = tuple(find(name, every) for name in ids) or tuple(every.values())
        if source is not None:
            of_source = select(every.values(), source)
            chosen = tuple(one for one in chosen if one in of_source)
            if not chosen:
                raise BadInput(f"none of the statements named is of source {source}")
    own = load_all(files)
    shipped_ids = {one.id for one in chosen}
    for path, one in own:
        if one.id in shipped_ids:
            raise BadInput(f"two statements have the id {one.id}: one that ships and one in {path}")
    return [*map(Subject, chosen), *(Subject(one, path) for path, one in own)]

"""The page itself: rows, summary, evidence and figures put into the template, with style and script inside."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup

from figures.catalogue import CATALOGUE
from figures.report.measured import designs, evidences, provenance
from figures.report.pictures import Embedded, load
from figures.report.rows import anchor, rows
from figures.report.summary import MENDED, NAMES, flaws, sources
from figures.stored import StoppableProgress
from figures.write import Written
from figures.write import write as write_figures
from simulate.engine import write_atomically
from simulate.errors import BadInput
from theorems.ledger import Ledger, shipped
from theorems.registry import registry
from theorems.statement import Statement


@dataclass(frozen=True)
class Report:
    """A page that was written.

    Attributes:
        path: of the file.
        statements, refuted, slips: how many the page shows, how many of them are refuted, and how many of these by a
            slip of the pen.
        figures: how many.
        size: in bytes.

    """

    path: Path
    statements: int
    refuted: int
    slips: int
    figures: int
    size: int


def page(statements: Mapping[str, Statement], ledger: Ledger, pictures: Sequence[Embedded] = ()) -> str:
    """The whole page as HTML: the same bytes for the same statements, ledger and figures."""
    every = rows(statements, ledger)
    kinds = flaws(every)
    style, script = _part("style.css"), _part("script.js")
    return _template().render(
        rows=every,
        counts=Counter(row.verdict for row in every),
        corrections=sum(row.corrects is not None for row in every),
        flaws=kinds,
        sources=sources(every, kinds),
        evidences=evidences(every),
        designs=designs(every, ledger),
        provenance=provenance(ledger),
        pictures=pictures,
        picture_versions=list(dict.fromkeys(_listed(one.versions) for one in pictures)),
        ledger_versions=_listed(ledger.written),
        version=_version(),
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def write(
    path: Path,
    directory: Path | None = None,
    *,
    with_figures: bool = True,
    data: Path | None = None,
    progress: Callable[[str], StoppableProgress] | None = None,
    each: Callable[[Written], None] | None = None,
) -> Report:
    """Write the page of all statements that ship, with the verdicts of the ledger that ships.

    Args:
        path: of the HTML file; whole or not at all.
        directory: figures that `simulate figures --format svg` wrote; None draws all of them in draft quality.
        with_figures: False leaves them out.
        data: where measurements for figures are kept, see `figures.write`.
        progress: makes what is told about one measurement, see `figures.write`.
        each: told about every figure that was drawn.

    Raises:
        BadInput: a place that cannot be written, or a directory that holds no figures.

    """
    _check_place(path)
    pictures: Sequence[Embedded] = ()
    if with_figures and directory is not None:
        pictures = load(directory, tuple(CATALOGUE))
    elif with_figures:
        with TemporaryDirectory() as place:
            write_figures((), place, formats=("svg",), data=data, progress=progress, each=each)
            pictures = load(Path(place), tuple(CATALOGUE))
    statements, ledger = registry(), shipped()
    text = page(statements, ledger, pictures)
    write_atomically(path, text)
    kinds = flaws(rows(statements, ledger))
    return Report(
        path,
        len(statements),
        sum(len(kind.members) for kind in kinds),
        sum(len(kind.members) for kind in kinds if kind.slip),
        len(pictures),
        len(text.encode()),
    )


def _check_place(path: Path) -> None:
    """Refuse a place that cannot be written before figures take minutes."""
    if path.is_dir():
        raise BadInput(f"{path} is a directory: the report is a file, such as {path / 'report.html'}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent):
            pass
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items() if name != "date")


def _part(name: str) -> str:
    return (files("figures.report") / name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FunctionLoader(_part),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"anchor": anchor, "flaw": NAMES.get, "mended": MENDED.get}
    return environment.get_template("page.html")


def _version() -> str:
    try:
        return metadata.version("signflip")
    except metadata.PackageNotFoundError:
        return "(not installed)"

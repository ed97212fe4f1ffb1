"""Writing figures: the pictures themselves, their data as CSV, and a sidecar that says how they came about."""

from __future__ import annotations

import csv
import difflib
import io
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from figures.catalogue import CATALOGUE
from figures.picture import QUALITIES, Picture, Rows
from figures.stored import StoppableProgress, Stored
from figures.style import WIDTHS, save
from simulate.engine import write_atomically
from simulate.errors import BadInput, RunFailed

FORMATS = ("pdf", "svg", "png")
_RESOLUTION = {"draft": 150, "paper": 300}


@dataclass(frozen=True)
class Written:
    """One figure on disk.

    Attributes:
        name: of the figure.
        files: the pictures in the order of their formats, the CSV, and last the sidecar.
        sidecar: its content, see the README.

    """

    name: str
    files: tuple[Path, ...]
    sidecar: dict[str, Any]


def find(name: str) -> Picture:
    """The picture of this name.

    Raises:
        BadInput: there is none; the nearest names are suggested.

    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    near = difflib.get_close_matches(name.lower().replace("_", "-"), CATALOGUE, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise BadInput(f"no figure is called {name!r}: {hint}there are {', '.join(CATALOGUE)}")


def write(
    names: Sequence[str],
    out: Path | str,
    *,
    formats: Sequence[str] = ("svg",),
    quality: str = "draft",
    data: Path | str | None = None,
    width: str = "two",
    progress: Callable[[str], StoppableProgress] | None = None,
    each: Callable[[Written], None] | None = None,
) -> list[Written]:
    """Measure, draw and write figures: NAME.pdf, .svg, .png, NAME.csv with the data drawn, NAME.json beside them.

    A figure that fails does not keep the others from being written; its error comes at the end.

    Args:
        names: of the catalogue; none for all of it.
        out: directory, created if it does not exist.
        formats: of "pdf", "svg" and "png".
        quality: "draft" or "paper".
        data: directory with runs and other measurements, which are read where they are there and else added; None
            keeps nothing.
        width: "one" or "two" columns of a paper.
        progress: makes what is told about one measurement, see `Stored`.
        each: told about every figure when it is on disk.

    Raises:
        BadInput: an unknown name, format, quality or width, or a directory that cannot be written.

    """
    pictures = [find(name) for name in dict.fromkeys(names or CATALOGUE)]
    formats = _checked(formats, quality, width)
    directory = _directory(Path(out), "figures")
    kept = None if data is None else _directory(Path(data), "measurements")
    written: list[Written] = []
    failures: list[tuple[str, BadInput | RunFailed]] = []
    for picture in pictures:
        stored = Stored(kept, progress)
        try:
            one = _write(picture, directory, formats, quality, width, stored)
        except (BadInput, RunFailed) as error:
            failures.append((picture.name, error))
            continue
        written.append(one)
        if each is not None:
            each(one)
    if failures:
        name, first = failures[0]
        also = f" (and {', '.join(other for other, _ in failures[1:])})" if len(failures) > 1 else ""
        raise type(first)(f"figure {name}{also}: {first}") from first
    return written


def _checked(formats: Sequence[str], quality: str, width: str) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(formats))
    for what, given, known in (
        *(("format", one, FORMATS) for one in wanted),
        ("quality", quality, QUALITIES),
        ("width", width, tuple(WIDTHS)),
    ):
        if given not in known:
            raise BadInput(f"the {what} of a figure is one of {', '.join(known)}, got {given!r}")
    if not wanted:
        raise BadInput(f"at least one format is needed, of {', '.join(FORMATS)}")
    return wanted


def _directory(out: Path, what: str) -> Path:
    """The directory, made if need be, once it is known that files can be made in it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".tmp-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInput(f"cannot write {what} into {out}: {error.strerror or error}") from error
    return out


def _write(
    picture: Picture, directory: Path, formats: tuple[str, ...], quality: str, width: str, stored: Stored
) -> Written:
    began = time.perf_counter()
    found = picture.measure(stored, quality)
    figure = picture.draw(found, WIDTHS[width])
    files = [save(figure, directory / f"{picture.name}.{one}", _RESOLUTION[quality]) for one in formats]
    files.append(write_atomically(directory / f"{picture.name}.csv", to_csv(picture.table(found))))
    place = directory / f"{picture.name}.json"
    sidecar = {
        "name": picture.name,
        "title": picture.title,
        "caption": picture.caption,
        "alt": picture.alt(found),
        "sources": list(picture.sources),
        "files": [file.name for file in files],
        "quality": quality,
        "width": width,
        "plan": stored.plans,
        "seed": next((plan["seed"] for plan in stored.plans if "seed" in plan), None),
        "versions": versions(),
        "seconds": round(time.perf_counter() - began, 3),
    }
    text = json.dumps(sidecar, indent=1, ensure_ascii=False, allow_nan=False)
    files.append(write_atomically(place, text + "\n"))
    return Written(picture.name, tuple(files), sidecar)


def to_csv(rows: Rows) -> str:
    """Records as CSV: numbers in full precision, empty where there is none."""
    text = io.StringIO()
    names = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(text, fieldnames=list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@cache
def versions() -> dict[str, str]:
    """What measured and drew: Python and the packages that numbers or pictures depend on."""
    found = {"python": platform.python_version()}
    for name in ("signflip", "torch", "numpy", "scipy", "numba", "matplotlib", "seaborn"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found

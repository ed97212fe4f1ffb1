"""Statements in a file of the user's own.

A file is run as a module under a name of its own, with its directory importable, so that it may import its
neighbours. Every statement that it assigns to a name, alone or in a list, is found.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from simulate.errors import BadInput
from theorems.registry import statements_of
from theorems.statement import Statement


def load(path: Path | str) -> tuple[Statement, ...]:
    """The statements of a file, in order; the file is run again only when it has changed.

    What it prints goes to standard error: standard output is for verdicts.

    Raises:
        BadInput: the file cannot be read, does not run, assigns no statement, or gives two statements one id;
            the line says where.

    """
    place = Path(path)
    try:
        source = place.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
    return _load(place, source)


@lru_cache(maxsize=64)
def _load(path: Path, source: bytes) -> tuple[Statement, ...]:
    module = _run(path, source)
    try:
        found = statements_of(module)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
    if not found:
        raise BadInput(
            f"{path}, line {_last_line(source)}: the file ends and has assigned no statement to a name; "
            "write NAME = Universal(…), or another kind"
        )
    for one in found:
        if not one.id.strip() or not one.id.isprintable():
            raise BadInput(f"{path}: a statement's id is one line of text, got {one.id!r}")
    return found


def _last_line(source: bytes) -> int:
    return max(1, source.count(b"\n") + (not source.endswith(b"\n")))


def _run(path: Path, source: bytes) -> ModuleType:
    """Execute the source as a module; nothing is cached beside it."""
    full = path.resolve()
    digest = hashlib.sha256(bytes(full) + source).hexdigest()[:12]
    module = ModuleType(f"user_file_{path.stem}_{digest}")
    module.__file__ = str(full)
    # After everything else: a neighbour of the file must not take the place of what others import by name.
    if str(full.parent) not in sys.path:
        sys.path.append(str(full.parent))
    sys.modules[module.__name__] = module
    try:
        with contextlib.redirect_stdout(sys.stderr):
            exec(compile(source, str(full), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        # Whatever the user's file raises while it is run is, here, a file that cannot be used.
        del sys.modules[module.__name__]
        raise BadInput(f"{_where(error, path, full)}: {_what(error)}") from error
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


def _where(error: BaseException, path: Path, full: Path) -> str:
    """The file and line that are to blame: of a syntax error its own, else the last line of the file that ran."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        named = path if Path(error.filename) == full else error.filename
        return f"{named}, line {error.lineno}"
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(full):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{path}, line {line}" if line is not None else str(path)


def _what(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    if isinstance(error, SystemExit):
        return "the file ends the program"
    return f"{type(error).__name__}: {error}" if not isinstance(error, BadInput) else str(error)


def load_all(paths: Sequence[Path]) -> list[tuple[Path, Statement]]:
    """The statements of several files, each with its file.

    Raises:
        BadInput: a file cannot be used, or two of them share an id.

    """
    found: dict[str, tuple[Path, Statement]] = {}
    for path in dict.fromkeys(paths):
        for one in load(path):
            if one.id in found and found[one.id][0] != path:
                raise BadInput(f"two statements have the id {one.id}: in {found[one.id][0]} and in {path}")
            found[one.id] = (path, one)
    return list(found.values())

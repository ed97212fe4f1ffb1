"""Keeping a compiled solver off standard output: HiGHS prints warnings of its own there, past any option."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing that compiled code prints inside reaches standard output; Python's own output is untouched."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
    except (OSError, ValueError):  # no standard output at all
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        _flush()
        os.dup2(nowhere, 1)
        yield
    finally:
        _flush()  # what C still buffers belongs to nowhere too
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


@cache
def _library() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):  # a platform whose C library is not found this way
        return None


def _flush() -> None:
    library = _library()
    if library is not None:
        library.fflush(None)

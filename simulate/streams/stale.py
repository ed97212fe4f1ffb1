"""Compiled code on disk that no longer fits its source.

numba keeps the code of a compiled function beside its module and throws it away when that file changes. It does not
look at the other files from which the function took what it calls. So one stamp covers them all: where any file that
holds compiled functions has changed, everything that was kept is dropped, and compiled anew when it is needed.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / "streams", _PACKAGE / "fused", _PACKAGE / "events")
_CONSTANTS = (_PACKAGE / "activations.py",)  # compiled in


def drop_stale_code() -> None:
    """Delete the kept code of all compiled modules if one of their files is not the one it was made from.

    Where the files cannot be written, nothing happens: an installation of that kind is replaced as a whole. Code that
    NUMBA_CACHE_DIR keeps elsewhere is not looked at.
    """
    sources = sorted(path for folder in _FOLDERS for path in folder.glob("*.py")) + list(_CONSTANTS)
    now = "\n".join(f"{path.name} {path.stat().st_mtime_ns} {path.stat().st_size}" for path in sources)
    stamp = _FOLDERS[0] / "__pycache__" / "compiled-from.txt"
    with contextlib.suppress(OSError):
        if stamp.exists() and stamp.read_text() == now:
            return
        for folder in _FOLDERS:
            for kept in (folder / "__pycache__").glob("*.nb[ic]"):
                kept.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(now)

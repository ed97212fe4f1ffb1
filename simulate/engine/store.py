"""Runs on disk. The truth about a run is the file of its blocks, whoever computed them.

A run directory holds

    manifest.json   the plan, and with what it is computed (versions, machine, time)
    blocks.jsonl    one line a finished block, appended and synced; each line carries its own check sum and
                    the digest of its plan
    results.json    the document that the command prints with --json
    results.csv     the same as a flat table
"""

from __future__ import annotations

import functools
import json
import os
import platform
import secrets
import shlex
import subprocess
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO, cast

from simulate.engine.plan import Experiment, Plan, plan_from_json
from simulate.engine.summary import Summary
from simulate.errors import BadInput, RunFailed

GENERATOR = "philox4x32-10/box-muller/2"
"""The scheme that turns addresses into numbers; a change of any stream changes this name."""

_MANIFEST, _BLOCKS, _TEMPORARY = "manifest.json", "blocks.jsonl", ".tmp-"
_STRAY_AFTER = 600.0
"""Seconds after which a temporary file is taken for the remains of a crash."""


class _Damaged(BadInput):
    """A manifest that cannot be read as one."""


class RunDirectory:
    """A directory that holds one run, open for appending blocks. Use as a context manager.

    Args:
        path: created if it does not exist; an empty directory becomes a run, a run is continued.
        plan: what is to be run.

    Raises:
        BadInput: the directory holds another plan's run, or something else, or cannot be written, or another
            process is writing it.

    """

    def __init__(self, path: Path | str, plan: Plan) -> None:
        self.path = Path(path)
        self.plan = plan
        self.notes: list[str] = []
        """One line about each broken part that was found and left out; the caller shows them."""
        self._file: BinaryIO | None = None
        self._manifest: dict[str, Any] = {}

    def __enter__(self) -> RunDirectory:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._find_manifest()  # before anything is written into what may be somebody else's directory
            # Unbuffered: after a full disk there is nothing left that closing the file could try to write.
            self._file = cast(BinaryIO, open(self.path / _BLOCKS, "ab", buffering=0))
            self.notes.clear()
            self._lock()
            self._manifest = self._find_manifest() or self._begin()
            self._sweep()
            self._cut_torn_tail()
        except OSError as error:
            self._close()
            raise BadInput(f"cannot write a run into {self.path}: {_reason(error)}") from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()  # and with it the lock
            self._file = None

    def blocks(self) -> Iterator[tuple[int, int, Summary]]:
        """The finished blocks (cell, block, summary) as they were written; a block can come twice."""
        damaged: list[int] = []
        digest = self.plan.digest
        with open(self.path / _BLOCKS, "rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    body = _body(line, digest)
                    block = (int(body["cell"]), int(body["block"]), Summary.from_json(body["summary"]))
                except (ValueError, KeyError, TypeError, AttributeError):
                    damaged.append(number)
                    continue
                yield block
        if damaged:
            which = (
                f"line {damaged[0]} is"
                if len(damaged) == 1
                else f"{len(damaged)} lines ({damaged[0]}, …) are"
            )
            self.notes.append(f"{self.path / _BLOCKS}: {which} damaged and left out")

    def append(self, cell: int, block: int, summary: Summary) -> None:
        """Put a finished block on disk; it is safe when this returns.

        Raises:
            RunFailed: the disk is full or gone. What was written before is kept.

        """
        assert self._file is not None, "the directory is not open"
        size = None
        try:
            size = os.fstat(self._file.fileno()).st_size
            left = memoryview(_line(self.plan.digest, cell, block, summary))
            while left:  # a disk that is nearly full takes a part
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            if size is not None:
                with suppress(OSError):
                    self._file.truncate(size)
            raise RunFailed(
                f"cannot write to {self.path / _BLOCKS}: {_reason(error)}; finished blocks are kept: make "
                f"room, then continue with: simulate resume {shlex.quote(str(self.path))}"
            ) from error

    def record_timing(self, seconds: float, computed: int) -> None:
        """Add to the manifest how long this process worked on the run and how many blocks it computed."""
        self._manifest["sessions"].append({"seconds": round(seconds, 3), "blocks": computed})
        with suppress(RunFailed):  # no run is worth losing for its timing
            write_atomically(self.path / _MANIFEST, _pretty(self._manifest))

    def _find_manifest(self) -> dict[str, Any] | None:
        """The manifest of this plan's run, or None in a directory where a run can begin."""
        if not (self.path / _MANIFEST).exists():
            if self._has_blocks():
                return self._rebuilt("is missing")
            self._check_empty()
            return None
        try:
            manifest = _read_manifest(self.path)
        except _Damaged as error:
            if self._has_blocks():
                return self._rebuilt("was damaged")
            raise BadInput(f"{error}; choose another --out") from error
        if manifest["plan"] != self.plan.to_json():
            raise BadInput(f"{self.path} holds the run of another plan: choose another --out")
        for what in ("generator", "batches"):
            found, here = manifest.get(what), self._identity()[what]
            if found != here:
                raise BadInput(
                    f"{self.path} was begun by another version ({what} {found}, here {here}): choose another "
                    "--out"
                )
        begun = manifest["versions"].get("torch")
        if begun != _versions()["torch"]:
            self.notes.append(
                f"{self.path} was begun with torch {begun}, this is {_versions()['torch']}: last digits may "
                "differ between its blocks"
            )
        return manifest

    def _check_empty(self) -> None:
        """Refuse a directory that holds something else."""
        ours = (_TEMPORARY, _BLOCKS)
        if not all(entry.name.startswith(ours) for entry in self.path.iterdir()):
            raise BadInput(f"{self.path} is not empty and holds no run: choose another --out")

    def _has_blocks(self) -> bool:
        blocks = self.path / _BLOCKS
        return blocks.exists() and blocks.stat().st_size > 0

    def _rebuilt(self, how: str) -> dict[str, Any]:
        """A new manifest beside blocks that say themselves that they belong to this plan."""
        with open(self.path / _BLOCKS, "rb") as lines:
            for line in lines:
                with suppress(ValueError):
                    _body(line, self.plan.digest)
                    break
            else:
                raise BadInput(
                    f"{self.path / _MANIFEST} {how}, and {_BLOCKS} holds no block of this plan: choose "
                    "another --out"
                )
        self.notes.append(f"{self.path / _MANIFEST} {how}: it is written anew, finished blocks are kept")
        return self._begin() if self._file is not None else {}

    def _begin(self) -> dict[str, Any]:
        manifest = {
            "plan": self.plan.to_json(),
            **self._identity(),
            "versions": _versions(),
            "commit": _commit(),
            "machine": {"processor": platform.machine(), "system": platform.system()},
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "sessions": [],
        }
        write_atomically(self.path / _MANIFEST, _pretty(manifest))
        return manifest

    def _identity(self) -> dict[str, Any]:
        """How a block's number and the plan become its trials: blocks made otherwise do not fit together."""
        shapes = sorted({(cell.micro, cell.block) for cell in self.plan.cells})
        return {"generator": GENERATOR, "batches": [list(shape) for shape in shapes]}

    def _sweep(self) -> None:
        """Remove what a crash left behind; a young file may be another process's result on its way."""
        for stray in self.path.glob(f"{_TEMPORARY}*"):
            with suppress(OSError):
                if time.time() - stray.stat().st_mtime > _STRAY_AFTER:
                    stray.unlink()

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows has no fcntl; there two writers of one run are not told apart
            return
        assert self._file is not None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInput(f"another process is writing the run in {self.path}") from error
        except OSError as error:  # some network file systems cannot lock
            self.notes.append(
                f"{self.path} cannot be locked ({_reason(error)}): let one process at a time write it"
            )

    def _cut_torn_tail(self) -> None:
        """Drop a last line that a crash left unfinished, so that the next one starts on a line of its own."""
        assert self._file is not None
        path = self.path / _BLOCKS
        with open(path, "rb") as file:
            size = whole = file.seek(0, os.SEEK_END)
            while whole > 0:
                start = max(0, whole - (1 << 16))
                file.seek(start)
                newline = file.read(whole - start).rfind(b"\n")
                whole = start + newline + 1
                if newline >= 0:
                    break
        if whole < size:
            self._file.truncate(whole)
            self.notes.append(f"{path}: the last line was cut off and is left out")


def read_plan(path: Path | str, experiment: Experiment | None = None) -> Plan:
    """The plan of the run in a directory; its experiment is imported if it is not given.

    Raises:
        BadInput: there is no readable run.

    """
    try:
        return plan_from_json(_read_manifest(Path(path))["plan"], experiment)
    except _Damaged as error:
        raise BadInput(
            f"{error}; give the command that began the run again, with --out {path}: finished blocks are kept"
        ) from error


def write_atomically(path: Path, text: str) -> Path:
    """Write a file so that a crash leaves either the old one or the new one, never a part.

    Raises:
        RunFailed: the disk is full, or the place cannot be written.

    """
    temporary = path.with_name(f"{_TEMPORARY}{path.name}-{secrets.token_hex(4)}")
    try:
        try:
            with open(temporary, "x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_directory(path.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RunFailed(f"cannot write {path}: {_reason(error)}") from error
    return path


def _sync_directory(path: Path) -> None:
    """Put the names of a directory's files on disk too, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"{path} holds no run (there is no {_MANIFEST})") from error
    except OSError as error:
        raise BadInput(f"cannot read {path / _MANIFEST}: {_reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise _Damaged(f"{path / _MANIFEST} is damaged: {error}") from error
    kinds = {"plan": dict, "versions": dict, "sessions": list}
    if not isinstance(manifest, dict) or not all(
        isinstance(manifest.get(k), kind) for k, kind in kinds.items()
    ):
        raise _Damaged(f"{path / _MANIFEST} is not the manifest of a run, or is damaged")
    return manifest


def _line(digest: str, cell: int, block: int, summary: Summary) -> bytes:
    """A block as a line of the file."""
    record = {"plan": digest, "cell": cell, "block": block, "summary": summary.to_json()}
    body = json.dumps(record, separators=(",", ":"))
    return f'{{"crc":{zlib.crc32(body.encode())},"body":{body}}}\n'.encode()


def _body(line: bytes, digest: str) -> dict[str, Any]:
    """The body of a line, if the check sum is right and the block belongs to the plan.

    Raises:
        ValueError: it is not so.

    """
    head, _, rest = line.partition(b',"body":')
    text = rest.removesuffix(b"}\n")
    if zlib.crc32(text) != int(head.removeprefix(b'{"crc":')):
        raise ValueError("check sum")
    body: dict[str, Any] = json.loads(text)
    if body.get("plan") != digest:
        raise ValueError("another plan's block")
    return body


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


@functools.cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("signflip", "torch", "numpy", "scipy", "numba"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _commit() -> str | None:
    """The commit of the checkout that this code runs from, if it is part of one."""
    here = Path(__file__)
    try:
        answers = [
            subprocess.run(
                ["git", "-C", str(here.parent), *command], capture_output=True, text=True, check=True
            )
            # An installed package may lie inside another project's checkout: is this file one of it?
            for command in (["ls-files", "--error-unmatch", here.name], ["rev-parse", "HEAD"])
        ]
    except (OSError, subprocess.CalledProcessError):
        return None
    return answers[-1].stdout.strip() or None


def _pretty(data: Any) -> str:
    return json.dumps(data, indent=1) + "\n"

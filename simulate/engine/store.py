"""Runs on disk. The truth about a run is the file of its blocks, whoever computed them.

A run directory holds

    manifest.json   the plan, and with what it is computed (versions, machine, time)
    blocks.jsonl    one line a finished block, appended and synced; each line carries its own check sum
    results.json    the document that the command prints with --json
    results.csv     the same as a flat table
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from simulate.engine.plan import Plan, plan_from_json
from simulate.engine.summary import Summary
from simulate.errors import BadInput, RunFailed

GENERATOR = "philox4x32-10/box-muller/1"
"""The scheme that turns addresses into numbers; a change of any stream changes this name."""


class RunDirectory:
    """A directory that holds one run, open for appending blocks. Use as a context manager.

    Args:
        path: created if it does not exist; an empty directory becomes a run, a run is continued.
        plan: what is to be run.

    Raises:
        BadInput: the directory holds another plan's run, or something else, or cannot be written.

    """

    def __init__(self, path: Path | str, plan: Plan) -> None:
        self.path = Path(path)
        self.plan = plan
        self.notes: list[str] = []
        """One line about each broken part that was found and left out; the caller shows them."""
        self._file: IO[bytes] | None = None

    def __enter__(self) -> RunDirectory:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if (self.path / "manifest.json").exists():
                self._check_manifest()
            elif any(entry.name.startswith(".tmp-") is False for entry in self.path.iterdir()):
                raise BadInput(f"{self.path} is not empty and holds no run: choose another --out")
            else:
                write_atomically(self.path / "manifest.json", _pretty(self._manifest()))
            for stray in self.path.glob(".tmp-*"):
                stray.unlink(missing_ok=True)
            self._file = open(self.path / "blocks.jsonl", "ab")  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise BadInput(f"cannot write a run into {self.path}: {error.strerror}") from error
        self._lock()
        self._cut_torn_tail()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()

    def blocks(self) -> Iterator[tuple[int, int, Summary]]:
        """The finished blocks (cell, block, summary) in the order in which they were written, once each."""
        seen: set[tuple[int, int]] = set()
        with open(self.path / "blocks.jsonl", "rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    body = _checked(line)
                    address = (int(body["cell"]), int(body["block"]))
                    summary = Summary.from_json(body["summary"])
                except (ValueError, KeyError, TypeError):
                    self.notes.append(
                        f"{self.path / 'blocks.jsonl'}: line {number} is damaged; its block is computed again"
                    )
                    continue
                if address not in seen:
                    seen.add(address)
                    yield *address, summary

    def append(self, cell: int, block: int, summary: Summary) -> None:
        """Put a finished block on disk; it is safe when this returns.

        Raises:
            RunFailed: the disk is full or gone. What was written before is kept.

        """
        assert self._file is not None, "the directory is not open"
        body = json.dumps({"cell": cell, "block": block, "summary": summary.to_json()}, separators=(",", ":"))
        line = f'{{"crc":{zlib.crc32(body.encode())},"body":{body}}}\n'.encode()
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise RunFailed(
                f"cannot write to {self.path}: {error.strerror}; finished blocks are kept, make room and "
                f"continue with: simulate resume {self.path}"
            ) from error

    def write(self, name: str, text: str) -> Path:
        """Put a whole file into the directory, or leave what was there."""
        try:
            return write_atomically(self.path / name, text)
        except OSError as error:
            raise RunFailed(f"cannot write {self.path / name}: {error.strerror}") from error

    def record_timing(self, seconds: float, computed: int) -> None:
        """Add to the manifest how long this process worked on the run and how many blocks it computed."""
        manifest = json.loads((self.path / "manifest.json").read_text())
        manifest["sessions"].append({"seconds": round(seconds, 3), "blocks": computed})
        self.write("manifest.json", _pretty(manifest))

    def _manifest(self) -> dict[str, Any]:
        return {
            "plan": self.plan.to_json(),
            "generator": GENERATOR,
            "versions": _versions(),
            "commit": _commit(),
            "machine": {"processor": platform.machine(), "system": platform.system()},
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "sessions": [],
        }

    def _check_manifest(self) -> None:
        manifest = _read_manifest(self.path)
        if manifest["plan"] != self.plan.to_json():
            raise BadInput(f"{self.path} holds the run of another plan: choose another --out")
        if manifest.get("generator") != GENERATOR:
            raise BadInput(
                f"{self.path} was drawn by generator {manifest.get('generator')}, this is {GENERATOR}: "
                "start again in another --out"
            )
        if manifest["versions"].get("torch") != _versions()["torch"]:
            self.notes.append(
                f"{self.path} was begun with torch {manifest['versions'].get('torch')}, this is "
                f"{_versions()['torch']}: last digits may differ between its blocks"
            )

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows has no fcntl; there two writers of one run are not told apart
            return
        assert self._file is not None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInput(f"another process is writing the run in {self.path}") from error

    def _cut_torn_tail(self) -> None:
        """Drop a last line that a crash left unfinished, so that the next one starts on a line of its own."""
        assert self._file is not None
        path = self.path / "blocks.jsonl"
        size = path.stat().st_size
        with open(path, "rb") as lines:
            whole = 0
            for line in lines:
                if line.endswith(b"\n"):
                    whole += len(line)
        if whole < size:
            self._file.truncate(whole)
            self.notes.append(f"{path}: the last line was cut off; its block is computed again")


def read_plan(path: Path | str) -> Plan:
    """The plan of the run in a directory.

    Raises:
        BadInput: there is no readable run.

    """
    return plan_from_json(_read_manifest(Path(path))["plan"])


def write_atomically(path: Path, text: str) -> Path:
    """Write a file so that a crash leaves either the old one or the new one, never a part."""
    descriptor, temporary = tempfile.mkstemp(prefix=".tmp-", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        if "plan" not in manifest or "versions" not in manifest:
            raise ValueError("it has no plan")
    except FileNotFoundError as error:
        raise BadInput(f"{path} holds no run (there is no manifest.json)") from error
    except OSError as error:
        raise BadInput(f"cannot read {path / 'manifest.json'}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"{path / 'manifest.json'} is damaged: {error}") from error
    return manifest


def _checked(line: bytes) -> dict[str, Any]:
    """The body of a line, if the check sum is right."""
    record = json.loads(line)
    body: dict[str, Any] = record["body"]
    text = json.dumps(body, separators=(",", ":"))
    if zlib.crc32(text.encode()) != record["crc"]:
        raise ValueError("check sum")
    return body


def _versions() -> dict[str, str]:
    names = ("signflip", "torch", "numpy", "scipy", "numba")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _commit() -> str | None:
    """The commit of the checkout that this code runs from, if it is one."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # no git on this machine
        return None
    return answer.stdout.strip() or None


def _pretty(data: Any) -> str:
    return json.dumps(data, indent=1) + "\n"

"""A process that has everything imported and forks a child for each command, to be interrupted at will.

Importing torch takes seconds, and a test that kills a command twenty times wants to spend them once. So
`Launcher` starts this file as a script; it imports the command line, runs no operation and starts no thread
(a forked child would miss them), then serves one request a line: fork, run `simulate` in the child, send it
signals when its blocks file has grown so far, and report how it ended.
"""

from __future__ import annotations

import atexit
import functools
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SMALL_BLOCKS = {"_MICRO_NUMBERS": 1 << 13, "_BLOCK_NUMBERS": 1 << 13}
"""Numbers drawn by one micro-batch and by one block, see `simulate.engine.plan`: some hundred blocks a second."""


class Launcher:
    """Runs the command line in forked children, with small blocks unless told otherwise."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        atexit.register(self._close)

    def _close(self) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait()

    def __call__(self, *arguments: str | Path, **request: Any) -> dict[str, Any]:
        """Run `simulate` with these arguments.

        Args:
            arguments: of the command line.
            request: `cwd`; `watch`, a blocks file; `signals`, a list of (size of that file or None for "when
                threads compute"; seconds to wait after that; signal number); `file_limit`, the largest
                file in bytes that the child may write; `shapes`, other sizes than `SMALL_BLOCKS`; `patience`,
                seconds until it is killed anyway; `stdout`, a file for standard output, or "closed pipe";
                `encoding` of standard output.

        Returns:
            code (negative for a signal), stdout, stderr, and `sent`: how many of the signals were sent before
            it ended.

        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request = {"shapes": SMALL_BLOCKS, "arguments": [str(a) for a in arguments], **request}
        self._server.stdin.write(json.dumps(request, default=str) + "\n")
        self._server.stdin.flush()
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer


@functools.cache
def launcher() -> Launcher:
    """One launcher for all tests of this process."""
    return Launcher()


def _serve() -> None:
    import simulate.activations
    import simulate.cli
    import simulate.engine.plan
    import simulate.experiments
    import simulate.tables  # noqa: F401 - imported here so that no child has to

    for line in sys.stdin:
        print(json.dumps(_serve_one(json.loads(line))), flush=True)


def _serve_one(request: dict[str, Any]) -> dict[str, Any]:
    out, err = os.memfd_create("out"), os.memfd_create("err")
    child = os.fork()
    if child == 0:
        _child(request, out, err)
    end = time.monotonic() + request.get("patience", 60)
    signals = list(request.get("signals", []))
    sent = 0
    status = None
    while status is None:
        done, code = os.waitpid(child, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(code)
        elif time.monotonic() > end:
            os.kill(child, 9)
            end += 60
        elif signals and _reached(request["watch"], child, signals[0][0]):
            time.sleep(signals[0][1])
            os.kill(child, signals.pop(0)[2])
            sent += 1
        else:
            time.sleep(0.0005)
    streams = {name: os.pread(file, 1 << 24, 0).decode() for name, file in (("stdout", out), ("stderr", err))}
    os.close(out)
    os.close(err)
    return {"code": status, "sent": sent, **streams}


def _reached(watched: str, child: int, size: int | None) -> bool:
    if size is None:
        return len(os.listdir(f"/proc/{child}/task")) > 1
    return os.path.exists(watched) and os.path.getsize(watched) >= size


def _standard_output(name: str | None) -> int | None:
    if name == "closed pipe":
        read, write = os.pipe()
        os.close(read)
        return write
    return None if name is None else os.open(name, os.O_WRONLY)


def _child(request: dict[str, Any], out: int, err: int) -> None:
    code = 99
    try:
        import resource

        import simulate.engine.plan
        import simulate.progress
        from simulate.cli import main

        simulate.progress._SECONDS_BETWEEN_LINES = math.inf  # however long a first run compiles

        for name, value in request["shapes"].items():
            setattr(simulate.engine.plan, name, value)
        os.chdir(request["cwd"])
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])  # much the same pace on every machine
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(_standard_output(request.get("stdout")) or out, 1)
        sys.stdout.reconfigure(encoding=request.get("encoding", "utf-8"))
        os.dup2(err, 2)
        if "file_limit" in request:
            resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_limit"],) * 2)
        sys.argv = ["simulate", *request["arguments"]]
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()

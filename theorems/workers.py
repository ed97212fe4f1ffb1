"""Checks one after another, or on several processes that are spawned, ignore Ctrl-C and end with their parent."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

from simulate.errors import BadInput, RunFailed
from theorems.budget import Budget
from theorems.statement import Statement
from theorems.verdicts import Counterexample, Verdict

_ENOUGH = 8
"""Statements from which a second process is worth its start."""
_MOST = 8
"""Processes that are started unasked; each holds a torch of its own."""


@dataclass(frozen=True)
class Subject:
    """A statement that is to be checked, and where another process finds it.

    Attributes:
        statement: itself.
        file: the user's file that assigns it; None for statements that ship.

    """

    statement: Statement
    file: Path | None = None


Task = tuple[Subject, Counterexample | None]
"""A statement, and the stored counterexample to it if the ledger calls it refuted."""
Outcome = tuple[int, Verdict, float]
"""Position of a task, its verdict, and the seconds it took."""


def check(statement: Statement, budget: Budget, stored: Counterexample | None = None) -> Verdict:
    """Check a statement; where the hunt finds nothing, replay the stored counterexample.

    What the statement's code prints goes to standard error.
    """
    with contextlib.redirect_stdout(sys.stderr):
        try:
            verdict = statement.check(budget)
            if stored is None or verdict.status in ("refuted", "broken"):
                return verdict
            try:
                replay = statement.replay(stored)
            except BadInput as error:
                return verdict.with_note(f"the stored counterexample does not fit: {error}")
        except SystemExit:
            return Verdict("broken", note="the statement's code ends the program")
        except Exception as error:
            return Verdict("broken", note=f"{type(error).__name__}: {error}")
    if not replay.stands:
        return verdict.with_note("the stored counterexample does not stand")
    return replace(
        verdict,
        status="refuted",
        evidence="replayed",
        amount="the stored counterexample stands",
        counterexample=stored,
        note=f"not found again within {budget.seconds:g} s",
    )


def processes(subjects: Sequence[Subject], wanted: int | None = None) -> int:
    """How many processes to use: those asked for, else the cores where there are enough statements."""
    if wanted is not None:
        if wanted < 1:
            raise BadInput(f"workers must be at least 1, got {wanted}")
        return min(wanted, max(1, len(subjects)))
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, _MOST) if len(subjects) >= _ENOUGH else 1


def outcomes(tasks: Sequence[Task], budget: Budget, workers: int) -> Generator[Outcome]:
    """The verdict of every task, in the order in which they are ready.

    Every statement is checked on one thread, so that its verdict does not depend on who checks it.

    Raises:
        RunFailed: a process died.

    """
    if workers > 1:
        yield from _on_processes(tasks, budget, workers)
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for place, (subject, stored) in enumerate(tasks):
            started = time.perf_counter()
            verdict = check(subject.statement, budget, stored)
            yield place, verdict, time.perf_counter() - started
    finally:
        torch.set_num_threads(threads)


def _on_processes(tasks: Sequence[Task], budget: Budget, workers: int) -> Generator[Outcome]:
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_begin)
    pending: dict[Future[tuple[Verdict, float]], int] = {}
    done = False
    try:
        with _signals_ignored():  # by the processes that are started here, from their first moment
            for place, (subject, stored) in enumerate(tasks):
                file = None if subject.file is None else str(subject.file)
                pending[pool.submit(_check_named, file, subject.statement.id, budget, stored)] = place
        while pending:
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                place = pending.pop(future)
                yield place, *_result(future, [tasks[place], *(tasks[other] for other in pending.values())])
        done = True
    finally:
        if not done:
            started = set(multiprocessing.active_children()) - before
            for process in started:
                process.kill()
            for process in started:
                process.join(timeout=10)
        pool.shutdown(wait=done, cancel_futures=True)


def _result(future: Future[tuple[Verdict, float]], open_tasks: list[Task]) -> tuple[Verdict, float]:
    try:
        return future.result()
    except BrokenProcessPool as error:
        which = ", ".join(sorted(subject.statement.id for subject, _ in open_tasks)[:4])
        more = ", …" if len(open_tasks) > 4 else ""
        raise RunFailed(
            f"a worker process died (out of memory, or a script without if __name__ == '__main__'?) with these "
            f"still open: {which}{more}; one worker checks them in this process"
        ) from error
    except Exception as error:
        return Verdict("broken", note=f"{type(error).__name__}: {error}"), 0.0


@contextlib.contextmanager
def _signals_ignored() -> Iterator[None]:
    """Ignore Ctrl-C while the context lasts, in the main thread; processes started meanwhile ignore it for good."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _begin() -> None:
    """What every process does first."""
    import torch

    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout = sys.stderr
    torch.set_num_threads(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _check_named(
    file: str | None, name: str, budget: Budget, stored: Counterexample | None
) -> tuple[Verdict, float]:
    """Find a statement by its file and id, and check it."""
    if file is None:
        from theorems.registry import registry

        statement = registry()[name]
    else:
        from theorems.userfile import load

        statement = next(one for one in load(file) if one.id == name)
    started = time.perf_counter()
    verdict = check(statement, budget, stored)
    return verdict, time.perf_counter() - started

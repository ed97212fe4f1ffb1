"""Running a plan: blocks in any order on any thread, merged in their own order."""

from __future__ import annotations

import dataclasses
import os
import shlex
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from simulate.engine.block import block_summary, one_thread
from simulate.engine.interrupt import StopRequest
from simulate.engine.merge import Merge
from simulate.engine.plan import Experiment, Plan, Precision
from simulate.engine.store import RunDirectory, read_plan
from simulate.engine.summary import Summary, describe
from simulate.errors import BadInput, Interrupted, RunFailed, SimulateError
from simulate.streams import Workspace

_MOST_DEVICE_THREADS = 4
"""Blocks in progress at a time on a GPU: each holds working memory there."""


class Progress(Protocol):
    """Something that is told how far a run is."""

    def start(self, total: int, done: int) -> None:
        """Called once: `total` trials in all, `done` of them already on disk."""

    def advance(self, trials: int) -> None:
        """Called after each block."""

    def note(self, line: str) -> None:
        """One line that the user should see."""


@dataclass(frozen=True)
class CellResult:
    """What was found in one cell: its parameters and the summary of its trials.

    Attributes:
        parameters: the record.
        summary: of all its trials.
        precision: what the plan wanted, if it stops by looking.
        precise: whether that was reached before the plan's trials ran out.

    """

    parameters: Any
    summary: Summary
    precision: Precision | None = None
    precise: bool = False


def report(cell: CellResult, confidence: float, simultaneous: bool = False) -> dict[str, Any]:
    """The parameters and columns of a cell as JSON data, see `describe`: it fits any experiment."""
    parameters = dataclasses.asdict(cell.parameters)
    return {"parameters": parameters, **describe(cell.summary, confidence, simultaneous)}


@dataclass(frozen=True)
class Result:
    """The outcome of a run, cell by cell, in the plan's order.

    Attributes:
        plan: what was run.
        cells: one result a cell.
        directory: where the run is kept, if it is.

    """

    plan: Plan
    cells: tuple[CellResult, ...]
    directory: Path | None = None


def run(
    plan: Plan, out: Path | str | None = None, *, threads: int | None = None, progress: Progress | None = None
) -> Result:
    """Run a plan, or what is missing of it.

    The result is a function of the plan alone: neither the number of threads nor interruptions change a bit
    of it on one kind of device and one build of torch.

    Args:
        plan: what to run.
        out: a run directory, see `RunDirectory`; finished blocks found there are not computed again.
            Without it the run lives in memory.
        threads: blocks computed at a time, one CPU thread each; all cores by default.
        progress: told how far the run is. Without it, what the user should see is a Python warning.

    Raises:
        Interrupted: a signal came; the blocks in progress were finished and kept.
        RunFailed: a trial raised or returned no columns, or the disk did not take a block; the other blocks
            in progress were finished and kept.
        BadInput: `out` cannot hold this run, or the plan's device is not here.

    """
    if threads is not None and threads < 1:
        raise BadInput(f"a run needs at least 1 thread, got {threads}")
    with ExitStack() as stack:
        directory = stack.enter_context(RunDirectory(out, plan)) if out is not None else None
        merged = Merge(plan)
        if directory is not None:
            for cell, block, summary in directory.blocks():
                merged.add(cell, block, summary)
            for line in directory.notes:
                progress.note(line) if progress is not None else warnings.warn(line, stacklevel=2)
        if not merged.complete:
            _require_device(plan.device)
            stop = stack.enter_context(StopRequest())
            started = time.perf_counter()
            pool = _Pool(plan, threads or _usable_cores(plan.device), merged, directory, progress, stop)
            try:
                pool.compute()
            finally:
                if directory is not None:
                    directory.record_timing(time.perf_counter() - started, pool.computed)
            if stop.signal_number is not None and not merged.complete:
                where = "nothing was kept"
                if out is not None:
                    where = f"continue with: simulate resume {shlex.quote(str(out))}"
                raise Interrupted(f"stopped, {pool.computed} blocks finished; {where}", stop.signal_number)
    found = zip(plan.points, merged.summaries, merged.precise, strict=True)
    cells = tuple(CellResult(point, summary, plan.precision, precise) for point, summary, precise in found)
    return Result(plan, cells, Path(out) if out is not None else None)


def resume(
    out: Path | str,
    experiment: Experiment | None = None,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Continue the run in a directory with the plan that its manifest holds; see `run`.

    The experiment is imported from where its trial lives, unless it is given.
    """
    return run(read_plan(out, experiment), out, threads=threads, progress=progress)


class _Pool:
    """Threads that compute the missing blocks; the calling thread alone merges them and writes them down.

    Attributes:
        computed: how many blocks have been kept.

    """

    def __init__(
        self,
        plan: Plan,
        threads: int,
        merged: Merge,
        directory: RunDirectory | None,
        progress: Progress | None,
        stop: StopRequest,
    ) -> None:
        self._plan, self._cells = plan, plan.cells
        self._threads, self._merged, self._directory = threads, merged, directory
        self._progress, self._stop = progress, stop
        self._local = threading.local()
        self._pending: dict[Future[Summary], tuple[int, int]] = {}
        self.computed = 0

    def compute(self) -> None:
        """Compute what is missing, until nothing is, or a signal came, or a block failed."""
        if self._progress is not None:
            self._progress.start(self._plan.trials * len(self._cells), self._merged.trials)
        # One thread to a block. Here too, because what each thread sets some libraries keep for the process.
        with one_thread():
            pool = ThreadPoolExecutor(
                self._threads, "block", initializer=torch.set_num_threads, initargs=(1,)
            )
            try:
                self._drive(pool.submit)
            except SimulateError:
                pool.shutdown(cancel_futures=True)
                raise
            except BaseException:  # a second Ctrl-C: wait for nothing
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            pool.shutdown()

    def _drive(self, submit: Callable[..., Future[Summary]]) -> None:
        failure: SimulateError | None = None
        remaining = self._merged.missing()
        self._top_up(submit, remaining)
        while self._pending:
            done, _ = wait(self._pending, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in done:
                address = self._pending.pop(future)
                error = future.exception()
                if error is None:
                    self._keep(*address, future.result())
                else:
                    failure = failure or _failure(self._plan, *address, error)
            if failure is None and self._stop.signal_number is None:
                self._top_up(submit, remaining)
            else:  # finish what is being computed, drop what only waits
                for future in [future for future in self._pending if future.cancel()]:
                    del self._pending[future]
        if failure is not None:
            raise failure

    def _top_up(self, submit: Callable[..., Future[Summary]], remaining: Iterator[tuple[int, int]]) -> None:
        """Keep one block waiting for each thread, no more: memory stays flat and a stop is quick."""
        while len(self._pending) < 2 * self._threads:
            address = next(remaining, None)
            if address is None:
                return
            self._pending[submit(self._work, *address)] = address

    def _work(self, cell: int, block: int) -> Summary:
        # Working memory belongs to one thread, and is kept for as long as the cell needs the same shapes.
        if getattr(self._local, "cell", None) != cell:
            self._local.cell, self._local.workspace = cell, Workspace()
        return block_summary(self._plan, self._cells[cell], block, self._local.workspace)

    def _keep(self, cell: int, block: int, summary: Summary) -> None:
        self._merged.add(cell, block, summary)
        if self._directory is not None:
            self._directory.append(cell, block, summary)
        self.computed += 1
        if self._progress is not None:
            self._progress.advance(summary.trials)


def _failure(plan: Plan, cell: int, block: int, error: BaseException) -> SimulateError:
    if isinstance(error, SimulateError):
        return error
    failure = RunFailed(
        f"{plan.experiment.name}: block {block} of cell {cell} raised {type(error).__name__}: {error}"
    )
    failure.__cause__ = error
    return failure


def _require_device(device: str) -> None:
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present[device]:
        raise BadInput(f"the plan asks for the device {device!r}, and this torch finds no such device here")


def _usable_cores(device: str) -> int:
    """Cores that this process may use, which on a cluster are fewer than the machine has."""
    # os.sched_getaffinity is not everywhere.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if device == "cpu" else min(cores, _MOST_DEVICE_THREADS)

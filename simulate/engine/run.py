"""Running a plan: blocks in any order on any thread, merged in their own order."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from simulate.engine.interrupt import StopRequest
from simulate.engine.plan import Cell, Columns, Plan
from simulate.engine.store import RunDirectory, read_plan
from simulate.engine.summary import Summary
from simulate.errors import Interrupted, RunFailed, SimulateError
from simulate.streams import Stream, Workspace


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
    """What was found in one cell: its parameters and the summary of its trials."""

    parameters: Any
    summary: Summary


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
        progress: told how far the run is.

    Raises:
        Interrupted: a signal came; the blocks in progress were finished and kept.
        RunFailed: a trial raised, or the disk did not take a block.
        BadInput: `out` cannot hold this run.

    """
    with ExitStack() as stack:
        directory = stack.enter_context(RunDirectory(out, plan)) if out is not None else None
        merged = _Merge(plan)
        if directory is not None:
            for cell, block, summary in directory.blocks():
                merged.add(cell, block, summary)
            for line in directory.notes if progress is not None else ():
                progress.note(line)
        todo = merged.missing()
        if todo:
            stop = stack.enter_context(StopRequest())
            started = time.perf_counter()
            computed = _compute(plan, todo, merged, directory, threads or os.cpu_count() or 1, progress, stop)
            if directory is not None:
                directory.record_timing(time.perf_counter() - started, computed)
            if stop.signal_number is not None and merged.missing():
                where = f"continue with: simulate resume {out}" if out is not None else "nothing was kept"
                raise Interrupted(f"stopped, {computed} blocks finished; {where}", stop.signal_number)
    cells = zip(plan.points, merged.summaries, strict=True)
    return Result(plan, tuple(CellResult(*cell) for cell in cells), Path(out) if out is not None else None)


def resume(out: Path | str, *, threads: int | None = None, progress: Progress | None = None) -> Result:
    """Continue the run in a directory with the plan that its manifest holds; see `run`."""
    return run(read_plan(out), out, threads=threads, progress=progress)


def trial_columns(plan: Plan, cell: int, first: int, count: int) -> dict[str, np.ndarray[Any, Any]]:
    """The columns of single trials of a plan, drawn again: trials `first` … `first + count − 1` of a cell.

    They are the very numbers that the run summarised, whether or not it has been run.
    """
    address = plan.cells[cell]
    micro = address.micro
    pieces = []
    for start in range(first - first % micro, first + count, micro):
        columns = _micro_batch(plan, address, start, Workspace())
        low, high = max(first - start, 0), min(first + count - start, micro)
        pieces.append({name: column[low:high] for name, column in columns.items()})
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def block_summary(plan: Plan, cell: Cell, block: int, workspace: Workspace) -> Summary:
    """A block: a pure function of plan, cell and block number."""
    first = block * cell.block
    last = min(first + cell.block, plan.trials)
    summary = Summary()
    for start in range(first, last, cell.micro):
        columns = _micro_batch(plan, cell, start, workspace)
        rows = min(cell.micro, last - start)
        summary = summary.merge(Summary.of({name: column[:rows] for name, column in columns.items()}))
    return summary


def _micro_batch(plan: Plan, cell: Cell, first: int, workspace: Workspace) -> dict[str, np.ndarray[Any, Any]]:
    """All columns of one micro-batch, always of the full shape, so that rounding is the same in any slice."""
    stream = Stream(
        cell.key, first, cell.micro, dtype=getattr(torch, plan.dtype), device=plan.device, workspace=workspace
    )
    with torch.no_grad():
        columns: Columns = plan.experiment.trial(cell.parameters, stream, cell.micro)
    return {name: torch.as_tensor(column).cpu().numpy() for name, column in columns.items()}


class _Merge:
    """Block summaries merged strictly in block order; early arrivals wait."""

    def __init__(self, plan: Plan) -> None:
        self._blocks = [plan.blocks(cell) for cell in plan.cells]
        self._next = [0] * len(self._blocks)
        self._waiting: list[dict[int, Summary]] = [{} for _ in self._blocks]
        self.summaries = [Summary() for _ in self._blocks]

    def add(self, cell: int, block: int, summary: Summary) -> None:
        if not (0 <= cell < len(self._blocks) and 0 <= block < self._blocks[cell]):
            raise RunFailed(f"block {block} of cell {cell} is not in the plan")
        self._waiting[cell][block] = summary
        while self._next[cell] in self._waiting[cell]:
            summary = self._waiting[cell].pop(self._next[cell])
            self.summaries[cell] = self.summaries[cell].merge(summary)
            self._next[cell] += 1

    def missing(self) -> list[tuple[int, int]]:
        return [
            (cell, block)
            for cell, total in enumerate(self._blocks)
            for block in range(self._next[cell], total)
            if block not in self._waiting[cell]
        ]

    def trials_done(self) -> int:
        waiting = sum(summary.trials for cell in self._waiting for summary in cell.values())
        return waiting + sum(summary.trials for summary in self.summaries)


def _compute(
    plan: Plan,
    todo: list[tuple[int, int]],
    merged: _Merge,
    directory: RunDirectory | None,
    threads: int,
    progress: Progress | None,
    stop: StopRequest,
) -> int:
    cells = plan.cells
    local = threading.local()
    if progress is not None:
        progress.start(plan.trials * len(cells), merged.trials_done())

    def prepare() -> None:
        # One thread to a block: a sum over one row rounds differently on two threads.
        torch.set_num_threads(1)
        local.workspace = Workspace()

    def work(cell: int, block: int) -> Summary:
        return block_summary(plan, cells[cell], block, local.workspace)

    intra_op = torch.get_num_threads()
    remaining = iter(todo)
    pending: dict[Future[Summary], tuple[int, int]] = {}
    computed = 0
    try:
        with ThreadPoolExecutor(threads, initializer=prepare) as pool:
            _top_up(pool, work, remaining, pending, threads)
            while pending:
                done, _ = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    cell, block = pending.pop(future)
                    summary = _outcome(future, plan, cell, block)
                    merged.add(cell, block, summary)
                    if directory is not None:
                        directory.append(cell, block, summary)
                    computed += 1
                    if progress is not None:
                        progress.advance(summary.trials)
                if stop.signal_number is None:
                    _top_up(pool, work, remaining, pending, threads)
                else:  # finish what is being computed, drop what only waits
                    for future in [future for future in pending if future.cancel()]:
                        del pending[future]
    finally:
        torch.set_num_threads(intra_op)
    return computed


def _top_up(
    pool: ThreadPoolExecutor,
    work: Any,
    remaining: Iterator[tuple[int, int]],
    pending: dict[Future[Summary], tuple[int, int]],
    threads: int,
) -> None:
    """Keep one block waiting for each thread, no more: memory stays flat and a stop is quick."""
    while len(pending) < 2 * threads:
        address = next(remaining, None)
        if address is None:
            return
        pending[pool.submit(work, *address)] = address


def _outcome(future: Future[Summary], plan: Plan, cell: int, block: int) -> Summary:
    try:
        return future.result()
    except SimulateError:
        raise
    except Exception as error:
        raise RunFailed(
            f"{plan.experiment.name}: block {block} of cell {cell} raised {type(error).__name__}: {error}"
        ) from error

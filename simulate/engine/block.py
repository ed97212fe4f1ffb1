"""A block: some consecutive trials of a cell, simulated micro-batch by micro-batch and summarised."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulate.engine.plan import Cell, Plan
from simulate.engine.summary import Summary
from simulate.errors import BadInput, RunFailed, SimulateError
from simulate.streams import Stream, Workspace

Arrays = dict[str, NDArray[Any]]

_ENTRIES_A_SUMMARY = 1 << 20
"""Entries of columns that are gathered before they are summarised: a few megabytes."""


def block_summary(plan: Plan, cell: Cell, block: int, workspace: Workspace) -> Summary:
    """A block: a pure function of plan, cell and block number (on one CPU thread, see `one_thread`)."""
    trials = plan.trials_of(cell, block)
    summary = Summary()
    waiting: list[Arrays] = []
    entries = 0
    for start in trials[:: cell.micro]:
        rows = min(cell.micro, trials.stop - start)
        columns = micro_batch(plan, cell, start, workspace)
        # Copied: the next micro-batch writes into the same buffers.
        waiting.append({name: column[:rows].copy() for name, column in columns.items()})
        if _kinds(waiting[-1]) != _kinds(waiting[0]):
            raise RunFailed(
                f"{plan.experiment.name}: the columns of the trial change from batch to batch: "
                f"{_kinds(waiting[0])}, then {_kinds(waiting[-1])}"
            )
        entries += sum(column.size for column in waiting[-1].values())
        # A summary costs far more than a column: make few, at places that depend on shapes alone.
        if entries >= _ENTRIES_A_SUMMARY or start + cell.micro >= trials.stop:
            joined = {name: np.concatenate([part[name] for part in waiting]) for name in waiting[0]}
            summary = summary.merge(Summary.of(joined))
            waiting, entries = [], 0
    return summary


def trial_columns(plan: Plan, cell: int, first: int, count: int) -> Arrays:
    """The columns of single trials of a plan, drawn again: trials `first` … `first + count − 1` of a cell.

    They are the very numbers that the run summarised, whether or not it has been run.
    """
    if first < 0 or count < 1 or not 0 <= cell < len(plan.points):
        raise BadInput(f"there are no trials {first} … {first + count - 1} of cell {cell} in this plan")
    address = plan.cells[cell]
    micro = address.micro
    pieces = []
    workspace = Workspace()
    with one_thread():
        for start in range(first - first % micro, first + count, micro):
            columns = micro_batch(plan, address, start, workspace)
            low, high = max(first - start, 0), min(first + count - start, micro)
            pieces.append({name: column[low:high].copy() for name, column in columns.items()})
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread here: a sum over one row rounds differently on two."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def micro_batch(plan: Plan, cell: Cell, first: int, workspace: Workspace) -> Arrays:
    """All columns of one micro-batch, always of the full shape, so that rounding is the same in any slice.

    Raises:
        RunFailed: the trial raised, or what it returned are not columns of this many trials.

    """
    name = plan.experiment.name
    stream = Stream(
        cell.key, first, cell.micro, dtype=getattr(torch, plan.dtype), device=plan.device, workspace=workspace
    )
    try:
        with torch.no_grad():
            columns = plan.experiment.trial(cell.parameters, stream, cell.micro)
    except SimulateError:
        raise
    # A trial that calls sys.exit must not end the run as if it were well.
    except (Exception, SystemExit) as error:
        raise RunFailed(f"{name}: a trial raised {_described(error)}") from error
    if not isinstance(columns, Mapping) or not columns:
        raise RunFailed(f"{name}: a trial must return named columns, a dict of tensors, got {columns!r:.80}")
    return {str(key): _column(f"{name}: column {key!r}", value, cell.micro) for key, value in columns.items()}


def _column(what: str, value: Any, batch: int) -> NDArray[Any]:
    """A column as a numpy array, if it is one: its first axis the trials, its entries real numbers."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
    try:
        column = np.asarray(value)
    except ValueError as error:
        raise RunFailed(f"{what} is no array: {error}") from error
    if column.dtype.kind not in "biuf":
        raise RunFailed(f"{what} must hold booleans or real numbers, got {column.dtype}")
    if column.ndim == 0 or column.shape[0] != batch or column.size == 0:
        raise RunFailed(
            f"{what} has shape {column.shape}: its first axis must be the {batch} trials of the batch"
        )
    return column


def _kinds(columns: Arrays) -> dict[str, str]:
    """What may not change from one micro-batch to the next: names, types and shapes of the entries."""
    return {name: f"{column.dtype}{list(column.shape[1:])}" for name, column in columns.items()}


def _described(error: BaseException) -> str:
    """One line about an exception: its type, the first line of its message, the place that raised it."""
    message = next(iter(str(error).splitlines()), "")
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {message} ({place.filename}:{place.lineno})"

"""Trials of the engine for a check: what they cost, how often an event happened, what a column's summary is.

Plan, blocks and numbers are the engine's. A check runs them in the calling thread, without progress or a run
directory: a block is a pure function of the plan, so that this changes no number.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulate.engine import Experiment, Plan, Summary, block_summary, trial_columns
from simulate.engine.block import one_thread
from simulate.errors import SimulateError
from simulate.streams import Workspace
from theorems.budget import FULL
from theorems.statement import Broken

_MEDIUM = 2_200
"""Random numbers of the medium trial of `Budget.trials`: a two-layer network of width 1000 draws 2000 of them in
some 20 µs, and whatever a trial draws it costs as much as 200 more."""
_OVERHEAD = 200


def work(record: Any) -> float:
    """The cost of one trial, in trials of medium size, by what its record says it draws."""
    numbers = max(1, int(getattr(record, "numbers_per_trial", 1024)))
    return (numbers + _OVERHEAD) / _MEDIUM


def larger_budget(needed: float) -> str:
    """Which budget has as much work as is needed, in trials of medium size, as a request to use it."""
    if needed <= FULL.trials:
        return "use --budget full"
    return f"use --budget {math.ceil(needed / (FULL.trials / FULL.seconds))}"


class EventCount:
    """How often the event of a simulated statement happened in the first trials of a cell.

    Args:
        experiment: see `simulate.engine.Experiment`.
        record: the parameters.
        column: name of the boolean column of the event.
        index: entry of the column, if it has more than one a trial.
        negate: the event is that the column is false.
        seed: of the plan.
        dtype: of the plan.

    Attributes:
        plan: of these trials; its own number of trials means nothing.
        trials: how many have been counted.
        count: in how many of them the event happened.

    """

    def __init__(
        self,
        experiment: Experiment,
        record: Any,
        column: str,
        *,
        index: tuple[int, ...] = (),
        negate: bool = False,
        seed: int = 0,
        dtype: str = "float32",
    ) -> None:
        self.plan = Plan(experiment, (record,), 1, seed, dtype)
        self.cell = self.plan.cells[0]
        self._column, self._index, self._negate = column, index, negate
        self.trials = self.count = 0

    def extend(self, trials: int) -> None:
        """Count on, until so many trials have been drawn.

        Raises:
            Broken: a trial raised, there is no such boolean column, or some column holds NaN.

        """
        while self.trials < trials:
            # As much at a time as the engine has in a block.
            size = min(trials - self.trials, self.cell.block)
            try:
                columns = trial_columns(self.plan, 0, self.trials, size)
            except SimulateError as error:
                raise Broken(f"{error} at {self.cell.parameters}") from error
            self.count += int(np.count_nonzero(self._event(columns)))
            self.trials += size

    def _event(self, columns: dict[str, Any]) -> Any:
        name = self.plan.experiment.name
        for label, column in columns.items():
            # A comparison with NaN is false: it would count as an event that did not happen.
            if column.dtype.kind == "f" and np.isnan(column).any():
                count = int(np.isnan(column).sum())
                raise Broken(
                    f"{name}: column {label!r} is NaN {count} times in trials {self.trials} … "
                    f"{self.trials + len(column) - 1} at {self.cell.parameters}"
                )
        if self._column not in columns:
            raise Broken(f"{name} has no column {self._column!r}: there are {', '.join(columns)}")
        column = columns[self._column]
        if column.dtype != np.bool_:
            raise Broken(f"{name}: column {self._column!r} must be boolean, got {column.dtype}")
        shape = column.shape[1:]
        inside = len(self._index) == len(shape) and all(
            0 <= i < n for i, n in zip(self._index, shape, strict=True)
        )
        if not inside:
            raise Broken(
                f"{name}: an entry of column {self._column!r} has shape {shape}: index {self._index} is none of it"
            )
        event = column[(slice(None), *self._index)]
        return ~event if self._negate else event


def summaries(
    experiment: Experiment,
    records: Sequence[Any],
    trials: int,
    seed: int,
    dtype: str,
    seconds: float = math.inf,
) -> list[Summary] | None:
    """The summary of so many trials of each record, as `simulate.engine.run` gives it, bit for bit.

    Args:
        experiment: see `simulate.engine.Experiment`.
        records: parameter records, distinct.
        trials: of each.
        seed: of the plan.
        dtype: of the plan.
        seconds: None is returned when so much time has passed since the first block, which may have compiled its
            kernels.

    Raises:
        Broken: a trial raised, or the records make no plan.

    """
    found, deadline = [], math.inf
    try:
        plan = Plan(experiment, tuple(records), trials, seed, dtype)
        with one_thread():
            for cell in plan.cells:
                summary, workspace = Summary(), Workspace()
                for block in range(plan.blocks(cell)):
                    summary = summary.merge(block_summary(plan, cell, block, workspace))
                    deadline = min(deadline, time.monotonic() + seconds)
                    if time.monotonic() > deadline:
                        return None
                found.append(summary)
    except SimulateError as error:
        raise Broken(str(error)) from error
    return found

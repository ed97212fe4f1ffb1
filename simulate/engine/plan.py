"""A plan: what is to be simulated, as data. Everything that a run computes follows from it alone."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch

from simulate.errors import BadInput
from simulate.streams import Stream, stable_key

Columns = Mapping[str, torch.Tensor]
"""What a trial returns: tensors whose first axis is the trials of the batch, by name."""

Trial = Callable[[Any, Stream, int], Columns]
"""`trial(parameters, stream, batch)`: simulate `batch` independent trials with the stream's numbers."""

_MICRO_NUMBERS = 1 << 18
"""Numbers drawn by one micro-batch: a few arrays of this size stay in a core's second-level cache."""
_BLOCK_NUMBERS = 1 << 26
"""Numbers drawn by one block: a fraction of a second, so that little is lost to an interruption."""
_LARGEST_MICRO, _LARGEST_BLOCK = 1 << 12, 1 << 17


def observable(**keywords: Any) -> Any:
    """A field of a parameter record that reads more from the same draws: it changes no random number."""
    return dataclasses.field(**keywords, metadata={"observable": True})


@dataclass(frozen=True)
class Experiment:
    """A random model: a parameter record, and a function that simulates trials of it.

    Attributes:
        name: how the command line and the manifest call it.
        trial: see `Trial`. Boolean columns are counted, others averaged; a column of shape (batch,) that
            is not boolean also gets a quantile sketch.
        record: the frozen dataclass of its parameters. Fields made by `observable` do not enter the random
            numbers; every other field tells one cell's numbers from another's. Fields must be numbers,
            strings, booleans or tuples of these. A property `numbers_per_trial` says how many random numbers
            one trial draws (about); it fixes the batch shapes.

    """

    name: str
    trial: Trial
    record: type


@dataclass(frozen=True)
class Cell:
    """One point of a plan's grid, with its address in the space of random numbers.

    Attributes:
        parameters: the record.
        key: two words, see `simulate.streams.stable_key`.
        micro: trials in one micro-batch, always computed together.
        block: trials in one block, a multiple of `micro`; the last block of a run may be cut short.

    """

    parameters: Any
    key: tuple[int, int]
    micro: int
    block: int


@dataclass(frozen=True)
class Plan:
    """Experiment, cells, trials, seed and number format: the whole input of a run.

    Attributes:
        experiment: what is simulated.
        points: the parameter records, one a cell; see `grid`.
        trials: independent trials in each cell, at least 1.
        seed: any non-negative integer.
        dtype: "float32" or "float64".
        device: "cpu", "cuda" or "mps".

    """

    experiment: Experiment
    points: tuple[Any, ...]
    trials: int
    seed: int = 0
    dtype: str = "float32"
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise BadInput(f"a run needs at least 1 trial, got {self.trials}")
        if self.seed < 0:
            raise BadInput(f"a seed is a non-negative integer, got {self.seed}")
        if self.dtype not in ("float32", "float64"):
            raise BadInput(f"the number format is float32 or float64, got {self.dtype!r}")
        if self.device == "mps" and self.dtype == "float64":
            raise BadInput("Apple's GPUs have no float64: use --device cpu or --dtype float32")
        if not self.points:
            raise BadInput("a plan needs at least one cell")
        wrong = [point for point in self.points if not isinstance(point, self.experiment.record)]
        if wrong:
            raise BadInput(f"{self.experiment.name} takes {self.experiment.record.__name__}, got {wrong[0]!r}")
        if len({cell.key for cell in self.cells}) < len(self.points):
            raise BadInput("two cells of the plan draw the same random numbers: leave out the repeated one")

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells in order. Their random numbers depend on seed and parameters, not on each other."""
        return tuple(self._cell(point) for point in self.points)

    def _cell(self, point: Any) -> Cell:
        identity = {
            f.name: getattr(point, f.name)
            for f in dataclasses.fields(point)
            if not f.metadata.get("observable", False)
        }
        key = stable_key(self.seed, {"experiment": self.experiment.name, **identity})
        numbers = max(1, int(getattr(point, "numbers_per_trial", 1024)))
        micro = _power_of_two(min(_LARGEST_MICRO, max(1, _MICRO_NUMBERS // numbers)))
        if self.device != "cpu":
            # A GPU wants more rows at once; the shape still depends on nothing but the cell and the device.
            micro *= 64
        block = micro * max(1, min(_LARGEST_BLOCK, _BLOCK_NUMBERS // numbers) // micro)
        return Cell(point, key, micro, block)

    def blocks(self, cell: Cell) -> int:
        """How many blocks the trials of this cell make."""
        return -(-self.trials // cell.block)

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON data; equal plans give equal data."""
        return {
            "experiment": self.experiment.name,
            "trial": f"{self.experiment.trial.__module__}:{self.experiment.trial.__qualname__}",
            "trials": self.trials,
            "seed": self.seed,
            "dtype": self.dtype,
            "device": self.device,
            "cells": [_plain(dataclasses.asdict(point)) for point in self.points],
        }

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that name this plan."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def plan_from_json(data: Mapping[str, Any], experiment: Experiment | None = None) -> Plan:
    """The plan behind `Plan.to_json`; the experiment is imported by its trial's address if not given.

    Raises:
        BadInput: the data is not a plan of an experiment that can be found.

    """
    try:
        experiment = experiment or _find(data["experiment"], data["trial"])
        points = tuple(
            experiment.record(**{k: tuple(v) if isinstance(v, list) else v for k, v in cell.items()})
            for cell in data["cells"]
        )
        return Plan(experiment, points, data["trials"], data["seed"], data["dtype"], data["device"])
    except (KeyError, TypeError, AttributeError, ImportError) as error:
        raise BadInput(f"this is not a plan that can be run here: {error!r}") from error


def grid(record: type, **axes: Any) -> tuple[Any, ...]:
    """All combinations of the listed values, one record each: `grid(InitFlip, width=[64, 128], dim=32)`.

    A list spans an axis of the grid (the first varies slowest); anything else is the same everywhere.
    """
    names = list(axes)
    values = [axis if isinstance(axis, list) else [axis] for axis in axes.values()]
    return tuple(record(**dict(zip(names, point, strict=True))) for point in itertools.product(*values))


def _find(name: str, trial: str) -> Experiment:
    """The `Experiment` of this name in the module where its trial lives."""
    module = importlib.import_module(trial.partition(":")[0])
    for value in vars(module).values():
        if isinstance(value, Experiment) and value.name == name:
            return value
    raise BadInput(f"no experiment {name!r} in {module.__name__}")


def _power_of_two(number: int) -> int:
    return 1 << (number.bit_length() - 1)


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON would give them back."""
    return cast(Any, json.loads(json.dumps(value)))

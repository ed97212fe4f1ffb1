"""A plan: what is to be simulated, as data. Everything that a run computes follows from it alone."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from simulate.arguments import whole
from simulate.errors import BadInput
from simulate.streams import Stream, stable_key

Columns = Mapping[str, torch.Tensor]
"""What a trial returns: tensors whose first axis is the trials of the batch, by name."""

Trial = Callable[[Any, Stream, int], Columns]
"""`trial(parameters, stream, batch)`: simulate `batch` independent trials with the stream's numbers."""

_MICRO_NUMBERS = 1 << 20
"""Numbers drawn by one micro-batch: arrays of a few megabytes, near the core, yet so large that threads seldom
wait for each other between two operations."""
_BLOCK_NUMBERS = 1 << 24
"""Numbers drawn by one block: some tens of milliseconds, enough to share a short run between threads."""
_LARGEST_MICRO, _LARGEST_BLOCK = 1 << 12, 1 << 17
_DEVICE_SCALE = 64
_MOST_TRIALS = 1 << 63
DEVICES, DTYPES = ("cpu", "cuda", "mps"), ("float32", "float64")


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
            strings, booleans, None or tuples of these. A property `numbers_per_trial` says how many random
            numbers one trial draws (about, 1024 if there is none); it fixes the batch shapes, and with them
            how long a block takes. A method `held_on(device, dtype)` says how many numbers one trial keeps in
            memory (as many as it draws, if there is none).
        targets: boolean columns whose probabilities a wanted precision is about; empty if there is none.

    """

    name: str
    trial: Trial
    record: type
    targets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (isinstance(self.record, type) and dataclasses.is_dataclass(self.record)):
            raise BadInput(f"{self.name}: the record of parameters must be a dataclass, got {self.record!r}")
        if any(field.name == "experiment" for field in dataclasses.fields(self.record)):
            raise BadInput(f"{self.name}: a parameter cannot be called 'experiment', choose another name")
        if not hasattr(self.trial, "__qualname__"):
            raise BadInput(f"{self.name}: the trial must be a function made by def, got {self.trial!r}")

    @property
    def address(self) -> str:
        """Where the trial lives: "module:function"."""
        return f"{self.trial.__module__}:{self.trial.__qualname__}"


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
class Precision:
    """Stop when the target probabilities are known to ± `half_width`.

    Looked at after each block in order, with a confidence sequence for each entry of the experiment's target
    columns: its intervals cover at every look at once, so that looking costs nothing.

    Attributes:
        half_width: in (0, ½).
        confidence: of the sequence that decides, in (0, 1).
        simultaneous: let the intervals of all entries of a column hold at once (Bonferroni).

    """

    half_width: float
    confidence: float = 0.95
    simultaneous: bool = False

    def __post_init__(self) -> None:
        for name, most in (("half_width", 0.5), ("confidence", 1.0)):
            value = getattr(self, name)
            if not 0 < value < most:
                raise BadInput(
                    f"the {name.replace('_', ' ')} of a precision must lie strictly between 0 and {most:g}, got {value}"
                )


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
        precision: stop each cell at the first block after which this is reached; `trials` is then the most.

    """

    experiment: Experiment
    points: tuple[Any, ...]
    trials: int
    seed: int = 0
    dtype: str = "float32"
    device: str = "cpu"
    precision: Precision | None = None

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("seed", 0)):
            object.__setattr__(self, name, whole(getattr(self, name), name, least))
        if self.trials >= _MOST_TRIALS:
            raise BadInput(f"a run has fewer than 2^63 trials, got {self.trials}")
        if self.dtype not in DTYPES:
            raise BadInput(f"dtype is one of {', '.join(DTYPES)}, got {self.dtype!r}")
        if self.device not in DEVICES:
            raise BadInput(f"the device of a plan is one of {', '.join(DEVICES)}, got {self.device!r}")
        if self.device == "mps" and self.dtype == "float64":
            raise BadInput("Apple's GPUs have no float64: use --device cpu or --dtype float32")
        if self.precision is not None and not self.experiment.targets:
            raise BadInput(f"{self.experiment.name} has no probability that a precision could be about")
        object.__setattr__(self, "points", tuple(self.points))
        if not self.points:
            raise BadInput("a plan needs at least one cell")
        record: Any = self.experiment.record
        for point in self.points:
            if type(point) is not record:
                raise BadInput(f"{self.experiment.name} takes {record.__name__}, got {point!r}")
            for field in dataclasses.fields(record):
                _check_parameter(field.name, getattr(point, field.name))
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
        # A run that stops by looking has small blocks, between which it looks.
        largest = _LARGEST_BLOCK if self.precision is None else _LARGEST_MICRO
        # Blocks, at whose ends a run may stop, follow from what is drawn alone; how many trials of a block are computed
        # at a time, from what they keep in memory.
        block = _power_of_two(min(largest, max(1, _BLOCK_NUMBERS // numbers)))
        held = point.held_on(self.device, self.dtype) if hasattr(point, "held_on") else numbers
        if self.device == "cpu":
            micro = min(block, _power_of_two(min(_LARGEST_MICRO, max(1, _MICRO_NUMBERS // max(1, held)))))
        else:  # A GPU wants many rows at once.
            fitting = min(
                _MICRO_NUMBERS * _DEVICE_SCALE // max(1, held), _BLOCK_NUMBERS * _DEVICE_SCALE // numbers
            )
            micro = _power_of_two(min(_LARGEST_MICRO * _DEVICE_SCALE, max(1, fitting)))
            block = max(block, micro)
        return Cell(point, key, micro, block)

    def blocks(self, cell: Cell) -> int:
        """How many blocks the trials of this cell make."""
        return -(-self.trials // cell.block)

    def trials_of(self, cell: Cell, block: int) -> range:
        """The trials that make a block."""
        return range(block * cell.block, min((block + 1) * cell.block, self.trials))

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON data; equal plans give equal data."""
        precision = {} if self.precision is None else {"precision": dataclasses.asdict(self.precision)}
        return {
            **precision,
            "experiment": self.experiment.name,
            "trial": self.experiment.address,
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
        if (data["experiment"], data["trial"]) != (experiment.name, experiment.address):
            raise BadInput(
                f"this is a plan of {data['experiment']} ({data['trial']}), not of {experiment.name} "
                f"({experiment.address})"
            )
        points = tuple(
            experiment.record(**{name: _tuples(value) for name, value in cell.items()})
            for cell in data["cells"]
        )
        precision = Precision(**data["precision"]) if "precision" in data else None
        return Plan(
            experiment, points, data["trials"], data["seed"], data["dtype"], data["device"], precision
        )
    except BadInput:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadInput(f"this is not a plan that can be run here: {error!r}") from error


def grid(record: type, **axes: Any) -> tuple[Any, ...]:
    """All combinations of the listed values, one record each: `grid(InitFlip, width=[64, 128], dim=32)`.

    A list (or a range, or a numpy array) spans an axis of the grid, the first varies slowest; anything else
    is the same everywhere.
    """
    names = list(axes)
    values = [
        axis.tolist() if isinstance(axis, np.ndarray) else axis if isinstance(axis, (list, range)) else [axis]
        for axis in axes.values()
    ]
    return tuple(record(**dict(zip(names, point, strict=True))) for point in itertools.product(*values))


def _find(name: str, address: str) -> Experiment:
    """The `Experiment` of this name in the module where its trial lives."""
    place = address.partition(":")[0]
    try:
        module = importlib.import_module(place)
    except Exception as error:
        # Whatever a user's module raises while it is imported: it cannot be used.
        raise BadInput(
            f"experiment {name!r} lives in the module {place!r}, which cannot be imported here: "
            f"{type(error).__name__}: {error}"
        ) from error
    for value in vars(module).values():
        if isinstance(value, Experiment) and value.name == name and value.address == address:
            return value
    where = "the script that began it" if place == "__main__" else f"the module {place!r} at top level"
    raise BadInput(f"experiment {name!r} is found only in {where}: continue the run from there")


def _check_parameter(name: str, value: Any) -> None:
    """Refuse what would not come back from a manifest as the same parameter."""
    if isinstance(value, tuple):
        for entry in value:
            _check_parameter(name, entry)
    elif not (value is None or isinstance(value, (bool, int, float, str))):
        raise BadInput(
            f"parameter {name} must be a number, a string, a boolean or a tuple of these, got "
            f"{value!r} ({type(value).__module__}.{type(value).__qualname__})"
        )
    elif value != value:
        raise BadInput(f"parameter {name} is not a number (NaN)")


def _tuples(value: Any) -> Any:
    """Lists, which is what JSON makes of tuples, as tuples."""
    return tuple(_tuples(entry) for entry in value) if isinstance(value, list) else value


def _power_of_two(number: int) -> int:
    return 1 << (number.bit_length() - 1)


def _plain(value: Any) -> Any:
    """Tuples as lists, as JSON would give them back."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value

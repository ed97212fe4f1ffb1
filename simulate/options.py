"""The options that commands share, with their help texts."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Engine(StrEnum):
    """How a trial is sampled."""

    auto = "auto"
    conditional = "conditional"
    event = "event"
    lazy = "lazy"
    dense = "dense"


class Device(StrEnum):
    """Where trials are computed."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Dtype(StrEnum):
    """The number format of the simulation."""

    float32 = "float32"
    float64 = "float64"


class Scaling(StrEnum):
    """The gain of a layer."""

    mean_field = "mean-field"
    he = "he"


class Direction(StrEnum):
    """Where the step goes."""

    gradient = "gradient"
    sign = "sign"
    random = "random"


Width = Annotated[list[int], typer.Option("--width", help="Neurons k (repeat for a grid).")]
Dim = Annotated[list[int], typer.Option("--dim", help="Input dimension d (repeat for a grid).")]
Act = Annotated[
    list[str],
    typer.Option("--activation", help="relu, tanh, sin, …, or file.py:function (repeat for a grid)."),
]
Trials = Annotated[int, typer.Option(help="Independent networks in each cell.")]
MostTrials = Annotated[
    int | None,
    typer.Option(
        help="Networks in each cell [default: 10000; with --precision, at most 10000000].", show_default=False
    ),
]
Seed = Annotated[int, typer.Option(help="Any non-negative integer.")]
Confidence = Annotated[float, typer.Option(help="Confidence of every interval.")]
Simultaneous = Annotated[bool, typer.Option(help="Let all intervals of a cell hold at once.")]
EngineOption = Annotated[
    Engine,
    typer.Option(
        help="conditional and lazy never form the weight matrix; dense does. event (relu, leaky_relu, abs) draws only "
        "the neurons that the longest step can turn."
    ),
]
Depth = Annotated[list[int], typer.Option("--depth", help="Layers of weights L, read-out included (repeat).")]
ScalingOption = Annotated[
    Scaling, typer.Option(help="Variance of the weights: mean-field 1/fan-in, he 2/fan-in in every layer.")
]
DeviceOption = Annotated[Device, typer.Option(help="Where to compute; an explicit choice never falls back.")]
DtypeOption = Annotated[
    Dtype, typer.Option(help="Number format; verdicts are settled in float64 either way.")
]
Out = Annotated[
    Path | None,
    typer.Option(help="Run directory, continued if it holds this plan [default: runs/NAME-PLAN]."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Figure = Annotated[Path | None, typer.Option(help="Draw the result: a .pdf, .png or .svg file.")]

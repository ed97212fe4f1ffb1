"""What the experiments on random networks have in common: their parameters, checks and reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulate import activations, events, fused, laws
from simulate.activations import Activation
from simulate.arguments import whole
from simulate.deep import SCALINGS, DeepResponse, respond, sample
from simulate.engine import CellResult
from simulate.errors import BadInput
from simulate.onestep import ENGINES, Buffer, Draws
from simulate.statistics import Moments, mean_interval, variance_interval
from simulate.streams import Stream, Workspace

_NUMBERS_AT_ONCE = 1 << 18
"""Numbers that are drawn again in one go: a few megabytes."""

KEPT_ON_DEVICE = 64
"""About how many numbers of a trial a compiled kernel leaves in memory."""

ENGINE_NAMES = ("auto", *ENGINES, "event", "lazy")


@dataclass(frozen=True)
class RandomNetwork:
    """The random network f(x) = g k^{−1/2} Σ a_j σ(u_j), a_j = ±1, ‖x‖ = √d, all hidden layers of width k.

    At depth 2, u = g W x with w_j ~ N(0, I/d); deeper networks are those of `simulate.deep`.

    Attributes:
        width: k ≥ 1.
        dim: d ≥ 2.
        activation: a name, or the address of a function, see `simulate.activations.get`. A function or an
            `Activation` is registered under its own name, by which this process finds it again.
        engine: "conditional" (exact in law, never forms W, depth 2), "event" (draws only the neurons that the
            longest step can turn, positively homogeneous σ, depth 2, see `simulate.events`), "lazy" (draws of each W
            what is asked for, any depth), "dense" (draws W), or "auto": conditional at depth 2, else lazy.
        depth: layers of weights L ≥ 2, the read-out included.
        scaling: "mean-field" (g = 1) or "he" (g = √2, variance 2/fan-in in every layer).

    """

    width: int = 4096
    dim: int = 1024
    activation: str = "relu"
    engine: str = "auto"
    depth: int = 2
    scaling: str = "mean-field"

    def __post_init__(self) -> None:
        self._set("width", whole(self.width, "width", 1))
        self._set("dim", whole(self.dim, "dim", 2, " (on a line there is no direction to turn)"))
        self._set("depth", whole(self.depth, "depth", 2, " (a hidden layer and the read-out)"))
        if self.scaling not in SCALINGS:
            raise BadInput(f"scaling is one of {', '.join(SCALINGS)}, got {self.scaling!r}")
        if self.engine not in ENGINE_NAMES:
            raise BadInput(f"engine is one of {', '.join(ENGINE_NAMES)}, got {self.engine!r}")
        if self.engine == "auto":
            self._set("engine", "conditional" if self.depth == 2 else "lazy")
        if self.engine in ("conditional", "event") and self.depth > 2:
            raise BadInput(
                f"the {self.engine} engine knows depth 2 only, got {self.depth}: use --engine lazy"
            )
        activation = activations.get(self.activation)
        if not isinstance(self.activation, str):
            activations.register(activation)
        # The canonical name: it is what enters the random numbers, the manifest and the tables.
        self._set("activation", activation.name)
        if self.engine == "event":
            events.slopes(activation)

    def _set(self, name: str, value: Any) -> None:
        """Give a field its canonical value, while the record is being made."""
        object.__setattr__(self, name, value)

    @property
    def gain(self) -> float:
        """The factor g in every layer."""
        return SCALINGS[self.scaling]

    @property
    def sigma(self) -> Activation:
        """The activation z ↦ g σ(g z), by which a network of depth 2 is one of gain 1."""
        return laws.scaled(self.activation, self.gain, self.gain)

    @property
    def through_layers(self) -> bool:
        """Whether trials go through `simulate.deep` instead of the one-step law of two-layer networks."""
        return self.depth > 2 or self.engine == "lazy"

    def compiled_on(
        self, device: str, directions: Sequence[str] = (), dtype: torch.dtype = torch.float32
    ) -> bool:
        """Whether trials run in the kernels of `simulate.fused` on this kind of device, and not in the torch form.

        On the CPU the kernel takes what it knows of the directions; a GPU's takes all or none.
        """
        if self.one_step_engine != "conditional" or not fused.knows(self.sigma):
            return False
        return device == "cpu" or (device == "cuda" and fused.device.knows(self.sigma, dtype, directions))

    @property
    def region(self) -> events.Region | None:
        """The neurons that the event engine draws; None with other engines, and where it draws every neuron."""
        return events.region_of(self.sigma, self.width, self.dim) if self.engine == "event" else None

    @property
    def one_step_engine(self) -> str:
        """The engine of `simulate.onestep` behind trials in which every neuron is drawn."""
        return "conditional" if self.engine == "event" else self.engine

    @property
    def moments_are_exact(self) -> bool:
        """Whether E f² and E‖∇f‖² of the infinite width hold at every width.

        At depth 2 they do. Deeper, they do for positively homogeneous σ: given what comes before, a row w and −w
        are equally likely, so that σ′(w·h)² is independent of (wᵀJ)².
        """
        return self.depth == 2 or activations.get(self.activation).homogeneous_degree == 1

    @property
    def numbers_per_trial(self) -> int:
        """About how many random numbers one trial draws: it fixes the shapes of batches and blocks."""
        hidden = self.depth - 2
        if self.engine == "dense":
            return self.width * (self.dim + hidden * self.width) + self.dim
        if self.engine == "lazy":
            return 4 * (self.width + self.dim) + 16 * hidden * self.width
        region = self.region
        # A neuron of the region takes four words where one of the conditional engine takes two.
        return 2 * self.width if region is None else 64 + math.ceil(4 * self.width * region.proposed)


def deep_response(parameters: RandomNetwork, directions: Sequence[str], stream: Stream) -> DeepResponse:
    """What networks held layer by layer show, computed in float64 whatever type their numbers are drawn in.

    A lazy matrix orthogonalises its queries, and signs are read off sums over layers: float64 settles both.
    """
    exact = stream.in_float64()
    network = sample(
        exact,
        (parameters.width,) * (parameters.depth - 1),
        parameters.dim,
        activations.get(parameters.activation),
        gain=parameters.gain,
        lazy=parameters.engine == "lazy",
    )
    return respond(network, directions, exact)


def in_float64(draws: Draws, rows: Tensor) -> tuple[Draws, Buffer]:
    """Some rows of the draws in float64, with working memory: what it takes to compute those trials again."""
    workspace = Workspace()
    exact = {name: double(value[rows]) for name, value in draws.items()}
    device = next(iter(exact.values())).device

    def buffer(name: str, *shape: int) -> Tensor:
        return workspace.buffer(name, (len(rows), *shape), torch.float64, device)

    return exact, buffer


def drawn_again(
    parameters: RandomNetwork, directions: Sequence[str], stream: Stream, rows: Tensor
) -> tuple[Draws, Buffer]:
    """The draws of some trials of a stream once more, on the CPU and in float64, as `in_float64` gives them.

    Rows that lie close together are drawn in one go, with those between them.
    """
    draw, _ = ENGINES[parameters.one_step_engine]
    at_once = max(1, _NUMBERS_AT_ONCE // parameters.numbers_per_trial)
    wanted = rows.cpu()
    pieces: list[Draws] = []
    while len(wanted):
        start = int(wanted[0])
        near = wanted < start + at_once
        inside = wanted[near] - start
        if 8 * len(inside) < int(inside[-1]) + 1:  # far apart: one alone
            near[1:], inside = False, inside[:1]
        count = int(inside[-1]) + 1
        again = Stream(stream.key, stream.first + start, count, dtype=torch.float64, drawn=stream.drawn)
        found = draw(parameters.width, parameters.dim, directions, again)
        pieces.append({name: value[inside] for name, value in found.items()})
        wanted = wanted[~near]
    draws = {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}
    return in_float64(draws, torch.arange(len(rows)))


def double(values: Tensor) -> Tensor:
    """The values in float64; on the CPU if they come from one of Apple's GPUs, which have no float64."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def device_named(name: str) -> str:
    """The device "cpu", "cuda" or "mps" behind a request; "auto" takes the best one there is.

    Raises:
        BadInput: that device is not here. An explicit request never falls back.

    """
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if present[device])
    if name not in present:
        raise BadInput(f"device is one of auto, {', '.join(present)}, got {name!r}")
    if not present[name]:
        raise BadInput(f"--device {name}: torch {torch.__version__} finds no such device here; use cpu")
    return name


def moments_json(moments: Moments, confidence: float) -> dict[str, Any]:
    """Mean and standard deviation of a column with their intervals (asymptotic in the number of trials)."""
    count, mean = moments.count, float(moments.mean)
    low, high = mean_interval(count, mean, float(moments.variance), confidence)
    spread = variance_interval(
        count, float(moments.variance), float(moments.fourth_central_moment), confidence
    )
    # Averages leave out what is not finite; that it happened must be seen.
    lost = int(moments.nonfinite)
    return {
        **({"nonfinite": lost} if lost else {}),
        "mean": mean,
        "low": float(low),
        "high": float(high),
        "std": float(moments.std),
        "std_low": float(spread[0]) ** 0.5,
        "std_high": float(spread[1]) ** 0.5,
    }


def gradient_norm_json(cell: CellResult, confidence: float) -> dict[str, Any]:
    """The measured law of ‖∇f‖ beside its exact second moment, from the columns both experiments have."""
    parameters = cell.parameters
    exact = None
    if parameters.depth == 2:
        exact = laws.gradient_second_moment(parameters.sigma, parameters.dim)
    elif parameters.moments_are_exact:
        exact = _width_limit(parameters).gradient_square
    squared = moments_json(cell.summary.moments["gradient_norm_squared"], confidence)
    return {
        **moments_json(cell.summary.moments["gradient_norm"], confidence),
        "limit": math.sqrt(_width_limit(parameters).gradient_square),
        "second_moment": squared["mean"],
        "second_moment_low": squared["low"],
        "second_moment_high": squared["high"],
        "exact_second_moment": exact,
        # By symmetry the same for every input p.
        "input_derivative_second_moment": {
            "mean": squared["mean"] / parameters.dim,
            "low": squared["low"] / parameters.dim,
            "high": squared["high"] / parameters.dim,
            "exact": None if exact is None else exact / parameters.dim,
        },
    }


def network_json(cell: CellResult) -> dict[str, Any]:
    """The parameters that every entry of `results` begins with."""
    parameters = cell.parameters
    return {
        "width": parameters.width,
        "dim": parameters.dim,
        "activation": parameters.activation,
        "depth": parameters.depth,
        "scaling": parameters.scaling,
        "trials": cell.summary.trials,
        "engine": parameters.engine,
        **_event_json(parameters),
    }


def _event_json(parameters: RandomNetwork) -> dict[str, Any]:
    """What the event engine draws of a network, on average, and how far the law of a trial is from the true one."""
    if parameters.engine != "event":
        return {}
    region = parameters.region
    if region is None:
        return {"event": {"neurons_drawn": 1.0, "law_error": 0.0}}
    return {"event": {"neurons_drawn": region.far.inside, "law_error": region.error}}


def exact_output_std(parameters: RandomNetwork) -> float | None:
    """√E f(x)² where it is known at every width, else None."""
    if not parameters.moments_are_exact:
        return None
    return math.sqrt(_width_limit(parameters).output_variance)


def _width_limit(parameters: RandomNetwork) -> laws.WidthLimit:
    return laws.width_limit(parameters.activation, parameters.depth, parameters.gain)

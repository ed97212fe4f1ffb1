"""What the experiments on the random two-layer network have in common: their parameters and checks."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulate import activations, laws
from simulate.engine import CellResult
from simulate.errors import BadInput
from simulate.onestep import ENGINES, Buffer, Draws
from simulate.statistics import Moments, mean_interval, variance_interval
from simulate.streams import Workspace

ENGINE_NAMES = ("auto", *ENGINES)


@dataclass(frozen=True)
class TwoLayer:
    """The random network f(x) = k^{−1/2} Σ a_j σ(w_j·x), a_j = ±1, w_j ~ N(0, I/d), ‖x‖ = √d.

    Attributes:
        width: k ≥ 1.
        dim: d ≥ 2.
        activation: a name, or the address of a function, see `simulate.activations.get`. A function or an
            `Activation` is registered under its own name, by which this process finds it again.
        engine: "conditional" (exact in law, never forms W), "dense" (draws W), or "auto" (conditional).

    """

    width: int = 4096
    dim: int = 1024
    activation: str = "relu"
    engine: str = "auto"

    def __post_init__(self) -> None:
        self._set("width", _whole(self.width, "width", 1))
        self._set("dim", _whole(self.dim, "dim", 2, " (on a line there is no direction to turn)"))
        if self.engine not in ENGINE_NAMES:
            raise BadInput(f"engine is one of {', '.join(ENGINE_NAMES)}, got {self.engine!r}")
        if self.engine == "auto":
            self._set("engine", "conditional")
        activation = activations.get(self.activation)
        if not isinstance(self.activation, str):
            activations.register(activation)
        # The canonical name: it is what enters the random numbers, the manifest and the tables.
        self._set("activation", activation.name)

    def _set(self, name: str, value: Any) -> None:
        """Give a field its canonical value, while the record is being made."""
        object.__setattr__(self, name, value)

    @property
    def numbers_per_trial(self) -> int:
        """About how many random numbers one trial draws: it fixes the shapes of batches and blocks."""
        if self.engine == "dense":
            return self.width * self.dim + self.dim
        return 2 * self.width


def _whole(value: Any, name: str, least: int, why: str = "") -> int:
    """The value as a plain int, for it is written to files and hashed."""
    try:
        number = operator.index(value)
    except TypeError:
        raise BadInput(f"{name} must be a whole number, got {value!r}") from None
    if number < least:
        raise BadInput(f"{name} must be at least {least}{why}, got {number}")
    return number


def in_float64(draws: Draws, rows: Tensor) -> tuple[Draws, Buffer]:
    """Some rows of the draws in float64, with working memory: what it takes to compute those trials again."""
    workspace = Workspace()
    exact = {name: double(value[rows]) for name, value in draws.items()}
    device = next(iter(exact.values())).device

    def buffer(name: str, *shape: int) -> Tensor:
        return workspace.buffer(name, (len(rows), *shape), torch.float64, device)

    return exact, buffer


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
    return {
        "mean": mean,
        "low": float(low),
        "high": float(high),
        "std": float(moments.std),
        "std_low": float(spread[0]) ** 0.5,
        "std_high": float(spread[1]) ** 0.5,
    }


def gradient_norm_json(cell: CellResult, confidence: float) -> dict[str, Any]:
    """The measured law of ‖∇f‖ beside its exact second moment, from the columns both experiments have."""
    activation = activations.get(cell.parameters.activation)
    squared = moments_json(cell.summary.moments["gradient_norm_squared"], confidence)
    return {
        **moments_json(cell.summary.moments["gradient_norm"], confidence),
        "limit": laws.gradient_norm_limit(activation),
        "second_moment": squared["mean"],
        "second_moment_low": squared["low"],
        "second_moment_high": squared["high"],
        "exact_second_moment": laws.gradient_second_moment(activation, cell.parameters.dim),
    }

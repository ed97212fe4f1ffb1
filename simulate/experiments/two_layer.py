"""What the experiments on the random two-layer network have in common: their parameters and checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from simulate import activations, laws
from simulate.engine import CellResult
from simulate.errors import BadInput
from simulate.onestep import ENGINES
from simulate.statistics import Moments, mean_interval, variance_interval

ENGINE_NAMES = ("auto", *ENGINES)


@dataclass(frozen=True)
class TwoLayer:
    """The random network f(x) = k^{−1/2} Σ a_j σ(w_j·x), a_j = ±1, w_j ~ N(0, I/d), ‖x‖ = √d.

    Attributes:
        width: k ≥ 1.
        dim: d ≥ 2.
        activation: a name, or the address of a function, see `simulate.activations.get`.
        engine: "conditional" (exact in law, never forms W), "dense" (draws W), or "auto" (conditional).

    """

    width: int = 4096
    dim: int = 1024
    activation: str = "relu"
    engine: str = "auto"

    def __post_init__(self) -> None:
        if self.width < 1:
            raise BadInput(f"width must be at least 1, got {self.width}")
        if self.dim < 2:
            raise BadInput(f"dim must be at least 2 (on a line there is no direction to turn), got {self.dim}")
        if self.engine not in ENGINE_NAMES:
            raise BadInput(f"engine is one of {', '.join(ENGINE_NAMES)}, got {self.engine!r}")
        if self.engine == "auto":
            object.__setattr__(self, "engine", "conditional")
        # The canonical name: it is what enters the random numbers, the manifest and the tables.
        object.__setattr__(self, "activation", activations.get(self.activation).name)

    @property
    def numbers_per_trial(self) -> int:
        """About how many random numbers one trial draws: it fixes the shapes of batches and blocks."""
        if self.engine == "dense":
            return self.width * self.dim + self.dim
        return 2 * self.width


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
        raise BadInput(f"--device {name}: this torch ({torch.__version__}) finds no such device here; use cpu")
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

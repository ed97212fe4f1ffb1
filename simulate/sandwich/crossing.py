"""A certificate above an attack is a bug or a false theorem: it stops the run, and the instance is saved."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from simulate.errors import BadInput, RunFailed
from simulate.feedforward import FeedForward
from simulate.sandwich.instances import Instances

TOLERANCE = 1e-6
"""Bounds may cross by this, absolutely and relatively: the feasibility tolerance of the solvers."""


class Crossing(RunFailed):
    """A lower bound above an upper one.

    Attributes:
        path: where the instance was saved.

    """

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


def crosses(lower: float, upper: float) -> bool:
    """Whether a lower bound lies above an upper one by more than the tolerance."""
    return math.isfinite(upper) and lower > upper + TOLERANCE * max(1.0, upper)


def check(
    instances: Instances, row: int, norm: str, lower: dict[str, float], upper: dict[str, float], folder: Path
) -> None:
    """Compare every lower with every upper bound of one row.

    Args:
        instances: networks and inputs.
        row: which of them.
        norm: of the bounds.
        lower: lower bounds by the names of their methods.
        upper: upper bounds likewise.
        folder: where a crossing is saved.

    Raises:
        Crossing: two of them cross; the file with the instance is named.

    """
    for below, least in lower.items():
        for above, most in upper.items():
            if crosses(least, most) or math.isnan(least) or math.isnan(most):
                path = save(instances, row, norm, (below, least), (above, most), folder)
                raise Crossing(
                    f"the lower bound {below} = {least:.9g} lies above the upper bound {above} = {most:.9g} "
                    f"(norm {norm}): a bug or a false theorem; the instance is in {path}",
                    path,
                )


def save(
    instances: Instances,
    row: int,
    norm: str,
    lower: tuple[str, float],
    upper: tuple[str, float],
    folder: Path,
) -> Path:
    """Write one instance with its two values, under a name that is still free.

    Raises:
        BadInput: the folder cannot be written.

    """
    one = instances.network.row(row)
    arrays: dict[str, object] = {
        "x": instances.x[row].numpy(),
        "y": int(instances.y[row]),
        "activation": one.activation,
        "norm": norm,
        "lower_method": lower[0],
        "lower": lower[1],
        "upper_method": upper[0],
        "upper": upper[1],
    }
    for index, (weight, bias) in enumerate(zip(one.weights, one.biases, strict=True), 1):
        arrays[f"W{index}"], arrays[f"b{index}"] = weight.numpy(), bias.numpy()
    for number in range(1_000_000):
        path = folder / f"radius-crossing-{number}.npz"
        try:
            with open(path, "xb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
        except FileExistsError:
            continue
        except OSError as error:
            raise BadInput(f"cannot write {path}: {error.strerror or error}") from error
        return path
    raise RunFailed(f"no free name for the instance in {folder}")


def load(path: Path) -> tuple[Instances, dict[str, object]]:
    """The instance of a saved crossing, and what was found: norm, lower, lower_method, upper, upper_method.

    Raises:
        BadInput: no such file, or another one.

    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            layers = sum(name.startswith("W") for name in archive.files)
            weights = tuple(torch.from_numpy(archive[f"W{i + 1}"]) for i in range(layers))
            biases = tuple(torch.from_numpy(archive[f"b{i + 1}"]) for i in range(layers))
            network = FeedForward(weights, biases, str(archive["activation"]))
            x, y = torch.from_numpy(archive["x"])[None], torch.tensor([int(archive["y"])])
            keys = ("norm", "lower_method", "lower", "upper_method", "upper")
            found: dict[str, object] = {key: archive[key].item() for key in keys}
    except (OSError, KeyError, ValueError) as error:
        raise BadInput(f"cannot read an instance from {path}: {error}") from error
    return Instances(network, x, y), found

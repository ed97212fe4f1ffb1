"""Lower bounds, exact distance and upper bounds of networks of one or several kinds and sizes, as JSON data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulate.arguments import whole
from simulate.attacks.norms import Norm, check_norm
from simulate.errors import BadInput
from simulate.exact import Distance, exact_distance
from simulate.progress import LineProgress, TerminalProgress
from simulate.sandwich import instances as networks
from simulate.sandwich.bounds import Slice, best_of, lower_bounds, upper_bounds
from simulate.sandwich.crossing import TOLERANCE, check
from simulate.sandwich.instances import Instances

Floats = NDArray[np.float64]
Progress = TerminalProgress | LineProgress
DEFAULT_DIM = 20


def document(
    width: Sequence[int] = (40,),
    dim: Sequence[int] | None = None,
    *,
    norm: str = "2",
    network: Sequence[str] = ("random",),
    activation: str = "relu",
    points: int | None = None,
    data: str | None = None,
    trials: int = 10,
    seconds: float = 20.0,
    seed: int = 0,
    folder: Path | str = ".",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What `simulate radius --json` prints.

    Args:
        width: k, one or several.
        dim: d, one or several, 20 by default; data has its own.
        norm: "inf", "2" or "1".
        network: kinds, see `simulate.sandwich.instances.draw`.
        activation: of random networks.
        points: to which trained networks are fitted; as many as neurons by default.
        data: a labelled data set instead, see `simulate.datasets.load`.
        trials: networks of each kind and size, each with one input.
        seconds: time limit of each exact programme.
        seed: of the networks.
        folder: where an instance is saved whose bounds cross.
        progress: told about every network.

    Raises:
        BadInput: the request makes no sense; the line says what to change.
        Crossing: a lower bound lies above an upper one.

    """
    norm = check_norm(norm)
    whole(trials, "trials", 1)
    if not 0 < seconds < math.inf:
        raise BadInput(f"seconds must be positive and finite, got {seconds}")
    for name, values in (("width", width), ("network", network), ("dim", dim)):
        if values is not None and not len(values):
            raise BadInput(f"at least one {name} is needed")
    if data is not None and (dim is not None or points is not None):
        raise BadInput(
            "a data set says itself how many points and dimensions it has: leave --points and --dim out"
        )
    if data is not None and tuple(network) != ("trained",):
        raise BadInput("--data is for trained networks: add --network trained")
    dims: Sequence[int | None] = (None,) if data is not None else dim if dim is not None else (DEFAULT_DIM,)
    cells = [
        (kind, k, d)
        for kind in dict.fromkeys(network)
        for k in dict.fromkeys(width)
        for d in dict.fromkeys(dims)
    ]
    drawn = [_drawn(*cell, trials, activation, points, data, seed, check_only=True) for cell in cells]
    del drawn
    results = []
    if progress is not None:
        progress.start(trials * len(cells), 0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small tensors lose more to a second thread than they gain
    try:
        for kind, k, d in cells:
            one = _drawn(kind, k, d, trials, activation, points, data, seed)
            assert one is not None
            results.append(_cell(kind, k, one, norm, seconds, Path(folder), progress))
    finally:
        torch.set_num_threads(threads)
        if progress is not None:
            progress.stop()
    return {
        "experiment": "radius",
        "norm": norm,
        "trials": trials,
        "seed": seed,
        "seconds": seconds,
        "data": data,
        "tolerance": TOLERANCE,
        "results": results,
    }


def _drawn(
    kind: str,
    width: int,
    dim: int | None,
    trials: int,
    activation: str,
    points: int | None,
    data: str | None,
    seed: int,
    check_only: bool = False,
) -> Instances | None:
    """The networks of a cell. With `check_only` nothing is trained: what can be wrong with a request shows at once."""
    if data is not None:
        return None if check_only and width >= 1 else networks.from_data(data, width, trials, seed=seed)
    assert dim is not None
    if check_only and kind == "trained":
        networks.draw("robust", 2 if points is None else points, dim, 1, seed=seed)
        networks.draw(
            "robust", max(width, 2) if width >= 1 else width, dim, 1, activation=activation, seed=seed
        )
        return None
    return networks.draw(
        kind, width, dim, 1 if check_only else trials, activation=activation, points=points, seed=seed
    )


def _cell(
    kind: str, width: int, one: Instances, norm: Norm, seconds: float, folder: Path, progress: Progress | None
) -> dict[str, Any]:
    upper = upper_bounds(one, norm)
    best, delta = best_of(upper, norm)
    lower = lower_bounds(one, norm, best)
    exact: list[Distance] = []
    for row in range(len(one.x)):
        below, above = _at(lower, row), _at(upper, row)
        check(one, row, norm, below, above, folder)
        alone = one.network.row(row), one.x[row : row + 1], one.y[row : row + 1]
        (found,) = exact_distance(*alone, norm=norm, start=delta[row : row + 1], seconds=seconds)
        check(one, row, norm, below, {"exact": found.upper}, folder)
        check(one, row, norm, {"exact": found.lower}, above, folder)
        exact.append(found)
        if progress is not None:
            progress.advance(1)
    # Where the programme did not finish, the best certificate may be above what it proved.
    proved = torch.stack([slice_.radius for slice_ in lower.values()]).amax(0).tolist()
    reached = best.tolist()
    low = np.array([max(e.lower, min(p, e.upper)) for e, p in zip(exact, proved, strict=True)])
    high = np.array([min(e.upper, r) for e, r in zip(exact, reached, strict=True)])
    low = np.minimum(low, high)
    return {
        "network": kind,
        "width": width,
        "dim": one.network.dim,
        "activation": one.network.activation,
        "classes": max(2, one.network.outputs),
        "lower": {name: _method(slice_, low, high) for name, slice_ in lower.items()},
        "exact": {
            "lower": _spread(low),
            "upper": _spread(high),
            "seconds": _spread([e.seconds for e in exact]),
            "finished": sum(e.exact for e in exact),
            "solver": exact[0].solver,
            "gap": _spread([e.gap for e in exact]),
        },
        "upper": {name: _method(slice_, low, high) for name, slice_ in upper.items()},
    }


def _at(slices: dict[str, Slice], row: int) -> dict[str, float]:
    return {name: float(one.radius[row]) for name, one in slices.items()}


def _method(one: Slice, low: Floats, high: Floats) -> dict[str, Any]:
    """A method's radii, and their ratios to the exact distance where that is one number."""
    radius = one.radius.numpy()
    known = np.isfinite(radius) & (high > 0) & np.isfinite(high) & (high - low <= 1e-5 * high)
    return {
        "radius": _spread(radius),
        "over_exact": _spread(radius[known] / high[known]),
        "without": int(np.isinf(radius).sum()),
        "seconds": one.seconds,
    }


def _spread(values: Any) -> dict[str, Any]:
    """Least, middle (the lower of two) and largest, and all values in the order of the trials; null for infinite."""
    every = np.asarray(values, dtype=np.float64)
    ordered = np.sort(every)
    if not len(ordered):
        return {"min": None, "median": None, "max": None, "values": []}
    ends = {"min": ordered[0], "median": ordered[(len(ordered) - 1) // 2], "max": ordered[-1]}
    return {
        **{key: _number(value) for key, value in ends.items()},
        "values": [_number(value) for value in every],
    }


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None

"""Points on the sphere of radius √d with labels ±1: random, clustered, adversarial, or from a file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulate.arguments import whole
from simulate.data import sphere
from simulate.errors import BadInput
from simulate.streams import Stream, stable_key

Floats = NDArray[np.float64]

KINDS = ("random", "clustered", "adversarial")
ON_SPHERE = 1e-6
"""Relative error of the radius that a file may have: its points are then put on the sphere exactly."""
_SAME = 1e-6
"""Two points whose inner product is nearer to ±d than this, relatively, are the same or opposite: the weights grow
like 1/(1 − c), and with them the rounding of everything that is measured."""
_MOST_CELLS = 50_000_000


@dataclass(frozen=True)
class DataSet:
    """A data set that the theorem speaks about.

    Attributes:
        points: shape (m, d), on the sphere of radius √d.
        labels: ±1, shape (m,).
        source: "random", "clustered", "adversarial", or the name of a file.

    """

    points: Floats
    labels: Floats
    source: str = ""

    def __post_init__(self) -> None:
        _check(self.points, self.labels, self.source or "the data")

    @property
    def dim(self) -> int:
        """Dimension d."""
        return int(self.points.shape[1])


def draw(
    kind: str,
    points: int,
    dim: int,
    *,
    clusters: int = 3,
    correlation: float = 0.5,
    seed: int = 0,
    trial: int = 0,
) -> DataSet:
    """A data set of one of three kinds.

    * random: uniform on the sphere, fair labels.
    * clustered: x_i is the point of the sphere in the direction √ρ·z + √(1 − ρ)·g, z the uniform unit centre of its
      cluster and g uniform on the unit sphere: two points of a cluster have ⟨x_i, x_j⟩/d ≈ ρ. The clusters take
      turns; labels are fair, whatever the cluster: the hardest case.
    * adversarial: all inner products are ρ·d, and one point stands against all others, which have the other label.
      The least distance to a strict flip that the theorem's network can have is reached on such data.

    Args:
        kind: "random", "clustered" or "adversarial".
        points: m >= 2.
        dim: d >= 2; at least m for "adversarial".
        clusters: how many, for "clustered".
        correlation: ρ, for "clustered" and "adversarial", strictly between 0 and 1.
        seed: non-negative.
        trial: number of the data set among those of a seed.

    """
    if kind not in KINDS:
        raise BadInput(f"the data are {', '.join(KINDS)} or a file, got {kind!r}")
    m, d = whole(points, "points", 2), whole(dim, "dim", 2)
    if m * d > _MOST_CELLS:
        raise BadInput(f"{m} points in {d} dimensions are too many: points times dim at most {_MOST_CELLS:,}")
    if not 0 < correlation < 1:
        raise BadInput(f"the correlation must lie strictly between 0 and 1, got {correlation:g}")
    if kind == "adversarial":
        return DataSet(_equicorrelated(m, d, correlation), np.where(np.arange(m) == 0, 1.0, -1.0), kind)
    key = stable_key(seed, {"experiment": "robust-net", "data": kind, "points": m, "dim": d})
    stream = Stream(key, trial * m, m, dtype=torch.float64)
    directions = sphere(stream, d, radius=1.0).numpy().copy()
    labels = stream.signs("label").numpy().reshape(m).copy()
    if kind == "clustered":
        count = whole(clusters, "clusters", 1)
        centres = sphere(Stream(key, trial * count, count, dtype=torch.float64), d, "centre", 1.0).numpy()
        directions = (
            math.sqrt(correlation) * centres[np.arange(m) % count] + math.sqrt(1 - correlation) * directions
        )
    return DataSet(_on_sphere(directions), labels, kind)


def _equicorrelated(m: int, d: int, correlation: float) -> Floats:
    if d < m:
        raise BadInput(f"adversarial data need as many dimensions as points: dim at least {m}, got {d}")
    gram = np.full((m, m), correlation) + (1 - correlation) * np.eye(m)
    points = np.zeros((m, d))
    points[:, :m] = np.linalg.cholesky(gram)
    return _on_sphere(points)


def _on_sphere(points: Floats) -> Floats:
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points * (math.sqrt(points.shape[1]) / lengths))


def load(path: Path | str, *, normalise: bool = False) -> DataSet:
    """Points and labels from a file.

    Args:
        path: an .npz file with the arrays `points` (m, d) and `labels` (m,); or any other name: CSV, a line a point,
            its d coordinates and then its label, with or without a line of names first.
        normalise: put every point on the sphere of radius √d, in its direction. Without it the points must lie
            there up to 1e-6.

    Raises:
        BadInput: no such file, or none of these; the line says what is wrong where.

    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"there is no file {path}; the data are {', '.join(KINDS)}, or a file")
    points, labels = _from_npz(path) if path.suffix == ".npz" else _from_csv(path)
    if points.ndim != 2 or labels.shape != points.shape[:1]:
        raise BadInput(
            f"{path}: points must have shape (m, d) and labels (m,), got {points.shape} and {labels.shape}"
        )
    _check_shape(points, str(path))
    if not np.isfinite(points).all():
        row = int(np.argmax(~np.isfinite(points).all(axis=1)))
        raise BadInput(f"{path}: point {row + 1} has a coordinate that is not a finite number")
    lengths, radius = np.linalg.norm(points, axis=1), math.sqrt(points.shape[1])
    if (lengths == 0).any():
        raise BadInput(f"{path}: point {int(np.argmax(lengths == 0)) + 1} is 0 and has no direction")
    off = np.abs(lengths / radius - 1)
    if not normalise and off.max() > ON_SPHERE:
        row = int(np.argmax(off))
        raise BadInput(
            f"{path}: point {row + 1} has norm {lengths[row]:.6g}, the sphere has radius √{points.shape[1]} = "
            f"{radius:.6g}: give --normalise to put the points on it"
        )
    return DataSet(_on_sphere(points), labels, str(path))


def _from_npz(path: Path) -> tuple[Floats, Floats]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [name for name in ("points", "labels") if name not in arrays]
            if missing:
                raise BadInput(f"{path}: there is no array {missing[0]!r}; it needs points and labels")
            return np.asarray(arrays["points"], np.float64), np.asarray(arrays["labels"], np.float64)
    except BadInput:
        raise
    except (OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is no .npz file of numbers: {error}") from error
    except Exception as error:  # zipfile has an exception of its own for truncated files
        raise BadInput(f"{path} cannot be read as .npz: {error}") from error


def _from_csv(path: Path) -> tuple[Floats, Floats]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as text: {error}") from error
    rows: list[list[float]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split(",")]
        try:
            row = [float(cell) for cell in cells]
        except ValueError:
            if number == 1:  # names of the columns
                continue
            wrong = next(cell for cell in cells if not _is_number(cell))
            raise BadInput(f"{path}, line {number}: {wrong!r} is no number") from None
        if rows and len(row) != len(rows[0]):
            raise BadInput(f"{path}, line {number}: {len(row)} columns, {len(rows[0])} before")
        rows.append(row)
    table: Any = np.array(rows, dtype=np.float64)
    if table.size == 0 or table.shape[1] < 3:
        raise BadInput(
            f"{path}: every line needs at least 2 coordinates and then the label, separated by commas"
        )
    return table[:, :-1], table[:, -1]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _check_shape(points: Floats, source: str) -> None:
    if points.shape[0] < 2:
        raise BadInput(f"{source}: the theorem compares points, at least 2 are needed, got {points.shape[0]}")
    if points.shape[1] < 2:
        raise BadInput(
            f"{source}: the sphere needs at least 2 dimensions (in 1 its only points are 1 and −1), "
            f"got {points.shape[1]}"
        )


def _check(points: Floats, labels: Floats, source: str) -> None:
    """Refuse what the theorem does not speak about."""
    if points.ndim != 2 or labels.shape != points.shape[:1]:
        raise BadInput(
            f"{source}: points must have shape (m, d) and labels (m,), got {points.shape} and {labels.shape}"
        )
    _check_shape(points, source)
    if not np.isfinite(points).all():
        raise BadInput(f"{source}: every coordinate must be a finite number")
    wrong = ~np.isin(labels, (-1.0, 1.0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadInput(f"{source}: labels are 1 or −1, point {row + 1} has {labels[row]:g}")
    dim = points.shape[1]
    if np.abs(np.linalg.norm(points, axis=1) / math.sqrt(dim) - 1).max() > 1e-9:
        raise BadInput(f"{source}: the points must lie on the sphere of radius √{dim}")
    inner = points @ points.T / dim
    np.fill_diagonal(inner, 0.0)
    i, j = np.unravel_index(np.argmax(np.abs(inner)), inner.shape)
    if abs(inner[i, j]) > 1 - _SAME:
        first, second = sorted((int(i) + 1, int(j) + 1))
        told = "the same" if inner[i, j] > 0 else "opposite"
        raise BadInput(
            f"{source}: points {first} and {second} are {told} (up to {1 - abs(inner[i, j]):.1g}): the theorem needs "
            f"c < 1, and float64 needs 1 − c >= {_SAME:g}"
        )

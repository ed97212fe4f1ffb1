"""Labelled data: the sets that come with scikit-learn, and files that a user has.

    digits, iris, wine     bundled with scikit-learn (an optional extra), features scaled to [0, 1]
    FILE.npz               arrays x (N, ...) and y (N,)
    FILE.csv               one row an input, the label in the last column; a header line is allowed
    IMAGES,LABELS          two files in MNIST's IDX format, plain or gzipped

Nothing is downloaded.
"""

from __future__ import annotations

import csv
import gzip
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulate.errors import BadInput

BUNDLED = ("digits", "iris", "wine")
_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass(frozen=True)
class Labelled:
    """Inputs with classes.

    Attributes:
        name: of the set, or of its file.
        x: inputs, (N, d), float64.
        y: classes 0 … C − 1, (N,).
        shape: of one input before it was flattened, such as (8, 8).
        box: smallest and largest feature value that inputs may have, if that is known: (0, 1) for bundled sets and
            images.

    """

    name: str
    x: Tensor
    y: Tensor
    shape: tuple[int, ...]
    box: tuple[float, float] | None

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.y.max()) + 1

    def split(self, share: float = 0.8, seed: int = 0) -> tuple[Labelled, Labelled]:
        """A fixed random division into a training and a test part.

        Raises:
            BadInput: a part would be empty.

        """
        count = round(len(self.x) * share)
        if not 0 < count < len(self.x):
            raise BadInput(f"a share of {share} leaves one part of {len(self.x)} inputs empty")
        order = torch.from_numpy(np.random.default_rng(seed).permutation(len(self.x)))
        first, second = order[:count], order[count:]
        return self._only(first), self._only(second)

    def _only(self, rows: Tensor) -> Labelled:
        return Labelled(self.name, self.x[rows], self.y[rows], self.shape, self.box)


def load(name: str) -> Labelled:
    """A bundled set by name, or a file.

    Raises:
        BadInput: no such set or file, a broken file, labels that are no whole numbers from 0 on.

    """
    if name in BUNDLED:
        return _bundled(name)
    if "," in name:
        images, _, labels = name.partition(",")
        x, y = _idx(Path(images)), _idx(Path(labels))
        scale = 255.0 if x.dtype.kind == "u" else 1.0
        return _checked(name, np.asarray(x, np.float64) / scale, y, (0.0, 1.0) if scale > 1 else None)
    path = Path(name)
    if path.suffix == ".npz":
        return _npz(path)
    if path.suffix == ".csv":
        return _csv(path)
    raise BadInput(
        f"data is one of {', '.join(BUNDLED)}, a .npz or .csv file, or IMAGES,LABELS in IDX, got {name!r}"
    )


def _bundled(name: str) -> Labelled:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise BadInput(
            f"the data set {name} comes with scikit-learn: pip install 'signflip[data]'"
        ) from error
    bunch = getattr(datasets, f"load_{name}")()
    x = np.asarray(bunch.data, dtype=np.float64)
    low, high = x.min(0), x.max(0)
    if name == "digits":
        low, high = np.zeros_like(low), np.full_like(high, 16.0)
    scaled = (x - low) / np.where(high > low, high - low, 1.0)
    shape = (8, 8) if name == "digits" else (x.shape[1],)
    return Labelled(
        name,
        torch.from_numpy(scaled),
        torch.from_numpy(np.asarray(bunch.target, np.int64)),
        shape,
        (0.0, 1.0),
    )


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise BadInput(f"{path} is cut short or broken") from error


def _idx(path: Path) -> NDArray[np.generic]:
    """MNIST's format: two zero bytes, a type, the number of axes, their sizes, the numbers (all big-endian)."""
    data = _read(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_TYPES:
        raise BadInput(f"{path} is not in IDX format")
    axes = data[3]
    if len(data) < 4 + 4 * axes:
        raise BadInput(f"{path} is cut short")
    shape = struct.unpack(f">{axes}I", data[4 : 4 + 4 * axes])
    dtype = np.dtype(_IDX_TYPES[data[2]])
    body = data[4 + 4 * axes :]
    if len(body) != int(np.prod(shape, dtype=np.int64)) * dtype.itemsize:
        raise BadInput(f"{path} says {shape}, but holds {len(body)} bytes of numbers")
    return np.frombuffer(body, dtype).reshape(shape)


def _npz(path: Path) -> Labelled:
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in ("x", "y") if key not in archive]
            if missing:
                raise BadInput(f"{path} has no array {missing[0]!r}: it needs x and y")
            return _checked(str(path), archive["x"], archive["y"], None)
    except BadInput:
        raise
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise BadInput(f"cannot read {path}: {error}") from error


def _csv(path: Path) -> Labelled:
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is no CSV file: {error}") from error
    if rows and not all(map(_is_number, rows[0])):
        rows = rows[1:]
    if not rows or len(rows[0]) < 2:
        raise BadInput(f"{path} holds no row with features and a label")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]) or not all(map(_is_number, row)):
            raise BadInput(f"{path}, data row {number}: {len(rows[0])} numbers are expected")
    table = np.array(rows, dtype=np.float64)
    return _checked(str(path), table[:, :-1], table[:, -1], None)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _checked(
    name: str, x: NDArray[np.generic], y: NDArray[np.generic], box: tuple[float, float] | None
) -> Labelled:
    if x.ndim < 2 or y.shape != (len(x),) or not len(x):
        raise BadInput(
            f"{name}: inputs of shape (N, ...) and labels of shape (N,) are needed, got {x.shape}, {y.shape}"
        )
    if any(not np.issubdtype(one.dtype, np.number) or np.iscomplexobj(one) for one in (x, y)):
        raise BadInput(f"{name}: inputs and labels are real numbers, got {x.dtype} and {y.dtype}")
    if 0 in x.shape:
        raise BadInput(f"{name}: the inputs have no features, shape {x.shape}")
    features = np.asarray(x, dtype=np.float64).reshape(len(x), -1)
    labels = np.asarray(y, dtype=np.float64)
    if not np.isfinite(features).all() or not np.isfinite(labels).all():
        raise BadInput(f"{name}: NaN or infinite numbers")
    if np.any(labels != np.round(labels)) or labels.min() < 0:
        raise BadInput(f"{name}: labels are whole numbers from 0 on")
    return Labelled(
        name,
        torch.from_numpy(np.ascontiguousarray(features)),
        torch.from_numpy(labels.astype(np.int64)),
        tuple(x.shape[1:]),
        box,
    )

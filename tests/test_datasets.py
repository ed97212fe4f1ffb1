"""Labelled data: bundled sets, files, and what is wrong with a broken one."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from simulate.datasets import BUNDLED, load
from simulate.errors import BadInput


def idx(numbers: np.ndarray, code: int = 0x08) -> bytes:
    """MNIST's format."""
    return (
        bytes([0, 0, code, numbers.ndim])
        + struct.pack(f">{numbers.ndim}I", *numbers.shape)
        + numbers.tobytes()
    )


@pytest.mark.parametrize(
    ("name", "rows", "dim", "classes"), [("digits", 1797, 64, 10), ("iris", 150, 4, 3), ("wine", 178, 13, 3)]
)
def test_bundled_sets_are_complete_and_scaled(name: str, rows: int, dim: int, classes: int) -> None:
    """Rows, features and classes are those known, and the features fill their box [0, 1]."""
    data = load(name)
    assert data.x.shape == (rows, dim)
    assert (data.x.dtype, data.y.dtype) == (torch.float64, torch.int64)
    assert data.classes == classes
    assert data.box == (0.0, 1.0)
    assert float(data.x.min()) == 0
    assert float(data.x.max()) == 1
    assert set(data.y.tolist()) == set(range(classes))


def test_bundled_names_are_all_there() -> None:
    """Every name that the help mentions loads."""
    assert {load(name).name for name in BUNDLED} == {"digits", "iris", "wine"}


def test_splits_are_fixed_and_disjoint() -> None:
    """The same seed divides alike, another otherwise, and no row is in both parts."""
    data = load("iris")
    first, second = data.split(seed=1)
    assert (len(first.x), len(second.x)) == (120, 30)
    again, _ = data.split(seed=1)
    other, _ = data.split(seed=2)
    assert torch.equal(first.x, again.x)
    assert not torch.equal(first.x, other.x)
    joined = torch.cat([torch.cat([part.x, part.y[:, None].double()], 1) for part in (first, second)])
    whole = torch.cat([data.x, data.y[:, None].double()], 1)
    assert sorted(map(tuple, joined.tolist())) == sorted(map(tuple, whole.tolist()))
    for share in (0.0, 1.0):
        with pytest.raises(BadInput, match="empty"):
            data.split(share)


def test_files_come_back_as_they_were_written(tmp_path: Path) -> None:
    """NPZ keeps the inputs' shape, CSV takes a header, IDX is scaled by 255, plain or gzipped."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(6, 2, 3)), np.array([0, 1, 2, 0, 1, 2])
    np.savez(tmp_path / "a.npz", x=x, y=y)
    data = load(str(tmp_path / "a.npz"))
    assert data.shape == (2, 3)
    np.testing.assert_array_equal(data.x.numpy(), x.reshape(6, 6))
    assert data.box is None
    lines = [
        "a,b,label",
        *(f"{float(a)!r},{float(b)!r},{c}" for (a, b), c in zip(x[:, 0, :2], y, strict=True)),
    ]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    data = load(str(tmp_path / "a.csv"))
    np.testing.assert_array_equal(data.x.numpy(), x[:, 0, :2])
    assert data.y.tolist() == y.tolist()
    images = rng.integers(0, 256, (4, 3, 3)).astype(np.uint8)
    (tmp_path / "i.gz").write_bytes(gzip.compress(idx(images)))
    (tmp_path / "l").write_bytes(idx(np.array([0, 1, 0, 1], np.uint8)))
    data = load(f"{tmp_path}/i.gz,{tmp_path}/l")
    np.testing.assert_array_equal(data.x.numpy(), images.reshape(4, 9) / 255)
    assert (data.shape, data.box, data.classes) == ((3, 3), (0.0, 1.0), 2)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"1,2,0\n1,x,0\n", "data row 2"),
        ("a.csv", b"1,2,0\n1,0\n", "data row 2"),
        ("a.csv", b"", "no row"),
        ("a.csv", b"1,2,0.5\n", "whole numbers"),
        ("a.csv", b"1,2,-1\n", "whole numbers"),
        ("a.csv", b"1,nan,0\n", "NaN"),
        ("a.csv", b"\xff\xfe\n", "no CSV"),
        ("a.npz", b"PK\x03\x04 broken", "cannot read"),
        ("a.npz", b"", "cannot read"),
        ("a.txt", b"1 2", "data is one of"),
    ],
)
def test_broken_files_get_one_line(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    """Whatever is wrong with a file, one line says so and names it."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=words) as refused:
        load(str(tmp_path / name))
    assert name in str(refused.value)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros((3, 2))}, "no array 'y'"),
        ({"x": np.zeros((3, 2)), "y": np.zeros(2)}, "are needed"),
        ({"x": np.zeros(3), "y": np.zeros(3)}, "are needed"),
        ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "are needed"),
        ({"x": np.zeros((3, 0)), "y": np.zeros(3)}, "no features"),
        ({"x": np.full((3, 2), np.inf), "y": np.zeros(3)}, "NaN or infinite"),
        ({"x": np.array([["a"]]), "y": np.zeros(1)}, "real numbers"),
        ({"x": np.zeros((3, 2), complex), "y": np.zeros(3)}, "real numbers"),
    ],
)
def test_wrong_arrays_get_one_line(arrays: dict[str, np.ndarray], words: str, tmp_path: Path) -> None:
    """An archive whose arrays do not fit is told what it needs."""
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=words):
        load(str(tmp_path / "a.npz"))


def test_broken_images_get_one_line(tmp_path: Path) -> None:
    """A file that is no IDX, cut short, or missing is refused; so is a gzip that ends early."""
    good = idx(np.zeros((2, 2, 2), np.uint8))
    (tmp_path / "l").write_bytes(idx(np.zeros(2, np.uint8)))
    for content, words in (
        (b"hello", "not in IDX"),
        (good[:6], "cut short"),
        (good[:-1], "bytes of numbers"),
        (gzip.compress(good)[:-9], "cut short"),
    ):
        (tmp_path / "i").write_bytes(content)
        with pytest.raises(BadInput, match=words):
            load(f"{tmp_path}/i,{tmp_path}/l")
    with pytest.raises(BadInput, match="cannot read"):
        load(f"{tmp_path}/none,{tmp_path}/l")

"""What the lazy matrix costs: linear in k + d, quadratic in the number of queries, and where it beats dense."""

from __future__ import annotations

import torch

from simulate.bench.timing import seconds
from simulate.matrices import DenseGaussian, GaussianMatrix, LazyGaussian
from simulate.streams import Stream, Workspace


def queries(matrix: GaussianMatrix, count: int) -> None:
    """`count` adaptive pairs of queries, each one new: x → W x → Wᵀ sign(W x) → sign of that."""
    x = torch.ones(1, matrix.columns)
    for _ in range(count):
        x = x + torch.sign(matrix.rmatvec(torch.sign(matrix.matvec(x))))


def cost(size: int, count: int, *, lazy: bool, repeats: int = 3) -> float:
    """Seconds for one network of width and dim `size`, drawing included."""
    workspace = Workspace()
    kind = LazyGaussian if lazy else DenseGaussian
    return seconds(
        lambda: queries(kind(Stream((1, 2), workspace=workspace), size, size), count), repeats, at_least=0.1
    )


def against_size(count: int = 10) -> list[tuple[str, ...]]:
    """Lazy and dense cost of `count` pairs of queries over the size k = d."""
    rows = []
    for size in (64, 256, 1024, 2048, 4096, 16_384, 65_536, 262_144):
        lazy = cost(size, count, lazy=True)
        dense = cost(size, count, lazy=False) if size <= 4096 else None
        ratio = "" if dense is None else f"{dense / lazy:.2f}"
        spent = "" if dense is None else f"{1e3 * dense:.2f}"
        rows.append((f"{size:,}", f"{1e3 * lazy:.2f}", spent, ratio, f"{1e9 * lazy / (2 * size):.0f}"))
    return rows


def against_queries(size: int = 65_536) -> list[tuple[str, ...]]:
    """Lazy cost over the number of pairs of queries T."""
    times = {count: cost(size, count, lazy=True) for count in (5, 10, 20, 40, 80)}
    return [
        (str(count), f"{1e3 * time:.1f}", f"{1e6 * time / count**2:.0f}") for count, time in times.items()
    ]

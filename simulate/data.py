"""Where inputs come from."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulate.streams import Stream


def sphere(stream: Stream, dim: int, name: str = "x", radius: float | None = None) -> Tensor:
    """Points uniform on a sphere around 0, one a trial: shape (batch, d).

    Args:
        stream: the trials. Like the stream's own numbers, the points stay until the next batch.
        dim: d ≥ 1.
        name: which of the stream's names the points come from.
        radius: their norm, √d by default.

    """
    normals, points = stream.normals(name, dim), stream.buffer(f"sphere:{name}", dim)
    # sum adds in a tree; vector_norm adds in sequence, which at 10⁷ float32 numbers is wrong by 4e-4.
    length = torch.sqrt(torch.mul(normals, normals, out=points).sum(1, keepdim=True))
    return torch.mul(normals, (math.sqrt(dim) if radius is None else radius) / length, out=points)

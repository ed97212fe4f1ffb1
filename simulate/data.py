"""Where inputs come from."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulate.streams import Stream


def sphere(stream: Stream, dim: int, name: str = "x") -> Tensor:
    """Points uniform on √d·S^{d−1}, one a trial: shape (batch, d), norm √d."""
    points = stream.normals(name, dim)
    return points * (math.sqrt(dim) / torch.linalg.vector_norm(points, dim=1, keepdim=True))

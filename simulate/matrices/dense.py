"""A Gaussian matrix that is drawn whole: the oracle of every cleverer way."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from simulate.errors import BadInput
from simulate.streams import Stream


class DenseGaussian:
    """B matrices W ∈ R^{k×d} with i.i.d. N(0, 1/d) entries, all B·k·d of them in memory.

    The entries are kept with variance 1; the factor 1/√d is applied to the vectors.

    Args:
        stream: the trials; B is its batch.
        rows: k ≥ 1.
        columns: d ≥ 1.
        name: which of the stream's names holds the entries, row by row.

    """

    def __init__(self, stream: Stream, rows: int, columns: int, name: str = "W") -> None:
        if rows < 1 or columns < 1:
            raise BadInput(f"a matrix needs at least one row and one column, got {rows} x {columns}")
        self._standard = stream.normals(name, rows, columns)
        self._scale = 1 / math.sqrt(columns)

    @classmethod
    def from_standard(cls, entries: Tensor) -> DenseGaussian:
        """The matrices entries/√d, for given entries of variance 1 and shape (B, k, d)."""
        matrix = cls.__new__(cls)
        matrix._standard = entries
        matrix._scale = 1 / math.sqrt(entries.shape[2])
        return matrix

    @property
    def standard(self) -> Tensor:
        """√d·W, entries of variance 1, shape (B, k, d)."""
        return self._standard

    @property
    def rows(self) -> int:
        """k, the number of rows of each matrix."""
        return self._standard.shape[1]

    @property
    def columns(self) -> int:
        """d, the number of columns of each matrix."""
        return self._standard.shape[2]

    def matvec(self, x: Tensor) -> Tensor:
        """W x: (B, d) → (B, k), or a block of m vectors (B, d, m) → (B, k, m)."""
        return self._product(self._standard, x, self.columns)

    def rmatvec(self, v: Tensor) -> Tensor:
        """Wᵀ v: (B, k) → (B, d), or a block of m vectors (B, k, m) → (B, d, m)."""
        return self._product(self._standard.transpose(1, 2), v, self.rows)

    def _product(self, matrix: Tensor, x: Tensor, size: int) -> Tensor:
        if x.dim() not in (2, 3) or x.shape[:2] != (matrix.shape[0], size):
            expected = f"({matrix.shape[0]}, {size}) or ({matrix.shape[0]}, {size}, m)"
            raise BadInput(f"expected vectors of shape {expected}, got {tuple(x.shape)}")
        block = x if x.dim() == 3 else x.unsqueeze(2)
        answer = torch.bmm(matrix, block * self._scale)
        return answer if x.dim() == 3 else answer.squeeze(2)

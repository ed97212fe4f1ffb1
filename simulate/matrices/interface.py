"""What every Gaussian matrix can do, however it is held."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class GaussianMatrix(Protocol):
    """A batch of B independent W ∈ R^{k×d} with i.i.d. N(0, 1/d) entries, known through two verbs.

    Law: for every sequence of calls, also one in which later arguments depend on earlier answers, the
    answers are distributed as those of `DenseGaussian`.
    """

    @property
    def rows(self) -> int:
        """k, the number of rows of each matrix."""

    @property
    def columns(self) -> int:
        """d, the number of columns of each matrix."""

    def matvec(self, x: Tensor) -> Tensor:
        """W x: (B, d) → (B, k), or a block of m vectors (B, d, m) → (B, k, m)."""

    def rmatvec(self, v: Tensor) -> Tensor:
        """Wᵀ v: (B, k) → (B, d), or a block of m vectors (B, k, m) → (B, d, m)."""

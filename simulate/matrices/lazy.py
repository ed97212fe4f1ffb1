"""A Gaussian matrix of which only what is asked for is ever drawn.

The principle of deferred decisions (Y. M. Lu, "Householder Dice", IEEE Trans. Inf. Theory 67(12), 2021; the
conditioning of E. Bolthausen, Commun. Math. Phys. 325, 2014). Keep the directions that were asked for as
orthonormal right queries U (d × r) with images Y = W U, and orthonormal left queries V (k × l) with images
Z = Wᵀ V. Given all of these,

    W = Y Uᵀ + V Zᵀ (I − U Uᵀ) + (I − V Vᵀ) G (I − U Uᵀ),     G fresh, entries N(0, 1/d)

so a new direction u ⟂ U, |u| = 1 has the image W u = V (Zᵀu) + (I − V Vᵀ) g/√d with g ~ N(0, I_k), and a new
v ⟂ V has Wᵀ v = U (Yᵀv) + (I − U Uᵀ) g/√d with g ~ N(0, I_d). Any later query is a combination of an old part,
answered from memory, and a new direction. The answers have exactly the law of `DenseGaussian`, for every
adaptive sequence of queries and every k and d. T queries cost O((k + d) T²) time and O((k + d) T) memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulate.errors import BadInput
from simulate.matrices.dense import DenseGaussian
from simulate.streams import Stream


class LazyGaussian:
    """B matrices W ∈ R^{k×d} with i.i.d. N(0, 1/d) entries that are never formed.

    The answers are constants to automatic differentiation: W is only known along the queries, so a
    derivative through the sampler is not the derivative at fixed W. Use `rmatvec` for gradients; an argument
    that requires a gradient is refused. Two attacks on "the same network" share one object, never one seed:
    what is drawn depends on what was asked before.

    Args:
        stream: the trials; B is its batch. Each matrix draws only from its own trial's numbers, so a row
            queried alone gives the row of the batch (to rounding).
        rows: k ≥ 1.
        columns: d ≥ 1.
        name: under which of the stream's names the numbers are drawn.

    """

    def __init__(self, stream: Stream, rows: int, columns: int, name: str = "W") -> None:
        if rows < 1 or columns < 1:
            raise BadInput(f"a matrix needs at least one row and one column, got {rows} x {columns}")
        self._stream, self._name = stream, name
        self._right = _Side.empty(stream, columns, rows)
        self._left = _Side.empty(stream, rows, columns)
        self._scale = 1 / math.sqrt(columns)
        self._whole: DenseGaussian | None = None

    @property
    def rows(self) -> int:
        """k, the number of rows of each matrix."""
        return self._left.size

    @property
    def columns(self) -> int:
        """d, the number of columns of each matrix."""
        return self._right.size

    @property
    def queries(self) -> tuple[Tensor, Tensor]:
        """How many right and left directions each of the B matrices has been asked for, each of shape (B,)."""
        return self._right.known.clone(), self._left.known.clone()

    def matvec(self, x: Tensor) -> Tensor:
        """W x: (B, d) → (B, k), or a block of m vectors (B, d, m) → (B, k, m), as if asked one by one."""
        if self._whole is not None:
            return self._whole.matvec(x)
        return self._ask(self._right, self._left, x, "right")

    def rmatvec(self, v: Tensor) -> Tensor:
        """Wᵀ v: (B, k) → (B, d), or a block of m vectors (B, k, m) → (B, d, m), as if asked one by one."""
        if self._whole is not None:
            return self._whole.rmatvec(v)
        return self._ask(self._left, self._right, v, "left")

    def materialise(self) -> DenseGaussian:
        """Draw the rest: the whole matrices, consistent (to rounding) with every answer given so far.

        From then on this object answers from them. Memory B·k·d.
        """
        if self._whole is None:
            u, y = self._right.directions, self._right.images  # (B, r, d), (B, r, k)
            v, z = self._left.directions, self._left.images  # (B, l, k), (B, l, d)
            rest = self._stream.normals(f"{self._name}.rest", self.rows, self.columns)  # √d G
            rest = rest - v.transpose(1, 2) @ (v @ rest) + (v.transpose(1, 2) @ z) / self._scale
            rest = rest - (rest @ u.transpose(1, 2)) @ u + (y.transpose(1, 2) @ u) / self._scale
            self._whole = DenseGaussian.from_standard(rest)
        return self._whole

    def _ask(self, asked: _Side, other: _Side, x: Tensor, verb: str) -> Tensor:
        batch, size = self._stream.batch, asked.size
        if x.dim() not in (2, 3) or x.shape[:2] != (batch, size):
            expected = f"({batch}, {size}) or ({batch}, {size}, m)"
            raise BadInput(f"expected vectors of shape {expected}, got {tuple(x.shape)}")
        if not bool(torch.isfinite(x).all()):
            raise BadInput("a query has entries that are not finite")
        if x.requires_grad:
            raise BadInput("a lazy matrix cannot be differentiated through: use rmatvec for gradients")
        if x.dim() == 3:
            columns = [self._ask(asked, other, column, verb) for column in x.unbind(2)]
            return torch.stack(columns, dim=2) if columns else x.new_empty(batch, other.size, 0)

        known, new, length = asked.split(x)
        answer = known
        fresh = length > 0  # (B,)
        if bool(fresh.any()):
            drawn = self._draw(asked, other.size, verb) * self._scale
            # (I − V Vᵀ) g/√d + V (Zᵀ u)
            image = drawn + other.combine(other.images_dot(new) - other.directions_dot(drawn))
            image = torch.where(fresh.unsqueeze(1), image, 0)
            asked.remember(new, image, fresh)
            answer = answer + length.unsqueeze(1) * image
        return answer

    def _draw(self, asked: _Side, size: int, verb: str) -> Tensor:
        """Fresh normals (B, size): the n-th new direction of a matrix uses the n-th name of its trial."""
        counts = sorted(set(asked.known.tolist()))
        draws = [self._stream.normals(f"{self._name}.{verb}.{count}", size) for count in counts]
        answer = draws[0]
        for count, draw in zip(counts[1:], draws[1:], strict=True):
            answer = torch.where((asked.known == count).unsqueeze(1), draw, answer)
        return answer


@dataclass
class _Side:
    """The orthonormal queries of one side, with their images. Rows that lack a query hold zeros there.

    Attributes:
        size: length of a query.
        directions: (B, r, size); the rows of a matrix are orthonormal or zero.
        images: (B, r, other size).
        known: how many of them are not zero, shape (B,).

    """

    size: int
    _directions: Tensor
    _images: Tensor
    known: Tensor
    count: int = 0

    @classmethod
    def empty(cls, stream: Stream, size: int, other: int) -> _Side:
        def zeros(*shape: int) -> Tensor:
            return torch.zeros(stream.batch, *shape, dtype=stream.dtype, device=stream.device)

        known = torch.zeros(stream.batch, dtype=torch.long, device=stream.device)
        return cls(size, zeros(4, size), zeros(4, other), known)

    @property
    def directions(self) -> Tensor:
        return self._directions[:, : self.count]

    @property
    def images(self) -> Tensor:
        return self._images[:, : self.count]

    def directions_dot(self, x: Tensor) -> Tensor:
        """Coefficients along the directions: (B, size) → (B, r)."""
        return torch.bmm(self.directions, x.unsqueeze(2)).squeeze(2)

    def images_dot(self, x: Tensor) -> Tensor:
        """Products with the images: (B, other size) → (B, r)."""
        return torch.bmm(self.images, x.unsqueeze(2)).squeeze(2)

    def combine(self, coefficients: Tensor) -> Tensor:
        """The combination of the directions: (B, r) → (B, size)."""
        return torch.bmm(coefficients.unsqueeze(1), self.directions).squeeze(1)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """X = (old part) + ρ u: the image of the old part, u, and ρ; u = 0 and ρ = 0 if nothing is new.

        Orthogonalised twice ("twice is enough": L. Giraud et al., Numer. Math. 101, 2005), and u once more,
        for it is the difference of nearly equal vectors when ρ is small. What is left of a dependent query is
        rounding of some ε|x|√r: below 8 ε|x|(1 + √r) it counts as nothing.
        """
        coefficients = self.directions_dot(x)
        left = x - self.combine(coefficients)
        again = self.directions_dot(left)
        left = left - self.combine(again)
        coefficients = coefficients + again
        length = torch.linalg.vector_norm(left, dim=1)
        epsilon = torch.finfo(x.dtype).eps
        allowed = 8 * epsilon * (1 + math.sqrt(self.count)) * torch.linalg.vector_norm(x, dim=1)
        new = (length > allowed) & (self.known < self.size)
        length = torch.where(new, length, 0)
        unit = left / torch.where(new, length, 1).unsqueeze(1) * new.unsqueeze(1)
        unit = unit - self.combine(self.directions_dot(unit))
        norm = torch.linalg.vector_norm(unit, dim=1, keepdim=True)
        unit = unit / torch.where(norm > 0, norm, 1)
        old = torch.bmm(coefficients.unsqueeze(1), self.images).squeeze(1)
        return old, unit, length

    def remember(self, directions: Tensor, images: Tensor, fresh: Tensor) -> None:
        """Append one direction to each matrix for which `fresh` is true; the others get zeros."""
        if self.count == self._directions.shape[1]:
            # Doubling: the cost of copying stays below that of the products.
            self._directions = torch.cat([self._directions, torch.zeros_like(self._directions)], dim=1)
            self._images = torch.cat([self._images, torch.zeros_like(self._images)], dim=1)
        self._directions[:, self.count] = directions
        self._images[:, self.count] = images
        self.count += 1
        self.known += fresh

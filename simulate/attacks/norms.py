"""Balls and boxes: norms, steepest steps, and the projection onto a ball and a box at once, in ℓ∞, ℓ2 and ℓ1.

All functions take vectors flattened to shape (B, d) and treat each row alone.

The projection of z onto {‖δ‖ ≤ r} ∩ {low ≤ δ ≤ high}, with low ≤ 0 ≤ high, is by the Karush-Kuhn-Tucker conditions
a clipped point with one multiplier λ ≥ 0 a row:

    ℓ∞   clip(z, max(low, −r), min(high, r))
    ℓ2   clip(z/(1 + λ), low, high)
    ℓ1   clip(sign(z) max(|z| − λ, 0), low, high)

Its norm (in ℓ2 its square) is a piecewise simple function of λ: once it is known which entries are clipped at the
solution λ has a closed form. In ℓ1 sorting the breakpoints tells (J. Duchi et al., ICML 2008, without a box), in ℓ2
Newton's method does.
Clipping first and scaling afterwards, or the other way round, gives a feasible point but not the nearest one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from simulate.errors import BadInput

Norm = Literal["inf", "2", "1"]
NORMS: tuple[Norm, ...] = ("inf", "2", "1")

_ORDINARY = 1e12
"""A length between one over this and this has a square far from underflow and overflow, in float32 too."""

_LARGE = 1e9
"""Radii: vectors that much longer are shortened before they are squared."""


def check_norm(norm: object) -> Norm:
    """The norm's name.

    Raises:
        BadInput: it is not one of "inf", "2", "1" (numbers are understood).

    """
    text = {math.inf: "inf", 2: "2", 1: "1"}.get(norm, norm) if isinstance(norm, int | float) else norm
    if text not in NORMS:
        raise BadInput(f"the norm is one of inf, 2, 1, got {norm!r}")
    return text


def size(delta: Tensor, norm: Norm | Literal["0"]) -> Tensor:
    """‖δ‖ of each row: (B, d) → (B,). "0" counts the entries that are not 0."""
    flat = delta.flatten(1)
    if norm == "0":
        return (flat != 0).sum(1).to(flat.dtype)
    length: Tensor = torch.linalg.vector_norm(flat, float(norm), dim=1)
    return length


def dual_size(gradient: Tensor, norm: Norm) -> Tensor:
    """Dual norm of each row: how fast a step of unit length can change a function with this gradient."""
    duals: dict[str, Norm] = {"inf": "1", "2": "2", "1": "inf"}
    return size(gradient, duals[norm])


def steepest(gradient: Tensor, norm: Norm, free: Tensor | None = None) -> Tensor:
    """Argmax ⟨g, v⟩ over ‖v‖ ≤ 1, row by row; 0 where the gradient is 0.

    Args:
        gradient: shape (B, d).
        norm: "inf" gives sign(g), "2" gives g/‖g‖₂, "1" puts everything on one largest |g_i|.
        free: coordinates that can still move up the gradient, shape (B, d); ℓ1 chooses among these.

    """
    if norm == "inf":
        return gradient.sign()
    if norm == "2":
        gradient, unit = scaled(gradient)
        return gradient * unit
    strength = gradient.abs() if free is None else gradient.abs() * free
    best = strength.argmax(1, keepdim=True)
    step = torch.zeros_like(gradient).scatter_(1, best, gradient.gather(1, best).sign())
    return step * (strength.gather(1, best) > 0)


def scaled(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """A multiple of each row whose squares neither underflow nor overflow, and one over its ℓ2 length, (B, 1).

    That is 0 where the gradient is 0; what is not a number is taken for 0.
    """
    length = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    unit = length.reciprocal()
    if float((length + unit).amax()) < _ORDINARY:  # false for NaN too
        return gradient, unit
    gradient = torch.nan_to_num(gradient, nan=0.0)
    gradient = gradient / gradient.abs().amax(1, keepdim=True).clamp_min(torch.finfo(gradient.dtype).tiny)
    length = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    return gradient, torch.where(length > 0, 1 / length, 0)


def project(z: Tensor, norm: Norm, radius: Tensor | float, low: Tensor, high: Tensor) -> Tensor:
    """The nearest point (in ℓ2) of the ball and the box; never outside of either by more than rounding.

    Args:
        z: shape (B, d).
        norm: of the ball.
        radius: positive, a number or shape (B,).
        low: lower ends of the box for δ, at most 0, shape (B, d); −inf where there is none.
        high: upper ends, at least 0.

    """
    if norm == "2":
        # A shorter z has the same projection, if it is outside the ball, and its squares do not overflow.
        r = torch.as_tensor(radius, dtype=z.dtype, device=z.device).expand(len(z)).unsqueeze(1)
        shorter = (_LARGE * r / z.abs().amax(1, keepdim=True)).clamp_max(1)
        outside = size(z.clamp(low, high), norm).unsqueeze(1) > r
        z = torch.where(outside, z * shorter, z)
    return Ball.of(norm, radius, low, high).project(z)


@dataclass(frozen=True)
class Ball:
    """A ball inside a box, to project onto often.

    Attributes:
        norm: of the ball.
        r: radii, (B, 1).
        low, high: the box, (B, d); in ℓ∞ the ball is a part of it.
        square: squares of the lengths to aim at in ℓ2, a little below the radii: rounding must not leave the ball.
        slack: by how much a square may differ from that.

    """

    norm: Norm
    r: Tensor
    low: Tensor
    high: Tensor
    square: Tensor
    slack: Tensor

    @classmethod
    def of(cls, norm: Norm, radius: Tensor | float, low: Tensor, high: Tensor) -> Ball:
        """See `project`."""
        r = (
            torch.as_tensor(radius, dtype=low.dtype, device=low.device)
            .expand(len(low))
            .unsqueeze(1)
            .contiguous()
        )
        if norm == "inf":
            low, high = torch.maximum(low, -r), torch.minimum(high, r)
        rounding = torch.finfo(low.dtype).eps * (2 + math.sqrt(low.shape[1]))
        square = (r * (1 - 2 * rounding)).square()
        return cls(norm, r, low, high, square, 2 * rounding * square)

    def project(self, z: Tensor) -> Tensor:
        """The nearest point (in ℓ2); entries beyond 10⁹ radii are for `project`."""
        nearest = z.clamp(self.low, self.high)
        if self.norm == "inf":
            return nearest
        length = torch.linalg.vector_norm(nearest, float(self.norm), dim=1, keepdim=True)
        outside = length > self.r
        if not int(torch.count_nonzero(outside)):
            return nearest
        if self.norm == "2":
            return self._stretch(z, nearest, length, outside)
        # In one sign and in units of the radius: the entries, and what the box leaves of them.
        magnitude, allowed = z.abs() / self.r, nearest.abs() / self.r
        point = torch.copysign(torch.minimum(_shrink_taxicab(magnitude, allowed), allowed), z)
        # The point is exact up to rounding, which must not leave the ball.
        length = size(point, "1").unsqueeze(1)
        scale = self.r * torch.where(length > 1, (1 - 2 * torch.finfo(z.dtype).eps) / length, 1)
        return torch.where(outside, (point * scale).clamp(self.low, self.high), nearest)

    def _stretch(self, z: Tensor, point: Tensor, length: Tensor, off: Tensor) -> Tensor:
        """Clip(t·z) on the sphere for rows that are off, `point` = clip(z) for the others; overwrites `point`."""
        # Newton's method for s = t² in φ(s) = ‖clip(√s·z)‖² = r². φ is concave and piecewise linear, so from its second
        # point on s rises to the solution, and is there when the right entries are clipped. It is not below r²/‖z‖².
        least = self.square / torch.linalg.vector_norm(z, dim=1, keepdim=True).square_()
        missing, s = self.square - length.square(), torch.ones_like(length)
        cut = z - point
        for _ in range(z.shape[1] + 1):
            # The slope of φ. All in place: comparisons then give numbers, much quicker than truth values, and memory in
            # use is quicker than memory that must be fetched.
            slope = torch.linalg.vector_norm(cut.eq_(0).mul_(z), dim=1, keepdim=True).square_()
            s = torch.where(off, torch.fmax(torch.addcdiv(s, missing, slope), least), s)
            ray = torch.mul(z, s.sqrt(), out=cut)
            torch.clamp(ray, self.low, self.high, out=point)
            missing = self.square - torch.linalg.vector_norm(point, dim=1, keepdim=True).square_()
            off = off & (missing.abs() > self.slack)
            if not int(torch.count_nonzero(off)):
                break
            cut = ray.sub_(point)
        return point


def _shrink_taxicab(magnitude: Tensor, allowed: Tensor) -> Tensor:
    """max(m − λ, 0) with the λ ≥ 0 for which min(that, allowed) sums to 1, for allowed ≤ m; (B, d)."""
    # As λ grows, entry i is first clipped, falls with slope 1 from m − allowed on, and is 0 from m on.
    falls = magnitude - allowed
    events, order = torch.cat([falls, magnitude], 1).sort(1)
    slope = torch.cat([torch.ones_like(falls), -torch.ones_like(falls)], 1).gather(1, order).cumsum(1)
    lost = (slope[:, :-1] * events.diff(dim=1)).cumsum(1)
    below = (allowed.sum(1, keepdim=True) - lost <= 1).to(torch.int8)
    below[:, -1] = 1
    index = below.argmax(1, keepdim=True)
    middle = (events.gather(1, index) + events.gather(1, index + 1)) / 2
    falling, clipped = (falls < middle) & (middle < magnitude), falls >= middle
    total = torch.where(falling, magnitude, 0).sum(1, keepdim=True)
    total = total + torch.where(clipped, allowed, 0).sum(1, keepdim=True)
    count = falling.sum(1, keepdim=True).clamp_min(1)
    return (magnitude - (total - 1) / count).clamp_min(0)


def uniform(
    norm: Norm, radius: Tensor | float, shape: torch.Size, generator: torch.Generator, like: Tensor
) -> Tensor:
    """Points uniform in a ball, one a row.

    ℓ2: a Gaussian direction, the radius U^{1/d}. ℓ1: exponential gaps with random signs (uniform on the simplex).
    """
    rows, columns = shape
    r = torch.as_tensor(radius, dtype=like.dtype, device=like.device).expand(rows).unsqueeze(1)
    place = generator.device

    def numbers(*size: int) -> Tensor:
        return torch.rand(size, generator=generator, dtype=like.dtype, device=place).to(like.device)

    if norm == "inf":
        return (2 * numbers(rows, columns) - 1) * r
    if norm == "2":
        direction = torch.randn(shape, generator=generator, dtype=like.dtype, device=place).to(like.device)
        length: Tensor = numbers(rows, 1) ** (1 / columns)
        return steepest(direction, "2") * length * r
    gaps = -numbers(rows, columns + 1).clamp_min(1e-30).log()
    signs = torch.randint(0, 2, shape, generator=generator, device=place).to(like.device) * 2 - 1
    point: Tensor = signs * gaps[:, :columns] / gaps.sum(1, keepdim=True) * r
    return point

"""Balls and boxes: norms, steepest steps, and the projection onto a ball and a box at once, in ℓ∞, ℓ2 and ℓ1.

All functions take vectors flattened to shape (B, d) and treat each row alone.

The projection of z onto {‖δ‖ ≤ r} ∩ {low ≤ δ ≤ high}, with low ≤ 0 ≤ high, is by the Karush-Kuhn-Tucker conditions
a clipped point with one multiplier λ ≥ 0 a row:

    ℓ∞   clip(z, max(low, −r), min(high, r))
    ℓ2   clip(z/(1 + λ), low, high)
    ℓ1   clip(sign(z) max(|z| − λ, 0), low, high)

Its norm (in ℓ2 its square) is a piecewise simple function of λ: once it is known which entries are clipped at the
solution λ has a closed form. In ℓ1 sorting the breakpoints tells (J. Duchi et al., ICML 2008, without a box), in ℓ2
clipping more entries until no other one must be.
Clipping first and scaling afterwards, or the other way round, gives a feasible point but not the nearest one.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from simulate.errors import BadInput

Norm = Literal["inf", "2", "1"]
NORMS: tuple[Norm, ...] = ("inf", "2", "1")


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
        # Scaled first, so that the squares of a tiny gradient do not underflow.
        least = torch.finfo(gradient.dtype).tiny
        scaled = gradient / gradient.abs().amax(1, keepdim=True).clamp_min(least)
        direction: Tensor = scaled / torch.linalg.vector_norm(scaled, dim=1, keepdim=True).clamp_min(least)
        return direction
    strength = gradient.abs() if free is None else gradient.abs() * free
    best = strength.argmax(1, keepdim=True)
    step = torch.zeros_like(gradient).scatter_(1, best, gradient.gather(1, best).sign())
    return step * (strength.gather(1, best) > 0)


def project(z: Tensor, norm: Norm, radius: Tensor | float, low: Tensor, high: Tensor) -> Tensor:
    """The nearest point (in ℓ2) of the ball and the box; never outside of either by more than rounding.

    Args:
        z: shape (B, d).
        norm: of the ball.
        radius: positive, a number or shape (B,).
        low: lower ends of the box for δ, at most 0, shape (B, d); −inf where there is none.
        high: upper ends, at least 0.

    """
    r = torch.as_tensor(radius, dtype=z.dtype, device=z.device).expand(len(z)).unsqueeze(1)
    if norm == "inf":
        return torch.minimum(torch.maximum(z, torch.maximum(low, -r)), torch.minimum(high, r))

    nearest = torch.clamp(z, low, high)
    active = size(nearest, norm).unsqueeze(1) > r
    if not bool(active.any()):
        return nearest
    if norm == "2":
        point = _euclidean(z, low / r, high / r)
    else:
        # In one sign: the entries, and what the box leaves of them.
        magnitude, allowed = z.abs() / r, nearest.abs() / r
        point = torch.copysign(torch.minimum(_shrink_taxicab(magnitude, allowed), allowed), z)
    # In units of the radius the point is exact up to rounding; rounding must not leave the ball.
    length = size(point, norm).unsqueeze(1)
    scale = r * torch.where(length > 1, (1 - 2 * torch.finfo(z.dtype).eps) / length, 1)
    return torch.where(active, (point * scale).clamp(low, high), nearest)


def _euclidean(z: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Clip(t·z) with the t for which its length is 1, where clip(z) is longer; (B, d)."""
    # With the entries that are clipped at t the others give a larger t, which clips more: t rises to the solution.
    # Scaled first, since a large z would overflow when it is squared.
    least = torch.finfo(z.dtype).tiny
    z = z / z.abs().amax(1, keepdim=True).clamp_min(least)
    square = z.square()
    rest, free_square = torch.ones_like(z[:, 0]), square.sum(1)
    clipped, count = None, 0
    while True:
        ray = z * (rest / free_square.clamp_min(least)).sqrt().unsqueeze(1)
        point = ray.clamp(low, high)
        now = ray != point
        clipped = now if clipped is None else clipped | now
        if (total := int(torch.count_nonzero(clipped))) == count:
            return point
        count, mask = total, clipped.to(z.dtype)
        rest = (1 - torch.linalg.vecdot(mask, point.square())).clamp_min(0)
        free_square = torch.linalg.vecdot(1 - mask, square)


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

"""The smallest step along a line that turns the sign of a two-layer network.

Along x + t e a network is φ(t) = k^{−1/2} Σ_j a_j σ(u_j + t w_j) with u = W x and w = W e. Asked is

    t* = inf {t > 0 : φ(t) φ(0) < 0},      ∞ if φ never takes the other sign

in one of three ways, chosen by what is known of σ:

- *exact*: σ positively homogeneous of degree 1 (ReLU, leaky ReLU, |·|, the identity). φ is piecewise linear
  with a kink at each t_j = −u_j/w_j > 0: sort them, add up the slopes, and find the first piece that goes
  below zero. Also t* = ∞ is decided exactly, by the slope of the last piece.
- *certified*: σ′ (or σ) has a Lipschitz constant. From a point where φ has the old sign, Taylor's bound (or
  Lipschitz's) gives a step on which it cannot change; steps are taken until they shrink below the tolerance
  and a point of the other sign is found beyond. So no flip is overlooked before t*, and t* is known to the
  tolerance. Beyond `reach` nothing is claimed: ∞ then means "none up to the reach".
- *grid*: neither constant is known. The first point of a grid that has the other sign.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from simulate.activations import Activation

Method = Literal["exact", "certified", "grid"]

TOLERANCE = 1e-6
"""Relative width to which a certified first flip is enclosed."""

_GRID_POINTS = 2000
_MOST_STEPS = 5000
_REST_POINTS = 500


@dataclass(frozen=True)
class FirstFlip:
    """First flips of B networks along one line each.

    Attributes:
        length: t*, ∞ where there is none (up to the reach, unless the method is exact); shape (B,), float64.
        unresolved: true where the method could not certify what lies before t* (or before the reach): φ came so
            close to 0 that certified steps became too short, and the rest was looked at on a grid; shape (B,).
        zero: whether φ is 0 or of the other sign anywhere, which is what sign φ(t) ≠ sign φ(0) asks; decided by
            the exact method, else the same as having a flip; shape (B,).
        method: how t* was found.

    """

    length: Tensor
    unresolved: Tensor
    zero: Tensor
    method: Method


def method_for(activation: Activation) -> Method:
    """The strongest method that the known constants of σ allow."""
    if activation.homogeneous_degree == 1:
        return "exact"
    known = activation.derivative_lipschitz is not None or activation.lipschitz is not None
    return "certified" if known else "grid"


def first_flip(
    preactivations: Tensor, signs: Tensor, image: Tensor, activation: Activation, reach: float
) -> FirstFlip:
    """t* for each network of a batch.

    Args:
        preactivations: u = W x, shape (B, k).
        signs: a, shape (B, k).
        image: w = W e for the direction e in which t grows, shape (B, k). A row of zeros never flips.
        activation: σ.
        reach: largest t that is searched, unless the method is exact.

    Everything is computed in float64.

    """
    u, a, w = preactivations.double(), signs.double(), image.double()
    method = method_for(activation)
    if method == "exact":
        length, zero = _piecewise_linear(u, a, w, activation)
        return FirstFlip(length, torch.zeros_like(zero), zero, method)
    walk = _certified if method == "certified" else _on_a_grid
    length, unresolved = walk(u, a, w, activation, reach)
    return FirstFlip(length, unresolved, torch.isfinite(length), method)


def _phi(u: Tensor, a: Tensor, w: Tensor, t: Tensor, activation: Activation) -> Tensor:
    """φ at one t a network: (B,)."""
    hidden = activation.value(torch.addcmul(u, w, t.unsqueeze(1)))
    sums: Tensor = torch.linalg.vecdot(a, hidden)
    return sums / math.sqrt(u.shape[1])


def _piecewise_linear(u: Tensor, a: Tensor, w: Tensor, activation: Activation) -> tuple[Tensor, Tensor]:
    """t*, and whether φ is ever 0 or of the other sign."""
    one = torch.ones((), dtype=torch.float64, device=u.device)
    up, down = activation.value(one), -activation.value(-one)  # slopes right and left of 0
    start = torch.linalg.vecdot(a, activation.value(u))  # √k φ(0)
    turned = a * torch.sign(start).unsqueeze(
        1
    )  # ψ = √k φ · sign φ(0): positive at 0, asked is where it is < 0
    kinks = torch.where((w != 0) & (u != 0), -u / w, -1.0)
    kinks = torch.where(kinks > 0, kinks, math.inf)
    # numpy's sort uses the processor's vector instructions: six times as fast as torch's on the CPU.
    order = torch.from_numpy(np.argsort(kinks.cpu().numpy(), axis=1)).to(kinks.device)
    kinks = kinks.gather(1, order)
    # To the right of t = 0 a neuron has the slope of the side it is on, or moves to if u_j = 0.
    side = torch.where(u != 0, u, w) > 0
    slope = (turned * w * torch.where(side, up, down)).sum(1, keepdim=True)
    # At its kink a neuron goes to the other side, and the slope changes by a_j |w_j| (up − down) either way.
    change = (turned * w.abs() * (up - down)).gather(1, order)
    slopes = torch.cat([slope, slope + change.cumsum(1)], dim=1)  # (B, k + 1)
    finite = torch.where(kinks < math.inf, kinks, 0.0)
    edges = torch.cat([torch.zeros_like(slope), finite], dim=1)
    lengths = torch.where(kinks < math.inf, edges[:, 1:] - edges[:, :-1], 0.0)
    heights = torch.cat([torch.zeros_like(slope), (slopes[:, :-1] * lengths).cumsum(1)], dim=1)
    heights = heights + start.abs().unsqueeze(1)  # ψ at the edges
    if float(down) == 0:
        # Where every neuron is off, ψ and its slope are exactly 0: rounding must not make them negative.
        goes_on = torch.where(w > 0, 1, -1).gather(1, order)
        active = torch.cat([side.sum(1, keepdim=True), side.sum(1, keepdim=True) + goes_on.cumsum(1)], dim=1)
        slopes = torch.where(active == 0, 0.0, slopes)
        dead_before = torch.cat([torch.zeros_like(active[:, :1]), active[:, :-1]], dim=1) == 0
        at_rest = (active == 0) | (dead_before & (torch.arange(active.shape[1], device=u.device) > 0))
        heights = torch.where(at_rest, 0.0, heights)
    real = torch.cat([torch.ones_like(side[:, :1]), kinks < math.inf], dim=1)
    below = (heights < 0) & real
    found = below.any(1)
    first = below.to(torch.int8).argmax(1, keepdim=True)  # the first edge below zero; ψ(0) is not
    before = torch.where(
        found.unsqueeze(1), first - 1, real.sum(1, keepdim=True) - 1
    )  # the piece that crosses
    height, fall, edge = (rows.gather(1, before).squeeze(1) for rows in (heights, -slopes, edges))
    crosses = (found | (fall > 0)) & (start != 0)
    length = torch.where(crosses, edge + height.clamp_min(0) / torch.where(crosses, fall, 1.0), math.inf)
    touches = ((heights <= 0) & real)[:, 1:].any(1) & (start != 0)
    return length, crosses | touches


def _certified(
    u: Tensor, a: Tensor, w: Tensor, activation: Activation, reach: float
) -> tuple[Tensor, Tensor]:
    root_k = math.sqrt(u.shape[1])
    start = _phi(u, a, w, torch.zeros_like(u[:, 0]), activation)
    length = torch.full_like(start, math.inf)
    unresolved = torch.zeros_like(start, dtype=torch.bool)
    rows = ((start != 0) & (w != 0).any(1)).nonzero().squeeze(1)
    u, a, w = u[rows], a[rows] * torch.sign(start[rows]).unsqueeze(1), w[rows]
    t, height = torch.zeros_like(start[rows]), start[rows].abs()
    lipschitz, curvature = activation.lipschitz, activation.derivative_lipschitz
    for _ in range(_MOST_STEPS):
        if len(rows) == 0:
            return length, unresolved
        safe = torch.zeros_like(t)
        if lipschitz is not None:
            # |ψ′| ≤ k^{−1/2} Lip(σ) Σ|w_j|
            safe = height / (lipschitz / root_k * w.abs().sum(1))
        if curvature is not None:
            # ψ(t + s) ≥ ψ + ψ′s − M s²/2 with M = k^{−1/2} Lip(σ′) Σ w_j²: positive up to its larger root.
            bend = curvature / root_k * torch.linalg.vecdot(w, w)
            slope = activation.derivative(torch.addcmul(u, w, t.unsqueeze(1)))
            slope = torch.linalg.vecdot(a, slope * w) / root_k
            root = torch.sqrt(slope**2 + 2 * bend * height)
            # The form without cancellation for each sign of the slope; at height and slope 0 no step is safe.
            falling = torch.where(root - slope > 0, 2 * height / (root - slope), 0.0)
            by_curve = torch.where(slope > 0, (slope + root) / bend, falling)
            safe = torch.maximum(safe, torch.where(bend > 0, by_curve, math.inf))
        tiny = TOLERANCE * (t + safe) + 1e-300
        beyond = t + torch.maximum(safe, tiny)
        there = _phi(u, a, w, beyond, activation)
        flipped = (there < 0) & (safe <= tiny)
        length[rows[flipped]] = beyond[flipped]
        # Too close to 0 to go on: a touch, or a φ that dies away. The rest is looked at on a grid.
        stuck = (safe <= tiny) & ~flipped
        if bool(stuck.any()):
            places = rows[stuck]
            unresolved[places] = True
            length[places] = _rest(u[stuck], a[stuck], w[stuck], beyond[stuck], activation, reach)
        # Rounding can make ψ slightly negative at the end of a certified step; that is height 0 there.
        t, height = beyond, there.clamp_min(0)
        going = ~flipped & ~stuck & (t < reach)
        rows, u, a, w, t, height = (part[going] for part in (rows, u, a, w, t, height))
    unresolved[rows] = True
    length[rows] = _rest(u, a, w, t, activation, reach)
    return length, unresolved


def _rest(u: Tensor, a: Tensor, w: Tensor, t: Tensor, activation: Activation, reach: float) -> Tensor:
    """The first of some points between t and the reach, in geometric progression, where ψ < 0; else ∞."""
    length = torch.full_like(t, math.inf)
    for power in torch.linspace(0, 1, _REST_POINTS, dtype=torch.float64).tolist():
        point = t * (reach / t).clamp_min(1) ** power
        below = (_phi(u, a, w, point, activation) < 0) & torch.isinf(length)
        length[below] = point[below]
    return length


def _on_a_grid(
    u: Tensor, a: Tensor, w: Tensor, activation: Activation, reach: float
) -> tuple[Tensor, Tensor]:
    start = _phi(u, a, w, torch.zeros_like(u[:, 0]), activation)
    length = torch.full_like(start, math.inf)
    for point in torch.linspace(0, reach, _GRID_POINTS + 1, dtype=torch.float64)[1:].tolist():
        t = torch.full_like(start, point)
        flipped = (_phi(u, a, w, t, activation) * start < 0) & torch.isinf(length)
        length[flipped] = point
        if bool(torch.isfinite(length).all()):
            break
    return length, torch.ones_like(start, dtype=torch.bool)

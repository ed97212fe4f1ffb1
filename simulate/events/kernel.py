"""Trials in which only the neurons near the kink are drawn: the loop that `simulate.events` compiles.

The mathematics is in `simulate.events.near` and `simulate.events.far`. A neuron is kept as a few numbers, by the
symmetry of the law under (u, z) → (−u, −z): with e the sign of u,

    size    |u|
    across  e·z
    pull    a·e·s(e), so that v·u = Σ pull·size and v·z = Σ pull·across
    sign    a
    above   1 where u > 0, else 0

Then e·y = g·size + c·(across + pull·m) is negative where the step takes the neuron to the other side. Rejected
proposals are neurons of zeros. Numbers are drawn in float32 or float64; all arithmetic on them is in float64.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numba import njit
from numba.core import types
from numba.extending import overload

from simulate.fused.functions import exp32
from simulate.fused.pointer import address, call
from simulate.streams.compiled import INNER, KERNEL
from simulate.streams.philox import philox
from simulate.streams.rejection import binomials
from simulate.streams.transforms import as_float32, bits32, fma, normal_pair32, normal_pair64, uniform64

f32, i32, u32, u64 = np.float32, np.int32, np.uint32, np.uint64
LANES = 64
"""Neurons that are worked on at a time."""

SIZE, ACROSS, PULL, SIGN, ABOVE = 0, LANES, 2 * LANES, 3 * LANES, 4 * LANES
"""Where each number of a tile's neurons begins: constants, which lets the compiler use vector registers."""

TILE = 5 * LANES
"""Numbers of a tile."""

_HIGH = u64(32)


@njit(**INNER)
def _rejected32(x):
    """1 − e^{−x} in float32 to relative precision, x ≥ 0."""
    p = fma(x, f32(-1 / 5040), f32(1 / 720))
    p = fma(x, -p, f32(1 / 120))
    p = fma(x, -p, f32(1 / 24))
    p = fma(x, -p, f32(1 / 6))
    p = fma(x, -p, f32(1 / 2))
    near = fma(x * x, -p, x)
    return near if x < f32(0.25) else f32(1) - exp32(-x)


@njit(**INNER)
def _proposal32(index, slope, offset, rayleigh, word, t0, t1, k0, k1):
    """|u|, e·z, whether it is accepted, and two fair bits: from one counter."""
    w0, w1, w2, w3 = philox(index, word, t0, t1, k0, k1)
    across, other = normal_pair32(w0, w1)
    radius = f32(math.sqrt(across * across + other * other))
    radius = as_float32(u32(bits32(radius) | (bits32(across) & u32(0x80000000))))
    across = radius if i32(w2 & u32(255)) < i32(rayleigh) else across
    # Signed integers have an instruction that converts them.
    size = fma(slope, abs(across), offset) * ((f32(i32(w2 >> u32(8))) + f32(0.5)) * f32(2.0**-24))
    chance = (f32(i32(w3 >> u32(2))) + f32(0.5)) * f32(2.0**-30)
    return size, across, chance > _rejected32(f32(0.5) * size * size), w3


@njit(**INNER)
def _proposal64(index, slope, offset, rayleigh, word, t0, t1, k0, k1):
    """The same in float64, from two counters."""
    w0, w1, w2, w3 = philox(u64(2) * index, word, t0, t1, k0, k1)
    across, other = normal_pair64(w0, w1, w2, w3)
    w0, w1, w2, w3 = philox(u64(2) * index + u64(1), word, t0, t1, k0, k1)
    radius = math.copysign(math.sqrt(across * across + other * other), across)
    across = radius if (w1 & u32(255)) < rayleigh else across
    size = fma(slope, abs(across), offset) * uniform64(w0, w1 & u32(0xFFFFFF00))
    chance = uniform64(w2, w3 & u32(0xFFFFFFFC))
    return size, across, chance > -math.expm1(-0.5 * size * size), w3


def _proposal(real, index, slope, offset, rayleigh, word, t0, t1, k0, k1):
    raise TypeError("exists in compiled code only")


@overload(_proposal, inline="always")
def _proposal_of_a_type(real, index, slope, offset, rayleigh, word, t0, t1, k0, k1):
    one = _proposal32 if real == types.float32 else _proposal64
    return lambda real, index, slope, offset, rayleigh, word, t0, t1, k0, k1: one(
        index, slope, offset, rayleigh, word, t0, t1, k0, k1
    )


@njit(**KERNEL)
def near(neurons, proposals, slope, offset, rayleigh, above, below, word, t0, t1, k0, k1):
    """Draw the neurons of the region.

    Args:
        neurons: written, as many tiles as it takes, zeros behind the last neuron.
        proposals: how many neurons are proposed.
        slope: κ, in the type of `neurons`.
        offset: o.
        rayleigh: weight of Rayleigh's law in 256ths.
        above: s₊.
        below: s₋.
        word: stream word of the neurons.
        t0: low word of the trial.
        t1: high word.
        k0: first word of the key.
        k1: its second word.

    """
    real = neurons.dtype.type
    on_right, on_left = real(above), real(-below)
    for tile in range((proposals + LANES - 1) // LANES):
        base, left = u64(tile * LANES), i32(min(proposals - tile * LANES, LANES))
        out = neurons[tile * TILE : (tile + 1) * TILE]
        for i in range(LANES):
            size, across, kept, bits = _proposal(
                real(0), base + u64(i), slope, offset, rayleigh, word, t0, t1, k0, k1
            )
            weight = real(1) if kept and i32(i) < left else real(0)
            # Bits as numbers 0 and 1: a choice would take masks of the width of a counter.
            right, plus = real(i32(bits & u32(1))), real(i32(bits & u32(2)))
            sign = weight * (plus - real(1))
            out[SIZE + i] = size * weight
            out[ACROSS + i] = across * weight
            out[PULL + i] = sign * (right * on_right + (real(1) - right) * on_left)
            out[SIGN + i] = sign
            out[ABOVE + i] = weight * right


@njit(**KERNEL)
def far(count, coefficients, variances, side, envelope, word, t0, t1, k0, k1):
    """Σ X and Σ Z over `count` neurons outside the region, see `simulate.events.far`; attempt i uses 2i and 2i + 1."""
    if count == 0:
        return 0.0, 0.0
    attempt = 0
    while True:
        w0, w1, w2, w3 = philox(u32(2 * attempt), word, t0, t1, k0, k1)
        x, z = normal_pair64(w0, w1, w2, w3)
        w0, w1, w2, w3 = philox(u32(2 * attempt + 1), word, t0, t1, k0, k1)
        level = uniform64(w0, w1) * envelope
        # On the square the ratio is at most `envelope` − 1 away from 1: most attempts need not know it.
        sure = max(abs(x), abs(z)) <= side and level <= 2.0 - envelope
        if sure or level <= _ratio(x, z, 1.0 / count, coefficients):
            return x * math.sqrt(count * variances[0]), z * math.sqrt(count * variances[1])
        attempt += 1


@njit(**KERNEL)
def _ratio(x, z, nu, coefficients):
    """r_D(x, z), the density of the scaled sums over that of N(0, I)."""
    terms = coefficients.shape[0]
    hermite = np.empty((2, 2 * terms))
    for axis, value in ((0, x), (1, z)):
        hermite[axis, 0], hermite[axis, 1] = 1.0, value
        for p in range(2, 2 * terms):
            hermite[axis, p] = value * hermite[axis, p - 1] - (p - 1) * hermite[axis, p - 2]
    total = 1.0
    for i in range(terms):
        for j in range(terms - i):
            if i + j >= 2:
                weight = 0.0
                for m in range(i + j - 1, 0, -1):
                    weight = (weight + coefficients[i, j, m]) * nu
                total += weight * hermite[0, 2 * i] * hermite[1, 2 * j]
    return total


@njit(**KERNEL)
def _total(lanes):
    total = 0.0
    for i in range(LANES):
        total += lanes[i]
    return total


@njit(**KERNEL)
def sums(neurons, stop, lanes):
    """Over the first `stop` numbers Σ pull·size, Σ pull·across, and how many neurons are there and have u > 0.

    The lanes are working memory, float64, (4, LANES).
    """
    lanes[:] = 0
    for start in range(0, stop, TILE):
        tile = neurons[start : start + TILE]
        for i in range(LANES):
            pull = np.float64(tile[PULL + i])
            lanes[0, i] += pull * np.float64(tile[SIZE + i])
            lanes[1, i] += pull * np.float64(tile[ACROSS + i])
            lanes[2, i] += np.float64(abs(tile[SIGN + i]))
            lanes[3, i] += np.float64(tile[ABOVE + i])
    return _total(lanes[0]), _total(lanes[1]), np.int64(_total(lanes[2])), np.int64(_total(lanes[3]))


@njit(**KERNEL)
def turned(neurons, stop, growth, shift, pull_weight, lanes):
    """Σ a·|y| over the neurons that change sides, with e·y = growth·size + shift·(across + pull_weight·pull)."""
    total = lanes[0]
    total[:] = 0
    for start in range(0, stop, TILE):
        tile = neurons[start : start + TILE]
        for i in range(LANES):
            along = np.float64(tile[ACROSS + i]) + pull_weight * np.float64(tile[PULL + i])
            y = growth * np.float64(tile[SIZE + i]) + shift * along
            total[i] -= np.float64(tile[SIGN + i]) * min(y, 0.0)
    return _total(total)


@njit(**KERNEL)
def outputs(
    neurons, stop, width, dim, above, below, chi2, v_u, v_z, positive, sizes, by_norm, against, lanes, after
):
    """f(x), ‖∇f(x)‖ and f at every move, of one network.

    Args:
        neurons: those of the region, see `near`.
        stop: how many of its numbers to look at, whole tiles.
        width: k.
        dim: d.
        above: s₊.
        below: s₋.
        chi2: χ²_{d−1}.
        v_u: v·u over all neurons.
        v_z: v·z.
        positive: how many neurons have u > 0.
        sizes: of the moves, (moves,).
        by_norm: whether a size is a multiple of ‖∇f‖, (moves,).
        against: −1 to go against the sign of f, 0 to go along the gradient whatever f is.
        lanes: working memory, float64, (4, LANES).
        after: written, (moves,).

    """
    root_k, root_d = math.sqrt(width), math.sqrt(dim)
    before = v_u / root_k
    v = math.sqrt(above * above * positive + below * below * (width - positive))
    root_chi = math.sqrt(chi2)
    along, across = v_u / (root_k * root_d), v * root_chi / (root_k * root_d)
    norm = math.hypot(along, across)
    heading = 1.0 if against == 0 else -float((before > 0) - (before < 0))
    for move in range(sizes.size):
        length = heading * (sizes[move] * norm if by_norm[move] else sizes[move])
        if norm == 0 or length == 0:
            after[move] = before
            continue
        growth = 1.0 + length * along / (norm * root_d)
        shift = length * across / (norm * root_d)
        # All neurons as if none had changed sides: what z adds to v·y comes to nothing.
        linear = v_u * growth + shift * v * root_chi
        over = turned(neurons, stop, growth, shift, (root_chi - v_z / v) / v, lanes)
        after[move] = (linear + (above - below) * over) / root_k
    return before, norm


@cache
def at_binomials() -> int:
    """Where the generator of binomial numbers is, for `trials`; it is compiled if need be."""
    out, word = types.Array(types.int64, 1, "C"), types.uint32
    return address(binomials, out, types.int64, types.float64, word, word, word, types.uint64)


@njit(**KERNEL)
def trials(
    at_binomials,
    width,
    dim,
    above,
    below,
    region,
    coefficients,
    variances,
    far_limits,
    chi2,
    proposals,
    sizes,
    by_norm,
    against,
    words,
    first,
    k0,
    k1,
    neurons,
    before,
    after,
    norms,
):
    """Many trials, one after another.

    Args:
        at_binomials: address of the generator of binomial numbers.
        width: k.
        dim: d.
        above: s₊.
        below: s₋.
        region: κ, o in the type of `neurons`, and the weight of Rayleigh's law in 256ths.
        coefficients: of the far sums, see `FarSums.coefficients`.
        variances: of X and Z, (2,).
        far_limits: half the side of the square of the far sums, and the envelope on it.
        chi2: χ²_{d−1} of each trial, (B,).
        proposals: neurons proposed in each trial, (B,).
        sizes: see `outputs`.
        by_norm: see `outputs`.
        against: see `outputs`.
        words: stream words of the neurons, of the number of far neurons with u > 0, and of the far sums on either side.
        first: number of the first trial.
        k0: first word of the key.
        k1: its second word.
        neurons: working memory of the type that is drawn in, whole tiles.
        before: written, f(x), (B,).
        after: written, f at every move, (B, moves).
        norms: written, ‖∇f(x)‖, (B,).

    """
    slope, offset, rayleigh = region
    side, envelope = far_limits
    even = abs(above) == abs(below)
    lanes, plus = np.empty((4, LANES)), np.empty(1, np.int64)
    capacity = neurons.size // TILE * LANES
    for b in range(before.size):
        trial = first + u64(b)
        t0, t1 = u32(trial), u32(trial >> _HIGH)
        proposed = min(proposals[b], capacity)
        stop = (proposed + LANES - 1) // LANES * TILE
        near(neurons, proposed, slope, offset, rayleigh, above, below, words[0], t0, t1, k0, k1)
        v_u, v_z, drawn, positive = sums(neurons, stop, lanes)
        rest = width - drawn
        # On a side of slope 0 the sums count for nothing; where both slopes are one but for the sign, so do the sides.
        plus[0] = rest
        if not even:
            call(at_binomials, plus, rest, 0.5, k0, k1, words[1], trial)
        positive += plus[0]
        for side_word, count, s in ((words[2], plus[0], above), (words[3], rest - plus[0], below)):
            if s != 0 and count > 0:
                x, z = far(count, coefficients, variances, side, envelope, side_word, t0, t1, k0, k1)
                v_u += s * x
                v_z += s * z
        before[b], norms[b] = outputs(
            neurons,
            stop,
            width,
            dim,
            above,
            below,
            chi2[b],
            v_u,
            v_z,
            positive,
            sizes,
            by_norm,
            against,
            lanes,
            after[b],
        )

"""The conditional trial in one compiled kernel: draws, activations and reductions of a trial never leave the cache.

The mathematics and the random numbers are those of `simulate.onestep.conditional`, to rounding; only the order of the
sums differs. Sums run in 64 lanes, in float32 over eight tiles and in float64 beyond: the compiler may keep lanes in
vector registers without being allowed to reorder anything, so results are the same to the bit on every processor.

A width that is no multiple of a tile is filled up with neurons whose sign a, u and z are 0: they add 0 to every sum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numba.core import types
from numba.extending import overload

from simulate.fused.sigma import derivative, value
from simulate.streams import fill

u64 = np.uint64
TILE = 256
"""Neurons that are worked on at a time."""

_LANES = 64
_TILES_IN_FLOAT32 = 8
_OPTIONS: Any = {"nogil": True, "cache": True, "error_model": "numpy"}

# Rows of the sums over neurons.
OUTPUT, SLOPE_SQUARES, SLOPE_U, SLOPE_Z, SLOPE_FRESH = range(5)


def _whole_tiles(out, k0, k1, word, trial):
    raise TypeError("exists in compiled code only")


@overload(_whole_tiles)
def _whole_tiles_of_a_type(out, k0, k1, word, trial):
    tiles = fill.normals32_tiles if out.dtype == types.float32 else fill.normals64_tiles
    return lambda out, k0, k1, word, trial: tiles(out, k0, k1, word, trial, 0, 0, out.shape[1])


@njit(**_OPTIONS)
def draw(vectors, width, words, trial, k0, k1):
    """The Gaussian vectors of one trial, (n, padded width), one stream a row."""
    for i in range(vectors.shape[0]):
        _whole_tiles(vectors[i : i + 1], k0, k1, words[i], trial)
        vectors[i, width:] = 0


@njit(**_OPTIONS)
def _odd(number):
    """Whether an odd number of the bits are one."""
    for shift in (32, 16, 8, 4, 2, 1):
        number ^= number >> shift
    return number & 1


@njit(**_OPTIONS)
def sums(sigma, vectors, a, v, lanes, totals):
    """Sums over neurons for one trial, and v = a∘σ′(u).

    Args:
        sigma: the activation.
        vectors: u and, where they are wanted, z and z′, in rows of padded width.
        a: signs in the type that is computed in, padded width.
        v: written, padded width, of a's type.
        lanes: working memory of that type, shape (5, 64).
        totals: working memory in float64, shape (5, 64).

    Returns:
        a·σ(u), v·v, v·u, v·z, v·z′ as float64; 0 for vectors that are not there.

    """
    others = vectors.shape[0] - 1
    lanes[:] = 0
    totals[:] = 0
    for tile in range(a.size // TILE):
        for start in range(tile * TILE, (tile + 1) * TILE, _LANES):
            for i in range(_LANES):
                u = v.dtype.type(vectors[0, start + i])
                slope = a[start + i] * derivative(sigma, u)
                v[start + i] = slope
                lanes[OUTPUT, i] += a[start + i] * value(sigma, u)
                lanes[SLOPE_SQUARES, i] += slope * slope
                lanes[SLOPE_U, i] += slope * u
            for other in range(others):
                for i in range(_LANES):
                    lanes[SLOPE_Z + other, i] += v[start + i] * v.dtype.type(vectors[1 + other, start + i])
        if tile % _TILES_IN_FLOAT32 == _TILES_IN_FLOAT32 - 1:
            for row in range(5):
                for i in range(_LANES):
                    totals[row, i] += lanes[row, i]
                    lanes[row, i] = 0
    return (
        _total(lanes[0], totals[0]),
        _total(lanes[1], totals[1]),
        _total(lanes[2], totals[2]),
        _total(lanes[3], totals[3]),
        _total(lanes[4], totals[4]),
    )


@njit(**_OPTIONS)
def _total(lanes, totals):
    total = 0.0
    for i in range(_LANES):
        total += totals[i] + lanes[i]
    return total


@njit(**_OPTIONS)
def moved(sigma, vectors, a, v, weights, bounds, lengths, image, lanes, totals, out):
    """Σ_j a_j σ(u_j + r w_j) for every move, w the image of its direction.

    Args:
        sigma: the activation.
        vectors: u, z and z′ as for `sums`.
        a: signs.
        v: from `sums`.
        weights: for each direction the weights of u, z, z′ and v in w, float64 of shape (directions, 4).
        bounds: moves bounds[i] … bounds[i + 1] − 1 go along direction i.
        lengths: r of each move, float64.
        image: working memory of v's type, 64 entries.
        lanes: working memory of v's type, shape (moves, 64).
        totals: the same in float64.
        out: written, float64, one entry a move.

    """
    lanes[:] = 0
    totals[:] = 0
    for tile in range(a.size // TILE):
        for start in range(tile * TILE, (tile + 1) * TILE, _LANES):
            for direction in range(weights.shape[0]):
                on_u, on_v = v.dtype.type(weights[direction, 0]), v.dtype.type(weights[direction, 3])
                for i in range(_LANES):
                    image[i] = on_u * v.dtype.type(vectors[0, start + i]) + on_v * v[start + i]
                for other in range(1, vectors.shape[0]):
                    weight = v.dtype.type(weights[direction, other])
                    for i in range(_LANES):
                        image[i] += weight * v.dtype.type(vectors[other, start + i])
                for move in range(bounds[direction], bounds[direction + 1]):
                    length = v.dtype.type(lengths[move])
                    for i in range(_LANES):
                        y = v.dtype.type(vectors[0, start + i]) + length * image[i]
                        lanes[move, i] += a[start + i] * value(sigma, y)
        if tile % _TILES_IN_FLOAT32 == _TILES_IN_FLOAT32 - 1:
            for move in range(out.size):
                for i in range(_LANES):
                    totals[move, i] += lanes[move, i]
                    lanes[move, i] = 0
    for move in range(out.size):
        out[move] = _total(lanes[move], totals[move])


@njit(**_OPTIONS)
def trials(
    sigma,
    width,
    dim,
    chi2,
    frames,
    turned,
    bounds,
    sizes,
    by_norm,
    against,
    positive,
    words,
    first,
    k0,
    k1,
    vectors,
    a,
    v,
    before,
    after,
    norms,
):
    """Many trials, one after another.

    Args:
        sigma: the activation.
        width: k.
        dim: d.
        chi2: χ²_{d−1} of each trial, (B,).
        frames: components of each further direction on x̂, ĝ_⊥ and z′'s, (directions − 1, B, 3), unit vectors.
        turned: whether each direction is turned against f (or along it), (directions,).
        bounds: which moves go along which direction, (directions + 1,).
        sizes: of the moves, (moves,).
        by_norm: whether a size is a multiple of ‖∇f‖, (moves,).
        against: −1 to go against the sign of f, 0 to go along the direction whatever f is.
        positive: how many of the signs a are +1, (B,); which ones does not matter, for neurons are exchangeable.
        words: stream words of u, z and z′, uint32; z and z′ are left out where no move needs them.
        first: number of the first trial.
        k0: first word of the key.
        k1: its second word.
        vectors: working memory of the type that is drawn in, (len(words), padded width).
        a: working memory of the type that is computed in, (padded width,).
        v: the same.
        before: written, f(x), float64, (B,).
        after: written, f at every move, (B, moves).
        norms: written, ‖∇f(x)‖, (B,).

    """
    moves = sizes.size
    directions = turned.size
    root_k, root_d = math.sqrt(width), math.sqrt(dim)
    weights = np.zeros((directions, 4))
    lengths = np.empty(moves)
    image = np.empty(_LANES, v.dtype)
    few_lanes, few_totals = np.empty((5, _LANES), v.dtype), np.empty((5, _LANES))
    lanes, totals = np.empty((moves, _LANES), v.dtype), np.empty((moves, _LANES))
    a[width:] = 0
    paired = 0
    for b in range(before.size):
        draw(vectors, width, words, first + u64(b), k0, k1)
        # In balance for as long as there are both, see `simulate.onestep`; the last trial's order is there already.
        pairs = 2 * min(positive[b], width - positive[b])
        for i in range(min(paired, pairs), pairs):
            a[i] = 1 - 2 * _odd(i)
        a[pairs:width] = 1 if 2 * positive[b] > width else -1
        paired = pairs
        output, squares, on_u, on_z, on_fresh = sums(sigma, vectors, a, v, few_lanes, few_totals)
        before[b] = output / root_k
        # The same floor as the torch form: below the smallest normal number, v counts as 0.
        alive = squares >= np.finfo(v.dtype).tiny
        inverse = 1.0 / squares if alive else 0.0
        along_x = on_u / (root_k * root_d) if alive else 0.0
        across_x = math.sqrt(squares * chi2[b]) / (root_k * root_d) if alive else 0.0
        norm = math.hypot(along_x, across_x)
        norms[b] = norm
        if moves == 0:
            continue
        pull = math.sqrt(chi2[b] * inverse) - on_z * inverse
        heading = 1.0 if against == 0 else -float((before[b] > 0) - (before[b] < 0))
        for direction in range(directions):
            if direction == 0:
                safe = norm if norm > 0 else 1.0
                on_x, on_g, rest = along_x / safe, across_x / safe, 0.0
            else:
                on_x, on_g, rest = frames[direction - 1, b]
            weights[direction, 0] = on_x / root_d
            weights[direction, 1] = on_g / root_d
            weights[direction, 2] = rest / root_d
            weights[direction, 3] = (on_g * pull - rest * on_fresh * inverse) / root_d
            turn = heading if turned[direction] else 1.0
            for move in range(bounds[direction], bounds[direction + 1]):
                size = sizes[move] * norm if by_norm[move] else (sizes[move] if norm > 0 else 0.0)
                lengths[move] = turn * size
        moved(sigma, vectors, a, v, weights, bounds, lengths, image, lanes, totals, after[b])
        for move in range(moves):
            after[b, move] /= root_k

"""The conditional trial in compiled code: draws, activations and reductions of a trial never leave the cache.

The mathematics and the random numbers are those of `simulate.onestep.conditional`, to rounding; only the order of the
sums differs. Sums run in 64 lanes, in float32 over eight tiles and in float64 beyond: the compiler may keep lanes in
vector registers without being allowed to reorder anything, so results are the same to the bit on every processor.

A width that is no multiple of a tile is filled up with neurons whose sign a, u and z are 0: they add 0 to every sum.

`trials` calls the generator, `sums` and `moved` through their addresses. So each is compiled once and alone: the
generator for all that draws, `trials` for all activations, and another activation costs the other two only.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numba import njit
from numba.core import types

from simulate.fused.pointer import address, call
from simulate.fused.sigma import SigmaType, derivative, value
from simulate.streams import fill
from simulate.streams.compiled import KERNEL, POINTED_AT

u64 = np.uint64
TILE = 256
"""Neurons that are worked on at a time."""

LANES = 64
"""Sums that run beside each other."""

_TILES_IN_FLOAT32 = 8

# Rows of the sums over neurons.
OUTPUT, SLOPE_SQUARES, SLOPE_U, SLOPE_Z, SLOPE_FRESH = range(5)
SUMS = 5
"""How many there are."""


@njit(**POINTED_AT)
def sums(sigma, vectors, a, v, lanes, totals):
    """Sums over neurons for one trial, and v = a∘σ′(u).

    Args:
        sigma: the activation.
        vectors: u and, where they are wanted, z and z′, in rows of padded width.
        a: signs in the type that is computed in, padded width.
        v: written, padded width, of a's type.
        lanes: working memory of that type, 5 rows of 64 or more.
        totals: the same in float64. Written: its first column becomes a·σ(u), v·v, v·u, v·z, v·z′, with 0 for
            vectors that are not there.

    """
    real = v.dtype.type
    for row in range(SUMS):
        for i in range(LANES):
            lanes[row, i] = 0
            totals[row, i] = 0
    for tile in range(a.size // TILE):
        for start in range(tile * TILE, (tile + 1) * TILE, LANES):
            for i in range(LANES):
                sign, u = a[start + i], real(vectors[0, start + i])
                slope = sign * derivative(sigma, u)
                v[start + i] = slope
                lanes[OUTPUT, i] += sign * value(sigma, u)
                lanes[SLOPE_SQUARES, i] += slope * slope
                lanes[SLOPE_U, i] += slope * u
            for other in range(1, vectors.shape[0]):
                for i in range(LANES):
                    lanes[SLOPE_U + other, i] += v[start + i] * real(vectors[other, start + i])
        if tile % _TILES_IN_FLOAT32 == _TILES_IN_FLOAT32 - 1:
            for row in range(SUMS):
                for i in range(LANES):
                    totals[row, i] += lanes[row, i]
                    lanes[row, i] = 0
    for row in range(SUMS):
        total = 0.0
        for i in range(LANES):
            total += totals[row, i] + lanes[row, i]
        totals[row, 0] = total


@njit(**POINTED_AT)
def moved(sigma, vectors, a, v, weights, bounds, lengths, image, lanes, totals):
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
        lanes: working memory of v's type, a row of 64 for each move or more.
        totals: the same in float64. Written: its first column becomes the result.

    """
    real = v.dtype.type
    for move in range(lengths.size):
        for i in range(LANES):
            lanes[move, i] = 0
            totals[move, i] = 0
    for tile in range(a.size // TILE):
        for start in range(tile * TILE, (tile + 1) * TILE, LANES):
            for direction in range(weights.shape[0]):
                on_u, on_v = real(weights[direction, 0]), real(weights[direction, 3])
                for i in range(LANES):
                    image[i] = on_u * real(vectors[0, start + i]) + on_v * v[start + i]
                for other in range(1, vectors.shape[0]):
                    weight = real(weights[direction, other])
                    for i in range(LANES):
                        image[i] += weight * real(vectors[other, start + i])
                for move in range(bounds[direction], bounds[direction + 1]):
                    length = real(lengths[move])
                    for i in range(LANES):
                        y = real(vectors[0, start + i]) + length * image[i]
                        lanes[move, i] += a[start + i] * value(sigma, y)
        if tile % _TILES_IN_FLOAT32 == _TILES_IN_FLOAT32 - 1:
            for move in range(lengths.size):
                for i in range(LANES):
                    totals[move, i] += lanes[move, i]
                    lanes[move, i] = 0
    for move in range(lengths.size):
        total = 0.0
        for i in range(LANES):
            total += totals[move, i] + lanes[move, i]
        totals[move, 0] = total


@cache
def addresses(activation: str, drawn: str, real: str) -> tuple[int, int, int]:
    """Where the generator, `sums` and `moved` are, for `trials`; they are compiled if need be.

    Args:
        activation: its name.
        drawn: type of the vectors, `float32` or `float64`.
        real: type that is computed in.

    """
    vectors, lanes, totals = (types.Array(getattr(types, kind), 2, "C") for kind in (drawn, real, "float64"))
    row, places, lengths = (types.Array(kind, 1, "C") for kind in (lanes.dtype, types.intp, types.float64))
    word, place, sigma = types.uint32, types.intp, SigmaType(activation)
    tiles = fill.normals32_tiles if drawn == "float32" else fill.normals64_tiles
    return (
        address(tiles, vectors, word, word, word, types.uint64, place, place, place),
        address(sums, sigma, vectors, row, row, lanes, totals),
        address(moved, sigma, vectors, row, row, totals, places, lengths, row, lanes, totals),
    )


@njit(**KERNEL)
def trials(
    at_tiles,
    at_sums,
    at_moved,
    sigma,
    width,
    dim,
    tiny,
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
    weights,
    lengths,
    image,
    lanes,
    totals,
    before,
    after,
    norms,
):
    """Many trials, one after another.

    Args:
        at_tiles: address of the generator.
        at_sums: address of `sums`.
        at_moved: address of `moved`.
        sigma: `ANY`.
        width: k.
        dim: d.
        tiny: the smallest normal number of the type that is computed in.
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
        weights: working memory in float64, (directions, 4).
        lengths: the same, (moves,).
        image: working memory of the type that is computed in, (64,).
        lanes: the same, (the larger of 5 and moves, 64).
        totals: the same in float64.
        before: written, f(x), float64, (B,).
        after: written, f at every move, (B, moves).
        norms: written, ‖∇f(x)‖, (B,).

    """
    moves, directions, padded = sizes.size, turned.size, a.size
    root_k, root_d = math.sqrt(width), math.sqrt(dim)
    for i in range(width, padded):
        a[i] = 0
    paired = 0
    for b in range(before.size):
        for i in range(words.size):
            call(at_tiles, vectors[i : i + 1], k0, k1, words[i], first + u64(b), 0, 0, padded)
            for j in range(width, padded):
                vectors[i, j] = 0
        # In balance for as long as there are both, see `simulate.onestep`; the last trial's order is there already.
        plus, minus = positive[b], width - positive[b]
        pairs = 2 * (plus if plus < minus else minus)
        for i in range(paired, pairs):  # −1 where an odd number of the bits of i are one
            a[i] = (1 - 2 * (i & 1)) * a[i >> 1] if i > 0 else 1
        for i in range(pairs, width):
            a[i] = 1 if plus > minus else -1
        paired = pairs
        call(at_sums, sigma, vectors, a, v, lanes, totals)
        squares, on_u = totals[SLOPE_SQUARES, 0], totals[SLOPE_U, 0]
        on_z, on_fresh = totals[SLOPE_Z, 0], totals[SLOPE_FRESH, 0]
        output = totals[OUTPUT, 0] / root_k
        before[b] = output
        # The same floor as the torch form: below the smallest normal number, v counts as 0.
        alive = squares >= tiny
        inverse = 1.0 / squares if alive else 0.0
        along_x = on_u / (root_k * root_d) if alive else 0.0
        across_x = math.sqrt(squares * chi2[b]) / (root_k * root_d) if alive else 0.0
        norm = math.hypot(along_x, across_x)
        norms[b] = norm
        if moves == 0:
            continue
        pull = math.sqrt(chi2[b] * inverse) - on_z * inverse
        heading = 1.0 if against == 0 else (-1.0 if output > 0 else (1.0 if output < 0 else -0.0))
        for direction in range(directions):
            if direction == 0:
                safe = norm if norm > 0 else 1.0
                on_x, on_g, rest = along_x / safe, across_x / safe, 0.0
            else:
                frame = frames[direction - 1, b]
                on_x, on_g, rest = frame[0], frame[1], frame[2]
            weights[direction, 0] = on_x / root_d
            weights[direction, 1] = on_g / root_d
            weights[direction, 2] = rest / root_d
            weights[direction, 3] = (on_g * pull - rest * on_fresh * inverse) / root_d
            turn = heading if turned[direction] else 1.0
            for move in range(bounds[direction], bounds[direction + 1]):
                size = sizes[move] * norm if by_norm[move] else (sizes[move] if norm > 0 else 0.0)
                lengths[move] = turn * size
        call(at_moved, sigma, vectors, a, v, weights, bounds, lengths, image, lanes, totals)
        for move in range(moves):
            after[b, move] = totals[move, 0] / root_k

"""Compiled loops that fill an array of shape (batch, n) with numbers of one stream, one trial a row.

Element e of a stream always comes from the same counter and the same word, so any slice of a stream equals
the same slice of the whole. Inside a *tile* of 64 counters the elements are laid out word by word (first all
that come from word 0, then word 1, …), which lets the compiler keep 16 lanes in one vector register.

    float32 normals   256 a tile   (four from a counter)
    float64 normals   128 a tile   (two from a counter)
    signs             128 from a counter, one bit each
    float64 uniforms    2 from a counter
"""

from __future__ import annotations

import numpy as np
from numba import njit

from simulate.streams.compiled import BOTH, KERNEL
from simulate.streams.philox import philox
from simulate.streams.transforms import normal_pair32, normal_pair64, uniform64

u32, u64 = np.uint32, np.uint64
_LANES = 64
_HIGH = u64(32)
_ROWS_OF_SCRATCH = 256


@njit(**BOTH)
def normals32_tiles(out, k0, k1, stream, first, offset, start, stop):
    """Standard normals, float32: columns start … stop − 1 of `out`, whole tiles, from element `offset` on."""
    size = 4 * _LANES
    for b in range(out.shape[0]):
        trial = first + u64(b)
        t0, t1 = u32(trial), u32(trial >> _HIGH)
        for i in range((stop - start) // size):
            base = u64((offset // size + i) * _LANES)
            tile = out[b, start + i * size : start + (i + 1) * size]
            for lane in range(_LANES):
                w0, w1, w2, w3 = philox(base + u64(lane), stream, t0, t1, k0, k1)
                z0, z1 = normal_pair32(w0, w1)
                z2, z3 = normal_pair32(w2, w3)
                tile[lane] = z0
                tile[_LANES + lane] = z1
                tile[2 * _LANES + lane] = z2
                tile[3 * _LANES + lane] = z3


@njit(**BOTH)
def normals64_tiles(out, k0, k1, stream, first, offset, start, stop):
    """Standard normals, float64: columns start … stop − 1 of `out`, whole tiles, from element `offset` on."""
    size = 2 * _LANES
    for b in range(out.shape[0]):
        trial = first + u64(b)
        t0, t1 = u32(trial), u32(trial >> _HIGH)
        for i in range((stop - start) // size):
            base = u64((offset // size + i) * _LANES)
            tile = out[b, start + i * size : start + (i + 1) * size]
            for lane in range(_LANES):
                w0, w1, w2, w3 = philox(base + u64(lane), stream, t0, t1, k0, k1)
                z0, z1 = normal_pair64(w0, w1, w2, w3)
                tile[lane] = z0
                tile[_LANES + lane] = z1


def normals(out, k0, k1, stream, first, offset):
    """Standard normals in the type of `out`: elements offset … offset + n − 1 of trials first … first + batch − 1."""
    single = out.dtype == np.float32
    tiles, size = (normals32_tiles, 4 * _LANES) if single else (normals64_tiles, 2 * _LANES)
    n = out.shape[1]
    head = min(-offset % size, n)
    tail = head + (n - head) // size * size
    if head < tail:
        tiles(out, k0, k1, stream, first, offset + head, head, tail)
    # Whole tiles go straight into the rows, the ragged ends through a scratch tile.
    for start, stop in ((0, head), (tail, n)):
        skip = (offset + start) % size
        for row in range(0, out.shape[0] if start < stop else 0, _ROWS_OF_SCRATCH):
            rows = out[row : row + _ROWS_OF_SCRATCH]
            scratch = np.empty((len(rows), size), out.dtype)
            tiles(scratch, k0, k1, stream, first + u64(row), offset + start - skip, 0, size)
            rows[:, start:stop] = scratch[:, skip : skip + stop - start]


@njit(**KERNEL)
def signs(out, k0, k1, stream, first, offset):
    """Fair signs −1, +1 in the type of `out`: one bit each."""
    batch, n = out.shape
    for b in range(batch):
        trial = first + u64(b)
        t0, t1 = u32(trial), u32(trial >> _HIGH)
        done = 0
        while done < n:
            group, bit = (offset + done) // 128, (offset + done) % 128
            words = philox(u64(group), stream, t0, t1, k0, k1)
            for word in words:
                if bit < 32:
                    count = min(32 - bit, n - done)
                    for i in range(count):
                        out[b, done + i] = 1 - 2 * np.int32((word >> u32(bit + i)) & u32(1))
                    done += count
                    bit = 0
                else:
                    bit -= 32


@njit(**KERNEL)
def uniforms(out, k0, k1, stream, first, offset):
    """Uniforms on (0, 1] in float64 (64 random bits each)."""
    batch, n = out.shape
    for b in range(batch):
        trial = first + u64(b)
        t0, t1 = u32(trial), u32(trial >> _HIGH)
        for i in range(n):
            element = offset + i
            w0, w1, w2, w3 = philox(u64(element // 2), stream, t0, t1, k0, k1)
            out[b, i] = uniform64(w0, w1) if element % 2 == 0 else uniform64(w2, w3)

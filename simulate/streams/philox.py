"""Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, compiled by numba.

    J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11, section 3.3.

A call is a pure function of a 128-bit counter and a 64-bit key. Nothing is stored between calls, so any
number of any stream can be drawn alone, in any order and on any thread. The counter is laid out as

    word 0   index     which group of four words inside one stream
    word 1   stream    a name's 32-bit hash, see `simulate.streams.Stream`
    words 2, 3  trial  64 bits, low word first

and the key belongs to one cell of a plan. Arithmetic is on 32-bit words held in unsigned machine integers.
"""

from __future__ import annotations

import numpy as np
from numba import njit

u32 = np.uint32
u64 = np.uint64

_MULTIPLIER_0 = u64(0xD2511F53)
_MULTIPLIER_1 = u64(0xCD9E8D57)
_WEYL_0 = u32(0x9E3779B9)
_WEYL_1 = u32(0xBB67AE85)
_HIGH = u64(32)


@njit(inline="always", cache=True)
def philox(c0, c1, c2, c3, k0, k1):
    """Four 32-bit words from counter (c0, c1, c2, c3) and key (k0, k1), all `uint32`."""
    for _ in range(10):
        product_0 = u64(c0) * _MULTIPLIER_0
        product_1 = u64(c2) * _MULTIPLIER_1
        c0 = u32(u32(product_1 >> _HIGH) ^ c1 ^ k0)
        c1 = u32(product_1)
        c2 = u32(u32(product_0 >> _HIGH) ^ c3 ^ k1)
        c3 = u32(product_0)
        k0 = u32(k0 + _WEYL_0)
        k1 = u32(k1 + _WEYL_1)
    return c0, c1, c2, c3


@njit(cache=True)
def philox_words(counter, key):
    """The four words of one call, as an array: the form that the known-answer vectors are stated in.

    Args:
        counter: uint32 array of shape (4,).
        key: uint32 array of shape (2,).

    """
    out = np.empty(4, np.uint32)
    out[0], out[1], out[2], out[3] = philox(counter[0], counter[1], counter[2], counter[3], key[0], key[1])
    return out

"""The random numbers of a GPU, as functions that Triton puts inside its kernels.

Words are those of `simulate.streams.philox`, equal to the bit. Normals and logarithms are made by the operations of
`simulate.streams.transforms`, one by one; launched with `enable_fp_fusion=False` they are equal to the bit too.

A kernel finds the key, the first trial and the words of its streams in an array of int64, the address.
"""

from __future__ import annotations

import triton
import triton.language as tl

FIRST = tl.constexpr(2)
"""Place of the first trial in an address; the key's two words come before it, the words of streams after it."""


@triton.jit
def log32(x):
    """Natural logarithm of a positive normal float32, by the operations of the CPU."""
    bits = x.to(tl.uint32, bitcast=True) - 0x3F3504F3
    e = (bits.to(tl.int32, bitcast=True) >> 23).to(tl.float32)
    m = ((bits & 0x007FFFFF) + 0x3F3504F3).to(tl.float32, bitcast=True) - 1.0
    p = tl.fma(m, 7.0376836292e-2, -1.1514610310e-1)
    p = tl.fma(p, m, 1.1676998740e-1)
    p = tl.fma(p, m, -1.2420140846e-1)
    p = tl.fma(p, m, 1.4249322787e-1)
    p = tl.fma(p, m, -1.6668057665e-1)
    p = tl.fma(p, m, 2.0000714765e-1)
    p = tl.fma(p, m, -2.4999993993e-1)
    p = tl.fma(p, m, 3.3333331174e-1)
    square = m * m
    small = tl.fma(square, -0.5, tl.fma(m * square, p, e * -2.12194440e-4))
    return tl.fma(e, 0.693359375, m + small)


@triton.jit
def normal_pair32(w0, w1):
    """Two independent standard normals in float32 from two words, as on the CPU."""
    uniform = (w0.to(tl.float32) + 0.5) * 2.3283064365386963e-10
    radius = tl.sqrt_rn(tl.maximum(-2.0 * log32(uniform), 0.0))
    remainder = (w1 << 2).to(tl.int32, bitcast=True) >> 2
    t = (remainder.to(tl.float32) + 0.5) * 1.4629180792671596e-09
    t2 = t * t
    s = tl.fma(tl.fma(t2, -1.9515295891e-4, 8.3321608736e-3), t2, -1.6666654611e-1)
    sine = tl.fma(s * t2, t, t)
    c = tl.fma(tl.fma(t2, 2.443315711809948e-5, -1.388731625493765e-3), t2, 4.166664568298827e-2)
    cosine = tl.fma(c * t2, t2, tl.fma(t2, -0.5, 1.0))
    turn = w1 >> 30
    swap = (turn & 1) != 0
    first = radius * tl.where(swap, sine, cosine)
    second = radius * tl.where(swap, cosine, sine)
    first_bits = first.to(tl.uint32, bitcast=True) ^ (((turn + 1) & 2) << 30)
    second_bits = second.to(tl.uint32, bitcast=True) ^ ((turn & 2) << 30)
    return first_bits.to(tl.float32, bitcast=True), second_bits.to(tl.float32, bitcast=True)


@triton.jit
def uniform64(w0, w1):
    """A float64 in (0, 1] from two words."""
    word = (w0.to(tl.uint64) << 32) | w1.to(tl.uint64)
    return (word.to(tl.float64) + 0.5) * 5.421010862427522e-20


@triton.jit
def _double(C: tl.constexpr):
    """A constant in float64: a fused multiply-add would take it for a float32."""
    return tl.full([], C, tl.float64)


@triton.jit
def _horner(x, p, C: tl.constexpr):
    """x·p + C in float64, rounded once."""
    return tl.fma(x, p, _double(C))


@triton.jit
def log64(x):
    """Natural logarithm of a positive normal float64, by the operations of the CPU."""
    bits = x.to(tl.uint64, bitcast=True) - 0x3FE6A09E667F3BCD
    e = (bits.to(tl.int64, bitcast=True) >> 52).to(tl.float64)
    m = ((bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD).to(tl.float64, bitcast=True) - 1.0
    s = m / (2.0 + m)
    t = s * s
    r = _horner(t, _double(1.479819860511658591e-01), 1.531383769920937332e-01)
    r = _horner(t, r, 1.818357216161805012e-01)
    r = _horner(t, r, 2.222219843214978396e-01)
    r = _horner(t, r, 2.857142874366239149e-01)
    r = _horner(t, r, 3.999999999940941908e-01)
    r = _horner(t, r, 6.666666666666735130e-01)
    half = 0.5 * m * m
    small = half - tl.fma(s, tl.fma(r, t, half), e * 1.90821492927058770002e-10)
    return tl.fma(e, _double(6.93147180369123816490e-01), m - small)


@triton.jit
def normal_pair64(w0, w1, w2, w3):
    """Two independent standard normals in float64 from four words, as on the CPU."""
    radius = tl.sqrt(tl.maximum(-2.0 * log64(uniform64(w0, w1)), 0.0))
    word = (w2.to(tl.uint64) << 32) | w3.to(tl.uint64)
    remainder = (word << 2).to(tl.int64, bitcast=True) >> 2
    t = (remainder.to(tl.float64) + 0.5) * 3.4061215800865545e-19
    t2 = t * t
    s = _horner(t2, _double(1.58969099521155010221e-10), -2.50507602534068634195e-08)
    s = _horner(t2, s, 2.75573137070700676789e-06)
    s = _horner(t2, s, -1.98412698298579493134e-04)
    s = _horner(t2, s, 8.33333333332248946124e-03)
    s = _horner(t2, s, -1.66666666666666324348e-01)
    sine = tl.fma(t * t2, s, t)
    c = _horner(t2, _double(-1.13596475577881948265e-11), 2.08757232129817482790e-09)
    c = _horner(t2, c, -2.75573143513906633035e-07)
    c = _horner(t2, c, 2.48015872894767294178e-05)
    c = _horner(t2, c, -1.38888888888741095749e-03)
    c = _horner(t2, c, 4.16666666666666019037e-02)
    cosine = tl.fma(c * t2, t2, tl.fma(t2, -0.5, 1.0))
    turn = w2 >> 30
    swap = (turn & 1) != 0
    first = radius * tl.where(swap, sine, cosine)
    second = radius * tl.where(swap, cosine, sine)
    # cos(t + qπ/2) is negative for q = 1, 2 and sin(t + qπ/2) for q = 2, 3 (after the swap).
    first = tl.where(((turn + 1) & 2) != 0, -first, first)
    second = tl.where((turn & 2) != 0, -second, second)
    return first, second


@triton.jit
def words(address, first, trial, counter):
    """Four words for each counter: address points to the key's two words, `first` names the stream."""
    low, high = tl.load(address), tl.load(address + 1)
    seed = (high << 32) | low
    stream = tl.load(address + first).to(tl.uint32)
    t0 = (trial & 0xFFFFFFFF).to(tl.uint32)
    t1 = (trial >> 32).to(tl.uint32)
    zero = (counter * 0).to(tl.uint32)
    return tl.philox(seed, counter.to(tl.uint32), zero + stream, zero + t0, zero + t1)


@triton.jit
def normals(address, first, trial, counter):
    """Four normals a counter, shape (C, 2, 2): entry [c, i, j] is made of word 2j + i's place in its tile."""
    w0, w1, w2, w3 = words(address, first, trial, counter)
    z0, z1 = normal_pair32(w0, w1)
    z2, z3 = normal_pair32(w2, w3)
    return tl.join(tl.join(z0, z1), tl.join(z2, z3))


@triton.jit
def elements(counter, COUNTERS: tl.constexpr):
    """The neuron of each of a counter's numbers, shape (C, 2, 2): tiles of 64 counters are laid out word by word."""
    i = tl.arange(0, 2)[None, :, None]
    j = tl.arange(0, 2)[None, None, :]
    base = ((counter // 64) * 256 + counter % 64).reshape([COUNTERS, 1, 1])
    return base + 64 * (2 * j + i)

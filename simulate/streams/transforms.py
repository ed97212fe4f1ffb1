"""From 32-bit words to normal numbers: Box-Muller with polynomials, in float32 and in float64.

Only additions, multiplications, divisions, square roots, fused multiply-adds and integer operations are used,
without calls into a mathematics library. All of these are fixed to the bit by IEEE 754 as long as the compiler
fuses nothing by itself, so a stream is the same on every processor, whatever its vector width. Where a product and
a sum are fused, `fma` says so.

float32 spends one word on the radius and one on the angle: two normals from two words, |z| ≤ 6.76.
float64 spends two words on each: two normals from four words, |z| ≤ 9.5.

Sources of the polynomial coefficients: S. L. Moshier's Cephes (`logf`, `sinf`, `cosf`) for float32, Sun's
fdlibm (`e_log`, `k_sin`, `k_cos`) for float64; both are accurate to about one unit in the last place.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numba.core import types
from numba.extending import intrinsic

from simulate.streams.compiled import INNER

u32, u64, i32, i64 = np.uint32, np.uint64, np.int32, np.int64
f32, f64 = np.float32, np.float64


def _bitcast(source: Any, target: Any) -> Any:
    """Compiled reinterpretation of the bits of one scalar type as another of the same size."""

    @intrinsic
    def cast(typing_context, value):
        def generate(context, builder, signature, arguments):
            return builder.bitcast(arguments[0], context.get_value_type(target))

        return (target(source), generate) if value == source else None

    return cast


bits32 = _bitcast(types.float32, types.uint32)
as_float32 = _bitcast(types.uint32, types.float32)
bits64 = _bitcast(types.float64, types.uint64)
as_float64 = _bitcast(types.uint64, types.float64)


def _fma(typing_context, x, y, z):
    """x·y + z, rounded once: one instruction on any processor of the last ten years, exact by IEEE 754 elsewhere."""

    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return (x(x, x, x), generate) if isinstance(x, types.Float) and x == y == z else None


fma: Any = intrinsic(_fma)


@njit(**INNER)
def log32(x):
    """Natural logarithm of a positive normal float32."""
    # x = 2^e (1 + m) with 1 + m in [√½, √2): subtracting the bits of √½ aligns the exponent field to it.
    bits = u32(bits32(x) - u32(0x3F3504F3))
    e = f32(i32(bits) >> i32(23))
    m = as_float32(u32((bits & u32(0x007FFFFF)) + u32(0x3F3504F3))) - f32(1)
    p = f32(7.0376836292e-2)
    p = fma(p, m, f32(-1.1514610310e-1))
    p = fma(p, m, f32(1.1676998740e-1))
    p = fma(p, m, f32(-1.2420140846e-1))
    p = fma(p, m, f32(1.4249322787e-1))
    p = fma(p, m, f32(-1.6668057665e-1))
    p = fma(p, m, f32(2.0000714765e-1))
    p = fma(p, m, f32(-2.4999993993e-1))
    p = fma(p, m, f32(3.3333331174e-1))
    square = m * m
    # log 2 is split in two so that e·log 2 loses no bit.
    small = fma(f32(-0.5), square, fma(m * square, p, e * f32(-2.12194440e-4)))
    return fma(e, f32(0.693359375), m + small)


@njit(**INNER)
def log64(x):
    """Natural logarithm of a positive normal float64."""
    bits = u64(bits64(x) - u64(0x3FE6A09E667F3BCD))
    e = f64(i64(bits) >> i64(52))
    m = as_float64(u64((bits & u64(0x000FFFFFFFFFFFFF)) + u64(0x3FE6A09E667F3BCD))) - 1.0
    # log(1 + m) = m − m²/2 + s (m²/2 + R(s²)) with s = m/(2 + m)
    s = m / (2.0 + m)
    t = s * s
    r = 1.479819860511658591e-01
    r = fma(r, t, 1.531383769920937332e-01)
    r = fma(r, t, 1.818357216161805012e-01)
    r = fma(r, t, 2.222219843214978396e-01)
    r = fma(r, t, 2.857142874366239149e-01)
    r = fma(r, t, 3.999999999940941908e-01)
    r = fma(r, t, 6.666666666666735130e-01)
    half = 0.5 * m * m
    small = half - fma(s, fma(r, t, half), e * 1.90821492927058770002e-10)
    return fma(e, 6.93147180369123816490e-01, m - small)


@njit(**INNER)
def normal_pair32(w0, w1):
    """Two independent standard normals in float32 from two uniform words."""
    # (w + ½)/2³² lies in (0, 1]: small values keep their relative precision, so the tail is not cut short.
    uniform = (f32(w0) + f32(0.5)) * f32(2.0**-32)
    square = f32(-2) * log32(uniform)
    radius = f32(math.sqrt(f32(0) if square < f32(0) else square))
    # The two top bits of w1 choose a quarter turn, the other thirty an angle t in (−π/4, π/4).
    remainder = i32(u32(w1 << u32(2))) >> i32(2)
    t = (f32(remainder) + f32(0.5)) * f32(math.pi / 4 / 2**29)
    t2 = t * t
    s = fma(fma(f32(-1.9515295891e-4), t2, f32(8.3321608736e-3)), t2, f32(-1.6666654611e-1))
    sine = fma(s * t2, t, t)
    c = fma(fma(f32(2.443315711809948e-5), t2, f32(-1.388731625493765e-3)), t2, f32(4.166664568298827e-2))
    cosine = fma(c * t2, t2, fma(f32(-0.5), t2, f32(1)))
    turn = w1 >> u32(30)
    swap = (turn & u32(1)) != u32(0)
    first = radius * (sine if swap else cosine)
    second = radius * (cosine if swap else sine)
    # cos(t + qπ/2) is negative for q = 1, 2 and sin(t + qπ/2) for q = 2, 3 (after the swap).
    flip_first = u32(((turn + u32(1)) & u32(2)) << u32(30))
    flip_second = u32((turn & u32(2)) << u32(30))
    return as_float32(u32(bits32(first) ^ flip_first)), as_float32(u32(bits32(second) ^ flip_second))


@njit(**INNER)
def uniform64(w0, w1):
    """A float64 in (0, 1] from two words; small values keep full relative precision."""
    return (f64((u64(w0) << u64(32)) | u64(w1)) + 0.5) * 2.0**-64


@njit(**INNER)
def normal_pair64(w0, w1, w2, w3):
    """Two independent standard normals in float64 from four uniform words."""
    square = -2.0 * log64(uniform64(w0, w1))
    radius = math.sqrt(0.0 if square < 0.0 else square)
    word = (u64(w2) << u64(32)) | u64(w3)
    remainder = i64(u64(word << u64(2))) >> i64(2)
    t = (f64(remainder) + 0.5) * (math.pi / 4 / 2.0**61)
    t2 = t * t
    s = 1.58969099521155010221e-10
    s = fma(s, t2, -2.50507602534068634195e-08)
    s = fma(s, t2, 2.75573137070700676789e-06)
    s = fma(s, t2, -1.98412698298579493134e-04)
    s = fma(s, t2, 8.33333333332248946124e-03)
    s = fma(s, t2, -1.66666666666666324348e-01)
    sine = fma(t * t2, s, t)
    c = -1.13596475577881948265e-11
    c = fma(c, t2, 2.08757232129817482790e-09)
    c = fma(c, t2, -2.75573143513906633035e-07)
    c = fma(c, t2, 2.48015872894767294178e-05)
    c = fma(c, t2, -1.38888888888741095749e-03)
    c = fma(c, t2, 4.16666666666666019037e-02)
    cosine = fma(c * t2, t2, fma(-0.5, t2, 1.0))
    turn = word >> u64(62)
    swap = (turn & u64(1)) != u64(0)
    first = radius * (sine if swap else cosine)
    second = radius * (cosine if swap else sine)
    flip_first = u64(((turn + u64(1)) & u64(2)) << u64(62))
    flip_second = u64((turn & u64(2)) << u64(62))
    return as_float64(u64(bits64(first) ^ flip_first)), as_float64(u64(bits64(second) ^ flip_second))

"""The named activations as scalar functions that a compiler can put inside a loop.

`FLOAT32[name]` and `FLOAT64[name]` are the pairs (σ, σ′). Those in float32 are made of additions, multiplications,
divisions, fused multiply-adds and bit operations only: they fit into vector registers and give the same bits on every
processor. Those in float64 use the mathematics library, one number at a time. Conventions at kinks are those of
`simulate.activations`, whose functions are the oracle that the tests compare these with.

Sources of the polynomial coefficients: S. L. Moshier's Cephes (`expf`, `tanhf`, `sinf`, `cosf`); for erf our own
minimax fits, of erf(x)/x in x² on [0, 1] (error 1.2e-9) and of −log erfc on [1, 4] (1.0e-9 in erfc).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from simulate.activations import LEAKY_SLOPE
from simulate.streams.compiled import INNER
from simulate.streams.transforms import as_float32, bits32, fma, log32

u32, i32, f32 = np.uint32, np.int32, np.float32


@njit(**INNER)
def exp32(x):
    """Exponential in float32; arguments beyond ±87 count as ±87."""
    x = min(max(x, f32(-87.0)), f32(87.0))
    # Adding and taking away 1.5·2²³ rounds to the nearest integer.
    n = x * f32(1.44269504088896341) + f32(12582912.0) - f32(12582912.0)
    r = fma(n, f32(2.12194440e-4), fma(n, f32(-0.693359375), x))
    p = fma(f32(1.9875691500e-4), r, f32(1.3981999507e-3))
    p = fma(p, r, f32(8.3334519073e-3))
    p = fma(p, r, f32(4.1665795894e-2))
    p = fma(p, r, f32(1.6666665459e-1))
    p = fma(p, r, f32(5.0000001201e-1))
    return (fma(p * r, r, r) + f32(1)) * as_float32(u32((i32(n) + i32(127)) << i32(23)))


@njit(**INNER)
def tanh32(x):
    """Hyperbolic tangent in float32."""
    size = abs(x)
    t = x * x
    p = fma(f32(-5.70498872745e-3), t, f32(2.06390887954e-2))
    p = fma(p, t, f32(-5.37397155531e-2))
    p = fma(p, t, f32(1.33314422036e-1))
    p = fma(p, t, f32(-3.33332819422e-1))
    near = fma(p * t, x, x)
    far = f32(1) - f32(2) / (exp32(size + size) + f32(1))
    far = as_float32(u32(bits32(far) | (bits32(x) & u32(0x80000000))))
    return near if size < f32(0.625) else far


@njit(**INNER)
def sigmoid32(x):
    """1/(1 + e^{-x}) in float32."""
    e = exp32(-abs(x))
    s = f32(1) / (f32(1) + e)
    return s if x >= f32(0) else e * s


@njit(**INNER)
def softplus32(x):
    """log(1 + e^x) in float32."""
    e = exp32(-abs(x))
    u = f32(1) + e
    # What rounding took from 1 + e comes back through the derivative of the logarithm.
    return max(x, f32(0)) + (log32(u) + (e - (u - f32(1))) / u)


@njit(**INNER)
def erf32(x):
    """Error function in float32."""
    size = min(abs(x), f32(4))
    t = size * size
    p = fma(f32(7.889122935011983e-05), t, f32(-0.0008020842215046287))
    p = fma(p, t, f32(0.005189535673707724))
    p = fma(p, t, f32(-0.026854444295167923))
    p = fma(p, t, f32(0.11283600330352783))
    p = fma(p, t, f32(-0.3761262595653534))
    p = fma(p, t, f32(1.1283791065216064))
    q = fma(f32(-1.85574069e-04), size, f32(2.93960787e-03))
    q = fma(q, size, f32(-2.18053205e-02))
    q = fma(q, size, f32(1.03037373e-01))
    q = fma(q, size, f32(6.38225672e-01))
    q = fma(q, size, f32(1.12704004e00))
    q = fma(q, size, f32(3.53718790e-04))
    result = p * size if size < f32(1) else f32(1) - exp32(-q)
    return as_float32(u32(bits32(result) | (bits32(x) & u32(0x80000000))))


@njit(**INNER)
def _sine_turned(x, quarter):
    """sin(x + quarter·π/2) in float32, for |x| < 10⁶; beyond, a number in [-1, 1] that means nothing."""
    x = min(max(x, f32(-3.0e6)), f32(3.0e6))
    n = x * f32(0.636619772367581343) + f32(12582912.0) - f32(12582912.0)
    # π/2 in three parts, so that n times the first two is exact as far as n goes
    t = fma(n, f32(-1.5703125), x)
    t = fma(n, f32(-4.837512969970703125e-4), t)
    t = fma(n, f32(-7.549789954891e-8), t)
    t2 = t * t
    s = fma(fma(f32(-1.9515295891e-4), t2, f32(8.3321608736e-3)), t2, f32(-1.6666654611e-1))
    sine = fma(s * t2, t, t)
    c = fma(fma(f32(2.443315711809948e-5), t2, f32(-1.388731625493765e-3)), t2, f32(4.166664568298827e-2))
    cosine = fma(c * t2, t2, fma(f32(-0.5), t2, f32(1)))
    turn = u32(i32(n) + quarter)
    value = cosine if (turn & u32(1)) != u32(0) else sine
    return as_float32(u32(bits32(value) ^ ((turn & u32(2)) << u32(30))))


# --- piecewise polynomials, in the type of their argument ----------------------------------------------


@njit(**INNER)
def _relu(x):
    return max(x, type(x)(0))


@njit(**INNER)
def _step(x):
    return type(x)(1) if x > type(x)(0) else type(x)(0)


@njit(**INNER)
def _zero(x):
    return type(x)(0)


@njit(**INNER)
def _leaky(x):
    return x if x > type(x)(0) else x * type(x)(LEAKY_SLOPE)


@njit(**INNER)
def _leaky_slope(x):
    return type(x)(1) if x > type(x)(0) else type(x)(LEAKY_SLOPE)


@njit(**INNER)
def _abs(x):
    return abs(x)


@njit(**INNER)
def _sign(x):
    return type(x)(1) if x > type(x)(0) else (type(x)(-1) if x < type(x)(0) else type(x)(0))


@njit(**INNER)
def _identity(x):
    return x


@njit(**INNER)
def _one(x):
    return type(x)(1)


@njit(**INNER)
def _square(x):
    return x * x


@njit(**INNER)
def _twice(x):
    return x + x


# --- float32 -----------------------------------------------------------------------------------------


@njit(**INNER)
def _tanh_slope32(x):
    t = tanh32(x)
    return fma(-t, t, f32(1))


@njit(**INNER)
def _erf_slope32(x):
    return f32(1.1283791670955126) * exp32(-x * x)


@njit(**INNER)
def _sigmoid_slope32(x):
    s = sigmoid32(x)
    return fma(-s, s, s)


@njit(**INNER)
def _gelu32(x):
    half = f32(0.5) * x
    return fma(half, erf32(x * f32(0.70710678118654752)), half)


@njit(**INNER)
def _gelu_slope32(x):
    density = f32(0.3989422804014327) * exp32(f32(-0.5) * x * x)
    return fma(x, density, fma(f32(0.5), erf32(x * f32(0.70710678118654752)), f32(0.5)))


@njit(**INNER)
def _silu32(x):
    return x * sigmoid32(x)


@njit(**INNER)
def _silu_slope32(x):
    s = sigmoid32(x)
    return s * fma(x, f32(1) - s, f32(1))


@njit(**INNER)
def _sin32(x):
    return _sine_turned(x, i32(0))


@njit(**INNER)
def _cos32(x):
    return _sine_turned(x, i32(1))


@njit(**INNER)
def _minus_sin32(x):
    return _sine_turned(x, i32(2))


# --- float64 -----------------------------------------------------------------------------------------


@njit(**INNER)
def _tanh64(x):
    return math.tanh(x)


@njit(**INNER)
def _tanh_slope64(x):
    t = math.tanh(x)
    return 1.0 - t * t


@njit(**INNER)
def _erf64(x):
    return math.erf(x)


@njit(**INNER)
def _erf_slope64(x):
    return 1.1283791670955126 * math.exp(-x * x)


@njit(**INNER)
def _sigmoid64(x):
    e = math.exp(-abs(x))
    return 1.0 / (1.0 + e) if x >= 0.0 else e / (1.0 + e)


@njit(**INNER)
def _sigmoid_slope64(x):
    e = math.exp(-abs(x))
    return e / ((1.0 + e) * (1.0 + e))


@njit(**INNER)
def _softplus64(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@njit(**INNER)
def _gelu64(x):
    return 0.5 * x * (1.0 + math.erf(x * 0.7071067811865476))


@njit(**INNER)
def _gelu_slope64(x):
    density = 0.3989422804014327 * math.exp(-0.5 * x * x)
    return 0.5 * (1.0 + math.erf(x * 0.7071067811865476)) + x * density


@njit(**INNER)
def _silu64(x):
    return x * _sigmoid64(x)


@njit(**INNER)
def _silu_slope64(x):
    s = _sigmoid64(x)
    return s * (1.0 + x * (1.0 - s))


@njit(**INNER)
def _sin64(x):
    return math.sin(x)


@njit(**INNER)
def _cos64(x):
    return math.cos(x)


@njit(**INNER)
def _minus_sin64(x):
    return -math.sin(x)


_PIECEWISE = {
    "relu": (_relu, _step),
    "leaky_relu": (_leaky, _leaky_slope),
    "abs": (_abs, _sign),
    "identity": (_identity, _one),
    "step": (_step, _zero),
    "quadratic": (_square, _twice),
}

FLOAT32 = _PIECEWISE | {
    "tanh": (tanh32, _tanh_slope32),
    "erf": (erf32, _erf_slope32),
    "sigmoid": (sigmoid32, _sigmoid_slope32),
    "softplus": (softplus32, sigmoid32),
    "gelu": (_gelu32, _gelu_slope32),
    "silu": (_silu32, _silu_slope32),
    "sin": (_sin32, _cos32),
    "cos": (_cos32, _minus_sin32),
}
"""σ and σ′ of every named activation in float32."""

FLOAT64 = _PIECEWISE | {
    "tanh": (_tanh64, _tanh_slope64),
    "erf": (_erf64, _erf_slope64),
    "sigmoid": (_sigmoid64, _sigmoid_slope64),
    "softplus": (_softplus64, _sigmoid64),
    "gelu": (_gelu64, _gelu_slope64),
    "silu": (_silu64, _silu_slope64),
    "sin": (_sin64, _cos64),
    "cos": (_cos64, _minus_sin64),
}
"""The same in float64."""

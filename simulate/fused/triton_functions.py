"""The activations as functions that Triton puts inside a kernel: float32, chosen by name when it is compiled.

Only those with a Lipschitz constant: the others are computed in float64, see `simulate.fused`.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def exp32(x):
    """Exponential by the operations of the CPU; arguments beyond ±87 count as ±87."""
    x = tl.minimum(tl.maximum(x, -87.0), 87.0)
    n = x * 1.44269504088896341 + 12582912.0 - 12582912.0
    r = tl.fma(n, 2.12194440e-4, tl.fma(n, -0.693359375, x))
    p = tl.fma(r, 1.9875691500e-4, 1.3981999507e-3)
    p = tl.fma(p, r, 8.3334519073e-3)
    p = tl.fma(p, r, 4.1665795894e-2)
    p = tl.fma(p, r, 1.6666665459e-1)
    p = tl.fma(p, r, 5.0000001201e-1)
    power = ((n.to(tl.int32) + 127) << 23).to(tl.float32, bitcast=True)
    return (tl.fma(p * r, r, r) + 1.0) * power


@triton.jit
def _sigmoid(x):
    e = tl.exp(-tl.abs(x))
    return tl.where(x >= 0, 1.0, e) / (1.0 + e)


@triton.jit
def _tanh(x):
    # near 0 the difference loses all relative accuracy, so a polynomial stands there
    t = x * x
    p = tl.fma(t, -5.70498872745e-3, 2.06390887954e-2)
    p = tl.fma(p, t, -5.37397155531e-2)
    p = tl.fma(p, t, 1.33314422036e-1)
    p = tl.fma(p, t, -3.33332819422e-1)
    size = tl.minimum(tl.abs(x), 40.0)
    far = 1.0 - 2.0 / (tl.exp(2.0 * size) + 1.0)
    return tl.where(size < 0.625, tl.fma(p * t, x, x), tl.where(x < 0, -far, far))


@triton.jit
def value(NAME: tl.constexpr, x):
    """σ(x) in float32."""
    if NAME == "relu":
        y = tl.maximum(x, 0.0)
    elif NAME == "leaky_relu":
        y = tl.where(x > 0, x, x * 0.01)
    elif NAME == "abs":
        y = tl.abs(x)
    elif NAME == "tanh":
        y = _tanh(x)
    elif NAME == "erf":
        y = tl.erf(x)
    elif NAME == "sigmoid":
        y = _sigmoid(x)
    elif NAME == "softplus":
        e = tl.exp(-tl.abs(x))
        u = 1.0 + e
        y = tl.maximum(x, 0.0) + (tl.log(u) + (e - (u - 1.0)) / u)
    elif NAME == "gelu":
        y = 0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476))
    elif NAME == "silu":
        y = x * _sigmoid(x)
    elif NAME == "sin":
        y = tl.sin(x)
    elif NAME == "cos":
        y = tl.cos(x)
    else:
        tl.static_assert(NAME == "identity")
        y = x
    return y


@triton.jit
def derivative(NAME: tl.constexpr, x):
    """σ′(x) in float32."""
    if NAME == "relu":
        y = tl.where(x > 0, 1.0, 0.0)
    elif NAME == "leaky_relu":
        y = tl.where(x > 0, 1.0, 0.01)
    elif NAME == "abs":
        y = tl.where(x > 0, 1.0, tl.where(x < 0, -1.0, 0.0))
    elif NAME == "tanh":
        t = _tanh(x)
        y = 1.0 - t * t
    elif NAME == "erf":
        y = 1.1283791670955126 * tl.exp(-x * x)
    elif NAME == "sigmoid":
        s = _sigmoid(x)
        y = s - s * s
    elif NAME == "softplus":
        y = _sigmoid(x)
    elif NAME == "gelu":
        density = 0.3989422804014327 * tl.exp(-0.5 * x * x)
        y = 0.5 * (1.0 + tl.erf(x * 0.7071067811865476)) + x * density
    elif NAME == "silu":
        s = _sigmoid(x)
        y = s * (1.0 + x * (1.0 - s))
    elif NAME == "sin":
        y = tl.cos(x)
    elif NAME == "cos":
        y = -tl.sin(x)
    else:
        tl.static_assert(NAME == "identity")
        y = x * 0.0 + 1.0
    return y

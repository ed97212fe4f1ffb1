"""Laws that are drawn by rejection: one number a trial, each attempt from counters of its own.

Attempt i of a number uses fixed counters, so how often one number was rejected moves no other number.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from simulate.streams.compiled import BOTH, INNER, KERNEL
from simulate.streams.philox import philox
from simulate.streams.transforms import log64, normal_pair64, uniform64

u32, u64 = np.uint32, np.uint64
_HIGH = u64(32)


@njit(**KERNEL)
def chi_squares(out, degrees, k0, k1, stream, first):
    """A χ² number with `degrees` ≥ 1 degrees of freedom for each trial, in float64, exact in law.

    G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000: rejection with
    one normal and one uniform an attempt, at any shape ≥ 1; attempt i uses the counters 2i and 2i + 1.
    """
    d = 0.5 * degrees - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d) if degrees > 1 else 0.0
    for b in range(out.shape[0]):
        trial = first + u64(b)
        t0, t1 = u32(trial), u32(trial >> _HIGH)
        counter = u64(0)
        while True:
            w0, w1, w2, w3 = philox(counter, stream, t0, t1, k0, k1)
            z, _ = normal_pair64(w0, w1, w2, w3)
            if degrees == 1:
                out[b] = z * z
                break
            v = (1.0 + c * z) ** 3
            w0, w1, w2, w3 = philox(counter + u64(1), stream, t0, t1, k0, k1)
            if v > 0.0 and log64(uniform64(w0, w1)) < 0.5 * z * z + d * (1.0 - v + log64(v)):
                out[b] = 2.0 * d * v
                break
            counter += u64(2)


@njit(**INNER | {"forceinline": False})
def _stirling(n):
    """What Stirling leaves: log n! − log(√(2π) n^{n+½} e^{−n}) at n + 1, to 1e-16."""
    x = 1.0 / (n + 1.0)
    x2 = x * x
    if n < 10:  # the series wants a large argument: walk up to one
        total = 0.0
        m = n
        while m < 10:
            # s(m) − s(m + 1) for s(m) = log (m)! − …, exactly
            total += (m + 1.5) * math.log1p(1.0 / (m + 1.0)) - 1.0
            m += 1.0
        x = 1.0 / (m + 1.0)
        x2 = x * x
        return total + x * (1 / 12 - x2 * (1 / 360 - x2 * (1 / 1260 - x2 * (1 / 1680 - x2 / 1188))))
    return x * (1 / 12 - x2 * (1 / 360 - x2 * (1 / 1260 - x2 * (1 / 1680 - x2 / 1188))))


@njit(**BOTH)
def binomials(out, n, p, k0, k1, stream, first):
    """The number of successes in n ≥ 0 trials of probability p in [0, 1], for each trial, in int64.

    Exact in law to rounding. Where n·min(p, 1 − p) ≥ 10 by transformed rejection (W. Hörmann, "The generation of
    binomial random variates", J. Stat. Comput. Simul. 46, 1993, algorithm BTRS), one counter an attempt; else by
    inversion, with one uniform. Rounding enters the accepting inequality, whose two sides are known to some n·10⁻¹⁶.
    """
    rare = p <= 0.5
    q = p if rare else 1.0 - p
    ratio = q / (1.0 - q)
    of_none = math.exp(n * math.log1p(-q))
    spread = math.sqrt(n * q * (1.0 - q))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * q
    c = n * q + 0.5
    inner = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * spread
    mode = math.floor((n + 1) * q)
    for i in range(out.shape[0]):
        trial = first + u64(i)
        t0, t1 = u32(trial), u32(trial >> _HIGH)
        count = np.int64(0)
        if n * q < 10.0:
            w0, w1, _, _ = philox(u64(0), stream, t0, t1, k0, k1)
            left = uniform64(w0, w1)
            chance = of_none
            while left > chance and count < n:
                left -= chance
                count += 1
                chance *= ratio * (n - count + 1) / count
            out[i] = count if rare else n - count
            continue
        attempt = u64(0)
        while True:
            w0, w1, w2, w3 = philox(attempt, stream, t0, t1, k0, k1)
            attempt += u64(1)
            v = uniform64(w0, w1)
            u = uniform64(w2, w3) - 0.5
            us = 0.5 - abs(u)
            if us <= 0.0:
                continue
            k = math.floor((2.0 * a / us + b) * u + c)
            if k < 0 or k > n:
                continue
            if us < 0.07 or v > inner:
                bound = (
                    (mode + 0.5) * math.log((mode + 1.0) / (ratio * (n - mode + 1.0)))
                    + (n + 1.0) * math.log1p((k - mode) / (n - k + 1.0))
                    + (k + 0.5) * math.log(ratio * (n - k + 1.0) / (k + 1.0))
                    + _stirling(mode)
                    + _stirling(n - mode)
                    - _stirling(k)
                    - _stirling(n - k)
                )
                if math.log(v * alpha / (a / (us * us) + b)) > bound:
                    continue
            out[i] = k if rare else n - k
            break

"""The laws of `simulate.streams.rejection` inside GPU kernels, for a block of trials: attempt by attempt the same.

χ² numbers are equal to the CPU's to the bit. A count is another one where the two sides of the accepting inequality
agree to rounding, for logarithms are the device's: a chance of some √n·10⁻¹⁶, and the law is the same.
"""

from __future__ import annotations

import triton
import triton.language as tl

from simulate.streams.triton_numbers import log64, normal_pair64, uniform64, words


@triton.jit
def _log1p(x):
    """log(1 + x) to a few units in the last place: what rounding 1 + x does to it is taken out again."""
    u = 1.0 + x
    return tl.where(u == 1.0, x, tl.log(u) * x / tl.where(u == 1.0, 1.0, u - 1.0))


@triton.jit
def chi_square(address, place, trial, degrees, waiting):
    """A χ² number with `degrees` ≥ 1 degrees of freedom (float64) for each trial that waits, else 0."""
    result = trial.to(tl.float64) * 0.0
    degrees = degrees + result
    d = 0.5 * degrees - 1.0 / 3.0
    c = 1.0 / tl.sqrt(9.0 * tl.where(degrees > 1.0, d, 1.0))
    attempt = 0
    while tl.max(waiting.to(tl.int32), axis=0) > 0:
        counter = (trial * 0).to(tl.int32) + 2 * attempt
        w0, w1, w2, w3 = words(address, place, trial, counter)
        z, _ = normal_pair64(w0, w1, w2, w3)
        one = 1.0 + c * z
        v = one * one * one
        w0, w1, w2, w3 = words(address, place, trial, counter + 1)
        some = tl.where(v > 0, v, 1.0)
        within = log64(uniform64(w0, w1)) < 0.5 * z * z + d * (1.0 - v + log64(some))
        accepted = waiting & (((v > 0) & within) | (degrees == 1.0))
        result = tl.where(accepted, tl.where(degrees == 1.0, z * z, 2.0 * d * v), result)
        waiting = waiting & (accepted == 0)
        attempt += 1
    return result


@triton.jit
def _stirling(n):
    """What Stirling's formula leaves of log n! at n + 1, for n ≥ 10 to 1e-16; below by the recursion."""
    total = n * 0.0
    m = n
    small = m < 10.0
    while tl.max(small.to(tl.int32), axis=0) > 0:
        total += tl.where(small, (m + 1.5) * _log1p(1.0 / (m + 1.0)) - 1.0, 0.0)
        m = tl.where(small, m + 1.0, m)
        small = m < 10.0
    x = 1.0 / (m + 1.0)
    y = x * x
    series = 1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y / 1188)))
    return total + x * series


@triton.jit
def _by_inversion(address, place, trial, n, q, waiting):
    """Successes among n trials of probability q, n·q < 10, for each trial that waits, else 0."""
    w0, w1, _, _ = words(address, place, trial, (trial * 0).to(tl.int32))
    left = uniform64(w0, w1)
    ratio = q / (1.0 - q)
    chance = tl.exp(n * _log1p(-q))
    count = left * 0.0
    waiting = waiting & (left > chance) & (count < n)
    while tl.max(waiting.to(tl.int32), axis=0) > 0:
        left = tl.where(waiting, left - chance, left)
        count = tl.where(waiting, count + 1.0, count)
        chance = tl.where(waiting, chance * (ratio * (n - count + 1.0) / count), chance)
        waiting = waiting & (left > chance) & (count < n)
    return count


@triton.jit
def binomial(address, place, trial, n, p, waiting):
    """Successes among n ≥ 0 trials of probability p in [0, 1], all float64, for each trial that waits, else any."""
    n, p = n + trial.to(tl.float64) * 0.0, p + trial.to(tl.float64) * 0.0
    q = tl.minimum(p, 1.0 - p)
    small = waiting & (n * q < 10.0)
    waiting = waiting & (small == 0)
    result = n * 0.0
    if tl.max(small.to(tl.int32), axis=0) > 0:
        result = _by_inversion(address, place, trial, n, q, small)
    spread = tl.sqrt(n * q * (1.0 - q))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * q
    center = n * q + 0.5
    inner = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * spread
    ratio = q / (1.0 - q)
    mode = tl.floor((n + 1.0) * q)
    attempt = 0
    while tl.max(waiting.to(tl.int32), axis=0) > 0:
        w0, w1, w2, w3 = words(address, place, trial, (trial * 0).to(tl.int32) + attempt)
        v = uniform64(w0, w1)
        u = uniform64(w2, w3) - 0.5
        us = 0.5 - tl.abs(u)
        safe = tl.maximum(us, 1e-300)
        k = tl.floor((2.0 * a / safe + b) * u + center)
        possible = (us > 0.0) & (k >= 0.0) & (k <= n)
        k = tl.where(possible, k, mode)
        accepted = waiting & possible & (us >= 0.07) & (v <= inner)
        doubtful = waiting & possible & (accepted == 0)
        if tl.max(doubtful.to(tl.int32), axis=0) > 0:
            bound = (
                (mode + 0.5) * tl.log((mode + 1.0) / (ratio * (n - mode + 1.0)))
                + (n + 1.0) * _log1p((k - mode) / (n - k + 1.0))
                + (k + 0.5) * tl.log(ratio * (n - k + 1.0) / (k + 1.0))
                + _stirling(mode)
                + _stirling(n - mode)
                - _stirling(k)
                - _stirling(n - k)
            )
            accepted |= doubtful & (tl.log(v * alpha / (a / (safe * safe) + b)) <= bound)
        result = tl.where(accepted, k, result)
        waiting = waiting & (accepted == 0)
        attempt += 1
    return tl.where(p <= 0.5, result, n - result)

"""Kernels that fill arrays on a GPU with numbers of one stream, one trial a row, as `simulate.streams.fill` does."""

from __future__ import annotations

import triton
import triton.language as tl

from simulate.streams.triton_numbers import FIRST, elements, normal64, normals, uniform64, words


@triton.jit
def fill_normals(address, out, columns, first, BLOCK: tl.constexpr):
    """Rows of normals in float32, one trial a row; `first` is the place of their stream's word in `address`."""
    # One axis of programs: the others end at 65,535.
    blocks = tl.cdiv(columns, 4 * BLOCK)
    row = (tl.program_id(0) // blocks).to(tl.int64)
    counter = (tl.program_id(0) % blocks).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    z = normals(address, first, tl.load(address + FIRST) + row, counter)
    element = elements(counter, BLOCK)
    tl.store(out + row * columns + element, z, mask=element < columns)


@triton.jit
def chi_squares(address, first, out, degrees, count, BLOCK: tl.constexpr):
    """χ² numbers by the rejection of `simulate.streams.rejection`, one a trial, degrees ≥ 1 (float64)."""
    row = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    trial = tl.load(address + FIRST) + row
    d = 0.5 * degrees - 1.0 / 3.0
    c = 1.0 / tl.sqrt(9.0 * tl.where(degrees > 1.0, d, 1.0))
    result = tl.zeros([BLOCK], tl.float64)
    waiting = row < count
    attempt = 0
    while tl.max(waiting.to(tl.int32), axis=0) > 0:
        counter = tl.zeros([BLOCK], tl.int32) + 2 * attempt
        w0, w1, w2, w3 = words(address, first, trial, counter)
        z = normal64(w0, w1, w2, w3)
        one = 1.0 + c * z
        v = one * one * one
        w0, w1, w2, w3 = words(address, first, trial, counter + 1)
        some = tl.where(v > 0, v, 1.0)
        within = tl.log(uniform64(w0, w1)) < 0.5 * z * z + d * (1.0 - v + tl.log(some))
        accepted = waiting & (((v > 0) & within) | (degrees == 1.0))
        result = tl.where(accepted, tl.where(degrees == 1.0, z * z, 2.0 * d * v), result)
        waiting = waiting & (accepted == 0)
        attempt += 1
    tl.store(out + row, result, mask=row < count)


@triton.jit
def _stirling(n):
    """What Stirling's formula leaves of log n! at n + 1, for n ≥ 10 to 1e-16; below by the recursion."""
    total = n * 0.0
    m = n
    for _ in tl.static_range(10):
        small = m < 10.0
        total += tl.where(small, (m + 1.5) * tl.log(1.0 + 1.0 / (m + 1.0)) - 1.0, 0.0)
        m = tl.where(small, m + 1.0, m)
    x = 1.0 / (m + 1.0)
    y = x * x
    series = 1.0 / 12 - y * (1.0 / 360 - y * (1.0 / 1260 - y * (1.0 / 1680 - y / 1188)))
    return total + x * series


@triton.jit
def fair_counts(address, first, out, n, count, BLOCK: tl.constexpr):
    """Successes among n ≥ 20 fair trials by the rejection of `simulate.streams.rejection`, one number a trial."""
    row = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    trial = tl.load(address + FIRST) + row
    n = n.to(tl.float64)
    spread = tl.sqrt(n * 0.25)
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * 0.5
    center = n * 0.5 + 0.5
    inner = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * spread
    mode = tl.floor((n + 1.0) * 0.5)
    result = tl.zeros([BLOCK], tl.float64)
    waiting = row < count
    attempt = 0
    while tl.max(waiting.to(tl.int32), axis=0) > 0:
        w0, w1, w2, w3 = words(address, first, trial, tl.zeros([BLOCK], tl.int32) + attempt)
        v = uniform64(w0, w1)
        u = uniform64(w2, w3) - 0.5
        us = 0.5 - tl.abs(u)
        safe = tl.maximum(us, 1e-300)
        k = tl.floor((2.0 * a / safe + b) * u + center)
        possible = (us > 0.0) & (k >= 0.0) & (k <= n)
        k = tl.where(possible, k, mode)
        bound = (
            (mode + 0.5) * tl.log((mode + 1.0) / (n - mode + 1.0))
            + (n + 1.0) * tl.log(1.0 + (k - mode) / (n - k + 1.0))
            + (k + 0.5) * tl.log((n - k + 1.0) / (k + 1.0))
            + _stirling(mode + 0.0 * k)
            + _stirling(n - mode + 0.0 * k)
            - _stirling(k)
            - _stirling(n - k)
        )
        below = tl.log(v * alpha / (a / (safe * safe) + b)) <= bound
        accepted = waiting & possible & (((us >= 0.07) & (v <= inner)) | below)
        result = tl.where(accepted, k, result)
        waiting = waiting & (accepted == 0)
        attempt += 1
    tl.store(out + row, result.to(tl.int64), mask=row < count)

"""Numbers that a reader can check by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

MOST_ENTRIES = 144
"""Larger arrays are simplified as a whole only."""


def complexity(value: float) -> tuple[int, float]:
    """How hard a number is to read: how many digits it has, then how far its size is from 1."""
    if value == 0:
        return (0, 0.0)
    mantissa, _, exponent = f"{abs(value):.17g}".partition("e")
    if float(f"{value:.6g}") == value:
        mantissa, _, exponent = f"{abs(value):.6g}".partition("e")
    digits = len(mantissa.replace(".", "").strip("0"))
    return (digits + len(exponent.lstrip("+-0")), abs(math.log(abs(value))))


def complexity_of_all(array: Any) -> tuple[int, float]:
    """Of all entries together; of large arrays the first stand for all."""
    parts = [complexity(float(entry)) for entry in np.ravel(array)[:MOST_ENTRIES]]
    return sum(digits for digits, _ in parts), sum(size for _, size in parts)


def simpler_numbers(value: float) -> Iterator[float]:
    """Numbers near a value that are simpler, simplest first.

    0, ±1, powers of ten from 1 to the value, a few small numbers, then more and more digits.
    """
    if not value or not math.isfinite(value):
        return
    mine = complexity(value)
    digits = [float(f"{value:.{count}e}") for count in range(6)]
    candidates = [0.0, 1.0, -1.0]
    candidates += [math.copysign(number, value) for number in (*_powers_towards(abs(value)), 2.0, 3.0, 0.5)]
    candidates += [float(round(value)), *digits[:1], round(value, 1), digits[1], round(value, 2), *digits[2:]]
    for candidate in dict.fromkeys(candidates):
        if math.isfinite(candidate) and complexity(candidate) < mine:
            yield candidate


def _powers_towards(size: float) -> list[float]:
    """At most about twenty powers of ten from 1 to just beyond a number."""
    exponent = math.log10(size)
    last = min(max(math.floor(exponent) if exponent < 0 else math.ceil(exponent), -307), 308)
    step = 1 if exponent > 0 else -1
    exponents = list(range(step, last + step, step))
    return [
        10.0**e for e in (*exponents[:12], *exponents[12 :: max(1, len(exponents) // 8)], *exponents[-2:])
    ]

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
    """Numbers near a value that are simpler, simplest first: 0, ±1, powers of ten, then more and more digits."""
    mine = complexity(value)
    if value and math.isfinite(value):
        size = math.log10(abs(value))
        powers = [10.0**e for e in (math.floor(size), math.ceil(size)) if -307 < e < 308]
        digits = [float(f"{value:.{count}e}") for count in range(6)]
        candidates = [0.0, 1.0, -1.0, *(math.copysign(power, value) for power in powers)]
        candidates += [math.copysign(small, value) for small in (2.0, 3.0, 0.5)]
        candidates += [
            float(round(value)),
            *digits[:1],
            round(value, 1),
            digits[1],
            round(value, 2),
            *digits[2:],
        ]
        for candidate in dict.fromkeys(candidates):
            if math.isfinite(candidate) and complexity(candidate) < mine:
                yield candidate

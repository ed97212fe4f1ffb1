"""Checks of the arguments of laws."""

from __future__ import annotations

import math
import operator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulate.errors import BadInput


def integer(value: int, name: str, least: int = 1) -> int:
    """The value as an int, or BadInput if it is no integer or below ``least``."""
    try:
        number = operator.index(value)
    except TypeError:
        raise BadInput(f"{name} must be an integer, not {value!r}") from None
    if number < least:
        raise BadInput(f"{name} must be at least {least}, not {number}")
    return number


def array(value: ArrayLike, name: str, least: float) -> NDArray[np.float64]:
    """The value as a float64 array, or BadInput if an entry is NaN or below ``least``."""
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be a number or an array of numbers, not {value!r}") from None
    if not (numbers >= least).all():
        raise BadInput(
            f"{name} must be {'a number' if least == -math.inf else f'≥ {least:g}'}, not {numbers}"
        )
    return numbers

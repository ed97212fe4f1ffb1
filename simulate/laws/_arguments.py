"""Checks of the arguments of laws."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulate.errors import BadInput


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

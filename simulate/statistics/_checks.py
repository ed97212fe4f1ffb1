"""What the functions of this package accept: one line of complaint for each thing that they do not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulate.arguments import whole as whole
from simulate.errors import BadInput

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def error_rate(confidence: float) -> float:
    """The error rate α = 1 − confidence."""
    return 1.0 - open_unit(confidence, "confidence")


def open_unit(value: float, name: str) -> float:
    """A number strictly between 0 and 1."""
    number = real(value, name)
    if not 0.0 < number < 1.0:
        raise BadInput(f"{name} must lie strictly between 0 and 1, got {value!r}")
    return number


def closed_unit(value: float, name: str) -> float:
    """A number between 0 and 1, ends included."""
    number = real(value, name)
    if not 0.0 <= number <= 1.0:
        raise BadInput(f"{name} must lie between 0 and 1, got {value!r}")
    return number


def positive(value: float, name: str) -> float:
    """A finite number above 0."""
    number = real(value, name)
    if not 0.0 < number < np.inf:
        raise BadInput(f"{name} must be positive and finite, got {value!r}")
    return number


def real(value: float, name: str) -> float:
    """A number, NaN and infinities included."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be a number, got {value!r}") from None


def one_of(value: str, name: str, allowed: tuple[str, ...]) -> None:
    """One of a few words."""
    if value not in allowed:
        raise BadInput(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def integers(values: ArrayLike, name: str) -> Integers:
    """Counts: a non-empty array of whole numbers, none negative."""
    array = _array(values, name)
    # A float count is refused even if it is whole: above 2^53 it has already lost trials. So is a bool, which
    # is one trial's outcome and not a count.
    if array.dtype.kind not in "iu":
        raise BadInput(f"{name} must be whole numbers, got {array.flat[0]!r}")
    if np.any(array < 0):
        raise BadInput(f"{name} must not be negative, got {array[array < 0].flat[0]}")
    return array.astype(np.int64)


def floats(values: ArrayLike, name: str) -> Floats:
    """Real numbers: a non-empty array, converted to float64."""
    array = _array(values, name)
    if array.dtype.kind not in "fiub":
        raise BadInput(f"{name} must be real numbers, got {array.flat[0]!r}")
    return array.astype(np.float64)


def successes_of_trials(successes: ArrayLike, trials: ArrayLike) -> tuple[Integers, Integers]:
    """Counts with 0 ≤ successes ≤ trials, broadcast against each other."""
    s, n = together(integers(successes, "successes"), integers(trials, "trials"))
    if np.any(s > n):
        at = np.argmax(s > n)
        raise BadInput(f"successes must not exceed trials, got {s.flat[at]} of {n.flat[at]}")
    return s, n


def together(*arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """The arrays in their common shape."""
    try:
        return np.broadcast_arrays(*arrays)
    except ValueError:
        shapes = " and ".join(str(array.shape) for array in arrays)
        raise BadInput(f"shapes do not fit together, got {shapes}") from None


def _array(values: ArrayLike, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:
        raise BadInput(f"{name} must be an array of numbers, got {values!r}") from None
    if array.size == 0:
        raise BadInput(f"{name} must not be empty, got an array of shape {array.shape}")
    return array

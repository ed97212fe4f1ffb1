"""Which arithmetic a number or an array belongs to: float64 of numpy, float64 of torch, or mpmath's digits."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Literal

import mpmath
import numpy as np

from theorems.wholes import Whole

_DIGITS: ContextVar[int | None] = ContextVar("digits", default=None)


@contextlib.contextmanager
def in_precision(digits: int = 50) -> Iterator[None]:
    """Let plain numbers be evaluated to so many decimal digits while the context lasts."""
    token = _DIGITS.set(digits)
    try:
        with mpmath.workdps(digits):
            yield
    finally:
        _DIGITS.reset(token)


@contextlib.contextmanager
def without_floats() -> Iterator[None]:
    """Refuse to turn precise numbers into float64 while the context lasts, as math.log or numpy.asarray would.

    Inside it a function that returns has met no float64 on its way, unless it made some of its own.
    """
    plain = mpmath.mpf.__float__

    def refuse(number: Any) -> Any:
        if sys._getframe(1).f_globals.get("__name__", "").startswith("mpmath."):
            return plain(number)
        raise TypeError("a precise number was to become a float64")

    mpmath.mpf.__float__ = refuse
    try:
        yield
    finally:
        mpmath.mpf.__float__ = plain


def to_precise(value: Any) -> Any:
    """The same number or array as mpf, exactly; whole numbers as `Whole`; all else stays what it is."""
    if isinstance(value, np.ndarray):
        return map_entries(mpmath.mpf, value.astype(object)) if value.dtype.kind == "f" else value
    if isinstance(value, float):
        return mpmath.mpf(value)
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return Whole(value)
    return value


def to_number(p: Any) -> Any:
    """A plain number in the arithmetic in force."""
    return mpmath.mpf(p) if _DIGITS.get() is not None else float(p)


def is_torch(value: Any) -> bool:
    """Whether it is a tensor; torch need not be imported to find out."""
    return type(value).__module__.startswith("torch")


def kind_of(*values: Any) -> Literal["torch", "precise", "numpy"]:
    """The arithmetic that values call for: "torch", "precise" or "numpy"."""
    kind: Literal["precise", "numpy"] = "numpy" if _DIGITS.get() is None else "precise"
    for value in values:
        if isinstance(value, np.ndarray):
            if value.dtype == object:
                kind = "precise"
        elif isinstance(value, mpmath.mpf):
            kind = "precise"
        elif is_torch(value):
            return "torch"
    return kind


def tensors(*values: Any) -> tuple[Any, ...]:
    """All as tensors of the type of the first that is one, float64 where that is no real type."""
    import torch

    like = next((v for v in values if isinstance(v, torch.Tensor) and v.dtype.is_floating_point), None)
    dtype = torch.float64 if like is None else like.dtype
    return tuple(v if isinstance(v, torch.Tensor) else torch.as_tensor(v, dtype=dtype) for v in values)


def map_entries(function: Callable[..., Any], *arrays: Any) -> Any:
    """Apply a function of mpf to each entry of an array, or of arrays that broadcast."""
    values = np.broadcast_arrays(*(np.asarray(array, dtype=object) for array in arrays))
    answer = np.empty(values[0].shape, dtype=object)
    for index in np.ndindex(answer.shape):
        answer[index] = function(*(value[index] for value in values))
    return answer if answer.shape else answer[()]


def as_array(x: Any) -> Any:
    """A numpy array, its numbers mpf where that is the arithmetic in force."""
    array = np.asarray(x)
    return (
        map_entries(mpmath.mpf, array) if array.shape and _DIGITS.get() and array.dtype != object else array
    )


def as_precise_entries(array: Any) -> Any:
    """The same where some entries may be mpf and others plain numbers."""
    return map_entries(mpmath.mpf, array) if array.dtype == object else as_array(array)


def digits() -> int | None:
    """How many decimal digits are in force; None for float64."""
    return _DIGITS.get()

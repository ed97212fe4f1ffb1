"""Checks of arguments that every room needs."""

from __future__ import annotations

import operator
from typing import Any

from simulate.errors import BadInput


def whole(value: Any, name: str, least: int, why: str = "") -> int:
    """The value as a plain int, which can be written to files and hashed.

    Args:
        value: an int, or what stands for one (a numpy integer).
        name: what the error calls it.
        least: the smallest that is allowed.
        why: added to the error where the reason is not plain.

    Raises:
        BadInput: it is not a whole number, or below `least`.

    """
    try:
        number = operator.index(value)
    except TypeError:
        raise BadInput(f"{name} must be a whole number, got {value!r}") from None
    if number < least:
        raise BadInput(f"{name} must be at least {least}{why}, got {number}")
    return number

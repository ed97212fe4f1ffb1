"""Images and windows as the statements of chapter 5 quantify over them."""

from __future__ import annotations

from typing import Any

from theorems import Array, Domain, Integers, Reals
from theorems.ranges import Range, Values


def _side(v: Values) -> int:
    return int(v["q"] + v["s"] * (v["t"] - 1))


def image(entries: Range | None = None) -> Array:
    """An image of c channels, d×d pixels each, d = q + s(t − 1): s divides d − q, as the text wants it."""
    return Array("c", _side, _side, entries=entries)


def windowed(largest: int = 2, **variables: Any) -> Domain:
    """Variables c, s, t, q and what is made of them: t×t windows of size q×q with stride s.

    Args:
        largest: of c, s and t; q goes one further, so that windows overlap often.
        variables: the rest, such as images, each with its range.

    """
    return Domain(
        c=Integers(1, largest),
        s=Integers(1, largest),
        t=Integers(1, largest),
        q=Integers(1, largest + 1),
        **variables,
    )


SIZES = "c channels, t×t windows of size q×q with stride s, images in R^{c×d×d}, d = q + s(t − 1)"
MODERATE: Any = Reals(-100, 100)

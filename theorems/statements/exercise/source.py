"""Where the statements of this package are printed."""

from __future__ import annotations

from simulate.bounds import Source


def printed(number: str) -> Source:
    """The exercise, at one of its own numbers, such as "eq. (5)" or "Solution 3"."""
    return Source(
        "Reliable and Interpretable Artificial Intelligence, ETH Zurich, Exercise 02", number, "000"
    )

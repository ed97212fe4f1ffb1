"""The slope of a straight line through logarithms, with ends that follow from the intervals of its points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def in_words(slope: tuple[float, float, float]) -> str:
    """A slope with its ends, as legends show it."""
    value, low, high = (f"{one:.2f}".replace("-", "−") for one in slope)
    return f"slope {value} [{low}, {high}]"


def fitted_slope(
    x: Sequence[float], y: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> tuple[float, float, float]:
    """Least squares of log y over log x: the slope, and the least and largest slope over all y in their intervals.

    The slope is linear in the log y, so that its extremes lie where every y is at one end. If all intervals hold at
    once with some confidence, so does the range of the slope.

    Args:
        x: places, positive, not all equal.
        y: values, positive.
        low: lower ends, positive.
        high: upper ends.

    """
    place = np.log(np.asarray(x, float))
    centred = place - place.mean()
    weight = centred / (centred @ centred)
    bottom, middle, top = (np.log(np.asarray(one, float)) for one in (low, y, high))
    least = weight @ np.where(weight > 0, bottom, top)
    most = weight @ np.where(weight > 0, top, bottom)
    return float(weight @ middle), float(least), float(most)

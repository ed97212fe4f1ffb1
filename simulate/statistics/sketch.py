"""A histogram of real values that merges exactly, for quantiles and distribution functions.

The bin of a value is read off its float64 bit pattern: sign, exponent and the first `bits` bits of the
mantissa. Every power of two is cut into 2^bits bins of equal width, so a bin is never wider than 2^(−bits)
times its own edge nearest to zero: 0.4 % by default, from 10^(−308) to 10^308, with no range to choose in
advance. (G. Tene's HdrHistogram has such bins for integers; the DDSketch of C. Masson, J. E. Rim and
H. K. Lee, PVLDB 12, 2019, has logarithmic ones.) Below the smallest normal number 2^(−1022) the bins keep the
width 2^(−1022 − bits).

Counts are integers, so merging is exact, commutative and associative.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from simulate.errors import BadInput
from simulate.statistics import _checks
from simulate.statistics._checks import Floats, Integers
from simulate.statistics.intervals import quantile_rank_interval

_MANTISSA_BITS = 52
_MAGNITUDE = np.int64(0x7FFF_FFFF_FFFF_FFFF)
_INFINITY_PATTERN = np.int64(0x7FF) << _MANTISSA_BITS


@dataclass(frozen=True, eq=False)
class Sketch:
    """Counts of values in log-linear bins; only occupied bins are kept.

    Bin 0 is the number zero alone. Bin ±(m + 1) holds the values of that sign with pattern m, closed at the
    edge nearer to zero and open at the other. −∞ and ∞ have bins of their own at the ends, because a quantile
    is well defined when some values are infinite. NaN has no place in an order: it is counted apart and
    enters no quantile.

    Attributes:
        bits: mantissa bits kept, 0 to 20; bins are 2^(−bits) wide, relatively.
        bins: occupied bins in increasing order, int64 of shape (occupied,).
        counts: number of values in each, positive int64 of shape (occupied,).
        nan: number of values that are NaN.

    """

    bits: int
    bins: Integers
    counts: Integers
    nan: int = 0

    @classmethod
    def of(cls, values: ArrayLike, bits: int = 8) -> Self:
        """The sketch of a one-dimensional array of values.

        One dimension alone, because values that stand beside each other in a trial are not independent, and
        intervals for a quantile count independent values: sketch each column by itself.

        Raises:
            BadInput: no values, more than one dimension, values that are not real numbers, or bits that are
                not a whole number from 0 to 20.

        """
        bits = _bits(bits)
        x = _checks.floats(values, "values")
        if x.ndim != 1:
            raise BadInput(f"values must have one dimension, got shape {x.shape}")
        known = x[~np.isnan(x)]
        bins, counts = np.unique(_bin_of(known, bits), return_counts=True)
        return cls(bits, bins, counts.astype(np.int64), int(x.size - known.size))

    @property
    def count(self) -> int:
        """Number of values, NaN excluded."""
        return int(self.counts.sum())

    def merge(self, other: Sketch) -> Sketch:
        """The sketch of both sets of values together.

        Raises:
            BadInput: the two have bins of different widths.

        """
        if self.bits != other.bits:
            raise BadInput(
                f"sketches of {self.bits} and {other.bits} bits cannot be merged: coarsen one first"
            )
        return _gathered(
            self.bits,
            np.concatenate([self.bins, other.bins]),
            np.concatenate([self.counts, other.counts]),
            self.nan + other.nan,
        )

    def coarsen(self, bits: int) -> Sketch:
        """The sketch that the same values have with fewer bits, exactly: wider bins for a figure.

        Raises:
            BadInput: more bits than this sketch has, or no whole number from 0 to 20.

        """
        bits = _bits(bits)
        if bits > self.bits:
            raise BadInput(f"bits must be at most the sketch's own {self.bits}, got {bits}")
        patterns = (np.abs(self.bins) - 1) >> (self.bits - bits)
        bins = np.sign(self.bins) * (patterns + 1)
        return _gathered(bits, bins, self.counts, self.nan)

    def quantile(self, probability: float) -> float:
        """A quantile of the values, to within the width of a bin.

        The exact quantile is the ⌈n p⌉-th smallest value (numpy's "inverted_cdf"; the smallest value at
        p = 0). What is returned lies in the same bin as that value, hence off by less than 2^(−bits)
        relatively, and is exact for 0 and ±∞. Within the bin the values are taken as evenly spaced.

        Raises:
            BadInput: a probability outside [0, 1]; a sketch without values.

        """
        p = _checks.closed_unit(probability, "probability")
        n = self._at_least_one()
        # The smallest rank r with r/n ≥ p in float64: 0.07 · 100 rounds to just above 7, but 7/100 ≥ 0.07.
        rank = min(max(math.ceil(n * p), 1), n)
        if rank > 1 and (rank - 1) / n >= p:
            rank -= 1
        place = self._place(rank)
        low, high = (float(edge[place]) for edge in _edges(self.bins, self.bits))
        if low == high:
            return low
        before = int(self.counts[:place].sum())
        return low + (high - low) * ((rank - before - 0.5) / int(self.counts[place]))

    def quantile_interval(self, probability: float, confidence: float) -> tuple[float, float]:
        """An interval that covers the quantile of the values' law with at least the confidence.

        From order statistics (`quantile_rank_interval`: every distribution, every n), and outward to the
        edges of the bins that hold them, so that the sketch only ever widens it. An end that no value bounds
        is infinite.

        Raises:
            BadInput: a probability or confidence outside (0, 1); a sketch without values.

        """
        n = self._at_least_one()
        lower, upper = (int(rank) for rank in quantile_rank_interval(n, probability, confidence))
        lows, highs = _edges(self.bins, self.bits)
        low = float(lows[self._place(lower)]) if lower >= 1 else -math.inf
        high = float(highs[self._place(upper)]) if upper <= n else math.inf
        return low, high

    def cdf(self, x: ArrayLike) -> Floats:
        """The share of values up to x, for each x; straight lines inside a bin.

        Wrong by at most the share of the one bin that x lies in. NaN at NaN.

        Raises:
            BadInput: an x that is no real number; a sketch without values.

        """
        points = _checks.floats(x, "x")
        n = self._at_least_one()
        below = np.concatenate([[0], np.cumsum(self.counts)])
        unknown = np.isnan(points)
        at = _bin_of(np.where(unknown, 0.0, points), self.bits)
        place = np.searchsorted(self.bins, at)
        # Counts of the bins before the point's own, and of its own (0 if that is not occupied).
        before = below[place]
        own = below[np.searchsorted(self.bins, at, side="right")] - before
        low, high = _edges(at, self.bits)
        # The bins of 0 and ±∞ are points, which are reached as a whole: (1 − 0)/(1 − 0).
        wide = high > low
        low, high, inside = np.where(wide, low, 0.0), np.where(wide, high, 1.0), np.where(wide, points, 1.0)
        part = (inside - low) / (high - low)
        return np.where(unknown, np.nan, (before + part * own) / n)

    def edges_and_counts(self) -> tuple[Floats, Floats, Integers]:
        """Lower edges, upper edges and counts of the occupied bins, in increasing order, for figures.

        Bins that are not occupied lie between them without a row. The bin of 0 and those of ±∞ have equal
        edges. `coarsen` first for bars that are wide enough to see.
        """
        low, high = _edges(self.bins, self.bits)
        return low, high, self.counts.copy()

    def __eq__(self, other: object) -> bool:
        """Equal bins, counts and width."""
        if not isinstance(other, Sketch):
            return NotImplemented
        return (
            self.bits == other.bits
            and self.nan == other.nan
            and np.array_equal(self.bins, other.bins)
            and np.array_equal(self.counts, other.counts)
        )

    def to_json(self) -> dict[str, Any]:
        """A compact record for `json`: the first bin and the gaps to the next ones, and the counts."""
        return {
            "bits": self.bits,
            "nan": self.nan,
            "gaps": np.diff(self.bins, prepend=0).tolist(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """The sketch that `to_json` wrote.

        Raises:
            BadInput: a record that is incomplete or of another form.

        """
        try:
            bits, nan = _bits(record["bits"]), _checks.whole(record["nan"], "nan", 0)
            gaps = np.array(record["gaps"], np.int64)
            counts = np.array(record["counts"], np.int64)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadInput(f"not a record of a sketch ({type(error).__name__}: {error})") from None
        if gaps.ndim != 1 or gaps.shape != counts.shape or np.any(gaps[1:] <= 0) or np.any(counts <= 0):
            raise BadInput("not a record of a sketch: bins must increase and have positive counts")
        return cls(bits, np.cumsum(gaps, dtype=np.int64), counts, nan)

    def _place(self, rank: int) -> int:
        """Index of the occupied bin that holds the value of this rank (1 is the smallest)."""
        return int(np.searchsorted(np.cumsum(self.counts), rank))

    def _at_least_one(self) -> int:
        n = self.count
        if n == 0:
            raise BadInput(f"a sketch without values has no quantiles (it counted {self.nan} NaN)")
        return n


def _bits(bits: int) -> int:
    number = _checks.whole(bits, "bits", 0)
    if number > 20:
        raise BadInput(f"bits must be at most 20, got {bits!r}")
    return number


def _bin_of(x: Floats, bits: int) -> Integers:
    """The bin of each value that is not NaN."""
    magnitudes = x.view(np.int64) & _MAGNITUDE
    patterns = magnitudes >> (_MANTISSA_BITS - bits)
    return np.where(magnitudes == 0, 0, np.where(x < 0, -1 - patterns, patterns + 1))


def _edges(bins: Integers, bits: int) -> tuple[Floats, Floats]:
    """Lower and upper edge of each bin, as float64 values."""
    shift = _MANTISSA_BITS - bits
    patterns = np.maximum(np.abs(bins) - 1, 0) << shift
    # The first pattern beyond the bin; that of ∞ has none, and the last finite bin ends at the largest float.
    beyond = np.where(patterns >= _INFINITY_PATTERN, patterns, patterns + (np.int64(1) << shift))
    beyond = np.where(
        (patterns < _INFINITY_PATTERN) & (beyond >= _INFINITY_PATTERN), _INFINITY_PATTERN - 1, beyond
    )
    near, far = patterns.view(np.float64), beyond.view(np.float64)
    zero, negative = bins == 0, bins < 0
    low = np.where(zero, 0.0, np.where(negative, -far, near))
    high = np.where(zero, 0.0, np.where(negative, -near, far))
    return low, high


def _gathered(bits: int, bins: Integers, counts: Integers, nan: int) -> Sketch:
    """The sketch with these counts, where a bin may occur more than once."""
    occupied, row = np.unique(bins, return_inverse=True)
    total = np.zeros(occupied.shape, np.int64)
    np.add.at(total, row, counts)
    return Sketch(bits, occupied, total, nan)

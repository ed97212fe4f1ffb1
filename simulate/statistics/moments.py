"""The first four moments of many values, in a form that merges.

Blocks of a run each return one `Moments`; the run's table is their merge in block order. Sums of powers of
deviations are kept, never sums of powers, which cancel. The merge is that of P. Pébay (Sandia report
SAND2008-6212, 2008), which extends T. F. Chan, G. H. Golub and R. J. LeVeque (1979) to the third
and fourth moment.

Same bits wherever: the moments of a block depend on its values alone, not on memory layout or on the other
columns beside them; `to_json` keeps every bit; and merging is float64 arithmetic in a fixed order. So a merge
in block order gives identical bits whichever processes computed the blocks. Merging in another order agrees
to rounding only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulate.errors import BadInput
from simulate.statistics import _checks
from simulate.statistics._checks import Floats, Integers


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of a batch of arrays, entry by entry; every field has the trailing shape of the values.

    Values that are NaN or infinite are counted in `nonfinite` and enter nothing else. An entry without finite
    values has count 0, mean, minimum and maximum NaN. Fourth powers overflow to ∞ for deviations beyond about
    10⁷⁷, and what is derived from an overflowed sum is ∞ or NaN.

    Attributes:
        count: number of finite values, int64.
        mean: their mean.
        m2: sum of (value − mean)².
        m3: sum of (value − mean)³.
        m4: sum of (value − mean)⁴.
        minimum: the smallest finite value.
        maximum: the largest finite value.
        nonfinite: number of values that are NaN or infinite, int64.

    """

    count: Integers
    mean: Floats
    m2: Floats
    m3: Floats
    m4: Floats
    minimum: Floats
    maximum: Floats
    nonfinite: Integers

    @classmethod
    def of(cls, values: ArrayLike) -> Self:
        """The moments of values of shape (batch, ...) over the batch, in float64.

        Raises:
            BadInput: no values, a scalar, or values that are not real numbers.

        """
        array = _checks.floats(values, "values")
        if array.ndim == 0:
            raise BadInput(f"values must have a batch axis, got the single number {array}")
        # With the batch contiguous and last, numpy sums each entry pairwise on its own: an error of log n and
        # not n roundings, and the same bits whatever stands beside the entry or however it was stored.
        x = np.ascontiguousarray(np.moveaxis(array, 0, -1))
        finite = np.isfinite(x)
        every = bool(finite.all())
        count = np.asarray(finite.sum(axis=-1), np.int64)
        some = count > 0
        size = np.maximum(count, 1).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            kept = x if every else np.where(finite, x, 0.0)
            mean = kept.sum(axis=-1) / size
            # The mean of the deviations is the rounding error of the mean.
            mean = mean + _deviations(x, mean, finite, every).sum(axis=-1) / size
            deviations = _deviations(x, mean, finite, every)
            squares = deviations * deviations
            m2 = squares.sum(axis=-1)
            m3 = (squares * deviations).sum(axis=-1)
            m4 = (squares * squares).sum(axis=-1)
        return cls(
            count=count,
            mean=np.where(some, mean, np.nan),
            m2=np.asarray(m2),
            m3=np.asarray(m3),
            m4=np.asarray(m4),
            minimum=np.where(some, np.where(finite, x, np.inf).min(axis=-1), np.nan),
            maximum=np.where(some, np.where(finite, x, -np.inf).max(axis=-1), np.nan),
            nonfinite=np.asarray(x.shape[-1] - count, np.int64),
        )

    def merge(self, other: Moments) -> Moments:
        """The moments of both sets of values together (Pébay 2008).

        Raises:
            BadInput: the two have different shapes.

        """
        if self.shape != other.shape:
            raise BadInput(f"moments of shapes {self.shape} and {other.shape} cannot be merged")
        count = self.count + other.count
        total = np.maximum(count, 1).astype(np.float64)
        size = self.count.astype(np.float64)
        share, other_share = size / total, other.count / total
        both = (self.count > 0) & (other.count > 0)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            # δ = 0 where a side is empty leaves the sums as they are; the mean is chosen below.
            delta = np.where(both, other.mean - self.mean, 0.0)
            shift = delta * other_share
            mean = self.mean + shift
            m2 = self.m2 + other.m2 + delta * shift * size
            m3 = (
                self.m3
                + other.m3
                + delta * delta * shift * size * (share - other_share)
                + 3.0 * delta * (share * other.m2 - other_share * self.m2)
            )
            m4 = (
                self.m4
                + other.m4
                + delta * delta * delta * shift * size * (share**2 - share * other_share + other_share**2)
                + 6.0 * delta * delta * (share**2 * other.m2 + other_share**2 * self.m2)
                + 4.0 * delta * (share * other.m3 - other_share * self.m3)
            )
        return Moments(
            count=np.asarray(count),
            mean=np.where(self.count > 0, mean, other.mean),
            m2=np.asarray(m2),
            m3=np.asarray(m3),
            m4=np.asarray(m4),
            minimum=np.asarray(np.fmin(self.minimum, other.minimum)),
            maximum=np.asarray(np.fmax(self.maximum, other.maximum)),
            nonfinite=np.asarray(self.nonfinite + other.nonfinite),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """The trailing shape of the values."""
        return self.count.shape

    @property
    def variance(self) -> Floats:
        """The unbiased variance m2 / (count − 1); NaN below two values."""
        return _ratio(self.m2, self.count - 1)

    @property
    def std(self) -> Floats:
        """The square root of the unbiased variance (itself not unbiased); NaN below two values."""
        return np.asarray(np.sqrt(self.variance))

    @property
    def fourth_central_moment(self) -> Floats:
        """The mean fourth power of the deviations, m4 / count (biased); NaN without values."""
        return _ratio(self.m4, self.count)

    def __eq__(self, other: object) -> bool:
        """Equal in every field, NaN being equal to NaN."""
        if not isinstance(other, Moments):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name), equal_nan=True)
            for field in fields(self)
        )

    def to_json(self) -> dict[str, Any]:
        """A record of numbers, lists and strings that `json` writes and `from_json` reads back bit for bit.

        Arrays are flat lists in C order beside the shape; json writes a finite float64 by its shortest exact
        decimal, and ∞ and NaN, which are not JSON, become the strings "inf", "-inf" and "nan".
        """
        record: dict[str, Any] = {"shape": list(self.shape)}
        for field in fields(self):
            flat = getattr(self, field.name).ravel().tolist()
            record[field.name] = [x if math.isfinite(x) else repr(x) for x in flat]
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """The moments that `to_json` wrote.

        Raises:
            BadInput: a record that is incomplete or of another form.

        """
        try:
            shape = tuple(int(length) for length in record["shape"])
            arrays: dict[str, NDArray[Any]] = {}
            for field in fields(cls):
                integral = field.name in ("count", "nonfinite")
                flat = [int(x) if integral else float(x) for x in record[field.name]]
                arrays[field.name] = np.array(flat, np.int64 if integral else np.float64).reshape(shape)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadInput(f"not a record of moments ({type(error).__name__}: {error})") from None
        return cls(**arrays)


def _deviations(x: Floats, mean: Floats, finite: NDArray[np.bool_], every: bool) -> Floats:
    """The values less their mean, 0 where the value is not finite."""
    deviations = x - mean[..., np.newaxis]
    return deviations if every else np.where(finite, deviations, 0.0)


def _ratio(total: Floats, divisor: Integers) -> Floats:
    """Total / divisor, NaN where the divisor is not positive."""
    return np.asarray(np.divide(total, divisor, out=np.full(total.shape, np.nan), where=divisor > 0))

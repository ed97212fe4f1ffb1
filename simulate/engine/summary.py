"""Mergeable summaries of columns: what a block returns instead of its trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulate.errors import RunFailed
from simulate.statistics import Moments, Sketch, clopper_pearson, mean_interval, variance_interval

QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, eq=False)
class Summary:
    """Counts, moments and sketches of the columns of some trials.

    Attributes:
        trials: how many.
        counts: for each boolean column, how often each entry was true (integers of the entry's shape).
        moments: for each other column, the moments of each entry.
        sketches: for each column of one number a trial, its quantile sketch.

    """

    trials: int = 0
    counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    moments: dict[str, Moments] = field(default_factory=dict)
    sketches: dict[str, Sketch] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        """What the summary holds, by column: "count" or "moments", with the shape of an entry."""
        counts = {name: f"count{list(count.shape)}" for name, count in self.counts.items()}
        return counts | {name: f"moments{list(entry.shape)}" for name, entry in self.moments.items()}

    @classmethod
    def of(cls, columns: Mapping[str, NDArray[Any]]) -> Summary:
        """Summarise columns that share their first axis, the trials."""
        lengths = {name: column.shape[0] if column.ndim else -1 for name, column in columns.items()}
        if not lengths or len(set(lengths.values())) != 1:
            raise RunFailed(f"the columns of a trial need one length, at least one column; got {lengths}")
        summary = cls(trials=next(iter(lengths.values())))
        for name, column in columns.items():
            if column.dtype == np.bool_:
                summary.counts[name] = column.sum(axis=0, dtype=np.int64)
            else:
                values = column.astype(np.float64)
                summary.moments[name] = Moments.of(values)
                if values.ndim == 1:
                    summary.sketches[name] = Sketch.of(values)
        return summary

    def merge(self, other: Summary) -> Summary:
        """The summary of both sets of trials. Integers merge exactly; floats depend on the order, to the bit.

        Raises:
            RunFailed: the two hold different columns.

        """
        if self.trials == 0:
            return other
        if self.columns != other.columns:
            raise RunFailed(f"summaries of columns {self.columns} and {other.columns} cannot be merged")
        return Summary(
            self.trials + other.trials,
            {name: count + other.counts[name] for name, count in self.counts.items()},
            {name: moments.merge(other.moments[name]) for name, moments in self.moments.items()},
            {name: sketch.merge(other.sketches[name]) for name, sketch in self.sketches.items()},
        )

    def __eq__(self, other: object) -> bool:
        """Equal counts, moments and sketches, to the bit."""
        if not isinstance(other, Summary):
            return NotImplemented
        return (
            (self.trials, self.columns) == (other.trials, other.columns)
            and all(np.array_equal(count, other.counts[name]) for name, count in self.counts.items())
            and (self.moments, self.sketches) == (other.moments, other.sketches)
        )

    __hash__ = None  # type: ignore[assignment]

    def to_json(self) -> dict[str, Any]:
        """JSON data from which `from_json` gives back every bit."""
        return {
            "trials": self.trials,
            "counts": {name: count.tolist() for name, count in self.counts.items()},
            "moments": {name: moments.to_json() for name, moments in self.moments.items()},
            "sketches": {name: sketch.to_json() for name, sketch in self.sketches.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Summary:
        """The inverse of `to_json`."""
        return cls(
            data["trials"],
            {name: np.asarray(count, dtype=np.int64) for name, count in data["counts"].items()},
            {name: Moments.from_json(moments) for name, moments in data["moments"].items()},
            {name: Sketch.from_json(sketch) for name, sketch in data["sketches"].items()},
        )


def describe(summary: Summary, confidence: float = 0.95, simultaneous: bool = False) -> dict[str, Any]:
    """What a summary says about each column, as JSON data: the report of an experiment that has no own one.

    A boolean column gets its `count`, `probability` and the Clopper–Pearson interval `low`, `high`. Any other
    gets `mean` with `low`, `high` and `std` with `std_low`, `std_high` (asymptotic in the number of trials),
    `minimum`, `maximum`, `nonfinite` (how many values were NaN or infinite: they enter nothing else, and
    while there are any, no interval is given) and, if it is one number a trial, `quantiles` with
    distribution-free intervals. Where a column has more than one number a trial, these are nested lists of
    its shape.

    Args:
        summary: of at least one trial.
        confidence: of every interval.
        simultaneous: let all these intervals hold at once (Bonferroni) instead of one by one.

    """
    if simultaneous:
        intervals = sum(count.size for count in summary.counts.values())
        intervals += sum(2 * moments.count.size for moments in summary.moments.values())
        intervals += len(QUANTILES) * len(summary.sketches)
        confidence = 1 - (1 - confidence) / max(1, intervals)
    columns: dict[str, Any] = {}
    for name, count in summary.counts.items():
        low, high = clopper_pearson(count, summary.trials, confidence)
        found = {"count": count, "probability": count / summary.trials, "low": low, "high": high}
        columns[name] = {key: np.asarray(value).tolist() for key, value in found.items()}
    for name, moments in summary.moments.items():
        found = _describe_moments(moments, confidence)
        columns[name] = {key: np.asarray(value).tolist() for key, value in found.items()}
        if name in summary.sketches and summary.sketches[name].count:
            columns[name]["quantiles"] = _describe_sketch(summary.sketches[name], confidence)
    return {"trials": summary.trials, "columns": columns}


def _describe_moments(moments: Moments, confidence: float) -> dict[str, NDArray[Any]]:
    # An interval needs a sample: values that are not finite, or a sum of squares that overflowed, make none.
    known = (moments.nonfinite == 0) & np.isfinite(moments.m4)
    count = np.where(known, moments.count, 0)
    low, high = mean_interval(count, moments.mean, moments.variance, confidence)
    spread = variance_interval(count, moments.variance, moments.fourth_central_moment, confidence)
    return {
        "mean": moments.mean,
        "low": low,
        "high": high,
        "std": moments.std,
        "std_low": np.sqrt(spread[0]),
        "std_high": np.sqrt(spread[1]),
        "minimum": moments.minimum,
        "maximum": moments.maximum,
        "nonfinite": moments.nonfinite,
    }


def _describe_sketch(sketch: Sketch, confidence: float) -> list[dict[str, float]]:
    found = []
    for probability in QUANTILES:
        low, high = sketch.quantile_interval(probability, confidence)
        found.append(
            {"probability": probability, "value": sketch.quantile(probability), "low": low, "high": high}
        )
    return found

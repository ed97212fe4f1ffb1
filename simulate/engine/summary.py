"""Mergeable summaries of columns: what a block returns instead of its trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulate.errors import RunFailed
from simulate.statistics import Moments, Sketch


@dataclass(frozen=True)
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
        """The summary of both sets of trials. Integers merge exactly; floats depend on the order, to the bit."""
        if self.trials == 0:
            return other
        return Summary(
            self.trials + other.trials,
            {name: count + other.counts[name] for name, count in self.counts.items()},
            {name: moments.merge(other.moments[name]) for name, moments in self.moments.items()},
            {name: sketch.merge(other.sketches[name]) for name, sketch in self.sketches.items()},
        )

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

"""Ω, O and Θ: an exponent measured over sizes, with its interval, and the constants found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from simulate.engine import Experiment
from theorems.budget import Budget
from theorems.statement import Kind, Replay, Statement
from theorems.verdicts import Counterexample, Verdict


@dataclass(frozen=True)
class ExactMeasure:
    """A quantity that is known at every size.

    Attributes:
        value: function of the size; returns the quantity, positive.

    """

    value: Callable[[int], float]


@dataclass(frozen=True)
class SampledMeasure:
    """The mean, or a quantile, of a column of an experiment.

    Standard errors are those of the central limit theorem for a mean, and are read off distribution-free
    intervals for a quantile.

    Attributes:
        experiment: see `simulate.engine.Experiment`.
        record: function of the size that returns the parameter record.
        column: its column of one number a trial.
        statistic: "mean", or the order of a quantile in (0, 1) ("with probability at least 0.99" is 0.01).
        trials: at every size.
        dtype: number format of the trials.

    """

    experiment: Experiment
    record: Callable[[int], Any]
    column: str
    statistic: Literal["mean"] | float = "mean"
    trials: int = 2_000
    dtype: str = "float32"


@dataclass(frozen=True, kw_only=True)
class Scaling(Statement):
    """A quantity q(n) is O(n^exponent), Ω(n^exponent), or both, as n grows.

    The slope of log q over log n is fitted; finite sizes bias it by at most `allowance`, which the reading
    justifies. O is refuted when the interval of the slope lies above exponent + allowance, Ω when it lies below
    exponent − allowance, Θ in both cases; it holds when the interval lies within the allowance on the claimed
    side, and the slope between the two largest sizes does not contradict it (see `theorems.growth`). The constants
    c <= q(n)/n^exponent <= C over the sizes are reported with intervals; they are found, not validated.

    Attributes:
        measure: an `ExactMeasure` or a `SampledMeasure`.
        sizes: at least 3, ascending.
        exponent: claimed.
        relation: "O", "Ω" or "Θ".
        allowance: by how much the slope at these sizes may differ from the limit's.
        constant: the claimed or hidden constant, if the statement names one: q(n) <= constant · n^exponent for
            O, >= for Ω; it is then tested at every size too. None: only the exponent is claimed.
        false_alarm: probability to refute a true claim, constants included.
        miss: probability to accept an exponent that is off by `discrepancy` beyond the allowance, or a sampled
            constant that is off by the factor e^discrepancy at some size.
        discrepancy: of the exponent, that must be seen; trials that cannot see it accept nothing.

    """

    kind: ClassVar[Kind] = "scaling"

    measure: ExactMeasure | SampledMeasure
    sizes: tuple[int, ...]
    exponent: float
    relation: Literal["O", "Ω", "Θ"] = "Θ"
    allowance: float = 0.05
    constant: float | None = None
    false_alarm: float = 1e-7
    miss: float = 1e-3
    discrepancy: float = 0.1

    def _decide(self, budget: Budget) -> Verdict:
        from theorems.slopes import decide_by_slope

        return decide_by_slope(self, budget)

    def twin(self, verdict: Verdict) -> Statement:
        """The claim with an exponent off by three times the allowance, in the direction that is false.

        See `theorems.slopes.false_exponent`.
        """
        from theorems.slopes import false_exponent

        return false_exponent(self, verdict)

    def replay(self, counterexample: Counterexample) -> Replay:
        """The slope measured again, from the same seed."""
        from theorems.slopes import replay_slope

        return replay_slope(self, counterexample)

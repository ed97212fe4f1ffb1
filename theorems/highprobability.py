"""With probability at least 1 − γ: decided by an exact law where there is one, else by a sequential test."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from simulate.engine import Experiment
from theorems.budget import Budget
from theorems.domains import Domain, call
from theorems.falsifier import hunt
from theorems.judge import Judge
from theorems.sides import Sides
from theorems.statement import Kind, Replay, Statement
from theorems.universal import replayed, tightened, verdict_of
from theorems.verdicts import Counterexample, Verdict


@dataclass(frozen=True)
class ExactLaw:
    """The probability of failure in closed form.

    Attributes:
        log_failure: function of the variables; returns log P(the claimed event fails). Logarithms, because γ
            reaches 10⁻³⁰⁰ and beyond.
        rounding: absolute error of that logarithm, at most.

    """

    log_failure: Callable[..., float]
    rounding: float = 1e-7


@dataclass(frozen=True)
class Simulation:
    """An experiment of the engine, and the event on its columns that the statement says is rare.

    Trials are looked at as they come, see `theorems.sampled`. A budget that cannot pay for the trials that the
    three numbers at the end ask for is told so: the statement may then be refuted, and cannot hold.

    Attributes:
        experiment: see `simulate.engine.Experiment`.
        record: function of the variables that returns the experiment's parameter record.
        failure: name of the boolean column that is true where the claimed event fails; of a column with more
            axes than trials, give `index` too.
        points: where it is tested: values of all variables, a tuple of mappings. They should be the hardest
            corners of the hypotheses; a claim about all k is tested at these k.
        index: entry of the column.
        negate: the column is true where the claimed event happens.
        false_alarm: probability that a true statement is ever refuted, over all points and looks together.
        miss: probability that a statement which is false by the discrepancy at some point is not refuted.
        discrepancy: the excess of P(failure) over γ that must be seen, as a probability; γ + discrepancy < 1.
        dtype: number format of the trials.

    """

    experiment: Experiment
    record: Callable[..., Any]
    failure: str
    points: tuple[Mapping[str, Any], ...]
    index: tuple[int, ...] = ()
    negate: bool = False
    false_alarm: float = 1e-7
    miss: float = 1e-3
    discrepancy: float = 0.02
    dtype: str = "float32"


@dataclass(frozen=True, kw_only=True)
class HighProbability(Statement):
    """For all parameters in the hypotheses, P(the claimed event fails) <= γ.

    Attributes:
        domain: the parameters; usually one of them is `gamma`.
        law: an `ExactLaw` or a `Simulation`.
        allowed: function of the variables; returns the log of the allowed probability of failure. By default
            log(gamma), or the variable `log_gamma` itself where the domain has one.

    """

    kind: ClassVar[Kind] = "high probability"

    domain: Domain
    law: ExactLaw | Simulation
    allowed: Callable[..., float] | None = None

    def log_allowed(self, values: Mapping[str, Any]) -> float:
        """Log of the allowed probability of failure."""
        if self.allowed is not None:
            return float(call(self.allowed, values))
        return float(values["log_gamma"]) if "log_gamma" in values else math.log(values["gamma"])

    def _sides(self, **values: Any) -> Sides:
        assert isinstance(self.law, ExactLaw)
        log_failure = float(call(self.law.log_failure, values))
        log_allowed = self.log_allowed(values)
        # The law's own rounding is given to the claim; the rest of the comparison is exact.
        return Sides(log_failure - self.law.rounding, log_allowed, log=True)

    def _judge(self) -> Judge:
        return Judge(self.domain, self._sides, rounding=0.0)

    def _decide(self, budget: Budget) -> Verdict:
        if isinstance(self.law, Simulation):
            from theorems.sampled import decide_by_simulation

            return decide_by_simulation(self, self.law, budget)
        judge = self._judge()
        verdict = verdict_of(self, judge, hunt(judge, budget))
        amount = f"exact law at {judge.evaluations:,} points"
        if verdict.status == "holds":
            return replace(verdict, evidence="exact", amount=amount)
        # A law decides exactly, whatever arithmetic it knows.
        return replace(verdict, evidence="exact") if verdict.status == "refuted" else verdict

    def twin(self, verdict: Verdict) -> Statement:
        """The claim with 5 % less than what was met allowed: largest P(failure)/γ of the exact law.

        Of a simulation, see `theorems.sampled.simulated_twin`.
        """
        if isinstance(self.law, Simulation):
            from theorems.sampled import simulated_twin

            return simulated_twin(self, self.law, verdict)
        sides, strength = tightened(self, self._sides, verdict)

        def allowed(**values: Any) -> float:
            return float(sides(**values).larger)

        return replace(self, id=f"{self.id}.twin", title=f"{self.title} ({strength})", allowed=allowed)

    def replay(self, counterexample: Counterexample) -> Replay:
        """The exact law, or the simulated counts, again."""
        if isinstance(self.law, Simulation):
            from theorems.sampled import replay_simulation

            return replay_simulation(self, self.law, counterexample)
        return replayed(self._judge(), counterexample)

"""There is such a thing: a construction builds it, and it is checked at every instance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from theorems.budget import Budget
from theorems.domains import Domain, call, describe
from theorems.falsifier import hunt
from theorems.judge import Judge
from theorems.sides import Sides
from theorems.statement import Broken, Kind, Replay, Statement
from theorems.universal import replayed, tightened, verdict_of
from theorems.verdicts import Counterexample, Verdict


@dataclass(frozen=True, kw_only=True)
class Existence(Statement):
    """For every instance there is a witness. One construction that fails refutes nothing.

    The construction is checked at every instance that the falsifier finds, adversarial data included. Where it
    fails, the verdict is "undecided" and names the instance, unless an obstruction proves that there is
    nothing to construct.

    Attributes:
        domain: the data for which something is claimed to exist.
        construction: function of the variables; returns the witness (any object).
        conclusion: function of `witness` and the variables; returns `Sides` that the witness must satisfy.
        obstruction: function of the variables; returns `Sides` that hold whenever a witness exists, so that an
            instance which violates them refutes the statement. For an existential over a scalar ("there is
            η > 0 such that …"): what the best scalar reaches, found through its first root or exactly.
        rounding: relative float64 error that the sides are allowed, see `Universal`.
        exact: everything is written in `theorems.maths` alone, see `Universal`.
        made_false: conclusion of the twin, as in `Universal`.

    """

    kind: ClassVar[Kind] = "existence"

    domain: Domain
    construction: Callable[..., Any] | None = None
    conclusion: Callable[..., Sides] | None = None
    obstruction: Callable[..., Sides] | None = None
    rounding: float = 1e-9
    exact: bool = False
    made_false: Callable[..., Sides] | None = None

    def _decide(self, budget: Budget) -> Verdict:
        constructed = self.construction is not None and self.conclusion is not None
        if not constructed and self.obstruction is None:
            raise Broken("an existence statement needs a construction and a conclusion, or an obstruction")
        if self.obstruction is not None:
            share = replace(budget, seconds=budget.seconds / 2) if constructed else budget
            judge = self._judge(self.obstruction)
            verdict = verdict_of(self, judge, hunt(judge, share))
            if verdict.status != "holds":
                return verdict
            if not constructed:
                note = "no obstruction found, and no construction given"
                return replace(verdict, status="undecided").with_note(note)
            budget = share
        judge = self._judge(self._checked)
        findings = hunt(judge, budget)
        verdict = verdict_of(self, judge, findings)
        if verdict.status != "refuted":
            return verdict
        assert findings.violation is not None
        note = f"this construction fails, which refutes nothing: at {describe(findings.violation)}"
        return Verdict("undecided", "searched", verdict.amount, verdict.tightness, note=note)

    def _judge(self, conclusion: Callable[..., Sides]) -> Judge:
        return Judge(self.domain, conclusion, self.rounding, self.exact)

    def _checked(self, **values: Any) -> Sides:
        """The sides at the witness that the construction gives."""
        return self._at_witness(self.conclusion, values)

    def _at_witness(self, conclusion: Callable[..., Sides] | None, values: dict[str, Any]) -> Sides:
        assert conclusion is not None
        witness = None if self.construction is None else call(self.construction, values)
        sides: Sides = call(conclusion, {**values, "witness": witness})
        return sides

    def twin(self, verdict: Verdict) -> Existence:
        """The claim that the same construction does better than it does: the twin's failure is its refutation."""
        if self.made_false is not None:
            conclusion, strength = self._at_made_false, "made false"
        elif self.construction is None or self.conclusion is None:
            raise Broken(f"{self.id} has no twin: nothing is constructed")
        else:
            conclusion, strength = tightened(self, self._checked, verdict)
        return replace(
            self,
            id=f"{self.id}.twin",
            title=f"{self.title} ({strength})",
            construction=None,
            conclusion=None,
            obstruction=conclusion,
        )

    def _at_made_false(self, **values: Any) -> Sides:
        return self._at_witness(self.made_false, values)

    def replay(self, counterexample: Counterexample) -> Replay:
        """The obstruction again, in float64 and with 50 digits.

        Raises:
            Broken: there is no obstruction, so that nothing could have been refuted.

        """
        if self.obstruction is None:
            raise Broken(f"{self.id} has no obstruction: a failed construction refutes nothing")
        return replayed(self._judge(self.obstruction), counterexample)

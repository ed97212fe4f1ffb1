"""For all instances of the hypotheses, the conclusion."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, ClassVar, Protocol

from theorems import maths
from theorems.budget import Budget
from theorems.domains import Domain, call, describe
from theorems.falsifier import Findings, hunt
from theorems.judge import Judge
from theorems.sides import Sides
from theorems.statement import Broken, Kind, Replay, Statement
from theorems.verdicts import Counterexample, Evidence, Tightness, Verdict

_TWIN_STRENGTH = 0.05


@dataclass(frozen=True, kw_only=True)
class Universal(Statement):
    """A claim about every instance: decided by the falsifier.

    Attributes:
        domain: the hypotheses.
        conclusion: function of the variables that it names as parameters; returns `Sides`. Written with
            `theorems.maths` it is also climbed by gradients and decided with 50 digits.
        rounding: relative float64 error that the sides are allowed. 0: they are computed without any, or what
            floating-point numbers do is itself the claim; then whatever is computed is believed.
        exact: the conclusion uses `theorems.maths` alone: its sides are compared at 50 digits, so that equalities
            and bounds that are reached are decided rightly.
        made_false: the twin's conclusion, for claims whose sides say only true or false. By default the
            larger side is shrunk to just below the tightness reached.

    """

    kind: ClassVar[Kind] = "universal"

    domain: Domain
    conclusion: Callable[..., Sides]
    rounding: float = 1e-9
    exact: bool = False
    made_false: Callable[..., Sides] | None = None

    def judge(self) -> Judge:
        """What evaluates the conclusion."""
        return Judge(self.domain, self.conclusion, self.rounding, self.exact)

    def _decide(self, budget: Budget) -> Verdict:
        judge = self.judge()
        return verdict_of(self, judge, hunt(judge, budget))

    def twin(self, verdict: Verdict) -> Universal:
        """The claim with its larger side 5 % below the tightness reached, or `made_false`."""
        if self.made_false is not None:
            return replace(
                self, id=f"{self.id}.twin", title=f"{self.title} (made false)", conclusion=self.made_false
            )
        conclusion, strength = tightened(self, self.conclusion, verdict)
        return replace(self, id=f"{self.id}.twin", title=f"{self.title} ({strength})", conclusion=conclusion)

    def replay(self, counterexample: Counterexample) -> Replay:
        """The sides again, in float64 and with 50 digits."""
        return replayed(self.judge(), counterexample)


class _Quantified(Protocol):
    """A statement about all instances of a domain."""

    @property
    def id(self) -> str: ...

    @property
    def domain(self) -> Domain: ...


def tightened(
    statement: _Quantified, conclusion: Callable[..., Sides], verdict: Verdict
) -> tuple[Callable[..., Sides], str]:
    """A conclusion that is false by 5 % where the verdict's sides came nearest, and its strength in words.

    Of smaller <= larger, the larger side moved to 5 % below the smaller one there, by a factor (of logarithms,
    by a difference); of an equality, one side 5 % off.

    Raises:
        Broken: nothing was compared.

    """
    if verdict.tightness is None:
        raise Broken(f"{statement.id} has no twin: its sides were never compared, give it `made_false`")
    nearest = call(conclusion, statement.domain.from_json(verdict.tightness.instance)).floats()
    if nearest.relation == "==":
        return _off(conclusion), "one side 5 % off"
    if nearest.log:
        shift = nearest.smaller - nearest.larger + math.log(1 - _TWIN_STRENGTH)
        return _shifted(conclusion, shift), f"larger side times {math.exp(shift):.3g}"
    factor = nearest.ratio * (1 - _TWIN_STRENGTH)
    if not 0 < factor < math.inf:
        raise Broken(
            f"{statement.id} has no twin: the sides are {nearest} at their nearest, give it `made_false`"
        )
    return _scaled(conclusion, factor), f"larger side times {factor:.3g}"


def _off(conclusion: Callable[..., Sides]) -> Callable[..., Sides]:
    @wraps(conclusion)
    def false(**values: Any) -> Sides:
        sides = conclusion(**values)
        return Sides(sides.smaller * (1 + _TWIN_STRENGTH), sides.larger, "==")

    return false


def _shifted(conclusion: Callable[..., Sides], shift: float) -> Callable[..., Sides]:
    @wraps(conclusion)
    def false(**values: Any) -> Sides:
        sides = conclusion(**values)
        return Sides(sides.smaller, sides.larger + shift, log=True)

    return false


def _scaled(conclusion: Callable[..., Sides], factor: float) -> Callable[..., Sides]:
    @wraps(conclusion)
    def false(**values: Any) -> Sides:
        sides = conclusion(**values)
        # A negative side becomes smaller by growing.
        larger = maths.where(sides.larger > 0, sides.larger * factor, sides.larger / factor)
        return Sides(sides.smaller, larger)

    return false


def verdict_of(statement: Statement, judge: Judge, findings: Findings) -> Verdict:
    """The verdict of a hunt."""
    if findings.met == 0:
        if findings.unresolved:
            return Verdict("undecided", note=f"float64 overflows at all {findings.unresolved} instances")
        return Verdict("vacuous", note=f"no instance met the hypotheses: {judge.domain}")
    tightness = None
    if findings.tightest is not None:
        ratio, instance = findings.tightest
        tightness = Tightness(ratio, judge.domain.to_json(instance))
    if findings.violation is None:
        notes = ["cut short by the time limit"] if findings.cut_short else []
        if findings.unresolved:
            notes.append(f"float64 overflows at {findings.unresolved:,} more instances")
        return Verdict("holds", "searched", f"{findings.met:,} instances", tightness, note="; ".join(notes))
    sides = judge.sides(findings.violation)
    counterexample = Counterexample(
        statement.id,
        statement.kind,
        judge.domain.to_json(findings.violation),
        sides.smaller,
        sides.larger,
        sides.relation,
        f"at {describe(findings.violation)}: {sides}",
    )
    evidence: Evidence = "exact" if judge.precise_sides(findings.violation) is not None else "searched"
    return Verdict("refuted", evidence, f"found by {findings.found_by}", tightness, counterexample)


def replayed(judge: Judge, counterexample: Counterexample) -> Replay:
    """An instance of a domain evaluated from scratch."""
    instance = judge.domain.from_json(counterexample.instance)
    fault = judge.domain.fault(instance)
    if fault is not None:
        nothing = Sides(counterexample.smaller, counterexample.larger, "<=")
        return Replay(fault, nothing, None, False, False)
    sides = judge.sides(instance)
    same = (sides.smaller, sides.larger) == (counterexample.smaller, counterexample.larger)
    return Replay(None, sides, judge.precise_sides(instance), judge.violated(instance, sides), same)

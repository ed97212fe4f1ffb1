"""Statements "with probability at least 1 − γ" that are simulated: trials of the engine, looked at as they come.

At every point that the statement names, P(failure) <= allowed is checked by a `SequentialCheck`. The statement is
refuted where one point is, and holds when all points do. So a true statement is refuted with probability at
most `false_alarm`, which the points share (Bonferroni); one that is false by the discrepancy at some point is
accepted with probability at most `miss`, which they need not share, for all of them would have to pass.

What the check needs is worked out before it runs: at each point the trials with which both promises are kept.
A budget that cannot pay for them leaves a check that cannot resolve its discrepancy. It then spends what there
is on looking for a gross violation, and refutes if it sees one; otherwise the statement stays undecided, however
well the trials look. It never holds by such a check.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simulate.arguments import whole
from simulate.errors import BadInput, SimulateError
from theorems.budget import QUICK, Budget
from theorems.domains import Instance, call, describe
from theorems.highprobability import HighProbability, Simulation
from theorems.sequential import Decision, SequentialCheck
from theorems.sides import Sides
from theorems.statement import Broken, Replay
from theorems.trials import EventCount, larger_budget, work
from theorems.verdicts import Counterexample, Tightness, Verdict

_GROWTH = 1.5
"""Trials at one look over those at the look before."""


@dataclass
class _Point:
    """One point of the hypotheses, and what its trials have shown so far.

    Attributes:
        values: the variables.
        record: the experiment's parameters there.
        check: of P(failure) <= allowed.
        failures, trials: at the look that decided, or the last one.
        decision: of that look.

    """

    values: Instance
    record: Any
    check: SequentialCheck
    failures: int = 0
    trials: int = 0
    decision: Decision = "undecided"

    @property
    def ratio(self) -> float:
        """Estimated P(failure) over the allowed one."""
        if self.failures == 0:
            return 0.0
        return self.failures / self.trials / self.check.allowed if self.check.allowed else math.inf


@dataclass
class _Group:
    """The points that have the same record: they differ in what is allowed, and share their trials.

    Attributes:
        points: of the group.
        events: their trials.
        most: so many trials at most.

    """

    points: list[_Point]
    events: EventCount
    most: int = 0
    looks: list[int] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Whether more trials may decide more."""
        return self.events.trials < self.most and any(p.decision == "undecided" for p in self.points)

    def advance(self, may_hold: bool) -> None:
        """Draw the trials up to the next look, and look."""
        so_far, micro = self.events.trials, self.events.cell.micro
        step = max(so_far + micro, int(_GROWTH * so_far))
        # Whole micro-batches, of which the engine draws no part; and the number for which the design speaks.
        designed = [p.check.trials for p in self.points if p.check.trials > so_far]
        self.events.extend(min(-(-step // micro) * micro, self.most, *designed))
        for point in self.points:
            if point.decision != "undecided":
                continue
            point.failures, point.trials = self.events.count, self.events.trials
            decision = point.check.decision(point.failures, point.trials)
            if decision != "holds" or may_hold:
                point.decision = decision


def decide_by_simulation(statement: HighProbability, law: Simulation, budget: Budget) -> Verdict:
    """The verdict of the trials that the budget pays for.

    Raises:
        Broken: the statement's points, rates or experiment make no check; the line says why.

    """
    points = _points(statement, law)
    if not points:
        return Verdict("vacuous", note="at every point, the allowed probability of failure is 1 or more")
    groups = _groups(law, points, budget.seed)
    needed = sum(group.most for group in groups)
    cost = sum(group.most * work(group.points[0].record) for group in groups)
    resolves = cost <= budget.trials
    if not resolves:
        for group in groups:
            group.most = int(group.most * budget.trials / cost)
    planned = sum(group.most for group in groups)

    refuted, cut_short = _draw(groups, resolves, budget)
    tightest = max((point for point in points if point.trials), key=lambda point: point.ratio, default=None)
    done = sum(group.events.trials for group in groups)
    verdict = Verdict(
        "undecided",
        "sampled",
        f"{done:,} trials at {'1 point' if len(points) == 1 else f'{len(points)} points'}",
        Tightness(tightest.ratio, statement.domain.to_json(tightest.values)) if tightest else None,
        design={
            "false_alarm": law.false_alarm,
            "false_alarm_a_point": points[0].check.false_alarm,
            "miss": law.miss,
            "discrepancy": law.discrepancy,
            "resolved": resolves,
            "trials_needed": needed,
            "trials": done,
            "seed": budget.seed,
            "points": [_row(point, statement.domain.to_json(point.values)) for point in points],
        },
    )
    if refuted is not None:
        counterexample = _counterexample(statement, refuted, budget.seed)
        return replace(verdict, status="refuted", counterexample=counterexample)
    if all(point.decision == "holds" for point in points):
        return replace(verdict, status="holds")
    if cut_short:
        return verdict.with_note("cut short by the time limit")
    if not resolves:
        return verdict.with_note(
            f"cannot resolve {law.discrepancy:g}: it needs about {needed:,} trials, this budget has {planned:,}, "
            f"in which no gross violation was seen; {larger_budget(cost)}"
        )
    left = next(point for point in points if point.decision == "undecided")
    low, high = left.check.interval(left.failures, left.trials)
    return verdict.with_note(
        f"at {describe(left.values)}: P(failure) lies between {low:.4g} and {high:.4g}, and "
        f"{left.check.allowed:.4g} is allowed: nearer than the discrepancy {law.discrepancy:g}"
    )


def _draw(groups: list[_Group], may_hold: bool, budget: Budget) -> tuple[_Point | None, bool]:
    """Draw and look until all is decided, a point is refuted or the trials are spent.

    Returns:
        The refuted point, and whether the time limit ended it.

    """
    deadline = math.inf
    while any(group.open for group in groups):
        # In turns: a violation anywhere is seen before much is spent elsewhere.
        for group in [one for one in groups if one.open]:
            group.advance(may_hold)
            refuted = next((point for point in group.points if point.decision == "refuted"), None)
            if refuted is not None:
                return refuted, False
            if time.monotonic() > deadline:
                return None, True
        # The clock starts late: the first trials of every group may have compiled a kernel of their own.
        deadline = min(deadline, budget.deadline())
        if time.monotonic() > deadline:
            return None, True
    return None, False


def _points(statement: HighProbability, law: Simulation) -> list[_Point]:
    """The points at which something is claimed, ready to be checked."""
    if not law.points:
        raise Broken("a simulated statement needs points at which it is tested")
    claimed = []
    for given in law.points:
        values = dict(given)
        fault = statement.domain.fault(values)
        if fault is not None:
            raise Broken(f"the point {describe(values)} is outside the hypotheses: {fault}")
        try:
            allowed = math.exp(min(statement.log_allowed(values), 0.0))
            record = call(law.record, values)
        except Exception as error:
            raise Broken(f"{type(error).__name__}: {error} at {describe(values)}") from error
        if math.isnan(allowed):
            raise Broken(f"the allowed probability of failure is NaN at {describe(values)}")
        # "At most 1" claims nothing.
        if allowed < 1:
            claimed.append((values, record, allowed))
    points = []
    for values, record, allowed in claimed:
        try:
            check = SequentialCheck(allowed, law.discrepancy, law.false_alarm / len(claimed), law.miss)
            points.append(_Point(values, record, check))
        except BadInput as error:
            raise Broken(f"{error} (at {describe(values)})") from error
    return points


def _groups(law: Simulation, points: list[_Point], seed: int) -> list[_Group]:
    groups: list[_Group] = []
    try:
        for point in points:
            group = next((one for one in groups if one.points[0].record == point.record), None)
            if group is None:
                group = _Group([], _events(law, point.record, seed))
                groups.append(group)
            group.points.append(point)
            group.most = max(group.most, point.check.trials)
    except SimulateError as error:
        raise Broken(str(error)) from error
    return groups


def _events(law: Simulation, record: Any, seed: int) -> EventCount:
    return EventCount(
        law.experiment,
        record,
        law.failure,
        index=law.index,
        negate=law.negate,
        seed=seed,
        dtype=law.dtype,
    )


def _row(point: _Point, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the design of a verdict says about a point."""
    low, high = point.check.interval(point.failures, point.trials)
    return {
        "point": dict(values),
        "allowed": point.check.allowed,
        "trials_needed": point.check.trials,
        "failures": point.failures,
        "trials": point.trials,
        "low": low,
        "high": high,
        "decision": point.decision,
    }


def _counterexample(statement: HighProbability, point: _Point, seed: int) -> Counterexample:
    low = point.check.interval(point.failures, point.trials)[0]
    return Counterexample(
        statement.id,
        statement.kind,
        {
            "point": statement.domain.to_json(point.values),
            "seed": seed,
            "trials": point.trials,
            "failures": point.failures,
        },
        low,
        point.check.allowed,
        "<=",
        _words(point),
    )


def _words(point: _Point) -> str:
    low = point.check.interval(point.failures, point.trials)[0]
    return (
        f"at {describe(point.values)}: {point.failures:,} failures in {point.trials:,} trials, so P(failure) >= "
        f"{low:.4g} with error rate {point.check.false_alarm:.2g}, and {point.check.allowed:.4g} is allowed"
    )


def replay_simulation(statement: HighProbability, law: Simulation, counterexample: Counterexample) -> Replay:
    """The trials of a counterexample drawn again: it stands if their count is the same and still refutes.

    Raises:
        BadInput: the instance names no trials of this statement.

    """
    instance = counterexample.instance
    try:
        values = statement.domain.from_json(instance["point"])
        seed, trials = whole(instance["seed"], "seed", 0), whole(instance["trials"], "trials", 1)
        told = whole(instance["failures"], "failures", 0)
    except (KeyError, TypeError) as error:
        raise BadInput(
            f"a simulated counterexample has a point, a seed, trials and failures; {error!r}"
        ) from error
    point = next(
        (
            one
            for one in _points(statement, law)
            if statement.domain.to_json(one.values) == statement.domain.to_json(values)
        ),
        None,
    )
    if point is None:
        nothing = Sides(counterexample.smaller, counterexample.larger)
        return Replay("the statement is not tested at this point", nothing, None, False, False)
    # The check stops before that; a file that asks for more is none of its own.
    most = max(one.check.trials for one in _points(statement, law))
    if trials > most:
        raise BadInput(f"{statement.id} is decided by at most {most} trials at a point, got {trials}")
    events = _events(law, point.record, seed)
    events.extend(trials)
    point.failures, point.trials = events.count, trials
    sides = Sides(point.check.interval(events.count, trials)[0], point.check.allowed)
    same_count = events.count == told
    same = same_count and (sides.smaller, sides.larger) == (counterexample.smaller, counterexample.larger)
    note = _words(point) if same_count else f"{events.count:,} failures in these trials, not {told:,}"
    refutes = point.check.decision(events.count, trials) == "refuted"
    return Replay(None, sides, None, same_count and refutes, same, note)


def simulated_twin(statement: HighProbability, law: Simulation, verdict: Verdict) -> HighProbability:
    """The claim at one point with an allowed probability below the measured one by at least the discrepancy.

    Of the points whose measured probability leaves room for that, it takes the one where the twin is nearest to
    the claim. Where failures are too rare everywhere, the twin is about the opposite event: "it happens with
    probability at most …". The strength of the falsehood is the discrepancy, doubled until quick trials resolve it.

    Raises:
        Broken: nothing was measured, or no such falsehood can be seen in quick trials.

    """
    rows = [row for row in verdict.design.get("points", ()) if row["trials"]]
    by_point = [statement.domain.to_json(dict(values)) for values in law.points]
    for opposite in (False, True):
        found = []
        for row in rows:
            values = dict(law.points[by_point.index(row["point"])])
            certain = 1 - row["high"] if opposite else row["low"]
            strength = _seen_below(certain, law, work(call(law.record, values)))
            if strength is not None:
                found.append(((certain - strength) / (row["allowed"] or 1.0), certain, strength, values))
        if found:
            _, certain, strength, values = max(found, key=lambda one: one[0])
            return _false(statement, law, values, certain - strength, strength, opposite)
    raise Broken(f"{statement.id} has no twin that quick trials could refute")


def _seen_below(certain: float, law: Simulation, cost: float) -> float | None:
    """The least doubling of the discrepancy by which a claim may be false and be seen so; None if there is none.

    Args:
        certain: a probability that the truth is known to reach.
        law: whose error rates are kept.
        cost: of one trial.

    """
    strength = law.discrepancy
    while strength < certain:
        check = SequentialCheck(certain - strength, strength, law.false_alarm, law.miss)
        if check.trials * cost <= QUICK.trials:
            return strength
        strength *= 2
    return None


def _false(
    statement: HighProbability,
    law: Simulation,
    values: Instance,
    level: float,
    strength: float,
    opposite: bool,
) -> HighProbability:
    def allowed(**variables: Any) -> float:
        del variables
        return math.log(level)

    event = "what is claimed happens" if opposite else "it fails"
    words = f"{event} with probability at most {level:.4g} at {describe(values)}: false by {strength:.3g} at least"
    return replace(
        statement,
        id=f"{statement.id}.twin",
        title=f"{statement.title} ({words})".strip(),
        law=replace(law, points=(values,), negate=law.negate != opposite, discrepancy=strength),
        allowed=allowed,
    )

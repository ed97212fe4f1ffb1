"""Statements about an order of growth: the verdict, the twin with a false exponent, the replay."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from simulate.arguments import whole
from simulate.errors import BadInput
from theorems.budget import Budget
from theorems.growth import Finding, check, findings, normal_quantile
from theorems.measures import Measured, measure_by_trials, measure_exactly, records_of
from theorems.scaling import ExactMeasure, SampledMeasure, Scaling
from theorems.sides import Sides
from theorems.statement import Broken, Replay
from theorems.trials import larger_budget, work
from theorems.verdicts import Counterexample, Evidence, Verdict, number_to_json

_MARGIN = 1.5
"""Standard errors that a twin is moved, over those that would just be seen: its own slope is measured anew."""


def decide_by_slope(statement: Scaling, budget: Budget) -> Verdict:
    """The verdict at the statement's sizes.

    Raises:
        Broken: the statement's numbers or its measure make no check; the line says why.

    """
    check(statement)
    refusal = _too_much(statement, budget)
    if refusal is not None:
        return refusal
    measured = _measured(statement, budget.seed, budget.patience * budget.seconds)
    if measured is None:
        return Verdict("undecided", "none", note="cut short by the time limit")
    parts = list(findings(statement, measured))
    evidence: Evidence = "exact" if isinstance(statement.measure, ExactMeasure) else "sampled"
    coarsest = max(one.resolution for one in parts)
    resolved = coarsest <= statement.discrepancy
    verdict = Verdict(
        "holds",
        evidence,
        _amount(statement),
        design=_design(statement, measured, resolved, budget.seed),
        note=_words_on_constants(statement, measured),
    )
    refuted = next((one for one in parts if one.decision == "refuted"), None)
    if refuted is not None:
        counterexample = _counterexample(statement, measured, refuted, budget.seed)
        return replace(verdict, status="refuted", counterexample=counterexample)
    if not resolved:
        assert isinstance(statement.measure, SampledMeasure)
        trials = statement.measure.trials
        enough = math.ceil(trials * (coarsest / statement.discrepancy) ** 2)
        note = f"{trials:,} trials a size cannot resolve {statement.discrepancy:g}: about {enough:,} can"
        return replace(verdict, status="undecided", note=f"{note}; {verdict.note}")
    open_ = next((one for one in parts if one.decision == "undecided"), None)
    if open_ is not None:
        note = _words_on_undecided(statement, measured, open_)
        return replace(verdict, status="undecided", note=f"{note}; {verdict.note}")
    return verdict


def _too_much(statement: Scaling, budget: Budget) -> Verdict | None:
    """The refusal to run trials that the budget does not pay for: fewer would not resolve the discrepancy."""
    measure = statement.measure
    if isinstance(measure, ExactMeasure):
        return None
    cost = measure.trials * sum(map(work, records_of(measure, statement.sizes)))
    if cost <= budget.trials:
        return None
    note = f"{_amount(statement)} are more work than this budget has; {larger_budget(cost)}"
    return Verdict("undecided", "none", note=note)


def _measured(statement: Scaling, seed: int, seconds: float = math.inf) -> Measured | None:
    if isinstance(statement.measure, ExactMeasure):
        return measure_exactly(statement.measure, statement.sizes)
    return measure_by_trials(statement.measure, statement.sizes, seed, seconds)


def _amount(statement: Scaling) -> str:
    sizes = f"{len(statement.sizes)} sizes, {statement.sizes[0]} … {statement.sizes[-1]}"
    if isinstance(statement.measure, ExactMeasure):
        return f"exact values at {sizes}"
    return f"{statement.measure.trials:,} trials at each of {sizes}"


def _design(statement: Scaling, measured: Measured, resolved: bool, seed: int) -> dict[str, Any]:
    slope = measured.slope
    design: dict[str, Any] = {
        "false_alarm": statement.false_alarm,
        "miss": statement.miss,
        "discrepancy": statement.discrepancy,
        "allowance": statement.allowance,
        "resolved": resolved,
        "slope": slope.value,
        "slope_error": slope.error,
        "local_slopes": [one.value for one in measured.local_slopes],
        "local_slope_errors": [one.error for one in measured.local_slopes],
        "sizes": list(measured.sizes),
        "values": list(measured.values),
        "errors": list(measured.errors),
        "constants_found": {
            name: list(map(number_to_json, c)) for name, c in _constants(statement, measured)
        },
    }
    if isinstance(statement.measure, SampledMeasure):
        design |= {"trials": statement.measure.trials, "seed": seed}
    return design


def _constants(
    statement: Scaling, measured: Measured
) -> tuple[tuple[str, tuple[float, ...]], tuple[str, tuple[float, ...]]]:
    """The least and the largest q(n)/n^e, each (value, low, high), with simultaneous intervals."""
    level = statement.false_alarm / (2 * len(measured.sizes))
    found = []
    for position, (n, value) in enumerate(zip(measured.sizes, measured.values, strict=True)):
        order = float(n) ** statement.exponent
        low, high = measured.interval(position, level)
        found.append((value / order, low / order, high / order))
    least = tuple(min(column) for column in zip(*found, strict=True))
    most = tuple(max(column) for column in zip(*found, strict=True))
    return ("least", least), ("most", most)


def _words_on_constants(statement: Scaling, measured: Measured) -> str:
    """The hidden constants: which ones are refuted at these sizes, and between which the quotients lie."""
    (_, least), (_, most) = _constants(statement, measured)
    power = f"n^{statement.exponent:g}"
    refuted = []
    if statement.relation != "Ω":
        refuted.append(f"q <= C {power} is refuted for all constants C below {most[1]:.4g}")
    if statement.relation != "O":
        refuted.append(f"q >= c {power} is refuted for all constants c above {least[2]:.4g}")
    found = f"q/{power} goes from {least[0]:.4g} to {most[0]:.4g} at these sizes (found, not validated)"
    return "; ".join([*refuted, found])


def _words_on_undecided(statement: Scaling, measured: Measured, open_: Finding) -> str:
    slope, last = measured.slope, measured.local_slopes[-1]
    if open_.what == "constant":
        return f"the constant stays undecided at n = {open_.size}: {open_.sides}"
    bound = statement.exponent + (1 if open_.side == "above" else -1) * statement.allowance
    if open_.side == "above":
        moves = (slope.value > bound) != (last.value > bound)
    else:
        moves = (slope.value < bound) != (last.value < bound)
    why = ": it still moves, take larger sizes" if moves else ""
    return (
        f"slope {slope.value:.4g} ± {slope.error:.2g} beside a bound of {bound:.4g}, "
        f"{last.value:.4g} ± {last.error:.2g} between the largest sizes{why}"
    )


def _counterexample(statement: Scaling, measured: Measured, refuted: Finding, seed: int) -> Counterexample:
    instance: dict[str, Any] = {
        "what": refuted.what,
        "side": refuted.side,
        "size": refuted.size,
        "sizes": list(measured.sizes),
        "values": list(measured.values),
        "errors": list(measured.errors),
    }
    if isinstance(statement.measure, SampledMeasure):
        instance |= {"trials": statement.measure.trials, "seed": seed}
    return Counterexample(
        statement.id,
        statement.kind,
        instance,
        refuted.sides.smaller,
        refuted.sides.larger,
        "<=",
        _words_on_refuted(statement, measured, refuted),
    )


def _words_on_refuted(statement: Scaling, measured: Measured, refuted: Finding) -> str:
    power = f"n^{statement.exponent:g}"
    sizes = f"n = {measured.sizes[0]} … {measured.sizes[-1]}"
    if refuted.what == "constant":
        told = "at least" if refuted.side == "above" else "at most"
        value = refuted.sides.smaller if refuted.side == "above" else refuted.sides.larger
        return (
            f"at n = {refuted.size}: q/{power} is {told} {value:.6g}, claimed constant {statement.constant:g}"
        )
    slope = measured.slope
    bound = (
        f"at most {statement.exponent:g} + "
        if refuted.side == "above"
        else f"at least {statement.exponent:g} − "
    )
    return (
        f"over {sizes}: slope {slope.value:.6g} ± {slope.error:.2g}, claimed {bound}{statement.allowance:g} by "
        f"{statement.relation}({power})"
    )


def false_exponent(statement: Scaling, verdict: Verdict) -> Scaling:
    """The claim with an exponent that is off by three allowances, on the side where it is then false.

    The exponent is moved from the claimed one or, where the claim has room, from the slope that was measured; by
    more where the trials would not show three allowances. Θ is made false from below. A constant is left out.

    Raises:
        Broken: no slope was measured.

    """
    if "slope" not in verdict.design:
        raise Broken(f"{statement.id} has no twin: no slope was measured")
    slope, error = verdict.design["slope"], verdict.design["slope_error"]
    last = verdict.design["local_slopes"][-1]
    seen = _MARGIN * (normal_quantile(statement.false_alarm / 2) + normal_quantile(statement.miss)) * error
    moved = max(3 * statement.allowance, statement.allowance + seen) or statement.discrepancy
    if statement.relation == "O":
        exponent = min(statement.exponent, slope, last if error == 0 else slope) - moved
    else:
        exponent = max(statement.exponent, slope, last if error == 0 else slope) + moved
    words = f"exponent {exponent:.4g} instead of {statement.exponent:g}"
    return replace(
        statement,
        id=f"{statement.id}.twin",
        title=f"{statement.title} ({words})".strip(),
        exponent=exponent,
        constant=None,
    )


def replay_slope(statement: Scaling, counterexample: Counterexample) -> Replay:
    """The quantity measured again from the same seed: the same numbers, and the part of the claim they refute.

    Raises:
        BadInput: the instance does not fit the statement.

    """
    instance = counterexample.instance
    check(statement)
    try:
        place = instance["what"], instance["side"], instance["size"]
        sizes, numbers = tuple(instance["sizes"]), (instance["values"], instance["errors"])
        sampled = isinstance(statement.measure, SampledMeasure)
        seed = whole(instance["seed"], "seed", 0) if sampled else 0
        trials = instance["trials"] if sampled else None
    except (KeyError, TypeError) as error:
        raise BadInput(
            f"this is no measured slope: it needs a part, sizes, values and errors; {error!r}"
        ) from error
    nothing = Sides(counterexample.smaller, counterexample.larger)
    if sizes != statement.sizes:
        return Replay(f"the statement's sizes are {statement.sizes}", nothing, None, False, False)
    if isinstance(statement.measure, SampledMeasure) and trials != statement.measure.trials:
        fault = f"the statement takes {statement.measure.trials} trials"
        return Replay(fault, nothing, None, False, False)
    measured = _measured(statement, seed)
    assert measured is not None
    found = next((one for one in findings(statement, measured) if one.place == place), None)
    if found is None:
        return Replay("the statement claims no such thing", nothing, None, False, False)
    same = (list(measured.values), list(measured.errors)) == numbers and (
        found.sides.smaller,
        found.sides.larger,
    ) == (counterexample.smaller, counterexample.larger)
    return Replay(
        None,
        found.sides,
        None,
        found.decision == "refuted",
        same,
        _words_on_refuted(statement, measured, found),
    )

"""Ω, O and Θ: slopes of exact and of sampled quantities, constants, refusals, replays and twins.

The error rates themselves are measured in `test_error_rates.py`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from simulate.activations import get
from simulate.engine import Experiment, Plan, run
from simulate.errors import BadInput
from simulate.experiments import GRAD_NORM, GradNorm
from simulate.laws import gradient_second_moment
from theorems import FULL, QUICK, Budget, ExactMeasure, SampledMeasure, Scaling, Verdict
from theorems.measures import measure_by_trials
from theorems.statement import Broken
from theorems.verdicts import Counterexample

SIZES = (16, 64, 256, 1024)


@dataclass(frozen=True)
class Growth:
    """q(n) = n^exponent in the mean, uniform from a half to one and a half times that."""

    size: int
    exponent: float = 0.5
    spread: float = 1.0
    numbers: int = 1
    fault: str = ""

    @property
    def numbers_per_trial(self) -> int:
        """What a trial is said to cost."""
        return self.numbers


def grow(parameters, stream, batch):
    """One number a trial, its sign, two numbers a trial; or a fault on purpose."""
    noise = parameters.spread * (stream.uniforms("noise") - 0.5)
    q = parameters.size**parameters.exponent * (1 + noise)
    if parameters.fault == "raise":
        raise ArithmeticError("out of growth")
    if parameters.fault in ("nan", "inf"):
        q = torch.where(noise > 0.49, float(parameters.fault), q)
    return {"q": q, "positive": q > 0, "negative": -q, "two": torch.stack([q, q], dim=1)}


GROWTH = Experiment("test-growth", grow, Growth)


def exact(value, exponent, relation="Θ", sizes=SIZES, **options):
    """A claim about a known quantity."""
    return Scaling(
        id="test.exact",
        title="q grows",
        measure=ExactMeasure(value),
        sizes=sizes,
        exponent=exponent,
        relation=relation,
        **options,
    )


def sampled(exponent, relation="Θ", *, column="q", statistic="mean", trials=2_000, record=Growth, **options):
    """A claim about the simulated n^½."""
    return Scaling(
        id="test.sampled",
        title="q grows",
        measure=SampledMeasure(GROWTH, record, column, statistic, trials),
        sizes=SIZES,
        exponent=exponent,
        relation=relation,
        **options,
    )


def polynomial(n):
    """Slope 2 in the limit, and 1.96 over SIZES."""
    return 3.0 * n**2 + 10.0 * n


@pytest.mark.parametrize(
    ("relation", "exponent", "status"),
    [
        ("O", 2, "holds"),
        ("Ω", 2, "holds"),
        ("Θ", 2, "holds"),
        ("O", 3, "holds"),
        ("Ω", 1, "holds"),
        ("O", 1.8, "refuted"),
        ("Ω", 2.2, "refuted"),
        ("Θ", 1.8, "refuted"),
        ("Θ", 2.2, "refuted"),
    ],
)
def test_exact_slopes_decide_each_relation_on_its_side(relation, exponent, status):
    """O is refuted from above, Ω from below, Θ from both, and none on the other side."""
    verdict = exact(polynomial, exponent, relation, allowance=0.1).check()
    assert (verdict.status, verdict.evidence) == (status, "exact")
    assert verdict.amount == "exact values at 4 sizes, 16 … 1024"


def test_the_slope_is_that_of_least_squares():
    """The fitted slope of an exact quantity is numpy's, and the local slopes are difference quotients."""
    design = exact(polynomial, 2, allowance=0.1).check().design
    logs = np.log(SIZES), np.log([polynomial(n) for n in SIZES])
    assert design["slope"] == pytest.approx(np.polyfit(*logs, 1)[0], rel=1e-12)
    assert design["local_slopes"] == pytest.approx((np.diff(logs[1]) / np.diff(logs[0])).tolist(), rel=1e-12)
    assert design["slope_error"] == 0


def test_the_weighted_slope_and_its_error_are_those_of_weighted_least_squares():
    """With 1/error as weights numpy's polynomial fit has the same slope, and its unscaled covariance the error."""
    record = lambda n: Growth(n, spread=0.2 + 1.6 * (n > 100))  # noqa: E731
    design = sampled(0.5, record=record).check().design
    weights = 1 / np.array(design["errors"])
    assert weights.max() > 3 * weights.min()
    fit, covariance = np.polyfit(np.log(SIZES), np.log(design["values"]), 1, w=weights, cov="unscaled")
    assert design["slope"] == pytest.approx(fit[0], rel=1e-10)
    assert design["slope_error"] == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-10)


def test_a_slope_that_still_moves_is_undecided():
    """Where the largest sizes contradict the fit nothing is decided: n + 100 is Ω(n), and log n is not Ω(n^0.1)."""
    sizes = (10, 100, 1000, 10_000, 100_000)
    verdict = exact(lambda n: n + 100, 1, "Ω", sizes).check()
    assert verdict.design["slope"] < 0.8
    assert verdict.status == "undecided"
    assert "larger sizes" in verdict.note
    verdict = exact(math.log, 0.1, "Ω", (10, 100, 10**4, 10**8), allowance=0.0).check()
    assert verdict.design["slope"] > 0.1 > verdict.design["local_slopes"][-1]
    assert verdict.status == "undecided"
    assert exact(lambda n: n + 100, 1, "Ω", (10**4, 10**5, 10**6)).check().status == "holds"


def test_rounding_refutes_no_exact_power():
    """With no allowance, powers whose slopes are computed to 16 digits hold, and differ from others by 10⁻⁶."""
    for exponent in (2.0, 1 / 3, -0.5, 0.0, 7.1):
        assert exact(lambda n, e=exponent: 0.1 * n**e, exponent, allowance=0.0).check().status == "holds"
        assert exact(lambda n, e=exponent: n**e, exponent + 1e-6, allowance=0.0).check().status == "refuted"


def test_a_claimed_constant_is_compared_at_every_size():
    """Q <= 3.7 n² fails at n = 16 alone; q >= 3 n² holds everywhere; the counterexample names the size."""
    assert exact(polynomial, 2, "O", allowance=0.1, constant=3.7).check().status == "holds"
    assert exact(polynomial, 2, "Ω", allowance=0.1, constant=3.0).check().status == "holds"
    verdict = exact(polynomial, 2, "O", allowance=0.1, constant=3.6).check()
    assert verdict.status == "refuted"
    assert (verdict.counterexample.instance["what"], verdict.counterexample.instance["size"]) == (
        "constant",
        16,
    )
    assert (verdict.counterexample.smaller, verdict.counterexample.larger) == (3.625, 3.6)
    verdict = exact(polynomial, 2, "Ω", allowance=0.1, constant=3.1).check()
    assert verdict.counterexample.instance["size"] == 256
    assert verdict.counterexample.smaller == 3.1
    # A constant that is reached is right.
    assert exact(lambda n: 0.1 * n**2, 2, "O", constant=0.1).check().status == "holds"


def test_the_constants_found_are_reported_and_not_validated():
    """The note says which constants the sizes refute and between which the quotients lie; the design has the ends."""
    verdict = exact(polynomial, 2, "O", allowance=0.1).check()
    assert "q <= C n^2 is refuted for all constants C below 3.625" in verdict.note
    assert "q/n^2 goes from 3.01 to 3.625 at these sizes (found, not validated)" in verdict.note
    verdict = sampled(0.5).check()
    for name, truth in verdict.design["constants_found"].items():
        value, low, high = truth
        assert low < value < high, name
        assert low < 1 < high, name


def test_sampled_slopes_decide_each_relation_on_its_side():
    """n^½ with noise: claims of exponent ½ hold, those off by 0.2 are refuted on the right side alone."""
    for relation, exponent, status in (
        ("O", 0.5, "holds"),
        ("Ω", 0.5, "holds"),
        ("Θ", 0.5, "holds"),
        ("O", 0.3, "refuted"),
        ("O", 0.7, "holds"),
        ("Ω", 0.7, "refuted"),
        ("Ω", 0.3, "holds"),
        ("Θ", 0.3, "refuted"),
        ("Θ", 0.7, "refuted"),
    ):
        verdict = sampled(exponent, relation).check()
        assert (verdict.status, verdict.evidence) == (status, "sampled"), (relation, exponent)
        assert verdict.amount == "2,000 trials at each of 4 sizes, 16 … 1024"
        json.dumps(verdict.to_json(), allow_nan=False)


def test_a_quantile_grows_like_its_law():
    """The 0.05-quantile of n^½ (½ + U) is n^½ · 0.55: slope ½, constant within its distribution-free interval."""
    verdict = sampled(0.5, statistic=0.05).check()
    assert verdict.status == "holds"
    _, low, high = verdict.design["constants_found"]["least"]
    assert low < 0.55 < high
    assert sampled(0.8, statistic=0.05).check().status == "refuted"


@pytest.mark.parametrize("statistic", ["mean", 0.1])
def test_standard_errors_are_those_of_repeated_measurements(statistic):
    """Over 200 seeds the slopes spread as the standard error says: their variance over it lies in the 99.9 % interval
    of χ² with 199 degrees of freedom, 0.70 to 1.37; a quantile's may be 10 % less, for bins only widen.
    """
    measure = SampledMeasure(GROWTH, Growth, "q", statistic, 400)
    slopes = [measure_by_trials(measure, SIZES, seed).slope for seed in range(200)]
    ratio = np.var([s.value for s in slopes], ddof=1) / np.mean([s.error**2 for s in slopes])
    assert (0.70 if statistic == "mean" else 0.60) < ratio < 1.37
    # Negative control: errors that are too small by a third do not pass.
    assert not ratio / (2 / 3) ** 2 < 1.37


def test_a_sampled_constant_is_refuted_and_accepted():
    """Q has constant 1: up to 0.9 it is refuted for O, from 1.1 on for Ω, and 1.05 and 0.95 are accepted."""
    assert sampled(0.5, "O", constant=1.05).check().status == "holds"
    assert sampled(0.5, "Ω", constant=0.95).check().status == "holds"
    for relation, constant in (("O", 0.9), ("Ω", 1.1)):
        statement = sampled(0.5, relation, constant=constant)
        verdict = statement.check()
        assert verdict.status == "refuted"
        assert verdict.counterexample.instance["what"] == "constant"
        assert statement.replay(verdict.counterexample).stands


def test_the_trials_are_those_of_an_ordinary_run():
    """Values and errors are the moments of the engine's run of the same plan, bit for bit."""
    design = sampled(0.5).check(Budget(seed=9)).design
    summaries = [cell.summary for cell in run(Plan(GROWTH, tuple(map(Growth, SIZES)), 2_000, seed=9)).cells]
    moments = [summary.moments["q"] for summary in summaries]
    assert design["values"] == [float(one.mean) for one in moments]
    assert design["errors"] == [math.sqrt(float(one.variance) / 2_000) / float(one.mean) for one in moments]


def test_trials_that_cannot_resolve_the_discrepancy_accept_nothing():
    """With 100 trials and a discrepancy of 0.02 the claim is undecided, and the note says how many trials can."""
    statement = sampled(0.5, trials=100, discrepancy=0.02)
    verdict = statement.check()
    assert verdict.status == "undecided"
    assert not verdict.design["resolved"]
    assert "cannot resolve 0.02" in verdict.note
    enough = int(verdict.note.partition("about ")[2].partition(" can")[0].replace(",", ""))
    assert sampled(0.5, trials=int(1.2 * enough), discrepancy=0.02).check(FULL).status == "holds"
    # What is grossly false is still refuted.
    assert sampled(1.5, trials=100, discrepancy=0.02).check().status == "refuted"


def test_a_budget_that_cannot_pay_refuses_to_run():
    """Trials of a million numbers each are not run in a quick check, and the note names the budget."""
    statement = sampled(0.5, record=lambda n: Growth(n, numbers=100_000))
    verdict = statement.check(QUICK)
    assert (verdict.status, verdict.evidence) == ("undecided", "none")
    assert "use --budget full" in verdict.note
    assert statement.check(Budget(seconds=1e6, patience=1e-9)).note == "cut short by the time limit"


def test_counterexamples_replay_from_their_files(tmp_path):
    """Saved and loaded, an exact and a sampled slope are measured again, bit for bit."""
    for name, statement in (
        ("exact", exact(polynomial, 1.8, allowance=0.1)),
        ("sampled", sampled(0.3)),
        ("below", sampled(0.7)),
        ("quantile", sampled(0.8, "Ω", statistic=0.1)),
    ):
        verdict = statement.check(Budget(seed=3))
        verdict.counterexample.save(tmp_path / f"{name}.json")
        found = Counterexample.load(tmp_path / f"{name}.json")
        assert found.smaller > found.larger
        replay = statement.replay(found)
        assert replay.stands
        assert replay.same
        assert replay.note == found.words


def test_a_replay_measures_and_believes_no_file():
    """Values that were changed are not the same; a right claim is not contradicted; what does not fit is refused."""
    found = sampled(0.3, "O").check().counterexample
    changed = replace(found, instance={**found.instance, "values": [1.0, 2.0, 4.0, 8.0]})
    assert not sampled(0.3, "O").replay(changed).same
    assert not sampled(0.5, "O").replay(found).stands
    assert sampled(0.3, "Ω").replay(found).fault == "the statement claims no such thing"
    assert (
        "sizes" in sampled(0.3).replay(replace(found, instance={**found.instance, "sizes": [1, 2, 3]})).fault
    )
    assert "trials" in sampled(0.3, trials=500).replay(found).fault
    for instance in ({}, {**found.instance, "seed": -1}, {"what": "slope"}):
        with pytest.raises(BadInput):
            sampled(0.3).replay(replace(found, instance=instance))


@pytest.mark.parametrize(
    "statement",
    [
        exact(polynomial, 2, allowance=0.1),
        exact(polynomial, 2, "O", allowance=0.1),
        exact(polynomial, 3, "O", allowance=0.1),
        exact(polynomial, 1, "Ω", allowance=0.1),
        exact(lambda n: n**2, 2, allowance=0.0),
        exact(lambda n: 2.0, 0, "O", constant=2.0),
        sampled(0.5),
        sampled(0.5, "O"),
        sampled(0.7, "O"),
        sampled(0.3, "Ω"),
        sampled(0.5, trials=150),
        sampled(0.5, "Ω", statistic=0.05),
        sampled(0.5, "O", constant=1.05),
    ],
)
def test_the_twin_is_refuted(statement):
    """With the exponent moved by three allowances or more to the false side, every claim is refuted and replays."""
    verdict = statement.check()
    assert verdict.status == "holds"
    twin = statement.twin(verdict)
    moved = (
        statement.exponent - twin.exponent
        if statement.relation == "O"
        else twin.exponent - statement.exponent
    )
    assert moved >= 3 * statement.allowance - 1e-12
    assert f"exponent {twin.exponent:.4g}" in twin.title
    for seed in (0, 1, 2):
        found = twin.check(Budget(seed=seed))
        assert found.status == "refuted"
        assert twin.replay(found.counterexample).stands


def test_a_verdict_without_a_slope_has_no_twin():
    """There is nothing to go beyond."""
    with pytest.raises(Broken, match="no twin"):
        sampled(0.5).twin(Verdict("undecided"))


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (exact(lambda n: 1 / abs(n - 64), 1), "size 64"),
        (exact(lambda n: math.nan, 1), "nan"),
        (exact(lambda n: 0.0, 1), "positive"),
        (exact(lambda n: n, 1, sizes=(1, 2)), "at least 3"),
        (exact(lambda n: n, 1, sizes=(1, 3, 2)), "ascending"),
        (exact(lambda n: n, 1, sizes=(0, 1, 2)), "positive"),
        (exact(lambda n: n, math.nan), "exponent"),
        (exact(lambda n: n, 1, allowance=-0.1), "allowance"),
        (exact(lambda n: n, 1, discrepancy=0.0), "discrepancy"),
        (exact(lambda n: n, 1, false_alarm=0.0), "false_alarm"),
        (exact(lambda n: n, 1, miss=0.7), "miss"),
        (exact(lambda n: n, 1, constant=1.0), "Θ has two constants"),
        (exact(lambda n: n, 1, "O", constant=0.0), "constant"),
        (exact(lambda n: n, 1, "o"), "relation"),
        (sampled(0.5, column="r"), "'r'"),
        (sampled(0.5, column="positive"), "'positive'"),
        (sampled(0.5, column="two"), "more than one number"),
        (sampled(0.5, column="negative"), "positive"),
        (sampled(0.5, trials=99), "trials"),
        (sampled(0.5, statistic=1.0), "statistic"),
        (sampled(0.5, statistic="median"), "statistic"),
        (sampled(0.5, statistic=1e-4), "do not bound the quantile"),
        (sampled(0.5, record=lambda n: Growth(n, fault="raise")), "out of growth"),
        (sampled(0.5, record=lambda n: Growth(n, fault="nan")), "'q' is NaN"),
        (sampled(0.5, record=lambda n: Growth(n, fault="inf")), "'q' is infinite"),
        (sampled(0.5, record=lambda n: Growth(64)), "same random numbers"),
        (sampled(0.5, record=lambda n: undefined), "NameError"),  # noqa: F821
    ],
)
def test_what_cannot_be_checked_is_broken_and_named(statement, told):
    """Numbers that make no check, and quantities that fail, are not positive or not there, never pass."""
    verdict = statement.check()
    assert verdict.status == "broken"
    assert told in verdict.note


def test_infinite_values_do_not_hinder_a_quantile():
    """Where one value in a hundred is infinite the mean is broken, and the lower quantile is what it is."""
    assert sampled(0.5, statistic=0.1, record=lambda n: Growth(n, fault="inf")).check().status == "holds"


def test_the_gradient_of_a_random_network_neither_grows_nor_falls():
    """‖∇f(x)‖ of a ReLU network at ‖x‖ = √d is Θ(1) as width and dimension grow, measured and by its second moment."""
    sizes = (32, 128, 512)
    claim = Scaling(
        id="test.gradient",
        measure=SampledMeasure(GRAD_NORM, lambda n: GradNorm(width=n, dim=n), "gradient_norm"),
        sizes=sizes,
        exponent=0,
    )
    verdict = claim.check()
    assert verdict.status == "holds"
    assert claim.twin(verdict).check().status == "refuted"
    relu = get("relu")
    known = exact(
        lambda d: math.sqrt(gradient_second_moment(relu, d)), 0, "Ω", sizes, constant=math.sqrt(0.5)
    )
    assert known.check().status == "holds"

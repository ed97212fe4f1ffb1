"""Statements "with probability at least 1 − γ" that are simulated: verdicts, refusals, replays and twins.

The error rates themselves are measured in `test_error_rates.py`. Every check here has the default design: false
alarm 10⁻⁷, miss 10⁻³, with the seeds as written.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace

import pytest
import torch

from simulate.engine import Experiment, Plan, run, trial_columns
from simulate.errors import BadInput
from simulate.experiments import INIT_FLIP, InitFlip
from theorems import FULL, QUICK, Budget, Domain, HighProbability, Integers, Reals, Simulation
from theorems.statement import Broken
from theorems.verdicts import Counterexample, Verdict


@dataclass(frozen=True)
class Dice:
    """A die with so many sides, that costs so many random numbers."""

    sides: int = 20
    numbers: int = 1
    fault: str = ""

    @property
    def numbers_per_trial(self) -> int:
        """What a throw is said to cost."""
        return self.numbers


def throw(parameters, stream, batch):
    """The number that is thrown, whether it is 1, whether it is at most s, for all s; or a fault on purpose."""
    number = torch.ceil(stream.uniforms("number") * parameters.sides)
    if parameters.fault == "raise" and stream.first > 0:
        raise ArithmeticError("the die fell off the table")
    columns = {
        "number": number,
        "one": number == 1,
        "upto": number[:, None] <= torch.arange(1, parameters.sides + 1),
    }
    if parameters.fault == "nan":
        columns["number"] = torch.where(number == 3, math.nan, number)
    return columns


DICE = Experiment("test-dice", throw, Dice)
ROOM = Domain(sides=Integers(2, 100), gamma=Reals(0, 1))


def dice(*points, experiment=DICE, domain=ROOM, allowed=None, record=None, **options):
    """P(the die shows 1) <= γ at these (sides, γ); the truth is 1/sides."""
    options.setdefault("failure", "one")
    return HighProbability(
        id="test.dice",
        title="a die seldom shows 1",
        domain=domain,
        law=Simulation(
            experiment,
            record or (lambda sides: Dice(sides)),
            points=tuple({"sides": sides, "gamma": gamma} for sides, gamma in points),
            **options,
        ),
        allowed=allowed,
    )


TRUE, FALSE = (20, 0.10), (5, 0.10)


def test_a_true_claim_holds_and_says_by_which_design():
    """P = 0.05 where 0.1 is allowed: sampled evidence, with error rates, trials needed and done, and intervals."""
    verdict = dice(TRUE, (10, 0.12)).check()
    assert (verdict.status, verdict.evidence) == ("holds", "sampled")
    design = verdict.design
    assert (design["false_alarm"], design["miss"], design["discrepancy"]) == (1e-7, 1e-3, 0.02)
    assert design["false_alarm_a_point"] == 1e-7 / 2
    assert design["resolved"]
    assert design["trials_needed"] == sum(row["trials_needed"] for row in design["points"])
    assert design["trials"] == sum(row["trials"] for row in design["points"])
    assert verdict.amount == f"{design['trials']:,} trials at 2 points"
    for row, truth in zip(design["points"], (1 / 20, 1 / 10), strict=True):
        assert row["low"] < row["failures"] / row["trials"] < row["high"]
        assert row["low"] < truth < row["high"] < row["allowed"] + 0.02
        assert row["trials"] <= row["trials_needed"]
    # Allowed and claimed are nearest at the second point.
    row = design["points"][1]
    assert verdict.tightness.ratio == pytest.approx(row["failures"] / row["trials"] / 0.12, rel=1e-12)
    assert verdict.tightness.instance == {"sides": 10, "gamma": 0.12}
    json.dumps(verdict.to_json(), allow_nan=False)


def test_a_false_claim_is_refuted_with_counts_that_the_engine_gives():
    """P = 0.2 where 0.1 is allowed: the counterexample's failures are those of an ordinary run of as many trials."""
    verdict = dice(TRUE, FALSE).check(Budget(seed=5))
    assert (verdict.status, verdict.evidence) == ("refuted", "sampled")
    found = verdict.counterexample
    assert found.instance["point"] == {"sides": 5, "gamma": 0.1}
    assert pytest.approx(found.larger, rel=1e-15) == 0.1
    assert found.larger < found.smaller < 0.2
    trials = found.instance["trials"]
    plan = Plan(DICE, (Dice(5),), trials, seed=5)
    assert int(run(plan, threads=2).cells[0].summary.counts["one"]) == found.instance["failures"]
    assert int(trial_columns(plan, 0, 0, trials)["one"].sum()) == found.instance["failures"]


def test_a_violation_by_the_discrepancy_is_found_beside_points_that_hold():
    """P = 0.1 where 0.08 is allowed is false by the discrepancy, and is refuted within the designed trials."""
    verdict = dice((50, 0.08), (10, 0.08), (20, 0.08)).check()
    assert verdict.status == "refuted"
    assert verdict.design["resolved"]
    assert verdict.counterexample.instance["point"]["sides"] == 10


def test_a_counterexample_replays_from_its_file(tmp_path):
    """Saved and loaded, the same trials give the same count and the same interval, bit for bit."""
    statement = dice(TRUE, FALSE)
    statement.check(Budget(seed=11)).counterexample.save(tmp_path / "dice.json")
    found = Counterexample.load(tmp_path / "dice.json")
    replay = statement.replay(found)
    assert replay.stands
    assert replay.same
    assert (replay.sides.smaller, replay.sides.larger) == (found.smaller, found.larger)
    assert f"{found.instance['failures']:,} failures" in replay.note


@pytest.mark.parametrize("change", [{"failures": 1_000}, {"seed": 12}, {"trials": 100}])
def test_another_count_does_not_stand(change):
    """A file whose failures are not those of its trials contradicts nothing, even where the claim is false."""
    statement = dice(FALSE)
    found = statement.check(Budget(seed=11)).counterexample
    changed = replace(found, instance={**found.instance, **change})
    replay = statement.replay(changed)
    assert not replay.stands
    assert not replay.same
    assert "not" in replay.note


def test_a_count_that_does_not_refute_does_not_stand():
    """Trials with their true count, that leave the claim undecided, are no counterexample."""
    statement = dice(TRUE)
    row = statement.check().design["points"][0]
    instance = {"point": row["point"], "seed": 0, "trials": row["trials"], "failures": row["failures"]}
    replay = statement.replay(Counterexample("test.dice", "high probability", instance, row["low"], 0.1))
    assert not replay.stands
    assert replay.fault is None


def test_a_replay_that_does_not_fit_the_statement_is_refused():
    """A point that is not tested is a fault; missing fields and more trials than a check makes are errors."""
    found = dice(FALSE).check().counterexample
    assert "not tested" in dice(TRUE).replay(found).fault
    for change in ({"trials": 10**9}, {"trials": 0}, {"seed": -1}, {"failures": None}):
        with pytest.raises(BadInput):
            dice(FALSE).replay(replace(found, instance={**found.instance, **change}))
    with pytest.raises(BadInput, match="seed"):
        dice(FALSE).replay(replace(found, instance={"point": found.instance["point"]}))


def test_the_same_budget_gives_the_same_verdict_and_another_seed_other_trials():
    """A check is a function of statement and budget."""
    first, again, other = (dice(TRUE).check(Budget(seed=seed)) for seed in (3, 3, 4))
    assert first == again
    assert first.design["points"] != other.design["points"]
    assert other.status == "holds"


def test_a_budget_that_cannot_resolve_the_discrepancy_is_told_what_could():
    """Dice that cost a million numbers each: even without one failure the claim is undecided, never accepted."""
    expensive = lambda sides: Dice(sides, numbers=1_000_000)  # noqa: E731
    statement = dice((100, 0.10), record=expensive)
    verdict = statement.check()
    assert verdict.status == "undecided"
    assert not verdict.design["resolved"]
    assert verdict.design["trials"] < 100 < verdict.design["trials_needed"]
    assert "cannot resolve 0.02" in verdict.note
    assert f"{verdict.design['trials_needed']:,}" in verdict.note
    # 23,552 trials of 450 medium ones each are 265 seconds of work.
    assert "--budget 2" in verdict.note
    cheaper = dice((100, 0.10), record=lambda sides: Dice(sides, numbers=50_000)).check()
    assert cheaper.status == "undecided"
    assert "use --budget full" in cheaper.note


def test_a_gross_violation_is_seen_in_few_trials():
    """The same budget refutes P <= 0.1 where the truth is 0.5, and the few trials replay."""
    statement = dice((2, 0.10), record=lambda sides: Dice(sides, numbers=1_000_000))
    verdict = statement.check()
    assert verdict.status == "refuted"
    assert not verdict.design["resolved"]
    assert verdict.design["trials"] < 100
    assert statement.replay(verdict.counterexample).stands


def test_a_larger_budget_resolves_what_a_smaller_one_cannot():
    """At 20,000 numbers a throw the quick budget stays undecided and the full one accepts."""
    statement = dice(TRUE, record=lambda sides: Dice(sides, numbers=20_000))
    assert statement.check(QUICK).status == "undecided"
    assert statement.check(FULL).status == "holds"


def test_points_that_differ_only_in_what_is_allowed_share_their_trials():
    """Three γ of one die need the trials of the hardest alone, and each is judged by them."""
    verdict = dice((20, 0.10), (20, 0.20), (20, 0.40)).check()
    assert verdict.status == "holds"
    rows = verdict.design["points"]
    assert verdict.design["trials"] == max(row["trials"] for row in rows) < sum(row["trials"] for row in rows)
    assert verdict.design["trials_needed"] == max(row["trials_needed"] for row in rows)
    assert dice((20, 0.10), (20, 0.01)).check().counterexample.instance["point"]["gamma"] == 0.01


def test_an_entry_of_a_column_and_its_opposite():
    """P(at most 3 of 20) = 0.15 by an index, and P(not at most 17 of 20) = 0.15 negated."""
    for options in ({"index": (2,)}, {"index": (16,), "negate": True}):
        assert dice((20, 0.15), failure="upto", **options).check().status == "holds"
        verdict = dice((20, 0.12), failure="upto", **options).check()
        assert verdict.status == "refuted"
        row = verdict.design["points"][0]
        assert row["low"] < 0.15 < row["high"]


def test_a_probability_of_zero_is_refuted_by_failures_and_accepted_without():
    """P <= 0 is compared too: where failures happen it is refuted, where none can it holds."""
    never = {"allowed": lambda sides: -math.inf}
    assert dice(TRUE, **never).check().status == "refuted"
    verdict = dice(
        (20, 0.0), allowed=lambda sides: -math.inf, failure="upto", index=(19,), negate=True
    ).check()
    assert verdict.status == "holds"
    assert verdict.tightness.ratio == 0.0


def test_where_everything_is_allowed_nothing_is_claimed():
    """Points at which at most 1 is allowed are left out, and no others are vacuous."""
    assert dice((20, 0.5), allowed=lambda gamma: math.log(4 * gamma)).check().status == "vacuous"
    verdict = dice((20, 0.5), (20, 0.1), allowed=lambda gamma: math.log(4 * gamma)).check()
    assert [row["point"]["gamma"] for row in verdict.design["points"]] == [0.1]
    assert verdict.design["false_alarm_a_point"] == 1e-7


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (dice(TRUE, record=lambda sides: Dice(sides, 1 << 12, "raise")), "fell off the table"),
        (dice(TRUE, record=lambda sides: Dice(sides, fault="nan")), "'number' is NaN"),
        (dice(TRUE, failure="two"), "no column 'two'"),
        (dice(TRUE, failure="number"), "'number' must be boolean"),
        (dice(TRUE, failure="upto"), "index"),
        (dice(TRUE, failure="upto", index=(20,)), "index"),
        (dice(TRUE, failure="one", index=(0,)), "index"),
        (dice(TRUE, record=lambda sides: Dice(undefined)), "NameError"),  # noqa: F821
        (dice(TRUE, record=lambda sides: sides), "Dice"),
        (dice(), "points"),
        (dice((1, 0.1)), "sides is not in"),
        (dice((20, 0.99)), "discrepancy"),
        (dice(TRUE, discrepancy=0.0), "discrepancy"),
        (dice(TRUE, false_alarm=0.0), "false_alarm"),
        (dice(TRUE, miss=1.0), "miss"),
        (dice(TRUE, false_alarm=0.6, miss=0.6), "coin"),
        (dice(TRUE, discrepancy=1e-9), "2^50"),
        (dice(TRUE, allowed=lambda gamma: math.nan), "NaN"),
        (dice(TRUE, allowed=lambda gamma: math.log(-gamma)), "ValueError"),
        (dice(TRUE, dtype="float16"), "dtype"),
    ],
)
def test_what_cannot_be_checked_is_broken_and_named(statement, told):
    """A trial that raises, a column that is missing or not boolean, NaN, and numbers that make no check."""
    verdict = statement.check()
    assert verdict.status == "broken"
    assert told in verdict.note


def test_a_check_that_takes_too_long_is_undecided():
    """Out of patience after every point's first look, which may compile: what was seen decides nothing."""
    verdict = dice((10, 0.09), (20, 0.3), (30, 0.3)).check(Budget(patience=1e-9))
    assert verdict.status == "undecided"
    assert "time limit" in verdict.note
    assert all(point["trials"] > 0 for point in verdict.design["points"])


@pytest.mark.parametrize(
    "statement",
    [
        dice(TRUE),
        dice((10, 0.10), (20, 0.10)),
        dice((100, 0.10)),
        dice((20, 0.9)),
        dice((100, 0.01), discrepancy=0.05),
        dice((20, 0.15), failure="upto", index=(2,)),
        dice((20, 0.15), failure="upto", index=(16,), negate=True),
        dice((20, 0.0), allowed=lambda sides: -math.inf, failure="upto", index=(19,), negate=True),
        dice((20, 0.30), discrepancy=0.12, record=lambda sides: Dice(sides, numbers=50_000)),
    ],
)
def test_the_twin_is_refuted(statement):
    """Whatever room the claim has, its twin is false by a stated strength, refuted by any seed, and replays."""
    verdict = statement.check()
    assert verdict.status == "holds"
    twin = statement.twin(verdict)
    assert "false by" in twin.title
    for seed in (0, 1, 2):
        found = twin.check(Budget(seed=seed))
        assert found.status == "refuted"
        assert twin.replay(found.counterexample).stands


def test_the_twin_is_about_the_failure_where_failures_are_frequent_enough():
    """P near 0.1: the twin allows about 0.1 less the discrepancy; P = 0.01: it is about the opposite event."""
    near = dice((10, 0.10)).twin(dice((10, 0.10)).check())
    assert math.exp(near.log_allowed({"sides": 10, "gamma": 0.1})) == pytest.approx(0.07, abs=0.02)
    assert not near.law.negate
    rare = dice((100, 0.10)).twin(dice((100, 0.10)).check())
    assert math.exp(rare.log_allowed({"sides": 100, "gamma": 0.1})) == pytest.approx(0.96, abs=0.02)
    assert rare.law.negate


def test_a_verdict_without_trials_has_no_twin():
    """What was not measured cannot be made false by a stated strength."""
    with pytest.raises(Broken, match="no twin"):
        dice(TRUE).twin(Verdict("undecided"))


def test_a_theorem_about_random_networks_is_decided():
    """At ‖x‖ = √d, a perturbation of length r along the gradient fails to flip with probability 1 − erf(r/√2) in the
    limit: allowed 0.03 more than that at width 256 the claim holds, allowed 0.03 less it is refuted.
    """

    def statement(slack):
        return HighProbability(
            id="test.flip",
            domain=Domain(radius=Reals(0.1, 5)),
            law=Simulation(
                INIT_FLIP,
                lambda radius: InitFlip(width=256, dim=64, steps=(), radii=(radius,)),
                "flip",
                ({"radius": 1.0}, {"radius": 1.5}),
                index=(0, 0),
                negate=True,
                discrepancy=0.03,
            ),
            allowed=lambda radius: math.log(math.erfc(radius / math.sqrt(2)) + slack),
        )

    claim = statement(0.03)
    verdict = claim.check()
    assert verdict.status == "holds"
    assert claim.twin(verdict).check().status == "refuted"
    assert statement(-0.03).check().status == "refuted"

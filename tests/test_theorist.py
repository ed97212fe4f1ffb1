"""What a theorist asks of init-flip: the constant for γ, the smallest step, and an interval of given width."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import erfinv
from scipy.stats import binom

import simulate.engine.plan as plan_module
from simulate import INIT_FLIP, InitFlip, Plan, document, firstflip, laws, run, trial_columns
from simulate.engine import Precision
from simulate.errors import BadInput
from simulate.experiments import init_flip_report
from simulate.experiments.init_flip_report import _gamma_answers
from simulate.statistics import clopper_pearson, confidence_sequence


def answers(point: InitFlip, trials: int, seed: int = 0, confidence: float = 0.95) -> list[dict[str, Any]]:
    """The document's answers for γ."""
    found: list[dict[str, Any]] = document(run(Plan(INIT_FLIP, (point,), trials, seed)), confidence)[
        "results"
    ][0]["gamma"]
    return found


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_gamma_answers_enclose_the_limit_at_large_sizes(activation: str) -> None:
    """At k = 2000, d = 10^6 the interval for |η| holds the limit, ReLU's with its width correction.

    The interval covers at confidence 1 − 10⁻⁶ for all γ; the grid adds its ratio of 1.05 to the upper end.
    """
    k = 2_000
    point = InitFlip(k, 10**6, activation, steps=(1.0,), gammas=(0.5, 0.1))
    for answer in answers(point, 3000, confidence=1 - 1e-6):
        assert answer["verdict"] == "reached"
        limit = answer["limit_step"]
        assert limit == pytest.approx(laws.flip_constant(activation) * erfinv(1 - answer["gamma"]))
        shift = 0.0
        if activation == "relu":
            # The probability is lower by the correction, so |η| is larger by it over the slope of erf(η/2).
            r = limit / math.sqrt(2)
            slope = math.exp(-limit * limit / 4) / math.sqrt(math.pi)
            shift = -float(laws.relu_flip_width_correction(r, k)) / slope
        assert answer["low"] <= limit + shift <= answer["high"]
        assert answer["high"] <= 1.4 * answer["low"]  # the band is ± 6 standard errors wide
        root = math.sqrt(math.log(1 / answer["gamma"]))
        assert answer["constant"] == pytest.approx(answer["step"] / root)
        assert answer["limit_constant"] <= answer["limit_constant_all_gamma"]


def test_gamma_answer_is_none_where_no_step_reaches_it() -> None:
    """At (8, 5) ReLU's flip probability never comes near 0.9, and the answer says so, how far it looked."""
    (answer,) = answers(InitFlip(8, 5, steps=(1.0,), gammas=(0.1,)), 5000)
    assert answer["verdict"] == "none"
    assert answer["step"] is answer["low"] is answer["high"] is answer["constant"] is None
    assert answer["largest_step_tried"] > 1e4


def test_a_fixed_sign_reaches_one_half_at_most() -> None:
    """Along +∇f whatever the sign of f no step flips with probability 0.6, in the limit or measured."""
    point = InitFlip(64, 400, "tanh", steps=(1.0,), gammas=(0.4, 0.8), fixed_sign=True)
    never, often = answers(point, 4000)
    assert (never["verdict"], never["limit_step"]) == ("none", None)
    assert often["verdict"] == "reached"
    assert often["limit_step"] == pytest.approx(laws.flip_constant("tanh") * erfinv(2 * 0.2))
    assert often["low"] < often["limit_step"] * 1.1


def test_gamma_answer_asks_for_more_trials() -> None:
    """Where the band can neither confirm nor exclude, the verdict is undecided, not a number."""
    (answer,) = answers(InitFlip(64, 32, steps=(1.0,), gammas=(1e-3,)), 500)
    assert answer["verdict"] == "undecided"
    assert answer["high"] is None


def test_gamma_answers_cover_on_a_known_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    """With binomial counts from a known increasing curve the ends are wrong no more often than stated.

    The band errs with probability at most 0.05, and more than 40 errors in 400 then have probability 2·10⁻⁵.
    Pointwise intervals at 30 % (the negative control) err far more often.
    """
    point = InitFlip(64, 32, steps=(1.0,), gammas=(0.1,))
    grid = np.array(point.gamma_grid)
    truth = 1 - 0.5 ** (grid / 2)  # reaches 0.9 at 2 log2(10)
    exact = 2 * math.log2(10)
    rng = np.random.default_rng(1)

    def errors() -> int:
        wrong = 0
        for _ in range(400):
            (answer,) = _gamma_answers(point, rng.binomial(2000, truth), 2000, 0.95)
            late = answer["low"] is not None and answer["low"] >= exact
            early = answer["high"] is not None and answer["high"] < exact
            wrong += late or early
        return wrong

    assert binom.sf(40, 400, 0.05) < 2e-5
    assert errors() <= 40
    monkeypatch.setattr(
        init_flip_report, "simultaneous_clopper_pearson", lambda s, n, _: clopper_pearson(s, n, 0.3)
    )
    assert errors() > 40


def brute_force(point: InitFlip, trials: int, reach: float, points: int) -> np.ndarray[Any, Any]:
    """The first of many equally spaced step sizes that flips, by the run's own flip column."""
    steps = tuple((reach * (i + 1) / points) for i in range(points))
    fine = replace(point, steps=steps, minimal_step=False)
    flips = trial_columns(Plan(INIT_FLIP, (fine,), trials), 0, 0, trials)["flip"][:, 0, :]
    return np.where(flips.any(1), np.array(steps)[flips.argmax(1)], math.inf)


@pytest.mark.parametrize("engine", ["conditional", "dense", "lazy"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "leaky_relu"])
@pytest.mark.parametrize(("k", "d"), [(5, 40), (8, 5), (30, 20)])
def test_minimal_step_against_a_fine_grid(k: int, d: int, activation: str, engine: str) -> None:
    """In each trial no grid point before the minimal step flips, and one soon after it does."""
    trials, reach, points = 150, 6.0, 300
    point = InitFlip(k, d, activation, engine, steps=(1.0,), minimal_step=True)
    columns = trial_columns(Plan(INIT_FLIP, (point,), trials), 0, 0, trials)
    found, first = columns["first_flip.gradient"], brute_force(point, trials, reach, points)
    # float32 draws are read in float64 by one and settled in float64 by the other: 1e-5 is ample.
    assert (first >= found * (1 - 1e-5)).all()
    in_reach = found < reach - reach / points
    # A flip shorter than the grid's spacing can be missed by the grid; here it happens in few trials at most.
    assert np.mean(first[in_reach] > found[in_reach] + reach / points + 1e-4) < 0.03
    assert not columns["unresolved.gradient"].any()
    assert in_reach.mean() > 0.3
    assert (columns["never.gradient"] == np.isinf(found)).all()


def test_minimal_step_of_the_other_directions_and_by_decree() -> None:
    """Each direction has its own minimal step; along +∇f about half of the networks never flip at k = 400."""
    point = InitFlip(400, 300, steps=(1.0,), directions=("gradient", "random"), minimal_step=True)
    entry = document(run(Plan(INIT_FLIP, (point,), 2000)))["results"][0]
    gradient, random = entry["minimal_step"]
    assert (gradient["direction"], random["direction"]) == ("gradient", "random")
    assert gradient["method"] == "exact"
    medians = [part["quantiles"][2]["value"] for part in (gradient, random)]
    # erf(η/2) = 1/2 in the limit; 5 % covers three times the finite-size shift and the sampling error.
    assert medians[0] == pytest.approx(2 * erfinv(0.5), rel=0.05)
    assert medians[1] is None or medians[1] > 5 * medians[0]
    decreed = replace(point, fixed_sign=True, directions=("gradient",))
    entry = document(run(Plan(INIT_FLIP, (decreed,), 2000)))["results"][0]
    low, high = (entry["minimal_step"][0]["never"][end] for end in ("low", "high"))
    assert low > 0.3
    assert high < 0.55


def test_minimal_step_of_a_deep_network_is_a_grid_of_its_own() -> None:
    """At depth 3 the smallest length comes from a fixed grid, whatever steps and γ are asked, and says so."""
    point = InitFlip(20, 10, engine="dense", depth=3, steps=(0.5,), minimal_step=True)
    other = replace(point, steps=(1.0, 2.0), gammas=(0.1,))
    one, two = (trial_columns(Plan(INIT_FLIP, (p,), 200), 0, 0, 200) for p in (point, other))
    for name in ("first_flip.gradient", "never.gradient"):
        assert (one[name] == two[name]).all()
    lengths = one["first_flip.gradient"] * one["gradient_norm"]
    grid = np.array(point.length_grid)
    finite = lengths[np.isfinite(lengths)]
    assert len(finite) > 100
    assert np.abs(finite[:, None] / grid - 1).min(1).max() < 1e-12
    found = document(run(Plan(INIT_FLIP, (point,), 200)))["results"][0]["minimal_step"][0]
    assert (found["method"], found["reach"]) == ("grid", point.reach)


def test_what_is_not_certified_widens_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sigmoid outputs that die away are not counted as certain never to flip: the lower end leaves them out."""
    monkeypatch.setattr(firstflip, "_MOST_STEPS", 300)
    point = InitFlip(2, 1024, "sigmoid", steps=(1.0,), minimal_step=True)
    plan = Plan(INIT_FLIP, (point,), 200)
    columns = trial_columns(plan, 0, 0, 200)
    never, doubtful = columns["never.gradient"], columns["unresolved.gradient"]
    found = document(run(plan))["results"][0]["minimal_step"][0]
    assert doubtful.mean() > 0.3
    assert found["unresolved"] == doubtful.mean()
    assert found["never"]["high"] == clopper_pearson(never.sum(), 200, 0.95)[1]
    assert found["never"]["low"] == clopper_pearson((never & ~doubtful).sum(), 200, 0.95)[0]


def test_never_differing_is_rarer_than_never_flipping() -> None:
    """Dying networks differ in sign without flipping: at (5, 40) ReLU the two shares are far apart."""
    point = InitFlip(5, 40, steps=(1.0,), minimal_step=True)
    found = document(run(Plan(INIT_FLIP, (point,), 4000)))["results"][0]["minimal_step"][0]
    assert found["never_differ"]["high"] < 0.1 < 0.2 < found["never"]["low"]


PRECISE = InitFlip(16, 9, steps=(1.0, 2.0))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 128 trials, so that there is something to stop between."""
    monkeypatch.setattr(plan_module, "_MICRO_NUMBERS", 1 << 12)
    monkeypatch.setattr(plan_module, "_BLOCK_NUMBERS", 1 << 12)


@pytest.mark.usefixtures("small_blocks")
def test_precision_stops_at_the_first_block_that_suffices(tmp_path: Any) -> None:
    """The run ends at the same trial on one thread, on four, and resumed, and not a block later than needed."""
    plan = Plan(INIT_FLIP, (PRECISE,), 100_000, precision=Precision(0.02))
    one = run(plan, threads=1).cells[0]
    four = run(plan, threads=4).cells[0]
    first = run(plan, tmp_path / "run", threads=3).cells[0]
    blocks = tmp_path / "run" / "blocks.jsonl"
    lines = blocks.read_bytes().splitlines(keepends=True)
    blocks.write_bytes(b"".join(lines[1 : len(lines) // 2]))  # as if stopped, and the first block lost
    again = run(plan, tmp_path / "run", threads=2).cells[0]
    for other in (four, first, again):
        assert other.summary.to_json() == one.summary.to_json()
    block, n = plan.cells[0].block, one.summary.trials
    assert one.precise
    assert 0 < n < 100_000
    assert n % block == 0

    def half_width(trials: int) -> float:
        flips = trial_columns(plan, 0, 0, trials)["flip"].sum(0)
        low, high = confidence_sequence(flips, trials, 0.95)
        return float((high - low).max() / 2)

    assert half_width(n) <= 0.02 < half_width(n - block)
    entry = document(run(plan, threads=2))["results"][0]
    widths = [(row["high"] - row["low"]) / 2 for row in entry["flip"]]
    assert max(widths) <= 0.02
    assert entry["precision"] == {"half_width": 0.02, "reached": True}


@pytest.mark.usefixtures("small_blocks")
def test_simultaneous_precision_is_about_the_intervals_shown() -> None:
    """A simultaneous precision runs longer than a pointwise one, until the wider intervals suffice."""
    cells = {}
    for at_once in (False, True):
        wanted = Precision(0.03, 0.9, simultaneous=at_once)
        result = run(Plan(INIT_FLIP, (PRECISE,), 100_000, precision=wanted))
        entry = document(result, 0.9, at_once)["results"][0]
        assert entry["precision"]["reached"]
        assert max(row["high"] - row["low"] for row in entry["flip"]) <= 0.06
        cells[at_once] = entry["trials"]
        if not at_once:
            assert not document(result, 0.9, True)["results"][0]["precision"]["reached"]
    assert cells[True] > cells[False]


@pytest.mark.usefixtures("small_blocks")
def test_precision_that_is_not_reached_is_said() -> None:
    """When the trials run out first, all of them are used and the entry says that the precision was missed."""
    result = run(Plan(INIT_FLIP, (PRECISE,), 1000, precision=Precision(0.001)))
    assert result.cells[0].summary.trials == 1000
    assert document(result)["results"][0]["precision"]["reached"] is False


def test_stopping_by_looking_keeps_the_error_rate(request: pytest.FixtureRequest) -> None:
    """Over 150 reseeded runs that stop at a half width of 0.05 the intervals miss the truth at their rate.

    Nominal 5 %: more than 18 misses in 150 have probability below 10⁻³. The truth is a run of 400 000 trials.
    """
    point = replace(PRECISE, steps=(1.0,))
    truth = (
        run(Plan(INIT_FLIP, (point,), 400_000, seed=10**6)).cells[0].summary.counts["flip"][0, 0] / 400_000
    )
    request.getfixturevalue("small_blocks")
    misses = 0
    for seed in range(150):
        cell = run(Plan(INIT_FLIP, (point,), 100_000, seed, precision=Precision(0.05)), threads=1).cells[0]
        low, high = confidence_sequence(cell.summary.counts["flip"], cell.summary.trials, 0.95)
        misses += not low[0, 0] <= truth <= high[0, 0]
    assert binom.sf(18, 150, 0.05) < 1e-3
    assert misses <= 18


@pytest.mark.parametrize(
    "make",
    [
        lambda: InitFlip(gammas=(0.0,)),
        lambda: InitFlip(gammas=(1.0,)),
        lambda: InitFlip(gammas=(0.1, 0.1)),
        lambda: InitFlip(depth=1),
        lambda: InitFlip(depth=3, engine="conditional"),
        lambda: InitFlip(scaling="xavier"),
        lambda: Precision(0.0),
        lambda: Precision(0.5),
        lambda: Precision(0.1, 1.0),
    ],
)
def test_bad_questions(make: Any) -> None:
    """γ outside (0, 1), impossible depths, unknown scalings and meaningless precisions are refused."""
    with pytest.raises(BadInput):
        make()


def test_identity_first_flip_law() -> None:
    """For σ(z) = z the minimal step is |f|/‖∇f‖² exactly, trial by trial."""
    point = InitFlip(50, 30, "identity", steps=(1.0,), minimal_step=True)
    columns = trial_columns(Plan(INIT_FLIP, (point,), 500, dtype="float64"), 0, 0, 500)
    expected = np.abs(columns["output"]) / columns["gradient_norm_squared"]
    np.testing.assert_allclose(columns["first_flip.gradient"], expected, rtol=1e-9)

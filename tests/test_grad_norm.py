"""The gradient-norm experiment: an exact law where there is one, exact moments everywhere, and its report.

Statistical tests fix their seed and state their design. FALSE_ALARM is the false-alarm rate of one comparison,
MISS the miss rate at which the stated discrepancy is resolved.
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from simulate import laws
from simulate.activations import LEAKY_SLOPE, NAMES, from_callable
from simulate.engine import Plan, grid, run
from simulate.experiments import GRAD_NORM, GradNorm, document, grad_norm
from simulate.onestep import ENGINES
from simulate.statistics import clopper_pearson, quantile_rank_interval
from simulate.streams import Stream, Workspace

FALSE_ALARM = 1e-6
MISS = 1e-3
BINS = 20
TRIALS = 50_000

Columns = dict[str, NDArray[np.float64]]


def columns(parameters: GradNorm, trials: int, seed: int) -> Columns:
    """The experiment's columns for so many trials in float32."""
    batch = max(1, min(trials, 4096, 2**21 // parameters.numbers_per_trial))
    workspace = Workspace()
    pieces = []
    for first in range(0, trials, batch):
        stream = Stream((seed, 55), first, min(batch, trials - first), workspace=workspace)
        found = grad_norm.trial(parameters, stream, stream.batch)
        pieces.append({name: column.numpy().copy() for name, column in found.items()})
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


# --- An exact law ---------------------------------------------------------------------------------------
#
# Let σ be positively homogeneous of degree 1, with slopes s₊ and s₋. In ∇f = k^{−1/2} Σ a_j σ′(u_j) w_j the
# number a_j u_j is independent of the sign of u_j and N(0, 1), because a_j is fair. Given that n of the u_j are
# positive, ∇f is therefore Gaussian in all d directions, also along x:
#
#     ‖∇f‖² = S χ²_d/d,   S = (n s₊² + (k − n) s₋²)/k,   n ~ Bin(k, 1/2).

SLOPES = {"relu": (1.0, 0.0), "leaky_relu": (1.0, LEAKY_SLOPE), "abs": (1.0, -1.0), "identity": (1.0, 1.0)}


def exact_cdf(name: str, k: int, d: int, norm: float, degrees: int | None = None) -> float:
    """P(‖∇f‖ ≤ norm); with other degrees of freedom it is the law of something else."""
    right, left = SLOPES[name]
    n = np.arange(k + 1)
    share = (n * right**2 + (k - n) * left**2) / k
    scaled = np.where(share > 0, d * norm**2 / np.where(share > 0, share, 1.0), np.inf)
    return float(stats.binom.pmf(n, k, 0.5) @ stats.chi2.cdf(scaled, degrees or d))


def exact_quantile(name: str, k: int, d: int, probability: float, degrees: int | None = None) -> float:
    """The smallest norm with exact_cdf ≥ probability; 0 where dead networks alone are enough."""
    if exact_cdf(name, k, d, 0.0) >= probability:
        return 0.0
    return float(brentq(lambda t: exact_cdf(name, k, d, t, degrees) - probability, 0.0, 50.0, xtol=1e-12))


def p_value(norms: NDArray[np.float64], name: str, k: int, d: int, degrees: int | None = None) -> float:
    """χ² test of the norms against the exact law, in bins of equal probability and one for the norm 0."""
    edges = [exact_quantile(name, k, d, i / BINS, degrees) for i in range(1, BINS)]
    edges = [0.0, *sorted({edge for edge in edges if edge > 0}), np.inf]
    heights = [exact_cdf(name, k, d, edge, degrees) if edge < np.inf else 1.0 for edge in edges]
    expected = np.diff(heights, prepend=0.0) * len(norms)  # the first is the atom at 0
    counts = np.bincount(np.searchsorted(edges, norms), minlength=len(edges))
    possible = expected > 0
    assert counts[~possible].sum() == 0
    return float(stats.chisquare(counts[possible], expected[possible]).pvalue)


def test_the_binned_test_resolves_what_it_claims() -> None:
    """50,000 norms in 20 bins see Σ(p − q)²/q ≥ 0.0026, and one degree of freedom too few of 40 is more."""
    critical = stats.chi2.isf(FALSE_ALARM, BINS - 1)
    assert stats.ncx2.cdf(critical, BINS - 1, 0.0026 * TRIALS) < MISS
    # What the test meets below: d − 1 degrees of freedom in place of d.
    edges = [exact_quantile("identity", 1, 40, i / BINS) for i in range(1, BINS)]
    wrong = np.diff([0.0, *(exact_cdf("identity", 1, 40, edge, 39) for edge in edges), 1.0])
    assert (BINS * (wrong - 1 / BINS) ** 2).sum() > 0.0026


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize(("k", "d"), [(1, 2), (5, 40), (12, 7)])
def test_homogeneous_networks_have_their_exact_law(k: int, d: int, name: str, engine: str) -> None:
    """The norms of 50,000 gradients fill the bins of the exact law, and not those of d − 1 degrees of freedom."""
    found = columns(GradNorm(width=k, dim=d, activation=name, engine=engine), TRIALS, 1)
    norms = found["gradient_norm"]
    assert p_value(norms, name, k, d) > FALSE_ALARM
    assert p_value(norms, name, k, d, degrees=d - 1) < FALSE_ALARM
    share = 2.0**-k if name == "relu" else 0.0
    low, high = clopper_pearson(int(found["zero_gradient"].sum()), TRIALS, 1 - FALSE_ALARM)
    assert low <= share <= high
    np.testing.assert_array_equal(found["zero_gradient"], norms == 0)


def test_the_exact_law_is_normalised_and_has_the_exact_moments() -> None:
    """The distribution function ends at 1, and its second moment is that of `simulate.laws`, at several sizes."""
    for name, (k, d) in zip(SLOPES, [(1, 2), (5, 40), (12, 7), (3, 3)], strict=True):
        grid_points = np.linspace(0, 8, 4001)
        survival = 1 - np.array([exact_cdf(name, k, d, t) for t in grid_points])
        assert survival[-1] < 1e-10
        second = np.trapezoid(2 * grid_points * survival, grid_points)  # E N² = ∫ 2t P(N > t) dt
        assert second == pytest.approx(laws.gradient_second_moment(name, d), rel=1e-4)


# --- Exact moments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NAMES)
def test_second_moments_are_exact(name: str, engine: str) -> None:
    """E‖∇f‖² is the formula at (6, 9); 20,000 trials of exactly known variance resolve 0.06 deviations."""
    k, d, trials = 6, 9, 20_000
    found = columns(GradNorm(width=k, dim=d, activation=name, engine=engine), trials, 2)
    error = math.sqrt(laws.gradient_second_moment_variance(name, k, d) / trials)
    assert (stats.norm.isf(FALSE_ALARM / 2) + stats.norm.isf(MISS)) / math.sqrt(trials) < 0.06
    off = abs(found["gradient_norm_squared"].mean() - laws.gradient_second_moment(name, d))
    assert off <= stats.norm.isf(FALSE_ALARM / 2) * error


@pytest.mark.parametrize("name", NAMES)
def test_large_networks_reach_the_limit(name: str) -> None:
    """At (1000, 10⁶) ‖∇f‖ is √(Eσ′²) to the spread that the exact variance of ‖∇f‖² gives."""
    found = columns(GradNorm(width=1000, dim=10**6, activation=name), 1000, 3)
    limit = laws.gradient_norm_limit(name)
    spread = math.sqrt(laws.gradient_second_moment_variance(name, 1000, 10**6))
    assert np.abs(found["gradient_norm_squared"] - limit**2).max() <= 6 * spread
    assert abs(found["gradient_norm"].mean() - limit) <= 0.01 * limit


@pytest.mark.parametrize("engine", ENGINES)
def test_faint_gradients_are_no_zero_gradients(engine: str) -> None:
    """A gradient below the range of float32 squares is measured in float64, and a dead network still counts."""
    faint = from_callable(lambda x: 1e-22 * torch.relu(x), name=f"faint relu {engine}", kinks=(0.0,))
    parameters = GradNorm(width=2, dim=3, activation=faint, engine=engine)  # type: ignore[arg-type]
    found = columns(parameters, 4000, 4)
    # The same draws with slope 1.
    plain = columns(GradNorm(width=2, dim=3, activation="relu", engine=engine), 4000, 4)
    np.testing.assert_array_equal(found["zero_gradient"], plain["zero_gradient"])
    assert found["zero_gradient"].any()
    np.testing.assert_allclose(found["gradient_norm"], 1e-22 * plain["gradient_norm"], rtol=1e-4)


# --- The report -------------------------------------------------------------------------------------------


def test_the_quantiles_of_the_report_cover_the_exact_ones() -> None:
    """Each interval of the document holds the exact quantile, and is as narrow as ranks and bins allow.

    Five quantiles in four cells, each of level FALSE_ALARM; 100,000 trials put the median's interval at ranks
    0.008 beside it.
    """
    trials = 100_000
    points = grid(GradNorm, width=[5, 40], dim=[3, 40], activation="relu")
    data = document(run(Plan(GRAD_NORM, points, trials, seed=5)), 1 - FALSE_ALARM)
    assert len(data["results"]) == 4
    for cell in data["results"]:
        k, d = cell["width"], cell["dim"]
        norms = cell["gradient_norm"]
        assert norms["second_moment_low"] <= 0.5 <= norms["second_moment_high"]
        assert norms["exact_second_moment"] == pytest.approx(0.5)
        assert [q["probability"] for q in norms["quantiles"]] == list(grad_norm.QUANTILES)
        for q in norms["quantiles"]:
            exact = exact_quantile("relu", k, d, q["probability"])
            assert q["low"] <= exact <= q["high"]
            assert q["low"] <= q["value"] <= q["high"]
            ranks = np.array(quantile_rank_interval(trials, q["probability"], 1 - FALSE_ALARM)) / trials
            # No wider than the ranks, moved by as much again, and two bins of 0.4 %.
            slack = np.diff(ranks)[0]
            assert q["low"] >= 0.99 * exact_quantile("relu", k, d, max(ranks[0] - slack, 0.0))
            assert q["high"] <= 1.01 * exact_quantile("relu", k, d, min(ranks[1] + slack, 1 - 1e-9))


def test_the_document_says_what_was_measured() -> None:
    """Every documented key is there, and the numbers are those of the trials."""
    plan = Plan(GRAD_NORM, (GradNorm(width=4, dim=6, activation="tanh"),), 2000, seed=6)
    data = document(run(plan), 0.9)
    assert data == json.loads(json.dumps(data, allow_nan=False))
    assert (data["experiment"], data["confidence"], data["intervals"]) == ("grad-norm", 0.9, "pointwise")
    (cell,) = data["results"]
    assert (cell["width"], cell["dim"], cell["activation"], cell["trials"]) == (4, 6, "tanh", 2000)
    assert cell["zero_gradient"] == {"share": 0.0, "low": 0.0, "high": cell["zero_gradient"]["high"]}
    address = plan.cells[0]
    norms = grad_norm.trial(address.parameters, Stream(address.key, 0, 2000), 2000)["gradient_norm"].numpy()
    entry = cell["gradient_norm"]
    assert entry["mean"] == pytest.approx(norms.mean(), rel=1e-6)
    assert entry["std"] == pytest.approx(norms.std(ddof=1), rel=1e-6)
    assert entry["second_moment"] == pytest.approx((norms**2).mean(), rel=1e-6)
    assert entry["limit"] == pytest.approx(laws.gradient_norm_limit("tanh"))
    assert entry["exact_second_moment"] == pytest.approx(laws.gradient_second_moment("tanh", 6))
    for q in entry["quantiles"]:
        assert q["value"] == pytest.approx(
            np.quantile(norms, q["probability"], method="inverted_cdf"), rel=2**-8
        )
    assert entry["low"] < entry["mean"] < entry["high"]
    assert entry["std_low"] < entry["std"] < entry["std_high"]


def test_simultaneous_quantiles_are_wider() -> None:
    """Intervals that hold all at once contain those that hold one by one."""
    result = run(Plan(GRAD_NORM, (GradNorm(width=30, dim=20),), 20_000))
    single, joint = (
        document(result, 0.95, together)["results"][0]["gradient_norm"]["quantiles"]
        for together in (False, True)
    )
    for one, other in zip(single, joint, strict=True):
        assert other["low"] <= one["low"] <= one["high"] <= other["high"]
    assert any(other["low"] < one["low"] for one, other in zip(single, joint, strict=True))


@pytest.mark.parametrize("activation", ["step", "relu", "identity"])
@pytest.mark.parametrize("trials", [1, 2])
def test_the_smallest_run_has_a_document(trials: int, activation: str) -> None:
    """One trial, or no gradient anywhere, still makes JSON: ends that are not finite are null."""
    data = document(run(Plan(GRAD_NORM, (GradNorm(width=1, dim=2, activation=activation),), trials)))
    assert data == json.loads(json.dumps(data, allow_nan=False))

"""Deep random networks: exact moments at any widths, lazy against dense, and the limit of infinite width."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor

from simulate import GRAD_NORM, INIT_FLIP, GradNorm, InitFlip, Plan, document, laws, run
from simulate.activations import get
from simulate.deep import DeepNetwork, respond, sample
from simulate.errors import BadInput
from simulate.matrices import DenseGaussian, LazyGaussian
from simulate.streams import Stream

FALSE_ALARM = 1e-6
"""Chance that a true statement fails one of the comparisons below."""

HE = math.sqrt(2)
UNEVEN = [((7, 5, 9), 6), ((3, 2), 4), ((20, 4, 30, 8), 10)]


def stream(seed: int, trials: int) -> Stream:
    """Trials keyed by a number, in float64."""
    return Stream((seed, 3), 0, trials, dtype=torch.float64)


def input_derivative_scores(widths: tuple[int, ...], dim: int, gain: float, lazy: bool) -> Tensor:
    """Standard errors by which the mean of (∂f/∂x_p)² is off 2/n₀, for each input p."""
    trials = 60_000
    batch = stream(1, trials)
    network = sample(batch, widths, dim, get("relu"), gain=gain, lazy=lazy)
    squares = respond(network, (), batch).gradient ** 2
    expected = laws.he_input_derivative_second_moment(dim)
    scores: Tensor = (squares.mean(0) - expected) / (squares.std(0) / math.sqrt(trials))
    return scores


@pytest.mark.parametrize("lazy", [True, False])
@pytest.mark.parametrize(("widths", "dim"), UNEVEN)
def test_input_derivatives_have_second_moment_two_over_n(
    widths: tuple[int, ...], dim: int, lazy: bool
) -> None:
    """Under He's initialisation E(∂f/∂x_p)² = 2/n₀ for every input, at uneven widths (α = 10⁻⁶ over all p).

    The squares are heavy-tailed; at 60 000 trials their means resolve 5 % at a miss rate below 10⁻².
    """
    scores = input_derivative_scores(widths, dim, HE, lazy)
    assert scores.abs().max().item() < norm.isf(FALSE_ALARM / 2 / dim)


@pytest.mark.parametrize(("widths", "dim"), UNEVEN[:2])
def test_another_gain_is_caught(widths: tuple[int, ...], dim: int) -> None:
    """Negative control: a gain 5 % too small fails the same check."""
    scores = input_derivative_scores(widths, dim, 0.95 * HE, True)
    assert scores.abs().max().item() > norm.isf(FALSE_ALARM / 2 / dim)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sin"])
def test_gradient_is_that_of_automatic_differentiation(activation: str) -> None:
    """∇f through the layers equals automatic differentiation of f written out with dense matrices."""
    batch = stream(2, 5)
    network = sample(batch, (8, 6, 7), 4, get(activation), gain=1.3, lazy=False)
    x = batch.normals("point", 4).clone().requires_grad_()
    h = x
    for i, matrix in enumerate(network.matrices):
        assert isinstance(matrix, DenseGaussian)
        weights = matrix.standard / math.sqrt(matrix.columns)
        u = 1.3 * torch.einsum("bkd,bd->bk", weights, h if i == 0 else network.activation.value(h))
        h = u
    f = 1.3 * (network.signs * network.activation.value(h)).sum(1) / math.sqrt(7)
    (gradient,) = torch.autograd.grad(f.sum(), x)
    torch.testing.assert_close(network(x.detach()), f.detach())
    torch.testing.assert_close(network.gradient(x.detach()), gradient)


def test_a_lazy_network_is_one_network() -> None:
    """Completing all lazy layers gives a dense network with the same outputs and gradients as before."""
    batch = stream(3, 4)
    network = sample(batch, (9, 12), 7, get("tanh"))
    points = [batch.normals(f"point {i}", 7).clone() for i in range(3)]
    before = [(network(x), network.gradient(x)) for x in points]
    dense = DeepNetwork(
        tuple(matrix.materialise() for matrix in network.matrices if isinstance(matrix, LazyGaussian)),
        network.signs,
        network.activation,
    )
    assert len(dense.matrices) == 2
    for x, (value, gradient) in zip(points, before, strict=True):
        torch.testing.assert_close(dense(x), value, rtol=0, atol=1e-12)
        torch.testing.assert_close(dense.gradient(x), gradient, rtol=0, atol=1e-12)


def flip_counts(parameters: InitFlip, trials: int, seed: int) -> tuple[np.ndarray, float, float]:
    """Flips at each direction and step, and the mean and standard error of ‖∇f‖²."""
    summary = run(Plan(INIT_FLIP, (parameters,), trials, seed)).cells[0].summary
    squares = summary.moments["gradient_norm_squared"]
    error = float(squares.std) / math.sqrt(trials)
    return summary.counts["flip"].ravel(), float(squares.mean), error


def apart(one: np.ndarray, two: np.ndarray, trials: int, comparisons: int) -> bool:
    """Whether two samples of counts differ at level 10⁻⁶ for all comparisons together."""
    p = (one + two) / (2 * trials)
    scores = np.abs(one - two) / np.sqrt(2 * trials * np.maximum(p * (1 - p), 1 / trials))
    return bool(scores.max() > norm.isf(FALSE_ALARM / 2 / comparisons))


TRIALS = 8000
"""Two samples of 8000 resolve 0.05 in a flip probability at level 10⁻⁷ with a miss rate below 10⁻²."""


@pytest.mark.parametrize("depth", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_one_step_flips_deep_networks_as_dense_simulation_says(depth: int, activation: str) -> None:
    """Lazy and dense engines agree on flips in all directions and on the gradient at depth 2 to 6."""
    base = InitFlip(
        12,
        9,
        activation,
        depth=depth,
        scaling="he",
        steps=(0.5, 2.0),
        directions=("gradient", "sign", "random"),
    )
    found = [
        flip_counts(InitFlip(**{**vars(base), "engine": engine}), TRIALS, seed)
        for seed, engine in enumerate(["lazy", "dense"])
    ]
    (one, mean_1, error_1), (two, mean_2, error_2) = found
    assert not apart(one, two, TRIALS, one.size)
    assert abs(mean_1 - mean_2) < norm.isf(FALSE_ALARM / 2) * math.hypot(error_1, error_2)


def test_a_depth_off_by_one_is_caught() -> None:
    """Negative control: depth 3 against depth 4 fails the comparison above."""
    found = [
        flip_counts(InitFlip(12, 9, depth=depth, scaling="he", steps=(0.5, 2.0)), TRIALS, seed)[0]
        for seed, depth in enumerate([3, 4])
    ]
    assert apart(*found, TRIALS, found[0].size)


@pytest.mark.parametrize("scaling", ["mean-field", "he"])
@pytest.mark.parametrize(("k", "d"), [(5, 40), (8, 5), (64, 32)])
def test_lazy_agrees_with_conditional_at_depth_two(k: int, d: int, scaling: str) -> None:
    """At depth 2 the lazy engine has the law of the conditional one, in either scaling."""
    found = [
        flip_counts(InitFlip(k, d, "tanh", engine, scaling=scaling, steps=(0.5, 1.0, 3.0)), TRIALS, seed)
        for seed, engine in enumerate(["lazy", "conditional"])
    ]
    (one, mean_1, error_1), (two, mean_2, error_2) = found
    assert not apart(one, two, TRIALS, one.size)
    assert abs(mean_1 - mean_2) < norm.isf(FALSE_ALARM / 2) * math.hypot(error_1, error_2)
    exact = laws.gradient_second_moment(InitFlip(k, d, "tanh", scaling=scaling).sigma, d)
    assert abs(mean_1 - exact) < norm.isf(FALSE_ALARM / 2) * error_1


@pytest.mark.parametrize(("activation", "scaling", "depth"), [("relu", "he", 4), ("tanh", "mean-field", 3)])
def test_wide_networks_reach_the_limit(activation: str, scaling: str, depth: int) -> None:
    """At k = d = 1500 flips, gradient and output agree with the limit laws within a stated allowance of 0.03."""
    point = InitFlip(1500, 1500, activation, depth=depth, scaling=scaling, steps=(1.0,), radii=(1.0,))
    entry = document(run(Plan(INIT_FLIP, (point,), 600)), confidence=1 - FALSE_ALARM)["results"][0]
    for row in entry["flip"]:
        assert row["low"] - 0.03 <= row["limit"] <= row["high"] + 0.03
    limit = laws.width_limit(activation, depth, point.gain)
    squares = entry["gradient_norm"]
    low, high = squares["second_moment_low"], squares["second_moment_high"]
    assert low - 0.03 * limit.gradient_square <= limit.gradient_square <= high + 0.03 * limit.gradient_square
    assert (
        entry["output"]["std_low"] - 0.03
        <= math.sqrt(limit.output_variance)
        <= entry["output"]["std_high"] + 0.03
    )


def test_width_limit_recursion_against_closed_forms() -> None:
    """ReLU under He keeps V = G = 2 at every depth, and L = 2, g = 1 gives E σ² and E σ′²."""
    for depth in range(2, 12):
        limit = laws.width_limit("relu", depth, HE)
        assert limit.output_variance == pytest.approx(2, abs=1e-12)
        assert limit.gradient_square == pytest.approx(2, abs=1e-12)
    for name in ("tanh", "gelu", "abs"):
        limit = laws.width_limit(name)
        assert limit.output_variance == laws.second_moment(name)
        assert limit.gradient_square == laws.derivative_second_moment(name)
    # tanh at gain 2, depth 3 by independent quadrature of both layers
    z, w = np.polynomial.hermite_e.hermegauss(150)
    w = w / w.sum()
    q1 = 4.0
    q2 = 4 * np.sum(w * np.tanh(math.sqrt(q1) * z) ** 2)
    v = 4 * np.sum(w * np.tanh(math.sqrt(q2) * z) ** 2)
    slope = [np.sum(w / np.cosh(math.sqrt(q) * z) ** 4) for q in (q1, q2)]
    limit = laws.width_limit("tanh", 3, 2.0)
    assert limit.output_variance == pytest.approx(v, rel=1e-4)  # the oracle's own accuracy near tanh's poles
    assert limit.gradient_square == pytest.approx(4 * 4 * slope[0] * 4 * slope[1], rel=1e-4)


def test_reports_of_deep_networks() -> None:
    """The exact second moments stand in the report where they hold, and nothing stands where they do not."""
    deep = GradNorm(8, 6, depth=4, scaling="he")
    entry = document(run(Plan(GRAD_NORM, (deep,), 20_000)), 1 - FALSE_ALARM)["results"][0]
    derivative = entry["gradient_norm"]["input_derivative_second_moment"]
    assert derivative["exact"] == pytest.approx(2 / 6)
    assert derivative["low"] <= derivative["exact"] <= derivative["high"]
    assert 0 < entry["zero_gradient"]["share"] < 1
    smooth = GradNorm(8, 6, "tanh", depth=3)
    entry = document(run(Plan(GRAD_NORM, (smooth,), 100)))["results"][0]
    assert entry["gradient_norm"]["exact_second_moment"] is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: DeepNetwork((), torch.ones(1, 2), get("relu")),
        lambda: DeepNetwork((DenseGaussian(stream(1, 1), 3, 2),), torch.ones(1, 2), get("relu")),
        lambda: sample(stream(1, 1), (3, 2), 4, get("relu"), gain=0.0),
        lambda: laws.width_limit("relu", 1),
        lambda: laws.width_limit("relu", 2, -1.0),
    ],
)
def test_impossible_networks(make: Callable[[], object]) -> None:
    """Networks without layers, with layers that do not fit, or without a scale are refused."""
    with pytest.raises(BadInput):
        make()


PGD = """
import resource, torch
from simulate import LazyGaussian, Stream, TwoLayerNetwork
from simulate.activations import get

width = dim = 100_000
stream = Stream.from_seed(1)
network = TwoLayerNetwork(LazyGaussian(stream, width, dim), stream.signs("a", width), get("relu"))
x = torch.ones(1, dim)
start = network(x)
moved = x
for _ in range(20):
    moved = moved - 0.002 * torch.sign(start)[:, None] * torch.sign(network.gradient(moved))
    moved = x + (moved - x).clamp(-0.01, 0.01)
assert (network(moved) * start < 0).all()
assert network.matrix.queries[0].item() <= 22
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def test_pgd_without_the_matrix_fits_in_two_gigabytes() -> None:
    """Twenty PGD steps at k = d = 10^5, whose matrix would take 40 GB, stay below 2 GB in all."""
    answer = subprocess.run([sys.executable, "-c", PGD], capture_output=True, text=True, check=True)
    assert float(answer.stdout) < 2

"""Helpers of the statements of documents 002, 003 and 004 that are more than a formula copied."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from theorems import maths as m
from theorems.layers import batch_normalisation, response_normalisation
from theorems.registry import registry
from theorems.statements.robustness_slides import verification
from theorems.statements.thesis import depth, mlp, normalisation, response, search
from theorems.statements.tools import NOTHING, equal_terms, label


def gaussian(*shape: int, seed: int = 0) -> Any:
    """Standard normal numbers, always the same."""
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_derivatives_of_response_normalisation(n: int) -> None:
    """The closed first and second derivatives are those of automatic differentiation, off the window too."""
    x, k, alpha, beta = gaussian(4), 1.3, 0.7, 0.6

    def layer(values: torch.Tensor) -> torch.Tensor:
        return response_normalisation(values.reshape(-1, 1, 1), n, k, alpha, beta).reshape(-1)  # type: ignore[no-any-return]

    point = torch.tensor(x)
    first = torch.func.jacrev(layer)(point).numpy()
    second = torch.func.hessian(layer)(point).numpy()
    for a, i in itertools.product(range(4), repeat=2):
        assert response.first_derivative(x, a, i, n, k, alpha, beta) == pytest.approx(first[a, i], abs=1e-12)
        for j in range(4):
            mine = response.second_derivative(x, a, i, j, n, k, alpha, beta)
            assert mine == pytest.approx(second[a, i, j], abs=1e-12)


@pytest.mark.parametrize("depth_of_network", [1, 2, 3])
def test_second_derivatives_of_an_mlp(depth_of_network: int) -> None:
    """The chain rule that Algorithm 4.1 is held against is the Hessian of automatic differentiation."""
    V, b, x = gaussian(depth_of_network, 3, 3), gaussian(depth_of_network, 3, seed=1), gaussian(3, seed=2)

    def network(values: torch.Tensor) -> torch.Tensor:
        for weights, bias in zip(torch.tensor(V), torch.tensor(b), strict=True):
            values = torch.tanh(weights @ values + bias)
        return values

    theirs = torch.func.hessian(network)(torch.tensor(x)).numpy()
    np.testing.assert_allclose(mlp.second_derivatives("tanh", V, b, x), theirs, rtol=1e-9, atol=1e-12)


def test_reach_is_the_root() -> None:
    """The rewritten solution satisfies the quadratic equation, and is the printed one where that is stable."""
    jacobian, curvature, change = 0.7, 1.9, 0.31
    root = mlp.reach(jacobian, curvature, change)
    assert curvature / 2 * root**2 + jacobian * root == pytest.approx(change, rel=1e-14)
    printed = (math.sqrt(jacobian**2 + 2 * curvature * change) - jacobian) / curvature
    assert root == pytest.approx(printed, rel=1e-13)


def test_deltas_are_the_printed_ones() -> None:
    """δ_j without cancellation is min(|ρ_1,j|, |ρ_2,j|) as printed, with features of both signs."""
    x, gamma = np.array([1.0, -2.0, 0.5]), np.array([1.0, -0.5, 2.0])
    r, variance = 3 * x, np.array([0.5, 1.0, 2.0])
    layer = {"gamma": gamma, "beta": np.array([0.1, 0.3, -0.2]), "variance": variance}
    before = np.linalg.norm(batch_normalisation(x, mean=0, **layer))
    kappa = np.linalg.norm(batch_normalisation(x + r, mean=0, **layer)) - before
    assert kappa > 0
    phi, psi = gamma / variance, (2 * kappa * before + kappa**2) / 3
    chi = 2 * gamma * x + 2 * layer["beta"] * np.sqrt(variance)
    root = np.sqrt(phi**2 * chi**2 + 4 * phi * gamma * psi)
    ends = [-(root + phi * chi) / (2 * phi * gamma), (root - phi * chi) / (2 * phi * gamma)]
    expected = np.min(np.abs(ends), axis=0)
    assert {bool(value) for value in phi * chi > 0} == {True, False}
    np.testing.assert_allclose(normalisation.least_moves(x=x, r=r, **layer), expected, rtol=1e-12)
    assert normalisation.least_moves(x=x, r=0 * r, **layer) is None


def test_the_printed_bisection_never_ends() -> None:
    """Followed by hand in float64, the interval stops shrinking at neighbouring numbers, and the loop goes on."""
    low, high, epsilon = 0.0, 1.0, 0.5
    for _ in range(5_000):
        low, high = (epsilon, high) if epsilon < 0.3 else (low, epsilon)
        epsilon = low + (high - low) / 2
    assert high - low > 0
    assert search.passes(0.3, 1.0) is None


def test_the_extreme_of_a_polynomial() -> None:
    """The largest |p| is found at a critical point, or at an end where that is larger."""
    with m.in_precision():
        inside = mlp.largest([-1, 1, 0], 0, 1)  # t − t²
        outside = mlp.largest([-1, 1, 0], 0, 3)
    assert (inside, outside) == (mpmath.mpf("0.25"), 6)


def test_a_chain_of_layers() -> None:
    """κ_1, …, κ_L come in the order of the layers, each from the next."""
    assert depth.robustness([2.0, 5.0], 20.0, 1.0) == [(20 / 5 + 1) / 2 + 1, 20 / 5 + 1]


@pytest.mark.parametrize(
    ("t", "l", "u"), [(0.0, -1.0, 1.0), (2.0, 1.0, 3.0), (-2.0, -3.0, -1.0), (-1.0, -1.0, 1.0)]
)
def test_relu_constraints_by_hand(t: float, l: float, u: float) -> None:  # noqa: E741
    """On a fine grid of z the constraints leave the ReLU alone if v is binary, and more if v may be one half."""

    def feasible(z: float, choices: tuple[float, ...]) -> bool:
        return any(z >= t and z >= 0 and u * v >= z and t >= z + (1 - v) * l for v in choices)

    grid = [i / 8 for i in range(-32, 33)]
    assert [z for z in grid if feasible(z, (0, 1))] == [max(t, 0)]
    assert verification.exactly_relu(t, l, u, (0, 1))
    partly = [z for z in grid if feasible(z, (0, 0.5, 1))]
    assert verification.exactly_relu(t, l, u, (0, 0.5, 1)) == (partly == [max(t, 0)])


def test_labels_and_nothing() -> None:
    """Of equal scores the first has the label; a statement that claims nothing cannot be violated."""
    assert [label(scores) for scores in ([1, 3, 3], [0, 0], [2])] == [1, 0, 0]
    assert not NOTHING.violated()


def test_cancelling_terms_are_compared_at_their_size() -> None:
    """A difference below the digits of the terms passes; one above them does not."""
    assert not equal_terms(1e-14, 3e-14, 100.0).violated(1e-12)
    assert equal_terms(1.0, 1.1, 100.0).violated(1e-12)


def test_formulas_are_whole() -> None:
    """Every text and title has as many opening as closing dollar signs and braces, and ends as a sentence does."""
    for one in registry().values():
        if one.source.document in ("002", "003", "004"):
            assert one.text.count("$") % 2 == 0, one.id
            for formula in one.text.split("$")[1::2]:
                letters = formula.replace(r"\{", "").replace(r"\}", "")
                assert letters.count("{") == letters.count("}"), one.id
            assert one.text.endswith("."), one.id
            assert one.title, one.id
            assert one.reading, one.id


def test_every_correction_names_what_it_corrects() -> None:
    """Corrections in these documents point to a statement of the same document, and say what was wrong."""
    every = registry()
    mine = [one for one in every.values() if one.source.document in ("002", "003", "004")]
    corrections = [one for one in mine if one.corrects is not None]
    assert len(corrections) > 30
    for one in corrections:
        assert one.corrects in every
        assert every[one.corrects].source == one.source
        assert one.repair is not None

"""Norms, steepest steps and the projection onto a ball and a box, against independent solvers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor

from simulate.attacks import NORMS, Norm, project, size, steepest
from simulate.attacks.norms import check_norm, dual_size, uniform
from simulate.errors import BadInput

Floats = NDArray[np.float64]


def instance(seed: int, rows: int, dim: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    """Points, a box around 0 with infinite and empty sides among its own, and radii."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((rows, dim)) * rng.choice([0.1, 2, 30])
    low, high = -rng.uniform(0, 1.5, (rows, dim)), rng.uniform(0, 1.5, (rows, dim))
    low[rng.random(low.shape) < 0.2] = -math.inf
    high[rng.random(high.shape) < 0.2] = 0.0
    z[rng.random(z.shape) < 0.1] = 0.0
    return tuple(torch.tensor(one, dtype=dtype) for one in (z, low, high, rng.uniform(0.01, 3, rows)))


def by_root(z: Floats, low: Floats, high: Floats, r: float, norm: str) -> Floats:
    """The projection of one point: the root of ‖point(λ)‖ = r by Brent's method on the optimality conditions."""

    def point(multiplier: float) -> Floats:
        inner = z / (1 + multiplier) if norm == "2" else np.sign(z) * np.maximum(np.abs(z) - multiplier, 0)
        return np.clip(inner, low, high)

    def excess(multiplier: float) -> float:
        return float(np.linalg.norm(point(multiplier), int(norm))) - r

    if excess(0) <= 0:
        return point(0)
    top = 1.0
    while excess(top) > 0:
        top *= 2
    return point(optimize.brentq(excess, 0, top, xtol=1e-15, rtol=1e-14))


@pytest.mark.parametrize("norm", ["2", "1"])
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 4), dim=st.integers(1, 40))
def test_projection_solves_its_optimality_conditions(norm: Norm, seed: int, rows: int, dim: int) -> None:
    """In float64 the projection is the one that a root finder gives, to 1e-9, whatever box and ball."""
    z, low, high, radii = instance(seed, rows, dim)
    found = project(z, norm, radii, low, high).numpy()
    for row in range(rows):
        expected = by_root(z[row].numpy(), low[row].numpy(), high[row].numpy(), float(radii[row]), norm)
        np.testing.assert_allclose(found[row], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("seed", range(5))
def test_projection_is_what_a_convex_solver_finds(norm: Norm, seed: int) -> None:
    """SLSQP, which knows neither multipliers nor clipping, finds no nearer point of ball and box."""
    z, low, high, radii = instance(seed, 1, 4)
    found = project(z, norm, radii, low, high)[0].numpy()
    target, r = z[0].numpy(), float(radii[0])
    # δ = p − q with p, q ≥ 0 makes ‖δ‖₁ smooth.
    ends = [(0, high) for high in high[0].tolist()] + [(0, -low) for low in low[0].tolist()]
    if norm == "inf":
        ends = [(0, min(r, end)) for _, end in ends]
    balls = {
        "1": {"type": "ineq", "fun": lambda v: r - v.sum()},
        "2": {"type": "ineq", "fun": lambda v: r**2 - ((v[:4] - v[4:]) ** 2).sum()},
    }
    answer = optimize.minimize(
        lambda v: ((v[:4] - v[4:] - target) ** 2).sum(),
        np.full(8, 1e-3),
        bounds=ends,
        constraints=[balls[norm]] if norm in balls else [],
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-14},
    )
    assert answer.success
    np.testing.assert_allclose(((found - target) ** 2).sum(), answer.fun, rtol=1e-6, atol=1e-8)


def test_clipping_after_scaling_is_not_the_projection() -> None:
    """The negative control: the usual shortcut gives a feasible point that is farther away."""
    z, high = torch.tensor([[3.0, 1.0]]), torch.tensor([[0.5, 9.0]])
    found = project(z, "2", 1.0, -high, high)
    shortcut = (z / size(z, "2").unsqueeze(1)).clamp(-high, high)
    assert float(size(z - found, "2")) < float(size(z - shortcut, "2")) - 0.05


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("norm", NORMS)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 4), dim=st.integers(1, 60))
def test_projection_stays_in_ball_and_box(
    norm: Norm, dtype: torch.dtype, seed: int, rows: int, dim: int
) -> None:
    """The box holds to the last bit and the ball up to the rounding of its norm, in both precisions."""
    z, low, high, radii = instance(seed, rows, dim, dtype)
    found = project(z, norm, radii, low, high)
    assert bool(((found >= low) & (found <= high)).all())
    assert bool((size(found, norm) <= radii * (1 + 4 * torch.finfo(dtype).eps)).all())
    again = project(found, norm, radii, low, high)
    torch.testing.assert_close(again, found, rtol=0, atol=float(radii.max()) * 8 * torch.finfo(dtype).eps)


def test_points_inside_stay_to_the_bit() -> None:
    """A point of ball and box is its own projection."""
    z = torch.tensor([[0.1, -0.2, 0.0]])
    for norm in NORMS:
        assert torch.equal(project(z, norm, 1.0, torch.full_like(z, -1.0), torch.full_like(z, 1.0)), z)


@pytest.mark.parametrize("norm", NORMS)
@given(seed=st.integers(0, 10**6), dim=st.integers(1, 30))
def test_steepest_step_attains_the_dual_norm(norm: Norm, seed: int, dim: int) -> None:
    """⟨g, v⟩ is the dual norm of g for the steepest unit step v, and v has norm 1."""
    g = torch.from_numpy(np.random.default_rng(seed).standard_normal((3, dim)))
    step = steepest(g, norm)
    torch.testing.assert_close((g * step).sum(1), dual_size(g, norm))
    torch.testing.assert_close(size(step, norm), torch.ones(3, dtype=torch.float64))


def test_steepest_step_of_nothing_is_nothing() -> None:
    """A zero gradient gives no direction, and a tiny one (whose squares underflow) still a unit one."""
    for norm in NORMS:
        assert not steepest(torch.zeros(1, 3), norm).any()
        torch.testing.assert_close(size(steepest(torch.full((1, 4), 1e-30), norm), norm), torch.ones(1))


def test_taxicab_step_avoids_coordinates_that_cannot_move() -> None:
    """In ℓ1 the best free coordinate moves, not the best one of all."""
    g, free = torch.tensor([[3.0, -2.0]]), torch.tensor([[False, True]])
    assert steepest(g, "1", free).tolist() == [[0.0, -1.0]]


@pytest.mark.parametrize(("norm", "power"), [("inf", 3), ("2", 3), ("1", 3)])
def test_random_starts_fill_the_ball_evenly(norm: Norm, power: int) -> None:
    """The share of points within half the radius is 2^−d, inside an exact binomial band of error 1e-7."""
    from scipy import stats

    count = 20_000
    points = uniform(
        norm,
        2.0,
        torch.Size((count, power)),
        torch.Generator().manual_seed(5),
        torch.zeros(1, dtype=torch.float64),
    )
    lengths = size(points, norm)
    assert bool((lengths <= 2 * (1 + 1e-12)).all())
    inside = int((lengths <= 1).sum())
    low, high = stats.binom.ppf([0.5e-7, 1 - 0.5e-7], count, 0.5**power)
    assert low <= inside <= high
    # The control: a uniform radius instead of U^{1/d} would put half of the points there.
    assert not low <= count / 2 <= high


def test_unknown_norms_get_one_line() -> None:
    """Numbers are understood as norms; anything else is refused."""
    assert [check_norm(one) for one in (math.inf, 2, 1, "2")] == ["inf", "2", "1", "2"]
    for norm in ("3", 0.5, None):
        with pytest.raises(BadInput, match="norm is one of"):
            check_norm(norm)

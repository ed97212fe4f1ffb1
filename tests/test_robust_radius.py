"""Exact radii of two-layer ReLU networks: the search against enumeration, closed forms, and its own certificates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, linprog, minimize

from simulate.errors import BadInput
from simulate.robust import (
    Radius,
    ReluNetwork,
    correlation,
    draw,
    gradient_attack,
    least_radius_to_flip,
    measure,
    midpoint,
    radius,
    radius_by_enumeration,
    radius_to_zero,
)
from simulate.robust.construction import build
from simulate.robust.projection import dual_active_set, nearest_point
from simulate.robust.regions import Problem
from simulate.robust.search import _Search

TARGETS = ("zero", "flip")


def lattice_network(rng: np.random.Generator, width: int, dim: int) -> ReluNetwork:
    """Small whole weights: dead and equal neurons, ties, and f = 0 on whole regions."""
    return ReluNetwork(
        rng.integers(-2, 3, (width, dim)).astype(float),
        rng.integers(-2, 3, width).astype(float),
        rng.choice([-2.0, -1.0, 0.0, 1.0, 2.0], width),
    )


def gaussian_network(rng: np.random.Generator, width: int, dim: int) -> ReluNetwork:
    """Weights in general position."""
    return ReluNetwork(
        rng.standard_normal((width, dim)), rng.standard_normal(width), rng.standard_normal(width)
    )


def bump_network(rng: np.random.Generator, width: int, dim: int) -> ReluNetwork:
    """Neurons that are off around the origin, as those of the construction are."""
    return ReluNetwork(
        rng.standard_normal((width, dim)), -rng.uniform(0.2, 2, width), rng.choice([-1.0, 1.0], width)
    )


NETWORKS = (lattice_network, gaussian_network, bump_network)


def polyhedra(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals and offsets: empty, full, touching in one point, or with repeated normals."""
    rng = np.random.default_rng(seed)
    count, dims = int(rng.integers(1, 13)), int(rng.integers(1, 6))
    A = rng.standard_normal((count, dims)) if seed % 3 else rng.integers(-2, 3, (count, dims)).astype(float)
    A[0, 0] = A[0, 0] or 1.0
    A = A[np.linalg.norm(A, axis=1) > 0]
    A /= np.linalg.norm(A, axis=1, keepdims=True)
    if seed % 2:
        return A, A @ rng.standard_normal(dims) - rng.uniform(0, 1, len(A)) * rng.integers(0, 2)
    return A, 2 * rng.standard_normal(len(A))


# --- projection ---------------------------------------------------------------------------------------------


def test_projection_meets_its_own_certificate() -> None:
    """On 600 polyhedra the point satisfies the half-spaces and is as far as its certificate says; the certifying
    half-space contains a vertex of the polyhedron that a linear programme finds; empty ones are empty.
    """
    found = 0
    for seed in range(600):
        A, b = polyhedra(seed)
        nearest = nearest_point(A, b)
        scale = 1 + np.abs(b).max()
        inside = linprog(np.zeros(A.shape[1]), A_ub=-A, b_ub=-b + 1e-9 * scale, bounds=(None, None))
        if nearest.point is None:
            outside = linprog(np.zeros(A.shape[1]), A_ub=-A, b_ub=-b - 1e-7 * scale, bounds=(None, None))
            assert outside.status == 2
            continue
        found += 1
        length = np.linalg.norm(nearest.point)
        assert (A @ nearest.point - b).min() >= -1e-8 * (1 + length)
        assert_allclose(length, nearest.lower, rtol=1e-8, atol=1e-8)
        assert inside.status == 0
        assert nearest.normal @ inside.x >= nearest.lower - 1e-6 * (1 + np.linalg.norm(inside.x))
    assert found > 200


def test_both_projections_agree() -> None:
    """The dual active-set method, which takes over when rounding leads the first one astray, gives its points."""
    compared = 0
    for seed in range(1_000):
        A, b = polyhedra(seed)
        first, second = nearest_point(A, b), dual_active_set(A, b)
        if first.point is None or second.point is None:
            continue
        compared += 1
        assert_allclose(second.point, first.point, atol=1e-7 * (1 + np.linalg.norm(first.point)))
    assert compared > 300


def test_projection_without_and_beyond_half_spaces() -> None:
    """No half-space, or only such as hold at 0, give 0; a row of zeros is a condition on its offset alone."""
    assert nearest_point(np.zeros((0, 3)), np.zeros(0)).lower == 0
    assert nearest_point(np.eye(2), np.array([-1.0, 0.0])).point.tolist() == [0, 0]  # type: ignore[union-attr]
    assert nearest_point(np.zeros((1, 2)), np.array([1.0])).point is None
    two = nearest_point(np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([-1.0, 6.0]))
    assert_allclose(two.point, [3, 0], atol=1e-14)


def test_projection_is_the_quadratic_programme() -> None:
    """A general solver (SLSQP) finds no nearer point, and the same one."""
    for seed in range(1, 60, 2):
        A, b = polyhedra(seed)
        found = nearest_point(A, b)
        assert found.point is not None
        answer = minimize(
            lambda z: z @ z,
            found.point + 0.1,
            jac=lambda z: 2 * z,
            constraints=LinearConstraint(A, b, np.inf),
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        assert_allclose(answer.x, found.point, atol=1e-4)


# --- the search against enumeration -------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("family", NETWORKS)
def test_search_equals_enumeration_of_patterns(family, target) -> None:  # type: ignore[no-untyped-def]
    """For 40 networks with up to 8 neurons in up to 5 dimensions, the branch and bound finds the least distance over
    all 2^k activation patterns to eight digits, and certifies it.
    """
    rng, compared = np.random.default_rng(7), 0
    for _ in range(40):
        network = family(rng, int(rng.integers(1, 9)), int(rng.integers(1, 6)))
        x = 2 * rng.standard_normal(network.dim)
        label = 1.0 if network(x) >= 0 else -1.0
        if network(x) == 0:
            continue
        exact = radius_by_enumeration(network, x, label, target)
        found = radius(network, x, label, target)
        compared += 1
        assert found.exact
        if math.isinf(exact):
            assert found.upper == math.inf == found.lower
            continue
        assert_allclose(found.upper, exact, rtol=1e-8, atol=1e-9)
        assert found.lower <= exact * (1 + 1e-8) + 1e-9
    assert compared > 15


@given(seed=st.integers(0, 10_000), family=st.sampled_from(NETWORKS), target=st.sampled_from(TARGETS))
@settings(max_examples=60)
def test_the_point_errs_and_the_ball_does_not(seed: int, family, target) -> None:  # type: ignore[no-untyped-def]
    """The sign is wrong at the perturbation that is returned, as long as stated, and right at random and adversarial
    points within the certified radius.
    """
    rng = np.random.default_rng(seed)
    network = family(rng, int(rng.integers(1, 12)), int(rng.integers(1, 6)))
    x = rng.standard_normal(network.dim)
    label = 1.0 if network(x) >= 0 else -1.0
    assume(network(x) != 0)
    found = radius(network, x, label, target)
    if found.perturbation is not None:
        value = label * network(x + found.perturbation)
        assert value < 0 if target == "flip" else value <= 1e-9
        assert found.value == value
        assert_allclose(np.linalg.norm(found.perturbation), found.upper, rtol=1e-12)
    reach = min(found.lower, 1e3)
    directions = rng.standard_normal((200, network.dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    ball = x + directions * (reach * (1 - 1e-9) * rng.uniform(0, 1, (200, 1)))
    assert (label * network(ball) >= (0 if target == "flip" else -1e-12)).all()


class Blind(_Search):
    """A search that improves nothing: what it finds, it finds by its lower bounds alone."""

    def improve(self, chosen: NDArray[np.bool_]) -> None:
        """Leave the best as it is."""


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("family", [gaussian_network, bump_network])
def test_lower_bounds_alone_find_the_radius(family, target) -> None:  # type: ignore[no-untyped-def]
    """With the good guesses switched off and a ball up to three times too large, the tree's least bound is still the
    exact radius: no part is missing, and no bound is too high or stays too low.
    """
    rng, compared = np.random.default_rng(9), 0
    while compared < 25:
        network = family(rng, int(rng.integers(2, 10)), int(rng.integers(1, 5)))
        x = 2 * rng.standard_normal(network.dim)
        label = 1.0 if network(x) >= 0 else -1.0
        exact = radius_by_enumeration(network, x, label, target) if network(x) != 0 else math.inf
        if math.isinf(exact):
            continue
        compared += 1
        problem = Problem.at(network, x, label)
        search = Blind(problem, target)
        search.best.length = rng.uniform(1.01, 3) * exact / problem.unit
        assert_allclose(search.run(100_000, 0.0) * problem.unit, exact, rtol=1e-7)


def test_a_shrunk_radius_is_refuted_by_enumeration() -> None:
    """Negative control: 1 % more or less than the search's radius disagrees with the enumeration."""
    network = gaussian_network(np.random.default_rng(3), 6, 3)
    x = np.array([1.0, -0.5, 0.3])
    label = float(np.sign(network(x)))
    exact = radius_by_enumeration(network, x, label)
    found = radius(network, x, label)
    for wrong in (0.99 * found.upper, 1.01 * found.upper):
        assert abs(wrong - exact) > 1e-3 * exact
    assert abs(found.upper - exact) <= 1e-8 * exact


# --- closed forms -------------------------------------------------------------------------------------------


def test_one_neuron() -> None:
    """From a point where f = a relu(w·x + b) is on, a > 0: (w·x + b)/|w| to f = 0, and never to f < 0."""
    network = ReluNetwork(np.array([[3.0, 4.0]]), np.array([-1.0]), np.array([2.0]))
    zero, flip = (radius(network, [2.0, 1.0], 1, target) for target in TARGETS)
    assert_allclose(zero.upper, 9 / 5, rtol=1e-12)
    assert flip == Radius("flip", math.inf, math.inf, None, flip.value, flip.nodes)
    assert flip.exact


def test_two_neurons_on_a_line() -> None:
    """From 1/2, f = relu(x) − 2 relu(x − 1) is 0 at distance 1/2 and negative only beyond 3/2."""
    network = ReluNetwork(np.array([[1.0], [1.0]]), np.array([0.0, -1.0]), np.array([1.0, -2.0]))
    assert_allclose(radius(network, [0.5], 1).upper, 0.5, rtol=1e-12)
    flip = radius(network, [0.5], 1, "flip")
    assert_allclose([flip.lower, flip.upper], 1.5, rtol=1e-9)
    assert flip.value < 0


def test_two_points_of_different_labels() -> None:
    """The construction on two points with inner product cd: (1 − c)/2·√d to f = 0, half their distance to a flip."""
    for c in (0.05, 0.3, 0.6, 0.95):
        data = draw("adversarial", 2, 7, correlation=c)
        network = build(data.points, data.labels, midpoint(c))
        for x, y in zip(data.points, data.labels, strict=True):
            assert_allclose(radius(network, x, y).upper, (1 - c) / 2 * math.sqrt(7), rtol=1e-9)
            flip = radius(network, x, y, "flip").upper
            assert_allclose(flip, np.linalg.norm(data.points[0] - data.points[1]) / 2, rtol=1e-9)


def test_zero_on_a_region_is_no_flip() -> None:
    """A neuron against an equal one: f = 0 beyond the first, so that y f <= 0 is near and y f < 0 is nowhere."""
    network = ReluNetwork(
        np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0.0, 0.0, -1.0]), np.array([1.0, -1.0, 1.0])
    )
    x = [0.0, 3.0]
    assert_allclose(radius(network, x, 1).upper, 2, rtol=1e-12)
    assert radius(network, x, 1, "flip").upper == math.inf
    assert radius_by_enumeration(network, np.array(x), 1, "flip") == math.inf


def test_scales_of_inputs_and_weights_do_not_matter() -> None:
    """Inputs and biases a million times larger or smaller give radii in proportion; outer weights change nothing."""
    rng = np.random.default_rng(11)
    network, x = gaussian_network(rng, 7, 4), rng.standard_normal(4)
    label = float(np.sign(network(x)))
    for target in TARGETS:
        plain = radius(network, x, label, target).upper
        for scale in (1e-9, 1e-3, 1e6):
            moved = ReluNetwork(network.weights, network.biases * scale, network.outer / scale)
            assert_allclose(radius(moved, x * scale, label, target).upper, plain * scale, rtol=1e-8)


def test_a_point_that_errs_already() -> None:
    """Where y f is negative both radii are 0; where it is 0 only the one to y f <= 0 is."""
    network = ReluNetwork(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0]), np.array([1.0, -1.0]))
    assert radius(network, [-3.0], 1).upper == 0
    assert radius(network, [-3.0], 1, "flip").upper == 0
    assert radius(network, [0.0], 1).upper == 0
    assert_allclose(radius(network, [0.0], 1, "flip").upper, 1, rtol=1e-8)


# --- brackets, and the construction -------------------------------------------------------------------------


def test_a_search_cut_short_brackets_the_radius() -> None:
    """With too few nodes the bracket is wide, says so, and contains the radius of the full search."""
    data = draw("random", 24, 60, seed=1)
    network = build(data.points, data.labels, 0.35)
    full = radius(network, data.points[0], data.labels[0], "flip", most_nodes=200_000)
    assert full.exact
    cut = radius(network, data.points[0], data.labels[0], "flip", most_nodes=40)
    assert not cut.exact
    assert 0 < cut.lower <= full.upper * (1 + 1e-9)
    assert cut.upper >= full.lower * (1 - 1e-9)
    assert cut.nodes < full.nodes


def test_a_bound_that_is_proved_elsewhere_ends_the_search() -> None:
    """On one point against seven at equal angles the formula is reached: the search stops with the same answer."""
    data = draw("adversarial", 8, 20, correlation=0.6)
    network = build(data.points, data.labels, midpoint(0.6))
    proved = least_radius_to_flip(0.6, 20, 7)
    alone = radius(network, data.points[0], 1, "flip")
    helped = radius(network, data.points[0], 1, "flip", at_least=proved * (1 - 1e-12))
    assert_allclose([alone.upper, helped.upper, helped.lower], proved, rtol=1e-8)
    assert alone.exact
    assert helped.nodes < alone.nodes


@pytest.mark.parametrize("kind", ["random", "clustered", "adversarial"])
@pytest.mark.parametrize("threshold", ["midpoint", "best"])
def test_construction_by_search_and_by_enumeration(kind: str, threshold: str) -> None:
    """Both radii of every point of six-point data sets agree with the enumeration of 64 patterns."""
    data = draw(kind, 6, 7, seed=4, correlation=0.4)
    found = measure(data, threshold=threshold, restarts=0)
    for i, (x, y) in enumerate(zip(data.points, data.labels, strict=True)):
        assert_allclose(found.zero[i].upper, radius_by_enumeration(found.network, x, y), rtol=1e-8)
        exact = radius_by_enumeration(found.network, x, y, "flip")
        if math.isfinite(exact):
            assert_allclose(found.flip[i].upper, exact, rtol=1e-8)
        else:
            assert found.flip[i].upper == math.inf


def test_the_closed_form_holds_far_beyond_enumeration() -> None:
    """Thirty points in 300 dimensions: every exact radius to f = 0 is (1 − c)/2·√d to nine digits."""
    data = draw("random", 30, 300, seed=2)
    c = correlation(data.points, data.labels).largest_size
    network = build(data.points, data.labels, midpoint(c))
    found = [radius(network, x, y) for x, y in zip(data.points, data.labels, strict=True)]
    assert all(one.exact for one in found)
    assert_allclose([one.upper for one in found], radius_to_zero(c, 300), rtol=1e-9)


# --- the attack ---------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 10_000), family=st.sampled_from(NETWORKS))
@settings(max_examples=30)
def test_the_attack_is_never_below_the_exact_radius(seed: int, family) -> None:  # type: ignore[no-untyped-def]
    """Whatever gradient descent with restarts finds is at least as far as the exact radii."""
    rng = np.random.default_rng(seed)
    network = family(rng, int(rng.integers(2, 10)), int(rng.integers(1, 5)))
    points = rng.standard_normal((3, network.dim))
    labels = np.where(network(points) >= 0, 1.0, -1.0)
    found = gradient_attack(network, points, labels, step=0.05, steps=80, restarts=3, reach=3.0, seed=seed)
    for i in range(3):
        assert found.zero[i] >= radius(network, points[i], labels[i]).lower * (1 - 1e-9)
        assert found.flip[i] >= radius(network, points[i], labels[i], "flip").lower * (1 - 1e-9)


def test_the_attack_finds_what_is_down_the_gradient() -> None:
    """Where the gradient leads to a change of sign, the attack finds it: a linear network's radius to ten digits."""
    network = ReluNetwork(np.array([[3.0, 4.0], [-3.0, -4.0]]), np.zeros(2), np.array([1.0, -1.0]))
    points = np.array([[1.0, 1.0], [-2.0, 1.0]])
    found = gradient_attack(network, points, np.sign(network(points)), step=0.1)
    assert_allclose(found.zero, [7 / 5, 2 / 5], rtol=1e-10)
    assert_allclose(found.flip, [7 / 5, 2 / 5], rtol=1e-10)
    assert not found.stalled.any()


def test_the_attack_stalls_on_the_construction() -> None:
    """It reaches f = 0 at the exact radius, with no neuron on and gradient 0, and flips nothing, although a flip is
    at most half the distance of two points away.
    """
    found = measure(draw("random", 12, 60, seed=3), restarts=3)
    attack = found.attack
    assert_allclose(attack.zero, [one.upper for one in found.zero], rtol=1e-9)
    assert attack.stalled.all()
    assert (attack.on == 0).all()
    assert np.isinf(attack.flip).all()
    assert all(one.upper < math.sqrt(60) for one in found.flip)


def test_bad_requests() -> None:
    """Wrong targets, labels, shapes and numbers are refused by name."""
    network = ReluNetwork(np.eye(2), np.zeros(2), np.ones(2))
    cases = (
        (lambda: radius(network, [1.0, 1.0], 1, "both"), "zero or flip"),  # type: ignore[arg-type]
        (lambda: radius(network, [1.0, 1.0], 0), "a label is −1 or 1"),
        (lambda: radius(network, [1.0], 1), "2 finite coordinates"),
        (lambda: radius(network, [math.nan, 1.0], 1), "2 finite coordinates"),
        (lambda: ReluNetwork(np.eye(2), np.zeros(3), np.ones(2)), "shape"),
        (lambda: ReluNetwork(np.full((1, 1), np.inf), np.zeros(1), np.ones(1)), "finite"),
        (lambda: gradient_attack(network, np.eye(2), np.ones(2), step=0), "step must be positive"),
        (
            lambda: radius_by_enumeration(ReluNetwork(np.ones((17, 1)), np.zeros(17), np.ones(17)), [1.0], 1),
            "at most 16",
        ),
    )
    for call, told in cases:
        with pytest.raises(BadInput, match=told):
            call()

"""The existence theorem's network: margins, proved radii, data, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from simulate.errors import BadInput
from simulate.robust import (
    DataSet,
    best_threshold,
    build,
    ceiling,
    correlation,
    draw,
    guaranteed_radius,
    least_radius_to_flip,
    load,
    measure,
    midpoint,
    printed_radius,
    radius,
    radius_to_zero,
)

# --- the construction ---------------------------------------------------------------------------------------


@given(
    kind=st.sampled_from(["random", "clustered"]),
    points=st.integers(2, 9),
    dim=st.integers(3, 12),
    seed=st.integers(0, 50),
)
def test_margin_is_one_and_other_neurons_are_off(kind: str, points: int, dim: int, seed: int) -> None:
    """At every point its own neuron is 1 and every other at most −1: y_i f(x_i) = 1 with one neuron a point."""
    data = draw(kind, points, dim, seed=seed)
    c = correlation(data.points, data.labels).largest_size
    network = build(data.points, data.labels, midpoint(c))
    u = network.preactivations(data.points)
    assert network.width == points
    assert_allclose(np.diag(u), 1, atol=1e-9)
    assert u[~np.eye(points, dtype=bool)].max() <= -1 + 1e-9
    assert_allclose(data.labels * network(data.points), 1, atol=1e-9)


def test_constants_by_hand() -> None:
    """The formulas at c = 1/5 and d = 100, and their limits in the number of points of the other label."""
    assert_allclose(printed_radius(0.2, 100), 2)
    assert_allclose(radius_to_zero(0.2, 100), 4)
    assert_allclose(least_radius_to_flip(0.2, 100), 10 * math.sqrt(0.4))
    assert_allclose(least_radius_to_flip(0.2, 100, 1), ceiling(0.2, 100))
    assert_allclose(least_radius_to_flip(0.64, 100), 10 * 0.36 / 1.6)
    assert_allclose(least_radius_to_flip(0.64, 100, 2), 10 * 3 * 0.36 / 2 / math.sqrt(3 - 2 * 0.64))
    assert least_radius_to_flip(0.2, 100, 0) == math.inf
    assert_allclose(
        [best_threshold(0), best_threshold(1 / 9), best_threshold(0.25)], [1 - math.sqrt(0.5), 1 / 3, 0.5]
    )


def test_the_worst_number_of_opponents_is_one_or_infinity() -> None:
    """Over all n the least term is n = 1 for c <= 1/3 and the limit of many for c >= 1/3, as the convexity says."""
    for c in np.linspace(0.01, 0.99, 50):
        expected = min(math.sqrt((1 - c) / 2), (1 - c) / (2 * math.sqrt(c)))
        assert_allclose(least_radius_to_flip(c, 1), expected, rtol=1e-12)
        assert least_radius_to_flip(c, 1, 40) >= expected * (1 - 1e-12)


def test_the_best_threshold_guarantees_its_distance_and_no_other_does_more() -> None:
    """min(1 − t, (*)) at t = max(√c, 1 − √((1 − c)/2)) is 1 − t, and smaller at every other threshold of a grid."""
    for c in np.linspace(0.0, 0.98, 50):
        best = best_threshold(c)
        assert_allclose(guaranteed_radius(c, 1, best), 1 - best, rtol=1e-12)
        others = [guaranteed_radius(c, 1, t) for t in np.linspace(c, 0.9999, 60)]
        assert max(others) <= 1 - best + 1e-12
        assert 1 - best <= ceiling(c, 1) * (1 + 1e-12)
    assert_allclose(1 - best_threshold(0.1), ceiling(0.1, 1))  # the ceiling itself, up to c = 1/9
    assert 1 - best_threshold(0.12) < ceiling(0.12, 1)


@given(seed=st.integers(0, 1000), points=st.integers(2, 6), dim=st.integers(2, 8), spread=st.floats(0.1, 3))
@settings(max_examples=40)
def test_proved_bounds_hold_on_random_data(seed: int, points: int, dim: int, spread: float) -> None:
    """At both thresholds no exact radius is below its bound, and the least to f = 0 is not above the ceiling."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(dim) + spread * rng.standard_normal((points, dim))
    x *= math.sqrt(dim) / np.linalg.norm(x, axis=1, keepdims=True)
    inner = np.abs(x @ x.T / dim - np.eye(points)).max()
    if inner > 1 - 1e-4:
        return
    data = DataSet(x, rng.choice([-1.0, 1.0], points))
    for threshold in ("midpoint", "best"):
        found = measure(data, threshold=threshold, restarts=0)
        zero, flip = (np.array([one.upper for one in every]) for every in (found.zero, found.flip))
        assert zero.min() >= found.proved_zero * (1 - 1e-8)
        assert flip.min() >= found.proved_flip * (1 - 1e-8)
        assert (flip >= zero * (1 - 1e-8)).all()
        assert zero.min() <= found.ceiling * (1 + 1e-8)
        if threshold == "midpoint":
            assert_allclose(zero, 2 * found.printed, rtol=1e-8)


def test_searching_for_worse_data_finds_none() -> None:
    """Random steps that lower the ratio of the flip radius to its bound bring it down, from four data sets of one
    point against three, and never below 1; equal angles reach 1.
    """
    rng = np.random.default_rng(5)

    def excess(x: np.ndarray, y: np.ndarray) -> float:
        c = correlation(x, y).largest_size
        network = build(x, y, midpoint(c))
        return radius(network, x[0], y[0], "flip").upper / least_radius_to_flip(c, x.shape[1], len(x) - 1)

    for _ in range(4):
        x = rng.standard_normal((4, 5))
        x *= math.sqrt(5) / np.linalg.norm(x, axis=1, keepdims=True)
        y = np.array([1.0, -1.0, -1.0, -1.0])
        first = best = excess(x, y)
        for _ in range(150):
            trial = x + 0.1 * rng.standard_normal(x.shape)
            trial *= math.sqrt(5) / np.linalg.norm(trial, axis=1, keepdims=True)
            here = excess(trial, y)
            assert here >= 1 - 1e-8
            if here < best:
                x, best = trial, here
        assert best < first
    worst = draw("adversarial", 4, 5, correlation=0.5)
    assert_allclose(excess(worst.points, worst.labels), 1, rtol=1e-8)


def test_only_the_upper_part_is_needed() -> None:
    """Built with max ⟨x_i, x_j⟩/d, negative on a simplex and −1 on opposite points, the margin is 1 and the
    distance to f = 0 is (1 − c₊)/2·√d.
    """
    simplex = np.eye(4) - 0.25
    opposite = np.array([[1.0, 2.0], [-1.0, -2.0]])
    for x in (simplex, opposite):
        dim = x.shape[1]
        points = x * (math.sqrt(dim) / np.linalg.norm(x, axis=1, keepdims=True))
        labels = np.where(np.arange(len(x)) % 2, -1.0, 1.0)
        upper = correlation(points, labels).largest
        assert upper < 0
        network = build(points, labels, midpoint(upper))
        assert_allclose(labels * network(points), 1, rtol=1e-12)
        for point, label in zip(points, labels, strict=True):
            assert_allclose(radius(network, point, label).upper, (1 - upper) / 2 * math.sqrt(dim), rtol=1e-9)


def test_correlation_tells_size_upper_part_and_opposite_labels_apart() -> None:
    """Three points in the plane, by hand; points of one label have no opposite."""
    angle = np.radians([0, 60, 180 - 1])
    points = math.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], 1)
    known = correlation(points, np.array([1.0, 1.0, -1.0]))
    expected = [math.cos(np.radians(1)), 0.5, math.cos(np.radians(119))]
    assert_allclose(known, expected, atol=1e-12)
    assert correlation(points, np.ones(3)).nearest_opposite == -math.inf


# --- data ---------------------------------------------------------------------------------------------------


def test_drawn_data_lie_on_the_sphere_and_repeat() -> None:
    """All kinds have norm √d and labels ±1; a seed and a trial give the same data again, others give other data."""
    for kind in ("random", "clustered", "adversarial"):
        first, again = (draw(kind, 7, 20, seed=3, trial=2) for _ in range(2))
        assert_allclose(np.linalg.norm(first.points, axis=1), math.sqrt(20), rtol=1e-12)
        assert set(np.unique(first.labels)) <= {-1.0, 1.0}
        assert np.array_equal(first.points, again.points)
        assert np.array_equal(first.labels, again.labels)
        if kind != "adversarial":
            assert not np.allclose(first.points, draw(kind, 7, 20, seed=3, trial=3).points)
            assert not np.allclose(first.points, draw(kind, 7, 20, seed=4, trial=2).points)


def test_clusters_have_the_correlation_that_was_asked_for() -> None:
    """Within a cluster ⟨x_i, x_j⟩/d is ρ up to some tenths of its spread, between clusters about 0."""
    data = draw("clustered", 60, 2000, clusters=3, correlation=0.7)
    inner = data.points @ data.points.T / 2000
    same = np.arange(60)[:, None] % 3 == np.arange(60) % 3
    assert abs(inner[same & ~np.eye(60, dtype=bool)].mean() - 0.7) < 0.02
    assert abs(inner[~same].mean()) < 0.05


def test_adversarial_data_have_equal_angles() -> None:
    """All inner products are ρd, and one label stands against all others."""
    data = draw("adversarial", 6, 9, correlation=0.3)
    inner = data.points @ data.points.T / 9
    assert_allclose(inner[~np.eye(6, dtype=bool)], 0.3, atol=1e-12)
    assert data.labels.tolist() == [1, -1, -1, -1, -1, -1]


def test_files_of_both_kinds(tmp_path: Path) -> None:
    """CSV with and without names, with rounded decimals, and NPZ give the same points on the sphere."""
    data = draw("random", 5, 3, seed=1)
    rows = [
        ",".join([*(f"{number:.12g}" for number in point), f"{label:g}"])
        for point, label in zip(data.points, data.labels, strict=True)
    ]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "b.csv").write_text("\n".join(["x, y, z, label", *rows, ""]))
    np.savez(tmp_path / "c.npz", points=data.points, labels=data.labels.astype(int))
    for name in ("a.csv", "b.csv", "c.npz"):
        found = load(tmp_path / name)
        assert_allclose(found.points, data.points, rtol=1e-9)
        assert_allclose(np.linalg.norm(found.points, axis=1), math.sqrt(3), rtol=1e-14)
        assert found.labels.tolist() == data.labels.tolist()
        assert found.source == str(tmp_path / name)


def test_points_off_the_sphere_are_refused_or_normalised(tmp_path: Path) -> None:
    """Without --normalise a point of another norm is named; with it only its direction counts."""
    file = tmp_path / "points.csv"
    file.write_text("3,4,1\n0,2,-1\n")
    with pytest.raises(
        BadInput, match=r"point 1 has norm 5, the sphere has radius √2 = 1.41421: give --normalise"
    ):
        load(file)
    assert_allclose(load(file, normalise=True).points, math.sqrt(2) * np.array([[0.6, 0.8], [0, 1]]))


BAD_FILES = {
    "duplicate": ("1,0,1\n0,1,1\n1,0,-1\n", "points 1 and 3 are the same"),
    "opposite": ("1,0,1\n0,1,1\n0,-1,-1\n", "points 2 and 3 are opposite"),
    "one point": ("1,0,1\n", "at least 2 are needed, got 1"),
    "one dimension": ("1,1\n-1,-1\n", "at least 2 coordinates and then the label"),
    "label 2": ("1,0,1\n0,1,2\n", "labels are 1 or −1, point 2 has 2"),
    "label 0": ("1,0,0\n0,1,1\n", "labels are 1 or −1, point 1 has 0"),
    "nan": ("1,0,1\nnan,1,1\n", "point 2 has a coordinate that is not a finite number"),
    "infinity": ("1,0,1\n0,inf,1\n", "point 2 has a coordinate that is not a finite number"),
    "word": ("1,0,1\n0,one,1\n", "line 2: 'one' is no number"),
    "ragged": ("1,0,1\n0,1\n", "line 2: 2 columns, 3 before"),
    "empty": ("", "at least 2 coordinates"),
    "names alone": ("x,y,label\n", "at least 2 coordinates"),
    "zero": ("0,0,1\n0,1,1\n", "point 1 is 0 and has no direction"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_get_one_clear_line(name: str, tmp_path: Path) -> None:
    """Each fault of a file is named, with the place, in one line."""
    text, told = BAD_FILES[name]
    file = tmp_path / "points.csv"
    file.write_text(text)
    with pytest.raises(BadInput, match=told) as refused:
        load(file, normalise=True)
    assert "\n" not in str(refused.value)


def test_bad_npz_files(tmp_path: Path) -> None:
    """Missing arrays, wrong shapes, truncation, text and no file at all."""
    good = np.eye(2) * math.sqrt(2)
    np.savez(tmp_path / "missing.npz", points=good)
    np.savez(tmp_path / "shape.npz", points=good, labels=np.ones(3))
    np.savez(tmp_path / "words.npz", points=np.array([["a"]]), labels=np.ones(1))
    np.savez(tmp_path / "whole.npz", points=good, labels=np.ones(2))
    np.savez(tmp_path / "line.npz", points=np.array([[1.0], [-1.0]]), labels=np.ones(2))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-60])
    (tmp_path / "text.npz").write_text("points")
    cases = {
        "missing": "no array 'labels'",
        "shape": r"labels \(m,\), got",
        "words": "no .npz file of numbers",
        "cut": "cannot be read|no .npz file",
        "text": "cannot be read|no .npz file",
        "line": "at least 2 dimensions",
        "nowhere": "there is no file",
    }
    for name, told in cases.items():
        with pytest.raises(BadInput, match=told):
            load(tmp_path / f"{name}.npz")


def test_bad_requests_for_data() -> None:
    """Sizes, correlations and kinds outside their ranges are refused by name."""
    cases = (
        (lambda: draw("random", 1, 5), "points must be at least 2"),
        (lambda: draw("random", 5, 1), "dim must be at least 2"),
        (lambda: draw("adversarial", 5, 4), "dim at least 5, got 4"),
        (lambda: draw("clustered", 5, 4, correlation=1.0), "strictly between 0 and 1"),
        (lambda: draw("clustered", 5, 4, clusters=0), "clusters must be at least 1"),
        (lambda: draw("blobs", 5, 4), "random, clustered, adversarial or a file"),
        (lambda: draw("random", 10**6, 10**6), "too many"),
        (lambda: DataSet(np.ones((2, 2)), np.array([1.0, -1.0])), "points 1 and 2 are the same"),
        (lambda: DataSet(np.eye(2), np.ones(2)), "must lie on the sphere of radius √2"),
        (lambda: build(np.eye(2), np.ones(2), 1.0), "threshold below 1"),
        (lambda: best_threshold(-0.1), "0 <= c < 1"),
        (lambda: least_radius_to_flip(0.5, 3, 2, threshold=0.4), r"\[c, 1\)"),
        (lambda: measure(draw("random", 5, 5), threshold="middle"), "midpoint, best or a number"),
        (lambda: measure(draw("random", 5, 5), threshold=0.01), "largest inner product"),
    )
    for call, told in cases:
        with pytest.raises(BadInput, match=told):
            call()

"""Exact distances against all activation patterns, and the sandwich of bounds around them."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor

from simulate.attacks.norms import NORMS, Norm
from simulate.certificates import dual_margin, tightened_bounds
from simulate.certificates.intervals import Ball
from simulate.errors import BadInput
from simulate.exact import distance_by_enumeration, exact_bounds, exact_distance, relaxed_margin, scip
from simulate.exact.program import Answer, Encoding
from simulate.exact.quiet import quiet
from simulate.feedforward import SLOPES, FeedForward
from simulate.sandwich import check, draw, lower_bounds, upper_bounds
from simulate.sandwich.bounds import best_of

ACTIVATIONS = tuple(SLOPES)


def network(seed: int, sizes: tuple[int, ...], activation: str) -> FeedForward:
    """Seeded Gaussian weights and biases."""
    generator = torch.Generator().manual_seed(seed)
    pairs = list(itertools.pairwise(sizes))
    weights = tuple(torch.randn(o, i, generator=generator, dtype=torch.float64) / i**0.5 for i, o in pairs)
    biases = tuple(0.3 * torch.randn(o, generator=generator, dtype=torch.float64) for _, o in pairs)
    return FeedForward(weights, biases, activation)


def at(seed: int, net: FeedForward, count: int) -> tuple[Tensor, Tensor]:
    """Gaussian inputs with the network's own classes."""
    x = torch.randn(count, net.dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    outputs = net(x)
    return x, torch.where(outputs >= 0, 1, -1) if outputs.ndim == 1 else outputs.argmax(1)


def against_enumeration(count: int) -> int:
    """Compare solvers with enumeration on `count` small networks; how many distances were finite."""
    shapes = [(3, 4, 1), (4, 5, 3), (3, 3, 2, 2), (2, 6, 1), (5, 3, 4)]
    finite = 0
    for seed in range(count):
        sizes, activation = shapes[seed % len(shapes)], ACTIVATIONS[seed // len(shapes) % 3]
        norm: Norm = NORMS[seed % 3] if len(sizes) == 3 or scip.available() else ("inf", "1")[seed % 2]  # type: ignore[assignment]
        net = network(seed, sizes, activation)
        x, y = at(seed, net, 1)
        (found,) = exact_distance(net, x, y, norm=norm)
        expected = distance_by_enumeration(net, x[0].numpy(), int(y[0]), norm)
        if np.isinf(expected):
            assert np.isinf(found.upper)
            continue
        if np.isinf(found.upper):
            # No attack succeeded, and balls of more than 32 times the input's size are not searched.
            size = np.linalg.norm(x[0].numpy(), float(norm))
            assert found.lower <= expected * (1 + 1e-6)
            assert expected > 31 * size, (seed, expected, size)
            continue
        finite += 1
        assert found.upper == pytest.approx(expected, rel=1e-7, abs=1e-9), (seed, sizes, activation, norm)
        assert found.lower <= found.upper
        # The solver's absolute tolerances count for more where the boundary is a thousand input sizes away.
        assert found.gap < (1e-5 if expected < 100 else 1e-3), (seed, found)
        assert found.margin <= 1e-11
        assert found.delta is not None
        assert np.linalg.norm(found.delta, float(norm)) == found.upper
        assert float(net.margins(x + torch.from_numpy(found.delta), y).min()) == found.margin
    return finite


def test_solvers_agree_with_all_activation_patterns() -> None:
    """On 20 small networks the exact distance is the least over all 2^n patterns, and its point reaches it."""
    assert against_enumeration(20) >= 16


@pytest.mark.slow
def test_solvers_agree_with_all_activation_patterns_on_many_networks() -> None:
    """The same on 200 networks."""
    assert against_enumeration(200) >= 150


CHEAP = ("product", "local", "interval", "parallel", "dual", "optimised")


def sandwich(
    count: int, sizes: list[tuple[int, int]], folder: Path, lower: tuple[str, ...] | None
) -> dict[str, int]:
    """Lower ≤ exact ≤ upper on random networks of all norms and activations; `check` raises where they cross."""
    seen = {"instances": 0, "exact": 0, "finite": 0}
    for number, (norm, activation, (width, dim)) in enumerate(
        (norm, activation, size) for size in sizes for norm in NORMS for activation in ACTIVATIONS
    ):
        one = draw("random", width, dim, count, activation=activation, seed=number)
        upper = upper_bounds(one, norm, ("deepfool", "pgd"))
        best, delta = best_of(upper, norm)
        below = lower_bounds(one, norm, best, lower)
        distances = exact_distance(one.network, one.x, one.y, norm=norm, start=delta, seconds=20)
        for row, found in enumerate(distances):
            least = {name: float(part.radius[row]) for name, part in below.items()}
            most = {name: float(part.radius[row]) for name, part in upper.items()}
            check(one, row, norm, least, {**most, "exact": found.upper}, folder)
            check(one, row, norm, {"exact": found.lower}, most, folder)
            seen["instances"] += 1
            seen["exact"] += found.exact
            seen["finite"] += np.isfinite(found.upper)
    return seen


def test_certificates_exact_distances_and_attacks_do_not_cross(tmp_path: Path) -> None:
    """On 81 random networks no certificate lies above the exact distance, and no attack below it, beyond 1e-6."""
    seen = sandwich(9, [(6, 4)], tmp_path, ("product", "local", "interval", "dual"))
    assert seen["instances"] == 81
    assert seen["finite"] >= 75
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_certificates_exact_distances_and_attacks_do_not_cross_on_many_networks(tmp_path: Path) -> None:
    """The same on 2,025 networks of three sizes."""
    seen = sandwich(75, [(3, 2), (8, 5), (14, 8)], tmp_path, CHEAP)
    assert seen["instances"] == 2025
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_relaxation_crosses_nothing(tmp_path: Path) -> None:
    """The same with the triangle relaxation among the certificates, on 135 networks."""
    seen = sandwich(15, [(8, 5)], tmp_path, ("dual", "triangle"))
    assert seen["instances"] == 135
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["inf", "1"])
def test_dual_relaxation_and_exact_margins_are_ordered(norm: Norm, activation: str) -> None:
    """At a radius where the relaxation proves a margin positive, the exact distance is larger."""
    net = network(31, (3, 5, 2), activation)
    x, y = at(32, net, 4)
    distances = torch.tensor([one.upper for one in exact_distance(net, x, y, norm=norm)], dtype=torch.float64)
    for share in (0.3, 0.6, 0.9, 1.1):
        ball = Ball(x, (share * distances).clamp_max(50.0), norm)
        dual, relaxed = dual_margin(net, ball, y).amin(1), relaxed_margin(net, ball, y).amin(1)
        assert bool((dual <= relaxed + 1e-6).all())
        assert share < 1 or not bool((relaxed > 1e-6)[torch.isfinite(distances)].any())


@pytest.mark.skipif(not scip.available(), reason="PySCIPOpt is not installed: pip install 'signflip[exact]'")
def test_scip_finds_the_same_distances() -> None:
    """SCIP's quadratic and linear programmes agree with branch and bound and with HiGHS."""
    for seed in range(3):
        net = network(seed, (6, 8, 1), ACTIVATIONS[seed])
        x, y = at(seed, net, 1)
        for norm in NORMS:
            (other,) = exact_distance(net, x, y, norm=norm)
            (found,) = exact_distance(net, x, y, norm=norm, solver="scip")
            assert found.solver == "scip"
            assert found.upper == pytest.approx(other.upper, rel=1e-6)


def test_without_scip_deeper_networks_in_l2_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names the extra that would help."""
    monkeypatch.setattr(scip, "available", lambda: False)
    net = network(1, (3, 3, 3, 2), "relu")
    x, y = at(1, net, 1)
    with pytest.raises(BadInput, match=r"signflip\[exact\]"):
        exact_distance(net, x, y, norm="2")


@pytest.mark.parametrize("norm", ["inf", "1"])
def test_tighter_bounds_change_no_distance(norm: Norm) -> None:
    """Bounds from linear and from mixed-integer programmes lead to the same distance as those from backward passes."""
    net = network(41, (4, 6, 4, 3), "relu")
    x, y = at(42, net, 1)
    plain = exact_distance(net, x, y, norm=norm)
    for tighten in ("lp", "exact"):
        tight = exact_distance(net, x, y, norm=norm, tighten=tighten)  # type: ignore[arg-type]
        for one, other in zip(plain, tight, strict=True):
            assert one.upper == pytest.approx(other.upper, rel=1e-6)
            assert other.exact


def ranges_over_patterns(net: FeedForward, x: Tensor, radius: float, norm: Norm) -> list[np.ndarray]:
    """(low, high) of the second hidden layer's preactivations: a linear programme for each pattern of the first."""
    (W, V), (b, c) = ([one.numpy() for one in layers[:2]] for layers in (net.weights, net.biases))
    left, right = SLOPES[net.activation]
    k, d = W.shape
    # δ = p − q with p, q ≥ 0
    ball = np.ones((1, 2 * d)) if norm == "1" else np.zeros((0, 2 * d))
    ends = [(0, radius)] * (2 * d)
    found = np.full((2, len(c)), -np.inf)
    for pattern in itertools.product((0, 1), repeat=k):
        on = np.array(pattern)
        side, factor = 2 * on - 1, np.where(on, right, left)
        rows = np.vstack([-side[:, None] * np.hstack([W, -W]), ball])
        most = np.append(side * (W @ x.numpy() + b), [radius] * len(ball))
        for j in range(len(c)):
            slope = V[j] * factor @ W
            value = float(V[j] * factor @ (W @ x.numpy() + b) + c[j])
            for s, sign in enumerate((1, -1)):
                answer = linprog(sign * np.append(slope, -slope), A_ub=rows, b_ub=most, bounds=ends)
                if answer.status == 0:
                    found[s, j] = max(found[s, j], -(answer.fun + sign * value))
    return [-found[0], found[1]]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["inf", "1"])
def test_exact_bounds_are_the_ranges_over_all_patterns(norm: Norm, activation: str) -> None:
    """They hold the range that linear programmes over every pattern find, exceed it by 1e-4 at most, and gain."""
    net = network(48, (3, 4, 3, 2), activation)
    x, _ = at(49, net, 1)
    radius = 0.8 if norm == "inf" else 2.5
    ball = Ball(x, torch.full((1,), radius, dtype=torch.float64), norm)
    ((first, second),) = exact_bounds(net, ball)
    dual = tightened_bounds(net, ball)
    np.testing.assert_allclose(np.stack(first), torch.cat(dual[0]).numpy(), atol=1e-9)
    low, high = ranges_over_patterns(net, x[0], radius, norm)
    assert ((second[0] <= low + 1e-9) & (low <= second[0] + 1e-4)).all()
    assert ((high <= second[1] + 1e-9) & (second[1] <= high + 1e-4)).all()
    assert (second[1] - second[0] < (dual[1][1] - dual[1][0]).numpy()[0] - 1e-2).any()


def test_exact_bounds_at_a_time_limit_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    """A programme that is stopped gives what it proved until then: wider bounds, never narrower than the range."""
    net = network(50, (3, 5, 4, 2), "relu")
    x, _ = at(51, net, 1)
    ball = Ball(x, torch.ones(1, dtype=torch.float64), "inf")
    (exact,) = exact_bounds(net, ball)
    solve = Encoding.solve

    def stopped(self: Encoding, *arguments: Any, **options: Any) -> Answer:
        done = solve(self, *arguments, **options)
        return Answer(None, np.inf, done.bound - 0.5, False)

    monkeypatch.setattr(Encoding, "solve", stopped)
    (wide,) = exact_bounds(net, ball)
    for (low, high), (least, most) in zip(exact, wide, strict=True):
        assert ((least <= low) & (high <= most)).all()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_distances_do_not_depend_on_units(norm: Norm, scale: float) -> None:
    """Inputs in other units have distances in those units, to the digits that a fixed tolerance would hide."""
    net = network(43, (4, 6, 2), "relu")
    x, y = at(44, net, 2)
    other = FeedForward((net.weights[0] / scale, net.weights[1]), net.biases, net.activation)
    plain, scaled = exact_distance(net, x, y, norm=norm), exact_distance(other, scale * x, y, norm=norm)
    for one, two in zip(plain, scaled, strict=True):
        assert two.upper == pytest.approx(scale * one.upper, rel=1e-7)


@pytest.mark.parametrize("size", [1e-6, 1e6])
@pytest.mark.parametrize("norm", NORMS)
def test_distances_do_not_depend_on_the_size_of_the_outputs(norm: Norm, size: float) -> None:
    """A network whose layers are all multiplied has the same distances, by solvers and by enumeration."""
    net = network(45, (3, 4, 2), "relu")
    x, y = at(46, net, 1)
    weights, biases = (tuple(size * one for one in group) for group in (net.weights, net.biases))
    other = FeedForward(weights, (biases[0], size * biases[1]), net.activation)
    (expected,) = exact_distance(net, x, y, norm=norm)
    (found,) = exact_distance(other, x, y, norm=norm)
    assert found.upper == pytest.approx(expected.upper, rel=1e-7)
    assert distance_by_enumeration(other, x[0].numpy(), int(y[0]), norm) == pytest.approx(
        expected.upper, rel=1e-7
    )


@pytest.mark.parametrize("norm", ["inf", "1"])
def test_a_box_is_kept(norm: Norm) -> None:
    """With ends for x + δ the distance is the enumeration's in that box, and the point lies inside."""
    tighter = 0
    for seed in range(5):
        net = network(seed, (3, 5, 1), "relu")
        x, y = at(seed, net, 1)
        low, high = x - 0.05, x + 2.0
        (found,) = exact_distance(net, x, y, norm=norm, box=(low, high))
        (free,) = exact_distance(net, x, y, norm=norm)
        expected = distance_by_enumeration(
            net, x[0].numpy(), int(y[0]), norm, (np.full(3, -0.05), np.full(3, 2.0))
        )
        if np.isinf(expected):
            assert found.delta is None
            continue
        assert found.upper == pytest.approx(expected, rel=1e-7)
        assert found.delta is not None
        assert ((found.delta >= -0.05 - 1e-12) & (found.delta <= 2.0 + 1e-12)).all()
        tighter += found.upper > free.upper * (1 + 1e-6)
    assert tighter > 0


def test_a_network_that_never_changes_class_has_no_perturbation() -> None:
    """Without another class anywhere nothing is found, and in a network that only touches 0 the touching point is."""
    one = torch.ones(3, 2, dtype=torch.float64)
    always = FeedForward((one, one[:1, :1].repeat(1, 3)), (torch.zeros(3).double(), torch.ones(1).double()))
    x, y = torch.ones(1, 2, dtype=torch.float64), torch.tensor([1])
    for norm in NORMS:
        (found,) = exact_distance(always, x, y, norm=norm)
        assert found.delta is None
        assert np.isinf(found.upper)
    touching = FeedForward(
        (torch.eye(2).double(), torch.ones(1, 2).double()),
        (torch.zeros(2).double(), torch.zeros(1).double()),
        "abs",
    )
    for norm, expected in (("inf", 1.0), ("2", 2**0.5), ("1", 2.0)):
        (found,) = exact_distance(touching, x, y, norm=norm)  # type: ignore[arg-type]
        assert found.upper == pytest.approx(expected, rel=1e-9)


def test_a_misclassified_input_is_at_distance_zero() -> None:
    """Nothing need be moved."""
    net = network(45, (3, 4, 2), "relu")
    x, y = at(46, net, 1)
    for norm in NORMS:
        (found,) = exact_distance(net, x, 1 - y, norm=norm)
        assert (found.lower, found.upper, found.exact) == (0.0, 0.0, True)


def test_at_the_time_limit_the_distance_is_bracketed() -> None:
    """A programme that is stopped reports a bracket that holds the exact value, and that it did not finish."""
    one = draw("random", 40, 12, 1, seed=5)
    (exact,) = exact_distance(one.network, one.x, one.y, norm="inf", seconds=120)
    (found,) = exact_distance(one.network, one.x, one.y, norm="inf", seconds=1e-3)
    assert not found.finished
    assert found.lower <= exact.upper * (1 + 1e-6)
    assert found.upper >= exact.upper * (1 - 1e-6)
    assert found.gap > 0


def test_compiled_solvers_cannot_write_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """What is written to the descriptor inside is gone; what Python printed before and after is not."""
    print("before")
    with quiet():
        os.write(1, b"noise\n")
    print("after")
    assert capfd.readouterr().out == "before\nafter\n"


@pytest.mark.parametrize(
    "wrong",
    [
        {"norm": "0"},
        {"norm": "2", "solver": "highs"},
        {"norm": "inf", "solver": "branch"},
        {"norm": "inf", "solver": "guess"},
        {"norm": "inf", "tighten": "hard"},
        {"norm": "inf", "seconds": 0.0},
        {"norm": "inf", "seconds": float("nan")},
        {"norm": "inf", "start": torch.zeros(2, 3)},
        {"norm": "inf", "box": (5.0, 6.0)},
    ],
)
def test_requests_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    """Unknown norms, solvers that do not fit, and limits that are no time are errors of use."""
    net = network(47, (3, 4, 2), "relu")
    x, y = at(48, net, 1)
    with pytest.raises(BadInput):
        exact_distance(net, x, y, **wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        distance_by_enumeration(network(1, (3, 20, 2), "relu"), x[0].numpy(), 0, "inf")

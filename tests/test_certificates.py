"""Certificates against implementations written anew from their definitions, and against what they bound."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import linprog
from torch import Tensor

from simulate.attacks.norms import NORMS, Norm, size, uniform
from simulate.certificates import (
    METHODS,
    Ball,
    certified_radius,
    dual_margin,
    interval_margin,
    linear_radius,
    lipschitz_radius,
    local_lipschitz_radius,
    preactivation_bounds,
    rounding_allowance,
    tightened_bounds,
)
from simulate.errors import BadInput
from simulate.exact import exact_bounds, relaxed_margin, relaxed_radius
from simulate.feedforward import SLOPES, FeedForward

Floats = NDArray[np.float64]
ACTIVATIONS = tuple(SLOPES)


def network(seed: int, sizes: tuple[int, ...], activation: str, batch: int | None = None) -> FeedForward:
    """Seeded Gaussian weights and biases, one network or a batch."""
    generator = torch.Generator().manual_seed(seed)
    front = () if batch is None else (batch,)
    pairs = list(itertools.pairwise(sizes))
    weights = [torch.randn(*front, o, i, generator=generator, dtype=torch.float64) / i**0.5 for i, o in pairs]
    biases = [0.3 * torch.randn(*front, o, generator=generator, dtype=torch.float64) for _, o in pairs]
    return FeedForward(tuple(weights), tuple(biases), activation)


def inputs(seed: int, net: FeedForward, count: int) -> tuple[Tensor, Tensor]:
    """Gaussian inputs with the network's own classes."""
    x = torch.randn(count, net.dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    outputs = net(x)
    return x, torch.where(outputs >= 0, 1, -1) if outputs.ndim == 1 else outputs.argmax(1)


def sigma(activation: str, u: float) -> float:
    """σ of one number."""
    left, right = SLOPES[activation]
    return right * u if u > 0 else left * u


DUAL = {"inf": 1, "2": 2, "1": np.inf}


def by_hand(net: FeedForward, x: Floats, r: float, norm: str) -> list[list[tuple[float, float]]]:
    """Interval bounds of every hidden preactivation, neuron by neuron, corner by corner."""
    found: list[list[tuple[float, float]]] = []
    for layer, (W, b) in enumerate(zip(net.weights[:-1], net.biases[:-1], strict=True)):
        rows = []
        for w, c in zip(W.numpy(), b.numpy(), strict=True):
            if layer == 0:
                middle, reach = float(w @ x + c), r * float(np.linalg.norm(w, DUAL[norm]))
                rows.append((middle - reach, middle + reach))
                continue
            low = high = float(c)
            for weight, (least, most) in zip(w, found[-1], strict=True):
                ends = [sigma(net.activation, least), sigma(net.activation, most)]
                if least < 0 < most:
                    ends.append(0.0)
                low += min(weight * end for end in ends)
                high += max(weight * end for end in ends)
            rows.append((low, high))
        found.append(rows)
    return found


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", NORMS)
def test_interval_bounds_are_those_of_the_definition(norm: Norm, activation: str) -> None:
    """Batched interval bounds equal loops over neurons, layer by layer."""
    net = network(1, (4, 5, 3, 2), activation)
    x, _ = inputs(2, net, 3)
    radius = torch.tensor([0.0, 0.2, 1.0], dtype=torch.float64)
    bounds = preactivation_bounds(net, Ball(x, radius, norm))
    for row in range(3):
        expected = by_hand(net, x[row].numpy(), float(radius[row]), norm)
        for (low, high), layer in zip(bounds, expected, strict=True):
            np.testing.assert_allclose(np.stack([low[row], high[row]], 1), layer, atol=1e-12)


def backward_by_hand(net: FeedForward, x: Floats, r: float, norm: str, row: Floats, offset: float) -> float:
    """The two-layer dual bound with chord slopes: each neuron's worse line, then the ball's minimum."""
    left, right = SLOPES[net.activation]
    W, b = net.weights[0].numpy(), net.biases[0].numpy()
    slope, constant = np.zeros(len(x)), offset
    for a, w, c in zip(row, W, b, strict=True):
        middle, reach = float(w @ x + c), r * float(np.linalg.norm(w, DUAL[norm]))
        low, high = middle - reach, middle + reach
        if low >= 0 or high <= 0:
            line, rise = (right if low >= 0 else left), 0.0
        else:
            line = (sigma(net.activation, high) - sigma(net.activation, low)) / (high - low)
            rise = 0.0 if a > 0 else sigma(net.activation, high) - line * high
        slope += a * line * w
        constant += a * (line * c + rise)
    return float(slope @ x + constant - r * np.linalg.norm(slope, DUAL[norm]))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", NORMS)
def test_the_dual_is_that_of_the_definition(norm: Norm, activation: str) -> None:
    """The batched backward pass with chord slopes equals a loop that takes each neuron's worse line."""
    net = network(3, (4, 6, 3), activation)
    x, y = inputs(4, net, 4)
    rows, offsets = net.margin_layer(y)
    for r in (0.1, 0.7):
        ball = Ball(x, torch.full((4,), r, dtype=torch.float64), norm)
        found = dual_margin(net, ball, y, slopes="parallel")
        for i in range(4):
            for c in set(range(3)) - {int(y[i])}:
                one = backward_by_hand(net, x[i].numpy(), r, norm, rows[i, c].numpy(), float(offsets[i, c]))
                assert float(found[i, c]) == pytest.approx(one, abs=1e-12)


def relaxation_by_hand(net: FeedForward, x: Floats, r: float, norm: str, row: Floats, offset: float) -> float:
    """The triangle relaxation as one linear programme in (δ, z), with the bounds of `tightened_bounds`."""
    left, right = SLOPES[net.activation]
    d = len(x)
    ball = Ball(torch.from_numpy(x)[None], torch.tensor([r], dtype=torch.float64), norm)  # type: ignore[arg-type]
    bounds = tightened_bounds(net, ball)
    total = d + d + sum(len(b) for b in net.biases[:-1])  # δ, |δ|, z of every layer
    rows, ends = [], []

    def add(coefficients: Floats, most: float) -> None:
        rows.append(coefficients)
        ends.append(most)

    for i in range(d):
        for s in (1, -1):
            one = np.zeros(total)
            one[i], one[d + i] = s, -1
            add(one, 0.0)
        if norm == "inf":
            one = np.zeros(total)
            one[d + i] = 1
            add(one, r)
    if norm == "1":
        one = np.zeros(total)
        one[d : 2 * d] = 1
        add(one, r)
    before, shift, start = slice(0, d), x, 2 * d
    for W, b, (low, high) in zip(net.weights[:-1], net.biases[:-1], bounds, strict=False):
        for j in range(len(b)):
            u = np.zeros(total)
            u[before] = W[j].numpy()
            c = float(b[j] + W[j].numpy() @ shift)
            z = np.zeros(total)
            z[start + j] = 1
            least, most = float(low[0, j]), float(high[0, j])
            for slope in (left, right):  # z >= slope (u + c), both pieces
                add(slope * u - z, -slope * c)
            if least < 0 < most:
                chord = (sigma(net.activation, most) - sigma(net.activation, least)) / (most - least)
                add(z - chord * u, chord * c + sigma(net.activation, most) - chord * most)
            else:
                slope = right if least >= 0 else left
                add(z - slope * u, slope * c)
            add(u, most - c)
            add(-u, c - least)
        before, shift = slice(start, start + len(b)), np.zeros(len(b))
        start += len(b)
    cost = np.zeros(total)
    cost[before] = row
    answer = linprog(cost, A_ub=np.array(rows), b_ub=np.array(ends), bounds=(None, None))
    assert answer.status == 0
    return float(answer.fun) + offset


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["inf", "1"])
def test_the_relaxation_is_that_of_the_definition(norm: Norm, activation: str) -> None:
    """The linear relaxation equals a programme written down from the triangle itself, for three layers."""
    net = network(5, (3, 4, 4, 3), activation)
    x, y = inputs(6, net, 3)
    rows, offsets = net.margin_layer(y)
    ball = Ball(x, torch.full((3,), 0.4, dtype=torch.float64), norm)
    found = relaxed_margin(net, ball, y)
    for i in range(3):
        for c in set(range(3)) - {int(y[i])}:
            one = relaxation_by_hand(net, x[i].numpy(), 0.4, norm, rows[i, c].numpy(), float(offsets[i, c]))
            assert float(found[i, c]) == pytest.approx(one, abs=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["inf", "1"])
def test_duals_lie_below_the_relaxation(norm: Norm, activation: str) -> None:
    """Every choice of slopes, optimised ones too, is a feasible point of the relaxation's dual."""
    net = network(7, (4, 6, 5, 3), activation)
    x, y = inputs(8, net, 4)
    ball = Ball(x, torch.full((4,), 0.3, dtype=torch.float64), norm)
    relaxed = relaxed_margin(net, ball, y)
    fixed = dual_margin(net, ball, y)
    optimised = dual_margin(net, ball, y, optimise=60)
    others = torch.isfinite(fixed)
    assert bool((optimised >= fixed)[others].all())
    assert bool((optimised <= relaxed + 1e-6)[others].all())
    assert float((optimised - fixed)[others].max()) > 1e-3  # there was something to gain


def margins_in(net: FeedForward, ball: Ball, y: Tensor, count: int) -> Tensor:
    """Smallest margins over random points of a ball, half of them on its boundary, (B, classes)."""
    generator = torch.Generator().manual_seed(0)
    least = torch.full((len(y), max(net.outputs, 1)), torch.inf, dtype=torch.float64)
    for index in range(count):
        delta = uniform(ball.norm, ball.radius, ball.x.shape, generator, ball.x)
        if index % 2:
            delta = delta * (ball.radius / size(delta, ball.norm)).unsqueeze(1)
        least = torch.minimum(least, net.margins(ball.x + delta, y))
    return least


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", NORMS)
def test_bounds_hold_at_every_point_tried(norm: Norm, activation: str) -> None:
    """No point of a ball has a margin below the interval or the dual bound, and points do pass the margin at x."""
    net = network(9, (2, 6, 4, 3), activation, batch=8)
    x, y = inputs(10, net, 8)
    ball = Ball(x, torch.full((8,), 0.5, dtype=torch.float64), norm)
    seen = margins_in(net, ball, y, 400)
    others = torch.isfinite(seen)
    for bound in (
        interval_margin(net, ball, y),
        dual_margin(net, ball, y),
        dual_margin(net, ball, y, optimise=20),
    ):
        assert bool((bound <= seen)[others].all())
    now = net.margins(x, y)
    assert bool((seen < now - 1e-3)[others].all())  # the search is able to refute a bound that is too high


@pytest.mark.parametrize("norm", NORMS)
def test_linear_classifiers_are_exact(norm: Norm) -> None:
    """One step of the linear radius along the steepest direction ties two classes, and a hair less does not."""
    net = network(11, (5, 4), "relu", batch=6)
    x, y = inputs(12, net, 6)
    radius = linear_radius(net, x, y, norm)
    rows, _ = net.margin_layer(y)
    others = torch.arange(4) != y.unsqueeze(1)
    tied = torch.zeros(6, dtype=torch.bool)
    for c in range(4):
        w = rows[:, c]
        one_hot = torch.nn.functional.one_hot(w.abs().argmax(1), 5) * w.sign()
        way = {"inf": w.sign(), "2": w / w.norm(dim=1, keepdim=True).clamp_min(1e-9), "1": one_hot.double()}[
            norm
        ]
        reached = net.margins(x - radius.unsqueeze(1) * way, y).amin(1)
        assert bool((reached >= -1e-12).all())  # no class is nearer
        tied |= (reached.abs() < 1e-12) & others[:, c]
    assert bool(tied.all())
    for method in METHODS:
        found = certified_radius(net, x, y, norm, method)
        torch.testing.assert_close(found, radius, rtol=1e-6, atol=0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("norm", NORMS)
def test_radii_are_ordered(norm: Norm, activation: str) -> None:
    """Local Lipschitz radii are at least global ones, and optimised duals at least fixed ones."""
    net = network(13, (4, 8, 1), activation, batch=6)
    x, y = inputs(14, net, 6)
    product, local = lipschitz_radius(net, x, y, norm), local_lipschitz_radius(net, x, y, norm)
    assert bool((local >= product).all())
    fixed, optimised = (
        certified_radius(net, x, y, norm, one, halvings=20, steps=10) for one in ("dual", "optimised")
    )
    assert bool((optimised >= fixed * (1 - 1e-6)).all())
    relaxed = relaxed_radius(net, x, y, norm, optimised, torch.full((6,), torch.inf, dtype=torch.float64))
    assert bool((relaxed >= optimised).all())


def test_the_relaxation_in_l2_lies_between_dual_and_exact() -> None:
    """The ℓ2 relaxation, a projection, is at least the optimised dual's radius and at most the exact distance."""
    from simulate.exact import exact_distance

    for activation in ACTIVATIONS:
        net = network(15, (5, 8, 3), activation)
        x, y = inputs(16, net, 3)
        dual = certified_radius(net, x, y, "2", "optimised", halvings=20)
        exact = torch.tensor([one.upper for one in exact_distance(net, x, y, norm="2")], dtype=torch.float64)
        relaxed = relaxed_radius(net, x, y, "2", torch.zeros(3, dtype=torch.float64), exact)
        assert bool((relaxed >= dual * (1 - 2e-4)).all())  # the bisection stops at 1e-4
        assert bool((relaxed <= exact * (1 + 1e-9)).all())


def test_a_wrong_class_has_radius_zero_and_a_constant_network_any() -> None:
    """Misclassified inputs get 0 from every certificate; where no margin can change, there is no limit."""
    net = network(17, (3, 5, 2), "relu", batch=4)
    x, y = inputs(18, net, 4)
    wrong = 1 - y
    for norm in NORMS:
        for method in METHODS:
            assert bool((certified_radius(net, x, wrong, norm, method, halvings=4, steps=4) == 0).all())
        assert bool((lipschitz_radius(net, x, wrong, norm) == 0).all())
        assert bool((local_lipschitz_radius(net, x, wrong, norm) == 0).all())
    flat = FeedForward(
        (torch.zeros(2, 3, dtype=torch.float64),), (torch.tensor([1.0, 0.0], dtype=torch.float64),)
    )
    x, y = torch.ones(1, 3, dtype=torch.float64), torch.tensor([0])
    assert bool(torch.isinf(linear_radius(flat, x, y)).all())
    assert bool(torch.isinf(local_lipschitz_radius(flat, x, y)).all())
    assert float(certified_radius(flat, x, y, "2", "dual", most=7.0)) == 7.0


def test_float32_weights_are_certified_in_float64() -> None:
    """Certificates of a network in float32 are those of the same numbers in float64."""
    net = network(19, (4, 6, 3), "relu")
    single = FeedForward(tuple(w.float() for w in net.weights), tuple(b.float() for b in net.biases))
    x, _ = inputs(20, net, 5)
    y = single(x.float()).argmax(1)
    for method in METHODS:
        options: dict[str, Any] = {"halvings": 20, "steps": 5}
        found = certified_radius(single, x.float(), y, "inf", method, **options)
        assert found.dtype == torch.float64
        assert bool((found > 0).any())
        torch.testing.assert_close(
            found, certified_radius(single.double(), x.float().double(), y, "inf", method, **options)
        )


def test_the_rounding_allowance_covers_what_float32_does() -> None:
    """Bounds computed in float32 differ from float64 by less than the allowance, which is itself small."""
    for activation in ACTIVATIONS:
        net = network(21, (30, 40, 20, 5), activation)
        x, y = inputs(22, net, 50)
        single = FeedForward(
            tuple(w.float() for w in net.weights), tuple(b.float() for b in net.biases), activation
        )
        for norm in NORMS:
            ball = Ball(x.float(), torch.full((50,), 0.05), norm)
            double = Ball(ball.x.double(), ball.radius.double(), norm)
            allowed = rounding_allowance(single, ball, y)
            for bound in (interval_margin, dual_margin):
                off = (bound(single, ball, y).double() - bound(single.double(), double, y)).abs()
                others = torch.isfinite(off)
                assert bool((off < allowed)[others].all())
                assert float(off[others].max()) > 0
            assert float(allowed.max()) < 0.1


def ones(x: Tensor) -> Tensor:
    """Radii of 1."""
    return torch.ones(len(x), dtype=x.dtype)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda net, x, y: certified_radius(net, x, y, "3", "dual"), "norm is one of"),
        (lambda net, x, y: certified_radius(net, x, y, "2", "magic"), "method is one of"),
        (lambda net, x, y: certified_radius(net, x, y, "2", "dual", most=0.0), "largest radius must be positive"),
        (lambda net, x, y: certified_radius(net, x, y, "2", "dual", most=ones(x)[:1]), "one for each of 2 inputs"),
        (lambda net, x, y: certified_radius(net, x, y + 5, "2", "dual"), "labels must lie between"),
        (lambda net, x, y: certified_radius(net, x[:, :2], y, "2", "dual"), "fails at inputs of shape"),
        (lambda net, x, y: certified_radius(net, x * np.nan, y, "2", "dual"), "NaN"),
        (lambda net, x, y: Ball(x, -ones(x), "2"), "at least 0"),
        (lambda net, x, y: Ball(x, torch.ones(len(x) + 1, dtype=x.dtype), "2"), "a ball needs"),
        (lambda net, x, y: Ball(x * np.inf, ones(x), "2"), "centres of balls hold NaN"),
        (lambda net, x, y: interval_margin(net, Ball(x[:, :2], ones(x), "2"), y), "takes 3 numbers"),
        (lambda net, x, y: interval_margin(net, Ball(x, ones(x), "2"), y - 2), "labels must lie between"),
        (lambda net, x, y: dual_margin(net, Ball(x, ones(x), "2"), y + 2), "labels must lie between"),
        (lambda net, x, y: dual_margin(net, Ball(x, ones(x), "2"), y.double()), "whole numbers"),
        (lambda net, x, y: dual_margin(net, Ball(x, ones(x), "2"), y, slopes="steep"), "slopes are"),
        (lambda net, x, y: linear_radius(net, x, y), "one linear layer"),
        (lambda net, x, y: lipschitz_radius(net, x, y, "3"), "norm is one of"),
        (lambda net, x, y: lipschitz_radius(net, x * np.nan, y), "NaN"),
        (lambda net, x, y: lipschitz_radius(net, x, -y - 1), "labels must lie between"),
        (lambda net, x, y: local_lipschitz_radius(net, x, y, most=-1.0), "largest radius must be positive"),
        (lambda net, x, y: local_lipschitz_radius(net, x, y[:1]), "labels must have shape"),
        (lambda net, x, y: relaxed_margin(net, Ball(x, ones(x), "2"), y), "norm must be inf or 1"),
        (lambda net, x, y: relaxed_radius(net, x, y, "1", ones(x)[:1], ones(x)), "one number for each"),
        (lambda net, x, y: exact_bounds(net, Ball(x, ones(x), "2")), "norm must be inf or 1"),
        (lambda net, x, y: exact_bounds(net, Ball(x, ones(x), "1"), seconds=0), "time limit must be positive"),
    ],
)  # fmt: skip
def test_requests_that_make_no_sense_are_refused(wrong: Callable[..., object], words: str) -> None:
    """Unknown norms, methods and slopes, radii out of range, NaN, and labels that do not exist get one line each."""
    net = network(23, (3, 4, 2), "relu")
    x, y = inputs(24, net, 2)
    with pytest.raises(BadInput, match=words) as refused:
        wrong(net, x, y)
    assert "\n" not in str(refused.value)


def test_labels_of_scalar_networks_are_signs() -> None:
    """A network with one output refuses the labels 0 and 1, which would say that every margin is 0."""
    net = network(23, (3, 4, 1), "relu")
    x, _ = inputs(24, net, 2)
    for certificate in (lipschitz_radius, local_lipschitz_radius):
        with pytest.raises(BadInput, match=r"\+1 and -1"):
            certificate(net, x, torch.tensor([0, 1]), "2")
    with pytest.raises(BadInput, match=r"\+1 and -1"):
        interval_margin(net, Ball(x, ones(x), "2"), torch.tensor([0, 1]))

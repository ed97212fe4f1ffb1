"""Attacks against closed forms, exact distances and each other; what every attack promises; bad input."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from simulate import activations, attacks
from simulate.attacks import NORMS, Attacked, Norm, size
from simulate.attacks.norms import dual_size
from simulate.attacks.problem import Problem
from simulate.errors import BadInput
from simulate.exact import distance_by_enumeration
from simulate.feedforward import FeedForward
from simulate.matrices import DenseGaussian, LazyGaussian
from simulate.networks import TwoLayerNetwork
from simulate.streams import Stream
from simulate.training import multilayer

Attack = Callable[..., Attacked]
CLASSES, DIM = 4, 6


def batch(
    seed: int = 0, rows: int = 8, dtype: torch.dtype = torch.float64
) -> tuple[nn.Module, Tensor, Tensor]:
    """A small random ReLU network with several classes, inputs in [0.1, 0.9], and the classes that it gives them."""
    network = multilayer([DIM, 16, CLASSES], seed).to(dtype)
    x = torch.tensor(np.random.default_rng(seed).uniform(0.1, 0.9, (rows, DIM)), dtype=dtype)
    return network, x, network(x).argmax(1)


BOX = (0.0, 1.0)


def in_norm(attack: Attack, norm: str, **options: Any) -> tuple[str, Attack]:
    """An attack in one of its norms."""
    return norm, lambda f, x, y, **more: attack(f, x, y, norm=norm, **options, **more)


EVERY: dict[str, tuple[str, Attack]] = {
    **{f"pgd {norm}": in_norm(attacks.pgd, norm, radius=0.5) for norm in NORMS},
    **{f"smallest {norm}": in_norm(attacks.smallest_radius, norm) for norm in NORMS},
    **{f"deepfool {norm}": in_norm(attacks.deepfool, norm) for norm in NORMS},
    "sign": ("inf", lambda f, x, y, **o: attacks.gradient_step(f, x, y, epsilon=0.3, **o)),
    "unit": ("2", lambda f, x, y, **o: attacks.gradient_step(f, x, y, epsilon=0.3, direction="unit", **o)),
    "value": ("2", lambda f, x, y, **o: attacks.gradient_step(f, x, y, epsilon=0.3, direction="value", **o)),
    "smallest sign": ("inf", lambda f, x, y, **o: attacks.smallest_epsilon(f, x, y, most=1.0, **o)),
    "cw 2": ("2", lambda f, x, y, **o: attacks.carlini_wagner_l2(f, x, y, steps=40, searches=3, **o)),
    "cw 0": ("0", lambda f, x, y, **o: attacks.carlini_wagner_l0(f, x, y, steps=30, **o)),
    "cw inf": ("inf", lambda f, x, y, **o: attacks.carlini_wagner_linf(f, x, y, steps=30, rounds=10, **o)),
    "pixels": ("0", lambda f, x, y, **o: attacks.few_pixels(f, x, y, pixels=3, values=5, **o)),
    "hot/cold": ("2", lambda f, x, y, **o: attacks.hot_cold(f, x, y, hot=(y + 1) % CLASSES, most=2.0, **o)),
    "lbfgs": ("2", lambda f, x, y, **o: attacks.lbfgs(f, x, y, target=(y + 1) % CLASSES, searches=4, **o)),
}  # fmt: skip
TARGETED = [name for name in EVERY if not name.startswith(("deepfool", "hot", "lbfgs"))]


# --- what every attack promises --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", EVERY)
def test_results_describe_themselves(name: str, dtype: torch.dtype) -> None:
    """Success, margin, size and perturbation are those of x + δ, which lies in the box, in the norm asked for."""
    norm, attack = EVERY[name]
    network, x, y = batch(3, dtype=dtype)
    found = attack(network, x, y, box=BOX)
    assert found.norm == norm
    assert bool(((found.adversarial >= 0) & (found.adversarial <= 1)).all())
    assert torch.equal(found.adversarial - x, found.perturbation)
    assert torch.equal(found.size, size(found.perturbation, norm))  # type: ignore[arg-type]
    assert torch.equal(found.success, found.margin < 0)
    if name not in ("lbfgs",):
        assert torch.equal(found.success, network(found.adversarial).argmax(1) != y)
    assert bool(found.success.any())
    assert not found.zero_gradient.any()


@pytest.mark.parametrize("name", TARGETED)
def test_targets_are_reached(name: str) -> None:
    """With a target, success means that x + δ is in the target's class, and some rows get there."""
    network, x, y = batch(4)
    target = (y + 1) % CLASSES
    found = EVERY[name][1](network, x, y, box=(-2.0, 3.0), target=target)
    assert torch.equal(found.success, network(found.adversarial).argmax(1) == target)
    if not name.startswith(("sign", "unit", "value")):
        assert bool(found.success.any())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("norm", NORMS)
@settings(max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    shape=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    exponent=st.integers(-8, 1),
)
def test_perturbations_keep_ball_and_box(
    norm: Norm, dtype: torch.dtype, seed: int, shape: list[int], exponent: int
) -> None:
    """For inputs of any shape and any radius, ‖δ‖ as it really is (after rounding of x + δ) is at most the radius."""
    rng = np.random.default_rng(seed)
    dim, radius = math.prod(shape), 10.0**exponent
    x = torch.tensor(rng.uniform(-1, 1, (3, *shape)), dtype=dtype)
    flat = multilayer([dim, 5, 3], seed).to(dtype)
    low, high = x - torch.tensor(rng.uniform(0, 1, x.shape), dtype=dtype), x + 0.01
    y = torch.tensor([0, 1, 2])
    options: dict[str, Any] = {"norm": norm, "radius": radius, "steps": 4, "restarts": 2, "box": (low, high)}
    found = attacks.pgd(lambda z: flat(z.flatten(1)), x, y, **options)
    assert found.perturbation.shape == x.shape
    assert bool((found.size <= radius * (1 + 8 * torch.finfo(dtype).eps)).all())
    assert bool(((found.adversarial >= low) & (found.adversarial <= high)).all())


def test_rounding_goes_towards_the_input() -> None:
    """Where x is so large that x + δ must be rounded, the perturbation gets shorter, never longer."""
    x = torch.linspace(1e6, 2e6, 101).unsqueeze(1)
    problem = Problem.of(lambda z: z[:, 0], x, torch.ones(101))
    for delta in (0.0371, -0.0371, 1e-9):
        moved = problem.move(torch.full_like(x, delta)) - x
        assert bool((moved.abs() <= abs(np.float32(delta))).all())
    assert bool((((x + 0.0371) - x) > 0.0371).any())  # plain addition does overshoot


# --- closed forms ----------------------------------------------------------------------------------------------


def linear(seed: int, rows: int = 5) -> tuple[Callable[[Tensor], Tensor], Tensor, Tensor, Tensor]:
    """A linear f, inputs with f ≠ 0, their signs, and f's slope."""
    rng = np.random.default_rng(seed)
    w, x = (torch.from_numpy(rng.standard_normal(shape)) for shape in (DIM, (rows, DIM)))
    return lambda z: z @ w + 0.1, x, (x @ w + 0.1).sign(), w


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["deepfool", "smallest"])
@settings(max_examples=5)
@given(seed=st.integers(0, 10**6))
def test_linear_distance_is_found_in_every_norm(name: str, norm: Norm, seed: int) -> None:
    """The distance to a hyperplane is |f|/‖w‖_q, q dual to the norm: DeepFool and the search give it to 1e-6."""
    f, x, y, w = linear(seed)
    attack = {"deepfool": attacks.deepfool, "smallest": attacks.smallest_radius}[name]
    found = attack(f, x, y, norm=norm)
    exact = f(x).abs() / dual_size(w.unsqueeze(0), norm)
    assert bool(found.success.all())
    assert bool((found.size >= exact * (1 - 1e-12)).all())
    torch.testing.assert_close(found.size, exact, rtol=2e-6, atol=0)


@pytest.mark.parametrize("norm", NORMS)
def test_pgd_minimises_a_linear_margin(norm: Norm) -> None:
    """On a linear function the least margin in the ball is y·f − r‖w‖_q; descent gets there."""
    f, x, y, w = linear(11)
    found = attacks.pgd(f, x, y, norm=norm, radius=0.7, steps=30)
    torch.testing.assert_close(
        found.margin, y * f(x) - 0.7 * dual_size(w.unsqueeze(0), norm), rtol=1e-6, atol=1e-9
    )


def test_sign_step_is_optimal_for_linear_binary_classifiers() -> None:
    """In ℓ∞ one sign step reaches the least margin of the ball, and no other vertex of the cube does better."""
    f, x, y, w = linear(12)
    found = attacks.gradient_step(f, x, y, epsilon=0.4)
    torch.testing.assert_close(found.margin, y * f(x) - 0.4 * w.abs().sum())
    vertices = torch.cartesian_prod(*[torch.tensor([-0.4, 0.4], dtype=torch.float64)] * DIM)
    for row in range(len(x)):
        assert float((y[row] * f(x[row] + vertices)).min()) >= float(found.margin[row]) - 1e-12


def test_carlini_wagner_finds_linear_distances() -> None:
    """ℓ2 within 1 % of |f|/‖w‖_q, ℓ∞ within 10 % (the step of τ); ℓ0 changes one coordinate (no box)."""
    f, x, y, w = linear(13)
    two = attacks.carlini_wagner_l2(f, x, y, steps=100)
    exact = f(x).abs() / w.norm()
    assert bool(((two.size >= exact * (1 - 1e-12)) & (two.size <= 1.01 * exact)).all())
    cube = attacks.carlini_wagner_linf(f, x, y)
    exact = f(x).abs() / w.abs().sum()
    assert bool(((cube.size >= exact * (1 - 1e-12)) & (cube.size <= 1.1 * exact)).all())
    assert attacks.carlini_wagner_l0(f, x, y).size.tolist() == [1.0] * len(x)


def test_carlini_wagner_leaves_the_edges_of_the_box() -> None:
    """Of inputs in corners of the box every coordinate can move: within 5 % of the shortest found on average."""
    network, x, _ = batch(15, rows=10)
    x = x.round()
    y = network(x).argmax(1)
    found = attacks.carlini_wagner_l2(network, x, y, box=BOX, steps=80, searches=5)
    best = attacks.smallest_radius(network, x, y, norm="2", box=BOX, steps=10)
    both = found.success & best.success
    assert int(both.sum()) >= 6
    assert float((found.size / best.size)[both].mean()) < 1.05


def test_confidence_is_kept() -> None:
    """With κ the margin at x + δ is below −κ, so the perturbation is longer."""
    f, x, y, _ = linear(13)
    options: dict[str, Any] = {"steps": 80, "searches": 4}
    sure = attacks.carlini_wagner_l2(f, x, y, confidence=0.5, **options)
    assert bool((sure.margin < -0.5).all())
    assert bool((sure.size > attacks.carlini_wagner_l2(f, x, y, **options).size).all())


def test_one_pixel_is_the_best_of_all() -> None:
    """One coordinate at one of the grid's values: no other choice has a smaller margin (brute force)."""
    network, x, y = batch(5)
    found = attacks.few_pixels(network, x, y, pixels=1, values=5, box=BOX)
    for row in range(len(x)):
        candidates = [x[row].clone() for _ in range(DIM * 5)]
        for i in range(DIM):
            for j in range(5):
                candidates[5 * i + j][i] = j / 4
        outputs = network(torch.stack(candidates)).detach()
        others = outputs.clone()
        others[:, y[row]] = -math.inf
        best = float((outputs[:, y[row]] - others.amax(1)).min())
        start = float(Problem.of(network, x, y).evaluate(x)[row])
        assert float(found.margin[row]) == pytest.approx(min(best, start), abs=1e-12)
    assert bool((found.size <= 1).all())


# --- exact distances -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", NORMS)
def test_no_attack_beats_the_exact_distance(norm: Norm) -> None:
    """On tiny networks enumeration of the linear regions bounds every attack from below, and the best is near it."""
    stream = Stream.from_seed(21, 6, dtype=torch.float64)
    network = FeedForward.two_layer(stream.normals("W", 5, 3).clone(), stream.signs("a", 5).clone())
    x = stream.normals("x", 3).clone()
    y = torch.where(network(x) >= 0, 1, -1)
    exact = torch.tensor(
        [distance_by_enumeration(network.row(row), x[row].numpy(), int(y[row]), norm) for row in range(6)],
        dtype=torch.float64,
    )
    found = {
        "smallest": attacks.smallest_radius(network, x, y, norm=norm, restarts=3),
        "deepfool": attacks.deepfool(network, x, y, norm=norm),
    }
    if norm == "2":
        found["cw"] = attacks.carlini_wagner_l2(network, x, y, steps=80, searches=4)
    for result in found.values():
        assert bool((result.size[result.success] >= exact[result.success] * (1 - 1e-6)).all())
    near = found["smallest"].success & (found["smallest"].size <= 1.02 * exact)
    assert int(near.sum()) >= 5
    # The control: a perturbation that is a tenth shorter than the exact distance does not change the class.
    short = attacks.pgd(network, x, y, norm=norm, radius=0.9 * exact.clamp(max=1e3), restarts=3)
    assert not short.success.any()


def test_smallest_radius_is_not_longer_than_its_rivals() -> None:
    """In ℓ2 with a box the search is within 5 % of the best of Carlini-Wagner and DeepFool on average."""
    network, x, y = batch(6, rows=12)
    mine = attacks.smallest_radius(network, x, y, norm="2", box=BOX, restarts=2)
    rival = attacks.carlini_wagner_l2(network, x, y, box=BOX, steps=100)
    rivals = [rival, attacks.deepfool(network, x, y, box=BOX)]
    for rival in rivals:
        both = mine.success & rival.success
        assert int(both.sum()) >= 6
        assert float(mine.size[both].mean()) <= 1.05 * float(rival.size[both].mean())


def test_lbfgs_finds_linear_distances() -> None:
    """Between two linear classes the loss is convex, and the distance |Z_t − Z_y|/‖w_t − w_y‖ is found to 2 %."""
    f, x, y, w = linear(14)
    labels = (y < 0).long()
    found = attacks.lbfgs(lambda z: torch.stack([f(z), -f(z)], 1), x, labels, target=1, box=(-9.0, 9.0))
    exact = torch.where(labels == 0, f(x).abs() / w.norm(), 0)
    assert bool((labels == 0).any())
    assert bool(found.success.all())
    assert bool(((found.size >= exact * (1 - 1e-12)) & (found.size <= 1.02 * exact)).all())


def test_lbfgs_attacks_one_row_at_a_time() -> None:
    """A batch in which each row has a network of its own is refused, not attacked with the wrong one."""
    weights = torch.randn(3, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    network = FeedForward((weights,), (torch.zeros(3, 2, dtype=torch.float64),))
    with pytest.raises(BadInput, match="one network for all rows"):
        attacks.lbfgs(network, torch.full((3, 4), 0.5, dtype=torch.float64), torch.zeros(3).long(), target=1)


# --- objectives, gradients, random networks --------------------------------------------------------------------


@pytest.mark.parametrize("objective", ["versus-label", "versus-all"])
def test_targeted_objectives_are_the_printed_ones(objective: str) -> None:
    """Z_t − Z_y and Z_t − Σ_{c≠t} Z_c, number by number."""
    network, x, y = batch(8)
    target = (y + 2) % CLASSES
    outputs = network(x).detach()
    values = Problem.of(network, x, y, target=target).objective(objective)(outputs)
    for row in range(len(x)):
        t, label = int(target[row]), int(y[row])
        rest = [label] if objective == "versus-label" else [c for c in range(CLASSES) if c != t]
        assert float(values[row]) == pytest.approx(float(outputs[row, t] - outputs[row, rest].sum()))
    near = (y + 1) % CLASSES
    found = attacks.pgd(network, x, y, norm="2", radius=3.0, target=near, objective=objective, restarts=3)  # type: ignore[arg-type]
    assert bool(found.success.any())


@pytest.mark.parametrize("kind", ["labels", "targets", "signs"])
def test_the_slope_of_the_margin_is_that_of_automatic_differentiation(kind: str) -> None:
    """What descent takes for margins and their gradient, without differentiating them, autograd gives to the bit."""
    network, x, y = batch(16, rows=20)
    target = (y + 1) % CLASSES if kind == "targets" else None
    f: Any = (lambda z: network(z)[:, 0]) if kind == "signs" else network
    problem = Problem.of(f, x, torch.where(y > 1, 1, -1) if kind == "signs" else y, target=target)
    quick = problem.look(x, problem.objective("margin"))
    plain = problem.look(x, lambda outputs: -problem.margins(outputs))
    assert torch.equal(quick[0], plain[0])
    torch.testing.assert_close(quick[1], plain[1], rtol=1e-12, atol=1e-12)
    assert bool((quick[1] != 0).any(1).all())


def test_a_gradient_that_is_no_number_is_taken_for_zero() -> None:
    """At a square root's kink the slope is infinite times 0: the attack reports it and goes nowhere."""
    x, y = torch.zeros(1, 3, dtype=torch.float64), torch.tensor([1])
    found = attacks.pgd(lambda z: 1 - (z * 0).square().sum(1).sqrt(), x, y, norm="2", radius=1.0, steps=3)
    assert found.zero_gradient.all()
    assert not found.perturbation.any()


def test_zero_gradients_are_reported() -> None:
    """Where all neurons are dead nothing moves, and the result says so; live rows are not accused."""

    def f(z: Tensor) -> Tensor:
        return 1 - torch.relu(z[:, 0])

    x, y = torch.tensor([[-1.0, 0.0], [0.5, 0.0]]), torch.tensor([1, 1])
    for found in (
        attacks.pgd(f, x, y, norm="2", radius=0.9, steps=3),
        attacks.gradient_step(f, x, y, epsilon=0.9),
        attacks.deepfool(f, x, y),
        attacks.carlini_wagner_l2(f, x, y, steps=5),
        attacks.smallest_radius(f, x, y, most=0.9, steps=3),
    ):
        assert found.zero_gradient.tolist() == [True, False]
        assert not found.perturbation[0].any()
        assert not found.success[0]


def test_a_saturated_softmax_is_reported() -> None:
    """The loss of a very sure network has gradient 0 where the margin has not: one attack says so, the other works."""

    def f(z: Tensor) -> Tensor:
        return 1e4 * torch.stack([z[:, 0], -z[:, 0]], 1)

    x, y = torch.tensor([[1.0, 0.0]], dtype=torch.float64), torch.tensor([0])
    loss = attacks.pgd(f, x, y, radius=2.0, objective="loss")
    assert loss.zero_gradient.all()
    assert not loss.success.any()
    assert attacks.pgd(f, x, y, radius=2.0).success.all()


def random_network(
    kind: Any, trials: int, width: int, dim: int, seed: int = 1
) -> tuple[TwoLayerNetwork, Tensor]:
    """Two-layer ReLU networks held by a kind of matrix, and normal inputs."""
    stream = Stream.from_seed(seed, trials, dtype=torch.float64)
    network = TwoLayerNetwork(kind(stream, width, dim), stream.signs("a", width), activations.get("relu"))
    x = stream.normals("x", dim).clone()
    return network, x


def test_ten_thousand_random_networks_in_one_call() -> None:
    """Row b belongs to network b: one call attacks 10,000 of them, and a row alone gives the same result."""
    network, x = random_network(DenseGaussian, 10_000, 8, 5)
    y = torch.where(network(x) >= 0, 1, -1)
    found = attacks.pgd(network, x, y, norm="2", radius=1.5, steps=4)
    assert found.success.shape == (10_000,)
    assert 0.5 < float(found.success.double().mean()) < 1
    as_weights = FeedForward.two_layer(network.matrix.standard / math.sqrt(5), network.signs)  # type: ignore[attr-defined]
    again = attacks.pgd(as_weights, x, y, norm="2", radius=1.5, steps=4)
    assert int((again.success != found.success).sum()) <= 2  # kinks met exactly up to rounding
    alone = attacks.pgd(as_weights.row(17), x[17:18], y[17:18], norm="2", radius=1.5, steps=4)
    torch.testing.assert_close(alone.perturbation[0], again.perturbation[17])


def test_lazy_networks_are_attacked_exactly() -> None:
    """What an attack on a lazily drawn network reports holds for the matrix that is completed afterwards."""
    network, x = random_network(LazyGaussian, 6, 40, 30)
    y = torch.where(network(x) >= 0, 1, -1)
    found = attacks.smallest_radius(network, x, y, norm="2", steps=8, halvings=3)
    again = attacks.pgd(network, x, y, norm="inf", radius=0.3, steps=5)
    right, left = network.matrix.queries  # type: ignore[attr-defined]
    assert int(right.max()) <= 30
    assert int(left.max()) <= 40
    network.matrix.materialise()  # type: ignore[attr-defined]
    for result in (found, again):
        torch.testing.assert_close(network(result.adversarial) * y, result.margin, rtol=0, atol=1e-9)
    assert bool(found.success.all())


def test_known_gradients_are_those_of_the_weights() -> None:
    """The derivative that torch is told equals automatic differentiation through the same weights."""
    network, x = random_network(DenseGaussian, 4, 12, 7)
    plain = FeedForward.two_layer(network.matrix.standard / math.sqrt(7), network.signs)  # type: ignore[attr-defined]
    y = torch.ones(4)
    slopes = [Problem.of(f, x, y).look(x, lambda out: out.pow(3))[1] for f in (network, plain)]
    torch.testing.assert_close(slopes[0], slopes[1])


def test_a_seed_decides_the_random_starts() -> None:
    """The same seed gives the same perturbation to the bit, another seed another one."""
    network, x, y = batch(9)
    runs = [attacks.pgd(network, x, y, radius=0.1, steps=3, random_start=True, seed=s) for s in (1, 1, 2)]
    assert torch.equal(runs[0].perturbation, runs[1].perturbation)
    assert not torch.equal(runs[0].perturbation, runs[2].perturbation)


@pytest.mark.parametrize("attack", [attacks.pgd, attacks.smallest_radius])
def test_restarts_are_followed_together(attack: Attack) -> None:
    """A network for all rows meets all starts in one batch; asked start by start it gives the same."""
    network, x, y = batch(9)
    batches: list[int] = []

    class Counted(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            batches.append(len(z))
            outputs: Tensor = network(z)
            return outputs

    options: dict[str, Any] = {"norm": "2", "steps": 4, "restarts": 5, "box": BOX}
    options |= {"radius": 0.3} if attack is attacks.pgd else {"halvings": 2}
    together = attack(Counted(), x, y, **options)
    assert max(batches) == (5 if attack is attacks.pgd else 6) * len(x)
    many = len(batches)
    batches.clear()
    counted = Counted()
    alone = attack(lambda z: counted(z), x, y, **options)
    assert set(batches) == {len(x)}
    assert len(batches) > 2 * many
    torch.testing.assert_close(together.perturbation, alone.perturbation)
    assert torch.equal(together.success, alone.success)
    assert together.steps == alone.steps
    one = attack(network, x, y, **{**options, "restarts": 1})
    assert bool((together.margin <= one.margin + 1e-12).all()) or attack is not attacks.pgd


def test_restarts_of_a_batch_of_networks_meet_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row b of every start meets network b, whether all starts are followed at once or two at a time."""
    stream = Stream.from_seed(5, 6, dtype=torch.float64)
    network = FeedForward.two_layer(stream.normals("W", 7, 4).clone(), stream.signs("a", 7).clone())
    x = stream.normals("x", 4).clone()
    y = torch.where(network(x) >= 0, 1, -1)
    options: dict[str, Any] = {"norm": "2", "radius": 0.8, "steps": 6, "restarts": 5}
    found = attacks.pgd(network, x, y, **options)
    torch.testing.assert_close(network(found.adversarial) * y, found.margin)
    monkeypatch.setattr(sys.modules["simulate.attacks.pgd"], "_BATCH_NUMBERS", 2 * x.numel())
    assert torch.equal(attacks.pgd(network, x, y, **options).perturbation, found.perturbation)


def test_rounds_start_where_the_last_one_ended() -> None:
    """Each round changes the class that the round before left, by less: it starts next to the boundary."""
    network, x, _ = batch(10)
    rounds = attacks.iterated(network, x, most=2.0, rounds=3)
    assert torch.equal(rounds[0].adversarial - x, rounds[0].perturbation)
    before = x
    for found in rounds:
        changed = network(found.adversarial).argmax(1) != network(before).argmax(1)
        assert torch.equal(changed, found.success)
        before = found.adversarial
    both = rounds[0].success & rounds[1].success
    assert bool(both.any())
    assert float(rounds[1].size[both].median()) < 0.1 * float(rounds[0].size[both].median())


def test_misclassified_inputs_need_no_perturbation() -> None:
    """A row that is wrong at x already is a success of size 0."""
    network, x, y = batch(2)
    wrong = (y + 1) % CLASSES
    for attack in (attacks.smallest_radius, attacks.deepfool, attacks.carlini_wagner_l2):
        found = attack(network, x, wrong)
        assert found.success.all()
        assert not found.size.any()


# --- bad input -------------------------------------------------------------------------------------------------

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "radius 0": ({"radius": 0.0}, "radius must be positive"),
    "negative radius": ({"radius": -1.0}, "radius must be positive"),
    "infinite radius": ({"radius": math.inf}, "radius must be positive"),
    "NaN radius": ({"radius": math.nan}, "radius must be positive"),
    "radii of another batch": ({"radius": torch.ones(3)}, "one for each of 8 inputs"),
    "a word for a radius": ({"radius": "far"}, "radius must be a number"),
    "no row": ({"x": torch.zeros(0, DIM)}, "at least one row"),
    "whole numbers": ({"x": torch.zeros(8, DIM, dtype=torch.long)}, "float32 or float64"),
    "one dimension": ({"x": torch.zeros(8)}, "shape"),
    "another dimension": ({"x": torch.zeros(8, DIM + 1, dtype=torch.float64)}, "network fails at inputs of shape"),
    "another precision": ({"x": torch.zeros(8, DIM)}, "network fails at inputs of shape"),
    "NaN": ({"x": torch.full((8, DIM), math.nan, dtype=torch.float64)}, "NaN or infinite"),
    "too few labels": ({"y": torch.zeros(7, dtype=torch.long)}, "labels must have shape"),
    "label too large": ({"y": torch.full((8,), CLASSES)}, "labels must lie between 0 and 3"),
    "negative label": ({"y": torch.full((8,), -1)}, "labels must lie between 0 and 3"),
    "fractional labels": ({"y": torch.zeros(8)}, "labels must be whole numbers"),
    "target too large": ({"target": CLASSES}, "targets must lie between"),
    "targets of another batch": ({"target": torch.zeros(3, dtype=torch.long)}, "one for each of 8 inputs"),
    "unknown norm": ({"norm": "3"}, "norm is one of"),
    "unknown objective": ({"objective": "loss2"}, "objective is one of"),
    "objective without its target": ({"objective": "versus-all"}, "needs a target"),
    "box without x": ({"box": (0.5, 1.0)}, "box leaves out"),
    "empty box": ({"box": (1.0, 0.0)}, "box is empty"),
    "NaN box": ({"box": (math.nan, 1.0)}, "NaN"),
    "box of one end": ({"box": (0.0,)}, "two numbers"),
    "no steps": ({"steps": 0}, "steps must be at least 1"),
    "no restarts": ({"restarts": 0}, "restarts must be at least 1"),
    "negative step": ({"step": -0.1}, "step must be positive"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_line(case: str) -> None:
    """What makes no sense is refused before any work, in one line that names it."""
    network, x, y = batch()
    change, words = BAD[case]
    arguments = {"x": x, "y": y, "radius": 0.1, "box": None, **change}
    with pytest.raises(BadInput, match=words) as refused:
        attacks.pgd(network, **arguments)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda f, x, y: attacks.gradient_step(f, x, y, epsilon=0.1, direction="up"), "direction is"),
        (lambda f, x, y: attacks.deepfool(f, x, y, overshoot=0), "overshoot must be positive"),
        (lambda f, x, y: attacks.carlini_wagner_l2(f, x, y, confidence=-1), "confidence must be"),
        (lambda f, x, y: attacks.carlini_wagner_l0(f, x, y, keep=1.0), "keep must lie"),
        (lambda f, x, y: attacks.carlini_wagner_linf(f, x, y, rate=0), "rate must be positive"),
        (lambda f, x, y: attacks.few_pixels(f, x, y, box=(0, math.inf)), "finite ends"),
        (lambda f, x, y: attacks.few_pixels(f, x, y, box=BOX, values=1), "values must be at least 2"),
        (lambda f, x, y: attacks.hot_cold(f, x, y, hot=y, most=1.0), "must differ"),
        (lambda f, x, y: attacks.lbfgs(f, x, y, target=0, first_penalty=0), "penalty must be positive"),
        (lambda f, x, y: attacks.pgd(lambda z: f(z) * math.nan, x, y, radius=1), "NaN"),
        (lambda f, x, y: attacks.pgd(lambda z: f(z).sum(), x, y, radius=1), "must return"),
        (
            lambda f, x, y: attacks.pgd(lambda z: f(z).detach(), x, y, radius=1),
            "differentiation cannot follow",
        ),
        (lambda f, x, y: attacks.pgd(lambda z: f(z)[:, 0], x, 2 + y, radius=1), "are \\+1 and -1"),
        (lambda f, x, y: attacks.pgd(lambda z: f(z)[:, :1], x, 0 * y, radius=1), "at least two classes"),
    ],
)
def test_other_attacks_refuse_bad_input(call: Callable[..., object], words: str) -> None:
    """Options of the other attacks, and networks that are none, get their line too."""
    network, x, y = batch()
    with pytest.raises(BadInput, match=words):
        call(network, x, y)


def test_a_target_needs_several_classes() -> None:
    """A network with one output has no class but the other one."""
    f, x, y, _ = linear(1)
    with pytest.raises(BadInput, match="several classes"):
        attacks.pgd(f, x, y, radius=1.0, target=1)

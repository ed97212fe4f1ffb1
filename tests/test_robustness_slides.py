"""Documents 002, and the attacks of 003 and 004: which statements are false, and helpers against independent ones."""

from __future__ import annotations

import importlib
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simulate.certificates import Ball, interval_margin
from simulate.feedforward import FeedForward
from theorems import Budget, Statement
from theorems.ledger import shipped
from theorems.registry import corrections, registry, statements_of
from theorems.statements import MODULES, closest
from theorems.statements.robustness_slides import (
    fgsm,
    multiclass,
    objectives,
    programme,
    propagation,
    risks,
    surface,
    techniques,
    training,
)
from theorems.statements.thesis import attacks, hot_cold, iterated

_NEW = ("thesis.attacks", "thesis.hot_cold", "thesis.iterated", "intriguing_slides.attack")
STATEMENTS: dict[str, Statement] = {
    one.id: one
    for name in MODULES
    if name.startswith("robustness_slides.") or name in _NEW
    for one in statements_of(importlib.import_module(f"theorems.statements.{name}"))
}
REFUTED = {
    "002.adversarial-step",
    "002.ball-volume",
    "002.certification",
    "002.cost-surface",
    "002.danskin",
    "002.dual-tighter",
    "002.fgsm-corner",
    "002.fgsm-larger-steps",
    "002.fgsm-one-step",
    "002.global-optimum",
    "002.inner-maximization",
    "002.interval-bounds",
    "002.l1-projection",
    "002.l2-box",
    "002.l2-larger",
    "002.l2-step",
    "002.last-layer",
    "002.linearization-greater",
    "002.looser-with-depth",
    "002.loss-or-margin",
    "002.negative-objective-target",
    "002.not-linear",
    "002.pgd-stronger",
    "002.programme-box",
    "002.reduced-objective",
    "002.targeted-all",
    "002.targeted-both",
    "002.targeted-consistent",
    "002.targeted-harder",
    "002.targeted-probabilities",
    "002.vacuous",
    "003.algorithm-2.1-result",
    "003.algorithm-2.1-smallest",
    "003.closest-example",
    "003.equation-2.9",
    "003.hot-cold-direction",
    "003.hot-cold-not-minimal",
    "003.iterated-adversarial",
    "003.iterated-projection",
    "003.iterated-zig-zag",
    "003.lbfgs-one-perturbation",
    "003.lbfgs-penalty",
    "004.closest-example",
    "004.lbfgs-penalty",
}
WHOLE = st.integers(-3, 3)


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    """Standard normal numbers, always the same."""
    return np.random.default_rng(seed).standard_normal(shape)


def test_every_statement_is_registered_and_the_false_ones_are_these() -> None:
    """All of 002 is in these modules; the ledger refutes exactly the statements that are listed here."""
    assert {name for name in registry() if name.startswith("002.")} == {
        name for name in STATEMENTS if name.startswith("002.")
    }
    assert len(STATEMENTS) >= 150
    entries = shipped().entries
    assert {name for name in STATEMENTS if entries[name].verdict.status == "refuted"} == REFUTED
    assert {entries[name].verdict.status for name in STATEMENTS} == {"holds", "refuted"}


def test_false_statements_are_corrected() -> None:
    """Each has a correction that says what was wrong and holds, but for two observations on one network."""
    repairs = corrections(registry().values())
    without = {name for name in REFUTED if name not in repairs}
    assert without == {"002.targeted-consistent", "002.targeted-harder"}
    for name in REFUTED - without:
        assert all(one.repair is not None and one.id not in REFUTED for one in repairs[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(STATEMENTS) - REFUTED))
def test_it_holds_and_its_twin_does_not(name: str) -> None:
    """No counterexample is found; the same search refutes the statement once it is made false."""
    statement = STATEMENTS[name]
    verdict = statement.check(Budget(0.3, patience=200.0))
    assert verdict.status == "holds", verdict
    twin = statement.twin(verdict).check(Budget(1.0, patience=60.0))
    assert twin.status == "refuted", twin


# ------------------------------------------------------------------------------------------- 002, helpers


def test_the_listing_computes_what_is_claimed() -> None:
    """The listing's loss is the label's logit less the target's; with its first sign dropped it is another number."""
    pred = drawn(5)
    assert objectives.printed_loss(pred, 3, 1) == pytest.approx(pred[3] - pred[1], abs=1e-14)
    entropy = torch.nn.CrossEntropyLoss()
    unsigned = sum(float(entropy(torch.tensor(pred)[None], torch.tensor([c]))) for c in (3, 1))
    assert unsigned != pytest.approx(pred[3] - pred[1], abs=1e-3)


@settings(max_examples=20)
@given(st.lists(WHOLE, min_size=4, max_size=4), st.sampled_from([0.5, 1.0, 2.0]))
def test_the_multiclass_bound_is_exact_for_two_classes(entries: list[int], epsilon: float) -> None:
    """With two classes it is L(y(wᵀx + b) − ε‖w‖₁), w the difference of the rows."""
    W, x, b = np.array(entries, float).reshape(2, 2), np.array([1.0, -2.0]), np.array([0.5, 0.0])
    margin = (W[0] - W[1]) @ x + 0.5 - epsilon * np.abs(W[0] - W[1]).sum()
    assert float(risks.robust_bound(W, b, x, 0, epsilon)) == pytest.approx(
        math.log1p(math.exp(-margin)), rel=1e-12
    )
    assert float(multiclass._largest_loss(W, b, x, 0, epsilon)) == pytest.approx(
        math.log1p(math.exp(-margin)), rel=1e-12
    )


def test_the_robust_gradient_is_that_of_automatic_differentiation() -> None:
    """The slope of the mean robust loss, and the listed step of adversarial training, off zero entries."""
    w, v, x = drawn(2), drawn(2, seed=1), drawn(3, 2, seed=2)
    b, c, y, epsilon = 0.3, -0.7, np.array([1.0, -1.0, 1.0]), 0.5
    weight, bias = (
        torch.tensor(w, requires_grad=True),
        torch.tensor(b, dtype=torch.float64, requires_grad=True),
    )
    margins = torch.tensor(y) * (torch.tensor(x) @ weight + bias) - epsilon * weight.abs().sum()
    first, second = torch.autograd.grad(torch.nn.functional.softplus(-margins).mean(), (weight, bias))
    expected = float(first @ torch.tensor(v) + second * c)
    assert float(risks.robust_slope(w, b, x, y, epsilon, v, c)) == pytest.approx(expected, rel=1e-12)
    assert float(training._listed(w, b, x, y, epsilon, v, c, 1.0)) == pytest.approx(-expected, rel=1e-12)


def test_the_network_of_fgsm_has_torchs_gradient() -> None:
    """The closed derivative of the loss is torch's, kinks included."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, s = float(rng.integers(-3, 4)), float(rng.integers(0, 5)) / 2
        v, c = rng.integers(-4, 5, 2).astype(float), rng.integers(0, 5, 2).astype(float)
        point = torch.tensor(s, dtype=torch.float64, requires_grad=True)
        f = a * point + (torch.tensor(v) * torch.relu(point - torch.tensor(c) / 2)).sum()
        (slope,) = torch.autograd.grad(torch.nn.functional.softplus(-f), point)
        assert float(fgsm._bent_uphill(a, v, c, s)) == pytest.approx(float(slope), abs=1e-14)


def test_the_tent_is_a_network_with_two_optima() -> None:
    """On a fine grid the margin has its minimum at ε, below 0, and a local one at −ε/4, where it is 0."""
    grid = np.linspace(-2, 2, 4001)
    values = np.array([float(surface._tent(2.0, at)) for at in grid])
    assert grid[values.argmin()] == 2.0
    assert values.min() == pytest.approx(-0.25)
    near = np.abs(grid + 0.5) < 0.4
    assert values[near].min() == pytest.approx(0.0, abs=1e-12)


def test_the_programme_is_solved() -> None:
    """The optimum is below every value on a fine grid of the ball and above it by less than the grid's resolution;
    its relaxation is lower.
    """
    W, b, c, x = drawn(3, 2), drawn(3, seed=1), drawn(3, seed=2), drawn(2, seed=3)
    grid = np.array(list(itertools.product(np.linspace(-0.7, 0.7, 201), repeat=2)))
    values = np.maximum((x + grid) @ W.T + b, 0) @ c
    found = programme.minimum(W, b, c, x, 0.7, 1)
    assert values.min() - 0.01 * np.abs(c) @ np.abs(W).sum(1) <= found <= values.min() + 1e-9
    assert programme.minimum(W, b, c, x, 0.7, 0) <= found + 1e-9
    assert programme.optima(0)[0] == pytest.approx(programme.optima(0)[1], abs=1e-7)


@settings(max_examples=20)
@given(st.lists(WHOLE, min_size=17, max_size=17), st.sampled_from([0.25, 0.5, 1.0]))
def test_interval_margins_are_the_certificates(entries: list[int], epsilon: float) -> None:
    """The statement's interval bounds and those of `simulate.certificates` are the same."""
    numbers = iter(np.array(entries, float))
    W, b, V, c, x = (
        np.array([next(numbers) for _ in range(math.prod(shape))]).reshape(shape)
        for shape in ((2, 2), (2,), (3, 2), (3,), (2,))
    )
    network = FeedForward((torch.tensor(W), torch.tensor(V)), (torch.tensor(b), torch.tensor(c)))
    ball = Ball(torch.tensor(x)[None], torch.tensor([epsilon], dtype=torch.float64), "inf")
    theirs = interval_margin(network, ball, torch.tensor([0]))[0, 1:]
    mine = propagation.least_margins(W, b, V, c, x, epsilon, 0)[1:]
    np.testing.assert_allclose(mine, theirs.numpy(), atol=1e-12)


def test_the_random_networks_are_worth_comparing_on() -> None:
    """Some are attacked and some are not, some are certified and some are not, and the bounds differ."""
    attacked = [one < 0 for one in techniques.margins("attack", 1)]
    certified = [one > 0 for one in techniques.margins("interval", 1)]
    assert 3 < sum(attacked) < len(attacked) - 3
    assert 3 < sum(certified) < len(certified) - 3
    gaps = np.array(techniques.margins("relaxation")) - np.array(techniques.margins("interval"))
    assert gaps.max() > 0.1


# ------------------------------------------------------------------------------------------- the attacks


@settings(max_examples=30)
@given(
    st.sampled_from([0.0, 0.25, 0.5]),
    st.integers(1, 9),
    st.integers(-9, -1),
    st.sampled_from([0.01, 0.4, 1.0, 4.0]),
)
def test_the_penalised_minimiser(x: float, w: int, b: int, alpha: float) -> None:
    """No r on a fine grid of the box has a smaller α|r| + loss than the closed form."""

    def total(r: np.ndarray | float) -> np.ndarray:
        return alpha * np.abs(r) + np.logaddexp(0, -(w * (x + np.asarray(r)) + b))

    found = float(closest.minimiser(x, float(w), float(b), alpha))
    assert 0 <= found <= 1 - x
    assert float(total(found)) <= total(np.linspace(-x, 1 - x, 2001)).min() + 1e-12


def test_the_smallest_penalty_is_none() -> None:
    """For 8(x + r) − 2 at x = 0 every weight below 4 reaches the class, with longer and longer minimisers."""
    found = [float(closest.minimiser(0.0, 8.0, -2.0, alpha)) for alpha in (3.9, 3.0, 1.0, 0.1)]
    assert found == sorted(found)
    assert found[0] == pytest.approx(0.25, abs=0.01)
    assert all(closest.reaches(0.0, 8.0, -2.0, alpha) for alpha in (3.9, 1e-9))
    assert not closest.reaches(0.0, 8.0, -2.0, 4.1)


def test_the_bisection_by_hand() -> None:
    """It brackets a single change; of two changes it can take the later one."""
    low, high, epsilon = attacks.bisected(lambda e: e >= 0.3, 1.0)
    assert low < 0.3 <= high
    assert low <= epsilon <= high
    assert attacks.bisected(lambda e: 0.1 <= e < 0.2 or e >= 0.9, 1.0)[1] == pytest.approx(0.9)


def test_the_printed_feature_vector_can_pull_to_the_cold_class() -> None:
    """With features (−1, −2) the cold weight of (2.9) is +1; with absolute values it is −1."""
    h = np.array([-1.0, -2.0])
    assert list(hot_cold.omega(h, False)) == [1.0, 2.0]
    assert list(hot_cold.omega(h, True)) == [-1.0, 2.0]


def test_a_step_ends_just_beyond_the_first_change() -> None:
    """Along sign(∇ loss) the label is the old one up to the crossing and another one at it."""
    rng, looked = np.random.default_rng(1), 0
    for _ in range(60):
        W, b, x = (rng.integers(-3, 4, shape).astype(float) for shape in ((3, 2), (3,), (2,)))
        scores = W @ x + b
        start = int(scores.argmax())
        point, reached = iterated.crossed(W, b, x)
        if (scores == scores.max()).sum() == 1 and reached != start:
            looked += 1
            assert int((W @ (x + 0.998 * (point - x)) + b).argmax()) == start
            assert int((W @ point + b).argmax()) == reached
    assert looked > 20


def test_labels_can_go_on_to_a_third_class() -> None:
    """Scores x − 1, −3x and −2x at x = −1: the walk to the right meets classes 2, 3 and 1."""
    W, b, x = np.array([[1.0], [-3.0], [-2.0]]), np.array([-1.0, 0.0, 0.0]), np.array([-1.0])
    second, _ = iterated.crossed(W, b, x)
    third, _ = iterated.crossed(W, b, second)
    assert [int((W @ point + b).argmax()) for point in (x, second, third)] == [1, 2, 0]

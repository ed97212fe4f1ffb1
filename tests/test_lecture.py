"""Document 001, the lecture on adversarial examples: its verdicts, and what they rest on by hand and by sampling."""

from __future__ import annotations

import importlib
import json
import math
from typing import Any

import numpy as np
import pytest
from scipy import special

from simulate import INIT_FLIP, InitFlip, Plan, laws, run
from simulate.activations import NAMES
from simulate.statistics import clopper_pearson
from theorems import Budget, Counterexample, HighProbability, Simulation, Statement
from theorems.latex import plain
from theorems.registry import corrections, statements_of
from theorems.statements.lecture import (
    adversarial_training,
    assumption_one,
    concentration,
    gradient_norm,
    gradient_sign,
    kolmogorov,
    landau,
    one_step,
)

MODULES = (
    "definitions",
    "gradient_sign",
    "distances",
    "gaussian_limit",
    "concentration",
    "landau",
    "assumption_one",
    "one_step",
    "gradient_norm",
    "adversarial_training",
)
STATEMENTS: dict[str, Statement] = {
    one.id: one
    for name in MODULES
    for one in statements_of(importlib.import_module(f"theorems.statements.lecture.{name}"))
}
REFUTED = {
    "001.parameters",
    "001.adversarial.formal-fools",
    "001.adversarial.formal-fools.if-possible",
    "001.adversarial.fooling-is-formal",
    "001.adversarial.unique",
    "001.ascent",
    "001.sign.corner",
    "001.surrogate",
    "001.clt.order-one",
    "001.clt.finite-width",
    "001.chi-square",
    "001.big-o",
    "001.big-o.reflexive",
    "001.big-omega",
    "001.theorem-3.fixed-step",
    "001.theorem-3.adaptive-step",
    "001.theorem-3.adaptive-step.tanh",
    "001.theorem-3.absolute-constants",
    "001.proposition-4",
    "001.proposition-4.every-width",
    "001.risk.empirical.as-set",
    "001.risk.adversarial.any-set",
    "001.danskin",
}
HOLDS = sorted(set(STATEMENTS) - REFUTED)
SAMPLED = {"001.proposition-4.corrected"} | {
    one.id
    for one in STATEMENTS.values()
    if isinstance(one, HighProbability) and isinstance(one.law, Simulation)
}
PATIENT = 60.0
"""A busy machine gets the time that it needs: the work is the same."""


def test_every_statement_is_of_the_document() -> None:
    """The package registers all its statements, each with its place in print, and the false ones are among them."""
    from theorems.statements import MODULES as REGISTERED

    assert [f"lecture.{name}" for name in MODULES] == [
        name for name in REGISTERED if name.startswith("lecture.") and name != "lecture.robust_network"
    ]
    assert len(STATEMENTS) == 77
    assert set(STATEMENTS) >= REFUTED | SAMPLED
    for name, one in STATEMENTS.items():
        assert name.startswith("001.")
        assert one.source.document == "001"
        assert one.source.number
        assert one.title
        assert one.text
        assert one.reading
        assert "\\" not in plain(one.text)


def numbers(value: Any) -> list[float]:
    """All numbers in JSON data."""
    if isinstance(value, dict | list):
        return [
            one for part in (value.values() if isinstance(value, dict) else value) for one in numbers(part)
        ]
    return [float(value)] if isinstance(value, int | float) and not isinstance(value, bool) else []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(REFUTED))
def test_false_statement_has_a_small_counterexample_and_a_correction(name: str) -> None:
    """The search refutes it; the counterexample is short, survives a file, stands again, and something repairs it."""
    statement = STATEMENTS[name]
    verdict = statement.check(Budget(1.0, patience=PATIENT))
    assert verdict.status == "refuted", verdict
    assert verdict.counterexample is not None
    assert len(numbers(dict(verdict.counterexample.instance))) <= 7
    again = Counterexample.from_json(json.loads(json.dumps(verdict.counterexample.to_json())))
    replay = statement.replay(again)
    assert replay.stands
    assert replay.same
    repairs = corrections(STATEMENTS.values())[name]
    assert repairs
    assert all(one.repair is not None and one.id not in REFUTED for one in repairs)


@pytest.mark.slow
@pytest.mark.parametrize("name", HOLDS)
def test_statement_holds_and_its_twin_does_not(name: str) -> None:
    """No counterexample is found; the same search refutes the statement once it is made false."""
    statement = STATEMENTS[name]
    verdict = statement.check(Budget(1.0 if name in SAMPLED else 0.2, patience=5 * PATIENT))
    assert verdict.status == "holds", verdict
    false = statement.twin(verdict).check(Budget(1.0, patience=PATIENT))
    assert false.status == "refuted", false


# --- by hand ----------------------------------------------------------------------------------------


def test_with_three_classes_the_loss_can_prefer_a_harmless_perturbation() -> None:
    """Logits (0, 0.1, −5) fool with loss log 2.11; (0, −0.1, −0.1) are right with loss log 2.81; ℓ is convex."""
    fooled, right = np.array([0.0, 0.1, -5.0]), np.array([0.0, -0.1, -0.1])
    assert fooled.argmax() == 1
    assert right.argmax() == 0
    assert ((fooled + right) / 2).argmax() == 0  # x itself lies between the two
    assert math.log(np.exp(fooled).sum()) < math.log(2.12)
    assert math.log(np.exp(right).sum()) > math.log(2.8)


def test_printed_chi_square_bound_fails_at_one_in_ten_thousand() -> None:
    """At k = 1, γ = 10⁻⁴: 4√log(20000) = 12.588, and P(Z² > 13.588) = erfc(√6.794) = 2.28e-4."""
    threshold = 4 * math.sqrt(math.log(2e4))
    assert 12.587 < threshold < 12.588
    assert 2.27e-4 < math.erfc(math.sqrt((threshold + 1) / 2)) < 2.29e-4
    statement = concentration.CHI_SQUARE_PRINTED
    assert statement.replay(Counterexample(statement.id, statement.kind, {"k": 1, "digits": 4}, 0, 0)).stands
    assert not statement.replay(
        Counterexample(statement.id, statement.kind, {"k": 1, "digits": 3}, 0, 0)
    ).stands


def test_projected_ascent_stays_at_a_local_maximum() -> None:
    """At x = 0.5 the point δ = −1 is fixed although δ = 1 has the larger loss: not only saddles stop the ascent."""
    statement = gradient_sign.ASCENT
    instance = {"x": 0.5, "s": -1.0, "epsilon": 1.0, "eta": 1.0}
    assert statement.replay(Counterexample(statement.id, statement.kind, instance, 0, 0)).stands


def test_printed_omega_is_met_by_everything() -> None:
    """1 = Ω(n) as printed, with C' = −1, and −n = O(1), with C = 1; the corrected definitions refuse both."""
    assert all(-1 * n < 1 and -n < 1 * 1 for n in range(1, 100))
    assert landau._printed_omega(1, 0, 1, 1)
    assert landau._printed_o(-1, 1, 1, 0)
    assert not landau._corrected_omega(1, 0, 1, 1)
    assert not landau._corrected_o(-1, 1, 1, 0)


def test_one_neuron_is_as_far_from_gaussian_as_its_atom() -> None:
    """At k = 1, F(0) = 3/4 for ReLU and for the step, against ½: distance ¼; the identity is Gaussian at any width."""
    assert kolmogorov.two_slopes_distance(1.0, 0.0, 1) == pytest.approx(0.25, abs=1e-15)
    assert kolmogorov.step_distance(1) == pytest.approx(0.25, abs=1e-15)
    assert kolmogorov.two_slopes_distance(1.0, 1.0, 7) < 1e-15
    assert kolmogorov.fourier_distance("identity", 16) < 1e-11


@pytest.mark.parametrize(("activation", "distance"), [("relu", None), ("tanh", "tanh")])
def test_distance_is_that_of_the_next_edgeworth_term(activation: str, distance: str | None) -> None:
    """For large k it is |κ|/(24k) · max |x³ − 3x| φ(x), κ the excess kurtosis of one term: to 2 % at k = 256."""
    x = np.linspace(0, 3, 30_001)
    hump = float(np.max(np.abs(x**3 - 3 * x) * np.exp(-x * x / 2)) / math.sqrt(2 * math.pi))
    kurtosis = laws.gaussian_moment(activation, value_power=4) / laws.second_moment(activation) ** 2 - 3
    measured = (
        kolmogorov.two_slopes_distance(1.0, 0.0, 256)
        if distance is None
        else kolmogorov.fourier_distance(distance, 256)
    )
    assert measured * 256 == pytest.approx(abs(kurtosis) / 24 * hump, rel=0.02)


def test_constants_of_assumption_one() -> None:
    """ReLU (½, ⅓), |x| (1, ⅓), x² (48, 8); quadrature agrees with 2^q (2q)!/q! for x²; the step asks nothing."""
    found = assumption_one.table()
    assert tuple(found) == NAMES
    assert found["relu"] == pytest.approx((0.5, 1 / 3), rel=1e-12)
    assert found["abs"] == pytest.approx((1.0, 1 / 3), rel=1e-12)
    assert found["quadratic"] == pytest.approx((48.0, 8.0), rel=1e-12)
    assert assumption_one.log_moment("step", 2) == -math.inf
    for q in (2, 3, 4):
        by_quadrature = math.log(laws.gaussian_moment("quadratic", derivative_power=2 * q))
        assert assumption_one.log_moment("quadratic", q) == pytest.approx(by_quadrature, rel=1e-11)


@pytest.mark.parametrize(("k", "d"), [(1, 1), (5, 40), (64, 16)])
def test_law_of_the_relu_gradient_has_the_exact_moments(k: int, d: int) -> None:
    """(N/k) χ²_d/d has mean ½ and the variance that the general formula gives; a law with ‖∇f‖² = χ²_d/(2d) has not."""
    n_squared = (k * k + k) / 4
    variance = n_squared / k**2 * (d * d + 2 * d) / d**2 - 0.25
    assert laws.gradient_second_moment("relu", d) == pytest.approx(0.5, rel=1e-12)
    assert laws.gradient_second_moment_variance("relu", k, d) == pytest.approx(variance, rel=1e-10)
    assert laws.gradient_second_moment_variance("relu", k, d) != pytest.approx(0.5 / d, rel=0.01)
    assert gradient_norm.log_below(k, d, 1e9) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("w", [[1.0, -2.0], [0.0, 1.0], [0.0, 0.0]])
def test_derivative_of_the_maximum_is_that_of_differences(w: list[float]) -> None:
    """The closed one-sided derivative agrees with a difference quotient of the maximum over a grid of Δ."""
    x, y, epsilon, h = np.array([0.3, -0.2]), -1, 0.5, np.array([0.7, 0.4])
    grid = np.linspace(-epsilon, epsilon, 21)
    points = np.array([[first, second] for first in grid for second in grid]) + x

    def maximum(weights: np.ndarray) -> float:
        return float(np.logaddexp(0, -y * (points @ weights)).max())

    start, step = np.array(w), 1e-7
    quotient = (maximum(start + step * h) - maximum(start)) / step
    exact = adversarial_training._derivative_of_maximum(start, x, y, epsilon, h)
    assert exact == pytest.approx(quotient, abs=1e-6)
    if not any(w):
        at_no_perturbation = adversarial_training._derivative_of_loss(start, x, y, h)
        assert abs(at_no_perturbation - quotient) > 0.1


# --- by sampling ------------------------------------------------------------------------------------


def misses(parameters: InitFlip, trials: int) -> int:
    """How many of so many networks keep their sign."""
    summary = run(Plan(INIT_FLIP, (parameters,), trials, seed=1), threads=1).cells[0].summary
    return trials - int(summary.counts["flip"][0, 0])


def test_forward_step_on_the_identity_misses_half() -> None:
    """+η∇f with a huge η misses ½ of identity networks and nothing flips more; against the sign none is missed.

    20,000 trials: the 1 − 10⁻⁶ interval has half-width 0.018, and 0.4 is refuted.
    """
    forward = InitFlip(width=3, dim=4, activation="identity", steps=(1e6,), fixed_sign=True)
    low, high = clopper_pearson(misses(forward, 20_000), 20_000, 1 - 1e-6)
    assert 0.4 < low < one_step._IDENTITY_MISSES < high
    assert misses(InitFlip(width=3, dim=4, activation="identity", steps=(1e6,)), 20_000) == 0


def test_hidden_constants_of_theorem_3_are_not_one() -> None:
    """At γ = 0.01, k = log³(1/γ), d = log(k/γ) log(1/γ), sigmoid fails too often; with constants 4 it does not.

    40,000 trials: the 1 − 10⁻⁶ intervals separate both probabilities from 0.01.
    """
    ends = []
    for constant in (1.0, 4.0):
        k = one_step.least_width(constant, 0.01)
        d = one_step.least_dimension(constant, 0.01, k)
        failures = misses(one_step._against("sigmoid", 0.01, k, d), 40_000)
        ends.append(clopper_pearson(failures, 40_000, 1 - 1e-6))
    assert ends[0][0] > 0.01
    assert ends[1][1] < 0.01


def test_positive_activations_cannot_flip_with_one_neuron() -> None:
    """Softplus is positive: with k = 1 no step changes a sign, though log³(1/γ) <= 1 for γ >= 0.37."""
    assert one_step.least_width(1.0, 0.5) == 1
    assert misses(InitFlip(width=1, dim=2, activation="softplus", steps=(3.0, 100.0)), 2_000) == 2_000


def test_dead_ramp_networks_are_as_likely_as_claimed() -> None:
    """For k = ⌈10⁶ log³ 2⌉ and t = 5 all neurons rest with probability e^{−k·2.87e-7} = 0.91, above γ = ½."""
    k = one_step.least_width(1e6, 0.5)
    assert k == math.ceil(1e6 * math.log(2) ** 3)
    assert math.exp(k * special.log_ndtr(5.0)) == pytest.approx(0.909, abs=5e-4)

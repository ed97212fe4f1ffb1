"""Risks, the stochastic-gradient step, and Danskin's formula.

Expectations are over finite laws and finite samples, every outcome of which is enumerated. Danskin's formula is
tried on the binary linear model with logistic loss, where the maximum over the box is known in closed form:
max over |δ_i| <= ε of log(1 + e^{−y w·(x+δ)}) = log(1 + e^{−y w·x + ε‖w‖₁}).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from theorems import Domain, Integers, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.lecture.source import lecture

RISK = lecture("Empirical risk")
ADVERSARIAL_RISK = lecture("Adversarial risk")
SGD = lecture("Stochastic Gradient Descent (SGD)")

# --- risks ------------------------------------------------------------------------------------------


def _mean_over_samples(statistic: Callable[[tuple[int, ...]], Any], weights: Any, n: int) -> Any:
    """E statistic(S) over all samples S of n atoms drawn independently from the law with these weights."""
    shares = weights / np.sum(weights)
    total = 0.0
    for sample in itertools.product(range(len(weights)), repeat=n):
        total = total + np.prod([shares[atom] for atom in sample]) * statistic(sample)
    return total


def _empirical(losses: Any, sample: tuple[int, ...]) -> Any:
    """Mean loss over a sample, an atom as often as it was drawn."""
    return sum(losses[atom] for atom in sample) / len(sample)


def _empirical_of_set(losses: Any, sample: tuple[int, ...]) -> Any:
    """Mean loss over the set of the atoms in a sample, each once."""
    return _empirical(losses, tuple(set(sample)))


_LAWS: dict[str, Any] = {
    "atoms": Integers(2, 3),
    "n": Integers(1, 4),
    "losses": Vector("atoms", Integers(0, 5)),
    "weights": Vector("atoms", Integers(1, 5)),
}
_RISKS = (
    r"The true risk is $R(f_{\mathbf{w}}) = \mathbb{E}_{(\mathbf{x},y) \sim "
    r"\mathcal{D}}[\ell(f_{\mathbf{w}}(\mathbf{x}), y)]$; as a rule only finitely many samples $S = "
    r"(\mathbf{x}_i, y_i)_{i=1}^n$ are known, and the empirical risk takes its place: "
    r"$\hat{R}(f_{\mathbf{w}}) = \frac{1}{|\mathcal{S}|} \sum_{(\mathbf{x}, y) \in \mathcal{S}} "
    r"\ell(f_{\mathbf{w}}(\mathbf{x}), y)$."
)


def _true_risk(losses: Any, weights: Any) -> Any:
    return np.sum(weights * losses) / np.sum(weights)


EMPIRICAL = Universal(
    id="001.risk.empirical",
    title="the empirical risk estimates the true risk without bias",
    text=_RISKS,
    reading="S is a sequence: samples count as often as they were drawn. For every law on finitely many atoms "
    "with the given losses and weights, and every n: E R̂ = R, all samples enumerated. Losses are any numbers, "
    "and so also maxima over Δ(x): the empirical adversarial risk is unbiased too. That R̂ stands for R is what "
    "the slide uses it for; it names no property",
    source=RISK,
    corrects="001.risk.empirical.as-set",
    repair="convention",
    domain=Domain(**_LAWS),
    conclusion=lambda losses, weights, n: Sides.equal(
        1 + _mean_over_samples(lambda sample: _empirical(losses, sample), weights, n),
        1 + _true_risk(losses, weights),
    ),
    made_false=lambda losses, weights, n: Sides.equal(
        1 + _mean_over_samples(lambda sample: _empirical(losses, sample), weights, n), 1 + np.mean(losses)
    ),
)

EMPIRICAL_AS_SET = Universal(
    id="001.risk.empirical.as-set",
    title="the empirical risk over a set of samples estimates the true risk without bias",
    text=_RISKS,
    reading="S is a set, to the letter of `a finite set of samples` and of (x, y) ∈ S: what was drawn twice is in "
    "S once. Else as 001.risk.empirical",
    source=RISK,
    domain=Domain(**_LAWS),
    conclusion=lambda losses, weights, n: Sides.equal(
        1 + _mean_over_samples(lambda sample: _empirical_of_set(losses, sample), weights, n),
        1 + _true_risk(losses, weights),
    ),
)


def _adversarial(w: Any, x: Any, shifts: Any, shares: Any) -> Any:
    """Risk with the worst of the shifts at each point; one-dimensional logistic model, labels 1."""
    worst = m.max(m.log(1 + m.exp(-w * (x[:, None] + shifts[None, :]))), 1)
    return m.sum(shares * worst)


def _risk(w: Any, x: Any, shares: Any) -> Any:
    return m.sum(shares * m.log(1 + m.exp(-w * x)))


_MODEL: dict[str, Any] = {
    "points": Integers(1, 3),
    "size": Integers(1, 3),
    "w": Reals(-3, 3),
    "x": Vector("points", Reals(-3, 3)),
    "shifts": Vector("size", Reals(-3, 3)),
    "weights": Vector("points", Reals(0.1, 1)),
}
_ADVERSARIAL = (
    r"The loss now takes in all of the region $\Delta(\mathbf{x})$ that surrounds a sample: "
    r"$R_{\mathsf{adv}}(f_{\mathbf{w}}) = \mathbb{E}_{(\mathbf{x}, y) \sim \mathcal{D}} \left[\max_{\delta "
    r"\in \Delta(\mathbf{x})} \ell(f_{\mathbf{w}}(\mathbf{x} + \delta), y) \right]$."
)


def _with_zero(shifts: Any) -> Any:
    return m.concatenate([shifts, 0 * shifts[:1]])


ADVERSARIAL = Universal(
    id="001.risk.adversarial",
    title="the adversarial risk is at least the true risk",
    text=_ADVERSARIAL,
    reading="a region around each sample contains it: 0 ∈ Δ(x). Then R <= R_adv, for every one-dimensional "
    "logistic model ℓ = log(1 + e^{−wx}), law on finitely many points and Δ = {shifts, 0}; equality for w = 0. "
    "The slide names no such property",
    source=ADVERSARIAL_RISK,
    corrects="001.risk.adversarial.any-set",
    repair="convention",
    domain=Domain(**_MODEL),
    conclusion=lambda w, x, shifts, weights: Sides(
        _risk(w, x, weights / m.sum(weights)),
        _adversarial(w, x, _with_zero(shifts), weights / m.sum(weights)),
    ),
)

ADVERSARIAL_ANY_SET = Universal(
    id="001.risk.adversarial.any-set",
    title="the adversarial risk is at least the true risk, for any Δ(x)",
    text=_ADVERSARIAL,
    reading="Δ(x) is any finite set, as nothing more is said of it; else as 001.risk.adversarial",
    source=ADVERSARIAL_RISK,
    domain=Domain(**_MODEL),
    conclusion=lambda w, x, shifts, weights: Sides(
        _risk(w, x, weights / m.sum(weights)), _adversarial(w, x, shifts, weights / m.sum(weights))
    ),
)

# --- the step ---------------------------------------------------------------------------------------

SGD_STEP = Universal(
    id="001.sgd",
    title="the mini-batch step is a gradient step on the empirical adversarial risk in the mean",
    text=r"$\mathbf{w}_{k+1} = \mathbf{w}_k - \frac{\eta}{|\mathcal{B}|} \sum_{(\mathbf{x}, y) \sim \mathcal{B}} "
    r"\nabla_{\mathbf{w}} \max_{\delta \in \Delta(\mathbf{x})} \ell(f_{\mathbf{w}}(\mathbf{x} + \delta), y)$ "
    r"where $\eta > 0$ is a chosen step-size and $\mathcal{B} \subseteq \mathcal{S}$ is a mini-batch.",
    reading="(x, y) ~ B is read as (x, y) ∈ B, and stochastic as: B is a uniformly random subset of the given "
    "size. For every n, size and gradients of the n samples, the mean step over all subsets is η times the mean "
    "gradient",
    source=SGD,
    domain=Domain(
        n=Integers(1, 6),
        size=Integers(1, "n"),
        eta=Reals(0.01, 10),
        gradients=Vector("n", Reals(-10, 10)),
    ),
    conclusion=lambda n, size, eta, gradients: Sides.equal(
        1000
        + eta
        * np.mean([np.mean(gradients[list(batch)]) for batch in itertools.combinations(range(n), size)]),
        1000 + eta * np.mean(gradients),
    ),
    made_false=lambda n, size, eta, gradients: Sides.equal(  # batches of neighbours only
        1000 + eta * np.mean([np.mean(gradients[i : i + size]) for i in range(n - size + 1)]),
        1000 + eta * np.mean(gradients),
    ),
)

# --- Danskin ----------------------------------------------------------------------------------------


def _slope_of_loss(margin: Any) -> Any:
    """Derivative of log(1 + e^{−margin})."""
    return -1 / (1 + m.exp(margin))


def _derivative_of_maximum(w: Any, x: Any, y: Any, epsilon: Any, h: Any) -> Any:
    """One-sided derivative along h of w ↦ log(1 + e^{−(y w·x − ε‖w‖₁)}), from that of the norm."""
    of_norm = m.sum(m.where(w == 0, m.abs(h), m.sign(w) * h))
    return _slope_of_loss(y * (w @ x) - epsilon * m.norm(w, 1)) * (y * (x @ h) - epsilon * of_norm)


def _derivative_of_loss(w: Any, point: Any, y: Any, h: Any) -> Any:
    """⟨∇_w log(1 + e^{−y w·point}), h⟩."""
    return _slope_of_loss(y * (w @ point)) * y * (point @ h)


def _maximiser(w: Any, y: Any, epsilon: Any, free: Any) -> Any:
    """δ* = −yε sign(w), and any number of [−ε, ε] where w_i = 0."""
    return epsilon * m.where(w == 0, free, -y * m.sign(w))


_LINEAR: dict[str, Any] = {
    "d": Integers(1, 2),
    "y": OneOf(1, -1),
    "epsilon": Reals(0.01, 1),
    "w": Vector("d", Reals(-3, 3)),
    "x": Vector("d", Reals(-3, 3)),
    "h": Vector("d", Reals(-1, 1)),
    "free": Vector("d", Reals(-1, 1)),
}
_LOGISTIC = (
    "Binary linear model with logistic loss, Δ = [−ε, ε]^d. δ* is any maximiser: its entries are −yε sign(w_i), "
    "and ε·free_i where w_i = 0; the derivative of the maximum along h is one-sided"
)


def _danskin(w: Any, x: Any, y: Any, epsilon: Any, h: Any, free: Any) -> Sides:
    return Sides.equal(
        10 + _derivative_of_maximum(w, x, y, epsilon, h),
        10 + _derivative_of_loss(w, x + _maximiser(w, y, epsilon, free), y, h),
    )


DANSKIN = Universal(
    id="001.danskin",
    title="the gradient of the maximum is the gradient at a maximiser",
    text=r"By Danskin's theorem: $\nabla_{\mathbf{w}} \max_{\delta \in \Delta(\mathbf{x})} "
    r"\ell(f_{\mathbf{w}}(\mathbf{x} + \delta), y) = \nabla_{\mathbf{w}} \ell(f_{\mathbf{w}}(\mathbf{x} + "
    r"\delta^*), y)$.",
    reading=f"for all w, x, y, ε, directions h and maximisers δ*: the derivative along h is that of the loss at "
    f"δ*. {_LOGISTIC}",
    source=SGD,
    domain=Domain(**_LINEAR),
    conclusion=_danskin,
)

DANSKIN_CORRECTED = Universal(
    id="001.danskin.corrected",
    title="the gradient of the maximum is the gradient at the maximiser, if there is but one",
    text=DANSKIN.text
    + r" Hypotheses: $\Delta(\mathbf{x})$ is compact, $\ell(f_{\mathbf{w}}(\mathbf{x} + \delta), y)$ and "
    r"its gradient in $\mathbf{w}$ are continuous in $(\mathbf{w}, \delta)$, and the maximiser $\delta^*$ is unique.",
    reading=f"{_LOGISTIC}. The maximiser is unique if no w_i is 0",
    source=SGD,
    corrects="001.danskin",
    repair="missing hypothesis",
    domain=Domain(where={"no entry of w is 0": lambda w: bool(np.all(w != 0))}, **_LINEAR),
    conclusion=_danskin,
    made_false=lambda w, x, y, epsilon, h: Sides.equal(  # at δ = 0
        10 + _derivative_of_maximum(w, x, y, epsilon, h), 10 + _derivative_of_loss(w, x, y, h)
    ),
)


def _largest_derivative(w: Any, x: Any, y: Any, epsilon: Any, h: Any) -> Any:
    """Maximum over the vertices of the set of maximisers of the derivative of the loss along h."""
    vertices = itertools.product((-1.0, 1.0), repeat=len(w))
    return max(
        _derivative_of_loss(w, x + _maximiser(w, y, epsilon, np.array(free)), y, h) for free in vertices
    )


DANSKIN_DIRECTIONAL = Universal(
    id="001.danskin.directional",
    title="the one-sided derivative of the maximum is the largest over all maximisers",
    text=r"Danskin's theorem in full: for compact $\Delta$ and every direction $h$, the one-sided derivative of "
    r"$\max_{\delta \in \Delta} \ell(f_{\mathbf{w}}(\mathbf{x} + \delta), y)$ along $h$ is $\max_{\delta^*} "
    r"\langle \nabla_{\mathbf{w}} \ell(f_{\mathbf{w}}(\mathbf{x} + \delta^*), y), h \rangle$ over all maximisers "
    r"$\delta^*$.",
    reading=f"{_LOGISTIC}. Entries of w may be 0",
    source=SGD,
    corrects="001.danskin",
    repair="missing hypothesis",
    domain=Domain(**{name: place for name, place in _LINEAR.items() if name != "free"}),
    conclusion=lambda w, x, y, epsilon, h: Sides.equal(
        10 + _derivative_of_maximum(w, x, y, epsilon, h), 10 + _largest_derivative(w, x, y, epsilon, h)
    ),
    made_false=lambda w, x, y, epsilon, h: Sides.equal(  # at one maximiser
        10 + _derivative_of_maximum(w, x, y, epsilon, h),
        10 + _derivative_of_loss(w, x + _maximiser(w, y, epsilon, w * 0 + 1), y, h),
    ),
)

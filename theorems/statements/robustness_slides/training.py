"""Danskin's theorem, and the steps of adversarial training, on linear models as in `risks`."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from theorems import Domain, Integers, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.robustness_slides.linear import logistic
from theorems.statements.robustness_slides.risks import DATA, SEPARATOR, robust_slope, slope_of_loss
from theorems.statements.robustness_slides.source import slide
from theorems.statements.tools import equal_terms

_SMALL = Integers(-3, 3)
_SIGN = OneOf(1, -1)

# --- Danskin ----------------------------------------------------------------------------------------

_DANSKIN_SLIDE = slide("Adversarial training with Adversarial examples")
_ONE: dict[str, Any] = {
    "n": Integers(1, 2),
    "y": _SIGN,
    "epsilon": OneOf(0.5, 1.0, 2.0),
    "w": Vector("n", _SMALL),
    "x": Vector("n", _SMALL),
    "h": Vector("n", _SMALL),
    "free": Vector("n", Integers(-1, 1)),
}
_DANSKIN = (
    r"$\nabla_{\theta} \max_{\|\delta\| \leq \epsilon} \ell(h_{\theta}(x + \delta), y) = \nabla_{\theta} "
    r"\ell(h_{\theta}(x + \delta^*(x)), y)$, $\delta^*(x) = \operatorname{argmax}_{\|\delta\| \leq \epsilon} "
    r"\ell(h_{\theta}(x + \delta), y)$."
)
_MODEL = (
    "for linear models h = wᵀx with logistic loss, ‖δ‖∞ <= ε, and every maximiser δ*: its entries are −yε·sign(w_i), "
    "and any number in [−ε, ε] where w_i = 0; "
)


def _worst(w: Any, y: int, epsilon: Any, free: Any) -> Any:
    return epsilon * m.where(w == 0, free, -y * m.sign(w))


def _slope_of_maximum(w: Any, x: Any, y: int, epsilon: Any, h: Any) -> Any:
    """One-sided derivative of the largest loss along h."""
    of_norm = m.sum(m.where(w == 0, m.abs(h), m.sign(w) * h))
    return slope_of_loss(y * m.sum(w * x) - epsilon * m.norm(w, 1)) * (y * m.sum(x * h) - epsilon * of_norm)


def _slope_at(w: Any, x: Any, y: int, delta: Any, h: Any) -> Any:
    """Derivative along h of the loss at x + δ, δ held fixed."""
    return slope_of_loss(y * m.sum(w * (x + delta))) * y * m.sum((x + delta) * h)


danskin = Universal(
    id="002.danskin",
    title="the gradient of the maximum is the gradient at a maximiser",
    text=_DANSKIN,
    reading=_MODEL
    + "along every direction h, from one side, the derivative of the maximum is that of the loss at δ*",
    source=_DANSKIN_SLIDE,
    domain=Domain(**_ONE),
    conclusion=lambda w, x, y, epsilon, h, free: equal_terms(
        _slope_of_maximum(w, x, y, epsilon, h), _slope_at(w, x, y, _worst(w, y, epsilon, free), h), 10
    ),
)

danskin_unique = Universal(
    id="002.danskin.unique",
    title="the gradient of the maximum is the gradient at the only maximiser",
    text=_DANSKIN.removesuffix(".") + r", where $\delta^*(x)$ is the only maximiser.",
    reading=_MODEL
    + "for w without an entry 0, and so one maximiser: along every direction h the derivatives agree",
    source=_DANSKIN_SLIDE,
    corrects="002.danskin",
    repair="missing hypothesis",
    domain=Domain(**_ONE, where={"no entry of w is 0": lambda w: m.all(w != 0)}),
    conclusion=danskin.conclusion,
    made_false=lambda w, x, y, epsilon, h: equal_terms(  # at δ = 0
        _slope_of_maximum(w, x, y, epsilon, h), _slope_at(w, x, y, 0 * w, h), 10
    ),
)

danskin_subgradient = Universal(
    id="002.danskin-subgradient",
    title="a gradient at a maximiser is a subgradient of the maximum",
    text="A (sub)gradient of a function that contains a maximum: find the maximum, and take the ordinary gradient at "
    "that point.",
    reading=_MODEL
    + "max ℓ at w + h is at least max ℓ at w plus ⟨∇ℓ(w, x + δ*), h⟩: the gradient at any maximiser is a subgradient "
    "of the maximum, which is convex in w. 10 is added to both sides",
    source=_DANSKIN_SLIDE,
    corrects="002.danskin",
    repair="convention",
    domain=Domain(**_ONE),
    conclusion=lambda w, x, y, epsilon, h, free: Sides(
        10
        + logistic(y * m.sum(w * x) - epsilon * m.norm(w, 1))
        + _slope_at(w, x, y, _worst(w, y, epsilon, free), h),
        10 + logistic(y * m.sum((w + h) * x) - epsilon * m.norm(w + h, 1)),
    ),
)

# --- the step of adversarial training ---------------------------------------------------------------

_ALGORITHM = slide("Clean training next to adversarial training")
_LISTING = (
    r"For each minibatch $B$, with $g := 0$ at first: for each $(x, y)$ in $B$ an attack perturbation $\delta^*$ is "
    r"found by "
    r"(approximately) optimizing $\delta^* = \underset{\|\delta\| \leq \epsilon}{\operatorname{argmax}} "
    r"\ell(h_\theta(x + "
    r"\delta), y)$, and $g := g + \nabla_\theta \ell(h_\theta(x + \delta^*), y)$; then $\theta := \theta - "
    r"\frac{\alpha}{|B|} g$."
)


def _listed(w: Any, b: Any, x: Any, y: Any, epsilon: float, v: Any, c: Any, share: float) -> Any:
    """−g/|B| along (v, c), δ* found among all vertices of the ball and then taken at a share."""
    total = 0
    for point, sign in zip(x, y, strict=True):
        corners = [epsilon * np.array(one) for one in itertools.product((-1.0, 1.0), repeat=len(w))]
        delta = share * min(corners, key=lambda one: float(sign * m.sum(w * (point + one))))
        total = total + slope_of_loss(sign * (m.sum(w * (point + delta)) + b)) * sign * (
            m.sum((point + delta) * v) + c
        )
    return -total / len(x)


_NO_ZERO = {"no entry of w is 0": lambda w: m.all(w != 0)}

adversarial_training = Universal(
    id="002.adversarial-training",
    title="the step of adversarial training is a gradient step on the adversarial risk",
    text=_LISTING,
    reading=DATA
    + "for w without an entry 0 and δ* found among the 2^n vertices of the ball, the step over α, along every (v, "
    "c), is minus the derivative of the mean robust loss of the batch, from its closed form",
    source=_ALGORITHM,
    domain=Domain(**SEPARATOR, where=_NO_ZERO),
    conclusion=lambda w, b, x, y, epsilon, v, c: equal_terms(
        _listed(w, b, x, y, epsilon, v, c, 1.0), -robust_slope(w, b, x, y, epsilon, v, c), 30
    ),
    made_false=lambda w, b, x, y, epsilon, v, c: equal_terms(  # at half of δ*
        _listed(w, b, x, y, epsilon, v, c, 0.5), -robust_slope(w, b, x, y, epsilon, v, c), 30
    ),
)

_STEP: dict[str, Any] = {name: one for name, one in _ONE.items() if name not in ("h", "free")}


def _progress(w: Any, x: Any, y: int, epsilon: Any, share: Any) -> Any:
    """Slope of the largest loss along the step −∇ℓ(w, x + share·δ*)."""
    delta = share * _worst(w, y, epsilon, 0 * w)
    gradient = slope_of_loss(y * m.sum(w * (x + delta))) * y * (x + delta)
    return _slope_of_maximum(w, x, y, epsilon, -gradient)


adversarial_step = Universal(
    id="002.adversarial-step",
    title="a step at an approximate maximiser does not raise the largest loss",
    text=_LISTING,
    reading=_MODEL.replace("every maximiser", "the maximiser")
    + "for w without an entry 0 and an approximate maximiser sδ*, 0 <= s <= 1: the derivative of the largest loss "
    "along the step −∇ℓ(w, x + sδ*) is not positive",
    source=_ALGORITHM,
    domain=Domain(**_STEP, share=Reals(0, 1), where=_NO_ZERO),
    conclusion=lambda w, x, y, epsilon, share: Sides(_progress(w, x, y, epsilon, share), 0),
)

adversarial_step_corrected = Universal(
    id="002.adversarial-step.corrected",
    title="a step at the maximiser does not raise the largest loss",
    text="With the exact maximiser $\\delta^*$ a small step lowers the largest loss, wherever its gradient is not 0.",
    reading=_MODEL.replace("every maximiser", "the maximiser")
    + "for w without an entry 0: the derivative of the largest loss along −∇ℓ(w, x + δ*) is minus the squared norm "
    "of this gradient",
    source=_ALGORITHM,
    corrects="002.adversarial-step",
    repair="missing hypothesis",
    domain=Domain(**_STEP, where=_NO_ZERO),
    conclusion=lambda w, x, y, epsilon: equal_terms(
        _progress(w, x, y, epsilon, 1),
        -_squared_gradient(w, x, y, epsilon),
        1,
    ),
)


def _squared_gradient(w: Any, x: Any, y: int, epsilon: Any) -> Any:
    worst = x + _worst(w, y, epsilon, 0 * w)
    slope = slope_of_loss(y * m.sum(w * worst))
    return slope * slope * m.sum(worst * worst)

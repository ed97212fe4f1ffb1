"""FGSM on linear models and on small ReLU networks: where its step ends, and what is stronger.

Networks have one output f, label 1, and the loss L(f) = log(1 + e^{−f}). Whole entries keep pre-activations exact. At a
kink the derivative is taken from below, as ReLU's usual derivative at 0 is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from theorems import Domain, Integers, Matrix, OneOf, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.robustness_slides.linear import logistic
from theorems.statements.robustness_slides.source import slide

FGSM = slide("The Fast Gradient Sign Method (FGSM)")
_SMALL = Integers(-3, 3)


def clip(z: Any, epsilon: Any) -> Any:
    """Entries moved into [−ε, ε]."""
    return m.minimum(m.maximum(z, -epsilon), epsilon)


_NETWORKS: dict[str, Any] = {
    "n": Integers(1, 2),
    "k": Integers(1, 3),
    "v": Vector("k", _SMALL),
    "W": Matrix("k", "n", _SMALL),
    "b": Vector("k", _SMALL),
    "x": Vector("n", _SMALL),
}
_FOR_NETWORKS = (
    "for all networks f(x) = v·ReLU(Wx + b) with up to three units, two inputs and whole entries, label 1, "
)
_FOR_LINEAR = "for all linear f(x) = w·x + b with whole entries, label 1, "
_LINEAR: dict[str, Any] = {
    "n": Integers(1, 3),
    "w": Vector("n", _SMALL),
    "b": _SMALL,
    "x": Vector("n", _SMALL),
    "epsilon": Integers(1, 3),
}

# --- FGSM -------------------------------------------------------------------------------------------


def _gradients(v: Any, W: Any, b: Any, x: Any, at: float) -> Sides:
    """Largest difference of torch's gradients: with respect to δ at δ = (at, …, at), and with respect to x."""
    outer, weight, bias = torch.tensor(v), torch.tensor(W), torch.tensor(b)

    def gradient(point: torch.Tensor, of: torch.Tensor) -> torch.Tensor:
        loss = torch.nn.functional.softplus(-(outer * torch.relu(weight @ point + bias)).sum())
        return torch.autograd.grad(loss, of)[0]

    inputs = torch.tensor(x, requires_grad=True)
    delta = torch.full_like(inputs, at, requires_grad=True)
    difference = gradient(inputs.detach() + delta, delta) - gradient(inputs, inputs)
    return Sides(float(difference.abs().max()), 0)


gradient_at_zero = Universal(
    id="002.gradient-at-zero",
    title="the gradient with respect to the perturbation is that with respect to the input",
    text=r"At $\delta=0$ the gradient $g := \nabla_{\delta} \ell(h_{\theta}(x + \delta), y)$ is the same as $\nabla_x "
    r"\ell(h_{\theta}(x), y)$.",
    reading=_FOR_NETWORKS + "kinks included: torch computes the same numbers, bit for bit",
    source=FGSM,
    domain=Domain(**_NETWORKS),
    conclusion=lambda v, W, b, x: _gradients(v, W, b, x, 0.0),
    made_false=lambda v, W, b, x: _gradients(v, W, b, x, 1.0),
    rounding=0.0,
)


corner = Universal(
    id="002.fgsm-corner",
    title="FGSM ends at a vertex of the ball",
    text=r"Once $\alpha$ is large enough, how the entries of $g$ compare in size no longer matters: each $\delta_i$ "
    r"is $+\epsilon$ or $-\epsilon$, by the sign of $g_i$; $\delta := \epsilon \cdot \mathrm{sign}(g)$.",
    reading="for all n, gradients g with whole entries and ε: every |δ_i| of δ = ε·sign(g) is ε. sign 0 = 0, as "
    "torch has it",
    source=FGSM,
    domain=Domain(n=Integers(1, 5), g=Vector("n", _SMALL), epsilon=Integers(1, 9)),
    conclusion=lambda g, epsilon: Sides(epsilon, m.min(m.abs(epsilon * m.sign(g)))),
)

corner_corrected = Universal(
    id="002.fgsm-corner.corrected",
    title="FGSM ends at a vertex of the ball where no entry of the gradient is 0",
    text=r"$\delta := \epsilon \cdot \mathrm{sign}(g)$ is a vertex of the ball if no $g_i$ is 0; where $g_i = 0$, "
    r"$\delta_i$ stays 0.",
    reading="for all n, gradients g with whole entries other than 0 and ε: every |δ_i| of δ = ε·sign(g) is ε",
    source=FGSM,
    corrects="002.fgsm-corner",
    repair="missing hypothesis",
    domain=Domain(
        n=Integers(1, 5),
        g=Vector("n", _SMALL),
        epsilon=Integers(1, 9),
        where={"no entry of g is 0": lambda g: m.all(g != 0)},
    ),
    conclusion=corner.conclusion,
)

_STEPS: dict[str, Any] = {"less": OneOf(1.0, 0.5, 4.0), "more": OneOf(16.0, 8.0, 64.0)}

_BENT: dict[str, Any] = {"a": _SMALL, "v": Vector(2, Integers(-4, 4)), "c": Vector(2, Integers(0, 4))}
"""A network of one input, three units and its kinks: margin as + Σ v_i ReLU(s − c_i/2)."""


def _bent_loss(a: Any, v: Any, c: Any, s: Any) -> Any:
    return logistic(a * s + m.sum(v * m.relu(s - c / 2)))


def _bent_uphill(a: Any, v: Any, c: Any, s: Any) -> Any:
    """Derivative of the loss, at a kink from below."""
    slope = a + m.sum(v * m.where(s > c / 2, 1.0, 0.0))
    return -slope / (1 + m.exp(a * s + m.sum(v * m.relu(s - c / 2))))


larger_steps = Universal(
    id="002.fgsm-larger-steps",
    title="a larger clipped step increases the loss more",
    text=r"The loss is increased the most by the largest possible step, that is, by $\alpha$ very large: $\delta := "
    r"\mathrm{clip}(\alpha g, [-\epsilon, \epsilon])$.",
    reading="for all networks of one input with margin as + v_1 ReLU(s − c_1) + v_2 ReLU(s − c_2), kinks c_i in "
    "halves from 0 to 2, at s = 0, gradient g of the loss and ε = 2: the loss at clip(α'g) is at least the loss at "
    "clip(αg), for α <= 4 and α' >= 8",
    source=FGSM,
    domain=Domain(**_BENT, **_STEPS),
    conclusion=lambda a, v, c, less, more: Sides(
        _bent_loss(a, v, c, _clipped_step(a, v, c, less)), _bent_loss(a, v, c, _clipped_step(a, v, c, more))
    ),
)


def _clipped_step(a: Any, v: Any, c: Any, alpha: Any) -> Any:
    return clip(alpha * _bent_uphill(a, v, c, 0 * a), 2)


def _linear_loss(w: Any, b: Any, x: Any) -> Any:
    return logistic(m.sum(w * x) + b)


def _linear_uphill(w: Any, b: Any, x: Any) -> Any:
    return -w / (1 + m.exp(m.sum(w * x) + b))


larger_steps_corrected = Universal(
    id="002.fgsm-larger-steps.corrected",
    title="a larger clipped step increases the loss of a linear model more",
    text=r"The loss is increased the most by the largest possible step, that is, by $\alpha$ very large: $\delta := "
    r"\mathrm{clip}(\alpha g, [-\epsilon, \epsilon])$, for a linear binary classification model.",
    reading=_FOR_LINEAR + "gradients g of the loss, ε = 1, 2, 3, α <= 4 and α' >= 8: as before",
    source=FGSM,
    corrects="002.fgsm-larger-steps",
    repair="missing hypothesis",
    domain=Domain(**_LINEAR, **_STEPS),
    conclusion=lambda w, b, x, epsilon, less, more: Sides(
        _linear_loss(w, b, x + clip(less * _linear_uphill(w, b, x), epsilon)),
        _linear_loss(w, b, x + clip(more * _linear_uphill(w, b, x), epsilon)),
    ),
)

fgsm_optimal = Universal(
    id="002.fgsm-optimal",
    title="FGSM is the optimal attack on a linear binary classifier",
    text=r"On a linear binary classification model FGSM is the exactly optimal attack in the $\ell_\infty$ norm.",
    reading=_FOR_LINEAR
    + "ε = 1, 2, 3 and every δ in the ball, in quarters of ε: the loss at x + δ is at most that at x + ε·sign(g), g "
    "the gradient of the loss in exact arithmetic. In floating point g is 0 where the loss is below 10⁻³²⁴, and FGSM "
    "does nothing there",
    source=FGSM,
    domain=Domain(**_LINEAR, z=Vector("n", Integers(-4, 4))),
    conclusion=lambda w, b, x, epsilon, z: Sides(
        _linear_loss(w, b, x + epsilon * z / 4),
        _linear_loss(w, b, x + epsilon * m.sign(_linear_uphill(w, b, x))),
    ),
)

_ATTACKS = slide("Other Attacks")

one_step = Universal(
    id="002.fgsm-one-step",
    title="FGSM is one step of PGD with α = ε",
    text=r"FGSM is nothing but one PGD step of size $\alpha=\epsilon$.",
    reading="PGD as it is displayed, δ := P(δ + α∇_δ ℓ), from δ = 0 with P the clipping. For all n, gradients g in "
    "halves and ε: clip(εg) = ε·sign(g). Both sides of the largest difference",
    source=_ATTACKS,
    domain=Domain(n=Integers(1, 4), g=Vector("n", Integers(-4, 4)), epsilon=Integers(1, 3)),
    conclusion=lambda g, epsilon: Sides(
        m.max(m.abs(clip(epsilon * g / 2, epsilon) - epsilon * m.sign(g))), 0
    ),
)

one_step_corrected = Universal(
    id="002.fgsm-one-step.corrected",
    title="FGSM is one step of normalized steepest descent with α = ε",
    text=r"FGSM is one step of $\delta := \mathcal{P}(\delta + \operatorname{argmax}_{\|v\|_\infty \leq \alpha} v^T "
    r"\nabla_\delta \ell(h_\theta(x + \delta), y))$ with a step size of $\alpha=\epsilon$.",
    reading="from δ = 0. For all n, gradients g in halves and ε: clip(v) = ε·sign(g) for v = ε·sign(g), which "
    "reaches the largest vᵀg, ε‖g‖₁, that 002.steepest-linf claims for it. Left side: the larger of the two "
    "differences",
    source=_ATTACKS,
    corrects="002.fgsm-one-step",
    repair="convention",
    domain=one_step.domain,
    conclusion=lambda g, epsilon: _normalized(g / 2, epsilon, 1.0),
    made_false=lambda g, epsilon: _normalized(g / 2, epsilon, 0.5),
)


def _normalized(g: Any, epsilon: Any, share: float) -> Sides:
    """One step of a share of ε: how far from FGSM it ends, and how much of the largest vᵀg it misses."""
    step = share * epsilon * m.sign(g)
    missed = share * epsilon * m.norm(g, 1) - m.sum(step * g)
    return Sides(m.maximum(m.max(m.abs(clip(step, epsilon) - epsilon * m.sign(g))), missed), 0)


Curve = Callable[[Any], Any]


def _against_one_step(loss: Curve, uphill: Curve, start: Any) -> Sides:
    """The loss after one step 2·sign(g), and the largest after six steps sign(g) that are clipped to ‖δ‖∞ <= 2."""
    delta, best = 0 * start, loss(start)
    for _ in range(6):
        delta = clip(delta + m.sign(uphill(start + delta)), 2)
        best = m.maximum(best, loss(start + delta))
    return Sides(loss(start + 2 * m.sign(uphill(start))), best)


stronger = Universal(
    id="002.pgd-stronger",
    title="projected gradient descent is at least as strong as one step",
    text="For a stronger attack one would likely turn to methods that maximize the loss better than one projected "
    "gradient step does.",
    reading="for all networks of one input with margin as + v_1 ReLU(s − c_1) + v_2 ReLU(s − c_2), kinks c_i in "
    "halves from 0 to 2, at s = 0, and ε = 2: the loss after one step ε·sign(g) is at most the largest of six steps "
    "ε/2·sign(g)",
    source=FGSM,
    domain=Domain(**_BENT),
    conclusion=lambda a, v, c: _against_one_step(
        lambda s: _bent_loss(a, v, c, s), lambda s: _bent_uphill(a, v, c, s), 0 * v[0]
    ),
)

stronger_corrected = Universal(
    id="002.pgd-stronger.corrected",
    title="projected gradient descent is at least as strong as one step on a linear model",
    text="Methods of several steps lose nothing against a single one where the model is linear.",
    reading=_FOR_LINEAR
    + "and ε = 2: as before. A method that has the single step among its starts loses nothing on any network",
    source=FGSM,
    corrects="002.pgd-stronger",
    repair="missing hypothesis",
    domain=Domain(**{name: one for name, one in _LINEAR.items() if name != "epsilon"}),
    conclusion=lambda w, b, x: _against_one_step(
        lambda point: _linear_loss(w, b, point), lambda point: _linear_uphill(w, b, point), x
    ),
)

"""Steps of an attack: steepest descent, projections, FGSM; and how large a ball is."""

from __future__ import annotations

import math
from typing import Any

from theorems import (
    Domain,
    ExactMeasure,
    Existence,
    Integers,
    OneOf,
    Reals,
    Scaling,
    Sides,
    Universal,
    Vector,
)
from theorems import maths as m
from theorems.statements.robustness_slides.linear import logistic
from theorems.statements.robustness_slides.source import slide

STEEPEST = slide("Steepest Descent")
OTHER_NORMS = slide("Non-ℓ∞ norms")
_NOT_ZERO = {"the gradient is not 0": lambda g: m.norm(g) > 0}


def _into_ball(z: Any, p: float, radius: Any) -> Any:
    return radius * (z / m.maximum(m.norm(z, p), 1))


_BALL: dict[str, Any] = {"alpha": Reals(0, open=(True, False)), "g": Vector("n"), "z": Vector("n")}

steepest_l2 = Universal(
    id="002.steepest-l2",
    title="steepest direction in the ℓ2 norm",
    text=r"$\operatorname{argmax}_{\|v\|_2 \leq \alpha} v^T \nabla_z f(z) = "
    r"\alpha \frac{\nabla_z f(z)}{\|\nabla_z f(z)\|_2}$.",
    reading="for all n, gradients g ∈ R^n not 0, α > 0 and ‖v‖₂ <= α, written as v = αz/max(1, ‖z‖₂): "
    "vᵀg <= (αg/‖g‖₂)ᵀg. The formula is undefined for g = 0",
    source=STEEPEST,
    domain=Domain(n=Integers(1, 6), **_BALL, where=_NOT_ZERO),
    conclusion=lambda alpha, g, z: Sides(
        m.sum(_into_ball(z, 2, alpha) * g), m.sum(alpha * (g / m.norm(g)) * g)
    ),
)

steepest_linf = Universal(
    id="002.steepest-linf",
    title="steepest direction in the ℓ∞ norm",
    text=r"$\operatorname{argmax}_{\|v\|_\infty \leq \alpha} v^T \nabla_z f(z) = "
    r"\alpha \cdot \operatorname{sign}(\nabla_z f(z))$.",
    reading="for all n, gradients g ∈ R^n, α > 0 and ‖v‖∞ <= α, written as v = αz/max(1, ‖z‖∞): "
    "vᵀg <= (α·sign(g))ᵀg, with sign 0 = 0. Where g has zeros there are other maximisers too",
    source=STEEPEST,
    domain=Domain(n=Integers(1, 6), **_BALL),
    conclusion=lambda alpha, g, z: Sides(
        m.sum(_into_ball(z, m.inf, alpha) * g), m.sum(alpha * m.sign(g) * g)
    ),
)


def project(z: Any, epsilon: Any) -> Any:
    """P_ε(z) = εz/max{ε, ‖z‖₂}."""
    return epsilon * (z / m.maximum(epsilon, m.norm(z)))


projection = Universal(
    id="002.projection",
    title="projection onto the ℓ2 ball",
    text=r"To project onto the $\ell_2$ ball with radius $\epsilon$, $\delta$ is normalized to $\ell_2$ "
    r"norm $\epsilon$ whenever its norm exceeds $\epsilon$: $\mathcal{P}_\epsilon(z) = \epsilon "
    r"\frac{z}{\max\{\epsilon, \|z\|_2\}}$.",
    reading="for all n, z ∈ R^n, ε > 0 and ‖v‖₂ <= ε, written as v = εu/max(1, ‖u‖₂): "
    "‖z − P_ε(z)‖₂ <= ‖z − v‖₂, and ‖P_ε(z)‖₂ <= ε, which are compared together: the left side is multiplied by "
    "max(1, ‖P_ε(z)‖₂/ε)",
    source=OTHER_NORMS,
    domain=Domain(n=Integers(1, 6), epsilon=Reals(1e-3, 1e3), z=Vector("n"), u=Vector("n")),
    conclusion=lambda epsilon, z, u: Sides(
        m.norm(z - project(z, epsilon)) * m.maximum(1, m.norm(project(z, epsilon)) / epsilon),
        m.norm(z - _into_ball(u, 2, epsilon)),
    ),
)

fgsm_large_step = Existence(
    id="002.fgsm-large-step",
    title="a clipped gradient step is a sign step for α large enough",
    text=r"$\delta := \mathrm{clip}(\alpha g, [-\epsilon, \epsilon])$. For $\alpha$ large enough, the "
    r"entries of $g$ count by their signs alone, not by their relative sizes: $\delta_i$ becomes either "
    r"$+\epsilon$ or $-\epsilon$, as the sign of $g_i$ is: $\delta := \epsilon \cdot \mathrm{sign}(g)$.",
    reading="for all n, g ∈ R^n, ε > 0 and factors c >= 1 there is α0 such that for α = c·α0: "
    "clip(αg, [−ε, ε]) = ε·sign(g), where entries g_i = 0 stay 0 on both sides. α0 = 2ε/min{|g_i| : g_i ≠ 0}",
    source=slide("The Fast Gradient Sign Method (FGSM)"),
    domain=Domain(
        n=Integers(1, 6),
        g=Vector("n", Reals(-100, 100)),
        epsilon=Reals(1e-3, 1e3),
        c=Reals(1, 1e6),
        where={"no entry is too small for float64": lambda g: m.all((g == 0) | (m.abs(g) > 1e-200))},
    ),
    construction=lambda g, epsilon: 2 * epsilon / m.min(m.where(g == 0, 1.0, m.abs(g))),
    conclusion=lambda witness, g, epsilon, c: Sides.true(_is_sign_step(c * witness, g, epsilon)),
    made_false=lambda g, epsilon, c: Sides.true(_is_sign_step(c / 2, g, epsilon)),  # one α for all g
)


def _is_sign_step(alpha: Any, g: Any, epsilon: Any) -> bool:
    clipped = m.minimum(m.maximum(alpha * g, -epsilon), epsilon)
    return m.all(clipped == epsilon * m.sign(g))


# --- one step of the ℓ2 attack ----------------------------------------------------------------------

_STEP = Domain(
    n=Integers(1, 4),
    w=Vector("n", Reals(-3, 3)),
    x=Vector("n", Reals(-3, 3)),
    y=OneOf(1, -1),
    epsilon=Reals(0.01, 3),
    u=Vector("n", Reals(-2, 2)),
    alpha=Reals(0.01, 3),
    where={"w is not small": lambda w: m.norm(w) >= 0.01},
)
_STEP_READING = (
    "for all n, w, x ∈ R^n with w ≠ 0, y ∈ {1, −1}, ε, α > 0 and δ in the ball, written as δ = εu/max(1, ‖u‖₂): the "
    "step does not lower the loss ℓ = L(y·wᵀ(x + δ)), L(z) = log(1 + e^{−z}), which the attack is to maximise. The "
    "gradient with respect to δ is −y·w times a positive number"
)


def _losses(w: Any, x: Any, y: int, epsilon: Any, u: Any, alpha: Any, sign: int) -> tuple[Any, Any]:
    """The loss before and after the step δ := P_ε(δ + sign·α∇ℓ/‖∇ℓ‖)."""
    before = _into_ball(u, 2, epsilon)
    after = project(before + sign * alpha * (-y * w / m.norm(w)), epsilon)
    return logistic(y * m.sum(w * (x + before))), logistic(y * m.sum(w * (x + after)))


l2_step = Universal(
    id="002.l2-step",
    title="one step of the ℓ2 attack",
    text=r"$\delta := \mathcal{P}_\epsilon \left( \delta - \alpha \frac{\nabla_\delta \ell(h_\theta(x+\delta), y)}"
    r"{\|\nabla_\delta \ell(h_\theta(x+\delta), y)\|_2} \right)$.",
    reading=_STEP_READING,
    source=OTHER_NORMS,
    domain=_STEP,
    conclusion=lambda w, x, y, epsilon, u, alpha: Sides(*_losses(w, x, y, epsilon, u, alpha, -1)),
)

l2_step_corrected = Universal(
    id="002.l2-step.corrected",
    title="one step of the ℓ2 attack, uphill",
    text=r"$\delta := \mathcal{P}_\epsilon \left( \delta + \alpha \frac{\nabla_\delta \ell(h_\theta(x+\delta), y)}"
    r"{\|\nabla_\delta \ell(h_\theta(x+\delta), y)\|_2} \right)$.",
    reading=_STEP_READING,
    source=OTHER_NORMS,
    corrects="002.l2-step",
    repair="typo",
    domain=_STEP,
    conclusion=lambda w, x, y, epsilon, u, alpha: Sides(*_losses(w, x, y, epsilon, u, alpha, 1)),
)

# --- volumes ----------------------------------------------------------------------------------------

_SIZES = tuple(2**e for e in range(1, 9))


def _volume_ratio(n: int) -> float:
    """Volume of the ℓ2 ball over that of the ℓ∞ ball of the same radius."""
    return math.exp(n / 2 * math.log(math.pi / 4) - math.lgamma(n / 2 + 1))


def _equal_volume_radius(n: int) -> float:
    """Radius of the ℓ2 ball that has the volume of the ℓ∞ ball of radius 1."""
    return 2 * math.exp(math.lgamma(n / 2 + 1) / n) / math.sqrt(math.pi)


ball_volume = Scaling(
    id="002.ball-volume",
    title="volume of the ℓ2 ball in proportion to the ℓ∞ ball",
    text=r"Perturbations in $\ell_2$ norm call for a larger $\epsilon$ than those in $\ell_\infty$, because "
    r"the $\ell_2$ ball's volume is proportional to $\sqrt[n]{n}$ times that of the $\ell_\infty$ ball, "
    "with $n$ the input dimension.",
    reading="vol{‖δ‖₂ <= 1}/(n^{1/n}·vol{‖δ‖∞ <= 1}) is Θ(1) as n grows, at n = 2, 4, …, 256; volumes are exact: "
    "π^{n/2}/Γ(n/2 + 1) and 2^n. With √n for the n-th root the exponent 0 would be 1/2, which is as far from the "
    "measured slope",
    source=OTHER_NORMS,
    measure=ExactMeasure(lambda n: _volume_ratio(n) / n ** (1 / n)),
    sizes=_SIZES,
    exponent=0.0,
    relation="Θ",
)

ball_volume_corrected = Scaling(
    id="002.ball-volume.corrected",
    title="radius of the ℓ2 ball that has the volume of the ℓ∞ ball",
    text=r"The $\ell_2$ ball whose volume is that of the $\ell_\infty$ ball of radius $\epsilon$ has a radius "
    r"proportional to $\sqrt{n} \epsilon$.",
    reading="2Γ(n/2 + 1)^{1/n}/√π is Θ(n^{1/2}) as n grows, at n = 16, 32, …, 4096; its limit over √n is √(2/(πe)), "
    "and the slope at these sizes is smaller than 1/2 by O(log n/n)",
    source=OTHER_NORMS,
    corrects="002.ball-volume",
    repair="false",
    measure=ExactMeasure(_equal_volume_radius),
    sizes=tuple(2**e for e in range(4, 13)),
    exponent=0.5,
    relation="Θ",
)

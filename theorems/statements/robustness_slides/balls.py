"""Balls and boxes: projections, the range of images, and what perturbations of each norm look like."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from simulate.attacks import project as nearest
from theorems import Domain, Entry, Existence, Integers, OneOf, Sides, Universal, Value, Vector
from theorems import maths as m
from theorems.statements.robustness_slides.fgsm import clip
from theorems.statements.robustness_slides.source import slide
from theorems.statements.robustness_slides.steps import OTHER_NORMS, project

_SMALL = Integers(-3, 3)
_RADII = OneOf(1.0, 0.5, 2.0)

# --- balls ------------------------------------------------------------------------------------------

linf_ball = Universal(
    id="002.linf-ball",
    title="the ℓ∞ ball bounds every entry",
    text=r"With $\Delta = \{\delta : \|\delta\|_{\infty} \leq \epsilon\}$ perturbations may have any magnitude "
    r"between $[-\epsilon, \epsilon]$.",
    reading="for all n, δ with whole entries and ε: ‖δ‖∞ <= ε if and only if every δ_i lies in [−ε, ε]",
    source=slide("Adversary Network"),
    domain=Domain(n=Integers(1, 5), delta=Vector("n", Integers(-9, 9)), epsilon=Integers(0, 9)),
    conclusion=lambda delta, epsilon: _same_ball(delta, epsilon, m.inf),
    made_false=lambda delta, epsilon: _same_ball(delta, epsilon, 2),
)


def _same_ball(delta: Any, epsilon: int, p: float) -> Sides:
    return Sides.true((m.norm(delta, p) <= epsilon) == m.all((-epsilon <= delta) & (delta <= epsilon)))


_PROJECTED: dict[str, Any] = {
    "n": Integers(1, 4),
    "z": Vector("n", _SMALL),
    "u": Vector("n", Integers(-4, 4)),
    "epsilon": _RADII,
}

clipping = Universal(
    id="002.clipping",
    title="clipping is the projection onto the ℓ∞ ball",
    text=r"Projected Gradient Descent (PGD) simply clips what exceeds $\epsilon$ in magnitude to $\pm\epsilon$; "
    r"$\mathcal{P}$ is the projection onto the ball in question, for $\ell_{\infty}$ the clipping.",
    reading="for all n, z with whole entries and v of the ball, in quarters of ε: ‖z − clip(z)‖₂ <= ‖z − v‖₂, and "
    "‖clip(z)‖∞ <= ε, which are compared together: the left side is multiplied by max(1, ‖clip(z)‖∞/ε)",
    source=slide("Projected Gradient Descent"),
    domain=Domain(**_PROJECTED),
    conclusion=lambda z, u, epsilon: Sides(
        m.norm(z - clip(z, epsilon)) * m.maximum(1, m.norm(clip(z, epsilon), m.inf) / epsilon),
        m.norm(z - epsilon * u / 4),
    ),
)


def _of_ball(u: Any, epsilon: Any) -> Any:
    """A point of the ℓ1 ball."""
    return epsilon * u / m.maximum(4, m.norm(u, 1))


l1_projection = Universal(
    id="002.l1-projection",
    title="projection onto the ℓ1 ball by normalizing",
    text=r"What was considered for $\ell_2$ applies to $\ell_1$ attacks all the same, and with it the projection "
    r"$\mathcal{P}_\epsilon(z) = \epsilon \frac{z}{\max\{\epsilon, \|z\|\}}$ by normalizing.",
    reading="for all n, z with whole entries, ε ∈ {½, 1, 2} and v of the ℓ1 ball: ‖z − εz/max(ε, ‖z‖₁)‖₂ <= ‖z − v‖₂",
    source=OTHER_NORMS,
    domain=Domain(**_PROJECTED),
    conclusion=lambda z, u, epsilon: Sides(
        m.norm(z - epsilon * z / m.maximum(epsilon, m.norm(z, 1))), m.norm(z - _of_ball(u, epsilon))
    ),
)


def _soft(z: Any, epsilon: float) -> Any:
    """The projection that this program's attacks use, in float64."""
    far = torch.full((1, len(z)), torch.inf, dtype=torch.float64)
    return nearest(torch.as_tensor(np.asarray(z, dtype=float))[None], "1", epsilon, -far, far)[0].numpy()


l1_projection_corrected = Universal(
    id="002.l1-projection.corrected",
    title="projection onto the ℓ1 ball by thresholds",
    text=r"The projection onto the $\ell_1$ ball is $\mathrm{sign}(z_i) \max\{|z_i| - \lambda, 0\}$ with the "
    r"smallest $\lambda \geq 0$ for which its norm is at most $\epsilon$.",
    reading="as it is computed by simulate.attacks.project, in float64: as before, and its norm is at most ε, which "
    "are compared together: the left side is multiplied by max(1, ‖P(z)‖₁/ε)",
    source=OTHER_NORMS,
    corrects="002.l1-projection",
    repair="false",
    domain=Domain(**_PROJECTED),
    conclusion=lambda z, u, epsilon: Sides(
        m.norm(z - _soft(z, epsilon)) * max(1, m.norm(_soft(z, epsilon), 1) / epsilon),
        m.norm(z - _of_ball(u, epsilon)),
    ),
)

# --- ℓ2 beside ℓ∞ -----------------------------------------------------------------------------------

_SCORES: dict[str, Any] = {
    "n": Integers(1, 5),
    "w": Vector("n", _SMALL),
    "margin": Integers(1, 9),
}

larger = Universal(
    id="002.l2-larger",
    title="ℓ2 perturbations need a larger ε",
    text=r"Perturbations in $\ell_2$ norm call for a larger $\epsilon$ than perturbations in $\ell_\infty$ norm.",
    reading="for linear binary classifiers w ≠ 0 with whole entries and inputs with margin m: the distance to the "
    "boundary in ℓ∞, m/‖w‖₁, is smaller than that in ℓ2, m/‖w‖₂",
    source=OTHER_NORMS,
    domain=Domain(**_SCORES, where={"w is not 0": lambda w: m.any(w != 0)}),
    conclusion=lambda w, margin: Sides(margin / m.norm(w, 1), margin / m.norm(w), "<"),
)

larger_corrected = Universal(
    id="002.l2-larger.corrected",
    title="ℓ2 perturbations need at least as large an ε",
    text=r"Perturbations in $\ell_2$ norm call for an $\epsilon$ that is at least as large as in $\ell_\infty$ norm, "
    r"the same where $w$ has one entry that is not 0, and at most $\sqrt{n}$ times as large.",
    reading="as before: m/‖w‖₁ <= m/‖w‖₂ <= √n·m/‖w‖₁",
    source=OTHER_NORMS,
    corrects="002.l2-larger",
    repair="convention",
    domain=Domain(side=OneOf("below", "above"), **_SCORES, where=larger.domain.where),
    conclusion=lambda side, n, w, margin: (
        Sides(margin / m.norm(w, 1), margin / m.norm(w))
        if side == "below"
        else Sides(margin / m.norm(w), m.sqrt(n) * margin / m.norm(w, 1))
    ),
)

localized = Universal(
    id="002.localized",
    title="ℓ2 perturbations are more localized than ℓ∞ perturbations",
    text=r"$\ell_\infty$ attacks put small noise everywhere in the image; the perturbations of $\ell_2$ attacks are "
    "more localized.",
    reading="for the optimal attacks on linear binary classifiers with whole entries w ≠ 0: the largest entry's "
    "share ‖δ‖∞/‖δ‖₂ of δ ~ sign(w), which has the same size wherever w_i ≠ 0, is at most that of δ ~ w, with "
    "equality where all |w_i| ≠ 0 are equal",
    source=OTHER_NORMS,
    domain=Domain(n=Integers(1, 5), w=Vector("n", _SMALL), where=larger.domain.where),
    conclusion=lambda w: Sides(m.norm(m.sign(w), m.inf) / m.norm(m.sign(w)), m.norm(w, m.inf) / m.norm(w)),
)

eight = Value(
    id="002.eight-of-255",
    title="eight of 255 color values",
    text=r"A perturbation of $8/255 \approx 0.031$ color values.",
    reading="8/255 to three decimals. The error rates beside it are of networks that are not given",
    source=slide("Conclusion"),
    entries=(Entry("8/255", "0.031", lambda: m.number("8") / 255),),
)

# --- the box of images ------------------------------------------------------------------------------

_IMAGES: dict[str, Any] = {
    "n": Integers(1, 3),
    "x": Vector("n", Integers(0, 4)),
    "z": Vector("n", Integers(-4, 4)),
    "epsilon": OneOf(0.5, 0.25, 1.0),
}
_IMAGE_READING = (
    "for images x ∈ [0, 1]^n and points z, in quarters, that a step may lead to, and ε ∈ {¼, ½, 1}: "
)


def _outside(x: Any) -> Any:
    """How far an image is outside of [0, 1]^n."""
    return m.max(m.maximum(m.relu(-x), m.relu(x - 1)))


l2_box = Universal(
    id="002.l2-box",
    title="the projected step keeps images in their range",
    text=r"For $\ell_2$, with the constraint that $x+\delta$ lies in the $[0,1]$ range: $\delta := "
    r"\mathcal{P}_\epsilon \left( \delta - \alpha \frac{\nabla_\delta \ell(h_\theta(x+\delta), y)}{\|\nabla_\delta "
    r"\ell(h_\theta(x+\delta), y)\|_2} \right)$, with $\mathcal{P}_\epsilon$ the projection onto the $\ell_2$ ball of "
    r"radius $\epsilon$.",
    reading=_IMAGE_READING + "x + P_ε(z) lies in [0, 1]^n. Left side: how far outside it is",
    source=slide("Non-ℓ∞ norms"),
    domain=Domain(**_IMAGES),
    conclusion=lambda x, z, epsilon: Sides(_outside(x / 4 + project(z / 4, epsilon)), 0),
)


def _kept(x: Any, z: Any, epsilon: Any) -> Any:
    """The step projected to the ball and then clipped so that x + δ is an image."""
    delta = project(z, epsilon)
    return m.minimum(m.maximum(x + delta, 0), 1) - x


l2_box_corrected = Universal(
    id="002.l2-box.corrected",
    title="the projected and clipped step keeps images in their range and perturbations in the ball",
    text=r"After the projection onto the $\ell_2$ ball, $x + \delta$ is clipped to $[0,1]$.",
    reading=_IMAGE_READING
    + "the clipped image lies in [0, 1]^n, and the perturbation still has ‖δ‖₂ <= ε, as clipping towards a range "
    "that holds x shortens every entry. (The nearest point of ball and range is another one.) Left side: ‖δ‖₂, and ∞ "
    "outside of the range",
    source=slide("Non-ℓ∞ norms"),
    corrects="002.l2-box",
    repair="missing hypothesis",
    domain=Domain(**_IMAGES),
    conclusion=lambda x, z, epsilon: Sides(
        m.norm(_kept(x / 4, z / 4, epsilon))
        if _outside(x / 4 + _kept(x / 4, z / 4, epsilon)) <= 1e-15
        else m.inf,
        epsilon,
    ),
)

box_needed = Existence(
    id="002.box-needed",
    title="perturbed images can leave their range",
    text=r"It must be ensured that $x+\delta$ stays between $[0,1]$ too, for it to be a valid image.",
    reading="for all n and ε = 2ʲ, −20 <= j <= 4, there are x ∈ [0, 1]^n and ‖δ‖∞ <= ε with x + δ outside of [0, "
    "1]^n: x = 1, δ = ε. Sides: 0, and how far outside",
    source=slide("Adversary in Images"),
    domain=Domain(n=Integers(1, 4), power=Integers(-20, 4)),
    construction=lambda n: np.ones(n),
    conclusion=lambda witness, power: Sides(0, _outside(witness + 2.0**power), "<"),
    made_false=lambda witness, power: Sides(0, _outside(witness - min(2.0**power, 1.0)), "<"),
)

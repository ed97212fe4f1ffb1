"""Projected ascent on the box, clipping, and when the sign of the gradient is all that matters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from theorems import Domain, Existence, Integers, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.lecture.source import lecture

FINDING = lecture("Finding adversarial examples")

_RADIUS = Reals(1e-6, 1)
_IN_BALL = Reals(lambda v: -v["epsilon"], "epsilon")
_GRADIENT = Reals(-1e3, 1e3)
_REGULAR = {
    "entries of g are 0 or at least 1e-100 in size": lambda g: np.all((g == 0) | (np.abs(g) >= 1e-100))
}
"""Smaller entries would ask for step sizes beyond float64."""


def _clip(delta: Any, epsilon: Any) -> Any:
    return m.minimum(m.maximum(delta, -epsilon), epsilon)


def _same(first: Any, second: Any, epsilon: Any) -> Sides:
    """Equality of two points of the box, relative to its radius."""
    return Sides.equal(epsilon + m.norm(first - second, m.inf), epsilon)


# --- projected ascent -------------------------------------------------------------------------------

CLIPPING = Universal(
    id="001.clipping",
    title="projecting onto the box clips",
    text=r"After each iteration, project $\delta$ s.t. $\|\delta\|_{\infty}\leq\epsilon$. Projection onto "
    r"this ball clips the values of $\delta$ to the range $[-\epsilon, \epsilon]$.",
    reading="for all d, ε > 0 and z: no point p of Δ is nearer to z in the Euclidean norm than z clipped entry by "
    "entry",
    source=FINDING,
    domain=Domain(
        d=Integers(1, 4),
        epsilon=_RADIUS,
        z=Vector("d", Reals(-10, 10)),
        p=Vector("d", _IN_BALL),
    ),
    conclusion=lambda z, p, epsilon: Sides(m.norm(_clip(z, epsilon) - z), m.norm(p - z)),
)


def _slope(margin: Any) -> Any:
    """Derivative of log(1 + e^margin)."""
    return 1 / (1 + m.exp(-margin))


def _square_is_fixed(x: float, s: float, epsilon: float, eta: float) -> bool:
    delta = s * epsilon
    gradient = float(_slope((x + delta) ** 2)) * 2 * (x + delta)
    return float(_clip(delta + eta * gradient, epsilon)) == delta


ASCENT = Universal(
    id="001.ascent",
    title="projected ascent finds the maximiser",
    text=r"$\delta_{k+1} = \delta_k + \eta \nabla_{\delta} \ell(f_{\mathbf{w}}(\mathbf{x} + \delta), y)$, "
    r"with step size $\eta>0$ and $\delta_0\in\Delta$; each iteration ends with a projection of $\delta$ "
    r"s.t. $\|\delta\|_{\infty}\leq\epsilon$. This finds $\bar\delta$.",
    reading="the gradient is taken at δ = δ_k, which the formula leaves open. For all models, x, ε, η and δ_0: "
    "the iteration ends nowhere but at a maximiser of the loss, that is, a point which it does not move is one. "
    "Two classes, d = 1, the advantage of the wrong class is (x + δ)²; δ_0 = s ε. The claim is implied by the "
    "slide's title, not spelled out",
    source=FINDING,
    domain=Domain(
        where={"δ_0 is a fixed point": _square_is_fixed},
        x=Reals(-2, 2),
        s=OneOf(0.0, 1.0, -1.0),
        epsilon=_RADIUS,
        eta=Reals(0, 1, open=(True, False)),
    ),
    conclusion=lambda x, s, epsilon: Sides(
        m.maximum(m.log(1 + m.exp((x + epsilon) ** 2)), m.log(1 + m.exp((x - epsilon) ** 2))),
        m.log(1 + m.exp((x + s * epsilon) ** 2)),
    ),
)


def _ascend(lead: float, g: Any, epsilon: float, eta: float, start: Any, share: float = 1.0) -> Any:
    """Where projected ascent is after (a share of) the iterations that the corrected statement allows."""
    least = float(_slope(-lead - epsilon * m.norm(g, 1)))
    delta = start * epsilon
    for _ in range(math.ceil(share * 2 * epsilon / (eta * least * float(m.min(m.abs(g)))))):
        delta = _clip(delta + eta * _slope(g @ delta - lead) * g, epsilon)
    return delta


ASCENT_CORRECTED = Universal(
    id="001.ascent.corrected",
    title="projected ascent finds the maximiser of an affine model, in so many iterations",
    text=r"For two classes and logits affine in $\delta$, with a gradient $g$ of the wrong class' advantage that "
    r"has no entry 0, $\delta_{k+1} = \Pi_\Delta(\delta_k + \eta \nabla_{\delta} \ell(f_{\mathbf{w}}(\mathbf{x} + "
    r"\delta_k), y))$ reaches $\bar\delta$ from every $\delta_0 \in \Delta$ and for every $\eta > 0$, after at "
    r"most $\lceil 2\epsilon / (\eta\, s \min_i |g_i|) \rceil$ iterations, $s$ the least slope of the loss on "
    r"$\Delta$.",
    reading="the right class leads by `lead` at x, so that s = 1/(1 + e^{lead + ε‖g‖₁}); δ_0 = ε·start",
    source=FINDING,
    corrects="001.ascent",
    repair="missing hypothesis",
    domain=Domain(
        where={"|g_i| >= 0.5": lambda g: bool(np.all(np.abs(g) >= 0.5))},
        d=Integers(1, 2),
        lead=Reals(0, 1),
        epsilon=Reals(0.05, 0.5),
        eta=Reals(0.5, 5),
        g=Vector("d", OneOf(1.0, -1.0, 0.5, -0.5, 0.75, -0.75)),
        start=Vector("d", Reals(-1, 1)),
    ),
    conclusion=lambda lead, g, epsilon, eta, start: _same(
        _ascend(lead, g, epsilon, eta, start), epsilon * m.sign(g), epsilon
    ),
    made_false=lambda lead, g, epsilon, eta, start: _same(
        _ascend(lead, g, epsilon, eta, start, share=0.5), epsilon * m.sign(g), epsilon
    ),
)

# --- the sign ---------------------------------------------------------------------------------------


def _enough(g: Any, epsilon: Any) -> Any:
    """2ε over the smallest |g_i| that is not 0; at least 2ε."""
    sizes = [size for size in m.abs(g) if size != 0]
    return 2 * epsilon / min([1, *sizes])


LARGE_STEP = Existence(
    id="001.sign.large-step",
    title="a large step makes the relative size of the entries irrelevant",
    text=r"Once $\eta$ is large enough, how large the entries are among each other is of no consequence, "
    "and their sign alone can be considered.",
    reading="for all d, ε, gradients g and δ in Δ there is η_0 such that for every η >= η_0 the projections of δ "
    "+ η g and of δ + η sign(g) onto Δ are the same point. η_0 = 2ε/min(1, min{|g_i| : g_i ≠ 0}) serves: it "
    "depends on g, and no η_0 serves every g (g_i = ε/(2η) is not clipped)",
    source=FINDING,
    domain=Domain(
        where=_REGULAR,
        d=Integers(1, 3),
        epsilon=_RADIUS,
        factor=Reals(1, 1e3),
        g=Vector("d", _GRADIENT),
        delta=Vector("d", _IN_BALL),
    ),
    construction=_enough,
    conclusion=lambda witness, factor, g, delta, epsilon: _same(
        _clip(delta + witness * factor * g, epsilon),
        _clip(delta + witness * factor * m.sign(g), epsilon),
        epsilon,
    ),
    made_false=lambda witness, g, delta, epsilon: _same(
        _clip(delta + 0.95 * witness * g, epsilon),
        _clip(delta + 0.95 * witness * m.sign(g), epsilon),
        epsilon,
    ),
)

CORNER = Existence(
    id="001.sign.corner",
    title="a large step ends at ε times the sign of the gradient",
    text=LARGE_STEP.text,
    reading="for all d, ε, gradients g and δ in Δ there is η_0 such that for every η >= η_0 the projection of δ + "
    "η g onto Δ is ε sign(g). What the projection tends to as η → ∞ decides: where g_i = 0 it stays at δ_i",
    source=FINDING,
    domain=LARGE_STEP.domain,
    construction=_enough,
    conclusion=lambda witness, factor, g, delta, epsilon: _same(
        _clip(delta + witness * factor * g, epsilon), epsilon * m.sign(g), epsilon
    ),
    obstruction=lambda g, delta, epsilon: _same(
        m.where(g == 0, delta, epsilon * m.sign(g)), epsilon * m.sign(g), epsilon
    ),
)

CORNER_CORRECTED = Universal(
    id="001.sign.corner.corrected",
    title="a step of 2ε/min|g_i| ends at ε times the sign of the gradient",
    text=r"If no entry of the gradient $g$ is 0 and $\eta \ge 2\epsilon / \min_i |g_i|$, the projection of "
    r"$\delta + \eta g$ onto $\Delta$ is $\epsilon \operatorname{sign}(g)$, whatever $\delta \in \Delta$.",
    reading="η = factor · 2ε/min|g_i| with factor >= 1; no smaller multiple serves every δ (the twin takes 0.95)",
    source=FINDING,
    corrects="001.sign.corner",
    repair="missing hypothesis",
    domain=Domain(
        where={"no entry of g is below 1e-100 in size": lambda g: bool(np.all(np.abs(g) >= 1e-100))},
        **LARGE_STEP.domain.ranges,
    ),
    conclusion=lambda factor, g, delta, epsilon: _same(
        _clip(delta + factor * (2 * epsilon / m.min(m.abs(g))) * g, epsilon), epsilon * m.sign(g), epsilon
    ),
    made_false=lambda g, delta, epsilon: _same(
        _clip(delta + 0.95 * (2 * epsilon / m.min(m.abs(g))) * g, epsilon), epsilon * m.sign(g), epsilon
    ),
)

SURROGATE = Universal(
    id="001.surrogate",
    title="the sign update stays in the ball",
    text=r"$\delta_{k+1} = \delta_k + \eta \operatorname{sign}(\nabla_{\delta} \ell(f_{\mathbf{w}}(\mathbf{x} + "
    r"\delta)), y)$, the surrogate of a step that is projected after each iteration.",
    reading="for all d, ε, η > 0, gradients g and δ_k in Δ: δ_{k+1} = δ_k + η sign(g) is in Δ. The bracket is "
    "read as sign(∇_δ ℓ(f(x + δ_k), y)); the surrogate is written without a projection of its own",
    source=FINDING,
    domain=Domain(
        d=Integers(1, 3),
        epsilon=_RADIUS,
        eta=Reals(0, 10, open=(True, False)),
        g=Vector("d", _GRADIENT),
        delta=Vector("d", _IN_BALL),
    ),
    conclusion=lambda eta, g, delta, epsilon: Sides(m.norm(delta + eta * m.sign(g), m.inf), epsilon),
)

SURROGATE_CORRECTED = Universal(
    id="001.surrogate.corrected",
    title="n sign updates stay in the ball without projection if they start at 0 and nη <= ε",
    text=r"$\delta_{k+1} = \delta_k + \eta \operatorname{sign}(\nabla_{\delta} \ell(f_{\mathbf{w}}(\mathbf{x} + "
    r"\delta_k), y))$ with $\delta_0 = 0$ stays in $\Delta$ for $k \le \epsilon/\eta$; for other starts and more "
    r"steps it must be projected.",
    reading="η = share·ε/n, share <= 1, n steps whose gradients have the signs of the rows of G: whatever they are",
    source=FINDING,
    corrects="001.surrogate",
    repair="convention",
    domain=Domain(
        d=Integers(1, 3),
        n=Integers(1, 4),
        epsilon=_RADIUS,
        share=Reals(0, 1, open=(True, False)),
        G=Vector(lambda v: v["n"] * v["d"], OneOf(0.0, 1.0, -1.0)),
    ),
    conclusion=lambda d, n, epsilon, share, G: Sides(
        m.norm(m.sum((share * epsilon / n) * G.reshape(n, d), 0), m.inf), epsilon
    ),
)

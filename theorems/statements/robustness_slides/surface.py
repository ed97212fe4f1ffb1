"""How far networks are from linear: kinks, cost surfaces, local optima; and steps across the ball."""

from __future__ import annotations

import math
from typing import Any

from theorems import (
    Domain,
    ExactLaw,
    Existence,
    HighProbability,
    Integers,
    OneOf,
    Sides,
    Universal,
    Vector,
)
from theorems import maths as m
from theorems.statements.lecture.gradient_norm import log_below
from theorems.statements.robustness_slides.fgsm import FGSM, clip
from theorems.statements.robustness_slides.linear import logistic
from theorems.statements.robustness_slides.source import slide

SURFACE = slide("Neural Network Loss Surface")
_SMALL = Integers(-3, 3)

# --- how linear a network is ------------------------------------------------------------------------


def _bend(w: Any, b: Any, x: Any, delta: Any) -> Any:
    """f(x + δ) + f(x − δ) − 2f(x) for one unit."""
    values = [m.relu(m.sum(w * point) + b) for point in (x + delta, x - delta, x)]
    return values[0] + values[1] - 2 * values[2]


_UNITS: dict[str, Any] = {
    "n": Integers(1, 3),
    "w": Vector("n", _SMALL),
    "b": _SMALL,
    "x": Vector("n", _SMALL),
    "delta": Vector("n", _SMALL),
}

not_linear = Universal(
    id="002.not-linear",
    title="networks are not linear even over a small region",
    text="Even over a relatively small region, neural networks are in fact not linear.",
    reading="for one ReLU unit f(x) = ReLU(w·x + b), the smallest network, and all w, b, x and δ with whole entries "
    "and w·δ ≠ 0: f is not linear on the segment from x − δ to x + δ, f(x + δ) + f(x − δ) − 2f(x) > 0",
    source=FGSM,
    domain=Domain(**_UNITS, where={"w·δ is not 0": lambda w, delta: m.sum(w * delta) != 0}),
    conclusion=lambda w, b, x, delta: Sides(0, _bend(w, b, x, delta), "<"),
)

not_linear_corrected = Universal(
    id="002.not-linear.corrected",
    title="networks are not linear over a region that holds a kink",
    text="A ReLU network is linear on a region, however large, if no unit changes its sign there, and is not linear "
    "in general around a point where a unit does.",
    reading="as before, for |w·x + b| < |w·δ|: f(x + δ) + f(x − δ) − 2f(x) > 0. It is |w·δ| − |w·x + b|",
    source=FGSM,
    corrects="002.not-linear",
    repair="missing hypothesis",
    domain=Domain(
        **_UNITS,
        where={
            "the unit changes its sign": lambda w, b, x, delta: abs(m.sum(w * x) + b) < abs(m.sum(w * delta))
        },
    ),
    conclusion=lambda w, b, x, delta: Sides(0, _bend(w, b, x, delta), "<"),
    made_false=lambda w, b, x, delta: Sides(1, _bend(w, b, x, delta), "<"),
)

steep = HighProbability(
    id="002.steep-direction",
    title="almost everywhere some direction is very steep",
    text="In high dimensions it is very likely that, almost wherever one stands in input space, the loss surface is "
    "very steep along some direction: a step there changes the loss substantially, up or down.",
    reading="for random two-layer ReLU networks f(x) = k^{-1/2} Σ a_j ReLU(w_j·x), a_j = ±1, w_j ~ N(0, I/d), with k "
    "= d = n, at any x with ‖x‖ = √n, where f has mean square 1/2: P(‖∇f(x)‖ < √(1/8)) <= 2e^{−n/5}. Along the "
    "gradient f then changes by its own size within a distance of 2, against the √n of x. Exact law ‖∇f‖² = (N/n) "
    "χ²_n/n, N ~ Binomial(n, ½), n <= 500",
    source=SURFACE,
    domain=Domain(n=Integers(1, 500, log=True)),
    law=ExactLaw(lambda n: log_below(n, n, 0.125)),
    allowed=lambda n: math.log(2) - n / 5,
)


def _chord(v: int, t: int) -> Sides:
    """For f(x) = v·ReLU(x): the mean of the loss at −t and t, and the loss at the kink between them."""
    ends = (logistic(v * m.relu(m.to_number(end))) for end in (-t, t))
    return Sides(sum(ends) / 2, logistic(m.to_number(0)), "<")


cost_surface = Universal(
    id="002.cost-surface",
    title="the cost surface of a network is not convex",
    text="For neural networks the cost surface is not convex.",
    reading="of every network, and so of f(x) = v·ReLU(x), label 1, for v = 1 and v = −1: around the kink the loss "
    "is larger than the mean of its values at ±t",
    source=SURFACE,
    domain=Domain(v=OneOf(1, -1), t=Integers(1, 9)),
    conclusion=_chord,
)

cost_surface_corrected = Universal(
    id="002.cost-surface.corrected",
    title="the cost surface of some networks is not convex",
    text="The cost surface of a neural network is not convex in general.",
    reading="for f(x) = ReLU(x), label 1: around the kink the loss is larger than the mean of its values at ±t, t = "
    "1, …, 9. What makes a maximum hard to find is that the loss is not concave, which that of a linear model is not "
    "either",
    source=SURFACE,
    corrects="002.cost-surface",
    repair="convention",
    domain=Domain(t=Integers(1, 9)),
    conclusion=lambda t: _chord(1, t),
    made_false=lambda t: _chord(-1, t),
)


def _tent(epsilon: Any, at: Any) -> Any:
    """The margin of a network of four units on [−ε, ε]: |s + ¼| − 3 ReLU(s − ½), s = at/ε."""
    s = at / epsilon
    return m.relu(s + 0.25) + m.relu(-s - 0.25) - 3 * m.relu(s - 0.5)


def _tent_slope(epsilon: Any, at: Any) -> Any:
    s = at / epsilon
    return m.where(s > -0.25, 1, -1) - m.where(s > 0.5, 3, 0)


def _stuck(epsilon: Any) -> tuple[Any, Any, Any]:
    """Smallest margin of 12 steps of ε/8 from 0; the smallest in the ball; and that of the same steps from 7ε/8."""
    found = []
    for start in (0.0, 0.875):
        at, best = start * epsilon, _tent(epsilon, start * epsilon)
        for _ in range(12):
            at = clip(at - epsilon / 8 * _tent_slope(epsilon, at), epsilon)
            best = m.minimum(best, _tent(epsilon, at))
        found.append(best)
    return found[0], _tent(epsilon, epsilon), found[1]


local_optima = Existence(
    id="002.local-optima",
    title="projected gradient descent can stop at a local optimum, which a random start mitigates",
    text="Neural networks' cost surfaces are prone to local optima, and these still limit how well PGD performs; "
    "random restarts mitigate this slightly.",
    reading="for every ε = 2ʲ, |j| <= 10, there is a network of one input and four units, margin |s + ¼| − 3 ReLU(s "
    "− ½) with s = δ/ε, that is misclassified at δ = ε, where PGD with steps ε/8 from 0 stays at margins >= 0, and "
    "from 7ε/8 reaches the smallest margin: a uniform random start does so with probability at least 1/4. Left side: "
    "the smallest margin, and ∞ unless all this is so; right side: 0",
    source=slide("Randomization"),
    domain=Domain(power=Integers(-10, 10)),
    construction=lambda power: _stuck(2.0**power),
    conclusion=lambda witness: Sides(
        witness[1] if witness[0] >= 0 and m.abs(witness[2] - witness[1]) < 1e-9 else m.inf, 0, "<"
    ),
    made_false=lambda witness: Sides(witness[0], 0, "<"),
)

# --- steps of projected gradient descent ------------------------------------------------------------

_PROBLEM = slide("Projected Gradient Descent Problem")

scale = Universal(
    id="002.gradient-scale",
    title="a gradient step has the scale of the gradient, entry by entry; a normalized one has not",
    text=r"What is wrong with $z := z - \alpha \nabla_z f(z)$: the absolute scale of the gradient matters a great "
    "deal, and the adjustments always are in proportion to the gradient's terms.",
    reading="for all n, gradients g ≠ 0 with whole entries, factors c and α: multiplied by c, f moves z by c times "
    "as much in every entry, and the normalized steps αg/‖g‖₂ and α·sign(g) as before. Left side: the largest "
    "difference",
    source=_PROBLEM,
    domain=Domain(
        step=OneOf("plain", "ℓ2", "ℓ∞"),
        n=Integers(1, 4),
        g=Vector("n", _SMALL),
        c=OneOf(2.0, 0.5, 1024.0),
        where={"g is not 0": lambda g: m.any(g != 0)},
    ),
    conclusion=lambda step, g, c: Sides(
        m.max(m.abs(_step(step, c * g) - (c if step == "plain" else 1) * _step(step, g))), 1e-12
    ),
    made_false=lambda step, g, c: Sides(m.max(m.abs(_step(step, c * g) - _step(step, g))), 1e-12),
)


def _step(step: str, g: Any) -> Any:
    return g if step == "plain" else g / m.norm(g) if step == "ℓ2" else m.sign(g)


def _reached(g: Any, alpha: Any, epsilon: Any, steps: int) -> Any:
    """‖δ‖∞ after so many normalized ℓ∞ steps on a linear objective."""
    delta = 0 * g
    for _ in range(steps):
        delta = clip(delta + alpha * m.sign(g), epsilon)
    return m.norm(delta, m.inf)


iterations = Universal(
    id="002.iterations",
    title="how many steps cross the ball",
    text=r"A sensible $\alpha$ is a reasonably small fraction of $\epsilon$, and a sensible number of iterations a "
    r"small multiple of $\epsilon/\alpha$.",
    reading="that ε/α is the number to multiply: for all linear objectives with gradient g ≠ 0, ε = 1 and α = 1/8, "
    "…, 1, T steps reach ‖δ‖∞ = min(Tα, ε) exactly, so the boundary after ⌈ε/α⌉ steps and not before; how small is "
    "reasonable is not checked",
    source=slide("Steepest Descent"),
    domain=Domain(
        n=Integers(1, 3),
        g=Vector("n", _SMALL),
        eighths=Integers(1, 8),
        T=Integers(0, 12),
        where={"g is not 0": lambda g: m.any(g != 0)},
    ),
    conclusion=lambda g, eighths, T: Sides.equal(
        _reached(g, eighths / 8, 1, T), m.minimum(T * eighths / 8, 1)
    ),
)

"""Losses and probabilities, dual norms, and the worst case of a linear classifier."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from theorems import Domain, Existence, Integers, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.robustness_slides.source import slide
from theorems.statements.tools import equal_terms

INNER = slide("Solving Inner Maximization Problem")
_MODERATE = Reals(-100, 100)

# --- losses and probabilities -----------------------------------------------------------------------


def cross_entropy(h: Any, y: int) -> Any:
    """Log Σ_j exp(h_j) − h_y."""
    return m.logsumexp(h) - h[y]


probability = Universal(
    id="002.probability",
    title="the probability is the exponential of minus the loss",
    text=r"$\ell(h_\theta(x), y) = \log \left( \sum_{j=1}^k \exp(h_\theta(x)_j) \right) - h_\theta(x)_y$, and "
    r"Prob $= e^{-\mathrm{loss}}$.",
    reading="for all k, h ∈ R^k and y: softmax(h)_y = exp(−ℓ(h, y))",
    source=slide("Neural Network"),
    domain=Domain(k=Integers(1, 6), h=Vector("k", _MODERATE), y=Integers(0, lambda v: v["k"] - 1)),
    conclusion=lambda h, y: Sides.equal(m.softmax(h)[y], m.exp(-cross_entropy(h, y))),
)

binary_softmax = Universal(
    id="002.binary-softmax",
    title="softmax of two classes is a logistic function of the difference",
    text=r"With the single scalar-valued hypothesis $h'_\theta(x) \equiv h_\theta(x)_1 - h_\theta(x)_2$, "
    r"$p(y|x) = \frac{1}{1 + \exp(-y \cdot h'_\theta(x))}$.",
    reading="for all h ∈ R² and y ∈ {1, −1}: softmax(h)_1 for y = 1, softmax(h)_2 for y = −1, equals "
    "1/(1 + exp(−y(h_1 − h_2)))",
    source=slide("Binary Classification"),
    domain=Domain(h=Vector(2, _MODERATE), y=OneOf(1, -1)),
    conclusion=lambda h, y: Sides.equal(
        m.softmax(h)[0 if y == 1 else 1], 1 / (1 + m.exp(-y * (h[0] - h[1])))
    ),
)


def logistic(z: Any) -> Any:
    """L(z) = log(1 + exp(−z))."""
    return m.logsumexp(m.stack([z * 0, -z]))


# --- dual norms -------------------------------------------------------------------------------------

_DUAL: dict[str, tuple[float, float]] = {"∞": (m.inf, 1), "2": (2, 2), "1": (1, m.inf), "4": (4, 4 / 3)}
"""Exponents p and q with 1/p + 1/q = 1, by the name of p."""


def _into_ball(z: Any, p: float, epsilon: Any) -> Any:
    """A point of the ball of radius epsilon: z itself up to scale, if its norm exceeds 1."""
    return epsilon * (z / m.maximum(m.norm(z, p), 1))


_DUAL_TEXT = (
    r"Generally $\min_{\|\delta\| \leq \epsilon} y \cdot w^T \delta = -\epsilon \|w\|_*$, with the dual "
    r"norm $\|\cdot\|_*$ ($\|\cdot\|_p$ and $\|\cdot\|_q$ are dual norms for $1/p + 1/q = 1$)."
)

dual_norm = Universal(
    id="002.dual-norm",
    title="no perturbation lowers a linear score by more than ε times the dual norm",
    text=_DUAL_TEXT,
    reading="for all p ∈ {∞, 2, 1, 4} with the dual q, n, w ∈ R^n, y ∈ {1, −1}, ε > 0 and ‖δ‖_p <= ε, written as "
    "δ = εz/max(1, ‖z‖_p): −y·wᵀδ <= ε‖w‖_q. That some δ reaches it is 002.dual-norm-attained",
    source=INNER,
    domain=Domain(
        p=OneOf(*_DUAL),
        n=Integers(1, 5),
        w=Vector("n"),
        y=OneOf(1, -1),
        epsilon=Reals(0, open=(True, False)),
        z=Vector("n"),
    ),
    conclusion=lambda p, w, y, epsilon, z: Sides(
        -y * m.sum(w * _into_ball(z, _DUAL[p][0], epsilon)), epsilon * m.norm(w, _DUAL[p][1])
    ),
)


def _steepest(p: str, w: Any, y: int, epsilon: Any) -> Any:
    """δ with ‖δ‖_p = ε and y·wᵀδ = −ε‖w‖_q, for w ≠ 0."""
    first, second = _DUAL[p]
    if first == m.inf:
        return -y * epsilon * m.sign(w)
    if first == 1:
        size = m.abs(w)
        largest = max(range(len(w)), key=lambda i: float(size[i]))
        one = np.zeros(len(w))
        one[largest] = 1.0
        return -y * epsilon * m.sign(w) * one
    relative = m.abs(w) / m.norm(w, second)
    return -y * epsilon * m.sign(w) * m.power(relative, second - 1)


dual_norm_attained = Existence(
    id="002.dual-norm-attained",
    title="some perturbation lowers a linear score by ε times the dual norm",
    text=_DUAL_TEXT,
    reading="for all p ∈ {∞, 2, 1, 4} with the dual q, n, w ∈ R^n not 0, y ∈ {1, −1} and ε > 0 there is δ with "
    "‖δ‖_p <= ε and −y·wᵀδ >= ε‖w‖_q. δ_i = −yε·sign(w_i)(|w_i|/‖w‖_q)^{q−1}, at the largest entry alone for p = 1",
    source=INNER,
    domain=Domain(
        p=OneOf(*_DUAL),
        n=Integers(1, 5),
        w=Vector("n", _MODERATE),
        y=OneOf(1, -1),
        epsilon=Reals(1e-3, 1e3),
        where={"w is not small": lambda w: m.norm(w) >= 1e-3},
    ),
    construction=_steepest,
    conclusion=lambda witness, p, w, y, epsilon: Sides(
        m.norm(w, _DUAL[p][1]) * m.maximum(epsilon, m.norm(witness, _DUAL[p][0])), -y * m.sum(w * witness)
    ),
)

minimiser = Universal(
    id="002.linf-minimiser",
    title="the minimiser over the ℓ∞ ball",
    text=r"To minimize with $y=1$, take $\delta_i = -\epsilon$ where $w_i \geq 0$ and $\delta_i = \epsilon$ "
    r"where $w_i < 0$; $\delta^* = -y\epsilon \cdot \mathrm{sign}(w)$; $\min_{\|\delta\| \leq \epsilon} y "
    r"\cdot w^T \delta = y \cdot w^T \delta^* = -\epsilon \|w\|_1$.",
    reading="for all n, w ∈ R^n, y ∈ {1, −1}, ε > 0 and each of the two rules, which differ where w_i = 0: "
    "y·wᵀδ* = −ε‖w‖₁, with the first rule times y",
    source=INNER,
    domain=Domain(
        rule=OneOf("sign", "cases"),
        n=Integers(1, 6),
        w=Vector("n", _MODERATE),
        y=OneOf(1, -1),
        epsilon=Reals(0, open=(True, False)),
    ),
    conclusion=lambda rule, w, y, epsilon: Sides.equal(
        y * m.sum(w * (-y * epsilon * (m.sign(w) if rule == "sign" else m.where(w >= 0, 1.0, -1.0)))),
        -epsilon * m.norm(w, 1),
    ),
)

# --- the worst case of a linear classifier ----------------------------------------------------------

_CORNERS = {
    "∞": lambda n: np.array(list(itertools.product((-1.0, 1.0), repeat=n))),
    "1": lambda n: np.concatenate([np.eye(n), -np.eye(n)]),
}
"""Vertices of the unit balls that are polytopes."""


def _worst_loss(norm: str, w: Any, b: Any, x: Any, y: int, epsilon: Any) -> Any:
    """Largest loss over the ball: L is convex, so that a vertex has it."""
    return m.max(
        m.stack(logistic(y * (m.sum(w * (x + epsilon * corner)) + b)) for corner in _CORNERS[norm](len(w)))
    )


_LINEAR: dict[str, Any] = {
    "norm": OneOf("∞", "1"),
    "n": Integers(1, 3),
    "w": Vector("n", Reals(-10, 10)),
    "b": Reals(-10, 10),
    "x": Vector("n", Reals(-10, 10)),
    "y": OneOf(1, -1),
    "epsilon": Reals(1e-3, 10),
}
_BALLS = "for both norms whose ball is a polytope (ℓ∞ with dual ℓ1, ℓ1 with dual ℓ∞), all n, w, x ∈ R^n, b, y, ε > 0"


def _margin(w: Any, b: Any, x: Any, y: int) -> Any:
    return y * (m.sum(w * x) + b)


def _dual(norm: str, w: Any) -> Any:
    return m.norm(w, _DUAL[norm][1])


reduced_linf = Universal(
    id="002.reduced-objective-linf",
    title="the worst loss over the ℓ∞ ball",
    text=r"$\max_{\|\delta\|_\infty \leq \epsilon} L(y \cdot (w^T(x + \delta) + b)) = "
    r"L(y \cdot (w^T x + b) - \epsilon \|w\|_1)$.",
    reading="for all n, w, x ∈ R^n, b, y ∈ {1, −1}, ε > 0, with L(z) = log(1 + e^{−z}); the left side is the largest "
    "loss at the 2^n vertices of the ball, where a convex function has its maximum",
    source=INNER,
    domain=Domain(**{**_LINEAR, "norm": OneOf("∞")}),
    conclusion=lambda w, b, x, y, epsilon: Sides.equal(
        _worst_loss("∞", w, b, x, y, epsilon), logistic(_margin(w, b, x, y) - epsilon * m.norm(w, 1))
    ),
)

reduced = Universal(
    id="002.reduced-objective",
    title="the worst loss over a ball, as a penalty outside of the loss",
    text="What is left of the min-max problem is a minimization. The general problem is "
    r"$\underset{w,b}{\mathrm{minimize}} \; \frac{1}{D} \sum_{(x,y) \in D} L(y \cdot (w^T x + b)) + "
    r"\epsilon \|w\|_*$.",
    reading=f"{_BALLS}: the largest loss over ‖δ‖ <= ε, at the vertices of the ball, equals "
    "L(y(wᵀx + b)) + ε‖w‖_*, with L(z) = log(1 + e^{−z})",
    source=INNER,
    domain=Domain(**_LINEAR),
    conclusion=lambda norm, w, b, x, y, epsilon: Sides.equal(
        _worst_loss(norm, w, b, x, y, epsilon), logistic(_margin(w, b, x, y)) + epsilon * _dual(norm, w)
    ),
)

reduced_corrected = Universal(
    id="002.reduced-objective.corrected",
    title="the worst loss over a ball",
    text=r"The general problem is $\underset{w,b}{\mathrm{minimize}} \; \frac{1}{|D|} \sum_{(x,y) \in D} "
    r"L(y \cdot (w^T x + b) - \epsilon \|w\|_*)$.",
    reading=f"{_BALLS}: the largest loss over ‖δ‖ <= ε, at the vertices of the ball, equals "
    "L(y(wᵀx + b) − ε‖w‖_*), with L(z) = log(1 + e^{−z})",
    source=INNER,
    corrects="002.reduced-objective",
    repair="typo",
    domain=Domain(**_LINEAR),
    conclusion=lambda norm, w, b, x, y, epsilon: Sides.equal(
        _worst_loss(norm, w, b, x, y, epsilon), logistic(_margin(w, b, x, y) - epsilon * _dual(norm, w))
    ),
)

reduced_upper = Universal(
    id="002.reduced-objective.upper-bound",
    title="the worst loss over a ball is at most the loss and the penalty",
    text=r"$\max_{\|\delta\| \leq \epsilon} L(y \cdot (w^T(x + \delta) + b)) \leq L(y \cdot (w^T x + b)) + "
    r"\epsilon \|w\|_*$.",
    reading=f"{_BALLS}: the largest loss over ‖δ‖ <= ε is at most L(y(wᵀx + b)) + ε‖w‖_*, because the slope of "
    "L(z) = log(1 + e^{−z}) is between −1 and 0",
    source=INNER,
    corrects="002.reduced-objective",
    repair="false",
    domain=Domain(**_LINEAR),
    conclusion=lambda norm, w, b, x, y, epsilon: Sides(
        _worst_loss(norm, w, b, x, y, epsilon), logistic(_margin(w, b, x, y)) + epsilon * _dual(norm, w)
    ),
)


def cross_entropy_difference(h: Any, y: int, target: int) -> Any:
    """ℓ(h, y) − ℓ(h, target)."""
    return cross_entropy(h, y) - cross_entropy(h, target)


targeted = Universal(
    id="002.targeted",
    title="the targeted objective is a difference of two logits",
    text=r"$\underset{\|\delta\| \leq \epsilon}{\mathrm{maximize}} (\ell(h_\theta(x + \delta), y) - "
    r"\ell(h_\theta(x + \delta), y_{\mathrm{targ}})) \equiv \underset{\|\delta\| \leq \epsilon}{\mathrm{maximize}} "
    r"\left( h_\theta(x + \delta)_{y_{\mathrm{targ}}} - h_\theta(x + \delta)_y \right)$.",
    reading="for all k, logits h ∈ R^k, labels y and targets: ℓ(h, y) − ℓ(h, target) = h_target − h_y, so that both "
    "problems have the same objective",
    source=slide("Targeted Attacks"),
    domain=Domain(
        k=Integers(2, 6),
        h=Vector("k", _MODERATE),
        y=Integers(0, lambda v: v["k"] - 1),
        target=Integers(0, lambda v: v["k"] - 1),
    ),
    conclusion=lambda h, y, target: equal_terms(
        cross_entropy_difference(h, y, target), h[target] - h[y], 1 + m.max(m.abs(h))
    ),
    made_false=lambda h, y, target: equal_terms(  # the signs exchanged
        cross_entropy_difference(h, y, target), h[y] - h[target], 1 + m.max(m.abs(h))
    ),
)

"""Risks, the robust problem, and its convexity.

The model is linear with logistic loss L(z) = log(1 + e^{−z}) and Δ = {‖δ‖∞ <= ε}, where the largest loss is known:
max L(y(wᵀ(x + δ) + b)) = L(y(wᵀx + b) − ε‖w‖₁), see 002.reduced-objective-linf.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from theorems import Domain, Existence, Integers, Matrix, OneOf, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.robustness_slides.linear import logistic
from theorems.statements.robustness_slides.source import slide

TRADITIONAL = slide("Traditional Risk")
ADVERSARIAL = slide("Adversarial Risk")
LINEAR = slide("Linear Models")
_SMALL = Integers(-3, 3)
_SIGN = OneOf(1, -1)

# --- risks ------------------------------------------------------------------------------------------


def _squared_error(losses: Any, weights: Any, size: int) -> Any:
    """E (R̂ − R)² over all samples of a size from the law with these weights on these losses."""
    total, every = m.sum(weights), range(len(losses))
    risk = m.sum(weights * losses) / total
    error = 0
    for sample in itertools.product(every, repeat=size):
        chance, mean = 1, 0
        for atom in sample:
            chance, mean = chance * weights[atom] / total, mean + losses[atom] / size
        error = error + chance * (mean - risk) * (mean - risk)
    return error


def _variance(losses: Any, weights: Any) -> Any:
    total = m.sum(weights)
    risk = m.sum(weights * losses) / total
    return m.sum(weights * (losses - risk) * (losses - risk)) / total


empirical = Universal(
    id="002.empirical-risk",
    title="the empirical risk approximates the risk",
    text=r"As the underlying distribution is not known, the risk $R(h_\theta) = \mathbf{E}_{(x,y) \sim "
    r"\mathcal{D}}[\ell(h_\theta(x), y)]$ is approximated by a finite set of samples drawn from $\mathcal{D}$: "
    r"$\hat{R}(h_\theta, D) = \frac{1}{|D|} \sum_{(x,y) \in D} \ell(h_\theta(x), y)$, $D = \{(x_i, y_i) \sim "
    r"\mathcal{D}\}$, $i = 1, \dots, m$.",
    reading="D is a sequence of m independent samples (as a set of distinct ones it is biased: "
    "001.risk.empirical.as-set). For every law on 2 or 3 losses and m <= 3, all samples enumerated: E(R̂ − R)² = "
    "Var(ℓ)/m, which is how well it approximates",
    source=TRADITIONAL,
    domain=Domain(
        atoms=Integers(2, 3),
        m=Integers(1, 3),
        losses=Vector("atoms", Integers(0, 5)),
        weights=Vector("atoms", Integers(1, 5)),
    ),
    conclusion=lambda losses, weights, **more: Sides.equal(
        1 + _squared_error(losses, weights, more["m"]), 1 + _variance(losses, weights) / more["m"]
    ),
    made_false=lambda losses, weights, **more: Sides.equal(
        1 + _squared_error(losses, weights, more["m"]), 1 + _variance(losses, weights)
    ),
)


def _mean_loss(margins: Any) -> Any:
    """Mean of L over a vector of margins."""
    return m.mean(m.stack(logistic(one) for one in margins))


def _margins(w: Any, b: Any, x: Any, y: Any) -> Any:
    """y_i(wᵀx_i + b) of each row."""
    return y * (x @ w + b)


POINTS: dict[str, Any] = {
    "n": Integers(1, 2),
    "points": Integers(1, 3),
    "w": Vector("n", _SMALL),
    "b": _SMALL,
    "x": Matrix("points", "n", _SMALL),
    "y": Vector("points", _SIGN),
    "epsilon": OneOf(0.5, 1.0, 2.0),
}
DATA = "for linear models with logistic loss, data of up to three points, and ε ∈ {½, 1, 2}: "

adversarial_risk = Universal(
    id="002.adversarial-risk",
    title="the adversarial risk is the worst case around each sample",
    text=r"In place of $\ell(h_\theta(x), y)$ comes the worst loss in a region around the sample: "
    r"$\hat{R}_{\mathrm{adv}}(h_\theta, D) = \frac{1}{|D|} \sum_{(x,y) \in D} \max_{\delta \in \Delta(x)} "
    r"\ell(h_\theta(x + \delta)), y)$.",
    reading=DATA
    + "R̂ <= R̂_adv, as the region contains the point itself, with equality for w = 0. The brackets are as printed, "
    "also for the expectation; the loss of h_θ(x + δ) and y is meant",
    source=ADVERSARIAL,
    domain=Domain(**POINTS),
    conclusion=lambda w, b, x, y, epsilon: Sides(
        _mean_loss(_margins(w, b, x, y)), _mean_loss(_margins(w, b, x, y) - epsilon * m.norm(w, 1))
    ),
)


def _attacked(w: Any, b: Any, x: Any, y: Any, epsilon: float, share: float) -> Any:
    """Mean loss under an adversary who moves each point towards the worst vertex, found among all 2^n of them."""
    total = 0
    for point, sign in zip(x, y, strict=True):
        corners = [epsilon * np.array(one) for one in itertools.product((-1.0, 1.0), repeat=len(w))]
        losses = [logistic(sign * (m.sum(w * (point + one)) + b)) for one in corners]
        worst = corners[max(range(len(corners)), key=lambda i: float(losses[i]))]
        total = total + logistic(sign * (m.sum(w * (point + share * worst)) + b))
    return total / len(x)


def _accuracy(w: Any, b: Any, x: Any, y: Any, epsilon: float, share: float) -> Sides:
    """The errors of the adversarial and of the traditional risk, both moved by 10."""
    margins, suffered = _margins(w, b, x, y), _attacked(w, b, x, y, epsilon, share)
    adversarial = _mean_loss(margins - epsilon * m.norm(w, 1))
    return Sides(10 + m.abs(adversarial - suffered), 10 + m.abs(_mean_loss(margins) - suffered))


more_accurate = Universal(
    id="002.more-accurate",
    title="under attack the adversarial risk is the better estimate",
    text="In a truly adversarial environment, in which somebody who knows the classifier fully can manipulate "
    "inputs, the adversarial risk estimates the expected performance more accurately.",
    reading=DATA
    + "the adversary moves each point to the vertex of its ball that has the largest loss. |R_adv − mean loss "
    "suffered| <= |R − mean loss suffered|. An adversary who moves half as far makes it false: the loss is convex in "
    "δ",
    source=ADVERSARIAL,
    domain=Domain(**POINTS),
    conclusion=lambda w, b, x, y, epsilon: _accuracy(w, b, x, y, epsilon, 1.0),
    made_false=lambda w, b, x, y, epsilon: _accuracy(w, b, x, y, epsilon, 0.5),
)

# --- convexity --------------------------------------------------------------------------------------


def robust_bound(W: Any, b: Any, x: Any, y: int, epsilon: Any) -> Any:
    """Log Σ_j exp(h_j − h_y + ε‖w_j − w_y‖₁): the largest cross-entropy over the ball, at most; exactly for k = 2."""
    lead = W - W[y]
    return m.logsumexp(lead @ x + b - b[y] + epsilon * m.sum(m.abs(lead), axis=1))


def _mixed(share: Any, first: Any, second: Any) -> Any:
    return (1 - share) * first + share * second


def _convex(W: Any, V: Any, b: Any, c: Any, x: Any, epsilon: Any, share: Any) -> Sides:
    """φ at a mixture of two models, and the mixture of their φ; label 0."""
    mixture = robust_bound(_mixed(share, W, V), _mixed(share, b, c), x, 0, epsilon)
    return Sides(mixture, _mixed(share, robust_bound(W, b, x, 0, epsilon), robust_bound(V, c, x, 0, epsilon)))


robust_convex = Universal(
    id="002.robust-convex",
    title="the robust problem of a linear model is convex",
    text=r"The minimization problem that results remains convex in $\theta$.",
    reading="for two linear models with whole entries and k = 2 or 3 classes, a point x and ε: at 1/4, 1/2 and 3/4 "
    "of the way from one model to the other log Σ_j exp(h_j − h_y + ε‖w_j − w_y‖₁), which for two classes is the "
    "largest loss over the ℓ∞ ball (002.reduced-objective-linf) and an upper bound for more (002.multiclass-bound), "
    "is at most the mixture of its ends; sums over points are convex too",
    source=LINEAR,
    domain=Domain(
        share=OneOf(0.5, 0.25, 0.75),
        epsilon=OneOf(0.5, 1.0, 2.0),
        k=Integers(2, 3),
        n=Integers(1, 2),
        W=Matrix("k", "n", _SMALL),
        V=Matrix("k", "n", _SMALL),
        b=Vector("k", _SMALL),
        c=Vector("k", _SMALL),
        x=Vector("n", _SMALL),
    ),
    conclusion=_convex,
)

SEPARATOR: dict[str, Any] = {**POINTS, "v": Vector("n", _SMALL), "c": _SMALL}

global_optimum = Existence(
    id="002.global-optimum",
    title="a globally optimal robust classifier exists",
    text=r"As the minimization problem that results is convex in $\theta$, robust training is solved optimally too, "
    "and the globally optimal robust classifier is achieved.",
    reading=DATA
    + "some (w, b) minimises Σ_i L(y_i(wᵀx_i + b) − ε‖w‖₁). Where all margins y_i(vᵀx_i + c) − ε‖v‖₁ of some (v, c) "
    "are positive, the sum tends to 0 along its multiples, and no (w, b) has the sum 0: a minimiser exists only if "
    "for every (v, c) some margin is not positive",
    source=LINEAR,
    domain=Domain(
        **{name: one for name, one in SEPARATOR.items() if name not in ("w", "b")},
        where={"both labels occur": lambda y: m.any(y == 1) and m.any(y == -1)},
    ),
    obstruction=lambda v, c, x, y, epsilon: Sides(m.min(_margins(v, c, x, y)) - epsilon * m.norm(v, 1), 0),
)


def _robust_loss(w: Any, b: Any, x: Any, y: Any, epsilon: Any) -> Any:
    return _mean_loss(_margins(w, b, x, y) - epsilon * m.norm(w, 1))


def slope_of_loss(z: Any) -> Any:
    """L'(z)."""
    return -1 / (1 + m.exp(z))


def robust_slope(w: Any, b: Any, x: Any, y: Any, epsilon: Any, v: Any, c: Any) -> Any:
    """Slope of the mean robust loss at (w, b) along (v, c), with a subgradient of the norm where w_i = 0."""
    slopes = m.stack(slope_of_loss(one) for one in _margins(w, b, x, y) - epsilon * m.norm(w, 1))
    return m.mean(slopes * (y * (x @ v + c) - epsilon * m.sum(m.sign(w) * v)))


global_optimum_corrected = Universal(
    id="002.global-optimum.corrected",
    title="a stationary robust classifier is globally optimal",
    text=r"If $0$ is a subgradient of the robust objective at $\theta$, then $\theta$ is globally optimal.",
    reading=DATA
    + "φ(w, b) + g·((v, c) − (w, b)) <= φ(v, c) for all (w, b) and (v, c), φ the mean robust loss and g its "
    "(sub)gradient at (w, b): g = 0 says that φ is smallest there. Both sides less their common terms may cancel: 10 "
    "is added to both",
    source=LINEAR,
    corrects="002.global-optimum",
    repair="missing hypothesis",
    domain=Domain(**SEPARATOR),
    conclusion=lambda w, b, x, y, epsilon, v, c: Sides(
        10 + _robust_loss(w, b, x, y, epsilon) + robust_slope(w, b, x, y, epsilon, v - w, c - b),
        10 + _robust_loss(v, c, x, y, epsilon),
    ),
)

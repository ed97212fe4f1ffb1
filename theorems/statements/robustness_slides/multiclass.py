"""The inner maximisation: moving the maximum inside the loss, which works for two classes and not for more."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from theorems import Domain, Existence, Integers, Matrix, OneOf, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.robustness_slides.linear import INNER, cross_entropy, logistic
from theorems.statements.robustness_slides.risks import robust_bound
from theorems.statements.robustness_slides.source import slide

MULTICLASS = slide("Multi-class Label Classification")
_SMALL = Integers(-3, 3)

# --- two classes ------------------------------------------------------------------------------------

_POINT = Domain(
    n=Integers(1, 3),
    w=Vector("n", _SMALL),
    b=_SMALL,
    x=Vector("n", _SMALL),
    y=OneOf(1, -1),
    delta=Vector("n", _SMALL),
)
_POINT_READING = "for all n, w, x, δ ∈ R^n, b with whole entries and y ∈ {1, −1}: "


def _two_logits(score: Any) -> Any:
    """Logits of two classes with this difference."""
    return m.stack([score, 0 * score])


def _loss_of(score: Any, y: int) -> Any:
    """The cross-entropy of two classes whose logits differ by the score."""
    return cross_entropy(_two_logits(score), 0 if y == 1 else 1)


inner = Universal(
    id="002.inner-maximization",
    title="the inner objective without and with the bias",
    text=r"$\underset{\|\delta\| \leq \epsilon}{\mathrm{maximize}} \; \ell(w^T(x + \delta), y) \equiv "
    r"\underset{\|\delta\| \leq \epsilon}{\mathrm{maximize}} \; L(y \cdot (w^T(x + \delta) + b))$.",
    reading=_POINT_READING
    + "both objectives have the same value, ℓ of a score being the cross-entropy of two classes whose logits differ "
    "by it. They have the same maximisers in any case, as L is decreasing and b moves all scores",
    source=INNER,
    domain=_POINT,
    conclusion=lambda w, b, x, y, delta: Sides.equal(
        _loss_of(m.sum(w * (x + delta)), y), logistic(y * (m.sum(w * (x + delta)) + b))
    ),
)

inner_corrected = Universal(
    id="002.inner-maximization.corrected",
    title="the inner objective with the bias on both sides",
    text=r"$\underset{\|\delta\| \leq \epsilon}{\mathrm{maximize}} \; \ell(w^T(x + \delta) + b, y) \equiv "
    r"\underset{\|\delta\| \leq \epsilon}{\mathrm{maximize}} \; L(y \cdot (w^T(x + \delta) + b))$.",
    reading=_POINT_READING + "both objectives have the same value",
    source=INNER,
    corrects="002.inner-maximization",
    repair="typo",
    domain=_POINT,
    conclusion=lambda w, b, x, y, delta: Sides.equal(
        _loss_of(m.sum(w * (x + delta)) + b, y), logistic(y * (m.sum(w * (x + delta)) + b))
    ),
)

_DECREASING: dict[str, Any] = {
    "logistic": logistic,
    "exponential": lambda z: m.exp(-z),
    "hinge": lambda z: m.relu(1 - z),
    "sigmoid": lambda z: 1 / (1 + m.exp(z)),
}

monotone = Universal(
    id="002.monotone",
    title="a decreasing function is largest where its argument is smallest",
    text="To maximize a monotonic decreasing function of a scalar, it is equivalent to minimize the scalar.",
    reading="for the decreasing functions log(1 + e^{−z}), e^{−z}, max(1 − z, 0) and 1/(1 + e^z) and all finite sets "
    "of scalars: the largest value is that at the smallest scalar",
    source=INNER,
    domain=Domain(loss=OneOf(*_DECREASING), n=Integers(1, 5), s=Vector("n", Integers(-30, 30))),
    conclusion=lambda loss, s: Sides.equal(
        m.max(m.stack(_DECREASING[loss](one) for one in s)), _DECREASING[loss](m.min(s))
    ),
)

# --- more classes -----------------------------------------------------------------------------------


def _largest_loss(W: Any, b: Any, x: Any, y: int, epsilon: Any) -> Any:
    """Largest cross-entropy over the ℓ∞ ball: it is convex in δ, so that a vertex has it."""
    corners = itertools.product((-1.0, 1.0), repeat=len(x))
    return m.max(m.stack(cross_entropy(W @ (x + epsilon * np.array(one)) + b, y) for one in corners))


_MODELS = Domain(
    epsilon=OneOf(0.5, 1.0, 2.0),
    k=Integers(2, 4),
    n=Integers(1, 2),
    W=Matrix("k", "n", _SMALL),
    b=Vector("k", _SMALL),
    x=Vector("n", _SMALL),
)

multiclass_bound = Universal(
    id="002.multiclass-bound",
    title="an upper bound of the multi-class inner maximum",
    text="For binary optimization the inner maximization has an exact solution, and for multi-class classification a "
    "relatively tight upper bound.",
    reading="the bound is not printed: the maximum is moved inside the sum of exponentials, term by term. For all "
    "linear models with k <= 4 classes and whole entries, y one of the classes, ε ∈ {½, 1, 2}: the largest "
    "cross-entropy over the ℓ∞ ball, at a vertex as it is convex in δ, is at most log Σ_j exp(h_j − h_y + ε‖w_j − "
    "w_y‖₁). It is an equality for k = 2; how tight it is else is not claimed",
    source=slide("Linear Models"),
    domain=_MODELS,
    conclusion=lambda W, b, x, epsilon: Sides(
        _largest_loss(W, b, x, 0, epsilon), robust_bound(W, b, x, 0, epsilon)
    ),
)


def _opposed(n: int) -> Any:
    """Three classes of which the first two pull the perturbation apart: rows (1, …), (−1, …), 0."""
    return np.stack([np.ones(n), -np.ones(n), np.zeros(n)])


not_inside = Existence(
    id="002.multiclass-not-inside",
    title="the maximum cannot be moved inside the sum of exponentials",
    text=r"In $\max_{\|\delta\| \leq \epsilon} \left( \log \left( \sum_{j=1}^k \exp(w_j^T(x + \delta) + b_j) \right) "
    r"- (w_y^T(x + \delta) + b_y) \right)$ the maximum over $\delta$ cannot be pushed inside the nonlinear function.",
    reading="for n <= 2 and all ε = 2ʲ, −6 <= j <= 3, there are W with three rows, x, b and y for which the largest "
    "loss over the ℓ∞ ball is smaller than with the maximum in each term: rows (1, …, 1), (−1, …, −1) and 0, x = 0, "
    "b = 0, y the third class",
    source=MULTICLASS,
    domain=Domain(n=Integers(1, 2), power=Integers(-6, 3)),
    construction=_opposed,
    conclusion=lambda witness, n, power: Sides(
        _largest_loss(witness, np.zeros(3), np.zeros(n), 2, 2.0**power),
        robust_bound(witness, np.zeros(3), np.zeros(n), 2, 2.0**power),
        "<",
    ),
    made_false=lambda witness, n, power: Sides(  # of two classes
        robust_bound(witness[:2], np.zeros(2), np.zeros(n), 1, 2.0**power),
        _largest_loss(witness[:2], np.zeros(2), np.zeros(n), 1, 2.0**power),
        "<",
    ),
)

logsumexp_convex = Universal(
    id="002.logsumexp-convex",
    title="the log-sum-exp function is convex",
    text="As the log-sum-exp function is convex, its maximum is in general difficult.",
    reading="for all k, u, v ∈ R^k with whole entries, at 1/4, 1/2 and 3/4 of the way from u to v: it is at most the "
    "mixture of its ends. How difficult the maximum is is not checked; over a ball of few dimensions it is at one of "
    "the 2^n vertices. 100 is added to both sides",
    source=MULTICLASS,
    domain=Domain(
        k=Integers(1, 5),
        u=Vector("k", Integers(-9, 9)),
        v=Vector("k", Integers(-9, 9)),
        share=OneOf(0.5, 0.25, 0.75),
    ),
    conclusion=lambda u, v, share: Sides(
        100 + m.logsumexp((1 - share) * u + share * v),
        100 + (1 - share) * m.logsumexp(u) + share * m.logsumexp(v),
    ),
)

# --- data that are black and white ------------------------------------------------------------------

binarized = Universal(
    id="002.binarize",
    title="rounding pixels removes noise from black-and-white images",
    text="MNIST's pixel values are in essence black and white: rounding them to 0 or 1 before the classification "
    r"removes more $\ell_\infty$ noise.",
    reading="pixels within τ of 0 or 1 and ‖δ‖∞ <= ε with τ + ε < ½, in 1/64ths: rounding x + δ (½ upwards) gives "
    "what rounding x does, so that no such noise changes what is classified",
    source=slide("MNIST problem"),
    domain=Domain(
        n=Integers(1, 4),
        tau=Integers(0, 31),
        epsilon=Integers(0, lambda v: 31 - v["tau"]),
        white=Vector("n", Integers(0, 1)),
        off=Vector("n", Integers(lambda v: -v["tau"], "tau")),
        noise=Vector("n", Integers(lambda v: -v["epsilon"], "epsilon")),
    ),
    conclusion=lambda white, off, noise: Sides(
        m.max(m.abs(m.floor(white + (off + noise) / 64 + 0.5) - m.floor(white + off / 64 + 0.5))), 0
    ),
    made_false=lambda white, off, noise: Sides(
        m.max(m.abs(m.floor(white + (off + noise) / 32 + 0.5) - m.floor(white + off / 32 + 0.5))), 0
    ),
)

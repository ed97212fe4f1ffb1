"""Lipschitz constants: compositions, layers, networks, and functions with a bounded derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from theorems import Array, Domain, Existence, Integers, Matrix, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.layers import batch_normalisation, max_pooling, most_windows
from theorems.statements.intriguing_slides.source import slide
from theorems.statements.tools import equal_terms, label

CONTINUITY = slide("Lipschitz continuity")
INSTABILITY = slide("Spectral Analysis of Unstability")

# --- compositions -----------------------------------------------------------------------------------

_INNER: dict[str, Callable[[Any], Any]] = {
    "first coordinate": lambda x: x[0],
    "norm": m.norm,
    "largest coordinate": m.max,
    "scaled sum": lambda x: m.sum(x) / m.sqrt(len(x)),
}
"""Functions of R^n with Lipschitz constant 1."""
_OUTER: dict[str, Callable[[Any], Any]] = {
    "identity": lambda t: t,
    "abs": m.abs,
    "relu": m.relu,
    "tanh": m.tanh,
    "sin": m.sin,
}
"""Functions of R with Lipschitz constant 1."""


def _composed(x: Any, inner: str, outer: str, L1: Any, L2: Any) -> Any:
    return L1 * _OUTER[outer](L2 * _INNER[inner](x))


composition = Universal(
    id="004.composition",
    title="a composition has the product of the Lipschitz constants",
    text="For Lipschitz continuous functions $f_1$ and $f_2$ with constants $L_1$ and $L_2$, the "
    r"composition $f_1 \circ f_2$ has the upper Lipschitz constant $L_1 L_2$: $|f_1(f_2(y)) - f_1(f_2(x))| "
    r"\leq L_1 |f_2(y) - f_2(x)| \leq L_1 L_2 \|y - x\|_2$.",
    reading="for all n, x, y ∈ R^n, L1, L2 > 0: |f1(f2(y)) − f1(f2(x))| <= L1·L2·‖y − x‖₂, searched for f2 = L2·φ "
    "with φ a coordinate, the norm, the largest coordinate or the sum over √n, and f1 = L1·ψ with ψ the identity, "
    "|·|, ReLU, tanh or sin; each φ and ψ has constant 1",
    source=CONTINUITY,
    domain=Domain(
        n=Integers(1, 5),
        inner=OneOf(*_INNER),
        outer=OneOf(*_OUTER),
        L1=Reals(0, open=(True, False)),
        L2=Reals(0, open=(True, False)),
        x=Vector("n"),
        y=Vector("n"),
    ),
    conclusion=lambda x, y, inner, outer, L1, L2: Sides(
        m.abs(_composed(y, inner, outer, L1, L2) - _composed(x, inner, outer, L1, L2)),
        L1 * L2 * m.norm(y - x),
    ),
)


def _network(W: Any, x: Any) -> Any:
    for matrix in W:
        x = m.relu(matrix @ x)
    return x


def _product(W: Any) -> Any:
    product = 1
    for matrix in W:
        product = product * m.spectral_norm(matrix)
    return product


network_product = Universal(
    id="004.network-product",
    title="a network has at most the product of its layers' Lipschitz constants",
    text=r"If each layer satisfies $\forall x, r, \|\phi_k(x; W_k) - \phi_k(x + r; W_k)\| \leq L_k \|r\|$, the "
    r"resulting network satisfies $\|\phi(x + r) - \phi(x)\| \leq L \|r\|$, with $L \leq \prod_{k=1}^K L_k$.",
    reading="for all K, n, W_1, …, W_K ∈ R^{n×n} and x, y = x + r ∈ R^n: ‖φ(y) − φ(x)‖₂ <= Π‖W_k‖₂·‖y − x‖₂ for the "
    "rectified layers φ_k(x) = ReLU(W_k x), whose constant is at most ‖W_k‖₂",
    source=INSTABILITY,
    domain=Domain(K=Integers(1, 3), n=Integers(1, 3), W=Array("K", "n", "n"), x=Vector("n"), y=Vector("n")),
    conclusion=lambda W, x, y: Sides(m.norm(_network(W, y) - _network(W, x)), _product(W) * m.norm(y - x)),
)


def _margin(scores: Any, best: int) -> Any:
    """By how much one output exceeds the largest other."""
    return m.min(m.stack(scores[best] - scores[j] for j in range(len(scores)) if j != best))


def _lost_margin(W: Any, x: Any, y: Any) -> Any:
    before, after = _network(W, x), _network(W, y)
    best = label(before)
    return _margin(before, best) - _margin(after, best)


small_bounds = Universal(
    id="004.small-bounds",
    title="small bounds guarantee that there is no adversarial example",
    text=r"Large bounds $L \leq \prod_{k=1}^K L_k$ need not mean that adversarial examples exist; small "
    "bounds, however, guarantee that there are none.",
    reading="for all K, n >= 2, W_1, …, W_K ∈ R^{n×n} and x, y ∈ R^n: the margin of φ's label at x (the largest "
    "output less the next one) is at y smaller by at most √2·Π‖W_k‖₂·‖y − x‖₂, with rectified layers φ_k. So no y "
    "nearer than margin/(√2·Π‖W_k‖₂) is labelled differently. The slide names no threshold; √2 is what the "
    "difference of two outputs can change, over the change of the output",
    source=INSTABILITY,
    domain=Domain(K=Integers(1, 2), n=Integers(2, 3), W=Array("K", "n", "n"), x=Vector("n"), y=Vector("n")),
    conclusion=lambda W, x, y: Sides(_lost_margin(W, x, y), m.sqrt(2) * _product(W) * m.norm(y - x)),
)

# --- layers -----------------------------------------------------------------------------------------

relu = Universal(
    id="004.relu-lipschitz",
    title="ReLU has the Lipschitz constant 1",
    text="The Lipschitz constant of ReLU layers is 1: the derivative is at most 1.",
    reading="for all n and x, y ∈ R^n: ‖ReLU(y) − ReLU(x)‖₂ <= ‖y − x‖₂",
    source=INSTABILITY,
    domain=Domain(n=Integers(1, 6), x=Vector("n"), y=Vector("n")),
    conclusion=lambda x, y: Sides(m.norm(m.relu(y) - m.relu(x)), m.norm(y - x)),
    exact=True,
)


def _side(v: Any) -> int:
    return int(v["q"] + v["s"] * (v["t"] - 1))


def _pooled_apart(X: Any, Y: Any, q: int, s: int) -> Any:
    return m.norm(max_pooling(Y, q, s) - max_pooling(X, q, s))


_IMAGES: dict[str, Any] = {"X": Array("c", _side, _side), "Y": Array("c", _side, _side)}
_SIZES = "c channels, t×t windows of size q×q with stride s, images X, Y ∈ R^{c×d×d}, d = q + s(t − 1)"

max_pool = Universal(
    id="004.max-pooling-lipschitz",
    title="max pooling has the Lipschitz constant 1",
    text="The Lipschitz constant of max pooling layers is 1: the derivative is at most 1.",
    reading=f"for all {_SIZES}: ‖Z(Y) − Z(X)‖_F <= ‖Y − X‖_F. Windows may overlap, q > s, as they do in the network "
    "of Table 5",
    source=INSTABILITY,
    domain=Domain(c=Integers(1, 2), s=Integers(1, 3), t=Integers(1, 2), q=Integers(1, 3), **_IMAGES),
    conclusion=lambda X, Y, q, s: Sides(_pooled_apart(X, Y, q, s), m.norm(Y - X)),
)

max_pool_apart = Universal(
    id="004.max-pooling-lipschitz.corrected",
    title="max pooling over windows that do not overlap has the Lipschitz constant 1",
    text=r"Max pooling layers whose windows do not overlap have a Lipschitz constant of 1.",
    reading=f"for all {_SIZES}, s >= q: ‖Z(Y) − Z(X)‖_F <= ‖Y − X‖_F",
    source=INSTABILITY,
    corrects="004.max-pooling-lipschitz",
    repair="missing hypothesis",
    domain=Domain(
        c=Integers(1, 2),
        t=Integers(1, 2),
        q=Integers(1, 3),
        s=Integers("q", lambda v: v["q"] + 1),
        **_IMAGES,
    ),
    conclusion=lambda X, Y, q, s: Sides(_pooled_apart(X, Y, q, s), m.norm(Y - X)),
)

max_pool_overlapping = Universal(
    id="004.max-pooling-lipschitz.overlapping",
    title="max pooling has the Lipschitz constant ⌈q/s⌉",
    text=r"Max pooling layers with windows of size $q \times q$ and stride $s$ have a Lipschitz constant of at most "
    r"$\lceil q/s \rceil$.",
    reading=f"for all {_SIZES}: ‖Z(Y) − Z(X)‖_F <= min(⌈q/s⌉, t)·‖Y − X‖_F: each pixel is in at most "
    "min(⌈q/s⌉, t)² windows",
    source=INSTABILITY,
    corrects="004.max-pooling-lipschitz",
    repair="constant",
    domain=Domain(c=Integers(1, 2), s=Integers(1, 2), t=Integers(1, 3), q=Integers(1, 3), **_IMAGES),
    conclusion=lambda X, Y, q, s, t: Sides(_pooled_apart(X, Y, q, s), most_windows(q, s, t) * m.norm(Y - X)),
)

batch_norm = Universal(
    id="004.batch-normalisation",
    title="the Lipschitz constant of batch normalisation",
    text=r"The Lipschitz constant of a batch normalization layer is $\frac{\gamma}{\sqrt{\sigma^2 + "
    r"\epsilon}}$: $\nabla_x BN(x) = \nabla_x \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta = "
    r"\frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}$.",
    reading="for all γ, β, μ ∈ R, σ² >= 0, ϵ > 0 and x, y ∈ R: |BN(y) − BN(x)| <= γ/√(σ² + ϵ)·|y − x|. The "
    "statistics μ, σ² are fixed, as they are at inference; γ may be negative, as training leaves it free",
    source=INSTABILITY,
    domain=Domain(
        gamma=Reals(),
        beta=Reals(),
        mean=Reals(),
        variance=Reals(0),
        epsilon=Reals(0, open=(True, False)),
        x=Reals(),
        y=Reals(),
    ),
    conclusion=lambda gamma, beta, mean, variance, epsilon, x, y: Sides(
        m.abs(
            batch_normalisation(y, gamma, beta, mean, variance + epsilon)
            - batch_normalisation(x, gamma, beta, mean, variance + epsilon)
        ),
        gamma / m.sqrt(variance + epsilon) * m.abs(y - x),
    ),
)

batch_norm_corrected = Universal(
    id="004.batch-normalisation.corrected",
    title="the Lipschitz constant of batch normalisation, with |γ|",
    text=r"The Lipschitz constant of a batch normalization layer is $\max_j "
    r"\frac{|\gamma_j|}{\sqrt{\sigma_j^2 + \epsilon}}$.",
    reading="for all n, γ, β, μ ∈ R^n, v ∈ R^n with v_j = σ_j² + ϵ > 0, and x, y ∈ R^n: "
    "‖BN(y) − BN(x)‖₂ <= max_j |γ_j|/√v_j·‖y − x‖₂, with fixed statistics. A negative γ is repaired by |γ|, several "
    "features by the maximum",
    source=INSTABILITY,
    corrects="004.batch-normalisation",
    repair="missing hypothesis",
    domain=Domain(
        n=Integers(1, 4),
        gamma=Vector("n"),
        beta=Vector("n"),
        mean=Vector("n"),
        variance=Vector("n", Reals(1e-6, 1e6)),
        x=Vector("n"),
        y=Vector("n"),
    ),
    conclusion=lambda gamma, beta, mean, variance, x, y: Sides(
        m.norm(
            batch_normalisation(y, gamma, beta, mean, variance)
            - batch_normalisation(x, gamma, beta, mean, variance)
        ),
        m.max(m.abs(gamma) / m.sqrt(variance)) * m.norm(y - x),
    ),
)

linear = Universal(
    id="004.linear-lipschitz",
    title="a linear layer is Lipschitz with its spectral norm",
    text=r"The Lipschitz constant of linear layers ($Wx$) is $\sigma(W)$, with $\sigma$ the spectral norm, "
    r"that is, the largest singular value: $\|Wz\|_2 \leq L\|z\|_2 \Rightarrow L \geq "
    r"\frac{\|Wz\|_2}{\|z\|_2} \Rightarrow L = \sigma(W)$.",
    reading="for all m, n, W ∈ R^{m×n} and x, y ∈ R^n: ‖Wy − Wx‖₂ <= σ(W)·‖y − x‖₂; that no smaller constant serves "
    "is 004.spectral-norm",
    source=INSTABILITY,
    domain=Domain(m=Integers(1, 4), n=Integers(1, 4), W=Matrix("m", "n"), x=Vector("n"), y=Vector("n")),
    conclusion=lambda W, x, y: Sides(m.norm(W @ y - W @ x), m.spectral_norm(W) * m.norm(y - x)),
)


def _top_direction(A: Any) -> Any:
    return np.linalg.svd(np.asarray(A, dtype=float))[2][0]


spectral_norm = Existence(
    id="004.spectral-norm",
    title="the spectral norm is attained",
    text=r"A matrix $A \in \mathbb{R}^{m \times n}$ has the spectral norm $\sigma(A) = \max_{x \in "
    r"\mathbb{R}^n, x \neq 0} \frac{\|Ax\|_2}{\|x\|_2}$; it is the largest singular value of $A$.",
    reading="for all m, n and A ∈ R^{m×n} there is x ≠ 0 with ‖Ax‖₂ >= σ(A)‖x‖₂, σ(A) the largest singular value; "
    "that no x has more is 004.linear-lipschitz. x is built as the first right singular vector",
    source=INSTABILITY,
    domain=Domain(m=Integers(1, 4), n=Integers(1, 4), A=Matrix("m", "n")),
    construction=_top_direction,
    conclusion=lambda witness, A: Sides(m.spectral_norm(A) * m.norm(witness), m.norm(A @ witness)),
)

# --- bounded derivatives ----------------------------------------------------------------------------

_DERIVATIVE_TEXT = (
    r"Let $f : I \rightarrow R$ be continuous and differentiable on some set $I \subseteq \mathbb{R}^d$. If "
    r"$\|f'(x)\|_2 \leq m$ for all $x \in I$, the upper Lipschitz constant of $f$ is $m$ ($L \leq m$)."
)

bounded_derivative = Universal(
    id="004.bounded-derivative",
    title="a bounded derivative bounds the Lipschitz constant",
    text=_DERIVATIVE_TEXT,
    reading="I ⊆ R^d is any set. For d = 1 and I = [0, 1] ∪ [1 + g, 2 + g], g > 0, with f affine on each interval "
    "(slopes s1, s2, values c1, c2 at the left ends): for all x in the first and y = 1 + g + t in the second, "
    "|f(y) − f(x)| <= max(|s1|, |s2|)·|y − x|",
    source=CONTINUITY,
    domain=Domain(
        g=Reals(0, 100, open=(True, False)),
        s1=Reals(),
        s2=Reals(),
        c1=Reals(),
        c2=Reals(),
        x=Reals(0, 1),
        t=Reals(0, 1),
    ),
    conclusion=lambda g, s1, s2, c1, c2, x, t: Sides(
        m.abs(c2 + s2 * t - c1 - s1 * x), m.maximum(m.abs(s1), m.abs(s2)) * (1 + g + t - x)
    ),
)


def _quadratic(A: Any, b: Any, x: Any) -> Any:
    return m.sum(x * (A @ x)) / 2 + m.sum(b * x)


def _quadratic_slope(A: Any, b: Any, x: Any) -> Any:
    return (A @ x + m.transpose(A) @ x) / 2 + b


def _terms(A: Any, b: Any, *points: Any) -> Any:
    """An upper bound on the terms of f and of f'·x at the points."""
    size = sum(m.norm(point, 1) for point in points)
    return 1 + size * size * m.norm(A, 1) + size * m.norm(b, 1)


_QUADRATICS: dict[str, Any] = {
    "d": Integers(1, 3),
    "A": Matrix("d", "d", Reals(-10, 10)),
    "b": Vector("d", Reals(-10, 10)),
}

bounded_derivative_corrected = Universal(
    id="004.bounded-derivative.corrected",
    title="a bounded derivative bounds the Lipschitz constant on a convex set",
    text=_DERIVATIVE_TEXT.replace("some set", "some convex set"),
    reading="for all d, convex I ⊆ R^d and x, y ∈ I: |f(y) − f(x)| <= m·‖y − x‖₂. Only the segment from x to y "
    "matters; searched for the quadratics f(x) = xᵀAx/2 + b·x, whose ‖f'‖₂ is largest at an end of it",
    source=CONTINUITY,
    corrects="004.bounded-derivative",
    repair="missing hypothesis",
    domain=Domain(**_QUADRATICS, x=Vector("d", Reals(-10, 10)), y=Vector("d", Reals(-10, 10))),
    conclusion=lambda A, b, x, y: Sides(
        m.abs(_quadratic(A, b, y) - _quadratic(A, b, x)),
        m.maximum(m.norm(_quadratic_slope(A, b, x)), m.norm(_quadratic_slope(A, b, y))) * m.norm(y - x),
    ),
)

mean_value = Existence(
    id="004.mean-value",
    title="the mean value step, as it is bracketed",
    text=r"For all $a, b \in I$, there exist $c \in (a, b)$, such that: "
    r"$|f(b) - f(a)| = \|f'(c).b - a\|_2 \leq \|f'(c)\|_2 \|b - a\|_2$.",
    reading="without the missing bracket the product binds first. For d = 1, where the difference of a number and "
    "a vector makes sense, and f(x) = sx, where f'(c) = s whatever c is: for all s and a < b, |f(b) − f(a)| = |s·b − "
    "a|",
    source=CONTINUITY,
    domain=Domain(s=Reals(), a=Reals(), b=Reals("a", open=(True, False))),
    obstruction=lambda s, a, b: Sides.equal(m.abs(s * (b - a)), m.abs(s * b - a)),
)

mean_value_corrected = Existence(
    id="004.mean-value.corrected",
    title="the mean value step",
    text=r"For all $a, b$ in a convex set $I$, there exist $c$ on the segment from $a$ to $b$, such that: "
    r"$|f(b) - f(a)| = |f'(c) \cdot (b - a)| \leq \|f'(c)\|_2 \|b - a\|_2$.",
    reading="for all d and a, p ∈ R^d there is c between them with |f(p) − f(a)| = |f'(c)·(p − a)|, searched for the "
    "quadratics f(x) = xᵀAx/2 + b·x; c is built as the midpoint",
    source=CONTINUITY,
    corrects="004.mean-value",
    repair="typo",
    domain=Domain(**_QUADRATICS, a=Vector("d", Reals(-10, 10)), p=Vector("d", Reals(-10, 10))),
    construction=lambda a, p: (a + p) / 2,
    conclusion=lambda witness, A, b, a, p: equal_terms(
        m.abs(_quadratic(A, b, p) - _quadratic(A, b, a)),
        m.abs(m.sum(_quadratic_slope(A, b, witness) * (p - a))),
        _terms(A, b, a, p),
    ),
    made_false=lambda A, b, a, p: equal_terms(  # at an end of the segment instead
        m.abs(_quadratic(A, b, p) - _quadratic(A, b, a)),
        m.abs(m.sum(_quadratic_slope(A, b, a) * (p - a))),
        _terms(A, b, a, p),
    ),
)

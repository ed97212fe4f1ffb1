"""Chapter 4 and A.1: Taylor's theorem, bounds on derivatives of MLPs, and the robustness bound that follows."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from theorems import Array, Domain, Entry, Integers, Matrix, OneOf, Reals, Sides, Universal, Value, Vector
from theorems import maths as m
from theorems.layers import SMOOTH
from theorems.statements.thesis.source import thesis
from theorems.statements.tools import equal_terms

# --- Taylor's theorem -------------------------------------------------------------------------------

_TAYLOR = (
    r"Let every $f_i$ of $f : \mathbb{R}^n \to \mathbb{R}^m$ be twice differentiable on $\mathbb{R}^n$, "
    r"with one $M \geq 0$ such that $|\partial^{\alpha} f_i(x)| \leq M$ for every $f_i$, all $x$ and "
    r"$|\alpha| = 2$. Then $f(x+r) = f(x) + J_f(x)r + \varepsilon$, where $\|\varepsilon\| \leq "
)
_FORMS = Domain(n=Integers(1, 4), k=Integers(1, 3), A=Array("k", "n", "n"), r=Vector("n"))
_FORMS_READING = (
    "searched for k (the text's m) quadratic forms f_i(x) = xᵀA_i x/2 in n variables, whose second derivatives are "
    "the entries of (A_i + A_iᵀ)/2 at all x: for all n, k, A_i ∈ R^{n×n} and r ∈ R^n, with M the largest of these "
    "entries in absolute value, ‖ε‖ = ‖(rᵀA_i r/2)_i‖ <= "
)


def _remainder(A: Any, r: Any) -> Any:
    return m.norm(m.stack(m.sum(r * (form @ r)) / 2 for form in A))


def _largest_entry(A: Any) -> Any:
    return m.max(m.abs(A + m.transpose(A))) / 2


taylor = Universal(
    id="003.theorem-A.1",
    title="Taylor's theorem for vector-valued functions",
    text=_TAYLOR + r"\frac{M}{2}\sqrt{m}\|r\|^2$.",
    reading=_FORMS_READING + "(M/2)·√k·‖r‖²",
    source=thesis("Theorem A.1"),
    domain=_FORMS,
    conclusion=lambda A, r, k: Sides(_remainder(A, r), _largest_entry(A) / 2 * m.sqrt(k) * m.sum(r * r)),
)

taylor_corrected = Universal(
    id="003.theorem-A.1.corrected",
    title="Taylor's theorem for vector-valued functions, with the number of variables",
    text=_TAYLOR + r"\frac{M}{2} n \sqrt{m}\|r\|^2$.",
    reading=_FORMS_READING + "(M/2)·n·√k·‖r‖²: a matrix with entries up to M has a spectral norm up to nM",
    source=thesis("Theorem A.1"),
    corrects="003.theorem-A.1",
    repair="constant",
    domain=_FORMS,
    conclusion=lambda A, r, n, k: Sides(
        _remainder(A, r), _largest_entry(A) / 2 * n * m.sqrt(k) * m.sum(r * r)
    ),
)

# --- robustness of an MLP with one hidden layer -----------------------------------------------------

_MLP = (
    r"For an MLP classifier $f$ with a single hidden layer, whose $h : \mathbb{R}^d \to \mathbb{R}^n$ meets "
    r"what Theorem A.1 requires, $\Delta_{\mathrm{adv}}(x; f) \geq \frac{\sqrt{\|J_h(x)\|^2 + "
)
_CURVATURE: dict[str, Any] = {
    "tanh": lambda: 4 / (3 * m.sqrt(3)),
    "sigm": lambda: 1 / (6 * m.sqrt(3)),
    "softplus": lambda: 1 / m.number("4"),
}
"""Largest second derivatives of the activations in absolute value, see 003.table-4.1.corrected."""


def reach(jacobian: Any, curvature: Any, change: Any) -> Any:
    """The positive root ρ of (c/2)ρ² + jρ = q, that is (√(j² + 2cq) − j)/c, without its cancellation."""
    return 2 * change / (m.sqrt(jacobian * jacobian + 2 * curvature * change) + jacobian)


def _one_unit(v: Any, s: Any, t: Any) -> Sides:
    """The bound for one softplus unit, and the distance of the boundary v·x + b = s + t from v·x + b = s."""
    softplus = SMOOTH["softplus"]
    change = m.abs(softplus.value(s + t) - softplus.value(s))
    jacobian = softplus.slope(s) * m.norm(v)
    return Sides(reach(jacobian, m.max(v * v) / 4, change), m.abs(t) / m.norm(v))


theorem_4_1 = Universal(
    id="003.theorem-4.1",
    title="robustness of an MLP with a single hidden layer",
    text=_MLP + r"2M\sqrt{n}\delta(h(x); f)} - \|J_h(x)\|}{M\sqrt{n}}$.",
    reading="for MLPs with one softplus unit, h(x) = softplus(v·x + b), and two classes parted at h = h0, where "
    "Δ_adv is known: for all d, v ∈ R^d not 0, s = v·x + b and t ≠ 0 with h0 = softplus(s + t), the bound with n = 1, "
    "M = max_j v_j²/4 (the largest second derivative), ‖J_h(x)‖ = softplus'(s)·‖v‖ and "
    "δ(h(x); f) = |h0 − h(x)| is at most |t|/‖v‖, the distance of x from the boundary. Theorem 4.2 is the same for "
    "more layers",
    source=thesis("Theorem 4.1"),
    domain=Domain(
        d=Integers(1, 4),
        v=Vector("d", Reals(-3, 3)),
        s=Reals(-5, 5),
        t=Reals(-5, 5),
        where={"v is not small": lambda v: m.norm(v) >= 1e-3},
    ),
    conclusion=_one_unit,
)


def _hidden(activation: str, V: Any, b: Any, x: Any, r: Any) -> tuple[Any, Any, Any]:
    """‖J_h(x)‖, ‖h(x + r) − h(x)‖ and the largest |g''| for h(x) = g(Vx + b)."""
    g = SMOOTH[activation]
    jacobian = m.spectral_norm(m.transpose(m.transpose(V) * g.slope(V @ x + b)))
    change = m.norm(g.value(V @ (x + r) + b) - g.value(V @ x + b))
    return jacobian, change, _CURVATURE[activation]()


_HIDDEN = Domain(
    activation=OneOf(*_CURVATURE),
    d=Integers(1, 3),
    n=Integers(1, 3),
    V=Matrix("n", "d", Reals(-2, 2)),
    b=Vector("n", Reals(-2, 2)),
    x=Vector("d", Reals(-2, 2)),
    r=Vector("d", Reals(-5, 5)),
    where={"V is not small": lambda V: m.norm(V) >= 1e-3},
)
_HIDDEN_READING = (
    "for h(x) = g(Vx + b) with g = tanh, sigm or softplus, all d, n, V ∈ R^{n×d} not 0, b, x and r: if the layer's "
    "output changes by q = ‖h(x + r) − h(x)‖, which is at least δ(h(x); f) when the class changes (Lemma 3.4), then "
    "(√(‖J_h(x)‖² + 2cq) − ‖J_h(x)‖)/c <= ‖r‖ with c = "
)

theorem_4_1_corrected = Universal(
    id="003.theorem-4.1.corrected",
    title="robustness of an MLP with a single hidden layer, with the number of inputs",
    text=_MLP + r"2Md\sqrt{n}\delta(h(x); f)} - \|J_h(x)\|}{Md\sqrt{n}}$.",
    reading=_HIDDEN_READING + "M·d·√n, where M is the largest second derivative, max|g''|·max_ij v_ij²",
    source=thesis("Theorem 4.1"),
    corrects="003.theorem-4.1",
    repair="constant",
    domain=_HIDDEN,
    conclusion=lambda activation, d, n, V, b, x, r: _bounded(
        _hidden(activation, V, b, x, r), m.max(V * V) * d * m.sqrt(n), r
    ),
)

theorem_4_1_algorithm = Universal(
    id="003.theorem-4.1.algorithm",
    title="robustness of an MLP with a single hidden layer, with the M of Algorithm 4.1",
    text=_MLP
    + r"2M\sqrt{n}\delta(h(x); f)} - \|J_h(x)\|}{M\sqrt{n}}$, where $M$ is computed by Algorithm 4.1.",
    reading=_HIDDEN_READING
    + "M·√n, where M = max|g''|·s² with s = max_i Σ_j |v_ij| is what Algorithm 4.1 returns for "
    "L = 1: it overestimates the largest second derivative by enough",
    source=thesis("Theorem 4.1"),
    corrects="003.theorem-4.1",
    repair="missing hypothesis",
    domain=_HIDDEN,
    conclusion=lambda activation, n, V, b, x, r: _bounded(
        _hidden(activation, V, b, x, r), m.max(m.sum(m.abs(V), axis=1)) ** 2 * m.sqrt(n), r
    ),
)


def _bounded(layer: tuple[Any, Any, Any], factor: Any, r: Any) -> Sides:
    jacobian, change, curvature = layer
    return Sides(reach(jacobian, curvature * factor, change), m.norm(r))


# --- derivatives ------------------------------------------------------------------------------------


def second_derivatives(activation: str, V: Any, b: Any, x: Any) -> Any:
    """All second derivatives of h_L, by the chain rule layer by layer; shape (n, n, n)."""
    g, n = SMOOTH[activation], len(x)
    value, slopes = x, np.eye(n)
    curvatures: Any = np.zeros((n, n, n))
    for weights, bias in zip(V, b, strict=True):
        sums = weights @ value + bias
        inner_slopes = weights @ slopes
        inner_curvatures = (weights @ curvatures.reshape(n, n * n)).reshape(n, n, n)
        first, second = g.slope(sums), g.curvature(sums)
        curvatures = m.stack(
            second[i] * m.outer(inner_slopes[i], inner_slopes[i]) + first[i] * inner_curvatures[i]
            for i in range(n)
        )
        slopes = m.stack(first[i] * inner_slopes[i] for i in range(n))
        value = g.value(sums)
    return curvatures


def _algorithm_4_1(activation: str, V: Any) -> Any:
    slope = 1 / m.number("4") if activation == "sigm" else 1
    M, N = 0, 1
    for weights in V:
        s = m.max(m.sum(m.abs(weights), axis=1))
        M = _CURVATURE[activation]() * N * N * s * s + slope * M * s
        N = slope * N * s
    return M


algorithm_4_1 = Universal(
    id="003.algorithm-4.1",
    title="the recursion for a bound on second derivatives",
    text=r"Algorithm 4.1: activation functions $g_i$ satisfying $|g_i'(x)| \leq A_i$ and $|g_i''(x)| \leq B_i$ for "
    r"all $x$. $M_0 \leftarrow 0$, $N_0 \leftarrow 1$; for $i$ from 1 to $L$: $s \leftarrow \max_j \sum_k "
    r"|v_{i,j,k}|$, $M_i \leftarrow B_i N_{i-1}^2 s^2 + A_i M_{i-1} s$, $N_i \leftarrow A_i N_{i-1} s$. Return "
    r"$M_L$, a value satisfying $|\partial^\alpha h_L^{(i)}(x)| \leq M$ for all $x$, $|\alpha| = 2$ and $i$.",
    reading="for all L <= 3, n, V_1, …, V_L ∈ R^{n×n}, b_1, …, b_L, x ∈ R^n and g = tanh, sigm or softplus in every "
    "layer: the largest second derivative of h_L at x, by the chain rule, is at most M_L. A_i and B_i are exact "
    "(Table 4.1 with its tanh corrected)",
    source=thesis("Algorithm 4.1"),
    domain=Domain(
        activation=OneOf(*_CURVATURE),
        L=Integers(1, 3),
        n=Integers(1, 3),
        V=Array("L", "n", "n", entries=Reals(-3, 3)),
        b=Array("L", "n", entries=Reals(-3, 3)),
        x=Vector("n", Reals(-3, 3)),
    ),
    conclusion=lambda activation, V, b, x: Sides(
        m.max(m.abs(second_derivatives(activation, V, b, x))), _algorithm_4_1(activation, V)
    ),
)

sigmoid = Universal(
    id="003.equation-4.9",
    title="the logistic sigmoid is a scaled and shifted hyperbolic tangent",
    text=r"$\operatorname{sigm}(x) = \frac{1}{2} \tanh\left(\frac{x}{2}\right) + \frac{1}{2}$.",
    reading="for all x: 1/(1 + e^{−x}) = tanh(x/2)/2 + 1/2, to the digits of 1",
    source=thesis("(4.9)"),
    domain=Domain(x=Reals()),
    conclusion=lambda x: equal_terms(1 / (1 + m.exp(-x)), m.tanh(x / 2) / 2 + 1 / m.number("2"), 1),
    exact=True,
    made_false=lambda x: equal_terms(1 / (1 + m.exp(-x)), m.tanh(x) / 2 + 1 / m.number("2"), 1),
)

tanh_bounded = Universal(
    id="003.tanh-derivatives",
    title="the derivatives of tanh are bounded by 1",
    text=r"Both the first and the second derivative of $\tanh$ are bounded by 1. In fact, $|\tanh(x)| \leq "
    "1$ for all $x$.",
    reading="for all x: |tanh x|, |tanh' x| = 1/cosh² x and |tanh'' x| = 2|tanh x|/cosh² x are at most 1",
    source=thesis("Section 4.2"),
    domain=Domain(x=Reals()),
    conclusion=lambda x: Sides(
        m.max(m.abs(m.stack([m.tanh(x), SMOOTH["tanh"].slope(x), SMOOTH["tanh"].curvature(x)]))), 1
    ),
    exact=True,
)


def largest(coefficients: list[int], low: int, high: int) -> Any:
    """Largest |p| on an interval: at its ends, or where p' = 0. Coefficients from the highest power down."""
    degree = len(coefficients) - 1
    slope = [c * (degree - i) for i, c in enumerate(coefficients[:-1])]
    roots = mpmath.polyroots(slope, maxsteps=200, extraprec=200) if len(slope) > 1 else []
    points = [mpmath.mpf(low), mpmath.mpf(high), *(root.real for root in roots if low <= root.real <= high)]
    return max(abs(mpmath.polyval(coefficients, point)) for point in points)


def _tanh_second() -> Any:
    half = m.log(2 + m.sqrt(3)) / 2
    return m.sinh(half) / m.cosh(half) ** 3


_SIGMOID_ENTRIES = (
    Entry("sigm, first-order", lambda: 1 / m.number("4"), lambda: largest([-1, 1, 0], 0, 1)),
    Entry(
        "sigm, second-order",
        lambda: (5 - 3 * m.sqrt(3)) / (30 * m.sqrt(3) - 54),
        lambda: largest([2, -3, 1, 0], 0, 1),
    ),
)
_SOFTPLUS_ENTRIES = (
    Entry("softplus, first-order", lambda: 1, lambda: largest([1, 0], 0, 1)),
    Entry("softplus, second-order", lambda: 1 / m.number("4"), lambda: largest([-1, 1, 0], 0, 1)),
)
_TANH_FIRST = Entry("tanh, first-order", lambda: 1, lambda: largest([-1, 0, 1], -1, 1))
_TABLE_READING = (
    "the largest first and second derivatives in absolute value, as polynomials of t = tanh x on [−1, 1] (1 − t² and "
    "−2t + 2t³) and of p = sigm x on [0, 1] (p − p² and p − 3p² + 2p³ for sigm, p and p − p² for softplus). ReLU's "
    "entries, 1 and 0, leave nothing to compute"
)

table_4_1 = Value(
    id="003.table-4.1",
    title="bounds for the first two derivatives of activation functions",
    text=r"First-order: sigm $\frac{1}{4}$, tanh 1, softplus 1. Second-order: sigm "
    r"$\frac{5-3\sqrt{3}}{30\sqrt{3}-54}$, tanh "
    r"$\frac{\sinh(\frac{1}{2}\ln(2+\sqrt{3}))}{\cosh(\frac{1}{2}\ln(2+\sqrt{3}))^3}$, softplus $\frac{1}{4}$.",
    reading=_TABLE_READING,
    source=thesis("Table 4.1"),
    entries=(
        *_SIGMOID_ENTRIES,
        _TANH_FIRST,
        Entry("tanh, second-order", _tanh_second, lambda: largest([2, 0, -2, 0], -1, 1)),
        *_SOFTPLUS_ENTRIES,
    ),
)

table_4_1_corrected = Value(
    id="003.table-4.1.corrected",
    title="bounds for the first two derivatives of activation functions, tanh doubled",
    text=r"Second-order: tanh $2 \frac{\sinh(\frac{1}{2}\ln(2+\sqrt{3}))}{\cosh(\frac{1}{2}\ln(2+\sqrt{3}))^3} = "
    r"\frac{4}{3\sqrt{3}}$; the other entries as printed.",
    reading=_TABLE_READING,
    source=thesis("Table 4.1"),
    corrects="003.table-4.1",
    repair="constant",
    entries=(
        *_SIGMOID_ENTRIES,
        _TANH_FIRST,
        Entry("tanh, second-order", lambda: 2 * _tanh_second(), lambda: largest([2, 0, -2, 0], -1, 1)),
        Entry(
            "tanh, second-order, in short",
            lambda: 4 / (3 * m.sqrt(3)),
            lambda: largest([2, 0, -2, 0], -1, 1),
        ),
        *_SOFTPLUS_ENTRIES,
    ),
)

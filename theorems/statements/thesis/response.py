"""Chapter 5: Local Response Normalization, its derivatives, and the bound that is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from theorems import Array, Domain, Integers, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.layers import neighbours, response_normalisation
from theorems.statements.thesis.mlp import reach
from theorems.statements.thesis.source import thesis
from theorems.statements.tools import NOTHING, equal_terms

# --- derivatives at one pixel -----------------------------------------------------------------------


def _basis(x: Any, a: int, n: int, k: Any, alpha: Any) -> tuple[range, Any]:
    """The neighbours of channel a, and k + α Σ_l x_l² over them."""
    near = neighbours(a, len(x), n)
    return near, k + alpha * sum(x[j] * x[j] for j in near)


def first_derivative(x: Any, a: int, i: int, n: int, k: Any, alpha: Any, beta: Any) -> Any:
    """∂LRN_a/∂x_i at one pixel; 0 where i is no neighbour of a."""
    near, base = _basis(x, a, n, k, alpha)
    if i not in near:
        return 0 * x[a]
    slope = -2 * alpha * beta * x[i] * m.power(base, -beta - 1)
    return x[a] * slope + (m.power(base, -beta) if i == a else 0)


def second_derivative(x: Any, a: int, i: int, j: int, n: int, k: Any, alpha: Any, beta: Any) -> Any:
    """∂²LRN_a/∂x_i∂x_j at one pixel, by the product rule; 0 where i or j is no neighbour of a."""
    near, base = _basis(x, a, n, k, alpha)
    if i not in near or j not in near:
        return 0 * x[a]
    once, twice = m.power(base, -beta - 1), m.power(base, -beta - 2)
    curvature = 4 * alpha * alpha * beta * (beta + 1) * x[i] * x[j] * twice
    curvature = curvature - (2 * alpha * beta * once if i == j else 0)
    total = x[a] * curvature
    for one, other in ((i, j), (j, i)):
        if one == a:
            total = total - 2 * alpha * beta * x[other] * once
    return total


_PARAMETERS: dict[str, Any] = {
    "n": Integers(1, 5),
    "k": Reals(0.1, 10),
    "alpha": Reals(0.01, 10),
    "beta": Reals(0.01, 0.99),
}
_CHANNEL = Integers(0, lambda v: v["c"] - 1)
_PIXEL_READING = (
    "at one pixel with c channels, for all x ∈ R^c, n, k, α > 0 and 0 < β < 1 (Assumption 5.10; searched from 0.01 to "
    "0.99), n/2 rounded down: "
)
_X = Reals(-10, 10)
_TWO_CHANNELS: dict[str, Any] = {
    "c": Integers(2, 4),
    "a": _CHANNEL,
    "step": Integers(1, lambda v: v["c"] - 1),
}
"""Channel a and another one, j = a + step modulo c."""

gradient = Universal(
    id="003.lrn-gradient",
    title="gradient of Local Response Normalization",
    text=r"Let $j \neq a$, then $\nabla_{x} \mathrm{LRN}(\mathbf{X})_{a,j} = -2x_j x_a \alpha \beta \left(k + \alpha "
    r"\sum_{l} x_l^2\right)^{-\beta - 1}$.",
    reading=_PIXEL_READING
    + "for all channels a and j = a + step modulo c ≠ a, the sum over the neighbours of a",
    source=thesis("Theorem 5.9, after the proof"),
    domain=Domain(**_TWO_CHANNELS, **_PARAMETERS, x=Vector("c", _X)),
    conclusion=lambda x, c, a, step, n, k, alpha, beta: Sides.equal(
        first_derivative(x, a, (a + step) % c, n, k, alpha, beta),
        _printed_gradient(x, a, (a + step) % c, n, k, alpha, beta),
    ),
)


def _printed_gradient(x: Any, a: int, j: int, n: int, k: Any, alpha: Any, beta: Any) -> Any:
    base = _basis(x, a, n, k, alpha)[1]
    return -2 * x[j] * x[a] * alpha * beta * m.power(base, -beta - 1)


gradient_corrected = Universal(
    id="003.lrn-gradient.corrected",
    title="gradient of Local Response Normalization, among neighbours",
    text=r"Let $j \neq a$ be one of the indices that the sum runs over, then $\nabla_{x} "
    r"\mathrm{LRN}(\mathbf{X})_{a,j} = -2x_j x_a \alpha \beta \left(k + \alpha \sum_{l} x_l^2\right)^{-\beta - 1}$; "
    r"for any other $j \neq a$ it is 0.",
    reading=_PIXEL_READING
    + "for all channels a and j = a + step modulo c ≠ a, the sum over the neighbours of a. As a difference quotient, "
    "which needs no derivative: for 0.01 <= h <= 1 the secant from x to x + h·e_j has the derivative's value "
    "somewhere between, so that it differs from it by at most h times the bound of 003.lemma-5.11.corrected",
    source=thesis("Theorem 5.9, after the proof"),
    corrects="003.lrn-gradient",
    repair="missing hypothesis",
    domain=Domain(**_TWO_CHANNELS, **_PARAMETERS, x=Vector("c", _X), h=Reals(0.01, 1)),
    conclusion=lambda x, c, a, step, n, k, alpha, beta, h: _secant(
        x, a, (a + step) % c, n, k, alpha, beta, h, True
    ),
    made_false=lambda x, c, a, step, n, k, alpha, beta, h: _secant(
        x, a, (a + step) % c, n, k, alpha, beta, h, False
    ),
)


def _secant(
    x: Any, a: int, j: int, n: int, k: Any, alpha: Any, beta: Any, h: Any, among_neighbours: bool
) -> Sides:
    """|secant − formula| <= h times a bound on the second derivative between."""
    moved = m.stack(x[i] + h if i == j else x[i] for i in range(len(x)))
    before, after = (point[a] * m.power(_basis(point, a, n, k, alpha)[1], -beta) for point in (x, moved))
    known = _printed_gradient(x, a, j, n, k, alpha, beta)
    if among_neighbours and j not in neighbours(a, len(x), n):
        known = 0 * known
    largest = m.maximum(m.max(m.abs(x)), m.max(m.abs(moved)))
    return Sides(m.abs(after - before - h * known), h * h * _bound(largest, k, alpha, beta))


_LEMMA_5_11 = (
    r"4x_{\max}\alpha\beta \left(x_{\max}^2\alpha(\beta+1)k^{-\beta-2} + k^{-\beta-1}\right) + 2x_{\max}\alpha\beta "
    r"k^{-\beta-1}$, where $x_{\max} = \max_{i,x,y} |x_{ixy}|$"
)


def _bound(largest: Any, k: Any, alpha: Any, beta: Any) -> Any:
    inner = largest * largest * alpha * (beta + 1) * m.power(k, -beta - 2) + m.power(k, -beta - 1)
    return 4 * largest * alpha * beta * inner + 2 * largest * alpha * beta * m.power(k, -beta - 1)


lemma_5_11 = Universal(
    id="003.lemma-5.11",
    title="a bound on the second derivatives of Local Response Normalization everywhere",
    text=r"The real number $M_a$ satisfies $|\partial^{\alpha} \mathrm{LRN}(\mathbf{Z})_a| \leq M_a$ for "
    r"all $\mathbf{Z}$ and $|\alpha| = 2$. For any $a \in \Delta$ we have $M_a \le " + _LEMMA_5_11 + ".",
    reading="for one channel and one pixel, all inputs x and z, k, α > 0 and 0 < β < 1: the second derivative at z "
    "is at most the bound for x_max = |x|",
    source=thesis("Lemma 5.11"),
    domain=Domain(x=_X, z=_X, k=_PARAMETERS["k"], alpha=_PARAMETERS["alpha"], beta=_PARAMETERS["beta"]),
    conclusion=lambda x, z, k, alpha, beta: Sides(
        m.abs(second_derivative(m.stack([z]), 0, 0, 0, 1, k, alpha, beta)), _bound(m.abs(x), k, alpha, beta)
    ),
)

lemma_5_11_corrected = Universal(
    id="003.lemma-5.11.corrected",
    title="a bound on the second derivatives of Local Response Normalization at X",
    text=r"$|\partial^{\alpha} \mathrm{LRN}(\mathbf{X})_a| \leq "
    + _LEMMA_5_11
    + r", for the same $\mathbf{X}$.",
    reading=_PIXEL_READING
    + "for all channels a, i, j: |∂²LRN(x)_a/∂x_i∂x_j| is at most the bound for x_max = max|x_l|",
    source=thesis("Lemma 5.11"),
    corrects="003.lemma-5.11",
    repair="missing hypothesis",
    domain=Domain(c=Integers(1, 3), a=_CHANNEL, i=_CHANNEL, j=_CHANNEL, **_PARAMETERS, x=Vector("c", _X)),
    conclusion=lambda x, a, i, j, n, k, alpha, beta: Sides(
        m.abs(second_derivative(x, a, i, j, n, k, alpha, beta)), _bound(m.max(m.abs(x)), k, alpha, beta)
    ),
)

_MIXED = (
    r"$\alpha_{j_1} = \alpha_{j_2} = 1$ where $j_1 \neq j_2$, $j_1 \neq a$ and $j_2 \neq a$. Then we have "
    r"$\partial^{\alpha} \mathrm{LRN}(\mathbf{X})_{a} = "
)
_THREE = Domain(**_PARAMETERS | {"n": Integers(4, 5)}, x=Vector(3, _X))

mixed = Universal(
    id="003.lemma-5.11-proof",
    title="mixed second derivatives of Local Response Normalization vanish",
    text=_MIXED
    + r"x_a \frac{\partial^2}{\partial x_{j_1} \partial x_{j_2}} \left( k + \alpha \sum_{l} x_l^2 "
    r"\right)^{-\beta} = -x_a \alpha \beta \left( k + \alpha \sum_{l} x_l^2 \right)^{-\beta - 1} \frac{\partial^2}"
    r"{\partial x_{j_1} \partial x_{j_2}} \sum_{l} x_l^2 = 0$.",
    reading="at one pixel with three channels that are all neighbours (n >= 4), for all x ∈ R³, k, α > 0 and 0 < β < "
    "1: |∂²LRN(x)_1/∂x_2∂x_3| <= 0",
    source=thesis("Lemma 5.11, proof"),
    domain=_THREE,
    conclusion=lambda x, n, k, alpha, beta: Sides(
        m.abs(second_derivative(x, 0, 1, 2, n, k, alpha, beta)), 0.0
    ),
)

_NODES = [(1 + float(node)) / 2 for node in np.polynomial.legendre.leggauss(5)[0]]
_WEIGHTS = [float(weight) / 2 for weight in np.polynomial.legendre.leggauss(5)[1]]


def _mixed_derivative(x: Any, k: Any, alpha: Any, beta: Any) -> Any:
    base = k + alpha * m.sum(x * x)
    return 4 * alpha * alpha * beta * (beta + 1) * x[0] * x[1] * x[2] * m.power(base, -beta - 2)


def _integrated(x: Any, n: int, k: Any, alpha: Any, beta: Any, h: Any, factor: Any) -> Sides:
    """The change of ∂LRN_1/∂x_2 from x to x + h·e_3, and `factor` times the formula integrated on the way."""
    before, after = (
        first_derivative(m.stack([x[0], x[1], x[2] + step]), 0, 1, n, k, alpha, beta) for step in (0 * h, h)
    )
    values = [_mixed_derivative(m.stack([x[0], x[1], x[2] + h * node]), k, alpha, beta) for node in _NODES]
    integral = h * sum(weight * value for weight, value in zip(_WEIGHTS, values, strict=True))
    largest = 1 + m.max(m.abs(x))
    return equal_terms(after - before, factor * integral, h * beta * largest * largest * largest)


mixed_corrected = Universal(
    id="003.lemma-5.11-proof.corrected",
    title="mixed second derivatives of Local Response Normalization",
    text=_MIXED
    + r"4 \alpha^2 \beta (\beta + 1) x_a x_{j_1} x_{j_2} \left( k + \alpha \sum_{l} x_l^2 \right)^{-\beta - 2}$.",
    reading="at one pixel with three channels that are all neighbours (n >= 4), for all x ∈ R³, k, α ∈ [1/2, 2], "
    "0 < β < 1 and h ∈ [0.01, 0.1]: the change of ∂LRN_1/∂x_2 from x to x + h·e_3 is the formula integrated over x_3, "
    "by Gauss quadrature with 5 nodes, to nine digits of its terms",
    source=thesis("Lemma 5.11, proof"),
    corrects="003.lemma-5.11-proof",
    repair="false",
    domain=Domain(
        n=Integers(4, 5),
        k=Reals(0.5, 2),
        alpha=Reals(0.5, 2),
        beta=_PARAMETERS["beta"],
        x=Vector(3, _X),
        h=Reals(0.01, 0.1),
    ),
    conclusion=lambda x, n, k, alpha, beta, h: _integrated(x, n, k, alpha, beta, h, 1),
    made_false=lambda x, n, k, alpha, beta, h: _integrated(x, n, k, alpha, beta, h, m.number("1.01")),
)

# --- Theorem 5.9 ------------------------------------------------------------------------------------

_IMAGE: dict[str, Any] = {"c": Integers(1, 3), "d": Integers(1, 2), "X": Array("c", "d", "d", entries=_X)}


def _response(X: Any, n: int, k: Any, alpha: Any, beta: Any) -> Any:
    return response_normalisation(X, n, k, alpha, beta)


lemma_5_7 = Universal(
    id="003.lemma-5.7",
    title="some component of the output is below the average of what is wanted",
    text=r"Let $\delta_{ixy} = |\mathrm{LRN}(\mathbf{X})_{ixy}| - \frac{\|\mathrm{LRN}(\mathbf{X})\|_F + \kappa}"
    r"{d\sqrt{c}}$. For at least one $(i, x, y)$ it holds that $\delta_{ixy} < 0$.",
    reading="for all c, d, X ∈ R^{c×d×d}, n, k, α > 0, 0 < β < 1 and κ > 0 (10⁻⁶ to 10⁶): min|LRN(X)| < "
    "(‖LRN(X)‖_F + κ)/(d√c)",
    source=thesis("Lemma 5.7"),
    domain=Domain(**_IMAGE, **_PARAMETERS, kappa=Reals(1e-6, 1e6)),
    conclusion=lambda X, c, d, n, k, alpha, beta, kappa: Sides(
        m.min(m.abs(_response(X, n, k, alpha, beta))),
        (m.norm(_response(X, n, k, alpha, beta)) + kappa) / (d * m.sqrt(c)),
        "<",
    ),
)

_THEOREM_5_9 = (
    r"Every adversarial perturbation $\mathbf{R}$ of an LRN layer satisfies $\|\mathbf{R}\|_F \geq "
)
_HALF: dict[str, Any] = {
    "c": Integers(1, 3),
    "n": OneOf(1, 3),
    "k": Reals(0.5, 2),
    "alpha": Reals(0.5, 2),
    "X": Array("c", 1, 1, entries=Reals(-3, 3)),
    "R": Array("c", 1, 1, entries=Reals(-3, 3)),
}
_HALF_READING = (
    "one pixel, β = 1/2, where the largest second derivative is M_a = 48√α/(25√5·k) (003.lemma-5.11.largest): for all "
    "c, X, R ∈ R^c, k, α > 0 and n ∈ {1, 3} (n = 1: no neighbours): "
)
_BETA = 0.5


def _largest_curvature(k: Any, alpha: Any) -> Any:
    return 48 * m.sqrt(alpha) / (25 * m.sqrt(5) * k)


curvature = Universal(
    id="003.lemma-5.11.largest",
    title="the largest second derivative of Local Response Normalization with β = 1/2",
    text=r"The real number $M_{ixy}$ satisfies $|\partial^{\alpha} \mathrm{LRN}(\mathbf{Z})_{ixy}| \leq "
    r"M_{ixy}$ for all $\mathbf{Z}$ and $|\alpha| = 2$; for $\beta = \frac{1}{2}$, $M_{ixy} = "
    r"\frac{48\sqrt{\alpha}}{25\sqrt{5}k}$.",
    reading="at one pixel with c channels, for all x ∈ R^c, n, k, α > 0 and channels a, i, j: |∂²LRN(x)_a/∂x_i∂x_j| "
    "<= 48√α/(25√5·k), which is reached at x_a = √(k/α)/2 with all other channels 0",
    source=thesis("Lemma 5.11"),
    corrects="003.lemma-5.11",
    repair="constant",
    domain=Domain(
        c=Integers(1, 3),
        a=_CHANNEL,
        i=_CHANNEL,
        j=_CHANNEL,
        n=Integers(1, 5),
        k=Reals(0.1, 10),
        alpha=Reals(0.01, 10),
        x=Vector("c", _X),
    ),
    conclusion=lambda x, a, i, j, n, k, alpha: Sides(
        m.abs(second_derivative(x, a, i, j, n, k, alpha, _BETA)), _largest_curvature(k, alpha)
    ),
)


def _gradient_norms(X: Any, n: int, k: Any, alpha: Any) -> list[Any]:
    x = X.reshape(-1)
    return [
        m.norm(m.stack(first_derivative(x, a, i, n, k, alpha, _BETA) for i in range(len(x))))
        for a in range(len(x))
    ]


def _printed_bounds(X: Any, R: Any, n: int, k: Any, alpha: Any) -> Sides:
    before, after = (_response(Z, n, k, alpha, _BETA).reshape(-1) for Z in (X, X + R))
    kappa = m.norm(after) - m.norm(before)
    if not kappa > 0:
        return NOTHING
    wanted = m.norm(after) / m.sqrt(len(before))  # ‖LRN(X)‖ + κ over d√c
    steep = _gradient_norms(X, n, k, alpha)
    bounds = [
        reach(steep[a], _largest_curvature(k, alpha), wanted - m.abs(before[a]))
        for a in range(len(before))
        if wanted > m.abs(before[a])
    ]
    return Sides(m.max(m.stack(bounds)), m.norm(R)) if bounds else NOTHING


theorem_5_9 = Universal(
    id="003.theorem-5.9",
    title="robustness of a Local Response Normalization layer",
    text=_THEOREM_5_9
    + r"\max_{a \in \Delta} \lambda_a$, where $\Delta = \{a \mid \delta_a < 0\}$ and $\lambda_a = "
    r"\frac{\sqrt{\|\nabla_{x} \mathrm{LRN}(\mathbf{X})_a\|^2 - 2M_a\delta_a} - \|\nabla_{x} "
    r"\mathrm{LRN}(\mathbf{X})_a\|}"
    r"{M_a}$.",
    reading=_HALF_READING
    + "under the text's condition, κ = ‖LRN(X + R)‖_F − ‖LRN(X)‖_F > 0, max_{a∈Δ} λ_a <= ‖R‖_F. "
    "Lemma 5.8 asks every component of Δ to become as large as the average; but another one, not in Δ, may grow",
    source=thesis("Theorem 5.9"),
    domain=Domain(**_HALF),
    conclusion=lambda X, R, n, k, alpha: _printed_bounds(X, R, n, k, alpha),
)


def _sound_bounds(X: Any, R: Any, n: int, k: Any, alpha: Any) -> Sides:
    before, after = (_response(Z, n, k, alpha, _BETA).reshape(-1) for Z in (X, X + R))
    c = len(before)
    share = m.norm(after - before) / m.sqrt(c)
    steep = _gradient_norms(X, n, k, alpha)
    bounds = [
        reach(steep[a], len(neighbours(a, c, n)) * _largest_curvature(k, alpha), share) for a in range(c)
    ]
    return Sides(m.min(m.stack(bounds)), m.norm(R))


theorem_5_9_corrected = Universal(
    id="003.theorem-5.9.corrected",
    title="robustness of a Local Response Normalization layer, by its weakest component",
    text=_THEOREM_5_9
    + r"\min_{a} \frac{\sqrt{\|\nabla_{x} \mathrm{LRN}(\mathbf{X})_a\|^2 + 2 n_a M_a \frac{\kappa}"
    r"{d\sqrt{c}}} - \|\nabla_{x} \mathrm{LRN}(\mathbf{X})_a\|}{n_a M_a}$, where $\kappa = \|\mathrm{LRN}(\mathbf{X} "
    r"+ \mathbf{R}) - \mathrm{LRN}(\mathbf{X})\|_F$ and component $a$ depends on $n_a$ inputs.",
    reading=_HALF_READING
    + "under the definition: some component changes by at least κ/√c, which Taylor's theorem, with "
    "the factor n_a of 003.theorem-A.1.corrected, allows only beyond the minimum. The minimum runs over all a: over Δ "
    "alone it is false too, for Δ has one element in the counterexample to the printed theorem",
    source=thesis("Theorem 5.9"),
    corrects="003.theorem-5.9",
    repair="false",
    domain=Domain(**_HALF),
    conclusion=lambda X, R, n, k, alpha: _sound_bounds(X, R, n, k, alpha),
)

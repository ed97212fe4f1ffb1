"""Chapter 3: how far a linear classifier's decision is from changing.

Labels follow the text: a binary classifier says 1 if g(x) = w·x + b >= 0 and 0 if g(x) < 0; of several classes
the one with the largest score wins, and of equal ones the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theorems import Domain, Existence, Integers, Matrix, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.thesis.source import thesis
from theorems.statements.tools import NOTHING, equal_terms, label

_MODERATE = Reals(-100, 100)
_NOT_SMALL = {"w is not small": lambda w: m.norm(w) >= 1e-3}
_BINARY: dict[str, Any] = {
    "d": Integers(1, 5),
    "w": Vector("d", _MODERATE),
    "b": _MODERATE,
    "x": Vector("d", _MODERATE),
}

# --- two classes ------------------------------------------------------------------------------------


def _score(w: Any, b: Any, x: Any) -> Any:
    return m.sum(w * x) + b


_LEMMA_3_1 = (
    r"For a binary linear classifier $f$, the following equality holds for all $x$: "
    r"$\Delta_{\mathrm{adv}}(x; f) = \frac{|w \cdot x + b|}{\|w\|}$, where $\Delta_{\mathrm{adv}}(x; f) = "
)


def _lowest_or_highest(w: Any, b: Any, x: Any) -> Sides:
    """What a witness needs: a score below 0 (from class 1) or of at least 0 (from class 0) within the distance.

    Over ‖r‖ <= |g|/‖w‖ the score g + w·r fills the interval from g − |g| to g + |g|.
    """
    g = _score(w, b, x)
    return Sides(g - m.abs(g), 0.0, "<") if g >= 0 else Sides(0.0, g + m.abs(g))


lemma_3_1 = Existence(
    id="003.lemma-3.1",
    title="distance of a binary linear classifier from its boundary",
    text=_LEMMA_3_1 + r"\min_{r \in \mathbb{R}^d} \{ \|r\| \mid f(x) \neq f(x + r) \}$.",
    reading="for all d, w ≠ 0, b and x ∈ R^d there is r with ‖r‖ <= |w·x + b|/‖w‖ and f(x + r) ≠ f(x), with f = 1 "
    "where g >= 0 and 0 where g < 0, as printed: the minimum is taken literally. From class 1 the score must become "
    "negative, but within this distance it stays at 0 or above. (3.3) and (3.4) give the boundary to class 0 instead; "
    "then the minimum is missing from class 0",
    source=thesis("Lemma 3.1"),
    domain=Domain(**_BINARY, where=_NOT_SMALL),
    obstruction=_lowest_or_highest,
)

lemma_3_1_infimum = Existence(
    id="003.lemma-3.1.corrected",
    title="distance of a binary linear classifier from its boundary, as an infimum",
    text=_LEMMA_3_1 + r"\inf_{r \in \mathbb{R}^d} \{ \|r\| \mid f(x) \neq f(x + r) \}$.",
    reading="for all d, w ≠ 0, b, x ∈ R^d and η > 0 there is r with f(x + r) ≠ f(x) and ‖r‖ <= |w·x + b|/‖w‖ + η; "
    "r is (3.7), extended by η/2. That no r is shorter is 003.lemma-3.1.lower",
    source=thesis("Lemma 3.1"),
    corrects="003.lemma-3.1",
    repair="convention",
    domain=Domain(**_BINARY, eta=Reals(1e-3, 10), where=_NOT_SMALL),
    construction=lambda w, b, x, eta: _past_boundary(w, b, x, eta / 2),
    conclusion=lambda witness, w, b, x, eta: _changes(witness, w, b, x, eta),
    made_false=lambda w, b, x, eta: _changes(_past_boundary(w, b, x, 0), w, b, x, eta),
)


def _past_boundary(w: Any, b: Any, x: Any, eta: Any) -> Any:
    g = _score(w, b, x)
    direction = -w / m.norm(w) if g >= 0 else w / m.norm(w)
    return direction * (m.abs(g) / m.norm(w) + eta)


def _changes(r: Any, w: Any, b: Any, x: Any, eta: Any) -> Sides:
    g = _score(w, b, x)
    if (_score(w, b, x + r) >= 0) == (g >= 0):
        return Sides.true(False)
    return Sides(m.norm(r), m.abs(g) / m.norm(w) + eta)


lemma_3_1_lower = Universal(
    id="003.lemma-3.1.lower",
    title="no perturbation nearer than the boundary changes the class",
    text=_LEMMA_3_1 + r"\inf_{r \in \mathbb{R}^d} \{ \|r\| \mid f(x) \neq f(x + r) \}$.",
    reading="for all d, w, b and x, r ∈ R^d with f(x + r) ≠ f(x): |w·x + b| <= ‖w‖·‖r‖",
    source=thesis("Lemma 3.1"),
    corrects="003.lemma-3.1",
    repair="convention",
    domain=Domain(**_BINARY, r=Vector("d", _MODERATE)),
    conclusion=lambda w, b, x, r: (
        NOTHING
        if (_score(w, b, x) >= 0) == (_score(w, b, x + r) >= 0)
        else Sides(m.abs(_score(w, b, x)), m.norm(w) * m.norm(r))
    ),
)


def _moved(w: Any, x: Any) -> Any:
    """X + r for the r of (3.7) with b = 0."""
    return x - (m.sum(w * x) / m.sum(w * w)) * w


projection = Universal(
    id="003.projection",
    title="the minimal perturbation projects onto the hyperplane spanned by w",
    text=r"$r = -\frac{w \cdot x + b}{\|w\|^2} w$. When $b = 0$, $x + r$ is exactly the orthogonal projection of $x$ "
    r"onto the hyperplane spanned by $w$.",
    reading="for all d, w ≠ 0 and x ∈ R^d: ‖(x + r) − Px‖ <= 0, where P is the orthogonal projection onto the span of "
    "w, Px = (w·x/‖w‖²)w",
    source=thesis("Section 3.1, after (3.7)"),
    domain=Domain(d=Integers(1, 5), w=Vector("d", _MODERATE), x=Vector("d", _MODERATE), where=_NOT_SMALL),
    conclusion=lambda w, x: Sides(m.norm(_moved(w, x) - (m.sum(w * x) / m.sum(w * w)) * w), 0.0),
)


def _on_hyperplane(w: Any, u: Any) -> Any:
    return u - (m.sum(w * u) / m.sum(w * w)) * w


projection_corrected = Universal(
    id="003.projection.corrected",
    title="the minimal perturbation projects onto the hyperplane orthogonal to w",
    text=r"When $b = 0$, $x + r$ is exactly the orthogonal projection of $x$ onto the hyperplane orthogonal to $w$.",
    reading="for all d, w ≠ 0, x ∈ R^d and z with w·z = 0, written as z = u − (w·u/‖w‖²)w: "
    "‖r‖ + |w·(x + r)|/‖w‖ <= ‖x − z‖: x + r lies in the hyperplane, and no point of it is nearer to x",
    source=thesis("Section 3.1, after (3.7)"),
    corrects="003.projection",
    repair="typo",
    domain=Domain(
        d=Integers(1, 5),
        w=Vector("d", _MODERATE),
        x=Vector("d", _MODERATE),
        u=Vector("d", _MODERATE),
        where=_NOT_SMALL,
    ),
    conclusion=lambda w, x, u: Sides(
        m.norm(_moved(w, x) - x) + m.abs(m.sum(w * _moved(w, x))) / m.norm(w),
        m.norm(x - _on_hyperplane(w, u)),
    ),
)

fgs = Universal(
    id="003.fgs-exact",
    title="the fast gradient sign method is exact for linear classifiers",
    text="For linear classifiers the FGS method is exact: the perturbations that it found in these tests "
    "were the minimal adversarial perturbations themselves, not approximations to them.",
    reading="for all d, w ≠ 0, b and x ∈ R^d: the FGS perturbation ε·sign(w) that reaches the boundary, "
    "ε = |w·x + b|/‖w‖₁, has the Euclidean norm of the minimal one, |w·x + b|/‖w‖₂. Binary classifiers; norms are "
    "Euclidean where the thesis does not say otherwise",
    source=thesis("Section 3.3"),
    domain=Domain(**_BINARY, where=_NOT_SMALL),
    conclusion=lambda w, b, x: Sides.equal(
        m.abs(_score(w, b, x)) * m.norm(m.sign(w)) / m.norm(w, 1), m.abs(_score(w, b, x)) / m.norm(w)
    ),
)

fgs_corrected = Universal(
    id="003.fgs-exact.corrected",
    title="the fast gradient sign method is exact for linear classifiers in the maximum norm",
    text=r"For binary linear classifiers and the norm $\|\cdot\|_\infty$ the FGS method is exact: no "
    r"perturbation with $\|r\|_\infty < \varepsilon = \frac{|w \cdot x + b|}{\|w\|_1}$ changes the class.",
    reading="for all d, w, b and x, r ∈ R^d with f(x + r) ≠ f(x): |w·x + b| <= ‖w‖₁·‖r‖∞",
    source=thesis("Section 3.3"),
    corrects="003.fgs-exact",
    repair="convention",
    domain=Domain(**_BINARY, r=Vector("d", _MODERATE)),
    conclusion=lambda w, b, x, r: (
        NOTHING
        if (_score(w, b, x) >= 0) == (_score(w, b, x + r) >= 0)
        else Sides(m.abs(_score(w, b, x)), m.norm(w, 1) * m.norm(r, m.inf))
    ),
)

# --- several classes --------------------------------------------------------------------------------

_CLASSES: dict[str, Any] = {
    "d": Integers(1, 3),
    "C": Integers(2, 3),
    "W": Matrix("C", "d", Reals(-10, 10)),
    "b": Vector("C", Reals(-10, 10)),
    "x": Vector("d", Reals(-10, 10)),
}


def _gaps(W: Any, b: Any, x: Any, q: Any) -> tuple[int, int, Any, Any]:
    """Classes c of x and c' of x + q, and by how much c's score exceeds that of c' at x and at x + q."""
    before, after = W @ x + b, W @ (x + q) + b
    c, other = label(before), label(after)
    return c, other, before[c] - before[other], after[c] - after[other]


def _strictly_between(W: Any, b: Any, x: Any, q: Any) -> Sides:
    """The claim that D(α), affine with D(0) >= 0 >= D(1), vanishes inside (0, 1): D(0) > 0 > D(1), or D = 0."""
    c, other, before, after = _gaps(W, b, x, q)
    if c == other or (before == 0 and after == 0):
        return NOTHING
    return Sides(0.0, m.minimum(before, -after), "<")


_LEMMA_3_3 = (
    "Let $q$ be an adversarial perturbation of an instance $x$ of a linear classifier $f$: $f(x) = c$ and "
    r"$f(x + q) = c' \neq c$. Then there is an $\alpha \in "
)

lemma_3_3 = Existence(
    id="003.lemma-3.3",
    title="an adversarial perturbation crosses the boundary strictly inside",
    text=_LEMMA_3_3 + r"(0,1)$ with $w_c \cdot (x + \alpha q) + b_c = w_{c'} \cdot (x + \alpha q) + b_{c'}$.",
    reading="for all d, C, W, b and x, q ∈ R^d with f(x) = c ≠ c' = f(x + q), the first of equal scores winning: the "
    "affine function D(α) = (w_c − w_c')·(x + αq) + b_c − b_c', with D(0) >= 0 >= D(1), has a root in the open "
    "interval (0, 1), that is D(0) > 0 > D(1)",
    source=thesis("Lemma 3.3"),
    domain=Domain(**_CLASSES, q=Vector("d", Reals(-10, 10))),
    obstruction=_strictly_between,
)


def _crossing(W: Any, b: Any, x: Any, q: Any) -> Any:
    """(3.11), with α = 0 for a tie at x; None where q changes nothing."""
    c, other, before, after = _gaps(W, b, x, q)
    if c == other:
        return None
    return before * 0 if before == 0 else before / (before - after)


def _crosses(witness: Any, W: Any, b: Any, x: Any, q: Any) -> Sides:
    if witness is None:
        return NOTHING
    c, other, _, _ = _gaps(W, b, x, q)
    if not 0 <= witness <= 1:
        return Sides.true(False)
    scores = W @ (x + witness * q) + b
    return equal_terms(
        scores[c], scores[other], 1 + m.norm(W, 1) * (m.norm(x, 1) + m.norm(q, 1)) + m.norm(b, 1)
    )


lemma_3_3_corrected = Existence(
    id="003.lemma-3.3.corrected",
    title="an adversarial perturbation crosses the boundary",
    text=_LEMMA_3_3 + r"[0,1]$ with $w_c \cdot (x + \alpha q) + b_c = w_{c'} \cdot (x + \alpha q) + b_{c'}$.",
    reading="for all d, C, W, b and x, q ∈ R^d with f(x) = c ≠ c' = f(x + q), the first of equal scores winning: α of "
    "(3.11), which is 0 for a tie at x and 1 for one at x + q, lies in [0, 1] and solves the equation",
    source=thesis("Lemma 3.3"),
    corrects="003.lemma-3.3",
    repair="convention",
    domain=Domain(**_CLASSES, q=Vector("d", Reals(-10, 10))),
    construction=_crossing,
    conclusion=_crosses,
    made_false=lambda W, b, x, q: _crosses(0 * b[0] + 0.5, W, b, x, q),
)

lemma_3_4 = Universal(
    id="003.lemma-3.4",
    title="distance of a linear classifier from another class",
    text=r"For a linear classifier $f$, any input $x$ with $f(x) = c'$ and all classes $c \neq c'$, "
    r"$\Delta_{\mathrm{adv}}(x; f, c) \geq \frac{|(w_{c'} - w_c) \cdot x + b_{c'} - b_c|}{\|w_{c'} - "
    r"w_c\|}$, where $\Delta_{\mathrm{adv}}(x; f, c) = \min_{r \in \mathbb{R}^d} \{\|r\| \mid f(x + r) = "
    r"c\}$.",
    reading="for all d, C, W, b and x, r ∈ R^d with f(x + r) = c ≠ c' = f(x), the first of equal scores winning: "
    "|(w_c' − w_c)·x + b_c' − b_c| <= ‖w_c' − w_c‖·‖r‖. Lemma 3.5 and Theorem 3.6 follow by taking the minimum over "
    "c and the expectation over x",
    source=thesis("Lemma 3.4"),
    domain=Domain(**_CLASSES, r=Vector("d", Reals(-10, 10))),
    conclusion=lambda W, b, x, r: _as_far(W, b, x, r),
)


def _as_far(W: Any, b: Any, x: Any, r: Any) -> Sides:
    here, there, gap, _ = _gaps(W, b, x, r)
    return NOTHING if here == there else Sides(m.abs(gap), m.norm(W[here] - W[there]) * m.norm(r))


theorem_3_6_binary = Universal(
    id="003.theorem-3.6-binary",
    title="the multiclass bound for two classes",
    text="For binary classification, $C=2$, $w_0=w_1-w$, $b=b_1-b_0$, and $w_1=w+w_0$. Hence "
    r"$\rho_{\mathrm{adv}}(f) \geq \mathrm{E}_{\mu} \left[ \frac{|2w \cdot x + b|}{\|2w\|} \right] = "
    r"\frac{1}{\|w\|} \mathrm{E}_{\mu}[|w \cdot x + b|]$.",
    reading="for all d, w ≠ 0, b and x ∈ R^d (μ concentrated at x): |2w·x + b|/‖2w‖ = |w·x + b|/‖w‖",
    source=thesis("Theorem 3.6, binary case"),
    domain=Domain(**_BINARY, where=_NOT_SMALL),
    conclusion=lambda w, b, x: Sides.equal(
        m.abs(2 * m.sum(w * x) + b) / m.norm(2 * w), m.abs(_score(w, b, x)) / m.norm(w)
    ),
)

theorem_3_6_binary_corrected = Universal(
    id="003.theorem-3.6-binary.corrected",
    title="the multiclass bound for two classes, without the factors 2",
    text=r"In the case of binary classification, with $w = w_1 - w_0$ and $b=b_1-b_0$: $\rho_{\mathrm{adv}}(f) \geq "
    r"\mathrm{E}_{\mu} \left[ \frac{|(w_1 - w_0) \cdot x + b_1 - b_0|}{\|w_1 - w_0\|} \right] = \frac{1}{\|w\|} "
    r"\mathrm{E}_{\mu}[|w \cdot x + b|]$.",
    reading="for all d, w0, w1 ∈ R^d with w = w1 − w0 ≠ 0, b0, b1 and x ∈ R^d: the difference of the two scores, "
    "divided by ‖w1 − w0‖, is |w·x + b|/‖w‖",
    source=thesis("Theorem 3.6, binary case"),
    corrects="003.theorem-3.6-binary",
    repair="typo",
    domain=Domain(
        d=Integers(1, 5),
        W=Matrix(2, "d", _MODERATE),
        b=Vector(2, _MODERATE),
        x=Vector("d", _MODERATE),
        where={"the rows of W differ": lambda W: m.norm(W[1] - W[0]) >= 1e-3},
    ),
    conclusion=lambda W, b, x: equal_terms(
        m.abs((W @ x + b)[1] - (W @ x + b)[0]),
        m.abs(_score(W[1] - W[0], b[1] - b[0], x)),
        1 + m.norm(W, 1) * m.norm(x, 1) + m.norm(b, 1),
    ),
    made_false=lambda W, b, x: equal_terms(
        m.abs((W @ x + b)[1] - (W @ x + b)[0]),
        m.abs(2 * m.sum((W[1] - W[0]) * x) + b[1] - b[0]) / 2,
        1 + m.norm(W, 1) * m.norm(x, 1) + m.norm(b, 1),
    ),
)

# --- tightness --------------------------------------------------------------------------------------


def _largest_apart(x: Any) -> tuple[int, int, Any]:
    """Indices of the largest and the second largest component, and their difference."""
    first = label(x)
    others = [j for j in range(len(x)) if j != first]
    second = others[label([x[j] for j in others])]
    return first, second, x[first] - x[second]


_THEOREM_3_7 = (
    r"The bound of Theorem 3.6 is tight. Let $f$ be the classifier for $C = d \geq 2$ classes with $f_i(x) = e_i "
    r"\cdot x = x_i$, so that $f(x) = i$ if $x_i$ exceeds all other components. "
)

theorem_3_7 = Universal(
    id="003.theorem-3.7",
    title="distance of the classifier that takes the largest component",
    text=_THEOREM_3_7
    + r"The bound becomes $\Delta_{\mathrm{adv}}(x; f) \geq \min_{c' \neq c} |x_{c'} - x_c|$. For this "
    r"classifier, however, it is clearly exact: $\Delta_{\mathrm{adv}}(x; f) = \min_{c' \neq c} |x_{c'} - "
    "x_c|$.",
    reading="for all d >= 2 and x, y = x + r ∈ R^d such that f(x) and f(y) exist and differ (the largest component is "
    "larger than all others): min_{c'≠c}|x_c' − x_c| <= ‖y − x‖",
    source=thesis("Theorem 3.7"),
    domain=Domain(d=Integers(2, 4), x=Vector("d", Reals(-9, 9)), y=Vector("d", Reals(-9, 9))),
    conclusion=lambda x, y: _component_claim(x, y),
)


def _component_claim(x: Any, y: Any) -> Sides:
    before, _, gap = _largest_apart(x)
    after, _, new_gap = _largest_apart(y)
    return Sides(gap, m.norm(y - x)) if before != after and gap > 0 and new_gap > 0 else NOTHING


def _exchange(x: Any, eta: Any) -> Any:
    """The shortest r, extended by η/2, after which the second largest component is the largest."""
    first, second, gap = _largest_apart(x)
    unit = np.zeros(len(x))
    unit[first], unit[second] = -1.0, 1.0
    return unit * (gap / 2 + eta / 4)


def _tight(r: Any, x: Any, eta: Any, factor: Any) -> Sides:
    before, _, gap = _largest_apart(x)
    after, _, new_gap = _largest_apart(x + r)
    if before == after or not new_gap > 0:
        return Sides.true(False)
    return Sides(m.norm(r), factor * gap + eta)


_DISTINCT = {"one component of x is the largest": lambda x: _largest_apart(x)[2] > 0}

theorem_3_7_corrected = Existence(
    id="003.theorem-3.7.corrected",
    title="distance of the classifier that takes the largest component, over √2",
    text=_THEOREM_3_7
    + r"The bound becomes $\Delta_{\mathrm{adv}}(x; f) \geq \frac{1}{\sqrt{2}} \min_{c' \neq c} |x_{c'} - "
    r"x_c|$, and this bound is exact: the infimum of $\|r\|$ with $f(x + r) \neq f(x)$ equals it.",
    reading="for all d >= 2, x ∈ R^d with one largest component and η > 0 there is r with f(x + r) ≠ f(x) and "
    "‖r‖ <= min_{c'≠c}|x_c' − x_c|/√2 + η: half of the gap, and η/4, is taken from the largest component and given to "
    "the second largest. That no r is shorter is Lemma 3.4 with ‖e_c' − e_c‖ = √2",
    source=thesis("Theorem 3.7"),
    corrects="003.theorem-3.7",
    repair="constant",
    domain=Domain(d=Integers(2, 5), x=Vector("d", Reals(-9, 9)), eta=Reals(1e-3, 10), where=_DISTINCT),
    construction=_exchange,
    conclusion=lambda witness, x, eta: _tight(witness, x, eta, 1 / m.sqrt(2)),
    made_false=lambda x, eta: _tight(_exchange(x, eta), x, eta, m.number("0.6")),
)

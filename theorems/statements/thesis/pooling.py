"""Chapter 5 and A.2: MAX, average and L_p pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from theorems import Array, Domain, Integers, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.layers import average_pooling, max_pooling, power_pooling
from theorems.statements.thesis.images import MODERATE, SIZES, image, windowed
from theorems.statements.thesis.source import thesis
from theorems.statements.tools import NOTHING, equal_terms

_SATISFIES = (
    r" satisfies Assumption 5.2: $z_{ijk}(\mathbf{X} + \mathbf{R}) \leq z_{ijk}(\mathbf{X}) + "
    r"z_{ijk}(\mathbf{R})$."
)
_WINDOW: dict[str, Any] = {"n": Integers(1, 9), "x": Vector("n", MODERATE), "r": Vector("n", MODERATE)}
_ONE_WINDOW = "for one receptive field of n pixels, all x, r ∈ R^n: "

# --- Assumption 5.2 ---------------------------------------------------------------------------------

max_subadditive = Universal(
    id="003.lemma-A.5",
    title="MAX pooling is subadditive",
    text="MAX-pooling" + _SATISFIES,
    reading=_ONE_WINDOW + "max(x + r) <= max x + max r",
    source=thesis("Lemma A.5"),
    domain=Domain(**_WINDOW),
    conclusion=lambda x, r: Sides(m.max(x + r), m.max(x) + m.max(r)),
)

power_subadditive = Universal(
    id="003.lemma-A.6",
    title="L_p pooling is subadditive for p > 0",
    text=r"The output of an $L_p$ pooling layer is the $L_p$ norm of its input: $z_{ijk}(\mathbf{X}) = "
    r"\left(\sum_{(n,m)\in I} |x_{inm}|^p\right)^{\frac{1}{p}}$. Throughout, $p > 0$ is assumed. $L_p$ "
    "pooling" + _SATISFIES,
    reading=_ONE_WINDOW + "(Σ|x_i + r_i|^p)^{1/p} <= (Σ|x_i|^p)^{1/p} + (Σ|r_i|^p)^{1/p}, for all p > 0",
    source=thesis("Lemma A.6"),
    domain=Domain(p=Reals(0, 10, open=(True, False)), **_WINDOW),
    conclusion=lambda p, x, r: _minkowski(p, x, r),
)

power_subadditive_corrected = Universal(
    id="003.lemma-A.6.corrected",
    title="L_p pooling is subadditive for p >= 1",
    text=r"Throughout, $p \geq 1$ is assumed. $L_p$ pooling" + _SATISFIES,
    reading=_ONE_WINDOW + "(Σ|x_i + r_i|^p)^{1/p} <= (Σ|x_i|^p)^{1/p} + (Σ|r_i|^p)^{1/p}, for all p >= 1",
    source=thesis("Lemma A.6"),
    corrects="003.lemma-A.6",
    repair="missing hypothesis",
    domain=Domain(p=Reals(1, 10), **_WINDOW),
    conclusion=lambda p, x, r: _minkowski(p, x, r),
)


def _minkowski(p: Any, x: Any, r: Any) -> Sides:
    return Sides(m.norm(x + r, p), m.norm(x, p) + m.norm(r, p))


average_additive = Universal(
    id="003.lemma-A.7",
    title="average pooling is additive",
    text="Average pooling" + _SATISFIES + " Average pooling attains equality in Assumption 5.2.",
    reading=_ONE_WINDOW + "mean(x + r) = mean x + mean r",
    source=thesis("Lemma A.7"),
    domain=Domain(**_WINDOW),
    conclusion=lambda x, r: equal_terms(
        m.mean(x + r), m.mean(x) + m.mean(r), 1 + m.norm(x, 1) + m.norm(r, 1)
    ),
    made_false=lambda x, r: equal_terms(
        m.mean(m.abs(x + r)), m.mean(m.abs(x)) + m.mean(m.abs(r)), 1 + m.norm(x, 1) + m.norm(r, 1)
    ),
)

# --- what Assumption 5.2 implies --------------------------------------------------------------------

_NON_NEGATIVE = Reals(0, 100)
_EQUATION_5_3 = (
    r"If every adversarial perturbation $\mathbf{Q}$ of the next layer's input needs $\|\mathbf{Q}\|_F \ge "
    r"\kappa$, then by Assumption 5.2 the equation to be solved is $\|\mathbf{Z}(\mathbf{R})\|_{F} \ge "
    r"\kappa$"
)


def _pooled_growth(X: Any, R: Any, q: int, s: int) -> Sides:
    growth = m.norm(max_pooling(X + R, q, s)) - m.norm(max_pooling(X, q, s))
    return Sides(growth, m.norm(max_pooling(R, q, s)))


equation_5_3 = Universal(
    id="003.equation-5.3",
    title="the pooled perturbation must be as large as the next layer's robustness",
    text=_EQUATION_5_3 + ".",
    reading=f"for MAX pooling, which satisfies Assumption 5.2, and all {SIZES}: under the text's condition, "
    "κ = ‖Z(X + R)‖_F − ‖Z(X)‖_F, κ <= ‖Z(R)‖_F; then it fails under the definition too, whose κ is no less",
    source=thesis("(5.3)"),
    domain=windowed(X=image(MODERATE), R=image(MODERATE)),
    conclusion=lambda X, R, q, s: _pooled_growth(X, R, q, s),
)

equation_5_3_corrected = Universal(
    id="003.equation-5.3.corrected",
    title="the pooled perturbation must be as large as the norm grows, for inputs that are not negative",
    text=_EQUATION_5_3
    + r", where $\mathbf{X}$ and $\mathbf{X} + \mathbf{R}$ have no negative entries, as after a ReLU, "
    r"and $\|\mathbf{Z}(\mathbf{X} + \mathbf{R})\|_F = \|\mathbf{Z}(\mathbf{X})\|_F + \kappa$.",
    reading=f"for MAX pooling and all {SIZES} with entries of X and Y = X + R in [0, 100]: "
    "‖Z(Y)‖_F − ‖Z(X)‖_F <= ‖Z(Y − X)‖_F",
    source=thesis("(5.3)"),
    corrects="003.equation-5.3",
    repair="missing hypothesis",
    domain=windowed(X=image(_NON_NEGATIVE), Y=image(_NON_NEGATIVE)),
    conclusion=lambda X, Y, q, s: _pooled_growth(X, Y - X, q, s),
)

_EQUATION_5_4 = (
    r"For $\|\mathbf{Z}(\mathbf{R})\|_{F} \ge \kappa$ it is necessary that $|z_{ijk}(\mathbf{R})| \ge "
)

equation_5_4 = Universal(
    id="003.equation-5.4",
    title="one pooled entry must be large",
    text=_EQUATION_5_4 + r"\frac{\kappa}{t}$ for at least one element $z_{ijk}(\mathbf{R})$.",
    reading="for all c, t and Z ∈ R^{c×t×t} (with windows of one pixel every tensor is Z(R) for some R): "
    "‖Z‖_F/t <= max|z_ijk|",
    source=thesis("(5.4)"),
    domain=Domain(c=Integers(1, 3), t=Integers(1, 3), Z=Array("c", "t", "t")),
    conclusion=lambda t, Z: Sides(m.norm(Z) / t, m.max(m.abs(Z))),
)

equation_5_4_corrected = Universal(
    id="003.equation-5.4.corrected",
    title="one pooled entry must be large, with the number of channels",
    text=_EQUATION_5_4 + r"\frac{\kappa}{t\sqrt{c}}$ for at least one element $z_{ijk}(\mathbf{R})$.",
    reading="for all c, t and Z ∈ R^{c×t×t}: ‖Z‖_F/(t√c) <= max|z_ijk|",
    source=thesis("(5.4)"),
    corrects="003.equation-5.4",
    repair="constant",
    domain=Domain(c=Integers(1, 3), t=Integers(1, 3), Z=Array("c", "t", "t")),
    conclusion=lambda c, t, Z: Sides(m.norm(Z) / (t * m.sqrt(c)), m.max(m.abs(Z))),
)

# --- Theorem 5.3 ------------------------------------------------------------------------------------

_THEOREM_5_3 = (
    r"Let a pooling layer's operation satisfy Assumption 5.2, with input size $c \times d \times d$, "
    r"receptive field size $q \times q$ and output size $c \times t \times t$. If $\kappa$ is the next "
    r"layer's robustness bound, every adversarial perturbation $\mathbf{R}$ obeys the following. "
)
_DESPITE = (
    "The theorem holds although (5.3) and (5.4), from which it is derived, do not: each of the t² entries of a "
    "channel changes by at most what that channel's pixels do"
)
_POOLS: dict[str, Callable[[Any, int, int], Any]] = {"MAX": max_pooling, "average": average_pooling}

theorem_5_3 = Universal(
    id="003.theorem-5.3",
    title="robustness of MAX and average pooling",
    text=_THEOREM_5_3 + r"MAX or average pooling: $\|\mathbf{R}\|_F \geq \frac{\kappa}{t}$.",
    reading=f"for both pools and all {SIZES}: under the definition, κ = ‖Z(X + R) − Z(X)‖_F, κ <= t‖R‖_F. {_DESPITE}",
    source=thesis("Theorem 5.3"),
    domain=windowed(pool=OneOf(*_POOLS), X=image(MODERATE), R=image(MODERATE)),
    conclusion=lambda pool, X, R, q, s, t: Sides(
        m.norm(_POOLS[pool](X + R, q, s) - _POOLS[pool](X, q, s)), t * m.norm(R)
    ),
)

theorem_5_3_power = Universal(
    id="003.theorem-5.3-power",
    title="robustness of L_p pooling",
    text=_THEOREM_5_3 + r"$L_p$ pooling: $\|\mathbf{R}\|_F \geq \frac{\kappa}{tq^{2/p}}$.",
    reading=f"for all p >= 1, where L_p pooling satisfies Assumption 5.2, and all {SIZES}: under the definition, "
    f"κ = ‖Z(X + R) − Z(X)‖_F, κ <= t·q^(2/p)·‖R‖_F. {_DESPITE}",
    source=thesis("Theorem 5.3"),
    domain=windowed(p=Reals(1, 10), X=image(MODERATE), R=image(MODERATE)),
    conclusion=lambda p, X, R, q, s, t: Sides(
        m.norm(power_pooling(X + R, q, s, p) - power_pooling(X, q, s, p)), t * m.power(q, 2 / p) * m.norm(R)
    ),
)

power_below_one = Universal(
    id="003.equation-5.7",
    title="robustness of L_p pooling for p > 0",
    text=r"Throughout, $p > 0$ is assumed. As at least one receptive field exists, $\|\mathbf{R}\|_F \ge "
    r"\frac{\kappa}{tq^{2/p}}$.",
    reading="for one receptive field, t = 1, of n = q² pixels, p ∈ {1/2, 1, 2} and x, r ∈ R^n, x written as "
    "size·u: under the text's condition, κ = z(x + r) − z(x), κ <= n^(1/p)·‖r‖₂; then it fails under the definition "
    "too, whose κ is no less",
    source=thesis("(5.7)"),
    domain=Domain(
        p=OneOf(1.0, 0.5, 2.0),
        size=OneOf(1.0, 100.0),
        q=Integers(1, 2),
        u=Vector(lambda v: v["q"] ** 2, Reals(-1, 1)),
        r=Vector(lambda v: v["q"] ** 2, Reals(-1, 1)),
    ),
    conclusion=lambda p, q, size, u, r: _one_field(p, q, size * u, r),
)

power_below_one_corrected = Universal(
    id="003.equation-5.7.corrected",
    title="robustness of L_p pooling for p >= 1",
    text=r"Throughout, $p \geq 1$ is assumed. Hence $\|\mathbf{R}\|_F \ge \frac{\kappa}{tq^{2/p}}$.",
    reading="for one receptive field, t = 1, of n = q² pixels, all p ∈ [1, 10] and x, r ∈ R^n: under the text's "
    "condition, κ = z(x + r) − z(x), κ <= n^(1/p)·‖r‖₂. For all receptive fields and the definition: "
    "003.theorem-5.3-power",
    source=thesis("(5.7)"),
    corrects="003.equation-5.7",
    repair="missing hypothesis",
    domain=Domain(
        p=Reals(1, 10),
        q=Integers(1, 3),
        x=Vector(lambda v: v["q"] ** 2, MODERATE),
        r=Vector(lambda v: v["q"] ** 2, MODERATE),
    ),
    conclusion=lambda p, q, x, r: _one_field(p, q, x, r),
)


def _one_field(p: Any, q: int, x: Any, r: Any) -> Sides:
    if m.norm(r) == 0:
        return NOTHING
    return Sides(m.norm(x + r, p) - m.norm(x, p), m.power(q * q, 1 / p) * m.norm(r))

"""Section 2.5: L-BFGS, fast gradient sign and value, and what Algorithm 2.1 returns."""

from __future__ import annotations

from typing import Any

from theorems import Domain, Existence, Integers, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements import closest as szegedy
from theorems.statements.thesis.source import thesis

_SMALL = Integers(-3, 3)
_FGS = thesis("Section 2.5.2")

# --- L-BFGS -----------------------------------------------------------------------------------------

_LBFGS = thesis("Section 2.5.1")

closest = szegedy.closest(
    "003",
    r"L-BFGS is to minimize $\|r\|$ subject to $f(x+r)=c$ and $x+r\in [0,1]^d$; informally, no other input "
    r"classified as "
    "$c$ is closer to $x$ than $x+r$.",
    _LBFGS,
)
non_trivial = szegedy.trivial("003", r"To find such an $r$ is non-trivial only when $f(x)\neq c$.", _LBFGS)
penalty = szegedy.penalty(
    "003",
    r"By line-search the minimum $\alpha>0$ is found for which $f(x+r)=c$ holds for the minimizer $r$ of: minimize "
    r"$\alpha \|r\| + \mathcal{L}(x + r, c)$ subject to $x + r \in [0,1]^d$.",
    r"\alpha",
    _LBFGS,
)

# --- fast gradient sign -----------------------------------------------------------------------------

equation_2_8 = Universal(
    id="003.equation-2.8",
    title="the fast gradient sign solves the linearised problem",
    text=r"The problem to maximize $\mathcal{L}(x) + \nabla_x \mathcal{L}(x, \theta) \cdot \eta$ subject to "
    r"$\|\eta\|_{\infty} \leq \varepsilon$ has the solution $\eta = \varepsilon \operatorname{sign}(\nabla_{x} "
    r"\mathcal{L}(x, \theta))$.",
    reading="for all d, gradients g with whole entries, ε and η of the ball, in quarters of ε: g·η <= g·(ε·sign(g)); "
    "L(x) is on both sides. Where an entry of g is 0 there are other solutions too",
    source=thesis("(2.8)"),
    domain=Domain(
        d=Integers(1, 5), g=Vector("d", _SMALL), epsilon=Integers(1, 9), z=Vector("d", Integers(-4, 4))
    ),
    conclusion=lambda g, epsilon, z: Sides(m.sum(g * (epsilon * z / 4)), m.sum(g * (epsilon * m.sign(g)))),
)

proportional = Universal(
    id="003.fgs-norm",
    title="the norm of the perturbation is proportional to ε",
    text=r"As $\|\eta\|$ is clearly proportional to $|\varepsilon|$, the $\varepsilon$ that is nearest to zero is "
    "wanted.",
    reading="for all d, gradients g with whole entries and ε of either sign: ‖ε·sign(g)‖₂ = |ε|·√(number of g_i ≠ 0)",
    source=_FGS,
    domain=Domain(d=Integers(1, 6), g=Vector("d", _SMALL), epsilon=Integers(-9, 9)),
    conclusion=lambda g, epsilon: Sides.equal(
        m.norm(epsilon * m.sign(g)), abs(epsilon) * m.sqrt(m.sum(m.where(g != 0, 1, 0)))
    ),
)

_LINE: dict[str, Any] = {"d": Integers(1, 4), "w": Vector("d", _SMALL), "margin": Integers(1, 9)}
_NOT_ZERO = {"w is not 0": lambda w: m.any(w != 0)}


def _sign_length(w: Any, margin: Any) -> Any:
    """‖ε·sign(w)‖₂ for the ε that reaches the boundary."""
    return margin / m.norm(w, 1) * m.norm(m.sign(w))


not_minimal = Universal(
    id="003.fgs-not-minimal",
    title="fast gradient sign perturbations need not be minimal",
    text="What speaks against the method: its adversarial perturbations need not be minimal.",
    reading="whatever ε is: for all linear binary classifiers with whole entries w_i ≠ 0, two of them of different "
    "size, and margins m, the smallest ε·sign(w) that reaches the boundary is longer in ℓ2 than the distance m/‖w‖₂",
    source=_FGS,
    domain=Domain(
        **_LINE,
        where={
            "no entry is 0": lambda w: m.all(w != 0),
            "two sizes": lambda w: m.max(m.abs(w)) > m.min(m.abs(w)),
        },
    ),
    conclusion=lambda w, margin: Sides(margin / m.norm(w), _sign_length(w, margin), "<"),
    made_false=lambda w, margin: Sides(margin / m.norm(w), _sign_length(m.sign(w), margin / m.norm(w)), "<"),
)

value_exact = Universal(
    id="003.fgv-minimal",
    title="fast gradient value with the smallest ε is minimal for linear classifiers",
    text=r"Fast gradient value is $\eta = \varepsilon \nabla_{x} \mathcal{L}(x, y, \theta)$; with the smallest such "
    r"$\varepsilon$, by Algorithm 2.1 with slight changes, it should estimate minimal adversarial perturbations.",
    reading="for linear binary classifiers with whole entries w ≠ 0 and margins m, whose loss has a gradient along "
    "−w: the smallest multiple of it that reaches the boundary has ℓ2 norm m/‖w‖₂, the distance. For other "
    "classifiers these are estimates, of which nothing is claimed",
    source=thesis("(2.10)"),
    domain=Domain(**_LINE, where=_NOT_ZERO),
    conclusion=lambda w, margin: Sides.equal(m.norm(margin / m.sum(w * w) * w), margin / m.norm(w)),
    made_false=lambda w, margin: Sides.equal(_sign_length(w, margin), margin / m.norm(w)),
)

essentially_the_same = Universal(
    id="003.fgv-same",
    title="fast gradient value and fast gradient sign are essentially the same",
    text="Fast gradient value is in essence fast gradient sign, with the full gradient of the loss in place of its "
    "signs.",
    reading="that both perturbations have the same signs, entry by entry: for all d, gradients g with whole entries "
    "and ε > 0, sign(εg) = sign(ε·sign(g)). They have the same direction only where all |g_i| ≠ 0 are equal",
    source=thesis("Section 2.5.4"),
    domain=Domain(d=Integers(1, 5), g=Vector("d", _SMALL), epsilon=Integers(1, 9)),
    conclusion=lambda g, epsilon: Sides(m.max(m.abs(m.sign(epsilon * g) - m.sign(epsilon * m.sign(g)))), 0),
    made_false=lambda g, epsilon: Sides(m.max(m.abs(epsilon * g - epsilon * m.sign(g))), 0),
)

# --- Algorithm 2.1 ----------------------------------------------------------------------------------

_ALGORITHM = thesis("Algorithm 2.1")
_PASSES = 40


def bisected(changed: Any, upper: float) -> tuple[float, float, float]:
    """(l, u, ε) after 40 passes of the loop; `changed` says for which ε the class has changed."""
    low, high, epsilon = 0.0, upper, upper / 2
    for _ in range(_PASSES):
        if changed(epsilon):
            high = epsilon
        else:
            low = epsilon
        epsilon = low + (high - low) / 2
    return low, high, epsilon


_RANGE = Domain(u=Integers(1, 16), tau=Integers(0, 40))
_RANGE_READING = (
    "for u = M = 1, …, 16 at first, a class that changes at ε = τ/2 and beyond, τ = 0, …, 40, and 40 passes: "
)

within = Universal(
    id="003.algorithm-2.1-range",
    title="the value that the bisection finds lies within [0, M]",
    text=r"The algorithm's $\varepsilon$ lies within $[0,M]$.",
    reading=_RANGE_READING
    + "0 <= ε <= M, whether or not the class changes in [0, M]. Left side: max(ε, M − ε)",
    source=_FGS,
    domain=_RANGE,
    conclusion=lambda u, tau: Sides(_spread(u, tau), u),
)


def _spread(u: int, tau: int) -> float:
    epsilon = bisected(lambda e: 2 * e >= tau, u)[2]
    return max(epsilon, u - epsilon)


_RESULT_TEXT = r"Result: an estimated minimal value for $\varepsilon$. Return $\varepsilon$."

result = Universal(
    id="003.algorithm-2.1-result",
    title="the value that the bisection returns changes the class",
    text=_RESULT_TEXT,
    reading=_RANGE_READING + "f(x + εs) ≠ f(x) for the returned ε, the middle of l and u, if τ/2 <= M",
    source=_ALGORITHM,
    domain=Domain(u=Integers(1, 16), tau=Integers(0, lambda v: 2 * v["u"])),
    conclusion=lambda u, tau: Sides(tau, 2 * bisected(lambda e: 2 * e >= tau, u)[2]),
    rounding=0.0,
)

result_corrected = Universal(
    id="003.algorithm-2.1-result.corrected",
    title="the upper end of the bisection changes the class",
    text=r"Result: an estimated minimal value for $\varepsilon$, if the class changes at $M$. Return $u$.",
    reading=_RANGE_READING + "f(x + us) ≠ f(x) for the upper end u, if τ/2 <= M",
    source=_ALGORITHM,
    corrects="003.algorithm-2.1-result",
    repair="typo",
    domain=result.domain,
    conclusion=lambda u, tau: Sides(tau, 2 * bisected(lambda e: 2 * e >= tau, u)[1]),
    made_false=lambda u, tau: Sides(tau, 2 * bisected(lambda e: 2 * e >= tau, u)[0]),
    rounding=0.0,
)

_GAPS = Domain(
    M=Integers(4, 16),
    first=Integers(1, "M"),
    gap=Integers(0, 8),
    length=Integers(1, 8),
    where={"the class has changed at M": lambda M, first, gap, length: _has_changed(M, first, gap, length)},
)
_GAPS_READING = (
    "for classes that change at ε = a, change back at a + length, and change again at a + length + gap for good, all "
    "whole, and that have changed at M, as along rays through a network: after 40 passes "
)


def _has_changed(epsilon: float, first: int, gap: int, length: int) -> bool:
    return first <= epsilon < first + length or epsilon >= first + length + gap


def _found(M: int, first: int, gap: int, length: int) -> tuple[float, float]:
    low, high, _ = bisected(lambda e: _has_changed(e, first, gap, length), M)
    return low, high


smallest = Universal(
    id="003.algorithm-2.1-smallest",
    title="binary search finds the smallest ε that changes the class",
    text=r"The value of $\varepsilon$ should be as near to zero as can be; a simple binary search, Algorithm 2.1, "
    "accomplishes this.",
    reading=_GAPS_READING + "the upper end is a, up to M/2⁴⁰",
    source=_FGS,
    domain=_GAPS,
    conclusion=lambda M, first, gap, length: Sides(
        _found(M, first, gap, length)[1], first + M * 2.0**-_PASSES
    ),
)

smallest_corrected = Universal(
    id="003.algorithm-2.1-smallest.corrected",
    title="binary search finds some ε where the class changes",
    text="Binary search finds an ε at which the class changes, which is the smallest one if it changes only once.",
    reading=_GAPS_READING
    + "the class has changed at the upper end and not at the lower one, and these are M/2⁴⁰ apart: a change lies "
    "between them. Left side: their distance, and ∞ unless it is so",
    source=_FGS,
    corrects="003.algorithm-2.1-smallest",
    repair="missing hypothesis",
    domain=_GAPS,
    conclusion=lambda M, first, gap, length: _brackets(M, first, gap, length, _found(M, first, gap, length)),
)


def _brackets(M: int, first: int, gap: int, length: int, ends: tuple[float, float]) -> Sides:
    low, high = ends
    changes = _has_changed(high, first, gap, length) and not _has_changed(low, first, gap, length)
    return Sides(high - low if changes else m.inf, M * 2.0**-_PASSES)


near_boundary = Existence(
    id="003.fgs-footnote",
    title="samples can lie as close to a decision boundary as one likes",
    text="Whatever $M > 0$ is, some sample lies so near to a decision boundary that a perturbation of a norm less "
    "than $M$ should change its class.",
    reading="for all linear classifiers w ≠ 0 with whole entries and M = 2ʲ, −20 <= j <= 10, there is x with a "
    "distance from w·x = 0 of less than M: x = (M/2)·w/‖w‖₂. Sides: |w·x|/‖w‖₂ and M",
    source=_FGS,
    domain=Domain(d=Integers(1, 4), w=Vector("d", _SMALL), power=Integers(-20, 10), where=_NOT_ZERO),
    construction=lambda w, power: 2.0**power / 2 * w / m.norm(w),
    conclusion=lambda witness, w, power: Sides(m.abs(m.sum(w * witness)) / m.norm(w), 2.0**power, "<"),
    made_false=lambda witness, w, power: Sides(3 * m.abs(m.sum(w * witness)) / m.norm(w), 2.0**power, "<"),
)

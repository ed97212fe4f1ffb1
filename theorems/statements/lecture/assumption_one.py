"""Assumption 1: which activations satisfy it, with which constants.

The printed σ′ is two things, a constant and the derivative of σ; here the constant is s and the condition
E|σ′(X)|^{2q} <= (q!/2) s² c′^{q−2}. The case q = 2 makes s² >= Eσ′⁴; with equality, the smallest c′ is the supremum
over q >= 3 of (2E|σ′|^{2q}/(q! s²))^{1/(q−2)}.
"""

from __future__ import annotations

import math
from functools import cache

from simulate import laws
from simulate.activations import NAMES
from theorems import Domain, Existence, Integers, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.lecture.source import lecture

ASSUMPTION_1 = lecture("Assumption 1")

_TEXT = (
    r"$\sigma$ is differentiable almost everywhere, and there are $\sigma',c'>0$ with $\mathbb{E}_{X \sim "
    r"\mathcal{N}(0,1)}[|\sigma'(X)|^{2q}] \le \frac{q!}{2}\sigma'^2c'^{q-2}$ for every integer $q\geq 2$."
)
_LARGEST_Q = 30


@cache
def log_moment(activation: str, q: int) -> float:
    """Log E|σ′(X)|^{2q}; −∞ where σ′ = 0."""
    if activation == "quadratic":  # E(2X)^{2q} = 2^q (2q)!/q!
        return q * math.log(2) + math.lgamma(2 * q + 1) - math.lgamma(q + 1)
    moment = laws.gaussian_moment(activation, derivative_power=2 * q)
    return math.log(moment) if moment > 0 else -math.inf


@cache
def constants(activation: str) -> tuple[float, float]:
    """(s², c′), the smallest that serve all q up to 30; (1, 1) where σ′ = 0."""
    fourth = log_moment(activation, 2)
    if math.isinf(fourth):
        return 1.0, 1.0
    if activation == "quadratic":
        return math.exp(fourth), 8.0  # the supremum, not attained: 2^q C(2q, q) ~ 8^q/√(πq)
    scales = [
        (math.log(2) + log_moment(activation, q) - math.lgamma(q + 1) - fourth) / (q - 2)
        for q in range(3, _LARGEST_Q + 1)
    ]
    return math.exp(fourth), math.exp(max(scales))


def _compare(log_left: float, log_right: float) -> Sides:
    """Logarithms that carry rounding errors of 1e-12 of their size."""
    if math.isinf(log_left):
        return Sides(log_left, log_right, log=True)
    return Sides(log_left - 1e-12 * max(1.0, abs(log_left), abs(log_right)), log_right, log=True)


def _log_right(q: int, s_squared: float, c: float) -> float:
    return math.lgamma(q + 1) - math.log(2) + math.log(s_squared) + (q - 2) * math.log(c)


ACTIVATIONS = Existence(
    id="001.assumption-1",
    title="the named activations satisfy Assumption 1",
    text=_TEXT,
    reading="with the letter s for the constant σ′. There are s, c′ for each named activation: s² = Eσ′⁴ and c′ = "
    "sup_q (2Eσ′^{2q}/(q! s²))^{1/(q−2)}; checked for all q up to 30 (the quadratic in closed form, c′ = 8). The "
    "unit step satisfies it with any constants, for its derivative is 0 almost everywhere",
    source=ASSUMPTION_1,
    domain=Domain(q=Integers(2, _LARGEST_Q), activation=OneOf(*NAMES)),
    construction=constants,
    conclusion=lambda witness, activation, q: _compare(log_moment(activation, q), _log_right(q, *witness)),
    rounding=0.0,
)

LIPSCHITZ = Universal(
    id="001.assumption-1.lipschitz",
    title="every Lipschitz activation satisfies Assumption 1",
    text=_TEXT + r" It is implied by what Theorem 3 asks: for $L$-Lipschitz $\sigma$, $\sigma'^2 = L^4$ and "
    r"$c' = L^2/3$ serve.",
    reading="L = 1, the general case by scaling: for every law of σ′(X) on n points of [−1, 1] and every q >= 2, "
    "E|σ′|^{2q} <= (q!/2) 3^{2−q}; equality for |σ′| = 1 at q = 2 and 3, so that neither constant can be smaller",
    source=ASSUMPTION_1,
    domain=Domain(
        q=Integers(2, _LARGEST_Q),
        n=Integers(1, 2),
        values=Vector("n", Reals(-1, 1)),
        weights=Vector("n", Reals(0.1, 1)),
    ),
    conclusion=lambda q, values, weights: Sides(
        m.sum(weights * m.power(m.abs(values), 2 * q)) / m.sum(weights), math.factorial(q) / 2 / 3 ** (q - 2)
    ),
)


def _log_monomial_moment(p: int, q: int) -> float:
    """Log E|pX^{p−1}|^{2q}: p^{2q} times the moment (2r − 1)!! of order 2r, r = q(p − 1)."""
    r = q * (p - 1)
    return 2 * q * math.log(p) + math.lgamma(2 * r + 1) - r * math.log(2) - math.lgamma(r + 1)


def _failing_order(digits: int) -> int:
    """The first q = 2, 4, 8, … at which σ(x) = x³ breaks the condition with s² = c′ = 10^digits."""
    q = 2
    while _log_monomial_moment(3, q) <= _log_right(q, 10.0**digits, 10.0**digits):
        q *= 2
    return q


QUADRATIC = Existence(
    id="001.assumption-1.quadratic",
    title="x and x² satisfy Assumption 1",
    text=_TEXT
    + r" $\sigma(x) = x$ satisfies it with $\sigma'^2 = 1$, $c' = 1/3$; $\sigma(x) = x^2$, which is not "
    r"Lipschitz, with $\sigma'^2 = 48$, $c' = 8$.",
    reading="for σ(x) = x^p, p = 1 and 2, and all q up to 10⁶; |σ′|² must be sub-exponential, as |X|^{2(p−1)} is "
    "for p <= 2",
    source=ASSUMPTION_1,
    domain=Domain(q=Integers(2, 10**6, log=True), p=OneOf(1, 2)),
    construction=lambda p: (1.0, 1 / 3) if p == 1 else (48.0, 8.0),
    conclusion=lambda witness, p, q: _compare(_log_monomial_moment(p, q), _log_right(q, *witness)),
    rounding=0.0,
)

CUBIC = Existence(
    id="001.assumption-1.cubic",
    title="x³ does not satisfy Assumption 1",
    text=_TEXT + r" It is a restriction: $\sigma(x) = x^3$ satisfies it with no constants.",
    reading="for σ(x) = x³ and s² = c′ = 10^digits there is q at which the condition fails; it fails there for "
    "all smaller constants too, and digits goes up to 9",
    source=ASSUMPTION_1,
    domain=Domain(digits=Integers(0, 9)),
    construction=_failing_order,
    conclusion=lambda witness, digits: _compare(
        _log_right(witness, 10.0**digits, 10.0**digits), _log_monomial_moment(3, witness)
    ),
    rounding=0.0,
)


def table() -> dict[str, tuple[float, float]]:
    """The constants (s², c′) found for the named activations, for reports."""
    return {name: constants(name) for name in NAMES}


__all__ = ["ACTIVATIONS", "CUBIC", "LIPSCHITZ", "QUADRATIC", "constants", "log_moment", "table"]

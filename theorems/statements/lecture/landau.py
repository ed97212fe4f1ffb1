"""The definitions of O and Ω, as printed, tried on monomials.

The sequences are f(n) = a n^p and g(n) = b n^q with whole a, b and p, q >= 0: for them "there exist constants such
that for all n > N" is decided by signs and exponents, without looking at any n.
"""

from __future__ import annotations

from theorems import Domain, Integers, OneOf, Sides, Universal
from theorems.statements.lecture.source import lecture

NOTATION = lecture("Preliminaries (O and Ω)")

_TEXT_O = (
    r"$f(n) = \mathcal{O}(g(n))$ if there exists constants $N$ and $C$ such that $f(n) < C|g(n)|$ for all $n > N$; "
    "this relates the growth of functions."
)
_TEXT_OMEGA = (
    r"$f(n) = \Omega(g(n))$ if there exists constants $N$ and $C'$ such that $f(n) > C'|g(n)|$ for all $n > N$; "
    "this relates the growth of functions."
)
_MONOMIALS = (
    "f(n) = a n^p and g(n) = b n^q with whole numbers; `grows as` is meant in the usual way, |f| <= C|g| from "
    "some N on"
)


def _printed_o(a: int, p: int, b: int, q: int) -> bool:
    """Whether a n^p < C |b| n^q from some n on, for some C of either sign."""
    if b == 0:
        return a < 0
    return a <= 0 or p <= q


def _printed_omega(a: int, p: int, b: int, q: int) -> bool:
    """Whether a n^p > C' |b| n^q from some n on, for some C' of either sign."""
    if b == 0:
        return a > 0
    return a >= 0 or p <= q


def _at_most(a: int, p: int, b: int, q: int) -> bool:
    """|f| <= C|g| from some n on, for some C."""
    return a == 0 or (b != 0 and p <= q)


def _at_least(a: int, p: int, b: int, q: int) -> bool:
    """|f| >= C'|g| from some n on, for some C' > 0."""
    return b == 0 or (a != 0 and p >= q)


def _implies(premise: bool, conclusion: bool) -> Sides:
    return Sides.true(conclusion or not premise)


_COEFFICIENT = OneOf(1, -1, 2, -2)
_COEFFICIENT_OR_ZERO = OneOf(1, -1, 2, -2, 0)
_EXPONENT = Integers(0, 3)
_DOMAIN = Domain(p=_EXPONENT, q=_EXPONENT, a=_COEFFICIENT, b=_COEFFICIENT)
_WITH_ZERO = Domain(p=_EXPONENT, q=_EXPONENT, a=_COEFFICIENT_OR_ZERO, b=_COEFFICIENT_OR_ZERO)

BIG_O = Universal(
    id="001.big-o",
    title="f = O(g) as printed bounds the growth of f",
    text=_TEXT_O,
    reading="for all f, g: if f(n) < C|g(n)| for all n > N then f grows at most as g; nothing bounds f from below. "
    + _MONOMIALS,
    source=NOTATION,
    domain=_DOMAIN,
    conclusion=lambda a, p, b, q: _implies(_printed_o(a, p, b, q), _at_most(a, p, b, q)),
)

BIG_O_ZERO = Universal(
    id="001.big-o.reflexive",
    title="f = O(f) as printed",
    text=_TEXT_O,
    reading=f"for all f: f = O(f), with g = f. {_MONOMIALS}. The inequality is strict: the zero sequence is not O(0)",
    source=NOTATION,
    domain=Domain(p=_EXPONENT, a=_COEFFICIENT_OR_ZERO),
    conclusion=lambda a, p: Sides.true(_printed_o(a, p, a, p)),
)

BIG_OMEGA = Universal(
    id="001.big-omega",
    title="f = Ω(g) as printed bounds the growth of f from below",
    text=_TEXT_OMEGA,
    reading=f"for all f, g: if f(n) > C'|g(n)| for all n > N then f grows at least as g. {_MONOMIALS}. C' may be "
    "negative, so that every f >= 0 is Ω(g) for every g that is not 0",
    source=NOTATION,
    domain=_DOMAIN,
    conclusion=lambda a, p, b, q: _implies(_printed_omega(a, p, b, q), _at_least(a, p, b, q)),
)


_SAMPLES = [10**j for j in range(10, 16)]
_CONSTANTS = [10**j for j in range(9)]
"""Of C and C', times 10⁴."""


def _corrected_o(a: int, p: int, b: int, q: int) -> bool:
    """There is C > 0 with |f(n)| <= C|g(n)| for the large n."""
    return any(
        all(10**4 * abs(a) * n**p <= constant * abs(b) * n**q for n in _SAMPLES) for constant in _CONSTANTS
    )


def _corrected_omega(a: int, p: int, b: int, q: int) -> bool:
    """There is C' > 0 with |f(n)| >= C'|g(n)| for the large n."""
    return any(
        all(10**4 * abs(a) * n**p >= constant * abs(b) * n**q for n in _SAMPLES) for constant in _CONSTANTS
    )


_CORRECTED = (
    r"$f = \mathcal{O}(g)$ if there are $N$ and $C > 0$ with $|f(n)| \le C|g(n)|$ for all $n > N$; $f = "
    r"\Omega(g)$ if there are $N$ and $C' > 0$ with $|f(n)| \ge C'|g(n)|$ for all $n > N$."
)

BIG_O_CORRECTED = Universal(
    id="001.big-o.corrected",
    title="O with absolute values on both sides bounds growth",
    text=_CORRECTED,
    reading="constants from 10^−4 to 10^4 are tried, in whole numbers, at n = 10^10, …, 10^15: f = O(g) if and only "
    f"if f grows at most as g. {_MONOMIALS}",
    source=NOTATION,
    corrects="001.big-o",
    repair="convention",
    domain=_WITH_ZERO,
    conclusion=lambda a, p, b, q: Sides.equal(_corrected_o(a, p, b, q), _at_most(a, p, b, q)),
    made_false=lambda a, p, b, q: Sides.equal(_corrected_o(a, p, b, q), _printed_o(a, p, b, q)),
)

BIG_O_REFLEXIVE_CORRECTED = Universal(
    id="001.big-o.reflexive.corrected",
    title="f = O(f), with a weak inequality",
    text=_CORRECTED,
    reading=f"constants are tried as in 001.big-o.corrected: f = O(f) and f = Ω(f), the zero sequence included. "
    f"{_MONOMIALS}",
    source=NOTATION,
    corrects="001.big-o.reflexive",
    repair="convention",
    domain=BIG_O_ZERO.domain,
    conclusion=lambda a, p: Sides.true(_corrected_o(a, p, a, p) and _corrected_omega(a, p, a, p)),
    made_false=lambda a, p: Sides.true(_printed_o(a, p, a, p)),
)

BIG_OMEGA_CORRECTED = Universal(
    id="001.big-omega.corrected",
    title="Ω with C' > 0 bounds growth from below and is dual to O",
    text=_CORRECTED,
    reading="constants are tried as in 001.big-o.corrected: f = Ω(g) if and only if f grows at least as "
    f"g, and if and only if g = O(f). {_MONOMIALS}",
    source=NOTATION,
    corrects="001.big-omega",
    repair="convention",
    domain=_WITH_ZERO,
    conclusion=lambda a, p, b, q: Sides.equal(
        10 * _corrected_omega(a, p, b, q) + _corrected_o(b, q, a, p), 11 * _at_least(a, p, b, q)
    ),
    made_false=lambda a, p, b, q: Sides.equal(_corrected_omega(a, p, b, q), _printed_omega(a, p, b, q)),
)

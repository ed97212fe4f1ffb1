"""False lemmas planted to see what the falsifier finds, each beside the true one it was made from.

They are graded: by how small the set of violations is, and by what leads there. None of them is in the registry.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from simulate.bounds import ChiSquareCorrected, ChiSquarePrinted
from simulate.concentration import log_tail
from simulate.tails import FAMILIES
from theorems import maths as m
from theorems.domains import Domain
from theorems.highprobability import ExactLaw, HighProbability
from theorems.ranges import Integers, Matrix, OneOf, Reals, Sphere, Vector
from theorems.sides import Sides
from theorems.statement import Statement
from theorems.universal import Universal


@dataclass(frozen=True)
class Planted:
    """A false lemma, and the true one.

    Attributes:
        false: must be refuted.
        true: must not be.
        hidden: where the violations are, in words.

    """

    false: Statement
    true: Statement
    hidden: str


def _pair(name: str, hidden: str, domain: Domain, false: Any, true: Any) -> Planted:
    def one(suffix: str, conclusion: Any) -> Universal:
        return Universal(id=f"planted.{name}{suffix}", title=hidden, domain=domain, conclusion=conclusion)

    return Planted(one("", false), one(".true", true), hidden)


def _rank_bound(factor: float) -> Any:
    return lambda W, k, n: Sides(m.frobenius_norm(W), factor * m.sqrt(min(k, n)) * m.spectral_norm(W))


def _second_largest(relation: Any) -> Any:
    def sides(x: Any) -> Sides:
        ordered = m.sort(x)
        return Sides(ordered[-2], ordered[-1], relation)

    return sides


_ACTIVATIONS = {
    "relu": m.relu,
    "tanh": m.tanh,
    "sigmoid": lambda x: 1 / (1 + m.exp(-x)),
    "gelu": lambda x: x * (1 + m.erf(x / m.sqrt(2))) / 2,
    "sine": m.sin,
}


def _lipschitz(constants: dict[str, float]) -> Any:
    def sides(name: str, x: Any, y: Any) -> Sides:
        sigma = _ACTIVATIONS[name]
        return Sides(m.abs(sigma(x) - sigma(y)), constants.get(name, 1.0) * m.abs(x - y))

    return sides


def _chi_square(bound: Any, name: str) -> HighProbability:
    def log_failure(k: int, gamma: float) -> float:
        threshold = bound.threshold(k, math.log(gamma))
        return float(log_tail(FAMILIES["chi2"], k, threshold, "two-sided"))

    return HighProbability(
        id=f"planted.{name}",
        title="a χ² bound that fails only for tiny γ",
        domain=Domain(k=Integers(6, 10**5, log=True), gamma=Reals(1e-300, 1, open=(False, True), log=True)),
        law=ExactLaw(log_failure),
    )


def _sum_of_points(factor: float) -> Any:
    def sides(X: Any, n: int) -> Sides:
        gram = X @ m.transpose(X)
        off = [gram[i, j] for i in range(n) for j in range(i)]
        total = m.sum(X, axis=0)
        largest = m.max(m.stack(off))
        # With obtuse angles nothing is claimed beyond the sum of the squares.
        return Sides(total @ total, n * (1 + factor * (n - 1) * m.maximum(largest, 0)))

    return sides


def _distance_to_centre(x: Any) -> Any:
    parts = [x[i] - centre for i, centre in enumerate((0.31, -0.17, 0.77, 0.05))]
    return m.sqrt(parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2 + parts[3] ** 2)


PLANTED: dict[str, Planted] = {
    "constant": _pair(
        "constant",
        "a constant 5 % too small",
        Domain(k=Integers(1, 4), n=Integers(1, 4), W=Matrix("k", "n")),
        _rank_bound(0.95),
        _rank_bound(1.0),
    ),
    "large-n": _pair(
        "large-n",
        "false only for n >= 7",
        Domain(n=Integers(1, 12), x=Vector("n")),
        lambda x: Sides(m.norm(x, 1), 2.6 * m.norm(x)),
        lambda x, n: Sides(m.norm(x, 1), m.sqrt(n) * m.norm(x)),
    ),
    "ties": _pair(
        "ties",
        "false only at ties",
        Domain(n=Integers(2, 8), x=Vector("n")),
        _second_largest("<"),
        _second_largest("<="),
    ),
    "one-activation": _pair(
        "one-activation",
        "false only for gelu, whose Lipschitz constant is 1.129",
        Domain(name=OneOf(*_ACTIVATIONS), x=Reals(), y=Reals()),
        _lipschitz({}),
        _lipschitz({"gelu": 1.13}),
    ),
    "tiny-gamma": Planted(
        _chi_square(ChiSquarePrinted(), "tiny-gamma"),
        _chi_square(ChiSquareCorrected(), "tiny-gamma.true"),
        "false only at γ < 1e-8",
    ),
    "equicorrelated": _pair(
        "equicorrelated",
        "false only for (nearly) equicorrelated points",
        Domain(n=Integers(4, 6), d=Integers(2, 6), X=Sphere("n", "d", radius=1)),
        _sum_of_points(0.95),
        _sum_of_points(1.0),
    ),
    "rank-one": _pair(
        "rank-one",
        "false only for nearly rank-one matrices",
        Domain(k=Integers(2, 4), n=Integers(2, 4), W=Matrix("k", "n")),
        lambda W: Sides(1.02 * m.spectral_norm(W), m.frobenius_norm(W)),
        lambda W: Sides(m.spectral_norm(W), m.frobenius_norm(W)),
    ),
    "denominator": _pair(
        "denominator",
        "false only for x < 1e-9 in (0, 10]",
        Domain(x=Reals(0, 10, open=(True, False))),
        lambda x: Sides(0.5, x / (x + 1e-9)),
        lambda x: Sides(0.0, x / (x + 1e-9)),
    ),
    "kink": _pair(
        "kink",
        "false only within 0.005 of a kink at 3.173 in [-100, 100]",
        Domain(x=Reals(-100, 100)),
        lambda x: Sides(m.sqrt((x - 3.173) * (x - 3.173) + 1e-4), m.abs(x - 3.173) + 0.006),
        lambda x: Sides(m.sqrt((x - 3.173) * (x - 3.173) + 1e-4), m.abs(x - 3.173) + 0.01),
    ),
    "odd-n": _pair(
        "odd-n",
        "false only for odd n, at one-sided vectors",
        Domain(n=Integers(1, 9), x=Vector("n", Reals(-1, 1))),
        lambda x, n: Sides(m.abs(m.sum(x)), n - (n % 2) / 10),
        lambda x, n: Sides(m.abs(m.sum(x)), n),
    ),
    "boundary": _pair(
        "boundary",
        "false only at the end of a range",
        Domain(x=Reals(0, 1), y=Reals(0, 1)),
        lambda x, y: Sides(x * y, 1.0, "<"),
        lambda x, y: Sides(x * y, 1.0),
    ),
    "corner": _pair(
        "corner",
        "false only where five conditions meet (a volume of 1e-10)",
        Domain(x=Vector(5, Reals(-10, 10))),
        lambda x: Sides(m.sum(x * x), 499.0),
        lambda x: Sides(m.sum(x * x), 500.0),
    ),
    "interior": _pair(
        "interior",
        "false only in a ball of radius 0.03 about a point of [-1, 1]^4",
        Domain(x=Vector(4, Reals(-1, 1))),
        lambda x: Sides(0.03, _distance_to_centre(x)),
        lambda x: Sides(0.0, _distance_to_centre(x)),
    ),
    "needle": _pair(
        "needle",
        "false only at multiples of 97 below 5000, with no slope towards them",
        Domain(n=Integers(1, 5000)),
        lambda n: Sides(1.0 if n % 97 == 0 else 0.0, 0.5),
        lambda n: Sides(1.0 if n % 97 == 0 else 0.0, 1.0),
    ),
}
"""The first six are those that a falsifier must find; the rest grade it further."""

NAMED = tuple(PLANTED)[:6]

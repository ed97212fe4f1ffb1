"""Bernstein's inequality over seven families, and the concentration of χ², both against exact tails."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy import special

from simulate.bounds import Bernstein, Bound, ChiSquareCorrected, ChiSquarePrinted
from simulate.concentration import condition_that_rescues, log_tail
from simulate.tails import FAMILIES, Bernoulli, Law, Poisson
from theorems import Domain, ExactLaw, HighProbability, Integers, OneOf, Reals, Sides, Universal
from theorems.statements.lecture.source import lecture

THEOREM_2 = lecture("Theorem 2")
SUM_OF_SQUARES = lecture("Sum of square normal random variables")
CHI_SQUARE = lecture("Concentration of χ² random variables")

_LARGEST_K = 10_000

# --- Theorem 2 --------------------------------------------------------------------------------------


def _law(family: str, parameter: float) -> Law:
    if family == "poisson":
        return Poisson(parameter)
    if family == "bernoulli":
        return Bernoulli(parameter)
    return FAMILIES[family]


def _bernstein_failure(family: str, parameter: float, k: int, x: float) -> float:
    """Log P(S > √(2σ²kx) + cx), σ² and c the smallest of the family."""
    law = _law(family, parameter)
    threshold = Bernstein(law.variance, law.scale).threshold(k, -x)
    return float(log_tail(law, k, threshold, "upper"))


BERNSTEIN = HighProbability(
    id="001.theorem-2",
    title="Bernstein's inequality",
    text=r"Let $(X_j)$ be centered and i.i.d., with some $\sigma, c > 0$ for which $\mathbb{E}[|X_j|^q] \le "
    r"\frac{q!}{2}\sigma^2 c^{q-2}$ for every integer $q \geq 2$. Then $\sum_{j=1}^{k} X_j \le "
    r"\sqrt{2\sigma^2 k \log(1/\gamma)} + c \log(1/\gamma)$ with probability at least $1 - \gamma$.",
    reading="for seven families, σ² and c as small as the condition allows; for all k up to 200 and all γ = "
    "e^{−x}; `parameter` is Poisson's rate or Bernoulli's probability, and means nothing for the other families",
    source=THEOREM_2,
    domain=Domain(
        k=Integers(1, 200, log=True),
        parameter=Reals(0.01, 0.99),
        x=Reals(1e-6, 1e3, log=True),
        family=OneOf(*FAMILIES),
    ),
    law=ExactLaw(_bernstein_failure),
    allowed=lambda x: -x,
)

# --- sums of squares --------------------------------------------------------------------------------

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(120)


def _one_more_square(k: int, s: float) -> float:
    """P(X₁² + … + X_k² <= s) from the law of k − 1 squares, by an integral over the last variable."""
    if k == 1:
        return math.erf(math.sqrt(s / 2))
    angle = math.pi / 2 * _NODES  # z = √s sin(angle): smooth up to the ends
    z = math.sqrt(s) * np.sin(angle)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * math.sqrt(s) * np.cos(angle)
    rest = special.gammainc((k - 1) / 2, (s - z * z) / 2)
    return float(math.pi / 2 * np.sum(_WEIGHTS * density * rest))


SQUARES = Universal(
    id="001.sum-of-squares",
    title="the sum of k squared normals is chi-square with k degrees of freedom",
    text=r"If $X_1, X_2, \ldots, X_k$ are independent standard normal random variables, then $Z = \sum_{i=1}^k "
    r"X_i^2$ follows a chi-square distribution with $k$ degrees of freedom, $Z \sim \chi_k^2$.",
    reading="by induction on k: P(Z <= s) computed from the law of k − 1 squares by integrating over the last "
    "variable equals the distribution function of χ²_k, Γ's incomplete ratio γ(k/2, s/2)/Γ(k/2), for all k <= 50 "
    "and s <= 200",
    source=SUM_OF_SQUARES,
    domain=Domain(k=Integers(1, 50), s=Reals(0.01, 200)),
    conclusion=lambda k, s: Sides.equal(_one_more_square(k, s), special.gammainc(k / 2, s / 2)),
    made_false=lambda k, s: Sides.equal(_one_more_square(k, s), special.gammainc((k + 1) / 2, s / 2)),
)

# --- concentration of χ² ----------------------------------------------------------------------------


def _chi_square_failure(bound: Bound, k: int, log_gamma: float) -> float:
    return float(log_tail(FAMILIES["chi2"], k, bound.threshold(k, log_gamma), bound.side))


_PRINTED = (
    r"With probability at least $1 - \gamma$, i.i.d. standard Gaussians $X_1, \ldots, X_k$ satisfy $\left| "
    r"\sum_{j=1}^{k} X_j^2 - k \right| \le 4\sqrt{k \log(2/\gamma)}$"
)

CHI_SQUARE_PRINTED = HighProbability(
    id="001.chi-square",
    title="concentration of χ² as printed",
    text=f"{_PRINTED}.",
    reading="for all k up to 10,000 and all γ = 10^{−digits} down to 1e-300, by the exact distribution function",
    source=CHI_SQUARE,
    domain=Domain(k=Integers(1, _LARGEST_K, log=True), digits=Integers(1, 300)),
    law=ExactLaw(lambda k, digits: _chi_square_failure(ChiSquarePrinted(), k, -digits * math.log(10))),
    allowed=lambda digits: -digits * math.log(10),
)

CHI_SQUARE_CORRECTED = HighProbability(
    id="001.chi-square.corrected",
    title="concentration of χ², with the linear term",
    text=r"With probability at least $1 - \gamma$, i.i.d. standard Gaussians $X_1, \ldots, X_k$ satisfy "
    r"$\left| \sum_{j=1}^{k} X_j^2 - k \right| \le 2\sqrt{k \log(2/\gamma)} + 2\log(2/\gamma)$.",
    reading="for all k up to 10,000 and all γ = e^{−x} with x up to 10,000, by the exact distribution function",
    source=CHI_SQUARE,
    corrects="001.chi-square",
    repair="false",
    domain=Domain(k=Integers(1, _LARGEST_K, log=True), x=Reals(1e-6, 1e4, log=True)),
    law=ExactLaw(lambda k, x: _chi_square_failure(ChiSquareCorrected(), k, -x)),
    allowed=lambda x: -x,
)

CHI_SQUARE_RESCUED = HighProbability(
    id="001.chi-square.rescued",
    title="concentration of χ² as printed, for γ not too small",
    text=f"{_PRINTED}, if " + r"$\gamma \ge 2e^{-k}$.",
    reading="log(2/γ) = share·k with share <= 1 and γ < 1, for all k up to 10,000",
    source=CHI_SQUARE,
    corrects="001.chi-square",
    repair="missing hypothesis",
    domain=Domain(
        where={"γ < 1": lambda k, share: share * k > math.log(2)},
        k=Integers(1, _LARGEST_K, log=True),
        share=Reals(0, 1, open=(True, False)),
    ),
    law=ExactLaw(lambda k, share: _chi_square_failure(ChiSquarePrinted(), k, math.log(2) - share * k)),
    allowed=lambda k, share: math.log(2) - share * k,
)


@cache
def _boundary(k: int) -> float:
    """log(2/γ*), where the printed bound stops to hold."""
    return condition_that_rescues([k])[0].x


CHI_SQUARE_SHARP = HighProbability(
    id="001.chi-square.sharp",
    title="concentration of χ² as printed, exactly where it holds",
    text=f"{_PRINTED}, if and only if "
    r"$\gamma \ge \gamma^*(k)$, where $\gamma^*(k)$ solves $P(\chi^2_k - k > 4\sqrt{k\log(2/\gamma)}) = \gamma$.",
    reading="if: log(2/γ) = share·log(2/γ*) with share <= 1. γ*(1) = 3.55e-4, γ*(2) = 2.94e-5, and log(2/γ*(k))/k "
    "falls to 1.684 as k grows; 001.chi-square.necessary is the other direction",
    source=CHI_SQUARE,
    corrects="001.chi-square",
    repair="missing hypothesis",
    domain=Domain(
        where={"γ < 1": lambda k, share: share * _boundary(k) > math.log(2)},
        k=Integers(1, _LARGEST_K, log=True),
        share=Reals(0, 1, open=(True, False)),
    ),
    law=ExactLaw(
        lambda k, share: _chi_square_failure(ChiSquarePrinted(), k, math.log(2) - share * _boundary(k)),
    ),
    allowed=lambda k, share: math.log(2) - share * _boundary(k),
)


def _fails_below(k: int, factor: float) -> Sides:
    log_gamma = math.log(2) - factor * _boundary(k)
    return Sides(log_gamma, _chi_square_failure(ChiSquarePrinted(), k, log_gamma), log=True)


CHI_SQUARE_NECESSARY = Universal(
    id="001.chi-square.necessary",
    title="concentration of χ² as printed fails for every γ below γ*(k)",
    text=CHI_SQUARE_SHARP.text,
    reading="only if: for log(2/γ) = factor·log(2/γ*) with factor >= 1.001, γ is less than the probability that "
    "the bound is passed",
    source=CHI_SQUARE,
    domain=Domain(k=Integers(1, _LARGEST_K, log=True), factor=Reals(1.001, 100)),
    conclusion=_fails_below,
)

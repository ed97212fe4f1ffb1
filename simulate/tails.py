"""Exact tails, in log space, of sums of k independent copies of a centred variable.

What Bernstein's inequality bounds, computed: log P(S ≥ s), log P(S ≤ s) and log P(|S| ≥ s) for
S = X₁ + … + X_k and seven families of X. Every number comes from a sum of positive terms, a continued
fraction of positive terms, or the complement of one where that is at most about a half. So nothing cancels
and nothing underflows: log P is right far below −745, where P itself is no longer a float64.

    family        X                                S                                    σ² = E X²    c
    rademacher    ±1, fair                         2 Binomial(k, ½) − k                 1            1/3
    exponential   E − 1, E ~ Exp(1)                Gamma(k) − k                         1            1
    chi2          Z² − 1, Z ~ N(0, 1)              2 Gamma(k/2) − k                     2            2
    uniform       uniform on [−1, 1]               2 Irwin–Hall(k) − k                  1/3          1/4
    poisson       N − λ, N ~ Poisson(λ)            Poisson(kλ) − kλ                     λ            by search
    bernoulli     B − p, B ~ Bernoulli(p)          Binomial(k, p) − kp                  p(1−p)       (1−2σ²)/3
    laplace       density e^{−|x|}/2               Gamma(k) − an independent Gamma(k)   2            1

(σ², c) are the constants of Bernstein's moment condition: E|X|^q ≤ (q!/2) σ² c^{q−2} for all integers q ≥ 2.
The case q = 2 makes σ² ≥ E X²; with σ² = E X², c is the smallest number that does, the supremum over q ≥ 3 of

    c_q = (2 E|X|^q / (q! σ²))^{1/(q−2)},

and each family says why the supremum is what it is.

Of a law on a lattice the points are the float64 numbers `step·n − shift`, rounded as that expression rounds,
and a point counts as reached by S ≥ s if that float64 number is. "Exact" means: no approximation but
float64 rounding. The error of log P stays below `ROUNDING · max(1, |log P|)`.
"""

from __future__ import annotations

import functools
import math
import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy import special

from simulate.errors import BadInput
from simulate.special_functions import (
    Floats,
    deviance,
    log_binomial_upper,
    log_gamma_lower,
    log_gamma_term,
    log_gamma_upper,
    log_irwin_hall,
    stirling_error,
)
from simulate.streams import Stream

__all__ = [
    "FAMILIES",
    "ROUNDING",
    "Bernoulli",
    "ChiSquare",
    "Exponential",
    "Laplace",
    "Law",
    "Poisson",
    "Rademacher",
    "Uniform",
]

ROUNDING = 1e-12
"""Error of a log-tail, relative to max(1, |log P|): ten times the worst found in tests, up to k = 10⁴."""


class Law(ABC):
    """A centred variable X, the exact tails of its sums, and its constants in Bernstein's condition.

    Attributes:
        name: the family.
        largest_k: how many terms a sum may have: with more, a tail takes too long.

    """

    name: ClassVar[str]
    largest_k: ClassVar[int] = 1_000_000

    @property
    def _lattice(self) -> tuple[float, float] | None:
        """(step, shift) if X = step·(a count) − shift, None if X has a density."""
        return None

    @abstractmethod
    def _constants(self) -> tuple[float, float]:
        """(σ², c)."""

    @abstractmethod
    def _at_least(self, k: int, x: Floats) -> Floats:
        """Log P(S ≥ x); of a law on a lattice, log P(N ≥ x)."""

    @abstractmethod
    def _at_most(self, k: int, x: Floats) -> Floats:
        """Log P(S ≤ x); of a law on a lattice, log P(N ≤ x)."""

    @abstractmethod
    def _draw(self, stream: Stream, k: int) -> Floats:
        """One S, or N, for each trial of the stream."""

    @property
    def variance(self) -> float:
        """σ² = E X²."""
        return self._constants()[0]

    @property
    def scale(self) -> float:
        """c, the smallest number with E|X|^q ≤ (q!/2) σ² c^{q−2} for all integers q ≥ 2."""
        return self._constants()[1]

    def lattice(self, k: int) -> tuple[float, float] | None:
        """(step, shift) if S = step·N − shift with a count N, None if S has a density."""
        return None if self._lattice is None else (self._lattice[0], k * self._lattice[1])

    def log_upper(self, k: int, s: ArrayLike, *, strict: bool = False) -> Floats:
        """Log P(S ≥ s), or log P(S > s) if `strict`; −∞ where that is impossible."""
        k, s = self.check_k(k), _points(s)
        return self._at_least(k, s if self.lattice(k) is None else self._first_count(k, s, strict))

    def log_lower(self, k: int, s: ArrayLike, *, strict: bool = False) -> Floats:
        """Log P(S ≤ s), or log P(S < s) if `strict`; −∞ where that is impossible."""
        k, s = self.check_k(k), _points(s)
        return self._at_most(k, s if self.lattice(k) is None else self._first_count(k, s, not strict) - 1)

    def log_two_sided(self, k: int, s: ArrayLike, *, strict: bool = False) -> Floats:
        """Log P(|S| ≥ s), or log P(|S| > s) if `strict`; −∞ where that is impossible."""
        s = _points(s)
        size = np.maximum(s, 0.0)
        both = np.logaddexp(self.log_upper(k, size, strict=strict), self.log_lower(k, -size, strict=strict))
        return np.where((s < 0) | ((s == 0) & (not strict)), 0.0, np.minimum(both, 0.0))

    def sample(self, stream: Stream, k: int) -> Floats:
        """One sum S for each trial of the stream, made of k draws of X; shape (batch,)."""
        drawn, lattice = self._draw(stream, self.check_k(k)), self.lattice(k)
        return drawn if lattice is None else lattice[0] * drawn - lattice[1]

    def check_k(self, k: int) -> int:
        """The number of terms, or BadInput if it is none or too large."""
        try:
            number = operator.index(k)
        except TypeError:
            raise BadInput(f"k must be a whole number, got {k!r}") from None
        if not 1 <= number <= self.largest_k:
            raise BadInput(f"k must lie between 1 and {self.largest_k:,} for the law {self.name}, got {k}")
        return number

    def _first_count(self, k: int, s: Floats, strict: bool) -> Floats:
        """The smallest whole n with step·n − shift ≥ s (> s if `strict`), compared as float64 numbers."""
        step, shift = self.lattice(k) or (1.0, 0.0)
        reached = np.greater if strict else np.greater_equal
        n = np.ceil((s + shift) / step)
        n = np.where(reached(step * (n - 1) - shift, s), n - 1, n)
        result: Floats = np.where(reached(step * n - shift, s), n, n + 1)
        return result


@dataclass(frozen=True)
class Rademacher(Law):
    """X = ±1 with probability ½ each."""

    # E|X|^q = 1, so c_q = (2/q!)^{1/(q−2)}, and q!/2 = 3·4···q ≥ 3^{q−2}: the maximum is c₃ = 1/3.
    name: ClassVar[str] = "rademacher"

    @property
    def _lattice(self) -> tuple[float, float]:
        return 2.0, 1.0

    def _constants(self) -> tuple[float, float]:
        return 1.0, 1 / 3

    def _at_least(self, k: int, x: Floats) -> Floats:
        return log_binomial_upper(k, 0.5, 0.5, x)

    def _at_most(self, k: int, x: Floats) -> Floats:
        return log_binomial_upper(k, 0.5, 0.5, k - x)

    def _draw(self, stream: Stream, k: int) -> Floats:
        return _numbers((stream.signs("rademacher", k) > 0).sum(dim=1))


@dataclass(frozen=True)
class Exponential(Law):
    """X = E − 1, E exponential of mean 1."""

    # E|X|^q = q!/e + ∫₀¹ u^q e^{u−1} du ≤ q!/e + 1/(q+1) < q!/2 for q ≥ 3, so c_q < 1; and
    # c_q > (2/e)^{1/(q−2)} → 1. The supremum 1 is not attained.
    name: ClassVar[str] = "exponential"

    def _constants(self) -> tuple[float, float]:
        return 1.0, 1.0

    def _at_least(self, k: int, x: Floats) -> Floats:
        return log_gamma_upper(k, k + x)

    def _at_most(self, k: int, x: Floats) -> Floats:
        return log_gamma_lower(k, k + x)

    def _draw(self, stream: Stream, k: int) -> Floats:
        return _numbers(-stream.uniforms("exponential", k).log().sum(dim=1) - k)


@dataclass(frozen=True)
class ChiSquare(Law):
    """X = Z² − 1, Z standard normal."""

    # With u = Z² − 1 > 0 and (1 + u)^{−½} ≤ u^{−½},
    #     E X₊^q = e^{−½}/√(2π) ∫ u^q (1+u)^{−½} e^{−u/2} du ≤ e^{−½} 2^q Γ(q+½)/√π
    #            ≤ q! 2^{q−2} · 4 e^{−½}/√(π(q + ¼))       since Γ(q+1) ≥ √(q+¼) Γ(q+½) (G. N. Watson 1959)
    # and E X₋^q ≤ 1 ≤ q! 2^{q−2}/12. For q ≥ 3 the two factors are at most 0.76 + 0.09 < 1: so c_q < 2. And
    # c_q → 2, since the first inequality is an equality to first order: 2 is the supremum, not attained.
    name: ClassVar[str] = "chi2"

    def _constants(self) -> tuple[float, float]:
        return 2.0, 2.0

    def _at_least(self, k: int, x: Floats) -> Floats:
        return log_gamma_upper(k / 2, (k + x) / 2)

    def _at_most(self, k: int, x: Floats) -> Floats:
        return log_gamma_lower(k / 2, (k + x) / 2)

    def _draw(self, stream: Stream, k: int) -> Floats:
        z = stream.normals("chi2", k, dtype=torch.float64)
        return _numbers((z * z).sum(dim=1) - k)


@dataclass(frozen=True)
class Uniform(Law):
    """X uniform on [−1, 1]."""

    # E|X|^q = 1/(q+1), so c_q = (6/(q+1)!)^{1/(q−2)}, and (q+1)!/6 = 4·5···(q+1) ≥ 4^{q−2}: the maximum is
    # c₃ = 1/4.
    name: ClassVar[str] = "uniform"
    largest_k: ClassVar[int] = 20_000

    def _constants(self) -> tuple[float, float]:
        return 1 / 3, 1 / 4

    def _at_least(self, k: int, x: Floats) -> Floats:
        return log_irwin_hall(k, (k - x) / 2)

    def _at_most(self, k: int, x: Floats) -> Floats:
        return log_irwin_hall(k, (k + x) / 2)

    def _draw(self, stream: Stream, k: int) -> Floats:
        return _numbers(2 * stream.uniforms("uniform", k).sum(dim=1) - k)


@dataclass(frozen=True)
class Poisson(Law):
    """X = N − λ, N Poisson of mean λ."""

    rate: float = 1.0
    name: ClassVar[str] = "poisson"

    def __post_init__(self) -> None:
        if not 1e-6 <= self.rate <= 1e3:
            raise BadInput(f"a Poisson rate must lie between 1e-6 and 1000, got {self.rate}")

    @property
    def _lattice(self) -> tuple[float, float]:
        return 1.0, self.rate

    def _constants(self) -> tuple[float, float]:
        return self.rate, _poisson_scale(self.rate)

    def _at_least(self, k: int, x: Floats) -> Floats:
        # N(μ) ≥ n exactly when the n-th point of a Poisson process comes before μ.
        return np.where(x <= 0, 0.0, log_gamma_lower(np.maximum(x, 1.0), k * self.rate))

    def _at_most(self, k: int, x: Floats) -> Floats:
        return np.where(x < 0, -np.inf, log_gamma_upper(np.maximum(x, 0.0) + 1, k * self.rate))

    def _draw(self, stream: Stream, k: int) -> Floats:
        # N is the number of n ≥ 0 with U ≤ P(N > n); U has full relative precision near 0, so this is exact
        # far into the upper tail. The uniforms end at 2^{−65}.
        reach = math.ceil(self.rate + 12 * math.sqrt(self.rate) + 60)
        beyond = np.exp(log_gamma_lower(np.arange(1.0, reach + 1), self.rate))
        u = _numbers(stream.uniforms("poisson", k))
        counts = np.searchsorted(-beyond, -u, side="right")
        return np.asarray(counts.sum(axis=1), np.float64)


@functools.cache
def _poisson_scale(rate: float) -> float:
    """The maximum of c_q over q ≥ 3 for the Poisson law of this rate.

    Why the maximum is finite, and where the search may end: u^q ≤ q! e^{tu}/t^q gives, for every t > 0,

        E|X|^q ≤ q! B(t)/t^q,  B(t) = E e^{tX} + E e^{−tX} = e^{λ(e^t − 1 − t)} + e^{λ(e^{−t} − 1 + t)},

    hence c_q ≤ (1/t) (2B(t)/(λt²))^{1/(q−2)}. With t = 2/c for a c that has been reached, c_q ≤ c as soon as
    q − 2 ≥ log₂(2B(t)/(λt²)).
    """
    best, q = 0.0, 3
    while True:
        moment = _poisson_log_moment(rate, q)
        best = max(best, math.exp((math.log(2 / rate) + moment - math.lgamma(q + 1)) / (q - 2)))
        t = 2 / best
        log_b = np.logaddexp(rate * (math.expm1(t) - t), rate * (math.expm1(-t) + t))
        if q - 2 >= (math.log(2 / rate) + float(log_b) - 2 * math.log(t)) / math.log(2):
            return best
        q += 1


def _poisson_log_moment(rate: float, q: int) -> float:
    """Log E|N − λ|^q, a sum of positive terms."""
    beyond = 8.0 * (math.sqrt(rate * q) + q)
    while True:
        n = np.arange(1.0, math.ceil(rate + beyond))
        with np.errstate(divide="ignore"):
            terms = log_gamma_term(n, np.full(n.shape, rate)) + q * np.log(np.abs(n - rate))
        total = float(np.logaddexp(q * math.log(rate) - rate, special.logsumexp(terms)))
        # Beyond λ the terms are log-concave in n: from a small one on they fall ever faster.
        if terms[-1] < total - 60:
            return total
        beyond *= 2


@dataclass(frozen=True)
class Bernoulli(Law):
    """X = B − p, B = 1 with probability p and else 0."""

    probability: float = 0.1
    name: ClassVar[str] = "bernoulli"

    # With m = max(p, 1 − p) and r = p² + (1−p)²: E|X|^q = σ² (p^{q−1} + (1−p)^{q−1}) ≤ σ² m^{q−3} r, so that
    # c_q^{q−2} ≤ 2 m^{q−3} r/q!. This is at most (r/3)^{q−2} = c₃^{q−2} if (3m/r)^{q−3} ≤ q!/6 = 4·5···q,
    # and 3m/r ≤ 3·1.2072 < 4 (its maximum is at m = 1/√2). So the maximum is c₃ = r/3 = (1 − 2σ²)/3.

    def __post_init__(self) -> None:
        if not 1e-9 <= self.probability <= 1 - 1e-9:
            raise BadInput(
                f"a Bernoulli probability must lie inside (0, 1), 1e-9 from its ends, got {self.probability}"
            )

    @property
    def _lattice(self) -> tuple[float, float]:
        return 1.0, self.probability

    def _constants(self) -> tuple[float, float]:
        variance = self.probability * (1 - self.probability)
        return variance, (1 - 2 * variance) / 3

    def _at_least(self, k: int, x: Floats) -> Floats:
        return log_binomial_upper(k, self.probability, 1 - self.probability, x)

    def _at_most(self, k: int, x: Floats) -> Floats:
        return log_binomial_upper(k, 1 - self.probability, self.probability, k - x)

    def _draw(self, stream: Stream, k: int) -> Floats:
        return _numbers((stream.uniforms("bernoulli", k) <= self.probability).sum(dim=1))


@dataclass(frozen=True)
class Laplace(Law):
    """X of density e^{−|x|}/2: the difference of two exponential variables."""

    # E|X|^q = q! and σ² = 2: c_q = 1 for every q.
    name: ClassVar[str] = "laplace"

    def _constants(self) -> tuple[float, float]:
        return 2.0, 1.0

    def _at_least(self, k: int, x: Floats) -> Floats:
        # S = G − G′ with two Gamma(k). In a Poisson process of rate 1, G > t means fewer than k points up to
        # t. So S > s ≥ 0 means fewer than k points up to s + G′: those up to s are Poisson(s), those in the
        # following time G′ are negative binomial, M with P(M = i) = C(k+i−1, i) 2^{−k−i}:
        #     P(S > s) = Σ_{j<k} P(Poisson(s) = j) P(M ≤ k − 1 − j).
        cumulative = _laplace_cumulative(k)[::-1]
        count = np.arange(1.0, k)
        out = np.empty(x.shape)
        for place in np.ndindex(x.shape):
            s = abs(float(x[place]))
            if s == 0 or math.isinf(s):
                out[place] = math.log(0.5) if s == 0 else -math.inf
            else:
                point = np.full(count.shape, s)
                log = np.concatenate([[-s], log_gamma_term(count, point)]) + cumulative
                out[place] = special.logsumexp(log)
        return np.where(x < 0, np.log1p(-np.exp(out)), out)

    def _at_most(self, k: int, x: Floats) -> Floats:
        return self._at_least(k, -x)

    def _draw(self, stream: Stream, k: int) -> Floats:
        sizes = -stream.uniforms("laplace", k).log()
        return _numbers((stream.signs("laplace signs", k).double() * sizes).sum(dim=1))


@functools.lru_cache(maxsize=8)
def _laplace_cumulative(k: int) -> Floats:
    """Log P(M ≤ i) for i = 0 … k − 1; the last is log ½."""
    # P(M = i) = (k/(k+i)) P(Binomial(k+i, ½) = k)
    i = np.arange(1.0, k)
    n = i + k
    half = n / 2
    point = stirling_error(n) - stirling_error(np.array(float(k))) - stirling_error(i)
    point = point + 0.5 * (math.log(k / (2 * math.pi)) - np.log(n) - np.log(i))
    point = point - deviance(np.full(n.shape, float(k)), half) - deviance(i, half)
    result: Floats = np.logaddexp.accumulate(np.concatenate([[-k * math.log(2)], point]))
    return result


def _numbers(drawn: torch.Tensor) -> Floats:
    return np.asarray(drawn.cpu(), np.float64)


def _points(s: ArrayLike) -> Floats:
    """The points at which a tail is asked for, or BadInput if one is no number."""
    array = np.asarray(s, np.float64)
    if np.isnan(array).any():
        raise BadInput("a tail needs a number to begin at, got nan")
    return array


FAMILIES: dict[str, Law] = {
    law.name: law
    for law in (Rademacher(), Exponential(), ChiSquare(), Uniform(), Poisson(), Bernoulli(), Laplace())
}
"""The seven families by name, Poisson at rate 1 and Bernoulli at probability 0.1."""

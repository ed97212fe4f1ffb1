"""Sums over the neurons that no step turns: their law as a Gaussian times a polynomial, with a bound on the error.

Let X, Z be independent N(0, 1) and R = {|x| ≤ κ|z| + o} the region whose neurons are drawn one by one. The other n
neurons enter a trial through (Σ X_i, Σ Z_i) alone, each (X_i, Z_i) with the law of (X, Z) outside R. By symmetry only
even moments are not 0, so the density of the sums, scaled to variance 1, over that of N(0, I) is

    r(x, z) = Σ_ij h_ij(ν) He_2i(x) He_2j(z),   ν = 1/n,    h_ij the coefficients of
    H(A, B) = exp(n K(νA/κ_20, νB/κ_02) − (A + B)/2),        K(s², t²) = log E[e^{sX + tZ} | outside R].

The sampler proposes (x, z) ~ N(0, I) and accepts with probability r_D/`envelope`, r_D the terms with i + j ≤ `DEGREE`.

The bound. Let P be the probability of R and G(A, B) = e^{−(A+B)/2} E[cosh(√A X) cosh(√B Z); R]: then
K = (A + B)/2 + log(1 − G) − log(1 − P). With e^{+(A+B)/2} instead, Ĝ has coefficients ≥ 0 that bound those of G. So
L̂ = log(1 − P) − log(1 − Ĝ) bounds those of K − (A + B)/2, and Ĥ = exp(n L̂₂) those of H, where L̂₂ is L̂ without its
linear terms and in scaled arguments; the coefficients of n L̂₂ grow with ν. Write ω = (θ₁/√(nκ_20), θ₂/√(nκ_02)). In a
square of ω in which Ĝ < 1 and L̂₂ ≤ (κ_20 ω₁² + κ_02 ω₂²)/4, the characteristic functions ψⁿ of the sums and ψ_D of the
series obey

    |ψⁿ − ψ_D|(θ) ≤ e^{−|θ|²/2} (Ĥ − its terms up to DEGREE)(θ₁², θ₂²),      and |ψ|ⁿ ≤ e^{−|θ|²/4};

outside it |ψ|ⁿ ≤ sup |ψ|^{n−2} |ψ|², and ∫|ψ|² = (2π)² ∫p² by Parseval's formula. For larger n the first bound falls
at every θ, the square of θ grows, where |ψ|ⁿ ≤ e^{−|θ|²/4} covers what is added, and n sup|ψ|^{n−2} falls: what is
shown for one n holds for all larger ones. The integral of |ψⁿ − ψ_D| over (2π)² bounds the difference of the densities.
Half of that times the area of the square |x|, |z| ≤ `SIDE`, and the mass of both laws beyond it (Chernoff's bound for
the sums), bound the distance in total variation. The bound is for exact arithmetic; its own value is known to 1e-13.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray
from scipy.special import factorial2, gammainc, gammaincc

DEGREE = 8
"""Largest i + j of the expansion; its Hermite polynomials have up to twice that degree."""

SIDE = 7.75
"""Half the side of the square in which the ratio of densities is bounded."""

_TERMS = DEGREE + 1
_EVEN = 2 * np.arange(_TERMS)
_FACTORIALS = np.array([math.factorial(p) for p in _EVEN], float)
_Array = NDArray[np.float64]


@dataclass(frozen=True)
class FarSums:
    """The law of the sums over neurons outside R = {|x| ≤ κ|z| + o}.

    Attributes:
        slope: κ > 0.
        offset: o ≥ 0.

    """

    slope: float
    offset: float

    @property
    def inside(self) -> float:
        """P, the probability of R."""
        return float(self._moments[0, 0])

    @property
    def variances(self) -> tuple[float, float]:
        """κ_20 and κ_02, the variances of X and of Z outside R."""
        outside = (1 - self._moments) / (1 - self.inside)
        return float(outside[1, 0]), float(outside[0, 1])

    @cached_property
    def coefficients(self) -> _Array:
        """The c with h_ij(ν) = Σ_m c_ijm ν^m, shape (DEGREE + 1,) * 3."""
        return self._exponential(-self._logarithm(-1.0))

    def error(self, count: float) -> float:
        """A bound on the distance in total variation, for sums over `count` or more neurons; ∞ where none is shown."""
        if count < 3:
            return math.inf
        nu, scales = 1 / count, np.sqrt(np.array(self.variances) * count)
        reach = self._reach
        beyond = self._largest_beyond(reach)
        series: _Array = self._exponential(self._logarithm(1.0)) @ nu ** np.arange(_TERMS)
        envelope = self.envelope(count)
        if not (envelope < 2 and 0 < beyond < 1 and count > 2 - 1 / math.log(beyond)):
            return math.inf
        nodes, weights = zip(*(_gauss_in_parts(reach * float(scale)) for scale in scales), strict=True)
        a, b = (theta**2 for theta in nodes)
        gaussian = np.exp(-(a[:, None] + b) / 2)
        exponent = count * self._nonlinear(nodes[0] / scales[0], nodes[1] / scales[1])
        # Near 0 both agree to more digits than they are known to: one rounding error is added.
        whole = np.exp(exponent - (a[:, None] + b) / 2)
        rest = np.abs(whole - gaussian * polynomial.polygrid2d(a, b, series)) + np.finfo(float).eps * gaussian
        inner = 4 * float(weights[0] @ rest @ weights[1])
        # ∫p² is at most sup p = 1/(2π (1 − P)), and θ is ω in units of 1/scale.
        outer = beyond ** (count - 2) * 2 * math.pi / (1 - self.inside) * float(scales.prod())
        end = reach * float(scales.min())
        outer += 4 * _mass_beyond(series, end) + 8 * math.pi * math.erfc(end / 2)
        height = (inner + outer) / (2 * math.pi) ** 2
        along = self._nonlinear(np.array([0.0, SIDE / scales[0]]), np.array([0.0, SIDE / scales[1]]))
        tails = 4 * float(np.exp(-(SIDE**2) / 2 + count * max(along[0, 1], along[1, 0])))
        # There |r_D| is at most `envelope` times (x/SIDE)^2D (z/SIDE)^2D. The mass of that counts several times:
        # r_D is cut off, and what is drawn is scaled to be a law.
        tails += 8 * envelope * _mass_of_power(2 * DEGREE)
        return float((2 * SIDE) ** 2 * height + tails) / 2

    def envelope(self, count: float) -> float:
        """At least r_D on the square |x|, |z| ≤ `SIDE` for `count` or more neurons; below 2, r_D > 0 there too."""
        series: _Array = np.abs(self.coefficients) @ (1 / count) ** np.arange(_TERMS)
        hermite = [np.polynomial.hermite_e.herme2poly([0.0] * p + [1.0]) for p in _EVEN]
        largest = np.array(
            [float(polynomial.polyval(SIDE, np.abs(coefficients))) for coefficients in hermite]
        )
        return float(largest @ series @ largest)

    @cached_property
    def _nodes(self) -> tuple[_Array, _Array]:
        """Nodes for |Z|, and weights that hold its density: beyond 12 nothing is left in float64."""
        nodes, weights = _gauss(160, 0.0, 12.0)
        return nodes, weights * math.sqrt(2 / math.pi) * np.exp(-(nodes**2) / 2)

    @cached_property
    def _moments(self) -> _Array:
        """E[X^2i Z^2j; R] over (2i − 1)!! (2j − 1)!!, shape (terms, terms)."""
        z, weights = self._nodes
        half = (self.slope * z + self.offset) ** 2 / 2
        of_x = np.array([gammainc((p + 1) / 2, half) for p in _EVEN])
        of_z = z[:, None] ** _EVEN / _double_factorials()
        result: _Array = (of_x * weights) @ of_z
        return result

    def _logarithm(self, sign: float) -> _Array:
        """The series of log(1 − P) − log(1 − g), g = e^{sign (A+B)/2} E[cosh(√A X) cosh(√B Z); R]."""
        share = _double_factorials() / _FACTORIALS
        powers = np.array([(sign / 2) ** i / math.factorial(i) for i in range(_TERMS)])
        ratio = _product(np.outer(powers, powers), self._moments * np.outer(share, share)) / (1 - self.inside)
        ratio[0, 0] = 0  # it is now (g − P)/(1 − P), of which −log(1 − ·) is wanted
        total, power = np.zeros_like(ratio), ratio
        for m in range(1, _TERMS):
            total += power / m
            power = _product(power, ratio)
        return total

    def _exponential(self, logarithm: _Array) -> _Array:
        """exp(n L₂), L₂ the terms of degree 2 and more in scaled arguments; powers of ν along the last axis."""
        x, z = self.variances
        scaled = np.zeros((_TERMS,) * 3)
        for i in range(_TERMS):
            for j in range(max(0, 2 - i), _TERMS - i):
                scaled[i, j, i + j - 1] = logarithm[i, j] / (x**i * z**j)
        total, power = np.zeros_like(scaled), np.zeros_like(scaled)
        power[0, 0, 0] = 1
        for m in range(_TERMS):
            total += power / math.factorial(m)
            power = _product(power, scaled)
        return total

    def _nonlinear(self, s: _Array, t: _Array) -> _Array:
        """L̂ without its linear terms at (s², t²) for all pairs; ∞ where Ĝ ≥ 1. Nothing cancels before the end."""
        z, weights = self._nodes
        unit, share = _gauss(48, 0.0, 1.0)
        top = np.minimum(self.slope * z + self.offset, 12.0)
        x = top[:, None] * unit
        mass = top[:, None] * share * math.sqrt(2 / math.pi) * np.exp(-(x**2) / 2)
        of_x = np.array([(mass * _cosh_less_one(value * x)).sum(1) for value in s])
        of_z = _cosh_less_one(t[:, None] * z)
        both = (of_x @ weights)[:, None] + of_z @ (weights * mass.sum(1)) + (of_x * weights) @ of_z.T
        growth = np.expm1((s[:, None] ** 2 + t**2) / 2)
        ratio = (growth * self.inside + both * (1 + growth)) / (1 - self.inside)
        linear = self._logarithm(1.0)
        whole = np.where(ratio < 1, -np.log1p(-np.minimum(ratio, 1 - 1e-15)), math.inf)
        result: _Array = whole - linear[1, 0] * s[:, None] ** 2 - linear[0, 1] * t**2
        return result

    @cached_property
    def _reach(self) -> float:
        """Half the side of the square of ω in which the majorant is used.

        L̂₂(ω) is at most L̂₂(m, m) for m the larger of |ω₁| and |ω₂|, and L̂₂(m, m)/m² grows with m.
        """
        least = min(1.0, *self.variances)
        sides = np.linspace(0.02, 1.2, 60)
        good = [
            bool(self._nonlinear(np.array([side]), np.array([side]))[0, 0] <= least * side**2 / 4)
            for side in sides
        ]
        return float(sides[: [*good, False].index(False)].max(initial=0.0))

    def _largest_beyond(self, reach: float) -> float:
        """At least sup |ψ(ω)| outside the square |ω₁|, |ω₂| ≤ reach."""
        far, spacing = 3.5, 0.025
        omega = np.arange(0, far + spacing, spacing)
        z, weights = self._nodes
        unit, share = _gauss(48, 0.0, 1.0)
        top = np.minimum(self.slope * z + self.offset, 12.0)
        x = top[:, None] * unit
        mass = top[:, None] * share * math.sqrt(2 / math.pi) * np.exp(-(x**2) / 2)
        of_x = np.array([(mass * np.cos(value * x)).sum(1) for value in omega])
        inside = (of_x * weights) @ np.cos(omega[:, None] * z).T
        psi = np.abs(np.exp(-(omega[:, None] ** 2 + omega**2) / 2) - inside) / (1 - self.inside)
        outside = np.maximum(omega[:, None], omega) >= reach - spacing
        # Between the points of the grid ψ changes by E|(X, Z)| times the distance at most.
        slack = math.sqrt(sum(self.variances)) * spacing / math.sqrt(2)
        return max(
            float(psi[outside].max()) + slack, (math.exp(-(far**2) / 2) + self.inside) / (1 - self.inside)
        )


def _double_factorials() -> _Array:
    return np.array([1.0, *(float(factorial2(p - 1)) for p in _EVEN[1:])])


def _cosh_less_one(x: _Array) -> _Array:
    result: _Array = 2 * np.sinh(x / 2) ** 2
    return result


def _gauss(count: int, low: float, high: float) -> tuple[_Array, _Array]:
    """Nodes and weights of Gauss and Legendre on an interval."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return low + (high - low) * (nodes + 1) / 2, weights * (high - low) / 2


def _gauss_in_parts(high: float) -> tuple[_Array, _Array]:
    """The same on [0, high], where the integrand falls like a Gaussian."""
    ends = sorted({0.0, min(3.0, high), min(12.0, high), high})
    parts = [_gauss(40, low, top) for low, top in itertools.pairwise(ends)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _product(one: _Array, other: _Array) -> _Array:
    """The product of two power series, without the terms of total degree beyond `DEGREE` in A and B."""
    result = np.zeros_like(one)
    for i, j in zip(*np.nonzero(one.reshape(_TERMS, _TERMS, -1).any(2)), strict=True):
        for p in range(_TERMS - i - j):
            for q in range(_TERMS - i - j - p):
                if one.ndim == 2:
                    result[i + p, j + q] += one[i, j] * other[p, q]
                else:
                    result[i + p, j + q] += np.convolve(one[i, j], other[p, q])[:_TERMS]
    return result


def _mass_of_power(power: int) -> float:
    """E[(|X|/SIDE)^power; |X| > SIDE] for an even power and X ~ N(0, 1)."""
    return float(factorial2(power - 1) * gammaincc((power + 1) / 2, SIDE**2 / 2) / SIDE**power)


def _mass_beyond(series: _Array, end: float) -> float:
    """∫∫ e^{−|θ|²/2} Σ series θ₁^2i θ₂^2j over θ ≥ 0 outside the square of that side."""
    # ∫₀^∞ θ^2i e^{−θ²/2} dθ = (2i − 1)!! √(π/2), and gammainc is the share of it below `end`.
    whole = _double_factorials() * math.sqrt(math.pi / 2)
    share = np.array([float(gammainc((p + 1) / 2, end**2 / 2)) for p in _EVEN.tolist()])
    below, above = whole * share, whole * (1 - share)
    return float(whole @ series @ above + above @ series @ below)

"""Which neurons a step can turn: a region around the kink that holds them all, and how much of the law it holds.

With σ(x) = s₊x for x > 0 and s₋x for x < 0, a network that steps from x to x + ηh∇f, h = ±1, moves neuron j from u_j
to

    y_j = g u_j + h c (z_j + v_j m/|v|),   g = 1 + hη T/(√k d),  c = η|v|√χ²/(√k d),  m = √χ² − ζ̂,

in the notation of `simulate.onestep`: v = a∘σ′(u), T = v·u, ζ̂ = v·z/|v|. (A radius r is the step r/‖∇f‖.) As long
as y_j has the sign of u_j, the neuron enters f(x + δ) through the sums T and v·z alone. It changes sign only where

    |u_j| ≤ κ|z_j| + o,   κ ≥ c/g,   o ≥ (c/g) S(√χ² + |ζ̂|)/|v|,   S = max(|s₊|, |s₋|),

for every step that is asked for. κ and o are numbers here, fixed before any trial: they hold for all |v|, χ², ζ̂ and T
that a trial can have but for a share `UNSEEN` of all trials. That share is part of the error that is stated. What is
not, as in every engine, is rounding: of the numbers drawn, of constants to the type that they are drawn in, and in the
inequalities by which proposals are accepted.

The neurons of the region R = {|u| ≤ κ|z| + o} are found without looking at the others. Their number is binomial, and
(|z|, |u|) has the density ∝ exp(−z²/2) exp(−u²/2): |z| is proposed with density ∝ exp(−z²/2)(κ|z| + o), a mixture of
Rayleigh's law and that of |N(0, 1)|, |u| uniformly below κ|z| + o, and the pair is accepted with probability
exp(−u²/2). A rejected proposal is a neuron outside R. So the number of proposals is binomial too, of probability

    q = (2/π)(κ + o√(π/2)).

The weight of Rayleigh's law is a multiple of 1/256, so that eight bits choose exactly; o is enlarged to make it one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from scipy import special

from simulate.events.far import FarSums

UNSEEN = 1e-12
"""Probability that a trial has a neuron outside the region which the longest step turns."""

MOST_ERROR = 1e-9
"""The largest error in law that is accepted; where the bound is above it, every neuron is drawn."""

MOST_PROPOSED = 0.6
"""The largest share of neurons to propose; beyond it the conditional engine is as fast."""

_PARTS = 6
"""The events that `UNSEEN` is divided among: T, ζ̂, two ends of χ² and two of the number of neurons with u > 0."""


@dataclass(frozen=True)
class Region:
    """The region {|u| ≤ κ|z| + o} of one network and its longest steps.

    Attributes:
        width: k.
        slopes: s₊ and s₋, the slopes of σ above and below 0.
        slope: κ.
        rayleigh: the weight of Rayleigh's law among the proposals, in 256ths, 1 … 255.

    """

    width: int
    slopes: tuple[float, float]
    slope: float
    rayleigh: int

    @property
    def offset(self) -> float:
        """The offset o."""
        return self.slope * (256 / self.rayleigh - 1) / math.sqrt(math.pi / 2)

    @property
    def proposed(self) -> float:
        """q, the probability that a neuron is proposed."""
        return 2 / math.pi * self.slope * 256 / self.rayleigh

    @property
    def even(self) -> bool:
        """Whether |s₊| = |s₋|: then the sides u > 0 and u < 0 need not be told apart."""
        return abs(self.slopes[0]) == abs(self.slopes[1])

    @cached_property
    def far(self) -> FarSums:
        """The law of the sums over all other neurons."""
        return FarSums(self.slope, self.offset)

    @cached_property
    def fewest(self) -> float:
        """The least number of neurons in a far sum, but for a share `UNSEEN` of the trials."""
        chance = (1 - self.far.inside) * (1 if self.even else 0.5)
        return _binomial_quantile(UNSEEN, self.width, chance)

    @cached_property
    def most(self) -> int:
        """The largest number of proposals, but for less than a thousandth of `UNSEEN`."""
        return self.width - int(_binomial_quantile(UNSEEN / 1000, self.width, 1 - self.proposed))

    @cached_property
    def envelope(self) -> float:
        """A bound for the ratio of densities by which the far sums are accepted, see `FarSums.envelope`."""
        return self.far.envelope(max(1.0, self.fewest))

    @cached_property
    def error(self) -> float:
        """A bound on the distance in total variation between the law of a trial and the one that is drawn.

        For N trials together the distance is N times as large at most. In exact arithmetic, see above.
        """
        if self.slope == 0:  # all neurons are far ones, and their sums are Gaussian
            return 0.0
        sums = 1 if self.even else sum(slope != 0 for slope in self.slopes)
        return 2 * UNSEEN + sums * (UNSEEN + self.far.error(self.fewest))


def region(
    width: int, dim: int, slopes: tuple[float, float], steps: Sequence[float], radii: Sequence[float]
) -> Region | None:
    """The region for the longest of these steps and radii; None where every neuron should be drawn.

    That is where a step could take neurons to the other side by the growth of u itself (g ≤ 0), where most neurons lie
    in the region, or where too few lie outside for the bound on the error to be below `MOST_ERROR`.

    Args:
        width: k.
        dim: d.
        slopes: s₊ and s₋.
        steps: multiples of ‖∇f‖, positive.
        radii: lengths, positive.

    """
    steepest = max(map(abs, slopes))
    if not (steps or radii) or steepest == 0:
        return Region(width, slopes, 0.0, 255)
    part = UNSEEN / _PARTS
    few = _binomial_quantile(part, width, 0.5)
    many = width - few
    squares = [s[0] ** 2 * n + s[1] ** 2 * (width - n) for s in (slopes,) for n in (few, many)]
    chi_low = math.sqrt(2 * float(special.gammaincinv((dim - 1) / 2, part)))
    chi_high = math.sqrt(2 * float(special.gammainccinv((dim - 1) / 2, part)))
    v_low, v_high = math.sqrt(min(squares)), math.sqrt(max(squares))
    normal = -float(special.ndtri(part / 2))
    slope = offset = 0.0
    # T given the number of neurons with u > 0 is N(0, |v|²), as ζ̂ is N(0, 1).
    if steps:
        step = max(steps)
        growth = 1 - step * normal * v_high / (math.sqrt(width) * dim)
        if growth <= 0:
            return None
        slope = step * v_high * chi_high / (math.sqrt(width) * dim * growth)
        offset = step * steepest * chi_high * (chi_high + normal) / (math.sqrt(width) * dim * growth)
    if radii:
        radius = max(radii) / math.sqrt(dim)
        if v_low == 0 or chi_low == 0:
            return None
        growth = 1 - radius * min(1.0, normal / chi_low)
        if growth <= 0:
            return None
        slope = max(slope, radius / growth)
        offset = max(offset, radius / growth * steepest * (chi_high + normal) / v_low)
    if slope == 0:  # a step too small for a number
        return None
    weight = math.floor(256 * slope / (slope + offset * math.sqrt(math.pi / 2)))
    if weight == 0:
        return None
    found = Region(width, slopes, slope, min(weight, 255))
    if found.proposed > MOST_PROPOSED or not found.error <= MOST_ERROR:
        return None
    return found


def _binomial_quantile(probability: float, n: int, p: float) -> float:
    """A number below which a binomial count lies with at most that probability: the largest, or one less.

    By scipy.special, as all quantiles here: scipy.stats would take a second of every command to load.
    """
    found = float(
        special.bdtrik(probability, n, p)
    )  # where the distribution function, made continuous, has that value
    return math.floor(found) if found > 0 else 0.0

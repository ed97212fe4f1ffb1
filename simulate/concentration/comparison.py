"""`simulate concentration`: bounds in print against exact tails, over k and over γ down to 1e-300 and below.

For a law, a bound with threshold T(k, γ), and each k and γ of the grid: the exact quantile, the exact
probability that the bound is passed, and so how tight it is and whether it holds. Nothing here is sampled but
`check_by_sampling`, which sets frequencies beside the exact tails as a check of these.

The event is the one that the bounds speak of: S > T (or S < −T, or |S| > T), strictly. The exact quantile is
the smallest t with P(S > t) ≤ γ; of a law on a lattice it is a lattice point. `tightness` is T/t.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize

from simulate.bounds import Bernstein, Bound, ChiSquareCorrected, ChiSquarePrinted
from simulate.concentration.exact import at_most, decimal_power, log_tail, quantile
from simulate.errors import BadInput
from simulate.tails import FAMILIES, Bernoulli, Law, Poisson

LAWS = ("chi2", "chi2-corrected", "bernstein", *(f"bernstein:{family}" for family in FAMILIES))
"""What can be compared: the χ² bounds, and Theorem 2 for all families or one."""

DEFAULT_KS = (1, 2, 5, 10, 100, 1_000, 10_000)
DEFAULT_GAMMAS = (0.5, 0.1, 1e-2, 1e-3, 1e-6, 1e-10, 1e-30, 1e-100, 1e-300)


class Case(NamedTuple):
    """A law and a bound that speaks of its sums."""

    label: str
    law: Law
    bound: Bound


def cases(law: str) -> tuple[Case, ...]:
    """The laws and bounds behind a name: one of LAWS, or "bernstein:poisson:λ", "bernstein:bernoulli:p".

    Raises:
        BadInput: another name (the nearest are suggested), or a parameter outside its range.

    """
    if law == "chi2":
        return (Case("chi2", FAMILIES["chi2"], ChiSquarePrinted()),)
    if law == "chi2-corrected":
        return (Case("chi2", FAMILIES["chi2"], ChiSquareCorrected()),)
    theorem, *rest = law.split(":", maxsplit=2)
    family, parameter = (*rest, "", "")[:2]
    if theorem != "bernstein" or (rest and family not in FAMILIES):
        near = difflib.get_close_matches(law.lower(), LAWS, n=3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise BadInput(f"no law {law!r}: {hint}a law is one of {', '.join(LAWS)}")
    if len(rest) < 2:
        chosen = {family: FAMILIES[family]} if rest else dict(FAMILIES)
    else:
        makers: dict[str, type[Poisson] | type[Bernoulli]] = {"poisson": Poisson, "bernoulli": Bernoulli}
        try:
            chosen = {f"{family}:{parameter}": makers[family](float(parameter))}
        except KeyError:
            raise BadInput(f"the law {family} has no parameter, got {law!r}") from None
        except ValueError as error:
            message = str(error) if isinstance(error, BadInput) else f"{parameter!r} is no number, in {law!r}"
            raise BadInput(message) from None
    return tuple(Case(name, one, Bernstein(one.variance, one.scale)) for name, one in chosen.items())


@dataclass(frozen=True)
class Row:
    """One bound at one k and γ.

    Attributes:
        family: the law of one term.
        k: number of terms.
        log_gamma: log γ.
        threshold: the bound's T.
        exact: the exact quantile t.
        log_failure: the log of the exact probability to pass T; −∞ if that is impossible.

    """

    family: str
    k: int
    log_gamma: float
    threshold: float
    exact: float
    log_failure: float

    @property
    def holds(self) -> bool:
        """Whether T is passed with probability at most γ, up to rounding (`ROUNDING · max(1, log 1/γ)`)."""
        return at_most(self.log_failure, self.log_gamma)

    @property
    def tightness(self) -> float | None:
        """T/t: 1 for the best bound there is, below 1 where the bound fails; None unless t > 0."""
        return self.threshold / self.exact if self.exact > 0 else None

    def to_json(self) -> dict[str, Any]:
        """The row as JSON data: `gamma` is null where it is no float64, `log10_failure` where it is −∞."""
        log10 = self.log_gamma / math.log(10)
        possible = math.isfinite(self.log_failure)
        return {
            "family": self.family,
            "k": self.k,
            "gamma": float(decimal_power(log10, 12)) or None,
            "log10_gamma": float(f"{log10:.13g}"),
            "threshold": self.threshold,
            "exact": self.exact,
            "tightness": self.tightness,
            "log10_failure": self.log_failure / math.log(10) if possible else None,
            "holds": self.holds,
        }


def compare(
    law: Law, bound: Bound, ks: Sequence[int], log_gammas: Sequence[float], label: str | None = None
) -> list[Row]:
    """The bound against the exact tail, for every k and γ of the grid.

    Args:
        law: of one term.
        bound: says for which tail.
        ks: numbers of terms.
        log_gammas: log γ, each below 0.
        label: what the rows call the law; its name by default.

    Raises:
        BadInput: a k that is no whole number from 1 to the law's `largest_k`, or a log γ that is not below 0.

    """
    rows = []
    for k in map(law.check_k, ks):
        thresholds = bound.threshold(k, np.asarray(log_gammas, np.float64))
        failures = log_tail(law, k, thresholds, bound.side)
        for log_gamma, threshold, failure in zip(log_gammas, thresholds, failures, strict=True):
            exact = quantile(law, k, log_gamma, bound.side)
            rows.append(Row(label or law.name, k, log_gamma, float(threshold), exact, float(failure)))
    return rows


@dataclass(frozen=True)
class Boundary:
    """Where the printed χ² bound stops to hold: it does for γ ≥ γ*, and fails for γ < γ*.

    Attributes:
        k: number of terms.
        x: log(2/γ*); the bound holds if and only if log(2/γ) ≤ x.

    """

    k: int
    x: float

    @property
    def log_gamma(self) -> float:
        """Log γ*."""
        return math.log(2) - self.x

    def to_json(self) -> dict[str, Any]:
        """The boundary as JSON data."""
        log10 = self.log_gamma / math.log(10)
        return {
            "k": self.k,
            "gamma": float(decimal_power(log10, 12)) or None,
            "log10_gamma": log10,
            "x": self.x,
            "x_over_k": self.x / self.k,
        }


def condition_that_rescues(ks: Sequence[int]) -> list[Boundary]:
    """For each k the exact γ* such that the printed χ² bound holds if and only if γ ≥ γ*.

    The bound: |χ²_k − k| ≤ 4√(k log(2/γ)) with probability at least 1 − γ.
    There is exactly one γ*, and with x = log(2/γ), x* > k:

    - For x ≤ k the bound holds: 2√(kx) + 2x ≤ 4√(kx), so Laurent and Massart's bounds at γ/2 imply it.
      Hence γ ≥ 2e^{−k} is a condition that rescues it, for every k.
    - For x > k the lower tail is empty, as 4√(kx) > k. Let D(x) = log P(χ²_k − k > 4√(kx)) + x − log 2, which
      is positive where the bound fails. D′ = 1 − 2h√(k/x) with the hazard rate h of χ²_k. For k ≥ 2 the
      density is log-concave, so h increases to its limit ½ and D′ > 0. For k = 1, h decreases to ½, so D′
      changes sign at most once, from − to +. Either way D, with D(k) ≤ 0 and D(∞) = ∞, has one zero x*.

    As k → ∞, x*/k tends to u²/16 = 1.6839, where u > 0 solves u²/8 = u − log(1 + u).
    """
    law, bound, found = FAMILIES["chi2"], ChiSquarePrinted(), []
    for k in map(law.check_k, ks):

        def excess(x: float, k: int = k) -> float:
            log_gamma = math.log(2) - x
            return float(log_tail(law, k, bound.threshold(k, log_gamma), bound.side)) - log_gamma

        high = 2.0 * k
        while excess(high) <= 0:
            high *= 2
        found.append(Boundary(k, float(optimize.brentq(excess, k, high, xtol=1e-14 * k, rtol=1e-14))))
    return found

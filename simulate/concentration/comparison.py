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
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import optimize

from simulate.bounds import Bernstein, Bound, ChiSquareCorrected, ChiSquarePrinted, Side
from simulate.errors import BadInput
from simulate.special_functions import Floats
from simulate.statistics import simultaneous_clopper_pearson, smallest_discrepancy
from simulate.streams import Stream, stable_key
from simulate.tails import FAMILIES, ROUNDING, Bernoulli, Law, Poisson

LAWS = ("chi2", "chi2-corrected", "bernstein", *(f"bernstein:{family}" for family in FAMILIES))
"""What can be compared: the χ² bounds, and Theorem 2 for all families or one."""

DEFAULT_KS = (1, 2, 5, 10, 100, 1_000, 10_000)
DEFAULT_GAMMAS = (0.5, 0.1, 1e-2, 1e-3, 1e-6, 1e-10, 1e-30, 1e-100, 1e-300)

LEAST_EXPECTED = 30
"""A level γ is sampled only if at least so many trials are expected beyond its quantile."""
_LEVELS = (0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
# Of every check: the probability that a correct tail is called wrong, over all of its levels; and the
# probability with which the discrepancy named `resolves` may go unseen at a level.
FALSE_ALARM, _MISS = 1e-6, 1e-2
# Random numbers drawn for one check, and those held at once.
_NUMBERS, _CHUNK = 10_000_000, 1_000_000


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


def log_of(gamma: float | str) -> float:
    """Log γ of a number, or of a text such as "1e-400" that no float64 can hold.

    Raises:
        BadInput: not a number strictly between 0 and 1.

    """
    try:
        number = Decimal(str(gamma))
    except InvalidOperation:
        number = Decimal("nan")
    if not (number.is_finite() and 0 < number < 1):
        raise BadInput(f"γ must lie strictly between 0 and 1, got {gamma}")
    return float(number.ln())


# --- Exact tails and quantiles ----------------------------------------------------------------------------


def log_tail(law: Law, k: int, t: Any, side: Side, *, strict: bool = True) -> Floats:
    """Log P(S > t), log P(S < −t) or log P(|S| > t) as the side says; with ≥ and ≤ if not `strict`."""
    if side == "upper":
        return law.log_upper(k, t, strict=strict)
    if side == "lower":
        return law.log_lower(k, -np.asarray(t, np.float64), strict=strict)
    return law.log_two_sided(k, t, strict=strict)


def quantile(law: Law, k: int, log_gamma: float, side: Side = "upper") -> float:
    """The smallest t with P(S > t) ≤ γ, or likewise for S < −t or |S| > t.

    Of a law on a lattice it is a lattice point, and a probability equal to γ up to `ROUNDING` counts as ≤ γ.
    Of a law with a density it is right to some 1e-13 of itself or 1e-15 of the spread σ√k.

    Args:
        law: of one term.
        k: number of terms.
        log_gamma: log γ < 0.
        side: the tail.

    """
    # Theorem 2 brackets the quantile: P(S > T(γ)) ≤ γ; and as it holds for −X too, P(S < −T(1 − γ)) ≤ 1 − γ.
    bernstein = Bernstein(law.variance, law.scale)
    two_sided = side == "two-sided"
    high = float(bernstein.threshold(k, log_gamma - math.log(2) * two_sided))
    rest = min(math.log(-math.expm1(log_gamma)), -1e-300)
    low = 0.0 if two_sided else -float(bernstein.threshold(k, rest))
    if law.lattice(k) is not None:
        return _lattice_quantile(law, k, log_gamma, side, low, high)
    # √(−log P) is nearly linear in t, whatever the depth: a few steps of Brent's method suffice.
    target, ceiling = math.sqrt(-log_gamma), 2 * math.sqrt(-log_gamma) + 10

    def excess(t: float) -> float:
        return min(math.sqrt(max(-float(log_tail(law, k, t, side)), 0.0)), ceiling) - target

    if excess(high) <= 0 or excess(low) >= 0:
        return high if excess(high) <= 0 else low
    width = 1e-15 * math.sqrt(law.variance * k)
    root = float(optimize.brentq(excess, low, high, xtol=width, rtol=4 * np.finfo(float).eps))
    # The median of a symmetric law is 0, and not the rounding error that Brent's method ends in.
    return root if abs(root) > 10 * width else 0.0


def _lattice_quantile(law: Law, k: int, log_gamma: float, side: Side, low: float, high: float) -> float:
    step, shift = law.lattice(k) or (1.0, 0.0)

    def first(sign: int) -> float:
        """The smallest sign·(lattice point) that will do, by bisection over the counts in the bracket."""
        ends = sorted((sign * low, sign * high))
        below, found = math.floor((ends[0] + shift) / step) - 1, math.ceil((ends[1] + shift) / step) + 1
        below, found = (below, found) if sign > 0 else (found, below)
        while abs(found - below) > 1:
            middle = (below + found) // 2
            # The point is computed as `simulate.tails` computes it, so that rounding turns no comparison.
            point = sign * (step * middle - shift)
            good = point >= low and _at_most(float(log_tail(law, k, point, side)), log_gamma)
            below, found = (below, middle) if good else (middle, found)
        return sign * (step * found - shift)

    signs = {"upper": (1,), "lower": (-1,), "two-sided": (1, -1)}[side]
    return min(first(sign) for sign in signs) + 0.0


def _at_most(log_probability: float, log_gamma: float) -> bool:
    """P ≤ γ up to the rounding of the exact tail."""
    return log_probability <= log_gamma + ROUNDING * max(1.0, -log_gamma)


# --- Bounds against tails ---------------------------------------------------------------------------------


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
        return _at_most(self.log_failure, self.log_gamma)

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


# --- Sampling, as a check ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Level:
    """The frequency of S ≥ t (or S ≤ −t, |S| ≥ t) beside its exact probability, t the quantile of γ.

    With ≥, where the bounds have >, the probability is at least γ for laws on a lattice too.

    Attributes:
        family: the law of one term.
        k: number of terms.
        gamma: the level.
        exact: t.
        probability: the exact probability of the event.
        trials: number of sums that were drawn.
        count: how often the event happened.
        low: lower end of a Clopper-Pearson interval; all intervals of one check hold at once.
        high: upper end.
        resolves: the discrepancy that the level sees with probability 0.99; null where the event is certain.

    """

    family: str
    k: int
    gamma: float
    exact: float
    probability: float
    trials: int
    count: int
    low: float
    high: float
    resolves: float | None

    @property
    def agrees(self) -> bool:
        """Whether the exact probability lies in the interval."""
        return self.low <= self.probability <= self.high

    def to_json(self) -> dict[str, Any]:
        """The level as JSON data."""
        return {**asdict(self), "frequency": self.count / self.trials, "agrees": self.agrees}


def check_by_sampling(
    law: Law, k: int, trials: int, stream: Stream, side: Side = "upper", label: str | None = None
) -> list[Level]:
    """Draw sums, and set the frequencies beyond exact quantiles beside their exact probabilities.

    The levels are those of 0.5, 0.1, 0.01, … beyond which at least `LEAST_EXPECTED` trials are expected. A
    correct tail disagrees at one or more of its levels with probability at most 1e-6.

    Args:
        law: of one term.
        k: number of terms.
        trials: number of sums, at least 60.
        stream: its key and first trial say which random numbers; they are drawn in chunks of another size.
        side: the tail.
        label: what the levels call the law; its name by default.

    """
    gammas = [gamma for gamma in _LEVELS if gamma * trials >= LEAST_EXPECTED]
    if not gammas:
        raise BadInput(f"{trials} trials resolve no level: give at least {2 * LEAST_EXPECTED}")
    points = np.array([quantile(law, k, math.log(gamma), side) for gamma in gammas])
    exact = np.exp(log_tail(law, k, points, side, strict=False))
    counts = np.zeros(len(gammas), np.int64)
    size = max(1, min(trials, _CHUNK // k))
    for start in range(0, trials, size):
        rows = min(size, trials - start)
        sums = law.sample(Stream(stream.key, stream.first + start, rows, dtype=torch.float64), k)
        values = {"upper": sums, "lower": -sums, "two-sided": np.abs(sums)}[side]
        counts += (values >= points[:, None]).sum(axis=1)
    low, high = simultaneous_clopper_pearson(counts, trials, 1 - FALSE_ALARM)
    levels = []
    for i, gamma in enumerate(gammas):
        p = float(exact[i])
        seen = smallest_discrepancy(trials, p, FALSE_ALARM / len(gammas), _MISS) if p < 1 else None
        place = (float(points[i]), p, trials, int(counts[i]), float(low[i]), float(high[i]), seen)
        levels.append(Level(label or law.name, k, gamma, *place))
    return levels


# --- The document -----------------------------------------------------------------------------------------


def document(
    law: str,
    ks: Sequence[int] = DEFAULT_KS,
    gammas: Sequence[float | str] = DEFAULT_GAMMAS,
    *,
    trials: int = 100_000,
    seed: int = 0,
) -> dict[str, Any]:
    """What `--json` prints: every row of the grid, the check by sampling, and where the bound fails.

    Args:
        law: a name, see `cases`.
        ks: numbers of terms.
        gammas: failure probabilities; as text they may be below the smallest float64.
        trials: sums drawn for the check at each k; 0 for none. A k that would take more than 10⁷ random
            numbers is not sampled, and listed under `not_sampled`.
        seed: of the check.

    Raises:
        BadInput: an unknown law, a k or γ outside its range, none of them, or too few trials.

    """
    chosen = cases(law)
    log_gammas = [log_of(gamma) for gamma in dict.fromkeys(gammas)]
    ks = list(dict.fromkeys(ks))
    if not ks or not log_gammas:
        raise BadInput("give at least one k and one γ")
    if trials < 0 or 0 < trials < 2 * LEAST_EXPECTED:
        raise BadInput(f"trials must be 0 (no check) or at least {2 * LEAST_EXPECTED}, got {trials}")
    rows = [row for case in chosen for row in compare(case.law, case.bound, ks, log_gammas, case.label)]
    sampled = [k for k in ks if trials > 0 and k * trials <= _NUMBERS]
    levels = []
    for label, one, bound in chosen:
        for k in sampled:
            key = stable_key(seed, {"experiment": "concentration", "family": label, "k": k})
            levels += check_by_sampling(one, k, trials, Stream(key), bound.side, label)
    where = [row for row in (row.to_json() for row in rows) if not row["holds"]]
    boundary = [entry.to_json() for entry in condition_that_rescues(ks)] if law == "chi2" else None
    return {
        "experiment": "concentration",
        "law": law,
        "bound": chosen[0].bound.to_json(),
        "families": [
            {"family": label, "variance": one.variance, "scale": one.scale} for label, one, _ in chosen
        ],
        "rounding": ROUNDING,
        "results": [row.to_json() for row in rows],
        "sampling": [level.to_json() for level in levels],
        "not_sampled": [k for k in ks if k not in sampled],
        "fails": {
            "count": len(where),
            "of": len(rows),
            "where": [{key: row[key] for key in ("family", "k", "gamma", "log10_gamma")} for row in where],
            "boundary": boundary,
        },
    }


def decimal_power(log10: float, digits: int) -> str:
    """The power of ten as a decimal number, also where it is no float64."""
    if log10 > -4:
        return f"{10**log10:.{digits}g}"
    exponent = math.floor(log10 + 1e-12)
    return f"{10 ** (log10 - exponent):.{digits}g}e{exponent:+d}"

"""Concentration bounds in print: the threshold that a sum of k terms passes with probability at most γ.

A bound claims P(S > T) ≤ γ, or P(S < −T) ≤ γ, or P(|S| > T) ≤ γ, for S = X₁ + … + X_k with i.i.d. centred X.
Each is a record that gives T = `threshold(k, log_gamma)`. The argument is log γ and not γ, so that γ may be
far below the smallest float64; arrays broadcast. Whether a claim is true is not decided here:
`simulate.concentration` sets it against the exact tail. In the formulas below, x = log(1/γ).

    Bernstein             upper       √(2σ²kx) + cx             E|X|^q ≤ (q!/2) σ² c^{q−2}, q ≥ 2
    ChiSquarePrinted      two-sided   4√(k log(2/γ))            X = Z² − 1; false for log(2/γ) well above k
    ChiSquareCorrected    two-sided   2√(ky) + 2y, y = log(2/γ)   X = Z² − 1
    LaurentMassartUpper   upper       2√(kx) + 2x               X = Z² − 1
    LaurentMassartLower   lower       2√(kx)                    X = Z² − 1
    Hoeffding             upper       (b − a)√(kx/2)            a ≤ X ≤ b
    SubExponential        upper       max(ν√(2kx), 2αx)         E e^{tX} ≤ e^{ν²t²/2} for |t| < 1/α
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulate.errors import BadInput

__all__ = [
    "Bernstein",
    "Bound",
    "ChiSquareCorrected",
    "ChiSquarePrinted",
    "Hoeffding",
    "LaurentMassartLower",
    "LaurentMassartUpper",
    "Side",
    "Source",
    "SubExponential",
]

Floats = NDArray[np.float64]
Side = Literal["upper", "lower", "two-sided"]


class Source(NamedTuple):
    """Where a bound is printed: a work, the number of the statement in it, and a document of the registry."""

    name: str
    number: str
    document: str | None = None
    page: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {"document": self.document, "name": self.name, "number": self.number, "page": self.page}


_LECTURE = "Lucchi 2024, Lecture 11"
_LAURENT_MASSART = "B. Laurent and P. Massart, Annals of Statistics 28, 2000"


class Bound(ABC):
    """A threshold for the sum of k terms.

    Attributes:
        name: as in tables.
        formula: the threshold, in words that a terminal can print.
        side: which tail is bounded: S > T, S < −T, or |S| > T.
        source: where it is printed.

    """

    name: ClassVar[str]
    formula: ClassVar[str]
    side: ClassVar[Side]
    source: ClassVar[Source]

    def threshold(self, k: ArrayLike, log_gamma: ArrayLike) -> Floats:
        """T such that, says the bound, the sum of k terms passes T with probability at most γ.

        Args:
            k: number of terms, at least 1.
            log_gamma: log γ, below 0 and finite.

        """
        terms, log = np.asarray(k, np.float64), np.asarray(log_gamma, np.float64)
        if not (np.isfinite(terms) & (terms >= 1)).all():
            raise BadInput(f"k must be at least 1, got {k!r}")
        if not (np.isfinite(log) & (log < 0)).all():
            raise BadInput(
                f"γ must lie strictly between 0 and 1: log γ below 0 and finite, got {log_gamma!r}"
            )
        return np.asarray(self._threshold(terms, -log), np.float64)

    @abstractmethod
    def _threshold(self, k: Floats, x: Floats) -> Floats:
        """The threshold at x = log(1/γ)."""

    def to_json(self) -> dict[str, Any]:
        """Name, formula, side and source as JSON data."""
        entries = {"name": self.name, "formula": self.formula, "side": self.side}
        return {**entries, "source": self.source.to_json()}


@dataclass(frozen=True)
class Bernstein(Bound):
    """Bernstein's inequality under its moment condition (Boucheron, Lugosi, Massart 2013, Corollary 2.11)."""

    variance: float
    scale: float
    name: ClassVar[str] = "Bernstein"
    formula: ClassVar[str] = "√(2σ²k log(1/γ)) + c log(1/γ)"
    side: ClassVar[Side] = "upper"
    source: ClassVar[Source] = Source(_LECTURE, "Theorem 2", "001")

    def __post_init__(self) -> None:
        _positive(variance=self.variance, scale=self.scale)

    def _threshold(self, k: Floats, x: Floats) -> Floats:
        return np.sqrt(2 * self.variance * k * x) + self.scale * x


@dataclass(frozen=True)
class ChiSquarePrinted(Bound):
    """The lecture's bound for |χ²_k − k|, as printed: without the linear term that small γ needs."""

    name: ClassVar[str] = "χ² as printed"
    formula: ClassVar[str] = "4√(k log(2/γ))"
    side: ClassVar[Side] = "two-sided"
    source: ClassVar[Source] = Source(_LECTURE, "Concentration of χ² random variables", "001")

    def _threshold(self, k: Floats, x: Floats) -> Floats:
        return 4 * np.sqrt(k * (x + math.log(2)))


@dataclass(frozen=True)
class ChiSquareCorrected(Bound):
    """Both bounds of Laurent and Massart, each at γ/2: true for every k and γ.

    It is at most the printed 4√(k log(2/γ)) exactly where log(2/γ) ≤ k, and at most 4 max(√(k x), x) at
    x = log(2/γ) everywhere.
    """

    name: ClassVar[str] = "χ² corrected"
    formula: ClassVar[str] = "2√(k log(2/γ)) + 2 log(2/γ)"
    side: ClassVar[Side] = "two-sided"
    source: ClassVar[Source] = Source(_LAURENT_MASSART, "Lemma 1, union bound")

    def _threshold(self, k: Floats, x: Floats) -> Floats:
        y = x + math.log(2)
        return 2 * np.sqrt(k * y) + 2 * y


@dataclass(frozen=True)
class LaurentMassartUpper(Bound):
    """P(χ²_k − k > 2√(kx) + 2x) ≤ e^{−x}."""

    name: ClassVar[str] = "Laurent-Massart, upper"
    formula: ClassVar[str] = "2√(k log(1/γ)) + 2 log(1/γ)"
    side: ClassVar[Side] = "upper"
    source: ClassVar[Source] = Source(_LAURENT_MASSART, "Lemma 1, (4.3)")

    def _threshold(self, k: Floats, x: Floats) -> Floats:
        return 2 * np.sqrt(k * x) + 2 * x


@dataclass(frozen=True)
class LaurentMassartLower(Bound):
    """P(χ²_k − k < −2√(kx)) ≤ e^{−x}."""

    name: ClassVar[str] = "Laurent-Massart, lower"
    formula: ClassVar[str] = "2√(k log(1/γ))"
    side: ClassVar[Side] = "lower"
    source: ClassVar[Source] = Source(_LAURENT_MASSART, "Lemma 1, (4.4)")

    def _threshold(self, k: Floats, x: Floats) -> Floats:
        return 2 * np.sqrt(k * x)


@dataclass(frozen=True)
class Hoeffding(Bound):
    """Hoeffding's inequality for a ≤ X ≤ b.

    Attributes:
        low: a < 0.
        high: b > 0.

    """

    low: float
    high: float
    name: ClassVar[str] = "Hoeffding"
    formula: ClassVar[str] = "(b − a)√(k log(1/γ)/2)"
    side: ClassVar[Side] = "upper"
    source: ClassVar[Source] = Source("W. Hoeffding, J. Amer. Statist. Assoc. 58, 1963", "Theorem 2")

    def __post_init__(self) -> None:
        if not -math.inf < self.low < 0 < self.high < math.inf:
            raise BadInput(f"a centred variable has low < 0 < high, got {self.low} and {self.high}")

    def _threshold(self, k: Floats, x: Floats) -> Floats:
        return (self.high - self.low) * np.sqrt(k * x / 2)


@dataclass(frozen=True)
class SubExponential(Bound):
    """The sub-exponential tail: P(S > t) ≤ e^{−t²/(2kν²)} up to t = kν²/α, then e^{−t/(2α)}.

    Attributes:
        deviation: ν, with E e^{tX} ≤ e^{ν²t²/2} for |t| < 1/α; (ν, α) = (2, 4) serves for Z² − 1.
        scale: α.

    """

    deviation: float
    scale: float
    name: ClassVar[str] = "sub-exponential"
    formula: ClassVar[str] = "max(ν√(2k log(1/γ)), 2α log(1/γ))"
    side: ClassVar[Side] = "upper"
    source: ClassVar[Source] = Source(
        "M. J. Wainwright, High-Dimensional Statistics, 2019", "Proposition 2.9"
    )

    def __post_init__(self) -> None:
        _positive(deviation=self.deviation, scale=self.scale)

    def _threshold(self, k: Floats, x: Floats) -> Floats:
        # The two branches meet at t = kν²/α, where x = kν²/(2α²); the larger one is the one that applies.
        return np.maximum(self.deviation * np.sqrt(2 * k * x), 2 * self.scale * x)


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise BadInput(f"{name} must be positive and finite, got {value}")

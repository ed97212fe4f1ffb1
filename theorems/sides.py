"""The two sides of a conclusion, and what they say about it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Self

Relation = Literal["<=", "<", "=="]

_FLOAT_ROUNDING = 1e-9
"""Relative rounding error that float64 sides are allowed, unless a statement says otherwise."""
_DENORMAL = 1e-280
"""Sides below this have lost digits: their ratio says nothing."""
_SIGNS_DECIDE = 2_000.0
"""Larger than any |log| of a ratio of two float64 numbers."""


@dataclass(frozen=True)
class Sides:
    """What a conclusion compares: it claims `smaller relation larger`.

    Attributes:
        smaller: the left side, a number.
        larger: the right side.
        relation: "<=", "<" (equality refutes) or "==".
        log: both sides are natural logarithms of what is compared: tightness is then a difference. Claims
            about probabilities down to 10⁻³⁰⁰ and beyond are compared so.

    """

    smaller: Any
    larger: Any
    relation: Relation = "<="
    log: bool = False

    @classmethod
    def equal(cls, left: Any, right: Any) -> Self:
        """The claim that two numbers are equal."""
        return cls(left, right, "==")

    @classmethod
    def true(cls, claim: Any) -> Self:
        """The claim that something is the case: 0 <= 0 if it is, 1 <= 0 if not."""
        return cls(0.0 if claim else 1.0, 0.0)

    def floats(self) -> Sides:
        """The same with float64 sides."""
        return Sides(float(self.smaller), float(self.larger), self.relation, self.log)

    @property
    def defined(self) -> bool:
        """Neither side is NaN."""
        # NaN is the one number that differs from itself, in every arithmetic.
        return bool(self.smaller == self.smaller and self.larger == self.larger)

    @property
    def finite(self) -> bool:
        """Neither side is NaN or infinite."""
        return self.defined and bool(abs(self.smaller) < math.inf and abs(self.larger) < math.inf)

    @property
    def excess(self) -> Any:
        """How far the claim is violated, in the unit of the sides (positive: violated).

        Of an equality, the distance; nothing if both sides are the same infinity.
        """
        if self.smaller == self.larger:
            return 0.0
        difference = self.smaller - self.larger
        return abs(difference) if self.relation == "==" else difference

    def allowance(self, rounding: float) -> Any:
        """What a relative rounding error of both sides may add to the excess.

        An error of a quantity relative to itself is an absolute error of its logarithm.
        """
        scale = max(abs(self.smaller), abs(self.larger))
        return rounding * (max(scale, 1.0) if self.log else scale)

    def violated(self, rounding: float = _FLOAT_ROUNDING) -> bool:
        """Whether the claim fails by more than the relative rounding error of its sides.

        A strict claim also fails where its sides are equal to the last bit and finite. Sides that are NaN
        claim nothing and violate nothing.
        """
        if not self.defined:
            return False
        if self.smaller == self.larger:
            return self.relation == "<" and self.finite
        if not self.finite:
            return self.relation == "==" or bool(self.smaller > self.larger)
        return bool(self.excess > self.allowance(rounding))

    @property
    def ratio(self) -> float:
        """Tightness: smaller/larger, 1 where the claim is an equality, above 1 where it is violated.

        Of an equality |difference| relative to the larger of the two. 0 where both sides are 0 (nothing is
        compared); −∞ where the ratio says nothing (a negative smaller side, or a side that is not finite).
        """
        s, g = float(self.smaller), float(self.larger)
        if math.isnan(s) or math.isnan(g):
            return -math.inf
        if self.relation == "==":
            scale = max(abs(s), abs(g))
            return abs(s - g) / scale if 0 < scale < math.inf else 0.0
        if self.log:
            return math.exp(min(s - g, 700.0)) if s != g else float(math.isfinite(s))
        if max(abs(s), abs(g)) < _DENORMAL:
            return 0.0
        if g > 0 and s >= 0:
            return s / g if g < math.inf else 0.0
        if g < 0 and s < 0:
            return g / s  # −5 <= −3: 3/5
        return math.inf if s > g else -math.inf

    @property
    def score(self) -> float:
        """What a search climbs: larger is nearer to a violation, positive is one.

        The logarithm of the ratio, whose size does not depend on the unit of the sides. Where their signs
        forbid it, any violation is above every ratio, and sides with smaller < 0 < larger, or both 0, below.
        """
        s, g = float(self.smaller), float(self.larger)
        if math.isnan(s) or math.isnan(g):
            return -math.inf
        if s == g:
            return 0.0 if math.isfinite(s) and (s != 0 or self.log) else -_SIGNS_DECIDE
        if self.relation == "==":
            scale = 1.0 if self.log else max(abs(s), abs(g))
            return abs(s - g) / scale if scale < math.inf else _SIGNS_DECIDE
        if self.log:
            return s - g
        if max(abs(s), abs(g)) < _DENORMAL:
            return -_SIGNS_DECIDE
        if 0 < s < math.inf and 0 < g < math.inf:
            return math.log(s) - math.log(g)
        if -math.inf < s < 0 and -math.inf < g < 0:
            return math.log(-g) - math.log(-s)  # −5 <= −3: log 3/5
        if s > g:
            return _SIGNS_DECIDE
        gap = g - s
        return -_SIGNS_DECIDE - (gap / (1 + gap) if gap < math.inf else 1.0)

    def __str__(self) -> str:
        """As a report prints it, with the relation that is claimed."""
        told = {"<=": "≤", "<": "<", "==": "="}[self.relation]
        names = ("log left", "log right") if self.log else ("left", "right")
        return f"claimed: left {told} right;  {names[0]} = {self.smaller!s}, {names[1]} = {self.larger!s}"

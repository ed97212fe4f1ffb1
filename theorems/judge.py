"""Whether an instance violates a conclusion: float64 suspects, 50 digits decide."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np

from theorems import maths, trust
from theorems.arithmetic import without_floats
from theorems.domains import Domain, Instance, call, describe
from theorems.sides import Sides
from theorems.statement import Broken

DIGITS = 50
_AGREE = 1e-12
"""Relative margin by which the precise sides must confirm a violation, unless the statement is exact."""
_EXACT = 1e-35
_MORE_DIGITS = 1_000
"""What 50 digits say about a violation must be what 1,000 say."""
_LOST = 15
"""Digits that rounding may take in precise sides."""
_PRECISE_WORK = 20
"""A precise evaluation costs about so many of float64."""
_MOST_PRECISE = 400
"""Instances with more numbers than this are judged in float64: 50 digits of a large matrix take minutes."""


class Unresolved(Broken):
    """An instance at which neither float64 nor 50 digits give sides."""


class Judge:
    """Evaluates a conclusion at instances of a domain.

    Args:
        domain: the hypotheses.
        conclusion: function of the variables that it names, returning `Sides`.
        rounding: relative float64 error that the sides are allowed; 0: they are computed without any, or what
            floating-point numbers do is itself the claim.
        exact: the conclusion is written in `theorems.maths` alone, so that its sides at 50 digits may be
            compared to 35 of them: equalities and bounds that are reached are decided rightly.

    Attributes:
        evaluations: instances at which the sides were computed in float64.
        work: the same, with precise evaluations counted for what they cost.

    """

    def __init__(
        self, domain: Domain, conclusion: Callable[..., Any], rounding: float = 1e-9, exact: bool = False
    ) -> None:
        self.domain, self.conclusion = domain, conclusion
        self.rounding, self.exact = rounding, exact
        self.knows_precise = True
        self.evaluations = self.work = 0

    # --- The sides ---

    def sides(self, instance: Instance) -> Sides:
        """The float64 sides; of the precise ones, where float64 overflows.

        Raises:
            Broken: the conclusion raised, returned something else, or is NaN.
            Unresolved: it overflows, and cannot be evaluated with 50 digits.

        """
        self.evaluations += 1
        self.work += 1
        overflow: OverflowError | None = None
        try:
            sides = self._evaluate(instance)
            if sides.defined:
                return sides
        except OverflowError as error:
            overflow = error
        precise = self.precise_sides(instance)
        if precise is not None and precise.defined:
            return precise.floats()
        if overflow is not None:
            raise Unresolved(f"OverflowError: {overflow} at {describe(instance)}") from overflow
        if not trust.moderate(instance):
            raise Unresolved(f"a side is NaN at {describe(instance)}")
        raise Broken(f"a side is NaN at {describe(instance)}")

    def _evaluate(self, values: Instance) -> Sides:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                sides = call(self.conclusion, values)
                if isinstance(sides, Sides):
                    return sides.floats()
        except OverflowError:
            raise
        except Exception as error:
            raise Broken(f"{type(error).__name__}: {error} at {describe(values)}") from error
        raise Broken(f"the conclusion returned {type(sides).__name__}, not Sides, at {describe(values)}")

    def precise_sides(self, instance: Instance, digits: int = DIGITS) -> Sides | None:
        """The sides with 50 digits, at the exact point that the instance stands for; None if that is unknown.

        A conclusion that uses functions which know no such numbers is not asked again.
        """
        if not self.knows_precise or trust.count(instance) > _MOST_PRECISE:
            return None
        self.work += _PRECISE_WORK
        try:
            with maths.in_precision(digits), without_floats(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                sides = call(self.conclusion, self.domain.precise(instance))
                smaller, larger = (_mpf(side) for side in (sides.smaller, sides.larger))
        except ArithmeticError:
            # 1/0 here says nothing about other instances.
            return None
        except Exception:
            # Whatever a function of numpy or scipy has against such numbers.
            self.knows_precise = False
            return None
        return Sides(smaller, larger, sides.relation, sides.log)

    # --- The judgement ---

    def examine(self, instance: Instance) -> tuple[Sides, bool]:
        """The sides, as good as they are known, and whether they violate the claim.

        Raises:
            Broken: see `sides`.

        """
        sides = self.sides(instance)
        if not self._suspected(sides):
            return sides, False
        precise = self.precise_sides(instance)
        if precise is None or not precise.defined:
            return sides, self._trusted(instance, sides)
        return precise.floats(), self._confirmed(instance, precise)

    def violated(self, instance: Instance, sides: Sides) -> bool:
        """Whether the conclusion fails at the instance, beyond what rounding can do, given its float64 sides."""
        if not self._suspected(sides):
            return False
        precise = self.precise_sides(instance)
        if precise is None or not precise.defined:
            return self._trusted(instance, sides)
        return self._confirmed(instance, precise)

    def _suspected(self, sides: Sides) -> bool:
        """Whether the claim may fail, for all that float64 can tell."""
        if not self.exact:
            tie = sides.relation == "<" and sides.finite and self._near(sides)
            return tie or sides.violated(self.rounding)
        if sides.relation == "==" or not sides.finite:
            return True
        return self._near(sides)

    def _near(self, sides: Sides) -> bool:
        return bool(sides.excess >= -sides.allowance(self.rounding))

    def _trusted(self, instance: Instance, sides: Sides) -> bool:
        """Whether float64 alone shows a violation."""
        if self.rounding == 0:
            return sides.violated(0.0)
        if not sides.violated(self.rounding) or sides.smaller == sides.larger:
            return False
        if not sides.finite:
            # Overflow, or a division by 0: with 50 digits, which know no overflow, only the latter fails.
            affordable = trust.count(instance) <= _MOST_PRECISE
            return self.knows_precise and affordable and trust.moderate(instance)
        if sides.log:
            return True
        return trust.in_range(sides) and trust.moderate(instance) and self._steady(instance, sides)

    def _steady(self, instance: Instance, sides: Sides) -> bool:
        def again(nudged: Mapping[str, Any]) -> Sides | None:
            try:
                return self.sides(self.domain.project(nudged))
            except Broken:
                return None

        return trust.steady(instance, sides, self.domain.continuous(), again)

    def _confirmed(self, instance: Instance, precise: Sides) -> bool:
        """Whether the precise sides violate the claim, and more digits leave it at that."""
        tie = precise.relation == "<" and _tied(precise, DIGITS)
        if not (tie and trust.tells_ties(instance)) and not self._beyond(precise, DIGITS):
            return False
        again = self.precise_sides(instance, _MORE_DIGITS)
        if again is None or not again.defined:
            return False
        if tie:
            return _tied(again, _MORE_DIGITS)
        # Where nearly equal numbers are subtracted, 50 digits may leave none.
        if not trust.settled(precise, again) or not self._beyond(again, _MORE_DIGITS):
            return False
        return not self.exact or again.violated(self.rounding) or self._exactly_inside(instance)

    def _beyond(self, precise: Sides, digits: int) -> bool:
        """Whether precise sides that are no tie violate the claim by more than their own rounding."""
        with mpmath.workdps(digits):
            return not _tied(precise, digits) and precise.violated(_EXACT if self.exact else _AGREE)

    def _exactly_inside(self, instance: Instance) -> bool:
        """Whether the exact point meets the hypotheses, and not only its rounded coordinates.

        What violates an exact claim by less than rounding does may break a condition by as little.
        """
        try:
            with maths.in_precision(DIGITS), without_floats():
                return self.domain.contains(self.domain.precise(instance))
        except Exception:
            return False


def _mpf(side: Any) -> Any:
    return mpmath.mpf(side.item() if isinstance(side, np.ndarray | np.generic) else side)


def _tied(precise: Sides, digits: int) -> bool:
    """Whether two finite sides have the same digits, but for the last that rounding took."""
    with mpmath.workdps(digits):
        return precise.finite and bool(
            abs(precise.excess) <= precise.allowance(mpmath.mpf(10) ** (_LOST - digits))
        )

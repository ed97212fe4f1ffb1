"""A number or a table in print, recomputed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

import mpmath

from simulate.errors import BadInput
from theorems import maths
from theorems.budget import Budget
from theorems.judge import DIGITS
from theorems.sides import Sides
from theorems.statement import Broken, Kind, Replay, Statement
from theorems.verdicts import Counterexample, Tightness, Verdict, number_to_json

_DECIMAL = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_AGREE = "1e-35"
"""Relative rounding error that expressions are allowed at 50 digits."""
_FLOAT = "1e-12"
"""Relative error that a recomputed number is allowed to have if it comes as a float64."""
_TIE = "1e-30"
"""Relative slack of half a unit: a number half way between two decimals may be printed as either."""


@dataclass(frozen=True)
class Entry:
    """One printed number.

    Attributes:
        label: what it is: its row and column, or what it equals.
        printed: function without arguments that evaluates the printed expression; or the printed decimal as a
            string, which stands for every number that rounds to it: "0.36", "-1.50", "30,000", "7.4e-22". Commas
            part thousands. Units, percent signs and powers in other notation are left out.
        recomputed: function without arguments that computes the number independently.
        unit: of a printed decimal, the unit of its last significant digit, if that is not its last digit
            ("about 793000" has unit 1000).

    Both functions run at 50 digits (or 10 more than are printed): write them with `theorems.maths`, or with plain
    integers, fractions and mpmath.
    A number that is recomputed as a float64 is taken to be right to 12 digits, which does for a printed decimal;
    of a printed expression it decides nothing and is refused.
    """

    label: str
    printed: str | Callable[[], Any]
    recomputed: Callable[[], Any]
    unit: float | None = None

    def sides(self) -> Sides:
        """The claim |printed − recomputed| <= what rounding to the printed digits allows.

        Raises:
            Broken: an expression failed, is NaN or infinite, or is not known to enough digits; or what is printed
                is no decimal.

        """
        with maths.in_precision(self._digits):
            recomputed, rounding = self._evaluate(self.recomputed)
            if isinstance(self.printed, str):
                value = mpmath.mpf(self._decimal())
                allowed = mpmath.mpf(self._unit()) / 2 * (1 + mpmath.mpf(_TIE)) + rounding
            else:
                value, printed_rounding = self._evaluate(self.printed)
                if rounding or printed_rounding:
                    raise Broken(
                        f"a side of {self.label} is a float of 16 digits: compute it with theorems.maths, mpmath, "
                        "integers or fractions"
                    )
                allowed = abs(recomputed) * mpmath.mpf(_AGREE)
            return Sides(abs(value - recomputed), allowed)

    def _evaluate(self, expression: Callable[[], Any]) -> tuple[Any, Any]:
        """The number, and how wrong it may be because it is a float64."""
        try:
            value = expression()
            if isinstance(value, Fraction):
                number = mpmath.mpf(value.numerator) / value.denominator
            else:
                number = mpmath.mpf(value)
        except Exception as error:
            raise Broken(f"{type(error).__name__}: {error} in {self.label}") from error
        if not mpmath.isfinite(number):
            raise Broken(f"{self.label} is {number}")
        return number, abs(number) * mpmath.mpf(_FLOAT) if isinstance(value, float) else mpmath.mpf(0)

    @property
    def _digits(self) -> int:
        """The precision in which the entry is decided: more than is printed."""
        return max(DIGITS, len(self.printed) + 10) if isinstance(self.printed, str) else DIGITS

    def _decimal(self) -> str:
        """The printed decimal without the commas between thousands."""
        text = str(self.printed)
        if not _DECIMAL.fullmatch(text):
            raise Broken(f"{text!r} in {self.label} is no decimal: write it like 0.36, 30,000 or 7.4e-22")
        return text.replace(",", "")

    def _unit(self) -> str:
        if self.unit is not None:
            if not 0 < self.unit < math.inf:
                raise Broken(f"the unit of {self.label} must be positive and finite, got {self.unit!r}")
            return repr(float(self.unit))
        mantissa, _, exponent = self._decimal().lower().partition("e")
        decimals = len(mantissa.partition(".")[2])
        return f"1e{int(exponent or 0) - decimals}"

    def words(self) -> str:
        """The printed number beside the recomputed one."""
        with maths.in_precision(self._digits):
            recomputed = _shown(self._evaluate(self.recomputed)[0])
            printed = (
                self.printed if isinstance(self.printed, str) else _shown(self._evaluate(self.printed)[0])
            )
            return f"{self.label}: printed {printed}, recomputed {recomputed}"

    def moved(self) -> Entry:
        """The entry with another number in print: two units of the last digit more, or 1 % of an expression."""
        if isinstance(self.printed, str):
            with maths.in_precision(self._digits):
                # Enough digits for the printed ones and the two units, whatever their sizes.
                number = mpmath.mpf(self._decimal()) + 2 * mpmath.mpf(self._unit())
                return replace(self, printed=mpmath.nstr(number, self._digits), unit=float(self._unit()))
        expression = self.printed

        def false() -> Any:
            value = self._evaluate(expression)[0]
            return value * mpmath.mpf("1.01") if value else mpmath.mpf("0.01")

        return replace(self, printed=false)


def _ratio(sides: Sides) -> float:
    """Distance over what rounding allows."""
    if sides.larger:
        return float(sides.smaller / sides.larger)
    return math.inf if sides.smaller else 0.0


def _shown(number: Any) -> str:
    return str(mpmath.nstr(number, 12))


@dataclass(frozen=True, kw_only=True)
class Value(Statement):
    """Numbers in print.

    A printed decimal is right if the recomputed number lies within half a unit of its last digit; a printed
    expression, if both agree to 35 of 50 digits.

    Attributes:
        entries: the printed numbers, each with a label of its own.

    """

    kind: ClassVar[Kind] = "value"

    entries: tuple[Entry, ...]

    def _decide(self, budget: Budget) -> Verdict:
        if not self.entries:
            return Verdict("vacuous", note="no number to recompute")
        if len({entry.label for entry in self.entries}) < len(self.entries):
            raise Broken("two printed numbers have the same label")
        found = [(entry, entry.sides()) for entry in self.entries]
        wrong = [(entry, sides) for entry, sides in found if sides.smaller > sides.larger]
        ratio, label = max(((_ratio(sides), entry.label) for entry, sides in found), key=lambda one: one[0])
        tightness = Tightness(ratio, {"entry": label})
        amount = f"{len(found)} number{'s' * (len(found) > 1)} recomputed"
        if not wrong:
            return Verdict("holds", "exact", amount, tightness)
        others = "; ".join(entry.words() for entry, _ in wrong[1:])
        note = f"{len(wrong)} of them differ, also {others}" if others else ""
        return Verdict("refuted", "exact", amount, tightness, self._counterexample(*wrong[0]), note=note)

    def _counterexample(self, entry: Entry, sides: Sides) -> Counterexample:
        return Counterexample(
            self.id,
            self.kind,
            {"entry": entry.label},
            float(sides.smaller),
            float(sides.larger),
            "<=",
            entry.words(),
        )

    def twin(self, verdict: Verdict) -> Value:
        """The first printed number moved by two units of its last digit (an expression by 1 %)."""
        if not self.entries:
            raise Broken(f"{self.id} has no twin: it prints no number")
        first, *rest = self.entries
        words = "first number moved by " + ("2 units" if isinstance(first.printed, str) else "1 %")
        return replace(
            self,
            id=f"{self.id}.twin",
            title=f"{self.title} ({words})".strip(),
            entries=(first.moved(), *rest),
        )

    def replay(self, counterexample: Counterexample) -> Replay:
        """The entry recomputed.

        Raises:
            BadInput: no entry has that label.

        """
        label = counterexample.instance.get("entry")
        entry = next((one for one in self.entries if one.label == label), None)
        if entry is None:
            raise BadInput(f"{self.id} prints no number called {label!r}")
        precise = entry.sides()
        sides = precise.floats()
        same = (number_to_json(sides.smaller), number_to_json(sides.larger)) == (
            number_to_json(counterexample.smaller),
            number_to_json(counterexample.larger),
        )
        return Replay(None, sides, precise, bool(precise.smaller > precise.larger), same, entry.words())

"""Whole numbers for precise evaluation: their quotients and roots are not cut to float64.

In Python 1/3 is a float64 whatever happens around it, and math.sqrt(3) too. A bound that is reached would be
refuted, or spared, by the 17th digit of such a number. So while a statement is evaluated with 50 digits its
whole numbers are `Whole`: `n / 3` and `n ** 0.5` are mpmath numbers, and a function that wants a float64 is
refused, whereupon the statement counts as one that cannot be evaluated with 50 digits.
"""

from __future__ import annotations

from typing import Any

import mpmath


class Whole(int):
    """An int that never becomes a float64 unasked; sums, products and powers of them are such numbers again."""

    def __float__(self) -> float:
        raise TypeError("a whole number of a precise evaluation was to become a float64")

    def __truediv__(self, other: Any) -> Any:
        return _quotient(self, other) if isinstance(other, int) else NotImplemented

    def __rtruediv__(self, other: Any) -> Any:
        return _quotient(other, self) if isinstance(other, int) else NotImplemented

    def __pow__(self, other: Any, modulus: Any = None) -> Any:
        if isinstance(other, float) or (isinstance(other, int) and other < 0):
            return mpmath.mpf(int(self)) ** mpmath.mpf(other)
        return _whole(int.__pow__(self, other, modulus))

    def __rpow__(self, other: Any, modulus: Any = None) -> Any:
        if isinstance(other, float) or (isinstance(other, int) and self < 0):
            return mpmath.mpf(other) ** int(self)
        return _whole(int.__rpow__(self, other, modulus))


def _quotient(numerator: int, denominator: int) -> Any:
    return mpmath.mpf(int(numerator)) / int(denominator)


def _whole(value: Any) -> Any:
    return Whole(value) if type(value) is int else value


def _closed(name: str) -> Any:
    operation = getattr(int, name)

    def method(self: Whole, *others: Any) -> Any:
        return _whole(operation(self, *others))

    method.__name__ = name
    return method


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    setattr(Whole, f"__{_name}__", _closed(f"__{_name}__"))
    setattr(Whole, f"__r{_name}__", _closed(f"__r{_name}__"))
for _name in ("neg", "pos", "abs"):
    setattr(Whole, f"__{_name}__", _closed(f"__{_name}__"))

"""Where a statement's quantified variables live: each range validates, generates, simplifies and prints itself.

    Integers(1, 10)                 whole numbers, both ends included
    Reals(0, 1, open=(True, True))  real numbers; log=True explores the logarithm
    OneOf("relu", "tanh")           finitely many values
    Array("m", "n")                 real entries; sizes are numbers or names of earlier variables
    Vector("n"), Matrix("m", "n")   the same with one and two axes
    Sphere("n")                     the sphere √n·S^{n−1}; more sizes: that many points on it

Ends and sizes may be names of variables declared before, or functions of the values so far:
`Integers(0, lambda v: v["n"] - 1)`.
"""

from theorems.ranges.arrays import Array, Matrix, Vector
from theorems.ranges.base import Bound, Range, Values, resolve
from theorems.ranges.scalars import Integers, OneOf, Reals
from theorems.ranges.spheres import Sphere

__all__ = [
    "Array",
    "Bound",
    "Integers",
    "Matrix",
    "OneOf",
    "Range",
    "Reals",
    "Sphere",
    "Values",
    "Vector",
    "resolve",
]

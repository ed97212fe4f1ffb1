"""Statements: what papers, lectures and theses claim, as executable records with verdicts.

A statement of your own takes a file of a few lines:

    from theorems import Domain, Integers, Matrix, Sides, Universal, maths as m

    false = Universal(
        id="spectral-abs",
        text="taking absolute values of all entries does not increase the spectral norm",
        domain=Domain(n=Integers(1, 6), W=Matrix("n", "n")),
        conclusion=lambda W: Sides(m.spectral_norm(m.abs(W)), m.spectral_norm(W)),
    )

and `simulate verify FILE` hunts for a counterexample. The kinds: `Universal`, `HighProbability`, `Existence`,
`Scaling`, `Value`.
"""

from simulate.bounds import Source
from theorems.budget import FULL, QUICK, Budget
from theorems.domains import Domain
from theorems.existence import Existence
from theorems.highprobability import ExactLaw, HighProbability, Simulation
from theorems.ranges import Array, Integers, Matrix, OneOf, Reals, Sphere, Vector
from theorems.scaling import ExactMeasure, SampledMeasure, Scaling
from theorems.sides import Sides
from theorems.statement import Statement
from theorems.universal import Universal
from theorems.value import Entry, Value
from theorems.verdicts import Counterexample, Verdict

__all__ = [
    "FULL",
    "QUICK",
    "Array",
    "Budget",
    "Counterexample",
    "Domain",
    "Entry",
    "ExactLaw",
    "ExactMeasure",
    "Existence",
    "HighProbability",
    "Integers",
    "Matrix",
    "OneOf",
    "Reals",
    "SampledMeasure",
    "Scaling",
    "Sides",
    "Simulation",
    "Source",
    "Sphere",
    "Statement",
    "Universal",
    "Value",
    "Vector",
    "Verdict",
]

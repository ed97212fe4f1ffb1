"""The hunt for a counterexample: structures, random draws, Hypothesis, the gradient; then the violation simplified."""

from theorems.falsifier.findings import Findings
from theorems.falsifier.hunt import hunt

__all__ = ["Findings", "hunt"]

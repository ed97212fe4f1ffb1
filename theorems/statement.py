"""A statement is a record: what is claimed, how it is read, where it stands, and how it is checked.

Five kinds, each a dataclass of its own, final and one level deep:

    Universal        for all instances of the hypotheses, smaller <= larger
    HighProbability  with probability at least 1 − γ
    Existence        there is such a network, step, perturbation
    Scaling          Ω, O, Θ: an exponent, and constants
    Value            a number or a table in print
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from simulate.bounds import Source
from simulate.errors import SimulateError
from theorems.budget import QUICK, Budget
from theorems.sides import Sides
from theorems.verdicts import Counterexample, Verdict

Repair = Literal["typo", "convention", "missing hypothesis", "constant", "false"]
"""What was wrong with the printed statement: a slip of the pen, a convention left unsaid, a hypothesis left
out, a wrong constant, or the claim itself."""
Kind = Literal["universal", "high probability", "existence", "scaling", "value"]
KINDS: tuple[Kind, ...] = ("universal", "high probability", "existence", "scaling", "value")

OWN = Source("own statement", "")


class Broken(SimulateError):
    """A statement's own code failed; the message says how and where."""


@dataclass(frozen=True)
class Replay:
    """A counterexample evaluated from scratch.

    Attributes:
        fault: which hypothesis the instance breaks; None if it satisfies all.
        sides: recomputed in float64.
        precise: recomputed with 50 digits; None where the statement's functions know no such numbers.
        violated: whether the recomputed sides contradict the claim.
        same: whether the float64 sides are those of the file, bit for bit.
        note: one line more.

    """

    fault: str | None
    sides: Sides
    precise: Sides | None
    violated: bool
    same: bool
    note: str = ""

    @property
    def stands(self) -> bool:
        """The instance satisfies the hypotheses and contradicts the claim."""
        return self.fault is None and self.violated


@dataclass(frozen=True, kw_only=True)
class Statement(ABC):
    """What every kind has.

    Attributes:
        id: permanent, never reused, such as "001.theorem-2".
        title: a few words.
        text: the claim as printed, its formulas, constants and quantifiers to the letter, the words our own;
            LaTeX between dollar signs.
        reading: the quantified formula that is checked, and the conventions chosen.
        source: document, name, number and page; your own statements need none.
        corrects: id of the printed statement that this one repairs.
        repair: what was wrong with it.

    """

    kind: ClassVar[Kind]

    id: str
    title: str = ""
    text: str = ""
    reading: str = ""
    source: Source = OWN
    corrects: str | None = None
    repair: Repair | None = None

    def check(self, budget: Budget = QUICK) -> Verdict:
        """Find out whether the statement holds. Errors of the statement's own code give the verdict "broken"."""
        try:
            return self._decide(budget)
        except Broken as error:
            return Verdict("broken", note=str(error))
        except Exception as error:
            return Verdict("broken", note=f"{type(error).__name__}: {error}")

    @abstractmethod
    def _decide(self, budget: Budget) -> Verdict:
        """The kind's own way to a verdict."""

    @abstractmethod
    def twin(self, verdict: Verdict) -> Statement:
        """The statement made false by a stated strength: just beyond the tightness that the verdict reached.

        A checker that does not refute it is worth nothing. The twin's title states the strength.

        Raises:
            Broken: there is no such twin, because nothing was compared.

        """

    @abstractmethod
    def replay(self, counterexample: Counterexample) -> Replay:
        """Evaluate a counterexample to this statement from scratch.

        Raises:
            BadInput: the instance does not fit the statement.

        """

"""Verdicts: what is known about a statement, how it is known, and how to see it again."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from simulate.errors import BadInput

Status = Literal["holds", "refuted", "undecided", "vacuous", "broken"]
"""holds, refuted; undecided: the budget is spent; vacuous: no instance that can be simulated meets the
hypotheses; broken: the statement's own code failed (an exception, NaN, an empty range): never a pass."""
Evidence = Literal["exact", "searched", "sampled", "replayed", "none"]
"""exact: arithmetic or an exact law decided; searched: no violation among so many instances; sampled: a
statistical test with stated error rates; replayed: not found again, but a stored counterexample stands."""


@dataclass(frozen=True)
class Tightness:
    """The extreme ratio of the two sides that was reached, and where: 1 is an equality.

    Attributes:
        ratio: smaller side over larger side.
        instance: where, as JSON data.

    """

    ratio: float
    instance: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {"ratio": number_to_json(self.ratio), "instance": dict(self.instance)}


@dataclass(frozen=True)
class Counterexample:
    """An instance of the hypotheses that violates the conclusion, with both sides, as data.

    Attributes:
        statement: id of the statement that it refutes.
        kind: the statement's kind.
        instance: the variables, as JSON data (for a sampled refutation: the parameters and the plan).
        smaller, larger: the float64 sides at the instance.
        relation: the claimed relation between them.
        words: one line that says what happens there.

    """

    statement: str
    kind: str
    instance: Mapping[str, Any]
    smaller: float
    larger: float
    relation: str = "<="
    words: str = ""

    def to_json(self) -> dict[str, Any]:
        """As JSON data, with a digest of all the rest."""
        data = {
            "statement": self.statement,
            "kind": self.kind,
            "instance": dict(self.instance),
            "smaller": number_to_json(self.smaller),
            "larger": number_to_json(self.larger),
            "relation": self.relation,
            "words": self.words,
        }
        return {**data, "digest": _digest(data)}

    @classmethod
    def from_json(cls, data: Any) -> Counterexample:
        """The counterexample back.

        Raises:
            BadInput: fields are missing, or the digest is not that of the rest: the file was changed.

        """
        names = ("statement", "kind", "instance", "smaller", "larger", "relation", "words")
        if not isinstance(data, dict) or not all(name in data for name in (*names, "digest")):
            raise BadInput("this is no counterexample: it needs the fields " + ", ".join((*names, "digest")))
        rest = {name: data[name] for name in names}
        if data["digest"] != _digest(rest) or set(data) != {*names, "digest"}:
            raise BadInput(f"the counterexample to {data['statement']} was changed after it was written")
        return cls(**{**rest, "smaller": float(rest["smaller"]), "larger": float(rest["larger"])})

    def save(self, path: Path) -> None:
        """Write it to a JSON file, whole or not at all."""
        from simulate.engine import write_atomically

        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> Counterexample:
        """Read one from a file.

        Raises:
            BadInput: no such file, no JSON, or a changed counterexample.

        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
        except ValueError as error:
            raise BadInput(f"{path} is not JSON: {error}") from error
        return cls.from_json(data)


def number_to_json(value: float) -> float | str:
    """A number, or "inf", "-inf", "nan": JSON has no others."""
    return value if math.isfinite(value) else str(value)


def _digest(data: Mapping[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes:
        status: see `Status`.
        evidence: see `Evidence`.
        amount: how much evidence, in words ("1,204 instances", "exact law at 2,460 points (k, γ)").
        tightness: how near the sides came; None if nothing was compared.
        counterexample: of a refuted statement.
        design: error rates and sample sizes of a statistical check.
        note: one line more: why undecided, what failed, what was measured.

    """

    status: Status
    evidence: Evidence = "none"
    amount: str = ""
    tightness: Tightness | None = None
    counterexample: Counterexample | None = None
    design: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    def with_note(self, note: str) -> Verdict:
        """The same with a line added."""
        return replace(self, note=f"{self.note}; {note}" if self.note else note)

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "verdict": self.status,
            "evidence": {"kind": self.evidence, "amount": self.amount},
            "tightness": self.tightness.to_json() if self.tightness else None,
            "counterexample": self.counterexample.to_json() if self.counterexample else None,
            "design": dict(self.design) or None,
            "note": self.note,
        }

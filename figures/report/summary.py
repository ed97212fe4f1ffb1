"""What is false in print, by the kind of slip: slips of the pen and false theorems are never listed alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from figures.report.rows import Row
from theorems.registry import FLAWS, SLIPS
from theorems.statement import Repair


@dataclass(frozen=True)
class Flaw:
    """A kind of slip.

    Attributes:
        repair: its name; None for what no statement corrects.
        name: as a heading.
        meaning: in a sentence or two.
        slip: whether it is a slip of the pen.
        members: the refuted statements that have it.

    """

    repair: Repair | None
    name: str
    meaning: str
    slip: bool
    members: Sequence[Row]

    @property
    def key(self) -> str:
        """Its name in the page's addresses and styles."""
        return (self.repair or "open").replace(" ", "-")


_FLAWS: dict[Repair, tuple[str, str]] = {
    "typo": (
        "Typo",
        "A sign, an index, a digit or a word is wrong, and what was meant can be read off the lines around it.",
    ),
    "convention": (
        "Convention left unsaid",
        "True under a convention that the text does not state: at a tie, at a kink, at sign 0, or as a set.",
    ),
    "missing hypothesis": (
        "Missing hypothesis",
        "False as it stands, and true once a hypothesis is added.",
    ),
    "constant": ("Wrong constant", "False with the printed constant or bound, and true with another one."),
    "false": ("False claim", "The claim itself does not hold. What is true instead says something else."),
}


def flaws(rows: Sequence[Row]) -> list[Flaw]:
    """The kinds of slip, the gravest first, each with its statements; kinds without a statement are left out."""
    kinds = [
        Flaw(repair, *_FLAWS[repair], repair in SLIPS, [row for row in rows if row.flaw == repair])
        for repair in reversed(FLAWS)
    ]
    unmended = [row for row in rows if row.verdict == "refuted" and row.flaw is None]
    meaning = "Refuted, and no statement here says what is true instead; the reading may say why."
    return [
        kind
        for kind in (Flaw(None, "Without a correction", meaning, False, unmended), *kinds)
        if kind.members
    ]


NAMES: dict[Repair, str] = {repair: name for repair, (name, _) in _FLAWS.items()}
MENDED: dict[Repair, str] = {
    "typo": "slip mended",
    "convention": "convention stated",
    "missing hypothesis": "hypothesis added",
    "constant": "constant changed",
    "false": "claim replaced",
}
"""What a correction did, said of the correction."""


@dataclass(frozen=True)
class Source:
    """A source document in numbers.

    Attributes:
        document: its number in the registry, "" for a work that is none.
        name: of the work.
        statements: how many there are of it, and how many of these hold.
        counts: of refuted statements, by the key of what is wrong.

    """

    document: str
    name: str
    statements: int
    holds: int
    counts: Counter[str]


def sources(rows: Sequence[Row], kinds: Sequence[Flaw]) -> list[Source]:
    """Every source document, in their order."""
    members: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        members.setdefault((row.document, row.source), []).append(row)
    kind_of = {row.id: kind.key for kind in kinds for row in kind.members}
    return [
        Source(
            document,
            name,
            len(these),
            sum(row.verdict == "holds" for row in these),
            Counter(kind_of[row.id] for row in these if row.id in kind_of),
        )
        for (document, name), these in sorted(members.items(), key=lambda item: item[0])
    ]

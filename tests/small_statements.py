"""A registry of a few small statements, one for each way a check can end."""

from __future__ import annotations

from theorems import Domain, Entry, Existence, Integers, Sides, Source, Universal, Value, Vector
from theorems import maths as m
from theorems.statement import Statement

BOOK = Source("A book of norms", "Lemma 1", "900", 7)
VECTORS = Domain(n=Integers(1, 4), x=Vector("n"))
FEW = Domain(n=Integers(1, 4))
"""Four instances, and nothing that a gradient could move: checks are instantaneous."""

FALSE = Universal(
    id="small.norms",
    title="the norms are as printed",
    text=r"$\|x\|_1 \le \|x\|_2$ for all $x \in \mathbb{R}^n$",
    reading="for all n <= 4 and x",
    source=BOOK,
    domain=VECTORS,
    conclusion=lambda x: Sides(m.norm(x, 1), m.norm(x)),
    exact=True,
)
TRUE = Universal(
    id="small.norms.corrected",
    title="the norms, with the root of n",
    text=r"$\|x\|_1 \le \sqrt{n}\,\|x\|_2$ for all $x \in \mathbb{R}^n$",
    reading="for all n <= 4 and x",
    source=BOOK,
    corrects="small.norms",
    repair="constant",
    domain=FEW,
    conclusion=lambda n: Sides(n, m.sqrt(n) * m.sqrt(n)),
    rounding=1e-12,
)
SLIP = Value(
    id="small.number",
    title="a number with a digit lost",
    text=r"$2^{10} = 102$",
    reading="as printed",
    source=Source("A book of norms", "Table 2", "900"),
    entries=(Entry("2^10", "102", lambda: 2**10),),
)
SLIP_MENDED = Value(
    id="small.number.corrected",
    title="the number",
    text=r"$2^{10} = 1024$",
    reading="as printed",
    source=Source("A book of norms", "Table 2", "900"),
    corrects="small.number",
    repair="typo",
    entries=(Entry("2^10", "1024", lambda: 2**10),),
)
OPEN = Existence(
    id="small.open",
    title="a construction that fails",
    text="there is a whole number above n",
    reading="for all n <= 4",
    source=Source("Another work", "p. 3", "901"),
    domain=FEW,
    construction=lambda n: n,
    conclusion=lambda n, witness: Sides(n, witness, "<"),
)
VACUOUS = Universal(
    id="small.vacuous",
    title="about no number at all",
    text="every n that is below itself is 0",
    reading="for all n < n",
    source=Source("Another work", "p. 4", "901"),
    domain=Domain(n=Integers(1, 4), where={"n < n": lambda n: n < n}),
    conclusion=lambda n: Sides(n, 0),
)
BROKEN = Universal(
    id="small.broken",
    title="a statement with a bug",
    text="n divides",
    reading="as it stands",
    source=Source("Another work", "p. 5", "901"),
    domain=FEW,
    conclusion=lambda n: Sides(1 / (n - n), 0),
)

STATEMENTS: tuple[Statement, ...] = (FALSE, TRUE, SLIP, SLIP_MENDED, OPEN, VACUOUS)
"""All but the broken one, which no ledger accepts."""

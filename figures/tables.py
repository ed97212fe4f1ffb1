"""Tables by name: constants of activations, step sizes over γ, verdicts; as LaTeX, Markdown or CSV."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from figures import smallest_step
from figures.picture import QUALITIES, Rows
from figures.stored import StoppableProgress, Stored
from figures.typeset import FORMATS, Column, Sheet, typeset
from simulate import laws
from simulate.activations import NAMES
from simulate.engine import Plan
from simulate.errors import BadInput
from simulate.experiments import INIT_FLIP, InitFlip, document

WIDTH, DIM = 1024, 2**20
"""Of the networks behind the table of constants. At this d, E‖∇f‖² is Eσ′² up to a part in 10⁵."""
_TRIALS = {"draft": 2_000, "paper": 50_000}


def constants_plan(quality: str = "draft") -> Plan:
    """One cell an activation, at the step √(2Eσ²)/Eσ′² whose limiting flip probability is erf(1)."""
    points = []
    for name in NAMES:
        constant = laws.flip_constant(name)
        # Without a gradient there is no such step; the outputs are measured all the same.
        steps = (constant if math.isfinite(constant) else 1.0,)
        points.append(InitFlip(width=WIDTH, dim=DIM, activation=name, steps=steps))
    return Plan(INIT_FLIP, tuple(points), _TRIALS[quality])


def constants(stored: Stored, quality: str) -> Sheet:
    """Eσ², Eσ′² and C = √(2Eσ²)/Eσ′² of every named activation, what is measured of them beside."""
    rows: Rows = []
    for cell in document(stored.run(constants_plan(quality)))["results"]:
        name, output, norm = cell["activation"], cell["output"], cell["gradient_norm"]
        constant = laws.flip_constant(name)
        (flip,) = cell["flip"]
        known = math.isfinite(constant)
        rows.append(
            {
                "activation": name,
                "second_moment": laws.second_moment(name),
                "output": output["std"] ** 2,
                "output_low": output["std_low"] ** 2,
                "output_high": output["std_high"] ** 2,
                "derivative_second_moment": laws.derivative_second_moment(name),
                "gradient": norm["second_moment"],
                "gradient_low": norm["second_moment_low"],
                "gradient_high": norm["second_moment_high"],
                "constant": constant,
                "flip": flip["probability"] if known else None,
                "flip_low": flip["low"] if known else None,
                "flip_high": flip["high"] if known else None,
                "flip_limit": flip["limit"] if known else None,
                "width": cell["width"],
                "dim": cell["dim"],
                "trials": cell["trials"],
            }
        )
    trials = rows[0]["trials"]
    return Sheet(
        "constants",
        f"Constants of activations, Z ∼ N(0, 1). Measured beside, with 95 % intervals: k = {WIDTH}, d = 2²⁰, "
        f"{trials:,} networks. P(flip) is that of the step |η| = C, in the limit erf(1) = {math.erf(1):.4f}.",
        (
            Column("activation", "activation", "activation"),
            Column("second_moment", "Eσ(Z)²", r"$\mathbb{E}\sigma(Z)^2$"),
            Column("output", "Var f", r"$\operatorname{Var} f$", interval=True),
            Column("derivative_second_moment", "Eσ′(Z)²", r"$\mathbb{E}\sigma'(Z)^2$"),
            Column("gradient", "E‖∇f‖²", r"$\mathbb{E}\|\nabla f\|^2$", interval=True),
            Column("constant", "C", "$C$"),
            Column("flip", "P(flip)", r"$P(\mathrm{flip})$", interval=True),
        ),
        rows,
    )


def flip_sizes(stored: Stored, quality: str) -> Sheet:
    """The smallest |η| that flips with probability 1 − γ, beside the limit's; from the run of that figure."""
    rows = smallest_step.table(document(stored.run(smallest_step.plan(quality))))
    for row in rows:
        row["constant"] = None if row["step"] is None else row["step"] / row["root"]
        row["limit_constant"] = row["limit_step"] / row["root"]
    trials = rows[0]["trials"]
    return Sheet(
        "flip-sizes",
        "The smallest |η| whose step against the sign of f flips it with probability 1 − γ, measured with intervals "
        f"that hold for all γ of a network at once ({trials:,} networks, confidence 95 %), the limit k, d → ∞, and "
        "C in |η| = C√log(1/γ).",
        (
            Column("activation", "activation", "activation"),
            Column("width", "k", "$k$", digits=None),
            Column("dim", "d", "$d$", digits=None),
            Column("gamma", "γ", r"$\gamma$", digits=None),
            Column("step", "|η|", r"$|\eta|$", interval=True, ends=("low", "high")),
            Column("limit_step", "limit", "limit"),
            Column("constant", "C", "$C$"),
            Column("limit_constant", "limit C", "limit $C$"),
        ),
        rows,
    )


def verdicts(stored: Stored, quality: str) -> Sheet:
    """Every statement that ships with its verdict in the committed ledger; nothing is measured."""
    from theorems.documents import of_ledger
    from theorems.ledger import shipped
    from theorems.registry import registry

    every = list(registry().values())
    rows: Rows = []
    for record in of_ledger(every, shipped().entries, every):
        evidence, tightness = record["evidence"] or {}, record["tightness"] or {}
        rows.append(
            {
                "id": record["id"],
                "title": record["title"],
                "document": record["source"]["document"],
                "number": record["source"]["number"],
                "verdict": record["verdict"],
                "evidence": evidence.get("kind"),
                "amount": evidence.get("amount"),
                "tightness": tightness.get("ratio"),
                "repair": record["repair"],
                "corrects": record["corrects"],
                "corrected_by": " ".join(record["corrected_by"]),
            }
        )
    count = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in ("holds", "refuted")}
    return Sheet(
        "verdicts",
        f"{len(rows)} statements, each as printed and as corrected: {count['holds']} hold, {count['refuted']} are "
        "refuted. Evidence: exact arithmetic or an exact law, a search, or a sequential test on samples.",
        (
            Column("id", "id", "id", wide=0.27, code=True),
            Column("title", "statement", "statement", wide=0.30),
            Column("number", "source", "source", wide=0.16),
            Column("verdict", "verdict", "verdict"),
            Column("evidence", "evidence", "evidence"),
        ),
        rows,
        long=True,
    )


@dataclass(frozen=True)
class Table:
    """A table of the list.

    Attributes:
        name: on the command line.
        title: in plain words.
        measure: (where measurements are kept, quality) → the table.

    """

    name: str
    title: str
    measure: Callable[[Stored, str], Sheet]


TABLES: dict[str, Table] = {
    one.name: one
    for one in (
        Table("constants", "constants of activations, measured and exact", constants),
        Table("flip-sizes", "the step size that a failure probability γ asks for", flip_sizes),
        Table("verdicts", "every statement with its verdict", verdicts),
    )
}
"""The tables that `simulate table` prints."""


def table(
    name: str,
    format: str = "markdown",
    *,
    quality: str = "draft",
    data: Path | str | None = None,
    progress: Callable[[str], StoppableProgress] | None = None,
) -> str:
    """A table as text.

    Args:
        name: one of `TABLES`.
        format: "latex" (a float or a longtable, with booktabs), "markdown" or "csv" (numbers in full precision).
        quality: "draft" or "paper".
        data: directory with runs, which are read where they are there and else added; None keeps nothing.
        progress: see `figures.stored.Stored`.

    Raises:
        BadInput: an unknown name, format or quality.

    """
    for what, given, known in (
        ("table", name, tuple(TABLES)),
        ("format of a table", format, FORMATS),
        ("quality", quality, QUALITIES),
    ):
        if given not in known:
            near = difflib.get_close_matches(given.lower().replace("_", "-"), known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}? " if near else ""
            raise BadInput(f"no {what} {given!r}: {hint}there are {', '.join(known)}")
    stored = Stored(None if data is None else Path(data), progress)
    return typeset(TABLES[name].measure(stored, quality), format)

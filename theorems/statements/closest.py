"""The box-constrained L-BFGS attack of Szegedy et al., which two documents describe in nearly the same words.

Each document has its own records; what they say is checked on one model: x ∈ [0, 1], a score w(x + r) + b with w > 0,
the wanted class where the score is positive, and the logistic loss of that class. All of it has closed forms.
"""

from __future__ import annotations

from typing import Any

from simulate.bounds import Source
from theorems import Domain, Existence, Integers, OneOf, Sides, Universal
from theorems import maths as m
from theorems.statement import Repair, Statement

# --- the closest example ----------------------------------------------------------------------------


def _wanted(ties: str, r: float, distance: int) -> bool:
    """Whether x + r has the wanted class, `distance` being the way to its boundary."""
    return r > distance or (r == distance and ties == "wanted")


def _undercut(ties: str, distance: int, r: int) -> Sides:
    """The claim that r, or the boundary where it counts, is at most the perturbation half way back to it."""
    return Sides(distance if ties == "wanted" else r, (distance + r) / 2)


def _infimum(ties: str, distance: int, j: int, share: float) -> Sides:
    """The claim that r = (1 + 2⁻ʲ)·distance has the wanted class, and (1 − share·2⁻ʲ)·distance has not."""
    step = 2.0**-j
    return Sides.true(
        _wanted(ties, (1 + step) * distance, distance)
        and not _wanted(ties, (1 - share * step) * distance, distance)
    )


def closest(document: str, text: str, source: Source) -> tuple[Statement, Statement]:
    """That x + r is the input closest to x that is classified as wanted, and its correction.

    Args:
        document: three digits.
        text: as printed.
        source: where.

    """
    reading = (
        "for an input on a line at a distance of 1, …, 8 from the boundary of the wanted class, and either rule for "
        "the boundary itself: "
    )
    ranges: dict[str, Any] = {"ties": OneOf("wanted", "other"), "distance": Integers(1, 8)}
    printed = Existence(
        id=f"{document}.closest-example",
        title="some adversarial example is the closest",
        text=text,
        reading=reading
        + "some r with the wanted class has the smallest ‖r‖. Any r beyond the boundary is undercut by the one half "
        "way back to it, so that a smallest one exists only if the boundary itself has the wanted class. Sides: r, "
        "or the distance where the boundary has that class; and the undercutting one",
        source=source,
        domain=Domain(**ranges, r=Integers(lambda v: v["distance"] + 1, 9)),
        obstruction=_undercut,
    )
    corrected = Universal(
        id=f"{document}.closest-example.corrected",
        title="the closest adversarial example, as an infimum",
        text="The distance to the inputs that are classified as wanted is an infimum; it is reached if the set of "
        "these inputs is closed.",
        reading=reading
        + "for j = 1, …, 20 the perturbation (1 + 2⁻ʲ)·distance has the wanted class, and (1 − 2⁻ʲ)·distance has not",
        source=source,
        corrects=printed.id,
        repair="convention",
        domain=Domain(**ranges, j=Integers(1, 20)),
        conclusion=lambda ties, distance, j: _infimum(ties, distance, j, 1.0),
        made_false=lambda ties, distance, j: _infimum(ties, distance, j, -1.0),
    )
    return printed, corrected


# --- the search over the penalty --------------------------------------------------------------------


def minimiser(x: Any, w: Any, b: Any, alpha: Any) -> Any:
    """The r in [−x, 1 − x] that minimises α|r| + log(1 + e^{−(w(x + r) + b)}), for w > 0.

    The loss falls with slope w/(1 + e^{score}), so that r > 0 stops where this is α: at the score log(w/α − 1).
    """
    if w / (1 + m.exp(w * x + b)) <= alpha:
        return 0 * w
    stationary = (m.log(w / alpha - 1) - w * x - b) / w
    return m.minimum(m.maximum(stationary, 0), 1 - x)


def reaches(x: Any, w: Any, b: Any, alpha: Any) -> bool:
    """Whether the minimiser has the wanted class."""
    return bool(w * (x + minimiser(x, w, b, alpha)) + b > 0)


_PENALTIES: dict[str, Any] = {
    "x": OneOf(0.0, 0.25, 0.5),
    "w": Integers(1, 9),
    "b": Integers(-9, -1),
    "less": OneOf(0.01, 0.1, 0.4),
    "more": OneOf(0.5, 1.0, 2.0, 4.0),
}
_PENALTY_READING = (
    "for the score w(x + r) + b with whole w > 0 and b < 0, x ∈ {0, ¼, ½} not of the wanted class, logistic loss, "
    "and two weights of ‖r‖, "
)


def _compared(x: Any, w: Any, b: Any, first: Any, second: Any) -> Sides:
    """The claim that the first weight gives no longer a minimiser than the second, where both reach the class."""
    if not (reaches(x, w, b, first) and reaches(x, w, b, second)):
        return Sides(0.0, m.inf)
    return Sides(minimiser(x, w, b, first), minimiser(x, w, b, second))


def penalty(
    document: str, text: str, symbol: str, source: Source, repair: Repair = "typo"
) -> tuple[Statement, Statement]:
    """That the smallest weight of ‖r‖ whose minimiser has the wanted class gives the smallest r, and its correction.

    Args:
        document: three digits.
        text: as printed.
        symbol: of the weight.
        source: where.
        repair: what is wrong.

    """
    domain = Domain(**_PENALTIES, where={"x is not of the wanted class": lambda x, w, b: w * x + b < 0})
    printed = Universal(
        id=f"{document}.lbfgs-penalty",
        title="the smallest weight of the norm gives the smallest perturbation",
        text=text,
        reading=_PENALTY_READING
        + "for both of which the minimiser has the wanted class: the smaller weight, which the search for the "
        "minimum prefers, has the shorter minimiser. (There is no smallest one: with every weight each smaller one "
        "reaches the class too.)",
        source=source,
        domain=domain,
        conclusion=lambda x, w, b, less, more: _compared(x, w, b, less, more),
    )
    corrected = Universal(
        id=f"{document}.lbfgs-penalty.corrected",
        title="the largest weight of the norm gives the smallest perturbation",
        text=f"The maximum ${symbol} > 0$ is searched; or the minimum, if the loss has the weight in place of the "
        f"norm.",
        reading=_PENALTY_READING
        + "for both of which the minimiser has the wanted class: the larger weight has the shorter minimiser. For a "
        "loss that is not convex this need not be so",
        source=source,
        corrects=printed.id,
        repair=repair,
        domain=domain,
        conclusion=lambda x, w, b, less, more: _compared(x, w, b, more, less),
        made_false=printed.conclusion,
    )
    return printed, corrected


def trivial(document: str, text: str, source: Source) -> Statement:
    """That the task is non-trivial only if x is not of the wanted class."""
    return Universal(
        id=f"{document}.non-trivial",
        title="the task is trivial for inputs of the wanted class",
        text=text,
        reading="for scores w·(x + r) + b on a line with whole w ≠ 0, b and x of the wanted class, score > 0: no r "
        "is shorter than r = 0, which has it. Sides: the length of the smallest r with the wanted class among "
        "multiples of 1/8, and 0",
        source=source,
        domain=Domain(
            w=Integers(-9, 9),
            b=Integers(-9, 9),
            x=Integers(0, 8),
            where={
                "w is not 0": lambda w: w != 0,
                "x is of the wanted class": lambda w, b, x: w * x + 8 * b > 0,
            },
        ),
        conclusion=lambda w, b, x: Sides(_shortest(w, b, x, 0), 0),
        made_false=lambda w, b, x: Sides(_shortest(w, b, x, 8), 0),
    )


def _shortest(w: int, b: int, x: int, threshold: int) -> float:
    """|r| of the smallest r, in eighths, whose score, in eighths, is above a threshold; 1000 if there is none."""
    return next((r for r in range(1000) for way in (r, -r) if w * (x + way) + 8 * b > threshold), 1000) / 8

"""The search for adversarial examples: the closest one, the penalty, and why random sampling misses them."""

from __future__ import annotations

import math
from typing import Any

from scipy import special

from theorems import Domain, ExactLaw, Existence, HighProbability, Integers, Reals, Sides, Vector
from theorems import maths as m
from theorems.statements import closest as szegedy
from theorems.statements.intriguing_slides.source import slide

FORMAL = slide("Formal description")
closest = szegedy.closest(
    "004",
    r"Minimize $\|r\|_2$ subject to $f(x + r) = l$, $x + r \in [0, 1]^m$: informally, $x' = x + r$ is, of all images "
    r"that "
    "$f$ classifies as $l$, the closest to $x$.",
    FORMAL,
)
non_trivial = szegedy.trivial("004", r"The task is a trivial one unless $f(x) \neq l$.", FORMAL)
penalty = szegedy.penalty(
    "004",
    r"$x'$ is approximated by a line-search for the minimum $c > 0$ with $f(x + r) = l$ for the minimizer $r$ of: "
    r"minimize "
    r"$c\|r\|_2 + loss_f(x + r, l)$ subject to $x + r \in [0, 1]^m$.",
    "c",
    FORMAL,
)


def _two(w: Any, distance: Any) -> tuple[Any, Any]:
    """The two perturbations ±distance·w/‖w‖₂ for the class |w·z| >= distance·‖w‖₂ around an x with w·x = 0."""
    way = distance * w / m.norm(w)
    return way, -way


not_unique = Existence(
    id="004.not-unique",
    title="the closest adversarial example need not be the only one",
    text="There might be more than one minimizer $r$.",
    reading="for all m, w ≠ 0 with whole entries and whole distances a > 0: of the class |w·(x + r)| >= a‖w‖₂, with "
    "w·x = 0, both r = ±a·w/‖w‖₂ belong to it, have the smallest length a that any can have (|w·r| <= ‖w‖₂‖r‖₂), and "
    "differ. Sides: the larger of both lengths, if both belong to the class, and half of their distance",
    source=FORMAL,
    domain=Domain(
        m=Integers(1, 3),
        w=Vector("m", Integers(-3, 3)),
        distance=Integers(1, 9),
        where={"w is not 0": lambda w: m.any(w != 0)},
    ),
    construction=_two,
    conclusion=lambda witness, w, distance: Sides(
        max(m.norm(r) for r in witness)
        if all(m.abs(m.sum(w * r)) >= distance * m.norm(w) * (1 - 1e-12) for r in witness)
        else m.inf,
        m.norm(witness[0] - witness[1]) / 2,
    ),
)


def _log_beyond(dim: int, share: float) -> float:
    """Log P(u_1 >= share) for u uniform in the unit ball of dim dimensions: half of a Beta(1/2, (dim + 1)/2) tail."""
    return math.log(0.5) + math.log(special.betainc((dim + 1) / 2, 0.5, 1 - share * share))


pockets = HighProbability(
    id="004.random-sampling",
    title="adversarial examples are hard to find by random sampling",
    text="Adversarial examples are high-dimensional pockets of low probability in the manifold; drawing random "
    "samples around a given example does not find them efficiently.",
    reading="for a linear binary classifier at distance ρ from its boundary in m dimensions, and one sample uniform "
    "in the ball of radius R > ρ around the input: it is adversarial with probability at most e^{−mρ²/(2R²)}, "
    "whatever R is. Exact law, ρ/R from 0.05 to 0.95, up to 500 dimensions",
    source=slide("Blind Spots"),
    domain=Domain(m=Integers(1, 500, log=True), share=Reals(0.05, 0.95)),
    law=ExactLaw(lambda share, **more: _log_beyond(more["m"], share)),
    allowed=lambda share, **more: -more["m"] * share * share / 2,
)

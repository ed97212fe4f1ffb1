"""ReLU by linear constraints: what the proof says, which bounds it may have, and the hull of the relaxation."""

from __future__ import annotations

from typing import Any

from theorems import Domain, Integers, OneOf, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.robustness_slides.source import slide
from theorems.statements.robustness_slides.verification import BOUNDS, LINEARIZATION, feasible

FIRST_BOUNDS = slide("Finding upper and lower bounds, First Technique")
RELAXATION = slide("Convex Relaxation")
_WHOLE = Integers(-9, 9)

# --- the proof --------------------------------------------------------------------------------------

_BOUNDED: dict[str, Any] = {"l": _WHOLE, "u": Integers("l", 9), "t": Integers("l", "u")}
_BOUNDED_READING = "for all whole l <= t <= u, t one entry of W_i z_i + b_i with its bounds, of any signs: "


def _allowed(t: Any, l: Any, u: Any) -> set[int]:  # noqa: E741 - the slides' name
    """The values of v for which some z satisfies the four constraints."""
    return {v for v in (0, 1) if feasible(t, l, u, v)[0] <= feasible(t, l, u, v)[1]}


def _forced(t: Any, l: Any, u: Any) -> Sides:  # noqa: E741
    """The claim that v is 1 where t > 0 and 0 where t < 0."""
    return Sides.true(t == 0 or _allowed(t, l, u) == {1 if t > 0 else 0})


binary_forced = Universal(
    id="002.linearization-binary",
    title="the binary variable is the sign of the input",
    text=r"Suppose that $W_i z_i + b_i > 0$: $v_i = 0$ results in an infeasible solution; thus we need to choose "
    r"$v_i = 1$. Alternatively, suppose that $W_i z_i + b_i < 0$: we must choose $v_i = 0$.",
    reading=_BOUNDED_READING
    + "v = 1 alone is feasible for t > 0, and v = 0 alone for t < 0. Printed in the second case is v_{i+1} and, for "
    "z_{i+1}, `z_i + 1`",
    source=LINEARIZATION,
    domain=Domain(**_BOUNDED),
    conclusion=lambda l, u, t: _forced(t, l, u),  # noqa: E741
    made_false=lambda l, u, t: Sides.true(_allowed(t, l, u) == {1 if t > 0 else 0}),  # noqa: E741 - t = 0 too
)

greater = Universal(
    id="002.linearization-greater",
    title="the upper bound is greater than the output",
    text="As an upper bound on $W_i z_i + b_i$, $u_i$ is also greater than $z_{i+1}$.",
    reading="for all whole l <= t <= u, t > 0, with z_{i+1} = t: z < u",
    source=LINEARIZATION,
    domain=Domain(
        l=_WHOLE, u=Integers("l", 9), t=Integers("l", "u"), where={"t is positive": lambda t: t > 0}
    ),
    conclusion=lambda t, u: Sides(t, u, "<"),
)

greater_corrected = Universal(
    id="002.linearization-greater.corrected",
    title="the upper bound is at least the output",
    text="As an upper bound on $W_i z_i + b_i$, $u_i$ is at least $z_{i+1}$, which is all that the third constraint "
    "asks.",
    reading="for all whole l <= t <= u, t > 0, with z_{i+1} = t: z <= u",
    source=LINEARIZATION,
    corrects="002.linearization-greater",
    repair="typo",
    domain=greater.domain,
    conclusion=lambda t, u: Sides(t, u),
)


def _outputs(t: Any, l: Any, u: Any) -> set[float]:  # noqa: E741
    """Ends of the intervals of z that the constraints leave, over both values of v."""
    intervals = [feasible(t, l, u, v) for v in (0, 1)]
    return {float(end) for low, high in intervals if low <= high for end in (low, high)}


_TWO_BOUNDS: dict[str, Any] = {**_BOUNDED, "below": Integers(0, 9), "above": Integers(0, 9)}

bounds_do_not_matter = Universal(
    id="002.bounds-do-not-matter",
    title="which bounds are used does not matter mathematically",
    text="Finding upper and lower bounds: mathematically, this doesn't actually matter.",
    reading=_BOUNDED_READING
    + "wider bounds l − below and u + above leave the same set of z for v ∈ {0, 1}. Bounds that t violates do matter",
    source=FIRST_BOUNDS,
    domain=Domain(**_TWO_BOUNDS),
    conclusion=lambda l, u, t, below, above: Sides.true(  # noqa: E741
        _outputs(t, l, u) == _outputs(t, l - below, u + above)
    ),
    made_false=lambda l, u, t, below, above: Sides.true(  # noqa: E741
        _outputs(t, l, u) == _outputs(t, l + below, u - above)
    ),
)


def _chord(t: Any, l: Any, u: Any) -> Any:  # noqa: E741
    """The chord of the ReLU over [l, u] at t, l < 0 < u."""
    return u * (t - l) / (u - l)


_CROSSING: dict[str, Any] = {
    "l": Integers(-9, -1),
    "u": Integers(1, 9),
    "t": Integers("l", "u"),
}

tighter = Universal(
    id="002.tighter-bounds",
    title="good bounds make the relaxation tighter",
    text="How long integer programming solvers take in practice depends heavily on how good the upper and lower "
    "bounds are.",
    reading="what a solver's time depends on, its relaxation, and not the time itself: for all whole l < 0 < u, l <= "
    "t <= u, the largest z that the relaxed constraints allow, u(t − l)/(u − l), is at most what wider bounds allow",
    source=FIRST_BOUNDS,
    domain=Domain(**_CROSSING, below=Integers(0, 9), above=Integers(0, 9)),
    conclusion=lambda l, u, t, below, above: Sides(  # noqa: E741
        _chord(t, l, u), _chord(t, l - below, u + above)
    ),
)

# --- convexity --------------------------------------------------------------------------------------

relu_not_convex = Universal(
    id="002.relu-not-convex",
    title="the constraint with a maximum is not convex",
    text=r"The equality constraint $z_{i+1} = \max\{0, W_i z_i + b_i\}$ is not a convex constraint.",
    reading="for all whole l < 0 < u: half way between (l, 0) and (u, u), both of which satisfy it, ReLU((l + u)/2) "
    "< u/2",
    source=slide("A mixed integer programming formulation"),
    domain=Domain(l=Integers(-99, -1), u=Integers(1, 99)),
    conclusion=lambda l, u: Sides(m.maximum((l + u) / 2, 0), u / 2, "<"),  # noqa: E741
    made_false=lambda l, u: Sides(m.maximum((u - l) / 2, 0), u / 2, "<"),  # noqa: E741 - l of the other sign
)

binary_not_convex = Universal(
    id="002.binary-not-convex",
    title="binary vectors are not a convex set",
    text=r"$v_i \in \{0, 1\}^{|v_i|}$ is not a convex set.",
    reading="for all n and two different points of {0, 1}^n: the point half way between them is not binary. Both "
    "sides of Σ_j v_j(1 − v_j) > 0",
    source=RELAXATION,
    domain=Domain(
        n=Integers(1, 6),
        v=Vector("n", Integers(0, 1)),
        w=Vector("n", Integers(0, 1)),
        where={"they differ": lambda v, w: m.any(v != w)},
    ),
    conclusion=lambda v, w: Sides(0, m.sum((v + w) / 2 * (1 - (v + w) / 2)), "<"),
    made_false=lambda v, w: Sides(0, m.sum(v * (1 - v)), "<"),
)


def _hull(l: Any, u: Any, t: Any, sixteenths: int) -> Sides:  # noqa: E741
    """What z is allowed at a fraction v, and at most at any: the chord, reached at v = (t − l)/(u − l)."""
    _, high = feasible(t, l, u, sixteenths / 16)
    _, best = feasible(t, l, u, (t - l) / (u - l))
    return Sides(m.maximum(high, best + m.abs(best - _chord(t, l, u))), _chord(t, l, u))


convex_hull = Universal(
    id="002.convex-hull",
    title="the relaxed constraints are the convex hull of the bounded ReLU",
    text=r"Relax the constraint to $0 \leq v_i \leq 1$: convex hull of the bounded ReLU set.",
    reading="for all whole l < 0 < u, l <= t <= u, and v in sixteenths: z <= min(uv, t − (1 − v)l) is at most the "
    "chord from (l, 0) to (u, u), and equal to it for v = (t − l)/(u − l); the other two constraints are z >= t and "
    "z >= 0. So the pairs (t, z) are the triangle between the ReLU and its chord",
    source=RELAXATION,
    domain=Domain(**_CROSSING, sixteenths=Integers(0, 16)),
    conclusion=_hull,
)

contains = Universal(
    id="002.relaxation-contains",
    title="the relaxation contains the network",
    text="The network is contained in its relaxed version, over which exact optimization is much easier.",
    reading=_BOUNDED_READING
    + "some v ∈ [0, 1] lets z = ReLU(t) satisfy the four constraints: v = 1 for t > 0, else 0. So the relaxed "
    "minimum is at most the network's. How much easier it is is not checked",
    source=slide("Upper bound"),
    domain=Domain(**_BOUNDED),
    conclusion=lambda l, u, t: _within(t, l, u, 1 if t > 0 else 0),  # noqa: E741
    made_false=lambda l, u, t: _within(t, l, u, 0.5),  # noqa: E741
)


def _within(t: Any, l: Any, u: Any, v: Any) -> Sides:  # noqa: E741
    low, high = feasible(t, l, u, v)
    return Sides.true(low <= max(t, 0) <= high)


# --- interval bounds of a layer ---------------------------------------------------------------------


def _rule(w: Any, l: Any, width: Any) -> Any:  # noqa: E741
    """û where w is negative and l̂ where it is positive; l̂ where it is 0, which the slide leaves open."""
    return m.where(w < 0, l + width, l)


interval_minimiser = Universal(
    id="002.interval-minimiser",
    title="where one entry of a linear layer is smallest",
    text=r"If we want to minimize $(Wz + b)_i = \sum_j w_{ij} z_j + b_i$: where $w_{ij} < 0$ we should choose $z_j = "
    r"\hat{u}_j$; where $w_{ij} > 0$ we should choose $z_j = \hat{l}_j$.",
    reading="for all rows w with whole entries, l <= u = l + width and z = l + part·width, part in eighths: w·z at "
    "the rule's choice is at most w·z. The bias moves both. 500 is added to both sides",
    source=BOUNDS,
    domain=Domain(
        n=Integers(1, 4),
        w=Vector("n", _WHOLE),
        l=Vector("n", _WHOLE),
        width=Vector("n", Integers(0, 9)),
        part=Vector("n", OneOf(0.0, 1.0, 0.5, 0.125)),
    ),
    conclusion=lambda w, l, width, part: Sides(  # noqa: E741
        500 + m.sum(w * _rule(w, l, width)), 500 + m.sum(w * (l + part * width))
    ),
    made_false=lambda w, l, width, part: Sides(  # noqa: E741 - the choices exchanged
        500 + m.sum(w * _rule(-w, l, width)), 500 + m.sum(w * (l + part * width))
    ),
)

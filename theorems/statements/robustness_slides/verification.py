"""ReLU as integer constraints, their relaxation, interval bounds, and when a network is certified."""

from __future__ import annotations

import itertools
from typing import Any

from theorems import Domain, Existence, Integers, Matrix, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.sides import Relation
from theorems.statements.robustness_slides.source import slide
from theorems.statements.tools import NOTHING, equal_terms, label

LINEARIZATION = slide("Linearization")
BOUNDS = slide("Finding upper and lower bounds, Second Technique")

# --- ReLU as integer constraints --------------------------------------------------------------------


def feasible(t: Any, l: Any, u: Any, v: Any) -> tuple[Any, Any]:  # noqa: E741 - the slides' name
    """Ends of the interval of z that satisfy the four constraints for one v; empty if they are in disorder."""
    return m.maximum(t, 0), m.minimum(u * v, t - (1 - v) * l)


def exactly_relu(t: Any, l: Any, u: Any, choices: tuple[float, ...]) -> bool:  # noqa: E741
    """Whether ReLU(t) is the one z that satisfies the four constraints for one of the choices of v."""
    intervals = [feasible(t, l, u, v) for v in choices]
    values = [end for low, high in intervals if low <= high for end in (low, high)]
    return bool(values) and all(value == m.relu(t) for value in values)


milp_relu = Universal(
    id="002.milp-relu",
    title="four linear constraints and a binary variable are a ReLU",
    text=r"$z_{i+1} \geq W_i z_i + b_i$, $z_{i+1} \geq 0$, $u_i \cdot v_i \geq z_{i+1}$, $W_i z_i + b_i "
    r"\geq z_{i+1} + (1 - v_i)l_i$, $v_i \in \{0, 1\}^{v_i}$. These constraints force $z_{i+1} = W_i z_i + "
    r"b_i$ where $W_i z_i + b_i > 0$, and $z_{i+1} = 0$ where $W_i z_i + b_i \leq 0$.",
    reading="for all l <= t <= u, one entry t of W_i z_i + b_i with its bounds, of any signs: the set of z that "
    "satisfy the constraints for v = 0 or v = 1 is {max(0, t)}; it is not empty and has no other element",
    source=LINEARIZATION,
    domain=Domain(l=Reals(), u=Reals("l"), t=Reals("l", "u")),
    conclusion=lambda l, u, t: Sides.true(exactly_relu(t, l, u, (0, 1))),  # noqa: E741
    made_false=lambda l, u, t: Sides.true(exactly_relu(t, l, u, (0, 0.5, 1))),  # noqa: E741 - v not binary
)


def _partly_on(l: Any, u: Any) -> tuple[Any, Any, Any]:  # noqa: E741
    """A negative t with v strictly between 0 and 1, and half of the largest z that they allow."""
    t = l / 2
    v = (t - l) / (u - l)
    return t, v, u * v / 2


def _relaxed(l: Any, u: Any, t: Any, v: Any, z: Any) -> bool:  # noqa: E741
    low, high = feasible(t, l, u, v)
    return bool(t < 0 < z and 0 <= v <= 1 and low <= z <= high)


relaxation = Existence(
    id="002.relaxation",
    title="the relaxed ReLU can be partly on at a negative input",
    text=r"With fractional $v_i$, $0 \leq v_i \leq 1$, the ReLU may in essence be partially off and "
    "partially on. Some values before the ReLU, for example, could be negative although the corresponding "
    "$z_{i+1}$ is positive.",
    reading="for all l < 0 < u there are t < 0, v ∈ [0, 1] and z > 0 that satisfy the four constraints; t = l/2, "
    "v = (t − l)/(u − l), z = uv/2",
    source=slide("Convex Relaxation"),
    domain=Domain(l=Reals(-1e6, -1e-6), u=Reals(1e-6, 1e6)),
    construction=_partly_on,
    conclusion=lambda witness, l, u: Sides.true(_relaxed(l, u, *witness)),  # noqa: E741
    made_false=lambda l, u: Sides.true(_relaxed(l, u, l / 2, 0, u / 4)),  # noqa: E741 - v binary
)

# --- interval bounds --------------------------------------------------------------------------------

_ROW = Domain(
    side=OneOf("lower", "upper"),
    n=Integers(1, 5),
    w=Vector("n"),
    b=Reals(),
    l=Vector("n"),
    width=Vector("n", Reals(0)),
    part=Vector("n", Reals(0, 1)),
)
_ROW_READING = (
    "for one row w of W with its bias b, all n, and l <= z <= u in R^n, written as u = l + width and "
    "z = l + part·width with part ∈ [0, 1]^n: "
)


def _below(w: Any, l: Any, u: Any) -> Any:  # noqa: E741
    """max{w, 0}·l + min{w, 0}·u."""
    return m.sum(m.relu(w) * l + m.minimum(w, 0) * u)


def _interval(side: str, w: Any, b: Any, l: Any, width: Any, part: Any, upper_bias: int) -> Sides:  # noqa: E741
    value = m.sum(w * (l + part * width)) + b
    if side == "lower":
        return Sides(_below(w, l, l + width) + b, value)
    return Sides(value, _below(w, l + width, l) + upper_bias * b)


interval_bounds = Universal(
    id="002.interval-bounds",
    title="interval bounds of a linear layer",
    text=r"$\max\{W, 0\} \hat{l} + \min\{W, 0\} \hat{u} + b \leq (Wz + b) \leq \max\{W, 0\} \hat{u} + "
    r"\min\{W, 0\} \hat{l}$.",
    reading=_ROW_READING + "both inequalities, the upper one without b",
    source=BOUNDS,
    domain=_ROW,
    conclusion=lambda side, w, b, l, width, part: _interval(side, w, b, l, width, part, 0),  # noqa: E741
)

interval_bounds_corrected = Universal(
    id="002.interval-bounds.corrected",
    title="interval bounds of a linear layer, with both biases",
    text=r"$\max\{W, 0\} \hat{l} + \min\{W, 0\} \hat{u} + b \leq (Wz + b) \leq \max\{W, 0\} \hat{u} + "
    r"\min\{W, 0\} \hat{l} + b$.",
    reading=_ROW_READING + "both inequalities",
    source=BOUNDS,
    corrects="002.interval-bounds",
    repair="typo",
    domain=_ROW,
    conclusion=lambda side, w, b, l, width, part: _interval(side, w, b, l, width, part, 1),  # noqa: E741
)

LAST_LAYER = slide("Bounding propagation")

last_layer = Universal(
    id="002.last-layer",
    title="the smallest value of a linear function of the last layer",
    text=r"$\underset{z_d}{\mathrm{minimize}} \; c^T (W_d z_d + b_d)$ subject to $\hat{l} \leq z_d \leq "
    r"\hat{u}$ has the optimal objective value $\max\{c^T W_d c, 0\} \hat{l} + \min\{c^T W_d, 0\} \hat{u} + "
    "c^T b_d$.",
    reading="for sizes 1 throughout, the only ones at which the printed terms are numbers: for all c, W, b and l <= "
    "u, the smaller of c(Wl + b) and c(Wu + b) equals max{cWc, 0}·l + min{cW, 0}·u + cb",
    source=LAST_LAYER,
    domain=Domain(
        c=Reals(-100, 100), W=Reals(-100, 100), b=Reals(-100, 100), l=Reals(-100, 100), u=Reals("l", 100)
    ),
    conclusion=lambda c, W, b, l, u: Sides.equal(  # noqa: E741
        m.minimum(c * (W * l + b), c * (W * u + b)), m.relu(c * W * c) * l + m.minimum(c * W, 0) * u + c * b
    ),
)


def _smallest(c: Any, W: Any, b: Any, l: Any, width: Any) -> Any:  # noqa: E741
    """The smallest cᵀ(Wz + b) over the vertices of the box."""
    corners = itertools.product((0.0, 1.0), repeat=len(l))
    return m.min(
        m.stack(
            m.sum(c * (W @ m.stack(l[i] + width[i] * one for i, one in enumerate(corner)) + b))
            for corner in corners
        )
    )


last_layer_corrected = Universal(
    id="002.last-layer.corrected",
    title="the smallest value of a linear function of the last layer, with cᵀW",
    text=r"The optimal objective value is $\max\{c^T W_d, 0\} \hat{l} + \min\{c^T W_d, 0\} \hat{u} + c^T "
    "b_d$.",
    reading="for all k, n, c, b ∈ R^k, W ∈ R^{k×n} and l <= u = l + width in R^n: the smallest cᵀ(Wz + b) over the "
    "2^n vertices of the box, where a linear function has its minimum, equals the formula",
    source=LAST_LAYER,
    corrects="002.last-layer",
    repair="typo",
    domain=Domain(
        k=Integers(1, 3),
        n=Integers(1, 3),
        c=Vector("k", Reals(-100, 100)),
        W=Matrix("k", "n", Reals(-100, 100)),
        b=Vector("k", Reals(-100, 100)),
        l=Vector("n", Reals(-100, 100)),
        width=Vector("n", Reals(0, 100)),
    ),
    conclusion=lambda c, W, b, l, width: equal_terms(  # noqa: E741
        _smallest(c, W, b, l, width),
        _below(m.transpose(W) @ c, l, l + width) + m.sum(c * b),
        1 + m.norm(c, 1) * (m.norm(W, 1) * (m.norm(l, 1) + m.norm(width, 1)) + m.norm(b, 1)),
    ),
    made_false=lambda c, W, b, l, width: equal_terms(  # noqa: E741 - the ends exchanged
        _smallest(c, W, b, l, width),
        _below(m.transpose(W) @ c, l + width, l) + m.sum(c * b),
        1 + m.norm(c, 1) * (m.norm(W, 1) * (m.norm(l, 1) + m.norm(width, 1)) + m.norm(b, 1)),
    ),
)

# --- certification ----------------------------------------------------------------------------------

CERTIFYING = slide("Certifying robustness")


def _scores(W: Any, b: Any, x: Any) -> Any:
    return W @ x + b


_CLASSIFIERS = Domain(
    d=Integers(1, 3),
    k=Integers(2, 3),
    W=Matrix("k", "d", Reals(-9, 9)),
    b=Vector("k", Reals(-1, 1)),
    x=Vector("d", Reals(-1, 1)),
    epsilon=Reals(0.001, 9),
    z=Vector("d", Reals(-1, 1)),
)


def _objective(W: Any, b: Any, x: Any, epsilon: Any, z: Any, relation: Relation) -> Sides:
    """The claim that margin (e_y − e_t)ᵀ(Wx + b) and reach ε‖w_y − w_t‖₁ of the easiest target allow the change."""
    scores = _scores(W, b, x)
    y = label(scores)
    if label(_scores(W, b, x + epsilon * z)) == y:
        return NOTHING
    pairs = [(scores[y] - scores[t], epsilon * m.norm(W[y] - W[t], 1)) for t in range(len(scores)) if t != y]
    return Sides(*min(pairs, key=lambda pair: pair[0] - pair[1]), relation)


_CERTIFY_READING = (
    "for linear networks h(x) = Wx + b, whose objective is exact: margin − ε‖w_y − w_t‖₁. For all d, k, W, b, x, ε > "
    "0 and z ∈ [−1, 1]^d such that x and x + εz are labelled differently (the label is the index of the largest "
    "output, of equal ones the first; y is the label of x): "
)

certification = Universal(
    id="002.certification",
    title="no negative objective certifies the network",
    text="Solve the integer program of a targeted attack for each possible alternative class label. If the "
    r"optimization objective $(e_y - e_{y_{\mathrm{targ}}})^T z_{d+1}$ is negative for no target class, "
    "this formally certifies the classifier as robust on the example.",
    reading=_CERTIFY_READING + "the smallest objective over the targets is negative",
    source=CERTIFYING,
    domain=_CLASSIFIERS,
    conclusion=lambda W, b, x, epsilon, z: _objective(W, b, x, epsilon, z, "<"),
)

certification_corrected = Universal(
    id="002.certification.corrected",
    title="positive objectives certify the network",
    text="If the optimization objectives are positive for all target classes, this formally certifies the "
    "classifier as robust on the example.",
    reading=_CERTIFY_READING
    + "the smallest objective over the targets is not positive. At an objective of 0 two "
    "classes tie, and the label depends on how ties are broken; a later slide says 'positive' too",
    source=CERTIFYING,
    corrects="002.certification",
    repair="convention",
    domain=_CLASSIFIERS,
    conclusion=lambda W, b, x, epsilon, z: _objective(W, b, x, epsilon, z, "<="),
)

"""The integer programme: its box, its optimum beside an enumeration, and what the sign of the optimum means."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import numpy as np
from scipy import optimize

from theorems import Domain, Integers, Matrix, OneOf, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.robustness_slides.linearization import RELAXATION
from theorems.statements.robustness_slides.source import slide
from theorems.statements.robustness_slides.verification import CERTIFYING
from theorems.statements.tools import label

FINAL = slide("A final integer programming formulation")
_WHOLE = Integers(-9, 9)

# --- the final programme ----------------------------------------------------------------------------

_BOX_TEXT = r"$z_1 \leq x + \delta$, $z_1 \geq x - \delta$"

programme_box = Universal(
    id="002.programme-box",
    title="the box of the programme, around the perturbation",
    text=f"The programme asks for {_BOX_TEXT}.",
    reading=r"in place of ‖z_1 − x‖∞ <= ε, entry by entry, with δ a perturbation of the ball: for all whole x, z_1, "
    r"ε and "
    "|δ| <= ε, z_1 <= x + δ and z_1 >= x − δ if and only if |z_1 − x| <= ε",
    source=FINAL,
    domain=Domain(
        epsilon=Integers(0, 9), delta=Integers(lambda v: -v["epsilon"], "epsilon"), x=_WHOLE, z=_WHOLE
    ),
    conclusion=lambda epsilon, delta, x, z: Sides.true(
        (x - delta <= z <= x + delta) == (abs(z - x) <= epsilon)
    ),
)

programme_box_corrected = Universal(
    id="002.programme-box.corrected",
    title="the box of the programme, around the radius",
    text=r"The programme asks for $z_1 \leq x + \epsilon$, $z_1 \geq x - \epsilon$.",
    reading="for all whole x, z_1 and ε: z_1 <= x + ε and z_1 >= x − ε if and only if |z_1 − x| <= ε",
    source=FINAL,
    corrects="002.programme-box",
    repair="typo",
    domain=Domain(epsilon=Integers(0, 9), x=_WHOLE, z=_WHOLE),
    conclusion=lambda epsilon, x, z: Sides.true((x - epsilon <= z <= x + epsilon) == (abs(z - x) <= epsilon)),
    made_false=lambda epsilon, x, z: Sides.true((x - epsilon < z < x + epsilon) == (abs(z - x) <= epsilon)),
)

_UNITS, _INPUTS, NETWORKS = 3, 2, 40
"""Size of the networks whose programme is solved, and how many there are."""


@cache
def optima(seed: int) -> tuple[float, float, float]:
    """Minimum of (e_y − e_t)ᵀz_3 for one network: by the programme, by enumeration, and relaxed.

    The network has one hidden layer with standard normal weights, biases of half that size, and two classes; ε = 1.
    """
    rng = np.random.default_rng(seed)
    W, b = rng.standard_normal((_UNITS, _INPUTS)), rng.standard_normal(_UNITS) / 2
    c, x = rng.standard_normal(_UNITS), rng.standard_normal(_INPUTS)
    return minimum(W, b, c, x, 1.0, 1), _enumerated(W, b, c, x), minimum(W, b, c, x, 1.0, 0)


def minimum(W: Any, b: Any, c: Any, x: Any, epsilon: float, integral: int) -> float:
    """The smallest c·ReLU(Wz + b) over the ℓ∞ ball by the programme as printed, ε in its box, in (z_1, z_2, v).

    Args:
        W: weights of the hidden layer, (k, n).
        b: its biases, (k,).
        c: outgoing weights, (k,).
        x: centre of the ball, (n,).
        epsilon: its radius.
        integral: 1 for binary v, 0 for the relaxation.

    """
    n, k = W.shape[1], len(b)
    centre, reach = W @ x + b, epsilon * np.abs(W).sum(1)
    low, high = centre - reach, centre + reach
    eye, none, wide = np.eye(k), np.zeros((k, k)), np.zeros((k, n))
    rows = np.vstack(
        [
            np.hstack([-W, eye, none]),  # z_2 >= W z_1 + b
            np.hstack([wide, -eye, np.diag(high)]),  # u v >= z_2
            np.hstack([W, -eye, np.diag(low)]),  # W z_1 + b >= z_2 + (1 − v) l
        ]
    )
    answer = optimize.milp(
        np.concatenate([np.zeros(n), c, np.zeros(k)]),
        constraints=optimize.LinearConstraint(rows, np.concatenate([b, np.zeros(k), low - b]), np.inf),
        integrality=np.repeat([0, 0, integral], [n, k, k]),
        bounds=optimize.Bounds(
            np.concatenate([x - epsilon, np.zeros(2 * k)]),
            np.concatenate([x + epsilon, np.full(k, np.inf), np.ones(k)]),
        ),
        options={"mip_rel_gap": 0.0},
    )
    assert answer.fun is not None
    return float(answer.fun)


def _enumerated(W: Any, b: Any, c: Any, x: Any) -> float:
    """The smallest c·ReLU(W z + b) over the box: a linear programme for each pattern of signs."""
    least = np.inf
    for signs in itertools.product((1.0, -1.0), repeat=len(b)):
        on = np.array(signs)
        slope = (c * (on > 0)) @ W
        answer = optimize.linprog(
            slope, A_ub=-on[:, None] * W, b_ub=on * b, bounds=list(zip(x - 1, x + 1, strict=True))
        )
        if answer.status == 0:
            least = min(least, float(answer.fun + (c * (on > 0)) @ b))
    return least


_SEEDS = Domain(seed=Integers(0, NETWORKS - 1))
_SEED_READING = (
    f"for {NETWORKS} random networks with {_INPUTS} inputs, {_UNITS} hidden units and two classes, ε = 1, l and u "
    f"from "
    "interval bounds: "
)

programme = Universal(
    id="002.programme",
    title="the integer programme finds the smallest margin",
    text=r"$\underset{z_{1,\dots,d+1}, v_{1,\dots,d-1}}{\mathrm{minimize}} \; (e_y - e_{y_{\mathrm{targ}}})^T "
    r"z_{d+1}$ subject to $z_{i+1} \geq W_i z_i + b_i$, $z_{i+1} \geq 0$, $u_i \cdot v_i \geq z_{i+1}$, $W_i z_i + "
    r"b_i \geq z_{i+1} + (1 - v_i) l_i$, $v_i \in \{0, 1\}^{|v_i|}$, $z_1 \leq x + \delta$, $z_1 \geq x - \delta$, "
    r"$z_{d+1} = W_d z_d + b_d$.",
    reading=_SEED_READING
    + "the optimum, with ε for δ in the box (002.programme-box), is the smallest margin over the ℓ∞ ball, found by a "
    "linear programme for each of the 2³ patterns of active units. |Difference| against 10⁻⁶, the solver's tolerance",
    source=FINAL,
    domain=_SEEDS,
    conclusion=lambda seed: Sides(abs(optima(seed)[0] - optima(seed)[1]), 1e-6),
    made_false=lambda seed: Sides(abs(optima(seed)[2] - optima(seed)[1]), 1e-6),  # v fractional
    rounding=0.0,
)

relaxed_bound = Universal(
    id="002.relaxation-bound",
    title="the relaxed programme certifies",
    text="A relaxation yields no adversarial example but an objective value, which can certify formally that there "
    "is none.",
    reading=_SEED_READING
    + "the relaxed optimum is at most the smallest margin over the ℓ∞ ball by enumeration, plus 10⁻⁶: if it is "
    "positive there is no adversarial example",
    source=RELAXATION,
    domain=_SEEDS,
    conclusion=lambda seed: Sides(optima(seed)[2], optima(seed)[1] + 1e-6),
    made_false=lambda seed: Sides(optima(seed)[1], optima(seed)[2] + 1e-6),
    rounding=0.0,
)

# --- what the objective says ------------------------------------------------------------------------

_CLASSIFIERS = Domain(
    d=Integers(1, 3),
    k=Integers(2, 3),
    W=Matrix("k", "d", Integers(-3, 3)),
    b=Vector("k", Integers(-3, 3)),
    x=Vector("d", Integers(-3, 3)),
    epsilon=OneOf(1.0, 0.5, 2.0),
    target=Integers(0, lambda v: v["k"] - 1),
    where={"the target is not the label": lambda W, b, x, target: label(W @ x + b) != target},
)


def _solution(W: Any, b: Any, x: Any, epsilon: Any, target: int) -> tuple[Any, int, Any]:
    """Objective of the target's programme, the label of x, and the outputs at its solution; linear networks."""
    y = label(W @ x + b)
    worst = W @ (x - epsilon * m.sign(W[y] - W[target])) + b
    return worst[y] - worst[target], y, worst


negative = Universal(
    id="002.negative-objective",
    title="a negative objective is an adversarial example",
    text="A negative solution of one of these optimization objectives means that an adversarial example exists, "
    "which the formulation provides.",
    reading="for all linear networks h(x) = Wx + b with whole entries, whose programme is solved by x − ε·sign(w_y − "
    "w_t), y the label of x and t another class: where the objective is negative the solution has another label than "
    "y",
    source=CERTIFYING,
    domain=_CLASSIFIERS,
    conclusion=lambda W, b, x, epsilon, target: _differs(*_solution(W, b, x, epsilon, target), 0),
    made_false=lambda W, b, x, epsilon, target: _differs(*_solution(W, b, x, epsilon, target), 2),
)


def _differs(objective: Any, y: int, worst: Any, threshold: float) -> Sides:
    """The claim that the label changes where the objective is below the threshold."""
    return Sides.true(objective >= threshold or label(worst) != y)


def _reaches(objective: Any, worst: Any, target: int, threshold: float) -> Sides:
    """The claim that no output exceeds the target's where the objective is below the threshold."""
    return Sides.true(objective >= threshold or worst[target] == m.max(worst))


provides_target = Universal(
    id="002.negative-objective-target",
    title="a negative objective reaches the target",
    text=r"The targeted attack is again an optimization problem: minimize $(e_y - e_{y_{\mathrm{target}}})^T z_{d+1}$.",
    reading="as 002.negative-objective: where the objective is negative no output exceeds the target's at the solution",
    source=slide("Exact Solutions"),
    domain=_CLASSIFIERS,
    conclusion=lambda W, b, x, epsilon, target: _reaches(
        *_solution(W, b, x, epsilon, target)[::2], target, 0
    ),
)

provides_target_corrected = Universal(
    id="002.negative-objective-target.corrected",
    title="a negative objective of two classes reaches the target",
    text="With two classes the solution of a targeted attack with a negative objective has the target's label; with "
    "more it has another label than the true one.",
    reading="as before, for k = 2",
    source=slide("Exact Solutions"),
    corrects="002.negative-objective-target",
    repair="missing hypothesis",
    domain=Domain(**{**_CLASSIFIERS.ranges, "k": Integers(2, 2)}, where=_CLASSIFIERS.where),
    conclusion=provides_target.conclusion,
    made_false=lambda W, b, x, epsilon, target: _reaches(
        *_solution(W, b, x, epsilon, target)[::2], target, 2
    ),
)

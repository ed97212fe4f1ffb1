"""Problem 3: what gradient descent does with the sup norm and with its surrogate g."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from theorems import Domain, Existence, Integers, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.exercise.source import printed
from theorems.statements.exercise.spellings import NORMS, VERSION, derivative
from theorems.statements.exercise.sup_norm import largest

_STEP = OneOf(1.0, 0.5, 0.25)


def _unmoved(spelling: str, eta: Any, s: float) -> Any:
    """How far a step on h moves the entries that are not largest."""
    moved = eta - s * derivative(NORMS[spelling].function, eta).numpy()
    return np.abs(moved - eta).max(initial=0.0, where=~largest(eta))


only_largest = Universal(
    id="000.solution-3-only-largest",
    title="descent on the sup norm moves the largest entries alone",
    text=r"gradient descent on $h(\eta)$ only ever optimizes the component of $\eta$ whose absolute value "
    "is largest",
    reading="for all η, steps s and every spelling of the sup norm in torch: a step changes no entry but"
    f" those of largest |η_k| (several at a tie, by what 000.solution-3-torch-shares says). {VERSION}",
    source=printed("Solution 3"),
    domain=Domain(spelling=OneOf(*NORMS), n=Integers(1, 4), eta=Vector("n", Integers(-3, 3)), s=_STEP),
    conclusion=lambda spelling, eta, s: Sides(_unmoved(spelling, eta, s), 0),
    made_false=lambda spelling, eta, s: Sides(
        float(np.abs(s * derivative(NORMS[spelling].function, eta).numpy()).max()), 0
    ),
)


def _steps_on_norm(n: int, height: int, share: str) -> int:
    """Steps of size 1 on h from (height, …, height) to ‖η‖_∞ <= 0, exactly; −1 if that takes too many."""
    eta = [Fraction(height)] * n
    for count in range(2 * n * height + 2):
        top = max(map(abs, eta))
        if top <= 0:
            return count
        among = [k for k in range(n) if abs(eta[k]) == top]
        chosen = among[:1] if share == "one" else among
        for k in chosen:
            eta[k] -= Fraction(1 if eta[k] > 0 else -1, len(chosen))
    return -1


def _steps_on_surrogate(n: int, height: int) -> int:
    """The same on g with τ = 0."""
    eta = [height] * n
    for count in range(2 * n * height + 2):
        if max(eta) <= 0:
            return count
        eta = [entry - (entry > 0) for entry in eta]
    return -1


iterations = Universal(
    id="000.solution-3-iterations",
    title="descent on the sup norm takes n times as many steps",
    text="at best, gradient descent may then run for many iterations",
    reading="for n <= 8 equal entries k steps above their goal (k <= 12): descent on h takes nk steps if"
    " torch's derivative goes to one of several maxima, and nk too if it is divided among them; descent"
    " on g takes k. Left side: steps on h; right side: n times the steps on g.",
    source=printed("Solution 3"),
    domain=Domain(n=Integers(1, 8), k=Integers(0, 12), share=OneOf("one", "equal")),
    conclusion=lambda n, k, share: Sides.equal(_steps_on_norm(n, k, share), n * _steps_on_surrogate(n, k)),
    made_false=lambda n, k, share: Sides.equal(_steps_on_norm(n, k, share), _steps_on_surrogate(n, k)),
)


def _descend(eta: Any, s: Any) -> Any:
    """One step on ‖η‖_∞ + max(1 − η_1 − η_2, 0), the first of tied maxima moving."""
    k = int(np.flatnonzero(np.asarray(largest(eta)))[0])
    slope = m.stack([m.sign(eta[i]) * (1 if i == k else 0) for i in range(2)])
    return eta - s * (slope - (1 if m.sum(eta) < 1 else 0))


def _cycle(s: Any) -> tuple[Any, ...]:
    """(start, after one step, after two), from (½ + s/2, ½)."""
    start = m.stack([(1 + s) / 2, (1 + 0 * s) / 2])
    once = _descend(start, s)
    return start, once, _descend(once, s)


def _value(eta: Any) -> Any:
    return m.norm(eta, m.inf) + m.relu(1 - m.sum(eta))


oscillation = Existence(
    id="000.solution-3-oscillation",
    title="descent on the sup norm can oscillate",
    text="… or, which is more likely, it oscillates between the minimization of a few values, for a "
    "decrease of one component might raise others (through the obj-term)",
    reading="that it can: for every step s in (0, 2) descent on ‖η‖_∞ + max(1 − η_1 − η_2, 0), whose"
    " minimum is ½, goes from (½ + s/2, ½) to (½ − s/2, ½) and back for ever, and stays s/2 above the"
    " minimum. Sides: the distance after two steps, and rounding; how likely it is is not checked.",
    source=printed("Solution 3"),
    domain=Domain(s=Reals(0.001, 1.999)),
    construction=_cycle,
    conclusion=lambda witness, s: Sides(
        m.max(m.abs(witness[2] - witness[0]))
        + m.maximum(0, s / 2 - min(_value(eta) - 0.5 for eta in witness[:2])),
        1e-12,
    ),
    made_false=lambda witness: Sides(m.max(m.abs(witness[1] - witness[0])), 1e-12),
)


def _settle(eta: Any, tau: float, s: float) -> tuple[Any, int]:
    """Descent on g with one τ until it is 0: where it ends, and after how many steps."""
    count = 0
    while (eta > tau).any():
        eta, count = eta - s * (eta > tau), count + 1
    return eta, count


def _chosen(n: int, eta: Any, s: float) -> tuple[float, int]:
    """(‖η‖_∞ at the end, steps) of descent on g with τ = s/2."""
    ended, count = _settle(eta, s / 2, s)
    return float(np.abs(ended).max()), count


mitigation = Existence(
    id="000.solution-3-mitigation",
    title="descent on g with a well-chosen τ",
    text=r"for a well-chosen $\tau$, $g(\eta)$ can mitigate this",
    reading="for all η >= 0 and steps s, with τ = s/2: descent on g ends with ‖η‖_∞ <= s/2 after at most"
    " ‖η‖_∞/s + 1 steps, however many entries are large",
    source=printed("Solution 3"),
    domain=Domain(n=Integers(1, 10), eta=Vector("n", Reals(0, 10)), s=_STEP),
    construction=_chosen,
    conclusion=lambda witness, eta, s: Sides(
        witness[0] if witness[1] <= m.max(eta) / s + 1 else math.inf, s / 2
    ),
)


def _lowered(eta: Any, s: float, goal: float) -> float:
    """‖η‖_∞ after descent on g with τ = 1, lowered to 0.9 τ (never below the goal) whenever g is 0."""
    tau = max(1.0, goal)
    eta, _ = _settle(eta, tau, s)
    while tau > goal:
        tau = max(0.9 * tau, goal)
        eta, _ = _settle(eta, tau, s)
    return float(np.abs(eta).max())


_GOALS: dict[str, Any] = {"n": Integers(1, 4), "eta": Vector("n", Reals(0, 4)), "s": _STEP}

lowering = Universal(
    id="000.solution-3-lowering",
    title="descent on g with falling τ reaches any small norm",
    text=r"[1] propose to decrease $\tau$ while optimizing, so that the solution $\eta$ has a small "
    r"$L_\infty$-norm",
    reading="for all η >= 0, constant steps s and every goal r > 0: descent on g, with τ from 1 lowered"
    " to 0.9 τ whenever g is 0, down to r, ends with ‖η‖_∞ <= r. Left side: the norm at the end.",
    source=printed("Solution 3"),
    domain=Domain(**_GOALS, goal=Reals(0.0625, 1)),
    conclusion=lambda eta, s, goal: Sides(_lowered(eta, s, goal), goal),
)

lowering_to_half_step = Universal(
    id="000.solution-3-lowering-half-step",
    title="descent on g with falling τ reaches half a step",
    text=r"lowering $\tau$ to $r$ ends with $\|\eta\|_\infty \leq r$ if $r \geq s/2$, $s$ the step; below"
    r" that a step leads from above $\tau$ to below $-\tau$, where $g$ does not see it",
    reading="as 000.solution-3-lowering, for r >= s/2",
    source=printed("Solution 3"),
    corrects="000.solution-3-lowering",
    repair="missing hypothesis",
    domain=Domain(**_GOALS, goal=Reals(lambda values: values["s"] / 2, 1)),
    conclusion=lowering.conclusion,
)

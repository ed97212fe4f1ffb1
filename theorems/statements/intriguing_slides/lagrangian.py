"""The optimality conditions that the slides recall: a multiplier's sign, and what the optimum of the Lagrangian is."""

from __future__ import annotations

from typing import Any

from theorems import Domain, Existence, Integers, Reals, Sides, Vector
from theorems import maths as m
from theorems.statements.intriguing_slides.source import slide

RECALL = slide("Formal description, Recall: Generalized Lagrange Function")

_CONDITIONS = (
    r"subject to $g_j(x) = 0$ and $h_k(x) \geq 0$. The Lagrangian function $L(x, \{\lambda_j\}, \{\mu_k\}) "
    r"= f(x) + \sum_{j=1}^J \lambda_j g_j(x) + \sum_{k=1}^K \mu_k h_k(x)$ is optimized subject to $\mu_k "
    r"\geq 0$ and $\mu_k h_k(x) = 0$. The constrained optimization of $f(x)$ and the unconstrained one of "
    "$L$ have the same optimal point $x^*$."
)

minimise = Existence(
    id="004.lagrangian-minimise",
    title="the Lagrangian of a minimisation, as displayed",
    text=r"Minimize $f(x)$ " + _CONDITIONS,
    reading="for all c, p ∈ R there is μ >= 0 with μ·h(x*) = 0 such that x* = max(c, p), the minimiser of "
    "f(x) = (x − c)²/2 subject to h(x) = x − p >= 0, minimises f + μh. Stationarity leaves μ = c − x* alone, which "
    "must not be negative",
    source=RECALL,
    domain=Domain(c=Reals(), p=Reals()),
    obstruction=lambda c, p: Sides(m.maximum(c, p), c),
)


def _halfspace(w: Any, c: Any, p: Any) -> tuple[Any, Any]:
    """The point x* of {w·x >= p} nearest to c, and the multiplier μ for which x* = c + μw."""
    multiplier = m.relu(p - m.sum(w * c)) / m.sum(w * w)
    return c + multiplier * w, multiplier


def _saddle(witness: Any, w: Any, c: Any, p: Any, z: Any, sign: int) -> Sides:
    """L(x*) <= L(z) for L = f + sign·μh and f(x) = ‖x − c‖²/2, both sides less their common value at c.

    Moving both sides by a number that the terms reach keeps digits that cancel out of the comparison.
    """
    best, multiplier = witness
    size = 1 + m.sum((z - c) * (z - c)) + multiplier * (m.norm(w) * m.norm(z - c) + multiplier * m.sum(w * w))
    values = [m.sum((x - c) * (x - c)) / 2 + sign * multiplier * m.sum(w * (x - c)) for x in (best, z)]
    return Sides(size + values[0], size + values[1])


minimise_corrected = Existence(
    id="004.lagrangian-minimise.corrected",
    title="the Lagrangian of a convex minimisation",
    text=r"Minimize a convex $f(x)$ subject to $h(x) \geq 0$ with affine $h$. There is $\mu \geq 0$ with "
    r"$\mu h(x^*) = 0$ such that the optimal point $x^*$ minimizes $L(x, \mu) = f(x) - \mu h(x)$ without constraint.",
    reading="for all d, w ≠ 0, c ∈ R^d and p there is μ >= 0 with μ·h(x*) = 0 such that x*, the minimiser of "
    "‖x − c‖²/2 subject to h(x) = w·x − p >= 0, has L(x*) <= L(z) for every z ∈ R^d; "
    "μ = max(p − w·c, 0)/‖w‖². The slide's sentence says 'maximize', for which the printed sign is right, its display "
    "'Minimize'",
    source=RECALL,
    corrects="004.lagrangian-minimise",
    repair="typo",
    domain=Domain(
        d=Integers(1, 4),
        w=Vector("d", Reals(-10, 10)),
        c=Vector("d", Reals(-10, 10)),
        p=Reals(-10, 10),
        z=Vector("d", Reals(-20, 20)),
        where={"w is not small": lambda w: m.norm(w) >= 1e-3},
    ),
    construction=_halfspace,
    conclusion=lambda witness, w, c, p, z: _saddle(witness, w, c, p, z, -1),
    made_false=lambda w, c, p, z: _saddle(_halfspace(w, c, p), w, c, p, z, 1),
)


maximise = Existence(
    id="004.lagrangian-maximise",
    title="the Lagrangian of a maximisation, for any f",
    text=r"Maximize $f(x)$ " + _CONDITIONS,
    reading="for all a, b ∈ R there are μ1, μ2 >= 0 such that an optimal point of maximising f(x) = ax²/2 + bx "
    "subject to x >= 0 and 1 − x >= 0 maximises L = f + μ1·x + μ2·(1 − x) over R. L has the leading coefficient a/2 "
    "whatever the multipliers are, so that a <= 0 wherever it has a maximum",
    source=RECALL,
    domain=Domain(a=Reals(), b=Reals()),
    obstruction=lambda a: Sides(a, 0.0),
)


def _interval(a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Maximiser over [0, 1] of the concave ax²/2 + bx, with the multipliers of x >= 0 and 1 − x >= 0."""
    best = m.minimum(m.relu(-b / m.where(a < 0, a, -1.0)), 1)
    best = m.where(a < 0, best, m.where(b > 0, 1.0, 0.0))
    slope = a * best + b
    return best, m.where(best <= 0, m.relu(-slope), 0.0), m.where(best >= 1, m.relu(slope), 0.0)


def _concave(witness: Any, a: Any, b: Any, z: Any) -> Sides:
    best, first, second = witness
    size = 1 + (m.abs(a) + m.abs(b) + first + second) * (1 + z * z)
    values = [a * x * x / 2 + b * x + first * x + second * (1 - x) for x in (z, best)]
    return Sides(size + values[0], size + values[1])


maximise_corrected = Existence(
    id="004.lagrangian-maximise.corrected",
    title="the Lagrangian of a concave maximisation",
    text=r"Maximize a concave $f(x)$ " + _CONDITIONS,
    reading="for all a <= 0 and b there are μ1, μ2 >= 0, zero off their constraint, such that a maximiser x* of "
    "f(x) = ax²/2 + bx subject to x >= 0 and 1 − x >= 0 has L(z) <= L(x*) for every z ∈ R. For affine "
    "constraints; μ1 and μ2 are built as the negative and the positive part of f'(x*) where their constraint binds",
    source=RECALL,
    corrects="004.lagrangian-maximise",
    repair="missing hypothesis",
    domain=Domain(a=Reals(-100, 0), b=Reals(-100, 100), z=Reals(-10, 10)),
    construction=_interval,
    conclusion=_concave,
    made_false=lambda a, b, z: _concave((_interval(a, b)[0], 0.0, 0.0), a, b, z),
)

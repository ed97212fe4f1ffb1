"""Eq. (6): the step of the fast gradient sign method, its box, and how it compares with the best perturbation."""

from __future__ import annotations

from typing import Any, NamedTuple

import mpmath
import numpy as np
import torch

from theorems import Domain, Existence, OneOf, Reals, Sides, Universal
from theorems import maths as m
from theorems.statements.exercise import network
from theorems.statements.exercise.network import SMALL
from theorems.statements.exercise.source import printed
from theorems.statements.exercise.spellings import DTYPES, VERSION, derivative, tensor

_EPSILON = OneOf(1.0, 0.5, 0.1)
_FORMATS = OneOf("float64", "float32")


def attack(A: Any, B: Any, C: Any, x: Any, epsilon: Any) -> Any:
    """The point x' of eq. (6) with the closed form, x + ε sign(F_t − Σ softmax(N)_c F_c), sign(0) = 0."""
    return x + epsilon * m.sign(-network.loss_gradient(A, B, C, x))


def _first_line(A: Any, B: Any, C: Any, x: Any, epsilon: Any) -> Any:
    """The point x − ε sign(∇ loss), with the fraction of eq. (7) as printed."""
    F, weights = network.gradients(A, B, C, x), m.exp(network.logits(A, B, C, x))
    return x - epsilon * m.sign(-F[network.TARGET] + (weights @ F) / m.sum(weights))


def _last_line(A: Any, B: Any, C: Any, x: Any, epsilon: Any) -> Any:
    """The point x + ε sign(F_t − Σ exp(N_c) F_c / Σ exp N_c)."""
    F, weights = network.gradients(A, B, C, x), m.exp(network.logits(A, B, C, x))
    return x + epsilon * m.sign(F[network.TARGET] - (weights @ F) / m.sum(weights))


step = Universal(
    id="000.eq-6",
    title="the attack, written with the loss or with the logits",
    text=r"$x' = x - \epsilon \cdot \mathrm{sign}\left(\nabla_x \left(-N(x)_t + \log\sum_{c=1}^C"
    r" \exp(N(x)_c)\right)\right) = x + \epsilon \cdot \mathrm{sign}\left(\nabla_x N(x)_t - \nabla_x \log"
    r" \sum_{c=1}^C \exp(N(x)_c)\right) = x + \varepsilon\, \mathrm{sign}\left(F_t(x) - \frac{\sum_c"
    r" \exp(N(x)_c) F_c(x)}{\sum_c \exp(N(x)_c)}\right)$",
    reading="for all networks and inputs with whole entries and ε = 1, ½ and 0.1 (ε only scales), with F"
    " as the gradient (h(0) = 0): the largest coordinate of the difference is 0. Printed is loss_t(N(x))"
    " in solution 1.7 where eq. (5) defines loss_t(x); the second is meant.",
    source=printed("eq. (6)"),
    domain=Domain(**network.ranges(SMALL), epsilon=_EPSILON),
    conclusion=lambda A, B, C, x, epsilon: Sides(
        m.max(m.abs(_first_line(A, B, C, x, epsilon) - _last_line(A, B, C, x, epsilon))), 0
    ),
    made_false=lambda A, B, C, x, epsilon: Sides(
        m.max(m.abs(_first_line(A, B, C, x, epsilon) - _last_line(A, B, C, x, -epsilon))), 0
    ),
)


def _computed_gradient(A: Any, B: Any, C: Any, x: Any) -> Any:
    """The loss's gradient as the exercise's script has it: torch's backward pass in float64."""
    a, b, c = tensor(A), tensor(B), tensor(C)
    target = torch.tensor([network.TARGET])
    return derivative(
        lambda point: torch.nn.functional.cross_entropy((c @ (b @ (a @ point).relu()).relu())[None], target),
        x,
    ).numpy()


def _exact_signs(A: Any, B: Any, C: Any, x: Any) -> Any:
    """The signs of the exact gradient: for whole entries F and N are exact, the exponentials have 50 digits.

    What is below 10⁻⁴⁰ of its terms is 0.
    """
    F, y = network.gradients(A, B, C, x), network.logits(A, B, C, x)
    lead = F - F[network.TARGET]
    with mpmath.workdps(50):
        weights = [mpmath.exp(value - max(y)) for value in y]
        terms = [[weight * slope for weight, slope in zip(weights, column, strict=True)] for column in lead.T]
        sums = [(mpmath.fsum(column), max(map(abs, column))) for column in terms]
        return np.array(
            [float(mpmath.sign(s)) if abs(s) > size * mpmath.mpf("1e-40") else 0.0 for s, size in sums]
        )


def _wrong_signs(A: Any, B: Any, C: Any, x: Any, margin: float = 0.0, of: float = 1.0) -> Sides:
    """Largest |exact − computed sign|, over coordinates with |∂ loss| above `margin` of the products of |entries|."""
    wrong = np.abs(_exact_signs(A, B, C, x) - np.sign(of * _computed_gradient(A, B, C, x)))
    if margin:
        scale = (np.abs(C) @ (np.abs(B) @ np.abs(A))).max()
        wrong = wrong * (np.abs(network.loss_gradient(A, B, C, x)) > margin * scale)
    return Sides(float(wrong.max()), 0)


step_in_floats = Universal(
    id="000.eq-6-float",
    title="the attack as torch computes it",
    text=r"$x' = x - \epsilon \cdot \mathrm{sign}(\nabla_x \mathrm{loss}_t(x))$, computed by a backward pass",
    reading="for all networks and inputs with whole entries: the signs of torch's gradient in float64 are"
    " those of the exact one (50 digits, h(0) = 0). Where a coordinate of the gradient is 0 its rounding"
    f" error has a sign, and the computed x' is off by ε. {VERSION}",
    source=printed("eq. (6)"),
    domain=Domain(**network.ranges(SMALL)),
    conclusion=lambda A, B, C, x: _wrong_signs(A, B, C, x),
)

step_in_floats_resolved = Universal(
    id="000.eq-6-float-resolved",
    title="the attack as torch computes it, where the gradient is above its rounding error",
    text=r"a backward pass computes every coordinate of $x' = x - \epsilon \cdot \mathrm{sign}(\nabla_x"
    r" \mathrm{loss}_t(x))$ rightly where $\lvert \partial_k \mathrm{loss}_t \rvert$ exceeds its rounding"
    " error",
    reading="as 000.eq-6-float, for the coordinates where |∂_k loss| is more than 10⁻¹³ of the largest"
    f" entry of |C||B||A|. {VERSION}",
    source=printed("eq. (6)"),
    corrects="000.eq-6-float",
    repair="missing hypothesis",
    domain=step_in_floats.domain,
    conclusion=lambda A, B, C, x: _wrong_signs(A, B, C, x, 1e-13),
    made_false=lambda A, B, C, x: _wrong_signs(A, B, C, x, 1e-13, -1.0),
)

# --- the box ------------------------------------------------------------------------------------------------


def _eta(A: Any, B: Any, C: Any, x: Any, epsilon: Any) -> Any:
    return epsilon * m.sign(network.loss_gradient(A, B, C, x))


strict_ball = Universal(
    id="000.problem-1.6-strict-ball",
    title="the attack stays inside the open ball",
    text=r"the adversarial example $x'$ with $\|x - x'\|_\infty < \epsilon$ is obtained as $x' = x -"
    r" \epsilon \cdot \mathrm{sign}(\nabla_x \mathrm{loss}_t)$",
    reading="for all networks and inputs with whole entries and ε = 1, ½ and 0.1 (ε only scales): η = ε"
    " sign(∇ loss) has ‖η‖_∞ < ε; exact arithmetic",
    source=printed("Problem 1.6"),
    domain=Domain(**network.ranges(SMALL), epsilon=_EPSILON),
    conclusion=lambda A, B, C, x, epsilon: Sides(m.max(m.abs(_eta(A, B, C, x, epsilon))), epsilon, "<"),
)

closed_ball = Universal(
    id="000.problem-1.6-closed-ball",
    title="the attack stays inside the closed ball",
    text=r"$\|x - x'\|_\infty \leq \epsilon$, with equality wherever $\nabla_x \mathrm{loss}_t \neq 0$; for the"
    r" open ball take any smaller step",
    reading="for all networks and inputs with whole entries and ε = 1, ½ and 0.1 (ε only scales), in exact"
    " arithmetic: ‖η‖_∞ is ε, or 0 where the gradient is 0",
    source=printed("Problem 1.6"),
    corrects="000.problem-1.6-strict-ball",
    repair="typo",
    domain=strict_ball.domain,
    conclusion=lambda A, B, C, x, epsilon: Sides.equal(
        m.max(m.abs(_eta(A, B, C, x, epsilon))),
        epsilon if m.any(network.loss_gradient(A, B, C, x) != 0) else 0,
    ),
    made_false=lambda A, B, C, x, epsilon: Sides(m.max(m.abs(_eta(A, B, C, x, epsilon))), 0.99 * epsilon),
)

box = Universal(
    id="000.solution-2.3-box",
    title="what FGSM guarantees",
    text=r"FGSM guarantees $x' \in [x - \epsilon, x + \epsilon]$, element-wise, and nothing else",
    reading="for all networks and inputs with whole entries and ε = 1, ½ and 0.1, in exact arithmetic:"
    " |x'_k − x_k| <= ε for every k. That nothing else is guaranteed is 000.intuition-class and"
    " 000.solution-2.3-not-minimal.",
    source=printed("Solution 2.3"),
    domain=strict_ball.domain,
    conclusion=lambda A, B, C, x, epsilon: Sides(m.max(m.abs(attack(A, B, C, x, epsilon) - x)), epsilon),
)


def _rounded_step(dtype: str, x: float, epsilon: float, s: float, slack: float) -> Sides:
    """|x' − x| of one coordinate in exact arithmetic, with x' = x + εs as the format rounds it."""
    kind = DTYPES[dtype]
    point, size = torch.tensor(x, dtype=kind), torch.tensor(epsilon, dtype=kind)
    moved = point + size * s
    with mpmath.workdps(50):
        far = abs(mpmath.mpf(moved.item()) - mpmath.mpf(point.item()))
        allowed = mpmath.mpf(size.item()) + slack * torch.finfo(kind).eps * abs(mpmath.mpf(moved.item()))
        # Float sides would round the very difference that is asked for: state it as a multiple of a spacing.
        excess = (far - allowed) / torch.finfo(kind).eps
    return Sides(float(excess), 0)


_COORDINATE = Domain(dtype=_FORMATS, s=OneOf(1.0, -1.0, 0.0), x=Reals(-10, 10), epsilon=Reals(0.1, 1))

box_in_floats = Universal(
    id="000.solution-2.3-box-float",
    title="the box of FGSM in floating point",
    text=r"$x' \in [x - \epsilon, x + \epsilon]$ element-wise, as a script computes it",
    reading="for one coordinate x, every ε and each sign s, in float64 and float32: x' = x + εs as"
    " rounded is at most ε away from x. Left side: the excess over ε in spacings of numbers at 1.",
    source=printed("Solution 2.3"),
    domain=_COORDINATE,
    conclusion=lambda dtype, x, epsilon, s: _rounded_step(dtype, x, epsilon, s, 0.0),
)

box_in_floats_rounded = Universal(
    id="000.solution-2.3-box-float-rounded",
    title="the box of FGSM in floating point, up to one rounding",
    text=r"$\lvert x' - x \rvert \leq \epsilon + \frac{u}{2} \lvert x' \rvert$ element-wise in floating point,"
    " $u$ the spacing of numbers at 1",
    reading="as 000.solution-2.3-box-float, with half a spacing of |x'| added to ε",
    source=printed("Solution 2.3"),
    corrects="000.solution-2.3-box-float",
    repair="constant",
    domain=_COORDINATE,
    conclusion=lambda dtype, x, epsilon, s: _rounded_step(dtype, x, epsilon, s, 0.5),
    made_false=lambda dtype, x, epsilon, s: _rounded_step(dtype, x, epsilon, s, 0.25),
)

# --- FGSM and the smallest perturbation ----------------------------------------------------------------------

_KEEP = np.eye(2)
_PLANE = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
"""With A = B = I: N(x) = (x_1, x_2, 0) where x >= 0."""


class Pair(NamedTuple):
    """FGSM's point and another one: by how much the target leads the other logits there, and how far each is from x."""

    leads: tuple[Any, Any]
    distances: tuple[Any, Any]


def _compared(A: Any, C: Any, x: Any, attacked: Any, other: Any) -> Pair:
    values = [network.logits(A, _KEEP, C, point) for point in (attacked, other)]
    first, second = (y[network.TARGET] - m.max(y[1:]) for y in values)
    return Pair((first, second), (m.max(m.abs(attacked - x)), m.max(m.abs(other - x))))


def _point(first: float, second: float, epsilon: Any) -> Any:
    return m.stack([first + 0 * epsilon, second + 0 * epsilon])


def _half_way(epsilon: Any) -> Pair:
    """N(x) = (x_1, x_2, 0) at (1, 2): the point between FGSM's and the boundary."""
    x = _point(1.0, 2.0, epsilon)
    attacked = attack(_KEEP, _KEEP, _PLANE, x, epsilon)
    return _compared(_KEEP, _PLANE, x, attacked, x + (attacked - x) * (epsilon + 0.5) / (2 * epsilon))


not_minimal = Existence(
    id="000.solution-2.3-not-minimal",
    title="FGSM need not find the smallest perturbation",
    text="FGSM aims at speed, not at an optimum: it may not compute the minimal perturbation",
    reading="for every ε in [0.51, 1.9]: at x = (1, 2) the network N(x) = (x_1, x_2, 0) has its largest"
    " logit at class 2. FGSM with target 1 moves by ε to a point of class 1, and so does the perturbation"
    " of size (ε + ½)/2 < ε.",
    source=printed("Solution 2.3"),
    domain=Domain(epsilon=Reals(0.51, 1.9)),
    construction=_half_way,
    conclusion=lambda witness: Sides(
        witness.distances[1] if min(witness.leads) > 0 else m.inf, witness.distances[0], "<"
    ),
    made_false=lambda witness: Sides(witness.distances[0], witness.distances[1], "<"),
)

_FOLD = np.array([[1.0, 0.0], [-1.0, 0.0]])
_SLOPES = np.array([[1.0, 4.0], [2.0, 0.0], [-5.0, 0.0]])
"""With A the fold and B = I: N(x) = (x_1, 2x_1, −5x_1) for x_1 > 0 and (4|x_1|, 0, 0) for x_1 < 0."""


def _wrong_way(epsilon: Any) -> Pair:
    """At x_1 = 1/8 the loss falls to the right, where class 2 is largest for ever."""
    x = _point(0.125, 0.0, epsilon)
    attacked = attack(_FOLD, _KEEP, _SLOPES, x, epsilon)
    return _compared(_FOLD, _SLOPES, x, attacked, 2 * x - attacked)


missed = Existence(
    id="000.solution-2.3-missed",
    title="FGSM can miss an adversarial example in its box",
    text=r"all that FGSM guarantees is $x' \in [x - \epsilon, x + \epsilon]$: not that $x'$ is adversarial, "
    "even if some point of the box is",
    reading="for every ε in [0.2, 100]: the network N(x) = (x_1, 2x_1, −5x_1) for x_1 > 0, (−4x_1, 0, 0)"
    " for x_1 < 0, at x_1 = 1/8, where class 2 is largest. FGSM with target 1 moves right, where class 2"
    " stays largest; the point at the same distance on the left is of class 1.",
    source=printed("Solution 2.3"),
    domain=Domain(epsilon=Reals(0.2, 100)),
    construction=_wrong_way,
    conclusion=lambda witness: Sides(witness.leads[0] if witness.leads[1] > 0 else m.inf, 0, "<"),
    made_false=lambda witness: Sides(-witness.leads[0], 0, "<"),
)

"""What the text says that the attack does: to the target's logit, to the other logits, to the classification."""

from __future__ import annotations

from typing import Any

import numpy as np

from theorems import Domain, Integers, Matrix, OneOf, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.exercise import network
from theorems.statements.exercise.fgsm import attack
from theorems.statements.exercise.network import SMALL, TARGET
from theorems.statements.exercise.source import printed

_T, _OTHERS = TARGET, [c for c in range(network.CLASSES) if c != TARGET]
_SHARE = OneOf(1.0, 0.001)
_OFF_KINKS = {
    "no pre-activation is 0, unless it is 0 all around x": lambda A, B, x: network.off_kinks(A, B, x)
}
_DATA: dict[str, Any] = {**network.matrices(SMALL), "x": Vector("n", SMALL)}
_LINEAR = Domain(**network.ranges(SMALL), share=_SHARE, where=_OFF_KINKS)
_SMALL_STEPS = (
    "for all networks and inputs with whole entries and no pre-activation at 0, however small ε is: ε is"
    " all or 1/1000 of the distance to the nearest kink in the direction of the step, at most 1"
)


def _ascent(A: Any, B: Any, C: Any, x: Any) -> Any:
    """The attack's direction, sign(−∇ loss)."""
    return m.sign(-network.loss_gradient(A, B, C, x))


def _ascent_target(A: Any, B: Any, C: Any, x: Any) -> Any:
    """The direction without the (∗) terms, sign(∇N_t)."""
    return m.sign(network.gradients(A, B, C, x)[_T])


def _short(A: Any, B: Any, x: Any, u: Any, share: float) -> Any:
    """That share of the way to the nearest kink along u, at most of 1."""
    return share * m.minimum(1.0, network.step_to_kink(A, B, x, u))


def _change(A: Any, B: Any, C: Any, x: Any, u: Any, epsilon: Any) -> Any:
    """N(x + εu) − N(x), for every class."""
    return network.logits(A, B, C, x + epsilon * u) - network.logits(A, B, C, x)


def _change_under_attack(A: Any, B: Any, C: Any, x: Any, share: float) -> Any:
    u = _ascent(A, B, C, x)
    epsilon = _short(A, B, x, u, share)
    return _change(A, B, C, x, u, epsilon) / epsilon


target_rises = Universal(
    id="000.intuition-target",
    title="the attack increases the target's logit",
    text=r"intuitively, the term $\nabla_x N(x)_t$ increases the logit of the target class",
    reading=f"{_SMALL_STEPS}: N(x')_t >= N(x)_t. Left and right side: 0 and the change divided by ε.",
    source=printed("Solution 1.7"),
    domain=_LINEAR,
    conclusion=lambda A, B, C, x, share: Sides(0, _change_under_attack(A, B, C, x, share)[_T]),
)

others_fall = Universal(
    id="000.intuition-others",
    title="the attack decreases all other logits",
    text="… while the logits of all the other terms are decreased",
    reading=f"{_SMALL_STEPS}: N(x')_c <= N(x)_c for every c ≠ t. Sides: the largest change divided by ε, and 0.",
    source=printed("Solution 1.7"),
    domain=_LINEAR,
    conclusion=lambda A, B, C, x, share: Sides(m.max(_change_under_attack(A, B, C, x, share)[_OTHERS]), 0),
)


def _weighted_lead(A: Any, B: Any, C: Any, x: Any, share: float) -> tuple[Any, Any]:
    """(Σ_{c ≠ t} p_c (change of N_t − change of N_c)/ε with p at x, ‖∇ loss‖_1)."""
    change = _change_under_attack(A, B, C, x, share)
    p = m.softmax(network.logits(A, B, C, x))
    slope = m.sum(m.abs(network.loss_gradient(A, B, C, x)))
    return m.sum(p * (change[_T] - change)), slope


def _lead_error(lead: Any, slope: Any) -> Sides:
    return Sides(m.abs(lead - slope), 1e-9 * (1 + slope))


target_rises_over_others = Universal(
    id="000.intuition-target-lead",
    title="the attack increases the target's lead over the weighted mean of the others",
    text=r"up to the nearest kink the attack raises $\sum_{c \neq t} p_c (N_t - N_c)$, $p ="
    r" \mathrm{softmax}(N(x))$, by exactly $\epsilon \|\nabla_x \mathrm{loss}_t(x)\|_1$: the target's"
    " logit rises or some other falls",
    reading=f"{_SMALL_STEPS}; the difference of both sides, divided by ε, against rounding",
    source=printed("Solution 1.7"),
    corrects="000.intuition-target",
    repair="false",
    domain=_LINEAR,
    conclusion=lambda A, B, C, x, share: _lead_error(*_weighted_lead(A, B, C, x, share)),
    made_false=lambda A, B, C, x, share: _lead_error(
        1.05 * _weighted_lead(A, B, C, x, share)[0], _weighted_lead(A, B, C, x, share)[1]
    ),
)


def _pair_lead(A: Any, B: Any, C: Any, x: Any, share: float) -> tuple[Any, Any]:
    """For two classes: (change of N_t − N_c, divided by ε; ‖∇(N_t − N_c)‖_1)."""
    change = _change_under_attack(A, B, C, x, share)
    F = network.gradients(A, B, C, x)
    return change[0] - change[1], m.sum(m.abs(F[0] - F[1]))


others_fall_behind_target = Universal(
    id="000.intuition-others-two-classes",
    title="with two classes the attack decreases the other logit against the target's",
    text=r"for two classes, up to the nearest kink: $N_t - N_c$ rises by exactly $\epsilon \|\nabla_x (N_t"
    r" - N_c)\|_1$",
    reading=f"{_SMALL_STEPS}; the difference of both sides, divided by ε, against rounding",
    source=printed("Solution 1.7"),
    corrects="000.intuition-others",
    repair="false",
    domain=Domain(**network.ranges(SMALL) | {"C": Matrix(2, "n", SMALL)}, share=_SHARE, where=_OFF_KINKS),
    conclusion=lambda A, B, C, x, share: _lead_error(*_pair_lead(A, B, C, x, share)),
    made_false=lambda A, B, C, x, share: _lead_error(
        1.05 * _pair_lead(A, B, C, x, share)[0], _pair_lead(A, B, C, x, share)[1]
    ),
)

_STEPS = OneOf(1.0, 4.0, 0.25)

towards_target = Universal(
    id="000.intuition-class",
    title="the attack pushes the classification towards the target",
    text="the classification is thus pushed further towards class $t$",
    reading="for all networks with whole entries, inputs x = z/8 with z whole, no pre-activation at 0,"
    " and ε = ¼, 1 or 4: softmax(N(x'))_t >= softmax(N(x))_t. Sides: the loss after and before.",
    source=printed("Solution 1.7"),
    domain=Domain(
        n=Integers(1, 3),
        epsilon=_STEPS,
        **network.matrices(SMALL),
        z=Vector("n", Integers(-8, 8)),
        where={next(iter(_OFF_KINKS)): lambda A, B, z: network.off_kinks(A, B, z / 8)},
    ),
    conclusion=lambda A, B, C, z, epsilon: Sides(
        network.loss(network.logits(A, B, C, attack(A, B, C, z / 8, epsilon))),
        network.loss(network.logits(A, B, C, z / 8)),
    ),
)


def _safe_step(A: Any, B: Any, C: Any, x: Any, share: float) -> tuple[Any, Any, Any]:
    """(direction, step, ‖∇ loss‖_1); the step is a share of min(1, distance to a kink, 4‖∇ loss‖_1/spread²)."""
    u = _ascent(A, B, C, x)
    slope = m.sum(m.abs(network.loss_gradient(A, B, C, x)))
    speed = network.gradients(A, B, C, x) @ u
    spread = m.max(speed) - m.min(speed)
    epsilon = _short(A, B, x, u, 1.0)
    if spread > 0:
        epsilon = m.minimum(epsilon, 4 * slope / (spread * spread))
    return u, share * epsilon, slope


def _descent(A: Any, B: Any, C: Any, x: Any, share: float, claimed: float) -> Sides:
    """Sides: loss after the step plus what it claims to gain, and the loss before."""
    u, epsilon, slope = _safe_step(A, B, C, x, share)
    before, after = (network.loss(network.logits(A, B, C, point)) for point in (x, x + epsilon * u))
    return Sides(after + claimed * epsilon * slope, before)


towards_target_small_steps = Universal(
    id="000.intuition-class-small-steps",
    title="small steps push the classification towards the target",
    text=r"$\mathrm{loss}_t(x') \leq \mathrm{loss}_t(x) - \frac{\epsilon}{2} \|\nabla_x"
    r" \mathrm{loss}_t(x)\|_1$, so $\mathrm{softmax}(N(x'))_t$ rises, for $\epsilon$ up to the nearest"
    r" kink and up to $4 \|\nabla_x \mathrm{loss}_t\|_1 / s^2$, $s$ the difference between the fastest and"
    " the slowest logit along the step",
    reading="for all networks and inputs with whole entries and no pre-activation at 0, and ε all or"
    " 1/1000 of what is allowed, at most 1. The loss is convex along the step between kinks, with second"
    " derivative at most s²/4.",
    source=printed("Solution 1.7"),
    corrects="000.intuition-class",
    repair="missing hypothesis",
    domain=_LINEAR,
    conclusion=lambda A, B, C, x, share: _descent(A, B, C, x, share, 0.5),
    made_false=lambda A, B, C, x, share: _descent(A, B, C, x, share, 1.05),
)

# --- with and without the (*) terms --------------------------------------------------------------------------

semantics = Universal(
    id="000.semantics",
    title="with N or with softmax ∘ N: the same attack",
    text=r"by eq. (6), the choice between $N$ and $(\mathrm{softmax} \circ N)$ is mostly a matter of "
    "semantics",
    reading="for all networks and inputs with whole entries and no pre-activation at 0: the attack that"
    " drops the (∗) terms moves every coordinate as the attack of eq. (6) does. Left side: the largest"
    " difference of the signs.",
    source=printed("Solution 1.7"),
    domain=Domain(**network.ranges(SMALL), where=_OFF_KINKS),
    conclusion=lambda A, B, C, x: Sides(m.max(m.abs(_ascent(A, B, C, x) - _ascent_target(A, B, C, x))), 0),
)


def _dominated(A: Any, B: Any, C: Any, x: Any) -> Any:
    """Coordinates where ∂_k N_t is farther from 0, on its side of 0, than every other ∂_k N_c."""
    F = network.gradients(A, B, C, x)
    signed = F * np.sign(F[_T])
    return (F[_T] != 0) & np.all(signed[_OTHERS] < signed[_T], axis=0)


semantics_dominated = Universal(
    id="000.semantics-dominated",
    title="with N or with softmax ∘ N: the same attack where the target's slope is the steepest",
    text=r"both attacks move coordinate $k$ alike where $s \partial_k N_t > s \partial_k N_c$ for all $c"
    r" \neq t$, $s = \mathrm{sign}(\partial_k N_t) \neq 0$",
    reading="for all networks and inputs with whole entries and no pre-activation at 0: over the"
    " coordinates with this property, the largest difference of the signs is 0. The two can be opposite"
    " elsewhere.",
    source=printed("Solution 1.7"),
    corrects="000.semantics",
    repair="missing hypothesis",
    domain=semantics.domain,
    conclusion=lambda A, B, C, x: Sides(
        m.max(m.abs((_ascent(A, B, C, x) - _ascent_target(A, B, C, x)) * _dominated(A, B, C, x))),
        0,
    ),
    made_false=lambda A, B, C, x: Sides(
        m.max(m.abs((_ascent(A, B, C, x) - _ascent_target(A, B, C, x)) * ~_dominated(A, B, C, x))),
        0,
    ),
)

dropped_target = Universal(
    id="000.dropped-target",
    title="without the (∗) terms the target's logit rises",
    text="the version using $N$ would just drop the (∗) terms; this version would only increase the logit"
    " for the target class …",
    reading="for all networks and inputs with whole entries and no pre-activation at 0, and ε = ¼, 1 or"
    " 4: x' = x + ε sign(∇N_t) has N(x')_t >= N(x)_t. Sides: the logit before and after.",
    source=printed("Solution 1.7"),
    domain=Domain(n=Integers(1, 3), epsilon=_STEPS, **_DATA, where=_OFF_KINKS),
    conclusion=lambda A, B, C, x, epsilon: Sides(
        network.logits(A, B, C, x)[_T],
        network.logits(A, B, C, x + epsilon * _ascent_target(A, B, C, x))[_T],
    ),
)


def _dropped_change(A: Any, B: Any, C: Any, x: Any, share: float) -> Any:
    """(N(x') − N(x))/ε for the attack without the (∗) terms."""
    u = _ascent_target(A, B, C, x)
    epsilon = _short(A, B, x, u, share)
    return _change(A, B, C, x, u, epsilon) / epsilon


dropped_target_small_steps = Universal(
    id="000.dropped-target-small-steps",
    title="without the (∗) terms small steps raise the target's logit",
    text=r"up to the nearest kink, $x' = x + \epsilon\,\mathrm{sign}(\nabla_x N_t)$ raises $N_t$ by"
    r" exactly $\epsilon \|\nabla_x N_t\|_1$",
    reading=f"{_SMALL_STEPS}; the difference of both sides, divided by ε, against rounding",
    source=printed("Solution 1.7"),
    corrects="000.dropped-target",
    repair="missing hypothesis",
    domain=_LINEAR,
    conclusion=lambda A, B, C, x, share: _lead_error(
        _dropped_change(A, B, C, x, share)[_T], m.sum(m.abs(network.gradients(A, B, C, x)[_T]))
    ),
    made_false=lambda A, B, C, x, share: _lead_error(
        1.05 * _dropped_change(A, B, C, x, share)[_T], m.sum(m.abs(network.gradients(A, B, C, x)[_T]))
    ),
)

dropped_others = Universal(
    id="000.dropped-others",
    title="without the (∗) terms the other logits do not fall",
    text="… but not decrease all others",
    reading=f"{_SMALL_STEPS}: x' = x + ε sign(∇N_t) has N(x')_c >= N(x)_c for every c ≠ t. Sides: 0 and"
    " the least change divided by ε.",
    source=printed("Solution 1.7"),
    domain=_LINEAR,
    conclusion=lambda A, B, C, x, share: Sides(0, m.min(_dropped_change(A, B, C, x, share)[_OTHERS])),
)


def _dropped_error(A: Any, B: Any, C: Any, x: Any, share: float, factor: float) -> Sides:
    F = network.gradients(A, B, C, x)
    expected = factor * (F @ m.sign(F[_T]))
    error = m.max(m.abs(_dropped_change(A, B, C, x, share) - expected))
    return Sides(error, 1e-9 * (1 + m.max(m.abs(expected))))


dropped_others_small_steps = Universal(
    id="000.dropped-others-small-steps",
    title="what the attack without the (∗) terms does to the other logits",
    text=r"up to the nearest kink, $x' = x + \epsilon\,\mathrm{sign}(\nabla_x N_t)$ changes $N_c$ by"
    r" exactly $\epsilon\,\mathrm{sign}(\nabla_x N_t) \cdot \nabla_x N_c$, up or down; it leaves the other"
    " logits where they are exactly where these products are 0",
    reading=f"{_SMALL_STEPS}; the largest difference over all classes, divided by ε, against rounding",
    source=printed("Solution 1.7"),
    corrects="000.dropped-others",
    repair="missing hypothesis",
    domain=_LINEAR,
    conclusion=lambda A, B, C, x, share: _dropped_error(A, B, C, x, share, 1.0),
    made_false=lambda A, B, C, x, share: _dropped_error(A, B, C, x, share, 1.05),
)

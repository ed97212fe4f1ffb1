"""Section 2.7: fast gradient sign applied to its own results."""

from __future__ import annotations

from typing import Any

from theorems import Domain, Integers, Matrix, OneOf, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.thesis.source import thesis
from theorems.statements.tools import label

ITERATED = thesis("Section 2.7")
_SMALL = Integers(-3, 3)

# --- two classes ------------------------------------------------------------------------------------

_CROSSED = 2.0**-10
"""A step ends beyond the boundary by this share of its length, as one of a bisection does."""
_LINEAR: dict[str, Any] = {
    "d": Integers(1, 3),
    "w": Vector("d", _SMALL),
    "b": _SMALL,
    "x": Vector("d", _SMALL),
    "rounds": Integers(2, 5),
}
_OFF: dict[str, Any] = {
    "w is not 0": lambda w: m.any(w != 0),
    "x is off the boundary": lambda w, b, x: m.sum(w * x) + b != 0,
}
_LINEAR_READING = (
    "for linear binary classifiers w·x + b with whole entries, w ≠ 0 and x off the boundary, each step being ε·sign "
    "of the loss's gradient with the smallest ε that reaches the boundary, and 2⁻¹⁰ of it more; "
)


def chain(w: Any, b: Any, x: Any, rounds: int) -> list[tuple[Any, Any]]:
    """X_1, …, X_n, and the length of each step in ℓ∞."""
    found = []
    for _ in range(rounds):
        score = m.sum(w * x) + b
        epsilon = (1 + _CROSSED) * m.abs(score) / m.norm(w, 1)
        x = x - epsilon * m.sign(score) * m.sign(w)
        found.append((x, epsilon))
    return found


def _projected(w: Any, b: Any, x: Any, p: float) -> Sides:
    """The length of the step to the boundary itself, and the distance |w·x + b|/‖w‖_q from it; p = 2 or ∞."""
    score = m.abs(m.sum(w * x) + b)
    step = score / m.norm(w, 1) * m.sign(w)
    return Sides(m.norm(step, p), score / m.norm(w, 2 if p == 2 else 1))


first_step = Universal(
    id="003.iterated-projection",
    title="the first perturbation projects onto the closest decision boundary",
    text="By the first adversarial perturbation the image is projected onto the decision boundary that is closest.",
    reading=_LINEAR_READING.split(", each step")[0]
    + ": the smallest ε·sign(w) that reaches the boundary is no longer in ℓ2 than the way to the nearest point of "
    "it, |w·x + b|/‖w‖₂",
    source=ITERATED,
    domain=Domain(**{name: one for name, one in _LINEAR.items() if name != "rounds"}, where=_OFF),
    conclusion=lambda w, b, x: _projected(w, b, x, 2),
)

first_step_corrected = Universal(
    id="003.iterated-projection.corrected",
    title="the first perturbation reaches the closest point of the boundary in the maximum norm",
    text="The first adversarial perturbation reaches the decision boundary of a linear classifier at a point that is "
    "closest in the maximum norm.",
    reading=first_step.reading.split(": the smallest")[0]
    + ": the smallest ε·sign(w) that reaches the boundary has the ℓ∞ length |w·x + b|/‖w‖₁",
    source=ITERATED,
    corrects="003.iterated-projection",
    repair="convention",
    domain=first_step.domain,
    conclusion=lambda w, b, x: _projected(w, b, x, m.inf),
)

shrinking = Universal(
    id="003.iterated-norms",
    title="perturbations after the first are small",
    text="After the first image the perturbations' norm diminishes dramatically: what follows need only shift the "
    "image slightly, back across the boundary into the original class.",
    reading=_LINEAR_READING
    + "for 2 to 5 rounds: every later step is at most 2⁻¹⁰ + 2⁻²⁰ times as long as the first. For networks this is "
    "told of one image",
    source=ITERATED,
    domain=Domain(**_LINEAR, where=_OFF),
    conclusion=lambda w, b, x, rounds: Sides(
        m.max(m.stack(epsilon for _, epsilon in chain(w, b, x, rounds)[1:])),
        (_CROSSED + _CROSSED * _CROSSED) * chain(w, b, x, 1)[0][1],
    ),
)


def _alternates(w: Any, b: Any, x: Any, rounds: int, shift: int) -> Sides:
    """The claim that the class of X_i is that of X_0 for even i − shift and the other one else."""
    start = m.sign(m.sum(w * x) + b)
    classes = [m.sign(m.sum(w * point) + b) for point, _ in chain(w, b, x, rounds)]
    return Sides.true(all(one == start * (-1) ** (i + shift) for i, one in enumerate(classes, 1)))


alternating = Universal(
    id="003.iterated-two-classes",
    title="with two classes the labels alternate",
    text="Hence the labels alternate between two classes: FGS `zig-zags` across the decision boundary of the same "
    "two classes, back and forth, if there are but two.",
    reading=_LINEAR_READING + "for 2 to 5 rounds: the class changes with every step",
    source=ITERATED,
    corrects="003.iterated-zig-zag",
    repair="missing hypothesis",
    domain=Domain(**_LINEAR, where=_OFF),
    conclusion=lambda w, b, x, rounds: _alternates(w, b, x, rounds, 0),
    made_false=lambda w, b, x, rounds: _alternates(w, b, x, rounds, 1),
)

# --- more classes -----------------------------------------------------------------------------------


def crossed(W: Any, b: Any, x: Any) -> tuple[Any, int]:
    """The point just beyond the first change of label along sign(∇ loss), and its label; x itself if there is none."""
    scores = W @ x + b
    y = label(scores)
    way = m.sign(m.softmax(scores) @ W - W[y])
    speeds = (W - W[y]) @ way
    reached = [(scores[y] - scores[j]) / speeds[j] for j in range(len(scores)) if j != y and speeds[j] > 0]
    if not reached:
        return x, y
    point = x + (1 + _CROSSED) * min(reached) * way
    return point, label(W @ point + b)


def _returns(W: Any, b: Any, x: Any) -> bool:
    """Whether the second step leads back to the first label, or there are not two steps to look at."""
    start = label(W @ x + b)
    point, first = crossed(W, b, x)
    if first == start:
        return True
    _, second = crossed(W, b, point)
    return second in (start, first)


zig_zag = Universal(
    id="003.iterated-zig-zag",
    title="the labels alternate between two classes",
    text="Hence the labels alternate between two classes: FGS `zig-zags` across the decision boundary of the same "
    "two classes, back and forth.",
    reading="for linear classifiers of three classes with whole entries and cross-entropy, each step going along the "
    "sign of the loss's gradient just beyond (by 2⁻¹⁰) where the label first changes: if the first step changes the "
    "label and the second changes it too, the second leads back to the first label",
    source=ITERATED,
    domain=Domain(
        d=Integers(1, 2),
        W=Matrix(3, "d", _SMALL),
        b=Vector(3, _SMALL),
        x=Vector("d", _SMALL),
        where={
            "one score is largest": lambda W, b, x: m.sum(m.where(W @ x + b == m.max(W @ x + b), 1, 0)) == 1
        },
    ),
    conclusion=lambda W, b, x: Sides.true(_returns(W, b, x)),
)

# --- what the bisection is for ----------------------------------------------------------------------

hard_positives = Universal(
    id="003.iterated-adversarial",
    title="every image of the sequence is an adversarial perturbation of the one before",
    text=r"The images $X_0, \ldots, X_n$ start with $X_0 = X$, and each $X_{i+1}$ is adversarially perturbed from "
    "$X_i$.",
    reading=_LINEAR_READING
    + "at the boundary itself, a step that ends there exactly, as the smallest ε does, has changed the class if the "
    "class of the boundary is the other one: for either class of the boundary, f(X_1) ≠ f(X_0) after a step of "
    "exactly the smallest ε",
    source=ITERATED,
    domain=Domain(
        **{name: one for name, one in _LINEAR.items() if name != "rounds"}, boundary=OneOf(1, -1), where=_OFF
    ),
    conclusion=lambda w, b, x, boundary: _changed_at(w, b, x, boundary, 0.0),
)

hard_positives_corrected = Universal(
    id="003.iterated-adversarial.corrected",
    title="every image of the sequence, a little beyond the boundary, is an adversarial perturbation of the one before",
    text=r"$X_{i+1}$ is an adversarial perturbation of $X_i$ if it lies beyond the decision boundary.",
    reading=_LINEAR_READING + "for either class of the boundary: f(X_1) ≠ f(X_0)",
    source=ITERATED,
    corrects="003.iterated-adversarial",
    repair="convention",
    domain=hard_positives.domain,
    conclusion=lambda w, b, x, boundary: _changed_at(w, b, x, boundary, _CROSSED),
    made_false=lambda w, b, x, boundary: _changed_at(w, b, x, boundary, -_CROSSED),
)


def _changed_at(w: Any, b: Any, x: Any, boundary: int, beyond: float) -> Sides:
    """The claim that the class has changed after a step of (1 + beyond) times the smallest ε: the score at its end.

    The score after it is −beyond·score, exactly.
    """
    score = m.sum(w * x) + b
    after = -beyond * score
    return Sides.true((m.sign(after) if after != 0 else boundary) != m.sign(score))

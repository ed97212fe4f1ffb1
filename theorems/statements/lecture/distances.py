"""Distances in the two-layer setting: inputs on the sphere √d·S^{d−1}, and what it takes to change a sign."""

from __future__ import annotations

from typing import Any

from theorems import Domain, Existence, Integers, Matrix, Reals, Sides, Sphere, Universal, Vector
from theorems import maths as m
from theorems.statements.lecture.source import lecture

TWO_LAYERS = lecture("Setting: Two-layer network")

INPUTS = Universal(
    id="001.distance.inputs",
    title="two inputs are at most 2√d apart",
    text=r"Assume $\mathbf{x}_i \in \sqrt{d}\mathbb{S}^{d-1}$; then every two inputs are at a distance of "
    r"at most $\mathcal{O}(\sqrt{d})$.",
    reading="for all d and x, x′ on the sphere of radius √d: ‖x − x′‖ <= 2√d; antipodes reach it, so the constant "
    "behind O is 2",
    source=TWO_LAYERS,
    domain=Domain(d=Integers(1, 6), x=Sphere("d"), other=Sphere("d")),
    conclusion=lambda d, x, other: Sides(m.norm(x - other), 2 * m.sqrt(d)),
)


def _levels(a: Any, W: Any, b: Any, level: Any, *points: Any) -> list[Any]:
    """Outputs at the points, of the network Σ a_j relu(w_j·x + b_j) lowered between those at the first two."""
    outputs = [a @ m.relu(W @ x + b) for x in points]
    # The shift by a constant is one more neuron: weight 0, offset 1.
    return [output - level * outputs[0] - (1 - level) * outputs[1] for output in outputs]


def _to_the_other_side(a: Any, W: Any, b: Any, level: Any, first: Any, second: Any, x: Any) -> Any:
    """From x straight to that of the two inputs on which the output has the other sign."""
    one, _, here = _levels(a, W, b, level, first, second, x)
    return (first if one * here < 0 else second) - x


def _flips(
    a: Any, W: Any, b: Any, level: Any, first: Any, second: Any, x: Any, d: Any, witness: Any
) -> Sides:
    """How long the perturbation is, if it turns the sign of the output; else a claim that is false."""
    *_, here, there = _levels(a, W, b, level, first, second, x, x + witness)
    return Sides(m.norm(witness), 2 * m.sqrt(d)) if here * there < 0 else Sides.true(False)


def _flips_nearer(
    a: Any, W: Any, b: Any, level: Any, first: Any, second: Any, x: Any, d: Any, witness: Any
) -> Sides:
    return Sides(_flips(a, W, b, level, first, second, x, d, witness).smaller, m.sqrt(d))


FLIP = Existence(
    id="001.distance.flip",
    title="a perturbation of size 2√d flips the sign of the output",
    text=r"A perturbation of size $\mathcal{O}(\sqrt{d})$ is enough to flip the input's sign (provided "
    r"$\exists i, j \text{ s.t. } f(\mathbf{x}_i) > 0$ and $f(\mathbf{x}_j) < 0$).",
    reading="the sign is that of the output, as the assumption shows. For every two-layer ReLU network, inputs "
    "with f(x_i) > 0 > f(x_j) and every input x with f(x) ≠ 0, all on √d·S^{d−1}, there is δ with ‖δ‖ <= 2√d and "
    "f(x)·f(x + δ) < 0: namely x_j − x or x_i − x. The two inputs are `first` and `second` in either order, and "
    "an offset neuron puts 0 between their outputs",
    source=TWO_LAYERS,
    domain=Domain(
        where={
            "the outputs at first and second are apart": lambda a, W, b, first, second: (
                abs(a @ m.relu(W @ first + b) - a @ m.relu(W @ second + b)) > 1e-3
            ),
            "f(x) is not 0": lambda a, W, b, level, first, second, x: (
                abs(_levels(a, W, b, level, first, second, x)[2]) > 1e-6
            ),
        },
        d=Integers(1, 2),
        k=Integers(1, 2),
        level=Reals(0.1, 0.9),
        a=Vector("k", Reals(-3, 3)),
        W=Matrix("k", "d", Reals(-3, 3)),
        b=Vector("k", Reals(-3, 3)),
        first=Sphere("d"),
        second=Sphere("d"),
        x=Sphere("d"),
    ),
    construction=_to_the_other_side,
    conclusion=_flips,
    made_false=_flips_nearer,
)

FLIP_INPUT = Universal(
    id="001.distance.flip.input",
    title="flipping the sign of the input takes a perturbation of size 2√d",
    text=FLIP.text,
    reading="to the letter, of the input: x + δ = −x exactly for δ = −2x, and ‖δ‖ = 2√d for every x on "
    "√d·S^{d−1}; true, with or without the assumption",
    source=TWO_LAYERS,
    domain=Domain(d=Integers(1, 6), x=Sphere("d")),
    conclusion=lambda d, x: Sides.equal(m.norm(-x - x), 2 * m.sqrt(d)),
    made_false=lambda d, x: Sides.equal(m.norm(-x - x), m.sqrt(d)),
)

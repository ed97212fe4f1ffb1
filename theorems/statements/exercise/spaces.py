"""Eq. (2): what goes into the network, what comes out, and which outputs are attained."""

from __future__ import annotations

from typing import Any

import numpy as np

from theorems import Domain, Existence, Integers, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.exercise import network
from theorems.statements.exercise.source import printed

_PADDING = "Explored with n in place of 10: a smaller network is the exercise's after padding with zeros."


def _least_activation(A: Any, B: Any, x: Any) -> Any:
    hidden = m.relu(A @ x)
    return m.min(m.concatenate([hidden, m.relu(B @ hidden)]))


signatures = Universal(
    id="000.eq-2",
    title="signature of the network, layer by layer",
    text=r"$l_A: \mathbb{R}^{10} \to \mathbb{R}^{10}$, $\mathrm{ReLU} \circ l_A: \mathbb{R}^{10} \to"
    r" (\mathbb{R}^{\geq 0})^{10}$, …, $l_C \circ \mathrm{ReLU} \circ l_B \circ \mathrm{ReLU} \circ l_A:"
    r" \mathbb{R}^{10} \to \mathbb{R}^3$; the domain of $N$ is $\mathbb{R}^{10}$, its codomain"
    r" $\mathbb{R}^3$",
    reading="for all A, B, C and every x: both hidden layers exist and have no negative entry, and N(x)"
    f" is three numbers. Codomain is a set that holds all outputs, attained or not. {_PADDING}",
    source=printed("eq. (2)"),
    domain=Domain(**network.ranges()),
    conclusion=lambda A, B, C, x: Sides(
        0 if len(network.logits(A, B, C, x)) == 3 else m.inf, _least_activation(A, B, x)
    ),
    made_false=lambda A, B, x: Sides(0, _least_activation(A, B, x), "<"),
)


def _forced_signs(C: Any, y: Any) -> Sides:
    """ReLU's outputs are not negative: where a row of C has no positive entry, neither has that logit."""
    bounded = [y[i] for i in range(len(y)) if m.max(C[i]) <= 0]
    return Sides(m.max(m.stack(bounded)) if bounded else -1, 0)


attained = Existence(
    id="000.problem-1.2-attained",
    title="every vector of ℝ³ is an output of the network",
    text=r"the space of possible outputs of $N$, for the given matrices $A$, $B$, $C$, is $\mathbb{R}^3$",
    reading="for all A, B, C and every y ∈ ℝ³ there is x with N(x) = y: the space of possible outputs is"
    f" the set of outputs that are attained. As a codomain ℝ³ is right, see 000.eq-2. {_PADDING}",
    source=printed("Problem 1.2"),
    domain=Domain(n=Integers(1, 3), **network.matrices(), y=Vector(network.CLASSES)),
    obstruction=lambda C, y: _forced_signs(C, y),
    exact=True,
)

cone = Universal(
    id="000.problem-1.2-cone",
    title="outputs lie in the cone of C's columns",
    text="every output $N(x)$ lies in the cone that the columns of $C$ span with coefficients $\\geq 0$",
    reading="for all A, B, C, x and every direction u: u·N(x) <= max(0, max_j (Cᵀu)_j) · ‖h‖₁, h the"
    " second hidden layer; so no output is on the far side of a hyperplane that has all columns of C on"
    " the other side",
    source=printed("Problem 1.2"),
    corrects="000.problem-1.2-attained",
    repair="convention",
    domain=Domain(**network.ranges(network.SMALL) | {"u": Vector(network.CLASSES, network.SMALL)}),
    conclusion=lambda A, B, C, x, u: Sides(
        u @ network.logits(A, B, C, x),
        m.maximum(0, m.max(u @ C)) * m.sum(m.relu(B @ m.relu(A @ x))),
    ),
)

homogeneous = Universal(
    id="000.problem-1.2-homogeneous",
    title="the attained outputs are a cone",
    text="the set of attained outputs is a cone: with $N(x)$ it contains $cN(x) = N(cx)$ for every $c \\geq 0$",
    reading="for all A, B, C, x, every c in 0, …, 9 and every logit i: N(cx)_i = cN(x)_i; so 0 is always"
    " an output",
    source=printed("Problem 1.2"),
    corrects="000.problem-1.2-attained",
    repair="convention",
    domain=Domain(**network.ranges(network.SMALL), c=Integers(0, 9), i=Integers(0, network.CLASSES - 1)),
    conclusion=lambda A, B, C, x, c, i: Sides.equal(
        network.logits(A, B, C, c * x)[i], c * network.logits(A, B, C, x)[i]
    ),
    made_false=lambda A, B, C, x, c, i: Sides.equal(
        network.logits(A, B, C, -c * x)[i], -c * network.logits(A, B, C, x)[i]
    ),
)

# Splits x into its positive and negative part, keeps them, and puts them together again: N(x) = (x_1, x_2, x_3).
_SPLIT = np.zeros((10, 10))
_SPLIT[:3, :3], _SPLIT[3:6, :3] = np.eye(3), -np.eye(3)
_KEEP = np.eye(10)
_JOIN = np.hstack([np.eye(3), -np.eye(3), np.zeros((3, 4))])


def onto(y: Any) -> Any:
    """N(y, 0, …, 0) of one fixed network of the exercise's size; it is y."""
    return network.logits(_SPLIT, _KEEP, _JOIN, m.concatenate([y, np.zeros(7)]))


onto_network = Existence(
    id="000.problem-1.2-onto",
    title="some networks attain every output",
    text=r"there are $A, B \in \mathbb{R}^{10 \times 10}$ and $C \in \mathbb{R}^{3 \times 10}$ for which"
    r" every $y \in \mathbb{R}^3$ is an output",
    reading="with A the split of x into positive and negative part, B = I and C = (I, −I, 0): N(y, 0, …,"
    " 0) = y for every y ∈ ℝ³. This needs columns of C whose cone is ℝ³.",
    source=printed("Problem 1.2"),
    corrects="000.problem-1.2-attained",
    repair="convention",
    domain=Domain(y=Vector(network.CLASSES)),
    construction=onto,
    conclusion=lambda witness, y: Sides(m.max(m.abs(witness - y)), 0),
    made_false=lambda witness, y: Sides(m.max(m.abs(witness - m.relu(y))), 0),
)

normalization = Existence(
    id="000.solution-1.2-normalization",
    title="outputs need not sum to 1",
    text=r"an arbitrary $y \in \mathbb{R}^3$ need not be normalized: there is $y$ with $\sum_{i=1}^3 y_i "
    r"\neq 1$",
    reading="for all A, B, C some output of N has Σ y_i ≠ 1: N(0) = 0 is one of every network, and its"
    " sum differs from 1 by 1",
    source=printed("Solution 1.2"),
    domain=Domain(n=Integers(1, 3), **network.matrices()),
    construction=lambda n, A, B, C: network.logits(A, B, C, np.zeros(n)),
    conclusion=lambda witness: Sides(1, m.abs(m.sum(witness) - 1)),
)

"""The exercise's network N(x) = C ReLU(B ReLU(Ax)): values, closed-form gradients, one-sided derivatives.

All functions are written in `theorems.maths`, so that they run on float64, on torch tensors and with 50 digits.
Shapes: A and B (n, n), C (classes, n), x and v (n,). The exercise has n = 10 and 3 classes; a smaller network is
one of these after padding with zeros, which changes neither N nor its gradients. The target t of an attack is
class 0 throughout: classes may be renamed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theorems import maths as m
from theorems.ranges import Integers, Matrix, Range, Reals, Vector

CLASSES = 3


def ranges(entries: Range | None = None, width: int = 3) -> dict[str, Any]:
    """The variables n, A, B, C, x of a statement about N, with n in place of 10 and entries in one range."""
    return {"n": Integers(1, width), **matrices(entries), "x": Vector("n", entries)}


def matrices(entries: Range | None = None) -> dict[str, Any]:
    """The variables A, B, C for a declared size n."""
    return {
        "A": Matrix("n", "n", entries),
        "B": Matrix("n", "n", entries),
        "C": Matrix(CLASSES, "n", entries),
    }


SMALL = Integers(-3, 3)
"""Whole entries: pre-activations are exact in float64, kinks are met often, and a reader can follow."""
UNIT = Reals(-1, 1)


def logits(A: Any, B: Any, C: Any, x: Any) -> Any:
    """N(x), one number a class."""
    return C @ m.relu(B @ m.relu(A @ x))


def gate(z: Any, at_zero: Any = 0.0) -> Any:
    """h(z): 1 above 0, 0 below, `at_zero` at 0, where the exercise leaves h undefined."""
    return m.where(z > 0, z * 0 + 1, m.where(z < 0, z * 0, z * 0 + at_zero))


def gradients(A: Any, B: Any, C: Any, x: Any, at_zero: Any = 0.0) -> Any:
    """F_1(x), …, F_C(x) as rows: C R(B ReLU(Ax)) B R(Ax) A with h(0) = `at_zero`; shape (classes, n)."""
    first = A @ x
    second = B @ m.relu(first)
    return (C * gate(second, at_zero)) @ ((B * gate(first, at_zero)) @ A)


def one_sided(z: Any, slope: Any) -> Any:
    """Derivative of ReLU at z from the side that `slope` points to, times slope."""
    return m.where(z > 0, slope, m.where(z < 0, slope * 0, m.relu(slope)))


def directional(A: Any, B: Any, C: Any, x: Any, v: Any) -> Any:
    """The one-sided derivative of N at x along v: the limit of (N(x + sv) − N(x))/s as s falls to 0.

    It exists everywhere, kinks included; N is differentiable at x exactly where it is linear in v.
    """
    first = A @ x
    hidden = one_sided(first, A @ v)
    second = B @ m.relu(first)
    return C @ one_sided(second, B @ hidden)


def off_kinks(A: Any, B: Any, x: Any, margin: float = 0.0) -> bool:
    """Whether every pre-activation is farther than `margin` from 0, or is 0 for all inputs around x."""
    first = A @ x
    second = B @ m.relu(first)
    steady = m.max(m.abs(A), axis=1) == 0
    reach = m.max(m.abs((B * gate(first)) @ A), axis=1) == 0
    return m.all((m.abs(first) > margin) | steady) and m.all((m.abs(second) > margin) | reach)


def step_to_kink(A: Any, B: Any, x: Any, u: Any) -> Any:
    """The largest step along u on which N stays linear, at least; 1 where no pre-activation moves towards 0."""
    first = A @ x
    slope = A @ u
    z = m.concatenate([first, B @ m.relu(first)])
    dz = m.concatenate([slope, B @ (gate(first) * slope)])
    falling = z * dz < 0
    if not m.any(falling):
        return 1.0
    return m.min(m.abs(z[falling] / dz[falling]))


TARGET = 0


def loss(y: Any) -> Any:
    """Cross-entropy of the logits y for the target: −y_t + log Σ e^{y_c}."""
    return m.logsumexp(y) - y[TARGET]


def loss_gradient(A: Any, B: Any, C: Any, x: Any) -> Any:
    """Eq. (7) with the closed form, −F_t + Σ softmax(N)_c F_c = Σ softmax(N)_c (F_c − F_t).

    The second form keeps its digits where the target has nearly all probability.
    """
    F = gradients(A, B, C, x)
    return m.softmax(logits(A, B, C, x)) @ (F - F[TARGET])


def largest(y: Any) -> list[int]:
    """Indices of the largest entries, ascending."""
    top = m.max(y)
    return [int(index) for index in np.flatnonzero(np.asarray(y == top))]

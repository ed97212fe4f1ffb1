"""Eq. (7), the derivative of ReLU(Ax), the closed form F_i(x), and automatic differentiation, kinks included."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import torch

from theorems import Domain, Integers, Matrix, OneOf, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.exercise import network
from theorems.statements.exercise.network import SMALL, UNIT
from theorems.statements.exercise.source import printed
from theorems.statements.exercise.spellings import RELUS, VERSION, derivative, tensor

_ONE_SIDED = (
    "The derivative along v is one-sided: it exists everywhere; N is differentiable where it is linear in v."
)
_OFF_KINKS = {
    "no pre-activation is 0, unless it is 0 all around x": lambda A, B, x: network.off_kinks(A, B, x)
}
_CLASS = Integers(0, network.CLASSES - 1)
_AT_ZERO = OneOf(0.0, 0.5, 1.0)
_AXES: dict[str, Any] = {"j": Integers(0, lambda values: values["n"] - 1), "side": OneOf(1, -1)}


def _quotient(A: Any, B: Any, C: Any, x: Any, v: Any) -> Any:
    """(loss(x + sv) − loss(x))/s for s = 10^{−20}, with 50 digits: the derivative up to about 10^{−18}."""
    with m.in_precision(50):
        A, B, C, x, v = (m.to_precise(np.asarray(array, dtype=float)) for array in (A, B, C, x, v))
        step = mpmath.mpf(10) ** -20
        ahead, here = (network.loss(network.logits(A, B, C, point)) for point in (x + step * v, x))
        return (ahead - here) / step


def _chain_rule(A: Any, B: Any, C: Any, x: Any, v: Any, normalize: bool = True) -> Any:
    """Eq. (7) along v: −D N_t + (1/Σ exp N_c) Σ exp(N_c) D N_c."""
    y, slopes = network.logits(A, B, C, x), network.directional(A, B, C, x, v)
    weights = m.exp(y - m.max(y))
    return -slopes[network.TARGET] + m.sum(weights * slopes) / (m.sum(weights) if normalize else 1)


chain_rule = Universal(
    id="000.eq-7",
    title="gradient of the loss through the gradients of the logits",
    text=r"$\nabla_x \left(-N(x)_t + \log\left(\sum_{c=1}^C \exp(N(x)_c)\right)\right) = -\nabla_x N(x)_t"
    r" + \frac{1}{\sum_{c=1}^C \exp(N(x)_c)} \cdot \sum_{c=1}^C \exp(N(x)_c) \nabla_x N(x)_c$",
    reading="for all networks and inputs with whole entries and every direction v, kinks included: the"
    " derivative of the loss along v, as a difference quotient with step 10⁻²⁰ and 50 digits, is the"
    f" right side along v. {_ONE_SIDED}",
    source=printed("eq. (7)"),
    domain=Domain(**network.ranges(SMALL), v=Vector("n", SMALL)),
    conclusion=lambda A, B, C, x, v: Sides(
        float(abs(_quotient(A, B, C, x, v) - _chain_rule(A, B, C, x, v))),
        1e-12 * (1 + m.sum(m.abs(network.directional(A, B, C, x, v)))),
    ),
    made_false=lambda A, B, C, x, v: Sides(
        float(abs(_quotient(A, B, C, x, v) - _chain_rule(A, B, C, x, v, normalize=False))),
        1e-12 * (1 + m.sum(m.abs(network.directional(A, B, C, x, v)))),
    ),
)


def _relu_jacobian(A: Any, x: Any, v: Any, at_zero: Any) -> Sides:
    """Largest entry of |D ReLU(Ax; v) − R(Ax)Av|."""
    z = A @ x
    true, formula = network.one_sided(z, A @ v), (network.gate(z, at_zero)[:, None] * A) @ v
    return Sides(m.max(m.abs(true - formula)), 0)


_LAYER: dict[str, Any] = {"n": Integers(1, 3)}
_LAYER_DATA: dict[str, Any] = {
    "A": network.matrices(SMALL)["A"],
    "x": Vector("n", SMALL),
    "v": Vector("n", SMALL),
}

relu_jacobian = Universal(
    id="000.solution-1.7-relu",
    title="derivative of ReLU(Ax)",
    text=r"$\nabla_x \mathrm{ReLU}(Ax) = R(Ax)\nabla_x Ax = R(Ax)A$, $R(y) = \mathrm{diag}(h(y))$, $h(y)_i"
    " = 1$ if $y_i > 0$ and $0$ if $y_i < 0$",
    reading="for all A, x and directions v, whatever h(0) is, which is left undefined: 0, ½ and 1 are"
    f" tried, the values that torch's spellings use. {_ONE_SIDED}",
    source=printed("Solution 1.7"),
    domain=Domain(**_LAYER, h0=_AT_ZERO, **_LAYER_DATA),
    conclusion=lambda A, x, v, h0: _relu_jacobian(A, x, v, h0),
)

relu_jacobian_off_kinks = Universal(
    id="000.solution-1.7-relu-off-kinks",
    title="derivative of ReLU(Ax) where no entry of Ax is 0",
    text=r"$\nabla_x \mathrm{ReLU}(Ax) = R(Ax)A$ where $(Ax)_i \neq 0$ for every row $A_{i,:} \neq 0$",
    reading=f"as 000.solution-1.7-relu, for x where an entry of Ax is 0 only if its row of A is. {_ONE_SIDED}",
    source=printed("Solution 1.7"),
    corrects="000.solution-1.7-relu",
    repair="missing hypothesis",
    domain=Domain(
        **_LAYER,
        h0=_AT_ZERO,
        **_LAYER_DATA,
        where={
            "(Ax)_i is 0 only where row i of A is": lambda A, x: bool(
                np.all((A @ x != 0) | (np.abs(A).max(1) == 0))
            )
        },
    ),
    conclusion=relu_jacobian.conclusion,
    made_false=lambda A, x, v: Sides(m.max(m.abs(network.one_sided(A @ x, A @ v) - A @ v)), 0),
)


def _closed_form(A: Any, B: Any, C: Any, x: Any, v: Any, h0: Any) -> Sides:
    """Largest entry of |D N(x; v) − F(x)v|."""
    return Sides(m.max(m.abs(network.directional(A, B, C, x, v) - network.gradients(A, B, C, x, h0) @ v)), 0)


def _axis(x: Any, j: int, side: int) -> Any:
    """The direction ±e_j."""
    return side * np.eye(len(x))[j]


def _without_gates(A: Any, B: Any, C: Any, x: Any, v: Any) -> Sides:
    """The closed form of a linear network, R = I: what the gates are for."""
    return Sides(m.max(m.abs(network.directional(A, B, C, x, v) - C @ (B @ (A @ v)))), 0)


closed_form = Universal(
    id="000.solution-1.7-closed-form",
    title="closed form F_i of the network's gradient",
    text=r"$\nabla_x N(x)_i = (C_{i,:} R(B\,\mathrm{ReLU}(Ax)) B R(Ax) A)^T =: F_i(x)$",
    reading="for all networks with whole entries, all x and all axes, whatever h(0) is (0, ½ or 1): every"
    " logit's one-sided derivative along ±e_j is ±F_i(x)_j, as it is where N is differentiable",
    source=printed("Solution 1.7"),
    domain=Domain(h0=_AT_ZERO, **network.ranges(SMALL), **_AXES),
    conclusion=lambda A, B, C, x, h0, j, side: _closed_form(A, B, C, x, _axis(x, j, side), h0),
)

_LINE: dict[str, Any] = {
    "n": Integers(1, 3),
    "i": _CLASS,
    "A": Matrix("n", 1, SMALL),
    "B": Matrix("n", "n", SMALL),
    "C": Matrix(network.CLASSES, "n", SMALL),
    "x": Vector(1, SMALL),
}
_FORWARD, _BACK = np.ones(1), -np.ones(1)


def _differentiable(A: Any, B: Any, C: Any, x: Any, i: int) -> bool:
    """On a line: the derivatives of N_i from the left and from the right agree."""
    ahead, behind = (network.directional(A, B, C[[i]], x, v) for v in (_FORWARD, _BACK))
    return m.all(ahead == -behind)


closed_form_where_differentiable = Universal(
    id="000.solution-1.7-closed-form-differentiable",
    title="closed form F_i wherever N has a gradient",
    text=r"$\nabla_x N(x)_i = F_i(x)$ wherever $N$ is differentiable",
    reading="the printed equation where its left side exists; for all networks of one input (the others"
    " are not connected) with whole entries, and h(0) = 0, ½ or 1. The counterexample is a kink of single"
    " units that is none of N.",
    source=printed("Solution 1.7"),
    domain=Domain(
        h0=_AT_ZERO,
        **_LINE,
        where={"N_i is differentiable at x": _differentiable},
    ),
    conclusion=lambda A, B, C, x, i, h0: _closed_form(A, B, C[[i]], x, _FORWARD, h0),
)

closed_form_off_kinks = Universal(
    id="000.solution-1.7-closed-form-off-kinks",
    title="closed form F_i where no pre-activation is 0",
    text=r"$\nabla_x N(x)_i = F_i(x)$ where no entry of $Ax$ and of $B\,\mathrm{ReLU}(Ax)$ is $0$, unless"
    " it is $0$ in a neighbourhood of $x$",
    reading="as 000.solution-1.7-closed-form, for such x. A unit may rest at 0: a zero row of A, or a"
    " second layer whose inputs are all dead.",
    source=printed("Solution 1.7"),
    corrects="000.solution-1.7-closed-form",
    repair="missing hypothesis",
    domain=Domain(h0=_AT_ZERO, **network.ranges(SMALL), **_AXES, where=_OFF_KINKS),
    conclusion=closed_form.conclusion,
    made_false=lambda A, B, C, x, j, side: _without_gates(A, B, C, x, _axis(x, j, side)),
)

closed_form_line = Universal(
    id="000.solution-1.7-closed-form-line",
    title="closed form F_i off the kinks of single units",
    text=r"$\nabla_x N(x)_i = F_i(x)$ where no entry of $Ax$ and of $B\,\mathrm{ReLU}(Ax)$ is $0$, unless"
    " it is $0$ in a neighbourhood of $x$",
    reading="as 000.solution-1.7-closed-form-differentiable, with kinks of single units left out too",
    source=printed("Solution 1.7"),
    corrects="000.solution-1.7-closed-form-differentiable",
    repair="missing hypothesis",
    domain=Domain(h0=_AT_ZERO, **_LINE, where=_OFF_KINKS),
    conclusion=closed_form_where_differentiable.conclusion,
    made_false=lambda A, B, C, x, i: _without_gates(A, B, C[[i]], x, _FORWARD),
)


AT_ZERO_TEXT = "; ".join(
    f"{words} for " + ", ".join(name for name, relu in RELUS.items() if relu.at_zero == number)
    for number, words in ((0.0, "0"), (0.5, "½"), (1.0, "1"))
)
"""The conventions of the spellings, in words."""

_EPS = 2.0**-52
_TINY = 1e-290
"""Products below this are denormal: their rounding is not relative."""


def _backward(spelling: str, A: Any, B: Any, C: Any, x: Any, i: int) -> Any:
    """The gradient of logit i by automatic differentiation, in float64."""
    relu = RELUS[spelling].function
    a, b, c = tensor(A), tensor(B), tensor(C)
    return derivative(lambda point: (c @ relu(b @ relu(a @ point)))[i], x).numpy()


def _distance(
    spelling: str, A: Any, B: Any, C: Any, x: Any, i: int, h0: float, roundings: float = 0.0, off: float = 1.0
) -> Sides:
    """Largest entry of |backward − off · F_i|, against so many spacings of what the products add up."""
    backward, formula = _backward(spelling, A, B, C, x, i), off * network.gradients(A, B, C, x, h0)[i]
    scale = float((np.abs(C[i]) @ (np.abs(B) @ np.abs(A))).max())
    return Sides(float(np.abs(backward - formula).max()), roundings * _EPS * max(scale, _TINY))


_SPELLINGS = OneOf(*RELUS)

backward_pass = Universal(
    id="000.solution-1.7-backward",
    title="a backward pass computes the closed form",
    text="backpropagating through the network down to the input computes $F_i(x)$, so that a toolkit such "
    "as PyTorch can be used",
    reading="for all networks and inputs with whole entries, kinks included, and every spelling of ReLU"
    " in torch, with h(0) = 0 as torch.relu has it: the gradient of N_i in float64 is F_i(x) exactly."
    f" {VERSION}",
    source=printed("Solution 1.7"),
    domain=Domain(**network.ranges(SMALL), i=_CLASS, spelling=_SPELLINGS),
    conclusion=lambda A, B, C, x, i, spelling: _distance(spelling, A, B, C, x, i, 0.0),
)

backward_pass_conventions = Universal(
    id="000.solution-1.7-backward-conventions",
    title="a backward pass computes the closed form with the spelling's own h(0)",
    text="a backward pass computes $F_i(x)$ everywhere, kinks included, with $h(0)$ equal to " + AT_ZERO_TEXT,
    reading="for all networks and inputs with whole entries, kinks included, and every spelling of ReLU:"
    f" the gradient of N_i in float64 is F_i(x) with that h(0), exactly. {VERSION}",
    source=printed("Solution 1.7"),
    corrects="000.solution-1.7-backward",
    repair="convention",
    domain=backward_pass.domain,
    conclusion=lambda A, B, C, x, i, spelling: _distance(spelling, A, B, C, x, i, RELUS[spelling].at_zero),
    made_false=lambda A, B, C, x, i, spelling: _distance(
        spelling, A, B, C, x, i, 1 - RELUS[spelling].at_zero
    ),
)

backward_pass_off_kinks = Universal(
    id="000.solution-1.7-backward-off-kinks",
    title="a backward pass computes the closed form where no pre-activation is near 0",
    text="a backward pass computes $F_i(x)$ up to rounding, in every spelling of ReLU, where no"
    " pre-activation is $0$",
    reading="for all networks and inputs with entries in [−1, 1] whose pre-activations are at least 10⁻⁹"
    " away from 0 (or 0 all around x): |backward − F_i| is at most 3n + 3 spacings of the products of"
    f" absolute values. {VERSION}",
    source=printed("Solution 1.7"),
    corrects="000.solution-1.7-backward",
    repair="missing hypothesis",
    domain=Domain(
        **network.ranges(UNIT),
        i=_CLASS,
        spelling=_SPELLINGS,
        where={
            "pre-activations are 10⁻⁹ away from 0, or 0 all around x": lambda A, B, x: network.off_kinks(
                A, B, x, 1e-9
            )
        },
    ),
    conclusion=lambda A, B, C, x, i, spelling: _distance(spelling, A, B, C, x, i, 0.0, 3 * len(B) + 3),
    made_false=lambda A, B, C, x, i, spelling: _distance(spelling, A, B, C, x, i, 0.0, 3 * len(B) + 3, 1.01),
)


def _loss_backward(A: Any, B: Any, C: Any, x: Any) -> Any:
    a, b, c = tensor(A), tensor(B), tensor(C)
    target = torch.tensor([network.TARGET])
    return derivative(
        lambda point: torch.nn.functional.cross_entropy((c @ (b @ (a @ point).relu()).relu())[None], target),
        x,
    ).numpy()


loss_backward = Universal(
    id="000.eq-7-backward",
    title="eq. (7) by a backward pass",
    text=r"the backward pass of the loss is $-F_t(x) + \frac{1}{\sum_{c=1}^C \exp(N(x)_c)} \sum_{c=1}^C"
    r" \exp(N(x)_c) F_c(x)$",
    reading="for all networks and inputs with whole entries, kinks included, with torch.relu (h(0) = 0)"
    " and torch.nn.functional.cross_entropy in float64: the distance of the two is at most 16 n²"
    f" roundings of the products of absolute values. {VERSION}",
    source=printed("eq. (7)"),
    domain=Domain(**network.ranges(SMALL)),
    conclusion=lambda A, B, C, x: Sides(
        float(np.abs(_loss_backward(A, B, C, x) - network.loss_gradient(A, B, C, x)).max()),
        16 * len(B) ** 2 * _EPS * float((np.abs(C) @ (np.abs(B) @ np.abs(A))).max()),
    ),
    made_false=lambda A, B, C, x: Sides(
        float(np.abs(_loss_backward(A, B, C, x) + network.loss_gradient(A, B, C, x)).max()),
        16 * len(B) ** 2 * _EPS * float((np.abs(C) @ (np.abs(B) @ np.abs(A))).max()),
    ),
)

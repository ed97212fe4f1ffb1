"""Eq. (5): the cross-entropy of the probabilities as a function of the logits, exactly and in floating point."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import torch

from theorems import Domain, Integers, OneOf, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.exercise.source import printed
from theorems.statements.exercise.spellings import DTYPES, LOSSES, VERSION, tensor

_CLASSES = Integers(2, 5)
_TARGET = Integers(0, lambda values: values["C"] - 1)
_FORMATS = OneOf("float64", "float32")
_SAFE = tuple(name for name, loss in LOSSES.items() if loss.safe)


def _domain(spellings: tuple[str, ...]) -> Domain:
    return Domain(
        C=_CLASSES,
        t=_TARGET,
        spelling=OneOf(*spellings),
        dtype=_FORMATS,
        z=Vector("C", Integers(-8000, 8000)),
    )


def _printed_sum(y: Any, t: int) -> Any:
    """−Σ_c [c = t] log softmax(y)_c, with the formula of eq. (1)."""
    weights = m.exp(y)
    Z = m.sum(weights)
    return -m.sum(m.stack([m.log(weights[c] / Z) if c == t else 0 * Z for c in range(len(y))]))


identity = Universal(
    id="000.eq-5",
    title="cross-entropy in the logits",
    text=r"$\mathrm{loss}_t(x) = -\sum_{c=1}^C [c = t] \log(\mathrm{softmax}(N(x))_c) = -N(x)_t + \log(Z)"
    r" = -N(x)_t + \log\left(\sum_{c=1}^C \exp(N(x)_c)\right)$",
    reading="for all C >= 2, logits y = N(x) and targets t, in exact arithmetic; explored for whole |y_c| <= 300",
    source=printed("eq. (5)"),
    domain=Domain(C=_CLASSES, t=_TARGET, y=Vector("C", Integers(-300, 300))),
    conclusion=lambda C, t, y: Sides.equal(300 + _printed_sum(y, t), 300 - y[t] + m.log(m.sum(m.exp(y)))),
    made_false=lambda C, t, y: Sides.equal(_printed_sum(y, t), m.max(y) - y[t]),
)


def _exact_loss(y: torch.Tensor, t: int) -> Any:
    """The loss of the logits as they are stored, with 50 digits."""
    with mpmath.workdps(50):
        values = [mpmath.mpf(value) for value in y.tolist()]
        top = max(values)
        return mpmath.log(mpmath.fsum(mpmath.exp(v - top) for v in values)) + top - values[t]


def _loss_error(spelling: str, dtype: str, t: int, z: Any, roundings: float) -> Sides:
    """|computed − exact| against so many spacings ε of the sizes that are added."""
    stored = tensor(z / 8, dtype)
    computed = float(LOSSES[spelling].function(stored, t))
    exact = _exact_loss(stored, t)
    allowed = roundings * torch.finfo(DTYPES[dtype]).eps * (1 + float(exact) + _magnitude(spelling, stored))
    return Sides(float(abs(computed - exact)) if math.isfinite(computed) else math.inf, allowed)


def _magnitude(spelling: str, y: torch.Tensor) -> float:
    """What is computed from logsumexp(y) itself is rounded at the size of the logits; log_softmax shifts them first."""
    return float(y.abs().max()) if spelling.startswith("logsumexp") else 0.0


in_floats = Universal(
    id="000.eq-5-float",
    title="every form of eq. (5) in floating point",
    text=r"$-\log(\mathrm{softmax}(N(x))_t) = -N(x)_t + \log\left(\sum_{c=1}^C \exp(N(x)_c)\right)$",
    reading="for all logits z/8, z whole (float64 and float32 hold them exactly), and every spelling in"
    " torch, the two sides of eq. (5) as printed among them: the computed loss is the exact one up to C +"
    f" 3 spacings of the sizes that are added. {VERSION}",
    source=printed("eq. (5)"),
    domain=_domain(tuple(LOSSES)),
    conclusion=lambda spelling, dtype, C, t, z: _loss_error(spelling, dtype, t, z, C + 3),
)

in_floats_shifted = Universal(
    id="000.eq-5-float-shifted",
    title="eq. (5) in floating point with the largest logit subtracted",
    text=r"$\mathrm{loss}_t = -N(x)_t + \max N(x) + \log\sum_{c=1}^C \exp(N(x)_c - \max N(x))$ in floating point",
    reading="as 000.eq-5-float for the spellings that subtract the largest logit before they"
    f" exponentiate: {', '.join(_SAFE)}. {VERSION}",
    source=printed("eq. (5)"),
    corrects="000.eq-5-float",
    repair="missing hypothesis",
    domain=_domain(_SAFE),
    conclusion=in_floats.conclusion,
)


def _gradient_error(spelling: str, dtype: str, t: int, z: Any) -> Sides:
    """Distance of automatic differentiation's gradient in the logits from p − e_t."""
    stored = tensor(z / 8, dtype).requires_grad_()
    (slope,) = torch.autograd.grad(LOSSES[spelling].function(stored, t), stored)
    exact = torch.softmax(stored.detach().double(), 0)
    exact[t] -= 1
    error = float((slope.double() - exact).abs().max())
    # The exponentials of shifted logits carry the shift's rounding; beyond 40 below the top they are nothing.
    spread = min(float(stored.max() - stored.min()), 40.0)
    allowed = (len(z) + 3 + spread + _magnitude(spelling, stored)) * torch.finfo(DTYPES[dtype]).eps
    return Sides(error if math.isfinite(error) else math.inf, allowed)


gradient_in_floats = Universal(
    id="000.eq-5-gradient-float",
    title="automatic differentiation of every form of eq. (5)",
    text=r"$\nabla_N \mathrm{loss}_t = \mathrm{softmax}(N) - e_t$: the gradient in the logits that the"
    " backward pass starts from",
    reading="for all logits z/8, z whole (float64 and float32 hold them exactly), and every spelling of"
    " the loss in torch: the gradient is a number and is right up to the roundings of the softmax (in the"
    f" spelling that returns logsumexp(y): at the size of y). {VERSION}",
    source=printed("eq. (5)"),
    domain=_domain(tuple(LOSSES)),
    conclusion=lambda spelling, dtype, t, z: _gradient_error(spelling, dtype, t, z),
    rounding=0.0,
)

gradient_in_floats_shifted = Universal(
    id="000.eq-5-gradient-float-shifted",
    title="automatic differentiation of eq. (5) with the largest logit subtracted",
    text=r"$\nabla_N \mathrm{loss}_t = \mathrm{softmax}(N) - e_t$ for losses that subtract $\max N$ first",
    reading=f"as 000.eq-5-gradient-float for the spellings {', '.join(_SAFE)}. {VERSION}",
    source=printed("eq. (5)"),
    corrects="000.eq-5-gradient-float",
    repair="missing hypothesis",
    domain=_domain(_SAFE),
    conclusion=gradient_in_floats.conclusion,
    rounding=0.0,
)

"""Eq. (4): the class by the largest probability and by the largest logit, exactly and in floating point."""

from __future__ import annotations

from typing import Any

import torch

from theorems import Domain, Integers, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.exercise import network
from theorems.statements.exercise.softmax import formula
from theorems.statements.exercise.source import printed
from theorems.statements.exercise.spellings import DTYPES, VERSION, tensor

_FORMATS = OneOf("float64", "float32")
_DISTINCT = "entries are equal or differ by at least 1e-9"


def _resolved(y: Any) -> bool:
    """Differences that the 50 digits of the exponentials show, and their float64 values too."""
    ordered = m.sort(y)
    gaps = ordered[1:] - ordered[:-1]
    return m.all((gaps == 0) | (gaps >= 1e-9))


_LOGITS = Domain(n=Integers(1, 5), y=Vector("n", Reals(-300, 300)), where={_DISTINCT: lambda y: _resolved(y)})


def _ratios(y: Any) -> Any:
    weights = m.exp(y)
    return weights / m.sum(weights)


same_class = Universal(
    id="000.eq-4",
    title="the largest probability and the largest logit are the same class",
    text=r"$\mathrm{argmax}_{c \in \{1, …, 3\}} (\mathrm{softmax} \circ N)(x)_c = \mathrm{argmax}_{c \in"
    r" \{1, …, 3\}} N(x)_c$",
    reading="for all n <= 5 and logits y the sets of largest entries of y and of softmax(y) are equal;"
    " exact arithmetic, explored for |y_i| <= 300",
    source=printed("eq. (4)"),
    domain=_LOGITS,
    conclusion=lambda y: Sides.true(network.largest(_ratios(y)) == network.largest(y)),
    made_false=lambda y: Sides.true(network.largest(_ratios(m.abs(y))) == network.largest(y)),
)

order = Universal(
    id="000.solution-1.5-order",
    title="the softmax keeps the order",
    text=r"$y_i \leq y_j \iff \frac{e^{y_i}}{Z} \leq \frac{e^{y_j}}{Z}$",
    reading="for all n <= 5, logits y and all pairs i, j; exact arithmetic, explored for |y_i| <= 300",
    source=printed("Solution 1.5"),
    domain=_LOGITS,
    conclusion=lambda y: Sides.true(
        m.all((y[:, None] <= y[None, :]) == (_ratios(y)[:, None] <= _ratios(y)[None, :]))
    ),
    made_false=lambda y: Sides.true(
        m.all((y[:, None] <= y[None, :]) == (_ratios(y)[:, None] < _ratios(y)[None, :]))
    ),
)

positive = Universal(
    id="000.solution-1.5-z",
    title="the normalizer is positive",
    text=r"$Z = \sum_{j=1}^n e^{y_j} > 0$ is fixed for a fixed vector $y$",
    reading="for all n >= 1 and y ∈ ℝⁿ, in exact arithmetic (in float64 Z is 0 where all y_j < −745, and"
    " ∞ where one is above 709)",
    source=printed("Solution 1.5"),
    domain=Domain(n=Integers(1, 5), y=Vector("n", Integers(-700, 700))),
    conclusion=lambda y: Sides(0, m.sum(m.exp(y)), "<"),
    made_false=lambda y: Sides(1, m.sum(m.exp(y)), "<"),
)

_DYADIC = Domain(dtype=_FORMATS, n=Integers(1, 5), z=Vector("n", Integers(-9, 9)), k=Integers(0, 60))


def _dyadic(dtype: str, z: Any, k: int) -> torch.Tensor:
    """The logits z·2^{−k}, exact in both formats."""
    return tensor(z * 2.0**-k, dtype)


same_class_float = Universal(
    id="000.eq-4-float",
    title="eq. (4) in floating point",
    text=r"$\mathrm{argmax}_c\, \mathrm{softmax}(N(x))_c = \mathrm{argmax}_c\, N(x)_c$: we can also just"
    " evaluate $N$",
    reading="for all logits y = z·2^{−k} with small whole z (float64 and float32 hold them exactly), as"
    " torch.argmax answers (the first of several largest): torch.softmax(y).argmax() = y.argmax()."
    f" {VERSION}",
    source=printed("eq. (4)"),
    domain=_DYADIC,
    conclusion=lambda dtype, z, k: Sides.true(
        int(torch.softmax(_dyadic(dtype, z, k), 0).argmax()) == int(_dyadic(dtype, z, k).argmax())
    ),
)

formula_float = Universal(
    id="000.eq-4-float-formula",
    title="eq. (4) with formula (1) in floating point",
    text=r"$\mathrm{argmax}_c\, e^{N(x)_c} / \sum_j e^{N(x)_j} = \mathrm{argmax}_c\, N(x)_c$",
    reading="as 000.eq-4-float for logits y = 1000z, z whole, which rounding does not bring together, with the softmax"
    f" evaluated by eq. (1) as printed. {VERSION}",
    source=printed("eq. (4)"),
    domain=Domain(dtype=_FORMATS, n=Integers(1, 5), z=Vector("n", Integers(-9, 9))),
    conclusion=lambda dtype, z: Sides.true(
        int(formula(tensor(1000 * z, dtype)).argmax()) == int(tensor(1000 * z, dtype).argmax())
    ),
)

shifted_float = Universal(
    id="000.eq-4-float-shifted",
    title="eq. (4) for whole logits in floating point",
    text=r"$\mathrm{argmax}_c\, \mathrm{softmax}(N(x))_c = \mathrm{argmax}_c\, N(x)_c$ for logits in"
    r" $1000\mathbb{Z}$, with the largest logit subtracted first",
    reading=f"as 000.eq-4-float-formula, with torch.softmax in place of eq. (1) as printed. {VERSION}",
    source=printed("eq. (4)"),
    corrects="000.eq-4-float-formula",
    repair="missing hypothesis",
    domain=formula_float.domain,
    conclusion=lambda dtype, z: Sides.true(
        int(torch.softmax(tensor(1000 * z, dtype), 0).argmax()) == int(tensor(1000 * z, dtype).argmax())
    ),
    made_false=formula_float.conclusion,
)

weak_float = Universal(
    id="000.eq-4-float-contained",
    title="in floating point the class of the logits has the largest probability",
    text=r"in floating point $\mathrm{argmax}_c N(x)_c \subseteq \mathrm{argmax}_c\,"
    r" \mathrm{softmax}(N(x))_c$ as sets: rounding makes new ties, and turns no order around",
    reading="for all logits y = z·2^{−k} with small whole z, in float64 and float32: where y is largest,"
    f" torch.softmax(y) is as large as anywhere. {VERSION}",
    source=printed("eq. (4)"),
    corrects="000.eq-4-float",
    repair="missing hypothesis",
    domain=same_class_float.domain,
    conclusion=lambda dtype, z, k: _at_top(torch.softmax(_dyadic(dtype, z, k), 0), _dyadic(dtype, z, k)),
    made_false=lambda dtype, z, k: _at_top(-torch.softmax(_dyadic(dtype, z, k), 0), _dyadic(dtype, z, k)),
)


def _at_top(p: torch.Tensor, y: torch.Tensor) -> Sides:
    return Sides(float(p.max()), float(p[y == y.max()].min()))


def _led(dtype: str, top: float, lead: int, drops: Any) -> torch.Tensor:
    """Logits whose first entry leads by `lead` spacings at 1 and by the drops."""
    gap = lead * torch.finfo(DTYPES[dtype]).eps
    first = tensor([top], dtype)
    return torch.cat([first, first - gap - tensor(drops, dtype)]).flip(0)


def _lead(dtype: str, top: float, lead: int, drops: Any) -> bool:
    y = _led(dtype, top, lead, drops)
    return float(y[-1] - y[:-1].max()) >= lead * torch.finfo(DTYPES[dtype]).eps


led_float = Universal(
    id="000.eq-4-float-lead",
    title="a lead of four spacings makes eq. (4) true in floating point",
    text=r"$\mathrm{argmax}_c\, \mathrm{softmax}(N(x))_c = \mathrm{argmax}_c\, N(x)_c$ in floating point"
    r" if the largest logit leads by at least $4\varepsilon$",
    reading="for all logits in float64 or float32 whose largest entry (here the last) leads by at least"
    " four times the spacing ε of numbers at 1, as torch.argmax answers. e^{−4ε} is 1 − 4ε up to one"
    f" rounding, and a quotient keeps numbers apart that differ by 2ε. {VERSION}",
    source=printed("eq. (4)"),
    corrects="000.eq-4-float",
    repair="missing hypothesis",
    domain=Domain(
        dtype=_FORMATS,
        n=Integers(1, 4),
        top=Reals(-1000, 1000),
        lead=OneOf(4),
        drops=Vector("n", Reals(0, 1000)),
        where={"the lead survives rounding": _lead},
    ),
    conclusion=lambda dtype, top, lead, drops: Sides.true(
        int(torch.softmax(_led(dtype, top, lead, drops), 0).argmax()) == len(drops)
    ),
    made_false=lambda dtype, drops: Sides.true(
        int(torch.softmax(_led(dtype, 0.0, 0, drops * 1e-17), 0).argmax()) == len(drops)
    ),
)

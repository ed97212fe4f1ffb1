"""Eq. (3): range and sum of the softmax, which probabilities are attained, exactly and in floating point."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from theorems import Domain, Existence, Integers, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.exercise.source import printed
from theorems.statements.exercise.spaces import onto
from theorems.statements.exercise.spellings import DTYPES, VERSION, tensor

_LOGITS = Domain(n=Integers(1, 5), y=Vector("n", Integers(-1000, 1000)))
_FORMATS = OneOf("float64", "float32")
_FLOATS = Domain(dtype=_FORMATS, n=Integers(1, 5), y=Vector("n"))
_WEIGHTS = Vector(3, Reals(1e-300, 1e300, log=True))


def formula(y: torch.Tensor) -> torch.Tensor:
    """Eq. (1) as printed, in floating point."""
    weights = torch.exp(y)
    return weights / weights.sum()


def shifted(y: torch.Tensor) -> torch.Tensor:
    """Eq. (1) with numerator and denominator divided by the exponential of the largest logit."""
    return formula(y - y.max())


def _total(p: torch.Tensor) -> float:
    """The sum of the computed probabilities, correctly rounded to float64."""
    return math.fsum(p.double().tolist())


codomain = Universal(
    id="000.eq-3-range",
    title="the softmax lies in [0, 1]^n",
    text=r"$\mathrm{softmax}(x): \mathbb{R}^n \to [0, 1]^n$",
    reading="for all n and y ∈ ℝⁿ every entry of softmax(y) is in [0, 1]: |softmax(y)_i − 1/2| <= 1/2;"
    " exact arithmetic, explored at whole logits",
    source=printed("eq. (3)"),
    domain=_LOGITS,
    conclusion=lambda y: Sides(m.max(m.abs(m.softmax(y) - 0.5)), 0.5),
)

total = Universal(
    id="000.eq-3-sum",
    title="the softmax sums to 1",
    text=r"$\sum_{i=1}^n \mathrm{softmax}(x)_i = 1$",
    reading="for all n and y ∈ ℝⁿ, in exact arithmetic; explored at whole logits",
    source=printed("eq. (3)"),
    domain=_LOGITS,
    conclusion=lambda y: Sides.equal(m.sum(m.softmax(y)), 1),
    made_false=lambda y: Sides.equal(m.max(m.softmax(y)), 1),
)

attained = Existence(
    id="000.problem-1.3-attained",
    title="every vector of [0, 1]³ is an output of softmax ∘ N",
    text=r"the space of possible outputs of $\mathrm{softmax} \circ N$ is $[0, 1]^3$",
    reading="for every p ∈ [0, 1]³ some logits have softmax p: the space of possible outputs is the set"
    " of outputs that are attained. Obstruction: Σ p_i = 1. As a codomain [0, 1]³ is right, see"
    " 000.eq-3-range.",
    source=printed("Problem 1.3"),
    domain=Domain(p=Vector(3, Reals(0, 1))),
    obstruction=lambda p: Sides.equal(m.sum(p), 1),
)


def _odds_against(y: Any) -> Any:
    """(1 − p_i)/p_i = Σ_{j ≠ i} e^{y_j − y_i} for each class i."""
    return m.stack([m.sum(m.exp(np.delete(y, i) - y[i])) for i in range(len(y))])


open_simplex = Universal(
    id="000.problem-1.3-open",
    title="no attained probability is 0 or 1",
    text=r"for $n \geq 2$ and every $y$: $0 < \mathrm{softmax}(y)_i < 1$; the ends of $[0, 1]$ are not attained",
    reading="for all n >= 2 and y ∈ ℝⁿ the odds against each class, Σ_{j ≠ i} e^{y_j − y_i}, are above 0"
    " and finite, so that p_i = 1/(1 + odds) is neither 1 nor 0; exact arithmetic, explored at whole"
    " |y_i| <= 300, where float64 does not underflow",
    source=printed("Problem 1.3"),
    corrects="000.problem-1.3-attained",
    repair="convention",
    domain=Domain(n=Integers(2, 5), y=Vector("n", Integers(-300, 300))),
    conclusion=lambda y: Sides(
        0, m.min(_odds_against(y)) if m.max(_odds_against(y)) < m.inf else -m.inf, "<"
    ),
    made_false=lambda y: Sides(1, m.min(_odds_against(y)), "<"),
)

simplex = Existence(
    id="000.problem-1.3-simplex",
    title="every vector of the open simplex is attained",
    text=r"every $p$ with $p_i > 0$ and $\sum_i p_i = 1$ is an output of $\mathrm{softmax} \circ N$, for"
    r" some $A, B \in \mathbb{R}^{10 \times 10}$, $C \in \mathbb{R}^{3 \times 10}$: $p ="
    r" \mathrm{softmax}(\log p)$",
    reading="for all weights w > 0 and p = w/Σw: the network of 000.problem-1.2-onto, which is N(y) = y,"
    " has softmax(N(log w)) = p; the sides are the largest relative error and the rounding of float64 at"
    " these sizes",
    source=printed("Problem 1.3"),
    corrects="000.problem-1.3-attained",
    repair="convention",
    domain=Domain(w=_WEIGHTS),
    construction=lambda w: m.softmax(onto(m.log(w))),
    conclusion=lambda witness, w: Sides(
        m.max(m.abs(witness * (m.sum(w / m.max(w)) / (w / m.max(w))) - 1)), 1e-12
    ),
    made_false=lambda witness, w: Sides(
        m.max(m.abs(witness * (m.sum(w / m.max(w)) / (w / m.max(w))) * 1.01 - 1)), 1e-12
    ),
)


def _is_distribution(p: torch.Tensor) -> bool:
    """NaN is in no interval."""
    return bool(((p >= 0) & (p <= 1)).all())


formula_float = Universal(
    id="000.eq-3-float",
    title="formula (1) in floating point stays in [0, 1]",
    text=r"$\mathrm{softmax}(x)_i = e^{x_i} / \sum_{j=1}^n e^{x_j} \in [0, 1]$",
    reading="for all y ∈ ℝⁿ, rounded to float64 or float32: eq. (1) evaluated as printed gives numbers in"
    f" [0, 1], not NaN. {VERSION}",
    source=printed("eq. (3)"),
    domain=Domain(dtype=_FORMATS, n=Integers(1, 5), y=Vector("n", Reals(-1000, 1000))),
    conclusion=lambda dtype, y: Sides.true(_is_distribution(formula(tensor(y, dtype)))),
)

shifted_float = Universal(
    id="000.eq-3-float-shifted",
    title="the shifted formula in floating point stays in [0, 1]",
    text=r"$\mathrm{softmax}(x)_i = e^{x_i - \max x} / \sum_{j=1}^n e^{x_j - \max x} \in [0, 1]$ in"
    " floating point",
    reading="for all y ∈ ℝⁿ, rounded to float64 or float32: eq. (1) with the largest logit subtracted,"
    f" and torch.softmax, give numbers in [0, 1], not NaN. {VERSION}",
    source=printed("eq. (3)"),
    corrects="000.eq-3-float",
    repair="missing hypothesis",
    domain=_FLOATS,
    conclusion=lambda dtype, y: Sides.true(
        _is_distribution(shifted(tensor(y, dtype))) and _is_distribution(torch.softmax(tensor(y, dtype), 0))
    ),
    made_false=lambda dtype, y: Sides.true(
        _is_distribution(formula(tensor(y, dtype) - tensor(y, dtype).min()))
    ),
)

total_float = Universal(
    id="000.eq-3-sum-float",
    title="computed probabilities sum to 1",
    text=r"$\sum_{i=1}^n \mathrm{softmax}(x)_i = 1$",
    reading="for all y ∈ ℝⁿ, rounded to float64 or float32: the numbers that torch.softmax returns add up"
    f" to exactly 1 (added without rounding). {VERSION}",
    source=printed("eq. (3)"),
    domain=Domain(dtype=_FORMATS, n=Integers(1, 5), y=Vector("n", Integers(-1000, 1000))),
    conclusion=lambda dtype, y: Sides(abs(_total(torch.softmax(tensor(y, dtype), 0)) - 1), 0),
)

total_rounded = Universal(
    id="000.eq-3-sum-rounded",
    title="computed probabilities sum to 1 up to n roundings",
    text=r"$\lvert \sum_{i=1}^n \mathrm{softmax}(x)_i - 1 \rvert \leq \frac{n + 1}{2} \varepsilon$ in"
    r" floating point, $\varepsilon$ the spacing of floating-point numbers at 1",
    reading="for all y ∈ ℝⁿ, rounded to float64 or float32: torch.softmax and the sum without rounding."
    " Errors of the exponentials cancel; what is left are n − 1 additions, one reciprocal or division,"
    f" and one product, of half a spacing each. {VERSION}",
    source=printed("eq. (3)"),
    corrects="000.eq-3-sum-float",
    repair="constant",
    domain=_FLOATS,
    rounding=0.0,
    conclusion=lambda dtype, n, y: Sides(
        abs(_total(torch.softmax(tensor(y, dtype), 0)) - 1), (n + 1) / 2 * torch.finfo(DTYPES[dtype]).eps
    ),
)


def _saturated(dtype: str, gap: int) -> Any:
    return torch.softmax(tensor([0.0, float(-gap), float(-gap)], dtype), 0)


ends_float = Existence(
    id="000.eq-3-ends-float",
    title="floating point attains the ends of [0, 1]",
    text=r"$\mathrm{softmax}(x): \mathbb{R}^n \to [0, 1]^n$, the ends 0 and 1 included",
    reading="for float64 and float32 and every gap of at least 746 between the largest logit and the"
    " others: torch.softmax(0, −gap, −gap) is (1, 0, 0) to the last bit. In exact arithmetic the ends are"
    f" not attained, see 000.problem-1.3-open. {VERSION}",
    source=printed("eq. (3)"),
    domain=Domain(dtype=_FORMATS, gap=Integers(746, 10**6, log=True)),
    construction=_saturated,
    conclusion=lambda witness: Sides.true(witness.tolist() == [1.0, 0.0, 0.0]),
    made_false=lambda witness: Sides.true(float(witness.min()) > 0),
)

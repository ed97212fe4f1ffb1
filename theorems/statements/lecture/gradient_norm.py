"""Proposition 4: is the gradient at initialisation bounded away from 0?

For ReLU the law is known at every width and dimension. Given that N of the k neurons are active, the products
a_j σ(u_j) of the active ones are independent standard normals, so that with ∇f = (T/√d) x/√d + g (see
`simulate.laws.exact`) T² + |g|² d is N/k times a χ² with d degrees of freedom:

    ‖∇f(x)‖² = (N/k) χ²_d/d,   N ~ Binomial(k, ½) independent of χ²_d
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from scipy import optimize, special

from simulate import activations, laws
from simulate.activations import NAMES, Activation
from simulate.experiments.grad_norm import GRAD_NORM, GradNorm
from theorems import (
    Domain,
    ExactLaw,
    ExactMeasure,
    Existence,
    HighProbability,
    Integers,
    Matrix,
    OneOf,
    Reals,
    SampledMeasure,
    Scaling,
    Sides,
    Sphere,
    Universal,
    Vector,
)
from theorems import maths as m
from theorems.statements.lecture.source import lecture

PROPOSITION_4 = lecture("Proposition 4")

_TEXT = (
    r"If $\sigma$ satisfies Assumption 1, then $\|\nabla f(\mathbf{x})\| = \Omega(1)$ with high probability."
)

# --- as printed -------------------------------------------------------------------------------------

_CONSTANT = Activation(
    "constant", activations.get("identity").derivative, activations.get("step").derivative, 0.0, 0.0
)
"""σ = 1: it satisfies Assumption 1 with any constants."""


def _mean_square(activation: str, d: int) -> float:
    return laws.gradient_second_moment(_CONSTANT if activation == "constant" else activation, d)


PRINTED = Universal(
    id="001.proposition-4",
    title="the gradient is bounded away from 0 for every activation of Assumption 1",
    text=_TEXT,
    reading="for all σ that satisfy Assumption 1: ‖∇f(x)‖ >= c with high probability for some c > 0, which "
    "implies E‖∇f(x)‖² > 0. The mean is exact, and the same at every width; σ is a named activation or a "
    "constant. The unit step fails too: it is differentiable almost everywhere, with derivative 0",
    source=PROPOSITION_4,
    domain=Domain(d=Integers(1, 1000, log=True), activation=OneOf("constant", *NAMES)),
    conclusion=lambda activation, d: Sides(0.0, _mean_square(activation, d), "<"),
)


def _norm(a: Any, W: Any, x: Any) -> Any:
    """‖∇f(x)‖ for ReLU."""
    active = m.where(W @ x > 0, 1.0, 0.0)
    return m.norm((a * active) @ W) / m.sqrt(len(a))


LETTER = Existence(
    id="001.proposition-4.letter",
    title="to the letter of Ω, Proposition 4 says nothing",
    text=_TEXT
    + r" With $\Omega$ as printed: there are $N$ and $C'$ such that $f(n) > C'|g(n)|$ for all $n > N$.",
    reading="C' may be negative: with C' = −1, ‖∇f(x)‖ > C' for every network, a dead one included. Networks of "
    "ReLU, drawn at will and not at random",
    source=PROPOSITION_4,
    domain=Domain(
        k=Integers(1, 4),
        d=Integers(1, 3),
        a=Vector("k", OneOf(1.0, -1.0)),
        W=Matrix("k", "d", Reals(-3, 3)),
        x=Sphere("d"),
    ),
    construction=lambda: -1.0,
    conclusion=lambda witness, a, W, x: Sides(witness, _norm(a, W, x), "<"),
    made_false=lambda witness, a, W, x: Sides(-witness, _norm(a, W, x), "<"),
)

EVERY_WIDTH = HighProbability(
    id="001.proposition-4.every-width",
    title="the gradient of a ReLU network vanishes with probability at most γ",
    text=_TEXT,
    reading="with probability at least 1 − γ, for all γ and all widths k, which the proposition does not "
    "restrict: P(∇f(x) = 0) = 2^{−k} for ReLU, exactly; γ = 10^{−digits}",
    source=PROPOSITION_4,
    domain=Domain(k=Integers(1, 1000, log=True), digits=Integers(1, 300)),
    law=ExactLaw(lambda k: -k * math.log(2)),
    allowed=lambda digits: -digits * math.log(10),
)

# --- with its conditions ----------------------------------------------------------------------------

_FLOOR = 0.125
"""c² of the corrected statement: a quarter of the limit E‖∇f‖² = ½."""
_HIDDEN = 5.0
"""k and d are at least this times log(2/γ)."""


def log_below(k: int, d: int, square: float) -> float:
    """Log P(‖∇f(x)‖² <= square) for ReLU."""
    n = np.arange(0, k + 1)
    log_weight = (
        special.gammaln(k + 1) - special.gammaln(n + 1) - special.gammaln(k - n + 1) - k * math.log(2)
    )
    with np.errstate(divide="ignore"):
        log_chi = np.where(
            n > 0, np.log(special.gammainc(d / 2, square * d * k / (2 * np.maximum(n, 1)))), 0.0
        )
    return float(special.logsumexp(log_weight + log_chi))


CORRECTED = HighProbability(
    id="001.proposition-4.every-width.corrected",
    title="the gradient of a ReLU network is at least √(1/8) if k and d are at least 5 log(2/γ)",
    text=r"For ReLU, $k \ge 5\log(2/\gamma)$ and $d \ge 5\log(2/\gamma)$: with probability at least $1-\gamma$, "
    r"$\|\nabla f(\mathbf{x})\| \ge \sqrt{1/8}$, half of its limit $\sqrt{\mathbb{E}\sigma'^2}$.",
    reading="exact law ‖∇f‖² = (N/k) χ²_d/d with N ~ Binomial(k, ½); k = ⌈5 factor log(2/γ)⌉, d = ⌈5 other "
    "log(2/γ)⌉ with factors >= 1, γ = e^{−x}",
    source=PROPOSITION_4,
    corrects="001.proposition-4.every-width",
    repair="missing hypothesis",
    domain=Domain(x=Reals(0.01, 60), factor=Reals(1, 20), other=Reals(1, 20)),
    law=ExactLaw(
        lambda x, factor, other: log_below(
            math.ceil(_HIDDEN * factor * (x + math.log(2))),
            math.ceil(_HIDDEN * other * (x + math.log(2))),
            _FLOOR,
        )
    ),
    allowed=lambda x: -x,
)


@cache
def _relu_quantile(n: int) -> float:
    """The 0.01-quantile of ‖∇f(x)‖ at k = d = n, for ReLU."""
    square = optimize.brentq(lambda s: log_below(n, n, s) - math.log(0.01), 1e-3, 1.0, xtol=1e-14)
    return math.sqrt(float(square))


RELU = Scaling(
    id="001.proposition-4.relu",
    title="with probability 0.99 the gradient of a ReLU network is Ω(1)",
    text=r"For ReLU, with probability at least $0.99$, $\|\nabla f(\mathbf{x})\| = \Omega(1)$ as $k = d$ grow.",
    reading="the 0.01-quantile of ‖∇f(x)‖ at k = d = n, exact; Ω with a constant above 0: at least half the limit "
    "√(1/2) at these sizes. The quantile grows towards the limit, so that the slope lies above 0",
    source=PROPOSITION_4,
    measure=ExactMeasure(_relu_quantile),
    sizes=(32, 64, 128, 256, 512, 1024),
    exponent=0.0,
    relation="Ω",
    constant=0.5 * math.sqrt(0.5),
)


def _sampled(activation: str, trials: int) -> SampledMeasure:
    return SampledMeasure(
        GRAD_NORM,
        lambda n: GradNorm(width=n, dim=n, activation=activation),
        "gradient_norm",
        statistic=0.01,
        trials=trials,
    )


TANH = Scaling(
    id="001.proposition-4.corrected",
    title="with probability 0.99 the gradient is Ω(1) if σ is not constant",
    text=r"Assume $\sigma$ satisfies Assumption 1 and $\mathbb{E}\sigma'(X)^2 > 0$. Then, with probability at "
    r"least $1-\gamma$ for $k$ and $d$ large, $\|\nabla f(\mathbf{x})\| \ge "
    r"\frac12\sqrt{\mathbb{E}\sigma'(X)^2}$; $\mathbb{E}\|\nabla f(\mathbf{x})\|^2 \to \mathbb{E}\sigma'(X)^2$.",
    reading="for tanh: the 0.01-quantile of ‖∇f(x)‖ at k = d = n, sampled; the quantile grows towards the limit "
    "0.681, so that the slope lies above 0. ReLU is decided exactly in 001.proposition-4.relu",
    source=PROPOSITION_4,
    corrects="001.proposition-4",
    repair="missing hypothesis",
    measure=_sampled("tanh", 8_000),
    sizes=(32, 64, 128, 256, 512),
    exponent=0.0,
    relation="Ω",
    constant=0.5 * math.sqrt(laws.derivative_second_moment("tanh")),
)

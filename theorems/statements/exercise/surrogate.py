"""Problem 3: the surrogates g and g* of the sup norm, their derivatives, and where they are the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from theorems import Domain, Entry, Existence, Integers, OneOf, Reals, Sides, Universal, Value, Vector
from theorems import maths as m
from theorems.statements.exercise.gradient import AT_ZERO_TEXT
from theorems.statements.exercise.network import gate
from theorems.statements.exercise.network import one_sided as relu_one_sided
from theorems.statements.exercise.source import printed
from theorems.statements.exercise.spellings import RELUS, VERSION, derivative
from theorems.statements.exercise.sup_norm import quotient

_N = Integers(1, 4)
_ETA = Vector("n", Integers(-4, 4))
_TAU = Integers(0, 3)
_EIGHTHS = OneOf(*(k / 8 for k in range(9)))
_AXES: dict[str, Any] = {"j": Integers(0, lambda values: values["n"] - 1), "side": OneOf(1, -1)}


def g(eta: Any, tau: Any) -> Any:
    """Σ max(η_i − τ, 0)."""
    return m.sum(m.relu(eta - tau))


def g_star(eta: Any, tau: Any) -> Any:
    """Σ max(|η_i| − τ, 0)."""
    return g(m.abs(eta), tau)


def excess(eta: Any, tau: Any) -> Any:
    """max(‖η‖_∞ − τ, 0)."""
    return m.relu(m.norm(eta, m.inf) - tau)


index = Universal(
    id="000.problem-3-index",
    title="index of the sum in g",
    text=r"$\eta$ is an $n$-vector, $g(\eta) = \sum_{i=0}^n \max(\eta_i - \tau, 0)$",
    reading="for all n: the sum has one term for each entry. The same index stands in g*.",
    source=printed("Problem 3"),
    domain=Domain(n=Integers(1, 10)),
    conclusion=lambda n: Sides.equal(len(range(0, n + 1)), n),
)

index_from_one = Universal(
    id="000.problem-3-index-from-1",
    title="index of the sum in g, from 1",
    text=r"$g(\eta) = \sum_{i=1}^n \max(\eta_i - \tau, 0)$",
    reading="for all n: the sum has one term for each entry",
    source=printed("Problem 3"),
    corrects="000.problem-3-index",
    repair="typo",
    domain=index.domain,
    conclusion=lambda n: Sides.equal(len(range(1, n + 1)), n),
    made_false=index.conclusion,
)


def _slope(eta: Any, tau: Any, j: int, side: int) -> Sides:
    """The derivative of g along ±e_j, and ± the printed one."""
    z = eta - tau
    return Sides.equal(m.sum(relu_one_sided(z, side * np.eye(len(z))[j])), side * (1 if eta[j] > tau else 0))


dg = Universal(
    id="000.solution-3-dg",
    title="derivative of the surrogate g",
    text=r"$\frac{\partial}{\partial \eta_i} g(\eta) = 1$ if $\eta_i > \tau$, $0$ else",
    reading="for all η and τ, and both sides ± of every axis j: the derivative of g along ±e_j is ± the"
    " printed one",
    source=printed("Solution 3"),
    domain=Domain(n=_N, eta=_ETA, tau=_TAU, **_AXES),
    conclusion=_slope,
)

dg_off_kinks = Universal(
    id="000.solution-3-dg-off-kinks",
    title="derivative of the surrogate g where no entry is τ",
    text=r"$\frac{\partial}{\partial \eta_i} g(\eta) = 1$ if $\eta_i > \tau$, $0$ if $\eta_i < \tau$; at"
    r" $\eta_i = \tau$ there is none",
    reading="as 000.solution-3-dg, for η with no entry equal to τ",
    source=printed("Solution 3"),
    corrects="000.solution-3-dg",
    repair="missing hypothesis",
    domain=Domain(
        n=_N, eta=_ETA, tau=_TAU, **_AXES, where={"no η_i is τ": lambda eta, tau: m.all(eta != tau)}
    ),
    conclusion=_slope,
    made_false=lambda eta, tau, j, side: Sides.equal(
        _slope(eta, tau, j, side).smaller, side * (1 if eta[j] < tau else 0)
    ),
)


def _backward(spelling: str, eta: Any, tau: int, at_kink: float) -> Sides:
    """Largest entry of |automatic derivative of g − (1 above τ, at_kink at τ, 0 below)|."""
    relu = RELUS[spelling].function
    slope = derivative(lambda point: relu(point - tau).sum(), eta).numpy()
    return Sides(float(np.abs(slope - gate(eta - tau, at_kink)).max()), 0)


_SPELLED = Domain(n=_N, spelling=OneOf(*RELUS), eta=_ETA, tau=_TAU)

dg_torch = Universal(
    id="000.solution-3-dg-torch",
    title="derivative of the surrogate g by automatic differentiation",
    text=r"$\frac{\partial}{\partial \eta_i} g(\eta) = 1$ if $\eta_i > \tau$, $0$ else, as PyTorch computes it",
    reading=f"for all η and τ, entries equal to τ included, and every spelling of max(·, 0) in torch. {VERSION}",
    source=printed("Solution 3"),
    domain=_SPELLED,
    conclusion=lambda spelling, eta, tau: _backward(spelling, eta, tau, 0.0),
)

dg_torch_conventions = Universal(
    id="000.solution-3-dg-torch-conventions",
    title="derivative of the surrogate g by automatic differentiation, spelling by spelling",
    text=r"$\frac{\partial}{\partial \eta_i} g(\eta) = 1$ if $\eta_i > \tau$, $0$ if $\eta_i < \tau$, and"
    f" at $\\eta_i = \\tau$ {AT_ZERO_TEXT}",
    reading=f"for all η and τ, and every spelling of max(·, 0) in torch. {VERSION}",
    source=printed("Solution 3"),
    corrects="000.solution-3-dg-torch",
    repair="convention",
    domain=_SPELLED,
    conclusion=lambda spelling, eta, tau: _backward(spelling, eta, tau, RELUS[spelling].at_zero),
    made_false=lambda spelling, eta, tau: _backward(spelling, eta, tau, 1 - RELUS[spelling].at_zero),
)


def _slope_entry(tau: str, i: int, number: str) -> Entry:
    return Entry(f"tau = {tau}, entry {i + 1}", number, lambda: quotient(g, i, tau=m.number(tau)))


_PRINTED = {"0.9": ("1.0", "1.0", "1.0", "1.0", "0", "0"), "2.0": ("0",) * 6}

dg_values = Value(
    id="000.solution-3-dg-values",
    title="the derivative of g at the given point",
    text=r"for $\eta = (1.00001, 1.0, 1.0, 1.0, 0.001, 0.001)^T$: $\frac{\partial}{\partial \eta}"
    r" g(\eta)_{\tau=0.9} = (1.0, 1.0, 1.0, 1.0, 0, 0)$ and $\frac{\partial}{\partial \eta}"
    r" g(\eta)_{\tau=2.0} = (0, 0, 0, 0, 0, 0)$",
    reading="difference quotients (g(η + se_i) − g(η))/s with s = 10⁻²⁰ and 50 digits",
    source=printed("Solution 3"),
    entries=tuple(
        _slope_entry(tau, i, number) for tau, numbers in _PRINTED.items() for i, number in enumerate(numbers)
    ),
)

# --- where the surrogates stand for the norm -----------------------------------------------------------------

positive = Universal(
    id="000.solution-3-g-positive",
    title="g works for positive entries",
    text=r"$g(\eta)$ works only where the entries of $\eta$ are expected to be positive",
    reading="first half: for all η >= 0 and τ >= 0, g(η) = 0 if and only if ‖η‖_∞ <= τ",
    source=printed("Solution 3"),
    domain=Domain(n=_N, eta=Vector("n", Integers(0, 4)), tau=_TAU),
    conclusion=lambda eta, tau: Sides.true((g(eta, tau) == 0) == bool(excess(eta, tau) == 0)),
    made_false=lambda eta, tau: Sides.true((g(-eta, tau) == 0) == bool(excess(-eta, tau) == 0)),
)

only_positive = Existence(
    id="000.solution-3-g-only-positive",
    title="g does not work for negative entries",
    text=r"$g(\eta)$ works only where the entries of $\eta$ are expected to be positive",
    reading="second half: for all n and τ >= 0 there is η with ‖η‖_∞ > τ, g(η) = 0 and derivative 0,"
    " where descent on g does nothing: η = (−τ − 1, …). Sides: τ, and ‖η‖_∞ if g is 0 around η",
    source=printed("Solution 3"),
    domain=Domain(n=_N, tau=Reals(0, 100)),
    construction=lambda n, tau: m.stack([-tau - 1] * n),
    conclusion=lambda witness, tau: Sides(
        tau, m.norm(witness, m.inf) if g(witness + 0.5, tau) == 0 else -1, "<"
    ),
    made_false=lambda witness, tau: Sides(
        tau, m.norm(witness, m.inf) if g_star(witness + 0.5, tau) == 0 else -1, "<"
    ),
)

closer = Universal(
    id="000.solution-3-g-star-closer",
    title="g* is closer to the norm than g",
    text=r"$g^*(\eta) = \sum_{i=0}^n \max(|\eta_i| - \tau, 0)$ would be a surrogate closer to the "
    r"$L_\infty$-norm",
    reading="closer in value, for all η and τ >= 0: |g* − (‖η‖_∞ − τ)⁺| <= |g − (‖η‖_∞ − τ)⁺|",
    source=printed("Solution 3"),
    domain=Domain(n=_N, eta=_ETA, tau=_TAU),
    conclusion=lambda eta, tau: Sides(
        m.abs(g_star(eta, tau) - excess(eta, tau)), m.abs(g(eta, tau) - excess(eta, tau))
    ),
)


def _sandwiched(eta: Any, tau: Any, value: Any) -> Sides:
    """(‖η‖_∞ − τ)⁺ <= value <= n(‖η‖_∞ − τ)⁺, as one inequality."""
    low = excess(eta, tau)
    return Sides(m.maximum(low - value, value - len(eta) * low), 0)


sandwich = Universal(
    id="000.solution-3-g-star-sandwich",
    title="g* between the norm and n times the norm",
    text=r"$(\|\eta\|_\infty - \tau)^+ \leq g^*(\eta) \leq n (\|\eta\|_\infty - \tau)^+$, so that $g^*$"
    r" vanishes exactly where $\|\eta\|_\infty \leq \tau$; $g$ has no such lower bound",
    reading="for all η and τ >= 0. Left side: the larger of the two violations",
    source=printed("Solution 3"),
    corrects="000.solution-3-g-star-closer",
    repair="convention",
    domain=Domain(n=_N, eta=_ETA, tau=_TAU),
    conclusion=lambda eta, tau: _sandwiched(eta, tau, g_star(eta, tau)),
    made_false=lambda eta, tau: _sandwiched(eta, tau, g(eta, tau)),
)

same_on_box = Universal(
    id="000.solution-3-same-on-box",
    title="g and g* are the same on [0, 1]^n",
    text=r"for optimization over $\eta \in [0, 1]^n$, however, it makes no difference",
    reading="for all η ∈ [0, 1]ⁿ, in eighths, and every τ: g(η) = g*(η)",
    source=printed("Solution 3"),
    domain=Domain(n=_N, eta=Vector("n", _EIGHTHS), tau=Reals(-1, 2)),
    conclusion=lambda eta, tau: Sides.equal(g(eta, tau), g_star(eta, tau)),
    made_false=lambda eta, tau: Sides.equal(g(-eta, tau), g_star(-eta, tau)),
)

same_under_constraint = Universal(
    id="000.solution-3-same-under-constraint",
    title="g and g* are the same under the constraint of the problem",
    text=r"find $\eta$, minimize $\|\eta\|_p + c \cdot \mathrm{obj}(x + \eta)$ such that $x + \eta \in [0,"
    " 1]^n$; for this it does not matter whether $g$ or $g^*$ is used",
    reading="for all x ∈ [0, 1]ⁿ, all η with x + η ∈ [0, 1]ⁿ and τ in [0, 1]: g(η) = g*(η). The text says"
    " η ∈ [0, 1]ⁿ, which the constraint of the problem does not give. x and x + η in eighths.",
    source=printed("Solution 3"),
    domain=Domain(
        n=_N,
        x=Vector("n", _EIGHTHS),
        moved=Vector("n", _EIGHTHS),
        tau=Reals(0, 1),
    ),
    conclusion=lambda x, moved, tau: Sides.equal(g(moved - x, tau), g_star(moved - x, tau)),
)

same_where = Universal(
    id="000.solution-3-same-where",
    title="where g and g* are the same",
    text=r"$g(\eta) = g^*(\eta)$ if and only if $\eta_i \geq -\tau$ for all $i$, for $\tau \geq 0$",
    reading="for all η and τ >= 0",
    source=printed("Solution 3"),
    corrects="000.solution-3-same-under-constraint",
    repair="missing hypothesis",
    domain=Domain(n=_N, eta=_ETA, tau=_TAU),
    conclusion=lambda eta, tau: Sides.true(bool(g(eta, tau) == g_star(eta, tau)) == m.all(eta >= -tau)),
    made_false=lambda eta, tau: Sides.true(bool(g(eta, tau) == g_star(eta, tau)) == m.all(eta >= 0)),
)

"""Problem 3: the derivative of h(η) = ‖η‖_∞, by hand and by automatic differentiation, ties included."""

from __future__ import annotations

from typing import Any

import numpy as np

from theorems import Domain, Entry, Integers, OneOf, Sides, Universal, Value, Vector
from theorems import maths as m
from theorems.statements.exercise.source import printed
from theorems.statements.exercise.spellings import ABSES, NORMS, VERSION, derivative, tensor

ETA = ("1.00001", "1.0", "1.0", "1.0", "0.001", "0.001")
"""The point at which the exercise instantiates its derivatives."""

_SMALL = Integers(-3, 3)
_AXES: dict[str, Any] = {"j": Integers(0, lambda values: values["n"] - 1), "side": OneOf(1, -1)}


def largest(eta: Any) -> Any:
    """Which entries have the largest absolute value."""
    size = m.abs(eta)
    return size == m.max(size)


def one_sided(eta: Any, v: Any) -> Any:
    """The one-sided derivative of ‖·‖_∞ at η along v."""
    among = largest(eta)
    return m.max(m.where(m.sign(eta) != 0, m.sign(eta) * v, m.abs(v))[among])


def _single(eta: Any) -> bool:
    return int(np.sum(largest(eta))) == 1


def _several(eta: Any) -> bool:
    return int(np.sum(largest(eta))) > 1


_SINGLE = {
    "one entry has the largest absolute value, and is not 0": lambda eta: _single(eta) and m.any(eta != 0)
}
_POINTS: dict[str, Any] = {"n": Integers(1, 4), "eta": Vector("n", _SMALL)}

dh = Universal(
    id="000.solution-3-dh",
    title="derivative of the sup norm",
    text=r"$\frac{\partial}{\partial \eta_i} h(\eta) = 1$ if $i \in \mathrm{argmax}_k(|\eta_k|)$, $0$"
    r" else, for $h(\eta) = \|\eta\|_\infty$",
    reading="for all η ≠ 0 with a single largest |η_k|, where h is differentiable, and both sides ± of"
    " every axis j: the derivative of h along ±e_j is ± the printed one",
    source=printed("Solution 3"),
    domain=Domain(**_POINTS, **_AXES, where=_SINGLE),
    conclusion=lambda eta, n, j, side: Sides.equal(
        one_sided(eta, side * np.eye(n)[j]), side * (1 if largest(eta)[j] else 0)
    ),
)

dh_signed = Universal(
    id="000.solution-3-dh-signed",
    title="derivative of the sup norm, with its sign",
    text=r"$\frac{\partial}{\partial \eta_i} h(\eta) = \mathrm{sign}(\eta_i)$ if $i$ is the only one in"
    r" $\mathrm{argmax}_k(|\eta_k|)$ and $\eta_i \neq 0$, $0$ for the other entries",
    reading="as 000.solution-3-dh",
    source=printed("Solution 3"),
    corrects="000.solution-3-dh",
    repair="missing hypothesis",
    domain=dh.domain,
    conclusion=lambda eta, n, j, side: Sides.equal(
        one_sided(eta, side * np.eye(n)[j]), side * (m.sign(eta[j]) if largest(eta)[j] else 0)
    ),
    made_false=lambda eta, n, j, side: Sides.equal(
        one_sided(eta, side * np.eye(n)[j]), side * m.sign(eta[j])
    ),
)

dh_ties = Universal(
    id="000.solution-3-dh-ties",
    title="several maxima: no derivative",
    text="several entries may be the maximum; mathematically, $h$ then has no derivative",
    reading="for all η with several largest |η_k|: along the axis of some of them the derivatives of h"
    " from the two sides differ by at least 1. (For n = 1 there is none at η = 0 either.)",
    source=printed("Solution 3"),
    domain=Domain(n=Integers(2, 4), eta=Vector("n", _SMALL), where={"several |η_k| are largest": _several}),
    conclusion=lambda eta, n: Sides(
        1, max(one_sided(eta, e) + one_sided(eta, -e) for e in np.eye(n)[largest(eta)])
    ),
    made_false=lambda eta, n: Sides(
        max(one_sided(eta, e) + one_sided(eta, -e) for e in np.eye(n)[largest(eta)]), 0
    ),
)


def quotient(function: Any, i: int, **options: Any) -> Any:
    """(f(η + se_i) − f(η))/s at the exercise's point, s = 10^{−20}."""
    eta = m.stack([m.number(entry) for entry in ETA])
    step = m.number("1e-20")
    moved = m.stack([entry + step if k == i else entry for k, entry in enumerate(eta)])
    return (function(moved, **options) - function(eta, **options)) / step


def _slope_entry(i: int) -> Entry:
    return Entry(f"entry {i + 1}", "1.0" if i == 0 else "0", lambda: quotient(m.norm, i, p=m.inf))


values = Value(
    id="000.solution-3-dh-values",
    title="the derivative of the sup norm at the given point",
    text=r"for $\eta = (1.00001, 1.0, 1.0, 1.0, 0.001, 0.001)^T$: $\frac{\partial}{\partial \eta} h(\eta)"
    " = (1.0, 0, 0, 0, 0, 0)$",
    reading="difference quotients (h(η + se_i) − h(η))/s with s = 10⁻²⁰ and 50 digits",
    source=printed("Solution 3"),
    entries=tuple(_slope_entry(i) for i in range(len(ETA))),
)


def _instantiated(spelling: str, dtype: str) -> Sides:
    """Largest entry of |automatic derivative − (1, 0, 0, 0, 0, 0)|."""
    slope = derivative(NORMS[spelling].function, np.array([float(entry) for entry in ETA]), dtype).double()
    return Sides(float((slope - tensor(np.eye(len(ETA))[0])).abs().max()), 0)


instantiated = Universal(
    id="000.solution-3-dh-torch",
    title="the derivative of the sup norm at the given point, in torch's formats",
    text=r"$\frac{\partial}{\partial \eta} h(\eta) = (1.0, 0, 0, 0, 0, 0)$ for $\eta = (1.00001, 1.0, 1.0,"
    " 1.0, 0.001, 0.001)^T$, by automatic differentiation",
    reading="for the formats float64, float32, bfloat16 and float16, and every spelling of the norm in"
    f" torch except cdist, which has no half precision. {VERSION}",
    source=printed("Solution 3"),
    domain=Domain(
        dtype=OneOf("float64", "float32", "bfloat16", "float16"),
        spelling=OneOf(*(name for name, norm in NORMS.items() if norm.share != "all")),
    ),
    conclusion=_instantiated,
)

instantiated_resolved = Universal(
    id="000.solution-3-dh-torch-resolved",
    title="the derivative of the sup norm at the given point, where the format tells 1.00001 from 1",
    text=r"$\frac{\partial}{\partial \eta} h(\eta) = (1.0, 0, 0, 0, 0, 0)$ by automatic differentiation in"
    " float64 and float32; in bfloat16 and float16 the first four entries are tied",
    reading=f"for float64 and float32, and every spelling of the norm in torch. {VERSION}",
    source=printed("Solution 3"),
    corrects="000.solution-3-dh-torch",
    repair="missing hypothesis",
    domain=Domain(dtype=OneOf("float64", "float32"), spelling=OneOf(*NORMS)),
    conclusion=_instantiated,
    made_false=lambda dtype, spelling: _instantiated(spelling, "float16" if dtype == "float32" else dtype),
)

# --- what automatic differentiation returns at ties ----------------------------------------------------------

_TIED = Domain(
    spelling=OneOf(*NORMS),
    n=Integers(2, 4),
    eta=Vector("n", _SMALL),
    where={"several |η_k| are largest": _several},
)


def _backward(spelling: str, eta: Any) -> Any:
    return derivative(NORMS[spelling].function, eta).numpy()


torch_ties = Universal(
    id="000.solution-3-torch-ties",
    title="at several maxima torch's derivative is 1 for all of them",
    text="engines for automatic differentiation, PyTorch for one, give the derivative 1 at all maxima",
    reading="for all η with several largest |η_k| and every spelling of the sup norm in torch: the"
    f" derivative is sign(η_k) at each of them. {VERSION}",
    source=printed("Solution 3"),
    domain=_TIED,
    conclusion=lambda spelling, eta: Sides(
        m.max(m.abs(_backward(spelling, eta) - m.sign(eta))[largest(eta)]), 0
    ),
)


def _shared(spelling: str, eta: Any) -> Sides:
    """Distance of the backward pass from what its share says."""
    slope, among, share = _backward(spelling, eta), largest(eta), NORMS[spelling].share
    signs, count = m.sign(eta) * among, int(np.sum(among))
    if share == "one":
        return Sides(min(np.abs(slope - signs * row).max() for row in np.eye(len(eta))[among]), 0)
    weights = among * 1.0
    if share == "equal":
        weights = weights / count
    if share == "sides":
        groups = [signs == side for side in (1, -1) if np.any(signs == side)]
        weights = (
            np.sum([group / (len(groups) * group.sum()) for group in groups], axis=0) if groups else weights
        )
    if share == "halves":
        weights[among] = [2.0 ** (max(j, 2) - 1 - count) if count > 1 else 1.0 for j in range(1, count + 1)]
    return Sides(float(np.abs(slope - signs * weights).max()), 1e-15)


_SHARES = {
    "equal": "$1/m$ each",
    "sides": r"$\frac{1}{2}$ for the positive ones together and $\frac{1}{2}$ for the negative ones",
    "one": "1 for a single one",
    "halves": r"$2^{1-m}, 2^{1-m}, 2^{2-m}, …, 1/2$",
    "all": "1 each",
}

torch_shares = Universal(
    id="000.solution-3-torch-shares",
    title="what torch gives to several maxima, spelling by spelling",
    text=r"of $m$ entries with the largest $|\eta_k|$, $\mathrm{sign}(\eta_k)$ times: "
    + "; ".join(
        f"{share}, for " + ", ".join(name for name, norm in NORMS.items() if norm.share == key)
        for key, share in _SHARES.items()
    )
    + r". At $\eta = 0$ all are 0",
    reading="for all η, with or without ties and 0 included, and every spelling of the sup norm in torch,"
    f" exactly up to the rounding of 1/m. Which one a single 1 goes to is not claimed. {VERSION}",
    source=printed("Solution 3"),
    corrects="000.solution-3-torch-ties",
    repair="false",
    domain=Domain(spelling=OneOf(*NORMS), n=Integers(1, 4), eta=Vector("n", _SMALL)),
    conclusion=_shared,
    made_false=torch_ties.conclusion,
)

torch_single = Universal(
    id="000.solution-3-torch-single",
    title="at a single maximum all spellings agree",
    text=r"where $h$ is differentiable, automatic differentiation gives $\mathrm{sign}(\eta_i)$ at the"
    r" largest $|\eta_i|$ and 0 elsewhere, in every spelling",
    reading=f"for all η ≠ 0 with a single largest |η_k|. {VERSION}",
    source=printed("Solution 3"),
    corrects="000.solution-3-torch-ties",
    repair="missing hypothesis",
    domain=Domain(spelling=OneOf(*NORMS), **_POINTS, where=_SINGLE),
    conclusion=lambda spelling, eta: Sides(
        m.max(m.abs(_backward(spelling, eta) - m.sign(eta) * largest(eta))), 0
    ),
    made_false=lambda spelling, eta: Sides(m.max(m.abs(_backward(spelling, eta) - largest(eta))), 0),
)

# --- one entry: the absolute value ----------------------------------------------------------------------------


def _absolute(spelling: str, x: float, at_zero: float) -> Sides:
    """Distance of the backward pass from sign(x), at 0 from `at_zero`; two NaN are the same."""
    slope = float(derivative(ABSES[spelling].function, x))
    expected = float(np.sign(x)) if x else at_zero
    same = slope == expected or (slope != slope and expected != expected)
    return Sides(0 if same else m.inf if slope != slope else abs(slope - expected), 0)


_ENTRY = Domain(spelling=OneOf(*ABSES), x=OneOf(0.0, 1.0, -1.0, 2.5, -2.5))

absolute = Universal(
    id="000.solution-3-dh-zero",
    title="torch's derivative of the sup norm at 0",
    text=r"$\frac{\partial}{\partial \eta_i} h(\eta) = 1$ if $i \in \mathrm{argmax}_k(|\eta_k|)$; engines "
    "for automatic differentiation, PyTorch for one, give the derivative 1 at all maxima",
    reading="for one entry, h(η) = |η|, where the only maximum is the kink η = 0 or has a sign: in every"
    f" spelling of |·| in torch the derivative is sign(η), and 1 at 0. {VERSION}",
    source=printed("Solution 3"),
    domain=_ENTRY,
    conclusion=lambda spelling, x: _absolute(spelling, x, 1.0),
)

absolute_conventions = Universal(
    id="000.solution-3-dh-zero-conventions",
    title="torch's derivative of the sup norm at 0, spelling by spelling",
    text=r"for $h(\eta) = |\eta|$ torch gives $\mathrm{sign}(\eta)$, and at 0: "
    + "; ".join(
        f"{words} for " + ", ".join(name for name, one in ABSES.items() if str(one.at_zero) == number)
        for number, words in (("0.0", "0"), ("1.0", "1"), ("-1.0", "−1"), ("nan", "NaN"))
    ),
    reading=f"for one entry and every spelling of |·| in torch. {VERSION}",
    source=printed("Solution 3"),
    corrects="000.solution-3-dh-zero",
    repair="false",
    domain=_ENTRY,
    conclusion=lambda spelling, x: _absolute(spelling, x, ABSES[spelling].at_zero),
    made_false=lambda spelling, x: _absolute(spelling, x, 1 - ABSES[spelling].at_zero),
)

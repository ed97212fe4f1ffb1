"""Section 2.5.3: the hot/cold feature vector, its direction, and how many perturbations a method generates."""

from __future__ import annotations

from typing import Any

from theorems import Domain, Integers, Matrix, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.thesis.source import thesis

_SMALL = Integers(-3, 3)
_HOT_COLD = thesis("(2.9)")
_COLD, _HOT = 0, 1
_FEATURES: dict[str, Any] = {
    "L": Integers(2, 3),
    "d": Integers(1, 2),
    "W": Matrix("L", "d", _SMALL),
    "x": Vector("d", _SMALL),
}
_FEATURE_READING = (
    "for linear features h = Wx with whole entries, cold and hot class two of them and the cold one largest: "
)


_COLD_AHEAD = {"the cold class is the label": lambda W, x: (W @ x)[_COLD] == m.max(W @ x)}


def omega(h: Any, absolute: bool) -> Any:
    """The feature vector ω of (2.9): |h| at the hot class, −h (or −|h|) at the cold one, 0 elsewhere."""
    cold = m.abs(h[_COLD]) if absolute else h[_COLD]
    return m.stack([-cold, m.abs(h[_HOT]), *(0 * one for one in h[2:])])


hot_cold_signs = Universal(
    id="003.equation-2.9",
    title="the feature vector points away from the cold class",
    text=r"The feature vector $\omega_{j}(x) = |h_L^{(j)}(x)|$ if $j = c'$, $-h_L^{(j)}(x)$ if $j = c$, $0$ "
    "otherwise, defines a direction towards the target class $c'$ and away from the original class $c$.",
    reading="for all features h with whole entries, that of the cold class largest: ω_{c'} >= 0, towards the hot "
    "class, and ω_c <= 0, away from the cold one; a cold class can have a negative feature. Left side: the larger of "
    "ω_c and −ω_{c'}",
    source=_HOT_COLD,
    domain=Domain(
        L=Integers(2, 4),
        h=Vector("L", Integers(-9, 9)),
        where={"the cold class is the label": lambda h: h[_COLD] == m.max(h)},
    ),
    conclusion=lambda h: _away(h, False),
)

hot_cold_signs_corrected = Universal(
    id="003.equation-2.9.corrected",
    title="the feature vector points away from the cold class, with both absolute values",
    text=r"$\omega_{j}(x) = |h_L^{(j)}(x)|$ if $j = c'$, $-|h_L^{(j)}(x)|$ if $j = c$, $0$ otherwise.",
    reading="for all features h with whole entries: as before",
    source=_HOT_COLD,
    corrects="003.equation-2.9",
    repair="typo",
    domain=hot_cold_signs.domain,
    conclusion=lambda h: _away(h, True),
    made_false=lambda h: _away(h, False),
)


def _away(h: Any, absolute: bool) -> Sides:
    found = omega(h, absolute)
    return Sides(m.maximum(found[_COLD], -found[_HOT]), 0)


def _moves(W: Any, x: Any) -> tuple[Any, Any]:
    """Slopes of all features along Wᵀω, ω with both absolute values; and ω."""
    weights = omega(W @ x, True)
    return W @ (m.transpose(W) @ weights), weights


hot_cold = Universal(
    id="003.hot-cold-direction",
    title="the hot/cold direction raises the hot feature and lowers the cold one",
    text=r"$\omega_{j}(x) = |h_L^{(j)}(x)|$ if $j = c'$, $-h_L^{(j)}(x)$ if $j = c$, $0$ otherwise. Backpropagation "
    r"of $\omega$ estimates the change of the input that leads towards the hot class and away from the cold one.",
    reading=_FEATURE_READING
    + "with −|h_c| in ω (003.equation-2.9.corrected), along Wᵀω the slope of the hot feature is not negative, and "
    "that of the cold one not positive. Left side: the larger of the cold slope and minus the hot one",
    source=_HOT_COLD,
    domain=Domain(**_FEATURES, where=_COLD_AHEAD),
    conclusion=lambda W, x: Sides(m.maximum(_moves(W, x)[0][_COLD], -_moves(W, x)[0][_HOT]), 0),
)

hot_cold_corrected = Universal(
    id="003.hot-cold-direction.corrected",
    title="the hot/cold direction raises the hot feature against the cold one",
    text=r"Along it $|h_{c'}| h_{c'} - |h_c| h_c$, its factors held fixed, rises: at least one of the two features "
    r"moves as is "
    "wanted.",
    reading=_FEATURE_READING + "the slope of ω·h along Wᵀω is ‖Wᵀω‖₂²",
    source=_HOT_COLD,
    corrects="003.hot-cold-direction",
    repair="false",
    domain=Domain(**_FEATURES, where=_COLD_AHEAD),
    conclusion=lambda W, x: Sides.equal(
        m.sum(_moves(W, x)[0] * _moves(W, x)[1]), _squared(m.transpose(W) @ _moves(W, x)[1])
    ),
)


def _squared(v: Any) -> Any:
    return m.sum(v * v)


_TARGETS = Domain(
    x=Integers(-4, 4),
    first=Integers(lambda v: 5 - v["x"], lambda v: 12 - v["x"]),
    second=Integers(lambda v: -12 - v["x"], lambda v: -5 - v["x"]),
)
"""On a line with class 0 between −4 and 4, class 1 to the right and class 2 to the left: steps to the two others."""

one_perturbation = Universal(
    id="003.lbfgs-one-perturbation",
    title="L-BFGS can only generate one perturbation",
    text="Hot/cold has the advantage of several perturbations for one and the same input; L-BFGS, FGS and FGV "
    "generate but one for every input.",
    reading="of L-BFGS, which aims at a class c of one's choice: on a line with three classes, perturbations r and "
    "r' to the two other classes are the same. Left side: ‖r − r'‖₂",
    source=thesis("Section 2.5.3"),
    domain=_TARGETS,
    conclusion=lambda first, second: Sides(abs(first - second), 0),
)

one_perturbation_corrected = Universal(
    id="003.lbfgs-one-perturbation.corrected",
    title="L-BFGS generates a perturbation for every other class",
    text="FGS and FGV generate one perturbation for every input and ε; L-BFGS one for every class that can be reached.",
    reading="as before: perturbations to different classes differ. Both sides of ‖r − r'‖₂ > 0",
    source=thesis("Section 2.5.3"),
    corrects="003.lbfgs-one-perturbation",
    repair="false",
    domain=_TARGETS,
    conclusion=lambda first, second: Sides(0, abs(first - second), "<"),
    made_false=lambda first, second: Sides(11, abs(first - second), "<"),
)

not_minimal_hot_cold = Universal(
    id="003.hot-cold-not-minimal",
    title="hot/cold perturbations are not minimal",
    text="Perturbations by hot/cold are not minimal.",
    reading="for two linear features with whole entries, cold ahead of hot, along Wᵀω with both absolute values: "
    "where it reaches h_c = h_{c'} the ℓ2 length is larger than the distance (h_c − h_{c'})/‖w_c − w_{c'}‖₂. "
    "Multiplied out, with both sides divided by h_c − h_{c'}",
    source=thesis("Section 2.5.3"),
    domain=Domain(
        d=Integers(1, 3),
        W=Matrix(2, "d", _SMALL),
        x=Vector("d", _SMALL),
        where={
            "the cold class is ahead": lambda W, x: m.sum((W[0] - W[1]) * x) > 0,
            "the direction leads to the hot one": lambda W, x: _speed(W, x) > 0,
        },
    ),
    conclusion=lambda W, x: Sides(
        _speed(W, x), m.norm(W[1] - W[0]) * m.norm(m.transpose(W) @ omega(W @ x, True)), "<"
    ),
)


def _speed(W: Any, x: Any) -> Any:
    """(w_{c'} − w_c)·Wᵀω: how fast the hot feature gains on the cold one."""
    return m.sum((W[1] - W[0]) * (m.transpose(W) @ omega(W @ x, True)))


not_minimal_hot_cold_corrected = Universal(
    id="003.hot-cold-not-minimal.corrected",
    title="hot/cold perturbations need not be minimal",
    text="The resulting perturbations are at least as long as the minimal ones.",
    reading="as before, with <= for <: an equality where Wᵀω is parallel to w_{c'} − w_c, as it is for one input",
    source=thesis("Section 2.5.3"),
    corrects="003.hot-cold-not-minimal",
    repair="convention",
    domain=not_minimal_hot_cold.domain,
    conclusion=lambda W, x: Sides(
        _speed(W, x), m.norm(W[1] - W[0]) * m.norm(m.transpose(W) @ omega(W @ x, True))
    ),
)

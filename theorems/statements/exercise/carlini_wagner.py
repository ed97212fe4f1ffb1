"""Problem 2: the objective of Carlini and Wagner, its counterexample, and each repair for two and for n classes.

The probabilities p = softmax(N(x')) are p = w/Σw for whole weights w >= 1: every rational point of the open simplex,
and every one of these is attained (000.problem-1.3-simplex).
"""

from __future__ import annotations

from typing import Any

from theorems import Domain, Entry, Integers, OneOf, Sides, Universal, Value, Vector
from theorems import maths as m
from theorems.statements.exercise import network
from theorems.statements.exercise.source import printed

_ROUNDING = 1e-12
"""Values of an objective below this are 0; with whole weights up to 12 none is as near to 0 without being 0."""
_FIRST = "Of several largest entries argmax takes the first, as torch and numpy do."
_AMONG = "The target is class 0, and ties are its: f(x') = t says that p_t is among the largest."
_ALONE = "The target is class 0, and no other probability equals its."
_WEIGHTS = Vector("C", Integers(1, 12))
_TWO = Domain(C=Integers(2, 2), w=_WEIGHTS)
_MANY = Domain(C=Integers(2, 10), w=_WEIGHTS)


def _untied(classes: Integers) -> Domain:
    return Domain(C=classes, w=_WEIGHTS, where={"no tie with the target": lambda w: m.all(w[1:] != w[0])})


def _minus_log(w: Any, t: int = 0) -> Any:
    """The loss −log p_t."""
    return m.log(m.sum(w)) - m.log(w[t])


def obj_1(w: Any, t: int = 0) -> Any:
    """−loss_t + 1, as printed in eq. (8)."""
    return 1 - _minus_log(w, t)


def obj_star(w: Any, t: int = 0) -> Any:
    """The first repair, loss_t − 1."""
    return _minus_log(w, t) - 1


def obj_star_star(w: Any, t: int = 0) -> Any:
    """The second repair, −log_C p_t − 1."""
    return _minus_log(w, t) / m.log(m.to_number(len(w))) - 1


def obj_half(w: Any, t: int = 0) -> Any:
    """−log_2 p_t − 1, whatever the number of classes."""
    return _minus_log(w, t) / m.log(m.to_number(2)) - 1


def _met(objective: Any) -> bool:
    """Objective <= 0."""
    return bool(objective <= _ROUNDING)


def _among(w: Any) -> bool:
    """Whether the target is among the largest."""
    return 0 in network.largest(w)


eq_8 = Universal(
    id="000.eq-8",
    title="the objective of Carlini and Wagner as printed",
    text=r"$f(x + \eta) = t$ if and only if $\mathrm{obj}^t(x + \eta) \leq 0$, with $\mathrm{obj}_1^t(x')"
    r" = -\mathrm{loss}_t(x') + 1$",
    reading=f"for all C >= 2 and probabilities p. {_ALONE}",
    source=printed("eq. (8)"),
    domain=_untied(Integers(2, 10)),
    conclusion=lambda w: Sides.true(_among(w) == _met(obj_1(w))),
)

eq_8_values = Value(
    id="000.solution-2.1-values",
    title="values of the counterexample to eq. (8)",
    text=r"with $\mathrm{softmax}(N(x')) = (0.7, 0.3)$ and $t = 0$, $\mathrm{obj}_1^{t=0}(x')$ evaluates"
    " to 0.64, and for $t = 1$ to -0.20, but $f(x') = 0$",
    reading="natural logarithm; classes from 0, f the class of the largest probability",
    source=printed("Solution 2.1"),
    entries=(
        Entry("obj for t = 0", "0.64", lambda: 1 + m.log(m.number("0.7"))),
        Entry("obj for t = 1", "-0.20", lambda: 1 + m.log(m.number("0.3"))),
        Entry("f(x')", lambda: 0, lambda: network.largest(m.stack([m.number("0.7"), m.number("0.3")]))[0]),
    ),
)

definitions = Universal(
    id="000.solution-2.2-definitions",
    title="the two repaired objectives, in the loss and in the probability",
    text=r"$\mathrm{obj}_{1*}^t = \mathrm{loss}_t - 1 = -\log(\mathrm{softmax}(N(x'))_t) - 1$ and"
    r" $\mathrm{obj}_{1**}^t = -\frac{1}{\log(C)} \log(\mathrm{softmax}(N(x'))_t) - 1 ="
    r" -\log_C(\mathrm{softmax}(N(x'))_t) - 1$",
    reading="for all C >= 2 (log_1 is not defined) and all probabilities: C to the power −obj** − 1 is"
    " p_t, and e to the power −obj* − 1 too",
    source=printed("Solution 2.2"),
    domain=_MANY,
    conclusion=lambda w, C: Sides(
        m.maximum(
            m.abs(m.power(m.to_number(C), -obj_star_star(w) - 1) * m.sum(w) / w[0] - 1),
            m.abs(m.exp(-obj_star(w) - 1) * m.sum(w) / w[0] - 1),
        ),
        1e-12,
    ),
    made_false=lambda w, C: Sides(
        m.abs(m.power(m.to_number(C), -obj_star_star(w)) * m.sum(w) / w[0] - 1), 1e-12
    ),
)

star_two = Universal(
    id="000.solution-2.2-star-two-classes",
    title="the first repair, two classes",
    text=r"$f(x') = t$ if and only if $\mathrm{obj}_{1*}^t(x') = -\log(\mathrm{softmax}(N(x'))_t) - 1 \leq"
    " 0$, for $C = 2$",
    reading="the new objective in place of the old one in the statement that it corrects, for all"
    f" probabilities of two classes. {_ALONE}",
    source=printed("Solution 2.2"),
    domain=_untied(Integers(2, 2)),
    conclusion=lambda w: Sides.true(_among(w) == _met(obj_star(w))),
)

star_many = Universal(
    id="000.solution-2.2-star-n-classes",
    title="the first repair, n classes: the target's class meets it",
    text=r"$f(x') = t \implies \mathrm{obj}_{1*}^t(x') \leq 0$, for $C \geq 3$",
    reading="one direction of the same for all C >= 3 and probabilities; the other direction fails"
    f" already for two classes. {_ALONE}",
    source=printed("Solution 2.2"),
    domain=_untied(Integers(3, 10)),
    conclusion=lambda w: Sides.true(not _among(w) or _met(obj_star(w))),
)

star_two_half = Universal(
    id="000.solution-2.2-star-necessary",
    title="the first repair, two classes: a necessary condition",
    text=r"for $C = 2$: $f(x') = t \implies \mathrm{obj}_{1*}^t(x') \leq 0$",
    reading=f"for all probabilities of two classes: p_t >= 1/2 > 1/e. {_AMONG}",
    source=printed("Solution 2.2"),
    corrects="000.solution-2.2-star-two-classes",
    repair="false",
    domain=_TWO,
    conclusion=lambda w: Sides.true(not _among(w) or _met(obj_star(w))),
    made_false=lambda w: Sides.true(not _among(w) or _met(obj_1(w))),
)

star_threshold = Universal(
    id="000.solution-2.2-star-threshold",
    title="what the first repair says",
    text=r"$\mathrm{obj}_{1*}^t(x') \leq 0 \iff \mathrm{softmax}(N(x'))_t \geq 1/e$, for every number of classes",
    reading="for all C >= 2 and probabilities. The threshold that decides f is neither 1/e nor any other"
    " number for C >= 3: f(x') = t needs p_t >= 1/C and follows from p_t > 1/2, and nothing between is"
    " certain.",
    source=printed("Solution 2.2"),
    corrects="000.solution-2.2-star-n-classes",
    repair="false",
    domain=_MANY,
    conclusion=lambda w: Sides.true(_met(obj_star(w)) == bool(w[0] * m.exp(m.to_number(1)) >= m.sum(w))),
    made_false=lambda w: Sides.true(_met(obj_star(w)) == bool(w[0] * 4 >= m.sum(w))),
)

figure_1 = Universal(
    id="000.figure-1",
    title="where the second repair changes its sign, two classes",
    text=r"for $C = 2$ the objective $\mathrm{obj}_{1**}^t$ is at most 0 once $\mathrm{softmax}(N(x'))_t "
    r"\geq 0.5$",
    reading="for all probabilities of two classes, and not before: p_t >= 1/2 if and only if obj** <= 0",
    source=printed("Figure 1"),
    domain=_TWO,
    conclusion=lambda w: Sides.true(bool(2 * w[0] >= m.sum(w)) == _met(obj_star_star(w))),
    made_false=lambda w: Sides.true(bool(4 * w[0] >= m.sum(w)) == _met(obj_star_star(w))),
)

two_classes = Universal(
    id="000.solution-2.2-two-classes",
    title="the second repair, two classes",
    text=r"with two classes exactly the paper's statement results: $f(x + \eta) = t \iff "
    r"\mathrm{obj}_{1**}^t(x + \eta) \leq 0$",
    reading=f"for all probabilities of two classes. {_FIRST}",
    source=printed("Solution 2.2"),
    domain=Domain(C=Integers(2, 2), t=Integers(0, 1), w=_WEIGHTS),
    conclusion=lambda w, t: Sides.true((network.largest(w)[0] == t) == _met(obj_star_star(w, t))),
)

two_classes_ties = Universal(
    id="000.solution-2.2-two-classes-ties",
    title="the second repair, two classes, ties counted for the target",
    text=r"for $C = 2$: $t \in \mathrm{argmax}_k\, \mathrm{softmax}(N(x'))_k \iff \mathrm{obj}_{1**}^t(x')"
    r" \leq 0$",
    reading="for all probabilities of two classes, argmax as a set; the objective is 0 for both targets"
    " at (½, ½)",
    source=printed("Solution 2.2"),
    corrects="000.solution-2.2-two-classes",
    repair="convention",
    domain=_TWO,
    conclusion=lambda w: Sides.true(_among(w) == _met(obj_star_star(w))),
    made_false=lambda w: Sides.true(network.largest(w) == [0]) if _met(obj_star_star(w)) else Sides(0, 0),
)

n_classes = Universal(
    id="000.solution-2.2-n-classes",
    title="the second repair, n classes",
    text=r"with $n$ classes the lecture's statement results: $\mathrm{obj}_{1**}^t(x + \eta) \leq 0 "
    r"\implies f(x + \eta) = t$",
    reading=f"for all C >= 2 and probabilities. {_ALONE}",
    source=printed("Solution 2.2"),
    domain=_untied(Integers(2, 10)),
    conclusion=lambda w: Sides.true(not _met(obj_star_star(w)) or _among(w)),
)

n_classes_converse = Universal(
    id="000.solution-2.2-n-classes-converse",
    title="the second repair, n classes: the converse",
    text=r"$f(x + \eta) = t \implies \mathrm{obj}_{1**}^t(x + \eta) \leq 0$ for every number of classes",
    reading="for all C >= 2 and probabilities: the largest of C probabilities is at least 1/C, with"
    f" equality at the uniform distribution. {_AMONG}",
    source=printed("Solution 2.2"),
    corrects="000.solution-2.2-n-classes",
    repair="false",
    domain=_MANY,
    conclusion=lambda w: Sides.true(not _among(w) or _met(obj_star_star(w))),
    made_false=lambda w: Sides.true(not _among(w) or _met(obj_half(w))),
)

n_classes_half = Universal(
    id="000.solution-2.2-n-classes-half",
    title="a repair with the printed direction, n classes",
    text=r"$-\log_2(\mathrm{softmax}(N(x'))_t) - 1 \leq 0 \implies f(x') = t$ for every number of classes",
    reading="for all C >= 2 and probabilities: whoever has half of the probability has the most, and (p, 1 − p)"
    f" with p < ½ shows that no smaller threshold does. {_AMONG}",
    source=printed("Solution 2.2"),
    corrects="000.solution-2.2-n-classes",
    repair="constant",
    domain=_MANY,
    conclusion=lambda w: Sides.true(not _met(obj_half(w)) or _among(w)),
    made_false=lambda w: Sides.true(not _met(obj_half(w) - 1) or _among(w)),
)


def _lead(z: Any) -> Any:
    """max_{i ≠ t} z_i − z_t."""
    return m.max(z[1:]) - z[0]


margin = Universal(
    id="000.eq-8-margin",
    title="an objective that decides the class",
    text=r"$f(x') = t \iff \max_{i \neq t} N(x')_i - N(x')_t \leq 0$ for every number of classes",
    reading=f"for all C >= 2 and whole logits. {_AMONG} With < in place of <= it says that p_t is larger"
    " than all others.",
    source=printed("eq. (8)"),
    corrects="000.eq-8",
    repair="false",
    domain=Domain(C=Integers(2, 10), z=Vector("C", Integers(-100, 100)), strict=OneOf(False, True)),
    conclusion=lambda z, strict: Sides.true(
        (network.largest(z) == [0]) == bool(_lead(z) < 0) if strict else _among(z) == bool(_lead(z) <= 0)
    ),
    made_false=lambda z: Sides.true((network.largest(z) == [0]) == bool(_lead(z) <= 0)),
)

sign = Universal(
    id="000.eq-8-sign",
    title="eq. (8) with its sign turned around, two classes",
    text=r"for $C = 2$: $f(x') = t \iff \mathrm{obj}_{1**}^t(x') \leq 0$, and $f(x') = t \implies"
    r" \mathrm{loss}_t(x') - 1 \leq 0$",
    reading="for all probabilities of two classes; the printed sign is a slip, and the scale 1/log C a"
    f" second repair. {_AMONG}",
    source=printed("eq. (8)"),
    corrects="000.eq-8",
    repair="typo",
    domain=_TWO,
    conclusion=lambda w: Sides.true(
        _among(w) == _met(obj_star_star(w)) and (not _among(w) or _met(obj_star(w)))
    ),
    made_false=lambda w: Sides.true(_among(w) == _met(obj_1(w))),
)

# --- the distance --------------------------------------------------------------------------------------------

_VECTORS: dict[str, Any] = {"n": Integers(1, 10), "c": Integers(-9, 9), "eta": Vector("n", Integers(-9, 9))}

norms = Universal(
    id="000.solution-2.3-norms",
    title="l_0, l_2 and l_∞ are norms",
    text=r"the distance between $x$ and $x'$ is captured by the $l_p$ norm $\|x - x'\|_p = \|\eta\|_p$ for"
    r" $p \in \{0, 2, \infty\}$",
    reading="a norm is homogeneous: for p in {0, 2, ∞}, all η and c: ‖cη‖_p = |c| ‖η‖_p",
    source=printed("Solution 2.3"),
    domain=Domain(p=OneOf(0, 2, m.inf), **_VECTORS),
    conclusion=lambda p, eta, c: Sides.equal(m.norm(c * eta, p), abs(c) * m.norm(eta, p)),
)

norms_from_one = Universal(
    id="000.solution-2.3-norms-2-inf",
    title="l_2 and l_∞ are norms; l_0 counts",
    text=r"$\|\eta\|_p$ is a norm for $p \in \{2, \infty\}$; $\|\eta\|_0$ counts the entries that are not"
    r" 0, and scaling by $c \neq 0$ leaves it alone",
    reading="for all η and c: ‖cη‖_p = |c| ‖η‖_p for p in {2, ∞}, and ‖cη‖_0 = ‖η‖_0 unless c = 0",
    source=printed("Solution 2.3"),
    corrects="000.solution-2.3-norms",
    repair="convention",
    domain=norms.domain,
    conclusion=lambda p, eta, c: Sides.equal(
        m.norm(c * eta, p), (abs(c) if p else 1 if c else 0) * m.norm(eta, p)
    ),
    made_false=lambda p, eta, c: Sides.equal(m.norm(c * eta, p), m.norm(eta, p)),
)

"""Classification setting and the two definitions of an adversarial perturbation: do they agree?

The informal definition asks for an input that is predicted wrongly, the formal one for a maximiser of the loss.
They are compared on the models for which the maximiser is known exactly: logits that are affine in δ. The
cross-entropy is then convex in δ, so that its maximum over the box is reached at a vertex.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np

from theorems import Domain, Existence, Integers, Matrix, OneOf, Reals, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.lecture.source import lecture

SETTING = lecture("Classification setting")
DEFINITION = lecture("Definition of an adversarial example")

# --- the setting ------------------------------------------------------------------------------------

PARAMETERS = Universal(
    id="001.parameters",
    title="the parameter vector has the dimension of the input",
    text=r"A model $f_{\mathbf{w}}(\mathbf{x}): \mathbb{R}^d \to \mathbb{R}^k$ is parametrized by $\mathbf{w} \in "
    r"\mathbb{R}^d$, with the $d$ of $\mathbf{x}_i \in \mathbb{R}^d$.",
    reading="for all d and k: the linear classifier x ↦ Wx with k classes on d inputs has d parameters",
    source=SETTING,
    domain=Domain(d=Integers(1, 8), k=Integers(1, 8)),
    conclusion=lambda d, k: Sides.equal(np.zeros((k, d)).size, d),
)

PARAMETERS_CORRECTED = Existence(
    id="001.parameters.corrected",
    title="the parameter vector has a dimension of its own",
    text=r"A model $f_{\mathbf{w}}(\mathbf{x}): \mathbb{R}^d \to \mathbb{R}^k$ is parametrized by $\mathbf{w} \in "
    r"\mathbb{R}^p$, where $p$ counts the parameters; linear classifiers have $p = kd$.",
    reading="for every k×d matrix W there is w ∈ R^{kd} with f_w(x) = Wx, where f_w(x)_j = Σ_i w_{jd+i} x_i",
    source=SETTING,
    corrects="001.parameters",
    repair="typo",
    domain=Domain(
        d=Integers(1, 4),
        k=Integers(1, 4),
        W=Matrix("k", "d", Reals(-10, 10)),
        x=Vector("d", Reals(-10, 10)),
        j=Integers(0, lambda v: v["k"] - 1),
    ),
    construction=lambda W: W.reshape(-1),
    conclusion=lambda witness, W, x, d, j: Sides.equal(
        1000 + m.sum(witness[j * d : j * d + d] * x), 1000 + (W @ x)[j]
    ),
    made_false=lambda witness, W, x, d, k, j: Sides.equal(  # the columns of W one after another
        1000 + m.sum(witness[j::k][:d] * x), 1000 + (W @ x)[j]
    ),
)

CROSS_ENTROPY = Universal(
    id="001.cross-entropy",
    title="the cross-entropy is not negative",
    text=r"The loss is a function $\ell: \mathbb{R}^k \times \mathbb{Z}_+ \to \mathbb{R}_+$, e.g. the "
    r"cross-entropy $\ell(f_{\mathbf{w}}(\mathbf{x}), y) = \log \left(\sum_{j=1}^{k} "
    r"\exp(f_{\mathbf{w}}(\mathbf{x}))_j \right) - f_{\mathbf{w}}(\mathbf{x})_y$.",
    reading="for all k, logits f ∈ R^k and labels y ∈ {1, …, k}: f_y <= log Σ_j e^{f_j}. R_+ contains 0, which is "
    "the loss for k = 1. The bracket of exp(f)_j is read as exp(f_j): the exponential acts entry by entry",
    source=SETTING,
    domain=Domain(k=Integers(1, 6), f=Vector("k"), y=Integers(1, "k")),
    conclusion=lambda f, y: Sides(f[y - 1], m.logsumexp(f)),
)

# --- the ball ---------------------------------------------------------------------------------------


def _inside_ball(delta: Any, epsilon: Any) -> Sides:
    return Sides.equal(bool(m.norm(delta, m.inf) <= epsilon), bool(m.all(m.abs(delta) <= epsilon)))


SUP_NORM = Universal(
    id="001.sup-norm",
    title="the largest entry is the limit of the p-norms",
    text=r"The $L_\infty$ norm is $\|\delta\|_\infty = \sup_i |\delta_i|$.",
    reading="for all d, δ and p >= 1: sup_i |δ_i| <= ‖δ‖_p <= d^{1/p} sup_i |δ_i|, so that ‖δ‖_p → sup_i |δ_i| as "
    "p → ∞. This is the norm's name justified; that a finite sup is a maximum needs no check",
    source=DEFINITION,
    domain=Domain(
        d=Integers(1, 6),
        p=OneOf(1, 2, 3, 8, 64),
        side=OneOf("above", "below"),
        delta=Vector("d", Reals(-1e3, 1e3)),
    ),
    conclusion=lambda d, p, side, delta: (
        Sides(m.max(m.abs(delta)), m.norm(delta, p))
        if side == "above"
        else Sides(m.norm(delta, p), m.power(d, 1 / m.to_number(p)) * m.max(m.abs(delta)))
    ),
)

BALL = Universal(
    id="001.ball",
    title="the ball is a box",
    text=r"$\Delta = \{\delta : \|\delta\|_{\infty} \le \epsilon\}$ for a small $\epsilon > 0$; δ lies in it when "
    r"its values lie within the range $[-\epsilon, \epsilon]$.",
    reading="for all d, ε > 0 and δ: ‖δ‖_∞ <= ε if and only if every |δ_i| <= ε",
    source=DEFINITION,
    domain=Domain(
        d=Integers(1, 6), epsilon=Reals(0, 10, open=(True, False)), delta=Vector("d", Reals(-10, 10))
    ),
    conclusion=_inside_ball,
    made_false=lambda delta, epsilon: Sides.equal(
        bool(m.norm(delta, 2) <= epsilon), bool(m.all(m.abs(delta) <= epsilon))
    ),
)

# --- formal and informal ----------------------------------------------------------------------------

# The right class is the first of k. What decides is by how much each wrong class lies above it at x + δ, its
# advantage: affine in δ here, and negative at δ = 0, where the right class lies `lead` above.

_AFFINE = (
    "Logits affine in δ, ℓ the cross-entropy, Δ = [−ε, ε]^d, x predicted rightly; a wrong class is predicted "
    "where its logit is at least that of the right class (a tie counts for the claim)"
)
_SMALL = Reals(0, 1, open=(True, False))


def _loss(advantages: Any) -> Any:
    """Cross-entropy log Σ_j e^{f_j} − f_y, from f_j − f_y of the wrong classes."""
    return m.logsumexp(m.concatenate([advantages[:1] * 0, advantages]))


def _at_vertices(lead: Any, G: Any, epsilon: Any) -> list[Any]:
    """Advantages at the vertices of the box."""
    signs = itertools.product((-1.0, 1.0), repeat=G.shape[1])
    return [G @ (epsilon * np.array(vertex)) - lead for vertex in signs]


def _of_maximiser(candidates: list[Any]) -> Any:
    """Largest advantage at the candidate of largest loss; of equals the one that serves the claim."""
    return m.max(max(candidates, key=lambda advantages: (_loss(advantages), m.max(advantages))))


def _wrong(advantage: Any) -> Sides:
    return Sides(-advantage, 0)


FORMAL_FOOLS = Universal(
    id="001.adversarial.formal-fools",
    title="the maximiser of the loss is predicted wrongly",
    text="An input made to have the model predict the wrong class is an adversarial example. In a formula: "
    r"$\bar{\mathbf{x}} = \mathbf{x} + \bar{\delta}$ with $\bar{\delta} = \operatorname{argmax}_{\delta \in "
    r"\Delta} \ell(f_{\mathbf{w}}(\mathbf{x} + \delta), y)$.",
    reading=f"for all models and ε: x + δ̄ is predicted wrongly. {_AFFINE}",
    source=DEFINITION,
    domain=Domain(
        d=Integers(1, 2),
        wrong=Integers(1, 3),
        epsilon=_SMALL,
        lead=Vector("wrong", Reals(0, 5, open=(True, False))),
        G=Matrix("wrong", "d", Reals(-10, 10)),
    ),
    conclusion=lambda lead, G, epsilon: _wrong(_of_maximiser(_at_vertices(lead, G, epsilon))),
)

FORMAL_FOOLS_IF_POSSIBLE = Universal(
    id="001.adversarial.formal-fools.if-possible",
    title="where some perturbation is predicted wrongly, the maximiser of the loss is",
    text=FORMAL_FOOLS.text + r" Assumed too: some $\delta \in \Delta$ is predicted wrongly.",
    reading="for all numbers of classes: if Δ contains a perturbation that is predicted wrongly, δ̄ is one; that "
    "is, no perturbation that is predicted rightly has a larger loss than all that are predicted wrongly. "
    f"{_AFFINE}; d = 1, where the loss is largest at δ = −ε or ε: the advantages of the wrong classes are `right`, "
    "all at most −0.1, at δ = ε, −lead at δ = 0, and so −right − 2 lead, one of them positive, at δ = −ε",
    source=DEFINITION,
    domain=Domain(
        where={"δ = −ε is predicted wrongly": lambda right, lead: m.max(-right - 2 * lead) > 0},
        wrong=Integers(1, 3),
        right=Vector("wrong", Reals(-5, -0.1)),
        lead=Vector("wrong", Reals(0, 5)),
    ),
    conclusion=lambda right, lead: Sides(_loss(right), _loss(-right - 2 * lead)),
)

FORMAL_FOOLS_IF_POSSIBLE_CORRECTED = Universal(
    id="001.adversarial.formal-fools.if-possible.corrected",
    title="where some perturbation has loss above log k, the maximiser of the loss is predicted wrongly",
    text=r"Let there be $k$ classes. If $\max_{\delta \in \Delta} \ell(f_{\mathbf{w}}(\mathbf{x} + \delta), y) > "
    r"\log k$ for the cross-entropy, then $\bar\delta$ is predicted wrongly.",
    reading="for every model: where the right class has the largest logit the loss is at most log k, which equal "
    "logits reach, so that the constant is the best one. Advantages of the wrong classes at δ̄ are any numbers up "
    "to 0",
    source=DEFINITION,
    corrects="001.adversarial.formal-fools.if-possible",
    repair="missing hypothesis",
    domain=Domain(wrong=Integers(1, 4), advantages=Vector("wrong", Reals(-1e3, 0))),
    conclusion=lambda wrong, advantages: Sides(_loss(advantages), m.log(wrong + 1)),
)

FORMAL_FOOLS_CORRECTED = Universal(
    id="001.adversarial.formal-fools.corrected",
    title="with two classes the maximiser is predicted wrongly if any perturbation is",
    text=r"Let there be two classes. If some $\delta \in \Delta$ is predicted wrongly, so is $\bar{\delta} = "
    r"\operatorname{argmax}_{\delta \in \Delta} \ell(f_{\mathbf{w}}(\mathbf{x} + \delta), y)$ for the "
    r"cross-entropy.",
    reading=f"{_AFFINE}; the right class lies share·ε‖g‖₁ above the other, share < 1, so that some δ fools. True of "
    "every model, for with two classes the loss increases with the advantage of the wrong one",
    source=DEFINITION,
    corrects="001.adversarial.formal-fools",
    repair="missing hypothesis",
    domain=Domain(
        where={"g is not 0": lambda g: m.norm(g) > 0},
        d=Integers(1, 2),
        epsilon=_SMALL,
        share=Reals(0, 1, open=(False, True)),
        g=Vector("d", Reals(-10, 10)),
    ),
    conclusion=lambda g, epsilon, share: _wrong(
        _of_maximiser(_at_vertices(m.stack([share * epsilon * m.norm(g, 1)]), m.stack([g]), epsilon))
    ),
    made_false=lambda g, epsilon, share: _wrong(  # the minimiser
        min(map(m.max, _at_vertices(m.stack([share * epsilon * m.norm(g, 1)]), m.stack([g]), epsilon)))
    ),
)

FOOLING_IS_FORMAL = Universal(
    id="001.adversarial.fooling-is-formal",
    title="a perturbation that is predicted wrongly maximises the loss",
    text=FORMAL_FOOLS.text,
    reading="for all models, ε and δ in Δ: if x + δ is predicted wrongly then ℓ(f(x + δ), y) is the maximum over Δ. "
    f"{_AFFINE}; two classes; the advantage of the wrong one grows with g·δ, and the right one leads at x by a "
    f"share of g·δ",
    source=DEFINITION,
    domain=Domain(
        where={"x + δ is predicted wrongly": lambda g, delta: g @ delta > 0},
        d=Integers(1, 2),
        share=Reals(0, 1, open=(True, True)),
        epsilon=_SMALL,
        g=Vector("d", Reals(-10, 10)),
        delta=Vector("d", Reals(lambda v: -v["epsilon"], "epsilon")),
    ),
    conclusion=lambda g, delta, epsilon, share: Sides(
        _loss(m.stack([epsilon * m.norm(g, 1) - share * (g @ delta)])),
        _loss(m.stack([(1 - share) * (g @ delta)])),
    ),
)

FOOLING_IS_FORMAL_CORRECTED = Universal(
    id="001.adversarial.fooling-is-formal.corrected",
    title="a perturbation that is predicted wrongly has loss at least log 2",
    text=r"If $\mathbf{x} + \delta$ is predicted wrongly then $\log 2 \le \ell(f_{\mathbf{w}}(\mathbf{x} + "
    r"\delta), y) \le \max_{\delta \in \Delta} \ell$.",
    reading="what is left of the claim, for every model, number of classes and δ: some wrong class has a logit at "
    "least that of the right one. log 2 is the best constant: a tie of two classes has this loss",
    source=DEFINITION,
    corrects="001.adversarial.fooling-is-formal",
    repair="false",
    domain=Domain(
        where={"a wrong class is predicted": lambda advantages: m.max(advantages) >= 0},
        wrong=Integers(1, 3),
        advantages=Vector("wrong", Reals(-1e3, 1e3)),
    ),
    conclusion=lambda advantages: Sides(m.log(2), _loss(advantages)),
)

ARGMAX_UNIQUE = Universal(
    id="001.adversarial.unique",
    title="the maximiser is one perturbation",
    text=r"$\bar{\delta} = \operatorname{argmax}_{\delta \in \Delta} \ell(f_{\mathbf{w}}(\mathbf{x} + \delta), "
    r"y)$, written as an equation.",
    reading="for all models: the loss is smaller at every δ in Δ other than one maximiser. Two classes, logits "
    "affine in δ = ε s with slope g of the wrong class' advantage, with which the loss increases: g·s < ‖g‖₁ "
    "unless s = sign(g)",
    source=DEFINITION,
    domain=Domain(
        where={"s is not sign(g)": lambda g, s: not np.array_equal(s, np.sign(g))},
        d=Integers(1, 3),
        g=Vector("d", Reals(-10, 10)),
        s=Vector("d", Reals(-1, 1)),
    ),
    conclusion=lambda g, s: Sides(g @ s, m.norm(g, 1), "<"),
    exact=True,
)

ARGMAX_UNIQUE_CORRECTED = replace(
    ARGMAX_UNIQUE,
    id="001.adversarial.unique.corrected",
    title="the maximiser of an affine model is unique if every entry of the gradient counts",
    text=r"$\bar{\delta} \in \operatorname{argmax}_{\delta \in \Delta} \ell(f_{\mathbf{w}}(\mathbf{x} + \delta), "
    r"y)$; for two classes and logits affine in $\delta$ it is unique if no entry of the gradient is 0.",
    reading=ARGMAX_UNIQUE.reading
    + "; every g_i is positive, to which a change of signs leads, and at least 10⁻³, so "
    "that 50 digits tell the sides apart",
    corrects="001.adversarial.unique",
    repair="convention",
    domain=Domain(
        where=ARGMAX_UNIQUE.domain.where,
        d=Integers(1, 3),
        g=Vector("d", Reals(1e-3, 10)),
        s=Vector("d", Reals(-1, 1)),
    ),
    made_false=lambda g, s: Sides(-(g @ s), m.norm(g, 1), "<"),  # the maximiser is −ε sign(g)
)

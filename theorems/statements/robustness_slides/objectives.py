"""Losses, and the objectives of targeted attacks: what a larger value says about probabilities and classes."""

from __future__ import annotations

from typing import Any

import torch

from theorems import Domain, Integers, Matrix, OneOf, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.robustness_slides.linear import cross_entropy, logistic
from theorems.statements.robustness_slides.source import slide
from theorems.statements.tools import NOTHING, equal_terms, label

TARGETED = slide("Targeted Attacks")
_LABEL, _TARGET = 0, 1
"""Classes may be renamed."""

# --- losses -----------------------------------------------------------------------------------------

loss_nonnegative = Universal(
    id="002.loss-nonnegative",
    title="the cross-entropy is not negative",
    text=r"A loss function $\mathbb{R}^k \times \mathbb{Z}_+ \rightarrow \mathbb{R}_+$ turns predictions and true "
    r"labels into a number that is not negative, such as the cross entropy $\ell(h_\theta(x), y) = \log \left( "
    r"\sum_{j=1}^k \exp(h_\theta(x)_j) \right) - h_\theta(x)_y$.",
    reading="for all k, h ∈ R^k and labels y of the k classes (above k there is no h_y): 0 <= ℓ(h, y)",
    source=slide("Neural Network"),
    domain=Domain(k=Integers(1, 6), h=Vector("k", Integers(-50, 50)), y=Integers(0, lambda v: v["k"] - 1)),
    conclusion=lambda h, y: Sides(0, cross_entropy(h, y)),
    made_false=lambda k, h, y: Sides(m.log(m.to_number(k)), cross_entropy(h, y)),
)

binary_loss = Universal(
    id="002.binary-loss",
    title="the logistic loss is the cross-entropy of two classes",
    text=r"$-\log \frac{1}{1 + \exp(-y \cdot h'_\theta(x))} = \log(1 + \exp(-y \cdot h'_\theta(x)))$, and "
    r"$\ell(h_\theta(x), y) = \log(1 + \exp(-y \cdot h_\theta(x))) \equiv L(y \cdot h_\theta(x))$.",
    reading="for all h ∈ R², h' = h_1 − h_2, and y ∈ {1, −1}: −log of the probability, and the cross-entropy of the "
    "first class for y = 1, of the second for y = −1, are both log(1 + exp(−yh'))",
    source=slide("Binary Classification"),
    domain=Domain(side=OneOf("probability", "loss"), h=Vector(2, Integers(-60, 60)), y=OneOf(1, -1)),
    conclusion=lambda side, h, y: equal_terms(
        -m.log(1 / (1 + m.exp(-y * (h[0] - h[1]))))
        if side == "probability"
        else cross_entropy(h, 0 if y == 1 else 1),
        logistic(y * (h[0] - h[1])),
        1 + m.max(m.abs(h)),
    ),
)

_LOGITS: dict[str, Any] = {"k": Integers(2, 4), "h": Vector("k", Integers(-9, 9))}
_PAIRS: dict[str, Any] = {**_LOGITS, "other": Vector("k", Integers(-9, 9))}
_PAIR_READING = (
    "for all k and two vectors of logits with whole entries, label and target two of the classes: "
)


def lead(h: Any) -> Any:
    """max_{j ≠ y} h_j − h_y."""
    return m.max(h[1:]) - h[_LABEL]


loss_or_margin = Universal(
    id="002.loss-or-margin",
    title="a linear function of the logits in place of the loss",
    text="Optimizing a linear function of the logits, as some approaches do, is effectively the same as optimizing "
    "the objective of adversarial robustness.",
    reading="for all k and two vectors of whole logits, y one of the classes: where the largest of the linear "
    "functions h_j − h_y, j ≠ y, is larger, the loss ℓ(h, y) is at least as large",
    source=slide("Bounding propagation"),
    domain=Domain(**_PAIRS),
    conclusion=lambda h, other: (
        Sides(cross_entropy(h, 0), cross_entropy(other, 0)) if lead(other) > lead(h) else NOTHING
    ),
)

loss_or_margin_corrected = Universal(
    id="002.loss-or-margin.corrected",
    title="the loss is the largest linear function of the logits, up to log k",
    text=r"$\max_j (h_j - h_y) \leq \ell(h, y) \leq \max_j (h_j - h_y) + \log k$, the maximum over all $k$ classes.",
    reading="for all k, logits h with whole entries, y one of the classes; both inequalities",
    source=slide("Bounding propagation"),
    corrects="002.loss-or-margin",
    repair="constant",
    domain=Domain(side=OneOf("below", "above"), **_LOGITS),
    conclusion=lambda side, k, h: (
        Sides(m.max(h) - h[0], cross_entropy(h, 0))
        if side == "below"
        else Sides(cross_entropy(h, 0), m.max(h) - h[0] + m.log(m.to_number(k)))
    ),
)

_CONFIDENT: dict[str, Any] = {
    "k": Integers(2, 4),
    "n": Integers(1, 3),
    "W": Matrix("k", "n", Integers(-3, 3)),
    "x": Vector("n", Integers(-3, 3)),
}


def _gradient(W: Any, x: Any) -> Any:
    """∇_δ ℓ(h(x + δ), y) at δ = 0 for h = Wx: Σ_j p_j (w_j − w_y)."""
    return m.softmax(W @ x) @ (W - W[_LABEL])


small_gradient = Universal(
    id="002.small-gradient",
    title="where the loss is small, so is its gradient",
    text=r"At $\delta=0$ the gradient with respect to $\delta$ is usually very small, so that progress calls for a "
    r"relatively large $\alpha$.",
    reading="usually: at inputs whose loss is small, as after training. For all linear networks h = Wx with whole "
    "entries, y one of the classes: ‖∇_δ ℓ‖₂ <= (1 − e^{−ℓ}) max_j ‖w_j − w_y‖₂ at δ = 0, and 1 − e^{−ℓ} is at most "
    "the loss",
    source=slide("Projected Gradient Descent Problem"),
    domain=Domain(**_CONFIDENT),
    conclusion=lambda W, x: Sides(
        m.norm(_gradient(W, x)),
        (1 - m.softmax(W @ x)[_LABEL]) * m.max(m.stack(m.norm(row) for row in W - W[_LABEL])),
    ),
)

# --- the code ---------------------------------------------------------------------------------------


def printed_loss(pred: Any, y: int, target: int) -> float:
    """The listing's loss, in float64."""
    logits = torch.as_tensor(pred, dtype=torch.float64)[None]
    entropy = torch.nn.CrossEntropyLoss()
    return float(-entropy(logits, torch.LongTensor([y])) + entropy(logits, torch.LongTensor([target])))


def _code_error(h: Any, y: int, target: int, sign: int = 1) -> Sides:
    difference = sign * (h[y] - h[target])
    return Sides(m.abs(printed_loss(h, y, target) - difference), 1e-14 * (1 + m.max(m.abs(h))))


targeted_code = Universal(
    id="002.targeted-code",
    title="the listing's loss is the label's logit less the target's",
    text="In place of the loss of the correct class alone, which is maximized, that of the target class is minimized "
    "too: `loss = (-nn.CrossEntropyLoss()(pred, torch.LongTensor([341])) + nn.CrossEntropyLoss()(pred, "
    "torch.LongTensor([404])))`.",
    reading="for all k, whole logits, labels y and targets t in place of 341 and 404: what torch computes in "
    "float64, and what a descent step makes smaller, is h_y − h_t up to rounding: the objective of 002.targeted with "
    "its sign turned around",
    source=TARGETED,
    domain=Domain(
        k=Integers(2, 6),
        h=Vector("k", Integers(-100, 100)),
        y=Integers(0, lambda v: v["k"] - 1),
        target=Integers(0, lambda v: v["k"] - 1),
    ),
    conclusion=lambda h, y, target: _code_error(h, y, target),
    made_false=lambda h, y, target: _code_error(h, y, target, -1),
    rounding=0.0,
)

_NETWORKS: dict[str, Any] = {
    "k": Integers(2, 4),
    "n": Integers(1, 2),
    "W": Matrix("k", "n", Integers(-3, 3)),
    "x": Vector("n", Integers(-3, 3)),
}


def _slopes(W: Any, x: Any) -> tuple[Any, Any, Any]:
    """Slopes of ℓ(h, y) and ℓ(h, t) along u = w_t − w_y, the steepest way down the listing's loss; and u."""
    u = W[_TARGET] - W[_LABEL]
    moved = W @ u
    mean = m.sum(m.softmax(W @ x) * moved)
    return mean - moved[_LABEL], mean - moved[_TARGET], u


_STEP_READING = (
    "for all linear networks h = Wx with whole entries, label y and target t two of the classes. The step goes along "
    "w_t − w_y, the steepest way down the listing's loss; "
)

targeted_both = Universal(
    id="002.targeted-both",
    title="the label's loss rises and the target's falls",
    text="The loss of the correct class is maximized, and that of the target class minimized as well: `loss = "
    "(-nn.CrossEntropyLoss()(pred, torch.LongTensor([341])) + nn.CrossEntropyLoss()(pred, torch.LongTensor([404])))`.",
    reading=_STEP_READING + "the slope of ℓ(h, y) along it is not negative, and that of ℓ(h, t) not positive",
    source=TARGETED,
    domain=Domain(loss=OneOf("label", "target"), **_NETWORKS),
    conclusion=lambda loss, W, x: (
        Sides(0, _slopes(W, x)[0]) if loss == "label" else Sides(_slopes(W, x)[1], 0)
    ),
)

targeted_both_corrected = Universal(
    id="002.targeted-both.corrected",
    title="the label's loss rises against the target's",
    text="A step down the listing's loss raises the label's loss against the target's: at least one of them moves as "
    "is wanted.",
    reading=_STEP_READING + "the slope of ℓ(h, y) − ℓ(h, t) along it is ‖w_t − w_y‖₂²",
    source=TARGETED,
    corrects="002.targeted-both",
    repair="false",
    domain=Domain(**_NETWORKS),
    conclusion=lambda W, x: equal_terms(
        _slopes(W, x)[0] - _slopes(W, x)[1], m.sum(_slopes(W, x)[2] * _slopes(W, x)[2]), 1
    ),
)

# --- both objectives --------------------------------------------------------------------------------

_FIRST = (
    r"Maximizing the probability of the target class and minimizing that of the true label's class: "
    r"$\underset{\|\delta\| \leq \epsilon}{\mathrm{maximize}} \left( h_\theta(x + \delta)_{y_{\mathrm{targ}}} - "
    r"h_\theta(x + \delta)_y \right)$."
)


def versus_label(h: Any) -> Any:
    """The first objective, h_t − h_y."""
    return h[_TARGET] - h[_LABEL]


def versus_all(h: Any) -> Any:
    """The second objective, h_t − Σ_{j ≠ t} h_j."""
    return 2 * h[_TARGET] - m.sum(h)


def _probabilities(of: str, h: Any, other: Any) -> Sides:
    first, second = m.softmax(h), m.softmax(other)
    return Sides(first[_TARGET], second[_TARGET]) if of == "target" else Sides(second[_LABEL], first[_LABEL])


targeted_probabilities = Universal(
    id="002.targeted-probabilities",
    title="the first targeted objective and the probabilities",
    text=_FIRST,
    reading=_PAIR_READING
    + "where h_t − h_y is larger, the target's probability is at least as large, and the label's at most as large",
    source=TARGETED,
    domain=Domain(of=OneOf("target", "label"), **_PAIRS),
    conclusion=lambda of, h, other: (
        _probabilities(of, h, other) if versus_label(other) > versus_label(h) else NOTHING
    ),
)

targeted_probabilities_corrected = Universal(
    id="002.targeted-probabilities.corrected",
    title="the first targeted objective and the quotient of the probabilities",
    text=r"Maximizing the target's probability over that of the true label: $h_{y_{\mathrm{targ}}} - h_y = \log "
    r"\frac{p(y_{\mathrm{targ}}|x)}{p(y|x)}$. With two classes this is each of the two probabilities too.",
    reading="for all k and logits h with whole entries, label and target two of the classes: exp(h_t − h_y) = p_t/p_y",
    source=TARGETED,
    corrects="002.targeted-probabilities",
    repair="false",
    domain=Domain(**_LOGITS),
    conclusion=lambda h: Sides.equal(m.exp(versus_label(h)) * m.softmax(h)[_LABEL], m.softmax(h)[_TARGET]),
)


def over_others(h: Any) -> Any:
    """h_t − log Σ_{j ≠ t} exp(h_j): the log of the target's odds."""
    return h[_TARGET] - m.logsumexp(m.concatenate([h[:_TARGET], h[_TARGET + 1 :]]))


targeted_all = Universal(
    id="002.targeted-all",
    title="the second targeted objective and the target's probability",
    text=r"Maximizing the probability of the target class and minimizing that of all other classes: "
    r"$\underset{\|\delta\| \leq \epsilon}{\mathrm{maximize}} \left( h_\theta(x + \delta)_{y_{\mathrm{targ}}} - "
    r"\sum_{y' \neq y_{\mathrm{targ}}} h_\theta(x + \delta)_{y'} \right)$.",
    reading=_PAIR_READING
    + "where h_t − Σ_{j ≠ t} h_j is larger, the target's probability is at least as large. A number added to all k "
    "logits changes no probability, and this objective by 2 − k times the number",
    source=TARGETED,
    domain=Domain(**_PAIRS),
    conclusion=lambda h, other: (
        _probabilities("target", h, other) if versus_all(other) > versus_all(h) else NOTHING
    ),
)

targeted_all_corrected = Universal(
    id="002.targeted-all.corrected",
    title="the target's logit against all others, weighed as the probabilities weigh them",
    text=r"$h_{y_{\mathrm{targ}}} - \log \sum_{y' \neq y_{\mathrm{targ}}} \exp(h_{y'})$ is largest where the "
    "target's probability is, and that of all other classes together smallest.",
    reading=_PAIR_READING + "where this is at least as large, so is the target's probability",
    source=TARGETED,
    corrects="002.targeted-all",
    repair="false",
    domain=Domain(**_PAIRS),
    conclusion=lambda h, other: (
        _probabilities("target", h, other)
        if over_others(other) >= over_others(h)
        else _probabilities("target", other, h)
    ),
    made_false=targeted_all.conclusion,
)

_ATTACKED = Domain(
    **_NETWORKS,
    epsilon=Integers(1, 4),
    where={
        "one output is largest": lambda W, x: m.sum(m.where(W @ x == m.max(W @ x), 1, 0)) == 1,
        "the label is not the target": lambda W, x: label(W @ x) != _TARGET,
    },
)


def _classes(W: Any, x: Any, epsilon: int) -> tuple[int, int, int]:
    """Labels of x and of the maximisers of both objectives over the ℓ∞ ball."""
    y = label(W @ x)
    ways = (W[_TARGET] - W[y], 2 * W[_TARGET] - m.sum(W, axis=0))
    first, second = (label(W @ (x + epsilon * m.sign(way))) for way in ways)
    return y, first, second


_BOTH = (
    "for all linear networks h = Wx with whole entries and ε = 1, …, 4: the maximisers over the ℓ∞ ball are "
    "ε·sign(w_t − w_y) and ε·sign(w_t − Σ_{j ≠ t} w_j) exactly, y the label of x; "
)
_NONE = " No correction: the slide tells of one network and one image, and what is true there need not be elsewhere"


def _fools_less(y: int, first: int, second: int) -> Sides:
    return Sides.true(second == y or first != y)


def _reaches_more(y: int, first: int, second: int) -> Sides:
    return Sides.true(second in (y, _TARGET) or first != _TARGET)


targeted_harder = Universal(
    id="002.targeted-harder",
    title="the second targeted objective fools no more often",
    text="The second objective is more difficult than the first, so that the classifier is fooled less.",
    reading=_BOTH + "where the second changes the label, the first does." + _NONE,
    source=TARGETED,
    domain=_ATTACKED,
    conclusion=lambda W, x, epsilon: _fools_less(*_classes(W, x, epsilon)),
)

targeted_consistent = Universal(
    id="002.targeted-consistent",
    title="the second targeted objective reaches the target more consistently",
    text="The second objective is more difficult than the first; but where it fools the classifier, the target class "
    "is predicted more consistently (though not perfectly).",
    reading=_BOTH + "where both change the label and the first reaches the target, the second does." + _NONE,
    source=TARGETED,
    domain=_ATTACKED,
    conclusion=lambda W, x, epsilon: _reaches_more(*_classes(W, x, epsilon)),
)

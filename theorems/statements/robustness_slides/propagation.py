"""Bound propagation: the last layer, what is verified, training with the bounds, and how loose they get."""

from __future__ import annotations

from typing import Any

from theorems import Domain, Integers, Matrix, OneOf, Sides, Universal, Vector
from theorems import maths as m
from theorems.statements.robustness_slides.linear import cross_entropy
from theorems.statements.robustness_slides.source import slide
from theorems.statements.robustness_slides.verification import LAST_LAYER
from theorems.statements.tools import NOTHING, label

RELAXED_TRAINING = slide("Relaxation-based robust training")
_SMALL = Integers(-3, 3)

# --- the last layer ---------------------------------------------------------------------------------


def smallest(W: Any, b: Any, l: Any, u: Any) -> Any:  # noqa: E741 - the slides' names
    """Lower ends of Wz + b over l <= z <= u: max{W, 0}l + min{W, 0}u + b."""
    return m.relu(W) @ l + m.minimum(W, 0) @ u + b


_LAYER_RANGES: dict[str, Any] = {
    "k": Integers(1, 3),
    "n": Integers(1, 3),
    "c": Vector("k", _SMALL),
    "W": Matrix("k", "n", _SMALL),
    "b": Vector("k", _SMALL),
    "l": Vector("n", _SMALL),
    "width": Vector("n", Integers(0, 3)),
    "part": Vector("n", OneOf(0.0, 1.0, 0.5)),
}
_LAYER = Domain(**_LAYER_RANGES)
_LAYER_READING = (
    "for all k, n, c, b ∈ R^k, W ∈ R^{k×n} and l <= u = l + width in R^n with whole entries, and z between l and u, "
    "at either end or half way: "
)

equivalent = Universal(
    id="002.last-layer-equivalent",
    title="a linear function of the last layer is one of the layer before it",
    text=r"Once $z_{d+1}$ is eliminated, the problem is: $\underset{z_d}{\mathrm{minimize}} \; c^T (W_d z_d + b_d) "
    r"\equiv (W_d^T c)^T z_d + c^T b_d$.",
    reading=_LAYER_READING + "cᵀ(Wz + b) = (Wᵀc)ᵀz + cᵀb",
    source=LAST_LAYER,
    domain=_LAYER,
    conclusion=lambda c, W, b, l, width, part: Sides.equal(  # noqa: E741
        m.sum(c * (W @ (l + part * width) + b)),
        m.sum((m.transpose(W) @ c) * (l + part * width)) + m.sum(c * b),
    ),
)


def _chosen(c: Any, W: Any, l: Any, width: Any) -> Any:  # noqa: E741
    """l̂_j if (Wᵀc)_j > 0 and û_j otherwise."""
    return m.where(m.transpose(W) @ c > 0, l, l + width)


choice = Universal(
    id="002.last-layer-choice",
    title="the solution of the last layer's problem",
    text=r"In closed form the solution is $(z_d)_j = \hat{l}_j$ if $(W_d^T c)_j > 0$, and $(z_d)_j = \hat{u}_j$ "
    "otherwise.",
    reading=_LAYER_READING + "cᵀ(Wz* + b) <= cᵀ(Wz + b) for the chosen z*. 500 is added to both sides",
    source=LAST_LAYER,
    domain=_LAYER,
    conclusion=lambda c, W, b, l, width, part: Sides(  # noqa: E741
        500 + m.sum(c * (W @ _chosen(c, W, l, width) + b)), 500 + m.sum(c * (W @ (l + part * width) + b))
    ),
    made_false=lambda c, W, b, l, width, part: Sides(  # noqa: E741 - the choices exchanged
        500 + m.sum(c * (W @ _chosen(-c, W, l, width) + b)), 500 + m.sum(c * (W @ (l + part * width) + b))
    ),
)


def _both(c: Any, W: Any, b: Any, l: Any, width: Any) -> Sides:  # noqa: E741
    """The bound of cᵀz_{d+1} through bounds of z_{d+1}, and the one that eliminates the last layer."""
    low, high = smallest(W, b, l, l + width), -smallest(-W, -b, l, l + width)
    through = m.sum(m.relu(c) * low + m.minimum(c, 0) * high)
    return Sides(
        500 + through, 500 + m.sum(smallest((c @ W)[None, :], 0 * c[:1], l, l + width)) + m.sum(c * b)
    )


elimination = Universal(
    id="002.last-layer-wasteful",
    title="bounds of the last layer itself are wasteful",
    text="It is wasteful to propagate the bounds through the very last layer, as what is to be minimized is one "
    "specific linear function of it.",
    reading=_LAYER_READING.replace(", and z between l and u, at either end or half way", "")
    + "the lower bound of cᵀz_{d+1} from interval bounds of z_{d+1} is at most the one from those of z_d, max{cᵀW, "
    "0}l + min{cᵀW, 0}u + cᵀb. 500 is added to both sides",
    source=LAST_LAYER,
    domain=Domain(**{name: one for name, one in _LAYER_RANGES.items() if name != "part"}),
    conclusion=_both,
)

# --- networks with a hidden layer -------------------------------------------------------------------

_NETWORKS: dict[str, Any] = {
    "n": Integers(1, 2),
    "k": Integers(1, 2),
    "classes": Integers(2, 3),
    "W": Matrix("k", "n", _SMALL),
    "b": Vector("k", _SMALL),
    "V": Matrix("classes", "k", _SMALL),
    "c": Vector("classes", _SMALL),
    "x": Vector("n", _SMALL),
    "epsilon": OneOf(0.5, 0.25, 1.0),
}
_INSIDE: dict[str, Any] = {**_NETWORKS, "z": Vector("n", Integers(-2, 2))}
_NETWORK_READING = (
    "for all networks h = V·ReLU(Wx + b) + c with up to two inputs, two units and three classes, whole entries, ε ∈ "
    "{¼, ½, 1} and δ in halves of ε: "
)


def _outputs(W: Any, b: Any, V: Any, c: Any, x: Any) -> Any:
    return V @ m.relu(W @ x + b) + c


def least_margins(W: Any, b: Any, V: Any, c: Any, x: Any, epsilon: Any, y: int) -> Any:
    """Lower bounds of h_y − h_j for all j over the ℓ∞ ball: intervals, the last layer eliminated."""
    low, high = smallest(W, b, x - epsilon, x + epsilon), -smallest(-W, -b, x - epsilon, x + epsilon)
    return smallest(V[y] - V, c[y] - c, m.relu(low), m.relu(high))


def _verified(W: Any, b: Any, V: Any, c: Any, x: Any, epsilon: Any, z: Any, share: float) -> Sides:
    """The claim that the bounds of a ball with this share of the radius are not all positive if x + εz/2 differs."""
    y = label(_outputs(W, b, V, c, x))
    if label(_outputs(W, b, V, c, x + epsilon * z / 2)) == y:
        return NOTHING
    bounds = least_margins(W, b, V, c, x, share * epsilon, y)
    return Sides(m.min(m.stack(one for j, one in enumerate(bounds) if j != y)), 0)


verified = Universal(
    id="002.verified",
    title="positive objectives verify a classifier",
    text="A classifier counts as verified against an attack if the objective of every targeted class is positive.",
    reading=_NETWORK_READING
    + "where x + δ is labelled differently from x, the smallest interval bound of (e_y − e_t)ᵀz_{d+1} over the "
    "targets, with the last layer eliminated, is not positive. Left side: this bound",
    source=RELAXED_TRAINING,
    domain=Domain(**_INSIDE),
    conclusion=lambda W, b, V, c, x, epsilon, z: _verified(W, b, V, c, x, epsilon, z, 1.0),
    made_false=lambda W, b, V, c, x, epsilon, z: _verified(W, b, V, c, x, epsilon, z, 0.0),
)

criterion = Universal(
    id="002.provable-criterion",
    title="the loss of the interval bounds is an upper bound of the loss",
    text="The interval bounds give an upper bound of the cross-entropy loss, and this bound is what is minimized.",
    reading=_NETWORK_READING
    + "ℓ(h(x + δ), y) <= log Σ_j exp(−m_j), y one of the classes and m_j the lower bound of h_y − h_j",
    source=slide("Training using provable criteria"),
    domain=Domain(**_INSIDE),
    conclusion=lambda W, b, V, c, x, epsilon, z: Sides(
        cross_entropy(_outputs(W, b, V, c, x + epsilon * z / 2), 0),
        m.logsumexp(-least_margins(W, b, V, c, x, epsilon, 0)),
    ),
)


vacuous = Universal(
    id="002.vacuous",
    title="interval bounds verify nothing on a network that does not know them",
    text="On a network whose training did not know the bounds, verification by relaxation is vacuous.",
    reading="to the letter, whatever network and radius: for all networks as in 002.verified, at an input with one "
    "largest output and ε = 1/4, …, 1, the smallest interval bound of a margin is not positive. Trained networks are "
    "networks of this form; how many inputs of one are verified depends on ε",
    source=RELAXED_TRAINING,
    domain=Domain(
        **_NETWORKS,
        where={
            "the network depends on its input": lambda W, V: m.any((V[1:] - V[0]) @ W != 0),
            "one output is largest": lambda W, b, V, c, x: _single(_outputs(W, b, V, c, x)),
        },
    ),
    conclusion=lambda W, b, V, c, x, epsilon: Sides(_best(W, b, V, c, x, epsilon), 0),
)


def _single(outputs: Any) -> bool:
    return bool(m.sum(m.where(outputs == m.max(outputs), 1, 0)) == 1)


def _best(W: Any, b: Any, V: Any, c: Any, x: Any, epsilon: Any) -> Any:
    y = label(_outputs(W, b, V, c, x))
    bounds = least_margins(W, b, V, c, x, epsilon, y)
    return m.min(m.stack(one for j, one in enumerate(bounds) if j != y))


vacuous_corrected = Universal(
    id="002.vacuous.corrected",
    title="interval bounds verify less as the radius grows",
    text="Interval bounds of the margins do not rise as the radius grows: what they verify, they verify up to some "
    "radius.",
    reading="for the networks of 002.verified: the lower bound of h_y − h_j at radius 2ε is at most that at ε, for "
    "every j. Left side: the largest increase, 500 added to both sides",
    source=RELAXED_TRAINING,
    corrects="002.vacuous",
    repair="missing hypothesis",
    domain=Domain(**_NETWORKS),
    conclusion=lambda W, b, V, c, x, epsilon: Sides(
        500 + m.max(least_margins(W, b, V, c, x, 2 * epsilon, 0) - least_margins(W, b, V, c, x, epsilon, 0)),
        500,
    ),
)

# --- depth ------------------------------------------------------------------------------------------

_CHAIN = Domain(
    n=Integers(1, 2),
    first=Matrix("n", "n", _SMALL),
    second=Matrix("n", "n", _SMALL),
    third=Matrix("n", "n", _SMALL),
    where={
        "three layers together are not 0": lambda first, second, third: m.any(third @ second @ first != 0),
    },
)
_CHAIN_READING = (
    "for linear layers with whole entries, n <= 2, where both are known: from a box of radius 1, after W_1, W_2, W_3 "
    "the true outputs reach Σ|W_3 W_2 W_1| from their centre, summed over the outputs, and the interval bounds "
    "Σ|W_3||W_2||W_1|; "
)


def _width(*layers: Any) -> Any:
    """Sum over the outputs of |…||W_2||W_1| applied to radii 1."""
    reach = m.sum(m.abs(layers[0]), axis=1)
    for layer in layers[1:]:
        reach = m.abs(layer) @ reach
    return m.sum(reach)


looser = Universal(
    id="002.looser-with-depth",
    title="interval bounds get looser with each layer",
    text="The errors usually add up as a network gets deeper, since the interval bounds, as presented, usually "
    "loosen from layer to layer.",
    reading=_CHAIN_READING
    + "their quotient after three layers is at least that after two. Both sides multiplied out. (`Tend` says less, "
    "of most networks.)",
    source=RELAXED_TRAINING,
    domain=_CHAIN,
    conclusion=lambda first, second, third: Sides(
        _width(first, second) * _width(third @ second @ first),
        _width(first, second, third) * _width(second @ first),
    ),
)

looser_corrected = Universal(
    id="002.looser-with-depth.corrected",
    title="interval bounds are never tighter than the truth, and a layer's looseness adds to the next one's",
    text="Interval bounds of a chain of layers are at least as wide as those that are propagated from the true "
    "ranges after its first layers, and these as the true ranges.",
    reading=_CHAIN_READING
    + "Σ|W_3||W_2||W_1| >= Σ|W_3||W_2 W_1| and Σ|W_3||W_2 W_1| >= Σ|W_3 W_2 W_1|. Left side: the larger of both "
    "smaller sides over its larger one; right side: 1",
    source=RELAXED_TRAINING,
    corrects="002.looser-with-depth",
    repair="missing hypothesis",
    domain=_CHAIN,
    conclusion=lambda first, second, third: Sides(
        m.maximum(
            _width(second @ first, third) / _width(first, second, third),
            _width(third @ second @ first) / _width(second @ first, third),
        ),
        1,
    ),
)

convolution_linear = Universal(
    id="002.convolution-matrix",
    title="a convolution is a matrix",
    text="$W_i$ in $z_{i+1} = f_i(W_i z_i + b_i)$ is most obviously a matrix, but any linear operator would do, a "
    "convolution among them.",
    reading="in one dimension: for all kernels w of length q <= 3 and signals z of length n >= q with whole entries, "
    "the sums Σ_j w_j z_{i+j} are Wz with the Toeplitz matrix W_{i,i+j} = w_j. Left side: the largest difference",
    source=slide("Neural Network"),
    domain=Domain(
        q=Integers(1, 3),
        n=Integers("q", 6),
        w=Vector("q", _SMALL),
        z=Vector("n", _SMALL),
    ),
    conclusion=lambda q, n, w, z: _as_matrix(q, n, w, z, 0),
    made_false=lambda q, n, w, z: _as_matrix(q, n, w, z, 1),
)


def _as_matrix(q: int, n: int, w: Any, z: Any, flipped: int) -> Sides:
    kernel = w[::-1] if flipped else w
    direct = m.stack(m.sum(w * z[i : i + q]) for i in range(n - q + 1))
    rows = m.stack(
        m.stack(kernel[j - i] if 0 <= j - i < q else 0 * w[0] for j in range(n)) for i in range(n - q + 1)
    )
    return Sides(m.max(m.abs(rows @ z - direct)), 0)

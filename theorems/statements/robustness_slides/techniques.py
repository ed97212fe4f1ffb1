"""Local search, exact solution, relaxation and bound propagation, as this program has them, on random networks.

The networks are drawn once, and every technique is run once on all of them: an instance of these statements is the
number of a network. Margins h_y − h_t, for the label y of x and the class t that is nearest in this sense.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import torch
from torch import Tensor

from simulate import attacks
from simulate.certificates import Ball, dual_margin, interval_margin, preactivation_bounds
from simulate.certificates.dual import backward_bound, starting_alpha, tightened_bounds
from simulate.exact import relaxed_margin
from simulate.feedforward import FeedForward
from theorems import Domain, Integers, OneOf, Sides, Universal
from theorems.statements.robustness_slides.programme import minimum
from theorems.statements.robustness_slides.source import slide

NETWORKS = 32
_INPUTS, _WIDTH, _CLASSES = 2, 4, 3
_TOLERANCE = 1e-6
"""Of the solvers, relative to sides of size 1."""


@cache
def networks(hidden: int = 2) -> tuple[FeedForward, Tensor, Tensor, Tensor]:
    """Networks with so many hidden layers, inputs, labels, and radii at which some are robust and some are not."""
    generator = torch.Generator().manual_seed(hidden)

    def normal(*shape: int) -> Tensor:
        return torch.randn(NETWORKS, *shape, generator=generator, dtype=torch.float64)

    sizes = (_INPUTS, *(_WIDTH for _ in range(hidden)), _CLASSES)
    layers = [(normal(out, into) / into**0.5, normal(out) / 4) for into, out in itertools.pairwise(sizes)]
    network = FeedForward(tuple(weight for weight, _ in layers), tuple(bias for _, bias in layers))
    x = normal(_INPUTS)
    return network, x, network(x).argmax(1), torch.linspace(0.02, 1.0, NETWORKS, dtype=torch.float64)


def _least(margins: Tensor) -> list[float]:
    return [float(one) for one in margins.amin(1)]


@cache
def margins(technique: str, hidden: int = 2) -> list[float]:
    """The smallest margin over the ℓ∞ ball of each network, as a technique finds or bounds it."""
    network, x, y, radius = networks(hidden)
    ball = Ball(x, radius, "inf")
    if technique == "attack":
        found = attacks.pgd(network, x, y, radius=radius, norm="inf", steps=20, restarts=3)
        return [float(one) for one in found.margin]
    if technique == "relaxation":
        return _least(relaxed_margin(network, ball, y))
    return _least(dual_margin(network, ball, y) if technique == "dual" else interval_margin(network, ball, y))


@cache
def exact_margin(network: int) -> float:
    """The smallest margin over the ball of a network with one hidden layer, by the integer programme."""
    every, x, y, radius = networks(1)
    one = every.row(network)
    rows, offsets = (tensor[0].numpy() for tensor in one.margin_layer(y[network : network + 1]))
    W, b = one.weights[0].numpy(), one.biases[0].numpy()
    return min(
        minimum(W, b, rows[t], x[network].numpy(), float(radius[network]), 1) + float(offsets[t])
        for t in range(_CLASSES)
        if t != int(y[network])
    )


_SEEDS: dict[str, Any] = {"network": Integers(0, NETWORKS - 1)}


def _drawn(layers: str) -> str:
    return (
        f"for {NETWORKS} random ReLU networks ({_INPUTS} inputs, {layers} of {_WIDTH} units, {_CLASSES} classes) and "
        f"ℓ∞ "
        "balls of radius 0.02 to 1 around an input, margins being those of its label over the nearest class: "
    )


_READING = _drawn("two hidden layers")


def _ordered(technique: str, network: int, gain: float) -> Sides:
    """A technique against the exact smallest margin, both moved by 10; `gain` makes the technique claim more."""
    found, exact = margins(technique, 1)[network], exact_margin(network)
    if technique == "attack":
        return Sides(10 + exact, 10 + found - gain + _TOLERANCE)
    return Sides(10 + found + gain, 10 + exact + _TOLERANCE)


three_techniques = Universal(
    id="002.three-techniques",
    title="local search, exact solution and relaxation are in order",
    text="There are three main techniques: search by local gradients, for a lower bound of the objective; exact "
    "combinatorial optimization, for the objective itself; convex relaxation, for a provable upper bound.",
    reading=_drawn("one hidden layer")
    + "the objective is minus the margin. The margin that this program's projected gradient descent reaches is at "
    "least the smallest one, found by the integer programme of 002.programme for each target, and that is at least "
    "the bounds by the linear relaxation, by its dual and by intervals. 10 is added to both sides",
    source=slide("Inner maximization"),
    domain=Domain(technique=OneOf("attack", "relaxation", "dual", "interval"), **_SEEDS),
    conclusion=lambda technique, network: _ordered(technique, network, 0.0),
    made_false=lambda technique, network: _ordered(technique, network, 0.1),
    rounding=0.0,
)

lower_bound = Universal(
    id="002.lower-bound",
    title="any feasible perturbation gives a lower bound",
    text=r"By definition, each feasible $\delta$ provides a lower bound.",
    reading=_READING
    + "the objective is minus the margin: that of the perturbation which projected gradient descent returns is at "
    "most what the linear relaxation allows, and so at most the maximum. Margins with their signs turned around, 10 "
    "added to both sides",
    source=slide("Lower Bounds"),
    domain=Domain(**_SEEDS),
    conclusion=lambda network: Sides(
        10 - margins("attack")[network], 10 - margins("relaxation")[network] + _TOLERANCE
    ),
    made_false=lambda network: Sides(
        10 - margins("relaxation")[network], 10 - margins("attack")[network] + _TOLERANCE
    ),
    rounding=0.0,
)

weaker = Universal(
    id="002.intervals-weaker",
    title="interval bounds are weaker than the convex relaxation",
    text="Interval bounds are weaker than bounds by convex relaxation.",
    reading=_READING
    + "the interval bound of the margin is at most that of the linear relaxation. 10 is added to both sides",
    source=slide("Bound propagation"),
    domain=Domain(**_SEEDS),
    conclusion=lambda network: Sides(
        10 + margins("interval")[network], 10 + margins("relaxation")[network] + _TOLERANCE
    ),
    made_false=lambda network: Sides(
        10 + margins("relaxation")[network], 10 + margins("interval")[network] + _TOLERANCE
    ),
    rounding=0.0,
)

dual = Universal(
    id="002.dual-bound",
    title="one backward pass bounds the relaxed objective",
    text="By convex duality a provable lower bound of the relaxed objective comes quickly, from a single backward "
    "pass through the network; it amounts to a relaxation that is looser still.",
    reading=_READING
    + "the bound of one backward pass is at most the optimum of the linear relaxation with the same bounds of the "
    "hidden layers. 10 is added to both sides; how quickly is not checked",
    source=slide("Faster Solutions of Convex Relaxation"),
    domain=Domain(**_SEEDS),
    conclusion=lambda network: Sides(
        10 + margins("dual")[network], 10 + margins("relaxation")[network] + _TOLERANCE
    ),
    made_false=lambda network: Sides(
        10 + margins("relaxation")[network], 10 + margins("dual")[network] + _TOLERANCE
    ),
    rounding=0.0,
)

# --- bounds of the hidden layers --------------------------------------------------------------------


@cache
def second_layer(how: str) -> list[list[float]]:
    """Lower bounds of the second hidden layer's inputs: by intervals, by one backward pass, or by both."""
    network, x, _, radius = networks()
    ball = Ball(x, radius, "inf")
    plain = preactivation_bounds(network, ball)
    if how == "intervals":
        low = plain[1][0]
    elif how == "backward pass":
        rows, offsets = network.weights[1], network.biases[1]
        low = backward_bound(
            network, ball, plain[:1], starting_alpha(network, plain[:1], "parallel"), rows, offsets
        )
    else:
        low = tightened_bounds(network, ball, "parallel")[1][0]
    return [[float(entry) for entry in one] for one in low]


def _tighter(how: str, network: int, unit: int) -> Sides:
    return Sides(
        10 + second_layer("intervals")[network][unit], 10 + second_layer(how)[network][unit] + _TOLERANCE
    )


_UNITS = Domain(**_SEEDS, unit=Integers(0, _WIDTH - 1))

tighter = Universal(
    id="002.dual-tighter",
    title="bounds by a backward pass are tighter than interval bounds",
    text="The procedure is fast enough to serve for tighter interval bounds as well, tighter than those of the "
    "simple bound propagation.",
    reading=_READING
    + "for every unit of the second layer, the lower bound by one backward pass, with the slope u/(u − l) that the "
    "chord has, is at least the interval bound. 10 is added to both sides",
    source=slide("Faster Solutions of Convex Relaxation"),
    domain=_UNITS,
    conclusion=lambda network, unit: _tighter("backward pass", network, unit),
    rounding=0.0,
)

tighter_corrected = Universal(
    id="002.dual-tighter.corrected",
    title="bounds by a backward pass, or by intervals where those are tighter",
    text="The larger of the lower bounds by one backward pass and by simple bound propagation is at least as tight "
    "as the latter.",
    reading="as before, with the larger of the two bounds, as this program's certificates take them",
    source=slide("Faster Solutions of Convex Relaxation"),
    corrects="002.dual-tighter",
    repair="missing hypothesis",
    domain=_UNITS,
    conclusion=lambda network, unit: _tighter("both", network, unit),
    rounding=0.0,
)


@cache
def exact_minimum(network: int, unit: int) -> float:
    """The smallest input of a unit of the second layer over the ball."""
    every, x, _, radius = networks()
    one = every.row(network)
    W, b, c = (tensor.numpy() for tensor in (one.weights[0], one.biases[0], one.weights[1][unit]))
    return minimum(W, b, c, x[network].numpy(), float(radius[network]), 1) + float(one.biases[1][unit])


exact_bounds = Universal(
    id="002.exact-bounds",
    title="interval bounds are looser than the exact ones",
    text="The exact bounds of an activation are found as targeted attacks are: minimize $e_j^T z_{k+1}$ subject to "
    r"$\|z_1 - x\|_\infty \leq \epsilon$, $z_{i+1} = \max\{0, W_i z_i + b_i\}$, $i = 1, \dots, k-1$, $z_{k+1} = W_k "
    "z_k + b_k$. Interval bounds are much looser and very fast.",
    reading=_READING
    + "for every unit of the second layer the interval bound is at most the minimum, found by the integer programme "
    "of 002.programme. 10 is added to both sides; how much looser and how fast is not checked",
    source=slide("Finding upper and lower bounds, First Technique"),
    domain=_UNITS,
    conclusion=lambda network, unit: Sides(
        10 + second_layer("intervals")[network][unit], 10 + exact_minimum(network, unit) + _TOLERANCE
    ),
    made_false=lambda network, unit: Sides(
        10 + exact_minimum(network, unit), 10 + second_layer("intervals")[network][unit] + _TOLERANCE
    ),
    rounding=0.0,
)


# --- restarts ---------------------------------------------------------------------------------------

RANDOMIZATION = slide("Randomization")


@cache
def restarted(restarts: int) -> tuple[list[float], int]:
    """Margins that projected gradient descent reaches from so many starts, and how often it asked for a gradient."""
    network, x, y, radius = networks()
    asked = 0

    def counted(points: Tensor) -> Tensor:
        nonlocal asked
        asked += int(points.requires_grad)
        return network(points)

    found = attacks.pgd(counted, x, y, radius=radius, norm="inf", steps=10, restarts=restarts)
    return [float(one) for one in found.margin], asked


mitigated = Universal(
    id="002.random-restarts",
    title="random restarts do not weaken an attack",
    text="Local optima cannot be avoided altogether, but random restarts mitigate the problem slightly.",
    reading=_READING
    + "the margin that this program's projected gradient descent reaches from 2, 4 or 8 starts, the first of them at "
    "x and the same, is at most that from one start. 10 is added to both sides. That some optimum is missed from "
    "every start is 002.local-optima",
    source=RANDOMIZATION,
    domain=Domain(restarts=OneOf(2, 4, 8), **_SEEDS),
    conclusion=lambda restarts, network: Sides(
        10 + restarted(restarts)[0][network], 10 + restarted(1)[0][network]
    ),
    made_false=lambda restarts, network: Sides(
        10 + restarted(1)[0][network], 10 + restarted(restarts)[0][network]
    ),
    rounding=0.0,
)

runtime = Universal(
    id="002.restarts-cost",
    title="restarts multiply the cost",
    text="Random restarts cost their number as a factor of the runtime.",
    reading="the cost in gradients of the network that this program's projected gradient descent asks for, from 1, "
    "2, 4 and 8 starts with 10 steps: it is the number of starts times that of one. The time itself is not checked",
    source=RANDOMIZATION,
    domain=Domain(restarts=OneOf(1, 2, 4, 8)),
    conclusion=lambda restarts: Sides.equal(restarted(restarts)[1], restarts * restarted(1)[1]),
    rounding=0.0,
)

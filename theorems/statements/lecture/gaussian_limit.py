"""The output at initialisation: its variance at every width, its Gaussian limit, and how fast it gets there."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch

from simulate import activations, laws
from simulate.activations import LEAKY_SLOPE, NAMES
from theorems import Domain, ExactMeasure, Integers, OneOf, Reals, Scaling, Sides, Sphere, Universal, Vector
from theorems import maths as m
from theorems.statements.lecture.kolmogorov import fourier_distance, step_distance, two_slopes_distance
from theorems.statements.lecture.source import lecture

SETTING = lecture("Setting (Section 3)")

PREACTIVATION = Universal(
    id="001.preactivation",
    title="preactivations are standard normal",
    text=r"For $\mathbf{w}_j \sim \mathcal{N}(0, \frac{1}{d}\mathbf{I}_d)$ and $\mathbf{x} \in \sqrt{d} \cdot "
    r"\mathbb{S}^{d-1}$: $\mathbf{w}_j^\top \mathbf{x} \sim \mathcal{N}(0,1)$.",
    reading="w·x is Gaussian with mean 0 and variance ‖x‖²/d; for all d and x the variance is 1",
    source=SETTING,
    domain=Domain(d=Integers(1, 8), x=Sphere("d")),
    conclusion=lambda d, x: Sides.equal(m.sum(x * x) / d, 1),
    made_false=lambda d, x: Sides.equal(m.sum(x * x), 1),
)

# --- variance ---------------------------------------------------------------------------------------


def _mean_of(function: Any, k: int, values: Any, weights: Any) -> Any:
    """E function(f) over all signs and all points of a finite law of the u_j; σ takes the given values there."""
    if not isinstance(values, np.ndarray):
        raise TypeError("outcomes are enumerated in numpy")
    points = np.array(list(itertools.product(range(len(values)), repeat=k)))  # (n^k, k)
    signs = np.array(list(itertools.product((-1, 1), repeat=k)))  # (2^k, k)
    probabilities = np.prod((weights / m.sum(weights))[points], axis=1)
    outputs = values[points] @ signs.T / m.sqrt(k)
    return m.sum(probabilities * m.sum(function(outputs), 1)) / 2**k


def _second_moment(values: Any, weights: Any) -> Any:
    return m.sum(weights * values * values) / m.sum(weights)


VARIANCE = Universal(
    id="001.clt.variance",
    title="the output is centred with variance Eσ² at every width",
    text=r"For $\mathbf{x} \in \sqrt{d} \cdot \mathbb{S}^{d-1}$ and large width $k$, $f(\mathbf{x})$ is centered "
    r"with variance equal to $\mathbb{E}_{X \sim \mathcal{N}(0,1)}[\sigma(X)^2]$.",
    reading="for every k, not only large ones, and for every law of the preactivations in place of N(0, 1): E(f + "
    "1)² = Eσ² + 1, that is, mean 0 and variance Eσ². All outcomes are enumerated: k <= 3 neurons, a law on n "
    "points with the given weights, where σ takes any values",
    source=SETTING,
    domain=Domain(
        k=Integers(1, 3),
        n=Integers(1, 2),
        values=Vector("n", Reals(-10, 10)),
        weights=Vector("n", Reals(0.1, 1)),
    ),
    conclusion=lambda k, values, weights: Sides.equal(
        _mean_of(lambda f: (f + 1) ** 2, k, values, weights), _second_moment(values, weights) + 1
    ),
    made_false=lambda k, values, weights: Sides.equal(  # a sum of k terms, not of k terms over √k
        _mean_of(lambda f: (f + 1) ** 2, k, values, weights), k * _second_moment(values, weights) + 1
    ),
)


def _growing(t: float) -> float:
    """Eσ² for σ(x) = e^{t x²}: 1/√(1 − 4t), infinite from t = ¼ on."""
    return 1 / math.sqrt(1 - 4 * t) if 4 * t < 1 else math.inf


ORDER_ONE = Universal(
    id="001.clt.order-one",
    title="the variance of the output is finite",
    text=r"$\mathbb{E}_{X \sim \mathcal{N}(0,1)}[\sigma(X)^2] = \mathcal{O}(1)$.",
    reading="the slide asks nothing of σ. For σ(x) = e^{t x²} and every t in [0, 1]: Eσ(X)² < ∞",
    source=SETTING,
    domain=Domain(t=Reals(0, 1)),
    conclusion=lambda t: Sides.true(math.isfinite(_growing(t))),
)

_LIPSCHITZ = tuple(name for name in NAMES if activations.get(name).lipschitz is not None)


def _lipschitz_bound(activation: str) -> float:
    sigma = activations.get(activation)
    slope, value = sigma.lipschitz or 0.0, abs(float(sigma.value(torch.zeros(1, dtype=torch.float64))))
    return value**2 + 2 * value * slope * math.sqrt(2 / math.pi) + slope**2


ORDER_ONE_CORRECTED = Universal(
    id="001.clt.order-one.corrected",
    title="the variance of the output is at most σ(0)² + 2|σ(0)|L√(2/π) + L² for L-Lipschitz σ",
    text=r"If $\sigma$ is $L$-Lipschitz, $\mathbb{E}_{X \sim \mathcal{N}(0,1)}[\sigma(X)^2] \le \sigma(0)^2 + "
    r"2|\sigma(0)|L\sqrt{2/\pi} + L^2$, the same for all $k$ and $d$.",
    reading="for the named activations that are Lipschitz, with their best constants; equality for |x| and x. The "
    "variance has no k and no d in it, so that it is O(1) as soon as it is finite",
    source=SETTING,
    corrects="001.clt.order-one",
    repair="missing hypothesis",
    domain=Domain(activation=OneOf(*_LIPSCHITZ)),
    conclusion=lambda activation: Sides(laws.second_moment(activation), _lipschitz_bound(activation)),
)

# --- the limit --------------------------------------------------------------------------------------

FINITE_WIDTH = Universal(
    id="001.clt.finite-width",
    title="the output is Gaussian at finite width",
    text=r"$f(\mathbf{x})$ is distributed as a centered Gaussian whose variance is $\mathbb{E}_{X \sim "
    r"\mathcal{N}(0,1)}[\sigma(X)^2]$.",
    reading="to the letter, at every width k: then E f⁴ = 3(Eσ²)². Exactly, E f⁴ = 3(Eσ²)² + (Eσ⁴ − 3(Eσ²)²)/k. "
    "Of the named activations, only x and |x| make the law Gaussian at every width",
    source=SETTING,
    domain=Domain(
        activation=OneOf(*(name for name in NAMES if name != "quadratic")), k=Integers(1, 10_000, log=True)
    ),
    conclusion=lambda activation, k: Sides.equal(
        laws.output_fourth_moment(activation, k), 3 * laws.second_moment(activation) ** 2
    ),
)

_ABSOLUTE_THIRD = math.sqrt(8 / math.pi)
"""E|Z|³."""


def _distance(activation: str, k: int) -> float:
    if activation == "step":
        return step_distance(k)
    return two_slopes_distance(*_SLOPES[activation], k)


_SLOPES = {"relu": (1.0, 0.0), "leaky_relu": (1.0, LEAKY_SLOPE)}


def _berry_esseen(activation: str, k: int) -> float:
    """0.469 E|σ|³/(Eσ²)^{3/2}/√k."""
    if activation == "step":
        ratio = math.sqrt(2)
    else:
        up, down = _SLOPES[activation]
        ratio = _ABSOLUTE_THIRD * (up**3 + down**3) / 2 / ((up**2 + down**2) / 2) ** 1.5
    return 0.469 * ratio / math.sqrt(k)


LIMIT = Universal(
    id="001.clt",
    title="for large width the output is nearly Gaussian",
    text=r"For $\mathbf{x} \in \sqrt{d} \cdot \mathbb{S}^{d-1}$ and large width $k$, $f(\mathbf{x})$ is "
    r"distributed as a centered Gaussian whose variance is $\mathbb{E}_{X \sim "
    r"\mathcal{N}(0,1)}[\sigma(X)^2] = \mathcal{O}(1)$.",
    reading="the central limit theorem with a rate: Kolmogorov's distance between f(x) and N(0, Eσ²) is at most "
    "0.469·E|σ|³/((Eσ²)^{3/2}√k) (Berry and Esseen, constant by Shevtsova 2013), at every k; exact laws of f for "
    "ReLU, leaky ReLU and the unit step",
    source=SETTING,
    corrects="001.clt.finite-width",
    repair="convention",
    domain=Domain(activation=OneOf("relu", "step", "leaky_relu"), k=Integers(1, 500, log=True)),
    conclusion=lambda activation, k: Sides(_distance(activation, k), _berry_esseen(activation, k)),
)

_RATE = r"How fast the distribution of $f(\mathbf{x})$ tends to its Gaussian limit as the width $k$ grows: "

RATE = Scaling(
    id="001.clt.rate",
    title="the distance to the Gaussian is O(1/√k)",
    text=_RATE + r"$\mathcal{O}(1/\sqrt{k})$, the rate of the central limit theorem in general.",
    reading="Kolmogorov's distance for ReLU, exact; the slide says large width and names no rate",
    source=SETTING,
    measure=ExactMeasure(lambda k: two_slopes_distance(1.0, 0.0, k)),
    sizes=(16, 32, 64, 128, 256, 512, 1024),
    exponent=-0.5,
    relation="O",
)

RATE_RELU = Scaling(
    id="001.clt.rate.relu",
    title="for ReLU the distance to the Gaussian is Θ(1/k)",
    text=_RATE + r"$\Theta(1/k)$ for ReLU, for the signs $a_j$ make the skewness vanish.",
    reading="Kolmogorov's distance, exact; the atom at 0 (all neurons dead, 2^{−k}) is negligible at these "
    "widths. Edgeworth's next term gives (κ/24)·max|x³ − 3x|φ(x)/k = 0.0688/k, with κ = 3",
    source=SETTING,
    measure=ExactMeasure(lambda k: two_slopes_distance(1.0, 0.0, k)),
    sizes=(16, 32, 64, 128, 256, 512, 1024),
    exponent=-1.0,
)

RATE_TANH = Scaling(
    id="001.clt.rate.tanh",
    title="for tanh the distance to the Gaussian is Θ(1/k)",
    text=_RATE + r"$\Theta(1/k)$ for $\tanh$.",
    reading="Kolmogorov's distance by Fourier inversion",
    source=SETTING,
    measure=ExactMeasure(lambda k: fourier_distance("tanh", k)),
    sizes=(16, 32, 64, 128, 256),
    exponent=-1.0,
)

RATE_STEP = Scaling(
    id="001.clt.rate.step",
    title="for the unit step the distance to the Gaussian is Θ(1/√k)",
    text=_RATE + r"$\Theta(1/\sqrt{k})$ for the unit step, whose outputs lie on a lattice.",
    reading="Kolmogorov's distance, exact: the law is binomial, and half of its largest atom remains",
    source=SETTING,
    measure=ExactMeasure(step_distance),
    sizes=(16, 32, 64, 128, 256, 512, 1024),
    exponent=-0.5,
)

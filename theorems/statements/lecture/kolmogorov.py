"""Kolmogorov's distance between the law of f(x) and its Gaussian limit, without sampling.

The network is f(x) = k^{−1/2} Σ_j a_j σ(u_j) with fair signs a_j and u_j ~ N(0, 1), all independent. Distances are
maxima over a fine grid of points, whose last digits are those of a maximum between two grid points (relative 1e-5).

- σ(u) = slope·u on each side of 0. Given which of the u_j are positive, a_j σ(u_j) is Gaussian: with N of them
  positive, f ~ N(0, (N up² + (k − N) down²)/k), and N is Binomial(k, ½).
- The unit step: √k f = Binomial(2k, ½) − k, as a_j 1[u_j > 0] is half the sum of two fair signs.
- Else the inverse Fourier integral of ψ(t/√k)^k, ψ(t) = E cos(tσ(Z)), minus that of the limit.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special

from simulate import activations, laws

Floats = NDArray[np.float64]

_POINTS = np.linspace(0.0, 6.0, 1501)
"""In standard deviations of the limit; both laws are symmetric."""
_REACH = 12.0
"""Standard deviations of the binomial law beyond which terms are left out (below 1e-30)."""


@cache
def two_slopes_distance(up: float, down: float, width: int) -> float:
    """The distance for σ(u) = up·u where u > 0 and down·u elsewhere."""
    middle, spread = width / 2, _REACH * math.sqrt(width) / 2
    n = np.arange(max(0, math.floor(middle - spread)), min(width, math.ceil(middle + spread)) + 1)
    log_weight = special.gammaln(width + 1) - special.gammaln(n + 1) - special.gammaln(width - n + 1)
    weight = np.exp(log_weight - width * math.log(2))
    deviation = np.sqrt((n * up**2 + (width - n) * down**2) / width)
    limit = math.sqrt((up**2 + down**2) / 2)
    points = limit * _POINTS[:, None]
    # A law without spread is an atom at 0, and has all its mass at or below every point here.
    scaled = np.divide(points, deviation, out=np.full((len(points), len(n)), np.inf), where=deviation > 0)
    difference = special.ndtr(scaled) @ weight - special.ndtr(_POINTS)
    return float(np.abs(difference).max())


@cache
def step_distance(width: int) -> float:
    """The distance for the unit step, at both sides of every atom."""
    m = np.arange(-width, width + 1)
    upper = special.bdtr(m + width, 2 * width, 0.5)
    lower = np.concatenate([[0.0], upper[:-1]])
    limit = special.ndtr(m / math.sqrt(width) / math.sqrt(0.5))
    return float(max(np.abs(upper - limit).max(), np.abs(lower - limit).max()))


@cache
def fourier_distance(activation: str, width: int) -> float:
    """The distance for a smooth σ whose ψ^k has died away at t = 60: width 16 or more will do for tanh."""
    sigma = activations.get(activation)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    z = 10 * nodes
    values = sigma.value(torch.from_numpy(z)).numpy()
    density = 10 * weights * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    limit = math.sqrt(laws.output_variance(sigma))
    t = np.arange(0.01, 60.0, 0.02)  # the midpoint rule in steps of 0.02
    characteristic = (np.cos(np.outer(t / math.sqrt(width), values)) @ density) ** width
    gap = (characteristic - np.exp(-((limit * t) ** 2) / 2)) / t
    difference = 0.02 / math.pi * np.sin(np.outer(limit * _POINTS[::3], t)) @ gap
    return float(np.abs(difference).max())

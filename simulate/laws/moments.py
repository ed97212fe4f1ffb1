"""Gaussian moments of an activation and its derivative: what every other law is made of."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from numpy.typing import NDArray

from simulate.activations import Activation, ActivationLike, get
from simulate.arguments import whole
from simulate.errors import BadInput

# Integrals run over [−16, 16]: the normal density at 16 is 1e-56, so that even a power z²⁰ (1e24 there)
# leaves nothing of note outside. A function that grows faster shows in the outermost unit, and is refused.
_REACH = 16
# Gauss-Legendre nodes per panel. On panels of length 1 all named activations are then at rounding error.
_NODES = 24
# How often the panels may be halved: to length 1/512, which resolves a function that varies on scale 1e-3.
_HALVINGS = 9
# Two successive refinements must agree to this much of ∫|integrand|. The finer one is far more accurate
# than their difference, so this certifies 1e-12 with room to spare; rounding alone is a few 1e-16.
_AGREEMENT = 1e-13


def gaussian_moment(
    activation: ActivationLike, value_power: int = 0, derivative_power: int = 0, z_power: int = 0
) -> float:
    """E σ(Z)ᵖ σ′(Z)^q Zʳ for Z ~ N(0, 1), to 1e-12 of E|σ(Z)ᵖ σ′(Z)^q Zʳ|.

    Composite Gauss-Legendre quadrature, split at the activation's kinks, with the panels halved until two
    successive results agree. Results are kept for the process.

    Args:
        activation: σ.
        value_power: p ≥ 0.
        derivative_power: q ≥ 0.
        z_power: r ≥ 0.

    Raises:
        BadInput: a power is negative or no integer, or the refinement does not settle: the function has a
            kink that was not stated, varies too fast, or the moment is infinite.

    """
    powers = []
    for label, power in (("value", value_power), ("derivative", derivative_power), ("z", z_power)):
        powers.append(whole(power, f"{label}_power", 0))
    return _moment(get(activation), *powers)


@functools.cache
def _moment(activation: Activation, p: int, q: int, r: int) -> float:
    inner = [kink for kink in activation.kinks if abs(kink) < _REACH]
    edges = np.unique(np.concatenate([np.arange(-_REACH, _REACH + 1.0), inner]))
    coarse = math.nan
    for _ in range(_HALVINGS + 1):
        terms, outermost = _quadrature_terms(activation, p, q, r, edges)
        fine, size = float(terms.sum()), float(np.abs(terms).sum())
        if abs(fine - coarse) <= _AGREEMENT * size and float(np.abs(outermost).sum()) <= _AGREEMENT * size:
            return fine
        coarse = fine
        edges = np.sort(np.concatenate([edges, (edges[:-1] + edges[1:]) / 2]))
    raise BadInput(
        f"{activation.name}: the integral E σ(Z)^{p} σ′(Z)^{q} Z^{r} does not settle (last value {fine:g}). "
        "State the points where the function or its derivative is not smooth (kinks=...); "
        "otherwise it varies too fast or this moment is infinite"
    )


def _quadrature_terms(
    activation: Activation, p: int, q: int, r: int, edges: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The weighted values whose sum is the integral, and those of them with |z| > reach − 1."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = np.diff(edges)[:, None] / 2
    z = edges[:-1, None] + half * (1 + nodes)  # (panels, nodes)
    x = torch.from_numpy(z)
    terms = half * weights * np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * z**r
    with torch.no_grad(), np.errstate(over="ignore", invalid="ignore"):
        if p:
            terms *= activation.value(x).numpy() ** p
        if q:
            terms *= activation.derivative(x).numpy() ** q
    if not np.isfinite(terms).all():
        where = z[~np.isfinite(terms)]
        raise BadInput(f"{activation.name} or a power of it is not finite at {where[0]:g}")
    return terms, terms[np.abs(z) > _REACH - 1]


def second_moment(activation: ActivationLike) -> float:
    """E σ(Z)², Z ~ N(0, 1)."""
    return gaussian_moment(activation, value_power=2)


def derivative_second_moment(activation: ActivationLike) -> float:
    """E σ′(Z)², Z ~ N(0, 1)."""
    return gaussian_moment(activation, derivative_power=2)


def derivative_second_moment_z(activation: ActivationLike) -> float:
    """E σ′(Z)² Z², Z ~ N(0, 1)."""
    return gaussian_moment(activation, derivative_power=2, z_power=2)

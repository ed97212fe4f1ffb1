"""Laws of deep random networks: f(x) = g k^{−1/2} a·σ(u_{L−1}), u_1 = g W_1 x, u_l = g W_l σ(u_{l−1}).

Depth L counts the layers of weights, the read-out included: L = 2 is the two-layer network. The entries of
W_l are N(0, 1/fan-in), a_j = ±1, |x| = √d, no biases. g = √2 is He's initialisation (variance 2/fan-in in
every layer), g = 1 the scaling of the lecture's two-layer network, any other g a mean-field scaling.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulate.activations import Activation, ActivationLike, Elementwise, get
from simulate.arguments import whole
from simulate.errors import BadInput
from simulate.laws.moments import derivative_second_moment, second_moment


@dataclass(frozen=True)
class WidthLimit:
    """What output and gradient tend to as all widths and then d grow.

    Attributes:
        output_variance: V; f → N(0, V).
        gradient_square: G; |∇f|² → G.

    """

    output_variance: float
    gradient_square: float


def scaled(activation: ActivationLike, inner: float, outer: float) -> Activation:
    """The activation z ↦ outer · σ(inner · z), with its constants; used inside laws."""
    return _scaled(get(activation), float(inner), float(outer))


@functools.cache
def _scaled(base: Activation, inner: float, outer: float) -> Activation:
    if inner == outer == 1:
        return base
    if not (inner > 0 and outer > 0):
        raise BadInput(f"an activation is scaled by positive numbers, not {inner:g} and {outer:g}")

    def rescaled(function: Elementwise, factor: float) -> Elementwise:
        def apply(x: Tensor, out: Tensor | None = None) -> Tensor:
            if out is None:
                return factor * function(inner * x)
            torch.mul(x, inner, out=out)
            return function(out, out=out).mul_(factor)

        return apply

    curvature = base.derivative_lipschitz
    return Activation(
        name=f"{outer:g}*{base.name}({inner:g}*z)",
        value=rescaled(base.value, outer),
        derivative=rescaled(base.derivative, outer * inner),
        lipschitz=None if base.lipschitz is None else outer * inner * base.lipschitz,
        derivative_lipschitz=None if curvature is None else outer * inner**2 * curvature,
        kinks=tuple(kink / inner for kink in base.kinks),
        homogeneous_degree=base.homogeneous_degree,
    )


def width_limit(activation: ActivationLike, depth: int = 2, gain: float = 1.0) -> WidthLimit:
    """V and G by the recursions of signal and gradient.

    The preactivations of layer l tend to independent N(0, q_l): q_1 = g², q_{l+1} = g² E σ(√q_l Z)², and
    V = g² E σ(√q_{L−1} Z)². Backwards each layer multiplies the squared gradient by g² E σ′(√q_l Z)², and
    the read-out by g² (B. Poole et al., NeurIPS 2016; S. Schoenholz et al., ICLR 2017).

    Args:
        activation: σ.
        depth: L ≥ 2.
        gain: g > 0.

    """
    if not gain > 0:
        raise BadInput(f"gain must be positive, not {gain:g}")
    return _width_limit(get(activation), whole(depth, "depth", 2), float(gain))


@functools.cache
def _width_limit(activation: Activation, depth: int, gain: float) -> WidthLimit:
    layers = depth - 1
    q, gradient = gain**2, gain**2
    for _ in range(layers):
        # E σ(√q Z)² as a moment of the activation z ↦ σ(√q z); its derivative carries a factor √q.
        at_scale = scaled(activation, math.sqrt(q), 1.0)
        gradient *= gain**2 * derivative_second_moment(at_scale) / q
        q = gain**2 * second_moment(at_scale)
    return WidthLimit(q, gradient)


def he_input_derivative_second_moment(dim: int) -> float:
    """E(∂f/∂x_p)² = 2/n₀ for deep ReLU networks under He's initialisation: exact at any widths and depth.

    Each layer keeps it: given what comes before, a neuron's row w and −w are equally likely, so the neuron is
    active half of the time independently of (wᵀJ)², and the variance 2/fan-in makes up for the half. The
    read-out has E a_j² g²/k = 2/k and no activation, which leaves the factor 2. Where a whole layer is dead,
    both sides are 0.

    Args:
        dim: n₀ = d ≥ 1, the number of inputs.

    """
    return 2 / whole(dim, "dim", 1)

"""Networks that bring their own gradient, for attacks that ask automatic differentiation for it.

A two-layer or deep random network answers f(x) and ∇f(x) from the products W x and Wᵀ v alone. Held through
`LazyGaussian`, it cannot be differentiated by following its operations (what is drawn depends on what was asked), but
its own ∇f is the exact derivative at fixed W. So the derivative that torch is told is that one. `follow` is how attacks
ask any network for a gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from simulate.attacks.chain import Chain
from simulate.deep import DeepNetwork
from simulate.errors import BadInput
from simulate.networks import TwoLayerNetwork


class _Output(torch.autograd.Function):
    """f with its derivative; the preactivations are kept, so that the gradient costs one product more."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, network: TwoLayerNetwork | DeepNetwork) -> Tensor:
        point = x.detach()
        first = (
            network.matrix.matvec(point)
            if isinstance(network, TwoLayerNetwork)
            else network.first_layer(point)
        )
        ctx.network = network
        ctx.save_for_backward(first)
        return network.read_out(first)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        (first,) = ctx.saved_tensors
        return slopes[0].unsqueeze(1) * ctx.network.gradient_from(first), None


def differentiable(network: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The network as torch can differentiate it: wrapped if it is one that knows its gradient, else as it is."""
    if not isinstance(network, TwoLayerNetwork | DeepNetwork):
        return network

    def function(x: Tensor) -> Tensor:
        answer: Tensor = _Output.apply(x, network)  # type: ignore[no-untyped-call]
        return answer

    return function


def follow(network: Callable[[Tensor], Tensor], points: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """The outputs, and what takes slopes in the outputs, of their shape, to slopes in the points, (B, d).

    Raises:
        BadInput: automatic differentiation cannot follow the network.

    """
    if isinstance(network, Chain):
        return network.follow(points)
    with torch.enable_grad():
        point = points.detach().requires_grad_()
        outputs = network(point)
    check_differentiable(outputs)

    def back(pull: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(outputs, point, pull, allow_unused=True)
        return (torch.zeros_like(point) if slope is None else slope).flatten(1)

    return outputs.detach(), back


def check_differentiable(values: Tensor) -> None:
    """Refuse what has no gradient.

    Raises:
        BadInput: automatic differentiation cannot follow what computed these values.

    """
    if not values.requires_grad:
        raise BadInput("automatic differentiation cannot follow the network")

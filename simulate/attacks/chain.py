"""Modules that are one chain of linear layers and ReLU: their gradient is a product of matrices.

In a small network the bookkeeping of automatic differentiation takes longer than the products themselves. Which modules
are such chains `torch.fx` tells, from the operations that they really do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, fx, nn
from torch.nn import functional


@dataclass(frozen=True)
class Chain:
    """z ← x, flattened; then z ← W z + b and, after some layers, z ← max(z, 0).

    Attributes:
        layers: the module's own linear layers, so that their weights are those of now.
        rectified: whether a ReLU follows, layer by layer.

    """

    layers: tuple[nn.Linear, ...]
    rectified: tuple[bool, ...]

    def __call__(self, x: Tensor) -> Tensor:
        """(B, *shape) → (B, classes), by the same operations as the module's."""
        return self._all(x)[-1]

    def follow(self, x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """The outputs, and what takes slopes in the outputs, (B, classes), to slopes in x, (B, d)."""
        with torch.no_grad():
            found = self._all(x)

        def back(slope: Tensor) -> Tensor:
            with torch.no_grad():
                for layer, bent, z in zip(*map(reversed, (self.layers, self.rectified, found)), strict=True):
                    # The derivative of max(u, 0) is the sign of its value.
                    slope = (slope * z.sign() if bent else slope) @ layer.weight
            return slope

        return found[-1], back

    def _all(self, x: Tensor) -> list[Tensor]:
        """What each layer returns."""
        z, found = x.flatten(1), []
        for layer, bent in zip(self.layers, self.rectified, strict=True):
            z = functional.linear(z, layer.weight, layer.bias)
            z = z.relu() if bent else z
            found.append(z)
        return found


_KNOWN: WeakKeyDictionary[nn.Module, Chain | None] = WeakKeyDictionary()


def chain_of(network: object, x: Tensor) -> Chain | None:
    """The chain that a module is, if it is one, and answers as it does at the first inputs, to the bit.

    A module is read once, which takes milliseconds; the answers tell whether it has been rebuilt since. Modules with
    hooks are left alone.
    """
    if not isinstance(network, nn.Module) or any(
        one._forward_hooks or one._forward_pre_hooks or one._backward_hooks for one in network.modules()
    ):
        return None
    if network not in _KNOWN:
        _KNOWN[network] = _read(network)
    chain, few = _KNOWN[network], x[:8]
    try:
        with torch.no_grad():
            return chain if chain is not None and torch.equal(chain(few), network(few)) else None
    except (RuntimeError, TypeError, ValueError, IndexError):  # the caller meets it again
        return None


def _read(network: nn.Module) -> Chain | None:
    try:
        graph = fx.Tracer().trace(network)
    except Exception:  # whatever the module does when it meets a symbol instead of numbers
        return None
    layers: list[nn.Linear] = []
    rectified: list[bool] = []
    before: list[fx.Node] = []
    for node in graph.nodes:
        if node.all_input_nodes != before:  # not the one value that was computed last
            return None
        before = [node]
        step = network.get_submodule(node.target) if node.op == "call_module" else node.target
        if type(step) is nn.Linear:
            layers.append(step)
            rectified.append(False)
        elif layers and (type(step) is nn.ReLU or step in (torch.relu, functional.relu, "relu")):
            rectified[-1] = True
        elif not (node.op in ("placeholder", "output") or type(step) is nn.Identity or _flattens(node, step)):
            return None
    return Chain(tuple(layers), tuple(rectified)) if layers else None


def _flattens(node: fx.Node, step: object) -> bool:
    """Whether this step flattens all but the batch; of what a linear layer returns that changes nothing."""
    if type(step) is nn.Flatten:
        return (step.start_dim, step.end_dim) == (1, -1)
    return step in (torch.flatten, "flatten") and node.args[1:] == (1,) and not node.kwargs

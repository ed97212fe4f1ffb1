"""Feed-forward networks with piecewise-linear activations, as their weights: what exact solvers and certificates read.

    z_0 = x,   u_i = W_i z_{i−1} + b_i,   z_i = σ(u_i) for i < L,   output = u_L

σ is relu, leaky_relu or abs, entry by entry. Weights may carry a batch axis in front: row b of the inputs then meets
network b, so that ten thousand random networks are one object.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from simulate.activations import LEAKY_SLOPE
from simulate.errors import BadInput

SLOPES: dict[str, tuple[float, float]] = {
    "relu": (0.0, 1.0),
    "leaky_relu": (LEAKY_SLOPE, 1.0),
    "abs": (-1.0, 1.0),
}
"""Slopes of σ left and right of its kink at 0."""


@dataclass(frozen=True)
class FeedForward:
    """A network with L ≥ 1 linear layers.

    Attributes:
        weights: W_1 … W_L, each (out, in) or (B, out, in).
        biases: b_1 … b_L, each (out,) or (B, out).
        activation: "relu", "leaky_relu" or "abs".

    Raises:
        BadInput: sizes that do not follow each other, an activation with no two slopes, numbers that are not finite.

    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    activation: str = "relu"

    def __post_init__(self) -> None:
        if self.activation not in SLOPES:
            raise BadInput(f"the activation must be one of {', '.join(SLOPES)}, got {self.activation!r}")
        if not self.weights or len(self.weights) != len(self.biases):
            raise BadInput("a network needs at least one layer, and one bias for each")
        for weight, bias in zip(self.weights, self.biases, strict=True):
            if weight.ndim not in (2, 3) or bias.ndim not in (1, 2) or 0 in weight.shape:
                shapes = f"{tuple(weight.shape)} and {tuple(bias.shape)}"
                raise BadInput(
                    f"a layer needs weights (out, in) or (B, out, in) and biases (out,) or (B, out), got {shapes}"
                )
            if weight.shape[-2] != bias.shape[-1]:
                raise BadInput(f"a bias of {bias.shape[-1]} numbers does not fit {weight.shape[-2]} outputs")
            if not bool(torch.isfinite(weight).all() and torch.isfinite(bias).all()):
                raise BadInput("the network's weights hold NaN or infinite numbers")
        batches = {w.shape[0] for w in self.weights if w.ndim == 3} | {
            b.shape[0] for b in self.biases if b.ndim == 2
        }
        if len(batches) > 1:
            raise BadInput(
                f"the layers hold different numbers of networks: {', '.join(map(str, sorted(batches)))}"
            )
        for before, after in zip(self.weights, self.weights[1:], strict=False):
            if after.shape[-1] != before.shape[-2]:
                raise BadInput(
                    f"a layer of {after.shape[-1]} inputs follows one of {before.shape[-2]} outputs"
                )

    @classmethod
    def of(cls, module: nn.Module, dtype: torch.dtype = torch.float64) -> FeedForward:
        """The weights of a torch network made of Linear and ReLU, LeakyReLU(0.01), Flatten or Dropout layers.

        Raises:
            BadInput: another kind of layer, an activation that follows no linear layer, or two kinds of activation.

        """
        weights: list[Tensor] = []
        biases: list[Tensor] = []
        found: set[str] = set()
        after_linear = False
        for layer in _leaves(module):
            if isinstance(layer, nn.Linear):
                if after_linear:
                    raise BadInput("two linear layers without an activation between them: merge them first")
                weights.append(layer.weight.detach().to(dtype))
                bias = layer.bias if layer.bias is not None else torch.zeros(layer.out_features)
                biases.append(bias.detach().to(dtype))
                after_linear = True
            elif isinstance(layer, nn.ReLU) or (
                isinstance(layer, nn.LeakyReLU) and math.isclose(layer.negative_slope, LEAKY_SLOPE)
            ):
                if not after_linear:
                    raise BadInput("an activation must follow a linear layer")
                found.add("relu" if isinstance(layer, nn.ReLU) else "leaky_relu")
                after_linear = False
            elif not isinstance(layer, nn.Flatten | nn.Dropout | nn.Identity):
                raise BadInput(f"cannot read a layer of type {type(layer).__name__}")
        if not weights or not after_linear:
            raise BadInput("the network must end in a linear layer")
        if len(found) > 1:
            raise BadInput(f"one activation a network, got {', '.join(sorted(found))}")
        return cls(tuple(weights), tuple(biases), found.pop() if found else "relu")

    @classmethod
    def two_layer(cls, W: Tensor, signs: Tensor, activation: str = "relu") -> FeedForward:
        """f(x) = k^{−1/2} Σ a_j σ(w_j·x) for W of shape (B, k, d) and a of shape (B, k)."""
        k = W.shape[-2]
        second = (signs / math.sqrt(k)).unsqueeze(-2)
        zeros = torch.zeros(*signs.shape, dtype=W.dtype, device=W.device)
        return cls((W, second), (zeros, zeros[..., :1]), activation)

    @property
    def dim(self) -> int:
        """Numbers that an input has."""
        return int(self.weights[0].shape[-1])

    @property
    def outputs(self) -> int:
        """Numbers that the last layer returns: 1 for a network whose sign is the class."""
        return int(self.weights[-1].shape[-2])

    def __call__(self, x: Tensor) -> Tensor:
        """(B, d) → (B, outputs), or (B,) for one output."""
        z = x
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = apply(weight, z) + bias
            if index < len(self.weights) - 1:
                z = self.sigma(z)
        return z.squeeze(-1) if self.outputs == 1 else z

    def sigma(self, u: Tensor) -> Tensor:
        """σ, entry by entry."""
        left, right = SLOPES[self.activation]
        return torch.where(u > 0, right * u, left * u)

    def double(self) -> FeedForward:
        """The same weights in float64: what certificates and exact solvers compute with."""
        if all(one.dtype == torch.float64 for one in (*self.weights, *self.biases)):
            return self
        weights, biases = (tuple(one.double() for one in group) for group in (self.weights, self.biases))
        return FeedForward(weights, biases, self.activation)

    def margins(self, x: Tensor, y: Tensor) -> Tensor:
        """Z_y − Z_c for every class c ≠ y, and +inf for c = y, (B, classes); for one output y·f, (B, 1)."""
        outputs = self(x)
        if self.outputs == 1:
            return (outputs * y).unsqueeze(1)
        mine = outputs.gather(1, y.unsqueeze(1))
        return (mine - outputs).scatter(1, y.unsqueeze(1), torch.inf)

    def row(self, index: int) -> FeedForward:
        """Network number `index` of a batch; the network itself if there is one for all."""
        return FeedForward(
            tuple(w[index] if w.ndim == 3 else w for w in self.weights),
            tuple(b[index] if b.ndim == 2 else b for b in self.biases),
            self.activation,
        )

    def margin_layer(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The last layer as margins: rows (w_y − w_c) for all classes c, of shape (B, m, in), and biases (B, m).

        For one output and labels ±1 the single row y·w. The row c = y is 0.

        Raises:
            BadInput: labels that are no classes of this network.

        """
        self._check_labels(y)
        weight, bias = self.weights[-1], self.biases[-1]
        if self.outputs == 1:
            return y.to(weight.dtype)[:, None, None] * weight, y.to(bias.dtype)[:, None] * bias
        rows = torch.arange(len(y), device=y.device)
        weight = weight.expand(len(y), *weight.shape[-2:])
        bias = bias.expand(len(y), bias.shape[-1])
        return weight[rows, y].unsqueeze(1) - weight, bias[rows, y].unsqueeze(1) - bias

    def _check_labels(self, y: Tensor) -> None:
        if y.ndim != 1:
            raise BadInput(f"the labels must have shape (B,), got {tuple(y.shape)}")
        if self.outputs == 1:
            if not bool(((y == 1) | (y == -1)).all()):
                raise BadInput("the labels of a network with one output are +1 and -1")
        elif y.is_floating_point() or y.dtype == torch.bool:
            raise BadInput(f"the labels must be whole numbers, got {y.dtype}")
        elif bool(((y < 0) | (y >= self.outputs)).any()):
            raise BadInput(f"the labels must lie between 0 and {self.outputs - 1}")


def apply(weight: Tensor, z: Tensor) -> Tensor:
    """W z for W of shape (out, in) or (B, out, in) and z of shape (B, in)."""
    return z @ weight.T if weight.ndim == 2 else torch.einsum("boi,bi->bo", weight, z)


def _leaves(module: nn.Module) -> Iterator[nn.Module]:
    children = list(module.children())
    if not children:
        yield module
    elif isinstance(module, nn.Sequential):
        for child in children:
            yield from _leaves(child)
    else:
        raise BadInput(f"only nn.Sequential networks can be read, got {type(module).__name__}")

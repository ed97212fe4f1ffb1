"""Deep random networks, and what one step shows of them, through matrices that need not be formed.

    u_1 = g W_1 x,   u_l = g W_l σ(u_{l−1}),   f(x) = g k^{−1/2} Σ_j a_j σ(u_{L−1,j})

W_1 is k × d and W_2 … W_{L−1} are k × k with N(0, 1/fan-in) entries, a_j = ±1 fair, no biases. Depth L counts
the layers of weights, read-out included: L = 2, g = 1 is the two-layer network of `simulate.networks`. g = √2 is
He's initialisation (variance 2/fan-in in every layer); other g are mean-field scalings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from simulate.activations import Activation
from simulate.data import sphere
from simulate.errors import BadInput
from simulate.matrices import DenseGaussian, GaussianMatrix, LazyGaussian
from simulate.streams import Stream

SCALINGS = {"mean-field": 1.0, "he": math.sqrt(2)}
"""Names of gains g: the lecture's two-layer scaling, and He's initialisation."""


@dataclass(frozen=True)
class DeepNetwork:
    """B networks of one depth, each layer held through any Gaussian matrix.

    Attributes:
        matrices: W_1 (k × d), W_2, …, W_{L−1} (k × k each); at least one.
        signs: a, shape (B, k).
        activation: σ with its derivative.
        gain: g > 0.

    """

    matrices: tuple[GaussianMatrix, ...]
    signs: Tensor
    activation: Activation
    gain: float = 1.0

    def __post_init__(self) -> None:
        if not self.matrices:
            raise BadInput("a network needs at least one matrix")
        for before, after in zip(self.matrices, self.matrices[1:], strict=False):
            if after.columns != before.rows:
                raise BadInput(f"a layer of {before.rows} neurons cannot feed one of {after.columns} inputs")
        if self.signs.shape[1] != self.matrices[-1].rows:
            raise BadInput(f"{self.matrices[-1].rows} neurons need as many signs, got {self.signs.shape[1]}")
        if not self.gain > 0:
            raise BadInput(f"gain must be positive, got {self.gain}")

    def first_layer(self, x: Tensor) -> Tensor:
        """u_1 = g W_1 x: (B, d) → (B, k). It is linear, so it can be moved along a line without new queries."""
        return self.gain * self.matrices[0].matvec(x)

    def __call__(self, x: Tensor) -> Tensor:
        """f(x) for one input a network: (B, d) → (B,)."""
        return self.read_out(self.first_layer(x))

    def read_out(self, preactivations: Tensor) -> Tensor:
        """F from u_1 of shape (B, k): (B,)."""
        return self._last(self._upwards(preactivations)[-1])

    def gradient(self, x: Tensor) -> Tensor:
        """∇f(x): (B, d) → (B, d)."""
        return self.gradient_from(self.first_layer(x))

    def gradient_from(self, preactivations: Tensor) -> Tensor:
        """∇f at the input whose u_1 is given: (B, k) → (B, d)."""
        layers = self._upwards(preactivations)
        back = self.gain / math.sqrt(self.signs.shape[1]) * self.signs
        for matrix, u in zip(reversed(self.matrices), reversed(layers), strict=True):
            back = self.gain * matrix.rmatvec(back * self.activation.derivative(u))
        return back

    def _upwards(self, preactivations: Tensor) -> list[Tensor]:
        """u_1 … u_{L−1}."""
        layers = [preactivations]
        for matrix in self.matrices[1:]:
            layers.append(self.gain * matrix.matvec(self.activation.value(layers[-1])))
        return layers

    def _last(self, preactivations: Tensor) -> Tensor:
        hidden = self.activation.value(preactivations)
        outputs: Tensor = torch.linalg.vecdot(self.signs, hidden)
        return self.gain / math.sqrt(self.signs.shape[1]) * outputs


def sample(
    stream: Stream,
    widths: Sequence[int],
    dim: int,
    activation: Activation,
    *,
    gain: float = 1.0,
    lazy: bool = True,
) -> DeepNetwork:
    """B random networks whose hidden layers have the given widths.

    Args:
        stream: the trials; B is its batch.
        widths: neurons of the hidden layers, first to last; depth is one more than their number.
        dim: d, the number of inputs.
        activation: σ.
        gain: g, see the module.
        lazy: hold the layers as `LazyGaussian`, else as `DenseGaussian`.

    """
    kind = LazyGaussian if lazy else DenseGaussian
    fan_ins = [dim, *widths[:-1]]
    matrices = tuple(
        kind(stream, width, fan_in, f"W{layer}")
        for layer, (width, fan_in) in enumerate(zip(widths, fan_ins, strict=True), start=1)
    )
    return DeepNetwork(matrices, stream.signs("a", widths[-1]), activation, gain)


@dataclass(frozen=True)
class DeepResponse:
    """What B networks show of themselves at one point and along some directions.

    Attributes:
        network: the networks.
        preactivations: u_1 at x, shape (B, k).
        output: f(x), shape (B,).
        gradient: ∇f(x), shape (B, d).
        images: for each direction the first-layer images g W_1 e, |e| = 1, shape (B, k); 0 where the
            direction does not exist (no gradient).

    """

    network: DeepNetwork
    preactivations: Tensor
    output: Tensor
    gradient: Tensor
    images: dict[str, Tensor]

    def outputs_after(self, direction: str, lengths: Sequence[Tensor]) -> Tensor:
        """f(x + r e) for each signed length r of shape (B,): shape (B, len(lengths))."""
        image = self.images[direction]
        moved = [self.preactivations + length.unsqueeze(1) * image for length in lengths]
        return torch.stack([self.network.read_out(u) for u in moved], dim=1)


def respond(network: DeepNetwork, directions: Sequence[str], stream: Stream) -> DeepResponse:
    """One point x uniform on √d·S^{d−1}, the gradient there, and the images of unit steps from it."""
    dim = network.matrices[0].columns
    x = sphere(stream, dim)
    u = network.first_layer(x)
    gradient = network.gradient_from(u)
    images = {}
    for direction in directions:
        if direction == "random":
            step = sphere(stream, dim, "e")
        else:
            step = torch.sign(gradient) if direction == "sign" else gradient
        norm = torch.linalg.vector_norm(step, dim=1, keepdim=True)
        images[direction] = network.first_layer(step / torch.where(norm > 0, norm, 1))
    return DeepResponse(network, u, network.read_out(u), gradient, images)

"""What is attacked: random networks at random inputs, or one network at labelled inputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from simulate import activations
from simulate.arguments import whole
from simulate.attacks import Box, Network
from simulate.attacks.problem import classes_of
from simulate.data import sphere
from simulate.datasets import Labelled, load
from simulate.errors import BadInput
from simulate.matrices import DenseGaussian, LazyGaussian
from simulate.networks import TwoLayerNetwork
from simulate.streams import Stream, stable_key
from simulate.training import multilayer, train
from simulate.user_networks import network_from_address

ENGINES = ("auto", "dense", "lazy")
_DENSE_ENTRIES = 1 << 22
"""Up to this size a matrix is drawn whole: then a step costs less than the lazy one's bookkeeping."""
_BATCH_NUMBERS = 1 << 25
"""Numbers that a batch of networks may hold."""
_QUERIES = 128
"""Directions that an attack is expected to ask a lazy matrix for, for the size of a batch."""


@dataclass(frozen=True)
class Subject:
    """A network, or a batch of them, at inputs of known class.

    Attributes:
        network: see `simulate.attacks.problem`.
        x: inputs, (B, ...).
        y: classes, (B,).
        box: ends that inputs keep, or None.

    """

    network: Network
    x: Tensor
    y: Tensor
    box: Box | None


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: small tensors lose more to a second one than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class RandomNetworks:
    """Two-layer networks f(x) = k^{−1/2} Σ a_j σ(w_j·x) at points of the sphere of radius √d; the class is sign f(x).

    Attributes:
        width: k ≥ 1.
        dim: d ≥ 2.
        trials: how many networks, one input each.
        activation: a name, or the address of a function.
        engine: "dense", "lazy" (draws of W only what the attack asks for), or "auto": dense up to 4 million entries.
        seed: of networks and inputs.

    """

    width: int = 256
    dim: int = 128
    trials: int = 100
    activation: str = "relu"
    engine: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        whole(self.width, "width", 1)
        whole(self.dim, "dim", 2, " (on a line there is no direction to turn)")
        whole(self.trials, "trials", 1)
        whole(self.seed, "seed", 0)
        if self.engine not in ENGINES:
            raise BadInput(f"the engine is one of {', '.join(ENGINES)}, got {self.engine!r}")
        activations.get(self.activation)

    @property
    def lazy(self) -> bool:
        """Whether the weight matrices are never formed."""
        return self.engine == "lazy" or (self.engine == "auto" and self.width * self.dim > _DENSE_ENTRIES)

    def batches(self, count: int | None = None) -> Iterator[Subject]:
        """The networks in batches that fit into memory, up to `count` a batch; float64."""
        held = (self.width + self.dim) * 2 * _QUERIES if self.lazy else self.width * self.dim
        size = count or max(1, _BATCH_NUMBERS // held)
        key = stable_key(
            self.seed,
            {"attack": "two-layer", "width": self.width, "dim": self.dim, "activation": self.activation},
        )
        sigma = activations.get(self.activation)
        for first in range(0, self.trials, size):
            stream = Stream(key, first, min(size, self.trials - first), dtype=torch.float64)
            matrix = (LazyGaussian if self.lazy else DenseGaussian)(stream, self.width, self.dim)
            network = TwoLayerNetwork(matrix, stream.signs("a", self.width), sigma)
            x = sphere(stream, self.dim)
            yield Subject(network, x, classes_of(network, x), None)

    def describe(self) -> dict[str, Any]:
        """What a report says about them."""
        return {
            "network": "random",
            "width": self.width,
            "dim": self.dim,
            "activation": self.activation,
            "engine": "lazy" if self.lazy else "dense",
            "data": "sphere",
        }


@dataclass(frozen=True)
class OnData:
    """One network at labelled inputs: trained on the spot, or the user's own.

    Attributes:
        data: a bundled set, or a file, see `simulate.datasets`.
        network: address of a factory, see `simulate.user_networks`; None trains a ReLU network.
        width: hidden neurons of the network that is trained.
        trials: inputs at most; those that the network classifies correctly count.
        box: ends that inputs keep; None takes the data's own, if it has some.
        epochs: of training.
        seed: of the split, the weights and the training.

    """

    data: str
    network: str | None = None
    width: int = 64
    trials: int = 100
    box: tuple[float, float] | None = None
    epochs: int = 60
    seed: int = 0

    def prepare(self, target: int | None) -> tuple[Subject, dict[str, Any]]:
        """The network at the inputs that are attacked, and what a report says about them.

        Inputs of a trained network come from a test part that it has not seen. Those that it already gets wrong are
        left out, and with a target those of the target's class.

        Raises:
            BadInput: data or network that cannot be used, no input left.

        """
        whole(self.trials, "trials", 1)
        labelled = load(self.data)
        told: dict[str, Any] = {
            "network": self.network or "trained",
            "data": self.data,
            "dim": labelled.x.shape[1],
        }
        if self.network is None:
            network, labelled = self._trained(labelled)
            told["width"] = self.width
        else:
            network = network_from_address(self.network)
        x, y = labelled.x, labelled.y
        dtype = _dtype(network)
        x = x.to(dtype)
        if self.network is not None:
            x = x.reshape(len(x), *labelled.shape)
        outputs = _try(network, x)
        scalar = outputs.ndim == 1
        if scalar:
            if labelled.classes > 2:
                raise BadInput("a network with one output knows two classes, the data has more")
            y = 2 * y - 1
        right = classes_of(network, x) == y
        told["accuracy"] = {"inputs": len(x), "correct": int(right.sum())}
        if target is not None:
            right &= y != target
        rows = right.nonzero().flatten()[: self.trials]
        if not len(rows):
            raise BadInput("the network classifies no input correctly that could be attacked")
        box = self.box if self.box is not None else labelled.box
        told["box"] = None if box is None else list(box)
        return Subject(network, x[rows], y[rows], box), told

    def _trained(self, labelled: Labelled) -> tuple[nn.Module, Labelled]:
        seen, unseen = labelled.split(seed=self.seed)
        classes = max(2, labelled.classes)
        network = multilayer([labelled.x.shape[1], whole(self.width, "width", 1), classes], self.seed)
        with one_thread():
            train(network, seen.x, seen.y, epochs=self.epochs, seed=self.seed)
        network.requires_grad_(False)
        return network, unseen


def _dtype(network: nn.Module) -> torch.dtype:
    """The number format of a network's parameters; float64 if it has none."""
    return next((one.dtype for one in network.parameters() if one.is_floating_point()), torch.float64)


def _try(network: nn.Module, x: Tensor) -> Tensor:
    try:
        with torch.no_grad():
            outputs = network(x)
    except Exception as error:  # whatever the user's network raises
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadInput(f"the network fails at the data, {tuple(x.shape)} {x.dtype}: {line}") from error
    if not isinstance(outputs, Tensor) or outputs.ndim not in (1, 2) or len(outputs) != len(x):
        raise BadInput(f"the network must return (B,) or (B, classes) numbers for {len(x)} inputs")
    return outputs

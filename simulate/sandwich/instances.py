"""Networks whose radius is measured: random, robust by construction, trained; each with one input and its label."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from simulate.arguments import whole
from simulate.data import sphere
from simulate.errors import BadInput, RunFailed
from simulate.feedforward import SLOPES, FeedForward
from simulate.streams import Stream, stable_key

KINDS = ("random", "robust", "trained")


@dataclass(frozen=True)
class Instances:
    """B two-layer networks, each at one input.

    Attributes:
        network: batched.
        x: inputs, (B, d), float64.
        y: labels, (B,): ±1, or classes where the network has several outputs.

    """

    network: FeedForward
    x: Tensor
    y: Tensor


def draw(
    kind: str,
    width: int,
    dim: int,
    trials: int,
    *,
    activation: str = "relu",
    points: int | None = None,
    seed: int = 0,
) -> Instances:
    """Instances of one kind.

    * random: f(x) = k^{−1/2} Σ a_j σ(w_j·x), w_j ∼ N(0, I/d), a_j = ±1, x uniform on √d·S^{d−1}, the label sign f(x).
    * robust: the existence theorem's network on `width` random points of that sphere with fair labels, at the first.
    * trained: a ReLU network fitted to `points` such points by Adam, at the first point that it gets right.

    Args:
        kind: see above.
        width: k.
        dim: d.
        trials: B.
        activation: relu, abs or leaky_relu; only random networks have a choice.
        points: of the training data, by default as many as neurons.
        seed: non-negative.

    Raises:
        BadInput: an unknown kind or activation, sizes below 1, options that do not belong to the kind.

    """
    if kind not in KINDS:
        raise BadInput(f"the network is one of {', '.join(KINDS)}, got {kind!r}")
    width, dim = whole(width, "width", 1), whole(dim, "dim", 1)
    trials, seed = whole(trials, "trials", 1), whole(seed, "seed", 0)
    if activation not in SLOPES:
        raise BadInput(f"the activation is one of {', '.join(SLOPES)}, got {activation!r}")
    if kind != "random" and activation != "relu":
        raise BadInput(f"a {kind} network has relu neurons: another --activation is for random networks")
    if kind != "trained" and points is not None:
        raise BadInput("--points is for trained networks: a robust network has one neuron a point")
    if kind == "random":
        return _random(width, dim, trials, activation, seed)
    if kind == "robust":
        return _robust(width, dim, trials, seed)
    return _trained(width, dim, trials, width if points is None else points, seed)


def _random(width: int, dim: int, trials: int, activation: str, seed: int) -> Instances:
    cell = {"experiment": "radius", "width": width, "dim": dim, "activation": activation}
    stream = Stream(stable_key(seed, cell), 0, trials, dtype=torch.float64)
    W = stream.normals("W", width, dim).reshape(trials, width, dim) / math.sqrt(dim)
    network = FeedForward.two_layer(W, stream.signs("a", width).reshape(trials, width).clone(), activation)
    x = sphere(stream, dim).clone()
    return Instances(network, x, torch.where(network(x) >= 0, 1, -1))


def _robust(width: int, dim: int, trials: int, seed: int) -> Instances:
    from simulate.robust import build, correlation, midpoint
    from simulate.robust import draw as draw_data

    weights, biases, outer, x, y = [], [], [], [], []
    for trial in range(trials):
        data = draw_data("random", width, dim, seed=seed, trial=trial)
        c = correlation(data.points, data.labels).largest_size
        network = build(data.points, data.labels, midpoint(c))
        weights.append(network.weights)
        biases.append(network.biases)
        outer.append(network.outer[None])
        x.append(data.points[0])
        y.append(int(data.labels[0]))
    first, second = (torch.from_numpy(np.stack(one)) for one in (weights, outer))
    zeros = torch.zeros(trials, 1, dtype=torch.float64)
    network_ = FeedForward((first, second), (torch.from_numpy(np.stack(biases)), zeros))
    return Instances(network_, torch.from_numpy(np.stack(x)), torch.tensor(y))


def _trained(width: int, dim: int, trials: int, points: int, seed: int) -> Instances:
    from simulate.robust import draw as draw_data

    found = []
    for trial in range(trials):
        data = draw_data("random", points, dim, seed=seed, trial=trial)
        x, y = torch.from_numpy(data.points), torch.from_numpy((data.labels > 0).astype(np.int64))
        network = _fitted(x, y, width, 2, seed, trial)
        # Two logits as one number whose sign is the class.
        first, last = (network.weights[0], network.biases[0]), (network.weights[1], network.biases[1])
        single = FeedForward((first[0], last[0][1:] - last[0][:1]), (first[1], last[1][1:] - last[1][:1]))
        found.append(_at_first(single, x, 2 * y - 1))
    return _stacked(found)


def from_data(name: str, width: int, trials: int, *, seed: int = 0) -> Instances:
    """Networks trained on a labelled data set, each from its own starting weights, at inputs left out of training.

    Args:
        name: a bundled set or a file, see `simulate.datasets.load`.
        width: k.
        trials: networks.
        seed: of the weights and of the division of the data.

    Raises:
        BadInput: data that cannot be read, sizes below 1.

    """
    from simulate.datasets import load

    width, trials, seed = whole(width, "width", 1), whole(trials, "trials", 1), whole(seed, "seed", 0)
    data = load(name)
    found = []
    for trial in range(trials):
        training, test = data.split(seed=seed + trial)
        network = _fitted(training.x, training.y, width, data.classes, seed, trial)
        found.append(_at_first(network, test.x, test.y))
    return _stacked(found)


def _fitted(x: Tensor, y: Tensor, width: int, classes: int, seed: int, trial: int) -> FeedForward:
    from simulate.training import multilayer, train

    (number, _) = stable_key(seed, {"experiment": "radius", "network": "trained", "trial": trial})
    module = multilayer([x.shape[1], width, classes], seed=number)
    train(module, x, y, epochs=200 if len(x) <= 512 else 30, seed=number)
    return FeedForward.of(module)


def _at_first(network: FeedForward, x: Tensor, y: Tensor) -> tuple[FeedForward, Tensor, Tensor]:
    """The network at the first input that it gets right."""
    right = torch.nonzero(network.margins(x, y).amin(1) > 0)
    if not len(right):
        raise RunFailed("a trained network gets no input right: give it more --width or fewer --points")
    return network, x[int(right[0])], y[int(right[0])]


def _stacked(found: list[tuple[FeedForward, Tensor, Tensor]]) -> Instances:
    networks = [one[0] for one in found]
    weights = tuple(torch.stack(layer) for layer in zip(*(one.weights for one in networks), strict=True))
    biases = tuple(torch.stack(layer) for layer in zip(*(one.biases for one in networks), strict=True))
    x, y = (torch.stack([one[i] for one in found]) for i in (1, 2))  # type: ignore[misc]
    return Instances(FeedForward(weights, biases, networks[0].activation), x, y)

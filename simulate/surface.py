"""The loss on a plane through an input: along the gradient, and in a random direction."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from simulate.attacks.problem import Network, Problem
from simulate.data import sphere
from simulate.engine.block import one_thread
from simulate.errors import BadInput
from simulate.feedforward import FeedForward
from simulate.streams import Stream, stable_key


def surface(
    network: Network, x: Tensor, y: Tensor, reach: float, points: int, directions: int, seed: int = 0
) -> dict[str, Any]:
    """Loss and margin at x + r e + s e⊥, e along the gradient of the loss and e⊥ random, and on lines through x.

    Args:
        network: see `simulate.attacks.problem`.
        x: one input, (1, d).
        y: its label, (1,).
        reach: r and s go from −reach to reach.
        points: on each axis; odd, so that x is one of them.
        directions: random lines.
        seed: of the random directions.

    Returns:
        `at` the places on an axis, `loss` and `margin` of shape (points, points) with the gradient's direction last,
        `along` the loss on the gradient's line, `random` that on the others, `start` and `slope` the loss at x and the
        length of its gradient: start + slope·r is what the gradient promises.

    Raises:
        BadInput: the gradient is 0, or the sizes make no grid.

    """
    if points < 3 or points % 2 == 0 or not 0 < reach < math.inf or directions < 1:
        raise BadInput(
            "a surface needs an odd number of points from 3 on, a positive reach and a random direction"
        )
    problem = Problem.of(network, x, y)
    value, slope = problem.gradient(x, problem.loss)
    length = float(torch.linalg.vector_norm(slope))
    if length == 0:
        raise BadInput("the gradient of the loss is 0: it has no direction")
    e = slope.flatten() / length
    stream = Stream(stable_key(seed, {"experiment": "surface"}), 0, directions, dtype=torch.float64)
    random = stream.normals("directions", x.shape[1]).to(x.dtype)
    random = random - (random @ e)[:, None] * e
    random = random / torch.linalg.vector_norm(random, dim=1, keepdim=True)
    at = torch.linspace(-reach, reach, points, dtype=x.dtype)

    def evaluate(moves: Tensor) -> tuple[Tensor, Tensor]:
        inputs = x + moves
        many = Problem.of(network, inputs, y.expand(len(inputs)))
        with torch.no_grad():
            outputs = network(inputs)
        return many.loss(outputs), many.margins(outputs)

    plane = at[None, :, None] * e + at[:, None, None] * random[0]
    loss, margin = (one.reshape(points, points) for one in evaluate(plane.reshape(-1, x.shape[1])))
    return {
        "at": at.tolist(),
        "loss": loss.tolist(),
        "margin": margin.tolist(),
        "along": evaluate(at[:, None] * e)[0].tolist(),
        "random": [evaluate(at[:, None] * one)[0].tolist() for one in random],
        "start": float(value[0]),
        "slope": length,
    }


def document(
    width: int,
    dim: int,
    trained: int,
    points: int,
    directions: int,
    *,
    reach: float = 4.0,
    epochs: int = 60,
    seed: int = 0,
) -> dict[str, Any]:
    """Surfaces of a random network at initialisation and of one trained on digits, as JSON data.

    Args:
        width: k of the random network.
        dim: d of the random network.
        trained: width of the trained one.
        points: on an axis.
        directions: random lines.
        reach: of the random network's surface; the trained one's is a quarter of it, its inputs lie in [0, 1].
        epochs: of the trained network.
        seed: of networks, inputs and directions.

    Raises:
        BadInput: scikit-learn, from which the digits come, is not there.

    """
    with one_thread():
        stream = Stream(
            stable_key(seed, {"experiment": "surface", "width": width, "dim": dim}), dtype=torch.float64
        )
        W = stream.normals("W", width, dim) / math.sqrt(dim)
        network = FeedForward.two_layer(W, stream.signs("a", width)).row(0)
        x = sphere(stream, dim).clone()
        y = torch.where(network(x) >= 0, 1, -1)
        found = {"random": surface(network, x, y, reach, points, directions, seed)}
        from simulate.datasets import load
        from simulate.training import multilayer, train

        training, test = load("digits").split()
        module = multilayer([training.x.shape[1], trained, training.classes], seed)
        train(module, training.x, training.y, epochs=epochs, seed=seed)
        with torch.no_grad():
            right = torch.nonzero(module(test.x).argmax(1) == test.y)[0]
        found["trained"] = surface(module, test.x[right], test.y[right], reach / 4, points, directions, seed)
    return {
        "experiment": "surface",
        "width": width,
        "dim": dim,
        "trained": trained,
        "seed": seed,
        "results": found,
    }

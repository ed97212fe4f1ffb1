"""Training small classifiers on the spot, the same to the last bit each time on one machine.

Full-batch or mini-batch Adam in float64 with weights drawn from a counter-based stream: no state of torch's global
generator is read or changed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from simulate.arguments import whole
from simulate.errors import BadInput, RunFailed
from simulate.streams import Stream, stable_key


def multilayer(sizes: Sequence[int], seed: int = 0) -> nn.Sequential:
    """A ReLU network with the given layer sizes, He initialisation (variance 2/fan-in), float64.

    Args:
        sizes: input dimension, hidden widths, number of classes.
        seed: of the weights.

    Raises:
        BadInput: fewer than two sizes, or one below 1.

    """
    if len(sizes) < 2:
        raise BadInput("a network needs at least an input and an output size")
    widths = [whole(size, "a layer's size", 1) for size in sizes]
    stream = Stream(stable_key(seed, {"multilayer": widths}), dtype=torch.float64)
    layers: list[nn.Module] = []
    for index, (fan_in, fan_out) in enumerate(itertools.pairwise(widths)):
        # The layer's own start would be drawn from torch's global generator.
        linear = nn.utils.skip_init(nn.Linear, fan_in, fan_out, dtype=torch.float64)  # type: ignore[no-untyped-call]
        assert isinstance(linear, nn.Linear)
        with torch.no_grad():
            linear.weight.copy_(stream.normals(f"W{index}", fan_out, fan_in)[0] * (2 / fan_in) ** 0.5)
            linear.bias.zero_()
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def train(
    network: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    epochs: int = 200,
    rate: float = 1e-2,
    batch: int = 128,
    decay: float = 1e-4,
    seed: int = 0,
) -> float:
    """Minimise the cross-entropy with Adam, in place; the last epoch's mean loss.

    Args:
        network: (B, d) → (B, C).
        x: inputs, (N, d).
        y: classes, (N,).
        epochs: passes over the data.
        rate: of Adam, falling linearly to 0.
        batch: rows of a step.
        decay: weight decay.
        seed: of the order of the rows.

    Raises:
        BadInput: sizes that do not fit, counts below 1.
        RunFailed: the loss is not a number.

    """
    epochs, batch = whole(epochs, "epochs", 1), whole(batch, "batch", 1)
    if not 0 < rate < float("inf") or not 0 <= decay < float("inf"):
        raise BadInput(f"the rate must be positive and the decay 0 or more, got {rate:g} and {decay:g}")
    if x.ndim != 2 or not len(x) or y.shape != (len(x),):
        raise BadInput(
            f"inputs (N, d) and classes (N,) are needed, got {tuple(x.shape)} and {tuple(y.shape)}"
        )
    optimiser = torch.optim.Adam(network.parameters(), lr=rate, weight_decay=decay)
    generator = torch.Generator().manual_seed(whole(seed, "seed", 0))
    steps = epochs * -(-len(x) // batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: max(0.0, 1 - step / steps))
    mean = float("nan")
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(x), generator=generator).split(batch):  # type: ignore[no-untyped-call]
            loss = nn.functional.cross_entropy(network(x[rows]), y[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        mean = total / len(x)
        if mean != mean:
            raise RunFailed("the training loss is not a number: lower the rate")
    return mean


def accuracy(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of inputs whose largest logit is that of their class."""
    with torch.no_grad():
        return float((network(x).argmax(1) == y).double().mean())

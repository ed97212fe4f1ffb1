"""Adversarial examples to look at: one input of each class, and the smallest perturbations that were found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from simulate import attacks
from simulate.attacks.norms import check_norm
from simulate.datasets import load
from simulate.engine.block import one_thread
from simulate.errors import BadInput, RunFailed
from simulate.training import accuracy, multilayer, train


def examples(
    data: str = "digits",
    norms: Sequence[str] = ("2", "inf"),
    *,
    width: int = 64,
    epochs: int = 60,
    steps: int = 20,
    seed: int = 0,
) -> dict[str, Any]:
    """The first test input of each class that a trained network gets right, attacked in some norms, as JSON data.

    Args:
        data: a bundled set or a file of images, see `simulate.datasets.load`.
        norms: of the perturbations, which keep the data's box.
        width: of the network's hidden layer.
        epochs: of its training.
        steps: of the attack, see `simulate.attacks.smallest_radius`.
        seed: of the network.

    Raises:
        BadInput: data without images, or that cannot be loaded.
        RunFailed: no class has an input that the network gets right.

    """
    found = load(data)
    if len(found.shape) != 2:
        raise BadInput(f"{data} holds no grey images: its inputs have shape {found.shape}")
    with one_thread():
        training, test = found.split()
        network = multilayer([training.x.shape[1], width, found.classes], seed)
        train(network, training.x, training.y, epochs=epochs, seed=seed)
        with torch.no_grad():
            right = network(test.x).argmax(1) == test.y
        firsts = [torch.nonzero(right & (test.y == c)).flatten()[:1] for c in range(found.classes)]
        rows = torch.cat(firsts)
        if not len(rows):
            raise RunFailed("the network gets no test input right: train it longer")
        x, y = test.x[rows], test.y[rows]
        results = {
            norm: attacks.smallest_radius(
                network, x, y, norm=check_norm(norm), steps=steps, box=found.box, seed=seed
            )
            for norm in norms
        }
        shown = []
        for i in range(len(rows)):
            one: dict[str, Any] = {"label": int(y[i]), "image": x[i].tolist(), **_seen(network, x[i : i + 1])}
            for norm, attacked in results.items():
                moved = attacked.adversarial[i : i + 1]
                one[norm] = {
                    "success": bool(attacked.success[i]),
                    "size": float(attacked.size[i]),
                    "image": moved[0].tolist(),
                    **_seen(network, moved),
                }
            shown.append(one)
        return {
            "experiment": "examples",
            "data": data,
            "shape": list(found.shape),
            "accuracy": accuracy(network, test.x, test.y),
            "width": width,
            "seed": seed,
            "norms": list(norms),
            "examples": shown,
        }


def _seen(network: torch.nn.Module, x: torch.Tensor) -> dict[str, Any]:
    """The class that the network sees, and its probability."""
    with torch.no_grad():
        probabilities = torch.softmax(network(x), dim=1)[0]
    return {"class": int(probabilities.argmax()), "probability": float(probabilities.max())}

"""Layers that statements are made of: against torch, against plain loops, and in all three arithmetics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from theorems import layers
from theorems import maths as m


def gaussian(*shape: int, seed: int = 0) -> Any:
    """Standard normal numbers, always the same."""
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(("q", "s"), [(1, 1), (2, 1), (3, 2), (2, 3), (3, 1)])
def test_convolution_is_torchs(q: int, s: int) -> None:
    """The convolution agrees with torch's cross-correlation at every stride, windows apart or overlapping."""
    W, X = gaussian(3, 2, q, q), gaussian(2, 7, 7, seed=1)
    theirs = torch.nn.functional.conv2d(torch.tensor(X)[None], torch.tensor(W), stride=s)[0].numpy()
    np.testing.assert_allclose(layers.convolution(W, X, s), theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("q", "s"), [(1, 1), (2, 1), (3, 2), (2, 3)])
def test_pooling_is_torchs(q: int, s: int) -> None:
    """MAX, average and L_p pooling agree with torch's, on entries of both signs."""
    X = gaussian(2, 7, 7)
    image = torch.tensor(X)[None]
    theirs = {
        "max": torch.nn.functional.max_pool2d(image, q, s),
        "average": torch.nn.functional.avg_pool2d(image, q, s),
        "power": torch.nn.functional.lp_pool2d(image.abs(), 3.0, q, s),
    }
    mine = {
        "max": layers.max_pooling(X, q, s),
        "average": layers.average_pooling(X, q, s),
        "power": layers.power_pooling(X, q, s, 3.0),
    }
    for name, expected in theirs.items():
        np.testing.assert_allclose(mine[name], expected[0].numpy(), rtol=1e-12)


@pytest.mark.parametrize("q", [1, 2, 3, 5])
@pytest.mark.parametrize("s", [1, 2, 3])
@pytest.mark.parametrize("t", [1, 2, 4])
def test_windows_share_a_pixel_as_often_as_is_said(q: int, s: int, t: int) -> None:
    """Counted pixel by pixel, the most windows along an axis that share one are what `most_windows` says."""
    side = q + s * (t - 1)
    counts = [sum(start <= pixel < start + q for start in range(0, side - q + 1, s)) for pixel in range(side)]
    assert layers.most_windows(q, s, t) == max(counts)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 9])
def test_response_normalisation_by_loops(n: int) -> None:
    """Local response normalisation is the printed formula, entry by entry."""
    k, alpha, beta = 2.0, 0.3, 0.75
    X = gaussian(4, 2, 2)
    answer = layers.response_normalisation(X, n, k, alpha, beta)
    for i, a, b in np.ndindex(X.shape):
        total = sum(X[j, a, b] ** 2 for j in range(max(0, i - n // 2), min(3, i + n // 2) + 1))
        assert answer[i, a, b] == pytest.approx(X[i, a, b] * (k + alpha * total) ** -beta, rel=1e-13)


def test_batch_normalisation_is_torchs() -> None:
    """With fixed statistics it is torch's, where torch's ε is part of the variance."""
    x, gamma, beta, mean = (gaussian(5, seed=seed) for seed in range(4))
    variance = gaussian(5, seed=4) ** 2
    theirs = torch.nn.functional.batch_norm(
        torch.tensor(x)[None], *(torch.tensor(v) for v in (mean, variance, gamma, beta)), eps=0.1
    )
    mine = layers.batch_normalisation(x, gamma, beta, mean, variance + 0.1)
    np.testing.assert_allclose(mine, theirs[0].numpy(), rtol=1e-12)


LAYERS: dict[str, Callable[[Any], Any]] = {
    "max": lambda X: layers.max_pooling(X, 2, 1),
    "average": lambda X: layers.average_pooling(X, 2, 1),
    "power": lambda X: layers.power_pooling(X, 2, 1, 3),
    "convolution": lambda X: layers.convolution(X[None, :, :2, :2], X, 1),
    "response": lambda X: layers.response_normalisation(X, 3, 1, 2, 0.5),
    "softplus": layers.SMOOTH["softplus"].value,
    "sigm": layers.SMOOTH["sigm"].curvature,
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_in_three_arithmetics(name: str) -> None:
    """The same lines give the same numbers on numpy, on torch under vmap, and with 50 digits."""
    X = gaussian(2, 3, 3)
    expected = LAYERS[name](X)
    batch = torch.func.vmap(LAYERS[name])(torch.tensor(np.stack([X, X])))
    np.testing.assert_allclose(batch[1].numpy(), expected, rtol=1e-12, atol=1e-14)
    with m.in_precision():
        precise = LAYERS[name](m.to_precise(X))
    assert precise.dtype == object
    np.testing.assert_allclose(precise.astype(float), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", layers.SMOOTH)
def test_derivatives_of_activations(name: str) -> None:
    """Slopes and curvatures are what automatic differentiation finds, at both signs and at 0."""
    activation = layers.SMOOTH[name]
    x = torch.linspace(-4, 4, 17, dtype=torch.float64)
    first = torch.func.vmap(torch.func.grad(activation.value))(x + 1e-9)
    second = torch.func.vmap(torch.func.grad(activation.slope))(x)
    torch.testing.assert_close(activation.slope(x + 1e-9), first, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(activation.curvature(x), second, rtol=1e-10, atol=1e-12)

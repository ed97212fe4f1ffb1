"""How far the product of the layers' Lipschitz constants is from the truth, over the depth of random networks.

    L(f) = max ‖∇f‖  ≤  Π_l ‖W_l‖₂,   f(x) = g k^{−1/2} a·relu(u_{L−1}),  u_1 = g W_1 x,  u_l = g W_l relu(u_{l−1}),

g = √2 (He's initialisation), no biases. For two inputs L(f) is exact (`simulate.exact.plane`); for more it is bracketed
by the largest slope that a search finds and the product.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulate.arguments import whole
from simulate.certificates.linear import operator_norm
from simulate.engine.block import one_thread
from simulate.exact.plane import arcs
from simulate.feedforward import FeedForward
from simulate.laws import gradient_norm_limit, singular_value_bound
from simulate.statistics import mean_interval, quantile_rank_interval
from simulate.streams import Stream, stable_key

Floats = NDArray[np.float64]

GAIN = math.sqrt(2)


def networks(width: int, dim: int, depth: int, count: int, seed: int = 0) -> FeedForward:
    """A batch of the networks above, in float64.

    Args:
        width: k of every hidden layer.
        dim: d.
        depth: layers of weights L ≥ 2, the read-out included.
        count: how many.
        seed: non-negative.

    """
    width, dim, count = whole(width, "width", 1), whole(dim, "dim", 1), whole(count, "count", 1)
    depth = whole(depth, "depth", 2)
    cell = {"experiment": "lipschitz", "width": width, "dim": dim, "depth": depth}
    stream = Stream(stable_key(seed, cell), 0, count, dtype=torch.float64)
    fan_ins = [dim, *[width] * (depth - 2)]
    hidden = [
        GAIN / math.sqrt(fan_in) * stream.normals(f"W{layer}", width, fan_in)
        for layer, fan_in in enumerate(fan_ins, 1)
    ]
    read_out = GAIN / math.sqrt(width) * stream.signs("a", width).unsqueeze(1)
    weights = (*hidden, read_out)
    return FeedForward(weights, tuple(torch.zeros(w.shape[:2], dtype=torch.float64) for w in weights))


def product(network: FeedForward) -> Tensor:
    """The product of the layers' spectral norms, one a network of the batch; σ is 1-Lipschitz."""
    return torch.stack([operator_norm(weight, "2") for weight in network.weights]).prod(0)


def mean_product_bound(width: int, dim: int, depth: int) -> float:
    """An upper bound of the product's mean, g^L (√k + √d)/√d · 2^{L−2}: Gordon's in every layer, all independent."""
    layers = [singular_value_bound(width, dim, 0).bound]
    layers += [singular_value_bound(width, width, 0).bound] * (depth - 2)
    return GAIN**depth * math.prod(layers)


def largest_slope_found(
    network: FeedForward, starts: int, steps: int, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """The largest ‖∇f‖ that walks x ← √d·∇f(x)/‖∇f(x)‖ come across, (B,), and the mean of ‖∇f‖² at their starts.

    The walk goes where f grows fastest. What it finds is a lower bound of the Lipschitz constant.

    Args:
        network: a batch.
        starts: walks a network, from random points.
        steps: of each walk.
        seed: of the starts.

    """
    largest, squares = [], []
    generator = torch.Generator().manual_seed(seed)
    for row in range(len(network.weights[0])):
        one = network.row(row)
        x = torch.randn(starts, one.dim, generator=generator, dtype=torch.float64)
        best, first = torch.zeros(()), torch.zeros(())
        for step in range(steps + 1):
            slope = _gradient(one, x)
            length = torch.linalg.vector_norm(slope, dim=1, keepdim=True)
            best = torch.maximum(best, length.max())
            if step == 0:
                first = (length**2).mean()
            x = torch.where(length > 0, math.sqrt(one.dim) * slope / length.clamp_min(1e-300), x)
        largest.append(best)
        squares.append(first)
    return torch.stack(largest), torch.stack(squares)


def _gradient(network: FeedForward, x: Tensor) -> Tensor:
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(network(point).sum(), point)
    return slope


def document(
    dims: Sequence[int],
    width: int,
    depths: Sequence[int],
    count: int,
    *,
    starts: int = 32,
    steps: int = 20,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Any]:
    """Products, true constants (or the largest slopes found) and mean slopes over the depth, as JSON data.

    Args:
        dims: numbers of inputs; at 2 the truth is exact.
        width: k.
        depths: L.
        count: networks of each depth.
        starts: see `largest_slope_found`.
        steps: see there.
        confidence: of every interval; medians have distribution-free ones.
        seed: of the networks and of the starts.

    """
    results = []
    with one_thread():  # small tensors lose more to a second thread than they gain
        for dim in dims:
            for depth in depths:
                batch = networks(width, dim, depth, count, seed)
                if dim == 2:
                    exact = [arcs(batch.row(row)) for row in range(count)]
                    slope = np.array([one.lipschitz for one in exact])
                    square = np.array([one.mean_square for one in exact])
                else:
                    slope, square = (one.numpy() for one in largest_slope_found(batch, starts, steps, seed))
                sizes = {"dim": dim, "width": width, "depth": depth, "networks": count, "exact": dim == 2}
                found = _summary(product(batch).numpy(), slope, square, confidence)
                laws = {
                    "mean_product_bound": mean_product_bound(width, dim, depth),
                    "root_mean_square": gradient_norm_limit("relu", depth, GAIN),
                }
                results.append({**sizes, **found, **laws})
    return {"experiment": "lipschitz", "confidence": confidence, "seed": seed, "results": results}


def _summary(bound: Floats, slope: Floats, square: Floats, confidence: float) -> dict[str, Any]:
    low, high = mean_interval(len(square), square.mean(), square.var(ddof=1), confidence)
    return {
        "product": _median(bound, confidence),
        "slope": _median(slope, confidence),
        "ratio": _median(bound / slope, confidence),
        "mean_square": {"value": float(square.mean()), "low": float(low), "high": float(high)},
    }


def _median(values: Floats, confidence: float) -> dict[str, float | None]:
    ordered = np.sort(values)
    lower, upper = (int(rank) for rank in quantile_rank_interval(len(values), 0.5, confidence))
    return {
        "value": float(np.median(values)),
        "low": float(ordered[lower - 1]) if lower >= 1 else None,
        "high": float(ordered[upper - 1]) if upper <= len(values) else None,
    }

"""The one-step experiment the ordinary way, as well as we can write it: what the engines are measured against."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class DenseAtItsBest:
    """ReLU, gradient step, one network at a time: every array preallocated, normals drawn in place.

    A batch of more than one network is no faster: the weights of one already pass through all caches.
    """

    def __init__(self, width: int, dim: int) -> None:
        self.width, self.dim = width, dim
        self.weights = torch.empty(width, dim)
        self.x = torch.zeros(dim)
        self.x[0] = math.sqrt(dim)  # any point of the sphere will do: the law of W is rotation invariant
        self.signs = torch.empty(width)
        self.hidden, self.v = torch.empty(width), torch.empty(width)
        self.u, self.image = torch.empty(width), torch.empty(width)
        self.gradient = torch.empty(dim)

    def __call__(self, step: float = 2.0) -> Tensor:
        """One trial: whether the step flips the sign."""
        root_k = math.sqrt(self.width)
        self.weights.normal_(std=1 / math.sqrt(self.dim))
        self.signs.bernoulli_(0.5).mul_(2).sub_(1)
        torch.mv(self.weights, self.x, out=self.u)
        torch.clamp(self.u, min=0, out=self.hidden)
        f = torch.dot(self.signs, self.hidden) / root_k
        torch.sign(self.hidden, out=self.v)
        self.v.mul_(self.signs).div_(root_k)
        torch.mv(self.weights.t(), self.v, out=self.gradient)
        torch.mv(self.weights, self.gradient, out=self.image)
        self.image.mul_(-step * torch.sign(f)).add_(self.u).clamp_(min=0)
        return f * torch.dot(self.signs, self.image) < 0


def dense_batched(width: int, dim: int, batch: int = 8, step: float = 2.0) -> Tensor:
    """The same with fresh tensors and a batch: what one writes first."""
    weights = torch.randn(batch, width, dim) / math.sqrt(dim)
    signs = torch.randint(0, 2, (batch, width)) * 2.0 - 1
    x = torch.randn(batch, dim)
    x = x * math.sqrt(dim) / x.norm(dim=1, keepdim=True)
    u = torch.einsum("bkd,bd->bk", weights, x)
    f = (signs * u.clamp(min=0)).sum(1) / math.sqrt(width)
    gradient = torch.einsum("bkd,bk->bd", weights, signs * (u > 0)) / math.sqrt(width)
    moved = torch.einsum("bkd,bd->bk", weights, x - step * torch.sign(f)[:, None] * gradient)
    return f * (signs * moved.clamp(min=0)).sum(1) < 0


def module_and_autograd(width: int, dim: int, step: float = 2.0) -> Tensor:
    """The same with nn.Linear and automatic differentiation."""
    layer = nn.Linear(dim, width, bias=False)
    nn.init.normal_(layer.weight, std=1 / math.sqrt(dim))
    signs = torch.randint(0, 2, (width,)) * 2.0 - 1
    x = torch.randn(dim)
    x = (x * math.sqrt(dim) / x.norm()).requires_grad_()

    def network(point: Tensor) -> Tensor:
        return (signs * torch.relu(layer(point))).sum() / math.sqrt(width)

    f = network(x)
    (gradient,) = torch.autograd.grad(f, x)
    with torch.no_grad():
        return f * network(x - step * torch.sign(f) * gradient) < 0


def functional(width: int, dim: int, batch: int = 8, step: float = 2.0) -> Tensor:
    """The same by torch.func: the gradient of one network, mapped over a batch of them."""
    weights = torch.randn(batch, width, dim) / math.sqrt(dim)
    signs = torch.randint(0, 2, (batch, width)) * 2.0 - 1
    x = torch.randn(batch, dim)
    x = x * math.sqrt(dim) / x.norm(dim=1, keepdim=True)

    def network(matrix: Tensor, a: Tensor, point: Tensor) -> Tensor:
        return (a * torch.relu(matrix @ point)).sum() / math.sqrt(width)

    gradient, f = torch.func.vmap(torch.func.grad_and_value(network, argnums=2))(weights, signs, x)
    moved = torch.func.vmap(network)(weights, signs, x - step * torch.sign(f)[:, None] * gradient)
    flipped: Tensor = f * moved < 0
    return flipped


def with_jax(width: int, dim: int, step: float = 2.0) -> Callable[[], Any]:
    """The same in JAX, compiled as a whole; for where JAX is installed."""
    import jax
    import jax.numpy as jnp

    def network(matrix: Any, a: Any, point: Any) -> Any:
        return jnp.sum(a * jax.nn.relu(matrix @ point)) / math.sqrt(width)

    def trial(key: Any) -> Any:
        first, second, third = jax.random.split(key, 3)
        matrix = jax.random.normal(first, (width, dim)) / math.sqrt(dim)
        a = jax.random.rademacher(second, (width,), jnp.float32)
        x = jax.random.normal(third, (dim,))
        x = x * math.sqrt(dim) / jnp.linalg.norm(x)
        f, gradient = jax.value_and_grad(network, argnums=2)(matrix, a, x)
        return f * network(matrix, a, x - step * jnp.sign(f) * gradient) < 0

    compiled, state = jax.jit(trial), [jax.random.key(0)]

    def call() -> Any:
        state[0], key = jax.random.split(state[0])
        return compiled(key).block_until_ready()

    return call

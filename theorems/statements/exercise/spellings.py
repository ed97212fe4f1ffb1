"""The ways in which a user writes a ReLU, a sup norm, or the loss in torch, each with its convention.

At a kink or a tie automatic differentiation returns a convention, and it depends on the spelling. The
conventions listed here are those of torch 2.13.0 on the CPU; the statements measure them again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch.nn import functional
from torch.nn.functional import relu

Function = Callable[[torch.Tensor], torch.Tensor]
VERSION = "torch 2.13.0 on the CPU"


class Relu(NamedTuple):
    """A spelling of max(x, 0), with its derivative at 0."""

    function: Function
    at_zero: float


RELUS: dict[str, Relu] = {
    "relu(x)": Relu(relu, 0.0),
    "nn.ReLU()(x)": Relu(torch.nn.ReLU(), 0.0),
    "where(x > 0, x, 0)": Relu(lambda x: torch.where(x > 0, x, torch.zeros_like(x)), 0.0),
    "x * (x > 0)": Relu(lambda x: x * (x > 0), 0.0),
    "leaky_relu(x, 0)": Relu(lambda x: functional.leaky_relu(x, 0.0), 0.0),
    "threshold(x, 0, 0)": Relu(lambda x: functional.threshold(x, 0.0, 0.0), 0.0),
    "maximum(x, 0)": Relu(lambda x: torch.maximum(x, torch.zeros_like(x)), 0.5),
    "stack([x, 0]).amax(0)": Relu(lambda x: torch.stack([x, torch.zeros_like(x)]).amax(0), 0.5),
    "(x + abs(x)) / 2": Relu(lambda x: (x + x.abs()) / 2, 0.5),
    "x.clamp(min=0)": Relu(lambda x: x.clamp(min=0), 1.0),
    "x.clip(0)": Relu(lambda x: x.clip(0), 1.0),
    "fmax(x, 0)": Relu(lambda x: torch.fmax(x, torch.zeros_like(x)), 1.0),
    "where(x >= 0, x, 0)": Relu(lambda x: torch.where(x >= 0, x, torch.zeros_like(x)), 1.0),
    "x.masked_fill(x < 0, 0)": Relu(lambda x: x.masked_fill(x < 0, 0.0), 1.0),
    "stack([x, 0]).max(0).values": Relu(lambda x: torch.stack([x, torch.zeros_like(x)]).max(0).values, 1.0),
}

Share = Literal["equal", "sides", "one", "halves", "all"]
"""What m tied maxima of |x| receive: equal: 1/m each; sides: ½ for the positive ones together and ½ for the negative
ones, divided among them; one: a single one receives 1; halves: folding maximum(a, b) from the left halves what each
tie passes on, so that the first two receive 2^{1−m} each and the j-th 2^{j−1−m}; all: each receives 1."""


class Norm(NamedTuple):
    """A spelling of the sup norm of a vector, with what tied maxima receive."""

    function: Function
    share: Share


_INF = float("inf")
NORMS: dict[str, Norm] = {
    "x.abs().max()": Norm(lambda x: x.abs().max(), "equal"),
    "torch.max(x.abs())": Norm(lambda x: torch.max(x.abs()), "equal"),
    "x.abs().amax()": Norm(lambda x: x.abs().amax(), "equal"),
    "linalg.vector_norm(x, inf)": Norm(lambda x: torch.linalg.vector_norm(x, _INF), "equal"),
    "linalg.norm(x, inf)": Norm(lambda x: torch.linalg.norm(x, _INF), "equal"),
    "torch.norm(x, inf)": Norm(lambda x: torch.norm(x, _INF), "equal"),
    "x.norm(inf)": Norm(lambda x: x.norm(_INF), "equal"),
    "torch.dist(x, 0, inf)": Norm(lambda x: torch.dist(x, torch.zeros_like(x), _INF), "equal"),
    "maximum(x.max(), -x.min())": Norm(lambda x: torch.maximum(x.max(), -x.min()), "sides"),
    "x.abs().max(dim=0).values": Norm(lambda x: x.abs().max(dim=0).values, "one"),
    "x.abs()[x.abs().argmax()]": Norm(lambda x: x.abs()[x.abs().argmax()], "one"),
    "x.abs().topk(1).values": Norm(lambda x: x.abs().topk(1).values[0], "one"),
    "x.abs().sort().values[-1]": Norm(lambda x: x.abs().sort().values[-1], "one"),
    "max_pool1d(x.abs())": Norm(lambda x: functional.max_pool1d(x.abs()[None], len(x))[0, 0], "one"),
    "max(x.abs())": Norm(lambda x: max(x.abs()), "one"),
    "reduce(maximum, x.abs())": Norm(lambda x: reduce(torch.maximum, x.abs().unbind()), "halves"),
    "cdist(x, 0, inf)": Norm(lambda x: torch.cdist(x[None], torch.zeros_like(x)[None], _INF)[0, 0], "all"),
}


class Abs(NamedTuple):
    """A spelling of |x|, with its derivative at 0."""

    function: Function
    at_zero: float


ABSES: dict[str, Abs] = {
    "x.abs()": Abs(lambda x: x.abs(), 0.0),
    "abs(x)": Abs(lambda x: abs(x), 0.0),
    "x * x.sign()": Abs(lambda x: x * x.sign(), 0.0),
    "maximum(x, -x)": Abs(lambda x: torch.maximum(x, -x), 0.0),
    "relu(x) + relu(-x)": Abs(lambda x: relu(x) + relu(-x), 0.0),
    "linalg.vector_norm(x)": Abs(lambda x: torch.linalg.vector_norm(x[None]), 0.0),
    "l1_loss(x, 0)": Abs(lambda x: functional.l1_loss(x, torch.zeros_like(x)), 0.0),
    "where(x >= 0, x, -x)": Abs(lambda x: torch.where(x >= 0, x, -x), 1.0),
    "where(x > 0, x, -x)": Abs(lambda x: torch.where(x > 0, x, -x), -1.0),
    "sqrt(x * x)": Abs(lambda x: (x * x).sqrt(), float("nan")),
}

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


class Loss(NamedTuple):
    """A spelling of the cross-entropy loss of logits y for target t; safe if it shifts by the largest logit."""

    function: Callable[[torch.Tensor, int], torch.Tensor]
    safe: bool


LOSSES: dict[str, Loss] = {
    "cross_entropy(y, t)": Loss(lambda y, t: functional.cross_entropy(y[None], torch.tensor([t])), True),
    "-log_softmax(y)[t]": Loss(lambda y, t: -functional.log_softmax(y, 0)[t], True),
    "logsumexp(y) - y[t]": Loss(lambda y, t: torch.logsumexp(y, 0) - y[t], True),
    "-log(softmax(y)[t])": Loss(lambda y, t: -torch.log(torch.softmax(y, 0)[t]), False),
    "-log(exp(y[t]) / sum(exp(y)))": Loss(lambda y, t: -torch.log(y[t].exp() / y.exp().sum()), False),
    "-y[t] + log(sum(exp(y)))": Loss(lambda y, t: -y[t] + torch.log(y.exp().sum()), False),
}


def tensor(values: Any, dtype: str = "float64") -> torch.Tensor:
    """Numbers in one of torch's formats; only of float64 arrays, so that no other arithmetic slips in."""
    array = np.asarray(values)
    if array.dtype.kind not in "fi":
        raise TypeError(f"floating-point numbers wanted, got {array.dtype}")
    return torch.tensor(array, dtype=DTYPES[dtype])


def derivative(function: Function, x: Any, dtype: str = "float64") -> torch.Tensor:
    """What automatic differentiation returns for a scalar function at x."""
    point = tensor(x, dtype).requires_grad_()
    (slope,) = torch.autograd.grad(function(point), point)
    return slope

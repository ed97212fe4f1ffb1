"""Layers of networks in `theorems.maths`: on float64, on torch tensors and with 50 digits.

An image is a tensor of c channels, d×d pixels each. A window of size q and stride s starts at the pixels
0, s, 2s, …; where s divides d − q there are t = (d − q)/s + 1 windows along an axis, and they cover the image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from theorems import maths as m


def windows(X: Any, q: int, s: int) -> Any:
    """The q×q windows of an image, all channels together.

    Args:
        X: image, shape (c, d, d) with d >= q.
        q: size of a window.
        s: stride.

    Returns:
        Shape (t, t, c, q, q), t = (d − q)//s + 1.

    """
    starts = range(0, X.shape[1] - q + 1, s)
    return m.stack(m.stack(X[:, a : a + q, b : b + q] for b in starts) for a in starts)


def most_windows(q: int, s: int, t: int) -> int:
    """How many of the t windows along an axis can share a pixel: ⌈q/s⌉, or t if that is less."""
    return min(-(-q // s), t)


def convolution(W: Any, X: Any, s: int) -> Any:
    """W ⋆ X with stride s: (W ⋆ X)_ijk = Σ_{l,m,n} w_ilmn x_{l, m + s(j−1), n + s(k−1)}.

    Args:
        W: kernels, shape (k, c, q, q).
        X: image, shape (c, d, d).
        s: stride.

    Returns:
        Shape (k, t, t).

    """
    seen = windows(X, W.shape[-1], s)
    t = len(seen)
    return (W.reshape(len(W), -1) @ m.transpose(seen.reshape(t * t, -1))).reshape(len(W), t, t)


def _pooled(X: Any, q: int, s: int, pool: Callable[[Any], Any]) -> Any:
    seen = windows(X, q, s)
    t, c = len(seen), X.shape[0]
    return m.transpose(pool(seen.reshape(t * t, c, q * q))).reshape(c, t, t)


def max_pooling(X: Any, q: int, s: int) -> Any:
    """The largest entry of each window, channel by channel: (c, d, d) to (c, t, t)."""
    return _pooled(X, q, s, lambda seen: m.max(seen, axis=2))


def average_pooling(X: Any, q: int, s: int) -> Any:
    """The mean of each window, channel by channel: (c, d, d) to (c, t, t)."""
    return _pooled(X, q, s, lambda seen: m.sum(seen, axis=2) / (q * q))


def power_pooling(X: Any, q: int, s: int, p: Any) -> Any:
    """(Σ |x|^p)^(1/p) over each window, channel by channel: L_p pooling, for every p > 0."""
    return _pooled(X, q, s, lambda seen: m.power(m.sum(m.power(m.abs(seen), p), axis=2), 1 / p))


def batch_normalisation(x: Any, gamma: Any, beta: Any, mean: Any, variance: Any) -> Any:
    """γ (x − mean)/√variance + β, entry by entry; `variance` contains the ε of numerical stability."""
    return gamma * (x - mean) / m.sqrt(variance) + beta


def neighbours(i: int, channels: int, n: int) -> range:
    """The channels that the response of channel i is normalised by: max(0, i − n/2) to min(N − 1, i + n/2).

    Args:
        i: channel, counted from 0.
        channels: N.
        n: odd n is halved downwards.

    """
    return range(max(0, i - n // 2), min(channels - 1, i + n // 2) + 1)


def response_normalisation(X: Any, n: int, k: Any, alpha: Any, beta: Any) -> Any:
    """Local response normalisation: b_i = a_i (k + α Σ_l a_l²)^{−β} over the neighbours l of i, pixel by pixel."""
    channels = X.shape[0]
    answers = []
    for i in range(channels):
        near = sum(X[j] * X[j] for j in neighbours(i, channels, n))
        answers.append(X[i] * m.power(k + alpha * near, -beta))
    return m.stack(answers)


@dataclass(frozen=True)
class Smooth:
    """An activation with its first two derivatives, entry by entry."""

    value: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    curvature: Callable[[Any], Any]


def _sigmoid(x: Any) -> Any:
    return (1 + m.tanh(x / 2)) / 2


def _softplus(x: Any) -> Any:
    return m.maximum(x, 0) + m.log(1 + m.exp(-m.abs(x)))


def _bump(x: Any) -> Any:
    """1/cosh² x, the derivative of tanh."""
    return 1 / (m.cosh(x) * m.cosh(x))


SMOOTH: dict[str, Smooth] = {
    "tanh": Smooth(m.tanh, _bump, lambda x: -2 * m.tanh(x) * _bump(x)),
    "sigm": Smooth(_sigmoid, lambda x: _bump(x / 2) / 4, lambda x: -m.tanh(x / 2) * _bump(x / 2) / 4),
    "softplus": Smooth(_softplus, _sigmoid, lambda x: _bump(x / 2) / 4),
}
"""Twice differentiable activations with bounded derivatives, by name."""

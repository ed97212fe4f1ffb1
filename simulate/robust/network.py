"""A fixed two-layer ReLU network with biases, as a function of its input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulate.errors import BadInput

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ReluNetwork:
    """f(x) = Σ_j a_j max(w_j·x + b_j, 0), in float64.

    Attributes:
        weights: the rows w_j, shape (k, d).
        biases: b, shape (k,).
        outer: a, shape (k,).

    """

    weights: Floats
    biases: Floats
    outer: Floats

    def __post_init__(self) -> None:
        weights = np.asarray(self.weights)
        width = weights.shape[0] if weights.ndim == 2 else 0
        if width < 1 or np.shape(self.biases) != (width,) or np.shape(self.outer) != (width,):
            raise BadInput("a network needs weights of shape (k, d), and k biases and outer weights, k >= 1")
        if not all(np.isfinite(one).all() for one in (weights, self.biases, self.outer)):
            raise BadInput("the weights of a network must be finite")

    @property
    def width(self) -> int:
        """Number of neurons k."""
        return len(self.outer)

    @property
    def dim(self) -> int:
        """Dimension d of the input."""
        return int(self.weights.shape[1])

    def preactivations(self, x: ArrayLike) -> Floats:
        """w_j·x + b_j: (…, d) → (…, k)."""
        return np.asarray(np.asarray(x, np.float64) @ self.weights.T + self.biases)

    def __call__(self, x: ArrayLike) -> Floats:
        """f(x): (…, d) → (…)."""
        return np.asarray(np.maximum(self.preactivations(x), 0.0) @ self.outer)

    def gradient(self, x: ArrayLike) -> Floats:
        """∇f(x), with derivative 0 of the ReLU at 0: (…, d) → (…, d)."""
        return np.asarray(np.where(self.preactivations(x) > 0, self.outer, 0.0) @ self.weights)

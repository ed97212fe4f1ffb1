"""Random networks as functions of their input."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simulate.activations import Activation
from simulate.matrices import GaussianMatrix


@dataclass(frozen=True)
class TwoLayerNetwork:
    """B networks f(x) = k^{−1/2} Σ_j a_j σ(w_j·x), held through any Gaussian matrix.

    Attributes:
        matrix: the first layer, B matrices k × d whose rows are the w_j.
        signs: a, shape (B, k).
        activation: σ with its derivative.

    """

    matrix: GaussianMatrix
    signs: Tensor
    activation: Activation

    def __call__(self, x: Tensor) -> Tensor:
        """f(x) for one input a network: (B, d) → (B,)."""
        return self.read_out(self.matrix.matvec(x))

    def read_out(self, preactivations: Tensor) -> Tensor:
        """k^{−1/2} Σ_j a_j σ(u_j) for u = W x of shape (B, k)."""
        hidden = self.activation.value(preactivations)
        output: Tensor = torch.linalg.vecdot(self.signs, hidden)
        return output / math.sqrt(self.matrix.rows)

    def gradient(self, x: Tensor) -> Tensor:
        """∇f(x) = k^{−1/2} Wᵀ(a∘σ′(W x)): (B, d) → (B, d)."""
        return self.gradient_from(self.matrix.matvec(x))

    def gradient_from(self, preactivations: Tensor) -> Tensor:
        """∇f at the input whose preactivations u = W x are given: (B, k) → (B, d)."""
        slope = self.activation.derivative(preactivations)
        return self.matrix.rmatvec(self.signs * slope / math.sqrt(self.matrix.rows))

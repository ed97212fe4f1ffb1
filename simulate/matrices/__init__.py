"""Gaussian matrices W ∈ R^{k×d} with i.i.d. N(0, 1/d) entries, known through W x and Wᵀ v."""

from simulate.matrices.dense import DenseGaussian
from simulate.matrices.interface import GaussianMatrix
from simulate.matrices.lazy import LazyGaussian

__all__ = ["DenseGaussian", "GaussianMatrix", "LazyGaussian"]

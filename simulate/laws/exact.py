"""Exact moments of output and gradient of the random two-layer network, at every width k and dimension d."""

from __future__ import annotations

from simulate.activations import ActivationLike
from simulate.arguments import whole
from simulate.laws.moments import (
    derivative_second_moment,
    derivative_second_moment_z,
    gaussian_moment,
    second_moment,
)

# Split wⱼ along x and across it: wⱼ = uⱼ x/d + wⱼ^⊥, where uⱼ ~ N(0, 1) is independent of wⱼ^⊥, which has
# law N(0, I/d) on the d − 1 dimensions orthogonal to x. Then
#
#     ∇f = k^{−1/2} Σ aⱼ σ′(uⱼ) wⱼ = (T/√d) x/√d + g,   T = k^{−1/2} Σ aⱼ σ′(uⱼ) uⱼ,
#
# and given u and a, g is a sum of independent Gaussian vectors: N(0, (S/d) I) with S = (1/k) Σ σ′(uⱼ)².
# So |∇f|² = (T² + S χ²)/d with χ² ~ χ²_{d−1} independent of (u, a). In what follows
#
#     m₂ = Eσ′², m₄ = Eσ′⁴, b₂ = Eσ′²Z², b₄ = Eσ′⁴Z⁴, c = Eσ′⁴Z².


def output_variance(activation: ActivationLike) -> float:
    """Var f(x) = E f(x)² = E σ(Z)², at every width and dimension."""
    return second_moment(activation)


def output_fourth_moment(activation: ActivationLike, width: int) -> float:
    """E f(x)⁴ = 3(Eσ²)² + (Eσ⁴ − 3(Eσ²)²)/k, at every dimension.

    Args:
        activation: σ.
        width: k ≥ 1.

    """
    # f is k^{−1/2} times a sum of k independent symmetric terms aⱼσ(uⱼ). Of the products of four, those
    # with all indices equal (k of them) and those with two pairs (3k(k−1)) have non-zero mean.
    k = whole(width, "width", 1)
    m = second_moment(activation)
    return 3 * m * m + (gaussian_moment(activation, value_power=4) - 3 * m * m) / k


def gradient_second_moment(activation: ActivationLike, dim: int) -> float:
    """E|∇f(x)|² = ((d−1)/d) Eσ′² + (1/d) Eσ′²Z², at every width.

    Args:
        activation: σ.
        dim: d ≥ 1.

    """
    # E T² = b₂ by independence of the signs, E S = m₂, E χ² = d − 1.
    d = whole(dim, "dim", 1)
    return ((d - 1) * derivative_second_moment(activation) + derivative_second_moment_z(activation)) / d


def gradient_second_moment_variance(activation: ActivationLike, width: int, dim: int) -> float:
    """Var |∇f(x)|², exactly: what a z-score of a sample mean of |∇f|² divides by.

    Args:
        activation: σ.
        width: k ≥ 1.
        dim: d ≥ 1.

    """
    # d² E|∇f|⁴ = E T⁴ + 2 E[T² S] E χ² + E S² E χ⁴, with E χ² = d − 1, E χ⁴ = (d − 1)(d + 1), and
    #     E T⁴    = 3 b₂² + (b₄ − 3 b₂²)/k      as for the output's fourth moment;
    #     E[T²S]  = b₂ m₂ + (c − b₂ m₂)/k       averaging T² over the signs leaves (1/k) Σ σ′(uⱼ)² uⱼ²;
    #     E S²    = m₂² + (m₄ − m₂²)/k.
    # Taking away d² (E|∇f|²)² = b₂² + 2(d−1) b₂ m₂ + (d−1)² m₂² term by term leaves no cancellation:
    k, d = whole(width, "width", 1), whole(dim, "dim", 1)
    m2, b2 = derivative_second_moment(activation), derivative_second_moment_z(activation)
    m4 = gaussian_moment(activation, derivative_power=4)
    c = gaussian_moment(activation, derivative_power=4, z_power=2)
    b4 = gaussian_moment(activation, derivative_power=4, z_power=4)
    gaussian_part = 2 * b2 * b2 + 2 * (d - 1) * m2 * m2
    width_part = (b4 - 3 * b2 * b2) + 2 * (d - 1) * (c - b2 * m2) + (d * d - 1) * (m4 - m2 * m2)
    return (gaussian_part + width_part / k) / (d * d)


def gradient_fourth_moment(activation: ActivationLike, width: int, dim: int) -> float:
    """E|∇f(x)|⁴, exactly.

    Args:
        activation: σ.
        width: k ≥ 1.
        dim: d ≥ 1.

    """
    mean = gradient_second_moment(activation, dim)
    return gradient_second_moment_variance(activation, width, dim) + mean * mean


def output_gradient_moment(activation: ActivationLike) -> float:
    """E[f(x) ⟨∇f(x), x⟩] = E σ(Z) σ′(Z) Z, at every width and dimension.

    For σ positively homogeneous of degree p it is p·E f², because then ⟨∇f, x⟩ = p·f.
    """
    return gaussian_moment(activation, value_power=1, derivative_power=1, z_power=1)

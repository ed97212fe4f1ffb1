"""Exact and limit laws of random two-layer networks: the lines that figures draw beside a measurement.

The network is f(x) = k^{−1/2} Σⱼ aⱼ σ(wⱼ·x) with k hidden neurons on d inputs, aⱼ = ±1 uniform and
wⱼ ~ N(0, I/d), all independent, and |x| = √d. Then uⱼ = wⱼ·x are independent standard normal, and so
every law here reduces to moments of σ and σ′ under Z ~ N(0, 1), which `gaussian_moment` integrates. No
law needs Eσ = 0: the signs aⱼ already centre every term.

"Exact" functions hold at every finite width k and dimension d; those named ``..._limit`` hold as
k, d → ∞. Arguments called ``activation`` take whatever `simulate.activations.get` takes.
"""

from __future__ import annotations

import functools
import math
import operator
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, erfinv

from simulate.activations import Activation, ActivationLike, get
from simulate.errors import BadInput

__all__ = [
    "Direction",
    "SingularValueBound",
    "derivative_second_moment",
    "derivative_second_moment_z",
    "flip_constant",
    "flip_probability_limit",
    "gaussian_moment",
    "gradient_fourth_moment",
    "gradient_norm_limit",
    "gradient_second_moment",
    "gradient_second_moment_variance",
    "output_fourth_moment",
    "output_gradient_moment",
    "output_variance",
    "relative_perturbation_limit",
    "relu_flip_width_correction",
    "second_moment",
    "singular_value_bound",
    "step_for_flip_probability",
]

Direction = Literal["gradient", "sign", "random"]


# --- Gaussian moments ---------------------------------------------------------------------------------

# Integrals run over [−16, 16]: the normal density at 16 is 1e-56, so that even a power z²⁰ (1e24 there)
# leaves nothing of note outside. A function that grows faster shows in the outermost unit, and is refused.
_REACH = 16
# Gauss-Legendre nodes per panel. On panels of length 1 all named activations are then at rounding error.
_NODES = 24
# How often the panels may be halved: to length 1/512, which resolves a function that varies on scale 1e-3.
_HALVINGS = 9
# Two successive refinements must agree to this much of ∫|integrand|. The finer one is far more accurate
# than their difference, so this certifies 1e-12 with room to spare; rounding alone is a few 1e-16.
_AGREEMENT = 1e-13


def gaussian_moment(
    activation: ActivationLike, value_power: int = 0, derivative_power: int = 0, z_power: int = 0
) -> float:
    """E σ(Z)ᵖ σ′(Z)^q Zʳ for Z ~ N(0, 1), to 1e-12 of E|σ(Z)ᵖ σ′(Z)^q Zʳ|.

    Composite Gauss-Legendre quadrature, split at the activation's kinks, with the panels halved until two
    successive results agree. Results are kept for the process.

    Args:
        activation: σ.
        value_power: p ≥ 0.
        derivative_power: q ≥ 0.
        z_power: r ≥ 0.

    Raises:
        BadInput: a power is negative or no integer, or the refinement does not settle: the function has a
            kink that was not stated, varies too fast, or the moment is infinite.

    """
    powers = []
    for label, power in (("value", value_power), ("derivative", derivative_power), ("z", z_power)):
        powers.append(_integer(power, f"{label}_power", least=0))
    return _moment(get(activation), *powers)


@functools.cache
def _moment(activation: Activation, p: int, q: int, r: int) -> float:
    inner = [kink for kink in activation.kinks if abs(kink) < _REACH]
    edges = np.unique(np.concatenate([np.arange(-_REACH, _REACH + 1.0), inner]))
    coarse = math.nan
    for _ in range(_HALVINGS + 1):
        terms, outermost = _quadrature_terms(activation, p, q, r, edges)
        fine, size = float(terms.sum()), float(np.abs(terms).sum())
        if abs(fine - coarse) <= _AGREEMENT * size and float(np.abs(outermost).sum()) <= _AGREEMENT * size:
            return fine
        coarse = fine
        edges = np.sort(np.concatenate([edges, (edges[:-1] + edges[1:]) / 2]))
    raise BadInput(
        f"{activation.name}: the integral E σ(Z)^{p} σ′(Z)^{q} Z^{r} does not settle (last value {fine:g}). "
        "State the points where the function or its derivative is not smooth (kinks=...); "
        "otherwise it varies too fast or this moment is infinite"
    )


def _quadrature_terms(
    activation: Activation, p: int, q: int, r: int, edges: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The weighted values whose sum is the integral, and those of them with |z| > reach − 1."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = np.diff(edges)[:, None] / 2
    z = edges[:-1, None] + half * (1 + nodes)  # (panels, nodes)
    x = torch.from_numpy(z)
    terms = half * weights * np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * z**r
    with torch.no_grad(), np.errstate(over="ignore", invalid="ignore"):
        if p:
            terms *= activation.value(x).numpy() ** p
        if q:
            terms *= activation.derivative(x).numpy() ** q
    if not np.isfinite(terms).all():
        where = z[~np.isfinite(terms)]
        raise BadInput(f"{activation.name} or a power of it is not finite at {where[0]:g}")
    return terms, terms[np.abs(z) > _REACH - 1]


def second_moment(activation: ActivationLike) -> float:
    """E σ(Z)², Z ~ N(0, 1)."""
    return gaussian_moment(activation, value_power=2)


def derivative_second_moment(activation: ActivationLike) -> float:
    """E σ′(Z)², Z ~ N(0, 1)."""
    return gaussian_moment(activation, derivative_power=2)


def derivative_second_moment_z(activation: ActivationLike) -> float:
    """E σ′(Z)² Z², Z ~ N(0, 1)."""
    return gaussian_moment(activation, derivative_power=2, z_power=2)


# --- Exact moments of output and gradient, every k and d ------------------------------------------------
#
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
    k = _integer(width, "width")
    m = second_moment(activation)
    return 3 * m * m + (gaussian_moment(activation, value_power=4) - 3 * m * m) / k


def gradient_second_moment(activation: ActivationLike, dim: int) -> float:
    """E|∇f(x)|² = ((d−1)/d) Eσ′² + (1/d) Eσ′²Z², at every width.

    Args:
        activation: σ.
        dim: d ≥ 1.

    """
    # E T² = b₂ by independence of the signs, E S = m₂, E χ² = d − 1.
    d = _integer(dim, "dim")
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
    k, d = _integer(width, "width"), _integer(dim, "dim")
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


# --- Limits as k, d → ∞ ------------------------------------------------------------------------------------
#
# f is a sum of k independent terms, so f → N(0, Eσ²); S → Eσ′² and |∇f|² → Eσ′². A step η∇f moves u by
# ηW∇f, and entry j of that is η aⱼσ′(uⱼ)/√k up to terms that vanish: f moves by
#
#     k^{−1/2} Σ aⱼ σ′(uⱼ) · η (W∇f)ⱼ = η|∇f|² → η Eσ′²,
#
# the second-order terms vanishing. So a step of size |η| against the sign of f flips that sign if and only
# if |f| < |η| Eσ′², with probability erf(|η| Eσ′²/√(2 Eσ²)). Its length is r = |η||∇f| → |η|√Eσ′², and
# that gives the form in r. Other directions δ of the same length move f by ⟨∇f, δ⟩ in the limit:
#
#   sign    δ along sign(∇f): ⟨∇f, δ⟩ = r‖∇f‖₁/√d. Given u and a, the entries of ∇f are N(0, S/d) apart
#           from a component along x that is smaller by √d, so ‖∇f‖₁/√d → |∇f| E|Z| = |∇f|√(2/π).
#   random  δ uniform on the sphere of radius r: ⟨∇f, δ⟩ is about N(0, r²Eσ′²/d), independent of f; two
#           Gaussians f and f + s differ in sign with probability (1/π) arctan(sd(s)/sd(f)), which is
#           (1/π) arctan(r√(Eσ′²/(d Eσ²))) → 0 as d → ∞.
#
# A literal +η∇f moves f the same way whatever its sign, and so only flips one of the two: half of it.


def flip_probability_limit(
    activation: ActivationLike,
    *,
    step: ArrayLike | None = None,
    radius: ArrayLike | None = None,
    direction: Direction = "gradient",
    fixed_sign: bool = False,
) -> NDArray[np.float64]:
    """Limit as k, d → ∞ of the probability that a perturbation flips the sign of f.

    Along the gradient, against the sign of f: erf(|η| Eσ′²/√(2Eσ²)) for x − sign(f)|η|∇f, which in terms
    of the perturbation's Euclidean length r is erf(r √(Eσ′²/(2Eσ²))).

    Args:
        activation: σ.
        step: η, a number or an array, of either sign; the perturbation has length |η||∇f|.
        radius: r ≥ 0 instead, a number or an array. Exactly one of the two is given.
        direction: ``"gradient"``; ``"sign"``, along sign(∇f) at the same Euclidean length, which weakens
            the attack by √(2/π); ``"random"``, uniform at the same length, which never flips in the limit.
        fixed_sign: the perturbation is +η∇f (or its counterpart) whatever the sign of f: half as likely.

    Returns:
        Probabilities, in the shape of ``step`` or ``radius``. Zero throughout where Eσ′² = 0 (the unit
        step, a constant): without a gradient there is no direction, and that counts as a failure to flip.

    Raises:
        BadInput: both or none of ``step`` and ``radius``, a NaN, a negative radius, an unknown direction.

    """
    if direction not in ("gradient", "sign", "random"):
        raise BadInput(f"direction must be 'gradient', 'sign' or 'random', not {direction!r}")
    if step is not None and radius is None:
        size = np.abs(_array(step, "step", least=-math.inf))
    elif radius is not None and step is None:
        size = _array(radius, "radius", least=0)
    else:
        raise BadInput("give exactly one of step= and radius=")
    m, q = second_moment(activation), derivative_second_moment(activation)
    # Eσ² = 0 implies Eσ′² = 0, so nothing below divides by zero.
    if direction == "random" or q == 0:
        return np.zeros_like(size)[()]
    slope = math.sqrt(q / (2 * m)) * (math.sqrt(q) if step is not None else 1.0)
    if direction == "sign":
        slope *= math.sqrt(2 / math.pi)
    probability: NDArray[np.float64] = erf(slope * size)
    return probability / 2 if fixed_sign else probability


def flip_constant(activation: ActivationLike) -> float:
    """√(2Eσ²)/Eσ′², in units of the step η; ∞ if Eσ′² = 0.

    One gradient step of this size against the sign of f flips it with limiting probability erf(1) = 0.84;
    for a flip probability of at least 1 − γ, this times √log(1/γ) suffices.
    """
    q = derivative_second_moment(activation)
    return math.sqrt(2 * second_moment(activation)) / q if q > 0 else math.inf


def step_for_flip_probability(activation: ActivationLike, probability: ArrayLike) -> NDArray[np.float64]:
    """The step |η| whose limiting flip probability is the given one: √(2Eσ²)/Eσ′² · erfinv(probability).

    The inverse of `flip_probability_limit` in its ``step``, along the gradient and against the sign of f.

    Args:
        activation: σ.
        probability: 1 − γ, strictly between 0 and 1, a number or an array.

    Returns:
        Steps, in the shape of ``probability``; ∞ if Eσ′² = 0.

    """
    wanted = _array(probability, "probability", least=0)
    if not ((wanted > 0) & (wanted < 1)).all():
        raise BadInput(f"probability must lie strictly between 0 and 1, not {wanted}")
    steps: NDArray[np.float64] = flip_constant(activation) * erfinv(wanted)
    return steps


def relu_flip_width_correction(radius: ArrayLike, width: ArrayLike) -> NDArray[np.float64]:
    """First-order deviation of ReLU's flip probability from erf(r/√2) at finite width k, as d → ∞.

    It is −r² e^{−r²/2}/(√2 π √k), and the same at a fixed step η with r = η/√2. What is left is O(1/k).

    Args:
        radius: length r ≥ 0 of the perturbation along the gradient, against the sign of f.
        width: k > 0. Both may be arrays, which broadcast.

    """
    # As d → ∞ at fixed k, W∇f → v with vⱼ = aⱼ1[uⱼ > 0]/√k. Let f > 0 and h = η/√k. The active neurons
    # with aⱼ = +1 go from uⱼ down to max(uⱼ − h, 0), where the linear model has uⱼ − h; no others bend. So
    # f lands higher than the linear model has it, on average by
    #     k^{−1/2} · (k/2) · E (h − Z)₊1[Z > 0] = (√k/2) φ(0) h²/2 = η²/(4√(2πk)),
    # with fluctuations of smaller order, while the fluctuations of S, being even in a, change the
    # probability at order 1/k only. With η = √2 r the threshold for |f| falls from r/√2 by r²/(2√(2πk)).
    # |f| has density (2/√π) e^{−s²}, at s = r/√2; the product is the formula.
    r, k = _array(radius, "radius", least=0), _array(width, "width", least=0)
    if (k == 0).any():
        raise BadInput("width must be positive")
    correction: NDArray[np.float64] = -r * r * np.exp(-r * r / 2) / (math.sqrt(2) * math.pi * np.sqrt(k))
    return correction


def gradient_norm_limit(activation: ActivationLike) -> float:
    """√(Eσ′²), the limit of |∇f(x)| as k, d → ∞."""
    return math.sqrt(derivative_second_moment(activation))


def relative_perturbation_limit(activation: ActivationLike, step: ArrayLike, dim: int) -> NDArray[np.float64]:
    """|η| √(Eσ′²)/√d: the length of η∇f relative to |x| = √d, with |∇f| at its limit.

    Args:
        activation: σ.
        step: η, a number or an array.
        dim: d ≥ 1.

    """
    size = np.abs(_array(step, "step", least=-math.inf))
    return size * (gradient_norm_limit(activation) / math.sqrt(_integer(dim, "dim")))


# --- Singular values -----------------------------------------------------------------------------------


class SingularValueBound(NamedTuple):
    """A bound on the operator norm |W|₂ and the least probability with which it holds."""

    bound: float
    probability: float


def singular_value_bound(width: int, dim: int, t: float) -> SingularValueBound:
    """|W|₂ ≤ (√k + √d + t)/√d with probability at least 1 − e^{−t²/2}.

    W is k×d with independent N(0, 1/d) entries. K. R. Davidson & S. J. Szarek, Local operator theory,
    random matrices and Banach spaces (2001), Theorem II.13: E|√d W|₂ ≤ √k + √d (Gordon's inequality), and
    the norm is a 1-Lipschitz function of the entries.

    Args:
        width: k ≥ 1.
        dim: d ≥ 1.
        t: excess over the mean's bound, ≥ 0.

    """
    k, d = _integer(width, "width"), _integer(dim, "dim")
    if not t >= 0:
        raise BadInput(f"t must be ≥ 0, not {t}")
    return SingularValueBound((math.sqrt(k) + math.sqrt(d) + t) / math.sqrt(d), -math.expm1(-t * t / 2))


# --- Arguments -------------------------------------------------------------------------------------------


def _integer(value: int, name: str, least: int = 1) -> int:
    """The value as an int, or BadInput if it is no integer or below ``least``."""
    try:
        number = operator.index(value)
    except TypeError:
        raise BadInput(f"{name} must be an integer, not {value!r}") from None
    if number < least:
        raise BadInput(f"{name} must be at least {least}, not {number}")
    return number


def _array(value: ArrayLike, name: str, least: float) -> NDArray[np.float64]:
    """The value as a float64 array, or BadInput if an entry is NaN or below ``least``."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be a number or an array of numbers, not {value!r}") from None
    if not (array >= least).all():
        raise BadInput(f"{name} must be {'a number' if least == -math.inf else f'≥ {least:g}'}, not {array}")
    return array

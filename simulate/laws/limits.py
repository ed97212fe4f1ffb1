"""Limits of the one-step experiment as k, d → ∞, and how fast ReLU gets there."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, erfcinv, erfinv

from simulate.activations import ActivationLike
from simulate.arguments import whole
from simulate.errors import BadInput
from simulate.laws._arguments import array
from simulate.laws.deep import width_limit

Direction = Literal["gradient", "sign", "random"]

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
    depth: int = 2,
    gain: float = 1.0,
    dim: int | None = None,
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
        depth: L ≥ 2 layers of weights; V and G of `width_limit` take the place of Eσ² and Eσ′².
        gain: g, see `simulate.laws.deep`.
        dim: d, for the random direction alone, whose limit as d → ∞ is 0: with it, the leading behaviour
            (1/π) arctan(r √(G/(dV))) as k → ∞ at large d.

    Returns:
        Probabilities, in the shape of ``step`` or ``radius``. Zero throughout where Eσ′² = 0 (the unit
        step, a constant): without a gradient there is no direction, and that counts as a failure to flip.

    Raises:
        BadInput: both or none of ``step`` and ``radius``, a NaN, a negative radius, an unknown direction.

    """
    if direction not in ("gradient", "sign", "random"):
        raise BadInput(f"direction must be 'gradient', 'sign' or 'random', not {direction!r}")
    if step is not None and radius is None:
        size = np.abs(array(step, "step", least=-math.inf))
    elif radius is not None and step is None:
        size = array(radius, "radius", least=0)
    else:
        raise BadInput("give exactly one of step= and radius=")
    limit = width_limit(activation, depth, gain)
    m, q = limit.output_variance, limit.gradient_square
    # Eσ² = 0 implies Eσ′² = 0, so nothing below divides by zero.
    if q == 0 or (direction == "random" and dim is None):
        return np.zeros_like(size)[()]
    if direction == "random":
        length = size * math.sqrt(q) if step is not None else size
        spread = length * math.sqrt(q / (m * whole(dim or 0, "dim", 1)))
        crossed: NDArray[np.float64] = np.arctan(spread) / math.pi
        return crossed
    slope = math.sqrt(q / (2 * m)) * (math.sqrt(q) if step is not None else 1.0)
    if direction == "sign":
        slope *= math.sqrt(2 / math.pi)
    probability: NDArray[np.float64] = erf(slope * size)
    return probability / 2 if fixed_sign else probability


def flip_constant(activation: ActivationLike, depth: int = 2, gain: float = 1.0) -> float:
    """√(2Eσ²)/Eσ′² (for deep networks √(2V)/G), in units of the step η; ∞ if Eσ′² = 0.

    One gradient step of this size against the sign of f flips it with limiting probability erf(1) = 0.84;
    for a flip probability of at least 1 − γ, this times √log(1/γ) suffices.
    """
    limit = width_limit(activation, depth, gain)
    return (
        math.sqrt(2 * limit.output_variance) / limit.gradient_square
        if limit.gradient_square > 0
        else math.inf
    )


def step_for_flip_probability(
    activation: ActivationLike,
    probability: ArrayLike,
    depth: int = 2,
    gain: float = 1.0,
    fixed_sign: bool = False,
) -> NDArray[np.float64]:
    """The step |η| whose limiting flip probability is the given one: √(2Eσ²)/Eσ′² · erfinv(probability).

    The inverse of `flip_probability_limit` in its ``step``, along the gradient and against the sign of f.

    Args:
        activation: σ.
        probability: 1 − γ, strictly between 0 and 1, a number or an array.
        depth: L ≥ 2 layers of weights.
        gain: g, see `simulate.laws.deep`.
        fixed_sign: for a step +η∇f whatever the sign of f, which flips with half the probability.

    Returns:
        Steps, in the shape of ``probability``; ∞ if Eσ′² = 0, and for a fixed sign from probability ½ on, which
        no step exceeds.

    """
    wanted = array(probability, "probability", least=0)
    if not ((wanted > 0) & (wanted < 1)).all():
        raise BadInput(f"probability must lie strictly between 0 and 1, not {wanted}")
    steps: NDArray[np.float64] = flip_constant(activation, depth, gain) * erfinv(
        np.minimum(2 * wanted, 1) if fixed_sign else wanted
    )
    return steps


def step_for_failure_probability(
    activation: ActivationLike,
    gamma: ArrayLike,
    depth: int = 2,
    gain: float = 1.0,
    fixed_sign: bool = False,
) -> NDArray[np.float64]:
    """`step_for_flip_probability` at 1 − γ, with all digits of a small γ: √(2Eσ²)/Eσ′² · erfc⁻¹(γ).

    Args:
        activation: σ.
        gamma: γ, strictly between 0 and 1, a number or an array.
        depth: L ≥ 2 layers of weights.
        gain: g, see `simulate.laws.deep`.
        fixed_sign: for +η∇f whatever the sign of f; then ∞ for γ ≤ ½.

    """
    missed = array(gamma, "gamma", least=0)
    if not ((missed > 0) & (missed < 1)).all():
        raise BadInput(f"gamma must lie strictly between 0 and 1, not {missed}")
    if fixed_sign:
        missed = np.maximum(2 * missed - 1, 0)
    steps: NDArray[np.float64] = flip_constant(activation, depth, gain) * erfcinv(missed)
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
    r, k = array(radius, "radius", least=0), array(width, "width", least=0)
    if (k == 0).any():
        raise BadInput("width must be positive")
    correction: NDArray[np.float64] = -r * r * np.exp(-r * r / 2) / (math.sqrt(2) * math.pi * np.sqrt(k))
    return correction


def gradient_norm_limit(activation: ActivationLike, depth: int = 2, gain: float = 1.0) -> float:
    """√(Eσ′²) (for deep networks √G), the limit of |∇f(x)| as k, d → ∞."""
    return math.sqrt(width_limit(activation, depth, gain).gradient_square)


def relative_perturbation_limit(activation: ActivationLike, step: ArrayLike, dim: int) -> NDArray[np.float64]:
    """|η| √(Eσ′²)/√d: the length of η∇f relative to |x| = √d, with |∇f| at its limit.

    Args:
        activation: σ.
        step: η, a number or an array.
        dim: d ≥ 1.

    """
    size = np.abs(array(step, "step", least=-math.inf))
    return size * (gradient_norm_limit(activation) / math.sqrt(whole(dim, "dim", 1)))

"""Activation functions: value, derivative, and the constants that theorems about networks use.

Every network in this project is built from one function σ: R → R applied entry by entry. An `Activation`
holds σ and σ′ in a form that hot loops can use (``out=`` writes into a buffer that is already in cache),
together with what proofs ask of σ: its Lipschitz constant, that of σ′, the points where it is not smooth,
its degree if it is positively homogeneous. `get` turns a name, a function of one's own, or the address of
such a function into an `Activation`.

Convention where σ has no derivative: that of torch, so that automatic differentiation and the formulas
here describe one and the same vector. relu′(0) = 0, leaky_relu′(0) = 0.01 (the slope on the left),
abs′(0) = 0, and for the unit step 1[x > 0] (so step(0) = 0) σ′ = 0 everywhere. Under the laws studied here
such points have probability zero, except where every neuron before them is dead.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from simulate.errors import BadInput

__all__ = [
    "LEAKY_SLOPE",
    "NAMES",
    "Activation",
    "ActivationLike",
    "Elementwise",
    "from_callable",
    "get",
    "register",
]


class Elementwise(Protocol):
    """A function of one real variable, applied to every entry of a tensor."""

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """Apply the function to x (any shape, float32 or float64, any device).

        Without ``out`` the result is a new tensor that can be differentiated. With it (same shape, dtype
        and device; it may be x itself) the result is written there and returned; this form is for code
        that does not differentiate, and x must not require a gradient.
        """


@dataclass(frozen=True)
class Activation:
    """An activation function σ with its derivative and constants.

    Attributes:
        name: what `get` finds it under.
        value: σ, elementwise; see `Elementwise` for the arguments.
        derivative: σ′, elementwise, with the convention of this module at kinks.
        lipschitz: the smallest L with |σ(x) − σ(y)| ≤ L|x − y| for all x, y; None if there is none, or
            for a function of the user's if it was not given.
        derivative_lipschitz: the same for σ′; None if σ′ is not Lipschitz (or not given). None for the
            unit step, whose σ′ = 0 is not the derivative in any sense that Taylor's formula could use.
        kinks: the points where σ or σ′ is not smooth, ascending. Integrals are split there.
        homogeneous_degree: p if σ(tx) = tᵖσ(x) for all t > 0 (then ⟨∇f, x⟩ = p·f), else None.

    """

    name: str
    value: Elementwise
    derivative: Elementwise
    lipschitz: float | None = None
    derivative_lipschitz: float | None = None
    kinks: tuple[float, ...] = ()
    homogeneous_degree: int | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise BadInput("an activation needs a name that is not empty")
        if list(self.kinks) != sorted(set(self.kinks)) or not all(map(math.isfinite, self.kinks)):
            raise BadInput(f"{self.name}: kinks {self.kinks} must be finite, distinct and ascending")
        for label in ("lipschitz", "derivative_lipschitz"):
            constant = getattr(self, label)
            if constant is not None and not 0 <= constant < math.inf:
                raise BadInput(f"{self.name}: {label} is {constant}; it must be finite and ≥ 0, or None")

    def __str__(self) -> str:
        return self.name


ActivationLike: TypeAlias = "Activation | str | Callable[[Tensor], Tensor]"


# --- The named functions ----------------------------------------------------------------------------
#
# Two rules shape them. `torch.f(x, out=None)` is the ordinary, differentiable call, so one line serves
# both uses wherever torch has an `out=` form; and no line reads x after `out` has been written, so `out`
# may be x. Timings quoted are per entry, one x86 core, 16384 float32 entries, torch 2.13.

_aten = torch.ops.aten

LEAKY_SLOPE = 0.01
_SQRT_HALF = math.sqrt(0.5)
_SQRT_2PI = math.sqrt(2 * math.pi)
_LOG_TWO_OVER_SQRT_PI = math.log(2 / math.sqrt(math.pi))
# torch switches softplus to the identity above a threshold, by default 20, where the two differ by 2e-9.
# At 40 they differ by e⁻⁴⁰ = 4e-18, below half an ulp of 40 in float64, and eˣ is far from overflow.
_SOFTPLUS_THRESHOLD = 40.0


def _ones_like_scalar(x: Tensor) -> Tensor:
    """Ones of x's shape that occupy one number: the incoming gradient of torch's fused backward kernels."""
    return x.new_ones(()).expand_as(x)


def _relu(x: Tensor, out: Tensor | None = None) -> Tensor:
    # clamp is the faster of the two (0.11 ns against 0.23), but its own derivative at 0 is 1.
    return torch.relu(x) if out is None else torch.clamp(x, min=0, out=out)


def _step(x: Tensor, out: Tensor | None = None) -> Tensor:
    # sign carries the derivative 0 through automatic differentiation; a comparison would cut the graph.
    return torch.sign(x).clamp(min=0) if out is None else torch.gt(x, 0, out=out)


def _zero(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.zeros_like(x) if out is None else out.zero_()


def _leaky_relu(x: Tensor, out: Tensor | None = None) -> Tensor:
    if out is None:
        return torch.nn.functional.leaky_relu(x, LEAKY_SLOPE)
    return _aten.leaky_relu.out(x, LEAKY_SLOPE, out=out)  # type: ignore[no-any-return]


def _leaky_relu_derivative(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.sign(x, out=out).clamp_(min=LEAKY_SLOPE)


def _abs(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.abs(x, out=out)


def _sign(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.sign(x, out=out)


def _tanh(x: Tensor, out: Tensor | None = None) -> Tensor:
    # 2·sigmoid(2x) − 1 takes a quarter of the time but loses all relative accuracy near 0.
    return torch.tanh(x, out=out)


def _tanh_derivative(x: Tensor, out: Tensor | None = None) -> Tensor:
    t = torch.tanh(x, out=out)
    return torch.addcmul(x.new_ones(()), t, t, value=-1, out=out)


def _erf(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.erf(x, out=out)


def _erf_derivative(x: Tensor, out: Tensor | None = None) -> Tensor:
    # (2/√π) exp(−x²), the constant inside the exponential: two passes over the buffer instead of four.
    return torch.addcmul(x.new_full((), _LOG_TWO_OVER_SQRT_PI), x, x, value=-1, out=out).exp_()


def _sigmoid(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.sigmoid(x, out=out)


def _sigmoid_derivative(x: Tensor, out: Tensor | None = None) -> Tensor:
    s = torch.sigmoid(x, out=out)
    return torch.addcmul(s, s, s, value=-1, out=out)


def _softplus(x: Tensor, out: Tensor | None = None) -> Tensor:
    if out is None:
        return torch.nn.functional.softplus(x, 1.0, _SOFTPLUS_THRESHOLD)
    return _aten.softplus.out(x, 1.0, _SOFTPLUS_THRESHOLD, out=out)  # type: ignore[no-any-return]


def _scalar_gelu(x: Tensor) -> bool:
    """Whether torch's fused gelu is slow here: on the CPU in float64 (25 ns an entry, against 3 in parts)."""
    return x.dtype == torch.float64 and x.device.type == "cpu"


def _gelu(x: Tensor, out: Tensor | None = None) -> Tensor:
    if _scalar_gelu(x):  # x Φ(x) = (x + x erf(x/√2))/2
        return torch.addcmul(x, x, torch.erf(x * _SQRT_HALF), out=out).mul_(0.5)
    if out is None:
        return torch.nn.functional.gelu(x)
    return _aten.gelu.out(x, approximate="none", out=out)  # type: ignore[no-any-return]


def _gelu_derivative(x: Tensor, out: Tensor | None = None) -> Tensor:
    if _scalar_gelu(x):  # Φ(x) + x φ(x)
        cdf = torch.erf(x * _SQRT_HALF).add(1).mul(0.5)
        return torch.addcmul(cdf, x, torch.exp(-0.5 * x * x), value=1 / _SQRT_2PI, out=out)
    ones = _ones_like_scalar(x)
    if out is None:
        return _aten.gelu_backward(ones, x)  # type: ignore[no-any-return]
    return _aten.gelu_backward.grad_input(ones, x, grad_input=out)  # type: ignore[no-any-return]


def _silu(x: Tensor, out: Tensor | None = None) -> Tensor:
    if out is None:
        return torch.nn.functional.silu(x)
    return _aten.silu.out(x, out=out)  # type: ignore[no-any-return]


def _silu_derivative(x: Tensor, out: Tensor | None = None) -> Tensor:
    if out is None:  # the fused kernel cannot itself be differentiated
        s = torch.sigmoid(x)
        return s * (1 + x * (1 - s))
    return _aten.silu_backward.grad_input(_ones_like_scalar(x), x, grad_input=out)  # type: ignore[no-any-return]


def _sin(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.sin(x, out=out)


def _minus_sin(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.sin(x, out=out).neg_()


def _cos(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.cos(x, out=out)


def _identity(x: Tensor, out: Tensor | None = None) -> Tensor:
    # A copy, so that changing the result in place never changes x.
    return x.clone() if out is None else out.copy_(x)


def _one(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.ones_like(x) if out is None else out.fill_(1)


def _quadratic(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.mul(x, x, out=out)


def _twice(x: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.mul(x, 2, out=out)


# Where |σ′| and |σ″| are largest:
#   erf       |σ′| at 0; |σ″| = (4/√π)|x|e^{−x²} at 1/√2
#   tanh      |σ′| at 0; |σ″| = 2|t|(1 − t²), t = tanh x, at t² = 1/3
#   sigmoid   |σ′| at 0; half of tanh at half the argument, so 1/8 of tanh's constant
#   softplus  σ′ = sigmoid
#   gelu      σ″ = φ(x)(2 − x²): |σ′| at √2, where σ″ = 0; σ‴ = φ(x) x (x² − 4), so |σ″| at 0
#             (0.80, against 0.11 at ±2)
#   silu      σ″ = s(1 − s)(2 − x tanh(x/2)), s the sigmoid: σ″ = 0 where x tanh(x/2) = 2; there
#             s = (1 + 2/x)/2, hence σ′ = s + x s(1 − s) = 1/2 + x/4. |σ″| at 0.
_SILU_INFLECTION = 2.3993572805154676  # the positive root of x tanh(x/2) = 2

_NAMED = (
    Activation("relu", _relu, _step, 1.0, None, (0.0,), 1),
    Activation("leaky_relu", _leaky_relu, _leaky_relu_derivative, 1.0, None, (0.0,), 1),
    Activation("abs", _abs, _sign, 1.0, None, (0.0,), 1),
    Activation("tanh", _tanh, _tanh_derivative, 1.0, 4 / math.sqrt(27)),
    Activation("erf", _erf, _erf_derivative, 2 / math.sqrt(math.pi), math.sqrt(8 / (math.pi * math.e))),
    Activation("sigmoid", _sigmoid, _sigmoid_derivative, 0.25, 1 / math.sqrt(108)),
    Activation("softplus", _softplus, _sigmoid, 1.0, 0.25),
    Activation(
        "gelu",
        _gelu,
        _gelu_derivative,
        (1 + math.erf(1)) / 2 + 1 / (math.sqrt(math.pi) * math.e),  # Φ(√2) + √2 φ(√2)
        2 / _SQRT_2PI,
    ),
    Activation("silu", _silu, _silu_derivative, 0.5 + _SILU_INFLECTION / 4, 0.5),
    Activation("sin", _sin, _cos, 1.0, 1.0),
    Activation("cos", _cos, _minus_sin, 1.0, 1.0),
    Activation("identity", _identity, _one, 1.0, 0.0, (), 1),
    Activation("step", _step, _zero, None, None, (0.0,), 0),
    Activation("quadratic", _quadratic, _twice, None, 2.0, (), 2),
)

NAMES: tuple[str, ...] = tuple(activation.name for activation in _NAMED)
"""The names that come with the project, in the order in which tables list them."""

_registry: dict[str, Activation] = {activation.name: activation for activation in _NAMED}


def register(activation: Activation) -> Activation:
    """Make an activation known to `get` under its name, in this process, and return it.

    Registering the same one again changes nothing.

    Raises:
        BadInput: the name belongs to another activation.

    """
    if _registry.setdefault(activation.name, activation) != activation:
        raise BadInput(f"another activation is already named {activation.name!r}: choose a different name")
    return activation


def from_callable(
    function: Callable[[Tensor], Tensor],
    derivative: Callable[[Tensor], Tensor] | None = None,
    name: str | None = None,
    kinks: tuple[float, ...] = (),
    lipschitz: float | None = None,
    derivative_lipschitz: float | None = None,
) -> Activation:
    """Make an activation of a function of one's own; it is tried out first, see `simulate.user_activations`.

    Args:
        function: takes a float tensor of any shape and returns σ of every entry, same shape and dtype.
        derivative: the same for σ′; by default automatic differentiation of ``function``.
        name: by default the function's own.
        kinks: the points where σ or σ′ is not smooth. Integrals need them: a missing one is noticed
            there, and said.
        lipschitz: the Lipschitz constant of σ, if known.
        derivative_lipschitz: that of σ′.

    Raises:
        BadInput: ``function`` is not elementwise, changes shape or dtype or its argument, is random, or is
            not finite somewhere on [−8.5, 8.5]; ``derivative`` is not the derivative; a stated Lipschitz
            constant is exceeded.

    """
    from simulate.user_activations import activation_from_callable

    return activation_from_callable(function, derivative, name, kinks, lipschitz, derivative_lipschitz)


def get(activation: ActivationLike) -> Activation:
    """The activation meant by a name, by a function of tensors, or by the address of one.

    Args:
        activation: one of `NAMES` or a registered name; ``"package.module:function"`` or
            ``"path/to/file.py:function"``, which imports (that is, runs) that module and takes a function
            of tensors or an `Activation` from it; a function, as for `from_callable`; or an `Activation`,
            returned as it is.

    Raises:
        BadInput: no such name (the nearest one is suggested), no such module or function, or a function
            that `from_callable` refuses.

    """
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str):
        if callable(activation):
            return from_callable(activation)
        raise BadInput(f"an activation is a name or a function of tensors, not {activation!r}")
    if activation in _registry:
        return _registry[activation]
    if ":" in activation:
        from simulate.user_activations import activation_from_address

        return activation_from_address(activation)
    near = difflib.get_close_matches(activation.lower().replace("-", "_"), _registry, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise BadInput(
        f"unknown activation {activation!r}: {hint}known are {', '.join(_registry)}; "
        "for a function of your own write path/to/file.py:function"
    )

"""A named activation as a constant of the compiler: one kernel's source, one compiled kernel an activation.

`SIGMAS[name]` is passed to a kernel like any argument. It carries no data; its numba type names the activation, so
that `value(sigma, x)` and `derivative(sigma, x)` inside the kernel become σ and σ′ themselves, in the type of x, and
the kernel is compiled, and kept on disk, for each activation apart.
"""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.extending import NativeValue, models, overload, register_model, typeof_impl, unbox

from simulate.fused.functions import FLOAT32, FLOAT64


class Sigma:
    """The argument that stands for an activation."""

    def __init__(self, name: str) -> None:
        self.name = name


class SigmaType(types.Type):
    """Its type, equal for equal names."""

    def __init__(self, activation: str) -> None:
        self.activation = activation
        super().__init__(name=f"Sigma({activation})")


@typeof_impl.register(Sigma)
def _type_of(sigma: Sigma, context: Any) -> SigmaType:
    return SigmaType(sigma.name)


register_model(SigmaType)(models.OpaqueModel)


@unbox(SigmaType)
def _unbox(kind: Any, value: Any, context: Any) -> NativeValue:
    return NativeValue(context.context.get_dummy_value())


def value(sigma: Sigma, x: float) -> float:
    """σ(x); inside compiled code only."""
    raise TypeError("value(sigma, x) exists in compiled code only")


def derivative(sigma: Sigma, x: float) -> float:
    """σ′(x); inside compiled code only."""
    raise TypeError("derivative(sigma, x) exists in compiled code only")


def _chosen(sigma: Any, x: Any, which: int) -> Any:
    table = FLOAT32 if x == types.float32 else FLOAT64
    function = table[sigma.activation][which]
    return lambda sigma, x: function(x)


@overload(value, inline="always")
def _value(sigma, x):
    return _chosen(sigma, x, 0)


@overload(derivative, inline="always")
def _derivative(sigma, x):
    return _chosen(sigma, x, 1)


SIGMAS = {name: Sigma(name) for name in FLOAT32}
"""The argument for each named activation."""

ANY = Sigma("any")
"""The argument for code that only hands it on, through a pointer: no activation that could be evaluated."""

"""Activations that a user brings: a Python function of tensors, or the address of one, tried out first.

A function that mixes the entries of its argument, returns NaN or contradicts its stated constants would
give a theorem's check a wrong answer without a sign of it. So each is tried on a grid of [−8.5, 8.5], which
holds every standard normal number that a float64 generator gives in practice (P(|Z| > 8.5) = 2e-17).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from simulate.activations import Activation
from simulate.errors import BadInput

__all__ = ["activation_from_address", "activation_from_callable"]

# 0, the half integers and the points between them: where people put kinks and poles.
_PROBE = torch.linspace(-8.5, 8.5, 137, dtype=torch.float64)


@dataclasses.dataclass(frozen=True)
class _Value:
    """A user's function with the calling convention of `simulate.activations.Elementwise`."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        y = self.function(x)
        if out is not None:
            return out.copy_(y.detach())
        return y.clone() if y is x else y


@dataclasses.dataclass(frozen=True)
class _AutogradDerivative:
    """The derivative of an elementwise function: the gradient of the sum of its entries."""

    function: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        differentiable = x.requires_grad and torch.is_grad_enabled() and out is None
        # The clone is an ordinary tensor even when x was made, and this is called, in inference mode.
        with torch.inference_mode(False), torch.enable_grad():
            point = x if differentiable else x.detach().clone().requires_grad_()
            y = self.function(point)
            (slope,) = torch.autograd.grad(y, point, torch.ones_like(y), create_graph=differentiable)
        return slope if out is None else out.copy_(slope)


def _call(function: Callable[[Tensor], Tensor], x: Tensor, what: str) -> Tensor:
    """What the function makes of x, once it is a tensor of the same shape and dtype and x is unchanged."""
    before = x.clone()
    try:
        y = function(x)
    except Exception as error:
        message = f"{what} fails on a tensor of shape {tuple(x.shape)}: {type(error).__name__}: {error}"
        raise BadInput(message) from error
    if not isinstance(y, Tensor):
        raise BadInput(f"{what} must return a torch tensor, not {type(y).__name__}")
    if y.shape != x.shape or y.dtype != x.dtype:
        raise BadInput(
            f"{what} must keep shape and dtype: {tuple(x.shape)} {x.dtype} became {tuple(y.shape)} {y.dtype}"
        )
    if not torch.equal(x, before):
        raise BadInput(f"{what} changes its argument in place: return a new tensor instead")
    return y.detach()


def _try_out(function: Callable[[Tensor], Tensor], what: str, skip: tuple[float, ...] = ()) -> Tensor:
    """Check that a function is elementwise, repeatable and finite; return its values on the probe points.

    ``skip`` are points where it need not be finite.
    """
    for dtype in (torch.float32, torch.float64):
        x = _PROBE.to(dtype)
        y = _call(function, x, what)
        bad = ~torch.isfinite(y)
        for point in skip:
            bad &= x != point
        if bad.any():
            raise BadInput(f"{what} is not finite at {x[bad][0].item():g}: {y[bad][0].item()}")
        if not torch.equal(_call(function, x, what).nan_to_num(), y.nan_to_num()):
            raise BadInput(f"{what} gives different values when called twice")
        # Some of the points, not symmetric about 0, backwards, as a matrix: every entry has another place
        # and other company. An entry may round differently in another place of a vectorised kernel; a
        # function that mixes entries differs by far more than the √eps allowed.
        part = torch.arange(98, -1, -1)
        again = _call(function, x[part].reshape(3, -1), what).reshape(-1)
        expected = y[part]
        allowed = torch.finfo(dtype).eps ** 0.5 * (1 + expected.abs())
        if ((again - expected).abs() > allowed).any():
            raise BadInput(f"{what} is not elementwise: an entry of its result depends on other entries")
    return y


def activation_from_callable(
    function: Callable[[Tensor], Tensor],
    derivative: Callable[[Tensor], Tensor] | None = None,
    name: str | None = None,
    kinks: tuple[float, ...] = (),
    lipschitz: float | None = None,
    derivative_lipschitz: float | None = None,
) -> Activation:
    """See `simulate.activations.from_callable`."""
    if name is None:
        name = str(getattr(function, "__name__", type(function).__name__))
    activation = Activation(
        name,
        _Value(function),
        _AutogradDerivative(function) if derivative is None else _Value(derivative),
        lipschitz,
        derivative_lipschitz,
        tuple(float(kink) for kink in kinks),
    )
    try:
        hash(activation)
    except TypeError as error:
        raise BadInput(f"{name} must be hashable (a dataclass: frozen=True), to cache its moments") from error
    values = _try_out(function, name)
    if derivative is None:
        if not _can_differentiate(function):
            raise BadInput(f"automatic differentiation cannot follow {name}: give derivative= as well")
        slopes = _try_out(activation.derivative, f"the derivative of {name}", activation.kinks)
    else:
        slopes = _try_out(derivative, f"the derivative of {name}", activation.kinks)
        _compare_with_differences(function, slopes, activation)
    _compare_with_constant(values, lipschitz, name, "lipschitz")
    _compare_with_constant(slopes, derivative_lipschitz, name, "derivative_lipschitz")
    return activation


def _can_differentiate(function: Callable[[Tensor], Tensor]) -> bool:
    """Whether automatic differentiation can follow the function, which is known to run without it."""
    with torch.inference_mode(False), torch.enable_grad():
        try:
            return function(_PROBE.clone().requires_grad_()).requires_grad
        except Exception:  # what leaves torch, for numpy say, refuses a tensor that requires a gradient
            return False


def _compare_with_differences(
    function: Callable[[Tensor], Tensor], slopes: Tensor, activation: Activation
) -> None:
    """Refuse a stated derivative that central differences contradict."""
    h = 1e-5
    # Away from kinks, the stated ones and those at probe points (most are round numbers) that nobody
    # stated: there the one-sided differences disagree with each other and neither is right.
    left, here, right = (function(_PROBE + shift) for shift in (-h, 0.0, h))
    smooth = ((right - 2 * here + left).abs() / h) < 1e-2 * (1 + slopes.abs())
    for kink in activation.kinks:
        smooth &= (_PROBE - kink).abs() > h
    # What differences get wrong is h²|σ‴|/6 and 1e-11 |σ| of rounding; this is to catch a wrong sign or
    # a lost factor in a function that varies on scales above 1e-3, not to measure.
    wrong = smooth & ~(((right - left) / (2 * h) - slopes).abs() <= 1e-2 * (1 + slopes.abs()))
    if wrong.any():
        raise BadInput(
            f"the derivative given for {activation.name} is wrong at {_PROBE[wrong][0].item():g}: "
            f"{slopes[wrong][0].item():g}, where the function's slope is "
            f"{((right - left) / (2 * h))[wrong][0].item():g}"
        )


def _compare_with_constant(values: Tensor, constant: float | None, name: str, label: str) -> None:
    """Refuse a stated Lipschitz constant that the difference quotients on the probe points exceed."""
    if constant is None:
        return
    finite = torch.isfinite(values)
    y, x = values[finite], _PROBE[finite]
    quotients = y.diff().abs() / x.diff()
    # Rounding of y moves a quotient by 2 eps|y|/(1/8); 1e-12 is some hundred times that.
    excess = quotients - constant > 1e-12 * (constant + y.abs().max())
    if excess.any():
        raise BadInput(
            f"{name}: {label}={constant:g} is too small: the difference quotient at "
            f"{x[:-1][excess][0].item():g} is {quotients[excess][0].item():g}"
        )


@functools.lru_cache
def _module_from_file(path: Path, changed_ns: int) -> ModuleType:
    """Run a file as a module, again only when it has changed."""
    # Under a name of its own in sys.modules, so that what it defines can be pickled in this process.
    name = f"user_file_{path.stem}_{hashlib.sha256(f'{path}:{changed_ns}'.encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def activation_from_address(address: str) -> Activation:
    """The activation at ``package.module:function`` or ``path/to/file.py:function``, named by its address.

    To the name of one from a file the first digits of a hash of the file are added, ``file.py:function#1a2b3c4d``:
    a plan that names it is about this code and no other. An address that carries a hash is held to it.

    Raises:
        BadInput: the module cannot be imported, has no such attribute, or the attribute is refused; or the
            file is no longer the one that the hash names.

    """
    address, _, wanted = address.partition("#")
    place, _, attribute = address.rpartition(":")
    if not place or not attribute:
        raise BadInput(f"{address!r} is not of the form package.module:function or path/to/file.py:function")
    if not place.endswith(".py"):
        return _found(address, "")
    path = Path(place)
    if not path.is_file():
        raise BadInput(f"there is no file {place!r} to take the activation {attribute!r} from")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    if wanted and wanted != digest:
        raise BadInput(
            f"{place} has changed since a plan was made with it: start a new run, or restore the file"
        )
    return _found(address, digest)


@functools.lru_cache
def _found(address: str, digest: str) -> Activation:
    """The activation at an address, one object for each version of a file, so that its moments are kept."""
    place, _, attribute = address.rpartition(":")
    try:
        if digest:
            path = Path(place).resolve()
            module = _module_from_file(path, path.stat().st_mtime_ns)
        else:
            module = importlib.import_module(place)
    except Exception as error:
        # Whatever the user's module raises while it is run is, here, a module that cannot be used.
        raise BadInput(f"cannot import {place!r}: {type(error).__name__}: {error}") from error
    found = getattr(module, attribute, None)
    name = f"{address}#{digest}" if digest else address
    if isinstance(found, Activation):
        return dataclasses.replace(found, name=name)
    if not callable(found):
        raise BadInput(f"{place!r} has no function or activation {attribute!r}")
    return activation_from_callable(found, name=name)

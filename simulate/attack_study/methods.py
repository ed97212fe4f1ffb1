"""The attacks by name, with what each needs, as one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from simulate import attacks
from simulate.arguments import whole
from simulate.attacks import Attacked, Box, Network, size
from simulate.attacks.norms import check_norm
from simulate.errors import BadInput


@dataclass(frozen=True)
class Request:
    """What is asked of an attack.

    Attributes:
        method: a name from `METHODS`.
        norm: in which perturbations are measured; None takes the method's first.
        radius: of the ball, or length of the step; None asks for the smallest that succeeds.
        steps: gradient steps; None takes the method's default.
        restarts: starts of projected gradient descent.
        target: the class wanted.
        objective: what is climbed, see `simulate.attacks.problem`; None takes the method's default.
        seed: of random starts.

    """

    method: str = "pgd"
    norm: str | None = None
    radius: float | None = None
    steps: int | None = None
    restarts: int = 1
    target: int | None = None
    objective: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class Method:
    """An attack as the command knows it.

    Attributes:
        norms: that it can work in, the usual one first.
        run: (request, norm, network, x, y, box) → results, one for each round.
        radius: whether it can be given one ("free"), or always searches for the smallest ("never").
        takes: which of steps, restarts, target, objective mean something to it.
        needs: which of target, box it cannot do without.

    """

    norms: tuple[str, ...]
    run: Callable[[Request, str, Network, Tensor, Tensor, Box | None], list[Attacked]]
    radius: str = "never"
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def _given(request: Request, *names: str) -> dict[str, Any]:
    """Options that were given, as keywords."""
    return {name: getattr(request, name) for name in names if getattr(request, name) is not None}


def _reach(x: Tensor, norm: str) -> Tensor:
    """As far as a search looks when no radius is given: twice the input's own length, row by row."""
    return (2 * size(x, check_norm(norm))).clamp_min(1.0)


def _one_step(direction: str) -> Callable[..., list[Attacked]]:
    def run(
        request: Request, norm: str, network: Network, x: Tensor, y: Tensor, box: Box | None
    ) -> list[Attacked]:
        options: dict[str, Any] = {
            "direction": direction,
            "box": box,
            **_given(request, "target", "objective"),
        }
        if request.radius is None:
            # The gradient over its length points the same way, and its factor has a unit.
            options["direction"] = "unit" if direction == "value" else direction
            return [attacks.smallest_epsilon(network, x, y, most=_reach(x, norm), **options)]
        return [attacks.gradient_step(network, x, y, epsilon=request.radius, **options)]

    return run


def _pgd(
    request: Request, norm: str, network: Network, x: Tensor, y: Tensor, box: Box | None
) -> list[Attacked]:
    options: dict[str, Any] = {
        "norm": norm,
        "box": box,
        **_given(request, "steps", "restarts", "target", "objective", "seed"),
    }
    if request.radius is None:
        return [attacks.smallest_radius(network, x, y, **options)]
    return [attacks.pgd(network, x, y, radius=request.radius, **options)]


def _deepfool(
    request: Request, norm: str, network: Network, x: Tensor, y: Tensor, box: Box | None
) -> list[Attacked]:
    return [attacks.deepfool(network, x, y, norm=check_norm(norm), box=box, **_given(request, "steps"))]


def _carlini_wagner(
    request: Request, norm: str, network: Network, x: Tensor, y: Tensor, box: Box | None
) -> list[Attacked]:
    kinds: dict[str, Callable[..., Attacked]] = {
        "2": attacks.carlini_wagner_l2,
        "0": attacks.carlini_wagner_l0,
        "inf": attacks.carlini_wagner_linf,
    }
    return [kinds[norm](network, x, y, box=box, **_given(request, "steps", "target"))]


def _pixels(
    request: Request, norm: str, network: Network, x: Tensor, y: Tensor, box: Box | None
) -> list[Attacked]:
    assert box is not None
    wanted = 1.0 if request.radius is None else request.radius
    if wanted != int(wanted):
        raise BadInput(f"the radius of pixels is a number of coordinates, got {wanted:g}")
    return [attacks.few_pixels(network, x, y, pixels=int(wanted), box=box, **_given(request, "target"))]


def _lbfgs(
    request: Request, norm: str, network: Network, x: Tensor, y: Tensor, box: Box | None
) -> list[Attacked]:
    assert request.target is not None
    return [attacks.lbfgs(network, x, y, target=request.target, box=box)]


def _hot_cold(
    request: Request, norm: str, network: Network, x: Tensor, y: Tensor, box: Box | None
) -> list[Attacked]:
    assert request.target is not None
    most = _reach(x, norm) if request.radius is None else request.radius
    return [attacks.hot_cold(network, x, y, hot=request.target, most=most, box=box)]


def _iterated(
    request: Request, norm: str, network: Network, x: Tensor, y: Tensor, box: Box | None
) -> list[Attacked]:
    most = float(_reach(x, norm).max()) if request.radius is None else request.radius
    return attacks.iterated(
        network, x, most=most, rounds=3 if request.steps is None else request.steps, box=box
    )


_FREE = ("target", "objective")
METHODS: dict[str, Method] = {
    "pgd": Method(("2", "inf", "1"), _pgd, "free", ("steps", "restarts", *_FREE)),
    "fgsm": Method(("inf",), _one_step("sign"), "free", _FREE),
    "gradient": Method(("2",), _one_step("unit"), "free", _FREE),
    "fgv": Method(("2",), _one_step("value"), "free", _FREE),
    "deepfool": Method(("2", "inf", "1"), _deepfool, "never", ("steps",)),
    "cw": Method(("2", "inf", "0"), _carlini_wagner, "never", ("steps", "target")),
    "pixels": Method(("0",), _pixels, "free", ("target",), ("box",)),
    "lbfgs": Method(("2",), _lbfgs, "never", ("target",), ("target",)),
    "hot-cold": Method(("2",), _hot_cold, "free", ("target",), ("target",)),
    "iterated": Method(("inf",), _iterated, "free", ("steps",)),
}


def chosen(request: Request) -> tuple[Method, str]:
    """The method of a request and its norm, if the options fit it.

    Raises:
        BadInput: no such method, a norm that it does not know, an option that means nothing to it or is missing.

    """
    if request.method not in METHODS:
        raise BadInput(f"the method is one of {', '.join(METHODS)}, got {request.method!r}")
    method, name = METHODS[request.method], request.method
    norm = method.norms[0] if request.norm is None else request.norm
    if norm not in method.norms:
        raise BadInput(f"{name} works in the norm {' or '.join(method.norms)}, got {norm!r}")
    if request.radius is not None:
        if method.radius == "never":
            raise BadInput(f"{name} looks for the smallest perturbation itself: leave --radius out")
        if not 0 < request.radius < float("inf"):
            raise BadInput(f"the radius must be positive, got {request.radius:g}")
    for option in ("steps", "target", "objective"):
        if getattr(request, option) is not None and option not in method.takes:
            raise BadInput(f"{name} knows no --{option}")
    if request.restarts != 1 and "restarts" not in method.takes:
        raise BadInput(f"{name} knows no --restarts")
    if request.steps is not None:
        whole(request.steps, "steps", 1)
    whole(request.restarts, "restarts", 1)
    whole(request.seed, "seed", 0)
    if "target" in method.needs and request.target is None:
        raise BadInput(f"{name} needs --target, the class wanted")
    return method, norm


def attack(request: Request, network: Network, x: Tensor, y: Tensor, box: Box | None) -> list[Attacked]:
    """The results of an attack, one for each round (all but `iterated` have one).

    Raises:
        BadInput: see `chosen`; what the attack itself refuses.

    """
    method, norm = chosen(request)
    if "box" in method.needs and (
        box is None or not all(torch.isfinite(torch.as_tensor(end)).all() for end in box)
    ):
        raise BadInput(f"{request.method} needs a box with finite ends: use data, or give --box")
    return method.run(request, norm, network, x, y, box)

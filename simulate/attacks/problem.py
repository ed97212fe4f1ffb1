"""What is attacked: a network, its inputs, their labels, the box of allowed inputs; and what an attack returns.

A network is any torch function that treats the rows of its argument alone: (B, *shape) → (B, C) logits, or → (B,)
one number whose sign is the class. Row b may belong to network b (a batch of random networks). What the attack wants of
the outputs, and the objectives it climbs, are in `simulate.attacks.goal`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from simulate.attacks.chain import Chain, chain_of
from simulate.attacks.goal import Goal
from simulate.attacks.known_gradient import check_differentiable, differentiable, follow
from simulate.attacks.norms import Norm, size
from simulate.errors import BadInput
from simulate.feedforward import FeedForward

Network = Callable[[Tensor], Tensor]
Box = tuple[float, float] | tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Attacked:
    """What an attack found, row by row.

    Attributes:
        adversarial: x + δ, inside its box to the last bit.
        perturbation: δ, of the inputs' shape.
        success: whether x + δ is classified as the attack wants, shape (B,).
        size: ‖δ‖ in the attack's norm, shape (B,).
        margin: of the true class (with a target: of all other classes over it), at x + δ, shape (B,).
        zero_gradient: whether a gradient that was needed was exactly 0, shape (B,): a step had no direction.
        steps: evaluations of the gradient a row, at most; of the network, for searches that ask for no gradient.
        norm: in which `size` is measured: "inf", "2", "1" or "0".

    """

    adversarial: Tensor
    perturbation: Tensor
    success: Tensor
    size: Tensor
    margin: Tensor
    zero_gradient: Tensor
    steps: int
    norm: Norm | Literal["0"]


@dataclass(frozen=True)
class Problem(Goal):
    """A network at its inputs, checked once.

    Attributes:
        network: see the module's docstring.
        x: inputs, shape (B, *shape), floating.
        low, high: the box for x + δ, of x's shape, ±inf without a box.

    """

    network: Network
    x: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def of(
        cls,
        network: Network,
        x: Tensor,
        y: Tensor,
        box: Box | None = None,
        target: Tensor | int | None = None,
    ) -> Problem:
        """Check everything that an attack relies on.

        Args:
            network: (B, *shape) → (B, C) or (B,).
            x: inputs, at least one row.
            y: labels.
            box: ends that x + δ must keep, numbers or tensors that broadcast to x; x must lie inside.
            target: the class wanted for each row, instead of any wrong one.

        Raises:
            BadInput: shapes that do not fit, NaN, labels out of range, a box that leaves x out.

        """
        if (
            not isinstance(x, Tensor)
            or x.dtype not in (torch.float32, torch.float64)
            or x.ndim < 2
            or not x.numel()
        ):
            raise BadInput(
                "the inputs must be a float32 or float64 tensor of shape (B, ...) with at least one row"
            )
        x = x.detach()
        if not _finite(x):
            raise BadInput("the inputs hold NaN or infinite numbers")
        labels = _integers(y, x.device, "labels")
        if labels.shape != (len(x),):
            raise BadInput(f"the labels must have shape ({len(x)},), got {tuple(labels.shape)}")
        network = chain_of(network, x) or differentiable(network)
        outputs = cls._first_outputs(network, x)
        scalar = outputs.ndim == 1
        if scalar:
            if not bool(((labels == 1) | (labels == -1)).all()):
                raise BadInput("the labels of a network with one output are +1 and -1")
            if target is not None:
                raise BadInput(
                    "a target needs several classes: a network with one output has only the other sign"
                )
        else:
            cls._check_classes(labels, outputs.shape[1], "labels")
            labels = labels.long()
        if target is not None:
            target = _integers(target, x.device, "targets")
            if target.ndim > 1 or (target.ndim == 1 and len(target) != len(x)):
                raise BadInput(f"the target is one class, or one for each of {len(x)} inputs")
            cls._check_classes(target, outputs.shape[1], "targets")
            target = target.long().expand(len(x))
        low, high = cls._box(x, box)
        return cls(labels, target, 0 if scalar else int(outputs.shape[1]), network, x, low, high)

    @staticmethod
    def _first_outputs(network: Network, x: Tensor) -> Tensor:
        try:
            with torch.no_grad():
                outputs = network(x)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise BadInput(
                f"the network fails at inputs of shape {tuple(x.shape)}, {x.dtype}: {line}"
            ) from error
        if not isinstance(outputs, Tensor) or outputs.ndim not in (1, 2) or len(outputs) != len(x):
            shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
            raise BadInput(
                f"the network must return (B,) or (B, classes) numbers for {len(x)} inputs, got {shape}"
            )
        if not _finite(outputs):
            raise BadInput("the network returns NaN or infinite numbers at the inputs")
        return outputs

    @staticmethod
    def _check_classes(labels: Tensor, classes: int, what: str) -> None:
        if labels.is_floating_point() or labels.dtype == torch.bool:
            raise BadInput(f"the {what} must be whole numbers, got {labels.dtype}")
        if classes < 2:
            raise BadInput("a network with logits needs at least two classes")
        if bool(((labels < 0) | (labels >= classes)).any()):
            raise BadInput(f"the {what} must lie between 0 and {classes - 1}")

    @staticmethod
    def _box(x: Tensor, box: Box | None) -> tuple[Tensor, Tensor]:
        ends = (-torch.inf, torch.inf) if box is None else box
        try:
            low, high = (torch.as_tensor(end, dtype=x.dtype, device=x.device).expand_as(x) for end in ends)
        except (RuntimeError, TypeError, ValueError) as error:
            raise BadInput(f"the box must be two numbers or tensors that fit the inputs: {error}") from error
        if float((x - low).amin()) >= 0 and float((high - x).amin()) >= 0:  # false for NaN too
            return low, high
        if bool((low.isnan() | high.isnan()).any()):
            raise BadInput("the box has NaN for an end")
        if bool((low > high).any()):
            raise BadInput("the box is empty: a lower end lies above its upper end")
        raise BadInput("the box leaves out some of the inputs")

    def repeated(self, count: int) -> Problem:
        """The same rows so many times over, batch after batch; each copy of row b meets the network of row b."""
        if count == 1:
            return self

        def many(values: Tensor) -> Tensor:
            return values.repeat(count, *[1] * (values.ndim - 1))

        network = self.network if self._takes_any_rows() else _in_turn(self.network, len(self.x))
        target = None if self.target is None else many(self.target)
        return replace(
            self,
            network=network,
            x=many(self.x),
            y=many(self.y),
            low=many(self.low),
            high=many(self.high),
            target=target,
        )

    def _takes_any_rows(self) -> bool:
        """Whether there is one network for all rows, which a longer batch can meet at once. Lazy ones are not tried."""
        if isinstance(self.network, Chain):
            return True
        if not isinstance(self.network, nn.Module | FeedForward):
            return False
        try:
            with torch.no_grad():
                once, twice = self.network(self.x), self.network(torch.cat([self.x, self.x]))
        except (RuntimeError, ValueError, IndexError):
            return False
        both = torch.cat([once, once])
        # A longer batch may be summed in another order.
        return twice.shape == both.shape and torch.allclose(twice, both, rtol=1e-3, atol=1e-6)

    def gradient(self, x: Tensor, objective: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """An objective's values (B,) and its gradient in x, of x's shape; rows do not see each other.

        A gradient that is not a number says nothing and is taken for 0.
        """
        with torch.enable_grad():
            point = x.detach().requires_grad_()
            values = objective(self.network(point))
            check_differentiable(values)
            (slope,) = torch.autograd.grad(values.sum(), point, allow_unused=True)
        return values.detach(), torch.zeros_like(point) if slope is None else torch.nan_to_num(slope, nan=0.0)

    def look(self, points: Tensor, objective: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """The margins (B,) and the objective's gradient, flattened to (B, d), from one pass.

        A gradient that is not a number says nothing and is taken for 0.
        """
        margins, slope = self.climb(points, objective)
        return margins, torch.nan_to_num(slope, nan=0.0)

    def climb(self, points: Tensor, objective: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """As `look`, with the gradient as it comes; the quickest way."""
        outputs, back = follow(self.network, points)
        if objective == self.rise:
            margins, pull = self.rise_and_pull(outputs)
        else:
            margins = self.margins(outputs)
            with torch.enable_grad():
                free = outputs.requires_grad_()
                (pull,) = torch.autograd.grad(objective(free).sum(), free)
        return margins, back(pull)

    def move(self, delta: Tensor) -> Tensor:
        """The points x + δ inside the box, rounded towards x: no entry moves by more than |δ_i|.

        So the perturbation that is really there keeps every norm's bound that δ keeps. δ is flattened to (B, d) or
        of x's shape.
        """
        delta = delta.reshape(self.x.shape)
        points = self.x + delta
        # 1 where rounding has overshot, else 0; with such weights `torch.lerp` is exact.
        over = (points - self.x).abs_().gt_(delta.abs())
        return torch.lerp(points, torch.nextafter(points, self.x), over).clamp_(self.low, self.high)

    def evaluate(self, points: Tensor) -> Tensor:
        """Margins at given inputs."""
        with torch.no_grad():
            return self.margins(self.network(points))

    def attacked(
        self, delta: Tensor, norm: Norm | Literal["0"], zero_gradient: Tensor, steps: int
    ) -> Attacked:
        """The result of an attack that ended at δ."""
        points = self.move(delta)
        perturbation = points - self.x
        margin = self.evaluate(points)
        return Attacked(
            points, perturbation, margin < 0, size(perturbation, norm), margin, zero_gradient, steps, norm
        )

    def room(self) -> tuple[Tensor, Tensor]:
        """The box for δ, flattened to (B, d)."""
        return (self.low - self.x).flatten(1), (self.high - self.x).flatten(1)


def _finite(values: Tensor) -> bool:
    """Whether all are finite; their sum tells it mostly, and quicker."""
    return math.isfinite(float(values.sum())) or bool(torch.isfinite(values).all())


def _in_turn(network: Network, rows: int) -> Network:
    """A network that is asked for so many rows at once, and knows their numbers."""

    def function(z: Tensor) -> Tensor:
        return torch.cat([network(part) for part in z.chunk(len(z) // rows)])

    return function


def classes_of(network: Network, x: Tensor) -> Tensor:
    """The class that a network gives each input: the largest logit's, or the sign (+1 at 0), shape (B,)."""
    with torch.no_grad():
        outputs = network(x)
    return outputs.argmax(1) if outputs.ndim == 2 else torch.where(outputs >= 0, 1, -1)


def check_radius(radius: float | Tensor, x: Tensor, name: str = "radius") -> Tensor:
    """The radius as one number a row.

    Raises:
        BadInput: it is not positive and finite.

    """
    try:
        value = torch.as_tensor(radius, dtype=x.dtype, device=x.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInput(f"the {name} must be a number, got {radius!r}") from error
    if value.ndim > 1 or (value.ndim == 1 and len(value) != len(x)):
        raise BadInput(f"the {name} is one number, or one for each of {len(x)} inputs")
    if not bool((torch.isfinite(value) & (value > 0)).all()):
        raise BadInput(f"the {name} must be positive, got {radius}")
    return value.expand(len(x))


def _integers(values: Tensor | int, device: torch.device, what: str) -> Tensor:
    try:
        return torch.as_tensor(values, device=device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInput(f"the {what} must be whole numbers: {error}") from error

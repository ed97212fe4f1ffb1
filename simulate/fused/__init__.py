"""The conditional trial compiled into one loop: what `simulate.onestep.conditional` computes, several times as fast.

`observe` gives f(x), ‖∇f(x)‖ and f at points along the gradient and along a random direction, from the same random
numbers as the torch form and equal to it to rounding. It knows the named activations on the CPU, and on CUDA those with
a Lipschitz constant; everything else (an activation of one's own, the sign direction) is the torch form's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulate import activations
from simulate.activations import Activation
from simulate.errors import BadInput
from simulate.fused import device
from simulate.fused.kernel import LANES, SUMS, TILE, addresses, trials
from simulate.fused.sigma import ANY, SIGMAS
from simulate.streams import Stream

DIRECTIONS = ("gradient", "random")
"""The directions that the kernel knows, in its order."""


@dataclass(frozen=True)
class Line:
    """Points along one direction.

    Attributes:
        direction: one of `DIRECTIONS`.
        steps: multiples of ‖∇f‖.
        radii: lengths; they come after the steps.
        more_steps: multiples of ‖∇f‖ again, behind the radii.

    """

    direction: str
    steps: Sequence[float] = ()
    radii: Sequence[float] = ()
    more_steps: Sequence[float] = ()

    @property
    def sizes(self) -> tuple[float, ...]:
        """All steps and radii in order."""
        return (*self.steps, *self.radii, *self.more_steps)

    @property
    def by_norm(self) -> tuple[bool, ...]:
        """Which of them are multiples of ‖∇f‖."""
        return (True,) * len(self.steps) + (False,) * len(self.radii) + (True,) * len(self.more_steps)


@dataclass(frozen=True)
class Observed:
    """What B trials show, in float64.

    Attributes:
        output: f(x), shape (B,).
        gradient_norm: ‖∇f(x)‖, shape (B,).
        after: for each line f at its points, shape (B, points).

    """

    output: Tensor
    gradient_norm: Tensor
    after: tuple[Tensor, ...]


def knows(activation: Activation) -> bool:
    """Whether the kernel has this very activation compiled in."""
    return activation.name in SIGMAS and activation is activations.get(activation.name)


def computes_in_float64(activation: Activation, dtype: torch.dtype) -> bool:
    """Whether trials are computed in float64 whatever their numbers are drawn in.

    They are where σ has no Lipschitz constant: no bound on float32's rounding could be stated.
    """
    return dtype == torch.float64 or activation.lipschitz is None


def observe(
    stream: Stream,
    activation: Activation,
    width: int,
    dim: int,
    lines: Sequence[Line] = (),
    *,
    fixed_sign: bool = False,
) -> Observed:
    """B trials with the draws of `simulate.onestep.draw_conditional`.

    Args:
        stream: of B trials; its dtype is that of the draws and, with a Lipschitz σ, of the arithmetic.
        activation: one that `knows` confirms.
        width: k.
        dim: d.
        lines: where f is wanted besides x, one line a direction at most. Without any, z is not drawn.
        fixed_sign: go along +∇f instead of −sign(f)∇f.

    Raises:
        BadInput: a line along a direction that the kernel does not know, or two along one; or a width beyond 2³¹.

    """
    along = [line.direction for line in lines]
    if not set(along) <= set(DIRECTIONS) or len(set(along)) < len(along):
        raise BadInput(f"lines go along {' and '.join(DIRECTIONS)}, one each at most, got {along}")
    if width >= 1 << 31:
        raise BadInput(f"the compiled kernel has fewer than 2^31 neurons, got {width}: use --engine lazy")
    wanted = {line.direction: line for line in lines}
    directions = DIRECTIONS if "random" in wanted else DIRECTIONS[:1]
    ordered = [wanted.get(direction, Line(direction)) for direction in directions]
    bounds = np.cumsum([0, *(len(line.sizes) for line in ordered)])
    places = {line.direction: slice(bounds[i], bounds[i + 1]) for i, line in enumerate(ordered)}
    all_sizes = [size for line in ordered for size in line.sizes]
    all_by_norm = [flag for line in ordered for flag in line.by_norm]
    if stream.device.type != "cpu":
        output, norm, moved = device.observe(
            stream,
            activation,
            width,
            dim,
            all_sizes,
            all_by_norm,
            along=int(bounds[1]),
            fixed_sign=fixed_sign,
        )
        return Observed(output, norm, tuple(moved[:, places[line.direction]] for line in lines))
    batch = stream.batch
    sizes, by_norm = np.array(all_sizes, np.float64), np.array(all_by_norm, np.bool_)
    names = ["u"]
    frames = np.zeros((len(directions) - 1, batch, 3))
    if len(sizes):
        names.append("z")
    if "random" in wanted:
        frames[0] = _frame(stream, dim)
        names.extend(["random.z"] if dim > 2 else [])
    exact = computes_in_float64(activation, stream.dtype)
    drawn = stream.drawn
    real = torch.float64 if exact else torch.float32
    padded = -(-width // TILE) * TILE

    def memory(name: str, dtype: torch.dtype, *shape: int) -> NDArray[Any]:
        return stream.workspace.buffer(f"fused.{name}", shape, dtype, torch.device("cpu")).numpy()

    # The torch form rounds χ² to its own number format: so does this one, to be equal to it.
    chi2 = stream.chi_square("chi2", dim - 1).to(drawn).double().numpy()
    key, words = stream.key, [stream.word(name, drawn) for name in names]
    before, norms, after = np.empty(batch), np.empty(batch), np.empty((batch, len(sizes)))
    rows = max(SUMS, len(sizes))
    trials(
        *addresses(activation.name, *(str(dtype).removeprefix("torch.") for dtype in (drawn, real))),
        ANY,
        width,
        dim,
        torch.finfo(real).tiny,
        chi2,
        frames,
        np.array([True, False][: len(directions)]),
        bounds,
        sizes,
        by_norm,
        0 if fixed_sign else -1,
        stream.binomial("a", width, 0.5).numpy(),
        np.array(words, np.uint32),
        np.uint64(stream.first),
        np.uint32(key[0]),
        np.uint32(key[1]),
        memory("vectors", drawn, len(names), padded),
        memory("a", real, padded),
        memory("v", real, padded),
        np.zeros((len(directions), 4)),
        np.empty(len(sizes)),
        memory("image", real, LANES),
        memory("lanes", real, rows, LANES),
        memory("totals", torch.float64, rows, LANES),
        before,
        after,
        norms,
    )
    found = torch.from_numpy(after)
    return Observed(
        torch.from_numpy(before),
        torch.from_numpy(norms),
        tuple(found[:, places[line.direction]] for line in lines),
    )


def _frame(stream: Stream, dim: int) -> NDArray[np.float64]:
    """A uniform direction's components on x̂, on ĝ_⊥ and across both, as in the torch form, (B, 3)."""
    n1, n2 = stream.normals("random.frame", 2).double().unbind(1)
    rest = torch.zeros_like(n1)
    if dim > 2:
        rest = stream.chi_square("random.rest", dim - 2).to(stream.drawn).double().sqrt()
    frame = torch.stack([n1, n2, rest], dim=1)
    unit: NDArray[np.float64] = (frame / torch.linalg.vector_norm(frame, dim=1, keepdim=True)).numpy()
    return unit

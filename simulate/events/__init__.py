"""The event-driven trial: for ReLU, leaky ReLU and abs only the neurons that a step can turn are drawn.

A positively homogeneous σ has two slopes. Far from its kink a neuron is linear whatever the step does, and enters a
trial through two sums over all such neurons, which are drawn as what they are: two numbers. `near` says which neurons
are left, `far` draws the sums and bounds the error in law that this costs, `kernel` is the compiled loop, and `device`
the same on CUDA.

What a trial costs is a share of k that falls like 1/√d: at k = d it grows like √k. Where the share is large, or the
bound on the error is not small enough (few neurons), `region_of` says so and every neuron is drawn instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from simulate.activations import Activation
from simulate.errors import BadInput
from simulate.events import device
from simulate.events.far import SIDE
from simulate.events.kernel import LANES, TILE, at_binomials, trials
from simulate.events.near import Region, region
from simulate.fused import Observed
from simulate.streams import Stream
from simulate.streams.device import available

__all__ = ["Region", "observe", "region_of", "slopes"]


def slopes(activation: Activation) -> tuple[float, float]:
    """s₊ and s₋ with σ(x) = s₊x for x > 0 and s₋x for x < 0.

    Raises:
        BadInput: σ is not of that form, or is not known to be.

    """
    if activation.homogeneous_degree != 1:
        raise BadInput(
            f"the event engine needs an activation with one kink, at 0, and straight on both sides, such as relu, "
            f"leaky_relu or abs; {activation.name} is not known to be one: use --engine conditional"
        )
    above, below = activation.value(torch.tensor([1.0, -1.0], dtype=torch.float64)).tolist()
    return above, -below


@lru_cache(maxsize=256)
def region_of(
    activation: Activation, width: int, dim: int, steps: Sequence[float] = (), radii: Sequence[float] = ()
) -> Region | None:
    """The region of neurons to draw, or None where all of them should be, see `simulate.events.near.region`."""
    return region(width, dim, slopes(activation), steps, radii)


def observe(
    stream: Stream,
    found: Region,
    dim: int,
    steps: Sequence[float] = (),
    radii: Sequence[float] = (),
    *,
    fixed_sign: bool = False,
) -> Observed:
    """B trials: f(x), ‖∇f(x)‖, and f after each step and radius along the gradient, all in float64.

    Args:
        stream: of B trials, on the CPU or on CUDA; its `drawn` is the type that the neurons are drawn in.
        found: the region for these steps and radii, or for longer ones.
        dim: d.
        steps: multiples of ‖∇f‖.
        radii: lengths; they come after the steps.
        fixed_sign: go along +∇f instead of −sign(f)∇f.

    Raises:
        BadInput: the stream is on another device, or on CUDA without Triton or with numbers in float64.

    """
    if stream.device.type != "cpu":
        _check(stream)
        output, norm, moved = device.observe(stream, found, dim, steps, radii, fixed_sign=fixed_sign)
        return Observed(output, norm, (moved,))
    real = np.float32 if stream.drawn == torch.float32 else np.float64
    tiles = -(-found.most // LANES)
    memory = stream.workspace.buffer("events.neurons", (tiles * TILE,), stream.drawn, torch.device("cpu"))
    key = stream.key
    names = ("events.neurons", "events.above", "events.below")
    drawn, above, below = (stream.word(name, stream.drawn) for name in names)
    batch, moves = stream.batch, len(steps) + len(radii)
    before, norms, after = np.empty(batch), np.empty(batch), np.empty((batch, moves))
    trials(
        at_binomials(),
        found.width,
        dim,
        *found.slopes,
        (real(found.slope), real(found.offset), np.uint32(found.rayleigh)),
        found.far.coefficients,
        np.array(found.far.variances),
        (SIDE, found.envelope),
        stream.chi_square("events.chi2", dim - 1).numpy(),
        stream.binomial("events.proposals", found.width, found.proposed).numpy(),
        np.array([*steps, *radii], np.float64),
        np.array([True] * len(steps) + [False] * len(radii), np.bool_),
        0 if fixed_sign else -1,
        np.array([drawn, stream.binomial_word("events.side", found.width, 0.5), above, below], np.uint32),
        np.uint64(stream.first),
        np.uint32(key[0]),
        np.uint32(key[1]),
        memory.numpy(),
        before,
        after,
        norms,
    )
    return Observed(torch.from_numpy(before), torch.from_numpy(norms), (torch.from_numpy(after),))


def _check(stream: Stream) -> None:
    kind = stream.device.type
    if kind != "cuda":
        raise BadInput(f"the event engine runs on the CPU and on CUDA, not on {kind}: use --device cpu")
    if stream.drawn != torch.float32:
        raise BadInput("on CUDA the event engine draws in float32 only: use --dtype float32 or --device cpu")
    if not available():
        raise BadInput("on CUDA the event engine needs Triton, which is not installed: use --device cpu")

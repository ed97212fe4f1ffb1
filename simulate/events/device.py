"""The event engine on a GPU: what `simulate.events.observe` gives, from the same random numbers.

Nothing waits for the device here: kernels are launched, and the tensors that they will have filled are returned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from simulate.events.far import SIDE
from simulate.events.near import Region
from simulate.streams import Stream
from simulate.streams.device import constant

_MOST_COUNTERS = 4096
"""Proposals that one program holds in registers, four numbers each."""

_A_WARP = 256
"""Proposals that one warp draws; of small regions as many trials as come to that. By the registers that the compiler
needs and not by measurement: what a trial does once, every warp of it does."""


def observe(
    stream: Stream,
    found: Region,
    dim: int,
    steps: Sequence[float] = (),
    radii: Sequence[float] = (),
    *,
    fixed_sign: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """f(x) (B,), ‖∇f(x)‖ (B,) and f at every move (B, moves), in float64 on the stream's device.

    Args:
        stream: of B trials, on the device; its numbers are drawn in float32.
        found: the region for these steps and radii, or for longer ones.
        dim: d.
        steps: multiples of ‖∇f‖.
        radii: lengths; they come after the steps.
        fixed_sign: go along +∇f instead of −sign(f)∇f.

    """
    from simulate.events import triton_trials
    from simulate.streams import triton_fill

    batch, device = stream.batch, stream.device
    words = (
        stream.word("events.neurons", torch.float32),
        stream.binomial_word("events.side", found.width, 0.5),
        stream.word("events.above", torch.float32),
        stream.word("events.below", torch.float32),
        stream.chi_square_word("events.chi2", dim - 1),
        stream.binomial_word("events.proposals", found.width, found.proposed),
    )
    address = constant((*stream.key, stream.first, *words), torch.int64, device)
    above, below = found.slopes
    coefficients = found.far.coefficients
    law = constant(
        (
            *(found.width, dim, above, below, found.slope, found.offset, found.rayleigh),
            *(*found.far.variances, SIDE, found.envelope, *coefficients.ravel().tolist()),
        ),
        torch.float64,
        device,
    )
    counted = constant((dim - 1, found.width, found.proposed), torch.float64, device)
    moves = (*steps, *radii)
    before, norms, after = (
        torch.empty(shape, dtype=torch.float64, device=device)
        for shape in ((batch,), (batch,), (batch, len(moves)))
    )
    chi2, proposals = (
        stream.workspace.buffer(f"events.{name}", (batch,), dtype, device)
        for name, dtype in (("chi2", torch.float64), ("proposals", torch.int64))
    )
    blocks = (-(-batch // 128),)
    exact: Any = {"enable_fp_fusion": False}
    triton_fill.chi_squares[blocks](address, 7, chi2, counted, batch, BLOCK=128, **exact)
    triton_fill.binomials[blocks](address, 8, proposals, counted[1:], batch, BLOCK=128, **exact)
    # Nearly all trials fit: the few with more proposals draw some twice, where a block of twice the size idles in all.
    mean = found.width * found.proposed
    counters = min(_MOST_COUNTERS, 1 << max(5, math.ceil(math.log2(mean + 2 * math.sqrt(mean) + 1))))
    rows = max(1, _A_WARP // counters)
    triton_trials.trials[(-(-batch // rows),)](
        address,
        law,
        chi2,
        proposals,
        constant(moves or (0.0,), torch.float64, device),
        before,
        after,
        norms,
        batch,
        STEPS=len(steps),
        MOVES=len(moves),
        TERMS=len(coefficients),
        EVEN=found.even,
        RIGHT=above != 0,
        LEFT=below != 0 and not found.even,
        FIXED=fixed_sign,
        SPLIT=found.most > counters,
        TRIALS=rows,
        COUNTERS=counters,
        num_warps=max(1, counters // _A_WARP),
        **exact,
    )
    return before, norms, after

"""The conditional trial on a GPU: what `simulate.fused.observe` gives, from the same random numbers.

Nothing waits for the device here: kernels are launched, and the tensors that they will have filled are returned. Triton
comes with every CUDA build of torch on Linux.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from simulate.activations import Activation
from simulate.streams import Stream
from simulate.streams.device import available, constant

_RESIDENT_COUNTERS = 1024
"""Counters (four neurons each) that one program holds in registers: up to 4096 neurons."""


_COUNTERS_A_WARP = 128
"""By measurement on an H100."""


def knows(activation: Activation, dtype: torch.dtype, directions: Sequence[str]) -> bool:
    """Whether the kernels have what a trial needs: float32, a Lipschitz σ, steps along what the CPU's kernel knows."""
    return (
        available()
        and dtype == torch.float32
        and activation.lipschitz is not None
        and set(directions) <= {"gradient", "random"}
    )


def observe(
    stream: Stream,
    activation: Activation,
    width: int,
    dim: int,
    sizes: Sequence[float] = (),
    by_norm: Sequence[bool] = (),
    *,
    along: int | None = None,
    fixed_sign: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """f(x) (B,), ‖∇f(x)‖ (B,) and f at every move (B, moves), in float64 on the stream's device.

    Args:
        stream: of B trials, on the device.
        activation: a named one that `knows` confirms.
        width: k < 2³¹.
        dim: d.
        sizes: of the moves.
        by_norm: whether each is a multiple of ‖∇f‖.
        along: how many of the moves go along the gradient, the others along a random direction; all by default.
        fixed_sign: go along +∇f instead of −sign(f)∇f.

    """
    from simulate.fused import triton_trials
    from simulate.streams import triton_fill

    batch, device = stream.batch, stream.device
    random = along is not None and along < len(sizes)
    names = [stream.word(name, torch.float32) for name in ("u", "z", "random.z")]
    names += [stream.chi_square_word("chi2", dim - 1), stream.binomial_word("a", width, 0.5)]
    address = constant((*stream.key, stream.first, *names), torch.int64, device)

    def memory(name: str, dtype: torch.dtype, *shape: int) -> Tensor:
        return stream.workspace.buffer(f"device.{name}", shape, dtype, device)

    before, norms, after = (
        torch.empty(shape, dtype=torch.float64, device=device)
        for shape in ((batch,), (batch,), (batch, len(sizes)))
    )
    chi2, positive = memory("chi2", torch.float64, batch), memory("positive", torch.int64, batch)
    blocks = (-(-batch // 128),)
    exact: Any = {"enable_fp_fusion": False}
    # In float64 by way of memory: a kernel takes a Python float for a float32.
    law = constant((dim - 1, width, 0.5), torch.float64, device)
    triton_fill.chi_squares[blocks](address, 6, chi2, law, batch, BLOCK=128, **exact)
    triton_fill.binomials[blocks](address, 7, positive, law[1:], batch, BLOCK=128, **exact)
    needed = -(-width // 256) * 64
    resident = needed <= _RESIDENT_COUNTERS
    counters = 1 << (needed - 1).bit_length() if resident else _RESIDENT_COUNTERS
    triton_trials.trials[(batch,)](
        address,
        chi2.to(torch.float32).to(torch.float64),  # rounded as on the CPU
        positive,
        _frames(stream, dim) if random else chi2,
        constant(tuple(sizes) or (0.0,), torch.float64, device),
        constant(tuple(map(int, by_norm)) or (0,), torch.int32, device),
        before,
        after,
        norms,
        width,
        dim,
        MOVES=len(sizes),
        ALONG=len(sizes) if along is None else along,
        RANDOM=random,
        CHUNKS=-(-needed // counters),
        FIXED=fixed_sign,
        NAME=activation.name,
        COUNTERS=counters,
        RESIDENT=resident,
        num_warps=max(1, min(16, counters // _COUNTERS_A_WARP)),
        **exact,
    )
    return before, norms, after


def _frames(stream: Stream, dim: int) -> Tensor:
    """The random direction of each trial in the frame of the gradient, see `simulate.onestep`: (B, 3), unit vectors."""
    from simulate.streams import triton_fill

    batch, device = stream.batch, stream.device
    frame = torch.zeros(batch, 3, dtype=torch.float64, device=device)
    frame[:, :2] = stream.normals("random.frame", 2)
    if dim > 2:
        word = stream.chi_square_word("random.rest", dim - 2)
        address = constant((*stream.key, stream.first, word), torch.int64, device)
        rest = torch.empty(batch, dtype=torch.float64, device=device)
        law = constant((dim - 2,), torch.float64, device)
        blocks = (-(-batch // 128),)
        triton_fill.chi_squares[blocks](address, 3, rest, law, batch, BLOCK=128, enable_fp_fusion=False)
        frame[:, 2] = rest.to(torch.float32).double().sqrt()
    length: Tensor = torch.linalg.vector_norm(frame, dim=1, keepdim=True)
    return frame / length

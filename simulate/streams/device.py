"""Filling arrays on a GPU, where Triton is there to compile the kernels; it comes with torch's CUDA builds on Linux."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import torch
from torch import Tensor


@functools.cache
def available() -> bool:
    """Whether Triton can be imported here."""
    return importlib.util.find_spec("triton") is not None


def constant(values: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """A few numbers on the device; copied from pinned memory on CUDA, which spares a wait for it."""
    host = torch.tensor(values, dtype=dtype)
    if device.type == "cuda":
        host = host.pin_memory()
    return host.to(device, non_blocking=True)


def fill_normals(out: Tensor, key: tuple[int, int], first: int, word: int) -> None:
    """Fill `out`, float32 of shape (batch, n) on the device, with a stream's normals, equal to the CPU's to the bit."""
    from simulate.streams import triton_fill

    address = constant((*key, first, word), torch.int64, out.device)
    rows, columns = out.shape
    counters = min(256, max(64, 1 << (-(-columns // 4) - 1).bit_length()))
    grid = (rows * -(-columns // (4 * counters)),)
    triton_fill.fill_normals[grid](address, out, columns, 3, BLOCK=counters, enable_fp_fusion=False)

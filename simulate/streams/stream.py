"""A stream: the random numbers of some consecutive trials of one cell, asked for by name."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulate.errors import BadInput
from simulate.streams import device, fill, rejection

_WORD = 0xFFFFFFFF


def stable_key(seed: int, cell: Mapping[str, Any]) -> tuple[int, int]:
    """The two 32-bit key words of a cell: a hash of the seed and the cell's parameters.

    The hash (BLAKE2b of canonical JSON) is the same in every process, on every machine and in every later
    version; the order of the parameters does not matter.

    Args:
        seed: any non-negative integer; all of its digits count.
        cell: JSON-serialisable parameters that tell this cell from the others.

    """
    if seed < 0:
        raise BadInput(f"a seed is a non-negative integer, got {seed}")
    text = json.dumps({"seed": int(seed), "cell": dict(cell)}, sort_keys=True, separators=(",", ":"))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")


def _name_hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "little")


def _chi_square_kind(degrees: int) -> str:
    return f"chi-square numbers of {degrees} degrees"


def _binomial_kind(n: int, p: float) -> str:
    return f"binomial numbers of {n} trials of probability {p}"


class Workspace:
    """Named arrays that are allocated once and used again by the next batch of the same shape."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, tuple[int, ...], torch.dtype, torch.device], Tensor] = {}

    def buffer(self, name: str, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
        """An uninitialised tensor of this shape: the same memory at every call with the same arguments."""
        key = (name, shape, dtype, device)
        if key not in self._buffers:
            self._buffers[key] = torch.empty(shape, dtype=dtype, device=device)
        return self._buffers[key]


class Stream:
    """The random numbers of trials `first` … `first + batch − 1`, each addressed by (trial, name, index).

    Asking twice for the same name gives the same numbers; different names give independent ones. A name stands
    for one kind of number, and its numbers do not depend on what else was asked for, in what order, or in
    batches of what size. float32 and float64 normals are different draws.

    The returned tensors live in buffers that the *next* batch uses again: copy what must outlive a trial.
    On CUDA normals in float32 are drawn there, everything else on the CPU and copied: the numbers are equal everywhere.

    Args:
        key: two 32-bit words, see `stable_key`.
        first: number of the first trial.
        batch: how many trials (rows).
        dtype: floating type of the numbers, unless a call says otherwise.
        device: where the tensors are put.
        workspace: shared by successive streams to reuse memory; a fresh one by default.
        drawn: floating type in which normals are drawn before they are converted to `dtype`; the same by
            default. With it, one trial can be computed in float64 from its float32 numbers.

    """

    def __init__(
        self,
        key: tuple[int, int],
        first: int = 0,
        batch: int = 1,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        workspace: Workspace | None = None,
        drawn: torch.dtype | None = None,
    ) -> None:
        if batch < 1 or first < 0:
            raise BadInput(f"a stream needs first >= 0 and batch >= 1, got {first} and {batch}")
        self.key, self.first, self.batch = key, first, batch
        self.dtype, self.device = dtype, torch.device(device)
        self.drawn = drawn or dtype
        self.workspace = workspace if workspace is not None else Workspace()
        self._names: dict[int, tuple[str, str]] = {}

    @classmethod
    def from_seed(
        cls, seed: int, batch: int = 1, *, first: int = 0, dtype: torch.dtype = torch.float32
    ) -> Stream:
        """A stream for use outside a run, in a notebook or a test, keyed by the seed alone."""
        return cls(stable_key(seed, {}), first, batch, dtype=dtype)

    def in_float64(self) -> Stream:
        """The same numbers, handed out in float64."""
        return Stream(
            self.key,
            self.first,
            self.batch,
            dtype=torch.float64,
            device=self.device,
            workspace=self.workspace,
            drawn=self.drawn,
        )

    def buffer(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """An uninitialised working tensor of shape (batch, *shape), the same memory at every batch."""
        return self.workspace.buffer(name, (self.batch, *shape), dtype or self.dtype, self.device)

    def normals(self, name: str, *shape: int, dtype: torch.dtype | None = None, offset: int = 0) -> Tensor:
        """Independent N(0, 1) numbers of shape (batch, *shape).

        `offset` skips that many elements of each trial's stream: `normals("u", n, offset=m)` is the slice
        m … m + n − 1 of `normals("u", m + n)`. float32 numbers end at |z| = 6.76: use float64 for rare events.
        """
        drawn, dtype = dtype or self.drawn, dtype or self.dtype
        if not {drawn, dtype} <= {torch.float32, torch.float64}:
            raise BadInput(f"normals come in float32 and float64, not {dtype}")
        numbers = self._fill(fill.normals, name, shape, drawn, offset)
        if drawn == dtype:
            return numbers
        return self.workspace.buffer(f"cast {offset}:{name}", numbers.shape, dtype, numbers.device).copy_(
            numbers
        )

    def signs(self, name: str, *shape: int, offset: int = 0) -> Tensor:
        """Independent fair signs −1, +1 of shape (batch, *shape)."""
        return self._fill(fill.signs, name, shape, self.dtype, offset)

    def uniforms(self, name: str, *shape: int, offset: int = 0) -> Tensor:
        """Independent uniform numbers on (0, 1], always float64, of shape (batch, *shape)."""
        return self._fill(fill.uniforms, name, shape, torch.float64, offset)

    def chi_square(self, name: str, degrees: int) -> Tensor:
        """One χ² number with `degrees` degrees of freedom a trial, always float64, shape (batch,)."""
        if degrees < 1:
            raise BadInput(f"a chi-square law needs at least 1 degree of freedom, got {degrees}")
        kind = _chi_square_kind(degrees)
        place = f"{kind}:{name}"
        host = self._host(place, (), torch.float64)
        rejection.chi_squares(host.numpy(), float(degrees), *self._address(name, kind))
        return self._delivered(host, place, ())

    def binomial(self, name: str, n: int, p: float) -> Tensor:
        """One number of successes in n trials of probability p for each trial, int64, shape (batch,)."""
        if n < 0 or not 0 <= p <= 1:
            raise BadInput(f"a binomial law needs n >= 0 and p in [0, 1], got {n} and {p}")
        kind = _binomial_kind(n, p)
        place = f"{kind}:{name}"
        host = self._host(place, (), torch.int64)
        rejection.binomials(host.numpy(), n, float(p), *self._address(name, kind))
        return self._delivered(host, place, ())

    def word(self, name: str, dtype: torch.dtype) -> int:
        """The counter word of `normals(name)` in this type, for compiled code that draws them itself."""
        return int(self._address(name, f"{str(dtype).removeprefix('torch.')} {fill.normals.__name__}")[2])

    def chi_square_word(self, name: str, degrees: int) -> int:
        """The same for `chi_square(name, degrees)`."""
        return int(self._address(name, _chi_square_kind(degrees))[2])

    def binomial_word(self, name: str, n: int, p: float) -> int:
        """The same for `binomial(name, n, p)`."""
        return int(self._address(name, _binomial_kind(n, p))[2])

    def _address(self, name: str, kind: str) -> tuple[np.uint32, np.uint32, np.uint32, np.uint64]:
        word = _name_hash(name)
        known, before = self._names.setdefault(word, (name, kind))
        if known != name:
            raise BadInput(f"the stream names {name!r} and {known!r} collide: rename one of them")
        if before != kind:  # the same words make both: they would not be independent
            raise BadInput(
                f"the stream name {name!r} already stands for {before}: ask for {kind} by another name"
            )
        return np.uint32(self.key[0]), np.uint32(self.key[1]), np.uint32(word), np.uint64(self.first)

    def _host(self, place: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return self.workspace.buffer(f"draw:{place}", (self.batch, *shape), dtype, torch.device("cpu"))

    def _fill(
        self, kernel: Any, name: str, shape: tuple[int, ...], dtype: torch.dtype, offset: int
    ) -> Tensor:
        size = math.prod(shape)
        # The index of a group is one 32-bit word; two numbers is the smallest group.
        if offset < 0 or offset + size > 2 * _WORD:
            raise BadInput(f"a stream has 2^33 numbers a trial, asked for {offset} + {size}")
        # What is asked for names the memory too: one call must not overwrite what another returned.
        kind = f"{str(dtype).removeprefix('torch.')} {kernel.__name__}"
        place = f"{kind} {offset}:{name}"
        if (
            self.device.type == "cuda"
            and kernel is fill.normals
            and self._fills_on_device(dtype, offset, size)
        ):
            there = self.workspace.buffer(f"draw:{place}", (self.batch, *shape), dtype, self.device)
            device.fill_normals(
                there.view(self.batch, size), self.key, self.first, int(self._address(name, kind)[2])
            )
            return there
        host = self._host(place, shape, dtype)
        kernel(host.numpy().reshape(self.batch, size), *self._address(name, kind), offset)
        return self._delivered(host, place, shape)

    @staticmethod
    def _fills_on_device(dtype: torch.dtype, offset: int, size: int) -> bool:
        """Whether the kernels for a GPU know this case: whole streams of float32 normals."""
        return dtype == torch.float32 and offset == 0 and size > 0 and device.available()

    def _delivered(self, host: Tensor, place: str, shape: tuple[int, ...]) -> Tensor:
        if self.device.type == "cpu":
            return host
        # Apple's GPUs have no float64.
        dtype = torch.float32 if self.device.type == "mps" and host.dtype == torch.float64 else host.dtype
        there = self.workspace.buffer(f"draw:{place}", (self.batch, *shape), dtype, self.device)
        return there.copy_(host)

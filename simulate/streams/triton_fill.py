"""Kernels that fill arrays on a GPU with numbers of one stream, one trial a row, as `simulate.streams.fill` does."""

from __future__ import annotations

import triton
import triton.language as tl

from simulate.streams.triton_numbers import FIRST, elements, normals
from simulate.streams.triton_rejection import binomial, chi_square


@triton.jit
def fill_normals(address, out, columns, first, BLOCK: tl.constexpr):
    """Rows of normals in float32, one trial a row; `first` is the place of their stream's word in `address`."""
    # One axis of programs: the others end at 65,535.
    blocks = tl.cdiv(columns, 4 * BLOCK)
    row = (tl.program_id(0) // blocks).to(tl.int64)
    counter = (tl.program_id(0) % blocks).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    z = normals(address, first, tl.load(address + FIRST) + row, counter)
    element = elements(counter, BLOCK)
    tl.store(out + row * columns + element, z, mask=element < columns)


@triton.jit
def chi_squares(address, first, out, law, count, BLOCK: tl.constexpr):
    """χ² numbers in float64, one a trial; `law` points to their degrees of freedom, ≥ 1, in float64."""
    row = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    trial = tl.load(address + FIRST) + row
    degrees = tl.load(law)
    tl.store(out + row, chi_square(address, first, trial, degrees, row < count), mask=row < count)


@triton.jit
def binomials(address, first, out, law, count, BLOCK: tl.constexpr):
    """Numbers of successes as int64, one a trial; `law` points to n and p in float64."""
    row = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    trial = tl.load(address + FIRST) + row
    n, p = tl.load(law), tl.load(law + 1)
    successes = binomial(address, first, trial, n, p, row < count)
    tl.store(out + row, successes.to(tl.int64), mask=row < count)

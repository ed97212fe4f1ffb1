"""The event engine's GPU code in Triton's interpreter, for `tests.test_triton`: prints "agree" or fails.

Run with TRITON_INTERPRET=1. The interpreter rounds a fused multiply-add twice; here it rounds once, as a GPU does, and
then every number is the CPU's to the bit but for the order of sums.
"""

from __future__ import annotations

import numpy as np
import torch
import triton
import triton.language as tl
from triton.runtime import interpreter

from simulate import events
from simulate.activations import get
from simulate.events import device, kernel, triton_trials
from simulate.events.near import Region, region
from simulate.streams import Stream, triton_fill


def fused(self, x, y, z):
    """x·y + z of float32 in float64, which holds the product exactly; float64 as it comes."""
    total = (x.data.astype(np.float64) * y.data + z.data).astype(z.data.dtype)
    return interpreter.TensorHandle(total, z.dtype.scalar)


interpreter.InterpreterBuilder.create_fma = fused


@triton.jit
def ratios(x, z, nu, coefficients, out, TERMS: tl.constexpr, BLOCK: tl.constexpr):
    """The ratio of densities at many points."""
    place = tl.arange(0, BLOCK)
    at_x, at_z, share = tl.load(x + place), tl.load(z + place), tl.load(nu + place)
    tl.store(out + place, triton_trials._ratio(at_x, at_z, share, coefficients, TERMS))


def laws() -> None:
    """χ² numbers and counts of any probability, by inversion and by rejection."""
    stream = Stream((7, 9), 0, 300)
    for degrees in (1, 2, 1023, 10**9):
        found = torch.zeros(300, dtype=torch.float64)
        word = stream.chi_square_word(f"chi2.{degrees}", degrees)
        address = torch.tensor([*stream.key, stream.first, word])
        law = torch.tensor([degrees], dtype=torch.float64)
        triton_fill.chi_squares[(3,)](address, 3, found, law, 300, BLOCK=128)
        assert torch.allclose(found, stream.chi_square(f"chi2.{degrees}", degrees), rtol=1e-12, atol=0)
    for n, p in ((0, 0.3), (5, 0.5), (600, 0.0086), (20, 0.5), (4096, 0.0765), (4096, 0.93), (10**6, 0.5)):
        counts = torch.zeros(300, dtype=torch.int64)
        word = stream.binomial_word(f"count.{n}.{p}", n, p)
        address = torch.tensor([*stream.key, stream.first, word])
        law = torch.tensor([n, p], dtype=torch.float64)
        triton_fill.binomials[(3,)](address, 3, counts, law, 300, BLOCK=128)
        assert torch.equal(counts, stream.binomial(f"count.{n}.{p}", n, p)), (n, p)


def densities() -> None:
    """The ratio of densities that accepts the far sums: seldom looked at, so it is looked at here."""
    found = events.region_of(get("relu"), 4096, 1024, (6.0,))
    assert found is not None
    coefficients = found.far.coefficients
    x, z = 2.5 * torch.from_numpy(np.random.default_rng(1).standard_normal((2, 64)))
    nu = torch.linspace(1e-4, 1e-2, 64, dtype=torch.float64)
    out = torch.zeros(64, dtype=torch.float64)
    ratios[(1,)](x, z, nu, torch.from_numpy(coefficients).ravel(), out, len(coefficients), 64)
    points = zip(x.tolist(), z.tolist(), nu.tolist(), strict=True)
    expected = np.array([kernel._ratio(*point, coefficients) for point in points])
    assert np.allclose(out.numpy(), expected, rtol=1e-13, atol=0)
    assert np.abs(expected - 1).max() > 1e-3


def networks(
    found: Region | None, d: int, steps: tuple[float, ...], radii: tuple[float, ...], *, fixed: bool = False
) -> None:
    """Five networks of a region: f before and after and ‖∇f‖."""
    assert found is not None
    seen = events.observe(Stream((5, 6), 2**32 - 2, 5), found, d, steps, radii, fixed_sign=fixed)
    there = device.observe(Stream((5, 6), 2**32 - 2, 5), found, d, steps, radii, fixed_sign=fixed)
    for ours, theirs in zip(there, (seen.output, seen.gradient_norm, seen.after[0]), strict=True):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-13)
    # Control: other networks are other numbers.
    other = device.observe(Stream((5, 7), 2**32 - 2, 5), found, d, steps, radii, fixed_sign=fixed)
    assert (other[0] - seen.output).abs().max() > 1e-2


laws()
densities()
networks(events.region_of(get("relu"), 4096, 1024, (6.0, 0.5), (1.0,)), 1024, (6.0, 0.5), (1.0,))
networks(events.region_of(get("leaky_relu"), 1500, 2000, (2.0,)), 2000, (2.0,), (), fixed=True)
networks(events.region_of(get("abs"), 1500, 2000, (), (2.0,)), 2000, (), (2.0,))
networks(region(900, 900, (1.0, -0.5), (0.5,), ()), 900, (0.5,), ())
# Eight trials a program; and no neuron at all, with so few that the side counts are drawn by inversion.
networks(events.region_of(get("relu"), 600, 600, (0.1,)), 600, (0.1,), ())
networks(events.region_of(get("relu"), 3, 40), 40, (), ())
# More proposals than a program has counters.
device._MOST_COUNTERS = 64
networks(events.region_of(get("relu"), 1500, 2000, (2.0, 3.0)), 2000, (2.0, 3.0), ())
print("agree")

"""The GPU's kernels, run by Triton's interpreter on the CPU; skipped where Triton is not installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")

SCRIPT = """
import torch
from simulate import fused
from simulate.activations import NAMES, get
from simulate.fused import device
from simulate.streams import Stream, triton_fill

def address(stream, *words):
    return torch.tensor([*stream.key, stream.first, *words], dtype=torch.int64)

# Normals: the interpreter has no fused multiply-add, so they may differ in the last bit.
stream = Stream((7, 2**32 - 16), 3, 2)
expected = stream.normals("u", 600).clone()
found = torch.zeros(2, 600)
triton_fill.fill_normals[(6,)](address(stream, stream.word("u", torch.float32)), found, 600, 3, BLOCK=64)
assert (found - expected).abs().max() < 1e-6 and (found == expected).float().mean() > 0.95

stream = Stream((7, 9), 0, 200)
for degrees in (1, 2, 63):
    found = torch.zeros(200, dtype=torch.float64)
    word = stream.chi_square_word(f"chi2.{degrees}", degrees)
    law = torch.tensor([degrees], dtype=torch.float64)
    triton_fill.chi_squares[(4,)](address(stream, word), 3, found, law, 200, BLOCK=64)
    assert torch.allclose(found, stream.chi_square(f"chi2.{degrees}", degrees), rtol=1e-12)
for n in (7, 20, 100, 4097):
    found = torch.zeros(200, dtype=torch.int64)
    word = stream.binomial_word(f"a.{n}", n, 0.5)
    law = torch.tensor([n, 0.5], dtype=torch.float64)
    triton_fill.binomials[(4,)](address(stream, word), 3, found, law, 200, BLOCK=64)
    assert torch.equal(found, stream.binomial(f"a.{n}", n, 0.5))

for name in NAMES:
    if get(name).lipschitz is None:
        continue
    for k, d in ((30, 7), (300, 20), (5000, 50)) if name in ("relu", "tanh") else ((300, 20),):
        line = fused.Line("gradient", (1.0,), (2.0,))
        seen = fused.observe(Stream((5, 6), 10, 3), get(name), k, d, [line])
        outputs, norms, after = device.observe(Stream((5, 6), 10, 3), get(name), k, d, line.sizes, line.by_norm)
        assert (outputs - seen.output).abs().max() < 4e-6, name
        assert (norms - seen.gradient_norm).abs().max() < 4e-6, name
        assert (after - seen.after[0]).abs().max() < 4e-5, name

# A random direction beside the gradient, in one chunk and in several, and in a plane, where nothing is across both.
for k, d in ((300, 20), (300, 2), (5000, 50)):
    lines = [fused.Line("random", (1.0,), (2.0,)), fused.Line("gradient", (0.5,))]
    seen = fused.observe(Stream((5, 6), 10, 3), get("relu"), k, d, lines)
    flags = (True, True, False)
    outputs, norms, after = device.observe(
        Stream((5, 6), 10, 3), get("relu"), k, d, (0.5, 1.0, 2.0), flags, along=1
    )
    assert (outputs - seen.output).abs().max() < 4e-6
    assert (after[:, :1] - seen.after[1]).abs().max() < 4e-5
    assert (after[:, 1:] - seen.after[0]).abs().max() < 4e-5
    assert (seen.after[0] - seen.after[1]).abs().max() > 1e-2
print("agree")
"""


def test_kernels_agree_with_the_cpu() -> None:
    """Words, normals, χ², signs and outputs of the GPU's own code are those of the CPU's kernel on equal draws."""
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "agree", done.stderr


def test_the_event_kernels_agree_with_the_cpu() -> None:
    """The event engine's GPU code gives the CPU's networks to 1e-13, for every kind of region and of kernel."""
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    command = [sys.executable, "-m", "tests.triton_events"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "agree", done.stderr


def test_the_kernels_compile() -> None:
    """Triton's own compiler makes machine code of every kernel, with products and sums as separate as on the CPU."""
    done = subprocess.run([sys.executable, "-m", "tests.triton_compiled"], capture_output=True, text=True)
    assert done.stdout.strip() == "compiled", done.stderr

"""Triton's compiler on the GPU kernels, for `tests.test_triton`: prints "compiled" or fails. It needs no GPU.

The interpreter runs what the compiler may refuse.
"""

from __future__ import annotations

from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from simulate.events import triton_trials as events
from simulate.fused import triton_trials as conditional
from simulate.streams import triton_fill


def compile_for_h100(kernel: Any, kinds: str, warps: int = 4, **constants: Any) -> None:
    """Compile a kernel to machine code; `kinds` are the types of its arguments, `constants` its compile-time ones."""
    names = [name for name in kernel.arg_names if name not in constants]
    types = dict(zip(names, kinds.split(), strict=True)) | dict.fromkeys(constants, "constexpr")
    source = ASTSource(kernel, {name: types[name] for name in kernel.arg_names}, constants)
    options = {"num_warps": warps, "enable_fp_fusion": False}
    built = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    assert len(built.asm["cubin"]) > 1000
    # Launched like this, no product and sum are fused that the CPU keeps apart.
    assert "mul.rn.f" in built.asm["ptx"]
    assert "mul.f" not in built.asm["ptx"]


compile_for_h100(triton_fill.chi_squares, "*i64 i32 *fp64 *fp64 i32", BLOCK=128)
compile_for_h100(triton_fill.binomials, "*i64 i32 *i64 *fp64 i32", BLOCK=128)
arguments = "*i64 *fp64 *i64 *fp64 *fp64 *i32 *fp64 *fp64 *fp64 i32 i32"
for resident, chunks, random in ((True, 1, False), (True, 1, True), (False, 5, True)):
    shape = {"CHUNKS": chunks, "COUNTERS": 1024, "RESIDENT": resident}
    shape |= {"MOVES": 2, "ALONG": 2 - random, "RANDOM": random}
    compile_for_h100(conditional.trials, arguments, 8, NAME="relu", FIXED=False, **shape)
arguments = "*i64 *fp64 *fp64 *i64 *fp64 *fp64 *fp64 *fp64 i32"
for even, steps, moves, split, trials, counters in (
    (False, 1, 1, False, 1, 512),
    (True, 1, 2, True, 8, 32),
    (False, 0, 0, False, 8, 32),
    (False, 2, 2, True, 1, 4096),
):
    shape = {"STEPS": steps, "MOVES": moves, "SPLIT": split, "TRIALS": trials, "COUNTERS": counters}
    sides = {"EVEN": even, "RIGHT": True, "LEFT": not even}
    compile_for_h100(
        events.trials, arguments, max(1, counters // 256), TERMS=9, FIXED=False, **sides, **shape
    )
print("compiled")

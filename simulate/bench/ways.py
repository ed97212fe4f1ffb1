"""The one-step experiment in every way that this machine offers, and the two rates that bound them."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from simulate.bench import baselines
from simulate.bench.timing import seconds
from simulate.engine import Plan, block_summary, run
from simulate.experiments import INIT_FLIP, InitFlip
from simulate.onestep import conditional, draw_conditional, outputs_after
from simulate.streams import Stream, Workspace

STEP = 2.0


@dataclass(frozen=True)
class Way:
    """One way to simulate trials.

    Attributes:
        name: as the table calls it.
        call: simulates `trials` trials.
        trials: how many a call.
        normals: Gaussian numbers that a trial draws.
        threads: CPU threads that it uses; 0 on a GPU.

    """

    name: str
    call: Callable[[], object]
    trials: int
    normals: int
    threads: int = 1


def ways(width: int, dim: int, device: str) -> list[Way]:
    """Every way on this machine, our own first. ReLU, one step of size 2 along the gradient."""
    found = [_engine("conditional", width, dim), _threads("conditional", width, dim), _torch_form(width, dim)]
    few = InitFlip(width, dim, engine="event", steps=(STEP,)).region is not None
    if few:
        found[2:2] = [_engine("event", width, dim), _threads("event", width, dim)]
    matrix = width * dim
    if 4 * matrix <= 1 << 31:  # the whole matrix, some 2 GiB at most
        found.append(_engine("dense", width, dim))
        found.append(Way(BEST, baselines.DenseAtItsBest(width, dim), 1, matrix))
        batch = max(1, min(8, (1 << 29) // (4 * matrix)))
        found.append(
            Way("dense torch, batched", lambda: baselines.dense_batched(width, dim, batch), batch, matrix)
        )
        found.append(
            Way("torch.func, vmap of grad", lambda: baselines.functional(width, dim, batch), batch, matrix)
        )
        found.append(
            Way("nn.Linear and autograd", lambda: baselines.module_and_autograd(width, dim), 1, matrix)
        )
        if importlib.util.find_spec("jax") is not None:
            found.append(Way("JAX, jit", baselines.with_jax(width, dim), 1, matrix))
    if device == "cuda":
        found += [_on_cuda(engine, width, dim) for engine in ("conditional", *["event"] * few)]
    return found


BEST = "dense torch at its best"
"""The honest baseline: preallocated, in place, one network at a time."""


def bounds(at_least: float) -> dict[str, float]:
    """Normals a second of our stream and of torch on one thread, and bytes a second of a copy in memory."""
    rows, columns = 32, 4096
    stream = Stream((1, 2), 0, rows, workspace=Workspace())
    theirs = torch.empty(rows, columns)
    source = torch.ones(1 << 25)
    target = torch.empty_like(source)
    return {
        "stream_normals": rows * columns / seconds(lambda: stream.normals("u", columns), 3, at_least),
        "torch_normals": rows * columns / seconds(theirs.normal_, 3, at_least),
        "copied_bytes": 8 * source.numel() / seconds(lambda: target.copy_(source), 3, at_least),
    }


def _engine(engine: str, width: int, dim: int) -> Way:
    point = InitFlip(width, dim, engine=engine, steps=(STEP,))
    cell = Plan(INIT_FLIP, (point,), 1).cells[0]
    trials = cell.micro if engine == "dense" else cell.block
    plan = Plan(INIT_FLIP, (point,), trials)
    cell, memory = plan.cells[0], Workspace()
    drawn = width * dim if engine == "dense" else point.numbers_per_trial
    return Way(f"{engine} engine", lambda: block_summary(plan, cell, 0, memory), trials, drawn)


def _threads(engine: str, width: int, dim: int) -> Way:
    threads = os.cpu_count() or 1
    point = InitFlip(width, dim, engine=engine, steps=(STEP,))
    block = Plan(INIT_FLIP, (point,), 1).cells[0].block
    # Short blocks finish before the threads have all begun: the quick engine gets more of them.
    plan = Plan(INIT_FLIP, (point,), block * threads * (4 if engine == "event" else 2))
    name = f"{engine} engine, {threads} threads"
    return Way(name, lambda: run(plan, threads=threads), plan.trials, point.numbers_per_trial, threads)


def _torch_form(width: int, dim: int) -> Way:
    point = InitFlip(width, dim, steps=(STEP,))
    batch = max(1, (1 << 20) // (2 * width))
    memory = Workspace()

    def call() -> Any:
        stream = Stream((1, 2), 0, batch, workspace=memory)
        draws = draw_conditional(width, dim, ("gradient",), stream)
        response = conditional(width, dim, point.sigma, ("gradient",), draws, stream.buffer)
        length = -STEP * torch.sign(response.output) * response.gradient_norm
        return outputs_after(response, "gradient", [length], point.sigma, stream.buffer)

    return Way("conditional, torch form", call, batch, 2 * width)


def _on_cuda(engine: str, width: int, dim: int) -> Way:
    point = InitFlip(width, dim, engine=engine, steps=(STEP,))
    block = Plan(INIT_FLIP, (point,), 1, device="cuda").cells[0].block
    plan = Plan(INIT_FLIP, (point,), 8 * block, device="cuda")
    name = f"{engine} engine on {torch.cuda.get_device_name()}"
    return Way(name, lambda: run(plan), plan.trials, point.numbers_per_trial, 0)

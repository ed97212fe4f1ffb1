"""`python -m benchmarks`: measure everything once and print the tables as Markdown."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import torch

from benchmarks import lazy
from simulate import INIT_FLIP, InitFlip, Plan, bench, run
from simulate.bench.timing import machine, seconds
from simulate.engine import block_summary
from simulate.streams import Workspace


def main() -> None:
    """Print every table; a few minutes on two cores."""
    torch.set_num_threads(1)
    print(f"Measured on {machine()}; one thread unless said otherwise.\n")
    for section in (one_step, cost_against_dim, cost_against_width, two_threads, lazy_matrix, whole_commands):
        section()


def table(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print one table as Markdown."""
    print(f"### {title}\n\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def micro_batch(
    width: int, dim: int, workspace: Workspace | None = None, **parameters: object
) -> tuple[Callable[[], object], int]:
    """A call that simulates some thousand trials as a run does, and their number."""
    memory = workspace or Workspace()
    point = InitFlip(width=width, dim=dim, steps=(2.0,), **parameters)  # type: ignore[arg-type]
    trials = Plan(INIT_FLIP, (point,), 1).cells[0].block
    plan = Plan(INIT_FLIP, (point,), trials)
    cell = plan.cells[0]
    return (lambda: block_summary(plan, cell, 0, memory)), min(trials, cell.block)


def one_step() -> None:
    """Trials a second of the one-step experiment beside the baselines and the bound: `simulate bench`."""
    bench.render(bench.document(4096, 1024), markdown=True)


def cost_against_dim(width: int = 4096) -> None:
    """Cost of a conditional trial over the input dimension: it should not depend on it."""
    workspace = Workspace()
    work = {power: micro_batch(width, 2**power, workspace) for power in range(6, 21, 2)}
    # All sizes in turn, several times over: the machine's own speed drifts.
    rounds = [{power: seconds(call, 1) / n for power, (call, n) in work.items()} for _ in range(7)]
    rows = []
    for power in work:
        time = median(times[power] for times in rounds)
        ratio = median(times[power] / times[6] for times in rounds)
        rows.append((f"2^{power}", f"{1e6 * time:.1f}", f"{ratio:.2f}"))
    table(f"Conditional trial against d, k = {width}", ("d", "µs", "relative to 2^6"), rows)


def cost_against_width(dim: int = 1024) -> None:
    """Cost of a conditional trial over the width, with the exponent that fits best."""
    widths = [10**power for power in range(1, 7)]
    times = []
    for width in widths:
        call, trials = micro_batch(width, dim)
        times.append(seconds(call, 3) / trials)
    exponent = np.polyfit(np.log(widths[2:]), np.log(times[2:]), 1)[0]
    rows = [
        (f"10^{i + 1}", f"{1e6 * t:.2f}", f"{1e9 * t / k:.2f}")
        for i, (k, t) in enumerate(zip(widths, times, strict=True))
    ]
    table(f"Conditional trial against k, d = {dim}", ("k", "µs", "ns per neuron"), rows)
    print(f"From k = 1,000 on, time grows like k^{exponent:.2f}.\n")


def two_threads(width: int = 4096, dim: int = 1024, trials: int = 60_000) -> None:
    """A whole run on one thread and on two."""
    plan = Plan(INIT_FLIP, (InitFlip(width=width, dim=dim, steps=(2.0,)),), trials)
    times = {threads: seconds(partial(run, plan, threads=threads), repeats=3) for threads in (1, 2)}
    rows = [(str(n), f"{trials / time:,.0f}", f"{times[1] / time:.2f}") for n, time in times.items()]
    table("A run in memory", ("threads", "trials a second", "relative to one"), rows)


def lazy_matrix() -> None:
    """Lazy against dense matrices."""
    header = ("k = d", "lazy, ms", "dense, ms", "dense / lazy", "lazy, ns per k + d")
    rows = lazy.against_size()
    table("Ten pairs of adaptive queries W x, Wᵀv, one network", header, rows)
    ahead = next((row[0] for row in rows if row[3] and float(row[3]) > 1), "none of these sizes")
    print(f"Crossover: lazy is ahead of dense from k = d = {ahead} on, and fits where dense does not.\n")
    header = ("pairs T", "lazy, ms", "µs / T²")
    table("Lazy matrix of k = d = 65,536 against the number of queries", header, lazy.against_queries())


def whole_commands() -> None:
    """Wall time and peak memory of commands as a user types them."""
    with tempfile.TemporaryDirectory() as folder:
        flip = ["init-flip", "--width"]
        commands = [
            ["--help"],
            [*flip, "4096", "--dim", "1024"],
            [*flip, "1000000", "--dim", "1000000", "--trials", "400"],
        ]
        rows = []
        for i, arguments in enumerate(commands):
            out = ["--out", f"{folder}/{i}"] if "--help" not in arguments else []
            subprocess.run([sys.executable, "-m", "simulate.cli", "--help"], capture_output=True, check=True)
            wall, peak = _measured([sys.executable, "-m", "simulate.cli", *arguments, *out])
            rows.append((f"`simulate {' '.join(arguments)}`", f"{wall:.2f}", f"{peak / 2**20:.2f}"))
    table("Whole commands, all threads", ("command", "seconds", "peak memory, GiB"), rows)


def _measured(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak resident KiB of a command, by a process of its own."""
    code = (
        "import resource,subprocess,sys,time;t=time.perf_counter();"
        "subprocess.run(sys.argv[1:],check=True,stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL);"
        "print(time.perf_counter()-t,resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True
    )
    wall, peak = map(float, answer.stdout.split())
    return wall, peak if math.isfinite(peak) else 0.0


if __name__ == "__main__":
    main()

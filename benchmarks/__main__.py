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
    sections = (
        one_step,
        cost_against_dim,
        cost_against_width,
        two_threads,
        memory_against_trials,
        lazy_matrix,
        whole_commands,
    )
    for section in sections:
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
    """Cost of a trial over the input dimension: it should not grow with it."""
    workspace = Workspace()
    engines = ("conditional", "event")
    work = {
        (engine, power): micro_batch(width, 2**power, workspace, engine=engine)
        for engine in engines
        for power in range(6 if engine == "conditional" else 10, 21, 2)
    }
    # All sizes in turn, several times over: the machine's own speed drifts.
    rounds = [{size: seconds(call, 1) / n for size, (call, n) in work.items()} for _ in range(7)]
    rows = []
    for engine, power in work:
        time = median(times[engine, power] for times in rounds)
        ratio = median(times[engine, power] / times[engine, 20] for times in rounds)
        rows.append((engine, f"2^{power}", f"{1e6 * time:.2f}", f"{ratio:.2f}"))
    table(f"A trial against d, k = {width:,}", ("engine", "d", "µs", "relative to 2^20"), rows)
    for engine in engines:
        powers = [power for name, power in work if name == engine]
        times = [median(times[engine, power] for times in rounds) for power in powers]
        print(
            f"The {engine} engine's time fits d^{_exponent([2.0**power for power in powers], times):.3f}.\n"
        )


def cost_against_width() -> None:
    """Cost of a trial over the width, with the exponents that fit best."""
    rows = []
    fits = []
    for engine, dims, first in (("conditional", "1,024", 1), ("event", "1,024", 3), ("event", "k", 3)):
        widths = [10.0 ** (power / 2) for power in range(2 * first, 13)]
        times = []
        for width in map(round, widths):
            call, trials = micro_batch(width, width if dims == "k" else 1024, engine=engine)
            times.append(seconds(call, 3) / trials)
            rows.append(
                (engine, f"{width:,}", dims, f"{1e6 * times[-1]:.2f}", f"{1e9 * times[-1] / width:.2f}")
            )
        fits.append(f"{engine}, d = {dims}: k^{_exponent(widths, times):.2f}")
        fits[-1] += f", from k = 10,000 on k^{_exponent(widths[-5:], times[-5:]):.2f}"
    table("A trial against k, one step of size 2", ("engine", "k", "d", "µs", "ns per neuron"), rows)
    print("Exponents that fit best: " + "; ".join(fits) + ".\n")


def _exponent(sizes: list[float], times: list[float]) -> float:
    """The slope of log time over log size, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def memory_against_trials() -> None:
    """Peak memory of a run over its number of trials: it should not grow with it."""
    rows = []
    for engine, width in (("conditional", 256), ("event", 4096)):
        for trials in (1_000, 10_000, 100_000, 1_000_000):
            size = ["--width", str(width), "--dim", "1024", "--step", "1", "--engine", engine]
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, "-m", "simulate.cli", "init-flip", *size, "--trials", str(trials)]
                wall, peak = _measured([*command, "--out", f"{folder}/run"])
            rows.append((engine, f"{width:,}", f"{trials:,}", f"{wall:.1f}", f"{peak / 2**20:.3f}"))
    table("Peak memory against the number of trials", ("engine", "k", "trials", "seconds", "GiB"), rows)


def two_threads(width: int = 4096, dim: int = 1024) -> None:
    """A whole run on one thread and on two, four times in turn."""
    rows = []
    for engine, trials in (("conditional", 60_000), ("event", 600_000)):
        plan = Plan(INIT_FLIP, (InitFlip(width=width, dim=dim, engine=engine, steps=(2.0,)),), trials)
        for _ in range(4):
            one, two = (seconds(partial(run, plan, threads=threads), 1) for threads in (1, 2))
            rows.append((engine, f"{trials / one:,.0f}", f"{trials / two:,.0f}", f"{one / two:.2f}"))
    table(
        "A run in memory, trials a second", ("engine", "one thread", "two threads", "two threads / one"), rows
    )


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

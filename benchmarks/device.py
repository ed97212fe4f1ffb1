"""`python -m benchmarks.device`: the engines on a CUDA device beside what bounds them, as Markdown tables."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from torch import Tensor

from simulate import INIT_FLIP, InitFlip, Plan, events, fused, run
from simulate.activations import get
from simulate.bench.timing import machine
from simulate.streams import Stream, Workspace
from simulate.streams.device import fill_normals


def seconds(work: Callable[[], object], repeats: int = 7) -> float:
    """Median time of one call by device events, after a warm-up."""
    work()
    torch.cuda.synchronize()
    times = []
    for _ in range(repeats):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return sorted(times)[len(times) // 2]


def dense(width: int, dim: int, batch: int) -> Callable[[], Tensor]:
    """The one-step experiment with the whole matrices, preallocated, full float32 products."""
    weights = torch.empty(batch, width, dim, device="cuda")
    signs = torch.empty(batch, width, device="cuda")
    x = torch.zeros(batch, dim, 1, device="cuda")
    x[:, 0] = math.sqrt(dim)

    def work() -> Tensor:
        weights.normal_(std=1 / math.sqrt(dim))
        signs.bernoulli_(0.5).mul_(2).sub_(1)
        u = torch.bmm(weights, x).squeeze(2)
        f = (signs * u.clamp(min=0)).sum(1)
        gradient = torch.bmm(weights.mT, (signs * (u > 0)).unsqueeze(2)) / math.sqrt(width)
        moved = u - 2 * torch.sign(f)[:, None] * torch.bmm(weights, gradient).squeeze(2)
        return f * (signs * moved.clamp(min=0)).sum(1) < 0

    return work


def bounds() -> tuple[float, float, float]:
    """Bytes a second of a copy, normals a second of torch's generator, and of our stream written to memory."""
    big = torch.empty(1 << 28, device="cuda")
    other = torch.empty_like(big)
    rows = big.view(1 << 14, -1)
    bandwidth = 8 * big.numel() / seconds(lambda: other.copy_(big))
    library = big.numel() / seconds(big.normal_)
    written = big.numel() / seconds(lambda: fill_normals(rows, (1, 2), 0, 3))
    return bandwidth, library, written


def main() -> None:
    """Print the tables; about a minute on a data-centre GPU."""
    name = torch.cuda.get_device_name()
    print(f"Measured on {name}; {machine()}\n")
    bandwidth, library, written = bounds()
    trials, width = 1 << 17, 4096
    workspace = Workspace()

    def conditional(
        k: int, d: int, batch: int, activation: str = "relu", steps: int = 1
    ) -> Callable[[], object]:
        line = fused.Line("gradient", tuple(2.0 + i for i in range(steps)))
        stream = Stream((1, 2), 0, batch, device="cuda", workspace=workspace)
        return lambda: fused.observe(stream, get(activation), k, d, [line])

    def event_steps(count: int) -> tuple[float, ...]:
        return tuple(2.0 + i / 2 for i in range(count))

    def event(k: int, d: int, batch: int, steps: int) -> Callable[[], object]:
        lengths = event_steps(steps)
        found = events.region_of(get("relu"), k, d, lengths)
        assert found is not None
        stream = Stream((1, 2), 0, batch, device="cuda", workspace=workspace)
        return lambda: events.observe(stream, found, d, lengths)

    print("| bound | measured |\n|---|---|")
    print(f"| memory bandwidth, copy, GB/s | {bandwidth / 1e9:,.0f} |")
    print(f"| torch normal_, G normals/s | {library / 1e9:,.1f} |")
    print(f"| our stream written to memory, G normals/s | {written / 1e9:,.1f} |")
    dense_time = seconds(dense(width, 1024, 256), 5) / 256
    torch.cuda.empty_cache()
    print(
        "\n| engine at (k, d) | trials/s | µs a trial | G normals/s used | of our stream | times dense torch |"
    )
    print("|---" * 6 + "|")

    def row(label: str, time_a_trial: float, k: int, numbers: int | None = None) -> None:
        used = (numbers or 2 * k) / time_a_trial
        print(
            f"| {label} | {1 / time_a_trial:,.0f} | {1e6 * time_a_trial:.3f} | {used / 1e9:,.1f} | "
            f"{used / written:.2f} | {f'{dense_time / time_a_trial:,.0f}' if k == width else ''} |",
            flush=True,
        )

    row(f"dense torch ({width}, 1024)", dense_time, width)
    for k, d, batch in (
        (256, 256, 1 << 18),
        (1024, 1024, 1 << 18),
        (4096, 1024, trials),
        (65_536, 65_536, 1 << 13),
        (10**6, 10**6, 512),
    ):
        row(f"conditional relu ({k:,}, {d:,})", seconds(conditional(k, d, batch)) / batch, k)
    row(
        "conditional relu, 8 steps (4,096, 1,024)",
        seconds(conditional(4096, 1024, trials, steps=8)) / trials,
        4096,
    )
    for activation in ("tanh", "gelu", "sin"):
        row(
            f"conditional {activation} (4,096, 1,024)",
            seconds(conditional(4096, 1024, trials, activation)) / trials,
            4096,
        )
    for k, d, batch, steps in (
        (4096, 1024, trials, 1),
        (4096, 1024, trials, 8),
        (65_536, 65_536, trials, 1),
        (10**6, 10**6, 1 << 16, 1),
    ):
        row(
            f"event relu, {steps} step{'s' * (steps > 1)} ({k:,}, {d:,})",
            seconds(event(k, d, batch, steps)) / batch,
            k,
            InitFlip(k, d, engine="event", steps=event_steps(steps)).numbers_per_trial,
        )
    for engine in ("conditional", "event"):
        point = InitFlip(4096, 1024, engine=engine, steps=(2.0,))
        plan = Plan(INIT_FLIP, (point,), 1 << 22, device="cuda")
        run(Plan(INIT_FLIP, plan.points, 1 << 18, device="cuda"))
        began = time.perf_counter()
        run(plan)
        label = f"a whole {engine} run with its statistics (4,096, 1,024)"
        row(label, (time.perf_counter() - began) / plan.trials, 4096, point.numbers_per_trial)


if __name__ == "__main__":
    main()

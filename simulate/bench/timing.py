"""How a time is taken here."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path


def seconds(work: Callable[[], object], repeats: int = 5, at_least: float = 0.3) -> float:
    """Median over the repeats of the time of one call, each repeat lasting at least that many seconds."""
    work()
    started = time.perf_counter()
    work()
    once = max(time.perf_counter() - started, 1e-9)
    calls = max(1, round(at_least / once))
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(calls):
            work()
        times.append((time.perf_counter() - started) / calls)
    return statistics.median(times)


def machine() -> str:
    """Date, processor, cores and versions, in one line."""
    import numba
    import torch

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {model}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"torch {torch.__version__}, numba {numba.__version__}"
    )

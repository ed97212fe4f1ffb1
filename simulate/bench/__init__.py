"""`simulate bench`: how fast the engines are on this machine, beside honest baselines and beside what bounds them."""

from __future__ import annotations

from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from simulate.arguments import whole
from simulate.bench.timing import machine, seconds
from simulate.bench.ways import BEST, bounds, ways
from simulate.engine.block import one_thread
from simulate.errors import BadInput

__all__ = ["document", "render"]


def document(
    width: int = 4096, dim: int = 1024, *, device: str = "cpu", rounds: int = 3, at_least: float = 0.2
) -> dict[str, Any]:
    """Time every way to run the one-step experiment, all of them in turn and `rounds` times over.

    Args:
        width: k ≥ 1.
        dim: d ≥ 2.
        device: "cpu", or "cuda" to time that as well.
        rounds: ratios are medians over the rounds, so that a machine whose speed drifts does not bend them.
        at_least: seconds for which each way is measured in a round.

    Returns:
        `machine`, `width`, `dim`, `bounds` (normals a second of our stream and of torch on one thread, bytes a second
        of a copy) and one entry a way in `ways`: `name`, `seconds` a trial, `trials_per_second`, `threads`, `ratio` to
        the best dense torch on one thread (null where the matrix is not formed, and for a way that uses more), and
        `of_bound`, the share of the normals a second of our stream that it uses on as many threads (null on a GPU).

    Raises:
        BadInput: another device, or a size that makes no sense.

    """
    if device not in ("cpu", "cuda"):
        raise BadInput(f"bench times cpu and cuda, not {device!r}")
    width, dim, rounds = whole(width, "width", 1), whole(dim, "dim", 2), whole(rounds, "rounds", 1)
    with one_thread():
        rates = bounds(at_least)
        all_ways = ways(width, dim, device)
        times: dict[str, list[float]] = {way.name: [] for way in all_ways}
        for _ in range(rounds):
            for way in all_ways:
                times[way.name].append(seconds(way.call, 1, at_least) / way.trials)
    rows = []
    for way in all_ways:
        own = times[way.name]
        best = times.get(BEST) if way.threads == 1 else None
        rows.append(
            {
                "name": way.name,
                "seconds": median(own),
                "trials_per_second": 1 / median(own),
                "ratio": None
                if best is None or way.threads != 1
                else median(b / t for b, t in zip(best, own, strict=True)),
                "threads": way.threads,
                "of_bound": way.normals / median(own) / (way.threads * rates["stream_normals"])
                if way.threads
                else None,
            }
        )
    return {"machine": machine(), "width": width, "dim": dim, "bounds": rates, "ways": rows}


def render(data: dict[str, Any], console: Console | None = None, *, markdown: bool = False) -> None:
    """Print the document as a table, or as Markdown that can be pasted into an issue."""
    header = ("way", "threads", "µs a trial", "trials a second", "× dense torch", "of the generator's rate")
    rows = [
        (
            way["name"],
            str(way["threads"] or "GPU"),
            f"{1e6 * way['seconds']:,.2f}",
            f"{way['trials_per_second']:,.0f}",
            "" if way["ratio"] is None else f"{way['ratio']:,.2f}",
            "" if way["of_bound"] is None else f"{100 * way['of_bound']:.0f} %",
        )
        for way in data["ways"]
    ]
    rates = data["bounds"]
    title = f"One step at (k, d) = ({data['width']:,}, {data['dim']:,}), ReLU, float32"
    line = (
        f"one thread: {rates['stream_normals'] / 1e6:,.0f} M normals/s of our stream, "
        f"{rates['torch_normals'] / 1e6:,.0f} M of torch; memory copies {rates['copied_bytes'] / 1e9:,.1f} GB/s"
    )
    if markdown:
        print(f"### {title}\n\n{line}\n\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
        print("\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n", flush=True)
        return
    console = console or Console()
    for text in (data["machine"], title, line):
        console.print(text, highlight=False, soft_wrap=True)
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(header):
        grid.add_column(name, justify="right" if place else "left")
    for row in rows:
        grid.add_row(*row)
    console.print(grid)

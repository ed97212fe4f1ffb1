"""The sandwich as a table: certificates from below, the exact distance, attacks from above."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

NAMES = {
    "product": "Lipschitz product",
    "local": "local Lipschitz",
    "interval": "intervals",
    "parallel": "dual, chord slopes",
    "dual": "dual, nearer slopes",
    "optimised": "dual, optimised",
    "triangle": "triangle relaxation",
    "one step": "one gradient step",
    "deepfool": "DeepFool",
    "pgd": "PGD in shrinking balls",
    "carlini-wagner": "Carlini-Wagner",
}
NORMS = {"inf": "ℓ∞", "2": "ℓ2", "1": "ℓ1"}


def render(document: Mapping[str, Any], console: Console) -> None:
    """One table a kind and size of network."""
    for index, result in enumerate(document["results"]):
        if index:
            console.print()
        _render_one(document, result, console)


def _render_one(document: Mapping[str, Any], result: Mapping[str, Any], console: Console) -> None:
    def say(line: str | Table) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=isinstance(line, str))

    trials, exact = document["trials"], result["exact"]
    say(
        f"{result['network']}  width {result['width']:,}  dim {result['dim']:,}  {result['activation']}  "
        f"{NORMS[document['norm']]} distance to another class, {trials:,} networks, {exact['finished']} exact"
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="left")
    for header in ("median", "least", "largest", "over exact", "ms each"):
        table.add_column(header, justify="right")
    for name, one in result["lower"].items():
        _row(table, "≥", name, one, trials)
    low, high = exact["lower"], exact["upper"]
    cells = [_bracket(low[key], high[key]) for key in ("median", "min", "max")]
    seconds = [value or 0.0 for value in exact["seconds"]["values"]]
    table.add_row(
        f"= exact ({exact['solver']})", *cells, "1", _milliseconds(math.fsum(seconds) / len(seconds))
    )
    for name, one in result["upper"].items():
        _row(table, "≤", name, one, trials)
    say(table)
    median = high["median"]
    if median is not None and median > 0:
        say(f"exact median: {median / math.sqrt(result['dim']):.4g}·√d")
    if exact["finished"] < trials:
        say(
            f"not closed within {document['seconds']:g} s: {trials - exact['finished']} (brackets; more --seconds)"
        )


def _row(table: Table, sign: str, name: str, one: Mapping[str, Any], trials: int) -> None:
    radius, over = one["radius"], one["over_exact"]
    ratio = "" if over["median"] is None else f"{over['median']:.4f} [{over['min']:.4f}, {over['max']:.4f}]"
    if one["without"]:
        ratio = f"{ratio}  none: {one['without']} of {trials}".strip()
    cells = [_length(radius[key]) for key in ("median", "min", "max")]
    table.add_row(f"{sign} {NAMES[name]}", *cells, ratio, _milliseconds(one["seconds"]))


def _length(value: float | None) -> str:
    return "∞" if value is None else f"{value:.5g}"


def _bracket(low: float | None, high: float | None) -> str:
    lower, upper = _length(low), _length(high)
    return lower if lower == upper else f"[{lower}, {upper}]"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g}" if seconds < 1 else f"{1000 * seconds:,.0f}"

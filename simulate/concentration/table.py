"""A comparison of bounds with exact tails as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from simulate.bounds import Bernstein
from simulate.concentration.exact import decimal_power
from simulate.concentration.sampling import FALSE_ALARM


def render(document: Mapping[str, Any], console: Console) -> None:
    """Print what a person wants to see first: tightness over the grid, where the bound fails, the check."""
    bound, fails = document["bound"], document["fails"]

    def say(line: str | Table) -> None:
        console.print(line, highlight=False, markup=False)

    source = f"{bound['source']['name']}, {bound['source']['number']}"
    say(f"{bound['name']}: {bound['formula']}, {bound['side']} ({source})")
    say("bound / exact quantile; ✗ where the bound fails, – where the quantile is not positive\n")
    for family in document["families"]:
        rows = [row for row in document["results"] if row["family"] == family["family"]]
        constants = f"  σ² = {family['variance']:.4g}, c = {family['scale']:.4g}"
        say(family["family"] + constants * (bound["name"] == Bernstein.name))
        say(_grid(rows, _tightness))
        if len(document["families"]) == 1:
            say("\nlog₁₀ of the exact probability to pass the bound")
            say(_grid(rows, _failure))
        say("")
    told = f"fails at {fails['count']} of" if fails["count"] else "holds at all"
    say(f"{told} {fails['of']} points of the grid, by exact tails")
    if fails["boundary"]:
        table = _table("k", "holds if and only if γ ≥", "log(2/γ) ≤", "that is k times")
        for entry in fails["boundary"]:
            gamma = decimal_power(entry["log10_gamma"], 4)
            table.add_row(f"{entry['k']:,}", gamma, f"{entry['x']:.5g}", f"{entry['x_over_k']:.4f}")
        say(table)
        say("γ ≥ 2exp(-k) suffices at every k")
    levels = document["sampling"]
    if levels:
        gammas = ", ".join(f"{gamma:g}" for gamma in dict.fromkeys(level["gamma"] for level in levels))
        ks = ", ".join(f"{k:,}" for k in dict.fromkeys(level["k"] for level in levels))
        agree = sum(level["agrees"] for level in levels)
        say(
            f"check by sampling: {agree} of {len(levels)} frequencies agree with the exact tails\n"
            f"  {levels[0]['trials']:,} sums each, k = {ks}, γ = {gammas}; false alarm {FALSE_ALARM:g} a k"
        )
    for level in levels:
        if not level["agrees"]:
            say(
                f"  {level['family']}, k = {level['k']}, γ = {level['gamma']:g}: exact probability "
                f"{level['probability']:.6g}, measured in [{level['low']:.6g}, {level['high']:.6g}]"
            )


def _grid(rows: Sequence[Mapping[str, Any]], cell: Any) -> Table:
    """A line for each k, a column for each γ."""
    gammas = list(dict.fromkeys(row["log10_gamma"] for row in rows))
    table = _table("k \\ γ", *(decimal_power(gamma, 3) for gamma in gammas))
    for k in dict.fromkeys(row["k"] for row in rows):
        table.add_row(f"{k:,}", *(cell(row) for row in rows if row["k"] == k))
    return table


def _tightness(row: Mapping[str, Any]) -> str:
    text = "–" if row["tightness"] is None else f"{row['tightness']:.3f}"
    return text if row["holds"] else f"✗ {text}"


def _failure(row: Mapping[str, Any]) -> str:
    log10 = row["log10_failure"]
    text = "-inf" if log10 is None else f"{log10:.2f}" if log10 > -9.995 else f"{log10:.1f}"
    return text if row["holds"] else f"✗ {text}"


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, justify="right")
    return table

"""Radii of the existence theorem's network as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def render(document: Mapping[str, Any], console: Console) -> None:
    """Print what a person wants to see first: the printed radius, the exact ones, the attack's."""

    def say(line: str | Table) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=isinstance(line, str))

    if document["over_data"] is not None:
        say(_over_data_title(document))
        say(_over_data(document["over_data"]))
        return
    (result,) = document["results"]
    labels = result["labels"]
    say(
        f"{_data(document)}  points {result['points']:,}  dim {result['dim']:,}  "
        f"labels {labels['positive']} × +1, {labels['negative']} × −1"
    )
    say(
        f"c = {result['c']:.4f} (max |⟨x_i,x_j⟩|/d)  c+ = {result['c_plus']:.4f} (max ⟨x_i,x_j⟩/d)  "
        f"neuron j is on where ⟨x_j,x⟩ > {result['threshold']:.4f}·d"
    )
    say(f"margin: y_i f(x_i) from {result['margin']['min']:.6f} to {result['margin']['max']:.6f}\n")
    say(_radii(result))
    for line in _notes(result):
        say(line)


def _data(document: Mapping[str, Any]) -> str:
    told = str(document["data"])
    if document["correlation"] is not None:
        told += f" (correlation {document['correlation']:g})"
    return told


def _radii(result: Mapping[str, Any]) -> Table:
    printed = result["printed_radius"]
    table = _table("ℓ2 distance", "least", "median", "largest", "least/printed")

    def exact(name: str, entry: Mapping[str, Any]) -> None:
        cells = [_bracket(entry[key]) for key in ("min", "median", "max")]
        table.add_row(name, *cells, _over(entry["min"]["lower"], printed))

    def single(name: str, value: float | None, median: str = "") -> None:
        table.add_row(name, _length(value), median, "", _over(value, printed))

    attack = result["attack"]
    best = result["best_threshold"]
    single("printed, (1−c)/4·√d", printed)
    exact("to f = 0, exact", result["to_zero"])
    single("to f = 0, gradient attack", attack["to_zero"]["min"], _length(attack["to_zero"]["median"]))
    exact("to a strict flip, exact", result["to_flip"])
    single("to a strict flip, gradient attack", attack["to_flip"]["min"])
    single("f = 0 with c+ in place of c", result["upper_part_radius"])
    single(f"f = 0 with the best threshold {best['threshold']:.4f}·d, at least", best["radius"])
    single("f = 0 with any function, at most", result["ceiling"])
    return table


def _notes(result: Mapping[str, Any]) -> list[str]:
    points, attack = result["points"], result["attack"]
    notes = [""]
    for name, entry in (("f = 0", result["to_zero"]), ("a strict flip", result["to_flip"])):
        if entry["exact"] < points:
            notes.append(
                f"distance to {name}: exact at {entry['exact']} of {points} points, a certified bracket at the "
                "others (more --nodes, narrower brackets)"
            )
    if result["to_flip"]["infinite"] == points:
        notes.append("no input at all has the other sign: every label is the same")
    if attack["stalled"]:
        notes.append(
            f"the attack stops at {attack['stalled']} of {points} points, where f = 0 with no neuron on: "
            "the gradient is 0 there too"
        )
    if attack["restarts"]:
        notes.append(
            f"{attack['restarts']} random restarts a point: {attack['flipped']} of {points} points flipped"
        )
    return notes


def _over_data_title(document: Mapping[str, Any]) -> str:
    first = document["results"][0]
    return (
        f"{_data(document)}  points {first['points']:,}  dim {first['dim']:,}  {document['trials']:,} data sets, "
        "each with its least distance over the points"
    )


def _over_data(over: Mapping[str, Any]) -> Table:
    table = _table("", "least", "median", "largest")
    rows = (
        ("c", "c", _plain),
        ("c+", "c_plus", _plain),
        ("printed, (1−c)/4·√d", "printed_radius", _length),
        ("to f = 0, exact", "to_zero", _length),
        ("to a strict flip, exact or certified", "to_flip", _length),
        ("f = 0 with any function, at most", "ceiling", _length),
        ("to f = 0, over printed", "to_zero_over_printed", _plain),
        ("to a strict flip, over printed", "to_flip_over_printed", _plain),
    )
    for name, key, told in rows:
        table.add_row(name, *(told(over[key][end]) for end in ("min", "median", "max")))
    return table


def _plain(value: float | None) -> str:
    return "never" if value is None else f"{value:.4f}"


def _length(value: float | None) -> str:
    return "never" if value is None else f"{value:#.5g}".removesuffix(".")


def _bracket(ends: Mapping[str, float | None]) -> str:
    """One number where both ends are told by the same digits, else the bracket."""
    lower, upper = _length(ends["lower"]), _length(ends["upper"])
    return lower if lower == upper else f"[{lower}, {upper}]"


def _over(value: float | None, printed: float) -> str:
    return "" if value is None else f"{value / printed:.4f}"


def _table(first: str, *headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, justify="left")
    for header in headers:
        table.add_column(header, justify="right")
    return table

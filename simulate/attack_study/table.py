"""An attack's document as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

_NAMES = {"inf": "ℓ∞", "2": "ℓ2", "1": "ℓ1", "0": "ℓ0"}


def render(document: Mapping[str, Any], console: Console) -> None:
    """Print what a person wants to see first: how often the attack succeeds, and how long its perturbations are."""

    def say(line: str | Table) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=isinstance(line, str))

    say(_subject(document))
    say(_attack(document))
    say("")
    several = len(document["results"]) > 1
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, result in enumerate(document["results"], 1):
        if not table.columns:
            table.add_column("")
            for _ in range(2):
                table.add_column(justify="right")
        if several:
            table.add_row(f"round {number}", "", "")
        success = result["success"]
        table.add_row(
            "success rate",
            f"{success['probability']:.4f}",
            f"[{success['low']:.4f}, {success['high']:.4f}]",
        )
        for q in result["size"]:
            name = "median" if q["probability"] == 0.5 else f"{q['probability']:g}-quantile"
            table.add_row(f"{name} of {_NAMES[document['norm']]} size", _size(q["value"]), _ends(q))
        table.add_row("zero gradients", f"{result['zero_gradients']:,}", f"of {result['inputs']:,}")
    table.show_header = False
    say(table)
    seconds = document["seconds"]
    spent = f"{seconds['attacking']:.2f} s"
    if seconds["preparing"] > 1:
        spent += f", and {seconds['preparing']:.2f} s before"
    level = f"intervals at confidence {document['confidence']:g}"
    say(f"\n{level}; sizes count a failure as infinite; {spent}")
    if document["out"] is not None:
        say(f"files: {document['out']}")


def _subject(document: Mapping[str, Any]) -> str:
    inputs = document["results"][0]["inputs"]
    if document["network"] == "random":
        return (
            f"width {document['width']:,}  dim {document['dim']:,}  {document['activation']}  "
            f"{inputs:,} random networks  {document['engine']} engine"
        )
    right = document["accuracy"]
    share = right["correct"] / right["inputs"]
    told = f"trained, width {document['width']}" if document["network"] == "trained" else document["network"]
    return (
        f"{document['data']}  network {told}  accuracy {share:.4f} of {right['inputs']:,}  "
        f"{inputs:,} inputs attacked"
    )


def _attack(document: Mapping[str, Any]) -> str:
    told = f"{document['method']}  {_NAMES[document['norm']]}"
    told += "  smallest perturbation" if document["radius"] is None else f"  radius {document['radius']:g}"
    for name in ("steps", "target", "objective"):
        if document[name] is not None:
            told += f"  {name} {document[name]}"
    if document["restarts"] > 1:
        told += f"  restarts {document['restarts']}"
    box = document.get("box")
    return told if box is None else f"{told}  box [{box[0]:g}, {box[1]:g}]"


def _size(value: float | None) -> str:
    return "none" if value is None else f"{value:.5g}"


def _ends(q: Mapping[str, Any]) -> str:
    high = "∞" if q["high"] is None else f"{q['high']:.4g}"
    low = "∞" if q["low"] is None else f"{q['low']:.4g}"
    return f"[{low}, {high}]"

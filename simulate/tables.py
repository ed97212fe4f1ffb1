"""The document of a run as a flat table: for the terminal, and for CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

Row = dict[str, Any]


def rows(document: Mapping[str, Any]) -> list[Row]:
    """One row for each measured number of the headline: a step of a direction, or a cell of grad-norm."""
    flat: list[Row] = []
    for cell in document["results"]:
        base = {key: cell[key] for key in ("width", "dim", "activation", "engine", "trials")}
        zero = {f"zero_gradient_{key}": value for key, value in cell["zero_gradient"].items()}
        norm = cell["gradient_norm"]
        flat_norm = {f"gradient_norm_{key}": value for key, value in norm.items() if key != "quantiles"}
        if document["experiment"] == "grad-norm":
            for q in norm["quantiles"]:
                for key in ("value", "low", "high"):
                    flat_norm[f"quantile_{q['probability']:g}_{key}"] = q[key]
            flat.append({**base, **flat_norm, **zero})
            continue
        for entry in cell["flip"]:
            plain = {key: value for key, value in entry.items() if not isinstance(value, dict)}
            nested = {
                f"{group}_{key}": value
                for group in ("differ", "relative_perturbation")
                for key, value in entry[group].items()
            }
            flat.append({**base, "fixed_sign": cell["fixed_sign"], **plain, **nested, **flat_norm, **zero})
    return flat


def to_csv(document: Mapping[str, Any]) -> str:
    """The rows as CSV; numbers in full precision, empty where there is no number."""
    flat = rows(document)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def render(document: Mapping[str, Any], console: Console) -> None:
    """Print what a person wants to see first, cell by cell."""
    kind = "all intervals of a cell at once" if document["intervals"] == "simultaneous" else "each interval"
    for cell in document["results"]:
        console.print(_title(cell), highlight=False)
        if document["experiment"] == "init-flip":
            console.print(_flip_table(cell), highlight=False)
        console.print(_norm_table(cell), highlight=False)
        zero = cell["zero_gradient"]
        console.print(
            f"zero gradients {zero['share']:.3g} {_interval(zero)}; {kind} at confidence "
            f"{document['confidence']:g}\n",
            highlight=False,
        )


def _title(cell: Mapping[str, Any]) -> str:
    sign = ", fixed sign" if cell.get("fixed_sign") else ""
    return (
        f"width {cell['width']:,}  dim {cell['dim']:,}  {cell['activation']}  "
        f"{cell['trials']:,} trials  {cell['engine']} engine{sign}"
    )


def _flip_table(cell: Mapping[str, Any]) -> Table:
    table = _table("direction", "step", "P(flip)", "interval", "limit", "P(differ)", "interval", "|δ|/|x|")
    for entry in cell["flip"]:
        size = f"{entry['step']:g}" if entry["step"] is not None else f"r = {entry['radius']:g}"
        table.add_row(
            entry["direction"],
            size,
            f"{entry['probability']:.4f}",
            _interval(entry),
            f"{entry['limit']:.4f}",
            f"{entry['differ']['probability']:.4f}",
            _interval(entry["differ"]),
            f"{entry['relative_perturbation']['mean']:.4f}",
        )
    return table


def _norm_table(cell: Mapping[str, Any]) -> Table:
    norm = cell["gradient_norm"]
    table = _table("‖∇f‖", "measured", "interval", "theory")
    table.add_row("mean", _number(norm["mean"]), _interval(norm), f"{_number(norm['limit'])} (limit)")
    spread = {"low": norm["std_low"], "high": norm["std_high"]}
    table.add_row("spread (std)", _number(norm["std"]), _interval(spread), "")
    second = {"low": norm["second_moment_low"], "high": norm["second_moment_high"]}
    exact = f"{_number(norm['exact_second_moment'])} (exact)"
    table.add_row("second moment", _number(norm["second_moment"]), _interval(second), exact)
    for q in norm.get("quantiles", ()):
        table.add_row(f"{q['probability']:g}-quantile", _number(q["value"]), _interval(q), "")
    return table


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, justify="left" if header in ("direction", "‖∇f‖") else "right")
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.5g}"


def _interval(ends: Mapping[str, Any]) -> str:
    def end(value: float | None, infinite: str) -> str:
        return infinite if value is None else f"{value:.4f}" if 1e-3 < abs(value) < 1e3 else f"{value:.4g}"

    # The bracket is escaped: rich would read it as markup.
    return f"\\[{end(ends['low'], '-inf')}, {end(ends['high'], 'inf')}]"


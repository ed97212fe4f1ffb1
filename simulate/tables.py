"""The document of a run as flat tables: for the terminal, and for CSV.

An entry of `results` is either one of the experiments that ship, or the general description of a user's own
(`simulate.engine.describe`), known by its key `columns`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = dict[str, Any]


def rows(document: Mapping[str, Any]) -> list[Row]:
    """One row for each measured number of the headline: a step of a direction, or a cell of grad-norm.

    For an experiment of the user's own, one row for each entry of each column.
    """
    flat: list[Row] = []
    for cell in document["results"]:
        if "columns" in cell:
            flat += _general_rows(cell)
            continue
        base = {
            key: cell[key] for key in ("width", "dim", "activation", "depth", "scaling", "engine", "trials")
        }
        zero = {f"zero_gradient_{key}": value for key, value in cell["zero_gradient"].items()}
        norm = cell["gradient_norm"]
        flat_norm = {
            f"gradient_norm_{key}": value
            for key, value in norm.items()
            if key not in ("quantiles", "input_derivative_second_moment")
        }
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
    names = dict.fromkeys(name for row in flat for name in row)
    writer = csv.DictWriter(text, fieldnames=list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def render(document: Mapping[str, Any], console: Console) -> None:
    """Print what a person wants to see first, cell by cell."""
    kind = "all intervals of a cell at once" if document["intervals"] == "simultaneous" else "each interval"
    if document.get("anytime"):
        kind = f"stopped by looking, so flip intervals come from a confidence sequence; {kind}"
    for cell in document["results"]:
        if "columns" in cell:
            console.print(Text(_general_title(document, cell)), soft_wrap=True)
            console.print(_general_table(cell), highlight=False)
            console.print(f"{kind} at confidence {document['confidence']:g}\n", highlight=False)
            continue
        # A Text: brackets in the address of a user's activation are no markup.
        console.print(Text(_title(cell)), soft_wrap=True)
        if document["experiment"] == "init-flip":
            console.print(_flip_table(cell), highlight=False)
            if "gamma" in cell:
                console.print(_gamma_table(cell), highlight=False)
            for found in cell.get("minimal_step", ()):
                console.print(_minimal_table(found), highlight=False)
                console.print(_minimal_note(found), highlight=False, soft_wrap=True)
        console.print(_norm_table(cell), highlight=False)
        zero = cell["zero_gradient"]
        console.print(
            f"zero gradients {zero['share']:.3g} {_interval(zero)}; {kind} at confidence "
            f"{document['confidence']:g}\n",
            highlight=False,
        )


def _title(cell: Mapping[str, Any]) -> str:
    sign = ", fixed sign" if cell.get("fixed_sign") else ""
    deep = "" if cell["depth"] == 2 else f"  depth {cell['depth']}"
    he = "  he scaling" if cell["scaling"] == "he" else ""
    wanted = cell.get("precision")
    missed = ", precision not reached" if wanted is not None and not wanted["reached"] else ""
    few = ""
    if "event" in cell:
        share, error = cell["event"]["neurons_drawn"], cell["event"]["law_error"]
        drawn = f"{share:.2%} of the neurons drawn, error in law {error:.0e}"
        few = f" ({drawn if 0 < share < 1 else 'exact in law'})"
    return (
        f"width {cell['width']:,}  dim {cell['dim']:,}{deep}{he}  {cell['activation']}  "
        f"{cell['trials']:,} trials  {cell['engine']} engine{few}{sign}{missed}"
    )


def _general_rows(cell: Mapping[str, Any]) -> list[Row]:
    parameters = {
        f"parameter_{name}": json.dumps(value) if isinstance(value, list) else value
        for name, value in cell["parameters"].items()
    }
    flat = []
    for name, column in cell["columns"].items():
        quantiles = {
            f"quantile_{q['probability']:g}_{key}": q[key]
            for q in column.get("quantiles", ())
            for key in ("value", "low", "high")
        }
        for index, entry in _entries(column):
            place = ",".join(map(str, index))
            flat.append(
                {**parameters, "trials": cell["trials"], "column": name, "entry": place, **entry, **quantiles}
            )
    return flat


def _entries(column: Mapping[str, Any]) -> Iterator[tuple[tuple[int, ...], Row]]:
    """What is said about each entry of a column, with its index."""
    measures = {key: dict(_leaves(value)) for key, value in column.items() if key != "quantiles"}
    for index in next(iter(measures.values())):
        yield index, {key: values[index] for key, values in measures.items()}


def _leaves(value: Any, index: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    if isinstance(value, list):
        for i, entry in enumerate(value):
            yield from _leaves(entry, (*index, i))
    else:
        yield index, value


def _general_title(document: Mapping[str, Any], cell: Mapping[str, Any]) -> str:
    parameters = "  ".join(f"{name}={value}" for name, value in cell["parameters"].items())
    return f"{document['experiment']}  {parameters}  {cell['trials']:,} trials"


def _general_table(cell: Mapping[str, Any]) -> Table:
    table = _table("column", "entry", "mean or share", "interval", "std", "not finite")
    for row in _general_rows(cell):
        value = row["probability"] if "probability" in row else row["mean"]
        spread = _number(row["std"]) if "std" in row else ""
        lost = f"{row['nonfinite']:,}" if "nonfinite" in row else ""
        table.add_row(Text(row["column"]), row["entry"], _number(value), _interval(row), spread, lost)
    return table


def _flip_table(cell: Mapping[str, Any]) -> Table:
    table = _table("direction", "step", "P(flip)", "interval", "limit", "P(differ)", "interval", "|δ|/|x|")
    for entry in cell["flip"]:
        size = f"{entry['step']:g}" if entry["step"] is not None else f"r = {entry['radius']:g}"
        table.add_row(
            entry["direction"],
            size,
            f"{entry['probability']:.4f}",
            _interval(entry),
            "–" if entry["limit"] is None else f"{entry['limit']:.4f}",
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
    table.add_row("second moment", _number(norm["second_moment"]), _interval(second), _exact(norm))
    for q in norm.get("quantiles", ()):
        table.add_row(f"{q['probability']:g}-quantile", _number(q["value"]), _interval(q), "")
    return table


def _exact(norm: Mapping[str, Any]) -> str:
    exact = norm["exact_second_moment"]
    return "" if exact is None else f"{_number(exact)} (exact)"


def _gamma_table(cell: Mapping[str, Any]) -> Table:
    table = _table("γ", "smallest |η| (gradient)", "interval", "limit", "C = |η|/√log(1/γ)", "limit")
    for answer in cell["gamma"]:
        none = f"none up to {answer['largest_step_tried']:.3g}"
        step = {"none": none, "undecided": "more trials"}.get(answer["verdict"], _number(answer["step"]))
        known = answer["verdict"] == "reached"
        table.add_row(
            f"{answer['gamma']:g}",
            step,
            _interval(answer, "0") if known else "",
            _number(answer["limit_step"]),
            _number(answer["constant"]) if known else "",
            _number(answer["limit_constant"]),
        )
    return table


def _minimal_table(found: Mapping[str, Any]) -> Table:
    table = _table(
        "smallest |η|",
        *(f"{q['probability']:g}-quantile" for q in found["quantiles"]),
        "never",
        "never differs",
    )
    table.add_row(
        found["direction"],
        *("never" if q["value"] is None else _number(q["value"]) for q in found["quantiles"]),
        f"{found['never']['share']:.4f}",
        f"{found['never_differ']['share']:.4f}",
    )
    ends = (_interval(q, "never", "never") for q in found["quantiles"])
    table.add_row("", *ends, _interval(found["never"]), _interval(found["never_differ"]))
    return table


def _minimal_note(found: Mapping[str, Any]) -> str:
    if found["method"] == "exact":
        return "every step size decided exactly: φ(η) = f(x + δ) is piecewise linear"
    if found["method"] == "certified":
        return (
            f"never: up to |δ| = {found['reach']:.4g}; no flip overlooked but in a share {found['unresolved']:.3g} "
            "of the trials, where φ comes too close to 0 and was looked at on a grid"
        )
    return f"never: up to |δ| = {found['reach']:.4g}, on a grid of sizes: a shorter flip between them is not seen"


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(
            header, justify="left" if header in ("direction", "‖∇f‖", "column", "smallest |η|") else "right"
        )
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.5g}"


def _interval(ends: Mapping[str, Any], least: str = "-inf", most: str = "inf") -> str:
    """An interval; an end that is not finite is written as `least` or `most`."""

    def end(value: float | None, infinite: str) -> str:
        return infinite if value is None else f"{value:.4f}" if 1e-3 < abs(value) < 1e3 else f"{value:.4g}"

    # The bracket is escaped: rich would read it as markup.
    return f"\\[{end(ends['low'], least)}, {end(ends['high'], most)}]"

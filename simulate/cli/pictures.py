"""The commands figures and table: names in, files out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulate.cli.door import app, one_line

if TYPE_CHECKING:
    from figures import Written

DataOption = Annotated[
    Path,
    typer.Option(help="Where runs and other measurements are kept: what is there is not measured again."),
]


class Quality(StrEnum):
    """How much is measured."""

    draft = "draft"
    paper = "paper"


class ColumnWidth(StrEnum):
    """How wide a figure is."""

    one = "one"
    two = "two"


QualityOption = Annotated[
    Quality, typer.Option(help="Draft takes minutes for everything; paper takes more trials.")
]


@app.command("figures")
@one_line
def figures_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Figures [default: all]; see --list.")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Directory for the figures, their data (CSV) and sidecars (JSON).")
    ] = Path("figures-out"),
    formats: Annotated[str, typer.Option("--format", help="Some of pdf,svg,png, with commas.")] = "pdf",
    quality: QualityOption = Quality.draft,
    width: Annotated[
        ColumnWidth, typer.Option(help="Columns of a paper: 3.35 or 6.9 inches.")
    ] = ColumnWidth.two,
    data: DataOption = Path("runs"),
    names_only: Annotated[
        bool, typer.Option("--list", help="Print names and titles, and draw nothing.")
    ] = False,
) -> None:
    """Draw figures, each with its data as CSV and a sidecar that says how it was measured."""
    from figures import CATALOGUE, find, write
    from simulate.progress import for_this_terminal

    if names_only:
        for picture in [find(name) for name in names] if names else CATALOGUE.values():
            typer.echo(f"{picture.name:28}{picture.title}")
        return
    wanted = [one.strip() for one in formats.split(",")]
    write(
        names or (),
        out,
        formats=wanted,
        quality=quality.value,
        data=data,
        width=width.value,
        progress=for_this_terminal,
        each=_told,
    )


def _told(one: Written) -> None:
    """One line a figure, as soon as it is there."""
    typer.echo(f"{one.name}: {', '.join(map(str, one.files))}")


@app.command("table")
@one_line
def table_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="constants, flip-sizes or verdicts.")],
    format: Annotated[str, typer.Option(help="latex (booktabs), markdown or csv.")] = "markdown",
    quality: QualityOption = Quality.draft,
    data: DataOption = Path("runs"),
) -> None:
    """Print a table: constants of activations, step sizes over γ, or every verdict."""
    from figures.tables import table
    from simulate.progress import for_this_terminal

    text = table(name, format, quality=quality.value, data=data, progress=for_this_terminal)
    typer.echo(text, nl=False)

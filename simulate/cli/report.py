"""The command report: every verdict and every figure on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulate.cli.door import app, one_line
from simulate.cli.pictures import DataOption
from simulate.errors import BadInput

if TYPE_CHECKING:
    from figures import Written


@app.command("report")
@one_line
def report(
    out: Annotated[Path, typer.Option(help="The HTML file, which needs no other.")] = Path("report.html"),
    figures: Annotated[
        Path | None,
        typer.Option(
            help="Directory that simulate figures --format svg wrote [default: draw all, in draft quality].",
            show_default=False,
        ),
    ] = None,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Leave the figures out.")] = False,
    data: DataOption = Path("runs"),
) -> None:
    """One page for a browser, offline: verdicts, figures, how it was measured, what is false and what is true."""
    from figures import report as page
    from simulate.progress import for_this_terminal

    if figures is not None and no_figures:
        raise BadInput("--figures and --no-figures exclude each other")
    found = page.write(
        out, figures, with_figures=not no_figures, data=data, progress=for_this_terminal, each=_told
    )
    typer.echo(
        f"{found.statements} statements, {found.refuted} refuted: {found.refuted - found.slips} false as printed, "
        f"{found.slips} slips of the pen; {found.figures} figures"
    )
    typer.echo(f"files: {found.path}")


def _told(one: Written) -> None:
    """A line a figure: drawing all of them takes minutes."""
    typer.echo(f"drawn: {one.name}", err=True)

"""The command radius: options in, a table out."""

from __future__ import annotations

from typing import Annotated

import typer

from simulate.cli.door import app, console, one_line
from simulate.options import Figure, Json, Seed


@app.command("radius")
@one_line
def radius(
    width: Annotated[list[int], typer.Option("--width", help="Neurons k (repeat for a grid).")] = [40],  # noqa: B006
    dim: Annotated[
        list[int] | None,
        typer.Option(
            "--dim", help="Input dimension d (repeat for a grid) [default: 20].", show_default=False
        ),
    ] = None,
    norm: Annotated[str, typer.Option(help="2, inf or 1.")] = "2",
    network: Annotated[
        list[str],
        typer.Option(
            "--network",
            help="random (a_j = ±1, w_j ~ N(0, I/d), at the sphere of radius √d), robust (the existence theorem's, on "
            "as many points as neurons) or trained (repeat for several).",
        ),
    ] = ["random"],  # noqa: B006
    trials: Annotated[int, typer.Option(help="Networks of each kind and size, each at one input.")] = 10,
    activation: Annotated[str, typer.Option(help="relu, abs or leaky_relu, for random networks.")] = "relu",
    points: Annotated[
        int | None,
        typer.Option(
            help="Random labelled points that a trained network is fitted to [default: as many as neurons].",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Train on this instead: digits, iris, wine, a .csv or .npz file, or IMAGES,LABELS."
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="Limit of each exact programme; what is open then is bracketed.")
    ] = 20.0,
    seed: Seed = 0,
    as_json: Json = False,
    figure: Figure = None,
) -> None:
    """How near is another class? Certificates, the exact distance and attacks, side by side."""
    import json

    from simulate.cli.experiments import check_figure
    from simulate.progress import for_this_terminal
    from simulate.sandwich import document, render

    check_figure(figure)
    found = document(
        width,
        dim or None,
        norm=norm,
        network=network,
        activation=activation,
        points=points,
        data=data,
        trials=trials,
        seconds=seconds,
        seed=seed,
        progress=for_this_terminal("networks"),
    )
    if figure is not None:
        from figures import sandwich, save

        save(sandwich.draw(found), figure)
    if as_json:
        typer.echo(json.dumps(found, indent=1, allow_nan=False))
        return
    render(found, console())
    if figure is not None:
        typer.echo(f"files: {figure}")

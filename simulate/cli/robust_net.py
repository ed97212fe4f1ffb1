"""The command robust-net: options in, a table out."""

from __future__ import annotations

from typing import Annotated

import typer

from simulate.cli.door import app, console, one_line
from simulate.options import Figure, Json, Seed


@app.command("robust-net")
@one_line
def robust_net(
    points: Annotated[
        int | None, typer.Option(help="Points m, one neuron each [default: 10].", show_default=False)
    ] = None,
    dim: Annotated[int | None, typer.Option(help="Dimension d [default: 100].", show_default=False)] = None,
    data: Annotated[
        str,
        typer.Option(
            help="random, clustered, adversarial (one point against all others, at equal angles), or a file: "
            "CSV with coordinates and then the label, or NPZ with points and labels."
        ),
    ] = "random",
    normalise: Annotated[
        bool, typer.Option("--normalise", help="Put a file's points on the sphere of radius √d.")
    ] = False,
    clusters: Annotated[int, typer.Option(help="How many, for clustered data.")] = 3,
    correlation: Annotated[
        float, typer.Option(help="⟨x_i,x_j⟩/d within a cluster, or of adversarial data.")
    ] = 0.5,
    threshold: Annotated[
        str,
        typer.Option(
            help="A neuron is on where ⟨x_j,x⟩ > t·d: midpoint is the theorem's t = (1+c)/2, best the one with "
            "the largest guarantee, or a number."
        ),
    ] = "midpoint",
    trials: Annotated[int, typer.Option(help="Data sets, each drawn anew.")] = 1,
    nodes: Annotated[
        int,
        typer.Option(help="Work for the exact radii of a data set; what is open then is bracketed."),
    ] = 20_000,
    restarts: Annotated[
        int | None,
        typer.Option(
            help="Random restarts of the attack a point [default: 10, fewer at many points].",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
    figure: Figure = None,
) -> None:
    """How robust is the network that the existence theorem builds? Exact radii beside the printed one."""
    import json

    from simulate.cli.experiments import check_figure
    from simulate.progress import for_this_terminal
    from simulate.robust import document, render

    check_figure(figure)
    found = document(
        data,
        points,
        dim,
        clusters=clusters,
        correlation=correlation,
        normalise=normalise,
        threshold=threshold,
        trials=trials,
        most_nodes=nodes,
        restarts=restarts,
        seed=seed,
        progress=for_this_terminal("points"),
    )
    if figure is not None:
        from figures import robust_radius, save

        save(robust_radius.draw(found), figure)
    if as_json:
        typer.echo(json.dumps(found, indent=1, allow_nan=False))
        return
    render(found, console())
    if figure is not None:
        typer.echo(f"files: {figure}")

"""The command attack: options in, a table out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulate.cli.door import app, console, one_line
from simulate.errors import BadInput
from simulate.options import Confidence, Json, Seed


@app.command("attack")
@one_line
def attack(
    method: Annotated[
        str,
        typer.Option(
            help="pgd, fgsm, gradient (a step of unit length), fgv (fast gradient value), deepfool, cw "
            "(Carlini-Wagner), pixels, lbfgs, hot-cold, iterated."
        ),
    ] = "pgd",
    norm: Annotated[
        str | None,
        typer.Option(
            help="inf, 2, 1 or 0: what the perturbation is measured in [default: the method's own].",
            show_default=False,
        ),
    ] = None,
    radius: Annotated[
        float | None,
        typer.Option(
            help="Of the ball, or length of the step [default: look for the smallest that succeeds].",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Gradient steps; rounds, for iterated [default: the method's own].", show_default=False
        ),
    ] = None,
    restarts: Annotated[int, typer.Option(help="Starts of pgd: at the input, then at random.")] = 1,
    target: Annotated[
        int | None, typer.Option(help="Class wanted [default: any wrong one].", show_default=False)
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help="margin, loss, versus-label (Z_t - Z_y) or versus-all (Z_t - sum of the others) "
            "[default: margin for pgd, loss for one step].",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="digits, iris, wine, a .npz file (x, y), a .csv file (label last) or IMAGES,LABELS in IDX "
            "[default: random networks at random points].",
            show_default=False,
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            help="Function that builds your torch network, module:factory or file.py:factory "
            "[default: one trained on the data].",
            show_default=False,
        ),
    ] = None,
    box: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Least and largest feature value [default: the data's own].", show_default=False),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(help="Neurons k [default: 256 for random networks, 64 on data].", show_default=False),
    ] = None,
    dim: Annotated[
        int | None,
        typer.Option(help="Input dimension d of random networks [default: 128].", show_default=False),
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help="Of random networks [default: relu].", show_default=False)
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="dense, lazy (draws of the weights only what the attack asks for) or auto [default: auto].",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[int, typer.Option(help="Random networks, or inputs at most.")] = 100,
    seed: Seed = 0,
    confidence: Confidence = 0.95,
    out: Annotated[Path | None, typer.Option(help="NPZ file for x, y, perturbation, success, size.")] = None,
    as_json: Json = False,
) -> None:
    """Attack random networks of any size, a network trained on data, or your own: success and size."""
    import json

    from simulate.attack_study import OnData, RandomNetworks, Request, document, render
    from simulate.progress import for_this_terminal

    request = Request(method, norm, radius, steps, restarts, target, objective, seed)
    subjects: RandomNetworks | OnData
    if data is None:
        if network is not None or box is not None:
            raise BadInput("--network and --box go with --data")
        subjects = RandomNetworks(
            256 if width is None else width,
            128 if dim is None else dim,
            trials,
            activation or "relu",
            engine or "auto",
            seed,
        )
    else:
        unused = {"--dim": dim, "--activation": activation, "--engine": engine}
        if network is not None:
            unused["--width"] = width
        for name, value in unused.items():
            if value is not None:
                raise BadInput(f"{name} is for networks that are drawn here: leave it out")
        subjects = OnData(data, network, 64 if width is None else width, trials, box, seed=seed)
    found = document(request, subjects, confidence=confidence, out=out, progress=for_this_terminal("inputs"))
    if as_json:
        typer.echo(json.dumps(found, indent=1, allow_nan=False))
        return
    render(found, console())

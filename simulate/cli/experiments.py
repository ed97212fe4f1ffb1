"""Commands that measure: options in, tables out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulate.cli.door import app, console, one_line
from simulate.errors import BadInput
from simulate.options import (
    Act,
    Confidence,
    Depth,
    Device,
    DeviceOption,
    Dim,
    Direction,
    Dtype,
    DtypeOption,
    Engine,
    EngineOption,
    Figure,
    Json,
    MostTrials,
    Out,
    Scaling,
    ScalingOption,
    Seed,
    Simultaneous,
    Trials,
    Width,
)

if TYPE_CHECKING:
    from simulate.engine import Plan, Result


@app.command("init-flip")
@one_line
def init_flip(
    width: Width = [4096],  # noqa: B006 - typer copies defaults
    dim: Dim = [1024],  # noqa: B006
    activation: Act = ["relu"],  # noqa: B006
    step: Annotated[
        list[float] | None, typer.Option(help="Step size |η|: the step is η‖∇f‖ long (repeatable).")
    ] = None,
    radius: Annotated[
        list[float] | None, typer.Option(help="Length of the perturbation instead of a step (repeatable).")
    ] = None,
    direction: Annotated[
        list[Direction],
        typer.Option(help="Steps of equal length: along the gradient, its sign, or at random (repeatable)."),
    ] = [Direction.gradient],  # noqa: B006
    fixed_sign: Annotated[
        bool, typer.Option("--fixed-sign", help="Step along +∇f instead of -sign(f)∇f: a different claim.")
    ] = False,
    gamma: Annotated[
        list[float] | None,
        typer.Option(help="Find the smallest |η| whose flip probability reaches 1 - gamma (repeatable)."),
    ] = None,
    minimal_step: Annotated[
        bool, typer.Option("--minimal-step", help="Also find each network's smallest step that flips.")
    ] = False,
    depth: Depth = [2],  # noqa: B006
    scaling: ScalingOption = Scaling.mean_field,
    precision: Annotated[
        float | None, typer.Option(help="Stop when every flip probability is known to ± this.")
    ] = None,
    trials: MostTrials = None,
    seed: Seed = 0,
    confidence: Confidence = 0.95,
    simultaneous: Simultaneous = False,
    engine: EngineOption = Engine.auto,
    device: DeviceOption = Device.auto,
    dtype: DtypeOption = Dtype.float32,
    out: Out = None,
    as_json: Json = False,
    figure: Figure = None,
) -> None:
    """How often does one gradient step flip the sign of a random network?"""
    from simulate.engine import Plan, Precision, grid
    from simulate.experiments import DEFAULT_STEPS, INIT_FLIP, InitFlip, device_named

    steps = tuple(step or ()) or (() if radius else DEFAULT_STEPS)
    points = grid(
        InitFlip,
        width=width,
        dim=dim,
        activation=activation,
        depth=depth,
        scaling=scaling.value,
        engine=engine.value,
        steps=steps,
        radii=tuple(radius or ()),
        directions=tuple(entry.value for entry in direction),
        fixed_sign=fixed_sign,
        gammas=tuple(gamma or ()),
        minimal_step=minimal_step,
    )
    wanted = None if precision is None else Precision(precision, confidence, simultaneous)
    most = trials if trials is not None else 10_000 if wanted is None else 10_000_000
    plan = Plan(INIT_FLIP, points, most, seed, dtype.value, device_named(device.value), wanted)
    _run_and_show(plan, out, confidence, simultaneous, as_json, figure)


@app.command("grad-norm")
@one_line
def grad_norm(
    width: Width = [4096],  # noqa: B006
    dim: Dim = [1024],  # noqa: B006
    activation: Act = ["relu"],  # noqa: B006
    depth: Depth = [2],  # noqa: B006
    scaling: ScalingOption = Scaling.mean_field,
    trials: Trials = 10_000,
    seed: Seed = 0,
    confidence: Confidence = 0.95,
    simultaneous: Simultaneous = False,
    engine: EngineOption = Engine.auto,
    device: DeviceOption = Device.auto,
    dtype: DtypeOption = Dtype.float32,
    out: Out = None,
    as_json: Json = False,
    figure: Figure = None,
) -> None:
    """What is the law of the gradient norm of a random network?"""
    from simulate.engine import Plan, grid
    from simulate.experiments import GRAD_NORM, GradNorm, device_named

    points = grid(
        GradNorm,
        width=width,
        dim=dim,
        activation=activation,
        depth=depth,
        scaling=scaling.value,
        engine=engine.value,
    )
    plan = Plan(GRAD_NORM, points, trials, seed, dtype.value, device_named(device.value))
    _run_and_show(plan, out, confidence, simultaneous, as_json, figure)


@app.command("concentration")
@one_line
def concentration(
    law: Annotated[
        str, typer.Option(help="chi2, chi2-corrected, bernstein (seven families), or bernstein:laplace, ….")
    ] = "chi2",
    k: Annotated[
        list[int] | None, typer.Option("--k", help="Terms of the sum (repeat) [default: 1 to 10^4].")
    ] = None,
    gamma: Annotated[
        list[str] | None,
        typer.Option(help="Failure probability, down to 1e-300 and below (repeat) [default: a grid]."),
    ] = None,
    trials: Annotated[
        int, typer.Option(help="Sums drawn beside the exact tails as a check; 0 for none.")
    ] = 100_000,
    seed: Seed = 0,
    as_json: Json = False,
    figure: Figure = None,
) -> None:
    """Exact tails against concentration bounds, in log space: where do they hold, and how tight are they?"""
    from simulate.concentration import DEFAULT_GAMMAS, DEFAULT_KS, document, render

    check_figure(figure)
    data = document(law, k or DEFAULT_KS, gamma or DEFAULT_GAMMAS, trials=trials, seed=seed)
    if figure is not None:
        from figures import concentration as picture
        from figures import save

        save(picture.draw(data), figure)
    if as_json:
        typer.echo(json.dumps(data, indent=1, allow_nan=False))
        return
    render(data, console())
    if figure is not None:
        typer.echo(f"files: {figure}")


@app.command("resume")
@one_line
def resume(
    directory: Annotated[Path, typer.Argument(help="A run directory.")],
    confidence: Annotated[
        float | None,
        typer.Option(help="Confidence of every interval [default: the plan's, or 0.95].", show_default=False),
    ] = None,
    simultaneous: Simultaneous = False,
    as_json: Json = False,
    figure: Figure = None,
) -> None:
    """Continue an interrupted run, or show a finished one."""
    from simulate.engine import read_plan

    # An experiment of the user's own is imported by name: look for it here too, after everywhere else.
    sys.path.append("")
    plan = read_plan(directory)
    wanted = plan.precision
    asked = confidence if confidence is not None else wanted.confidence if wanted is not None else 0.95
    at_once = simultaneous or (wanted is not None and wanted.simultaneous)
    _run_and_show(plan, directory, asked, at_once, as_json, figure)


def _run_and_show(
    plan: Plan, out: Path | None, confidence: float, simultaneous: bool, as_json: bool, figure: Path | None
) -> None:
    """Check what can be checked, run, write the results beside the blocks, print, draw."""
    from simulate import tables
    from simulate.engine import run, write_atomically
    from simulate.experiments import document
    from simulate.progress import for_this_terminal

    if not 0 < confidence < 1:
        raise BadInput(f"--confidence must lie strictly between 0 and 1, got {confidence:g}")
    check_figure(figure)
    own = not plan.experiment.trial.__module__.startswith("simulate.")
    if figure is not None and own:
        raise BadInput(f"--figure has no picture of {plan.experiment.name}, an experiment of your own")
    out = out or Path("runs") / f"{plan.experiment.name}-{plan.digest}"
    progress = for_this_terminal()
    try:
        result = run(plan, out, progress=progress)
    finally:
        progress.stop()
    data = document(result, confidence, simultaneous)
    text = json.dumps(data, indent=1, allow_nan=False)
    files = [
        write_atomically(out / "results.json", text + "\n"),
        write_atomically(out / "results.csv", tables.to_csv(data)),
    ]
    if figure is not None:
        files.append(_draw(result, figure, confidence, simultaneous))
    if as_json:
        typer.echo(text)
        return
    tables.render(data, console())
    typer.echo("files: " + ", ".join(map(str, files)))


def check_figure(figure: Path | None) -> None:
    """Refuse a figure that could not be written before anything is computed."""
    if figure is None:
        return
    if figure.suffix not in (".pdf", ".png", ".svg"):
        raise BadInput(f"--figure takes a .pdf, .png or .svg file, got {figure}")
    if not figure.absolute().parent.is_dir():
        raise BadInput(f"--figure {figure}: there is no directory {figure.absolute().parent}")


def _draw(result: Result, path: Path, confidence: float, simultaneous: bool) -> Path:
    from figures import draw_result, save

    return save(draw_result(result, confidence, simultaneous), path)

"""The door: options in, tables out. No mathematics here, and no heavy import before a command runs."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from simulate.errors import BadInput, SimulateError

if TYPE_CHECKING:
    from simulate.engine import Plan, Result

app = typer.Typer(
    name="simulate",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Engine(StrEnum):
    """How a trial is sampled."""

    auto = "auto"
    conditional = "conditional"
    dense = "dense"


class Device(StrEnum):
    """Where trials are computed."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Dtype(StrEnum):
    """The number format of the simulation."""

    float32 = "float32"
    float64 = "float64"


class Direction(StrEnum):
    """Where the step goes."""

    gradient = "gradient"
    sign = "sign"
    random = "random"


Width = Annotated[list[int], typer.Option("--width", help="Neurons k (repeat for a grid).")]
Dim = Annotated[list[int], typer.Option("--dim", help="Input dimension d (repeat for a grid).")]
Act = Annotated[
    list[str],
    typer.Option("--activation", help="relu, tanh, sin, …, or file.py:function (repeat for a grid)."),
]
Trials = Annotated[int, typer.Option(help="Independent networks in each cell.")]
Seed = Annotated[int, typer.Option(help="Any non-negative integer.")]
Confidence = Annotated[float, typer.Option(help="Confidence of every interval.")]
Simultaneous = Annotated[bool, typer.Option(help="Let all intervals of a cell hold at once.")]
EngineOption = Annotated[Engine, typer.Option(help="conditional never forms the weight matrix; dense does.")]
DeviceOption = Annotated[Device, typer.Option(help="Where to compute; an explicit choice never falls back.")]
DtypeOption = Annotated[
    Dtype, typer.Option(help="Number format; verdicts are settled in float64 either way.")
]
Out = Annotated[
    Path | None,
    typer.Option(help="Run directory, continued if it holds this plan [default: runs/NAME-PLAN]."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
Figure = Annotated[Path | None, typer.Option(help="Draw the result: a .pdf, .png or .svg file.")]


class _Terminated(KeyboardInterrupt):
    """SIGTERM outside the blocks of a run."""


_BROKEN_PIPE = 141
"""The code of a process that SIGPIPE ended: the reader of standard output has seen enough."""


@app.callback(invoke_without_command=True)
def simulate(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Measure what theorems about adversarial examples in random networks claim."""
    if version:
        typer.echo(f"simulate (signflip) {_version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(BadInput.exit_code)


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("signflip")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _one_line(command: Callable[..., None]) -> Callable[..., None]:
    """Let known failures end a command with one line and their exit code."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except SimulateError as error:
            _fail(str(error), error.exit_code)
        except _Terminated:
            _fail("stopped at once; finished blocks are kept", 143)
        except KeyboardInterrupt:
            _fail("stopped at once; finished blocks are kept", 130)
        except (BrokenPipeError, SystemExit) as error:  # SystemExit is rich's answer to a closed pipe
            raise typer.Exit(_BROKEN_PIPE) from error

    return wrapped


def _fail(line: str, code: int) -> NoReturn:
    typer.echo(f"simulate: {' '.join(line.split())}", err=True)
    raise typer.Exit(code)


@app.command("init-flip")
@_one_line
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
    """How often does one gradient step flip the sign of a random two-layer network?"""
    from simulate.engine import Plan, grid
    from simulate.experiments import DEFAULT_STEPS, INIT_FLIP, InitFlip, device_named

    steps = tuple(step or ()) or (() if radius else DEFAULT_STEPS)
    points = grid(
        InitFlip,
        width=width,
        dim=dim,
        activation=activation,
        engine=engine.value,
        steps=steps,
        radii=tuple(radius or ()),
        directions=tuple(entry.value for entry in direction),
        fixed_sign=fixed_sign,
    )
    plan = Plan(INIT_FLIP, points, trials, seed, dtype.value, device_named(device.value))
    _run_and_show(plan, out, confidence, simultaneous, as_json, figure)


@app.command("grad-norm")
@_one_line
def grad_norm(
    width: Width = [4096],  # noqa: B006
    dim: Dim = [1024],  # noqa: B006
    activation: Act = ["relu"],  # noqa: B006
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
    """What is the law of the gradient norm of a random two-layer network?"""
    from simulate.engine import Plan, grid
    from simulate.experiments import GRAD_NORM, GradNorm, device_named

    points = grid(GradNorm, width=width, dim=dim, activation=activation, engine=engine.value)
    plan = Plan(GRAD_NORM, points, trials, seed, dtype.value, device_named(device.value))
    _run_and_show(plan, out, confidence, simultaneous, as_json, figure)


@app.command("resume")
@_one_line
def resume(
    directory: Annotated[Path, typer.Argument(help="A run directory.")],
    confidence: Confidence = 0.95,
    simultaneous: Simultaneous = False,
    as_json: Json = False,
    figure: Figure = None,
) -> None:
    """Continue an interrupted run, or show a finished one."""
    from simulate.engine import read_plan

    # An experiment of the user's own is imported by name: look for it here too, after everywhere else.
    sys.path.append("")
    _run_and_show(read_plan(directory), directory, confidence, simultaneous, as_json, figure)


def _run_and_show(
    plan: Plan, out: Path | None, confidence: float, simultaneous: bool, as_json: bool, figure: Path | None
) -> None:
    """Check what can be checked, run, write the results beside the blocks, print, draw."""
    from simulate import tables
    from simulate.engine import report, run, write_atomically
    from simulate.experiments import REPORTS, document
    from simulate.progress import for_this_terminal

    if not 0 < confidence < 1:
        raise BadInput(f"--confidence must lie strictly between 0 and 1, got {confidence:g}")
    if figure is not None and figure.suffix not in (".pdf", ".png", ".svg"):
        raise BadInput(f"--figure takes a .pdf, .png or .svg file, got {figure}")
    if figure is not None and not figure.absolute().parent.is_dir():
        raise BadInput(f"--figure {figure}: there is no directory {figure.absolute().parent}")
    if figure is not None and plan.experiment.name not in REPORTS:
        raise BadInput(
            f"--figure knows {', '.join(REPORTS)}; {plan.experiment.name} is an experiment of your own"
        )
    REPORTS.setdefault(plan.experiment.name, report)
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
        files.append(_draw(result, figure, confidence))
    if as_json:
        typer.echo(text)
        return
    from rich.console import Console

    # A pipe has no width: let a table be as wide as it is instead of folding it.
    console = Console() if sys.stdout.isatty() else Console(width=200)
    tables.render(data, console)
    typer.echo("files: " + ", ".join(map(str, files)))


def _draw(result: Result, path: Path, confidence: float) -> Path:
    from figures import draw_result, save

    return save(draw_result(result, confidence), path)


def main() -> NoReturn:
    """The command `simulate`: exit codes are 0 fine, 2 bad use, 4 a failed run, 130 Ctrl-C (143 SIGTERM)."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show ∇ shows ? instead of an error
            stream.reconfigure(errors="replace")
    previous = _exit_on_sigterm()
    try:
        code = _flushed(_command())
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)
    if any(thread.name.startswith("block") for thread in threading.enumerate()):
        os._exit(code)  # stopped at once: sys.exit would wait for blocks that nobody wants
    sys.exit(code)


def _command() -> int:
    try:
        code = app(prog_name="simulate", standalone_mode=False)
    except typer.Exit as stop:
        code = stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("simulate: stopped", err=True)
        code = 130
    except SystemExit:  # typer's answer to a closed pipe
        code = _BROKEN_PIPE
    except OSError as error:  # files have errors of their own: what is left is standard output
        code = _no_output(error)
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's own usage errors know how to say what is wrong
            typer.echo(
                f"simulate: {' '.join(error.format_message().split())} (see simulate --help)", err=True
            )
            code = getattr(error, "exit_code", BadInput.exit_code)
        else:  # a defect of ours
            traceback.print_exc()
            code = SimulateError.exit_code
    return code if isinstance(code, int) else 0


def _flushed(code: int) -> int:
    """The exit code once standard output has taken everything."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # What is still in the buffer has nowhere to go, and Python would complain about it at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or _no_output(error)
    return code


def _no_output(error: OSError) -> int:
    if isinstance(error, BrokenPipeError):
        return _BROKEN_PIPE
    typer.echo(f"simulate: cannot write: {error.strerror or error}", err=True)
    return SimulateError.exit_code


def _exit_on_sigterm() -> Any:
    """Make SIGTERM end the command as Ctrl-C does; returns the handler that was there, None if it stays."""

    def terminate(number: int, frame: object) -> NoReturn:
        raise _Terminated

    here = threading.current_thread() is threading.main_thread()
    if here and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        return signal.signal(signal.SIGTERM, terminate)
    return None


if __name__ == "__main__":
    main()

"""The application: exit codes, and one clear line for whatever goes wrong."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from simulate.errors import BadInput, SimulateError

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="simulate",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Terminated(KeyboardInterrupt):
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


def one_line(command: Callable[..., None]) -> Callable[..., None]:
    """Let known failures end a command with one line and their exit code."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except SimulateError as error:
            _fail(str(error), error.exit_code)
        except Terminated:
            _fail("stopped at once; finished blocks are kept", 143)
        except KeyboardInterrupt:
            _fail("stopped at once; finished blocks are kept", 130)
        except (BrokenPipeError, SystemExit) as error:  # SystemExit is rich's answer to a closed pipe
            raise typer.Exit(_BROKEN_PIPE) from error

    return wrapped


def _fail(line: str, code: int) -> NoReturn:
    typer.echo(f"simulate: {' '.join(line.split())}", err=True)
    raise typer.Exit(code)


def console() -> Console:
    """Where tables are printed."""
    from rich.console import Console

    # A pipe has no width: let a table be as wide as it is instead of folding it.
    return Console() if sys.stdout.isatty() else Console(width=200)


def main() -> NoReturn:
    """The command `simulate`: exit codes are 0 fine, 2 bad use, 4 a failed run, 130 Ctrl-C (143 SIGTERM)."""
    # Imports and the compiler make many small objects that stay: looking for garbage among them takes a second.
    gc.set_threshold(100_000, 50, 50)
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
        raise Terminated

    here = threading.current_thread() is threading.main_thread()
    if here and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        return signal.signal(signal.SIGTERM, terminate)
    return None

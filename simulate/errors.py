"""Everything that can go wrong on purpose. Each class carries the exit code that the command line uses."""


class SimulateError(Exception):
    """A failure with one clear line; the root of every error that this project raises itself."""

    exit_code = 4


class BadInput(SimulateError, ValueError):
    """The request makes no sense or cannot be met: the line says what to change."""

    exit_code = 2


class RunFailed(SimulateError, RuntimeError):
    """A run could not go on (a full disk, a broken file, a trial that raised); finished blocks are kept."""

    exit_code = 4


class Interrupted(SimulateError):
    """A signal asked the run to stop; finished blocks are kept. 130 after Ctrl-C, 143 after SIGTERM."""

    exit_code = 130

    def __init__(self, message: str, signal_number: int = 2) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number

"""What figures and tables are made from: runs and other measurements, kept so that nothing is measured twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from simulate.engine import Plan, Progress, Result, run, write_atomically

_FORMAT = 1
"""Of stored measurements; another number lets older ones be measured again."""


class StoppableProgress(Progress, Protocol):
    """A progress of `simulate.engine.run` that also knows when there is nothing more to tell."""

    def stop(self) -> None:
        """The measurement is over."""


class Stored:
    """Measurements in a directory, or in memory alone.

    A run is kept in DIR/EXPERIMENT-DIGEST, where `simulate init-flip` and its like keep theirs below `runs`: the same
    plan is the same run. Other measurements are documents, DIR/NAME-DIGEST.json, the digest that of their arguments.

    Args:
        directory: created when something is written; None keeps nothing.
        progress: makes what is told about one measurement, given the name of what is counted; see
            `simulate.progress.for_this_terminal`.

    Attributes:
        plans: what was asked for, as JSON data, in order.

    """

    def __init__(
        self, directory: Path | None = None, progress: Callable[[str], StoppableProgress] | None = None
    ) -> None:
        self.directory = directory
        self.plans: list[dict[str, Any]] = []
        self._progress = progress

    def run(self, plan: Plan) -> Result:
        """The result of a plan; only blocks that are not there yet are computed."""
        self.plans.append(plan.to_json())
        out = None if self.directory is None else self.directory / f"{plan.experiment.name}-{plan.digest}"
        if self._progress is None:
            return run(plan, out)
        told = self._progress("trials")
        try:
            return run(plan, out, progress=told)
        finally:
            told.stop()

    def document(
        self, name: str, arguments: dict[str, Any], compute: Callable[..., Any], counted: str | None = None
    ) -> Any:
        """The JSON data that `compute(**arguments)` returns, read back where it is already there.

        Args:
            name: of the measurement.
            arguments: JSON data; everything that the result depends on.
            compute: called with the arguments if there is nothing stored that can be read.
            counted: what it counts, if it takes a `progress` that it stops itself.

        """
        self.plans.append({"experiment": name, **arguments})
        text = json.dumps({"format": _FORMAT, "name": name, "arguments": arguments}, sort_keys=True)
        asked = json.loads(text)
        path = None
        if self.directory is not None:
            digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
            path = self.directory / f"{name}-{digest}.json"
            found = _read(path, asked)
            if found is not None:
                return found
        told = {} if counted is None or self._progress is None else {"progress": self._progress(counted)}
        result = compute(**arguments, **told)
        kept = json.dumps({**asked, "result": result}, allow_nan=False)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, kept + "\n")
        # What a second call reads back is what a first one returns: lists for tuples, text for keys.
        return json.loads(kept)["result"]


def _read(path: Path, asked: dict[str, Any]) -> Any:
    """The stored result, or None where it is missing, damaged or another one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return data["result"] if {key: data[key] for key in asked} == asked else None
    except (OSError, ValueError, KeyError, TypeError):
        return None

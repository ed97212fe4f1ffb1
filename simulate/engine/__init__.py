"""Plans, blocks and runs: the same plan gives the same table, however it was computed."""

from simulate.engine.block import block_summary, trial_columns
from simulate.engine.plan import (
    Cell,
    Columns,
    Experiment,
    Plan,
    Precision,
    Trial,
    grid,
    observable,
    plan_from_json,
)
from simulate.engine.run import CellResult, Progress, Result, report, resume, run
from simulate.engine.store import RunDirectory, read_plan, write_atomically
from simulate.engine.summary import Summary, describe

__all__ = [
    "Cell",
    "CellResult",
    "Columns",
    "Experiment",
    "Plan",
    "Precision",
    "Progress",
    "Result",
    "RunDirectory",
    "Summary",
    "Trial",
    "block_summary",
    "describe",
    "grid",
    "observable",
    "plan_from_json",
    "read_plan",
    "report",
    "resume",
    "run",
    "trial_columns",
    "write_atomically",
]

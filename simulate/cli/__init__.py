"""The door: options in, tables out. No mathematics here, and no heavy import before a command runs."""

# The commands of these modules join the application when they are imported.
from simulate.cli import attack, bench, experiments, pictures, radius, report, robust_net, statements
from simulate.cli.door import app, main

__all__ = [
    "app",
    "attack",
    "bench",
    "experiments",
    "main",
    "pictures",
    "radius",
    "report",
    "robust_net",
    "statements",
]

"""Sample random networks exactly, step away from a point, and measure what happens, with intervals.

    from simulate import INIT_FLIP, InitFlip, Plan, document, run

Names are imported when they are first used, so that `import simulate` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulate.activations import Activation
    from simulate.deep import DeepNetwork
    from simulate.engine import (
        Experiment,
        Plan,
        Precision,
        Result,
        Summary,
        grid,
        observable,
        resume,
        run,
        trial_columns,
    )
    from simulate.errors import BadInput, Interrupted, RunFailed, SimulateError
    from simulate.experiments import GRAD_NORM, INIT_FLIP, GradNorm, InitFlip, document
    from simulate.matrices import DenseGaussian, GaussianMatrix, LazyGaussian
    from simulate.networks import TwoLayerNetwork
    from simulate.streams import Stream

_HOME = {
    "Activation": "activations",
    "Experiment": "engine",
    "Plan": "engine",
    "Precision": "engine",
    "Result": "engine",
    "Summary": "engine",
    "grid": "engine",
    "observable": "engine",
    "resume": "engine",
    "run": "engine",
    "trial_columns": "engine",
    "BadInput": "errors",
    "Interrupted": "errors",
    "RunFailed": "errors",
    "SimulateError": "errors",
    "GRAD_NORM": "experiments",
    "INIT_FLIP": "experiments",
    "GradNorm": "experiments",
    "InitFlip": "experiments",
    "document": "experiments",
    "DenseGaussian": "matrices",
    "GaussianMatrix": "matrices",
    "LazyGaussian": "matrices",
    "DeepNetwork": "deep",
    "TwoLayerNetwork": "networks",
    "Stream": "streams",
}

__all__ = [
    "GRAD_NORM",
    "INIT_FLIP",
    "Activation",
    "BadInput",
    "DeepNetwork",
    "DenseGaussian",
    "Experiment",
    "GaussianMatrix",
    "GradNorm",
    "InitFlip",
    "Interrupted",
    "LazyGaussian",
    "Plan",
    "Precision",
    "Result",
    "RunFailed",
    "SimulateError",
    "Stream",
    "Summary",
    "TwoLayerNetwork",
    "document",
    "grid",
    "observable",
    "resume",
    "run",
    "trial_columns",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'simulate' has no attribute {name!r}")
    return getattr(import_module(f"simulate.{_HOME[name]}"), name)

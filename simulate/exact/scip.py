"""The same programme by SCIP, through PySCIPOpt (an optional extra); in ℓ2 with a quadratic constraint."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import numpy as np

from simulate.errors import BadInput
from simulate.exact.program import Answer, Encoding
from simulate.exact.quiet import quiet


def available() -> bool:
    """Whether PySCIPOpt is installed."""
    return importlib.util.find_spec("pyscipopt") is not None


def solve(encoding: Encoding, radius: float, seconds: float) -> Answer:
    """Minimise the size of δ over an encoding with a goal.

    In ℓ2 the objective is s with |δ|² ≤ s, s ≤ radius².

    Raises:
        BadInput: PySCIPOpt is not installed.

    """
    if not available():
        raise BadInput("exact ℓ2 distances of deeper networks need SCIP: pip install 'signflip[exact]'")
    from pyscipopt import Model, quicksum

    layout = encoding.layout
    model = Model()
    model.hideOutput()
    model.setParam("limits/time", seconds)
    model.setParam("limits/gap", 0.0)
    model.setParam("numerics/feastol", 1e-9)
    infinite = model.infinity()
    ends = zip(np.maximum(encoding.low, -infinite), np.minimum(encoding.high, infinite), strict=True)
    z = [
        model.addVar(f"z{i}", "B" if encoding.integral[i] else "C", lb=float(low), ub=float(high))
        for i, (low, high) in enumerate(ends)
    ]
    matrix, low, high = encoding.constraints()
    for i in range(len(low)):
        columns = slice(matrix.indptr[i], matrix.indptr[i + 1])
        terms = zip(matrix.indices[columns], matrix.data[columns], strict=True)
        total = quicksum(float(value) * z[column] for column, value in terms)
        if low[i] == high[i]:
            model.addCons(total == float(high[i]))
            continue
        if np.isfinite(high[i]):
            model.addCons(total <= float(high[i]))
        if np.isfinite(low[i]):
            model.addCons(total >= float(low[i]))
    if layout.norm == "2":
        square = model.addVar("square", lb=0.0, ub=radius**2)
        model.addCons(quicksum(one * one for one in z[: layout.dim]) <= square)
        model.setObjective(square)
    else:
        model.setObjective(quicksum(value * z[column] for column, value in encoding.size_objective().items()))
    with quiet():
        model.optimize()
    return _answer(model, encoding, z)


def _answer(model: object, encoding: Encoding, z: Sequence[object]) -> Answer:
    status = model.getStatus()  # type: ignore[attr-defined]
    if status == "infeasible":
        return Answer(None, np.inf, np.inf, True)
    bound = max(float(model.getDualbound()), 0.0)  # type: ignore[attr-defined]
    if not model.getNSols():  # type: ignore[attr-defined]
        return Answer(None, np.inf, np.sqrt(bound) if encoding.layout.norm == "2" else bound, False)
    best = model.getBestSol()  # type: ignore[attr-defined]
    delta = encoding.layout.delta(np.array([best[one] for one in z]))
    value = float(np.linalg.norm(delta, float(encoding.layout.norm)))
    if encoding.layout.norm == "2":
        bound = float(np.sqrt(bound))
    return Answer(delta, value, min(bound, value), status == "optimal")

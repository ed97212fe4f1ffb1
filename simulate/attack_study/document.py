"""An attack on many networks or inputs as JSON data, and its perturbations as arrays."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simulate.attack_study.methods import Request, attack, chosen
from simulate.attack_study.subjects import OnData, RandomNetworks, Subject, one_thread
from simulate.attacks import Attacked
from simulate.errors import BadInput, RunFailed
from simulate.progress import LineProgress, TerminalProgress
from simulate.statistics import clopper_pearson, quantile_rank_interval

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
Arrays = dict[str, NDArray[np.generic]]


def document(
    request: Request,
    subjects: RandomNetworks | OnData,
    *,
    confidence: float = 0.95,
    out: Path | None = None,
    progress: TerminalProgress | LineProgress | None = None,
) -> dict[str, Any]:
    """What `simulate attack --json` prints.

    Args:
        request: which attack.
        subjects: what is attacked.
        confidence: of each interval.
        out: NPZ file for x, y, perturbation, success and size (of the last round).
        progress: told about every input.

    Raises:
        BadInput: the request makes no sense; the line says what to change.
        RunFailed: the file cannot be written.

    """
    method, norm = chosen(request)
    if not 0 < confidence < 1:
        raise BadInput(f"the confidence must lie strictly between 0 and 1, got {confidence:g}")
    if out is not None and (out.suffix != ".npz" or not out.parent.is_dir()):
        raise BadInput(f"--out is a .npz file in a folder that exists, got {out}")
    if "box" in method.needs and isinstance(subjects, RandomNetworks):
        raise BadInput(f"{request.method} needs data whose features have a range: give --data")
    if request.target is not None and isinstance(subjects, RandomNetworks):
        raise BadInput("random networks have one output: leave --target out")
    started = time.perf_counter()
    rounds: list[list[Arrays]] = []
    with one_thread():
        told, batches = _prepared(request, subjects)
        prepared = time.perf_counter()
        if progress is not None:
            progress.start(_total(subjects), 0)
        try:
            for subject in batches:
                results = attack(request, subject.network, subject.x, subject.y, subject.box)
                for index, found in enumerate(results):
                    if index == len(rounds):
                        rounds.append([])
                    rounds[index].append(_kept(subject, found, whole=out is not None))
                if progress is not None:
                    progress.advance(len(subject.x))
        finally:
            if progress is not None:
                progress.stop()
    joined = [{name: np.concatenate([part[name] for part in parts]) for name in parts[0]} for parts in rounds]
    spent = time.perf_counter() - prepared
    if out is not None:
        _save(out, joined[-1])
    return {
        "command": "attack",
        "method": request.method,
        "norm": norm,
        "radius": request.radius,
        "steps": request.steps,
        "restarts": request.restarts,
        "target": request.target,
        "objective": request.objective,
        "seed": request.seed,
        "confidence": confidence,
        **told,
        "results": [_summary(arrays, confidence) for arrays in joined],
        "seconds": {"preparing": prepared - started, "attacking": spent},
        "out": None if out is None else str(out),
    }


def _prepared(
    request: Request, subjects: RandomNetworks | OnData
) -> tuple[dict[str, Any], Iterator[Subject]]:
    if isinstance(subjects, RandomNetworks):
        return subjects.describe(), subjects.batches()
    subject, told = subjects.prepare(request.target)
    return told, iter([subject])


def _total(subjects: RandomNetworks | OnData) -> int:
    return subjects.trials


def _kept(subject: Subject, found: Attacked, *, whole: bool) -> Arrays:
    """What is kept of a batch: copies, since the next batch uses the memory again."""
    kept = {
        "success": found.success,
        "size": found.size,
        "zero_gradient": found.zero_gradient,
        "steps": torch.full_like(found.size, found.steps),
    }
    if whole:
        # After several rounds the perturbation is that from the original input.
        kept |= {"x": subject.x, "y": subject.y, "perturbation": found.adversarial - subject.x}
    return {name: value.detach().cpu().numpy().copy() for name, value in kept.items()}


def _save(path: Path, arrays: Arrays) -> None:
    wanted: dict[str, Any] = {name: arrays[name] for name in ("x", "y", "perturbation", "success", "size")}
    try:
        np.savez_compressed(path, **wanted)
    except OSError as error:
        raise RunFailed(f"cannot write {path}: {error.strerror or error}") from error


def _summary(arrays: Arrays, confidence: float) -> dict[str, Any]:
    success, size = arrays["success"], np.asarray(arrays["size"], np.float64)
    count, hits = len(success), int(success.sum())
    low, high = clopper_pearson(hits, count, confidence)
    # Where the attack fails, the smallest perturbation is longer than any that was found.
    ordered = np.sort(np.where(success, size, math.inf))
    return {
        "inputs": count,
        "successes": hits,
        "success": {"probability": hits / count, "low": float(low), "high": float(high)},
        "size": [_quantile(ordered, p, confidence) for p in QUANTILES],
        "largest_size": float(size.max()),
        "zero_gradients": int(arrays["zero_gradient"].sum()),
        "gradients": int(arrays["steps"].max()),
    }


def _quantile(ordered: NDArray[np.float64], p: float, confidence: float) -> dict[str, Any]:
    """A quantile of the sizes, failures being infinite; None stands for infinite (0 at the lower end: no bound)."""
    count = len(ordered)
    lower, upper = (int(rank) for rank in quantile_rank_interval(count, p, confidence))

    def finite(value: float) -> float | None:
        return float(value) if math.isfinite(value) else None

    return {
        "probability": p,
        "value": finite(ordered[max(0, math.ceil(p * count) - 1)]),
        "low": finite(ordered[lower - 1]) if lower >= 1 else 0.0,
        "high": finite(ordered[upper - 1]) if upper <= count else None,
    }

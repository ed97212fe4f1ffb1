"""A gradient attack on a fixed network: what it finds, and where it stops."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from simulate.arguments import whole
from simulate.errors import BadInput
from simulate.robust.network import ReluNetwork
from simulate.streams import Stream, stable_key

Floats = NDArray[np.float64]

_BISECTIONS = 60


@dataclass(frozen=True)
class Attack:
    """What gradient descent on y f found, point by point.

    Attributes:
        zero: distance of the nearest input found with y f <= 0, shape (m,); infinite if none.
        flip: distance of the nearest input found with y f < 0, shape (m,); infinite if none.
        stalled: the descent from the point itself ended where f is 0 and its gradient too, shape (m,).
        on: how many neurons were on where that descent ended, shape (m,).
        restarts: further descents from random inputs, for each point.

    """

    zero: Floats
    flip: Floats
    stalled: NDArray[np.bool_]
    on: NDArray[np.int64]
    restarts: int


def gradient_attack(
    network: ReluNetwork,
    points: Floats,
    labels: Floats,
    *,
    step: float,
    steps: int = 200,
    restarts: int = 0,
    reach: float = 0.0,
    seed: int = 0,
) -> Attack:
    """Descend y f from every point, with steps of equal length along the gradient, until the gradient is 0.

    Every crossing of 0 between two iterates is bisected, so that the distances found are those of inputs at which
    y f was evaluated: none can be below the exact radius.

    Args:
        network: f.
        points: shape (m, d).
        labels: ±1, shape (m,).
        step: length of a step.
        steps: at most so many.
        restarts: further descents for each point, from x + a uniform direction times a length up to `reach`.
        reach: see `restarts`.
        seed: of the restarts.

    """
    if not (math.isfinite(step) and step > 0):
        raise BadInput(f"the length of a step must be positive, got {step}")
    whole(steps, "steps", 1)
    whole(restarts, "restarts", 0)
    m, d = points.shape
    zero, flip, last = _descend(network, points, labels, points, step, steps)
    on = (network.preactivations(last) > 0).sum(1)
    stalled = (network(last) == 0) & (network.gradient(last) == 0).all(1)
    key = stable_key(seed, {"experiment": "robust-net", "attack": "restarts", "points": m, "dim": d})
    for restart in range(restarts):
        stream = Stream(key, restart * m, m, dtype=torch.float64)
        normals = stream.normals("start", d).numpy()
        lengths = reach * stream.uniforms("length").numpy().reshape(m, 1)
        start = points + lengths * normals / np.linalg.norm(normals, axis=1, keepdims=True)
        found = _descend(network, points, labels, start, step, steps)
        zero, flip = np.minimum(zero, found[0]), np.minimum(flip, found[1])
    return Attack(zero, flip, stalled, on, restarts)


def _descend(
    network: ReluNetwork, points: Floats, labels: Floats, start: Floats, step: float, steps: int
) -> tuple[Floats, Floats, Floats]:
    """Nearest crossings that one descent found, and where it ended."""
    x = start.copy()
    zero, flip = np.full(len(x), math.inf), np.full(len(x), math.inf)
    _note(network, points, labels, points, x, zero, flip)
    moving = np.arange(len(x))
    for _ in range(steps):
        slope = labels[moving, None] * network.gradient(x[moving])
        length = np.linalg.norm(slope, axis=1)
        moving, slope = moving[length > 0], slope[length > 0] / length[length > 0, None]
        if len(moving) == 0:
            break
        before = x[moving]
        x[moving] = before - step * slope
        here = zero[moving], flip[moving]
        _note(network, points[moving], labels[moving], before, x[moving], *here)
        zero[moving], flip[moving] = here
    return zero, flip, x


def _note(
    network: ReluNetwork,
    points: Floats,
    labels: Floats,
    before: Floats,
    after: Floats,
    zero: Floats,
    flip: Floats,
) -> None:
    """Keep the distance of inputs on the segments with y f <= 0, and with y f < 0, if they are nearer."""
    for nearest, strict in ((zero, False), (flip, True)):

        def errs(x: Floats, y: Floats, strict: bool = strict) -> NDArray[np.bool_]:
            value = y * network(x)
            return np.asarray(value < 0 if strict else value <= 0)

        wrong, already = errs(after, labels), errs(before, labels)
        for there, x in ((wrong, after), (already, before)):
            nearest[there] = np.minimum(nearest[there], np.linalg.norm(x[there] - points[there], axis=1))
        crossing = np.flatnonzero(wrong & ~already)
        if len(crossing) == 0:
            continue
        low, high, y = before[crossing], after[crossing], labels[crossing]
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            beyond = errs(middle, y)[:, None]
            low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        distance = np.linalg.norm(high - points[crossing], axis=1)
        nearest[crossing] = np.minimum(nearest[crossing], distance)

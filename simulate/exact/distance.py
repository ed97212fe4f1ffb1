"""The exact distance to the nearest input of another class, row by row, in ℓ∞, ℓ1 and ℓ2."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simulate import attacks
from simulate.attacks.norms import Norm, check_norm
from simulate.attacks.problem import Box, Problem
from simulate.certificates.dual import dual_margin
from simulate.certificates.intervals import Ball
from simulate.certificates.rounding import rounding_allowance
from simulate.errors import BadInput, RunFailed
from simulate.exact import scip, two_layer
from simulate.exact.cells import cell, nearest_in_cell, pattern_at
from simulate.exact.program import Answer, Encoding, Goal
from simulate.exact.relaxation import bounds_on
from simulate.exact.tightening import TIGHTEN, Tighten, tightened
from simulate.exact.units import scale
from simulate.feedforward import FeedForward

Floats = NDArray[np.float64]
Solver = Literal["auto", "highs", "branch", "scip"]
SOLVERS: tuple[Solver, ...] = ("auto", "highs", "branch", "scip")

_WIDER = 1 + 1e-6
"""The ball on which bounds hold is wider than the perturbation that it must contain by this factor."""
_CLOSED = 1e-5
"""A bracket that is relatively narrower is exact: a solver's feasibility tolerance of 1e-6 moves its bound by less."""
_HAIRS = tuple(10.0**e for e in range(-15, -6))
"""Relative lengths that matter to nobody, tried in turn until the margin is at most 0 as it is evaluated."""
_DOUBLINGS = 6
"""Where no attack succeeded, balls from the input's own size on are doubled so often."""
_NODES_A_SECOND = 200


@dataclass(frozen=True)
class Distance:
    """The distance of one input to another class (margin ≤ 0), bracketed.

    Attributes:
        lower: proved, up to the solver's tolerance: no smaller perturbation reaches a margin of 0 or less.
        upper: size of `delta`, infinite without one.
        delta: the perturbation, (d,), or None if none was found.
        margin: of the network at x + delta, evaluated in float64: at most 0, or above it by less than rounding.
        finished: whether the solver finished every programme within its limit.
        solver: which one it was.
        seconds: spent.

    """

    lower: float
    upper: float
    delta: Floats | None
    margin: float
    finished: bool
    solver: str
    seconds: float

    @property
    def exact(self) -> bool:
        """Whether the bracket is closed to five digits; `upper` itself is accurate to many more."""
        return self.lower == self.upper or self.upper - self.lower <= _CLOSED * self.upper < math.inf

    @property
    def gap(self) -> float:
        """(upper − lower)/upper: 0 for an exact distance, 1 where nothing is known."""
        if self.lower == self.upper:
            return 0.0
        return 1.0 if math.isinf(self.upper) else (self.upper - self.lower) / self.upper


@dataclass
class _Best:
    """The smallest perturbation so far."""

    size: float
    delta: Floats | None = None


def exact_distance(
    network: FeedForward,
    x: Tensor,
    y: Tensor,
    *,
    norm: Norm = "inf",
    box: Box | None = None,
    solver: Solver = "auto",
    tighten: Tighten = "dual",
    start: Tensor | None = None,
    seconds: float = 60.0,
) -> list[Distance]:
    """For each input the smallest ‖δ‖ with a margin of at most 0.

    Args:
        network: weights may be batched: row b of x meets network b.
        x: inputs, (B, d).
        y: labels, (B,): classes, or ±1 for one output.
        norm: "inf", "1" or "2".
        box: ends that x + δ keeps.
        solver: "highs" (mixed-integer linear programme: ℓ∞ and ℓ1), "branch" (branch and bound over regions: ℓ2, two
            layers, no box) or "scip" (any norm, needs PySCIPOpt). "auto" is highs, in ℓ2 branch where it can and else
            scip.
        tighten: bounds of the preactivations: "dual" (backward passes), "lp" (two linear programmes a neuron whose
            sign is open, over the relaxation of network and goal) or "exact" (after that, two mixed-integer programmes
            over the layers before it): each tighter than the one before. In general that is not worth its time, but
            "exact" can close deep programmes that are open at the limit otherwise.
        start: perturbations that succeed, (B, d), such as an attack's; rows of NaN where there is none. By default
            DeepFool's, in networks of more than two layers those of projected descent in shrinking balls.
        seconds: time limit of each programme; at the limit `lower` and `upper` bracket the distance.

    Where no attack succeeds and no search over regions applies (more than two layers, or a box), balls up to 32 times
    the input's own size are searched, and the bracket has no upper end if they hold nothing.

    Raises:
        BadInput: a norm, solver or limit that does not exist or does not fit, inputs that do not fit.

    """
    norm = check_norm(norm)
    if tighten not in TIGHTEN:
        raise BadInput(f"tighten is one of {', '.join(TIGHTEN)}, got {tighten!r}")
    if not 0 < seconds < math.inf:
        raise BadInput(f"the time limit must be positive, got {seconds}")
    network, x = network.double(), x.double()
    problem = Problem.of(network, x, y, box)
    used = _chosen(solver, norm, network, box)
    if start is None:
        start = _starting_points(problem, norm, deep=len(network.weights) > 2)
    elif start.shape != x.shape:
        raise BadInput(f"the start must have the inputs' shape {tuple(x.shape)}, got {tuple(start.shape)}")
    return [
        _Row(network.row(i), problem, i, norm, used, tighten, seconds).distance(start[i].double().numpy())
        for i in range(len(x))
    ]


def _chosen(solver: Solver, norm: Norm, network: FeedForward, box: Box | None) -> str:
    if solver not in SOLVERS:
        raise BadInput(f"the solver is one of {', '.join(SOLVERS)}, got {solver!r}")
    branches = norm == "2" and len(network.weights) == 2 and box is None
    if solver == "auto":
        solver = "highs" if norm != "2" else "branch" if branches else "scip"
    if solver == "highs" and norm == "2":
        raise BadInput("HiGHS decides the norms inf and 1: in ℓ2 take the solver branch or scip")
    if solver == "branch" and not branches:
        raise BadInput("the solver branch is for ℓ2, two-layer networks and no box")
    if solver == "scip" and not scip.available():
        raise BadInput("this ℓ2 distance needs SCIP: pip install 'signflip[exact]'")
    return solver


def _starting_points(problem: Problem, norm: Norm, deep: bool) -> Tensor:
    """An attack's perturbations. In deep networks the programme is so hard that a smaller ball is worth a search."""
    box = problem.low, problem.high
    if deep:
        options: dict[str, Any] = {"norm": norm, "box": box, "steps": 15, "halvings": 6}
        found = attacks.smallest_radius(problem.network, problem.x, problem.y, **options)
    else:
        found = attacks.deepfool(problem.network, problem.x, problem.y, norm=norm, box=box)
    return torch.where(found.success.unsqueeze(1), found.perturbation, torch.nan)


class _Row:
    """One network at one input."""

    def __init__(
        self,
        network: FeedForward,
        problem: Problem,
        row: int,
        norm: Norm,
        solver: str,
        tighten: Tighten,
        seconds: float,
    ) -> None:
        self.network, self.norm, self.solver, self.seconds = network, norm, solver, seconds
        self.tighten = tighten
        self.x, self.y = problem.x[row : row + 1], problem.y[row : row + 1]
        self.point = self.x[0].numpy()
        self.box = (problem.low[row].numpy(), problem.high[row].numpy())
        rows, offsets = (tensor[0].numpy() for tensor in network.margin_layer(self.y))
        own = int(self.y[0]) if len(rows) > 1 else -1
        self.goals: dict[int, Goal] = {c: (rows[c], float(offsets[c])) for c in range(len(rows)) if c != own}

    def margin(self, delta: Floats) -> float:
        """The smallest margin at x + δ."""
        return float(self.network.margins(self.x + torch.from_numpy(delta), self.y).min())

    def distance(self, start: Floats) -> Distance:
        """Solve, and time it."""
        began = time.perf_counter()
        zero = np.zeros_like(self.point)
        if self.margin(zero) <= 0:
            return Distance(0.0, 0.0, zero, self.margin(zero), True, self.solver, time.perf_counter() - began)
        best = _Best(math.inf)
        # A network without biases is 0 at the origin, sometimes nowhere else.
        for candidate in (start, np.clip(-self.point, self.box[0] - self.point, self.box[1] - self.point)):
            if np.isfinite(candidate).all() and self._reaches(candidate):
                self._keep(best, candidate)
                self._polish(best, candidate)
        lower, finished = self._by_regions(best) if self.solver == "branch" else self._by_programmes(best)
        margin = math.nan if best.delta is None else self.margin(best.delta)
        seconds = time.perf_counter() - began
        return Distance(min(lower, best.size), best.size, best.delta, margin, finished, self.solver, seconds)

    def _reaches(self, delta: Floats) -> bool:
        """Whether the margin at x + δ, evaluated through the network, is at most 0: by more than rounding not above."""
        point = Ball(self.x + torch.from_numpy(delta), torch.zeros(1, dtype=torch.float64), self.norm)
        margins = self.network.margins(point.x, self.y)
        return bool((margins <= rounding_allowance(self.network, point, self.y)).any())

    def _keep(self, best: _Best, delta: Floats) -> None:
        """Take δ if it is smaller and reaches another class."""
        size = float(np.linalg.norm(delta, float(self.norm)))
        if size < best.size and self._reaches(delta):
            best.size, best.delta = size, delta

    def _polish(self, best: _Best, delta: Floats) -> None:
        """The smallest perturbation in the cells of a point and just beyond it, moved a hair if rounding asks."""
        room = (self.box[0] - self.point, self.box[1] - self.point)
        patterns = {
            pattern_at(self.network, self.point + s * delta).tobytes() for s in (1 - 1e-6, 1.0, 1 + 1e-6)
        }
        for goal in self.goals.values():
            for pattern in patterns:
                one = cell(self.network, self.point, *goal, np.frombuffer(pattern, np.bool_))
                for below in (0.0, *_HAIRS):
                    found = nearest_in_cell(one, self.norm, room, below * abs(one.value))
                    if found is None or np.linalg.norm(found, float(self.norm)) >= best.size:
                        break
                    tried = (
                        np.clip(found * (1 + hair), *room) for hair in (0.0, *(_HAIRS if below == 0 else ()))
                    )
                    reached = next((other for other in tried if self._reaches(other)), None)
                    if reached is not None:
                        self._keep(best, reached)
                        break

    # --- ℓ2, two layers -----------------------------------------------------------------------------------------

    def _by_regions(self, best: _Best) -> tuple[float, bool]:
        lower, finished = math.inf, True
        for goal in self._ordered(best.size):
            nodes = max(1, int(self.seconds * _NODES_A_SECOND))
            try:
                found = two_layer.shortest(self.network, self.point, goal, 0.0, nodes)
            except RunFailed:  # rounding defeated a projection: nothing is proved of this class
                lower, finished = 0.0, False
                continue
            lower, finished = min(lower, found.lower), finished and found.exact
            if found.perturbation is not None:
                self._keep(best, found.perturbation)
                self._polish(best, found.perturbation)
        return min(lower, best.size), finished

    # --- programmes ---------------------------------------------------------------------------------------------

    def _by_programmes(self, best: _Best) -> tuple[float, bool]:
        if math.isinf(best.size) and len(self.network.weights) == 2 and not np.isfinite(self.box).any():
            # No attack succeeded. Whether anything does is the same question in every norm.
            lower, finished = self._by_regions(best)
            if math.isinf(lower):
                return lower, finished
            self._polish(best, best.delta if best.delta is not None else np.zeros_like(self.point))
        if math.isfinite(best.size):
            return self._within(best.size * _WIDER, best)
        size = float(torch.linalg.vector_norm(self.x, float(self.norm))) or 1.0
        lower, finished = 0.0, True
        for doubling in range(_DOUBLINGS):
            lower, finished = self._within(size * 2.0**doubling, best)
            if best.delta is not None:  # once more in the smallest ball, where tolerances are smallest too
                return self._within(best.size * _WIDER, best)
            if not finished:
                break
        return lower, finished

    def _within(self, radius: float, best: _Best) -> tuple[float, bool]:
        """One programme for each other class, on a ball that shrinks with what is found."""
        lower, finished = radius, True
        for goal in self._ordered(radius):
            radius = min(radius, best.size * _WIDER)
            answer = self._solve(radius, goal)
            lower, finished = min(lower, max(answer.bound, 0.0)), finished and answer.optimal
            if answer.delta is not None:
                self._keep(best, answer.delta)
                self._polish(best, answer.delta)
        return min(lower, best.size), finished

    def _ordered(self, radius: float) -> list[Goal]:
        """Goals that a backward pass cannot rule out in the ball, the likeliest first."""
        if not math.isfinite(radius):
            return list(self.goals.values())
        ball = Ball(self.x, torch.tensor([radius], dtype=torch.float64), self.norm)
        margins = dual_margin(self.network, ball, self.y)[0]
        open_ = (margins <= rounding_allowance(self.network, ball, self.y)[0]).tolist()
        return [self.goals[c] for c in sorted(self.goals, key=lambda c: float(margins[c])) if open_[c]]

    def _solve(self, radius: float, goal: Goal) -> Answer:
        bounds = bounds_on(self.network, self.x[0], radius, self.norm)
        one = scale(self.network, self.point, self.box, bounds, goal, radius)
        encoding = Encoding(one.network, one.x, self.norm, 1.0, one.bounds, one.box, one.goal)
        if self.norm != "2" and self.tighten != "dual":
            tighter = tightened(one, self.norm, self.tighten, self.seconds)
            if tighter is None:
                return Answer(None, math.inf, math.inf, True)
            encoding = Encoding(one.network, one.x, self.norm, 1.0, tighter, one.box, one.goal)
        if self.solver == "scip":
            answer = scip.solve(encoding, 1.0, self.seconds)
        else:
            answer = encoding.solve(encoding.size_objective(), relax=False, seconds=self.seconds)
        delta = None if answer.delta is None else answer.delta * radius
        return Answer(delta, answer.value * radius, answer.bound * radius, answer.optimal)

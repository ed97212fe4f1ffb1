"""Carlini and Wagner's three attacks: the smallest perturbation in ℓ2, ℓ0 and ℓ∞ that changes the class.

N. Carlini and D. Wagner, "Towards evaluating the robustness of neural networks", IEEE S&P 2017. The objective of the
constraint is their f₆, max(margin + κ, 0): at most 0 exactly where the attack succeeds by κ (not the cross-entropy form
whose sign is wrong in print, see the statements about it). The penalty c is searched for each row.

    ℓ2   minimise ‖δ‖² + c·max(margin + κ, 0), in w with x + δ = centre + half·tanh(w) if there is a box
    ℓ0   ℓ2 on a shrinking set of coordinates: those whose contribution |g_i δ_i| is least are frozen at 0
    ℓ∞   minimise Σ max(|δ_i| − τ, 0) + c·max(margin + κ, 0), τ falling by a tenth after each success; lengths in
         units of the first τ
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from simulate.arguments import whole
from simulate.attacks.along import shorten
from simulate.attacks.norms import size
from simulate.attacks.problem import Attacked, Box, Network, Problem
from simulate.errors import BadInput

_INSIDE = 0.99
"""tanh is inverted only up to here: nearer to its ends it is so flat that what starts at an edge of the box stays."""


class _Tanh:
    """Free variables w for δ, in ℓ2 and ℓ0: through tanh inside a finite box, δ itself otherwise; 0 where masked."""

    def __init__(self, problem: Problem, mask: Tensor) -> None:
        low, high = problem.room()
        self.mask, self.finite = mask, torch.isfinite(low) & torch.isfinite(high)
        self.low, self.high = low, high
        self.centre = torch.where(self.finite, (low + high) / 2, 0)
        self.half = torch.where(self.finite, (high - low) / 2, 1)

    def delta(self, w: Tensor) -> Tensor:
        """δ of the free variables."""
        inside = self.centre + self.half * torch.tanh(w)
        return torch.where(self.finite, inside, w) * self.mask

    def start(self, delta: Tensor) -> Tensor:
        """Free variables of a δ."""
        half = torch.where(self.half > 0, self.half, 1)
        ratio = ((delta - self.centre) / half).clamp(-_INSIDE, _INSIDE)
        return torch.where(self.finite, torch.atanh(ratio), delta)

    def keep(self, w: Tensor) -> None:
        """After a step: back into a box that ends on one side only."""
        w.copy_(torch.where(self.finite, w, torch.minimum(torch.maximum(w, self.low), self.high)))


class _Clipped:
    """Free variables δ/τ, in ℓ∞, clipped to the box after each step.

    There nearly every coordinate must move, and tanh would hold those that start on an edge of the box.
    """

    def __init__(self, problem: Problem, unit: Tensor) -> None:
        low, high = problem.room()
        self.unit = unit.unsqueeze(1)
        self.low, self.high = low / self.unit, high / self.unit

    def delta(self, w: Tensor) -> Tensor:
        """δ of the free variables."""
        return w * self.unit

    def start(self, delta: Tensor) -> Tensor:
        """Free variables of a δ."""
        return delta / self.unit

    def keep(self, w: Tensor) -> None:
        """After a step: back into the box."""
        w.copy_(torch.minimum(torch.maximum(w, self.low), self.high))


def _minimise(
    problem: Problem,
    coordinates: _Tanh | _Clipped,
    start: Tensor,
    penalty: Tensor,
    cost: Callable[[Tensor], Tensor],
    confidence: float,
    steps: int,
    rate: float,
    wanted: Tensor | None = None,
) -> tuple[Tensor, Tensor, int]:
    """Adam on cost(δ) + c·max(margin + κ, 0); the cheapest successful δ, its cost (∞ without success), steps taken.

    With `wanted` it stops as soon as all these rows have succeeded at no cost.
    """
    w = coordinates.start(start).detach().requires_grad_()
    optimiser = torch.optim.Adam([w], lr=rate)
    best = start.clone()
    best_cost = torch.full((len(start),), math.inf, dtype=start.dtype, device=start.device)
    for step in range(steps):
        with torch.enable_grad():
            delta = coordinates.delta(w)
            # Looked at is the point that would be returned, which is rounded; the slope is that of δ itself.
            free = problem.x + delta.reshape(problem.x.shape)
            points = free + (problem.move(delta.detach()) - free.detach())
            margin = problem.margins(problem.network(points))
            costs = cost(delta)
            total = costs + penalty * (margin + confidence).clamp_min(0)
            optimiser.zero_grad()
            total.sum().backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            better = (margin < -confidence) & (costs < best_cost)
            best = torch.where(better.unsqueeze(1), delta, best)
            best_cost = torch.where(better, costs, best_cost)
            if w.grad is not None:
                torch.nan_to_num_(w.grad, nan=0.0)
        if wanted is not None and bool((best_cost[wanted] == 0).all()):
            return best.detach(), best_cost.detach(), step + 1
        optimiser.step()
        with torch.no_grad():
            coordinates.keep(w)
    return best.detach(), best_cost.detach(), steps


def _search_penalty(
    problem: Problem,
    mask: Tensor,
    confidence: float,
    steps: int,
    rate: float,
    searches: int,
    first: float,
) -> tuple[Tensor, Tensor]:
    """ℓ2 on some coordinates: the best δ over a bisection of log c for each row, and where one succeeded."""
    coordinates = _Tanh(problem, mask)
    origin = torch.zeros_like(coordinates.low)
    infinite = torch.full_like(origin[:, 0], math.inf)
    least, most = torch.zeros_like(infinite), infinite
    penalty = torch.full_like(infinite, first)
    best, best_cost = origin, infinite

    def squared(delta: Tensor) -> Tensor:
        return delta.square().sum(1)

    for _ in range(searches):
        found, cost, _ = _minimise(problem, coordinates, origin, penalty, squared, confidence, steps, rate)
        better = cost < best_cost
        best = torch.where(better.unsqueeze(1), found, best)
        best_cost = torch.where(better, cost, best_cost)
        works = torch.isfinite(cost)
        most, least = torch.where(works, penalty, most), torch.where(works, least, penalty)
        penalty = torch.where(
            torch.isfinite(most), torch.where(least > 0, (least * most).sqrt(), most / 10), penalty * 10
        )
    return best, torch.isfinite(best_cost)


def _checked(confidence: float, rate: float, first_penalty: float) -> None:
    if not 0 <= confidence < math.inf:
        raise BadInput(f"the confidence must be 0 or more, got {confidence}")
    for name, value in (("rate", rate), ("first penalty", first_penalty)):
        if not 0 < value < math.inf:
            raise BadInput(f"the {name} must be positive, got {value}")


def carlini_wagner_l2(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    confidence: float = 0.0,
    steps: int = 200,
    rate: float = 0.05,
    searches: int = 6,
    first_penalty: float = 1.0,
    target: Tensor | int | None = None,
    box: Box | None = None,
) -> Attacked:
    """The smallest ℓ2 perturbation that Adam and a search over the penalty find.

    Args:
        network: see `simulate.attacks.problem`.
        x: inputs, shape (B, *shape).
        y: labels, shape (B,).
        confidence: κ, by which the margin must be below 0.
        steps: of Adam, for each penalty.
        rate: of Adam; in the variable w, which inside a finite box has no unit and is δ itself without one.
        searches: penalties tried: tenfold up to the first success, then bisection of the logarithm.
        first_penalty: c at the beginning.
        target: the class wanted for each row, instead of any wrong one.
        box: ends that x + δ keeps.

    Raises:
        BadInput: see `Problem.of`; numbers out of range.

    """
    problem = Problem.of(network, x, y, box, target)
    _checked(confidence, rate, first_penalty)
    mask = torch.ones_like(x.flatten(1))
    best, _ = _search_penalty(
        problem,
        mask,
        confidence,
        whole(steps, "steps", 1),
        rate,
        whole(searches, "searches", 1),
        first_penalty,
    )
    return problem.attacked(
        shorten(problem, best, confidence=confidence), "2", _dead(problem), steps * searches
    )


def carlini_wagner_l0(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    steps: int = 60,
    rate: float = 0.05,
    searches: int = 3,
    first_penalty: float = 1.0,
    keep: float = 0.7,
    target: Tensor | int | None = None,
    box: Box | None = None,
) -> Attacked:
    """Few changed coordinates: ℓ2 attacks on a set of coordinates that shrinks while they succeed.

    Args:
        network: see `simulate.attacks.problem`.
        x: inputs, shape (B, *shape).
        y: labels, shape (B,).
        steps: of Adam, for each penalty.
        rate: of Adam, as in `carlini_wagner_l2`.
        searches: penalties tried in each round.
        first_penalty: c at the beginning of a round.
        keep: share of the changed coordinates that survives a round; at least one is given up.
        target: the class wanted for each row, instead of any wrong one.
        box: ends that x + δ keeps.

    Raises:
        BadInput: see `Problem.of`; numbers out of range.

    """
    problem = Problem.of(network, x, y, box, target)
    _checked(0.0, rate, first_penalty)
    if not 0 < keep < 1:
        raise BadInput(f"keep must lie strictly between 0 and 1, got {keep}")
    mask = torch.ones_like(x.flatten(1))
    best = torch.zeros_like(mask)
    active = torch.ones(len(x), dtype=torch.bool, device=x.device)
    rounds = 0
    while bool(active.any()):  # each round gives up a coordinate of every active row
        rounds += 1
        found, works = _search_penalty(problem, mask, 0.0, steps, rate, searches, first_penalty)
        active = active & works
        best = torch.where(active.unsqueeze(1), found, best)
        _, slope = problem.look(problem.move(found), problem.margins)
        gain = (slope * found).abs()
        changed = found != 0
        count = changed.sum(1)
        active = active & (count > 1)
        remaining = torch.minimum((count * keep).floor().clamp_min(1), (count - 1).clamp_min(1)).long()
        rank = torch.where(changed, gain, -1.0).argsort(1, descending=True).argsort(1)
        mask = torch.where(active.unsqueeze(1), (rank < remaining.unsqueeze(1)).to(mask.dtype), mask)
    return problem.attacked(best, "0", _dead(problem), steps * searches * rounds)


def carlini_wagner_linf(
    network: Network,
    x: Tensor,
    y: Tensor,
    *,
    steps: int = 50,
    rate: float = 0.05,
    penalties: int = 3,
    first_penalty: float = 1.0,
    rounds: int = 40,
    target: Tensor | int | None = None,
    box: Box | None = None,
) -> Attacked:
    """A small ℓ∞ perturbation: what exceeds τ is penalised, and τ falls after each success.

    Args:
        network: see `simulate.attacks.problem`.
        x: inputs, shape (B, *shape).
        y: labels, shape (B,).
        steps: of Adam, in each round.
        rate: of Adam on δ in units of the first τ.
        penalties: how often c may grow tenfold at one τ before a row gives up.
        first_penalty: c at the beginning.
        rounds: of falling τ, at most.
        target: the class wanted for each row, instead of any wrong one.
        box: ends that x + δ keeps.

    Raises:
        BadInput: see `Problem.of`; numbers out of range.

    """
    problem = Problem.of(network, x, y, box, target)
    _checked(0.0, rate, first_penalty)
    mask = torch.ones_like(x.flatten(1))
    # The first success comes from ℓ2; its largest entry is the first τ.
    start, works = _search_penalty(problem, mask, 0.0, steps, 0.05, 4, 1.0)
    best, best_size = start, torch.where(works, size(start, "inf"), math.inf)
    threshold = 0.9 * torch.where(works, best_size, 0)
    # In units of τ the rate needs no knowledge of the data's scale.
    coordinates = _Clipped(problem, torch.where(threshold > 0, threshold, 1))
    penalty = torch.full_like(threshold, first_penalty)
    active, tries = works.clone(), torch.zeros_like(works, dtype=torch.long)
    taken = 0

    def beyond(delta: Tensor) -> Tensor:
        return ((delta.abs() - threshold.unsqueeze(1)) / coordinates.unit).clamp_min(0).sum(1)

    for _ in range(whole(rounds, "rounds", 0)):
        if not bool(active.any()):
            break
        found, cost, spent = _minimise(problem, coordinates, best, penalty, beyond, 0.0, steps, rate, active)
        taken += spent
        reached = torch.isfinite(cost) & active
        width = torch.where(reached, size(found, "inf"), math.inf)
        better = reached & (width < best_size)
        best = torch.where(better.unsqueeze(1), found, best)
        best_size = torch.where(better, width, best_size)
        threshold = torch.where(better, torch.minimum(threshold, 0.9 * best_size), threshold)
        tries = torch.where(better, 0, tries + 1)
        penalty = torch.where(better, penalty, penalty * 10)
        active = active & (tries < penalties)
    return problem.attacked(shorten(problem, best), "inf", _dead(problem), 4 * steps + taken)


def _dead(problem: Problem) -> Tensor:
    """Where the margin's gradient at x itself is 0: such a row can be moved by nothing here."""
    _, slope = problem.look(problem.x, problem.margins)
    return size(slope, "inf") == 0

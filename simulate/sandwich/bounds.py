"""The slices of the sandwich: certificates below, attacks above, each on all rows at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from simulate import attacks, certificates
from simulate.attacks.norms import Norm, dual_size, size
from simulate.attacks.one_step import Direction
from simulate.attacks.problem import Problem
from simulate.exact import relaxed_radius
from simulate.sandwich.instances import Instances

LOWER = ("product", "local", "interval", "parallel", "dual", "optimised", "triangle")
UPPER: dict[Norm, tuple[str, ...]] = {
    "inf": ("one step", "deepfool", "pgd", "carlini-wagner"),
    "2": ("one step", "deepfool", "pgd", "carlini-wagner"),
    "1": ("deepfool", "pgd"),
}
_HALVINGS = 50
_PGD_RADII, _PGD_STEPS = 12, 30


@dataclass(frozen=True)
class Slice:
    """One method at every row.

    Attributes:
        radius: a lower or an upper bound of the distance, (B,); inf where an attack found nothing.
        delta: an attack's perturbations, (B, d), whose margins were evaluated to be at most 0; NaN without one.
        seconds: a row.

    """

    radius: Tensor
    delta: Tensor | None
    seconds: float


def upper_bounds(instances: Instances, norm: Norm, names: Collection[str] | None = None) -> dict[str, Slice]:
    """Every attack in a norm, each perturbation cut to the shortest on its segment that still has a margin ≤ 0.

    A tie counts: the robust network is 0 on a whole region, where attacks that look for the other sign stop.

    Args:
        instances: networks and inputs.
        norm: "inf", "2" or "1".
        names: some of `UPPER[norm]` (DeepFool is always among them, others start from it); all by default.

    """
    network, x, y = instances.network, instances.x, instances.y
    problem = Problem.of(network, x, y)
    _, slope = problem.gradient(x, problem.margins)
    # Where the linearised margin is 0: the order of every attack's length.
    scale = torch.where(
        size(slope, "inf") > 0, problem.evaluate(x) / dual_size(slope, norm).clamp_min(1e-300), 1.0
    )
    scale = torch.where(torch.isfinite(scale) & (scale > 0), scale, 1.0).clamp_max(
        1e3 * size(x, norm).clamp_min(1.0)
    )
    found: dict[str, Slice] = {}

    def add(name: str, run: Callable[[], Tensor]) -> None:
        if names is not None and name not in ("deepfool", *names):
            return
        began = time.perf_counter()
        delta = _cut(problem, run())
        radius = torch.where(delta.isnan().any(1), torch.inf, size(delta, norm))
        found[name] = Slice(radius, delta, (time.perf_counter() - began) / len(x))

    if norm != "1":
        way: Direction = "sign" if norm == "inf" else "unit"
        add(
            "one step",
            lambda: attacks.smallest_epsilon(network, x, y, most=8 * scale, direction=way).perturbation,
        )
    add("deepfool", lambda: attacks.deepfool(network, x, y, norm=norm).perturbation)
    start = best_of(found, norm)[1]
    add("pgd", lambda: _pgd(instances, norm, start, scale))
    if norm == "2":
        add(
            "carlini-wagner",
            lambda: attacks.carlini_wagner_l2(network, x, y, steps=60, searches=4).perturbation,
        )
    elif norm == "inf":
        add(
            "carlini-wagner",
            lambda: attacks.carlini_wagner_linf(network, x, y, steps=60, rounds=15).perturbation,
        )
    return found


def best_of(found: dict[str, Slice], norm: Norm) -> tuple[Tensor, Tensor]:
    """The smallest upper bound of each row, (B,), and its perturbation, (B, d)."""
    radii = torch.stack([one.radius for one in found.values()])
    deltas = torch.stack([one.delta for one in found.values() if one.delta is not None])
    least, which = radii.min(0)
    return least, deltas[which, torch.arange(deltas.shape[1])]


def _cut(problem: Problem, delta: Tensor) -> Tensor:
    """The shortest multiple of each δ found by bisection with a margin of at most 0; NaN where δ itself has none."""
    reaches = problem.evaluate(problem.move(delta)) <= 0
    least, most = torch.zeros_like(delta[:, :1]), torch.ones_like(delta[:, :1])
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        works = (problem.evaluate(problem.move(middle * delta)) <= 0).unsqueeze(1)
        least, most = torch.where(works, least, middle), torch.where(works, middle, most)
    # What is returned is δ of the point that was evaluated, which rounding moved.
    moved = problem.move(most * delta) - problem.x
    return torch.where(reaches.unsqueeze(1), moved, torch.nan)


def _pgd(instances: Instances, norm: Norm, start: Tensor, scale: Tensor) -> Tensor:
    """Projected gradient descent in ever smaller balls, by bisection from what is known to be enough."""
    network, x, y = instances.network, instances.x, instances.y
    problem = Problem.of(network, x, y)
    best, has = start.nan_to_num(0.0), ~start.isnan().any(1)
    most = torch.where(has, size(best, norm), 4 * scale).clamp_min(1e-12)
    least = torch.zeros_like(most)
    for count in range(_PGD_RADII):
        radius = torch.where(has, (0.2 * least + 0.8 * most) if count % 2 else (least + most) / 2, most)
        delta = attacks.pgd(
            network, x, y, radius=radius, norm=norm, steps=_PGD_STEPS, seed=count
        ).perturbation
        works = problem.evaluate(problem.move(delta)) <= 0
        best = torch.where(
            (works & (~has | (size(delta, norm) < size(best, norm)))).unsqueeze(1), delta, best
        )
        least = torch.where(works | ~has, least, radius)
        most = torch.where(works, torch.minimum(size(delta, norm), radius), torch.where(has, most, 2 * most))
        has = has | works
        most = most.clamp_min(1e-12)
        least = torch.minimum(least, most)
    return best


def lower_bounds(
    instances: Instances, norm: Norm, most: Tensor, names: Collection[str] | None = None
) -> dict[str, Slice]:
    """Every certificate in a norm.

    Args:
        instances: networks and inputs.
        norm: "inf", "2" or "1".
        most: an upper bound of the distance, (B,), where the search for a radius begins; inf where there is none.
        names: some of `LOWER`; all by default.

    """
    network, x, y = instances.network, instances.x, instances.y
    found: dict[str, Slice] = {}
    # A certificate is asked a little beyond what an attack reached: one that crosses it must show.
    ceiling = torch.where(torch.isfinite(most), 1.01 * most, 1e3).clamp_min(1e-9)

    def add(name: str, run: Callable[[], Tensor]) -> None:
        if names is not None and name not in names:
            return
        began = time.perf_counter()
        radius = torch.where(network.margins(x, y).amin(1) > 0, run(), 0.0)
        found[name] = Slice(radius, None, (time.perf_counter() - began) / len(x))

    def radius_by(method: certificates.Method) -> Callable[[], Tensor]:
        halvings = 20 if method == "optimised" else 30  # each of these is twenty steps
        return lambda: certificates.certified_radius(
            network, x, y, norm, method, most=ceiling, halvings=halvings
        )

    add("product", lambda: certificates.lipschitz_radius(network, x, y, norm))
    add("local", lambda: certificates.local_lipschitz_radius(network, x, y, norm))
    for method in certificates.METHODS:
        add(method, radius_by(method))
    if norm != "2" or len(network.weights) == 2:
        duals = [found[name].radius for name in ("dual", "optimised") if name in found]
        least = torch.stack(duals).amax(0) if duals else torch.zeros_like(ceiling)
        add("triangle", lambda: relaxed_radius(network, x, y, norm, least, ceiling))
    return found

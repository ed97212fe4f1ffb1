"""`python -m benchmarks.distances`: how the time of exact distances and certificates grows with the width, as Markdown.

Random networks at random inputs, one thread, processor seconds an input: medians over the inputs of a cell, with the
longest in brackets. A solver stops growing where its longest programme met the limit.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from simulate import certificates
from simulate.attacks import Norm, smallest_radius
from simulate.bench.timing import machine
from simulate.exact import exact_distance, relaxed_radius, scip
from simulate.feedforward import FeedForward
from simulate.sandwich import Instances, draw

DIM, INPUTS, SECONDS = 10, 3, 20.0
WIDTHS = (5, 10, 20, 40, 80, 160)


def deep(width: int, seed: int = 0) -> Instances:
    """Networks of two hidden layers with biases and three classes, each at one input."""
    generator = torch.Generator().manual_seed(seed)
    sizes = (DIM, width, width, 3)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(INPUTS, *shape, generator=generator, dtype=torch.float64)

    weights = tuple(normal(o, i) / i**0.5 for i, o in itertools.pairwise(sizes))
    network = FeedForward(weights, tuple(0.3 * normal(o) for o in sizes[1:]))
    x = normal(DIM)
    return Instances(network, x, network(x).argmax(1))


def exact(one: Instances, norm: Norm, **options: Any) -> tuple[list[float], int]:
    """Processor seconds of every input, and how many distances are closed."""
    start = smallest_radius(one.network, one.x, one.y, norm=norm)
    delta = torch.where(start.success.unsqueeze(1), start.perturbation, torch.nan)
    times, closed = [], 0
    for row in range(len(one.x)):
        began = time.process_time()
        (found,) = exact_distance(
            one.network.row(row),
            one.x[row : row + 1],
            one.y[row : row + 1],
            norm=norm,
            start=delta[row : row + 1],
            seconds=SECONDS,
            **options,
        )
        times.append(time.process_time() - began)
        closed += found.exact
    return times, closed


def table(
    title: str, make: Callable[[int], Instances], solvers: dict[str, tuple[Norm, dict[str, Any]]]
) -> None:
    """Each solver over the widths, until one input is open at the limit."""
    print(f"### {title}\n\n| width | {' | '.join(solvers)} |\n|---|{'---|' * len(solvers)}")
    alive = dict.fromkeys(solvers, True)
    for width in WIDTHS:
        cells = []
        for name, (norm, options) in solvers.items():
            if not alive[name]:
                cells.append("")
                continue
            times, closed = exact(make(width), norm, **options)
            alive[name] = closed == INPUTS
            note = "" if closed == INPUTS else f", {closed} of {INPUTS} closed"
            cells.append(f"{median(times):.3g} [{max(times):.3g}]{note}")
        print(f"| {width} | {' | '.join(cells)} |", flush=True)
        if not any(alive.values()):
            break
    print()


def bounds(norm: Norm = "inf") -> None:
    """Certificates of 200 networks at once, and the triangle relaxation one by one."""
    names = ("product", "local", *certificates.METHODS, "triangle")
    print(f"### Certificates of two-layer networks in ℓ{norm}, milliseconds a network\n")
    print(f"| width | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for width in WIDTHS:
        one = draw("random", width, DIM, 200)
        most = smallest_radius(one.network, one.x, one.y, norm=norm, steps=5, halvings=2).size.clamp_min(1e-6)
        arguments = one.network, one.x, one.y, norm
        calls: dict[str, Callable[[], Any]] = {
            "product": lambda a=arguments: certificates.lipschitz_radius(*a),
            "local": lambda a=arguments: certificates.local_lipschitz_radius(*a),
            **{m: certified(arguments, m, most) for m in certificates.METHODS},
        }
        cells = []
        for name in certificates_of(names):
            began = time.process_time()
            calls[name]()
            cells.append(f"{1e3 * (time.process_time() - began) / len(one.x):.3g}")
        few = INPUTS
        began = time.process_time()
        rows = FeedForward(
            tuple(w[:few] for w in one.network.weights), tuple(b[:few] for b in one.network.biases)
        )
        relaxed_radius(
            rows, one.x[:few], one.y[:few], norm, torch.zeros(few, dtype=torch.float64), most[:few]
        )
        cells.append(f"{1e3 * (time.process_time() - began) / few:.3g}")
        print(f"| {width} | {' | '.join(cells)} |", flush=True)
    print()


def certified(
    arguments: tuple[Any, ...], method: certificates.Method, most: torch.Tensor
) -> Callable[[], Any]:
    """A call of one method."""
    return lambda: certificates.certified_radius(*arguments, method, most=most)


def certificates_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """The batched ones."""
    return tuple(name for name in names if name != "triangle")


def main() -> None:
    """Print the tables; a quarter of an hour."""
    torch.set_num_threads(1)
    print(
        f"Measured on {machine()}; d = {DIM}, {INPUTS} inputs a cell, one thread, processor seconds an input: median "
        f"[longest]; limit {SECONDS:g} s a programme.\n"
    )
    bounds()
    solvers: dict[str, tuple[Norm, dict[str, Any]]] = {
        "ℓ∞, HiGHS": ("inf", {}),
        "ℓ1, HiGHS": ("1", {}),
        "ℓ2, regions": ("2", {}),
    }
    if scip.available():
        solvers["ℓ2, SCIP"] = ("2", {"solver": "scip"})
    table("Two layers: k^{−1/2} Σ a_j σ(w_j·x)", lambda k: draw("random", k, DIM, INPUTS), solvers)
    layers: dict[str, tuple[Norm, dict[str, Any]]] = {
        "ℓ∞, HiGHS": ("inf", {}),
        "ℓ∞, exact bounds": ("inf", {"tighten": "exact"}),
        "ℓ1, HiGHS": ("1", {}),
    }
    if scip.available():
        layers["ℓ2, SCIP"] = ("2", {})
    table("Three layers, three classes", deep, layers)


if __name__ == "__main__":
    main()

"""`python -m benchmarks.peers`: our attacks beside those of foolbox and torchattacks, as Markdown tables.

Processor seconds on one thread, the least of five calls. Needs the extra `peers`.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from simulate import attacks
from simulate.bench.timing import machine
from simulate.datasets import load
from simulate.training import multilayer, train

STEPS, RESTARTS, BOX = 40, 10, (0.0, 1.0)
Work = Callable[[], Any]


class Images(nn.Module):
    """A network of flat inputs as one of images with one channel."""

    def __init__(self, flat: nn.Module) -> None:
        super().__init__()
        self.flat = flat

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, 8, 8) → (B, 10)."""
        outputs: Tensor = self.flat(x.flatten(1))
        return outputs


def trained(width: int = 64) -> tuple[nn.Module, Tensor, Tensor]:
    """A network on digits, and 1,000 inputs with the classes that it gives them."""
    data = load("digits")
    flat = multilayer([64, width, 10], 0)
    train(flat, data.x, data.y, epochs=10, seed=0)
    network = Images(flat).float().requires_grad_(False).eval()
    x = data.x[:1000].float().reshape(-1, 1, 8, 8).contiguous()
    return network, x, network(x).argmax(1)


def least(works: list[Work], rounds: int = 5) -> list[float]:
    """Processor seconds of the quickest call of each, all in turn: the machine's own speed drifts."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds + 1):
        for work, spent in zip(works, times, strict=True):
            began = time.process_time()
            work()
            spent.append(time.process_time() - began)
    return [min(spent[1:]) for spent in times]


def row(*cells: object) -> None:
    """One line of a table."""
    print(f"| {' | '.join(str(cell) for cell in cells)} |", flush=True)


def header(*names: str) -> None:
    """The head of a table."""
    row(*names)
    row(*["---"] * len(names))


def balls(network: nn.Module, every: Tensor, labels: Tensor) -> None:
    """Projected gradient descent in a ball, over the size of the batch and the number of starts."""
    import foolbox
    import torchattacks

    model = foolbox.PyTorchModel(network, bounds=BOX, device="cpu")
    kinds: dict[attacks.Norm, tuple[float, Any, Any]] = {
        "inf": (0.1, foolbox.attacks.LinfPGD(steps=STEPS), torchattacks.PGD),
        "2": (0.5, foolbox.attacks.L2PGD(steps=STEPS), torchattacks.PGDL2),
    }
    header(
        "norm",
        "inputs",
        "starts",
        "ours, ms",
        "foolbox, ms",
        "torchattacks, ms",
        "foolbox / ours",
        "torchattacks / ours",
    )
    for norm, (radius, theirs, other) in kinds.items():
        several = other(network, eps=radius, alpha=2.5 * radius / STEPS, steps=STEPS)
        for count, starts in ((1, 1), (100, 1), (1000, 1), (100, RESTARTS)):
            x, y = every[:count], labels[:count]
            attack = theirs if starts == 1 else theirs.repeat(starts)

            def ours(
                norm: attacks.Norm = norm,
                radius: float = radius,
                x: Tensor = x,
                y: Tensor = y,
                n: int = starts,
            ) -> Any:
                return attacks.pgd(network, x, y, norm=norm, radius=radius, steps=STEPS, restarts=n, box=BOX)

            def again(attack: Any = several, x: Tensor = x, y: Tensor = y, n: int = starts) -> Any:
                return [attack(x, y) for _ in range(n)]

            times = least(
                [ours, lambda attack=attack, x=x, y=y, r=radius: attack(model, x, y, epsilons=r), again]
            )
            ratios = [f"{one / times[0]:.2f}" for one in times[1:]]
            row(f"ℓ{norm}", f"{count:,}", starts, *(f"{1e3 * one:.1f}" for one in times), *ratios)
    print()


def smallest(network: nn.Module, x: Tensor, y: Tensor) -> None:
    """Attacks that minimise: seconds and what they find on the same 100 inputs."""
    import foolbox
    import torchattacks

    model, peer = foolbox.PyTorchModel(network, bounds=BOX, device="cpu"), foolbox.attacks

    def ours(attack: Callable[..., attacks.Attacked], **options: Any) -> Callable[[], Tensor]:
        return lambda: attack(network, x, y, box=BOX, **options).adversarial

    def fool(attack: Any) -> Callable[[], Tensor]:
        return lambda: attack(model, x, y, epsilons=None)[1]

    cases: list[tuple[attacks.Norm, str, Callable[[], Tensor]]] = [
        ("2", "ours: smallest radius", ours(attacks.smallest_radius, norm="2")),
        ("2", "ours: DeepFool", ours(attacks.deepfool)),
        ("2", "ours: Carlini-Wagner", ours(attacks.carlini_wagner_l2, steps=60)),
        ("2", "foolbox: DeepFool", fool(peer.L2DeepFoolAttack())),
        ("2", "foolbox: DDN, 360 steps", fool(peer.DDNAttack(steps=360))),
        ("2", "foolbox: FMN, 360 steps", fool(peer.L2FMNAttack(steps=360))),
        ("2", "foolbox: Carlini-Wagner, 6 × 60", fool(peer.L2CarliniWagnerAttack(binary_search_steps=6, steps=60))),
        ("2", "torchattacks: Carlini-Wagner, 360", lambda: torchattacks.CW(network, steps=360)(x, y)),
        ("2", "torchattacks: DeepFool", lambda: torchattacks.DeepFool(network)(x, y)),
        ("inf", "ours: smallest radius", ours(attacks.smallest_radius, norm="inf")),
        ("inf", "foolbox: FMN, 360 steps", fool(peer.LInfFMNAttack(steps=360))),
        ("inf", "torchattacks: FAB, 36 × 10", lambda: torchattacks.FAB(network, norm="Linf", eps=1.0, steps=36)(x, y)),
        ("1", "ours: smallest radius", ours(attacks.smallest_radius, norm="1")),
        ("1", "foolbox: FMN, 360 steps", fool(peer.L1FMNAttack(steps=360))),
        ("1", "foolbox: EAD, 6 × 60", fool(peer.EADAttack(binary_search_steps=6, steps=60, decision_rule="L1"))),
    ]  # fmt: skip
    header(
        "norm",
        "attack",
        "seconds",
        "median size",
        "failures",
        "more than 2 % shorter than our smallest radius",
    )
    reference: dict[str, Tensor] = {}
    for norm, name, work in cases:
        torch.manual_seed(0)
        began = time.process_time()
        adversarial = work().detach()
        seconds = time.process_time() - began
        sizes = attacks.size((adversarial - x).flatten(1), norm)
        sizes = torch.where(network(adversarial).argmax(1) != y, sizes, torch.inf)
        best = reference.setdefault(norm, sizes)
        shorter = int((sizes < 0.98 * best).sum())
        row(
            f"ℓ{norm}",
            name,
            f"{seconds:.2f}",
            f"{sizes.median():.4f}",
            int(sizes.isinf().sum()),
            f"{shorter} of {len(x)}",
        )


def main() -> None:
    """Print both tables; a minute."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    network, x, y = trained()
    print(f"Measured on {machine()}; processor time, one thread.\n")
    print(f"### Descent of {STEPS} steps in a ball\n")
    balls(network, x, y)
    print("### Small perturbations of 100 digits\n")
    smallest(network, x[:100], y[:100])


if __name__ == "__main__":
    main()

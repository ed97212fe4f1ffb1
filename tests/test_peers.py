"""Foolbox and torchattacks beside our attacks: the same network, inputs and box, and as many gradients at least.

The optional extra `peers`. A peer's perturbations are smaller "beyond noise" if they are shorter by more than 2 % on
more than one input in twenty, or by half a percent on average: local minima differ from attack to attack. The peers'
speed is measured in `benchmarks`, not here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from simulate import attacks
from simulate.attacks import Norm, size
from simulate.datasets import load
from simulate.training import multilayer, train

WHY = "is not installed: pip install 'signflip[peers]'"
foolbox: Any = pytest.importorskip("foolbox", reason=f"foolbox {WHY}")
torchattacks: Any = pytest.importorskip("torchattacks", reason=f"torchattacks {WHY}")
pytest.importorskip("sklearn", reason="scikit-learn carries the digits")

pytestmark = pytest.mark.filterwarnings("ignore")
BOX = (0.0, 1.0)
GRADIENTS = 360
"""What each peer may spend on an input; ours take fewer, which is asserted."""


class Images(nn.Module):
    """A network of flat inputs as one of images with one channel: both peers attack images."""

    def __init__(self, flat: nn.Module) -> None:
        super().__init__()
        self.flat = flat

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1, 8, 8) → (B, 10)."""
        outputs: Tensor = self.flat(x.flatten(1))
        return outputs


@dataclass
class Case:
    """The network, 40 digits that it gets right, their labels, and what was found already."""

    network: nn.Module
    x: Tensor
    y: Tensor

    def lengths(self, adversarial: Tensor, norm: Norm) -> Tensor:
        """Size of each perturbation; infinite where it does not change the class or leaves the box."""
        delta = (adversarial.detach() - self.x).flatten(1)
        good = (self.network(adversarial).argmax(1) != self.y) & (adversarial >= 0).flatten(1).all(1)
        good &= (adversarial <= 1).flatten(1).all(1)
        return torch.where(good, size(delta, norm), torch.inf)

    def foolbox(self, attack: Any, radius: float | None = None) -> Tensor:
        """What a foolbox attack returns."""
        torch.manual_seed(0)
        model = foolbox.PyTorchModel(self.network, bounds=BOX, device="cpu")
        adversarial: Tensor = attack(model, self.x, self.y, epsilons=radius)[1]
        return adversarial

    def torchattacks(self, name: str, **options: Any) -> Tensor:
        """What an attack of torchattacks returns."""
        torch.manual_seed(0)
        adversarial: Tensor = getattr(torchattacks, name)(self.network, **options)(self.x, self.y)
        return adversarial


@pytest.fixture(scope="module")
def case() -> Case:
    """A ReLU network trained on digits."""
    seen, unseen = load("digits").split(seed=0)
    flat = multilayer([64, 32, 10], 0)
    train(flat, seen.x, seen.y, epochs=15, seed=0)
    network = Images(flat).float().requires_grad_(False).eval()
    x, y = unseen.x.float().reshape(-1, 1, 8, 8), unseen.y
    right = (network(x).argmax(1) == y).nonzero().flatten()[:40]
    return Case(network, x[right].contiguous(), y[right])


@pytest.fixture(scope="module")
def ours(case: Case) -> dict[Norm, attacks.Attacked]:
    """The search for the smallest radius, in each norm."""
    norms: tuple[Norm, ...] = ("2", "inf", "1")
    return {n: attacks.smallest_radius(case.network, case.x, case.y, norm=n, box=BOX) for n in norms}


def no_smaller(theirs: Tensor, mine: Tensor) -> bool:
    """Whether a peer's perturbations are not smaller beyond noise."""
    ratio = (theirs / mine).clamp_max(2.0)
    return int((ratio < 0.98).sum()) <= len(ratio) // 20 and float(ratio.log().mean()) > -0.005


_FOOL = foolbox.attacks
PEERS: dict[str, tuple[Norm, Callable[[Case], Tensor]]] = {
    "foolbox DeepFool": ("2", lambda c: c.foolbox(_FOOL.L2DeepFoolAttack(steps=50))),
    "foolbox DDN": ("2", lambda c: c.foolbox(_FOOL.DDNAttack(steps=GRADIENTS))),
    "foolbox FMN": ("2", lambda c: c.foolbox(_FOOL.L2FMNAttack(steps=GRADIENTS))),
    "foolbox Carlini-Wagner": (
        "2",
        lambda c: c.foolbox(_FOOL.L2CarliniWagnerAttack(binary_search_steps=6, steps=GRADIENTS // 6)),
    ),
    "torchattacks Carlini-Wagner": ("2", lambda c: c.torchattacks("CW", steps=GRADIENTS)),
    "torchattacks FAB": ("2", lambda c: c.torchattacks("FAB", norm="L2", eps=9.0, steps=GRADIENTS // 10)),
    "foolbox DeepFool in the cube": ("inf", lambda c: c.foolbox(_FOOL.LinfDeepFoolAttack(steps=50))),
    "foolbox FMN in the cube": ("inf", lambda c: c.foolbox(_FOOL.LInfFMNAttack(steps=GRADIENTS))),
    "torchattacks FAB in the cube": (
        "inf",
        lambda c: c.torchattacks("FAB", norm="Linf", eps=1.0, steps=GRADIENTS // 10),
    ),
    "foolbox FMN in l1": ("1", lambda c: c.foolbox(_FOOL.L1FMNAttack(steps=GRADIENTS))),
    "foolbox EAD": (
        "1",
        lambda c: c.foolbox(_FOOL.EADAttack(binary_search_steps=6, steps=GRADIENTS // 6, decision_rule="L1")),
    ),
}


@pytest.mark.parametrize("peer", PEERS)
def test_no_peer_finds_smaller_perturbations(
    peer: str, case: Case, ours: dict[Norm, attacks.Attacked]
) -> None:
    """With at least our number of gradients no minimising attack of a peer is smaller than ours beyond noise."""
    norm, attack = PEERS[peer]
    mine = ours[norm]
    assert mine.success.all()
    assert mine.steps <= GRADIENTS
    assert no_smaller(case.lengths(attack(case), norm), mine.size)


def test_one_gradient_step_is_beaten_by_the_peers(case: Case) -> None:
    """The control: the criterion sees that DDN is smaller than one step along the gradient."""
    lazy = attacks.smallest_epsilon(case.network, case.x, case.y, most=8.0, direction="unit", box=BOX)
    assert not no_smaller(case.lengths(case.foolbox(_FOOL.DDNAttack(steps=60)), "2"), lazy.size)


def test_like_attacks_are_as_good(case: Case) -> None:
    """DeepFool against both DeepFools, and Carlini-Wagner against both, each with the same number of steps."""
    quick = attacks.deepfool(case.network, case.x, case.y, box=BOX)
    few = Case(case.network, case.x[:10], case.y[:10])  # torchattacks' goes input by input
    assert no_smaller(case.lengths(case.foolbox(_FOOL.L2DeepFoolAttack(steps=50)), "2"), quick.size)
    assert no_smaller(few.lengths(few.torchattacks("DeepFool", steps=50), "2"), quick.size[:10])
    mine = attacks.carlini_wagner_l2(case.network, case.x, case.y, steps=60, searches=6, box=BOX)
    for name in ("foolbox Carlini-Wagner", "torchattacks Carlini-Wagner"):
        assert no_smaller(case.lengths(PEERS[name][1](case), "2"), mine.size)


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_descent_in_a_ball_succeeds_as_often(
    norm: Norm, case: Case, ours: dict[Norm, attacks.Attacked]
) -> None:
    """At the median distance, with 40 steps: the peers succeed on at most two inputs of 40 more than ours."""
    radius = float(ours[norm].size.median())
    mine = attacks.pgd(case.network, case.x, case.y, norm=norm, radius=radius, steps=40, box=BOX)
    assert 15 <= int(mine.success.sum()) <= 25
    step = 2.5 / 40 * radius
    theirs = {
        "inf": (_FOOL.LinfPGD(steps=40), "PGD"),
        "2": (_FOOL.L2PGD(steps=40), "PGDL2"),
    }[norm]
    for adversarial in (
        case.foolbox(theirs[0], radius),
        case.torchattacks(theirs[1], eps=radius, alpha=step, steps=40),
    ):
        lengths = case.lengths(adversarial, norm)
        assert int((lengths <= radius * 1.0001).sum()) <= int(mine.success.sum()) + 2

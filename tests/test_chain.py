"""Modules read as chains of linear layers and ReLU, and the gradient that is multiplied out for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from simulate import attacks
from simulate.attacks.chain import Chain, chain_of
from simulate.attacks.problem import Problem


class Written(nn.Module):
    """Layers that a forward of one's own puts together."""

    def __init__(self, together: Callable[[Written, Tensor], Tensor]) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 3)
        self.shift, self.drop = nn.Parameter(torch.ones(6)), nn.Dropout()
        self.together = together

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2, 3) → (B, 3)."""
        return self.together(self, x)


CHAINS: dict[str, Callable[[], nn.Module]] = {
    "layers": lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)),
    "one layer": lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 3, bias=False)),
    "no kink between": lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.Linear(5, 3), nn.ReLU()),
    "functions": lambda: Written(lambda m, x: m.two(functional.relu(m.one(torch.flatten(x, 1))))),
    "methods": lambda: Written(lambda m, x: m.two(m.one(x.flatten(1)).relu())),
}
OTHERS: dict[str, Callable[[], nn.Module]] = {
    "tanh": lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)),
    "kink first": lambda: nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(6, 3)),
    "a way round": lambda: Written(lambda m, x: m.two(m.one(x.flatten(1)).relu() + x.flatten(1))),
    "cut inputs": lambda: Written(lambda m, x: m.two(m.one(x.flatten(1).clamp(0, 1)).relu())),
    "a parameter": lambda: Written(lambda m, x: m.two(m.one(x.flatten(1)) * m.shift)),
    "random": lambda: Written(lambda m, x: m.two(m.drop(m.one(x.flatten(1))))),
    "a branch": lambda: Written(
        lambda m, x: m.two(m.one(x.flatten(1))) if x.sum() > 0 else m.two(x.flatten(1))
    ),
}


def points() -> Tensor:
    """Inputs of shape (2, 3) in the unit cube."""
    return torch.rand(20, 2, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("objective", ["margin", "loss"])
@pytest.mark.parametrize("name", CHAINS)
def test_the_products_are_what_automatic_differentiation_gives(name: str, objective: str) -> None:
    """Margins to the bit and gradients to rounding are those of the same module behind a function."""
    torch.manual_seed(1)
    network, x = CHAINS[name](), points()
    y = network(x).argmax(1)
    read, plain = Problem.of(network, x, y), Problem.of(lambda z: network(z), x, y)
    assert isinstance(read.network, Chain)
    assert not isinstance(plain.network, Chain)
    (margins, slope), (expected, gradient) = (p.look(x, p.objective(objective)) for p in (read, plain))
    assert torch.equal(margins, expected)
    torch.testing.assert_close(slope, gradient)
    assert bool((slope != 0).any(1).all())


@pytest.mark.parametrize("name", OTHERS)
def test_other_modules_are_left_to_automatic_differentiation(name: str) -> None:
    """Whatever is more than a chain is not read as one."""
    assert chain_of(OTHERS[name](), points()) is None


def test_what_has_changed_since_is_seen() -> None:
    """New weights count at once; a module that was rebuilt or given a hook is no longer taken for the old chain."""
    network, x = CHAINS["layers"](), points()
    assert chain_of(network, x) is not None
    with torch.no_grad():
        network[1].weight.mul_(2)  # type: ignore[index]
    chain = chain_of(network, x)
    assert chain is not None
    assert torch.equal(chain(x), network(x))
    network[2] = nn.Tanh()  # type: ignore[index]
    assert chain_of(network, x) is None
    network = CHAINS["layers"]()
    network[1].register_forward_hook(lambda *_: None)  # type: ignore[index]
    assert chain_of(network, x) is None


@pytest.mark.parametrize("norm", attacks.NORMS)
def test_attacks_find_the_same_without_it(norm: attacks.Norm) -> None:
    """Projected gradient descent on the chain and through automatic differentiation ends at the same points."""
    torch.manual_seed(2)
    network, x = CHAINS["layers"]().double(), points().double()
    y = network(x).argmax(1)
    read, plain = (
        attacks.pgd(f, x, y, norm=norm, radius=0.4, steps=15, restarts=2, box=(0, 1))
        for f in (network, lambda z: network(z))
    )
    torch.testing.assert_close(read.perturbation, plain.perturbation)
    assert torch.equal(read.success, plain.success)
    assert bool(read.success.any())

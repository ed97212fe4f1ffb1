"""Networks as their weights: the same numbers as torch's own, margins, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from simulate.errors import BadInput
from simulate.feedforward import FeedForward


def module(activation: type[nn.Module]) -> nn.Sequential:
    """A small network with seeded weights in float64."""
    torch.manual_seed(3)
    layers = [
        nn.Flatten(),
        nn.Linear(6, 5),
        activation(),
        nn.Linear(5, 4),
        activation(),
        nn.Dropout(),
        nn.Linear(4, 3),
    ]
    return nn.Sequential(*layers).double().eval()


@pytest.mark.parametrize("activation", [nn.ReLU, nn.LeakyReLU])
def test_a_torch_network_is_read_with_all_its_numbers(activation: type[nn.Module]) -> None:
    """The weights that were read give torch's outputs, for inputs with axes that the network flattens."""
    network = module(activation)
    x = torch.randn(7, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(FeedForward.of(network)(x.flatten(1)), network(x), rtol=0, atol=1e-14)


def test_a_batch_of_networks_is_each_network_at_its_own_row() -> None:
    """Row b of a batched network is network b alone, in its outputs and in its margins."""
    generator = torch.Generator().manual_seed(1)
    shapes = [(4, 5, 3), (4, 2, 5)]
    weights = tuple(torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    biases = tuple(torch.randn(shape[:2], generator=generator, dtype=torch.float64) for shape in shapes)
    network = FeedForward(weights, biases, "abs")
    x, y = torch.randn(4, 3, generator=generator, dtype=torch.float64), torch.tensor([0, 1, 1, 0])
    for b in range(4):
        alone = network.row(b)
        torch.testing.assert_close(alone(x[b : b + 1]), network(x)[b : b + 1])
        torch.testing.assert_close(
            alone.margins(x[b : b + 1], y[b : b + 1]), network.margins(x, y)[b : b + 1]
        )


def test_the_margin_layer_gives_the_margins() -> None:
    """(w_y − w_c)·z + b_y − b_c on the last hidden layer is Z_y − Z_c, and y·f for one output."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    for outputs, y in ((1, torch.tensor([1, -1, 1, -1, 1, 1])), (4, torch.tensor([0, 1, 2, 3, 0, 2]))):
        weights = tuple(
            torch.randn(s, generator=generator, dtype=torch.float64) for s in ((5, 3), (outputs, 5))
        )
        biases = tuple(torch.randn(s, generator=generator, dtype=torch.float64) for s in (5, outputs))
        network = FeedForward(weights, biases, "leaky_relu")
        hidden = nn.functional.leaky_relu(x @ weights[0].T + biases[0], 0.01)
        rows, offsets = network.margin_layer(y)
        margins = torch.einsum("bmw,bw->bm", rows, hidden) + offsets
        expected = network.margins(x, y)
        finite = torch.isfinite(expected)
        torch.testing.assert_close(margins[finite], expected[finite])
        assert (~finite).sum() == (0 if outputs == 1 else len(x))
        assert bool((margins[~finite] == 0).all())


def test_two_layer_networks_are_the_theory_s() -> None:
    """f(x) = k^{−1/2} Σ a_j σ(w_j·x), written out neuron by neuron."""
    generator = torch.Generator().manual_seed(4)
    W = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    a = torch.tensor([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]], dtype=torch.float64)
    x = torch.randn(2, 4, generator=generator, dtype=torch.float64)
    f = FeedForward.two_layer(W, a, "abs")(x)
    for b in range(2):
        total = sum(float(a[b, j]) * abs(float(W[b, j] @ x[b])) for j in range(3))
        assert float(f[b]) == pytest.approx(total / 3**0.5, abs=1e-14)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: FeedForward((), ()),
        lambda: FeedForward((torch.ones(2, 3),), (torch.ones(3),)),
        lambda: FeedForward((torch.ones(3),), (torch.ones(3),)),
        lambda: FeedForward((torch.ones(0, 3),), (torch.ones(0),)),
        lambda: FeedForward((torch.ones(2, 3), torch.ones(1, 3)), (torch.ones(2), torch.ones(1))),
        lambda: FeedForward((torch.ones(4, 2, 3), torch.ones(5, 1, 2)), (torch.ones(2), torch.ones(1))),
        lambda: FeedForward((torch.full((2, 3), torch.nan),), (torch.ones(2),)),
        lambda: FeedForward((torch.ones(2, 3),), (torch.ones(2),), "tanh"),
        lambda: FeedForward.of(nn.Sequential(nn.ReLU(), nn.Linear(2, 2))),
        lambda: FeedForward.of(nn.Sequential(nn.Linear(2, 2), nn.ReLU())),
        lambda: FeedForward.of(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))),
        lambda: FeedForward.of(nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 2))),
        lambda: FeedForward.of(nn.Sequential(nn.Linear(2, 2), nn.LeakyReLU(0.2), nn.Linear(2, 2))),
    ],
)
def test_what_is_no_such_network_is_refused(wrong: object) -> None:
    """Sizes that do not follow each other, NaN, and layers that are not understood are errors of use."""
    with pytest.raises(BadInput):
        wrong()  # type: ignore[operator]

"""Training on the spot: deterministic, without touching global state, and refusing what makes no sense."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from simulate.errors import BadInput, RunFailed
from simulate.training import accuracy, multilayer, train


def halves(rows: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    """Points of a square, labelled by a diagonal."""
    x = torch.rand(rows, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return x, (x.sum(1) > 1).long()


def test_training_learns_and_reports_its_loss() -> None:
    """A separable task is learned to 95 %, and the loss returned is below that of a guess."""
    x, y = halves()
    network = multilayer([2, 16, 2], seed=3)
    assert train(network, x, y, epochs=200) < math.log(2) / 2
    assert accuracy(network, x, y) > 0.95


def test_training_is_the_same_to_the_bit() -> None:
    """The same seed gives the same weights, another seed other ones, and torch's generator is left alone."""
    x, y = halves()
    before = torch.get_rng_state()
    weights = []
    for seed in (1, 1, 2):
        network = multilayer([2, 5, 2], seed)
        train(network, x, y, epochs=3, batch=16, seed=seed)
        weights.append(torch.cat([one.detach().flatten() for one in network.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_start_with_he_variance() -> None:
    """The entries of W are normal with variance 2/fan-in, inside an exact χ² band of error 1e-7; biases are 0."""
    from scipy import stats

    first = multilayer([50, 200, 3], seed=7)[0]
    assert isinstance(first, nn.Linear)
    total = float(first.weight.detach().square().sum()) * 50 / 2
    low, high = stats.chi2.ppf([0.5e-7, 1 - 0.5e-7], 10_000)
    assert low < total < high
    assert not low < total / 2 < high  # the control: variance 1/fan-in
    assert not first.bias.detach().any()


@pytest.mark.parametrize("sizes", [[3], [3, 0, 2], [3, 2.5]])
def test_bad_sizes_are_refused(sizes: list[int]) -> None:
    """A network needs two sizes that are positive whole numbers."""
    with pytest.raises(BadInput):
        multilayer(sizes)


def test_bad_training_is_refused() -> None:
    """Counts below 1, shapes that do not fit and rates that are no step get one line; divergence says so."""
    x, y = halves()
    network = multilayer([2, 2])
    for change in ({"epochs": 0}, {"batch": 0}, {"rate": 0.0}, {"decay": -1.0}):
        with pytest.raises(BadInput):
            train(network, x, y, **change)  # type: ignore[arg-type]
    for bad in ((x[:0], y[:0]), (x, y[:3]), (x.flatten(), y)):
        with pytest.raises(BadInput):
            train(network, *bad)
    with pytest.raises(RunFailed, match="lower the rate"):
        train(network, x * math.nan, y, epochs=1)

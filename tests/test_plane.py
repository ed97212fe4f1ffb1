"""Slopes of networks on the plane: every arc, its gradient, and the true Lipschitz constant."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simulate.errors import BadInput
from simulate.exact.plane import arcs
from simulate.feedforward import FeedForward
from simulate.lipschitz import largest_slope_found, networks, product


@settings(max_examples=25)
@given(
    width=st.integers(1, 8),
    depth=st.integers(2, 5),
    seed=st.integers(0, 1000),
    activation=st.sampled_from(["relu", "leaky_relu", "abs"]),
)
def test_gradients_on_arcs_are_those_of_automatic_differentiation(
    width: int, depth: int, seed: int, activation: str
) -> None:
    """At random directions the arc's gradient is the network's; their angles make a full turn."""
    drawn = networks(width, 2, depth, 1, seed).row(0)
    network = FeedForward(drawn.weights, drawn.biases, activation)
    found = arcs(network)
    assert found.lengths.sum() == pytest.approx(2 * math.pi)
    assert (found.lengths >= 0).all()
    angle = np.random.default_rng(seed).uniform(0, 2 * math.pi, 200)
    x = torch.from_numpy(np.stack([np.cos(angle), np.sin(angle)], 1)).requires_grad_()
    (gradient,) = torch.autograd.grad(network(x).sum(), x)
    place = np.searchsorted(found.start, angle, side="right") - 1
    np.testing.assert_allclose(found.gradients[place], gradient.numpy(), atol=1e-9)
    assert found.lipschitz >= float(torch.linalg.vector_norm(gradient, dim=1).max()) - 1e-9


def test_one_neuron_has_two_slopes() -> None:
    """f(x) = relu(x₁): slope 1 on half of the directions, 0 on the other half."""
    one = torch.tensor([[1.0, 0.0]])
    network = FeedForward((one, torch.ones(1, 1)), (torch.zeros(1), torch.zeros(1)))
    found = arcs(network)
    assert found.lipschitz == 1
    assert found.mean_square == pytest.approx(0.5)


def test_what_is_not_homogeneous_in_the_plane_is_refused() -> None:
    """Biases, three inputs and batches have no such arcs."""
    batch = networks(4, 2, 3, 2)
    with pytest.raises(BadInput, match="take a row"):
        arcs(batch)
    with pytest.raises(BadInput, match="two inputs and one output"):
        arcs(networks(4, 3, 3, 1).row(0))
    one = batch.row(0)
    biased = FeedForward(one.weights, (torch.ones(4), *one.biases[1:]))
    with pytest.raises(BadInput, match="without biases"):
        arcs(biased)


def test_a_search_finds_no_more_than_the_truth_and_often_all_of_it() -> None:
    """In the plane the largest slope found is at most the exact one, within 10 % in the median of 20 networks."""
    batch = networks(16, 2, 4, 20)
    exact = np.array([arcs(batch.row(i)).lipschitz for i in range(20)])
    found = largest_slope_found(batch, 64, 10)[0].numpy()
    assert (found <= exact * (1 + 1e-12)).all()
    assert np.median(found / exact) > 0.9
    assert (product(batch).numpy() > exact).all()

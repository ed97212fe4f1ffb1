"""The smallest step that flips: against brute-force fine grids, closed forms, and constructed traps."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from simulate import firstflip
from simulate.activations import Activation, from_callable, get
from simulate.firstflip import TOLERANCE, first_flip, method_for
from simulate.onestep import conditional, draw_conditional
from simulate.streams import Stream

NAMES = ["relu", "leaky_relu", "abs", "identity", "tanh", "sin", "gelu", "sigmoid", "quadratic", "cos"]


def lines(name: str, k: int, d: int, trials: int) -> tuple[Tensor, Tensor, Tensor]:
    """u, a and the image of the direction −sign(f)∇f for random networks."""
    stream = Stream((1, 2), 0, trials, dtype=torch.float64)
    draws = draw_conditional(k, d, ("gradient",), stream)
    response = conditional(k, d, get(name), ("gradient",), draws, stream.buffer)
    heading = -torch.sign(response.output)[:, None]
    return response.preactivations, response.signs, heading * response.images["gradient"]


def value(u: Tensor, a: Tensor, w: Tensor, activation: Activation, t: Tensor | float) -> Tensor:
    """√k φ(t), written out."""
    t = torch.as_tensor(t, dtype=torch.float64)
    return (a * activation.value(u + t.reshape(-1, 1) * w)).sum(1)


@pytest.mark.parametrize(("k", "d"), [(5, 40), (8, 5), (64, 32)])
@pytest.mark.parametrize("name", NAMES)
def test_first_flip_against_a_fine_grid(name: str, k: int, d: int) -> None:
    """No grid point before t* has the other sign, and the sign is the other one just beyond t*."""
    activation, reach, points = get(name), 8 * math.sqrt(d), 2000
    u, a, w = lines(name, k, d, 100)
    found = first_flip(u, a, w, activation, reach)
    assert found.method == method_for(activation) != "grid"
    start = value(u, a, w, activation, 0.0)
    before = torch.zeros(100, dtype=torch.bool)
    for i in range(1, points + 1):
        t = reach * i / points
        before |= (value(u, a, w, activation, t) * start < 0) & (t < found.length * (1 - 1e-9))
    assert not before.any()
    flips = torch.isfinite(found.length)
    beyond = torch.where(flips, found.length * (1 + 2 * TOLERANCE) + 1e-9, 0.0)
    assert (value(u, a, w, activation, beyond) * start < 0)[flips].all()
    assert flips.double().mean() > 0.5
    # A few outputs of sigmoid networks die away to 0, where nothing can be certified.
    assert found.unresolved.sum() <= (5 if name == "sigmoid" else 2)


@given(
    k=st.integers(1, 6),
    name=st.sampled_from(["relu", "leaky_relu", "abs", "identity"]),
    data=st.data(),
)
def test_exact_first_flip_with_ties_zeros_and_plateaus(k: int, name: str, data: st.DataObject) -> None:
    """On small integers (ties, u = 0, w = 0, dead stretches) t* agrees with rational evaluation at all kinks."""
    integers = st.lists(st.integers(-3, 3), min_size=k, max_size=k)
    u, w = data.draw(integers), data.draw(integers)
    a = data.draw(st.lists(st.sampled_from([-1, 1]), min_size=k, max_size=k))
    up, down = {"relu": (1, 0), "leaky_relu": (1, Fraction(1, 100)), "abs": (1, -1), "identity": (1, 1)}[name]

    def phi(t: Fraction) -> Fraction:
        total = Fraction(0)
        for uj, wj, aj in zip(u, w, a, strict=True):
            z = uj + t * wj
            total += aj * z * (up if z > 0 else down)
        return total

    start = phi(Fraction(0))
    kinks = sorted({Fraction(-uj, wj) for uj, wj in zip(u, w, strict=True) if wj and Fraction(-uj, wj) > 0})
    edges = [Fraction(0), *kinks]
    expected = math.inf
    if start != 0:
        # φ is linear between edges and beyond the last: look at the ends of each piece in order.
        for low, high in zip(edges, [*edges[1:], edges[-1] + 10**9], strict=True):
            one, two = phi(low) * start, phi(high) * start
            if two < 0:
                expected = float(low + (high - low) * one / (one - two))
                break
    to = {"dtype": torch.float64}
    found = first_flip(
        torch.tensor([u], **to), torch.tensor([a], **to), torch.tensor([w], **to), get(name), 1.0
    )
    assert found.length.item() == pytest.approx(expected, rel=1e-12)


def test_identity_has_a_closed_form() -> None:
    """For σ(z) = z the first flip is at −(a·u)/(a·w)."""
    u, a, w = lines("identity", 50, 20, 100)
    found = first_flip(u, a, w, get("identity"), 100.0)
    torch.testing.assert_close(found.length, -(a * u).sum(1) / (a * w).sum(1), rtol=1e-10, atol=0)


def test_a_short_flip_between_grid_points_is_found() -> None:
    """A dip below zero far shorter than any grid spacing is found where σ′ has a Lipschitz constant."""
    # φ(t) = cos(t) + c with c slightly below 1 dips under zero near π for a very short time.
    cos = get("cos")
    width = 1e-3
    shift = math.acos(-1 + width**2 / 2)  # cos(t) = −cos(shift′) at π ∓ width
    u = torch.tensor([[0.0, math.pi - shift]], dtype=torch.float64)
    w = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    a = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    found = first_flip(u, a, w, cos, 20.0)
    constant = math.cos(math.pi - shift)
    assert found.length.item() == pytest.approx(math.acos(-constant), rel=1e-5)
    assert not found.unresolved.item()


def test_a_touch_is_reported_not_claimed() -> None:
    """Where φ touches zero without crossing no flip is claimed, and the row is marked unresolved."""
    cos = get("cos")
    u = torch.zeros(1, 2, dtype=torch.float64)
    w = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    a = torch.ones(1, 2, dtype=torch.float64)
    found = first_flip(u, a, w, cos, 5.0)  # 1 + cos t touches 0 at π
    assert found.length.item() == math.inf
    assert found.unresolved.item()


def test_zero_start_and_zero_direction_never_flip() -> None:
    """f(x) = 0 has no sign to lose, and a line that goes nowhere changes nothing."""
    to = {"dtype": torch.float64}
    for name in ("relu", "tanh"):
        dead = first_flip(
            torch.tensor([[-1.0]], **to), torch.ones(1, 1, **to), torch.ones(1, 1, **to), get("relu"), 9.0
        )
        still = first_flip(
            torch.ones(1, 1, **to), torch.ones(1, 1, **to), torch.zeros(1, 1, **to), get(name), 9.0
        )
        assert dead.length.item() == still.length.item() == math.inf


def test_a_function_without_constants_is_resolved_on_a_grid() -> None:
    """Where nothing is known of σ the answer is a grid point, and every row says so."""
    cubic = from_callable(lambda x: x**3, name="first-flip-cubic")
    u, a, w = lines("tanh", 8, 5, 50)
    found = first_flip(u, a, w, cubic, 20.0)
    assert found.method == "grid"
    assert found.unresolved.all()
    start = value(u, a, w, cubic, 0.0)
    flips = torch.isfinite(found.length)
    assert (value(u, a, w, cubic, torch.where(flips, found.length, 0.0)) * start < 0)[flips].all()


def test_an_output_that_dies_away_does_not_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where φ tends to 0 certified steps become too short: the rest is looked at on a grid, and said."""
    monkeypatch.setattr(firstflip, "_MOST_STEPS", 500)
    to = {"dtype": torch.float64}
    u, a, w = (
        torch.tensor([[1.0, -500.0]], **to),
        torch.tensor([[1.0, -1.0]], **to),
        torch.tensor([[-1.0, 1.0]], **to),
    )
    found = first_flip(u, a, w, get("softplus"), 1000.0)
    assert found.unresolved.item()
    assert found.length.item() == pytest.approx(250.5, rel=0.01)  # softplus(1 − t) = softplus(t − 500)
    fades = first_flip(u[:, :1], a[:, :1], w[:, :1], get("sigmoid"), 1000.0)
    assert fades.unresolved.item()
    assert fades.length.item() == math.inf


def test_reaching_zero_is_not_flipping() -> None:
    """A ReLU network whose neurons all die reaches 0 and stays: it differs in sign and never flips."""
    to = {"dtype": torch.float64}
    one, minus = torch.ones(1, 1, **to), -torch.ones(1, 1, **to)
    dies = first_flip(one, one, minus, get("relu"), 1.0)
    assert dies.length.item() == math.inf
    assert dies.zero.item()
    grows = first_flip(one, one, one, get("relu"), 1.0)
    assert not grows.zero.item()
    flips = first_flip(one, one, minus, get("identity"), 1.0)
    assert flips.length.item() == 1
    assert flips.zero.item()

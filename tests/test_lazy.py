"""LazyGaussian: the law of a dense matrix under any sequence of queries, and one matrix behind all answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from torch import Tensor

from simulate.activations import get
from simulate.errors import BadInput
from simulate.matrices import DenseGaussian, GaussianMatrix, LazyGaussian
from simulate.matrices import lazy as lazy_module
from simulate.networks import TwoLayerNetwork
from simulate.streams import Stream

SIZES = [(12, 9), (40, 60), (6, 4)]

FALSE_ALARM = 1e-6
"""Chance that a true law fails one comparison; each test states how many it makes."""

TRIALS = 10_000
"""A two-sample z-test of level 1e-6 on this many trials a side misses a shift of 0.1 standard deviations with
probability 2e-2 and one of 0.12 with probability 2e-4."""

FEW = 2_500
"""Enough for the terms forgotten below, which shift by far more."""


def stream(seed: int, batch: int, dtype: torch.dtype = torch.float64, first: int = 0) -> Stream:
    """A stream of trials keyed by a number."""
    return Stream((seed, 1), first, batch, dtype=dtype)


def attack_columns(matrix: GaussianMatrix, batch: Stream, activation: str) -> dict[str, Tensor]:
    """What an adaptive attack sees: ten sign steps, then a line search and repeated and dependent queries."""
    d = matrix.columns
    network = TwoLayerNetwork(matrix, batch.signs("a", matrix.rows), get(activation))
    x = torch.zeros(batch.batch, d, dtype=batch.dtype)
    x[:, 0] = math.sqrt(d)
    start = network(x)
    columns = {"f": start}
    moved = x
    for i in range(10):
        gradient = network.gradient(moved)
        columns[f"|gradient {i}|"] = torch.linalg.vector_norm(gradient, dim=1)
        moved = moved - 0.3 * torch.sign(start)[:, None] * torch.sign(gradient)
        columns[f"f after {i}"] = network(moved)
    best = torch.stack([network(x + t * (moved - x)) for t in (0.25, 0.5, 0.75, 1.5)]).amin(0)
    columns["line search"] = best
    columns["along the first gradient"] = network(x + network.gradient(x))
    back = matrix.rmatvec(matrix.matvec(moved))
    columns["<WᵀWx, x>"] = torch.linalg.vecdot(back, x)
    columns["|WᵀWx|"] = torch.linalg.vector_norm(back, dim=1)
    columns["flipped"] = (columns["f after 9"] * start < 0).to(batch.dtype)
    return columns


def compare(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> list[str]:
    """Names of the columns whose first or second moments differ between two samples."""
    bound = float(norm.isf(FALSE_ALARM / 2))
    different = []
    for name in ours:
        for power in (1, 2):
            a, b = ours[name] ** power, theirs[name] ** power
            spread = math.sqrt(a.var().item() / len(a) + b.var().item() / len(b))
            gap = abs(a.mean().item() - b.mean().item())
            if gap > bound * spread + 1e-12:
                different.append(f"{name}^{power}")
    return different


@cache
def dense_columns(k: int, d: int, activation: str) -> dict[str, Tensor]:
    """What the attack sees on dense matrices."""
    batch = stream(2, TRIALS)
    return attack_columns(DenseGaussian(batch, k, d), batch, activation)


@pytest.mark.parametrize(
    ("k", "d", "activation"),
    [(k, d, "relu") for k, d in SIZES]
    + [pytest.param(k, d, "tanh", marks=[pytest.mark.slow] if k == 40 else []) for k, d in SIZES],
)
def test_adaptive_attacks_see_the_dense_law(k: int, d: int, activation: str) -> None:
    """Everything an adaptive attack sees has the same moments as on dense matrices (54 comparisons)."""
    ours = stream(1, TRIALS)
    lazy = attack_columns(LazyGaussian(ours, k, d), ours, activation)
    assert compare(lazy, dense_columns(k, d, activation)) == []


def forget(*, left: bool = False, projection: bool = False, stale: bool = False) -> Callable[..., Tensor]:
    """LazyGaussian._ask with one term of the conditioning left out."""

    def ask(self: LazyGaussian, asked, other, x: Tensor, verb: str) -> Tensor:  # type: ignore[no-untyped-def]
        known, new, length = asked.split(x)
        fresh = length > 0
        if not bool(fresh.any()):
            return known
        drawn = self._draw(asked, other.size, verb) * self._scale
        image = drawn
        if not left:
            image = image + other.combine(other.images_dot(new))
        if not projection:
            image = image - other.combine(other.directions_dot(drawn))
        image = torch.where(fresh.unsqueeze(1), image, 0)
        if not stale:
            asked.remember(new, image, fresh)
        else:
            asked.known += fresh
        return known + length.unsqueeze(1) * image

    return ask


@pytest.mark.parametrize("term", ["left", "projection", "stale"])
@pytest.mark.parametrize(("k", "d"), SIZES)
def test_a_sampler_that_forgets_a_term_is_caught(
    k: int, d: int, term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: without V Zᵀu, without (I − VVᵀ), or without memory the same comparison fails."""
    monkeypatch.setattr(LazyGaussian, "_ask", forget(**{term: True}))
    ours = stream(1, FEW)
    lazy = attack_columns(LazyGaussian(ours, k, d), ours, "relu")
    assert compare(lazy, dense_columns(k, d, "relu"))


@pytest.mark.parametrize(("k", "d"), [*SIZES, (1, 1), (1, 5), (5, 1)])
def test_the_completed_matrix_has_the_dense_law(k: int, d: int) -> None:
    """After an attack the entries of the completed matrix have the moments of independent N(0, 1/d)."""
    trials = 6_000
    batch = stream(3, trials)
    lazy = LazyGaussian(batch, k, d)
    attack_columns(lazy, batch, "relu")
    entries = lazy.materialise().standard.reshape(trials, k * d)
    n = min(k * d, 60)
    entries = entries[:, :n]
    mean = math.sqrt(trials) * entries.mean(0)
    second = entries.T @ entries / trials
    off = math.sqrt(trials) * second[*torch.triu_indices(n, n, 1)]
    on = math.sqrt(trials / 2) * (second.diagonal() - 1)
    fourth = math.sqrt(trials / 96) * ((entries**4).mean(0) - 3)
    bound = float(norm.isf(FALSE_ALARM / 2 / (3 * n + n * (n - 1) / 2)))
    for scores in (mean, on, fourth, off):
        assert scores.numel() == 0 or scores.abs().max().item() < bound


def random_queries(
    lazy: LazyGaussian, count: int, seed: int, dtype: torch.dtype = torch.float64
) -> list[tuple[str, Tensor, Tensor]]:
    """Adaptive queries: random, repeated, dependent, zero and nearly dependent ones, with their answers."""
    rng = torch.Generator().manual_seed(seed)
    asked: list[tuple[str, Tensor, Tensor]] = []
    batch = lazy._stream.batch
    for i in range(count):
        verb, size = (("matvec", lazy.columns), ("rmatvec", lazy.rows))[i % 2]
        old = [(x, y) for v, x, y in asked if v == verb]
        other = [y for v, _, y in asked if v != verb]
        kind = int(torch.randint(0, 6, (1,), generator=rng)) if i > 4 else 0
        x = torch.randn(batch, size, generator=rng, dtype=dtype)
        if kind == 1:
            x = 3 * old[-1][0]
        elif kind == 2:
            x = old[0][0] - 2 * old[-1][0]
        elif kind == 3:
            x = torch.sign(other[-1])
        elif kind == 4:
            x = old[-1][0] + 1e-3 * x
        elif kind == 5:
            x = x * (torch.arange(batch) % 2)[:, None]  # every other matrix gets a zero query
        asked.append((verb, x.clone(), getattr(lazy, verb)(x)))
    return asked


@given(
    k=st.integers(1, 12),
    d=st.integers(1, 12),
    batch=st.integers(1, 3),
    count=st.integers(1, 40),
    seed=st.integers(0, 10**6),
)
def test_the_completed_matrix_gives_every_answer_again(
    k: int, d: int, batch: int, count: int, seed: int
) -> None:
    """One matrix stands behind all answers, also after more queries than dimensions (rounding: 1e-11)."""
    lazy = LazyGaussian(stream(4, batch), k, d)
    asked = random_queries(lazy, count, seed)
    dense = lazy.materialise()
    for verb, x, answer in asked:
        scale = 1 + torch.linalg.vector_norm(x, dim=1, keepdim=True)
        assert ((getattr(dense, verb)(x) - answer) / scale).abs().max().item() < 1e-11
    x = torch.ones(batch, d, dtype=torch.float64)
    assert torch.equal(lazy.matvec(x), dense.matvec(x))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_a_hundred_adaptive_queries_stay_orthogonal(dtype: torch.dtype, tolerance: float) -> None:
    """After a hundred adaptive queries both bases are orthonormal, and the two sides agree on UᵀWᵀV."""
    batch = stream(5, 2, dtype)
    lazy = LazyGaussian(batch, 300, 200)
    random_queries(lazy, 100, 6, dtype)
    for side in (lazy._right, lazy._left):
        gram = side.directions @ side.directions.transpose(1, 2)
        kept = torch.diag_embed((gram.diagonal(dim1=1, dim2=2) > 0.5).to(dtype))
        assert (gram - kept).abs().max().item() < tolerance
    one = lazy._right.directions @ lazy._left.images.transpose(1, 2)
    two = lazy._right.images @ lazy._left.directions.transpose(1, 2)
    assert (one - two).abs().max().item() < 10 * tolerance


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_known_queries_draw_nothing(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeated, dependent or zero query, and any once all directions are known, draws nothing."""
    batch = stream(7, 2, dtype)
    lazy = LazyGaussian(batch, 30, 20)
    x, y = batch.normals("x", 20).clone(), batch.normals("y", 20).clone()
    first, second = lazy.matvec(x), lazy.matvec(y)

    def refuse(*arguments: object) -> Tensor:
        raise AssertionError("numbers were drawn")

    with monkeypatch.context() as patch:
        patch.setattr(lazy_module.LazyGaussian, "_draw", refuse)
        tolerance = 100 * torch.finfo(dtype).eps
        assert (lazy.matvec(x) - first).abs().max() < tolerance * first.abs().max()
        mixed = lazy.matvec(5 * x - 1e-6 * y)
        assert (mixed - 5 * first + 1e-6 * second).abs().max() < 10 * tolerance * first.abs().max()
        assert torch.equal(lazy.matvec(torch.zeros_like(x)), torch.zeros_like(first))
        assert torch.equal(lazy.rmatvec(torch.zeros_like(first)), torch.zeros_like(x))
    for i in range(25):
        lazy.matvec(batch.normals(f"more {i}", 20))
    assert lazy.queries[0].tolist() == [20, 20]
    monkeypatch.setattr(lazy_module.LazyGaussian, "_draw", refuse)
    lazy.matvec(batch.normals("one more", 20))


def test_a_small_step_is_a_new_direction() -> None:
    """A query that moves by one part in ten thousand still draws, in float32: a small step is not ignored."""
    batch = stream(8, 1, torch.float32)
    lazy = LazyGaussian(batch, 50, 1000)
    x, y = batch.normals("x", 1000).clone(), batch.normals("y", 1000).clone()
    lazy.matvec(x)
    lazy.matvec(x + 1e-4 * y)
    assert lazy.queries[0].tolist() == [2]


def test_two_attacks_on_one_object_see_one_network() -> None:
    """Two attacks that share the object find the same f(x) and gradients, those of the completed matrix."""
    batch = stream(9, 3)
    network = TwoLayerNetwork(LazyGaussian(batch, 40, 30), batch.signs("a", 40), get("relu"))
    x = batch.normals("x", 30).clone()
    path, seen = [x], [network(x)]
    for _ in range(5):
        path.append(path[-1] - 0.1 * network.gradient(path[-1]))
        seen.append(network(path[-1]))
    other = x
    for _ in range(5):
        other = other + 0.1 * torch.sign(network.gradient(other))
        network(other)
    assert isinstance(network.matrix, LazyGaussian)
    dense = TwoLayerNetwork(network.matrix.materialise(), network.signs, network.activation)
    for point, value in zip(path, seen, strict=True):
        assert (dense(point) - value).abs().max() < 1e-12
        assert (dense.gradient(point) - network.gradient(point)).abs().max() < 1e-12


def test_dead_networks_have_zero_gradient() -> None:
    """Where all neurons are dead the gradient is zero and nothing is drawn for it."""
    trials = 2000
    batch = stream(10, trials)
    lazy = LazyGaussian(batch, 3, 5)
    network = TwoLayerNetwork(lazy, batch.signs("a", 3), get("relu"))
    x = torch.zeros(trials, 5, dtype=torch.float64)
    x[:, 0] = math.sqrt(5)
    dead = (lazy.matvec(x) <= 0).all(1)
    gradient = network.gradient(x)
    assert 0.05 < dead.double().mean() < 0.25  # 1/8 in the mean
    assert torch.equal((gradient == 0).all(1), dead)
    assert torch.equal(lazy.queries[1], (~dead).long())


@given(row=st.integers(0, 4), seed=st.integers(0, 1000))
def test_a_row_asked_alone_is_the_row_of_the_batch(row: int, seed: int) -> None:
    """Each trial draws from its own numbers, also where its neighbours needed more or fewer of them."""
    whole = LazyGaussian(stream(11, 5), 7, 6)
    asked = random_queries(whole, 12, seed)
    alone = LazyGaussian(stream(11, 1, first=row), 7, 6)
    for verb, x, answer in asked:
        mine = getattr(alone, verb)(x[row : row + 1])
        assert (mine - answer[row : row + 1]).abs().max().item() < 1e-11 * (1 + x[row].abs().max().item())


def test_blocks_of_vectors_are_asked_one_by_one() -> None:
    """A block (B, d, m) gives the answers of its columns in order."""
    block = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 6, 4)))
    together = LazyGaussian(stream(12, 2), 5, 6).matvec(block)
    single = LazyGaussian(stream(12, 2), 5, 6)
    for i in range(4):
        assert torch.equal(single.matvec(block[:, :, i]), together[:, :, i])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda w: w.matvec(torch.zeros(2, 5, dtype=torch.float64)), "expected vectors of shape"),
        (lambda w: w.rmatvec(torch.zeros(1, 5, dtype=torch.float64)), "expected vectors of shape"),
        (lambda w: w.matvec(torch.zeros(2, 6, dtype=torch.float64, requires_grad=True)), "differentiated"),
        (lambda w: LazyGaussian(stream(1, 1), 0, 3), "at least one row"),
        (lambda w: w.matvec(torch.full((2, 6), math.nan, dtype=torch.float64)), "not finite"),
    ],
)
def test_bad_queries(call: Callable[[LazyGaussian], object], message: str) -> None:
    """Wrong shapes, and differentiation through the sampler, are refused by name."""
    with pytest.raises(BadInput, match=message):
        call(LazyGaussian(stream(1, 2), 5, 6))

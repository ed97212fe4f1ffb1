"""One step of a random network: the conditional law is the dense one, and both are the law on paper.

Design of every comparison of two samples in this file. A call of `differences` makes about a hundred
comparisons of the columns that `features` lists: means and second moments (z-tests), binned distributions
(χ² tests of homogeneity), and the probabilities of events (exact intervals that must meet). Its false-alarm
rate is FALSE_ALARM, split over the comparisons (Bonferroni). With miss rate MISS it resolves the departures
that `test_the_comparisons_resolve_what_they_claim` computes: with 150,000 trials a side 0.033 standard
deviations of a column and 0.022 in the probability of an event, with 10,000 trials 0.13 and 0.085. Seeds are
fixed, so nothing here is ever drawn anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from simulate import laws
from simulate.activations import NAMES, Activation, from_callable, get
from simulate.data import sphere
from simulate.errors import BadInput
from simulate.matrices import DenseGaussian, GaussianMatrix, LazyGaussian
from simulate.networks import TwoLayerNetwork
from simulate.onestep import DIRECTIONS, ENGINES, Response, conditional, dense, outputs_after
from simulate.statistics import clopper_pearson, two_sample_smallest_discrepancy
from simulate.streams import Stream, Workspace

FALSE_ALARM = 1e-5
MISS = 1e-3
TRIALS = {(5, 40): 150_000, (8, 5): 150_000, (64, 32): 60_000, (300, 150): 10_000}
STEPS = (0.5, 1.5, 4.0)
RADII = (0.5, 2.0)
BINS = 16

Columns = dict[str, NDArray[Any]]
Sampler = Callable[[int, int, Activation, Stream], Response]


# --- What is compared, and how -------------------------------------------------------------------------


def features(response: Response, activation: Activation) -> Columns:
    """Columns of one number a network: continuous ones, and events (0 or 1) whose names end in "?"."""
    u, f, norm = response.preactivations, response.output, response.gradient_norm
    k = u.shape[1]
    v = response.signs * activation.derivative(u) / math.sqrt(k)
    columns = {"f": f, "|∇f|": norm, "⟨∇f,x⟩": torch.linalg.vecdot(u, v), "dead?": norm == 0}
    lengths = [step * norm for step in STEPS] + [radius * (norm > 0) for radius in RADII]
    for name, image in response.images.items():
        columns[f"|W e| {name}"] = torch.sqrt(torch.linalg.vecdot(image, image))
        columns[f"u·W e {name}"] = torch.linalg.vecdot(u, image)
        columns[f"v·W e {name}"] = torch.linalg.vecdot(v, image)
        towards = torch.ones_like(f) if name == "random" else -torch.sign(f)
        after = outputs_after(response, name, [towards * r for r in lengths], activation, fresh_buffer(u))
        flips = torch.sign(f)[:, None] * torch.sign(after) < 0
        differs = torch.sign(f)[:, None] != torch.sign(after)
        for i in range(len(lengths)):
            columns[f"f after {name} {i}"] = after[:, i]
            columns[f"flip {name} {i}?"] = flips[:, i]
            columns[f"differ {name} {i}?"] = differs[:, i]
        columns[f"steps that flip {name}"] = flips[:, : len(STEPS)].sum(1)
        columns[f"f·f after {name}"] = f * after[:, 1]
        if name != "gradient":  # the law of the sign and the random step together is not promised
            columns[f"image with the gradient's {name}"] = torch.linalg.vecdot(
                image, response.images["gradient"]
            )
    return {name: column.numpy().astype(storage(name)) for name, column in columns.items()}


def storage(name: str) -> type:
    """How a column is kept: many samples stay in memory."""
    return np.bool_ if name.endswith("?") else np.float32


def fresh_buffer(like: Tensor) -> Callable[..., Tensor]:
    """Working memory for as many rows as the tensor has, in its type."""
    workspace = Workspace()
    return lambda name, *shape: workspace.buffer(name, (len(like), *shape), like.dtype, like.device)


def differences(ours: Columns, theirs: Columns, false_alarm: float = FALSE_ALARM) -> list[str]:
    """What tells two samples of networks apart, by the design in this module's docstring."""
    assert ours.keys() == theirs.keys()
    events = [name for name in ours if name.endswith("?")]
    level = false_alarm / (3 * len(ours) - 2 * len(events))
    found = []
    for name in ours:
        a, b = ours[name], theirs[name]
        assert np.isfinite(a).all(), name
        assert np.isfinite(b).all(), name
        if name in events:
            low, high = clopper_pearson([int(a.sum()), int(b.sum())], [len(a), len(b)], 1 - level / 2)
            if low.max() > high.min():
                found.append(f"P({name}) {a.mean():.4f} against {b.mean():.4f}")
            continue
        for power in (1, 2):
            x, y = a.astype(float) ** power, b.astype(float) ** power
            error = math.sqrt(x.var() / len(x) + y.var() / len(y))
            gap = abs(x.mean() - y.mean())
            # Where a column is constant up to rounding there is no error to compare with.
            if gap > stats.norm.isf(level / 2) * error + 1e-5 * abs(x.mean()):
                found.append(f"E({name})^{power} {x.mean():.5g} against {y.mean():.5g}")
        edges = np.unique(np.quantile(b, np.linspace(0, 1, BINS + 1)[1:-1]))
        # An atom of the law, f = 0 say, is an edge, and falls into one bin on both sides.
        counts = np.array([np.bincount(np.digitize(x, edges), minlength=len(edges) + 1) for x in (a, b)])
        counts = counts[:, counts.sum(0) > 40]
        if counts.shape[1] > 1 and stats.chi2_contingency(counts).pvalue < level:
            found.append(f"bins of {name}")
    return found


def sample(sampler: Sampler, k: int, d: int, name: str, trials: int, seed: int) -> Columns:
    """Columns of so many networks, drawn in float32 in batches."""
    activation = get(name)
    batch = min(trials, max(1, 2**22 // (k * d)))
    workspace = Workspace()
    pieces = []
    for first in range(0, trials, batch):
        stream = Stream((seed, 1000 * k + d), first, min(batch, trials - first), workspace=workspace)
        pieces.append(features(sampler(k, d, activation, stream), activation))
    return {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}


def engine(name: str) -> Sampler:
    """One of the two engines, with all directions."""
    draw, respond = ENGINES[name]

    def sampler(k: int, d: int, activation: Activation, stream: Stream) -> Response:
        return respond(k, d, activation, DIRECTIONS, draw(k, d, DIRECTIONS, stream), stream.buffer)

    return sampler


@cache
def engine_sample(engine_name: str, k: int, d: int, name: str, trials: int) -> Columns:
    """The columns of an engine, drawn once for all tests: numbers of their own for each engine."""
    return sample(engine(engine_name), k, d, name, trials, seed=list(ENGINES).index(engine_name))


def test_the_comparisons_resolve_what_they_claim() -> None:
    """At the level of one of 150 comparisons the sizes of the samples resolve the departures stated above."""
    level = FALSE_ALARM / 150
    reach = stats.norm.isf(level / 2) + stats.norm.isf(MISS)
    for trials, moment, event in ((150_000, 0.033, 0.022), (10_000, 0.13, 0.085)):
        assert reach * math.sqrt(2 / trials) < moment
        assert two_sample_smallest_discrepancy(trials, 0.5, level, MISS) < event


# --- Both engines, one law -----------------------------------------------------------------------------


# Matrices of 45,000 entries take most of the time: at that size the slow suite has the other activations.
CASES = [
    pytest.param(
        *size, name, marks=[pytest.mark.slow] if name == "sin" or (size[0] == 300 and name != "relu") else []
    )
    for size in TRIALS
    for name in ("relu", "tanh", "sin")
]


@pytest.mark.parametrize(("k", "d", "name"), CASES)
def test_conditional_and_dense_agree_in_law(k: int, d: int, name: str) -> None:
    """Everything one step shows of a network has the same law with and without the matrix."""
    ours, theirs = (engine_sample(engine_name, k, d, name, TRIALS[k, d]) for engine_name in ENGINES)
    assert len(ours) > 50
    assert differences(ours, theirs) == []


@pytest.mark.parametrize("name", ["relu", "tanh"])
@pytest.mark.parametrize(("k", "d"), [(1, 2), (1, 40), (4, 2), (3, 3), (40, 2)])
def test_they_agree_where_dimensions_run_out(k: int, d: int, name: str) -> None:
    """One neuron; two inputs, where no direction is left beside x and ∇f; three inputs; a wide plane."""
    ours, theirs = (engine_sample(engine_name, k, d, name, 60_000) for engine_name in ENGINES)
    assert differences(ours, theirs) == []


@pytest.mark.parametrize("name", ["step", "identity", "abs", "quadratic", "leaky_relu"])
def test_they_agree_for_other_activations(name: str) -> None:
    """No gradient at all, a linear network, two slopes, no Lipschitz constant: the same law both ways."""
    ours, theirs = (engine_sample(engine_name, 8, 5, name, 60_000) for engine_name in ENGINES)
    assert differences(ours, theirs) == []


# --- Laws on paper --------------------------------------------------------------------------------------


def exact_means(name: str, k: int, d: int) -> dict[str, tuple[float, float | None]]:
    """Exact mean and, where it is known in closed form, exact variance of columns that `moments_of` makes."""

    def m(p: int, q: int, r: int) -> float:
        return laws.gaussian_moment(name, p, q, r)

    # E f²T² with T = ⟨∇f, x⟩ = k^{−1/2} Σ aσ′(u)u: the pairings of four signs, as for E f⁴.
    mixed = laws.output_gradient_moment(name)
    square = (m(2, 2, 2) + (k - 1) * (m(2, 0, 0) * m(0, 2, 2) + 2 * mixed**2)) / k
    # W∇f = u T/d + v χ²/d + (I − v̂v̂ᵀ) z |v|χ/d, and u·v = T.
    image = (
        m(0, 2, 4) + (k - 1) * m(0, 2, 2) + 2 * (d - 1) * m(0, 2, 2) + (d - 1) * (d + k) * m(0, 2, 0)
    ) / d**2
    return {
        "f²": (
            laws.output_variance(name),
            laws.output_fourth_moment(name, k) - laws.output_variance(name) ** 2,
        ),
        "|∇f|²": (laws.gradient_second_moment(name, d), laws.gradient_second_moment_variance(name, k, d)),
        "f⟨∇f,x⟩": (mixed, square - mixed**2),
        "|W∇f|²": (image, None),
        # e uniform and independent of W: We ~ N(0, I/d), ∇f·e is a projection of ∇f, u = √d W x̂.
        "d|We|²": (k, 2 * k),
        "(∇f·e)²": (laws.gradient_second_moment(name, d) / d, None),
        "d(u·We)²": (k * (k + 2) / d + k * (1 - 1 / d), None),
    }


def moments_of(columns: Columns, d: int) -> Columns:
    """The columns behind `exact_means`, from those of `features`."""
    columns = {name: column.astype(float) for name, column in columns.items()}
    return {
        "f²": columns["f"] ** 2,
        "|∇f|²": columns["|∇f|"] ** 2,
        "f⟨∇f,x⟩": columns["f"] * columns["⟨∇f,x⟩"],
        "|W∇f|²": (columns["|W e| gradient"] * columns["|∇f|"]) ** 2,
        "d|We|²": d * columns["|W e| random"] ** 2,
        "(∇f·e)²": columns["v·W e random"] ** 2,
        "d(u·We)²": d * columns["u·W e random"] ** 2,
    }


def off_paper(columns: Columns, name: str, k: int, d: int) -> list[str]:
    """The columns whose mean is not the exact one, by a z-test of level FALSE_ALARM over all of them.

    Where the exact variance is not at hand, the sample's takes its place, which the sizes here allow.
    """
    exact = exact_means(name, k, d)
    limit = stats.norm.isf(FALSE_ALARM / len(exact) / 2)
    found = []
    for key, (mean, variance) in exact.items():
        values = columns[key]
        error = math.sqrt((values.var() if variance is None else variance) / len(values))
        if abs(values.mean() - mean) > limit * error:
            found.append(f"{key} {values.mean():.5g} against {mean:.5g} ± {error:.2g}")
    return found


@pytest.mark.parametrize("engine_name", ENGINES)
@pytest.mark.parametrize(("k", "d", "name"), CASES)
def test_exact_moments(k: int, d: int, name: str, engine_name: str) -> None:
    """Seven means are exact at every k and d; the test resolves 7.9 standard errors with miss rate MISS."""
    columns = moments_of(engine_sample(engine_name, k, d, name, TRIALS[k, d]), d)
    assert off_paper(columns, name, k, d) == []
    if name == "relu":  # homogeneous: ⟨∇f, x⟩ = f in each trial, to float32 rounding
        both = engine_sample(engine_name, k, d, name, TRIALS[k, d])
        np.testing.assert_allclose(both["⟨∇f,x⟩"], both["f"], rtol=0, atol=1e-5)


@settings(max_examples=40)
@given(k=st.integers(1, 300), d=st.integers(2, 10**6))
def test_relu_gradients_have_second_moment_one_half(k: int, d: int) -> None:
    """E‖∇f‖² = 1/2 at every width and dimension; 4000 trials resolve 0.13 standard deviations of ‖∇f‖²."""
    stream = Stream((4, 4), 0, 4000)
    draw, respond = ENGINES["conditional"]
    response = respond(k, d, get("relu"), (), draw(k, d, (), stream), stream.buffer)
    error = math.sqrt(laws.gradient_second_moment_variance("relu", k, d) / 4000)
    mean = (response.gradient_norm.double() ** 2).mean().item()
    assert laws.gradient_second_moment("relu", d) == pytest.approx(0.5, abs=1e-12)
    assert abs(mean - 0.5) < stats.norm.isf(FALSE_ALARM / 40 / 2) * error


@pytest.mark.parametrize("engine_name", ENGINES)
@pytest.mark.parametrize("name", NAMES)
def test_identities_of_every_network(name: str, engine_name: str) -> None:
    """v·We is the slope ∇f·e: ‖∇f‖ along the gradient, less elsewhere; ⟨∇f, x⟩ = p f at degree p."""
    k, d, batch = 7, 6, 500
    activation = get(name)
    draw, respond = ENGINES[engine_name]
    stream = Stream((5, 5), 0, batch, dtype=torch.float64)
    response = respond(k, d, activation, DIRECTIONS, draw(k, d, DIRECTIONS, stream), stream.buffer)
    u, norm = response.preactivations, response.gradient_norm
    v = response.signs * activation.derivative(u) / math.sqrt(k)
    slope = {e: torch.linalg.vecdot(v, image) for e, image in response.images.items()}
    torch.testing.assert_close(slope["gradient"], norm, rtol=1e-12, atol=1e-13)
    # ‖g‖₁/√d lies between ‖g‖/√d and ‖g‖.
    assert (slope["sign"] <= norm * (1 + 1e-12)).all()
    assert (slope["sign"] >= norm / math.sqrt(d) * (1 - 1e-12)).all()
    assert (slope["random"].abs() <= norm * (1 + 1e-12)).all()
    if activation.homogeneous_degree is not None:
        expected = activation.homogeneous_degree * response.output
        torch.testing.assert_close(torch.linalg.vecdot(v, u), expected, rtol=1e-12, atol=1e-13)


# --- Samplers that forget something ---------------------------------------------------------------------


FORGOTTEN = (
    "pull",
    "projection",
    "degrees",
    "x in the gradient",
    "x in the norm",
    "u in the image",
    "x in the random direction",
    "gradient in the random direction",
    "projection of the random direction",
    "fresh numbers of the random direction",
    "gradient in the sign",
    "x in the sign",
    "rest of the sign",
    "projection of the sign",
)


def straight(k: int, d: int, activation: Activation, stream: Stream, forgotten: str = "") -> Response:
    """The conditional law in float64 straight from its derivation, or without one of its terms."""
    draws = {
        key: value.double() for key, value in ENGINES["conditional"][0](k, d, DIRECTIONS, stream).items()
    }
    assert not forgotten or forgotten in FORGOTTEN

    def dot(p: Tensor, q: Tensor) -> Tensor:
        return (p * q).sum(1, keepdim=True)

    def spare(name: str, *shape: int) -> Tensor:
        return stream.normals(f"spare {name}", *shape).double()

    def without(p: Tensor, keep: bool) -> Tensor:
        return p if keep else p - unit_v * dot(unit_v, p)

    u, a, z, chi2 = draws["u"], draws["a"], draws["z"], draws["chi2"][:, None]
    if forgotten == "degrees":
        chi2 = chi2 + spare("degree", 1) ** 2
    v = a * activation.derivative(u) / math.sqrt(k)
    size = torch.sqrt(dot(v, v))
    unit_v = v / torch.where(size > 0, size, 1)
    g_x, g_perp = dot(u, v) / math.sqrt(d), size * torch.sqrt(chi2 / d)
    norm = torch.sqrt(g_perp**2 + (0 if forgotten == "x in the norm" else g_x**2))
    w_x = (spare("u", k) if forgotten == "u in the image" else u) / math.sqrt(d)
    w_perp = without(z, forgotten == "projection") / math.sqrt(d)
    if forgotten != "pull":
        w_perp = w_perp + unit_v * torch.sqrt(chi2 / d)
    along = 0 if forgotten == "x in the gradient" else g_x
    gradient = (w_x * along + w_perp * g_perp) / torch.where(norm > 0, norm, 1)

    n1, n2 = draws["random.frame"][:, :1], draws["random.frame"][:, 1:]
    rest = torch.sqrt(draws["random.rest"][:, None]) if d > 2 else torch.zeros_like(n1)
    n1 = 0 * n1 if forgotten == "x in the random direction" else n1
    n2 = 0 * n2 if forgotten == "gradient in the random direction" else n2
    z2 = (
        z
        if forgotten == "fresh numbers of the random direction"
        else draws.get("random.z", torch.zeros_like(z))
    )
    w_rest = without(z2, forgotten == "projection of the random direction") / math.sqrt(d)
    random = (n1 * w_x + n2 * w_perp + rest * w_rest) / torch.sqrt(n1**2 + n2**2 + rest**2)

    x, h = draws["sign.x"], draws["sign.h"]
    x = x / torch.sqrt(dot(x, x))
    h = h - x * dot(x, h)
    h = h / torch.sqrt(dot(h, h))
    g = spare("sign", d) if forgotten == "gradient in the sign" else g_x * x + g_perp * h
    s = torch.sign(g_perp * h if forgotten == "x in the sign" else g) / math.sqrt(d)
    left = s - x * dot(s, x) - h * dot(s, h)
    w_left = without(draws["sign.z"], forgotten == "projection of the sign") / math.sqrt(d)
    amount = 0 if forgotten == "rest of the sign" else torch.sqrt(dot(left, left))
    sign = dot(s, x) * w_x + dot(s, h) * w_perp + amount * w_left

    f = (a * activation.value(u)).sum(1) / math.sqrt(k)
    images = {"gradient": gradient, "sign": sign, "random": random}
    return Response(u, a, f, norm[:, 0], images)


@settings(max_examples=60)
@given(
    k=st.integers(1, 40), d=st.integers(2, 60), name=st.sampled_from(NAMES), seed=st.integers(0, 2**32 - 1)
)
def test_the_engine_is_the_derivation(k: int, d: int, name: str, seed: int) -> None:
    """On the same draws the engine gives what the derivation gives, term by term, at every size."""
    activation = get(name)
    stream = Stream((seed, 6), 0, 5, dtype=torch.float64)
    draws = ENGINES["conditional"][0](k, d, DIRECTIONS, stream)
    kept = {key: value.clone() for key, value in draws.items()}
    ours = conditional(k, d, activation, DIRECTIONS, draws, stream.buffer)
    assert all(torch.equal(draws[key], kept[key]) for key in kept)
    theirs = straight(k, d, activation, Stream((seed, 6), 0, 5, dtype=torch.float64))
    torch.testing.assert_close(ours.output, theirs.output, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(ours.gradient_norm, theirs.gradient_norm, rtol=1e-10, atol=1e-12)
    for direction in DIRECTIONS:
        torch.testing.assert_close(ours.images[direction], theirs.images[direction], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("forgotten", ["", *FORGOTTEN])
@pytest.mark.parametrize(("k", "d", "name"), [(8, 5, "relu"), (5, 40, "tanh")])
def test_a_forgotten_term_is_caught(k: int, d: int, name: str, forgotten: str) -> None:
    """The comparison that the engine passes refutes every sampler that forgets one term, and no other."""

    def sampler(k: int, d: int, activation: Activation, stream: Stream) -> Response:
        return straight(k, d, activation, stream, forgotten)

    found = differences(
        sample(sampler, k, d, name, 50_000, 7), engine_sample("dense", k, d, name, TRIALS[k, d])
    )
    assert (found != []) == (forgotten != "")


@pytest.mark.parametrize(
    ("forgotten", "columns"),
    [
        ("pull", {"|W∇f|²", "d|We|²", "(∇f·e)²"}),
        ("projection", {"|W∇f|²", "d|We|²", "(∇f·e)²"}),
        ("degrees", {"|∇f|²", "|W∇f|²", "d|We|²", "(∇f·e)²"}),
        ("x in the gradient", {"|W∇f|²"}),
        ("x in the norm", {"|∇f|²"}),
        ("u in the image", {"|W∇f|²", "d(u·We)²"}),
        ("x in the random direction", {"d(u·We)²"}),
        ("gradient in the random direction", {"d|We|²", "(∇f·e)²", "d(u·We)²"}),
        ("projection of the random direction", {"d|We|²", "(∇f·e)²"}),
    ],
)
def test_the_exact_moments_catch_it_too(forgotten: str, columns: set[str]) -> None:
    """The laws on paper refute most of these samplers without any second sample, at (8, 5) with relu."""
    response = straight(8, 5, get("relu"), Stream((8, 8), 0, 60_000), forgotten)
    found = off_paper(moments_of(features(response, get("relu")), 5), "relu", 8, 5)
    assert {line.split()[0] for line in found} >= columns


# --- The dense engine against networks, and against another program -------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_dense_images_are_those_of_vectors(name: str) -> None:
    """Along explicit unit vectors the network itself gives the outputs, and autograd the gradient."""
    k, d, batch = 6, 9, 20
    activation = get(name)
    stream = Stream((10, 10), 0, batch, dtype=torch.float64)
    draws = ENGINES["dense"][0](k, d, DIRECTIONS, stream)
    response = dense(k, d, activation, DIRECTIONS, draws, stream.buffer)
    network = TwoLayerNetwork(DenseGaussian.from_standard(draws["W"]), draws["a"], activation)
    x = draws["x"].clone().requires_grad_()
    torch.testing.assert_close(torch.linalg.vector_norm(x, dim=1), torch.full((batch,), 3.0).double())
    output = network(x)
    (gradient,) = torch.autograd.grad(output.sum(), x)
    torch.testing.assert_close(response.output, output.detach())
    torch.testing.assert_close(network.gradient(draws["x"]), gradient)
    torch.testing.assert_close(response.gradient_norm, torch.linalg.vector_norm(gradient, dim=1))
    steps = {"gradient": gradient, "sign": torch.sign(gradient), "random": draws["e"]}
    for direction, step in steps.items():
        size = torch.linalg.vector_norm(step, dim=1, keepdim=True)
        e = step / torch.where(size > 0, size, 1)
        length = torch.linspace(-2, 2, batch, dtype=torch.float64)
        expected = network(draws["x"] + length[:, None] * e)
        after = outputs_after(response, direction, [length, 0 * length], activation, stream.buffer)
        torch.testing.assert_close(after[:, 0], expected)
        torch.testing.assert_close(after[:, 1], response.output)


def numpy_script(k: int, d: int, trials: int, seed: int) -> Columns:
    """The experiment for tanh in plain numpy: its own generator, networks, gradient and steps."""
    rng = np.random.default_rng(seed)
    pieces: list[Columns] = []
    for _ in range(trials // 1000):
        w = rng.standard_normal((1000, k, d)) / np.sqrt(d)
        a = rng.choice([-1.0, 1.0], size=(1000, k))
        x = rng.standard_normal((1000, d))
        x *= np.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True)
        e = rng.standard_normal((1000, d))
        u = (w @ x[:, :, None])[:, :, 0]
        f = (a * np.tanh(u)).sum(1) / np.sqrt(k)
        v = a / np.cosh(u) ** 2 / np.sqrt(k)
        g = (v[:, None, :] @ w)[:, 0, :]
        norm = np.linalg.norm(g, axis=1)
        columns = {"f": f, "|∇f|": norm, "⟨∇f,x⟩": (g * x).sum(1), "dead?": norm == 0}
        images = {}
        for name, step in (("gradient", g), ("sign", np.sign(g)), ("random", e)):
            unit = step / np.linalg.norm(step, axis=1, keepdims=True)
            images[name] = image = (w @ unit[:, :, None])[:, :, 0]
            columns[f"|W e| {name}"] = np.linalg.norm(image, axis=1)
            columns[f"u·W e {name}"] = (u * image).sum(1)
            columns[f"v·W e {name}"] = (g * unit).sum(1)
            afters = []
            for length in [step * norm for step in STEPS] + [np.full(1000, radius) for radius in RADII]:
                delta = length[:, None] * unit * (1 if name == "random" else -np.sign(f)[:, None])
                moved = (w @ (x + delta)[:, :, None])[:, :, 0]
                afters.append((a * np.tanh(moved)).sum(1) / np.sqrt(k))
            for i, after in enumerate(afters):
                columns[f"f after {name} {i}"] = after
                columns[f"flip {name} {i}?"] = f * after < 0
                columns[f"differ {name} {i}?"] = np.sign(f) != np.sign(after)
            columns[f"steps that flip {name}"] = sum((f * after < 0).astype(float) for after in afters[:3])
            columns[f"f·f after {name}"] = f * afters[1]
            if name != "gradient":
                columns[f"image with the gradient's {name}"] = (image * images["gradient"]).sum(1)
        pieces.append({key: np.asarray(column, storage(key)) for key, column in columns.items()})
    return {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}


def test_dense_agrees_with_a_numpy_script() -> None:
    """At (64, 32) with tanh the dense engine has the law of a program that shares nothing with it."""
    script = numpy_script(64, 32, 30_000, seed=11)
    assert differences(engine_sample("dense", 64, 32, "tanh", TRIALS[64, 32]), script) == []


# --- Networks without a gradient, and other places where numbers run out -----------------------------


@pytest.mark.parametrize("engine_name", ENGINES)
@pytest.mark.parametrize("k", [1, 2, 3])
def test_dead_networks_stand_still(k: int, engine_name: str) -> None:
    """Where every neuron is dead f and ∇f are exactly 0, there is no step, and nothing is NaN."""
    d, relu = 4, get("relu")
    draw, respond = ENGINES[engine_name]
    stream = Stream((12, k), 0, 20_000)
    response = respond(k, d, relu, DIRECTIONS, draw(k, d, DIRECTIONS, stream), stream.buffer)
    dead = (response.preactivations <= 0).all(dim=1)
    # The share of dead networks is 2^−k: the exact interval of level FALSE_ALARM.
    low, high = clopper_pearson(int(dead.sum()), 20_000, 1 - FALSE_ALARM)
    assert low <= 2.0**-k <= high
    assert torch.equal(dead, response.gradient_norm == 0)
    assert (response.output[dead] == 0).all()
    for direction in ("gradient", "sign"):
        assert (response.images[direction][dead] == 0).all()
    assert all(image.isfinite().all() for image in response.images.values())
    # The random direction is still there, and leads to life: f ≠ 0 somewhere along it.
    after = outputs_after(response, "random", [torch.full((20_000,), 3.0)], relu, stream.buffer)
    assert (after[dead] != 0).any()


@pytest.mark.parametrize("k", [1, 2, 3])
def test_dead_networks_have_the_dense_law(k: int) -> None:
    """Given that all neurons are dead, the random direction's image has the same law with both engines."""
    samples = {}
    for name in ENGINES:
        columns = engine_sample(name, k, 4, "relu", 100_000)
        dead = columns["dead?"]
        samples[name] = {key: column[dead] for key, column in columns.items() if "random" in key}
        assert len(samples[name]["|W e| random"]) > 10_000
    assert differences(samples["conditional"], samples["dense"]) == []


@pytest.mark.parametrize("slope", [1e-6, 1e-15, 1e-18, 3e-19, 1e-19, 1e-22])
@pytest.mark.parametrize("engine_name", ENGINES)
def test_faint_gradients_are_unit_vectors_or_zero(slope: float, engine_name: str) -> None:
    """A slope whose square nearly underflows in float32 still gives images W e, |e| = 1, or exactly 0."""
    k, d, batch = 3, 4, 200
    faint = from_callable(lambda x: x * slope, name=f"faint {slope}")
    draw, respond = ENGINES[engine_name]
    stream = Stream((15, 15), 0, batch)
    draws = draw(k, d, DIRECTIONS, stream)
    response = respond(k, d, faint, DIRECTIONS, draws, stream.buffer)
    plain = respond(k, d, get("identity"), DIRECTIONS, draws, Stream((15, 15), 0, batch).buffer)
    some = response.gradient_norm > 0
    assert all(image.isfinite().all() for image in response.images.values())
    assert some.all() if slope >= 1e-18 else True
    torch.testing.assert_close(
        response.images["gradient"][some], plain.images["gradient"][some], rtol=1e-4, atol=1e-4
    )
    torch.testing.assert_close(
        response.gradient_norm[some] / slope, plain.gradient_norm[some], rtol=1e-3, atol=0
    )


def test_points_lie_on_their_sphere_in_float32() -> None:
    """At d = 3·10⁶ the norm is √d to 1e-6, for sums of squares are not added one after the other."""
    dim = 3_000_000
    stream = Stream((16, 16), 0, 1)
    for radius in (None, 1.0):
        norm = torch.linalg.vector_norm(sphere(stream, dim, radius=radius).double()).item()
        assert norm == pytest.approx(math.sqrt(dim) if radius is None else radius, rel=1e-6)


def test_points_keep_their_stream() -> None:
    """Points on a sphere are the normals of their name, normalised, in memory of their own."""
    stream = Stream((17, 17), 0, 4, dtype=torch.float64)
    points = sphere(stream, 5, "p", radius=2)
    normals = stream.normals("p", 5)
    expected = 2 * normals / torch.linalg.vector_norm(normals, dim=1, keepdim=True)
    torch.testing.assert_close(points, expected)


@pytest.mark.parametrize("engine_name", ENGINES)
def test_a_trial_does_not_depend_on_its_batch(engine_name: str) -> None:
    """Trials drawn and computed alone agree with those of a batch, to rounding in the last place."""
    k, d, tanh = 30, 20, get("tanh")
    draw, respond = ENGINES[engine_name]

    def response(first: int, batch: int) -> Response:
        stream = Stream((18, 18), first, batch, dtype=torch.float64)
        return respond(k, d, tanh, DIRECTIONS, draw(k, d, DIRECTIONS, stream), stream.buffer)

    whole = response(0, 9)
    for row in (0, 4, 8):
        alone = response(row, 1)
        torch.testing.assert_close(
            alone.gradient_norm, whole.gradient_norm[row : row + 1], rtol=1e-13, atol=0
        )
        for direction, image in alone.images.items():
            torch.testing.assert_close(image, whole.images[direction][row : row + 1], rtol=1e-12, atol=1e-13)


def test_more_directions_change_no_other() -> None:
    """Asking for the sign and the random direction leaves the gradient's image as it was, bit for bit."""
    k, d, relu = 30, 20, get("relu")
    draw, respond = ENGINES["conditional"]
    images = []
    for directions in (("gradient",), DIRECTIONS):
        stream = Stream((19, 19), 0, 9)
        images.append(respond(k, d, relu, directions, draw(k, d, directions, stream), stream.buffer).images)
    assert torch.equal(images[0]["gradient"], images[1]["gradient"])


def test_the_cost_of_a_direction_does_not_depend_on_the_dimension() -> None:
    """Nothing of length d is drawn for the gradient and the random direction: d = 10^15 is as good as 10."""
    relu = get("relu")
    draw, respond = ENGINES["conditional"]
    stream = Stream((20, 20), 0, 50)
    directions = ("gradient", "random")
    response = respond(40, 10**15, relu, directions, draw(40, 10**15, directions, stream), stream.buffer)
    # As d → ∞ ‖∇f‖² is the share of active neurons, and W ĝ is v̂.
    active = (response.preactivations > 0).float().mean(1)
    torch.testing.assert_close(response.gradient_norm**2, active, rtol=1e-5, atol=0)
    v = response.signs * (response.preactivations > 0)
    torch.testing.assert_close(
        response.images["gradient"], v / torch.sqrt(40 * active)[:, None], rtol=0, atol=1e-5
    )


# --- Gaussian matrices ------------------------------------------------------------------------------------


class GaussianMatrixLaws:
    """What holds of every `GaussianMatrix`; a subclass says how one is made and what its entries are.

    The statistical laws hold per matrix: each contributes one number to a mean.
    """

    def make(self, stream: Stream, rows: int, columns: int) -> GaussianMatrix:
        """As many independent matrices as the stream has trials."""
        raise NotImplementedError

    def entries(self, matrix: GaussianMatrix) -> Tensor:
        """The dense oracle: W itself, of shape (B, k, d)."""
        raise NotImplementedError

    @pytest.fixture(params=[(5, 3), (3, 5), (1, 1), (1, 6), (6, 1), (4, 4)], ids=str)
    def case(self, request: pytest.FixtureRequest) -> tuple[GaussianMatrix, Callable[[], Tensor], Stream]:
        """A batch of seven matrices, its oracle (to be asked last), and a stream for vectors."""
        stream = Stream((30, 30), 0, 7, dtype=torch.float64)
        matrix = self.make(stream, *request.param)
        return matrix, lambda: self.entries(matrix), stream

    def test_is_a_gaussian_matrix(self, case: tuple[GaussianMatrix, Callable[[], Tensor], Stream]) -> None:
        """It has the interface, and its oracle has its shape."""
        matrix, entries, _ = case
        assert isinstance(matrix, GaussianMatrix)
        assert entries().shape == (7, matrix.rows, matrix.columns)

    def test_products_are_the_oracles(
        self, case: tuple[GaussianMatrix, Callable[[], Tensor], Stream]
    ) -> None:
        """W x and Wᵀ v, for vectors and for blocks of vectors, are the products with the oracle."""
        matrix, entries, stream = case
        k, d = matrix.rows, matrix.columns
        x, xs = stream.normals("x", d).clone(), stream.normals("xs", d, 2).clone()
        v, vs = stream.normals("v", k).clone(), stream.normals("vs", k, 2).clone()
        answers = matrix.matvec(x), matrix.matvec(xs), matrix.rmatvec(v), matrix.rmatvec(vs)
        assert [tuple(answer.shape) for answer in answers] == [(7, k), (7, k, 2), (7, d), (7, d, 2)]
        w = entries()
        torch.testing.assert_close(answers[0], torch.einsum("bkd,bd->bk", w, x))
        torch.testing.assert_close(answers[1], torch.einsum("bkd,bdm->bkm", w, xs))
        torch.testing.assert_close(answers[2], torch.einsum("bkd,bk->bd", w, v))
        torch.testing.assert_close(answers[3], torch.einsum("bkd,bkm->bdm", w, vs))

    def test_a_repeated_query_has_the_same_answer(
        self, case: tuple[GaussianMatrix, Callable[[], Tensor], Stream]
    ) -> None:
        """Asked again, also as a column of a block, the same vector has the same image."""
        matrix, _, stream = case
        x = stream.normals("x", matrix.columns).clone()
        v = stream.normals("v", matrix.rows).clone()
        first, back = matrix.matvec(x), matrix.rmatvec(v)
        torch.testing.assert_close(matrix.matvec(x), first)
        torch.testing.assert_close(matrix.rmatvec(v), back)
        torch.testing.assert_close(matrix.matvec(x.unsqueeze(2)).squeeze(2), first)
        torch.testing.assert_close(matrix.rmatvec(torch.stack([v, v], dim=2))[:, :, 1], back)

    def test_it_is_linear(self, case: tuple[GaussianMatrix, Callable[[], Tensor], Stream]) -> None:
        """W(2x − y) = 2Wx − Wy, the same for Wᵀ, and W 0 = 0."""
        matrix, _, stream = case
        for verb, size in ((matrix.matvec, matrix.columns), (matrix.rmatvec, matrix.rows)):
            x, y = stream.normals("x", size).clone(), stream.normals("y", size).clone()
            torch.testing.assert_close(verb(2 * x - y), 2 * verb(x) - verb(y))
            assert (verb(torch.zeros_like(x)) == 0).all()

    def test_the_two_verbs_are_adjoint(
        self, case: tuple[GaussianMatrix, Callable[[], Tensor], Stream]
    ) -> None:
        """⟨W x, v⟩ = ⟨x, Wᵀ v⟩."""
        matrix, _, stream = case
        x, v = stream.normals("x", matrix.columns).clone(), stream.normals("v", matrix.rows).clone()
        left = torch.linalg.vecdot(matrix.matvec(x), v)
        torch.testing.assert_close(left, torch.linalg.vecdot(x, matrix.rmatvec(v)))

    @pytest.mark.parametrize("verb", ["matvec", "rmatvec"])
    def test_images_of_fixed_vectors_are_gaussian(self, verb: str) -> None:
        """W x ~ N(0, |x|²/d) in every entry, and images of two vectors have covariance ⟨x, y⟩/d.

        With 20,000 matrices each of the seven comparisons has level FALSE_ALARM/7 and known variance, and
        resolves 0.06 standard deviations with miss rate MISS.
        """
        k, d, batch = 6, 9, 20_000
        stream = Stream((31, 31), 0, batch, dtype=torch.float64)
        matrix = self.make(stream, k, d)
        inner, outer = (d, k) if verb == "matvec" else (k, d)
        x, y = torch.linspace(-1, 2, inner).double(), torch.arange(inner).double().remainder(3) - 1
        images = getattr(matrix, verb)(torch.stack([x, y], dim=1).expand(batch, inner, 2))
        first, second = images.unbind(2)
        xx, yy, xy = (float(p @ q) / d for p, q in ((x, x), (y, y), (x, y)))
        checks = [
            (first.sum(1), 0, outer * xx),
            (second.sum(1), 0, outer * yy),
            ((first**2).sum(1), outer * xx, 2 * outer * xx**2),
            ((second**2).sum(1), outer * yy, 2 * outer * yy**2),
            ((first * second).sum(1), outer * xy, outer * (xx * yy + xy**2)),
            ((first[:, 0] * first[:, -1]), 0, xx**2),
            ((first[:, 0] ** 4), 3 * xx**2, 96 * xx**4),
        ]
        limit = stats.norm.isf(FALSE_ALARM / len(checks) / 2)
        for values, mean, variance in checks:
            assert abs(values.mean().item() - mean) < limit * math.sqrt(variance / batch)

    @pytest.mark.parametrize("shape", [(7, 4), (7, 5, 2), (6, 3), (3,), (7, 3, 2, 1), (7,)])
    def test_a_wrong_shape_is_refused(self, shape: tuple[int, ...]) -> None:
        """Vectors that do not fit are refused with the shape that was expected."""
        matrix = self.make(Stream((32, 32), 0, 7), 5, 3)
        with pytest.raises(BadInput, match=r"expected.*\(7, 3\)"):
            matrix.matvec(torch.zeros(shape))
        with pytest.raises(BadInput, match=r"expected.*\(7, 5\)"):
            matrix.rmatvec(torch.zeros(shape) if shape != (7, 5, 2) else torch.zeros(7, 3, 2))

    @pytest.mark.parametrize(("rows", "columns"), [(0, 3), (3, 0), (-1, 3)])
    def test_an_empty_matrix_is_refused(self, rows: int, columns: int) -> None:
        """A matrix has at least one row and one column."""
        with pytest.raises(BadInput, match="at least one"):
            self.make(Stream((32, 32), 0, 7), rows, columns)


class TestDenseGaussian(GaussianMatrixLaws):
    """The laws for the matrix that is drawn whole."""

    def make(self, stream: Stream, rows: int, columns: int) -> DenseGaussian:
        """All entries from the stream."""
        return DenseGaussian(stream, rows, columns)

    def entries(self, matrix: GaussianMatrix) -> Tensor:
        """The standard entries over √d."""
        assert isinstance(matrix, DenseGaussian)
        return matrix.standard / math.sqrt(matrix.columns)

    def test_given_entries(self) -> None:
        """A matrix made of given standard entries has these, and its products use them."""
        standard = torch.arange(12.0).reshape(1, 3, 4)
        matrix = DenseGaussian.from_standard(standard)
        assert (matrix.rows, matrix.columns) == (3, 4)
        assert matrix.matvec(torch.ones(1, 4)).tolist() == [[3.0, 11.0, 19.0]]


class TestLazyGaussian(GaussianMatrixLaws):
    """The laws for the matrix of which only what is asked for is drawn."""

    def make(self, stream: Stream, rows: int, columns: int) -> LazyGaussian:
        """Nothing drawn yet."""
        return LazyGaussian(stream, rows, columns)

    def entries(self, matrix: GaussianMatrix) -> Tensor:
        """The matrix completed consistently with all that it answered."""
        assert isinstance(matrix, LazyGaussian)
        return matrix.materialise().standard / math.sqrt(matrix.columns)

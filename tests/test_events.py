"""The event-driven engine: its region, its far sums with the bound on their error, its algebra, its law."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from simulate import GRAD_NORM, INIT_FLIP, GradNorm, InitFlip, Plan, events, fused, run
from simulate.activations import Activation, get
from simulate.errors import BadInput
from simulate.events import kernel
from simulate.events.far import SIDE, FarSums
from simulate.events.near import MOST_ERROR, Region, region
from simulate.experiments.init_flip_report import report
from simulate.laws import scaled
from simulate.onestep import conditional, dense, draw_conditional, draw_dense, outputs_after
from simulate.streams import Stream
from simulate.streams.philox import philox_words
from tests.two_samples import Sample, differences, resolution

NAMES = ("relu", "leaky_relu", "abs")
Array = NDArray[np.float64]


def lopsided(x: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """Equal to x above 0 and to −x/2 below: both sides count, and by different amounts."""
    return torch.maximum(x, -0.5 * x, out=out)


def lopsided_slope(x: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """Its derivative."""
    slope = torch.where(x > 0, 1.0, -0.5).to(x.dtype)
    return slope if out is None else out.copy_(slope)


LOPSIDED = Activation(
    "lopsided",
    lopsided,
    lopsided_slope,
    lipschitz=1.0,
    kinks=(0.0,),
    homogeneous_degree=1,
)


# --- the sums over far neurons ---------------------------------------------------------------------------


def characteristic(far: FarSums, s: Array, t: Array) -> Array:
    """E exp(i(sX + tZ)) outside the region on a grid, by plain quadrature over the plane: independent of the series."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    z = np.concatenate([2 + 2 * nodes, 8 + 4 * nodes])  # [0, 4] and [4, 12]
    of_z = np.concatenate([2 * weights, 4 * weights])
    edge = far.slope * z + far.offset
    x = edge[:, None] + (12 - edge[:, None]) * (nodes + 1) / 2
    of_x = (12 - edge[:, None]) / 2 * weights * 2 * stats.norm.pdf(x)
    of_z *= 2 * stats.norm.pdf(z)
    marginal = np.array([(of_x * np.cos(value * x)).sum(1) for value in s])
    result: Array = (marginal * of_z) @ np.cos(t[:, None] * z).T / float(of_x.sum(1) @ of_z)
    return result


def exact_ratio(far: FarSums, count: int, points: Array) -> Array:
    """The density of the scaled sums over that of N(0, I) at all pairs of points, by inverting ψⁿ."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    theta, share = 7 * (nodes + 1), 7 * weights
    x, z = (math.sqrt(count * variance) for variance in far.variances)
    psi = characteristic(far, theta / x, theta / z) ** count
    waves = np.cos(np.outer(points, theta)) * share
    density = waves @ psi @ waves.T / math.pi**2
    result: Array = density / np.outer(stats.norm.pdf(points), stats.norm.pdf(points))
    return result


@pytest.mark.parametrize(("slope", "offset"), [(0.03, 0.03), (0.05, 0.2), (0.3, 0.3)])
def test_far_sums_have_the_exact_density(slope: float, offset: float) -> None:
    """The series is the exact density within the stated bound, and a Gaussian alone is not."""
    far, count = FarSums(slope, offset), 1500
    points = np.linspace(0, 4, 17)
    exact = exact_ratio(far, count, points)
    series = np.array([[kernel._ratio(x, z, 1 / count, far.coefficients) for z in points] for x in points])
    gaussian = np.outer(stats.norm.pdf(points), stats.norm.pdf(points))
    # Densities of two laws as smooth as these are no farther apart than a few times the laws themselves.
    assert np.abs((series - exact) * gaussian).max() <= far.error(count) + 1e-12
    assert np.abs((1 - exact) * gaussian).max() > 1e-7
    assert (np.abs(series - 1) <= far.envelope(count) - 1).all()


@pytest.mark.parametrize("count", [60, 200, 1500])
def test_the_bound_covers_the_distance(count: int) -> None:
    """Half the integral of the difference of the densities is below the bound, which falls as neurons are added."""
    far = FarSums(0.02, 0.02)
    points = np.linspace(0, 6, 61)
    gaussian = np.outer(stats.norm.pdf(points), stats.norm.pdf(points))
    series = np.array([[kernel._ratio(x, z, 1 / count, far.coefficients) for z in points] for x in points])
    difference = np.abs(series - exact_ratio(far, count, points)) * gaussian
    distance = 4 * np.trapezoid(np.trapezoid(difference, points), points) / 2
    assert distance <= far.error(count) + 1e-11
    assert far.error(2 * count) <= far.error(count)


def test_far_sums_against_moments_by_quadrature() -> None:
    """P and the variances outside the region are those of a double integral; without a region nothing is corrected."""
    from scipy.integrate import dblquad

    far = FarSums(0.2, 0.1)

    def inside(power_x: int, power_z: int) -> float:
        value, _ = dblquad(
            lambda x, z: 4 * x**power_x * z**power_z * stats.norm.pdf(x) * stats.norm.pdf(z),
            0,
            9,
            0,
            lambda z: 0.2 * z + 0.1,
        )
        return float(value)

    share = inside(0, 0)
    assert far.inside == pytest.approx(share, abs=1e-9)
    assert far.variances == pytest.approx(
        [(1 - inside(2, 0)) / (1 - share), (1 - inside(0, 2)) / (1 - share)], abs=1e-8
    )
    plain = FarSums(0.0, 0.0)
    assert plain.variances == (1.0, 1.0)
    assert np.count_nonzero(plain.coefficients) == 1


@pytest.mark.parametrize(("slope", "offset"), [(0.001, 0.002), (0.03, 0.03), (0.17, 0.16), (0.3, 0.3)])
def test_the_majorant_leaves_half_of_the_gaussian(slope: float, offset: float) -> None:
    """On the edge of the square of frequencies the majorant is below half of the Gaussian's exponent, as is claimed."""
    far = FarSums(slope, offset)
    edge = np.array([far._reach])
    along = np.linspace(0, far._reach, 30)
    x, z = far.variances
    for values, quarter in (
        (far._nonlinear(edge, along)[0], x * edge**2 + z * along**2),
        (far._nonlinear(along, edge)[:, 0], x * along**2 + z * edge**2),
    ):
        assert (values <= quarter / 4).all()


def test_far_sums_are_accepted_by_their_ratio() -> None:
    """The pair returned is the first below the ratio, replayed from its words; often not the first tried."""
    from numba import njit

    from simulate.streams.transforms import normal_pair64, uniform64

    @njit
    def attempt(w, v):
        return (*normal_pair64(w[0], w[1], w[2], w[3]), uniform64(v[0], v[1]))

    far, count = FarSums(0.2, 0.2), 300
    envelope = far.envelope(count)
    assert envelope > 1.4
    key, later = np.array([7, 8], np.uint32), 0
    for trial in range(400):
        tried = 0
        while True:
            words = [philox_words(np.array([2 * tried + i, 5, trial, 0], np.uint32), key) for i in range(2)]
            x, z, level = attempt(*words)
            if level * envelope <= kernel._ratio(x, z, 1 / count, far.coefficients):
                break
            tried += 1
        later += tried > 0
        address = (np.uint32(5), np.uint32(trial), np.uint32(0), *key)
        limits = (far.coefficients, np.array(far.variances), SIDE, envelope)
        found = kernel.far(count, *limits, *address)
        expected = [x * math.sqrt(count * far.variances[0]), z * math.sqrt(count * far.variances[1])]
        assert found == pytest.approx(expected, rel=1e-12)
    assert later > 50


# --- the region ------------------------------------------------------------------------------------------


LENGTHS = st.lists(st.floats(-7, 3).map(lambda power: 10**power), max_size=2)


@given(
    k=st.floats(0, 6).map(lambda power: round(10**power)),
    d=st.floats(0.4, 6).map(lambda power: round(10**power)),
    steps=LENGTHS,
    radii=LENGTHS,
    name=st.sampled_from(NAMES),
)
@example(30, 1000, [0.01], [], "relu")
@example(1, 2, [1e-3], [], "relu")
@example(4096, 1024, [5e-324], [], "relu")
@settings(max_examples=20, deadline=None)
def test_any_network_has_a_region_or_none(
    k: int, d: int, steps: list[float], radii: list[float], name: str
) -> None:
    """Whatever is asked, the region states an error of 1e-9 at most, or there is none and every neuron is drawn."""
    found = region(k, d, events.slopes(get(name)), steps, radii)
    if found is None:
        assert steps or radii
    else:
        assert 0 <= found.error <= MOST_ERROR
        assert 0 <= found.far.inside <= found.proposed <= 1
        assert found.most <= k


def crossing(name: str, k: int, d: int, step: float, radius: float, seed: int) -> tuple[Array, Array, Array]:
    """|u|, |z| and whether the step or the radius takes the neuron to the other side, in 50 networks, (50, k)."""
    stream = Stream((seed, 1), 0, 50, dtype=torch.float64)
    sigma = get(name)
    draws = draw_conditional(k, d, ("gradient",), stream)
    response = conditional(k, d, sigma, ("gradient",), draws, stream.buffer)
    u, norm = response.preactivations, response.gradient_norm[:, None]
    image = -torch.sign(response.output)[:, None] * response.images["gradient"]
    crossed = torch.zeros_like(u, dtype=torch.bool)
    for length in (step * norm, radius * torch.ones_like(norm)):
        crossed |= torch.sign(u + length * image) != torch.sign(u)
    return u.abs().numpy(), draws["z"].abs().numpy(), crossed.numpy()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("k", "d", "step", "radius"), [(2000, 300, 1.0, 0.5), (3000, 5000, 6.0, 4.0)])
def test_the_region_holds_every_neuron_that_crosses(
    name: str, k: int, d: int, step: float, radius: float
) -> None:
    """No neuron outside the region changes sides in 50 networks; a region of half the size misses some."""
    found = region(k, d, events.slopes(get(name)), [step], [radius])
    assert found is not None
    size, across, crossed = crossing(name, k, d, step, radius, 5)
    assert crossed.any()
    assert not (crossed & (size > found.slope * across + found.offset)).any()
    assert (crossed & (size > (found.slope * across + found.offset) / 2)).any()


def drawn_neurons(found: Region, trials: int, real: type) -> tuple[Array, NDArray[np.int64]]:
    """The neurons of many trials, shape (5, neurons), and how many each trial has."""
    proposals = Stream((1, 1), 0, trials).binomial("p", found.width, found.proposed).numpy()
    pieces, counts = [], []
    for trial, proposed in enumerate(proposals.tolist()):
        tiles = -(-proposed // kernel.LANES)
        memory = np.empty(tiles * kernel.TILE, real)
        limits = (real(found.slope), real(found.offset), np.uint32(found.rayleigh))
        words = (np.uint32(trial), np.uint32(0), np.uint32(7), np.uint32(8))
        kernel.near(memory, proposed, *limits, *found.slopes, np.uint32(9), *words)
        table = memory.astype(float).reshape(tiles, 5, kernel.LANES).transpose(1, 0, 2).reshape(5, -1)
        kept = table[:, table[3] != 0]
        assert (table[:, table[3] == 0] == 0).all()
        pieces.append(kept)
        counts.append(kept.shape[1])
    return np.concatenate(pieces, axis=1), np.array(counts)


def of_neurons(size: Array, across: Array, pull: Array, sign: Array) -> Sample:
    """Columns that tell whether neurons have their law."""
    return {
        "size": size,
        "across": across,
        "product": size * np.abs(across),
        "a > 0?": sign > 0,
        "u > 0?": pull * sign > 0,
        "z > 0?": across > 0,
        "a and u?": pull > 0,
    }


@pytest.mark.parametrize("real", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
def test_neurons_of_the_region_have_their_law(real: type) -> None:
    """Number, sizes and signs of the neurons drawn are those of the neurons of the region among all; 1e-3 false alarms.

    Without the rejection of half of the corner beyond the Gaussian's bulk, the sizes would be told apart.
    """
    found = Region(400, (1.0, 0.5), 0.4, 100)
    kept, counts = drawn_neurons(found, 1500, real)
    ours = of_neurons(*kept[:4])
    generator = np.random.default_rng(3)
    u, z = generator.standard_normal((2, 400, 1500))
    inside = np.abs(u) <= found.slope * np.abs(z) + found.offset
    a = generator.choice([-1.0, 1.0], u.shape)
    pull = a * np.sign(u) * np.where(u > 0, 1.0, 0.5)
    theirs = of_neurons(np.abs(u)[inside], (np.sign(u) * z)[inside], pull[inside], a[inside])
    assert differences(ours, theirs, 1e-3) == []
    assert differences({"count": counts.astype(float)}, {"count": inside.sum(0).astype(float)}, 1e-3) == []
    assert (kept[4] == (kept[2] * kept[3] > 0)).all()
    # Control: proposals before the rejection, sizes uniform below the edge.
    edge = found.slope * np.abs(kept[1]) + found.offset
    assert (
        differences({"size": edge * generator.uniform(size=edge.size)}, {"size": theirs["size"]}, 1e-3) != []
    )


# --- the algebra -----------------------------------------------------------------------------------------


@given(
    k=st.integers(1, 400),
    d=st.integers(2, 50),
    name=st.sampled_from([*NAMES, "identity"]),
    gain=st.sampled_from([1.0, math.sqrt(2)]),
    share=st.floats(0.0, 1.0),
    fixed=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60)
def test_two_sums_stand_for_the_neurons_that_stay(
    k: int, d: int, name: str, gain: float, share: float, fixed: bool, seed: int
) -> None:
    """With the draws of the conditional form and true far sums, f before and after and ‖∇f‖ agree to rounding."""
    sigma = scaled(name, gain, gain)
    above, below = events.slopes(sigma)
    stream = Stream((seed, 2), 0, 4, dtype=torch.float64)
    draws = draw_conditional(k, d, ("gradient",), stream)
    response = conditional(k, d, sigma, ("gradient",), draws, stream.buffer)
    norm = response.gradient_norm
    heading = torch.ones_like(norm) if fixed else -torch.sign(response.output)
    lengths = [heading * 0.7 * norm, heading * 0.4 * (norm > 0)]
    expected = outputs_after(response, "gradient", lengths, sigma, stream.buffer).numpy()
    image = response.images["gradient"].numpy()
    for b in range(4):
        u, z, a = (draws[key][b].numpy() for key in ("u", "z", "a"))
        crossed = np.zeros(k, bool)
        for length in lengths:
            crossed |= np.sign(u + float(length[b]) * image[b]) != np.sign(u)
        drawn = crossed | (np.random.default_rng(seed).uniform(size=k) < share)
        slope = np.where(u > 0, above, below)
        tiles = -(-int(drawn.sum()) // kernel.LANES)
        table = np.zeros((5, tiles * kernel.LANES))
        e = np.sign(u)
        rows = (np.abs(u), e * z, a * e * slope, a, (u > 0).astype(float))
        for row, values in zip(table, rows, strict=True):
            row[: drawn.sum()] = values[drawn]
        memory = np.ascontiguousarray(table.reshape(5, tiles, kernel.LANES).transpose(1, 0, 2)).ravel()
        lanes = np.empty((4, kernel.LANES))
        v_u, v_z, count, plus = kernel.sums(memory, memory.size, lanes)
        assert (count, plus) == (drawn.sum(), (drawn & (u > 0)).sum())
        v_u += float((a * slope * u)[~drawn].sum())
        v_z += float((a * slope * z)[~drawn].sum())
        positive = plus + int((~drawn & (u > 0)).sum())
        after = np.empty(2)
        sizes, by_norm = np.array([0.7, 0.4]), np.array([True, False])
        output, length = kernel.outputs(
            memory, memory.size, k, d, above, below, float(draws["chi2"][b]), v_u, v_z, positive,
            sizes, by_norm, 0 if fixed else -1, lanes, after,
        )  # fmt: skip
        assert output == pytest.approx(float(response.output[b]), abs=1e-12)
        assert length == pytest.approx(float(norm[b]), abs=1e-12)
        if abs(output) > 1e-10:
            assert after == pytest.approx(expected[b], abs=1e-10 * (1 + 1 / max(length, 1e-6)))


# --- the law ---------------------------------------------------------------------------------------------


def columns(output: torch.Tensor, norm: torch.Tensor, after: torch.Tensor) -> Sample:
    """Columns of networks, with what ties them together."""
    f, g, moved = (value.double().numpy() for value in (output, norm, after))
    sample: Sample = {"f": f, "norm": g, "f·norm²": f * g**2}
    for i in range(moved.shape[1]):
        sample |= {
            f"after {i}": moved[:, i],
            f"after·f {i}": moved[:, i] * f,
            f"flip {i}?": moved[:, i] * f < 0,
        }
        sample |= {f"change·norm {i}": (moved[:, i] - f) * np.sign(f) * g}
    return sample


def event_sample(
    sigma: Activation,
    k: int,
    d: int,
    steps: Sequence[float],
    radii: Sequence[float],
    trials: int,
    stream: Stream | None = None,
) -> Sample:
    """Networks of the event engine."""
    found = events.region_of(sigma, k, d, tuple(steps), tuple(radii))
    assert found is not None
    seen = events.observe(stream or Stream((11, k), 0, trials), found, d, steps, radii)
    return columns(seen.output, seen.gradient_norm, seen.after[0])


def conditional_sample(
    name: str, k: int, d: int, steps: Sequence[float], radii: Sequence[float], trials: int
) -> Sample:
    """Networks of the conditional engine."""
    line = fused.Line("gradient", steps, radii)
    seen = fused.observe(Stream((12, k), 0, trials), get(name), k, d, [line])
    return columns(seen.output, seen.gradient_norm, seen.after[0])


def torch_sample(
    draw: object,
    respond: object,
    sigma: Activation,
    k: int,
    d: int,
    steps: Sequence[float],
    trials: int,
    batch: int,
) -> Sample:
    """Networks of one of the torch forms."""
    pieces = []
    for first in range(0, trials, batch):
        stream = Stream((13, k), first, batch)
        draws = draw(k, d, ("gradient",), stream)  # type: ignore[operator]
        response = respond(k, d, sigma, ("gradient",), draws, stream.buffer)  # type: ignore[operator]
        norm = response.gradient_norm
        lengths = [-torch.sign(response.output) * step * norm for step in steps]
        after = outputs_after(response, "gradient", lengths, sigma, stream.buffer)
        pieces.append(columns(response.output, norm, after))
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


@pytest.mark.parametrize(
    "name", ["relu", *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[1:])]
)
def test_law_against_the_dense_oracle(name: str) -> None:
    """At width 400 and dimension 300 the networks have the law of those whose matrix is drawn; 1e-3 false alarms.

    4,000 networks on the dense side: a mean 0.16 standard deviations off is found with miss rate 1e-3.
    """
    steps = (0.1, 0.2)
    ours = event_sample(get(name), 400, 300, steps, (), 60_000)
    theirs = torch_sample(draw_dense, dense, get(name), 400, 300, steps, 4_000, 100)
    assert resolution(4_000, 3 * len(ours), 1e-3)[0] < 0.17
    assert differences(ours, theirs, 1e-3) == []


@pytest.mark.parametrize(
    ("name", "k", "d", "steps", "radii"),
    [
        ("relu", 4096, 1024, (1.0, 6.0), (0.5,)),
        ("leaky_relu", 1500, 2000, (2.0,), ()),
        ("abs", 1500, 2000, (1.0,), (2.0,)),
    ],
)
def test_law_against_the_conditional_engine(
    name: str, k: int, d: int, steps: tuple[float, ...], radii: tuple[float, ...]
) -> None:
    """At sizes that are used, 40,000 networks of each engine are not told apart; 1e-3 false alarms, 0.06 σ found."""
    ours = event_sample(get(name), k, d, steps, radii, 40_000)
    assert resolution(40_000, 3 * len(ours), 1e-3)[0] < 0.06
    assert differences(ours, conditional_sample(name, k, d, steps, radii, 40_000), 1e-3) == []


def test_a_far_sum_without_its_truncation_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: far neurons as if they could lie anywhere have another law, and the comparison finds it."""
    theirs = conditional_sample("relu", 1500, 2000, (2.0,), (), 40_000)
    found = events.region_of(get("relu"), 1500, 2000, (2.0,))
    assert found is not None
    monkeypatch.setitem(found.__dict__, "far", FarSums(0.0, 0.0))
    seen = events.observe(Stream((11, 1), 0, 40_000), found, 2000, (2.0,))
    ours = columns(seen.output, seen.gradient_norm, seen.after[0])
    monkeypatch.undo()
    assert differences(ours, theirs, 1e-3) != []


class Careless(Stream):
    """A stream whose names for the far sums of the two sides share their counters."""

    def word(self, name: str, dtype: torch.dtype) -> int:
        """The word of the name, or of the other side's."""
        return super().word("events.above" if name == "events.below" else name, dtype)


def test_a_counter_used_twice_is_caught() -> None:
    """Control: one pair of far sums for both sides of the kink is found, and two of their own are not."""
    theirs = torch_sample(draw_conditional, conditional, LOPSIDED, 800, 900, (0.5,), 20_000, 1000)
    ours = event_sample(LOPSIDED, 800, 900, (0.5,), (), 20_000)
    assert differences(ours, theirs, 1e-3) == []
    careless = event_sample(LOPSIDED, 800, 900, (0.5,), (), 20_000, Careless((11, 800), 0, 20_000))
    assert differences(careless, theirs, 1e-3) != []


def test_trials_do_not_depend_on_their_batch() -> None:
    """A trial is the same number for number alone, in a batch and in another batch."""
    found = events.region_of(get("relu"), 2000, 500, (1.0,))
    assert found is not None
    whole = events.observe(Stream((3, 4), 10, 40), found, 500, (1.0,))
    for first, count in ((10, 1), (13, 7), (49, 1)):
        part = events.observe(Stream((3, 4), first, count), found, 500, (1.0,))
        rows = slice(first - 10, first - 10 + count)
        assert torch.equal(part.output, whole.output[rows])
        assert torch.equal(part.after[0], whole.after[0][rows])
        assert torch.equal(part.gradient_norm, whole.gradient_norm[rows])


@pytest.mark.slow
def test_law_in_float64() -> None:
    """Numbers drawn in float64 have the law too."""
    ours = event_sample(
        get("relu"), 1500, 2000, (2.0,), (), 40_000, Stream((5, 5), 0, 40_000, dtype=torch.float64)
    )
    assert differences(ours, conditional_sample("relu", 1500, 2000, (2.0,), (), 40_000), 1e-3) == []


# --- as an engine ----------------------------------------------------------------------------------------


def test_runs_state_what_was_drawn_and_the_error() -> None:
    """A run with the event engine says which share of the neurons it drew and how exact the law of a trial is."""
    plan = Plan(INIT_FLIP, (InitFlip(2000, 1000, engine="event", steps=(1.0,)),), 4_000)
    entry = report(run(plan).cells[0], 0.95)
    assert 0 < entry["event"]["neurons_drawn"] < 0.1
    assert 0 < entry["event"]["law_error"] <= 1e-9
    limit = entry["flip"][0]["limit"]
    assert abs(entry["flip"][0]["probability"] - limit) < 0.05


def test_small_networks_are_drawn_whole() -> None:
    """Where the error could not be bounded every neuron is drawn, and the entry says that nothing is lost."""
    point = InitFlip(30, 20, engine="event", steps=(1.0,))
    assert point.region is None
    entry = report(run(Plan(INIT_FLIP, (point,), 3_000)).cells[0], 0.95)
    assert entry["event"] == {"neurons_drawn": 1.0, "law_error": 0.0}
    exact = report(run(Plan(INIT_FLIP, (InitFlip(30, 20, steps=(1.0,)),), 3_000)).cells[0], 0.95)
    ours, theirs = entry["flip"][0], exact["flip"][0]
    assert ours["low"] <= theirs["high"]
    assert theirs["low"] <= ours["high"]


def test_the_gradient_norm_needs_no_neuron() -> None:
    """Without a step no neuron can cross: ‖∇f‖ comes from four numbers, exactly in law at widths 3 and 500."""
    for width in (3, 500):
        ours = run(Plan(GRAD_NORM, (GradNorm(width, 40, engine="event"),), 30_000)).cells[0]
        theirs = run(Plan(GRAD_NORM, (GradNorm(width, 40),), 30_000)).cells[0]
        assert ours.parameters.region.error == 0.0
        for name in ("gradient_norm", "gradient_norm_squared"):
            one, other = ours.summary.moments[name], theirs.summary.moments[name]
            error = math.sqrt((float(one.variance) + float(other.variance)) / 30_000)
            assert abs(float(one.mean) - float(other.mean)) < 4 * error


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"activation": "tanh"}, "one kink, at 0"),
        ({"depth": 3}, "depth 2 only"),
        ({"directions": ("gradient", "random")}, "not --direction random"),
        ({"gammas": (0.1,)}, "not --gamma"),
        ({"minimal_step": True}, "not --minimal-step"),
    ],
)
def test_what_it_does_not_know_is_refused(parameters: dict[str, object], message: str) -> None:
    """Other activations, depths and questions are one clear error that names the way out."""
    with pytest.raises(BadInput, match=message):
        InitFlip(4096, 1024, engine="event", **parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("device", "dtype", "message"),
    [("mps", torch.float32, "on the CPU and on CUDA"), ("cuda", torch.float64, "in float32 only")],
)
def test_other_devices_and_types_are_refused(device: str, dtype: torch.dtype, message: str) -> None:
    """What no kernel draws is one clear error that names the way out."""
    found = events.region_of(get("relu"), 4096, 1024, (2.0,))
    assert found is not None
    with pytest.raises(BadInput, match=message):
        events.observe(Stream((1, 2), 0, 5, dtype=dtype, device=device), found, 1024, (2.0,))

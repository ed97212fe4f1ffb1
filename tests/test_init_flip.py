"""The flip experiment: its definitions, its limits, its rounding, and what its report says.

Statistical tests fix their seed and state their design. FALSE_ALARM is the two-sided false-alarm rate of one
comparison (some two hundred of them here, so 2e-4 for the file), MISS the miss rate at which the stated
discrepancy is resolved.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import erf
from scipy.stats import norm
from torch import Tensor

from simulate import laws
from simulate.activations import NAMES, from_callable, get
from simulate.engine import Experiment, Plan, grid, plan_from_json, run
from simulate.errors import BadInput, RunFailed
from simulate.experiments import INIT_FLIP, InitFlip, document, init_flip, observe
from simulate.experiments.random_network import in_float64
from simulate.matrices import DenseGaussian
from simulate.networks import TwoLayerNetwork
from simulate.onestep import DIRECTIONS, ENGINES
from simulate.statistics import Design, clopper_pearson
from simulate.streams import Stream, Workspace

FALSE_ALARM = 1e-6
MISS = 1e-3
LIMIT = float(norm.isf(FALSE_ALARM / 2))

Columns = dict[str, NDArray[Any]]


def columns(parameters: InitFlip, trials: int, seed: int, dtype: torch.dtype = torch.float32) -> Columns:
    """The experiment's columns for so many trials, in batches of a size that fits."""
    batch = max(1, min(trials, 4096, 2**21 // parameters.numbers_per_trial))
    workspace = Workspace()
    pieces = []
    for first in range(0, trials, batch):
        stream = Stream((seed, 77), first, min(batch, trials - first), dtype=dtype, workspace=workspace)
        found = init_flip.trial(parameters, stream, stream.batch)
        pieces.append({name: column.numpy().copy() for name, column in found.items()})
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


# --- Definitions ------------------------------------------------------------------------------------------


# Each activation and type is code to compile: these stand for the others, which test_fused.py compares one by one.
@settings(max_examples=40)
@given(
    width=st.integers(1, 30),
    dim=st.integers(2, 30),
    name=st.sampled_from(["relu", "step", "tanh", "quadratic"]),
    engine=st.sampled_from(list(ENGINES)),
    fixed_sign=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_a_flip_is_a_difference(
    width: int, dim: int, name: str, engine: str, fixed_sign: bool, dtype: torch.dtype
) -> None:
    """Every flip is a difference, a zero gradient is neither, and every column has its documented shape."""
    parameters = InitFlip(
        width,
        dim,
        name,
        engine,
        steps=(0.5, 40.0),
        radii=(1.0,),
        directions=DIRECTIONS,
        fixed_sign=fixed_sign,
    )
    found = columns(parameters, 50, 1, dtype)
    assert found["flip"].shape == found["differ"].shape == (50, 3, 3)
    assert not (found["flip"] & ~found["differ"]).any()
    dead = found["zero_gradient"]
    assert not found["differ"][dead].any()
    assert (found["gradient_norm"][dead] == 0).all()
    assert (found["gradient_norm"][~dead] > 0).all()
    np.testing.assert_allclose(found["gradient_norm"] ** 2, found["gradient_norm_squared"])
    assert {name: column.dtype for name, column in found.items()} == {
        **dict.fromkeys(["flip", "differ", "zero_gradient"], np.dtype(bool)),
        **dict.fromkeys(["output", "gradient_norm", "gradient_norm_squared"], np.dtype(float)),
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_flip_and_differ_part_where_all_neurons_die(engine: str) -> None:
    """ReLU at (5, 40), η = 3: flip is about 0.59, differ about 0.80, and between them f(x + δ) is exactly 0.

    100,000 trials resolve 0.013 at 0.59 and at 0.80.
    """
    trials = 100_000
    found = columns(InitFlip(5, 40, "relu", engine, steps=(3.0,)), trials, 2)
    flip, differ = found["flip"].sum(), found["differ"].sum()
    for count, probability in ((flip, 0.59), (differ, 0.80)):
        Design.for_proportion(probability, 0.013, FALSE_ALARM, MISS, trials=trials)
        low, high = clopper_pearson(int(count), trials, 1 - FALSE_ALARM)
        assert low - 0.005 <= probability <= high + 0.005  # the claim has two digits
    # With five neurons one trial in 32 has no gradient.
    low, high = clopper_pearson(int(found["zero_gradient"].sum()), trials, 1 - FALSE_ALARM)
    assert low <= 1 / 32 <= high


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_the_literal_claim_is_half_as_often_true(name: str) -> None:
    """A step along +∇f flips half as often in the limit, for it helps only where f < 0.

    20,000 trials resolve 0.03 in a probability.
    """
    trials, steps = 20_000, (1.0, 2.0, 4.0)
    Design.for_proportion(0.5, 0.03, FALSE_ALARM, MISS, trials=trials)
    literal = columns(InitFlip(1000, 10**6, name, steps=steps, fixed_sign=True), trials, 3)
    limit = laws.flip_probability_limit(name, step=steps, fixed_sign=True)
    np.testing.assert_allclose(limit, laws.flip_probability_limit(name, step=steps) / 2)
    low, high = clopper_pearson(literal["flip"][:, 0].sum(0), trials, 1 - FALSE_ALARM)
    # ReLU's finite-width correction at k = 1000 is 0.005.
    assert (low - 0.006 <= limit).all()
    assert (limit <= high + 0.006).all()
    assert literal["output"][literal["flip"][:, 0, 0]].max() < 0


@pytest.mark.parametrize("engine", ENGINES)
def test_a_fixed_sign_agrees_with_the_signed_step_below_zero(engine: str) -> None:
    """Where f < 0 the step along −sign(f)∇f is the step along +∇f: the same draws give the same events."""
    signed = columns(InitFlip(6, 5, "tanh", engine, directions=DIRECTIONS), 2000, 4)
    literal = columns(InitFlip(6, 5, "tanh", engine, directions=DIRECTIONS, fixed_sign=True), 2000, 4)
    below = signed["output"] < 0
    assert 800 < below.sum() < 1200
    np.testing.assert_array_equal(signed["flip"][below], literal["flip"][below])
    assert (signed["flip"][~below, :2] != literal["flip"][~below, :2]).any()
    # The random direction has no sign to follow.
    np.testing.assert_array_equal(signed["flip"][:, 2], literal["flip"][:, 2])


def test_all_perturbations_of_a_step_have_one_length() -> None:
    """Measured on vectors, δ = W⁺(W δ) is η‖∇f‖ or r long in every direction, and f(x + δ) is what is used."""
    k, d, batch, steps, radii = 9, 4, 30, (0.5, 3.0), (0.7,)
    for fixed_sign in (False, True):
        parameters = InitFlip(
            k, d, "tanh", "dense", steps=steps, radii=radii, directions=DIRECTIONS, fixed_sign=fixed_sign
        )
        stream = Stream((5, 5), 0, batch, dtype=torch.float64)
        draws = ENGINES["dense"][0](k, d, DIRECTIONS, stream)
        response, _, after = observe.evaluate(parameters, draws, stream.buffer)
        network = TwoLayerNetwork(DenseGaussian.from_standard(draws["W"]), draws["a"], get("tanh"))
        x, gradient = draws["x"], network.gradient(draws["x"])
        norms, one = torch.linalg.vector_norm(gradient, dim=1), torch.ones(batch).double()
        torch.testing.assert_close(response.output, network(x))
        outward = one if fixed_sign else -torch.sign(response.output)
        wanted = {
            "gradient": gradient / norms[:, None],
            "sign": torch.sign(gradient) / 2,
            "random": draws["e"],
        }
        inverse = torch.linalg.pinv(draws["W"] / math.sqrt(d))
        column = iter(after.unbind(1))
        for direction in DIRECTIONS:
            e = (inverse @ response.images[direction][:, :, None])[:, :, 0]
            torch.testing.assert_close(torch.linalg.vector_norm(e, dim=1), one)
            torch.testing.assert_close(e, wanted[direction])
            heading = one if direction == "random" else outward
            for length in (steps[0] * norms, steps[1] * norms, radii[0] * one):
                delta = (heading * length)[:, None] * e
                torch.testing.assert_close(torch.linalg.vector_norm(delta, dim=1), length)
                torch.testing.assert_close(next(column), network(x + delta))


# --- Limits -------------------------------------------------------------------------------------------------

RELU_REMAINDER = 0.1
"""What is left of ReLU's flip probability after erf(r/√2) and the width correction: 0.1/k for r ≤ 1, d → ∞.

Measured with the control variate of `test_the_width_correction_is_the_bent_neurons`: 0.06/k at k = 25, r = 1.
"""


def test_relu_flips_as_the_error_function_at_large_width() -> None:
    """At (4000, 10⁶) flips at radii ¼, ½, 1 have probability erf(r/√2) + correction, to 0.1/k.

    100,000 trials resolve 0.012 in a probability, five times the correction at r = 1; the comparison with the
    linear network resolves a tenth of it.
    """
    k, radii, trials = 4000, (0.25, 0.5, 1.0), 100_000
    assert Design.for_proportion(0.68, 0.012, FALSE_ALARM, MISS, trials=trials)
    found = columns(InitFlip(k, 10**6, "relu", steps=(), radii=radii), trials, 6)
    flips = found["flip"][:, 0]
    expected = erf(np.array(radii) / math.sqrt(2)) + laws.relu_flip_width_correction(radii, k)
    low, high = clopper_pearson(flips.sum(0), trials, 1 - FALSE_ALARM)
    assert (low - RELU_REMAINDER / k <= expected).all()
    assert (expected <= high + RELU_REMAINDER / k).all()
    # The linear network with the same f and ∇f flips if |f| < r‖∇f‖; it differs in few trials, and on
    # average by the correction. That is a hundred times as sharp.
    linear = np.abs(found["output"])[:, None] < np.array(radii) * found["gradient_norm"][:, None]
    excess = flips.astype(float) - linear
    error = excess.std(0) / math.sqrt(trials)
    correction = laws.relu_flip_width_correction(radii, k)
    assert (np.abs(excess.mean(0) - correction) < LIMIT * error + RELU_REMAINDER / k).all()
    assert np.abs(excess.mean(0))[2] > 10 * error[2]
    assert np.abs(correction)[2] > 10 * error[2]


@pytest.mark.parametrize("k", [25, 100])
def test_the_width_correction_is_the_bent_neurons(k: int) -> None:
    """At small widths, d = 10⁶, erf(r/√2) alone is refuted at r = 1; with its correction it holds to 0.1/k.

    200,000 trials resolve 0.009; the correction is 0.027 at k = 25 and 0.0137 at k = 100.
    """
    radii, trials = (0.25, 0.5, 1.0), 200_000
    Design.for_proportion(0.66, 0.009, FALSE_ALARM, MISS, trials=trials)
    found = columns(InitFlip(k, 10**6, "relu", steps=(), radii=radii), trials, 7)
    limit, correction = erf(np.array(radii) / math.sqrt(2)), laws.relu_flip_width_correction(radii, k)
    low, high = clopper_pearson(found["flip"][:, 0].sum(0), trials, 1 - FALSE_ALARM)
    assert high[2] < limit[2]
    assert (low - RELU_REMAINDER / k <= limit + correction).all()
    assert (limit + correction <= high + RELU_REMAINDER / k).all()
    linear = np.abs(found["output"])[:, None] < np.array(radii) * found["gradient_norm"][:, None]
    excess = found["flip"][:, 0].astype(float) - linear
    error = excess.std(0) / math.sqrt(trials)
    assert (np.abs(excess.mean(0) - correction) < LIMIT * error + RELU_REMAINDER / k).all()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads its own memory as Linux shows it")
def test_memory_stays_flat() -> None:
    """A long run that keeps its columns needs no more memory than a short one, beyond the columns."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    parameters = InitFlip(4000, 10**6, steps=(), radii=(1.0,))
    kept = [columns(parameters, 2000, 16)]
    before = resident()
    kept.append(columns(parameters, 30_000, 16))
    assert resident() - before < 100e6 + 100 * 30_000
    assert len(kept) == 2


@pytest.mark.slow
def test_the_width_correction_at_width_4000() -> None:
    """With 2.5 million trials erf(1/√2) alone is refuted at (4000, 10⁶), without any control variate."""
    k, trials = 4000, 2_500_000
    assert Design.for_proportion(0.68, 0.0022, 1e-4, 0.05, trials=trials)
    found = columns(InitFlip(k, 10**6, "relu", steps=(), radii=(1.0,)), trials, 8)
    limit, correction = math.erf(math.sqrt(0.5)), float(laws.relu_flip_width_correction(1.0, k))
    low, high = clopper_pearson(int(found["flip"].sum()), trials, 1 - 1e-4)
    assert high < limit
    assert low - RELU_REMAINDER / k <= limit + correction <= high + RELU_REMAINDER / k


@pytest.mark.parametrize("name", NAMES)
def test_every_activation_reaches_its_limit(name: str) -> None:
    """At (400, 10⁵) the flip probability is the limit's to 0.5/√k, in steps and in radii; `step` never moves.

    20,000 trials resolve 0.03 in a probability, beyond the allowance of 0.025.
    """
    k, trials = 400, 20_000
    Design.for_proportion(0.5, 0.03, FALSE_ALARM, MISS, trials=trials)
    constant = laws.flip_constant(name)
    size = constant if math.isfinite(constant) else 1.0
    steps = (0.25 * size, 0.5 * size, size)
    # A step of this size is about √(2Eσ²/Eσ′²) long.
    slope = laws.gradient_norm_limit(name) if math.isfinite(constant) else 1.0
    radii = tuple(step * slope for step in steps)
    found = columns(InitFlip(k, 10**5, name, steps=steps, radii=radii), trials, 9)
    limits = np.concatenate(
        [laws.flip_probability_limit(name, step=steps), laws.flip_probability_limit(name, radius=radii)]
    )
    if name == "step":
        assert found["zero_gradient"].all()
        assert (limits == 0).all()
    else:
        np.testing.assert_allclose(limits, np.tile(erf([0.25, 0.5, 1]), 2))
    low, high = clopper_pearson(found["flip"][:, 0].sum(0), trials, 1 - FALSE_ALARM)
    assert (low - 0.5 / math.sqrt(k) <= limits).all()
    assert (limits <= high + 0.5 / math.sqrt(k)).all()


@pytest.mark.parametrize("name", ["relu", "tanh", "softplus"])
def test_the_other_directions_reach_their_limits(name: str) -> None:
    """At (256, 4096) the sign step is √(2/π) as strong as the gradient, and the random one does arctan/π.

    8,000 trials resolve 0.045 in a probability; the allowance is 0.5/√k = 0.031.
    """
    k, d, trials = 256, 4096, 8000
    Design.for_proportion(0.5, 0.045, FALSE_ALARM, MISS, trials=trials)
    m, q = laws.second_moment(name), laws.derivative_second_moment(name)
    radii = tuple(math.sqrt(2 * m / q) * np.array([0.5, 1.0]))  # the gradient flips with erf(½) and erf(1)
    found = columns(InitFlip(k, d, name, steps=(), radii=radii, directions=("sign", "random")), trials, 10)
    limits = np.stack(
        [
            laws.flip_probability_limit(name, radius=radii, direction="sign"),
            laws.flip_probability_limit(name, radius=radii, direction="random", dim=d),
        ]
    )
    low, high = clopper_pearson(found["flip"].sum(0), trials, 1 - FALSE_ALARM)
    assert (low - 0.5 / math.sqrt(k) <= limits).all()
    assert (limits <= high + 0.5 / math.sqrt(k)).all()
    # The random direction alone: no allowance but 10 % of itself.
    assert (low[1] <= 1.1 * limits[1]).all()
    assert (0.9 * limits[1] <= high[1]).all()


# --- Rounding -------------------------------------------------------------------------------------------


def rounding(parameters: InitFlip, trials: int, seed: int) -> tuple[int, float, float]:
    """Mismatches with float64, the largest error over its bound, and the share of trials computed again."""
    activation = get(parameters.activation)
    batch = max(1, min(trials, 4096, 2**20 // parameters.numbers_per_trial))
    sizes = (len(parameters.directions), len(parameters.steps) + len(parameters.radii))
    wrong, worst = 0, 0.0
    counted: list[int] = []
    for first in range(0, trials, batch):
        count = min(batch, trials - first)
        stream = Stream((seed, 88), first, count)
        draw, _ = ENGINES[parameters.engine]
        draws = draw(parameters.width, parameters.dim, parameters.directions, stream)
        rough, moves, rough_after = observe.evaluate(parameters, draws, stream.buffer)
        rough_output = rough.output.clone()
        everything = in_float64(draws, torch.arange(count))
        exact, _, exact_after = observe.evaluate(parameters, *everything)
        # The documented bound, written out once more.
        unit = observe.ROUNDING * 2.0**-23 * max(1.0, activation.lipschitz or 1.0)
        if parameters.engine == "dense":
            unit *= math.sqrt(max(parameters.width, parameters.dim))
        size = moves.lengths.abs()
        some = torch.where(exact.gradient_norm > 0, exact.gradient_norm, 1)[:, None]
        error = (rough_after - exact_after).abs() / (unit * (1 + size + size / some))
        steady = steady_rows(parameters, rough.preactivations, unit)
        worst = max(
            worst, ((rough_output - exact.output).abs() / unit).max().item(), error[steady].max().item()
        )
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(
                observe, "in_float64", lambda d, rows: counted.append(len(rows)) or in_float64(d, rows)
            )
            found = init_flip.trial(parameters, stream, count)
        before, after = (
            torch.sign(exact.output)[:, None, None],
            torch.sign(exact_after).reshape(count, *sizes),
        )
        wrong += int((found["flip"] != (before * after < 0)).sum())
        wrong += int((found["differ"] != (before != after)).sum())
        wrong += int((found["zero_gradient"] != (exact.gradient_norm == 0)).sum())
        if parameters.compiled_on("cpu"):  # the kernel's own sums
            worst = max(worst, ((found["output"] - exact.output).abs() / unit).max().item())
    return wrong, worst, sum(counted) / trials


def steady_rows(parameters: InitFlip, preactivations: Tensor, unit: float) -> Tensor:
    """Trials in which rounding of u = W x cannot move a neuron across a kink: those the bound speaks of."""
    steady = torch.ones(len(preactivations), dtype=torch.bool)
    for kink in get(parameters.activation).kinks if parameters.engine == "dense" else ():
        steady &= ((preactivations - kink).abs() > unit * (1 + abs(kink))).all(dim=1)
    return steady


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "identity"])
@pytest.mark.parametrize(
    ("k", "d", "trials", "engine"),
    [
        (1, 2, 32_768, "conditional"),
        (2, 3, 32_768, "conditional"),
        (5, 40, 32_768, "conditional"),
        (64, 32, 8192, "conditional"),
        (4096, 1024, 512, "conditional"),
        (100_000, 8, 16, "conditional"),
        (5, 40, 8192, "dense"),
        (64, 32, 1024, "dense"),
        (1, 100_000, 64, "dense"),
    ],
)
def test_float32_decides_as_float64(k: int, d: int, trials: int, engine: str, name: str) -> None:
    """On the same float32 draws every event is that of float64, and errors stay below an eighth of the bound.

    At each of the three smallest sizes 130,000 trials over the activations, each with 24 events, and among
    them many whose f is exactly 0.
    """
    parameters = InitFlip(k, d, name, engine, steps=(0.25, 3.0, 16.0), radii=(0.5,), directions=DIRECTIONS)
    wrong, worst, again = rounding(parameters, trials, seed=11)
    assert wrong == 0
    assert worst < 1 / 8
    if 64 <= k < 10_000:  # below, f is often exactly 0, or exact in float32
        assert again < 0.02


def ties(rounding_bound: float, monkeypatch: pytest.MonkeyPatch) -> int:
    """Wrong answers among steps that end one part in 10⁹ before or behind the zero of f."""
    monkeypatch.setattr(observe, "ROUNDING", rounding_bound)
    k, d, batch = 50, 20, 64
    stream = Stream((12, 12), 0, batch)
    draws = ENGINES["conditional"][0](k, d, ("gradient",), stream)
    probe = InitFlip(k, d, "identity", steps=(1.0,))
    response, _, after = observe.evaluate(probe, *in_float64(draws, torch.arange(batch)))
    # The identity's network is linear in the step: f(1 − η/η*) for the root η*.
    roots = (response.output / (response.output - after[:, 0])).tolist()
    steps = tuple(root * (1 + side * 1e-9) for side in (-1, 1) for root in roots)
    found = init_flip.trial(InitFlip(k, d, "identity", steps=steps), stream, batch)["flip"][:, 0]
    own = torch.stack([found[:, :batch].diagonal(), found[:, batch:].diagonal()])
    return int(own[0].sum() + (~own[1]).sum())


def test_ties_are_settled_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that end 10⁻⁹ from a zero of f come out right; with a rounding bound of 0 many do not."""
    assert ties(observe.ROUNDING, monkeypatch) == 0
    assert ties(0.0, monkeypatch) > 20


def test_faint_gradients_are_settled_in_float64() -> None:
    """A gradient that float32 cannot hold is no zero gradient, and a step of a given radius follows it."""
    faint = from_callable(lambda x: 1e-25 * x, name="faint", lipschitz=1e-25)
    found = columns(InitFlip(3, 4, faint, steps=(), radii=(3.0,)), 500, 13)  # type: ignore[arg-type]
    plain = columns(InitFlip(3, 4, "identity", steps=(), radii=(3.0,)), 500, 13)
    assert not found["zero_gradient"].any()
    np.testing.assert_array_equal(found["flip"], plain["flip"])
    np.testing.assert_allclose(found["gradient_norm"], 1e-25 * plain["gradient_norm"], rtol=1e-5)


def test_an_output_that_is_no_number_ends_the_run() -> None:
    """Where σ overflows on both sides there is no sign to compare: the run fails and says why."""
    with pytest.raises(RunFailed, match="quadratic network is not a number"):
        columns(InitFlip(40, 5, "quadratic", steps=(1e200,)), 10, 14)


# --- Parameters, plans and the report -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"width": 0}, "width must be at least 1"),
        ({"width": 2.5}, "width must be a whole number"),
        ({"dim": 1}, "dim must be at least 2"),
        ({"dim": "64"}, "dim must be a whole number"),
        ({"activation": "rellu"}, "did you mean 'relu'"),
        ({"engine": "fast"}, "engine is one of"),
        ({"steps": (0.0,)}, "a step is a positive number"),
        ({"steps": (math.nan,)}, "a step is a positive number"),
        ({"steps": ("a",)}, "a step is a positive number"),
        ({"radii": (-1.0,)}, "a radius is a positive number"),
        ({"radii": (math.inf,)}, "a radius is a positive number"),
        ({"steps": ()}, "at least one step or radius"),
        ({"steps": (1.0, 2.0, 1.0)}, "listed twice"),
        ({"directions": ()}, "direction is one of"),
        ({"directions": ("gradient", "up")}, "got 'up'"),
        ({"directions": ("sign", "sign")}, "listed twice"),
    ],
)
def test_bad_parameters(keywords: dict[str, Any], message: str) -> None:
    """Parameters that mean nothing are refused with what would be right."""
    with pytest.raises(BadInput, match=message):
        InitFlip(**keywords)


def test_parameters_take_their_canonical_form() -> None:
    """Numbers of numpy, lists and single values are stored as files hold them, "auto" as what it means."""
    loose: dict[str, Any] = {
        "width": np.int64(64),
        "dim": np.int32(32),
        "steps": np.array([1, 2]),
        "radii": [np.float32(0.5)],
        "directions": "sign",
    }
    given_by_numpy = InitFlip(**loose)
    plain = InitFlip(64, 32, steps=(1.0, 2.0), radii=(0.5,), directions=("sign",), engine="conditional")
    assert given_by_numpy == plain
    plans = [Plan(INIT_FLIP, (point,), 10) for point in (given_by_numpy, plain)]
    assert plans[0].to_json() == plans[1].to_json()
    assert plan_from_json(json.loads(json.dumps(plans[0].to_json()))).points == (plain,)


def test_a_function_of_ones_own_is_an_activation() -> None:
    """A function given as the activation is found again by its name, and has its own limits in the report."""

    def bent(x: Tensor) -> Tensor:
        return x + 0.5 * torch.sin(x)

    result = run(Plan(INIT_FLIP, (InitFlip(200, 1000, bent, steps=(1.0,)),), 2000))  # type: ignore[arg-type]
    (cell,) = document(result)["results"]
    (entry,) = cell["flip"]
    assert cell["activation"] == "bent"
    assert entry["limit"] == pytest.approx(float(laws.flip_probability_limit("bent", step=1.0)))
    assert abs(entry["probability"] - entry["limit"]) < 0.08


def test_steps_and_directions_share_their_draws() -> None:
    """Asking for more steps, radii or directions changes no event of those that were asked for before."""
    few = columns(InitFlip(20, 10, steps=(1.0,)), 500, 15)
    more = InitFlip(20, 10, steps=(0.5, 1.0), radii=(2.0,), directions=("random", "sign", "gradient"))
    many = columns(more, 500, 15)
    np.testing.assert_array_equal(few["flip"][:, 0, 0], many["flip"][:, 2, 1])
    np.testing.assert_array_equal(few["output"], many["output"])


def test_batches_shrink_for_the_sign_step() -> None:
    """The conditional sign step holds vectors of length d, and its batches allow for them."""
    assert InitFlip(64, 10**6).numbers_per_trial == 128
    assert InitFlip(64, 10**6, directions=DIRECTIONS).numbers_per_trial > 10**6
    dense = InitFlip(64, 100, engine="dense", directions=DIRECTIONS)
    assert dense.numbers_per_trial == InitFlip(64, 100, engine="dense").numbers_per_trial


KEYS = {
    "width", "dim", "activation", "trials", "engine", "fixed_sign", "flip", "zero_gradient", "output",
    "gradient_norm",
}  # fmt: skip
FLIP_KEYS = {
    "direction", "step", "radius", "probability", "low", "high", "limit", "differ", "relative_perturbation",
}  # fmt: skip
NORM_KEYS = {
    "mean", "low", "high", "std", "std_low", "std_high", "limit", "second_moment", "second_moment_low",
    "second_moment_high", "exact_second_moment",
}  # fmt: skip


def test_the_document_says_what_was_counted() -> None:
    """Every documented key is there, counts are those of the trials, and theory stands beside measurement."""
    axes = {"steps": (1.0, 3.0), "radii": (2.0,), "directions": DIRECTIONS}
    points = grid(InitFlip, width=[5, 40], dim=40, activation="relu", **axes)
    plan = Plan(INIT_FLIP, points, 3000, seed=3)
    data = document(run(plan), 0.99)
    assert data == json.loads(json.dumps(data))
    assert data.keys() >= {"experiment", "plan", "results", "confidence", "intervals"}
    assert (data["experiment"], data["confidence"], data["intervals"]) == ("init-flip", 0.99, "pointwise")
    assert [cell["width"] for cell in data["results"]] == [5, 40]
    for cell, address in zip(data["results"], plan.cells, strict=True):
        assert cell.keys() >= KEYS
        found = init_flip.trial(address.parameters, Stream(address.key, 0, 3000), 3000)
        assert [(entry["direction"], entry["step"], entry["radius"]) for entry in cell["flip"]] == [
            (direction, *step) for direction in DIRECTIONS for step in ((1.0, None), (3.0, None), (None, 2.0))
        ]
        for place, entry in enumerate(cell["flip"]):
            assert entry.keys() >= FLIP_KEYS
            for name, proportion in (("flip", entry), ("differ", entry["differ"])):
                count = int(found[name][:, place // 3, place % 3].sum())
                low, high = clopper_pearson(count, 3000, 0.99)
                assert proportion["probability"] == count / 3000
                assert (proportion["low"], proportion["high"]) == (low, high)
            size = {"step": entry["step"]} if entry["step"] else {"radius": entry["radius"]}
            limit = laws.flip_probability_limit("relu", **size, direction=entry["direction"], dim=40)
            assert entry["limit"] == float(limit)
            mean = found["gradient_norm"].mean().item()
            expected = (entry["step"] * mean if entry["step"] else 2.0) / math.sqrt(40)
            relative = entry["relative_perturbation"]
            assert relative["mean"] == pytest.approx(expected, rel=1e-6)
            assert relative["low"] <= relative["mean"] <= relative["high"]
        norms = cell["gradient_norm"]
        assert norms.keys() >= NORM_KEYS
        assert norms["exact_second_moment"] == pytest.approx(0.5)
        assert norms["second_moment_low"] < 0.5 < norms["second_moment_high"]
        assert norms["limit"] == pytest.approx(math.sqrt(0.5))
        assert cell["zero_gradient"]["share"] == found["zero_gradient"].double().mean().item()
        assert cell["output"]["exact_std"] == pytest.approx(math.sqrt(0.5))


def test_simultaneous_intervals_are_wider() -> None:
    """One at a time or all at once: the second are wider, and both surround the same estimate."""
    result = run(Plan(INIT_FLIP, (InitFlip(30, 20),), 500))
    single, joint = (document(result, 0.95, together)["results"][0]["flip"] for together in (False, True))
    for one, other in zip(single, joint, strict=True):
        assert other["low"] < one["low"] < one["probability"] < one["high"] < other["high"]


@pytest.mark.parametrize("activation", ["step", "relu"])
@pytest.mark.parametrize("trials", [1, 2])
def test_the_smallest_run_has_a_document(trials: int, activation: str) -> None:
    """One trial, or no gradient anywhere, still makes JSON: ends that are not finite are null."""
    data = document(run(Plan(INIT_FLIP, (InitFlip(3, 2, activation),), trials)))
    assert data == json.loads(json.dumps(data, allow_nan=False))


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, math.nan])
def test_a_bad_confidence_is_refused(confidence: float) -> None:
    """A confidence is strictly between 0 and 1."""
    result = run(Plan(INIT_FLIP, (InitFlip(3, 2),), 2))
    with pytest.raises(BadInput, match="confidence"):
        document(result, confidence)


def test_an_experiment_without_a_report_is_described() -> None:
    """A model of one's own gets the general description of its columns."""
    result = run(Plan(Experiment("mine", init_flip.trial, InitFlip), (InitFlip(3, 2),), 20))
    (entry,) = document(result)["results"]
    assert entry["parameters"]["width"] == 3
    assert entry["columns"]["zero_gradient"]["probability"] <= 1

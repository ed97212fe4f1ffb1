"""The compiled kernel against the torch form, on equal draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from scipy import stats

from simulate import INIT_FLIP, InitFlip, Plan, activations, fused
from simulate.activations import NAMES, get
from simulate.engine import Precision
from simulate.errors import BadInput
from simulate.fused.functions import FLOAT32, FLOAT64
from simulate.onestep import conditional, draw_conditional, outputs_after
from simulate.streams import Stream

STEPS, RADII = (0.25, 1.0, 3.0), (0.5, 2.0)


def torch_form(
    name: str, k: int, d: int, directions: tuple[str, ...], stream: Stream
) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    """f(x), ‖∇f‖ and f at every step and radius along each direction, from the same draws in float64."""
    exact = stream.in_float64()
    sigma = get(name)
    draws = draw_conditional(k, d, directions, exact)
    response = conditional(k, d, sigma, directions, draws, exact.buffer)
    norm = response.gradient_norm
    found = {}
    for direction in directions:
        turn = torch.ones_like(norm) if direction == "random" else -torch.sign(response.output)
        lengths = [turn * step * norm for step in STEPS] + [turn * r * (norm > 0) for r in RADII]
        found[direction] = outputs_after(response, direction, lengths, sigma, exact.buffer).clone()
    return response.output.clone(), norm.clone(), found


# Each pair is a kernel to compile: float64 has two that stand for the others, and all of them in the slow suite.
PAIRS = [(name, torch.float32) for name in NAMES] + [
    pytest.param(name, torch.float64, marks=[] if name in ("relu", "tanh") else pytest.mark.slow)
    for name in NAMES
]


@pytest.mark.parametrize(("name", "dtype"), PAIRS)
@given(
    k=st.sampled_from([1, 2, 7, 64, 255, 256, 257, 1000, 5000]),
    d=st.sampled_from([2, 3, 30, 1000]),
    directions=st.sampled_from([("gradient",), ("random",), ("gradient", "random")]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=12)
def test_kernel_and_torch_form_agree(
    name: str, dtype: torch.dtype, k: int, d: int, directions: tuple[str, ...], seed: int
) -> None:
    """Every named activation gives on equal draws the torch form's outputs and gradient norms to rounding."""
    stream = Stream((seed, 3), 5, 20, dtype=dtype)
    output, norm, along = torch_form(name, k, d, directions, stream)
    lines = [fused.Line(direction, STEPS, RADII) for direction in directions]
    seen = fused.observe(Stream((seed, 3), 5, 20, dtype=dtype), get(name), k, d, lines)
    exact = fused.computes_in_float64(get(name), dtype)
    unit = 8 * torch.finfo(torch.float64 if exact else torch.float32).eps
    size = 1 + output.abs() if exact else 1
    assert ((seen.output - output).abs() <= unit * size).all()
    assert ((seen.gradient_norm - norm).abs() <= unit * (1 + norm)).all()
    # The sign of an output that is 0 to rounding decides where the step goes: not for this test.
    clear = output.abs() > 16 * unit
    # σ′ is known to ε and not to ε|σ′|: so is the direction, to ε/‖∇f‖.
    for found, direction in zip(seen.after, directions, strict=True):
        expected = along[direction]
        length = torch.tensor([*STEPS, *RADII]) * torch.cat([norm[:, None]] * 3 + [torch.ones(20, 2)], dim=1)
        slope = (get(name).lipschitz or (1 + expected.abs())) * length
        allowed = unit * (1 + slope * (1 + 1 / norm[:, None].clamp_min(1e-30)) + expected.abs())
        rows = clear if direction == "gradient" else torch.ones_like(clear)
        assert ((found - expected).abs() <= allowed)[rows & (norm > 0)].all()


def test_fixed_sign_and_later_steps_agree() -> None:
    """Going along +∇f, steps behind the radii, and numbers of a float32 stream handed out in float64 agree as well."""
    stream = Stream((4, 4), 0, 200).in_float64()
    draws = draw_conditional(300, 20, ("gradient",), stream)
    response = conditional(300, 20, get("tanh"), ("gradient",), draws, stream.buffer)
    norm = response.gradient_norm
    lengths = [0.5 * norm, torch.full_like(norm, 2.0), 3.0 * norm]
    expected = outputs_after(response, "gradient", lengths, get("tanh"), stream.buffer)
    line = fused.Line("gradient", (0.5,), (2.0,), (3.0,))
    seen = fused.observe(Stream((4, 4), 0, 200).in_float64(), get("tanh"), 300, 20, [line], fixed_sign=True)
    assert torch.allclose(seen.output, response.output, atol=1e-12)
    assert torch.allclose(seen.after[0], expected, atol=1e-12)


def test_one_call_overwrites_nothing_of_another() -> None:
    """Two activations on one stream are two results: a trial may compare them on equal draws."""
    stream = Stream((4, 5), 0, 30)
    first = fused.observe(stream, get("relu"), 50, 9)
    kept = first.output.clone()
    fused.observe(stream, get("tanh"), 50, 9)
    assert torch.equal(first.output, kept)


@pytest.mark.parametrize(
    "lines", [[fused.Line("sign", (1.0,))], [fused.Line("gradient", (1.0,)), fused.Line("gradient", (2.0,))]]
)
def test_lines_it_does_not_know_are_refused(lines: list[fused.Line]) -> None:
    """Another direction, or one direction twice, is one clear error."""
    with pytest.raises(BadInput, match="one each at most"):
        fused.observe(Stream((1, 1), 0, 2), get("relu"), 5, 3, lines)


def test_what_is_asked_moves_no_block() -> None:
    """More points, gammas, first flips and directions leave blocks where they are, so that a run stops where it did."""
    plain = Plan(INIT_FLIP, (InitFlip(3000, 64, steps=(1.0,)),), 10, precision=Precision(0.03)).cells[0]
    for more in (
        {"steps": tuple(range(1, 400))},
        {"gammas": (0.1,)},
        {"minimal_step": True},
        {"directions": ("gradient", "random")},
    ):
        point = InitFlip(3000, 64, **{"steps": (1.0,)} | more)  # type: ignore[arg-type]
        cell = Plan(INIT_FLIP, (point,), 10, precision=Precision(0.03)).cells[0]
        assert cell.block == plain.block
        assert cell.block % cell.micro == 0


def test_a_device_gets_rows_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU the torch form, which float64 and dense matrices use, keeps its smaller batches."""
    monkeypatch.setattr(fused.device, "available", lambda: True)

    def micro(dtype: str, **parameters: object) -> int:
        point = InitFlip(4096, 1024, steps=(1.0,), **parameters)  # type: ignore[arg-type]
        return Plan(INIT_FLIP, (point,), 10, dtype=dtype, device="cuda").cells[0].micro

    assert micro("float32") == 1 << 17
    assert micro("float64") == 1 << 13
    assert micro("float32", engine="dense") == 8


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("which", [0, 1])
def test_scalar_functions(name: str, which: int) -> None:
    """σ and σ′ of the compiler are those of torch: to 16 ε beside max(1, |σ|), in float32 and float64."""
    points = np.concatenate([np.linspace(-30, 30, 60_001), [0.0, 1e-30, -1e-30, 100.0, -100.0]])
    activation = get(name)
    reference = activation.value if which == 0 else activation.derivative
    for table, kind in ((FLOAT32, np.float32), (FLOAT64, np.float64)):
        function = table[name][which]

        @njit
        def loop(x, out, function=function):
            for i in range(x.size):
                out[i] = function(x[i])

        x = points.astype(kind)
        found = np.empty_like(x)
        loop(x, found)
        expected = reference(torch.from_numpy(x.astype(np.float64))).numpy()
        error = np.abs(found - expected) / np.maximum(1, np.abs(expected))
        assert error.max() <= 16 * np.finfo(kind).eps


def test_only_the_very_activation_is_known() -> None:
    """An activation of one's own that borrows a name, or a scaled one, stays with the torch form."""
    from dataclasses import replace

    from simulate.laws import scaled

    assert all(fused.knows(get(name)) for name in NAMES)
    assert not fused.knows(replace(get("relu"), value=get("abs").value))
    assert not fused.knows(scaled("relu", math.sqrt(2), math.sqrt(2)))
    assert not fused.knows(activations.from_callable(torch.tanh, name="own_tanh"))


def test_trials_do_not_depend_on_the_batch() -> None:
    """A trial is the same to the bit alone, in a batch, and beside another step."""
    lines = [fused.Line("gradient", (1.0, 2.0))]
    whole = fused.observe(Stream((8, 9), 0, 50), get("tanh"), 300, 40, lines)
    outputs, after = whole.output.clone(), whole.after[0].clone()
    for row in (0, 17, 49):
        alone = fused.observe(Stream((8, 9), row, 1), get("tanh"), 300, 40, [fused.Line("gradient", (2.0,))])
        assert alone.output[0] == outputs[row]
        assert alone.after[0][0, 0] == after[row, 1]


def test_the_number_of_positive_signs_is_binomial() -> None:
    """The binomial numbers of a stream have their law: χ² over some 40 classes, level 1e-6 over all cases."""
    cases = [(1, 0.5), (7, 0.3), (30, 0.5), (4096, 0.5), (1000, 0.011), (10**6, 3e-5), (50, 0.9)]
    for n, p in cases:
        found = Stream((3, 14), 0, 200_000).binomial("n", n, p).numpy()
        edges = np.unique(stats.binom.ppf(np.linspace(0.001, 0.999, 40), n, p).astype(int))
        chances = np.diff([0, *stats.binom.cdf(edges, n, p), 1])
        counts = np.histogram(found, np.array([-1, *edges, n + 1]) + 0.5)[0]
        expected = chances * found.size
        kept = expected > 5
        statistic = ((counts - expected)[kept] ** 2 / expected[kept]).sum()
        assert stats.chi2.sf(statistic, max(1, kept.sum() - 1)) > 1e-6 / len(cases)
        assert counts[~kept].sum() <= 60

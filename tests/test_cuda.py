"""The same numbers and the same verdicts on a CUDA device as on the CPU; skipped where there is none."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from simulate import GRAD_NORM, INIT_FLIP, GradNorm, InitFlip, Plan, activations, events, fused, run
from simulate.activations import NAMES, get
from simulate.streams import Stream

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")

LIPSCHITZ = [name for name in NAMES if get(name).lipschitz is not None]


@pytest.mark.parametrize("columns", [1, 255, 256, 1000, 70_000])
def test_normals_are_those_of_the_cpu(columns: int) -> None:
    """Normals drawn on the device equal the CPU's to the bit."""
    here = Stream((7, 2**32 - 5), 3, 9).normals("u", columns)
    there = Stream((7, 2**32 - 5), 3, 9, device="cuda").normals("u", columns)
    assert torch.equal(here, there.cpu())


@pytest.mark.parametrize("name", LIPSCHITZ)
def test_kernels_agree_on_equal_draws(name: str) -> None:
    """Every Lipschitz activation gives the CPU kernel's outputs to rounding, in registers and drawn twice."""
    for k, d in ((1, 3), (5, 3), (300, 20), (4096, 1024), (5000, 7), (70_000, 100)):
        line = fused.Line("gradient", (0.5, 2.0), (1.0,))
        here = fused.observe(Stream((5, 6), 10, 40), get(name), k, d, [line])
        there = fused.observe(Stream((5, 6), 10, 40, device="cuda"), get(name), k, d, [line])
        steady = (here.output.abs() > 1e-5) & (here.gradient_norm > 1e-2)
        assert (here.output - there.output.cpu()).abs().max() < 4e-6
        assert (here.gradient_norm - there.gradient_norm.cpu()).abs().max() < 4e-6
        assert (here.after[0] - there.after[0].cpu()).abs()[steady].max() < 4e-5


def test_a_random_direction_agrees_on_equal_draws() -> None:
    """Moves along a random direction and along the gradient are the CPU's to rounding, whatever their order."""
    for k, d in ((300, 2), (300, 20), (4096, 1024), (70_000, 100)):
        lines = [fused.Line("random", (0.5, 2.0), (1.0,)), fused.Line("gradient", (1.0,))]
        here = fused.observe(Stream((5, 6), 10, 40), get("relu"), k, d, lines)
        there = fused.observe(Stream((5, 6), 10, 40, device="cuda"), get("relu"), k, d, lines)
        steady = (here.output.abs() > 1e-5) & (here.gradient_norm > 1e-2)
        for ours, theirs in zip(there.after, here.after, strict=True):
            assert (ours.cpu() - theirs).abs()[steady].max() < 4e-5


@pytest.mark.parametrize("name", ["relu", "quadratic"])
def test_a_run_gives_the_verdicts_of_the_cpu(name: str) -> None:
    """The same plan counts the same flips on both kinds of device, trial by trial: verdicts are float64's."""
    for k, d in ((5, 40), (64, 32), (4096, 1024)):
        points = (InitFlip(k, d, name, steps=(0.5, 2.0), directions=("gradient", "random")),)
        here, there = (
            run(Plan(INIT_FLIP, points, 5000, device=kind)).cells[0].summary for kind in ("cpu", "cuda")
        )
        for column, count in here.counts.items():
            assert count.tolist() == there.counts[column].tolist()


@pytest.mark.parametrize("engine", ["conditional", "lazy"])
def test_engines_have_the_law_of_the_dense_one(engine: str) -> None:
    """On the device, too: 20,000 trials at (64, 32) see a difference of 0.03 with power 0.999 at level 1e-6.

    Control: the dense engine with the step halved is told apart.
    """
    trials, step = 20_000, 2.0

    def flips(kind: str, size: float) -> int:
        points = (InitFlip(64, 32, "relu", kind, steps=(size,)),)
        summary = run(Plan(INIT_FLIP, points, trials, seed=len(kind), device="cuda")).cells[0].summary
        return int(summary.counts["flip"].ravel()[0])

    def p_value(a: int, b: int) -> float:
        return float(stats.fisher_exact([[a, trials - a], [b, trials - b]])[1])

    found = flips(engine, step)
    assert p_value(found, flips("dense", step)) > 1e-6
    assert p_value(found, flips("dense", step / 2)) < 1e-6


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs"])
def test_event_kernels_agree_on_equal_draws(name: str) -> None:
    """The event engine's networks are the CPU's to 1e-12: many a program, in registers, and in more than one chunk."""
    for k, d, steps, radii in (
        (600, 600, (0.1,), ()),
        (4096, 1024, (2.0, 0.5), (1.0,)),
        (10**6, 10**6, (2.0,), ()),
        (10**6, 10**3, (1.0, 2.0), ()),
        (3, 40, (), ()),
    ):
        found = events.region_of(get(name), k, d, steps, radii)
        assert found is not None
        here = events.observe(Stream((5, 6), 10, 400), found, d, steps, radii)
        there = events.observe(Stream((5, 6), 10, 400, device="cuda"), found, d, steps, radii)
        for ours, theirs in (
            (there.output, here.output),
            (there.gradient_norm, here.gradient_norm),
            (there.after[0], here.after[0]),
        ):
            assert torch.allclose(ours.cpu(), theirs, rtol=0, atol=1e-12)


def test_a_run_of_the_event_engine_gives_the_verdicts_of_the_cpu() -> None:
    """The same plan counts the same flips on both kinds of device, trial by trial."""
    for k, d in ((4096, 1024), (10**6, 10**6)):
        points = (InitFlip(k, d, engine="event", steps=(0.5, 2.0), radii=(1.0,)),)
        here, there = (
            run(Plan(INIT_FLIP, points, 20_000, device=kind)).cells[0].summary for kind in ("cpu", "cuda")
        )
        for column, count in here.counts.items():
            assert count.tolist() == there.counts[column].tolist()


def test_the_event_engine_has_the_law_of_the_conditional_one() -> None:
    """On the device, too: 200,000 trials at (4096, 1024) see a difference of 0.01 with power 0.999 at level 1e-6.

    Control: the conditional engine with a step of 1.9 instead of 2 is told apart.
    """
    trials = 200_000

    def flips(kind: str, size: float) -> int:
        points = (InitFlip(4096, 1024, "relu", kind, steps=(size,)),)
        summary = run(Plan(INIT_FLIP, points, trials, seed=len(kind), device="cuda")).cells[0].summary
        return int(summary.counts["flip"].ravel()[0])

    def p_value(a: int, b: int) -> float:
        return float(stats.fisher_exact([[a, trials - a], [b, trials - b]])[1])

    found = flips("event", 2.0)
    assert p_value(found, flips("conditional", 2.0)) > 1e-6
    assert p_value(found, flips("conditional", 1.9)) < 1e-6


def test_gradient_norms_have_their_second_moment() -> None:
    """E‖∇f‖² = 1/2 for ReLU at every size, within six standard errors of 10⁵ trials."""
    for k in (100, 3000, 20_000):
        summary = run(Plan(GRAD_NORM, (GradNorm(k, 50),), 100_000, device="cuda")).cells[0].summary
        moments = summary.moments["gradient_norm_squared"]
        assert abs(float(moments.mean) - 0.5) < 6 * float(moments.std) / 100_000**0.5


def test_ones_own_activation_runs_there() -> None:
    """An activation of one's own goes through the torch form on the device."""
    own = activations.register(activations.from_callable(lambda x: torch.sin(x) + x, name="own_sum"))
    summary = (
        run(Plan(INIT_FLIP, (InitFlip(100, 50, own.name, steps=(1.0,)),), 2000, device="cuda"))
        .cells[0]
        .summary
    )
    assert summary.trials == 2000

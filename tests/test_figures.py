"""Figures show the data that they were given, the law beside it, and name what stands on the axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import figures
from figures import flip_curve, gradient_law
from simulate import GRAD_NORM, INIT_FLIP, GradNorm, InitFlip, Plan, Result, document, grid, laws, run
from simulate.errors import BadInput


@pytest.fixture(scope="module")
def flips() -> Result:
    """A small run with two directions, steps and radii."""
    points = grid(
        InitFlip, width=64, dim=32, steps=(1.0, 2.0), radii=(0.5,), directions=("gradient", "random")
    )
    return run(Plan(INIT_FLIP, points, 500))


@pytest.fixture(scope="module")
def norms() -> Result:
    """A small run over two widths."""
    return run(Plan(GRAD_NORM, grid(GradNorm, width=[16, 256], dim=32), 500))


def test_flip_curve_shows_data_intervals_and_limit(flips: Result) -> None:
    """Points are the measured probabilities, bars their intervals, and the line is the law itself."""
    figure = flip_curve.draw(flips)
    steps, radii = figure.axes
    assert "\\eta" in steps.get_xlabel()
    assert "r" in radii.get_xlabel()
    entries = [entry for entry in document(flips)["results"][0]["flip"] if entry["step"]]
    gradient = [entry for entry in entries if entry["direction"] == "gradient"]
    points, _, (bars,) = steps.containers[0]
    assert points.get_xdata().tolist() == [1.0, 2.0]
    assert points.get_ydata().tolist() == [entry["probability"] for entry in gradient]
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, [[entry["low"], entry["high"]] for entry in gradient], atol=1e-12)
    lines = [line for line in steps.lines if len(line.get_xdata()) == 200]
    assert len(lines) == 2  # one for each direction
    x, y = lines[0].get_data()
    np.testing.assert_allclose(y, laws.flip_probability_limit("relu", step=x), atol=1e-15)
    labels = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert labels == ["relu, k=64, d=32, gradient", "relu, k=64, d=32, random"]


def test_gradient_law_shows_the_distribution_inside_its_band(norms: Result) -> None:
    """Each curve is the sketch's distribution function, inside a DKW band, with √(Eσ′²) beside it."""
    figure = gradient_law.draw(norms)
    (axes,) = figure.axes
    for cell, line in zip(norms.cells, axes.lines, strict=False):
        x, y = line.get_data()
        np.testing.assert_allclose(y, cell.summary.sketches["gradient_norm"].cdf(x), atol=1e-12)
        assert y[-1] == 1
    assert axes.lines[-1].get_xdata()[0] == pytest.approx(np.sqrt(0.5))
    assert "nabla f" in axes.get_xlabel()


def test_figures_of_deep_networks_have_their_limit_and_label() -> None:
    """Depth and scaling move the limit line and stand in the legend."""
    points = grid(GradNorm, width=12, dim=8, depth=[2, 4], scaling="he")
    figure = gradient_law.draw(run(Plan(GRAD_NORM, points, 200)))
    assert figure.axes[0].lines[-1].get_xdata()[0] == pytest.approx(np.sqrt(2))
    labels = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert labels == ["relu, k=12, d=8, He", "relu, k=12, d=8, L=4, He"]
    deep = InitFlip(12, 8, depth=4, scaling="he", steps=(0.5, 1.0))
    (axes,) = flip_curve.draw(run(Plan(INIT_FLIP, (deep,), 200))).axes
    x, y = next(line.get_data() for line in axes.lines if len(line.get_xdata()) == 200)
    np.testing.assert_allclose(y, laws.flip_probability_limit("relu", step=x, depth=4, gain=np.sqrt(2)))


@pytest.mark.parametrize("ending", ["pdf", "png", "svg"])
def test_saved_figures_are_identical_and_open(ending: str, flips: Result, tmp_path: Path) -> None:
    """The same result gives the same bytes, of the right kind, at a width that fits a paper."""
    paths = [figures.save(figures.draw_result(flips), tmp_path / f"{i}.{ending}") for i in range(2)]
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first[:60].lstrip().startswith({"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}[ending])
    assert figures.draw_result(flips).get_figwidth() <= figures.TWO_COLUMNS


def test_an_unknown_ending_is_refused(flips: Result, tmp_path: Path) -> None:
    """A figure in a format that nobody asked to support is refused by name."""
    with pytest.raises(BadInput, match=r"\.pdf, \.png or \.svg"):
        figures.save(figures.draw_result(flips), tmp_path / "a.gif")


@pytest.mark.parametrize("module", [flip_curve, gradient_law])
def test_plans_of_figures_are_plans(module) -> None:  # type: ignore[no-untyped-def]
    """Each figure names the run that it needs, larger for paper than for a draft."""
    assert module.plan("draft").trials < module.plan("paper").trials

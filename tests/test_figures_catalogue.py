"""Every figure of the catalogue, from tiny measurements: the data drawn, labels, theory curves equal to their laws."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from scipy.special import erf, erfcinv

import figures
from figures import (
    concentration,
    confidence_sequence,
    digits,
    flip_curve,
    gaussian_limit,
    gradient_law,
    lipschitz_depth,
    loss_surface,
    objectives,
    phase_diagram,
    radii,
    relative_perturbation,
    sandwich,
    slope,
    smallest_step,
)
from figures.style import ONE_COLUMN, TWO_COLUMNS
from simulate import laws
from simulate.errors import BadInput

TINY: dict[Any, dict[str, Any]] = {
    flip_curve: {"_TRIALS": 300},
    phase_diagram: {"_LARGEST": 5, "_TRIALS": 300},
    smallest_step: {"_SIZES": 64, "_TRIALS": 300},
    relative_perturbation: {"_LARGEST": 5, "_WIDTH": 32, "_TRIALS": 300},
    gradient_law: {"_TRIALS": 300},
    gaussian_limit: {"_WIDTHS": [1, 2, 4, 16], "_TRIALS": 4_000},
    radii: {"_DIMS": [5, 10], "_TRIALS": (6, 6)},
    sandwich: {"_DIMS": [4, 8], "_TRIALS": 2},
    lipschitz_depth: {"_DEPTHS": [2, 3], "_NETWORKS": 8, "_WIDTH": 8},
    objectives: {},
    loss_surface: {"_POINTS": 11, "_EPOCHS": 10},
    digits: {"_EPOCHS": 10},
    confidence_sequence: {"_TRIALS": 300, "_REPETITIONS": 200},
}
"""Sizes of a draft that take a second."""


@pytest.fixture(scope="module")
def measured() -> Any:
    """What a figure measures when it is tiny, measured once: `measured(name)`."""
    known: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        for module, sizes in TINY.items():
            for name, value in sizes.items():
                patch.setattr(module, name, {"draft": value})
        # Training takes its time, and so do Fourier integrals.
        patch.setattr(radii, "KINDS", ("robust", "random"))
        patch.setattr(gaussian_limit, "ACTIVATIONS", ("relu", "step"))
        patch.setattr(concentration, "DEFAULT_KS", (1, 10, 100))
        patch.setattr(concentration, "DEFAULT_GAMMAS", (0.1, 1e-6))

        def measure(name: str) -> Any:
            if name not in known:
                known[name] = figures.CATALOGUE[name].measure(figures.Stored(), "draft")
            return known[name]

        yield measure


def drawn(measured: Any, name: str, width: float = TWO_COLUMNS) -> list[Axes]:
    """The panels of a figure."""
    return list(figures.CATALOGUE[name].draw(measured(name), width).axes)


def points(panel: Axes, series: int = 0) -> tuple[Any, Any, Any, Any]:
    """Places, values and both ends of the series with intervals that was drawn as the given one."""
    marks, _, (bars,) = panel.containers[series]  # type: ignore[misc]
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    return marks.get_xdata(), marks.get_ydata(), ends[:, 0], ends[:, 1]


def line_like(panel: Axes, series: int) -> tuple[Any, Any]:
    """The theory line in the colour of a series with intervals."""
    colour = panel.containers[series][0].get_color()  # type: ignore[index]
    (found,) = [line for line in panel.lines if line.get_color() == colour and line.get_marker() == "None"]
    return found.get_data()


# ---------------------------------------------------------------------------------------------- all figures


NAMES = [
    pytest.param(name, marks=pytest.mark.slow) if name == "sandwich" else name for name in figures.CATALOGUE
]
"""The sandwich takes eleven seconds even when it is tiny; what it draws is also tested with `simulate radius`."""


@pytest.mark.parametrize("name", NAMES)
def test_nothing_leaves_a_column(measured: Any, name: str) -> None:
    """At one column, labels, ticks and legends lie inside the page, and every panel shows something."""
    stays_inside(measured, name, ONE_COLUMN)


@pytest.mark.slow
@pytest.mark.parametrize("name", figures.CATALOGUE)
def test_nothing_leaves_two_columns(measured: Any, name: str) -> None:
    """The same at two columns."""
    stays_inside(measured, name, TWO_COLUMNS)


def stays_inside(measured: Any, name: str, width: float) -> None:
    """Check the layout of one figure."""
    figure = figures.CATALOGUE[name].draw(measured(name), width)
    assert figure.get_figwidth() == width
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    assert box.x0 > -0.02
    assert box.y0 > -0.02
    assert box.x1 < width + 0.02
    assert box.y1 < figure.get_figheight() + 0.02
    assert all(panel.has_data() for panel in figure.axes)


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_says_what_it_shows(measured: Any, name: str) -> None:
    """Title, caption and sources are there; the text for those who cannot see it names measured numbers."""
    from theorems.registry import registry

    picture = figures.CATALOGUE[name]
    assert picture.name == name
    assert len(picture.title) > 20
    assert len(picture.caption) > 100
    assert "$" not in picture.title + picture.caption
    assert set(picture.sources) <= {one.source.document for one in registry().values() if one.source}
    assert any(sign.isdigit() for sign in picture.alt(measured(name)))
    rows = picture.table(measured(name))
    assert len(rows) >= 4


def test_series_differ_in_more_than_colour(measured: Any) -> None:
    """Two series of one panel have different markers, and their lines different styles."""
    from figures.style import LINES, MARKERS, looks

    assert len({look.marker for look in looks(len(MARKERS))}) == len(MARKERS)
    assert len({str(look.line) for look in looks(len(LINES))}) == len(LINES)
    (left, _, *_) = drawn(measured, "flip-curve")
    assert len({container[0].get_marker() for container in left.containers}) == 3  # type: ignore[index]


# --------------------------------------------------------------------------------------------- random networks


def test_flip_curve_has_a_panel_an_activation_with_its_limit(measured: Any) -> None:
    """Directions are series, activations panels; each line is the limit of its direction at its activation."""
    left, right = drawn(measured, "flip-curve")
    assert "relu" in left.get_title(loc="left")
    assert "tanh" in right.get_title(loc="left")
    for panel, name in ((left, "relu"), (right, "tanh")):
        for series, direction in enumerate(("gradient", "sign", "random")):
            x, y = line_like(panel, series)
            law = laws.flip_probability_limit(name, step=x, direction=direction, dim=1024)  # type: ignore[arg-type]
            np.testing.assert_allclose(y, law, atol=1e-14)
    cell = measured("flip-curve")["results"][0]
    x, y, low, high = points(left)
    entries = [one for one in cell["flip"] if one["direction"] == "gradient"]
    assert y.tolist() == [one["probability"] for one in entries]
    np.testing.assert_allclose((low, high), [[one[key] for one in entries] for key in ("low", "high")])


def test_phase_diagram_shows_failures_and_the_conditions(measured: Any) -> None:
    """Colours are (1 − P)/γ, marks are where the interval lies on one side of 1 − γ, lines the theorem's conditions."""
    left, right, *_ = drawn(measured, "phase-diagram")
    rows = phase_diagram.table(measured("phase-diagram"))
    for panel, gamma in ((left, 0.1), (right, 0.01)):
        chosen = [row for row in rows if row["gamma"] == gamma]
        assert chosen[0]["step"] == pytest.approx(laws.flip_constant("tanh") * math.sqrt(math.log(1 / gamma)))
        mesh = panel.collections[0].get_array().ravel()  # type: ignore[union-attr]
        ordered = sorted(chosen, key=lambda row: (row["dim"], row["width"]))
        np.testing.assert_allclose(mesh, [max((1 - row["probability"]) / gamma, 1e-9) for row in ordered])
        for marker, certain in (("o", "above"), ("x", "below")):
            at = {
                point
                for mark in panel.lines
                if mark.get_marker() == marker
                for point in zip(*mark.get_data(), strict=True)
            }
            expected = {(row["width"], row["dim"]) for row in chosen if row["certain"] == certain}
            assert at == expected
    corner = next(line for line in left.lines if line.get_color() == "tab:red")
    k, d = (np.asarray(one) for one in corner.get_data())
    assert k[0] == pytest.approx(math.log(10) ** 3)
    np.testing.assert_allclose(d[1:], np.log(k[1:] / 0.1) * math.log(10))


def test_smallest_step_follows_the_law_of_each_activation(measured: Any) -> None:
    """Lines are √(2Eσ²)/Eσ′²·erfc⁻¹(γ) over √log(1/γ); dotted, the same constant times √log(1/γ), above it."""
    left, right, *_ = drawn(measured, "smallest-step")
    x, y = line_like(left, 1)
    assert measured("smallest-step")["results"][1]["activation"] == "tanh"
    np.testing.assert_allclose(y, laws.flip_constant("tanh") * erfcinv(np.exp(-(x**2))))
    form = next(line for line in left.lines if line.get_color() == "0.3")
    np.testing.assert_allclose(form.get_ydata(), 2 * np.asarray(form.get_xdata()))
    x, y, *_ = points(left)
    reached = [row for row in smallest_step.table(measured("smallest-step")) if row["step"] is not None]
    first = [row for row in reached if (row["activation"], row["width"]) == ("relu", 64)]
    np.testing.assert_allclose(y, [row["step"] for row in first])
    np.testing.assert_allclose(points(right)[1], y / x)
    assert r"\log(1/\gamma)" in left.get_xlabel()


def test_relative_perturbation_is_the_step_beside_its_input(measured: Any) -> None:
    """Points are |η|·E‖∇f‖/√d inside their intervals; the limit's line has the slope −1/2 exactly."""
    left, right = drawn(measured, "relative-perturbation")
    x, y, low, high = points(left)
    assert ((low <= y) & (y <= high)).all()
    np.testing.assert_allclose(points(right)[1], y * np.sqrt(x))
    d, limit = line_like(left, 0)
    np.testing.assert_allclose(np.diff(np.log(limit)) / np.diff(np.log(d)), -0.5)
    cell = measured("relative-perturbation")["results"][-1]
    row = relative_perturbation.table(measured("relative-perturbation"))[-1]
    assert row["relative"] == pytest.approx(
        cell["gamma"][0]["step"] * cell["gradient_norm"]["mean"] / math.sqrt(cell["dim"])
    )


def test_a_fitted_slope_and_its_ends() -> None:
    """A power law gives its exponent; its ends are the slopes with every point at an end of its interval."""
    x = np.array([1.0, 2.0, 8.0, 64.0])
    y = 3 * x**-0.5
    value, low, high = slope.fitted_slope(x, y, y / 1.1, y * 1.2)  # type: ignore[arg-type]
    assert value == pytest.approx(-0.5)
    corners = []
    for corner in np.ndindex(2, 2, 2, 2):
        moved = np.where(np.array(corner) == 1, y * 1.2, y / 1.1)
        corners.append(np.polyfit(np.log(x), np.log(moved), 1)[0])
    assert (low, high) == (pytest.approx(min(corners)), pytest.approx(max(corners)))


def test_gradient_law_narrows_along_its_exact_law(measured: Any) -> None:
    """Curves are distribution functions; the line of the spread is √Var‖∇f‖², and every interval is about it."""
    left, right = drawn(measured, "gradient-law")
    for line in left.lines[:5]:
        y = np.asarray(line.get_ydata())
        assert (np.diff(y) >= 0).all()
        assert y[-1] == 1
    _, y = line_like(right, 0)
    np.testing.assert_allclose(y[0], math.sqrt(laws.gradient_second_moment_variance("relu", 16, 1024)))
    np.testing.assert_allclose(y[-1], math.sqrt(laws.gradient_second_moment_variance("relu", 4096, 1024)))
    _, value, low, high = points(right)
    exact = [math.sqrt(laws.gradient_second_moment_variance("relu", 4**i, 1024)) for i in range(2, 7)]
    # 300 trials: the interval's half width is some 8 %; twice that catches a wrong law and no luck.
    np.testing.assert_allclose(value, exact, rtol=0.2)
    assert ((low < value) & (value < high)).all()


def test_gaussian_limit_bands_hold_the_exact_laws(measured: Any) -> None:
    """Bands of 95 % cover what is known without sampling; that of one neuron leaves the Gaussian limit out."""
    rows = gaussian_limit.table(measured("gaussian-limit"))
    known = [row for row in rows if row["exact"] is not None]
    assert {row["panel"] for row in known} == {"a", "b"}
    assert sum(row["low"] <= row["exact"] <= row["high"] for row in known) >= 0.9 * len(known)
    relu = next(row for row in rows if (row["panel"], row["activation"], row["width"]) == ("b", "relu", 1))
    assert relu["exact"] == pytest.approx(0.25, abs=1e-3)  # the atom of a dead neuron at 0
    assert relu["low"] > 0.2
    left, right = drawn(measured, "gaussian-limit")
    x, y = line_like(left, 1)
    np.testing.assert_allclose(
        y, laws.output_distribution("relu", 4, x / math.sqrt(2)) - 0.5 * (1 + erf(x / math.sqrt(2)))
    )
    assert right.get_xscale() == right.get_yscale() == "log"


def test_the_exact_law_of_the_output() -> None:
    """Two ReLU neurons: dead with probability ¼, else Gaussian; |u| makes the output exactly Gaussian."""

    def normal(x: Any, deviation: float) -> Any:
        return 0.5 * (1 + erf(np.asarray(x) / deviation / math.sqrt(2)))

    x = np.array([-2.0, -0.3, 0.0, 0.4, 3.0])
    mixture = 0.25 * (x >= 0) + 0.5 * normal(x, math.sqrt(0.5)) + 0.25 * normal(x, 1.0)
    np.testing.assert_allclose(laws.output_distribution("relu", 2, x), mixture, atol=1e-15)
    np.testing.assert_allclose(laws.output_distribution("abs", 7, x), normal(x, 1.0), atol=1e-14)
    with pytest.raises(BadInput, match="the exact law of the output is known for"):
        laws.output_distribution("tanh", 2, 0.0)


# ------------------------------------------------------------------------------------- distances and constants


def test_radii_lie_on_the_lines_of_their_laws(measured: Any) -> None:
    """The robust network's distances are twice the printed radius; the random line solves erf(r/√2) = ½."""
    left, right = drawn(measured, "radii")
    rows = radii.table(measured("radii"))
    robust = [row for row in rows if row["network"] == "robust"]
    np.testing.assert_allclose(
        [row["median"] for row in robust], [2 * row["printed"] for row in robust], rtol=1e-5
    )
    _, y = line_like(left, 0)
    np.testing.assert_allclose(y, points(left, 0)[1], rtol=1e-5)
    _, y = line_like(left, 1)
    np.testing.assert_allclose(erf(y / math.sqrt(2)), 0.5)
    np.testing.assert_allclose(points(right, 1)[1] * np.sqrt([5, 10]), points(left, 1)[1])
    assert {row["open"] for row in rows} == {0}


@pytest.mark.slow
def test_sandwich_keeps_its_order(measured: Any) -> None:
    """Every certificate is below the exact distance of its network, every attack above."""
    rows = sandwich.PICTURE.table(measured("sandwich"))
    exact = {
        (row["network"], row["dim"], row["trial"]): row["radius"]
        for row in rows
        if (row["side"], row["method"]) == ("exact", "upper")
    }
    assert len(exact) == 12
    for row in rows:
        known = exact[row["network"], row["dim"], row["trial"]]
        if row["side"] == "lower":
            assert row["radius"] <= known * (1 + 1e-6)
        elif row["side"] == "upper" and row["radius"] is not None:
            assert row["radius"] >= known * (1 - 1e-6)
    assert len(drawn(measured, "sandwich")) == 3


def test_lipschitz_products_lie_above_the_truth(measured: Any) -> None:
    """The product bounds every slope, its mean's bound is g^L(√k + √d)/√d·2^{L−2}, and E‖∇f‖² = 2 is the level line."""
    rows = lipschitz_depth.table(measured("lipschitz-depth"))
    for row in rows:
        assert row["ratio_value"] > 1
        assert row["slope_value"] <= row["product_value"]
        k, d, depth = row["width"], row["dim"], row["depth"]
        bound = math.sqrt(2) ** depth * (math.sqrt(k) + math.sqrt(d)) / math.sqrt(d) * 2 ** (depth - 2)
        assert row["mean_product_bound"] == pytest.approx(bound)
        assert row["product_value"] < bound
    left, right = drawn(measured, "lipschitz-depth")
    assert [row["exact"] for row in rows] == [True, True, False, False]
    for panel in (left, right):
        np.testing.assert_allclose(line_like(panel, 2)[1], math.sqrt(2))


# ------------------------------------------------------------------------------------------- exact and digital


@pytest.mark.parametrize("name", ["chi-square", "bernstein"])
def test_bounds_are_drawn_from_exact_tails(measured: Any, name: str) -> None:
    """The grid's rows are the points; the printed χ² bound fails somewhere, Bernstein's nowhere."""
    data = measured(name)
    rows = [row for row in figures.CATALOGUE[name].table(data) if row["panel"] == "grid"]
    fails = [row for row in rows if not row["holds"]]
    assert bool(fails) == (name == "chi-square")
    assert all((row["log10_failure"] > row["log10_gamma"]) for row in fails)
    left, _ = drawn(measured, name)
    assert r"\gamma" in left.get_xlabel()
    assert "fails" in left.texts[0].get_text()


def test_objectives_are_those_of_the_exercise(measured: Any) -> None:
    """obj₁ = 1 + log p, obj₁* = −log p − 1, obj₁** = −log_C p − 1; the printed values lie on the curve of obj₁."""
    left, right = drawn(measured, "carlini-wagner-objectives")
    p = np.array([row["p"] for row in measured("carlini-wagner-objectives")["two"]])
    expected = (1 + np.log(p), -np.log(p) - 1, -np.log2(p) - 1)
    for line, law in zip(left.lines[:3], expected, strict=True):
        np.testing.assert_allclose(line.get_ydata(), law, atol=1e-12)
    dots = next(line for line in left.lines if line.get_marker() == "o")
    np.testing.assert_allclose(dots.get_ydata(), 1 + np.log(np.asarray(dots.get_xdata())), atol=0.005)
    curves = [line for line in right.lines if len(line.get_xdata()) > 2]
    for line, classes in zip(curves, objectives.CLASSES, strict=True):
        np.testing.assert_allclose(line.get_ydata(), -np.log(p) / math.log(classes) - 1, atol=1e-12)
    assert {float(line.get_xdata()[0]) for line in right.lines if len(line.get_xdata()) == 1} == {
        0.5,
        1 / 3,
        0.1,
    }


def test_loss_surfaces_pass_through_the_input(measured: Any) -> None:
    """The middle of each surface is the loss at x, its middle row the gradient's line, whose tangent is drawn."""
    panels = drawn(measured, "loss-surface")
    for column, one in enumerate(measured("loss-surface")["results"].values()):
        middle = len(one["at"]) // 2
        np.testing.assert_allclose(one["loss"][middle], one["along"])
        assert one["along"][middle] == pytest.approx(one["start"])
        assert one["margin"][middle][middle] > 0
        assert one["along"][-1] > max(line[-1] for line in one["random"])
        tangent = next(line for line in panels[2 + column].lines if line.get_linestyle() == "-")
        np.testing.assert_allclose(tangent.get_ydata(), one["start"] + one["slope"] * np.array(one["at"]))


def test_the_slope_of_a_surface_is_the_gradient(measured: Any) -> None:
    """A small step along the gradient raises the loss by its slope: a central difference says so."""
    import torch

    from simulate.surface import surface

    weights = torch.tensor([[0.3, -1.2, 0.5]], dtype=torch.float64)
    x, y = torch.tensor([[0.2, 0.1, -0.4]], dtype=torch.float64), torch.tensor([1])
    found = surface(lambda z: (z @ weights.T)[:, 0] + (z**2).sum(1), x, y, 1e-4, 3, 1)
    low, _, high = found["along"]
    assert (high - low) / 2e-4 == pytest.approx(found["slope"], rel=1e-6)
    low, _, high = found["random"][0]
    assert (high - low) / 2e-4 == pytest.approx(0, abs=1e-8)


def test_digits_are_misclassified_by_the_perturbation_that_is_shown(measured: Any) -> None:
    """Each changed image stays in its box, differs by the stated size, and is seen as another class."""
    data = measured("digits")
    assert len(data["examples"]) == 10
    for one in data["examples"]:
        assert one["class"] == one["label"]
        for norm, order in (("2", 2), ("inf", math.inf)):
            moved = np.array(one[norm]["image"])
            assert ((moved >= 0) & (moved <= 1)).all()
            assert np.linalg.norm(moved - np.array(one["image"]), order) == pytest.approx(one[norm]["size"])
            assert one[norm]["success"]
            assert one[norm]["class"] != one["label"]
    panels = drawn(measured, "digits")
    assert len(panels) == 50
    shown = panels[0].images[0].get_array()
    np.testing.assert_allclose(np.asarray(shown).ravel(), data["examples"][0]["image"])
    assert len(drawn(measured, "digits", ONE_COLUMN)) == 25


def test_an_estimate_lies_inside_its_confidence_sequence(measured: Any) -> None:
    """The band is the sequence of `simulate.statistics` about the run's own counts, wider than the fixed intervals."""
    from simulate import INIT_FLIP, InitFlip, Plan, run
    from simulate.statistics import confidence_sequence as sequence

    data = measured("confidence-sequence")
    first = data["paths"][0]
    low, high = sequence(first["successes"], data["trials"], 0.95)
    np.testing.assert_allclose((first["low"], first["high"]), (low, high))
    assert (np.array(first["low"]) <= first["fixed_low"]).all()
    point = InitFlip(1024, 1024, steps=(data["step"],))
    counted = run(Plan(INIT_FLIP, (point,), 300)).cells[0].summary.counts["flip"]
    assert first["successes"][-1] == int(counted.sum())
    # Looking a hundred times at 5 % misleads more often than once; the sequence keeps its word.
    assert data["looking"]["fixed"]["low"][-1] > 0.05
    assert data["looking"]["sequence"]["share"][-1] <= 0.05
    left, right = drawn(measured, "confidence-sequence")
    np.testing.assert_allclose(points(right)[1][0], data["looking"]["fixed"]["share"][0])
    assert left.get_xscale() == "log"


def test_the_gallery_is_small() -> None:
    """The pictures that the README and the report show load quickly."""
    gallery = Path(figures.__file__).parent / "gallery"
    for picture in gallery.glob("*.png"):
        assert picture.stat().st_size < 150_000, picture.name
    assert {one.stem for one in gallery.glob("*.png")} == {
        name.replace("-", "_") for name in figures.CATALOGUE
    }

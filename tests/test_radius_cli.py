"""`simulate radius`: bounds around the exact distance, what a crossing does, and how bad requests end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from command import Simulate

from figures import sandwich as picture
from simulate import certificates
from simulate.errors import BadInput
from simulate.robust import correlation, radius_to_zero
from simulate.robust import draw as draw_data
from simulate.sandwich import Crossing, bounds, check, document, draw, load
from simulate.sandwich.crossing import crosses

SMALL = ("radius", "--width", "6", "--dim", "4", "--trials", "2")


@pytest.fixture(scope="module")
def three_kinds() -> dict[str, Any]:
    """Two dimensions and the three kinds of network."""
    return document([5], [8, 32], network=["robust", "trained", "random"], trials=2)


@pytest.mark.parametrize("norm", ["2", "inf", "1"])
def test_every_bound_is_on_its_side(simulate: Simulate, norm: str) -> None:
    """In the JSON document every certificate is at most, and every attack at least, the exact distance."""
    answer = simulate(*SMALL, "--norm", norm, "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    (result,) = found["results"]
    assert set(result["lower"]) == set(bounds.LOWER)
    assert set(result["upper"]) == set(bounds.UPPER[norm])  # type: ignore[index]
    assert result["exact"]["finished"] == 2
    for trial in range(2):
        exact = result["exact"]["upper"]["values"][trial]
        for one in result["lower"].values():
            assert one["radius"]["values"][trial] <= exact + 1e-6
        for one in result["upper"].values():
            value = one["radius"]["values"][trial]
            assert value is None or value >= exact - 1e-6


def test_the_table_names_every_method_and_the_figure_is_written(simulate: Simulate) -> None:
    """One line a method, the exact value between certificates and attacks, and the file that was asked for."""
    answer = simulate(*SMALL, "--figure", "radius.pdf")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    signs = [line[0] for line in lines if line[:1] in "≥=≤" and line]
    assert signs == ["≥"] * 7 + ["="] + ["≤"] * 4
    assert (simulate.home / "radius.pdf").stat().st_size > 1000
    assert "files: radius.pdf" in lines


def test_the_same_seed_gives_the_same_radii(simulate: Simulate) -> None:
    """Times apart, a second run prints the same numbers, and another seed other ones."""

    def radii(seed: int) -> list[list[float | None]]:
        (result,) = json.loads(simulate(*SMALL, "--seed", str(seed), "--json").out)["results"]
        return [one["radius"]["values"] for side in ("lower", "upper") for one in result[side].values()]

    first = radii(1)
    assert first == radii(1)
    assert first != radii(2)


def test_the_robust_network_has_the_distance_that_is_proved_for_it(three_kinds: dict[str, Any]) -> None:
    """Its exact ℓ2 distance is (1 − c)/2·√d for the data's own c, computed here by branch and bound."""
    for result in three_kinds["results"]:
        if result["network"] != "robust":
            continue
        d = result["dim"]
        for trial, value in enumerate(result["exact"]["upper"]["values"]):
            data = draw_data("random", 5, d, seed=0, trial=trial)
            c = correlation(data.points, data.labels).largest_size
            assert value == pytest.approx(radius_to_zero(c, d), rel=1e-9)


def test_all_kinds_are_measured_over_the_grid(three_kinds: dict[str, Any]) -> None:
    """Each kind and size has its own entry, all closed, and the robust network is the farthest at d = 32."""
    cells = [(one["network"], one["dim"]) for one in three_kinds["results"]]
    assert cells == [(kind, d) for kind in ("robust", "trained", "random") for d in (8, 32)]
    assert all(one["exact"]["finished"] == 2 for one in three_kinds["results"])
    far = {
        one["network"]: one["exact"]["upper"]["median"] for one in three_kinds["results"] if one["dim"] == 32
    }
    assert far["robust"] > far["random"]


def test_the_figure_draws_the_document_s_numbers(three_kinds: dict[str, Any]) -> None:
    """A panel a kind; the thick line is the exact median, over the dimensions."""
    figure = picture.draw(three_kinds)
    for panel, kind in zip(figure.axes, ("robust", "trained", "random"), strict=True):
        cells = [one for one in three_kinds["results"] if one["network"] == kind]
        (line,) = [one for one in panel.lines if one.get_label() == "exact, median"]
        assert list(line.get_xdata()) == [8, 32]
        np.testing.assert_array_equal(line.get_ydata(), [one["exact"]["upper"]["median"] for one in cells])
        assert panel.get_yscale() == "log"
    plt.close(figure)


def test_a_false_certificate_stops_the_run_and_leaves_its_instance(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Lipschitz product made ten times too large ends the command with code 4 and a file that repeats it."""
    honest = certificates.lipschitz_radius
    monkeypatch.setattr(certificates, "lipschitz_radius", lambda *arguments: 10 * honest(*arguments))
    answer = simulate(*SMALL, "--norm", "2")
    assert answer.code == 4
    assert answer.out == ""
    assert len(answer.err.strip().splitlines()) == 1
    assert "product" in answer.err
    (file,) = simulate.home.glob("radius-crossing-*.npz")
    assert file.name in answer.err
    one, found = load(file)
    lower = honest(one.network, one.x, one.y, "2")
    assert 10 * float(lower) == pytest.approx(found["lower"], rel=1e-12)
    assert crosses(float(found["lower"]), float(found["upper"]))  # type: ignore[arg-type]


def test_a_crossing_within_the_tolerance_is_none(tmp_path: Path) -> None:
    """Bounds may meet up to 1e-6; beyond, and for NaN, the check raises and saves without overwriting."""
    one = draw("random", 3, 2, 1)
    check(one, 0, "2", {"a": 1.0 + 1e-7}, {"b": 1.0, "c": np.inf}, tmp_path)
    assert not list(tmp_path.iterdir())
    for value in (1.0 + 3e-6, np.nan):
        with pytest.raises(Crossing):
            check(one, 0, "2", {"a": value}, {"b": 1.0}, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(BadInput, match="cannot read"):
        load(tmp_path / "none.npz")


def test_random_networks_are_those_of_the_theory() -> None:
    """Rows w_j ~ N(0, I/d), outer weights ±1/√k, inputs on the sphere of radius √d, labels the network's sign."""
    one = draw("random", 30, 40, 200, seed=3)
    entries = one.network.weights[0].numpy() * 40**0.5
    # 240,000 standard normals: the mean and the mean square lie within 5 standard deviations.
    assert abs(entries.mean()) < 5 / entries.size**0.5
    assert abs((entries**2).mean() - 1) < 5 * (2 / entries.size) ** 0.5
    assert abs((1.02 * entries**2).mean() - 1.02**3) > 5 * (2 / entries.size) ** 0.5  # 2 % more would be seen
    np.testing.assert_allclose(one.network.weights[1].abs().numpy(), 30**-0.5)
    np.testing.assert_allclose(one.x.norm(dim=1).numpy(), 40**0.5)
    assert bool((torch.sign(one.network(one.x)) == one.y).all())


def test_networks_trained_on_bundled_data_have_several_classes(simulate: Simulate) -> None:
    """--data trains on a labelled set, and the distance is to the nearest of its other classes."""
    pytest.importorskip("sklearn", reason="scikit-learn carries the bundled data")
    answer = simulate(
        "radius", "--network", "trained", "--data", "iris", "--width", "5", "--trials", "2", "--json"
    )
    assert answer.code == 0, answer.err
    (result,) = json.loads(answer.out)["results"]
    assert (result["classes"], result["dim"], result["exact"]["finished"]) == (3, 4, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        ("--width", "0"),
        ("--dim", "0"),
        ("--dim", "-3", "--network", "trained"),
        ("--width", "0", "--network", "trained"),
        ("--norm", "3"),
        ("--norm", "0"),
        ("--trials", "0"),
        ("--network", "wide"),
        ("--network", "robust", "--width", "1"),
        ("--network", "robust", "--activation", "abs"),
        ("--activation", "tanh"),
        ("--points", "5"),
        ("--network", "trained", "--points", "1"),
        ("--seconds", "0"),
        ("--seconds", "nan"),
        ("--seed", "-1"),
        ("--data", "iris"),
        ("--data", "iris", "--network", "trained", "--dim", "4"),
        ("--data", "nowhere.csv", "--network", "trained"),
        ("--width", "0", "--data", "iris", "--network", "trained"),
        ("--figure", "radius.doc"),
    ],
)
def test_bad_requests_get_one_line(simulate: Simulate, wrong: tuple[str, ...]) -> None:
    """Every request that makes no sense ends with code 2, one line, and nothing on standard output."""
    answer = simulate("radius", *wrong)
    assert answer.code == 2
    assert answer.out == ""
    assert len(answer.err.strip().splitlines()) == 1
    assert answer.err.startswith("simulate: ")

"""Hypotheses: what they contain, generate, move, simplify, write and print."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulate.errors import BadInput
from theorems import maths as m
from theorems.domains import Domain, call, describe
from theorems.ranges import Array, Integers, Matrix, OneOf, Reals, Sphere, Vector
from theorems.statement import Broken
from theorems.wholes import Whole

DOMAINS: dict[str, Domain] = {
    "numbers": Domain(a=Reals(), b=Reals(0, 1), n=Integers(-2, 5)),
    "product": Domain(m=Integers(1, 5), n=Integers(1, 5), A=Matrix("m", "n"), x=Vector("n")),
    "two sizes in one array": Domain(n=Integers(0, 4), W=Matrix("n", "n"), i=Integers(0, lambda v: v["n"])),
    "an index": Domain(n=Integers(0, 4), i=Integers(0, lambda v: v["n"] - 1), x=Vector("n")),
    "a box": Domain(
        n=Integers(1, 4), eps=Reals(0, open=(True, False)), x=Vector("n", Reals(lambda v: -v["eps"], "eps"))
    ),
    "spheres": Domain(
        n=Integers(1, 6), x=Sphere("n"), X=Sphere(2, "n", radius=1), y=Vector("n", OneOf(-1.0, 1.0))
    ),
    "a condition": Domain(n=Integers(1, 4), x=Vector("n"), where={"x is not 0": lambda x: m.norm(x) > 0}),
    "a half space": Domain(x=Vector(3), y=Vector(3), where={"x·y > 0": lambda x, y: x @ y > 0}),
    "a computed size": Domain(n=Integers(1, 3), x=Vector(lambda v: 2 * v["n"])),
    "words": Domain(name=OneOf("relu", "tanh"), flag=OneOf(False, True), t=Reals(0, 1, log=True)),
}
ALL = pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS.keys())


def drawn(domain: Domain, seed: int) -> Any:
    """A random instance of the hypotheses."""
    rng = np.random.default_rng(seed)
    candidates = (domain.sample(rng) for _ in range(200))
    return next(one for one in candidates if one is not None and domain.contains(one))


@ALL
@settings(max_examples=30)
@given(data=st.data())
def test_strategy_draws_satisfy_the_hypotheses(domain: Domain, data: st.DataObject) -> None:
    """Ranges and conditions, for whatever Hypothesis thinks of."""
    assert domain.fault(data.draw(domain.strategy())) is None


@ALL
def test_corners_satisfy_the_hypotheses(domain: Domain) -> None:
    """Ranges and conditions, for the first thousand; there are some."""
    corners = list(itertools.islice(domain.corners(), 1_000))
    assert corners
    assert [domain.fault(corner) for corner in corners] == [None] * len(corners)


@ALL
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_samples_lie_in_the_ranges(domain: Domain, seed: int) -> None:
    """A random draw may break a condition, and nothing else; where a range is empty there is none."""
    sample = domain.sample(np.random.default_rng(seed))
    if sample is not None:
        assert (domain.fault(sample) or "not satisfied").startswith("not satisfied")


def test_a_sample_keeps_what_is_fixed() -> None:
    """A size that is given is the size of the arrays."""
    sample = DOMAINS["product"].sample(np.random.default_rng(0), {"n": 4})
    assert sample is not None
    assert (list(sample), sample["n"], len(sample["x"])) == (["m", "n", "A", "x"], 4, 4)


def test_every_combination_of_few_corners_comes_once() -> None:
    """Nothing is skipped, and the list ends."""
    domain = Domain(a=Integers(1, 3), b=OneOf("x", "y"), c=OneOf(0, 1))
    found = [tuple(corner.values()) for corner in domain.combined_corners()]
    assert sorted(found) == sorted(itertools.product((1, 2, 3), ("x", "y"), (0, 1)))


def test_corners_visit_all_sizes_early() -> None:
    """Among the first 600 of a matrix product are all sizes up to 5, although one size has dozens of matrices."""
    domain = Domain(
        m=Integers(1, 9), n=Integers(1, 9), p=Integers(1, 9), A=Matrix("m", "n"), B=Matrix("n", "p")
    )
    seen = {(c["m"], c["n"], c["p"]) for c in itertools.islice(domain.combined_corners(), 600)}
    for name in range(3):
        assert {sizes[name] for sizes in seen} >= set(range(1, 6))
    assert (2, 2, 2) in seen


def test_simplest_corners_come_first() -> None:
    """The first instance has the first corner of each range."""
    first = next(DOMAINS["product"].corners())
    assert (first["m"], first["n"], first["A"].tolist(), first["x"].tolist()) == (1, 1, [[0.0]], [0.0])


def test_where_a_range_is_empty_for_some_sizes_the_others_are_visited() -> None:
    """There is no index below 0: n = 0 is left out."""
    domain = DOMAINS["an index"]
    assert {corner["n"] for corner in domain.corners()} == {1, 2, 3, 4}
    assert domain.empty_range() is None


@pytest.mark.parametrize(
    ("instance", "fault"),
    [
        ({"n": 1, "x": np.ones(1)}, None),
        ({"n": 9, "x": np.ones(1)}, "n is not in {1, …, 4}"),
        ({"n": 2, "x": np.ones(1)}, "x is not in ℝ^n"),
        ({"n": 1, "x": np.array([math.nan])}, "x is not in ℝ^n"),
        ({"n": 1, "x": np.zeros(1)}, "not satisfied: x is not 0"),
        ({"n": 1}, "the variables are n, x, got n"),
    ],
)
def test_a_fault_names_the_hypothesis_that_is_broken(instance: Mapping[str, Any], fault: str | None) -> None:
    """The variable and its range, or the condition in its own words."""
    assert DOMAINS["a condition"].fault(instance) == fault


def test_a_condition_that_fails_is_reported_with_its_text_and_the_instance() -> None:
    """It is neither met nor unmet."""
    domain = Domain(n=Integers(0, 3), where={"1/n is small": lambda n: 1 / n < 0.5})
    with pytest.raises(Broken, match="'1/n is small': ZeroDivisionError: division by zero at n = 0"):
        domain.fault({"n": 0})


def test_an_end_that_fails_is_reported_with_its_variable_and_the_values_before() -> None:
    """Of the range that needs it."""
    domain = Domain(n=Integers(0, 3), i=Integers(0, lambda v: 6 / v["n"]))
    with pytest.raises(Broken, match=r"the range .* of i: ZeroDivisionError: division by zero at n = 0"):
        list(domain.corners())


def test_a_range_that_is_empty_for_all_is_found() -> None:
    """In words that can be printed as they are."""
    domain = Domain(m=Integers(1, 2), n=Integers(8, 2), x=Vector("n"))
    assert domain.empty_range() == "the range of n is empty: {8, …, 2}"


@pytest.mark.parametrize(
    "ranges",
    [
        {"x": Vector("n")},
        {"x": Vector("n"), "n": Integers(1, 3)},
        {"n": Integers(1, "n")},
        {"x": Vector(2, Reals(0, "eps"))},
        {"x": Sphere(2, radius="r")},
    ],
    ids=["unknown", "declared later", "itself", "of entries", "a radius"],
)
def test_variables_are_declared_before_they_are_used(ranges: dict[str, Any]) -> None:
    """A size, an end or a radius that nobody knows is an error of use."""
    with pytest.raises(BadInput, match="before it"):
        Domain(**ranges)


@ALL
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_an_instance_survives_json_bit_for_bit(domain: Domain, seed: int) -> None:
    """Written, read and written again: the same text, types and bits."""
    instance = drawn(domain, seed)
    text = json.dumps(domain.to_json(instance))
    again = domain.from_json(json.loads(text))
    assert json.dumps(domain.to_json(again)) == text
    for name, value in instance.items():
        assert type(again[name]) is type(value)
        assert np.array_equal(again[name], value)
        assert np.shape(again[name]) == np.shape(value)


@pytest.mark.parametrize("entries", [[5e-324, -0.0], [1.7976931348623157e308, 0.1 + 0.2], [], [1e-310]])
def test_extreme_numbers_survive_json(entries: list[float]) -> None:
    """Denormals, the largest float64, minus zero, and no numbers at all."""
    domain = Domain(n=Integers(0, 2), x=Vector("n"), A=Matrix("n", 3))
    instance = {"n": len(entries), "x": np.array(entries), "A": np.zeros((len(entries), 3))}
    again = domain.from_json(json.loads(json.dumps(domain.to_json(instance))))
    assert again["x"].tobytes() == instance["x"].tobytes()
    assert again["A"].shape == instance["A"].shape


@pytest.mark.parametrize(
    "data",
    [
        {"n": 1},
        {"n": 1, "x": [0.0], "y": 0},
        {"n": 1, "x": "abc"},
        {"n": 2, "x": [[1.0], [1.0, 2.0]]},
        {"n": 1, "x": [None]},
    ],
)
def test_json_that_is_no_instance_is_refused(data: Any) -> None:
    """Missing and unknown variables, words for numbers, ragged arrays."""
    domain = Domain(n=Integers(1, 3), x=Vector("n", Reals()))
    if data == {"n": 1, "x": [None]}:  # None becomes NaN, which is in no range
        assert domain.fault(domain.from_json(data)) == "x is not in ℝ^n"
        return
    with pytest.raises(BadInput):
        domain.from_json(data)


@ALL
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_simpler_instances_stay_in_the_ranges(domain: Domain, seed: int) -> None:
    """Sizes shrink with their arrays, indices and boxes follow; a condition may break, or a range become empty."""
    for candidate in itertools.islice(domain.simpler(drawn(domain, seed)), 200):
        if any(place.empty(candidate) for place in domain.ranges.values()):
            continue
        assert (domain.fault(candidate) or "not satisfied").startswith("not satisfied")


def test_a_smaller_size_takes_its_rows_and_columns_away() -> None:
    """One index at a time, in every array that has it."""
    domain = Domain(n=Integers(1, 3), W=Matrix("n", "n"), x=Vector("n"))
    W = np.arange(9.0).reshape(3, 3)
    smaller = [c for c in domain.simpler_in("n", {"n": 3, "W": W, "x": np.arange(3.0)}) if c["n"] == 2]
    assert [0.0, 2.0] in [c["x"].tolist() for c in smaller]
    assert [[0.0, 2.0], [6.0, 8.0]] in [c["W"].tolist() for c in smaller]


def test_variables_that_hang_together_are_simplified_together() -> None:
    """Two whole numbers three apart stay three apart; real ones keep their ratio."""
    whole = Domain(a=Integers(0, 100), b=Integers(0, 100))
    assert {"a": 3, "b": 0} in list(whole.simpler_together({"a": 83, "b": 80}))
    real = Domain(a=Reals(), x=Vector(2))
    together = list(real.simpler_together({"a": 0.37, "x": np.array([0.37, 0.0])}))
    assert [(c["a"], c["x"].tolist()) for c in together] == [(1.0, [1.0, 0.0])]


def test_projection_keeps_the_order_of_the_ranges() -> None:
    """A box that depends on eps is projected to after eps is."""
    domain = DOMAINS["a box"]
    moved = domain.project({"n": 1, "eps": -3.0, "x": np.array([7.0])})
    assert domain.contains(moved)
    assert moved["x"][0] == moved["eps"] > 0


def test_precise_instances_are_the_same_numbers() -> None:
    """Every float64 as it is, whole numbers that divide exactly, words as they are."""
    domain = Domain(n=Integers(1, 3), t=Reals(), x=Vector("n"), name=OneOf("relu"))
    with m.in_precision(50):
        precise = domain.precise({"n": 3, "t": 0.1, "x": np.array([0.1, 0.2, 0.3]), "name": "relu"})
        assert (type(precise["n"]), precise["name"]) == (Whole, "relu")
        assert [float(v) for v in (precise["t"], *precise["x"])] == [0.1, 0.1, 0.2, 0.3]
        assert domain.contains(precise)


def test_continuous_variables_are_those_that_a_gradient_moves() -> None:
    """Real numbers, real arrays and spheres; no sizes, signs or words."""
    assert DOMAINS["spheres"].continuous() == ("x", "X")
    assert DOMAINS["words"].continuous() == ("t",)
    assert DOMAINS["product"].sizes() == ("m", "n")
    assert Domain(x=Array(2, entries=Integers(0, 1))).continuous() == ()


def test_a_function_gets_copies_of_what_it_names() -> None:
    """What a conclusion does to its arrays stays with it; it need not name all variables."""
    x = np.array([3.0, 1.0])

    def spoil(x: Any) -> Any:
        x.sort()
        return x

    assert call(spoil, {"x": x, "n": 2}).tolist() == [1.0, 3.0]
    assert x.tolist() == [3.0, 1.0]
    assert call(lambda **everything: sorted(everything), {"x": x, "n": 2}) == ["n", "x"]


def test_domains_and_instances_print_in_one_line() -> None:
    """Variables, ranges and conditions; numbers with the digits that they have."""
    assert str(DOMAINS["a condition"]) == "n ∈ {1, …, 4}, x ∈ ℝ^n; x is not 0"
    instance = {"n": 2, "x": np.array([1.0, 0.1 + 0.2]), "A": np.zeros((9, 9)), "name": "relu"}
    assert describe(instance) == "n = 2, x = [1, 0.30000000000000004], A = array of shape (9, 9), name = relu"

"""Ranges: whatever they generate, move or simplify is inside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simulate.errors import BadInput
from theorems import maths as m
from theorems.ranges import Array, Integers, Matrix, OneOf, Range, Reals, Sphere, Values, Vector
from theorems.ranges.simple import complexity, simpler_numbers

V: dict[str, Any] = {"n": 3, "m": 2, "none": 0, "r": 2.5}
RANGES: dict[str, Range] = {
    "integers": Integers(1, 10),
    "one integer": Integers(4, 4),
    "negative integers": Integers(-7, -2),
    "integers up to a variable": Integers(0, lambda v: v["n"] - 1),
    "integers between fractions": Integers(0.5, 3.5),
    "many integers": Integers(1, 10**30, log=True),
    "reals": Reals(),
    "reals from 0": Reals(0),
    "open unit interval": Reals(0, 1, open=(True, True)),
    "half open": Reals(-1, 1, open=(False, True)),
    "one real": Reals(0.1, 0.1),
    "probabilities": Reals(0, 1, open=(True, True), log=True),
    "tiny": Reals(1e-320, 1e-310, log=True),
    "huge": Reals(1e200, 1e300),
    "up to a variable": Reals(0, "r"),
    "words": OneOf("relu", "tanh"),
    "truth values": OneOf(True, False),
    "vector": Vector("n"),
    "empty vector": Vector("none"),
    "matrix": Matrix("m", "n"),
    "empty matrix": Matrix("none", "n"),
    "tensor": Array(2, "m", "n"),
    "scalar array": Array(),
    "box": Vector("n", Reals(-1, 1)),
    "open box": Vector("n", Reals(0, 1, open=(True, True))),
    "box around a variable": Vector("n", Reals(lambda v: -v["r"], "r")),
    "far box": Vector("n", Reals(5e7, 6e7)),
    "log box": Vector("n", Reals(1e-8, 1, log=True)),
    "whole entries": Matrix("m", "n", Integers(-3, 3)),
    "signs": Vector("n", OneOf(-1.0, 1.0)),
    "large matrix": Matrix(20, 30),
    "sphere": Sphere("n"),
    "points on a sphere": Sphere("m", "n"),
    "no points on a sphere": Sphere("none", "n"),
    "small sphere": Sphere("n", radius=1e-200),
    "huge sphere": Sphere("n", radius=1e200),
    "sphere of a variable radius": Sphere("n", radius="r"),
    "a point": Sphere("n", radius=0),
}
ALL = pytest.mark.parametrize("place", RANGES.values(), ids=RANGES.keys())
CONTINUOUS = pytest.mark.parametrize(
    "place", [p for p in RANGES.values() if p.continuous], ids=[n for n, p in RANGES.items() if p.continuous]
)
EXTREME = st.one_of(
    st.floats(-10, 10),
    st.sampled_from([0.0, 5e-324, -1e-310, 1e-200, 1e200, -1.7e308]),
    st.floats(allow_nan=False),
)


def arbitrary(place: Range, data: st.DataObject) -> Any:
    """A float, or an array of the right shape, of any finite numbers."""
    if not isinstance(place, Array):
        return data.draw(EXTREME.filter(math.isfinite))
    shape = place.shape_of(V)
    size = math.prod(shape)
    few = data.draw(st.lists(EXTREME.filter(math.isfinite), min_size=min(size, 6), max_size=min(size, 6)))
    return np.resize(np.array(few, dtype=float), shape)


@ALL
@settings(max_examples=40)
@given(data=st.data())
def test_strategy_draws_are_inside(place: Range, data: st.DataObject) -> None:
    """Hypothesis never leaves a range."""
    assert place.contains(data.draw(place.strategy(V)), V)


@ALL
def test_corners_are_inside_and_distinct(place: Range) -> None:
    """There is at least one, and all can be used as they are."""
    corners = place.corners(V)
    assert len(corners) > 0
    for corner in corners:
        assert place.contains(corner, V)
    assert len({repr(np.asarray(corner).tolist()) for corner in corners}) == len(corners)


@ALL
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_samples_are_inside(place: Range, seed: int) -> None:
    """Random draws never leave a range either."""
    assert place.contains(place.sample(np.random.default_rng(seed), V), V)


@CONTINUOUS
@settings(max_examples=60)
@given(data=st.data())
def test_projection_ends_inside(place: Range, data: st.DataObject) -> None:
    """Any finite numbers are moved inside."""
    assert place.contains(place.project(arbitrary(place, data), V), V)


@CONTINUOUS
@settings(max_examples=30)
@given(data=st.data())
def test_projection_leaves_what_is_inside(place: Range, data: st.DataObject) -> None:
    """To the last bit; on a sphere to the last bits, which renormalising may change."""
    inside = data.draw(place.strategy(V))
    again = place.project(inside, V)
    if isinstance(place, Sphere):
        assert np.allclose(again, inside, rtol=1e-13, atol=0)
    else:
        assert np.array_equal(again, inside)


@CONTINUOUS
@settings(max_examples=30)
@given(data=st.data())
def test_projection_of_a_batch_is_that_of_its_rows(place: Range, data: st.DataObject) -> None:
    """What the gradient's tensors become is what numpy makes of each row, up to rounding."""
    assume(not place.empty(V))
    rows = [data.draw(place.strategy(V)) * data.draw(st.sampled_from([0.5, 1.0, 3.0])) for _ in range(2)]
    assume(all(np.all(np.isfinite(row)) for row in rows))
    batch = place.project(torch.tensor(np.stack(rows), dtype=torch.float64), V)
    for row, moved in zip(rows, batch, strict=True):
        assert np.allclose(moved.numpy(), place.project(row, V), rtol=1e-12, atol=1e-300)


@ALL
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_simplification_ends(place: Range, seed: int) -> None:
    """Whoever accepts every simpler value is done after finitely many."""
    value, steps = place.sample(np.random.default_rng(seed), V), 0
    while (value := next(iter(place.simpler(value, V)), None)) is not None:
        steps += 1
        assert steps < 1_000


@ALL
def test_a_range_prints_itself_and_is_not_empty(place: Range) -> None:
    """In one line, without the address of an object."""
    assert place.empty(V) is False
    assert "\n" not in str(place)
    assert " at 0x" not in str(place)


@pytest.mark.parametrize(
    ("place", "printed"),
    [
        (Integers(1, 6), "{1, …, 6}"),
        (Integers(0, lambda v: v["n"]), "{0, …, …}"),
        (Reals(), "ℝ"),
        (Reals(0), "[0, ∞)"),
        (Reals(0, 1, open=(True, True)), "(0, 1)"),
        (OneOf("relu", 1.5), "{relu, 1.5}"),
        (Vector("n"), "ℝ^n"),
        (Matrix("m", "n", Reals(-1, 1)), "[-1, 1]^(m×n)"),
        (Sphere("n"), "√n·S^(n−1)"),
        (Sphere("m", "n", radius=1.0), "(1·S^(n−1))^(m)"),
    ],
)
def test_ranges_print_as_mathematics(place: Range, printed: str) -> None:
    """As a report shows them."""
    assert str(place) == printed


@pytest.mark.parametrize(
    ("place", "inside", "outside"),
    [
        (Integers(1, 3), [1, 3, np.int64(2)], [0, 4, 2.0, True, "2", None, np.array(2)]),
        (Integers(0.5, 3.5), [1, 3], [0, 4]),
        (Reals(0, 1), [0, 0.0, 1.0, np.float64(0.5)], [-5e-324, 1.0000000000000002, math.nan, True, "0", None]),
        (Reals(0, 1, open=(True, True)), [5e-324, 0.9999999999999999], [0.0, 1.0]),
        (Reals(), [1.7e308], [math.inf, -math.inf, math.nan]),
        (OneOf("a", "b"), ["a"], ["c", 1]),
        (Vector(2), [np.zeros(2), np.array([1, 2])], [np.zeros(3), np.zeros((1, 2)), 0.0, np.array([0.0, math.nan])]),
        (Vector(2, Reals(0, 1)), [np.ones(2)], [np.array([0.0, 1.1])]),
        (Vector(2, Integers(0, 1)), [np.ones(2)], [np.array([0.0, 0.5]), np.array([0.0, 2.0])]),
        (Vector(2, OneOf(-1.0, 1.0)), [np.array([1.0, -1.0])], [np.zeros(2)]),
        (Sphere(2), [np.array([1.0, 1.0])], [np.array([1.0, 1.0 + 1e-9]), np.zeros(2), np.array([math.nan, 1.0])]),
        (Sphere(2, radius=1), [np.array([0.6, 0.8])], [np.ones(2)]),
    ],
)  # fmt: skip
def test_a_range_contains_its_values_and_no_others(
    place: Range, inside: list[Any], outside: list[Any]
) -> None:
    """Ends, open ends, types, shapes, NaN and infinities."""
    assert [place.contains(value, {}) for value in inside] == [True] * len(inside)
    assert [place.contains(value, {}) for value in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    "place",
    [
        Integers(8, 2),
        Integers(0.2, 0.8),
        Reals(1, 0),
        Reals(1, 1, open=(True, False)),
        OneOf(),
        Vector(2, Integers(3, 1)),
        Vector(-1),
        Sphere(0),
        Sphere(2, radius=-1),
    ],
    ids=str,
)
def test_a_range_without_values_is_empty(place: Range) -> None:
    """Reversed ends, no choices, negative sizes, a sphere of no dimension."""
    assert place.empty({})


def test_no_entries_need_no_numbers() -> None:
    """A vector of length 0 exists even if its entries could not be anything."""
    assert not Vector(0, Integers(3, 1)).empty({})


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (lambda: Integers(1, math.inf), "finite ends"),
        (lambda: Reals(-1, 1, log=True), "at least 0"),
        (lambda: Array(2, entries=Sphere(2)), "entries are"),
        (lambda: Sphere(), "dimension"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(place: Any, words: str) -> None:
    """One line that says what is wrong."""
    with pytest.raises(BadInput, match=words):
        place()


def test_precise_points_lie_exactly_on_their_sphere() -> None:
    """The float64 coordinates of (1, 1, 1) on a unit sphere are off by rounding; what they stand for is not."""
    place = Sphere(3, radius=1)
    point = place.project(np.ones(3), {})
    with m.in_precision(50):
        assert m.norm(m.to_precise(point)) != 1
        assert abs(m.norm(place.precise(point, {})) - 1) < mpmath.mpf(10) ** -48
        assert place.contains(place.precise(point, {}), {})
        assert Sphere(2, radius=0).precise(np.zeros(2), {}).tolist() == [0, 0]


def test_precise_numbers_are_compared_with_precise_ends() -> None:
    """The float64 number 0.1 is larger than one tenth."""
    place = Reals(0, lambda v: 1 / v["n"])
    assert place.contains(0.1, {"n": 10})
    with m.in_precision(50):
        assert not place.contains(m.to_precise(0.1), {"n": m.to_precise(10)})
        assert Vector(1, Reals(0, 1)).contains(m.to_precise(np.ones(1)), {})


def test_choices_that_are_equal_but_of_other_types_are_different_ranges() -> None:
    """True == 1, but a statement about truth values does not get numbers."""
    assert OneOf(True, False) != OneOf(1, 0)
    assert [type(x) for x in Vector(1, OneOf(1, 0)).corners({})[0]] == [np.float64]
    assert OneOf(True).corners({}) == (True,)
    assert OneOf(True).corners({})[0] is True


def test_ranges_with_the_same_numbers_share_their_work() -> None:
    """Resolved at equal sizes they are equal; at others they are not."""
    place = Matrix("m", "n")
    assert place.at({"m": 2, "n": 3}) == Matrix(2, 3)
    assert hash(place.at({"m": 2, "n": 3})) == hash(Matrix(2, 3))
    assert place.at({"m": 2, "n": 3}) != Matrix(3, 2)
    assert Sphere(2) != Sphere(2, radius=1)
    assert Sphere(2) != Vector(2)


def test_large_arrays_come_in_few_structures() -> None:
    """Structures of a matrix with a million entries fit into memory."""
    assert sum(corner.nbytes for corner in Matrix(1_000, 1_000).corners({})) < 50e6


class Even(Range):
    """Even numbers: a range of one's own, which says only what it must."""

    def strategy(self, values: Values) -> st.SearchStrategy[int]:
        """Twice a number."""
        return st.integers(0, 5).map(lambda half: 2 * half)

    def contains(self, value: Any, values: Values) -> bool:
        """Whether it is even."""
        return isinstance(value, int) and value % 2 == 0

    def corners(self, values: Values) -> Sequence[int]:
        """The first."""
        return [0, 2]


def test_a_range_of_ones_own_needs_three_methods() -> None:
    """It is sampled from its corners, has no ends, and can be projected, printed and simplified."""
    place = Even()
    assert place.sample(np.random.default_rng(0), {}) in (0, 2)
    assert not place.empty({})
    assert place.at({}) is place
    assert place.project(4, {}) == 4
    assert list(place.simpler(4, {})) == []
    assert (place.bounds(), place.sizes(), place.read(4)) == ((), (), 4)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_simpler_numbers_are_simpler(value: float) -> None:
    """Each has fewer digits, or as many and is nearer to 1; none is NaN or infinite."""
    for other in simpler_numbers(value):
        assert math.isfinite(other)
        assert complexity(other) < complexity(value)


def test_what_is_simple() -> None:
    """0, then 1, then numbers of one digit, then those of more."""
    order = [0.0, 1.0, 0.5, 0.12, 0.123, 1e-10, 0.1234567]
    assert sorted(order, key=complexity) == order
    assert 1e-9 in simpler_numbers(1.0341e-9)
    assert 2.0 in simpler_numbers(2.0000000000000004)

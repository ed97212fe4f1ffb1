"""Mergeable moments: against brute force, under merging in chunks, and through JSON."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose

from simulate.errors import BadInput
from simulate.statistics import Moments, mean_interval

PROPERTY = settings(deadline=None, derandomize=True, max_examples=150)
SUMS = {"m2": 2, "m3": 3, "m4": 4}
BATCHES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(3, 40), st.integers(1, 3)),
    elements=st.floats(-1e3, 1e3, allow_subnormal=False),
)


def assert_moments_close(got, values):
    """Compare with sums over all values (rows), to 1e-10 of the sums' own scale.

    A deviation carries the rounding 1e-16 |x| of the values it comes from, so what is kept to 1e-10 in a sum
    of k-th powers is (|deviation| + 10⁻⁵ max |x|)^k: k 10⁻¹¹ from each, and some 10⁻¹⁴ for the summation.
    Sums below the smallest normal number have fewer digits.
    """
    largest = np.abs(values).max(axis=0)
    mean = np.array([math.fsum(column) / len(column) for column in values.T])
    deviations = values - mean
    assert np.all(np.abs(got.mean - mean) <= 1e-14 * largest)
    for name, power in SUMS.items():
        scale = np.sum((np.abs(deviations) + 1e-5 * largest) ** power, axis=0)
        error = np.abs(getattr(got, name) - np.sum(deviations**power, axis=0))
        assert np.all(error <= 1e-10 * scale + np.finfo(float).tiny), name
    assert np.array_equal(got.minimum, values.min(axis=0))
    assert np.array_equal(got.maximum, values.max(axis=0))
    assert np.array_equal(got.count, np.full(values.shape[1], len(values)))


def test_moments_equal_brute_force():
    """All fields and derived moments of skewed values far from zero equal numpy's, entry by entry."""
    x = 1000.0 + np.random.default_rng(1).exponential(size=(5000, 2, 3))
    m = Moments.of(x)
    deviations = x - x.mean(axis=0)
    # 1e-9: the sums cancel nothing, but x carries 13 digits of its distance from the mean.
    assert_allclose(m.mean, x.mean(axis=0), rtol=1e-14)
    assert_allclose(m.variance, x.var(axis=0, ddof=1), rtol=1e-9)
    assert_allclose(m.std, x.std(axis=0, ddof=1), rtol=1e-9)
    assert_allclose(m.m3, np.sum(deviations**3, axis=0), rtol=1e-9)
    assert_allclose(m.fourth_central_moment, np.mean(deviations**4, axis=0), rtol=1e-9)
    assert m.shape == (2, 3)
    low, high = mean_interval(m.count, m.mean, m.variance, 0.999999)
    assert np.all((low < 1001) & (high > 1001))


@PROPERTY
@given(BATCHES, st.data())
def test_chunks_merge_to_the_whole(values, data):
    """However the batch is cut into three chunks, their merge has the moments of the whole."""
    first = data.draw(st.integers(1, len(values) - 2))
    second = data.draw(st.integers(first + 1, len(values) - 1))
    a, b, c = (Moments.of(part) for part in np.split(values, [first, second]))
    assert_moments_close(Moments.of(values), values)
    assert_moments_close(a.merge(b).merge(c), values)
    assert_moments_close(a.merge(b.merge(c)), values)
    assert_moments_close(c.merge(a).merge(b), values)


def test_the_comparison_sees_an_error_of_the_merge():
    """Negative control: a merge that forgets the shift between the means fails the comparison."""
    values = np.random.default_rng(2).normal(size=(100, 1))
    a, b = Moments.of(values[:40]), Moments.of(values[40:])
    whole = a.merge(b)
    wrong = Moments(**{**vars(whole), "m2": a.m2 + b.m2})
    assert_moments_close(whole, values)
    with pytest.raises(AssertionError, match="m2"):
        assert_moments_close(wrong, values)


def test_merging_through_json_in_block_order_keeps_every_bit():
    """Blocks that travelled through JSON merge, in block order, to the very bits of those that did not."""
    blocks = [Moments.of(np.random.default_rng(i).normal(size=(37, 4)) * 10.0 ** (i - 8)) for i in range(16)]
    travelled = [Moments.from_json(json.loads(json.dumps(b.to_json(), allow_nan=False))) for b in blocks]
    here, there = blocks[0], travelled[0]
    for block, copy in zip(blocks[1:], travelled[1:], strict=True):
        here, there = here.merge(block), there.merge(copy)
    for name in vars(here):
        assert getattr(here, name).tobytes() == getattr(there, name).tobytes()
    assert here == there


def test_an_entry_has_the_same_bits_alone_and_in_any_layout():
    """Columns beside it, Fortran order and strides change no bit of an entry's moments."""
    x = np.random.default_rng(3).normal(size=(10_001, 6))
    whole = Moments.of(x)
    wide = np.zeros((10_001, 12))
    wide[:, ::2] = x
    assert Moments.of(np.asfortranarray(x)) == whole
    assert Moments.of(wide[:, ::2]) == whole
    for column in range(6):
        alone = Moments.of(x[:, column])
        assert alone.shape == ()
        assert all(getattr(alone, name) == getattr(whole, name)[column] for name in vars(alone))


def test_values_that_are_not_finite_are_counted_and_left_out():
    """NaN and infinities appear in `nonfinite` and nowhere else; an entry with no others has no mean."""
    x = np.array([[1.0, np.nan], [np.inf, np.nan], [3.0, -np.inf], [np.nan, np.nan]])
    m = Moments.of(x)
    assert m.count.tolist() == [2, 0]
    assert m.nonfinite.tolist() == [2, 4]
    assert (m.mean[0], m.variance[0], m.minimum[0], m.maximum[0]) == (2.0, 2.0, 1.0, 3.0)
    assert np.isnan([m.mean[1], m.variance[1], m.minimum[1], m.maximum[1], m.fourth_central_moment[1]]).all()
    assert Moments.from_json(json.loads(json.dumps(m.to_json(), allow_nan=False))) == m
    more = Moments.of(np.array([[5.0, 7.0], [np.nan, 9.0]]))
    for both in (m.merge(more), more.merge(m)):
        assert both.count.tolist() == [3, 2]
        assert both.nonfinite.tolist() == [3, 4]
        assert both.mean.tolist() == [3.0, 8.0]
        assert both.m2.tolist() == [8.0, 2.0]
        assert (both.minimum.tolist(), both.maximum.tolist()) == ([1.0, 7.0], [5.0, 9.0])


def test_an_empty_side_leaves_the_other_untouched():
    """Merging with an entry that counted nothing gives back the same bits, on either side."""
    nothing, some = Moments.of([np.nan]), Moments.of([0.1, 0.7, 1e-3])
    for both in (nothing.merge(some), some.merge(nothing)):
        assert all(getattr(both, name) == getattr(some, name) for name in ("mean", "m2", "m3", "m4", "count"))
        assert both.nonfinite == 1
    assert np.isnan(nothing.merge(nothing).mean)


def test_fourth_powers_that_overflow_are_infinite_without_a_warning():
    """Deviations of 1e100 keep their mean and variance, report m4 = ∞, and survive JSON."""
    m = Moments.of([1e100, -1e100, 0.0])
    assert (float(m.mean), float(m.variance), float(m.m4)) == (0.0, 1e200, math.inf)
    assert Moments.from_json(json.loads(json.dumps(m.to_json(), allow_nan=False))) == m


def test_single_precision_and_integers_are_taken_in_double():
    """float32 and integer values are converted before anything is summed."""
    x = np.random.default_rng(4).normal(size=1000).astype(np.float32)
    assert Moments.of(x) == Moments.of(x.astype(np.float64))
    assert float(Moments.of([2**53 - 1, 2**53 - 3]).mean) == 2**53 - 2


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: Moments.of([]), r"\(0,\)"),
        (lambda: Moments.of(np.ones((3, 0))), r"\(3, 0\)"),
        (lambda: Moments.of(3.0), "3.0"),
        (lambda: Moments.of([1j, 2.0]), "1j"),
        (lambda: Moments.of([1.0]).merge(Moments.of([[1.0]])), r"\(\) and \(1,\)"),
        (lambda: Moments.from_json({}), "shape"),
        (lambda: Moments.from_json({**Moments.of([1.0]).to_json(), "m2": []}), "reshape"),
        (lambda: Moments.from_json({**Moments.of([1.0]).to_json(), "count": [None]}), "NoneType"),
    ],
)
def test_bad_input_is_one_line_that_quotes_it(call, quoted):
    """Whatever makes no sense raises BadInput, in one line with the offending value."""
    with pytest.raises(BadInput, match=quoted) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert Moments.of([1.0]) != "moments"

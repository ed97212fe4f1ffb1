"""The histogram sketch: exact merging, quantiles to within a bin, conservative intervals."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from simulate.errors import BadInput
from simulate.statistics import Sketch, quantile_rank_interval

PROPERTY = settings(deadline=None, derandomize=True, max_examples=200)
BITS = st.integers(0, 12)
PROBABILITY = st.floats(0, 1)


def arrays(**limits):
    """One-dimensional arrays of floats."""
    return hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(width=64, **limits))


ANY = arrays(allow_nan=True, allow_infinity=True)
ORDERED = arrays(allow_nan=False, allow_infinity=True)


@PROPERTY
@given(ANY, ANY, ANY, BITS)
def test_merging_is_exact_commutative_and_associative(x, y, z, bits):
    """Any order and grouping of merges gives the sketch of all values together, count for count."""
    a, b, c = (Sketch.of(v, bits) for v in (x, y, z))
    whole = Sketch.of(np.concatenate([x, y, z]), bits)
    assert a.merge(b).merge(c) == a.merge(b.merge(c)) == c.merge(b).merge(a) == whole
    assert whole.count + whole.nan == len(x) + len(y) + len(z)


@PROPERTY
@given(ANY, BITS)
def test_json_keeps_the_sketch(x, bits):
    """A sketch comes back from its JSON text as it was."""
    sketch = Sketch.of(x, bits)
    assert Sketch.from_json(json.loads(json.dumps(sketch.to_json(), allow_nan=False))) == sketch


@PROPERTY
@given(ORDERED, BITS)
def test_every_value_lies_in_its_bin_and_bins_are_narrow(x, bits):
    """Bins hold their values, do not overlap, and are at most 2^(−bits) wide relatively."""
    for value in x:
        low, high, counts = (column.tolist() for column in Sketch.of([value], bits).edges_and_counts())
        assert counts == [1]
        assert low[0] <= value <= high[0]
        near = min(abs(low[0]), abs(high[0]))
        if near >= 2.0**-1022 and math.isfinite(near):
            assert high[0] - low[0] <= 2.0**-bits * near
        elif math.isfinite(near):
            assert high[0] - low[0] <= 2.0 ** (-1022 - bits)
    low, high, counts = Sketch.of(x, bits).edges_and_counts()
    assert np.all(low[1:] >= high[:-1])
    assert counts.sum() == len(x)


@PROPERTY
@given(ORDERED, BITS, PROBABILITY)
def test_a_quantile_lies_in_the_bin_of_the_exact_one(x, bits, p):
    """The returned quantile shares its bin with the smallest value that has a share p of values up to it."""
    rank = next(r for r in range(1, len(x) + 1) if r / len(x) >= p)
    exact = np.sort(x)[rank - 1]
    got = Sketch.of(x, bits).quantile(p)
    low, high, _ = Sketch.of([exact], bits).edges_and_counts()
    # Closed at both ends, for a bin of a few subnormal numbers has no float strictly inside.
    assert low[0] <= got <= high[0]
    if exact == 0 or math.isinf(exact):
        assert got == exact


def test_quantiles_of_many_values_are_close():
    """A hundred thousand log-normal values: all percentiles within 2⁻⁸ of numpy's, relatively."""
    x = np.exp(3 * np.random.default_rng(5).normal(size=100_000))
    sketch = Sketch.of(x)
    for p in np.linspace(0, 1, 101):
        exact = np.quantile(x, p, method="inverted_cdf")
        assert abs(sketch.quantile(p) - exact) <= 2.0**-8 * exact


@PROPERTY
@given(ORDERED, BITS, st.floats(0.01, 0.99), st.sampled_from([0.5, 0.9, 0.999]))
def test_the_quantile_interval_encloses_that_of_the_order_statistics(x, bits, p, confidence):
    """Each end is the outer edge of its order statistic's bin, or infinite where the rank is off the end."""
    low, high = Sketch.of(x, bits).quantile_interval(p, confidence)
    lower, upper = (int(rank) for rank in quantile_rank_interval(len(x), p, confidence))
    ordered = np.concatenate([[-np.inf], np.sort(x), [np.inf]])
    assert low <= ordered[lower]
    assert high >= ordered[upper]
    if lower >= 1:
        assert low == Sketch.of([ordered[lower]], bits).edges_and_counts()[0][0]
    if upper <= len(x):
        assert high == Sketch.of([ordered[upper]], bits).edges_and_counts()[1][0]


@PROPERTY
@given(ORDERED, BITS, ORDERED)
def test_the_distribution_function_is_off_by_one_bin_at_most(x, bits, points):
    """It increases up to 1 and differs from the exact share of values by the share of one bin at most."""
    sketch = Sketch.of(x, bits)
    points = np.sort(points)
    got = sketch.cdf(points)
    assert np.all(np.diff(got) >= 0)
    assert sketch.cdf([-np.inf, np.inf])[1] == 1.0
    for point, value in zip(points, got, strict=True):
        low, high, _ = Sketch.of([point], bits).edges_and_counts()
        own = np.mean((x >= low[0]) & (x <= high[0]))
        # 1e-12: shares of at most sixty values, in float64.
        assert abs(value - np.mean(x <= point)) <= own + 1e-12


def test_the_distribution_function_is_exact_at_edges():
    """At a bin's edge nothing is interpolated: positive values below it, negative values up to it."""
    x = np.random.default_rng(6).normal(size=2000)
    sketch = Sketch.of(x, 3)
    low, high, counts = sketch.edges_and_counts()
    # 1e-15: one rounded division.
    np.testing.assert_allclose(sketch.cdf(low), np.cumsum(counts) / 2000 - counts / 2000, atol=1e-15)
    positive = low >= 0
    expected = [np.mean(x < edge) for edge in high[positive]]
    np.testing.assert_allclose(sketch.cdf(high[positive]), expected, atol=1e-15)
    assert sketch.cdf(0.0).shape == ()
    assert np.isnan(sketch.cdf(np.nan))


@PROPERTY
@given(ANY, st.integers(0, 12), st.integers(0, 12))
def test_coarsening_is_sketching_with_fewer_bits(x, bits, fewer):
    """A sketch made coarser equals the sketch of the values with that many bits."""
    bits, fewer = max(bits, fewer), min(bits, fewer)
    assert Sketch.of(x, bits).coarsen(fewer) == Sketch.of(x, fewer)


def test_zero_and_infinities_have_bins_of_their_own():
    """0 and −0 share a bin that no other number enters, and infinite quantiles are infinite."""
    sketch = Sketch.of([0.0, -0.0, 5e-324, -5e-324, np.inf, np.inf, np.nan])
    assert sketch.counts.tolist() == [1, 2, 1, 2]
    assert (sketch.count, sketch.nan) == (6, 1)
    assert sketch.quantile(0.5) == 0.0
    assert sketch.quantile(1.0) == math.inf
    assert sketch.quantile_interval(0.99, 0.5)[1] == math.inf
    assert sketch.cdf([0.0, 1.0, np.inf]).tolist() == [0.5, 4 / 6, 1.0]


def test_ten_values_at_a_round_probability():
    """The p-quantile of 1, …, 100 at p = 0.07 is 7, though 100 times the float 0.07 exceeds 7."""
    sketch = Sketch.of(np.arange(1.0, 101.0), bits=12)
    assert [math.floor(sketch.quantile(p)) for p in (0.0, 0.07, 0.29, 0.57, 1.0)] == [1, 7, 29, 57, 100]


def test_a_sketch_is_small():
    """A million normal values take under ten thousand bins and sixty kilobytes of JSON."""
    sketch = Sketch.of(np.random.default_rng(7).normal(size=1_000_000))
    assert len(sketch.bins) < 10_000
    assert len(json.dumps(sketch.to_json(), separators=(",", ":"))) < 60_000


def good():
    """A record that reads back."""
    return Sketch.of([1.0, 2.0, 2.0]).to_json()


@pytest.mark.parametrize(
    ("call", "quoted"),
    [
        (lambda: Sketch.of([]), r"\(0,\)"),
        (lambda: Sketch.of([[1.0, 2.0]]), r"\(1, 2\)"),
        (lambda: Sketch.of(["a"]), "a"),
        (lambda: Sketch.of([1.0], bits=21), "21"),
        (lambda: Sketch.of([1.0], bits=-1), "-1"),
        (lambda: Sketch.of([1.0], bits=2.5), "2.5"),
        (lambda: Sketch.of([1.0], 8).merge(Sketch.of([1.0], 7)), "8 and 7"),
        (lambda: Sketch.of([1.0], 8).coarsen(9), "9"),
        (lambda: Sketch.of([1.0]).quantile(1.5), "1.5"),
        (lambda: Sketch.of([1.0]).quantile_interval(0.5, 2.0), "2.0"),
        (lambda: Sketch.of([np.nan, np.nan]).quantile(0.5), "2 NaN"),
        (lambda: Sketch.of([np.nan]).cdf(0.5), "1 NaN"),
        (lambda: Sketch.from_json({}), "bits"),
        (lambda: Sketch.from_json({**good(), "gaps": [5, 0]}), "increase"),
        (lambda: Sketch.from_json({**good(), "counts": [5]}), "positive counts"),
        (lambda: Sketch.from_json({**good(), "counts": [5, -1]}), "positive counts"),
        (lambda: Sketch.from_json({**good(), "nan": -1}), "-1"),
        (lambda: Sketch.from_json({**good(), "gaps": "many"}), "many"),
    ],
)
def test_bad_input_is_one_line_that_quotes_it(call, quoted):
    """Whatever makes no sense raises BadInput, in one line with the offending value."""
    with pytest.raises(BadInput, match=quoted) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert Sketch.of([1.0]) != "sketch"

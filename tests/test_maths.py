"""The mathematics of statements in its three arithmetics."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from theorems import maths as m
from theorems.wholes import Whole

ROUNDING = 1e-13
"""What float64 may lose in the short computations below, relative to the largest number that occurs."""


def vectors(low: float, high: float, least: int = 1) -> st.SearchStrategy[Any]:
    """Short vectors of float64 numbers."""
    return st.lists(st.floats(low, high), min_size=least, max_size=5).map(np.array)


@st.composite
def matrices(draw: st.DrawFn) -> Any:
    """Small matrices of any shape."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    numbers = draw(st.lists(st.floats(-5, 5), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    return np.array(numbers).reshape(shape)


ANY, POSITIVE, TWO = vectors(-5, 5), vectors(1e-3, 5), st.tuples(vectors(-5, 5, 3), vectors(-5, 5, 3))
OF_VECTORS: list[tuple[str, Callable[[Any], Any], Any]] = [
    *(
        (name, getattr(m, name), ANY)
        for name in ("abs", "exp", "expm1", "tanh", "sinh", "cosh", "sin", "cos")
    ),
    *((name, getattr(m, name), ANY) for name in ("arctan", "erf", "erfc", "sign", "relu", "sort", "diag")),
    *((name, getattr(m, name), POSITIVE) for name in ("sqrt", "log", "log1p")),
    *(
        (name, getattr(m, name), ANY)
        for name in ("sum", "prod", "mean", "max", "min", "logsumexp", "softmax")
    ),
    *((f"norm {p}", lambda x, p=p: m.norm(x, p), ANY) for p in (0, 1, 2, m.inf, 3)),
    ("power", lambda x: m.power(x, 2.5), POSITIVE),
    ("power of 2", lambda x: m.power(2, x), ANY),
    ("where", lambda x: m.where(x > 0, x, -1), ANY),
    ("maximum", lambda x: m.maximum(x, 1 - x), ANY),
    ("minimum", lambda x: m.minimum(1, x), ANY),
    ("stack", lambda x: m.stack([x, 2 * x]), ANY),
    ("stack of numbers", lambda x: m.stack([x[0], 1, 0.5]), ANY),
    ("concatenate", lambda x: m.concatenate([x, -x]), ANY),
    ("outer", lambda x: m.outer(x, 1 + x), ANY),
    ("pi", lambda x: m.pi() * x, ANY),
]
OF_MATRICES: list[tuple[str, Callable[[Any], Any]]] = [
    ("spectral_norm", m.spectral_norm),
    ("singular_values", m.singular_values),
    ("frobenius_norm", m.frobenius_norm),
    ("trace", m.trace),
    ("transpose", m.transpose),
    ("sum of rows", lambda A: m.sum(A, axis=1)),
    ("product of columns", lambda A: m.prod(A, axis=0)),
    ("mean of columns", lambda A: m.mean(A, axis=0)),
    ("largest of rows", lambda A: m.max(A, axis=1)),
    ("smallest of columns", lambda A: m.min(A, axis=0)),
    ("Gram", lambda A: m.transpose(A) @ A),
]


def agree(function: Callable[..., Any], array: Any) -> None:
    """Assert that the three arithmetics give the same numbers up to rounding."""
    plain = np.asarray(function(array.copy()), dtype=float)
    torched = np.asarray(function(torch.from_numpy(array.copy())), dtype=float)
    with m.in_precision():
        precise = np.asarray(function(m.to_precise(array)))
    assert precise.dtype == object, "the precise numbers became float64 on the way"
    precise = precise.astype(float)
    assert plain.shape == torched.shape == precise.shape
    scale = max(1.0, float(np.max(np.abs(precise), initial=0.0)), float(np.max(np.abs(array))))
    assert np.all(np.abs(plain - precise) <= ROUNDING * scale)
    assert np.all(np.abs(torched - precise) <= ROUNDING * scale)


@pytest.mark.parametrize(
    ("function", "arrays"), [row[1:] for row in OF_VECTORS], ids=[row[0] for row in OF_VECTORS]
)
@settings(max_examples=25)
@given(data=st.data())
def test_functions_of_vectors_agree_in_three_arithmetics(
    function: Callable[[Any], Any], arrays: Any, data: st.DataObject
) -> None:
    """numpy, torch and 50 digits give one value."""
    agree(function, data.draw(arrays))


@pytest.mark.parametrize("function", [row[1] for row in OF_MATRICES], ids=[row[0] for row in OF_MATRICES])
@settings(max_examples=15)
@given(A=matrices())
def test_functions_of_matrices_agree_in_three_arithmetics(function: Callable[[Any], Any], A: Any) -> None:
    """numpy, torch and 50 digits give one value, for wide and tall matrices."""
    agree(function, A)


def test_agreement_is_not_agreed_to_by_everything() -> None:
    """The comparison above fails for a function that is off by 1e-11 in one arithmetic."""
    with pytest.raises(AssertionError):
        agree(lambda x: x if isinstance(x, np.ndarray) and x.dtype == object else x * (1 + 1e-11), np.ones(2))


@pytest.mark.parametrize(
    "function", [m.log, m.sqrt, m.log1p, lambda x: m.power(x, 0.5)], ids=["log", "sqrt", "log1p", "power"]
)
def test_what_is_not_real_is_nan_in_three_arithmetics(function: Callable[[Any], Any]) -> None:
    """No complex number appears, and no exception."""
    x = np.array([-2.0])
    with m.in_precision():
        precise = function(m.to_precise(x))[0]
    assert precise != precise
    assert np.isnan(function(x)[0])
    assert torch.isnan(function(torch.from_numpy(x)))[0]


@pytest.mark.parametrize("function", [m.log, lambda x: -m.power(x, -1)], ids=["log", "power"])
def test_zero_has_an_infinite_logarithm_and_inverse_in_three_arithmetics(
    function: Callable[[Any], Any],
) -> None:
    """Both are −∞ without an exception."""
    x = np.zeros(1)
    with m.in_precision():
        assert function(m.to_precise(x))[0] == -math.inf
    assert function(x)[0] == -math.inf
    assert function(torch.from_numpy(x))[0] == -math.inf


@given(st.lists(st.sampled_from([0.0, 5e-324, 1e-310, -1e-200, 1e200, 1.7e308]), min_size=1, max_size=4))
def test_norms_neither_overflow_nor_underflow(numbers: list[float]) -> None:
    """The Euclidean and spectral norm of numbers near the ends of float64 are right to the rounding of denormals."""
    x = np.array(numbers)
    with m.in_precision():
        exact = m.norm(m.to_precise(x))
        if exact > 1.7e308:
            return
        for value in (m.norm(x), m.spectral_norm(x[None, :]), m.spectral_norm(x[:, None])):
            assert abs(value - exact) <= ROUNDING * exact + 5e-324


def test_norms_of_nothing_are_zero() -> None:
    """Empty vectors and matrices have norm 0 and no singular values."""
    for p in (0, 1, 2, 3, m.inf):
        assert m.norm(np.zeros(0), p) == 0
    assert m.spectral_norm(np.zeros((0, 3))) == m.spectral_norm(np.zeros((3, 0))) == 0
    assert m.singular_values(np.zeros((0, 3))).shape == (0,)


def test_exponentials_do_not_overflow() -> None:
    """The log of a sum of e^1000 and e^999 is about 1000, and its softmax sums to 1."""
    x = np.array([1000.0, 999.0])
    assert m.logsumexp(x) == pytest.approx(1000 + math.log1p(math.exp(-1)), rel=1e-15)
    assert m.sum(m.softmax(x)) == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize("p", [1, 2, 3, m.inf])
def test_norms_have_a_gradient_at_zero(p: float) -> None:
    """A climb that starts at 0 does not start with NaN."""
    x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    m.norm(x, p).backward()
    assert torch.isfinite(x.grad).all()


def test_plain_numbers_follow_the_arithmetic_in_force() -> None:
    """√2, π, 0.3 and arrays of whole numbers have 50 digits inside the context, and 16 outside."""
    with m.in_precision(50):
        for value in (m.sqrt(2), m.norm(np.array([1, 1])), m.stack([2, 1])[0] ** mpmath.mpf(0.5)):
            assert abs(value - mpmath.sqrt(2)) < mpmath.mpf(10) ** -49
        assert abs(m.pi() - mpmath.pi) < mpmath.mpf(10) ** -48
        assert m.number("0.3") == mpmath.mpf("0.3") != mpmath.mpf(0.3)
        assert m.mean(np.array([True, True, False])) == mpmath.mpf(2) / 3
        assert m.where(np.array([True]), 1, 0)[0] / 3 == mpmath.mpf(1) / 3
    assert m.sqrt(2) == math.sqrt(2)
    assert m.number("0.3") == 0.3
    assert m.pi() == math.pi


def test_precise_values_stand_for_the_same_numbers() -> None:
    """No digit of a float64 is lost or invented; words and truth values are left alone."""
    numbers = np.array([0.1, 5e-324, -1.7e308])
    assert [float(x) for x in m.to_precise(numbers)] == numbers.tolist()
    assert m.to_precise("relu") == "relu"
    assert m.to_precise(True) is True
    assert type(m.to_precise(3)) is type(m.to_precise(np.int64(3))) is Whole


@given(st.integers(-9, 9), st.integers(-9, 9).filter(bool))
def test_whole_numbers_are_exact_in_every_operation(a: int, b: int) -> None:
    """Sums, products and powers stay whole, quotients and roots have 50 digits."""
    with m.in_precision(50):
        n = Whole(a)
        for value, exact in (
            (n + b, a + b),
            (b - n, b - a),
            (n * b, a * b),
            (n // b, a // b),
            (n % b, a % b),
        ):
            assert value == exact
            assert type(value) is Whole
        assert type(-n) is type(abs(n)) is type(n**2) is type(2 ** abs(n)) is Whole
        assert n / b == mpmath.mpf(a) / b
        assert b / Whole(b) == 1
        assert 1 / Whole(b) == mpmath.mpf(1) / b
        assert abs(abs(n) ** 0.5 - mpmath.sqrt(abs(a))) < mpmath.mpf(10) ** -48
        assert Whole(b) ** -1 == 2 ** Whole(0) / mpmath.mpf(b)


def test_whole_numbers_do_not_become_float64_in_silence() -> None:
    """math.sqrt is refused, while sizes, ranges and powers of arrays work."""
    n = Whole(3)
    with pytest.raises(TypeError, match="float64"):
        math.sqrt(n)
    assert np.ones((n, n - 1)).shape == (3, 2)
    assert list(range(n)) == [0, 1, 2]
    with m.in_precision(50):
        third = m.to_precise(np.array([1.0])) / n
        assert third[0] == mpmath.mpf(1) / 3
        assert (n * third)[0] == 1


def test_all_orders() -> None:
    """Three things have six orders."""
    assert len(set(m.permutations(3))) == 6


def test_all_and_any_know_arrays_and_tensors() -> None:
    """Both answer with a plain truth value."""
    for array in (np.array([True, False]), torch.tensor([True, False])):
        assert m.any(array) is True
        assert m.all(array) is False

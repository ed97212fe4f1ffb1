"""Structured arrays that break inequalities: where random ones almost never go, false lemmas fail.

Constant vectors make norms farthest apart, one-hot vectors make them equal; ties, zeros and denormals break
claims about maxima and divisions; equal rows and rank one break claims about matrices; equicorrelated rows
are the worst data for claims about inner products.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Shape = tuple[int, ...]

_ENTRY_BY_ENTRY = 16
"""Arrays with at most so many entries are drawn entry by entry, so that Hypothesis can shrink each of them."""
_MOST_NUMBERS = 4_000_000
"""In all structured arrays of a shape together."""
UNBOUNDED = 1e6
"""Numbers without a bound are explored up to this size (any finite value is inside the hypotheses)."""
_WIDE = 1_000.0
"""Ranges wider than this are mainly explored around 0, narrower ones between their ends."""


def _constant(shape: Shape, a: float, b: float, i: int) -> Floats:
    return np.full(shape, a)


def _one_hot(shape: Shape, a: float, b: float, i: int) -> Floats:
    array = np.zeros(shape)
    if array.size:
        array.flat[i % array.size] = a
    return array


def _alternating(shape: Shape, a: float, b: float, i: int) -> Floats:
    return np.where(np.indices(shape).sum(0) % 2 == 0, a, -a) if shape else np.asarray(a)


def _ties(shape: Shape, a: float, b: float, i: int) -> Floats:
    size = math.prod(shape)
    return np.where(np.arange(size) % max(size, 1) < 1 + i % max(size, 1), a, b).reshape(shape)


def _arithmetic(shape: Shape, a: float, b: float, i: int) -> Floats:
    return (b + a * np.arange(math.prod(shape), dtype=float)).reshape(shape)


def _geometric(shape: Shape, a: float, b: float, i: int) -> Floats:
    return (a * 2.0 ** -np.arange(math.prod(shape), dtype=float)).reshape(shape)


def _denormal(shape: Shape, a: float, b: float, i: int) -> Floats:
    return np.full(shape, 5e-324 if i % 2 == 0 else 1e-310)


def _diagonal(shape: Shape, a: float, b: float, i: int) -> Floats:
    """A on the diagonal of the last two axes, b elsewhere: the identity, and equicorrelated rows."""
    rows, columns = np.indices(shape)[-2:] if len(shape) > 1 else (np.arange(shape[0]), np.zeros(shape[0]))
    return np.where(rows == columns, a, b).astype(float)


def _equal_rows(shape: Shape, a: float, b: float, i: int) -> Floats:
    row = np.where(np.arange(shape[-1]) % 2 == 0, a, b)
    return np.broadcast_to(row, shape).astype(float)


def _rank_one(shape: Shape, a: float, b: float, i: int) -> Floats:
    array = np.ones(shape)
    for axis, size in enumerate(shape):
        factor = np.where(np.arange(size) % 2 == 0, a, b) if axis == 0 else 1.0 + np.arange(size)
        array = array * factor.reshape([-1 if other == axis else 1 for other in range(len(shape))])
    return array


def _hadamard(shape: Shape, a: float, b: float, i: int) -> Floats:
    """±a with rows as orthogonal as signs can be (Sylvester's matrix, cut to size)."""
    common = np.bitwise_and.outer(np.arange(shape[-2]), np.arange(shape[-1]))
    parity = np.array([[bin(entry).count("1") % 2 for entry in row] for row in common])
    return np.broadcast_to(a * (1.0 - 2.0 * parity), shape).astype(float)


def _decaying(shape: Shape, a: float, b: float, i: int) -> Floats:
    """A, a/2^p, a/3^p, …: what reaches inequalities between power norms."""
    return (a / np.arange(1.0, math.prod(shape) + 1) ** (0.5 * (1 + i % 3))).reshape(shape)


def _spike(shape: Shape, a: float, b: float, i: int) -> Floats:
    """One entry a, all others b."""
    array = np.full(shape, b)
    if array.size:
        array.flat[i % array.size] = a
    return array


def _simplex(shape: Shape, a: float, b: float, i: int) -> Floats:
    """Rows as far apart as they can be: corners of a regular simplex around 0, equicorrelated with −1/(m − 1)."""
    rows, columns = shape[-2:]
    span = min(rows - 1, columns)
    # Helmert's matrix: its columns are an orthonormal basis of what is orthogonal to (1, …, 1).
    helmert = np.zeros((rows, columns))
    for j in range(span):
        helmert[: j + 1, j], helmert[j + 1, j] = 1.0, -(j + 1.0)
        helmert[:, j] /= math.sqrt((j + 1) * (j + 2))
    return np.broadcast_to(a * helmert, shape).astype(float)


FAMILIES: dict[str, Callable[[Shape, float, float, int], Floats]] = {
    "constant": _constant,
    "one-hot": _one_hot,
    "alternating": _alternating,
    "ties": _ties,
    "arithmetic": _arithmetic,
    "geometric": _geometric,
    "denormal": _denormal,
    "diagonal": _diagonal,
    "equal rows": _equal_rows,
    "rank one": _rank_one,
    "hadamard": _hadamard,
    "decaying": _decaying,
    "spike": _spike,
    "simplex": _simplex,
}
_NEEDS_AXES = {"diagonal": 1, "equal rows": 1, "rank one": 1, "hadamard": 2, "simplex": 2}


def _applicable(shape: Shape) -> list[str]:
    return [name for name in FAMILIES if len(shape) >= _NEEDS_AXES.get(name, 0)]


def structured_arrays(shape: Shape, ends: tuple[float, float]) -> list[Floats]:
    """A fixed list of structured arrays of a shape, simplest first.

    Args:
        shape: sizes of the axes.
        ends: least and largest entry that is explored. Entries of a bounded range are also laid out between
            its ends: −1 at the lower, 1 at the upper.

    """
    size = math.prod(shape)
    if size == 0:
        return [np.zeros(shape)]
    # Of arrays that take megabytes, a few must do.
    most = max(4, _MOST_NUMBERS // size)
    plain = list(itertools.islice(_plain_structures(shape, ends), most))
    if not bounded(ends):
        return plain
    laid_out = [between(array, ends) for array in plain]
    # Of a narrow range those that use all of it come with the others, of a wide one after them.
    narrow = ends[1] - ends[0] <= _WIDE
    found = (
        [one for both in zip(plain, laid_out, strict=True) for one in both] if narrow else plain + laid_out
    )
    return found[:most]


def _plain_structures(shape: Shape, ends: tuple[float, float]) -> Iterator[Floats]:
    yield np.zeros(shape)
    for a, b, i in ((1.0, 0.0, 0), (1.0, -1.0, 1), (-1.0, 0.0, 0), (1.0, 0.5, 2)):
        yield from (FAMILIES[name](shape, a, b, i) for name in _applicable(shape) if name != "denormal")
    if len(shape) > 1:
        for correlation in (-0.5, 0.25, 0.9, -1 / max(shape[-1], 2)):
            yield FAMILIES["diagonal"](shape, 1.0, correlation, 0)
    yield from (np.full(shape, end) for end in ends if math.isfinite(end))
    yield from (np.random.default_rng(seed).standard_normal(shape) for seed in range(3))
    # Last: who has to check a counterexample by hand prefers other numbers.
    yield from (FAMILIES["denormal"](shape, 1.0, 1.0, i) for i in (0, 1))


def bounded(ends: tuple[float, float]) -> bool:
    """Whether both ends of a range are its own, and not where exploration stops."""
    return max(abs(ends[0]), abs(ends[1])) < UNBOUNDED


def between(array: Floats, ends: tuple[float, float]) -> Floats:
    """An array laid out between two ends: −1 becomes the lower, 1 the upper."""
    low, high = ends
    return low + (high - low) * (np.clip(array, -1, 1) + 1) / 2


def random_array(shape: Shape, ends: tuple[float, float], rng: np.random.Generator) -> Floats:
    """A random array of one of many kinds; the caller moves its entries between the ends.

    Args:
        shape: sizes of the axes.
        ends: least and largest entry that is explored.
        rng: generator.

    """
    narrow = bounded(ends) and ends[1] - ends[0] <= _WIDE
    kind = int(rng.integers(6))
    if kind == 0:
        array = rng.standard_normal(shape)
    elif kind == 1:
        array = rng.uniform(-1, 1, shape)
    elif kind == 2:  # coincidences
        array = rng.integers(-2, 3, shape).astype(float) / (2 if narrow else 1)
    elif kind == 3:  # few entries
        array = rng.standard_normal(shape) * (rng.random(shape) < 0.4)
    elif kind == 4:  # every order of magnitude
        array = rng.standard_normal(shape) * 10.0 ** rng.uniform(-2, 2, shape)
    else:
        names = _applicable(shape) if math.prod(shape) else ["constant"]
        a, b = rng.standard_normal(2)
        array = FAMILIES[names[int(rng.integers(len(names)))]](
            shape, float(a), float(b), int(rng.integers(8))
        )
    if bounded(ends) and rng.random() < (0.7 if narrow else 0.3):
        return between(array, ends)
    return array * 10.0 ** rng.uniform(-2, 2) if not narrow and rng.random() < 0.3 else array


def array_strategy(
    shape: Shape, entry: st.SearchStrategy[float], ends: tuple[float, float]
) -> st.SearchStrategy[Floats]:
    """Arrays of a shape: entry by entry when small, structured, or random from a seed.

    Args:
        shape: sizes of the axes.
        entry: strategy of one entry.
        ends: least and largest entry that is explored.

    """
    size = math.prod(shape)
    if size == 0:
        return st.just(np.zeros(shape))
    structured = st.builds(
        lambda name, a, b, i: FAMILIES[name](shape, float(a), float(b), i),
        st.sampled_from(_applicable(shape)),
        entry,
        entry,
        st.integers(0, 7),
    )
    seeded = st.integers(0, 2**32 - 1).map(
        lambda seed: random_array(shape, ends, np.random.default_rng(seed))
    )
    if size > _ENTRY_BY_ENTRY:
        return st.one_of(structured, seeded)
    entries = st.lists(entry, min_size=size, max_size=size).map(
        lambda numbers: np.array(numbers, dtype=float).reshape(shape)
    )
    return st.one_of(entries, structured, seeded)

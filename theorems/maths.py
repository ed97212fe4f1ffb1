"""Mathematics that is written once and evaluated three ways.

A statement's sides are functions of numbers and arrays. Written with these functions (and with + − × / @ and
indexing), the same lines run

    on numpy arrays of float64       to hunt: thousands of instances a second;
    on torch tensors of float64      to climb the gradient of the violation;
    on numpy arrays of mpmath's mpf  to decide: 50 digits, no rounding to speak of.

Which one it is follows from the arguments. Plain numbers follow the arithmetic in force: inside
`in_precision(digits)` the square root of the integer 2 has that many digits. Where a function has no real value
(log −1) it is NaN in all three. Functions of numpy, torch or the math module may be used in a statement too; it
is then hunted and replayed only in the arithmetics that they know. Decimal constants are `number("0.3")`: the
float literal 0.3 is another number in its 17th digit.
"""

from __future__ import annotations

import builtins
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np

from theorems.arithmetic import (
    as_array,
    as_precise_entries,
    digits,
    in_precision,
    is_torch,
    kind_of,
    map_entries,
    tensors,
    to_number,
    to_precise,
)

__all__ = [
    "abs", "all", "any", "arctan", "ceil", "concatenate", "cos", "cosh", "diag", "erf", "erfc", "exp", "expm1",
    "eye", "floor", "frobenius_norm", "in_precision", "inf", "log", "log1p", "logsumexp", "max", "maximum",
    "mean", "min", "minimum", "norm", "number", "outer", "permutations", "pi", "power", "prod", "relu", "sign",
    "sin", "singular_values", "sinh", "softmax", "sort", "spectral_norm", "sqrt", "stack", "sum", "tanh",
    "to_number", "to_precise", "trace", "transpose", "where",
]  # fmt: skip

inf = math.inf


def number(text: str) -> Any:
    """A decimal constant as printed, such as "0.3", in the arithmetic in force."""
    return to_number(text)


def pi() -> Any:
    """π, in the arithmetic in force."""
    return +mpmath.pi if digits() is not None else math.pi


# --- Entry by entry ---------------------------------------------------------------------------------


def _real(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, NaN where the value is not real."""

    def real(*values: Any) -> Any:
        answer = function(*values)
        return mpmath.nan if isinstance(answer, mpmath.mpc) else answer

    return real


def _log(x: Any) -> Any:
    return mpmath.log(x) if x != 0 else mpmath.ninf


def _log1p(x: Any) -> Any:
    return mpmath.log1p(x) if x != -1 else mpmath.ninf


def _of_scipy(name: str) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        from scipy import special

        return getattr(special, name)(x)

    return function


def _elementwise(
    name: str,
    precise: Callable[[Any], Any],
    text: str,
    numpy: Callable[[Any], Any] | None = None,
) -> Callable[[Any], Any]:
    plain, exact = numpy if numpy is not None else getattr(np, name), _real(precise)

    def function(x: Any) -> Any:
        kind = kind_of(x)
        if kind == "torch":
            import torch

            return getattr(torch, name)(x)
        if kind == "precise":
            return map_entries(exact, x)
        with np.errstate(all="ignore"):
            return plain(x)

    function.__name__, function.__doc__ = name, text
    return function


abs = _elementwise("abs", mpmath.fabs, "|x|, entry by entry.")
sign = _elementwise("sign", mpmath.sign, "−1, 0 or 1, entry by entry.")
sqrt = _elementwise("sqrt", mpmath.sqrt, "√x, entry by entry.")
exp = _elementwise("exp", mpmath.exp, "e^x, entry by entry.")
expm1 = _elementwise("expm1", mpmath.expm1, "e^x − 1, entry by entry, also for tiny x.")
log = _elementwise("log", _log, "Natural logarithm; log 0 = −∞.")
log1p = _elementwise("log1p", _log1p, "log(1 + x), entry by entry, also for tiny x.")
tanh = _elementwise("tanh", mpmath.tanh, "Hyperbolic tangent, entry by entry.")
sinh = _elementwise("sinh", mpmath.sinh, "Hyperbolic sine, entry by entry.")
cosh = _elementwise("cosh", mpmath.cosh, "Hyperbolic cosine, entry by entry.")
sin = _elementwise("sin", mpmath.sin, "Sine, entry by entry.")
cos = _elementwise("cos", mpmath.cos, "Cosine, entry by entry.")
arctan = _elementwise("arctan", mpmath.atan, "Inverse tangent, entry by entry.")
floor = _elementwise("floor", mpmath.floor, "The largest whole number ≤ x, entry by entry.")
ceil = _elementwise("ceil", mpmath.ceil, "The smallest whole number ≥ x, entry by entry.")
erf = _elementwise("erf", mpmath.erf, "The error function, entry by entry.", _of_scipy("erf"))
erfc = _elementwise("erfc", mpmath.erfc, "1 − erf, entry by entry, also where tiny.", _of_scipy("erfc"))


def _pairwise(name: str, precise: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def function(x: Any, y: Any) -> Any:
        kind = kind_of(x, y)
        if kind == "torch":
            import torch

            return getattr(torch, name)(*tensors(x, y))
        return map_entries(precise, x, y) if kind == "precise" else getattr(np, name)(x, y)

    function.__name__ = name
    function.__doc__ = f"The {'larger' if name == 'maximum' else 'smaller'} of x and y, entry by entry."
    return function


maximum = _pairwise("maximum", lambda x, y: x if x >= y else y)
minimum = _pairwise("minimum", lambda x, y: x if x <= y else y)


def relu(x: Any) -> Any:
    """max(x, 0), entry by entry."""
    return maximum(x, 0)


def _power(x: Any, p: Any) -> Any:
    return mpmath.power(x, p) if x != 0 or p >= 0 else mpmath.inf


def power(x: Any, p: Any) -> Any:
    """x^p, entry by entry, for x ≥ 0 or a whole p; 0^p is infinite for p < 0."""
    kind = kind_of(x, p)
    if kind == "torch":
        import torch

        return torch.pow(*tensors(x, p))
    if kind == "precise":
        return map_entries(_real(_power), x, p)
    with np.errstate(all="ignore"):
        return np.power(np.asarray(x, dtype=float), p)


def _entry(value: Any) -> Any:
    return value if isinstance(value, bool) else mpmath.mpf(value)


def where(condition: Any, x: Any, y: Any) -> Any:
    """Entries of x where the condition holds, of y elsewhere."""
    kind = kind_of(condition, x, y)
    if kind == "torch":
        import torch

        return torch.where(torch.as_tensor(condition), *tensors(x, y))
    if kind == "precise":
        return map_entries(lambda c, a, b: _entry(a if c else b), condition, x, y)
    answer = np.where(condition, x, y)
    return answer if answer.shape else answer[()]


# --- Sums, extremes, order --------------------------------------------------------------------------


def _axis(axis: int | None) -> dict[str, Any]:
    return {} if axis is None else {"dim": axis}


def sum(x: Any, axis: int | None = None) -> Any:
    """Sum of the entries, or along one axis."""
    return x.sum(**_axis(axis)) if kind_of(x) == "torch" else np.sum(as_array(x), axis=axis)


def prod(x: Any, axis: int | None = None) -> Any:
    """Product of the entries, or along one axis."""
    return x.prod(**_axis(axis)) if kind_of(x) == "torch" else np.prod(as_array(x), axis=axis)


def mean(x: Any, axis: int | None = None) -> Any:
    """Mean of the entries, or along one axis."""
    if kind_of(x) == "torch":
        return x.mean(**_axis(axis))
    array = as_array(x)
    return np.sum(array, axis=axis) / (array.size if axis is None else array.shape[axis])


def max(x: Any, axis: int | None = None) -> Any:
    """Largest entry, or along one axis."""
    return x.amax(**_axis(axis)) if kind_of(x) == "torch" else np.max(as_array(x), axis=axis)


def min(x: Any, axis: int | None = None) -> Any:
    """Smallest entry, or along one axis."""
    return x.amin(**_axis(axis)) if kind_of(x) == "torch" else np.min(as_array(x), axis=axis)


def all(x: Any) -> bool:
    """Whether every entry is true."""
    return bool(x.all()) if kind_of(x) == "torch" else bool(np.all(x))


def any(x: Any) -> bool:
    """Whether some entry is true."""
    return bool(x.any()) if kind_of(x) == "torch" else bool(np.any(x))


def sort(x: Any) -> Any:
    """Entries of a vector in ascending order."""
    return x.sort().values if kind_of(x) == "torch" else np.sort(as_array(x))


def permutations(n: int) -> Iterator[tuple[int, ...]]:
    """All orders of 0, …, n − 1."""
    return itertools.permutations(range(n))


# --- Building ---------------------------------------------------------------------------------------


def eye(n: int) -> Any:
    """The identity matrix."""
    return as_array(np.eye(n))


def transpose(A: Any) -> Any:
    """Aᵀ, the last two axes exchanged."""
    return A.mT if kind_of(A) == "torch" else np.swapaxes(as_array(A), -1, -2)


def outer(x: Any, y: Any) -> Any:
    """X yᵀ."""
    return x[:, None] * y[None, :]


def diag(x: Any) -> Any:
    """The diagonal matrix of a vector."""
    if kind_of(x) == "torch":
        import torch

        return torch.diag_embed(x)
    array = as_array(x)
    answer = np.zeros((array.size, array.size), dtype=array.dtype)
    np.fill_diagonal(answer, array)
    return as_precise_entries(answer)


def trace(A: Any) -> Any:
    """Sum of the diagonal of a matrix."""
    return sum(A.diagonal() if kind_of(A) == "torch" else np.diagonal(as_array(A)))


def stack(rows: Any) -> Any:
    """Numbers as a vector, vectors as the rows of a matrix."""
    rows = list(rows)
    if kind_of(*rows) == "torch":
        import torch

        return torch.stack(tensors(*rows))
    return as_precise_entries(np.stack([np.asarray(row) for row in rows]))


def concatenate(vectors: Any) -> Any:
    """Vectors one after another."""
    vectors = list(vectors)
    if kind_of(*vectors) == "torch":
        import torch

        return torch.cat(tensors(*vectors))
    return as_precise_entries(np.concatenate([np.asarray(vector) for vector in vectors]))


# --- Norms ------------------------------------------------------------------------------------------


def norm(x: Any, p: Any = 2) -> Any:
    """‖x‖_p of all entries together, for p > 0, p = inf, or p = 0 (how many are not zero).

    Of a matrix or tensor, p = 2 is the Frobenius norm. Neither overflows nor underflows in float64.
    """
    if not is_torch(x):
        x = as_array(x)
    flat = x.reshape(-1)
    if p == 0:
        return sum(where(flat != 0, 1.0, 0.0))
    if len(flat) == 0:
        return to_number(0)
    size = abs(flat)
    if p == 1:
        return sum(size)
    largest = max(size)
    if p == math.inf:
        return largest
    if is_torch(x):
        import torch

        return torch.linalg.vector_norm(flat, p)
    if not 0 < largest < math.inf:
        return largest
    scaled = size / largest
    return largest * (
        sqrt(sum(scaled * scaled)) if p == 2 else power(sum(power(scaled, p)), 1 / to_number(p))
    )


def frobenius_norm(A: Any) -> Any:
    """‖A‖_F: the root of the sum of the squared entries, for a tensor of any order."""
    return norm(A, 2)


def singular_values(A: Any) -> Any:
    """Singular values of a matrix, largest first: as many as its shorter side."""
    kind = kind_of(A)
    if kind == "torch":
        import torch

        return torch.linalg.svdvals(A)
    A = as_array(A)
    if 0 in A.shape:
        return as_array(np.zeros(0))
    if kind == "precise":
        # mpmath wants at least as many rows as columns
        tall = A if A.shape[0] >= A.shape[1] else A.T
        return np.array(list(mpmath.svd_r(mpmath.matrix(tall.tolist()), compute_uv=False)), dtype=object)
    scale = float(np.max(np.abs(A)))
    # LAPACK would lose numbers near the ends of float64
    return (
        scale * np.linalg.svd(A / scale, compute_uv=False)
        if 0 < scale < np.inf
        else np.full(builtins.min(A.shape), scale)
    )


def spectral_norm(A: Any) -> Any:
    """‖A‖₂: the largest singular value of a matrix."""
    values = singular_values(A)
    return values[0] if len(values) else to_number(0)


# --- Exponentials -----------------------------------------------------------------------------------


def logsumexp(x: Any) -> Any:
    """Log Σ e^{x_i} of a vector, without overflow."""
    largest = max(x)
    return largest + log(sum(exp(x - largest)))


def softmax(x: Any) -> Any:
    """e^{x_i} / Σ e^{x_j} of a vector, without overflow."""
    weights = exp(x - max(x))
    return weights / sum(weights)

"""How numba compiles functions here: what each needs and no more, for a first run waits for the compiler.

numba's error model for numpy leaves out the test for a zero divisor, which would keep a loop out of vector registers.
"""

from __future__ import annotations

from typing import Any

KERNEL: Any = {"nogil": True, "cache": True, "error_model": "numpy", "no_cfunc_wrapper": True}
"""Options of a function that Python calls: kept on disk."""

POINTED_AT: Any = {"cache": True, "error_model": "numpy", "no_cpython_wrapper": True}
"""Options of one that compiled code calls by its address."""

BOTH: Any = {"nogil": True, "cache": True, "error_model": "numpy"}
"""Options of one that is called both ways."""

INNER: Any = {
    "forceinline": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
"""Options of one that becomes a part of those that call it: it is not kept, and Python cannot call it."""

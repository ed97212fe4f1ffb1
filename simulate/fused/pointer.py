"""Calls of compiled functions through their addresses.

numba copies the code of a function into every function that calls it, and optimises it there again. Called through its
address it is compiled once, alone, and kept on disk once; a call costs as much as one from C.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic


def address(function: Any, *arguments: types.Type) -> int:
    """Where the code of a compiled function is; it is compiled for arguments of these types if need be.

    Args:
        function: made by `njit`, with a C wrapper; it returns nothing and raises nothing.
        arguments: numba types.

    """
    function.compile(arguments)  # or loaded, as where Python calls it
    compiled = function.overloads[arguments]
    place: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)
    return place


def _call(typing_context, place, *arguments):
    """Call what is at `place` with these arguments: their types must be those that it was compiled for."""

    def generate(context, builder, signature, values):
        place, packed = values
        words = [context.get_value_type(kind) for kind in arguments]
        function = ir.FunctionType(context.get_value_type(types.none), words)
        builder.call(builder.inttoptr(place, function.as_pointer()), cgutils.unpack_tuple(builder, packed))
        return context.get_dummy_value()

    return types.none(place, types.StarArgTuple(arguments)), generate


call: Any = intrinsic(_call)

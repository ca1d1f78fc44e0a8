"""Replay on CuPy: generated kernels, and products and sums into preallocated memory."""

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from bpnet.backends.trace import expressions, kernels
from bpnet.backends.trace.graph import Call, Graph
from bpnet.backends.trace.kernels import Kernel
from bpnet.backends.trace.lines import Form, Writer, statement
from bpnet.backends.trace.plan import Ends, Library, Unit
from bpnet.backends.trace.recorder import BINARY, UNARY

OPTIONS = ("--fmad=false",)
"""A multiply-add is not contracted, so that a kernel has the bits of its calls one by one."""

_ULPS = 64
"""Bound on the difference of CuPy's functions, such as exp, between two kernels."""

_FORMS = {
    "matmul": ("$f($0, $1)", "$f($0, $1, $out)"),
    "sum": ("$0.sum($axis, $dtype, None, $keeps)", "$0.sum($axis, $dtype, $out, $keeps)"),
    "max": ("$0.max($axis, None, $keeps)", "$0.max($axis, $out, $keeps)"),
    "min": ("$0.min($axis, None, $keeps)", "$0.min($axis, $out, $keeps)"),
    "getitem": ("$0[$1]", ""),
    "T": ("$0.T", ""),
}
# operators of Python by the names of the standard's functions
_OF_NUMBERS = {name: operator_ for operator_, name in (BINARY | UNARY).items()}


class OnCuPy(Library):
    """CuPy, as a plan replays calls on it."""

    axes = 3
    compiles = True

    def __init__(self, xp: Any, array: Any) -> None:
        self.xp, self.array = xp, array

    def empty(self, shape: tuple[int, ...], dtype: Any, order: Any = "C") -> Any:
        """Return memory for a result."""
        return self.xp.empty(shape, dtype=dtype)

    def numbers(self, column: Any) -> list[Any]:
        """Return numbers of Python, which become arguments of a kernel."""
        numbers: list[Any] = column.tolist()
        return numbers

    def alike(self, graph: Graph, a: Any, b: Any) -> bool:
        """Whether two results have the same bits, except for the rounding of some functions."""
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            return False
        a, b = a.get(), b.get()
        if a.dtype.kind != "f" or not any(c.name in expressions.ROUNDED for c in graph.calls):
            return bool(a.tobytes() == b.tobytes())
        scale = np.abs(b[np.isfinite(b)]).max(initial=0.0)
        bound = _ULPS * float(np.finfo(a.dtype).eps) * float(scale)
        return bool(np.allclose(a, b, rtol=0, atol=bound, equal_nan=True))

    def takes_out(self, graph: Graph, call: Call) -> bool:
        """Whether a call makes a new array, and can write it to memory that exists already."""
        value = graph.values[call.result]
        if call.in_place or value.root != call.result or value.scalar or value.order != "C":
            return False
        into = _FORMS.get(call.name, ("", ""))[1]
        return bool(into) or kernels.is_elementwise(graph, call)

    def units(self, graph: Graph, calls: Sequence[Call]) -> list[Unit]:
        """Return kernels of the elementwise calls, and each other call by itself."""
        return kernels.fused(graph, calls)

    def launcher(self, replay: Any, ends: Ends) -> Any:
        """Return the function that does the steps, in a CUDA graph if graphs are on."""
        from bpnet.backends import cupy_graphs

        return cupy_graphs.InGraph(replay, len(ends.outs)) if cupy_graphs.ON else replay

    def statements(self, writer: Writer, unit: Unit) -> list[str]:
        """Return the lines of a unit."""
        if not unit.is_kernel:
            return [statement(writer, call, self._form(writer.graph, call)) for call in unit.calls]
        graph, plan = writer.graph, writer.plan
        kernel = kernels.kernel(graph, unit, plan.internal)
        lines = []
        for n in kernel.outs:
            if n in unit.made and not plan.has_memory(n):
                value, empty = graph.values[n], writer.constant(self.empty)
                kind = writer.constant(value.dtype)
                lines.append(f"v{n} = {empty}({value.shape!r}, {kind})")
        name = writer.constant(compiled(kernel))
        return [*lines, f"{name}({', '.join(f'v{n}' for n in (*kernel.ins, *kernel.outs))})"]

    def _form(self, graph: Graph, call: Call) -> Form:
        # numbers are Python's, and computed on the host
        if graph.values[call.result].scalar:
            function = getattr(operator, f"__{_OF_NUMBERS[call.name]}__")
            return Form.of(function, call)
        if call.name not in _FORMS:
            return Form.of(getattr(self.xp, call.name), call)
        # sum takes a dtype between axis and keepdims
        keeps = call.option(3 if call.name == "sum" else 2, "keepdims", False)
        function, axis = getattr(self.xp, call.name, None), call.option(1, "axis")
        constants = {"f": function, "axis": axis, "dtype": call.option(2, "dtype"), "keeps": keeps}
        return Form(*_FORMS[call.name], constants)


@lru_cache(maxsize=512)
def compiled(kernel: Kernel) -> Any:
    """Kernel of CuPy, which compiles it at its first call and keeps it on disk."""
    import cupy

    return cupy.ElementwiseKernel(
        kernel.in_params, kernel.out_params, kernel.operation, "bpnet_step",
        options=OPTIONS, no_return=True,
    )  # fmt: skip

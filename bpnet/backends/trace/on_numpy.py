"""Replay on NumPy: the fastest form of each call, into preallocated memory."""

from typing import Any

import numpy as np

from bpnet.backends import loop
from bpnet.backends import numpy_namespace as xp
from bpnet.backends.trace.graph import Call, Constant, Graph, Ref
from bpnet.backends.trace.lines import Form, Writer, statement
from bpnet.backends.trace.plan import Library, Unit

_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
"""Operators that are ten times faster than functions for NumPy's numbers, with the same bits."""

_LIMITS = ("maximum", "minimum")


class OnNumPy(Library):
    """NumPy, as a plan replays calls on it."""

    array: Any = np.ndarray

    def empty(self, shape: tuple[int, ...], dtype: Any, order: Any = "C") -> Any:
        """Return memory for a result."""
        return np.empty(shape, dtype, order)

    def numbers(self, column: Any) -> list[Any]:
        """Return numbers as 0-d arrays, with which a call takes a third of the time."""
        return loop.elements(column)

    def alike(self, graph: Graph, a: Any, b: Any) -> bool:
        """Whether two results have the same bits."""
        return bool((a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()))

    def takes_out(self, graph: Graph, call: Call) -> bool:
        """Whether a call makes a new array, and can write it to memory that exists already."""
        value = graph.values[call.result]
        if call.in_place or value.root != call.result or not value.shape or not value.order:
            return False
        return bool(_form(graph, call).into)

    def statements(self, writer: Writer, unit: Unit) -> list[str]:
        """Return the lines of a unit."""
        return [statement(writer, c, _form(writer.graph, c), _argument) for c in unit.calls]


def _form(graph: Graph, call: Call) -> Form:
    """The fastest form of a call."""
    function = getattr(xp, call.name, None)
    if isinstance(function, np.ufunc) and function.nout == 1 and not call.keywords:
        return _elementwise(graph, call, function)
    short = _SHORT.get(call.name)
    form: Form | None = short(graph, call) if short is not None else None
    return Form.of(function, call) if form is None else form


def _elementwise(graph: Graph, call: Call, function: Any) -> Form:
    if function is np.power:  # the operator is faster for some exponents
        return Form("$0 ** $1")
    numbers = [graph.values[n].scalar for n in call.touched]
    plain = [type(a.value) in (int, float) for a in call.args if isinstance(a, Constant)]
    if call.name in _SIGNS and all((*numbers, *plain)):
        return Form(f"$0 {_SIGNS[call.name]} $1")
    arguments = ", ".join(f"${i}" for i in range(len(call.args)))
    into = "out=$out" if call.name in _LIMITS else "$out"  # these two take it by name only
    return Form(f"$f({arguments})", f"$f({arguments}, {into})", {"f": function})


def _matmul(graph: Graph, call: Call) -> Form | None:
    x, y = (graph.values[n] for n in call.args)
    if len(x.shape) != 2 or len(y.shape) != 2:
        return None
    if xp.is_other_way_round(x.shape, y.order):
        copy = {"copy": np.copyto}
        return Form("$1T.dot($0T).T.copy()", "$copy($out, $1T.dot($0T).T)", copy)
    # dot writes to arrays in C order only
    return Form("$0.dot($1)", "$0.dot($1, $out)" * (graph.values[call.result].order == "C"))


def _sum(graph: Graph, call: Call) -> Form | None:
    x, axis, dtype = graph.values[call.args[0]], call.option(1, "axis"), call.option(2, "dtype")
    keeps = bool(call.option(3, "keepdims", False))
    if xp.sum_by_product(x, axis, dtype, keepdims=keeps):
        ones = {"ones": xp.ones(x.shape[axis], x.dtype)}
        if len(x.shape) == 1:
            return Form("$0.dot($ones)", constants=ones)
        index = ("[:, None]" if axis == -1 else "[None]") if keeps else ""
        product = ("$0.dot($ones", "$ones.dot($0")[axis == -2]
        return Form(f"{product}){index}", f"{product}, $flat)", ones)
    return _reduced(np.add.reduce, axis, dtype, keeps=keeps)


def _reduced(function: Any, axis: Any, dtype: Any, *, keeps: bool) -> Form:
    constants = {"f": function, "axis": axis, "dtype": dtype, "keeps": keeps}
    return Form("$f($0, $axis, $dtype, None, $keeps)", "$f($0, $axis, $dtype, $out, $keeps)",
                constants)  # fmt: skip


def _extreme(graph: Graph, call: Call) -> Form | None:
    function = {"max": np.maximum, "min": np.minimum}[call.name].reduce
    x, axis = graph.values[call.args[0]], call.option(1, "axis")
    keeps = bool(call.option(2, "keepdims", False))
    if call.name == "max" and xp.max_by_columns(x, axis):
        index = "[:, None]" * keeps
        text = "$f($0T.copy(), 0"
        return Form(f"{text}){index}", f"{text}, None, $flat)", {"f": function})
    return _reduced(function, axis, None, keeps=keeps)


def _argmax(graph: Graph, call: Call) -> Form | None:
    if call.option(2, "keepdims"):
        return None
    axis = {"axis": call.option(1, "axis")}
    return Form("$0.argmax($axis)", "$0.argmax($axis, $out)", axis)


def _take(graph: Graph, call: Call) -> Form:
    # no form into memory: NumPy would buffer it, and copy
    return Form("$0.take($1, $axis)", constants={"axis": call.option(2, "axis")})


def _concat(graph: Graph, call: Call) -> Form | None:
    if not isinstance(call.args[0], tuple):
        return None
    constants = {"f": np.concatenate, "axis": call.option(1, "axis", 0)}
    return Form("$f($0, $axis)", "$f($0, $axis, $out)", constants)


def _astype(graph: Graph, call: Call) -> Form:
    # the recording has shown whether this call copies
    copies = graph.values[call.result].root == call.result
    text = "$0.astype($dtype)" if copies else "$0.astype($dtype, copy=False)"
    return Form(text, constants={"dtype": call.option(1, "dtype")})


def _reshape(graph: Graph, call: Call) -> Form | None:
    shape = {"shape": call.option(1, "shape")}
    return None if call.option(2, "copy") else Form("$0.reshape($shape)", constants=shape)


_SHORT: dict[str, Any] = {
    "matmul": _matmul, "sum": _sum, "max": _extreme, "min": _extreme, "argmax": _argmax,
    "take": _take, "concat": _concat, "astype": _astype, "reshape": _reshape,
    "getitem": lambda graph, call: Form("$0[$1]"), "T": lambda graph, call: Form("$0.T"),
    "mT": lambda graph, call: Form("$0.mT"),
    "matrix_transpose": lambda graph, call: Form("$0.mT"),
}  # fmt: skip


def _argument(writer: Writer, call: Call, a: Any) -> str:
    """Text of an argument; a number of an elementwise function with arrays is a 0-d array.

    The call then takes a third of the time and has the same result. A maximum or minimum of large
    arrays takes a fourth of the time with an array that is full of the number.
    """
    values = writer.graph.values
    if not isinstance(getattr(xp, call.name, None), np.ufunc) or call.keywords:
        return writer.text(a)
    if isinstance(a, Constant):
        dtype = next((values[n].dtype for n in call.reads), None)
        if dtype is None or not _fits(a.value, dtype):
            return writer.text(a)
        name, is_number = writer.constant(np.asarray(a.value, dtype)), True
    else:
        name = writer.text(a)
        is_number = isinstance(a, Ref) and int(a) in writer.plan.fixed and not values[a].shape
    shape = values[call.result].shape
    if is_number and shape and call.name in _LIMITS:
        return writer.once(f"{writer.constant(np.full)}({shape!r}, {name})")
    return name


def _fits(value: Any, dtype: Any) -> bool:
    """Whether NumPy casts a number of Python to a dtype without a change of the result."""
    if dtype.kind == "f":
        return type(value) in (int, float)
    inside = dtype.kind == "i" and type(value) is int
    return inside and bool(np.iinfo(dtype).min <= value <= np.iinfo(dtype).max)

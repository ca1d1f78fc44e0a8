"""How NumPy does the calls of a graph, by the shortest way and into memory that waits."""

from typing import Any

import numpy as np

from bpnet.backends import loop
from bpnet.backends import numpy_namespace as xp
from bpnet.backends.trace.graph import Call, Constant, Graph, Ref
from bpnet.backends.trace.lines import Form, Writer, statement
from bpnet.backends.trace.plan import Library, Unit

_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
"""Operators that numbers of NumPy's do ten times faster than its functions, to the same bits."""

_LIMITS = ("maximum", "minimum")


class OnNumPy(Library):
    """What :mod:`bpnet.backends.trace.plan` asks of NumPy."""

    array: Any = np.ndarray

    def empty(self, shape: tuple[int, ...], dtype: Any, order: Any = "C") -> Any:
        """Memory that waits for a result."""
        return np.empty(shape, dtype, order)

    def numbers(self, column: Any) -> list[Any]:
        """Numbers as 0-d arrays: with one a call takes a third of the time."""
        return loop.apart(column)

    def alike(self, graph: Graph, a: Any, b: Any) -> bool:
        """Whether two results have the same bits."""
        return bool((a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()))

    def tells(self, graph: Graph, call: Call) -> bool:
        """Whether a call gives a new array and can be told where to write it."""
        value = graph.values[call.result]
        if call.in_place or value.root != call.result or not value.shape or not value.order:
            return False
        return bool(_form(graph, call).told)

    def statements(self, writer: Writer, unit: Unit) -> list[str]:
        """Lines of a unit."""
        return [statement(writer, c, _form(writer.graph, c), _argument) for c in unit.calls]


def _form(graph: Graph, call: Call) -> Form:
    """The shortest way."""
    function = getattr(xp, call.name, None)
    if isinstance(function, np.ufunc) and function.nout == 1 and not call.keywords:
        return _elementwise(graph, call, function)
    short = _SHORT.get(call.name)
    form: Form | None = short(graph, call) if short is not None else None
    return Form.of(function, call) if form is None else form


def _elementwise(graph: Graph, call: Call, function: Any) -> Form:
    if function is np.power:  # the operator has short ways for some exponents
        return Form("$0 ** $1")
    numbers = [graph.values[n].scalar for n in call.touched]
    plain = [type(a.value) in (int, float) for a in call.args if isinstance(a, Constant)]
    if call.name in _SIGNS and all((*numbers, *plain)):
        return Form(f"$0 {_SIGNS[call.name]} $1")
    arguments = ", ".join(f"${i}" for i in range(len(call.args)))
    into = "out=$out" if call.name in _LIMITS else "$out"  # these two want the name
    return Form(f"$f({arguments})", f"$f({arguments}, {into})", {"f": function})


def _matmul(graph: Graph, call: Call) -> Form | None:
    x, y = (graph.values[n] for n in call.args)
    if len(x.shape) != 2 or len(y.shape) != 2:
        return None
    if xp.is_other_way_round(x.shape, y.order):
        given = {"copy": np.copyto}
        return Form("$1T.dot($0T).T.copy()", "$copy($out, $1T.dot($0T).T)", given)
    return Form("$0.dot($1)", "$0.dot($1, $out)" * (graph.values[call.result].order == "C"))


def _sum(graph: Graph, call: Call) -> Form | None:
    x, axis, dtype = graph.values[call.args[0]], call.option(1, "axis"), call.option(2, "dtype")
    keeps = bool(call.option(3, "keepdims", False))
    way = xp.sum_by_product(x, axis, dtype, keepdims=keeps)
    if way:
        ones = {"ones": xp.ones(x.shape[axis], x.dtype)}
        if len(x.shape) == 1:
            return Form("$0.dot($ones)", constants=ones)
        kept = ("[:, None]" if axis == -1 else "[None]") if keeps else ""
        product = ("$0.dot($ones", "$ones.dot($0")[axis == -2]
        return Form(f"{product}){kept}", f"{product}, $flat)", ones)
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
        kept = "[:, None]" * keeps
        text = "$f($0T.copy(), 0"
        return Form(f"{text}){kept}", f"{text}, None, $flat)", {"f": function})
    return _reduced(function, axis, None, keeps=keeps)


def _argmax(graph: Graph, call: Call) -> Form | None:
    if call.option(2, "keepdims"):
        return None
    axis = {"axis": call.option(1, "axis")}
    return Form("$0.argmax($axis)", "$0.argmax($axis, $out)", axis)


def _take(graph: Graph, call: Call) -> Form:
    return Form("$0.take($1, $axis)", constants={"axis": call.option(2, "axis")})


def _concat(graph: Graph, call: Call) -> Form | None:
    if not isinstance(call.args[0], tuple):
        return None
    given = {"f": np.concatenate, "axis": call.option(1, "axis", 0)}
    return Form("$f($0, $axis)", "$f($0, $axis, $out)", given)


def _astype(graph: Graph, call: Call) -> Form:
    given = {"dtype": call.option(1, "dtype")}
    if graph.values[call.result].root == call.result:
        return Form("$0.astype($dtype)", constants=given)
    return Form("$0.astype($dtype, copy=False)", constants=given)


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
    """An argument; beside arrays of a function of elements, numbers as 0-d arrays.

    With one a call takes a third of the time, and NumPy makes the same of both. A maximum, of
    large arrays, takes a fourth with an array that is full of the number.
    """
    values = writer.graph.values
    if not isinstance(getattr(xp, call.name, None), np.ufunc) or call.keywords:
        return writer.text(a)
    if isinstance(a, Constant):
        beside = next((values[n].dtype for n in call.reads), None)
        if beside is None or not _fits(a.value, beside):
            return writer.text(a)
        name, number = writer.constant(np.asarray(a.value, beside)), True
    else:
        name = writer.text(a)
        number = isinstance(a, Ref) and int(a) in writer.plan.fixed and not values[a].shape
    shape = values[call.result].shape
    if number and shape and call.name in _LIMITS:
        return writer.once(f"{writer.constant(np.full)}({shape!r}, {name})")
    return name


def _fits(value: Any, dtype: Any) -> bool:
    """Whether NumPy takes a number of Python's as one of a dtype."""
    if dtype.kind == "f":
        return type(value) in (int, float)
    inside = dtype.kind == "i" and type(value) is int
    return inside and bool(np.iinfo(dtype).min <= value <= np.iinfo(dtype).max)

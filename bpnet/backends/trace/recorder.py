"""A namespace that calls a library's own and notes every call."""

import operator
from collections.abc import Iterator
from functools import partial
from typing import Any

import array_api_compat
import numpy as np

from bpnet._typing import Array, Namespace
from bpnet.backends.dtypes import DTYPES
from bpnet.backends.trace.graph import Call, Constant, Graph, Ref, is_plain

INSPECTION = frozenset({"finfo", "iinfo", "isdtype", "result_type", "can_cast"})
"""Functions that inspect dtypes and compute nothing."""

BINARY = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide",
    "floordiv": "floor_divide", "mod": "remainder", "pow": "pow", "matmul": "matmul",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}  # fmt: skip
COMPARISONS = {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal",
}  # fmt: skip
UNARY = {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "bitwise_invert"}
"""The function of the standard behind each operator."""

_NAMES = {f"__{name}__": function for name, function in (BINARY | COMPARISONS | UNARY).items()}
_NAMES |= {f"__r{name}__": function for name, function in BINARY.items()}
_IN_PLACE = {f"__i{name}__": function for name, function in BINARY.items()}
_NAMES |= {**_IN_PLACE, "__getitem__": "getitem", "T": "T", "mT": "mT"}

_ELEMENTWISE = """
abs acos acosh add asin asinh astype atan atan2 atanh bitwise_and bitwise_invert bitwise_left_shift
bitwise_or bitwise_right_shift bitwise_xor ceil clip copysign cos cosh divide equal exp expm1 floor
floor_divide greater greater_equal hypot isfinite isinf isnan less less_equal log log10 log1p log2
logaddexp logical_and logical_not logical_or logical_xor maximum minimum multiply negative nextafter
not_equal positive pow reciprocal remainder round sign signbit sin sinh sqrt square subtract tan
tanh trunc where"""
_REST = """
all any argmax argmin argsort concat count_nonzero cumulative_prod cumulative_sum diff matmul max
mean min prod roll searchsorted sort stack std sum take take_along_axis tensordot tile tril triu var
vecdot"""
CREATION = frozenset(("arange", "empty", "eye", "full", "linspace", "ones", "zeros"))
_LIKE = ("empty_like", "full_like", "ones_like", "zeros_like")
_VIEWS = frozenset(
    ["T", "mT", "asarray", "astype", "broadcast_to", "expand_dims", "flip", "getitem"]
).union(["matrix_transpose", "moveaxis", "permute_dims", "reshape", "squeeze"])
"""Functions whose results may be views of their arguments. Others that share memory wrote to it."""

_RECORDABLE = _VIEWS.union(CREATION, _LIKE, _ELEMENTWISE.split(), _REST.split())
"""Functions of the standard that give one array, of a shape that does not depend on values."""


class Recorder:
    """Namespace around another one, whose calls all go through :meth:`call` and :meth:`note`."""

    def __init__(self, xp: Namespace) -> None:
        self.xp = xp

    def __getattr__(self, name: str) -> Any:
        # copy, pickle and others ask for special methods, which are no functions of the standard
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self.xp, name)
        if name in DTYPES or isinstance(value, type) or not callable(value):
            return value
        return partial(self.function, name, value)

    def function(self, name: str, function: Any, /, *arguments: Any, **keywords: Any) -> Any:
        """Call a function of the namespace."""
        return self.call("function", name, function, arguments, keywords)

    def call(self, kind: str, name: str, function: Any, arguments: Any, keywords: Any) -> Any:
        """Call a function with the library's arrays, and note the call.

        Its ``kind`` is "function", "operator" or "attribute", its name one such as "exp",
        "__imul__" or "T".
        """
        result = self.wrap(function(*inner(arguments), **inner(keywords)))
        self.note(kind, name, arguments, keywords, result)
        return result

    def wrap(self, result: Any) -> Any:
        """Return arrays of this namespace for those of the library, in lists of them, too."""
        if isinstance(result, (list, tuple)):
            return type(result)([self.wrap(item) for item in result])  # type: ignore[call-arg]
        has_type = hasattr(result, "shape") and hasattr(result, "dtype")
        return Recorded(self, result) if has_type else result

    def note(self, kind: str, name: str, arguments: Any, keywords: Any, result: Any) -> None:
        """Note a call, with the arguments of :meth:`call`, and its result."""
        raise NotImplementedError

    def to_host(self, array: "Recorded") -> Any:
        """Return a NumPy copy of an array, or raise an error where a copy must not be made."""
        raise NotImplementedError


class Recorded:
    """An array of a :class:`Recorder`, around the library's own."""

    __array_ufunc__ = None  # NumPy's operators then defer to those of this class
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, recorder: Any, inner: Array, number: int = -1) -> None:
        self.recorder, self.inner, self.number = recorder, inner, number

    dtype = property(lambda self: self.inner.dtype)
    shape = property(lambda self: tuple(getattr(self.inner, "shape", ())))
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape)))
    device = property(lambda self: array_api_compat.device(self.inner))

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return self.recorder

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, key: Any) -> Any:
        return self.recorder.call("operator", "__getitem__", operator.getitem, (self, key), {})

    def __setitem__(self, key: Any, value: Any) -> None:
        self.recorder.call("operator", "__setitem__", operator.setitem, (self, key, value), {})

    def to_device(self, device: Any, /, *, stream: Any = None) -> Any:
        """Return the array on a device of the library."""
        function = array_api_compat.to_device
        return self.recorder.call("attribute", "to_device", function, (self, device), {})

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        host = self.recorder.to_host(self)
        return host.astype(dtype) if dtype is not None else host

    def __index__(self) -> int:
        return operator.index(self.recorder.to_host(self)[()])


def _operator(name: str, *, reflected: bool = False, in_place: bool = False) -> Any:
    """Method of :class:`Recorded` for an operator, which calls it through the recorder."""
    written = f"__{'r' * reflected}{'i' * in_place}{name}__"
    function = getattr(operator, f"__{'i' * in_place}{name}__")

    def method(self: Recorded, *other: Any) -> Any:
        pair = (*other, self) if reflected else (self, *other)
        result = self.recorder.call("operator", written, function, pair, {})
        # Python binds the name to what `a += b` returns; where arrays are immutable, a new one
        return self if in_place and result.inner is self.inner else result

    return method


def _attribute(name: str) -> property:
    read = operator.attrgetter(name)
    return property(lambda self: self.recorder.call("attribute", name, read, (self,), {}))


def _number(kind: type) -> Any:
    """Method that makes a number of Python, for which the value must come to the host."""
    return lambda self: kind(self.recorder.to_host(self))


for _name in BINARY:
    setattr(Recorded, f"__{_name}__", _operator(_name))
    setattr(Recorded, f"__r{_name}__", _operator(_name, reflected=True))
    setattr(Recorded, f"__i{_name}__", _operator(_name, in_place=True))
for _name in (*COMPARISONS, *UNARY):
    setattr(Recorded, f"__{_name}__", _operator(_name))
for _name in ("T", "mT"):
    setattr(Recorded, _name, _attribute(_name))
for _kind in (bool, int, float):
    setattr(Recorded, f"__{_kind.__name__}__", _number(_kind))


class Tracer(Recorder):
    """Recorder of a step, whose calls become a :class:`Graph`.

    It refuses what a graph can't represent: a value that Python reads, an array of another kind or
    of another step, a shape that depends on values.
    """

    def __init__(self, xp: Namespace) -> None:
        super().__init__(xp)
        self.graph = Graph()

    # caches of a library's dtypes must not have an entry for each tracer
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tracer) and other.xp is self.xp

    def __hash__(self) -> int:
        return hash(self.xp)

    def argument(self, value: Any) -> Recorded:
        """Return an array or a number as an argument of the step."""
        return Recorded(self, value, self.graph.value(value, (), None))

    def wrap(self, result: Any) -> Any:
        """Return arrays of this namespace, and recorded numbers for results that are numbers."""
        return Recorded(self, result) if type(result) in (int, float) else super().wrap(result)

    def note(self, kind: str, name: str, arguments: Any, keywords: Any, result: Any) -> None:
        """Add a call to the graph."""
        if name in INSPECTION:
            return
        graph, known = self.graph, _NAMES.get(name, name)
        if not isinstance(result, Recorded) or known not in _RECORDABLE:
            raise graph.refuse(f"{name}, which gave a {type(result).__name__}")
        if known == "getitem" and any(a.dtype == self.xp.bool for a in recorded(arguments[1:])):
            raise graph.refuse("a mask as an index, which gives shapes that depend on values")
        if known in _LIKE:  # these read the shape and the dtype of an array alone
            known, arguments = known[: -len("_like")], (result.shape, *arguments[1:])
            keywords = {"dtype": result.dtype}
        args = tuple(map(self._reference, arguments))
        # all arrays of a step are on one device
        keywords.pop("device", None)
        named = tuple((key, self._reference(a)) for key, a in keywords.items())
        in_place = name in _IN_PLACE and result.inner is arguments[0].inner
        if in_place:
            result.number = arguments[0].number
        else:
            sources = [a.number for a in recorded((*arguments, *keywords.values()))]
            result.number = graph.value(result.inner, sources, self.xp.may_share_memory)
            if graph.values[result.number].root != result.number and known not in _VIEWS:
                raise graph.refuse(f"{name} writing to what it is given")
        graph.calls.append(Call(known, args, named, result.number, in_place))

    def _reference(self, a: Any) -> Any:
        """Return an argument as a :class:`Ref`, a :class:`Constant` or a tuple of them."""
        if isinstance(a, Recorded):
            if a.recorder is not self:
                raise self.graph.refuse("a value of another step")
            return Ref(a.number)
        if isinstance(a, (tuple, list)) and any(True for _ in recorded(a)):
            return tuple(map(self._reference, a))
        # a list could change after it was recorded
        a = tuple(a) if isinstance(a, list) else a
        if not is_plain(a):
            raise self.graph.refuse(f"an argument of type {type(a).__name__}")
        return Constant(a)

    def to_host(self, array: Recorded) -> Any:
        """Refuse, because later calls could depend on the value."""
        raise self.graph.refuse("the value of a number")


def recorded(args: Any) -> Iterator[Recorded]:
    """Yield the recorded arrays among arguments, and in lists of them."""
    for a in args:
        if isinstance(a, Recorded):
            yield a
        elif isinstance(a, (tuple, list)):
            yield from recorded(a)


def inner(thing: Any) -> Any:
    """Arguments with the library's arrays in place of the recorded ones."""
    if type(thing) in (list, tuple):
        return type(thing)(map(inner, thing))
    if isinstance(thing, dict):
        return {key: inner(item) for key, item in thing.items()}
    return thing.inner if isinstance(thing, Recorded) else thing

"""A namespace that hands everything on to a backend's own and writes down what it was asked.

:class:`Watch` follows the standard, so it trains networks like any other module; its arrays hold
those of the backend. They do not turn into numbers or NumPy arrays unseen: such a copy to the host
is written down, and so is an operand of another library. On a GPU each call is about a kernel
launch.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np

from bpnet._typing import Array
from bpnet.backends import Backend
from bpnet.backends.dtypes import DTYPES, dtype_name
from bpnet.backends.standard import Standard

INSPECTION = frozenset({"finfo", "iinfo", "isdtype", "result_type", "can_cast"})
"""Functions that ask about dtypes and compute nothing."""

_VIEWS = frozenset({"__getitem__", "matrix_transpose", "reshape"})
"""Calls that look at an array's memory in another way, and launch nothing."""

_CREATE = frozenset({"arange", "empty", "eye", "full", "linspace", "ones", "zeros"})
_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
_SHIFTS = ("lshift", "rshift")
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_UNARY = ("neg", "pos", "abs", "invert")


@dataclass(frozen=True)
class Call:
    """One thing that was done with arrays.

    Parameters
    ----------
    kind : {"function", "operator", "attribute", "upload", "copy", "foreign"}
        A copy is one to the host; foreign is an operand that is neither one of these arrays nor
        a plain Python number.
    name : str
        Such as ``"exp"``, ``"__imul__"``, ``"T"``.
    dtypes : tuple of str
        Of the arrays given; ``"number"`` for a plain one.
    keywords : tuple of str
        Names of the keywords given.
    result : tuple of str
        Dtypes of the arrays returned.
    positional : int
        Arguments given without a keyword.
    """

    kind: str
    name: str
    dtypes: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    result: tuple[str, ...] = ()
    positional: int = 0


class Watch:
    """Namespace of the standard around a backend's.

    Parameters
    ----------
    backend : Backend
        What computes.

    Attributes
    ----------
    calls : list of Call
        All that was done so far, in order.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.calls: list[Call] = []
        self.__name__ = f"watch({backend.spec})"
        self.__version__ = backend.version

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.backend.xp, name)
        if name in DTYPES or isinstance(value, type) or not callable(value):
            return value

        def function(*arguments: Any, **keywords: Any) -> Any:
            if name in _CREATE:
                self._require(keywords.get("dtype"))
                keywords.setdefault("device", self.backend.device)
            return self._call("function", name, value, arguments, keywords)

        return function

    def _require(self, dtype: Any) -> None:
        """Refuse a dtype that the device lacks: JAX would take a smaller one, with a warning."""
        for name in DTYPES if dtype is not None else ():
            if getattr(self.backend.xp, name, None) is dtype and not self.backend.has(name):
                msg = f"{self.backend.spec} has no {name}"
                raise TypeError(msg)

    def asarray(
        self, x: Any, dtype: Any = None, device: Any = None, copy: bool | None = None
    ) -> Any:
        """Array of this namespace: from the host it is an upload."""
        if isinstance(x, Watched):
            given = {"dtype": dtype, "copy": copy}
            keywords = {key: value for key, value in given.items() if value is not None}
            return self._call("function", "asarray", self.backend.xp.asarray, (x,), keywords)
        inner = self.backend.asarray(x, copy=True)  # to a device it always is
        if dtype is not None and inner.dtype != dtype:
            inner = self.backend.xp.astype(inner, dtype)
        self.calls.append(Call("upload", "asarray", result=(dtype_name(inner),)))
        return Watched(self, inner)

    def as_backend(self) -> "WatchBackend":
        """Return what :func:`bpnet.train` takes."""
        return WatchBackend(self.__name__, None, self)

    def launches(self) -> int:
        """Calls so far that compute something, each a kernel on a GPU."""
        return sum(
            call.kind in {"function", "operator"} and call.name not in INSPECTION | _VIEWS
            for call in self.calls
        )

    def of_kind(self, kind: str) -> list[Call]:
        """Calls of one kind."""
        return [call for call in self.calls if call.kind == kind]

    def _call(
        self, kind: str, name: str, function: Callable[..., Any], arguments: Any, keywords: Any
    ) -> Any:
        dtypes: list[str] = []
        result = function(*self._unwrap(arguments, dtypes), **self._unwrap(keywords, dtypes))
        wrapped, kinds = self._wrap(result)
        named = tuple(sorted(key for key, value in keywords.items() if value is not None))
        self.calls.append(Call(kind, name, tuple(dtypes), named, kinds, len(arguments)))
        return wrapped

    def _unwrap(self, thing: Any, dtypes: list[str]) -> Any:
        if isinstance(thing, Watched):
            dtypes.append(dtype_name(thing))
            return thing.inner
        if isinstance(thing, list | tuple):
            items = (self._unwrap(item, dtypes) for item in thing)
            return tuple(items) if isinstance(thing, tuple) else list(items)
        if isinstance(thing, dict):
            return {key: self._unwrap(item, dtypes) for key, item in thing.items()}
        if type(thing) in (int, float):
            dtypes.append("number")
        elif not isinstance(thing, type) and hasattr(thing, "__array_namespace__"):
            self.calls.append(Call("foreign", f"{type(thing).__module__}.{type(thing).__name__}"))
        return thing

    def _wrap(self, result: Any) -> tuple[Any, tuple[str, ...]]:
        if isinstance(result, list | tuple):
            items = [self._wrap(item) for item in result]
            wrapped = type(result)([item for item, _ in items])
            return wrapped, tuple(name for _, names in items for name in names)
        if hasattr(result, "shape") and hasattr(result, "dtype"):
            return Watched(self, result), (dtype_name(result),)
        return result, ()


@dataclass(frozen=True)
class WatchBackend(Standard):
    """A :class:`Watch` as a backend: what it does is written down, so nothing is tried out."""

    @property
    def wraps(self) -> bool:
        """Whether int32 overflows as 32 bits do on the watched backend."""
        return bool(self.module.backend.wraps)

    def has(self, dtype: str) -> bool:
        """Whether the watched backend can hold arrays of a dtype."""
        return bool(self.module.backend.has(dtype))

    def synchronize(self) -> None:
        """Wait as the watched backend does."""
        self.module.backend.synchronize()

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        return self.module.asarray(x)  # always a copy

    def _download(self, a: Array) -> Any:
        return np.array(a)

    def _from_dlpack(self, x: Array) -> Array:
        return self.module.from_dlpack(x)

    def _exportable(self, a: Array) -> Array:
        return a


class Watched:
    """An array of a :class:`Watch`.

    Parameters
    ----------
    watch : Watch
        Its namespace.
    inner : array
        The backend's.
    """

    __array_ufunc__ = None  # NumPy's functions and scalars leave it alone

    def __init__(self, watch: Watch, inner: Array) -> None:
        self.watch = watch
        self.inner = inner

    dtype = property(lambda self: self.inner.dtype)
    shape = property(lambda self: tuple(self.inner.shape))
    ndim = property(lambda self: len(self.inner.shape))
    size = property(lambda self: int(np.prod(self.shape)))
    device = property(lambda self: array_api_compat.device(self.inner))

    def __array_namespace__(self, api_version: str | None = None) -> Watch:
        return self.watch

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, key: Any) -> Any:
        return self.watch._call("operator", "__getitem__", operator.getitem, (self, key), {})

    def __setitem__(self, key: Any, value: Any) -> None:
        self.watch._call("operator", "__setitem__", operator.setitem, (self, key, value), {})

    def to_device(self, device: Any, /, *, stream: Any = None) -> Any:
        """Return the array on a device of the backend's library."""
        return self.watch._call(
            "attribute", "to_device", array_api_compat.to_device, (self, device), {}
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._host().astype(dtype) if dtype is not None else self._host()

    def _host(self) -> Any:
        self.watch.calls.append(Call("copy", "to the host", (dtype_name(self),)))
        return self.watch.backend.to_numpy(self.inner)

    def __float__(self) -> float:
        return float(self._host())

    def __int__(self) -> int:
        return int(self._host())

    def __index__(self) -> int:
        return operator.index(self._host()[()])

    def __bool__(self) -> bool:
        return bool(self._host())

    __hash__ = None  # type: ignore[assignment]


def _operator(name: str, *, reflected: bool = False, in_place: bool = False) -> Any:
    prefix = "r" * reflected + "i" * in_place
    function = getattr(operator, f"__{'i' * in_place}{name}__")

    def method(self: Watched, *other: Any) -> Any:
        pair = (*other, self) if reflected else (self, *other)
        result = self.watch._call("operator", f"__{prefix}{name}__", function, pair, {})
        return self if in_place and result.inner is self.inner else result

    return method


def _attribute(name: str) -> property:
    def read(self: Watched) -> Any:
        return self.watch._call("attribute", name, lambda a: getattr(a, name), (self,), {})

    return property(read)


for _name in (*_BINARY, *_SHIFTS):
    setattr(Watched, f"__{_name}__", _operator(_name))
    setattr(Watched, f"__r{_name}__", _operator(_name, reflected=True))
    setattr(Watched, f"__i{_name}__", _operator(_name, in_place=True))
for _name in (*_COMPARISONS, *_UNARY):
    setattr(Watched, f"__{_name}__", _operator(_name))
for _name in ("T", "mT"):
    setattr(Watched, _name, _attribute(_name))

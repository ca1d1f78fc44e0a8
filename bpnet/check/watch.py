"""A namespace that hands everything on to a backend's own and writes down what it was asked.

:class:`Watch` follows the standard, so it trains networks like any other module; its arrays hold
those of the backend. They do not turn into numbers or NumPy arrays unseen: such a copy to the host
is written down, and so is an operand of another library. On a GPU each call is about a kernel
launch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet._typing import Array
from bpnet.backends import Backend
from bpnet.backends.dtypes import DTYPES, dtype_name
from bpnet.backends.standard import Standard
from bpnet.backends.trace.recorder import CREATION, INSPECTION, Recorded, Recorder

_VIEWS = frozenset({"__getitem__", "matrix_transpose", "reshape"})
"""Calls that look at an array's memory in another way, and launch nothing."""


@dataclass(frozen=True)
class Call:
    """One thing that was done with arrays.

    It is a "function", "operator", "attribute", an "upload", a "copy" to the host, or "foreign": an
    operand that is neither one of these arrays nor a plain Python number.
    """

    kind: str
    name: str  # such as "exp", "__imul__", "T"
    dtypes: tuple[str, ...] = ()  # of the arrays given; "number" for a plain one
    keywords: tuple[str, ...] = ()  # names of those given
    result: tuple[str, ...] = ()  # dtypes of the arrays returned
    positional: int = 0  # arguments given without a keyword


class Watch(Recorder):
    """Namespace of the standard around a backend's; ``calls`` is all that was done, in order."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend.xp)
        self.backend = backend
        self.calls: list[Call] = []
        self.__name__ = f"watch({backend.spec})"
        self.__version__ = backend.version

    def function(self, name: str, function: Any, /, *arguments: Any, **keywords: Any) -> Any:
        """Call a function of the namespace, on the backend's device."""
        if name in CREATION:
            self._require(keywords.get("dtype"))
            keywords.setdefault("device", self.backend.device)
        return super().function(name, function, *arguments, **keywords)

    def _require(self, dtype: Any) -> None:
        """Refuse a dtype that the device lacks: JAX would take a smaller one, with a warning."""
        for name in DTYPES if dtype is not None else ():
            if getattr(self.xp, name, None) is dtype and not self.backend.has(name):
                msg = f"{self.backend.spec} has no {name}"
                raise TypeError(msg)

    def asarray(
        self, x: Any, dtype: Any = None, device: Any = None, copy: bool | None = None
    ) -> Any:
        """Array of this namespace: from the host it is an upload."""
        if isinstance(x, Recorded):
            given = {"dtype": dtype, "copy": copy}
            keywords = {key: value for key, value in given.items() if value is not None}
            return self.call("function", "asarray", self.xp.asarray, (x,), keywords)
        inner = self.backend.asarray(x, copy=True)  # to a device it always is
        if dtype is not None and inner.dtype != dtype:
            inner = self.xp.astype(inner, dtype)
        self.calls.append(Call("upload", "asarray", result=(dtype_name(inner),)))
        return Recorded(self, inner)

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

    def note(self, kind: str, name: str, arguments: Any, keywords: Any, result: Any) -> None:
        """Write a call down."""
        dtypes = tuple(self._dtypes((*arguments, *keywords.values())))
        named = tuple(sorted(key for key, value in keywords.items() if value is not None))
        results = tuple(self._dtypes((result,) if isinstance(result, Recorded) else result))
        self.calls.append(Call(kind, name, dtypes, named, results, len(arguments)))

    def _dtypes(self, things: Any) -> Iterator[str]:
        """Yield dtypes of arrays, ``"number"`` for numbers; write strangers down."""
        for thing in things if isinstance(things, (tuple, list)) else ():
            if isinstance(thing, Recorded):
                yield dtype_name(thing)
            elif isinstance(thing, (tuple, list)):
                yield from self._dtypes(thing)
            elif type(thing) in (int, float):
                yield "number"
            elif not isinstance(thing, type) and hasattr(thing, "__array_namespace__"):
                stranger = f"{type(thing).__module__}.{type(thing).__name__}"
                self.calls.append(Call("foreign", stranger))

    def to_host(self, array: Recorded) -> Any:
        """NumPy copy of an array, which is written down."""
        self.calls.append(Call("copy", "to the host", (dtype_name(array),)))
        return self.backend.to_numpy(array.inner)


@dataclass(frozen=True)
class WatchBackend(Standard):
    """A :class:`Watch` as a backend: what it does is written down, so nothing is tried out."""

    @property
    def wraps(self) -> bool:  # type: ignore[override]
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

"""A namespace that calls a backend's own and records every call.

:class:`Watch` follows the standard, so that it trains networks like any other module. Its arrays
are wrappers of the backend's. A copy to the host, as a number or a NumPy array, is recorded, and so
is an operand of another library. On a GPU each call is about one kernel launch.
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
"""Calls that make a view of an array, and launch nothing."""


@dataclass(frozen=True)
class Call:
    """One call, or one operand of another library.

    Its kind is "function", "operator", "attribute", "upload", "copy" (to the host), or "foreign":
    an operand that is neither an array of the namespace nor a plain Python number.
    """

    kind: str
    name: str  # such as "exp", "__imul__", "T"
    dtypes: tuple[str, ...] = ()  # dtypes of the arguments; "number" for a plain number
    keywords: tuple[str, ...] = ()  # names of the keyword arguments
    result: tuple[str, ...] = ()  # dtypes of the results
    positional: int = 0  # number of positional arguments


class Watch(Recorder):
    """Namespace of the standard around a backend's; ``calls`` are all calls, in order."""

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
            # the library's default device may be another one than the backend's
            keywords.setdefault("device", self.backend.device)
        return super().function(name, function, *arguments, **keywords)

    def _require(self, dtype: Any) -> None:
        """Raise an error for a dtype that the device lacks, where JAX would only warn."""
        for name in DTYPES if dtype is not None else ():
            if getattr(self.xp, name, None) is dtype and not self.backend.has(name):
                msg = f"{self.backend.spec} has no {name}"
                raise TypeError(msg)

    def asarray(
        self, x: Any, dtype: Any = None, device: Any = None, copy: bool | None = None
    ) -> Any:
        """Return an array of this namespace; one from the host is recorded as an upload."""
        if isinstance(x, Recorded):
            options = {"dtype": dtype, "copy": copy}
            keywords = {key: value for key, value in options.items() if value is not None}
            return self.call("function", "asarray", self.xp.asarray, (x,), keywords)
        inner = self.backend.asarray(x, copy=True)  # an upload always copies
        if dtype is not None and inner.dtype != dtype:
            inner = self.xp.astype(inner, dtype)
        self.calls.append(Call("upload", "asarray", result=(dtype_name(inner),)))
        return Recorded(self, inner)

    def as_backend(self) -> "WatchBackend":
        """Return the backend for :func:`bpnet.train`."""
        return WatchBackend(self.__name__, None, self)

    def launches(self) -> int:
        """Return the number of calls that compute something, each a kernel on a GPU."""
        return sum(
            call.kind in {"function", "operator"} and call.name not in INSPECTION | _VIEWS
            for call in self.calls
        )

    def of_kind(self, kind: str) -> list[Call]:
        """Return the calls of one kind."""
        return [call for call in self.calls if call.kind == kind]

    def note(self, kind: str, name: str, arguments: Any, keywords: Any, result: Any) -> None:
        """Record a call."""
        dtypes = tuple(self._dtypes((*arguments, *keywords.values())))
        # a keyword that is None says the same as one that was left out
        named = tuple(sorted(key for key, value in keywords.items() if value is not None))
        results = tuple(self._dtypes((result,) if isinstance(result, Recorded) else result))
        self.calls.append(Call(kind, name, dtypes, named, results, len(arguments)))

    def _dtypes(self, things: Any) -> Iterator[str]:
        """Yield dtypes of arrays, ``"number"`` for numbers; record arrays of other libraries."""
        for thing in things if isinstance(things, (tuple, list)) else ():
            if isinstance(thing, Recorded):
                yield dtype_name(thing)
            elif isinstance(thing, (tuple, list)):
                yield from self._dtypes(thing)
            elif type(thing) in (int, float):
                yield "number"
            # a dtype is a class in some libraries, and no operand
            elif not isinstance(thing, type) and hasattr(thing, "__array_namespace__"):
                stranger = f"{type(thing).__module__}.{type(thing).__name__}"
                self.calls.append(Call("foreign", stranger))

    def to_host(self, array: Recorded) -> Any:
        """Return a NumPy copy of an array, and record it."""
        self.calls.append(Call("copy", "to the host", (dtype_name(array),)))
        return self.backend.to_numpy(array.inner)


@dataclass(frozen=True)
class WatchBackend(Standard):
    """A :class:`Watch` as a backend; it has no rehearsal, which would be recorded."""

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

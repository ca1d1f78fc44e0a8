"""Any other library that follows the standard, which the user passes as a module."""

from dataclasses import dataclass
from typing import Any

from bpnet._typing import Array, Namespace
from bpnet.backends import libraries, rehearsal, routes
from bpnet.backends.arrays import Arrays
from bpnet.backends.base import Backend
from bpnet.backends.dtypes import dtype_name
from bpnet.backends.routes import Routes
from bpnet.errors import InputError

# a module without one of these is no array library; the rehearsal has all that training needs
_NEEDED = ("asarray", "zeros", "matmul", "exp", "log1p", "sum", "max", "where", "take", "stack")


@dataclass(frozen=True)
class Standard(Backend):
    """A module with the functions of the standard, on its default device."""

    module: Any = None

    @property
    def xp(self) -> Namespace:
        """The module."""
        return self.module

    @property
    def version(self) -> str:
        """The module's version, or ``"unknown"``."""
        return str(getattr(self.module, "__version__", "unknown"))

    @property
    def wraps(self) -> bool:  # type: ignore[override]
        """Whether int32 overflows as 32 bits do."""
        return routes.wraps(self.module)

    def has(self, dtype: str) -> bool:
        """Whether arrays of a dtype go to the library and come back unchanged."""
        return routes.find(self.module, dtype) is not None

    def alike(self, other: Arrays) -> bool:
        """Whether the other backend is of the same module, or of the library that it wraps."""
        if isinstance(other, Standard):
            return other.module is self.module
        return libraries.library_of(self._zero()) == other.name

    def synchronize(self) -> None:
        """Copy a number to the host, behind all work: the standard has no function for this."""
        self._download(self._zero() + 1)

    def _zero(self) -> Array:
        # every device has float32
        return self.xp.zeros((1,), dtype=self.xp.float32)

    def _routes(self, dtype: str) -> Routes:
        dtype_routes = routes.find(self.module, dtype)
        if dtype_routes is None:
            msg = f"{self.name} has no way for arrays of {dtype} between it and the host: neither"
            msg += " DLPack nor NumPy nor lists nor single numbers keep them; give NumPy's arrays"
            raise InputError(msg)
        return dtype_routes

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        a = self._routes(x.dtype.name).upload(self.module, x.copy() if copy else x)
        return self._checked(a, x)

    def _download(self, a: Array) -> Any:
        if dtype_name(a) == "bfloat16":
            a = self._cast(a, "float32")
        return self._checked(self._routes(dtype_name(a)).download(a), a)

    def _checked(self, arrived: Array, sent: Array) -> Array:
        # a route has proved itself on samples alone
        if routes.arrived(arrived, sent):
            return arrived
        msg = f"{self.name} was given {dtype_name(sent)} of shape {tuple(sent.shape)} to move"
        msg += f" and gave {dtype_name(arrived)} of shape {tuple(arrived.shape)}"
        raise InputError(f"{msg}; name another backend")

    def _from_dlpack(self, x: Array) -> Array:
        if self._routes(dtype_name(x)).imports:
            return super()._from_dlpack(x)
        msg = f"{self.name} does not import arrays as they are"
        raise BufferError(msg)

    def _exportable(self, a: Array) -> Array:
        if self._routes(dtype_name(a)).exports:
            return a
        msg = f"{self.name} does not export arrays as they are"
        raise BufferError(msg)


@routes.remembered  # an error is not remembered
def open_module(module: Any) -> Standard:
    """Backend of a module, after a rehearsal of everything that training needs.

    An InputError says that the module lacks functions of the standard, that arrays change on their
    way there and back, or that a result differs from the standard's.
    """
    backend = _of(module)
    name = backend.name
    missing = [f for f in _NEEDED if not callable(getattr(module, f, None))]
    if missing:
        msg = f"{name} is no array library of the standard: it lacks {', '.join(missing)}"
        raise InputError(msg)
    if type(backend) is Standard and (why := rehearsal.refusal(backend)):
        msg = f"{name} can't be used as a backend: {why}; name another backend"
        raise InputError(msg)
    return backend


def holding(array: Array) -> Standard:
    """Backend of an array, on the default device of its library."""
    return _of(array.__array_namespace__())


def _of(module: Any) -> Standard:
    """Backend of a module; a namespace that wraps a backend's makes it itself."""
    # such as the namespace of bpnet.check that records calls
    if hasattr(type(module), "as_backend"):
        backend: Standard = module.as_backend()
        return backend
    return Standard(str(getattr(module, "__name__", type(module).__name__)), None, module)

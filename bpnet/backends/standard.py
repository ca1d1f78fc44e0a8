"""Any other library that follows the standard, handed in as a module."""

from dataclasses import dataclass
from typing import Any

from bpnet._typing import Array, Namespace
from bpnet.backends import libraries, rehearsal, routes
from bpnet.backends.arrays import Arrays
from bpnet.backends.base import Backend
from bpnet.backends.dtypes import dtype_name
from bpnet.backends.routes import Routes
from bpnet.errors import InputError

# without one of these it is no array library at all; rehearsal has all that a training run asks
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
        """The module's version, ``"unknown"`` if it does not say."""
        return str(getattr(self.module, "__version__", "unknown"))

    @property
    def wraps(self) -> bool:  # type: ignore[override]
        """Whether int32 overflows as 32 bits do."""
        return routes.wraps(self.module)

    def has(self, dtype: str) -> bool:
        """Whether arrays of a dtype go to the library and come back as they were."""
        return routes.find(self.module, dtype) is not None

    def alike(self, other: Arrays) -> bool:
        """Whether the other is of the same module, or of the library that this one wraps."""
        if isinstance(other, Standard):
            return other.module is self.module
        return libraries.library_of(self._zero()) == other.name

    def synchronize(self) -> None:
        """The standard has no such thing: a copy of one number to the host ends the queue."""
        self._download(self._zero() + 1)

    def _zero(self) -> Array:
        # float32, which every device has
        return self.xp.zeros((1,), dtype=self.xp.float32)

    def _routes(self, dtype: str) -> Routes:
        found = routes.find(self.module, dtype)
        if found is None:
            msg = f"{self.name} has no way for arrays of {dtype} between it and the host: neither"
            msg += " DLPack nor NumPy nor lists nor single numbers keep them; give NumPy's arrays"
            raise InputError(msg)
        return found

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        a = self._routes(x.dtype.name).upload(self.module, x.copy() if copy else x)
        return self._checked(a, x)

    def _download(self, a: Array) -> Any:
        if dtype_name(a) == "bfloat16":
            a = self._cast(a, "float32")
        return self._checked(self._routes(dtype_name(a)).download(a), a)

    def _checked(self, arrived: Array, sent: Array) -> Array:
        if routes.arrived(arrived, sent):
            return arrived
        msg = f"{self.name} was given {dtype_name(sent)} of shape {tuple(sent.shape)} to move"
        msg += f" and gave {dtype_name(arrived)} of shape {tuple(arrived.shape)}"
        raise InputError(f"{msg}; name another backend")

    def _from_dlpack(self, x: Array) -> Array:
        if self._routes(dtype_name(x)).imports:
            return super()._from_dlpack(x)
        msg = f"{self.name} does not take arrays over as they are"
        raise BufferError(msg)

    def _exportable(self, a: Array) -> Array:
        if self._routes(dtype_name(a)).exports:
            return a
        msg = f"{self.name} does not hand arrays over as they are"
        raise BufferError(msg)


@routes.remembered  # of what is refused nothing is kept
def open_module(module: Any) -> Standard:
    """Backend for a module, after a rehearsal of all that a training run asks of it.

    An InputError says that it lacks functions of the standard, that its arrays do not come and go
    unharmed, or that what it computes is not what the standard says.
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
    """Backend of a module, which one that was made around a backend brings along."""
    if hasattr(type(module), "as_backend"):
        own: Standard = module.as_backend()
        return own
    return Standard(str(getattr(module, "__name__", type(module).__name__)), None, module)

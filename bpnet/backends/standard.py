"""Any other library that follows the standard, handed in as a module."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from bpnet._typing import Array, Namespace
from bpnet.backends import libraries
from bpnet.backends.base import Backend
from bpnet.errors import InputError

# of the standard, what a training run cannot do without
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

    def alike(self, other: Backend) -> bool:
        """Whether the other is of the same module, or of the library that this one wraps."""
        if isinstance(other, Standard):
            return other.module is self.module
        return libraries.library_of(self._zero()) == other.name

    def synchronize(self) -> None:
        """The standard has no such thing: a copy of one number to the host ends the queue."""
        self._download(self._zero() + 1)

    def _zero(self) -> Array:
        # float32, which every device has
        return self.xp.zeros((1,), dtype=self.xp.float32, device=self.device)

    def _from_host(self, x: Any, *, copy: bool) -> Array:
        return self.xp.asarray(x, device=self.device, copy=copy or None)

    def _download(self, a: Array) -> Any:
        try:
            return np.array(np.from_dlpack(a))
        except (AttributeError, BufferError, RuntimeError, TypeError, ValueError):
            # no DLPack, or memory that NumPy cannot address: the array converts itself
            return np.array(a)

    def _move(self, a: Array) -> Array:
        return a if self.device is None else a.to_device(self.device)


def open_module(module: ModuleType | Any) -> Standard:
    """Backend for a module.

    Raises
    ------
    InputError
        If it lacks functions of the standard.
    """
    name = getattr(module, "__name__", type(module).__name__)
    missing = [f for f in _NEEDED if not callable(getattr(module, f, None))]
    if missing:
        msg = f"{name} is no array library of the standard: it lacks {', '.join(missing)}"
        raise InputError(msg)
    return Standard(str(name), None, module)


def holding(array: Array) -> Standard:
    """Backend of an array, on the default device of its library."""
    module = array.__array_namespace__()
    return Standard(str(getattr(module, "__name__", type(module).__name__)), None, module)

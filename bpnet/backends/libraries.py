"""The known array libraries by name, found without importing them."""

import importlib
import importlib.util
import re
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bpnet._typing import Array

if TYPE_CHECKING:
    from bpnet.backends.base import Backend

NAMES = ("cupy", "torch", "jax", "dpnp", "numpy", "array_api_strict")
"""Best first, as ``auto`` sees them."""

PACKAGES = {
    "torch": ("torch",),
    "jax": ("jax",),
    "dpnp": ("dpnp", "intel-opencl-rt"),
    "array_api_strict": ("array-api-strict",),
    "numpy": ("numpy",),
}
"""Distributions to install for each library; CuPy's depends on the driver."""

# the class of JAX's arrays is of the package jaxlib
_ROOTS = {name: name for name in NAMES} | {"jaxlib": "jax"}


def installed(name: str) -> bool:
    """Whether a library can be found; it is not imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # it is in sys.modules as None or without a spec: blocked on purpose
        return False


def adapter(name: str) -> ModuleType:
    """Module of this package for a library, ``bpnet.backends.cupy`` for ``"cupy"``."""
    return importlib.import_module(f"bpnet.backends.{name}")


def library_of(thing: Any) -> str | None:
    """Name of the known library that an array, or a namespace, belongs to; None without one."""
    if isinstance(thing, ModuleType):
        if wrapper := re.fullmatch(r"bpnet\.backends\.(\w+)_namespace", thing.__name__):
            return wrapper[1]
        path = thing.__name__.removeprefix("array_api_compat.").split(".")
        # jax and jax.numpy are a library's namespaces, jax.nn and other modules are not
        known = path[0] if path[1:] in ([], ["numpy"]) else None
        return _ROOTS.get(known) if known else None
    return _ROOTS.get(type(thing).__module__.split(".")[0])


def owner(array: Array) -> "Backend | None":
    """Backend of an array; None for what is no array of any library."""
    if isinstance(array, type | ModuleType):  # a class of arrays is no array
        return None
    name = library_of(array)
    if name is None and hasattr(array, "__array_namespace__"):
        name = "standard"
    if name is None or not (hasattr(array, "shape") and hasattr(array, "dtype")):
        return None
    backend: Backend = adapter(name).holding(array)
    return backend

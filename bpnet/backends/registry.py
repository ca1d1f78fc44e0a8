"""The backend of a name: one that works, or an error with the cause and the cure."""

import copyreg
from collections.abc import Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

from bpnet._typing import Array
from bpnet.arguments import checked
from bpnet.backends import diagnosis, libraries, specs, standard
from bpnet.backends.base import Backend
from bpnet.errors import ArrayMismatch, BackendUnavailable, InputError
from bpnet.synonyms import hint


def names() -> list[str]:
    """Names of all backends, best first, working here or not."""
    return list(libraries.NAMES)


@checked
def get(spec: Any, device: Any = None) -> Backend:
    """Return the backend of a name, after a small computation on its device.

    Parameters
    ----------
    spec : str, Backend or module
        ``"cupy"``, ``"torch:cuda:1"``; or a module with the functions of the standard.
    device : str, int or a library's device, optional
        Device, unless the name says it.

    Returns
    -------
    Backend
        One that works.

    Raises
    ------
    BackendUnavailable
        If the library or the device does not work here; with the cause and the cure.
    InputError
        If the name is unknown, or name and device disagree.

    Examples
    --------
    >>> get("numpy").spec
    'numpy'
    """
    text = specs.device_text(device)
    if isinstance(spec, Backend):
        return _same(spec, text)
    if not isinstance(spec, str):
        return _of_module(spec, text)
    name, named_device = specs.split_spec(spec)
    check_name(name)
    device = specs.merge(spec, named_device, text)
    backend = _open(name, device)
    # the cached backend is on the device that was current when it was opened
    current = backend if device is not None else backend.current()
    return backend if current == backend else _open(name, str(current.device))


def check_name(name: str) -> None:
    """Raise an InputError with the nearest name where a name is no backend's."""
    if name not in libraries.NAMES:
        msg = f"unknown backend {name!r}; {hint('backend', name, names())}"
        raise InputError(msg)


@lru_cache(maxsize=64)
def _open(name: str, device: str | None) -> Backend:
    """Backend after a small computation; one that works is cached, one that fails is not."""
    spec = name if device is None else f"{name}:{device}"
    if not libraries.installed(name):
        raise BackendUnavailable(spec, *diagnosis.diagnose(name, None))
    try:
        backend: Backend = libraries.adapter(name).open_backend(device)
        backend.verify()
        # the class is known only after its file was imported
        copyreg.pickle(type(backend), _reduced)
    # these say already what is wrong and what to do
    except (InputError, BackendUnavailable):
        raise
    except Exception as error:
        raise BackendUnavailable(spec, *diagnosis.diagnose(name, error)) from error
    return backend


def _reduced(backend: Backend) -> tuple[Any, tuple[str]]:
    """Name of a backend for pickle and copy: a library's device objects can't be pickled."""
    return get, (backend.spec,)


def _same(backend: Backend, device: str | None) -> Backend:
    if device is None:
        return backend
    if isinstance(backend, standard.Standard):
        msg = f"backend {backend.name!r} is a module with one device; leave device {device!r} out"
        raise InputError(msg)
    merged = specs.merge(backend.spec, specs.device_text(backend.device), device)
    # a partial device, such as a number alone, is compared after it was completed
    if _open(backend.name, merged) != backend:
        msg = f"backend {backend.spec!r} and device {device!r} disagree; give the device once"
        raise InputError(msg)
    return backend


def _of_module(module: Any, device: str | None) -> Backend:
    known = libraries.library_of(module) if isinstance(module, ModuleType) else None
    if known:
        return _open(known, device)
    return _same(standard.open_module(module), device)


def of(array: Array) -> Backend:
    """Backend of an array; an InputError says that it is of no library of the standard."""
    owner = libraries.owner(array)
    if owner is None:
        msg = f"{type(array).__name__} is no array; wanted one of a library of the standard"
        raise InputError(msg)
    return owner


def tried(backend: Backend) -> Backend:
    """Return the backend of the user's data, after the rehearsal where its library is unknown."""
    if isinstance(backend, standard.Standard):
        return standard.open_module(backend.module)
    return backend


def require_one(arrays: Mapping[str, Array]) -> Backend:
    """The one backend of all arrays.

    Parameters
    ----------
    arrays : mapping of str to array
        The arrays by the names that an error message calls them by.

    Raises
    ------
    ArrayMismatch
        If two are of different libraries or devices; it names both and the call that mends it.
    InputError
        If there is no array.
    """
    if not arrays:
        msg = "no array was given; wanted at least one"
        raise InputError(msg)
    (first, array), *others = arrays.items()
    backend = of(array)
    for name, other in others:
        owner = of(other)
        if owner != backend:
            cure = f'bpnet.to_device({name}, "{backend.spec}")'
            for side, called in ((backend, first), (owner, name)):
                if isinstance(side, standard.Standard):  # a module has no name to move to
                    cure = f"bpnet.to_numpy({called})"
            msg = f"{first} is an array of {backend.spec} and {name} of {owner.spec}; "
            raise ArrayMismatch(f"{msg}move one: {cure}")
    return backend

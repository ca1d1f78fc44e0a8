"""A backend for a name, used or refused."""

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
    """Backend for a name: it works, or this raises.

    Parameters
    ----------
    spec : str, Backend or module
        ``"cupy"``, ``"torch:cuda:1"``; or a module with the functions of the standard.
    device : str, int or a library's device, optional
        Device, unless the name says it.

    Returns
    -------
    Backend
        Tried out with a small computation.

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
    name, own = specs.split_spec(spec)
    check_name(name)
    device = specs.merge(spec, own, text)
    found = _open(name, device)
    here = found if device is not None else found.current()
    return found if here == found else _open(name, str(here.device))


def check_name(name: str) -> None:
    """Refuse a name that is no backend's, with the nearest name."""
    if name not in libraries.NAMES:
        msg = f"unknown backend {name!r}; {hint('backend', name, names())}"
        raise InputError(msg)


@lru_cache(maxsize=64)
def _open(name: str, device: str | None) -> Backend:
    """Backend that was tried out; what works is remembered, what fails is tried again."""
    spec = name if device is None else f"{name}:{device}"
    if not libraries.installed(name):
        raise BackendUnavailable(spec, *diagnosis.diagnose(name, None))
    try:
        backend: Backend = libraries.adapter(name).open_backend(device)
        backend.verify()
        copyreg.pickle(type(backend), _reduced)
    except (InputError, BackendUnavailable):
        raise
    except Exception as error:
        raise BackendUnavailable(spec, *diagnosis.diagnose(name, error)) from error
    return backend


def _reduced(backend: Backend) -> tuple[Any, tuple[str]]:
    """What pickle and copy keep of a backend, since a library's device objects have no pickle."""
    return get, (backend.spec,)


def _same(backend: Backend, device: str | None) -> Backend:
    if device is None:
        return backend
    if isinstance(backend, standard.Standard):
        msg = f"backend {backend.name!r} was handed in as it is; leave device {device!r} out"
        raise InputError(msg)
    own = specs.device_text(backend.device)
    if _open(backend.name, specs.merge(backend.spec, own, device)) != backend:
        msg = f"backend {backend.spec!r} and device {device!r} disagree; give the device once"
        raise InputError(msg)
    return backend


def _of_module(module: Any, device: str | None) -> Backend:
    known = libraries.library_of(module) if isinstance(module, ModuleType) else None
    if known:
        return _open(known, device)
    return _same(standard.open_module(module), device)


def of(array: Array) -> Backend:
    """Backend that holds an array; an InputError says that no library of the standard does."""
    found = libraries.owner(array)
    if found is None:
        msg = f"{type(array).__name__} is no array; wanted one of a library of the standard"
        raise InputError(msg)
    return found


def tried(backend: Backend) -> Backend:
    """Return the backend that data is on, if it can compute too, which a stranger's must show."""
    if isinstance(backend, standard.Standard):
        return standard.open_module(backend.module)
    return backend


def require_one(arrays: Mapping[str, Array]) -> Backend:
    """The one backend that holds all arrays.

    Parameters
    ----------
    arrays : mapping of str to array
        The arrays by the names that the caller's user knows.

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
        found = of(other)
        if found != backend:
            cure = f'bpnet.to_device({name}, "{backend.spec}")'
            for held, side in ((backend, first), (found, name)):
                if isinstance(held, standard.Standard):  # which no name stands for
                    cure = f"bpnet.to_numpy({side})"
            msg = f"{first} is an array of {backend.spec} and {name} of {found.spec}; "
            raise ArrayMismatch(f"{msg}move one: {cure}")
    return backend

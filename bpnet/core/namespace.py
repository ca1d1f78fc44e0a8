"""The namespace of arrays, looked up once at the public edge."""

from typing import Any

from array_api_compat import array_namespace, device

from bpnet._typing import Array, Namespace
from bpnet.errors import ArrayMismatch, InputError


def library_of(array: Array) -> str:
    """Name of an array's library, such as ``"numpy"``."""
    return _name(_namespace(array))


def namespace_of(*arrays: Array) -> Namespace:
    """Namespace that all the arrays share.

    Parameters
    ----------
    *arrays : array
        Arrays of one library on one device.

    Returns
    -------
    namespace
        The module with the functions of the standard.

    Raises
    ------
    ArrayMismatch
        If the arrays are of two libraries or on two devices.
    InputError
        If one is no array of any library.

    Examples
    --------
    >>> import numpy as np
    >>> namespace_of(np.ones(2), np.zeros(3)).__name__
    'array_api_compat.numpy'
    """
    first, *others = arrays
    xp = _namespace(first)
    for other in others:
        other_xp, name = _namespace(other), _name(xp)
        if other_xp is not xp:
            _refuse(name, _name(other_xp), f'"{name}"')
        one, two = device(first), device(other)
        # an array that JAX is tracing is on no device yet
        if one is not None and two is not None and one != two:
            _refuse(f"{name}:{one}", f"{name}:{two}", "bpnet.backends.of(other)")
    return xp


def _namespace(array: Array) -> Namespace:
    try:
        return array_namespace(array)
    except TypeError as error:
        msg = f"{type(array).__name__} is no array; make one first, such as numpy.asarray(x)"
        raise InputError(msg) from error


def _name(xp: Namespace) -> str:
    # array_api_compat.torch and jax.numpy are torch and jax to a user
    return str(xp.__name__).removeprefix("array_api_compat.").split(".")[0]


def _refuse(one: Any, two: Any, target: str) -> None:
    msg = (
        f"arrays of {one} and of {two} met in one call; "
        f"move them together first: bpnet.to_device(array, {target})"
    )
    raise ArrayMismatch(msg)

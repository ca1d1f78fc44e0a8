"""The namespace of arrays, looked up once at the public edge."""

from typing import Any

from array_api_compat import array_namespace, device

from bpnet._typing import Array, Namespace
from bpnet.errors import ArrayMismatch


def library_of(array: Array) -> str:
    """Name of the library that an array belongs to, such as ``"numpy"``."""
    return type(array).__module__.split(".")[0]


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

    Examples
    --------
    >>> import numpy as np
    >>> namespace_of(np.ones(2), np.zeros(3)).__name__
    'array_api_compat.numpy'
    """
    first, *others = arrays
    for other in others:
        if library_of(other) != library_of(first):
            _refuse(library_of(first), library_of(other), library_of(first))
        if device(other) != device(first):
            spec = f"{library_of(first)}:{device(first)}"
            _refuse(spec, f"{library_of(other)}:{device(other)}", spec)
    return array_namespace(first)


def _refuse(one: Any, two: Any, spec: str) -> None:
    msg = (
        f"arrays of {one} and of {two} met in one call; "
        f'move them together first: bpnet.to_device(array, "{spec}")'
    )
    raise ArrayMismatch(msg)

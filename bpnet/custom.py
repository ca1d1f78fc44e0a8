"""Registration of a user's own activations and costs, for files and the command line.

A file has names, never code. They are looked up among the registered classes: no file can cause an
import.
"""

import os
import sys
from importlib import import_module
from typing import TypeVar

from bpnet.core import lookup
from bpnet.errors import InputError, one_line
from bpnet.public import listing

__all__ = ["register"]
__dir__ = listing(__all__)

Named = TypeVar("Named", bound=type | str)


def register(kind: Named) -> Named:
    """Let files and the command line name an activation or a cost of your own.

    Parameters
    ----------
    kind : class or str
        A class with ``sigma`` and ``backward``, or with ``value`` and ``delta``: a frozen dataclass
        of numbers, or one that is made without arguments. Or its ``module:name``, which is then
        imported, also from the working folder.

    Returns
    -------
    class or str
        ``kind`` itself, so that ``@bpnet.custom.register`` can decorate a class.

    Raises
    ------
    InputError
        If ``kind`` is no such class, cannot be imported, or could not be rebuilt from a file.

    Examples
    --------
    >>> import dataclasses
    >>> import bpnet
    >>> @bpnet.custom.register
    ... @dataclasses.dataclass(frozen=True)
    ... class Square(bpnet.activations.Elementwise):
    ...     def sigma(self, z, *, xp):
    ...         return z * z
    ...
    ...     def prime(self, z, a, *, xp):
    ...         return 2 * z
    >>> name = lookup.address(Square)
    >>> bpnet.Network([2, 3, 1], hidden=name)
    Network([2, 3, 1], Square, Identity)
    """
    lookup.register(_imported(kind) if isinstance(kind, str) else kind)
    return kind


def _imported(name: str) -> type:
    """Import the class that ``module:name`` names.

    Raises
    ------
    InputError
        If there is no such class.
    """
    module, _, path = name.partition(":")
    here = os.getcwd()
    sys.path.append(here)  # as the last folder: a file here must not shadow a library
    try:
        value = import_module(module)
        for part in path.split("."):
            value = getattr(value, part)
    except Exception as error:  # importing runs the user's code, which may raise anything
        msg = f"{name} can't be imported ({type(error).__name__}: {one_line(error)})"
        raise InputError(f"{msg}; give module:name of a class") from None
    finally:
        sys.path.remove(here)
    if not isinstance(value, type):
        msg = f"{name} is {value!r}; give module:name of a class"
        raise InputError(msg)
    return value

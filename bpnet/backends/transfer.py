"""Nested containers of arrays, moved between libraries and devices."""

from typing import Any

from bpnet.arguments import checked
from bpnet.backends import libraries, registry, trees
from bpnet.errors import InputError


@checked
def to_device(tree: Any, backend: Any, device: Any = None) -> Any:
    """Arrays of nested lists, tuples, named tuples and dicts, on a backend's device.

    Memory is shared where libraries can share it (DLPack), else copied over the host. Numbers,
    text and None are left alone. Where the device lacks a dtype its sibling is taken, as
    :meth:`Backend.asarray` says.

    Parameters
    ----------
    tree : nested containers of arrays of any library
        What to move.
    backend : str, Backend or module
        Where to, as :func:`bpnet.backends.get` takes it.
    device : str, int or a library's device, optional
        Device, unless the name says it.

    Returns
    -------
    object
        A tree of the same structure.

    Raises
    ------
    BackendUnavailable
        If the backend does not work here.
    InputError
        If a leaf is neither array nor number.

    Examples
    --------
    >>> import numpy as np
    >>> to_device({"W": np.ones(2), "epoch": 3}, "numpy")
    {'W': array([1., 1.]), 'epoch': 3}
    """
    target = registry.get(backend, device)
    return trees.map_leaves(lambda leaf: target.asarray(_array(leaf)), tree)


@checked
def to_numpy(tree: Any) -> Any:
    """Arrays of nested lists, tuples, named tuples and dicts as NumPy arrays of their own.

    Parameters
    ----------
    tree : nested containers of arrays of any library
        What to copy; bfloat16 comes back as float32.

    Returns
    -------
    object
        A tree of the same structure.

    Raises
    ------
    InputError
        If a leaf is neither array nor number.
    """
    return trees.map_leaves(lambda leaf: registry.of(leaf).to_numpy(leaf), tree)


def _array(leaf: Any) -> Any:
    # tables and the like convert themselves to NumPy
    if libraries.owner(leaf) is None and not hasattr(leaf, "__array__"):
        msg = f"{type(leaf).__name__} is neither an array nor a container of arrays"
        raise InputError(msg)
    return leaf

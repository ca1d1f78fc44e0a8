"""Nested lists, tuples, named tuples and dicts of arrays."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_SCALARS = (bool, int, float, complex, str, bytes, type(None), np.generic)


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Tree of the same structure with ``function`` of each leaf; scalars are left alone.

    Examples
    --------
    >>> map_leaves(np.sum, {"a": [np.ones(2), 3]})
    {'a': [np.float64(2.0), 3]}
    """
    if isinstance(tree, _SCALARS):
        return tree
    if isinstance(tree, dict):
        return {key: map_leaves(function, item) for key, item in tree.items()}
    if isinstance(tree, list):
        return [map_leaves(function, item) for item in tree]
    if isinstance(tree, tuple):
        items = [map_leaves(function, item) for item in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    return function(tree)


def leaves(tree: Any) -> Iterator[Any]:
    """Leaves of a tree in order, without its scalars."""
    if isinstance(tree, _SCALARS):
        return
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, (list, tuple)):
        for item in tree:
            yield from leaves(item)
    else:
        yield tree

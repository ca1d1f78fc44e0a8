"""Nested lists, tuples, named tuples and dicts of arrays."""

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Any

import numpy as np

# np.generic: a number of NumPy is a setting like a number of Python, and no array
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
        # a named tuple takes its items as arguments, a tuple as one list
        return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    return function(tree)


def unstack(tree: Any, split: Callable[[Any], Iterable[Any]]) -> Iterable[Any]:
    """Trees of the same structure, each with the next item of ``split(leaf)`` of every leaf.

    Every tree has the scalars; without any array the trees never end.

    Examples
    --------
    >>> list(unstack({"a": np.asarray([5, 6]), "b": (3,)}, lambda a: a.tolist()))
    [{'a': 5, 'b': (3,)}, {'a': 6, 'b': (3,)}]
    """
    if isinstance(tree, dict):
        return (dict(zip(tree, items, strict=True)) for items in _rows(tree.values(), split))
    if isinstance(tree, list):
        return map(list, _rows(tree, split))
    if isinstance(tree, tuple):
        return map(getattr(tree, "_make", tuple), _rows(tree, split))
    return repeat(tree) if isinstance(tree, _SCALARS) else split(tree)


def _rows(trees: Iterable[Any], split: Callable[[Any], Iterable[Any]]) -> Iterable[Any]:
    columns = [unstack(tree, split) for tree in trees]
    # scalars are repeated without an end
    return zip(*columns, strict=False) if columns else repeat(())


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


def scalars(tree: Any) -> bool:
    """Whether a tree has numbers or text among its leaves.

    Examples
    --------
    >>> scalars({"a": [np.ones(2), None]}), scalars((np.ones(2), 3))
    (False, True)
    """
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    if isinstance(tree, (list, tuple)):
        return any(map(scalars, tree))
    return tree is not None and isinstance(tree, _SCALARS)

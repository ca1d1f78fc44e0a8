"""NumPy's functions under the names of the standard, without the overhead of wrappers.

A step of a small network is some sixty calls of a microsecond each. Half of that time went into
array_api_compat's checks of arguments, and into the search of ``numpy.sum`` and its kind for
subclasses. The functions of this module do the same work by a shorter way; the others are NumPy's.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from bpnet._typing import Array

# attributes of the module: a look-up through __getattr__ would cost time in every call
globals().update({name: getattr(np, name) for name in np.__all__ if not name.startswith("_")})

_SHORT = 32
_FEW = 64
"""Row lengths below which, and rows up to which, the other algorithm is faster, as measured."""

_sum: Any = np.add.reduce
_max: Any = np.maximum.reduce


def __getattr__(name: str) -> Any:
    return getattr(np, name)  # linalg and other modules, which numpy imports on use


def sum(x: Array, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:  # noqa: A001
    """Sum over axes; of matrices, and for counts, as a product with ones, three times faster."""
    if not sum_by_product(x, axis, dtype, keepdims=keepdims):
        return _sum(x, axis, dtype, None, keepdims)
    ones = _ones(x.shape[axis], x.dtype)
    if axis == -2:
        total = np.dot(ones, x)
        return total[None] if keepdims else total
    total = x.dot(ones)
    return total[:, None] if keepdims else total


def sum_by_product(x: Any, axis: Any, dtype: Any, *, keepdims: bool) -> bool:
    """Whether a sum is a product with ones; ``x`` is an array, or has its shape and dtype."""
    kind, n = x.dtype, len(x.shape)
    if axis not in (-1, -2) or not (dtype is None or dtype == kind):
        return False
    vector = n == 1 and kind.char == "i" and axis == -1 and not keepdims
    return vector or (n == 2 and kind.char in "fd")


def max(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001
    """Maximum over axes; over short rows by columns, which is up to seven times faster."""
    if max_by_columns(x, axis):
        # the maximum of whole columns, in contiguous memory, runs in vector instructions
        top = _max(x.T.copy(), 0)
        return top[:, None] if keepdims else top
    return _max(x, axis, None, None, keepdims)


def max_by_columns(x: Any, axis: Any) -> bool:
    """Whether a maximum is taken of a transpose; ``x`` is an array, or has its shape."""
    return axis == -1 and len(x.shape) == 2 and x.shape[1] < _SHORT and x.shape[1] <= x.shape[0]


@lru_cache(maxsize=64)
def _ones(n: int, dtype: Any) -> Any:
    ones = np.ones(n, dtype)
    # all sums of this length share the array
    ones.flags.writeable = False
    return ones


def argmax(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """Position of the first maximum."""
    return x.argmax(axis, keepdims=True) if keepdims else x.argmax(axis)


def astype(x: Array, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """Array in another dtype."""
    return x.astype(dtype) if copy else x.astype(dtype, copy=False)


def take(x: Array, indices: Array, /, *, axis: int | None = None) -> Any:
    """Elements along an axis."""
    return x.take(indices, axis)


def zeros_like(x: Array, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Zeros of the shape of an array."""
    return np.zeros(x.shape, x.dtype if dtype is None else dtype)


def ones_like(x: Array, /, *, dtype: Any = None, device: Any = None) -> Any:
    """Ones of the shape of an array."""
    return np.ones(x.shape, x.dtype if dtype is None else dtype)


def matrix_transpose(x: Array, /) -> Any:
    """Array with its last two axes swapped."""
    return x.mT


def matmul(x: Array, y: Array, /) -> Any:
    """Matrix product; of a few rows with a transpose, the other way round.

    With 10 to 64 rows OpenBLAS needs half as long again when only the second factor is a transpose,
    unless its rows are short. ``dot`` begins a microsecond earlier than ``numpy.matmul``.
    """
    if x.ndim != 2 or y.ndim != 2:
        return np.matmul(x, y)
    flags = y.flags
    if is_other_way_round(x.shape, "F" if flags.f_contiguous and not flags.c_contiguous else ""):
        return y.T.dot(x.T).T.copy()
    return x.dot(y)


def is_other_way_round(shape: tuple[int, ...], order: str) -> bool:
    """Whether a product is made of the transposes; ``order`` is that of the second factor."""
    return shape[0] <= _FEW <= shape[1] and order == "F"


def stack(arrays: Any, /, *, axis: int = 0) -> Any:
    """Arrays beside each other on a new axis; numbers as an array, twenty times faster."""
    arrays = list(arrays)
    return np.array(arrays) if axis == 0 and arrays[0].ndim == 0 else np.stack(arrays, axis)


def reshape(x: Array, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Any:
    """Array of another shape."""
    return x.copy().reshape(shape) if copy else x.reshape(shape)

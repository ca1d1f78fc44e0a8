"""Search for numbers that are not finite, or too large for the dtype of a run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.errors import InputError

_CHUNK = 1 << 22  # numbers looked at together, so that no mask as large as the data is needed
_LARGEST = {"float64": 1.7976931348623157e308, "float32": 3.4028234663852886e38}
_LARGEST |= {"float16": 65504.0, "bfloat16": 3.3895313892515355e38}


def first_bad(a: npt.NDArray[Any], dtype: str | None = None) -> tuple[int, ...] | None:
    """Index of the first number that is nan, inf or beyond a dtype; None where there is none.

    The dtype is what the numbers will be cast to, by default their own.

    Examples
    --------
    >>> first_bad(np.array([[1.0, 2.0], [1e39, np.nan]]))
    (1, 1)
    >>> first_bad(np.array([[1.0, 2.0], [1e39, np.nan]]), "float32")
    (1, 0)
    """
    if a.dtype.kind != "f" or not a.size:
        return None
    most = _LARGEST.get(dtype or "", np.inf)
    narrower = most < float(np.finfo(a.dtype).max)
    with np.errstate(all="ignore"):  # a sum that is finite has finite terms
        if not narrower and np.isfinite(a.sum()):
            return None
    step = max(1, _CHUNK // max(1, a[0].size))
    for start in range(0, len(a), step):
        block = a[start : start + step]
        fine = np.abs(block) <= most if narrower else np.isfinite(block)
        if not fine.all():
            row, *rest = (int(i) for i in np.argwhere(~fine)[0])
            return (start + row, *rest)
    return None


def refuse(
    a: npt.NDArray[Any], name: str, dtype: str | None = None, columns: Sequence[Any] | None = None,
    rows: npt.NDArray[Any] | None = None,
) -> None:  # fmt: skip
    """Refuse what :func:`first_bad` finds; its row is its number in ``rows``, or in ``a``."""
    at = first_bad(a, dtype)
    if at is not None:
        place = at if rows is None else (int(rows[at[0]]), *at[1:])
        raise InputError(message(a[at], name, place, dtype, columns))


def message(
    value: Any, name: str, at: tuple[int, ...], dtype: str | None = None,
    columns: Sequence[Any] | None = None,
) -> str:  # fmt: skip
    """Message that names a value and where it is, counted from 0."""
    row, *rest = at
    where = f"row {row}"
    if len(rest) == 1:
        where += f", column {columns[rest[0]]!r}" if columns else f", column {rest[0]}"
    elif rest:
        where += f", column {rest}"
    if isinstance(value, float | np.floating) and np.isfinite(value):
        return f"{name} has {value:g} in {where}, too large for {dtype}; scale it, or use float64"
    return f"{name} has {value} in {where}; give finite numbers"


def refuse_objects(a: npt.NDArray[Any], name: str, columns: Sequence[Any] | None = None) -> None:
    """Refuse an array of objects, and name the first that is no number."""
    for at in np.ndindex(a.shape):
        if not isinstance(a[at], int | float | np.number):
            raise InputError(message(a[at], name, at, None, columns))

"""A few targets that say what checks ask of all of them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from bpnet.data.targets import are_few

if TYPE_CHECKING:
    from bpnet.data.host_rows import HostRows

Host = np.ndarray[Any, Any]

_PIECE = 1 << 20
"""Numbers in a piece."""

MOST = 1 << 16
"""Labels that are kept; a network has fewer outputs."""


def gather(y: "HostRows") -> tuple[Host, Host]:
    """Targets that stand for all, and their numbers; all are read once, piece by piece.

    Parameters
    ----------
    y : HostRows, (m,) or (m, k)
        Labels, or rows of finite numbers.

    Returns
    -------
    values : array
        Each label, and each of a few different whole numbers, sorted; or, of other real numbers and
        of rows, the first, those with the least and the largest value, and the first ones that are
        no 0s and 1s, whose sum is farthest from 1, and that differ from the first.
    numbers : array of int
        Where the rows are; of labels 0.
    """
    is_label = y.ndim == 1 and (y.dtype.kind != "f" or y.labels)
    found = _labels(y) if is_label else few(y)
    if found is not None:
        return found, np.zeros(len(found), np.int64)
    values, numbers = np.empty((0, *y.shape[1:]), y.dtype), np.arange(0)
    for rows in y.pieces(_PIECE):
        values = np.concatenate([values, y.take(rows)])
        numbers = np.concatenate([numbers, rows])
        kept = _edges(values)
        values, numbers = values[kept], numbers[kept]
    return values, numbers


def few(y: "HostRows") -> Host | None:
    """All different numbers, where these are so few whole ones that they may be classes."""
    found = y.take(np.arange(0))
    if y.width > 1 or y.dtype.kind not in "iuf":
        return None
    for rows in y.pieces(_PIECE):
        found = np.union1d(found, y.take(rows))
        if not are_few(found):
            return None
    return found.reshape(-1, *y.shape[1:])


def _labels(y: "HostRows") -> Host:
    found = np.unique(y.take(np.arange(1)))
    for rows in y.pieces(_PIECE):
        found = np.union1d(found, np.unique(y.take(rows)))
        if len(found) > MOST:
            found = np.concatenate([found[: MOST // 2], found[-(MOST // 2) :]])
    return found


def _edges(values: Host) -> Host:
    rows = values.reshape(len(values), -1)
    if rows.dtype.kind not in "biuf":
        return np.arange(min(len(rows), 1))
    binary = ((rows == 0) | (rows == 1)).all(axis=1)
    apart = np.abs(rows.sum(axis=1, dtype=np.float64) - 1)
    found = {
        *(0, int(rows.min(axis=1).argmin()), int(rows.max(axis=1).argmax())),
        *(int(np.argmin(binary)), int(apart.argmax())),
        int((rows != rows[:1]).any(axis=1).argmax()),
    }
    return np.array(sorted(found))

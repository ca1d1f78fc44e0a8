"""Hold-out rows: seeded, the same on every platform and for every version of NumPy."""

from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.arguments import checked
from bpnet.data import batches
from bpnet.data.draws import generator
from bpnet.errors import InputError


@checked
def split(
    y: npt.ArrayLike, fraction: float, seed: int, stratify: bool
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Divide row numbers into those kept and those held out.

    Parameters
    ----------
    y : array_like, shape (m,) or (m, k)
        Targets. With `stratify`, labels or one-hot rows are divided class by class; rows
        that are not one-hot have no classes to balance and are divided as they come.
    fraction : float
        The share to hold out, strictly between 0 and 1.
    seed : int
        Key of the draw, from 0 to 2**64 - 1.
    stratify : bool
        Hold out the same share of each class, to less than one row. A class of two or more
        has at least one row on either side, so that many tiny classes hold out more than
        was asked for; a class of one is kept.

    Returns
    -------
    kept, held : ndarray of intp
        Sorted row numbers, of which neither is empty.

    Raises
    ------
    InputError
        If the fraction or the seed is out of range, or there is nothing to hold out.

    Examples
    --------
    >>> kept, held = split(["a", "a", "a", "a", "b", "b"], 0.5, seed=0, stratify=True)
    >>> len(kept), len(held), 4 in held or 5 in held
    (3, 3, True)
    """
    if not 0 < fraction < 1:  # nan too
        message = f"validation fraction {fraction!r}: give a number between 0 and 1"
        raise InputError(message)
    labels = _labels(y)
    rows = len(labels)
    if rows < 2:
        message = f"can't hold out rows of {rows}: give two or more"
        raise InputError(message)
    # raw bits, whose stream NumPy promises to keep; that of permutations it does not
    keys = generator(seed, "split").bit_generator.random_raw(rows)
    strata = strata_of(labels) if stratify else np.zeros(rows, np.uint8)
    counts = np.bincount(strata)
    quotas = _quotas(counts, fraction, round(rows * fraction))
    if not quotas.any():
        message = "can't hold out rows: each class has only one; give more, or no validation"
        raise InputError(message)
    order = np.lexsort((keys, strata))  # class after class, in random order within each
    del keys, strata
    is_held = np.zeros(rows, np.bool_)
    for first, quota in zip(np.cumsum(counts) - counts, quotas, strict=True):
        is_held[order[first : first + quota]] = True
    del order
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


@checked
def folds(
    y: npt.ArrayLike, count: int, seed: int, stratify: bool
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Divide row numbers into parts, each of which is held out once.

    Parameters
    ----------
    y : array_like, shape (m,) or (m, k)
        Targets, as in :func:`split`.
    count : int
        How many parts, from 2 to m. Their sizes differ by one row at most.
    seed : int
        Key of the draw, from 0 to 2**64 - 1.
    stratify : bool
        Spread each class over the parts, evenly to within one row.

    Returns
    -------
    list of (kept, held)
        Sorted row numbers of each.

    Raises
    ------
    InputError
        If there are fewer rows than parts, or the count is no whole number of at least 2.

    Examples
    --------
    >>> [(len(kept), len(held)) for kept, held in folds(list("aaaabb"), 3, 0, stratify=True)]
    [(4, 2), (4, 2), (4, 2)]
    """
    labels = _labels(y)
    rows = len(labels)
    if not 2 <= count <= rows:
        message = f"folds is {count!r}: give a whole number from 2 to the {rows} rows"
        raise InputError(message)
    keys = generator(seed, "split").bit_generator.random_raw(rows)
    strata = strata_of(labels) if stratify else np.zeros(rows, np.intp)
    part = np.empty(rows, np.intp)
    part[np.lexsort((keys, strata))] = np.arange(rows) % count
    return [(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in range(count)]


def _labels(y: Any) -> Any:
    """Targets as an array, or as they are where they are not in memory."""
    labels = batches.as_array(y, "y")
    if not labels.shape:
        message = f"y is a {type(y).__name__}: give one target a row"
        raise InputError(message)
    return labels


def strata_of(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Number of each row's class, 0 where there are none."""
    if labels.ndim == 2:
        is_one_hot = ((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()
        if not is_one_hot:
            return np.zeros(len(labels), np.uint8)
        labels = labels.argmax(axis=1)
    _, strata = np.unique(labels, return_inverse=True)
    return strata


def _quotas(counts: npt.NDArray[np.intp], fraction: float, total: int) -> npt.NDArray[np.intp]:
    """Share `total` among classes in proportion to their sizes, by largest remainder."""
    ideal = counts * fraction
    highest = np.maximum(counts - 1, 0)
    quotas = np.clip(np.floor(ideal).astype(np.intp), np.minimum(highest, 1), highest)
    remainder = np.where(quotas < highest, ideal - quotas, 0)
    short = max(total - int(quotas.sum()), 0)
    first = np.argsort(-remainder, kind="stable")[:short]
    quotas[first] += remainder[first] > 0
    return np.asarray(quotas, np.intp)


def drawn(y: npt.NDArray[Any], share: float, seed: int, stratify: bool) -> npt.NDArray[np.bool_]:
    """Which rows make up a share: evenly spaced ones, after sorting by class and random key."""
    rows = len(y)
    keys = generator(seed, "split", 1).bit_generator.random_raw(rows)
    order = np.lexsort((keys, strata_of(y) if stratify else np.zeros(rows, np.uint8)))
    count = min(max(round(rows * share), 1), rows - 1)
    is_drawn = np.zeros(rows, np.bool_)
    is_drawn[order[((np.arange(count) + 0.5) * (rows / count)).astype(np.intp)]] = True
    return is_drawn

"""Hold-out rows: seeded, the same on every platform and for every version of NumPy."""

from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.arguments import checked
from bpnet.data import batches
from bpnet.data.draws import generator
from bpnet.errors import InputError

Host = npt.NDArray[Any]
Divided = tuple[dict[str, Host], tuple[str, ...]]

VERSION = 2
"""Version of the draw of held-out rows.

Version 1, of runs that name none, divides the rows that are held out into validation and test.
"""


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
        raise InputError(f"validation fraction {fraction!r}: give a number between 0 and 1")
    labels = _labels(y)
    is_held = _held_out(_strata(labels, stratify=stratify), fraction, seed)[0]
    return np.flatnonzero(~is_held), np.flatnonzero(is_held)


def _held_out(strata: Host, fraction: float, seed: int) -> tuple[Host, Host]:
    """Mask of the rows that are held out, and all rows by class, in random order within each."""
    rows = len(strata)
    if rows < 2:
        raise InputError(f"can't hold out rows of {rows}: give two or more")
    # raw bits, whose stream NumPy promises to keep; that of permutations it does not
    keys = generator(seed, "split").bit_generator.random_raw(rows)
    counts = np.bincount(strata)
    quotas = _quotas(counts, fraction, round(rows * fraction))
    if not quotas.any():
        message = "can't hold out rows: each class has only one; give more, or no validation"
        raise InputError(message)
    order = np.lexsort((keys, strata))  # class after class
    is_held = np.zeros(rows, np.bool_)
    for first, quota in zip(np.cumsum(counts) - counts, quotas, strict=True):
        is_held[order[first : first + quota]] = True
    return is_held, order


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
        raise InputError(f"folds is {count!r}: give a whole number from 2 to the {rows} rows")
    keys = generator(seed, "split").bit_generator.random_raw(rows)
    strata = _strata(labels, stratify=stratify)
    part = np.empty(rows, np.intp)
    # Rows in the order of their classes are dealt out in turn, so each class spreads evenly.
    part[np.lexsort((keys, strata))] = np.arange(rows) % count
    return [(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in range(count)]


def _labels(y: Any) -> Any:
    """Targets as an array, or as they are where they are not in memory."""
    labels = batches.as_array(y, "y")
    if not labels.shape:
        raise InputError(f"y is a {type(y).__name__}: give one target a row")
    return labels


def _strata(labels: Host, *, stratify: bool) -> Host:
    """Number of each row's class, 0 where there are none or classes do not matter."""
    if labels.ndim == 2 and stratify:
        stratify = ((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()
        labels = labels.argmax(axis=1)
    if not stratify:
        return np.zeros(len(labels), np.uint8)
    return np.unique(labels, return_inverse=True)[1]


def _quotas(counts: npt.NDArray[np.intp], fraction: float, total: int) -> npt.NDArray[np.intp]:
    """Share `total` among classes in proportion to their sizes, by largest remainder."""
    ideal = counts * fraction
    highest = np.maximum(counts - 1, 0)
    # A class of two or more has a row on either side; a class of one is kept.
    quotas = np.clip(np.floor(ideal).astype(np.intp), np.minimum(highest, 1), highest)
    remainder = np.where(quotas < highest, ideal - quotas, 0)
    short = max(total - int(quotas.sum()), 0)
    # Stable, so that equal remainders give the same rows with every version of NumPy.
    first = np.argsort(-remainder, kind="stable")[:short]
    quotas[first] += remainder[first] > 0
    return np.asarray(quotas, np.intp)


def divide(
    y: Host, shares: tuple[float, float], seed: int, *, stratify: bool, version: int
) -> Divided:
    """Numbers of the rows of each part, and notes on a part that has none.

    The parts are "" for the training rows, "validation" and "test"; ``shares`` are those of the
    last two. The test rows are drawn first, so that they are the same for any share of validation.
    """
    validation, test = shares
    every = np.arange(len(y))
    if not validation + test:
        return {"": every}, ()
    strata = _strata(y, stratify=stratify)
    if stratify and y.ndim == 1 and strata.max() + 1 == len(y):
        return {"": every}, ("no rows are held out: each class has only one",)
    fraction = validation + test if version == 1 else test or validation
    is_held, order = _held_out(strata, fraction, seed)
    parts = {"": every[~is_held], "test" if test else "validation": every[is_held]}
    if not (validation and test):
        return parts, ()
    if version == 1:  # kept as it was, since earlier runs draw their rows again
        rows = every[is_held]
        keys = generator(seed, "split", 1).bit_generator.random_raw(len(rows))
        order = rows[np.lexsort((keys, strata[rows]))]
        count = min(max(round(len(rows) * (test / fraction)), 1), len(rows) - 1)
        parts["test"] = _spaced(order, count)
        is_held[parts["test"]] = False
        return {**parts, "validation": every[is_held]}, ()
    order = order[~is_held[order]]
    candidates = order[np.diff(strata[order], prepend=-1) == 0]  # training keeps one of each class
    if not len(candidates):
        note = "no rows are held out for validation: the test part leaves one of each class"
        return parts, (note,)
    # The share is one of all rows, and `order` has those that the test rows leave.
    count = max(round(len(order) * validation / (1 - test)), 1)
    parts["validation"] = _spaced(candidates, min(count, len(candidates)))
    is_held[parts["validation"]] = True
    return {**parts, "": every[~is_held]}, ()


def _spaced(order: Host, count: int) -> Host:
    """Choose evenly spaced rows from rows in the order of class and random key; return them sorted.

    Even spacing takes nearly the same share of each class.
    """
    return np.sort(order[((np.arange(count) + 0.5) * (len(order) / count)).astype(np.intp)])

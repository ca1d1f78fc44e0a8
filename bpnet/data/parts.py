"""Rows for validation and rows for the test: held out together, and divided class by class."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bpnet.data.dataset import Dataset
from bpnet.data.draws import generator
from bpnet.data.encoded import Encoded
from bpnet.data.splits import strata_of
from bpnet.errors import InputError

_USUAL = 0.1
"""Share of the rows that a test gets where nobody says more."""


def share_of(validation: float, test: float | None, has_test: bool, where: str) -> float:
    """Share of the rows that becomes the test part; 0 where the data has one of its own.

    Parameters
    ----------
    validation, test : float
        The shares to hold out; a test of None is a tenth.
    has_test : bool
        Whether the data has a test part of its own.
    where : str
        The source, for messages.

    Raises
    ------
    InputError
        If a share is out of range, or a test is to be drawn from data that has one.
    """
    share = _USUAL if test is None else test
    if not 0 <= share < 1 or not validation + share < 1:  # nan too
        message = f"validation {validation!r} and test {test!r}: give shares whose sum is below 1"
        raise InputError(message)
    if has_test and test:
        message = f"{where} has a test part of its own: leave test {test} out"
        raise InputError(message)
    return 0.0 if has_test else share


def divided(data: Dataset, validation: float, test: float | None, seed: int) -> Dataset:
    """Divide the rows that were held out into a validation part and a test part.

    Parameters
    ----------
    data : Dataset
        Its validation part is all that was held out.
    validation, test : float
        Shares of all rows, as in :func:`share_of`.
    seed : int
        Key of the draw.

    Returns
    -------
    Dataset
        Without a test part if none was wanted, or, for a test of None, if a single row was held
        out, of which ``notes`` tell.

    Raises
    ------
    InputError
        If a single row was held out for both.
    """
    share = share_of(validation, test, False, "")
    if data.validation is None or data.test is not None or not share:
        return data
    if not validation:
        places = {"test": data.places["validation"]} if data.places else {}
        return replace(data, validation=None, test=data.validation, test_share=share, places=places)
    x, y = data.validation
    if len(y) < 2:
        if test is None:
            told = "one row is held out: it is the validation part, and there is no test part"
            return replace(data, notes=(*data.notes, told))
        message = "one row is held out, too few for validation and test: give more, or no test"
        raise InputError(message)
    is_test = _drawn(y, share / (validation + share), seed, data.task == "classify")
    kept, tested = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    index: Any = x.index if isinstance(x, Encoded) else None
    pairs = [
        (x[rows] if index is None else x.part(index[rows]), y[rows]) for rows in (kept, tested)
    ]
    where: Any = data.places.get("validation")
    places = {} if where is None else {"validation": where[kept], "test": where[tested]}
    return replace(data, validation=pairs[0], test=pairs[1], test_share=share, places=places)


def _drawn(y: Any, share: float, seed: int, stratify: bool) -> npt.NDArray[np.bool_]:
    """Which rows make up a share: evenly spaced ones, after sorting by class and random key."""
    rows = len(y)
    keys = generator(seed, "split", 1).bit_generator.random_raw(rows)
    order = np.lexsort((keys, strata_of(y) if stratify else np.zeros(rows, np.uint8)))
    count = min(max(round(rows * share), 1), rows - 1)
    is_drawn = np.zeros(rows, np.bool_)
    is_drawn[order[((np.arange(count) + 0.5) * (rows / count)).astype(np.intp)]] = True
    return is_drawn

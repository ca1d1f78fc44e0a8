"""``load`` as Python calls it: what was done to the data is told, as the command line tells it."""

import functools
import logging
from typing import Any

from bpnet.data import sources, told
from bpnet.data.dataset import Dataset

_log = logging.getLogger("bpnet")


@functools.wraps(sources.load)
def _load(*args: Any, **options: Any) -> Dataset:
    """Read a data set, and warn of each of its notes."""
    data = sources.load(*args, **options)
    columns = data.columns if data.taken else None  # else the notes have these lines
    replaced = () if columns is None else told.replaced(columns, data.tally)
    for note in (*data.notes, *replaced):
        _log.warning("%s", note)
    return data


load = _load

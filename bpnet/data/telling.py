"""``load`` as Python calls it: what was done to the data is told, as the command line tells it."""

import functools
import logging
from typing import Any

from bpnet.data import sources
from bpnet.data.dataset import Dataset

_log = logging.getLogger("bpnet")


@functools.wraps(sources.load)
def _load(*args: Any, **options: Any) -> Dataset:
    """Read a data set, and warn of each of its notes."""
    data = sources.load(*args, **options)
    for note in data.notes:
        _log.warning("%s", note)
    return data


load = _load

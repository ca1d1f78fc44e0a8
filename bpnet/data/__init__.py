"""Data: the built-in sets, files of five kinds, hold-out rows.

Everything here is NumPy on the host; arrays go to a backend once, when training starts.
"""

from bpnet.data import loading
from bpnet.data.columns import Columns
from bpnet.data.dataset import Dataset
from bpnet.data.splits import folds, split
from bpnet.data.standard import Entry, catalog, fetch
from bpnet.public import listing

load, stream = map(loading.aloud, (loading.load, loading.stream))

__all__ = [
    "Columns",
    "Dataset",
    "Entry",
    "catalog",
    "fetch",
    "folds",
    "load",
    "split",
    "stream",
]

__dir__ = listing(__all__)

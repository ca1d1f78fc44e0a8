"""The measured networks, batch sizes and data."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from bpnet.arguments import finite_number
from bpnet.backends import dtypes
from bpnet.core import optimizers
from bpnet.data import Dataset, draws, load
from bpnet.errors import InputError
from bpnet.runs.data import network_for

_STEPS = 50
_DAY = 86_400
"""Most seconds of a cell."""

_ROWS = 16_384
"""Generated data has 50 batches, and at most 16,384 examples where that is one batch or more."""


@dataclass(frozen=True)
class Cell:
    """One network, by its hidden layers, with one batch size and optimizer."""

    hidden: tuple[int, ...]
    batch_size: int  # examples in a step; 0 is the whole set
    optimizer: str = "sgd"
    dtype: str = "float32"


@dataclass(frozen=True)
class Job:
    """Cells on one data set.

    Parameters
    ----------
    cells : tuple of Cell
        The cells, in the order of measurement.
    source : str or None
        Data as :func:`bpnet.data.load` takes it; None generates pixels of 10 classes.
    target : str or None
        Column to predict.
    inputs : int
        Values of a generated example.
    rows : int or None
        Examples to use at most.
    seconds : float
        Seconds for each cell, after a first epoch that warms up and compiles.
    """

    cells: tuple[Cell, ...]
    source: str | None = None
    target: str | None = None
    inputs: int = 784
    rows: int | None = None
    seconds: float = 3.0


def check(job: Job) -> None:
    """Raise an InputError for a job that no backend can do."""
    seconds = finite_number(job.seconds)
    if seconds is None or not 0 < seconds <= _DAY:
        msg = f"seconds is {job.seconds!r}; give a positive number up to {_DAY}, a day"
        raise InputError(msg)
    if job.rows is not None and job.rows < 1:
        msg = f"rows is {job.rows!r}; give a whole number of at least 1"
        raise InputError(msg)
    for cell in job.cells:
        if cell.batch_size < 0:
            msg = f"batch size is {cell.batch_size}; give a whole number, 0 for the whole set"
            raise InputError(msg)
        dtypes.check_float(cell.dtype)
        optimizers.get(cell.optimizer)
        # an error in data or layers must come before any process starts
        network_for(data_of(job, cell), list(cell.hidden), output=None)


def data_of(job: Job, cell: Cell) -> Dataset:
    """Data of a cell."""
    if job.source is None:
        rows = min(max(cell.batch_size, 1) * _STEPS, max(_ROWS, cell.batch_size))
        return _generated(min(rows, job.rows or rows), job.inputs)
    data = _loaded(job.source, job.target)
    x, y = data.x[: job.rows], np.asarray(data.y)[: job.rows]
    return Dataset(x, y, scale=data.scale, task=data.task)


@lru_cache(maxsize=1)
def _loaded(source: str, target: str | None) -> Dataset:
    return load(source, target=target)


@lru_cache(maxsize=8)
def _generated(rows: int, inputs: int) -> Dataset:
    # random pixels will do: the time of a step does not depend on what they show
    random = draws.generator(0, "check")
    pixels = random.integers(0, 256, (rows, inputs), dtype=np.uint8)
    # stored as bytes, as pictures are, so that scaling is part of the time
    return Dataset(pixels, np.arange(rows) % 10, scale=1 / 255)


def grid(
    widths: Sequence[int] = (16, 64, 256, 1024), batches: Sequence[int] = (10, 128, 1024)
) -> tuple[Cell, ...]:
    """Cells for break-even curves: one hidden layer, every width with every batch size."""
    return tuple(Cell((width,), k) for k in batches for width in widths)


def network_of(job: Job, cell: Cell) -> Any:
    """Network of a cell before training."""
    return network_for(data_of(job, cell), list(cell.hidden), output=None, hidden="relu", seed=0)

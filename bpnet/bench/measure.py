"""Seconds of an epoch on a backend, in this process."""

import statistics
import time
from dataclasses import dataclass
from typing import Any

from bpnet.backends import Backend
from bpnet.bench.cells import Cell, Job, data_of, network_of
from bpnet.training import Callback, History, Run, train

_LEAST = 2
"""Least number of epochs that are counted."""


@dataclass(frozen=True)
class Timing:
    """The time of a backend for a cell."""

    backend: str  # name and device
    cell: Cell
    samples: int = 0  # examples in an epoch
    epoch: float | None = None  # median seconds of an epoch, synchronized; None if it failed
    spread: float = 0.0  # half the distance of the quartiles over the median
    first: float = 0.0  # seconds of the first epoch, which warms up and is not counted
    epochs: int = 0  # number of epochs that were counted
    error: str | None = None

    @property
    def rate(self) -> float:
        """Samples a second, 0 if it failed."""
        return self.samples / self.epoch if self.epoch else 0.0

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Timing":
        """The reverse of ``dataclasses.asdict``."""
        cell = Cell(**{**data["cell"], "hidden": tuple(data["cell"]["hidden"])})
        return cls(**{**data, "cell": cell})


@dataclass(eq=False)
class _Clock(Callback):
    """Callback that ends a run when its time is up."""

    seconds: float
    end: float | None = None

    def on_epoch_end(self, run: Run) -> None:
        # the first epoch compiles and warms up, and is not part of the time
        if self.end is None:
            self.end = time.perf_counter() + self.seconds
        elif time.perf_counter() > self.end and run.epoch >= _LEAST:
            run.stop("time is up")


def measure(backend: Backend, job: Job, cell: Cell) -> Timing:
    """Train for a while and take the median epoch."""
    data = data_of(job, cell)
    clock = _Clock(job.seconds)
    # more epochs than any time allows: the clock ends the run
    first, *counted = trained(job, cell, data, 100_000, backend, callbacks=[clock])["seconds"]
    low, middle, high = statistics.quantiles(counted, n=4)
    spread = (high - low) / 2 / middle
    return Timing(backend.spec, cell, len(data.x), middle, spread, first, len(counted))


def trained(job: Job, cell: Cell, data: Any, epochs: int, backend: Any, **options: Any) -> History:
    """Train the network of a cell on its data."""
    history: History = train(
        network_of(job, cell), data, optimizer=cell.optimizer, epochs=epochs,
        batch_size=cell.batch_size or None, dtype=cell.dtype, backend=backend, **options,
    )  # fmt: skip
    return history

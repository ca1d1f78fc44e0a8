"""Seconds of an epoch on a backend, in this process."""

import statistics
import time
from dataclasses import dataclass
from typing import Any

from bpnet.backends import Backend
from bpnet.bench.cells import Cell, Job, data_of, network_of
from bpnet.training import Callback, Run, train

_LEAST = 2
"""Epochs that are counted at least."""


@dataclass(frozen=True)
class Timing:
    """What a backend needed for a cell.

    Parameters
    ----------
    backend : str
        Name and device.
    cell : Cell
        What was trained.
    samples : int
        Examples in an epoch.
    epoch : float or None
        Seconds of an epoch, the median, synchronized; None if it failed.
    spread : float
        Half the distance of the quartiles over the median.
    first : float
        Seconds of the first epoch, which warms up and compiles and is not counted.
    epochs : int
        Epochs that were counted.
    error : str or None
        Why it failed.
    """

    backend: str
    cell: Cell
    samples: int = 0
    epoch: float | None = None
    spread: float = 0.0
    first: float = 0.0
    epochs: int = 0
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
    """Ends a run when its time is up."""

    seconds: float
    end: float | None = None

    def on_epoch_end(self, run: Run) -> None:
        if self.end is None:
            self.end = time.perf_counter() + self.seconds
        elif time.perf_counter() > self.end and run.epoch >= _LEAST:
            run.stop("time is up")


def measure(backend: Backend, job: Job, cell: Cell) -> Timing:
    """Train for a while and take the median epoch."""
    data = data_of(job, cell)
    history = train(
        network_of(job, cell),
        data,
        optimizer=cell.optimizer,
        epochs=100_000,
        batch_size=cell.batch_size or None,
        dtype=cell.dtype,
        backend=backend,
        callbacks=[_Clock(job.seconds)],
    )
    first, *counted = history["seconds"]
    low, middle, high = statistics.quantiles(counted, n=4)
    return Timing(
        backend=backend.spec,
        cell=cell,
        samples=len(data.x),
        epoch=middle,
        spread=(high - low) / 2 / middle,
        first=first,
        epochs=len(counted),
    )

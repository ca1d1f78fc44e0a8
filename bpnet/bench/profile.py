"""The parts of an epoch: products, elementwise work, gathering, and the rest, Python."""

import statistics
import time
from dataclasses import dataclass
from typing import Any

from bpnet.backends import Backend
from bpnet.backends.trace.recorder import INSPECTION
from bpnet.bench.cells import Cell, Job, data_of, network_of
from bpnet.bench.measure import trained
from bpnet.check.watch import Watch
from bpnet.errors import InputError

_EPOCHS = 4


@dataclass(frozen=True)
class Share:
    """A part of an epoch: its name, seconds and calls."""

    name: str
    seconds: float
    calls: int


class _Stopwatch(Watch):
    """A :class:`Watch` that adds up the seconds of each kind of call."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.spent: dict[str, list[float]] = {}

    def call(self, kind: str, name: str, function: Any, arguments: Any, keywords: Any) -> Any:
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            # a device returns before it has computed
            self.backend.synchronize()
            self.spent.setdefault(_part(name), []).append(time.perf_counter() - start)
            return result

        return super().call(kind, name, timed, arguments, keywords)


def _part(name: str) -> str:
    if "matmul" in name:
        return "matrix products"
    if name == "take":
        return "gather"
    return "inspection" if name in INSPECTION else "elementwise and sums"


def profile(backend: Backend, job: Job, cell: Cell) -> list[Share]:
    """Parts of an epoch, the longest first; ``Python`` is the time outside all calls.

    An InputError says that a backend compiles its loop, and has no calls to time.
    """
    if backend.compiles:
        msg = f"{backend.spec} compiles its loop, which has no calls to time; profile numpy"
        raise InputError(msg)
    # without the stopwatch, whose own time is not the library's
    whole = statistics.median(_seconds(backend, backend, job, cell))
    watch = _Stopwatch(backend)
    with backend.session(cell.dtype):
        _seconds(backend, watch.as_backend(), job, cell)
    parts = [
        Share(name, sum(spent) / _EPOCHS, round(len(spent) / _EPOCHS))
        for name, spent in watch.spent.items()
    ]
    rest = whole - sum(part.seconds for part in parts)
    # calls that wait for the device one by one may take longer than the whole
    parts.append(Share("Python", max(rest, 0.0), 0))
    return sorted(parts, key=lambda part: -part.seconds)


def _seconds(backend: Backend, on: Any, job: Job, cell: Cell) -> list[float]:
    """Seconds of the epochs, with the threads that the backend would choose."""
    largest = max(W.size for W, _ in network_of(job, cell).parameters)
    with backend.threads(None, max(cell.batch_size, 1) * largest):
        seconds: list[float] = trained(job, cell, data_of(job, cell), _EPOCHS, on)["seconds"]
    return seconds

"""Each rival in a process of its own: two array libraries in one fight over the processor."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path

from benchmarks.peers import jobs
from benchmarks.peers.rivals import RIVALS, Ready

_PROCESS = Path("/proc/self")


@lru_cache(maxsize=1)
def _ready(name: str, job: jobs.Job) -> Ready:
    if (_PROCESS / "clear_refs").exists():
        (_PROCESS / "clear_refs").write_text("5")  # the peak of memory begins anew
    return RIVALS[name][1](job, jobs.data_of(job))


def _epoch(name: str, job: jobs.Job) -> float:
    return _ready(name, job).epoch() / job.share


def _score(name: str, job: jobs.Job) -> float | None:
    score = _ready(name, job).score
    return score() if score else None


def _peak() -> float | None:
    """Peak of memory since the job began, in MB; None where the system does not say."""
    if not (_PROCESS / "status").exists():
        return None
    lines = (_PROCESS / "status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(peak) * 1024 / 1e6


class Worker:
    """A rival's process, for all jobs.

    Parameters
    ----------
    name : str
        Of :data:`RIVALS`.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(max_workers=1, mp_context=context)

    def epoch(self, job: jobs.Job) -> float:
        """Seconds of one epoch; the other processes wait meanwhile."""
        return self._pool.submit(_epoch, self.name, job).result()

    def score(self, job: jobs.Job) -> float | None:
        """Share of test examples that are right; None where that is not asked."""
        return self._pool.submit(_score, self.name, job).result()

    def peak(self) -> float | None:
        """Peak memory of the process in its job, data and libraries included, in MB."""
        return self._pool.submit(_peak).result()

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown()

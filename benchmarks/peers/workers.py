"""Each rival in a process of its own: two array libraries in one fight over the processor."""

import multiprocessing
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache

from benchmarks.peers import jobs
from benchmarks.peers.rivals import RIVALS, Ready


@lru_cache(maxsize=1)
def _ready(name: str, job: jobs.Job) -> Ready:
    return RIVALS[name][1](job, jobs.load(job.data))


def _epoch(name: str, job: jobs.Job) -> float:
    return _ready(name, job).epoch()


def _score(name: str, job: jobs.Job) -> float | None:
    score = _ready(name, job).score
    return score() if score else None


def _peak() -> float:
    kilo = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo / 1e6


class Worker:
    """A rival's process, for one job.

    Parameters
    ----------
    name : str
        Of :data:`RIVALS`.
    job : Job
        What it does.
    """

    def __init__(self, name: str, job: jobs.Job) -> None:
        self.name, self.job = name, job
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(max_workers=1, mp_context=context)

    def epoch(self) -> float:
        """Seconds of one epoch; the other processes wait meanwhile."""
        return self._pool.submit(_epoch, self.name, self.job).result()

    def score(self) -> float | None:
        """Share of test examples that are right; None where that is not asked."""
        return self._pool.submit(_score, self.name, self.job).result()

    def close(self) -> float:
        """End the process and return its peak memory, data and libraries included, in MB."""
        peak = self._pool.submit(_peak).result()
        self._pool.shutdown()
        return peak

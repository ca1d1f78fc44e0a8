"""The floor under every epoch on NumPy: the step's products alone, by the fastest BLAS call."""

import itertools
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.peers.jobs import Job


def products(job: Job, m: int) -> float:
    """Seconds of an epoch's matrix products, each shape with its fastest call and thread count."""
    steps = m / job.batch
    total = 0.0
    for l, (n_in, n_out) in enumerate(itertools.pairwise(job.sizes)):
        k = job.batch
        total += _fastest((k, n_in), (n_in, n_out), steps)
        total += _fastest((n_in, k), (k, n_out), steps, left=True)
        if l:
            total += _fastest((k, n_out), (n_out, n_in), steps, right=True)
    return total


@lru_cache(maxsize=1)
def _peak() -> float:
    """Multiplications a second of a large square product, with all threads."""
    n = 2048
    A = np.random.default_rng(0).standard_normal((n, n), dtype=np.float32)
    out = np.empty_like(A)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        np.matmul(A, A, out=out)
        best = min(best, time.perf_counter() - start)
    return n**3 / best


def at_peak(job: Job, m: int) -> float:
    """Seconds of the multiplications of an epoch's products at the machine's measured peak."""
    weights = [n_in * n_out for n_in, n_out in itertools.pairwise(job.sizes)]
    # forward and dC/dW for every layer, dC/da for all but the first
    return m * (3 * sum(weights) - weights[0]) / _peak()


def _fastest(
    first: tuple[int, int],
    second: tuple[int, int],
    steps: float,
    *,
    left: bool = False,
    right: bool = False,
) -> float:
    """Seconds of ``steps`` products; ``left`` and ``right`` say which factor is a transpose."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal(first[::-1] if left else first, dtype=np.float32)
    B = rng.standard_normal(second[::-1] if right else second, dtype=np.float32)
    A, B = (A.T if left else A), (B.T if right else B)
    out = np.empty((first[0], second[1]), np.float32)
    turned = np.empty((second[1], first[0]), np.float32)
    calls: list[Callable[[], Any]] = [
        lambda: np.matmul(A, B, out=out),
        lambda: np.dot(A, B, out=out),
        lambda: np.dot(B.T, A.T, out=turned),
    ]
    repeats = max(3, min(300, int(2e8 / (first[0] * first[1] * second[1]))))
    best = float("inf")
    for threads in (1, None):
        with threadpool_limits(threads, user_api="blas"):
            for call in calls * 3:
                start = time.perf_counter()
                for _ in range(repeats):
                    call()
                best = min(best, (time.perf_counter() - start) / repeats)
    return best * steps

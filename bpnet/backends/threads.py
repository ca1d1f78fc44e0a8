"""Number of threads of the BLAS under NumPy in a run, by a rule or as requested."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

MOST = 4096
"""Largest number of threads that may be requested."""

_WORTH = 8_000_000
"""Multiplications in a step's largest product from which a second thread pays.

Measured with two cores in whole epochs of Fashion-MNIST, float32, seconds with one thread and
with two: 784-512-512-10 at batch 10 (4 million) 6.0 and 12.5, at 32 (13 million) 6.5 and 5.0, at
128 (51 million) 3.8 and 2.8; 784-128-10 at batch 10 (1 million) 1.2 and 1.2, at 128 (13 million)
0.35 and 0.30.
"""


def rule(work: int, most: int) -> int:
    """Threads for a run: one, or all of ``most`` from a certain size on.

    It looks at shapes alone, so the same run gets the same number and ends with the same bits.
    ``work`` is the multiplications in the largest product of a step: batch size times the weights
    of the largest layer.

    Examples
    --------
    >>> rule(10 * 784 * 512, most=4), rule(128 * 784 * 512, most=4)
    (1, 4)
    """
    return most if work >= _WORTH else 1


@dataclass
class _Overlap:
    """Runs under way in this process, which share its BLAS and so its number of threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    runs: int = 0
    restore: Callable[[], None] | None = None  # restores the number when the last one ends
    threads: int | None = None  # of the first one


_OVERLAP = _Overlap()


@contextmanager
def limited(requested: int | None, work: int) -> Iterator[int | None]:
    """Run with ``requested`` threads, or by the rule; the former number is restored at the end.

    The BLAS's own setting (``OMP_NUM_THREADS`` and the like) is an upper limit. The number belongs
    to the process: runs that overlap, in threads of their own, share that of the first run, and
    the end of the last run restores it. The context manager yields the number, or None for a BLAS
    that has no such setting, as Apple's.
    """
    with _OVERLAP.lock:
        if _OVERLAP.runs == 0:
            _OVERLAP.restore, _OVERLAP.threads = _set(requested, work)
        _OVERLAP.runs += 1
        threads = _OVERLAP.threads
    try:
        yield threads
    finally:
        with _OVERLAP.lock:
            _OVERLAP.runs -= 1
            if _OVERLAP.runs == 0 and _OVERLAP.restore is not None:
                _OVERLAP.restore()


@cache
def blas() -> str:
    """Name, version and kernels of the BLAS under NumPy; empty where it is unknown."""
    from threadpoolctl import ThreadpoolController

    libraries = ThreadpoolController().select(user_api="blas").info()
    libraries.sort(key=lambda library: "numpy" not in str(library["filepath"]))  # its own first
    keys = ("internal_api", "version", "architecture")
    return " ".join(str(part) for key in keys if libraries and (part := libraries[0].get(key)))


def _set(requested: int | None, work: int) -> tuple[Callable[[], None] | None, int | None]:
    """Set the number of threads; return a function that restores the former one, and the number."""
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController().select(user_api="blas")
    if not pools.lib_controllers:
        return None, None
    most = max(1, *(pool.num_threads for pool in pools.lib_controllers))
    threads = rule(work, most) if requested is None else min(requested, most)
    _take_over(pools)
    limit = pools.limit(limits=threads)

    def restore() -> None:
        _take_over(pools)  # the last run to end need not be in the thread of the first
        limit.restore_original_limits()
        _take_over(pools)

    return restore, threads


def _take_over(pools: Any) -> None:
    """Let any thread set the number next.

    Newer versions of threadpoolctl do nothing, and say nothing, in any other thread than the first
    one that set it, as long as that lives.
    """
    for pool in pools.lib_controllers:
        if hasattr(pool, "clear_controlling_thread"):
            pool.clear_controlling_thread(force=True)

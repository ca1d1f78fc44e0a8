"""How many threads the BLAS under NumPy uses in a run: chosen by a rule, or asked for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

MOST = 4096
"""Threads that may be asked for."""

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
    restore: Callable[[], None] | None = None  # gives the number back when the last one ends
    threads: int | None = None  # of the first one


_OVERLAP = _Overlap()


@contextmanager
def limited(asked: int | None, work: int) -> Iterator[int | None]:
    """Run with ``asked`` threads, or by the rule; afterwards all is as before.

    What the BLAS is set to (``OMP_NUM_THREADS`` and the like) is an upper limit. The number
    belongs to the process: runs that overlap, in threads of their own, share that of the first,
    and it is given back when the last one ends. It yields the number, or None where the BLAS cannot
    be told, as Apple's.
    """
    with _OVERLAP.lock:
        if _OVERLAP.runs == 0:
            _OVERLAP.restore, _OVERLAP.threads = _set(asked, work)
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
    """Name, version and kernels of the BLAS under NumPy; empty where it cannot be told."""
    from threadpoolctl import ThreadpoolController

    found = ThreadpoolController().select(user_api="blas").info()
    found.sort(key=lambda library: "numpy" not in str(library["filepath"]))  # its own goes first
    parts = (found[0].get(key) for key in ("internal_api", "version", "architecture"))
    return " ".join(str(part) for part in parts if part) if found else ""


def _set(asked: int | None, work: int) -> tuple[Callable[[], None] | None, int | None]:
    """Set the number; return what restores it, and the number."""
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController().select(user_api="blas")
    if not pools.lib_controllers:
        return None, None
    most = max(1, *(pool.num_threads for pool in pools.lib_controllers))
    threads = rule(work, most) if asked is None else min(asked, most)
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

"""Blocks: the batches that one scan of the backend takes, with the data that they need."""

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from bpnet._typing import Array
from bpnet.backends import Backend
from bpnet.core.feedforward import Parameters
from bpnet.data import batches, prefetch
from bpnet.data.host_rows import HostRows, batches_at_once
from bpnet.training.objective import Data, EvaluationStep

Host = np.ndarray[Any, Any]

_BLOCKS = 20
"""Blocks of an epoch at which a callback that overrides ``on_block_end`` is called."""

# a block ends in a wait for the device, which many short blocks would slow down
_STEPS = 50
"""Fewest steps of a block."""

_CLEARED = 250
"""Steps, about, after which subnormal numbers are cleared again."""


def split(m: int, k: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (first row, last row + 1, batch size) of each block; a short last batch by itself."""
    full = m // k
    for first in range(0, full, size):
        yield first * k, min(first + size, full) * k, k
    if m % k:
        yield full * k, m, m % k


def block_size(steps: int, *, looks: bool, even: bool = False) -> int:
    """Return the steps of a block: a whole epoch, unless callbacks look in during one.

    With ``even`` a block has up to twice as many steps where that makes all blocks equally long.
    """
    if not looks:
        return max(steps, 1)
    size = max(_STEPS, -(-steps // _BLOCKS))
    # a library that compiles does so for each number of steps, and the last block may have fewer
    return next((n for n in range(size, 2 * size) if even and steps % n == 0), size)


def clearing(steps: int) -> int:
    """Return the steps from one clearing of subnormal numbers to the next.

    The number depends on the epoch alone, so that a callback that looks in changes no bits.
    """
    size = block_size(steps, looks=True)
    # a multiple of the blocks of a callback, so that a clearing never falls within one
    return size * max(_CLEARED // size, 1) if size < _CLEARED else _CLEARED


Taken = tuple[Data, Host]
"""Data on the device, and where the rows of a block, (steps, k), are in it."""


def present(data: Data, rows: Host, backend: Backend) -> Taken:
    """Return the data on the device, and where ``rows``, (steps, k), are in it.

    Of examples that stay on the host only these rows are brought to the device.
    """
    # one block alone has no other block to overlap with, so the plain copy to the device is used
    return _begin(data, rows, backend, partial(Backend.send, backend))()


def ahead(
    data: Data, plan: Iterable[Host], backend: Backend
) -> Generator[tuple[Host, Taken], None, None]:
    """Yield the rows of each block of a plan with the result of :func:`present` for them.

    Of examples that stay on the host, the next block is read and sent to the device while the
    caller works on this one. The arrays of a block are kept until the caller asks for the next
    block; by then the caller must have waited for the work on them.
    """
    if not isinstance(data[0], HostRows):
        yield from ((rows, (data, rows)) for rows in plan)
        return

    def begin(rows: Host) -> tuple[Host, Callable[[], Taken]]:
        with backend.session(str(data[0].dtype)):  # settings of a library belong to one thread
            return rows, _begin(data, rows, backend, backend.send)

    for rows, arrived in prefetch.ahead(begin, plan):
        yield rows, arrived()


def _begin(data: Data, rows: Host, backend: Backend, send: Any) -> Callable[[], Taken]:
    """Begin to bring the rows of a block to the device; calling the result waits for them."""
    x, y = data[:2]
    if not isinstance(x, HostRows):
        return lambda: (data, rows)
    flat = rows.reshape(-1)
    # on the device the rows of this block stand one after another, and are numbered anew
    here = np.arange(len(flat)).reshape(rows.shape)
    numbers = send(flat, dtype=backend.index_dtype)
    read = x.take(flat)
    # integers travel as they are stored, and are scaled when a batch is loaded
    examples = send(read, dtype=str(x.dtype) if read.dtype.kind == "f" else None)

    def arrived() -> Taken:
        at, xp = numbers(), backend.xp
        # targets and weights of all examples are on the device, also where examples are streamed
        targets = xp.take(y, at, axis=0)
        weights = xp.take(data[3], at, axis=0) if len(data) > 3 else None
        return (examples(), targets, data[2], weights, at), here

    return arrived


def pieces(data: Data, parameters: Parameters, rows: Host | None = None) -> Iterator[Host]:
    """Yield row numbers, (batches, k), of all rows or of ``rows``, in batches of bounded size."""
    m = int(data[0].shape[0]) if rows is None else len(rows)
    size = min(m, batches.chunk(parameters))
    at_once = min(max(m // size, 1), batches_at_once(data[0], size))
    for start, stop, length in split(m, size, at_once):
        here = np.arange(start, stop) if rows is None else rows[start:stop]
        yield here.reshape(-1, length)


def fetch(sums: tuple[Array, ...], backend: Backend) -> tuple[Any, Any]:
    """Return costs and counts of the steps of a block on the host, in one copy, as float64."""
    xp = backend.xp
    if len(sums) == 1:
        costs = backend.to_numpy(sums[0]).astype(np.float64)
        return costs, np.zeros_like(costs)
    costs, counts = sums
    both = backend.to_numpy(xp.stack([costs, xp.astype(counts, costs.dtype)]))
    return both[0].astype(np.float64), both[1].astype(np.float64)


def evaluate(
    step: EvaluationStep,
    parameters: Parameters,
    data: Data,
    backend: Backend,
    only: Host | None = None,
) -> tuple[float, float | None]:
    """Return mean cost and accuracy over all examples, or over the rows in ``only``."""
    m = data[0].shape[0] if only is None else len(only)
    cost, right = 0.0, 0.0
    for _, (here, rows) in ahead(data, pieces(data, parameters, only), backend):
        index = backend.asarray(rows, dtype=backend.index_dtype)
        _, sums = backend.scan(step, (), index, (parameters, here))
        costs, counts = fetch(sums, backend)
        del here  # the memory may not hold these examples and the next
        cost, right = cost + float(costs.sum()), right + float(counts.sum())
    return cost / m, right / m if step.objective.kind else None

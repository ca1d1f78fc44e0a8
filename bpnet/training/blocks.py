"""Blocks of batches: the rows that a scan takes, the data that it needs, what comes back."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from bpnet._typing import Array
from bpnet.backends import Backend
from bpnet.core.feedforward import Parameters
from bpnet.data import batches, sparse
from bpnet.training.step import Data, EvaluationStep

Host = np.ndarray[Any, Any]


def split(m: int, k: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (first row, last row + 1, batch size) of each block; a short last batch by itself."""
    full = m // k
    for first in range(0, full, size):
        yield first * k, min(first + size, full) * k, k
    if m % k:
        yield full * k, m, m % k


def present(data: Data, rows: Host, backend: Backend) -> tuple[Data, Host]:
    """Return the data on the device, and where ``rows``, (steps, k), are in it.

    Of examples that stay sparse on the host only these rows are brought there.
    """
    x = data[0]
    if not isinstance(x, sparse.Rows):
        return data, rows
    flat, xp = rows.reshape(-1), backend.xp
    numbers = backend.asarray(flat, dtype=backend.index_dtype)
    dense = backend.asarray(x.take(flat))
    weights = (
        data[3]
        if len(data) > 3
        else xp.ones((x.shape[0],), dtype=dense.dtype, device=backend.device)
    )
    taken = [xp.take(a, numbers, axis=0) for a in (data[1], weights)]
    return (dense, taken[0], data[2], taken[1], numbers), np.arange(len(flat)).reshape(rows.shape)


def pieces(data: Data, parameters: Parameters) -> Iterator[Host]:
    """All rows, (batches, k), in batches of bounded size; a short last one by itself."""
    m = int(data[0].shape[0])
    size = len(batches.chunks(m, parameters)[0])
    together = min(max(m // size, 1), sparse.batches(data[0], size))
    for start, stop, length in split(m, size, together):
        yield np.arange(start, stop).reshape(-1, length)


def fetch(sums: tuple[Array, ...], backend: Backend) -> tuple[Any, Any]:
    """Costs and counts of the steps of a block, float64 and on the host, in one copy."""
    xp = backend.xp
    if len(sums) == 1:
        costs = backend.to_numpy(sums[0]).astype(np.float64)
        return costs, np.zeros_like(costs)
    costs, counts = sums
    both = backend.to_numpy(xp.stack([costs, xp.astype(counts, costs.dtype)]))
    return both[0].astype(np.float64), both[1].astype(np.float64)


def evaluate(
    step: EvaluationStep, parameters: Parameters, data: Data, backend: Backend
) -> tuple[float, float | None]:
    """Mean cost and accuracy over all examples, in batches of bounded size."""
    m = data[0].shape[0]
    cost, right = 0.0, 0.0
    for numbers in pieces(data, parameters):
        here, rows = present(data, numbers, backend)
        index = backend.asarray(rows, dtype=backend.index_dtype)
        _, sums = backend.scan(step, (), index, (parameters, here))
        costs, counts = fetch(sums, backend)
        cost, right = cost + float(costs.sum()), right + float(counts.sum())
    return cost / m, right / m if step.judge.kind else None

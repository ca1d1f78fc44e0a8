"""Sums over ranks in the order of one fixed tree, and broadcast, made of exchanges.

The tree joins neighbors: ranks 0 and 1, 2 and 3, then these pairs, and so on. Addition of two
numbers is commutative bit for bit, so both partners of an exchange, which add the partner's buffer
to their own, compute the same node of the tree.
"""

from typing import Any

import numpy as np

from bpnet._typing import Array

SMALL = 1 << 14
"""Most bytes of a buffer that is sent whole: half the messages, but more bytes."""


def total(group: Any, buffer: Array) -> None:
    """Sum over all ranks, in place; the same bits whether the buffer is sent whole or in halves.

    In halves it is Rabenseifner's algorithm (Thakur, Rabenseifner and Gropp, "Optimization of
    collective communication operations in MPICH", IJHPCA 19(1), 2005), neighbors first: 2 log2 p
    messages and 2 (p - 1)/p n bytes for n bytes on p ranks. The number of ranks is arbitrary; with
    a power of two the tree is that of shards.
    """
    core = 1 << (group.size.bit_length() - 1)  # the largest power of two
    # ranks beyond the power of two hand their buffer to a partner, and get the sum from it
    partner = group.rank + core if group.rank < core else group.rank - core
    none = buffer[:0]
    if group.rank >= core:  # the others sum for this one
        group.exchange(partner, buffer, none)
        # as late a stage as the sum of the others takes
        group.exchange(partner, none, buffer, stage=2 * core.bit_length())
        return
    if partner < group.size:
        other = _like(buffer)
        group.exchange(partner, none, other)
        buffer += other
    if buffer.nbytes <= SMALL:
        _whole(group, core, buffer)
    else:
        _halves(group, core, buffer)
    if partner < group.size:
        group.exchange(partner, buffer, none)


def _whole(group: Any, core: int, buffer: Array) -> None:
    """Exchange and add whole buffers, one exchange for each level of the tree."""
    other = _like(buffer)
    for stage in range(core.bit_length() - 1):
        group.exchange(group.rank ^ (1 << stage), buffer, other, stage)
        buffer += other


def _halves(group: Any, core: int, buffer: Array) -> None:
    """Exchange and add ever smaller halves, then send the sums back the same way."""
    stages = core.bit_length() - 1
    low, high = 0, buffer.shape[0]
    # the first half is the longest part that is ever received
    scratch = _like(buffer[: high - high // 2])
    cuts = []
    for stage in range(stages):
        partner, middle = group.rank ^ (1 << stage), (low + high) // 2
        lower, upper = buffer[low:middle], buffer[middle:high]
        cuts.append((low, middle, high))
        mine, theirs = (lower, upper) if partner > group.rank else (upper, lower)
        other = scratch[: mine.shape[0]]
        group.exchange(partner, theirs, other, stage)
        mine += other
        low, high = (low, middle) if partner > group.rank else (middle, high)
    # each rank now has the sum of one part, and the parts are put together
    for stage in reversed(range(stages)):
        partner, (low, middle, high) = group.rank ^ (1 << stage), cuts[stage]
        lower, upper = buffer[low:middle], buffer[middle:high]
        mine, theirs = (lower, upper) if partner > group.rank else (upper, lower)
        group.exchange(partner, mine, theirs, 2 * stages - stage)


def broadcast(group: Any, buffer: Array) -> None:
    """Send rank 0's buffer to every rank; each stage doubles the number of ranks that have it."""
    none = buffer[:0]
    for stage in range((group.size - 1).bit_length()):
        have = 1 << stage
        if group.rank < have and group.rank + have < group.size:
            group.exchange(group.rank + have, buffer, none, stage)
        elif have <= group.rank < 2 * have:
            group.exchange(group.rank - have, none, buffer, stage)


def pairwise(parts: Any) -> Array:
    """Sum of arrays, (n,) each, by the same tree: neighbors first.

    Their number must be a power of two. They are read one by one and donated: at most log2 of their
    number, and one, are in memory at once.

    Examples
    --------
    >>> pairwise(np.asarray([x]) for x in (1e17, 1.0, -1e17, 1.0))
    array([0.])
    """
    partial: list[Array] = []
    for count, part in enumerate(parts, start=1):
        partial.append(part)
        for _ in range((count & -count).bit_length() - 1):  # as the carries of a binary counter
            last = partial.pop()
            partial[-1] += last
    return partial[0]


def _like(buffer: Array) -> Array:
    """A receive buffer like an array."""
    # arrays of a device have no namespace here; a copy has their kind and place
    return np.empty_like(buffer) if isinstance(buffer, np.ndarray) else buffer.copy()

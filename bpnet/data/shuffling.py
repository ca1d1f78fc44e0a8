"""The order of an epoch where rows are mixed within a buffer, not all with all."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bpnet.data import draws

Host = np.ndarray[Any, Any]


@dataclass(eq=False)
class BlockOrder:
    """Row numbers in the order of an epoch, worked out for the slice that is asked for.

    Rows that are neighbors in a file are a chunk. The chunks are put into a random order, cut
    into groups that fill the buffer, and the rows of each group are mixed completely. So a file
    is read in runs of whole chunks, and no array of all rows is needed; but two rows of a chunk
    always meet in one group, and how well the classes of a sorted file are mixed is a matter of
    how many chunks a buffer holds.

    Parameters
    ----------
    seed, epoch : int
        What the order is a function of, with the chunks and the buffer.
    starts : array of int, (chunks + 1,)
        First row of each chunk, and the number of all rows.
    buffer : int
        Rows of a group, or up to one chunk more.

    Examples
    --------
    >>> order = BlockOrder(0, 0, np.array([0, 2, 4, 6, 8]), buffer=4)
    >>> len(order), sorted(order[0:8].tolist()) == list(range(8))
    (8, True)
    """

    seed: int
    epoch: int
    starts: Host
    buffer: int
    _held: tuple[int, Host] | None = None

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, rows: slice) -> Host:
        start, stop, _ = rows.indices(len(self))
        if start >= stop:
            return np.arange(0)
        ends = self._ends
        first, last = np.searchsorted(ends, (start, stop - 1), side="right")
        parts = []
        for g in range(first, last + 1):
            before = int(ends[g - 1]) if g else 0
            parts.append(self._group(g)[max(start - before, 0) : stop - before])
        return np.concatenate(parts)

    @cached_property
    def _chunks(self) -> Host:
        """Numbers of the chunks, in random order."""
        order: Host = draws.order(self.seed, self.epoch, len(self.starts) - 1)
        return order

    @cached_property
    def _cuts(self) -> Host:
        """Where each group begins among the chunks, and their number."""
        sizes = np.diff(self.starts)[self._chunks]
        group = (np.cumsum(sizes) - sizes) // self.buffer
        return np.append(np.flatnonzero(np.diff(group, prepend=-1)), len(sizes))

    @cached_property
    def _ends(self) -> Host:
        """Rows up to the end of each group."""
        sizes = np.diff(self.starts)[self._chunks]
        return np.asarray(np.cumsum(sizes)[self._cuts[1:] - 1])

    def _group(self, g: int) -> Host:
        if self._held is not None and self._held[0] == g:
            return self._held[1]
        chunks = self._chunks[self._cuts[g] : self._cuts[g + 1]]
        spans = zip(self.starts[chunks], self.starts[chunks + 1], strict=True)
        rows = np.concatenate([np.arange(first, last) for first, last in spans])
        draws.generator(self.seed, "order", self.epoch, part=g + 1).shuffle(rows)
        self._held = (g, rows)
        return rows

"""Draws made on the host: first weights and the order of examples.

Each is a function of (seed, purpose, index) and of nothing else: there is no generator whose
state would have to be kept, and every backend, shard and resumed run draws the same.
"""

from __future__ import annotations  # numpy.random costs 17 ms, so it is named on use only

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bpnet._typing import Array
from bpnet.errors import InputError

_PURPOSES = {"weights": 1, "order": 2, "split": 3, "masks": 4, "check": 5}


def generator(seed: int, purpose: str, index: int = 0, part: int = 0) -> np.random.Generator:
    """Philox generator of one purpose, always the same for the same arguments.

    The seed is from 0 to 2^64 - 1, ``index`` the layer or the epoch, and ``part`` tells parts of
    one apart that are drawn by themselves.

    Examples
    --------
    >>> generator(7, "order", 3).integers(100, size=3).tolist() == generator(
    ...     7, "order", 3).integers(100, size=3).tolist()
    True
    """
    # Two purposes or indices have different keys, so their streams have nothing in common.
    key = np.asarray([check_seed(seed), (_PURPOSES[purpose] << 32) + index], dtype=np.uint64)
    # The last word of the counter is its highest: parts are 2^192 draws apart and never overlap.
    counter = np.asarray([0, 0, 0, part], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def check_seed(seed: object) -> int:
    """Seed as a plain int."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise InputError(f"seed is {seed!r}; give a whole number from 0 to 2^64 - 1")
    return int(seed)


def order(seed: int, epoch: int, m: int) -> Array:
    """Order of ``m`` examples in one epoch, ``(m,)``."""
    return generator(seed, "order", epoch).permutation(m)


@dataclass(frozen=True)
class HostDraw:
    """Standard random numbers in float64 for one layer's first weights."""

    source: np.random.Generator | np.random.RandomState

    def normal(self, shape: tuple[int, ...]) -> Array:
        """Return normal numbers, mean 0 and variance 1."""
        return self.source.standard_normal(shape)

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Return uniform numbers on [-1, 1)."""
        return self.source.uniform(-1.0, 1.0, shape)


@dataclass(eq=False)
class BlockOrder:
    """Row numbers in the order of an epoch, worked out for the slice that is taken.

    Chunks of neighboring rows, which begin at ``starts``, are put into a random order and cut into
    groups that fill ``buffer`` rows; the rows of each group are mixed completely. So a file is read
    in runs of whole chunks, and no array of all rows is needed; but two rows of a chunk always meet
    in one group: a file that is sorted by class is mixed well where a buffer holds many chunks.

    Examples
    --------
    >>> mixed = BlockOrder(0, 0, np.array([0, 2, 4, 6, 8]), buffer=4)
    >>> len(mixed), sorted(mixed[0:8].tolist()) == list(range(8))
    (8, True)
    """

    seed: int
    epoch: int
    starts: Array
    buffer: int
    _last: tuple[int, Array] = (-1, np.arange(0))

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, rows: slice) -> Array:
        start, stop, _ = rows.indices(len(self))
        if start >= stop:
            return np.arange(0)
        ends = self._groups[1]
        first, last = np.searchsorted(ends, (start, stop - 1), side="right")
        parts = []
        for g in range(first, last + 1):
            before = int(ends[g - 1]) if g else 0
            parts.append(self._group(g)[max(start - before, 0) : stop - before])
        return np.concatenate(parts)

    @cached_property
    def _groups(self) -> tuple[list[Array], Array]:
        """Chunks of each group, and the number of rows up to the end of each."""
        chunks = order(self.seed, self.epoch, len(self.starts) - 1)
        ends = np.cumsum(np.diff(self.starts)[chunks])
        # A chunk belongs to the group in which its first row lies, so groups differ in size.
        group = (ends - np.diff(self.starts)[chunks]) // self.buffer
        cuts = np.flatnonzero(np.diff(group)) + 1
        return np.split(chunks, cuts), ends[np.append(cuts, len(chunks)) - 1]

    def _group(self, g: int) -> Array:
        if self._last[0] != g:  # batches ask in ascending order, so one group is kept
            chunks = self._groups[0][g]
            spans = zip(self.starts[chunks], self.starts[chunks + 1], strict=True)
            rows = np.concatenate([np.arange(first, last) for first, last in spans])
            # Part 0 of this stream has ordered the chunks.
            generator(self.seed, "order", self.epoch, part=g + 1).shuffle(rows)
            self._last = (g, rows)
        return self._last[1]

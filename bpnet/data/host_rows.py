"""Rows that stay where they are, on a disk or sparse, until they are taken."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np

from bpnet._typing import Array
from bpnet.data import draws
from bpnet.data.told import Tally

Host = np.ndarray[Any, Any]

_BLOCK = 1 << 24
"""Numbers in one block."""


class HostRows(ABC):
    """An array on the host, (m, ...), of which only rows that are asked for are in memory."""

    shape: tuple[int, ...]
    dtype: Any

    @abstractmethod
    def take(self, rows: Host) -> Host:
        """Rows by their numbers, ``(len(rows), ...)``, read now: no others are."""

    def whole(self) -> Host:
        """All rows, in memory."""
        return self.take(np.arange(len(self)))

    def order(self, seed: int, epoch: int) -> Any:
        """Numbers of all rows in the order of an epoch: an array, or what gives slices of one."""
        return draws.order(seed, epoch, len(self))

    def some(self, k: int) -> Host:
        """Numbers of ``k`` rows that are read without much ado, spread over all if they can be."""
        return np.arange(k) * (len(self) // k)

    def identity(self) -> str:
        """What tells these rows from others, found without reading them all."""
        return f"{self.shape} {self.dtype}"

    def replaced(self) -> tuple[str, ...]:
        """Lines on what was put in place of values in the rows that were read so far."""
        return ()

    def tally(self) -> Tally:
        """Counts of the same, by column."""
        return {}

    def pieces(self, numbers: int) -> Iterator[Host]:
        """Yield the numbers of all rows, so many at a time that they hold about ``numbers``."""
        size = max(1, numbers // self.width)
        for start in range(0, len(self), size):
            yield np.arange(start, min(start + size, len(self)))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return int(np.prod(self.shape[1:], dtype=np.int64))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.shape} {self.dtype}>"

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Host:
        return np.asarray(self.take(np.arange(len(self))), dtype)


def together(x: Array | HostRows, k: int) -> int:
    """Batches of ``k`` examples that may be in memory at once; any number where all are."""
    return max(1, _BLOCK // (k * x.width)) if isinstance(x, HostRows) else 1 << 62

"""Rows that stay where they are, on a disk or sparse, until they are taken."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet._typing import Array
from bpnet.data import draws, finite
from bpnet.data.replacements import Tally
from bpnet.errors import InputError

Host = np.ndarray[Any, Any]

_BLOCK = 1 << 24  # numbers in one block
_DENSE = 1 << 28  # bytes up to which sparse examples are made dense at once


class HostRows(ABC):
    """An array on the host, (m, ...), whose rows are read into memory when they are taken."""

    shape: tuple[int, ...]
    dtype: Any

    @abstractmethod
    def take(self, rows: Host) -> Host:
        """Read the rows of these numbers, ``(len(rows), ...)``, and no others."""

    def whole(self) -> Host:
        """All rows, in memory."""
        return self.take(np.arange(len(self)))

    def order(self, seed: int, epoch: int) -> Any:
        """Numbers of all rows in the order of an epoch, as an array or an object with slices."""
        return draws.order(seed, epoch, len(self))

    def some(self, k: int) -> Host:
        """Numbers of ``k`` rows that are read quickly, spread over all rows where possible."""
        return np.arange(k) * (len(self) // k)

    def identity(self) -> str:
        """Return text that tells these rows from others, without reading them all."""
        return f"{self.shape} {self.dtype}"

    def tally(self) -> Tally:
        """Replaced cells of the rows that were read so far, by column."""
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


def batches_at_once(x: Array | HostRows, k: int) -> int:
    """Batches of ``k`` examples that may be in memory at once; any number where all are."""
    return max(1, _BLOCK // (k * x.width)) if isinstance(x, HostRows) else 1 << 62


def is_sparse(x: Any) -> bool:
    """Return whether examples are a matrix or array of ``scipy.sparse``."""
    return hasattr(x, "tocsr") and hasattr(x, "toarray")


@dataclass(frozen=True, eq=False, repr=False)
class SparseRows(HostRows):
    """Examples too many to be dense at once: a ``scipy.sparse`` matrix, made dense in blocks."""

    matrix: Any
    dtype: Any

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """Examples and values of each."""
        m, n = self.matrix.shape
        return int(m), int(n)

    def take(self, rows: Any) -> np.ndarray[Any, Any]:
        """Rows made dense, ``(rows, n)``."""
        dense: np.ndarray[Any, Any] = self.matrix[rows].toarray()
        return dense.astype(self.dtype, copy=False)


def store_sparse(x: Any, dtype: str, name: str = "X", of_run: str | None = None) -> Any:
    """Sparse examples as a dense array where that is small, else as :class:`SparseRows`."""
    matrix = x.tocsr()
    if matrix.dtype.kind not in "biuf":
        raise InputError(f"{name} is sparse of dtype {matrix.dtype}; give real numbers")
    bad = finite.first_bad(matrix.data, of_run)
    if bad is not None:
        # The values of a CSR matrix are one array; `indptr` tells which row a value belongs to.
        at = int(np.searchsorted(matrix.indptr, bad[0], "right")) - 1, int(matrix.indices[bad[0]])
        raise InputError(finite.message(matrix.data[bad], name, at, of_run))
    stored = np.dtype(dtype)
    if matrix.shape[0] * matrix.shape[1] * stored.itemsize <= _DENSE:
        return matrix.toarray().astype(stored, copy=False)
    return SparseRows(matrix, stored)

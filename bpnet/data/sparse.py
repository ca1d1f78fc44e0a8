"""Sparse examples: kept as they are on the host, made dense block by block."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpnet.data import finite
from bpnet.data.host_rows import HostRows
from bpnet.errors import InputError

_DENSE = 1 << 28
"""Bytes up to which they are made dense at once."""


def is_sparse(x: Any) -> bool:
    """Whether it is a matrix or array of ``scipy.sparse``."""
    return hasattr(x, "tocsr") and hasattr(x, "toarray")


@dataclass(frozen=True, eq=False, repr=False)
class Rows(HostRows):
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


def store(x: Any, dtype: str, name: str = "X", of_run: str | None = None) -> Any:
    """Sparse examples as a dense array where it is small, else as :class:`Rows`."""
    matrix = x.tocsr()
    if matrix.dtype.kind not in "biuf":
        msg = f"{name} is sparse of dtype {matrix.dtype}; give real numbers"
        raise InputError(msg)
    bad = finite.first_bad(matrix.data, of_run)
    if bad is not None:
        at = int(np.searchsorted(matrix.indptr, bad[0], "right")) - 1, int(matrix.indices[bad[0]])
        raise InputError(finite.told(matrix.data[bad], name, at, of_run))
    wanted = np.dtype(dtype)
    if matrix.shape[0] * matrix.shape[1] * wanted.itemsize <= _DENSE:
        return matrix.toarray().astype(wanted, copy=False)
    return Rows(matrix, wanted)

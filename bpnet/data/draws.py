"""Draws made on the host: first weights and the order of examples.

Each is a function of (seed, purpose, index) and of nothing else: there is no generator whose
state would have to be kept, and every backend, shard and resumed run draws the same.
"""

from __future__ import annotations  # numpy.random costs 17 ms, so it is named on use only

from dataclasses import dataclass

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
    key = np.asarray([check_seed(seed), (_PURPOSES[purpose] << 32) + index], dtype=np.uint64)
    counter = np.asarray([0, 0, 0, part], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def check_seed(seed: object) -> int:
    """Seed as a plain int."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        msg = f"seed is {seed!r}; give a whole number from 0 to 2^64 - 1"
        raise InputError(msg)
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

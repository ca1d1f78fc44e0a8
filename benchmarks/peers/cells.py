"""The jobs on a device: generated data, which all of an epoch's steps find there."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from benchmarks.peers.jobs import RATES, Data, Job

NETS = ((784, 30, 10), (784, 128, 10), (784, 512, 512, 10), (4096, 4096, 4096, 10))
BATCHES = (32, 128, 1024, 8192)

NUMBERS = 2**26
"""Numbers of the examples of an epoch, at most: 256 MB; four steps are run in any case."""

HOST = 5e11
"""Multiplications of an epoch from which the processor is left out."""


@dataclass(frozen=True)
class Cell(Job):
    """A job on a device.

    Parameters
    ----------
    precision : str, optional
        "tf32", or exact products of float32.
    most : int
        Steps of a timed epoch at most.
    """

    precision: str | None = None
    most: int = 256

    @property
    def steps(self) -> int:
        """Steps of a timed epoch: as many as hide what an epoch costs beside its steps."""
        return min(self.most, max(4, NUMBERS // (self.batch * self.sizes[0])))

    @property
    def rows(self) -> int:
        return self.steps * self.batch

    @property
    def multiplications(self) -> int:
        """Of a step's products: forward and dC/dW in all layers, dC/da in all but the first."""
        weights = [i * o for i, o in zip(self.sizes[:-1], self.sizes[1:], strict=True)]
        return self.batch * (3 * sum(weights) - weights[0])

    def __str__(self) -> str:
        return super().__str__() + (f" {self.precision}" if self.precision else "")


def grid(quick: bool) -> list[Cell]:
    """Cells on a GPU; in the quick form those that say most, in order of worth."""
    if quick:
        return [
            Cell(NETS[1], 128, "adam"),
            Cell(NETS[3], 1024, "sgd"),
            Cell(NETS[3], 1024, "sgd", precision="tf32"),
            Cell(NETS[2], 1024, "adam"),
            Cell(NETS[0], 32, "sgd"),
        ]
    exact = [Cell(s, k, o) for s in NETS for k in BATCHES for o in RATES]
    return exact + [Cell(NETS[3], k, o, precision="tf32") for k in BATCHES for o in RATES]


def rehearsal() -> list[Cell]:
    """Cells that a processor is through with in no time."""
    return [Cell((12, 6, 4), 8, "adam", most=4), Cell((8, 8, 8, 4), 4, "sgd", most=4)]


def data_of(cell: Cell) -> Data:
    """What a timed epoch of a cell takes."""
    return _generated(cell.rows, cell.sizes[0], cell.sizes[-1])


@lru_cache(maxsize=1)
def _generated(rows: int, n: int, classes: int) -> Data:
    rng = np.random.default_rng(0)
    x = rng.random((rows, n), dtype=np.float32)
    y = rng.integers(classes, size=rows)
    return Data((x, y), x, y)

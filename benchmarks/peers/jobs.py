"""The jobs that everyone does: data, net, batch and optimizer."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

import bpnet

RATES = {"sgd": 0.05, "adam": 1e-3}
FASHION = ((784, 30, 10), (784, 128, 10), (784, 512, 512, 10))
TABULAR = (50, 128, 2)


STEPS = {TABULAR: 1500, FASHION[0]: 1500, FASHION[1]: 1000, FASHION[2]: 400}
"""Steps that are enough to time: an epoch has so many at most, and is scaled to all rows."""


@dataclass(frozen=True)
class Job:
    """Relu, softmax, cross-entropy, float32, no regularization; one epoch is timed at a time.

    Parameters
    ----------
    sizes : tuple of int
        Neurons of each layer.
    batch : int
        Examples in a step.
    optimizer : str
        "sgd" or "adam".
    whole : bool
        Whether an epoch takes all rows, however long.
    """

    sizes: tuple[int, ...]
    batch: int
    optimizer: str
    whole: bool = False

    @property
    def rows(self) -> int:
        """Rows of a timed epoch, the first ones of the data."""
        m = len(load(self.data).y)
        return m if self.whole else min(m, self.batch * STEPS[self.sizes])

    @property
    def share(self) -> float:
        """Of a timed epoch in a whole one."""
        return self.rows / len(load(self.data).y)

    @property
    def data(self) -> str:
        return "fashion-mnist" if self.sizes[0] == 784 else "tabular"

    @property
    def rate(self) -> float:
        return RATES[self.optimizer]

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))} batch {self.batch} {self.optimizer}"


@dataclass(frozen=True)
class Data:
    """As stored, for bpnet; in float32 from 0 to 1, for peers; class numbers; test examples."""

    stored: Any
    x: Any
    y: Any
    test_x: Any = None
    test_y: Any = None


@lru_cache(maxsize=2)
def load(name: str) -> Data:
    """Training examples of a job."""
    if name == "tabular":
        rng = np.random.default_rng(0)
        x = rng.standard_normal((1_000_000, 50), dtype=np.float32)
        y = (x[:, :10].sum(1) + np.sin(3 * x[:, 10]) > 0).astype(np.int64)
        return Data((x, y), x, y)
    found = bpnet.data.load("fashion-mnist")
    x = found.x.astype(np.float32) / np.float32(255)
    test_x, test_y = found.test
    test_x = test_x.astype(np.float32) / np.float32(255)
    return Data(found, x, found.y.astype(np.int64), test_x, test_y.astype(np.int64))


def data_of(job: Job) -> Data:
    """What a timed epoch of a job takes."""
    whole, m = load(job.data), job.rows
    if m == len(whole.y):
        return whole
    stored = whole.stored
    if isinstance(stored, tuple):
        stored = tuple(a[:m] for a in stored)
    else:
        stored = bpnet.data.Dataset(stored.x[:m], stored.y[:m], scale=stored.scale)
    return Data(stored, whole.x[:m], whole.y[:m], whole.test_x, whole.test_y)


def grid(quick: bool) -> list[Job]:
    """Cells to measure."""
    if quick:
        cells = [(s, k) for s in FASHION for k in (10, 128, 1024)]
        return [Job(s, k, "sgd") for s, k in cells]
    batches = (1, 10, 32, 128, 1024)
    return [Job(s, k, o) for s in (*FASHION, TABULAR) for k in batches for o in RATES]

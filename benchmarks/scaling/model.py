"""The alpha-beta-gamma model of a training step on p ranks.

A message of n bytes takes alpha + n beta, adding up n bytes takes n gamma (Thakur, Rabenseifner and
Gropp, "Optimization of collective communication operations in MPICH", IJHPCA 19(1), 2005). A rank
computes r examples in c0 + c1 r; c0 is fitted, as is c1, from batches of several sizes.
"""

import math
from dataclasses import dataclass

from bpnet.distributed import tree


@dataclass(frozen=True)
class Network:
    """What a message costs: ``alpha`` in seconds, ``beta`` in seconds a byte."""

    name: str
    alpha: float
    beta: float


NETWORKS = (
    Network("10 Gb/s Ethernet", 30e-6, 1 / 1.1e9),
    Network("25 Gb/s Ethernet", 20e-6, 1 / 2.8e9),
    Network("100 Gb/s InfiniBand", 2e-6, 1 / 11e9),
)
"""Assumed, not measured: about 90 % of the line's rate, and usual latencies between MPI ranks."""


@dataclass(frozen=True)
class Rank:
    """What a rank costs.

    Parameters
    ----------
    c0, c1 : float
        Seconds of a step, and of each example in it.
    gamma : float
        Seconds to add a byte.
    size : int
        Bytes of the buffer that is summed.
    """

    c0: float
    c1: float
    gamma: float
    size: int


def traffic(p: int, size: int) -> tuple[int, float]:
    """Messages that a rank sends for one sum, one after the other, and bytes."""
    stages = int(math.log2(p))
    if size <= tree.SMALL:
        return stages, stages * size
    return 2 * stages, 2 * (p - 1) / p * size


def sum_seconds(rank: Rank, network: Network, p: int) -> float:
    """Seconds of one sum over p ranks."""
    messages, sent = traffic(p, rank.size)
    added = sent if rank.size <= tree.SMALL else sent / 2
    return messages * network.alpha + sent * network.beta + added * rank.gamma


def step_seconds(rank: Rank, network: Network, p: int, rows: float, shards: int) -> float:
    """Seconds of a step in which each of p ranks has ``rows`` examples and ``shards`` shards.

    Each shard costs c0: it is a batch of its own; all but the first are added to those before.
    """
    local = shards * rank.c0 + rank.c1 * rows + (shards - 1) * rank.size * rank.gamma
    return local + sum_seconds(rank, network, p)

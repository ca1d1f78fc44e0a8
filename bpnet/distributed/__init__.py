"""Ranks that train one network together: MPI, NCCL, one process alone, or simulated ones."""

from bpnet.distributed.communicator import Communicator, Single, Traffic, check_timeout
from bpnet.distributed.mpi import launched, wrap
from bpnet.distributed.nccl import NCCL, nccl
from bpnet.distributed.simulated import simulate
from bpnet.public import listing

__all__ = [
    "NCCL", "Communicator", "Single", "Traffic", "check_timeout", "launched", "nccl", "simulate",
    "wrap",
]  # fmt: skip

__dir__ = listing(__all__)

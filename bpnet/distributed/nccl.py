"""Ranks with a GPU each, which sum on the GPUs by NCCL; another communicator starts it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from bpnet._typing import Array
from bpnet.backends import nccl as nccl_library
from bpnet.distributed.communicator import Communicator, Host


class NCCL(Communicator):
    """Ranks whose buffers are CuPy arrays, each on its own GPU.

    Parameters
    ----------
    host : Communicator
        The same ranks on the host, for buffers on the host and for the end of all ranks.
    group : bpnet.backends.nccl.Group
        NCCL's communicator.
    """

    library = "cupy"

    def __init__(self, host: Communicator, group: nccl_library.Group) -> None:
        super().__init__(host.rank, host.size, host.timeout)
        self.local_rank, self._host, self._group = host.local_rank, host, group

    def exchange(self, partner: int, send: Array, receive: Array, stage: int = 0) -> None:
        """Send and receive on the GPU's stream."""
        self.traffic.count(send)
        self._group.exchange(partner, send, receive)

    def synchronize(self) -> None:
        """Wait for the sums in progress, not longer than the timeout."""
        # a sum on the GPU returns before it is done, so that only here a rank can be missed
        if not self._group.finished(self.timeout):
            self.abort(f"another rank did not answer within {self.timeout:g} s", 75)  # EX_TEMPFAIL

    def allreduce(self, buffer: Array) -> None:
        """Sum in NCCL's order."""
        self._group.allreduce(buffer)

    def broadcast(self, buffer: Array) -> None:
        """Replace every buffer by that of rank 0."""
        self._group.broadcast(buffer)

    def sum_host(self, buffer: Host) -> None:
        """Sum of a buffer on the host, over the host's ranks."""
        self._host.sum_host(buffer)

    def broadcast_host(self, buffer: Host) -> None:
        """Broadcast of a buffer on the host, over the host's ranks."""
        self._host.broadcast_host(buffer)

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Wait without a limit, for buffers on the host too."""
        with super().patient(), self._host.patient():
            yield

    def abort(self, message: str, status: int = 1) -> NoReturn:
        """End all ranks."""
        self._host.abort(message, status)


def nccl(host: Any, device: int | None = None) -> NCCL:
    """Ranks that sum on their GPUs, one each.

    Parameters
    ----------
    host : mpi4py.MPI.Comm or Communicator
        All ranks of the job.
    device : int, optional
        GPU of this rank; the default is its number on its machine.

    Raises
    ------
    BackendUnavailable
        If CuPy has no GPU here, or comes without NCCL.
    """
    from bpnet.distributed.mpi import wrap

    ranks = wrap(host)
    gpu = ranks.local_rank if device is None else device
    return NCCL(ranks, nccl_library.open_group(ranks.size, ranks.rank, gpu))

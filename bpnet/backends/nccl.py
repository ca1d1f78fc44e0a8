"""NCCL, NVIDIA's library of sums over GPUs, through ``cupyx.distributed``: one rank a GPU."""

import time
from typing import Any

from bpnet._typing import Array
from bpnet.backends import hardware
from bpnet.errors import BackendUnavailable, one_line


class Group:
    """NCCL's communicator as one rank sees it, around CuPy's on this rank's GPU."""

    def __init__(self, group: Any) -> None:
        self._group = group

    def exchange(self, partner: int, send: Array, receive: Array) -> None:
        """Send to a rank and receive from it, on the current stream; either may be empty."""
        if send.size and receive.size:
            self._group.send_recv(send, receive, partner)
        elif send.size:
            self._group.send(send, partner)
        elif receive.size:
            self._group.recv(receive, partner)

    def allreduce(self, buffer: Array) -> None:
        """Sum in place, on the current stream."""
        self._group.all_reduce(buffer, buffer)

    def broadcast(self, buffer: Array) -> None:
        """Rank 0's buffer in place, on the current stream."""
        self._group.broadcast(buffer, 0)

    def finished(self, timeout: float) -> bool:
        """Wait for the current stream; False if that takes longer than ``timeout`` seconds."""
        import cupy

        # CUDA's own wait has no timeout, and a rank that is gone would hold this one for good
        event = cupy.cuda.Event(disable_timing=True)
        event.record()
        end = time.monotonic() + timeout
        while not event.done:
            if time.monotonic() > end:
                return False
            # other threads may run meanwhile
            time.sleep(0)
        return True


def open_group(size: int, rank: int, device: int) -> Group:
    """NCCL over the processes of ``MPI.COMM_WORLD``, each on the GPU that it names.

    A BackendUnavailable says that CuPy, its GPU or NCCL does not work here.
    """
    from bpnet.backends import registry

    registry.get("cupy", device)
    try:
        import cupy
        from cupyx.distributed import init_process_group

        with cupy.cuda.Device(device):
            # CuPy's own TCP server would fork, which MPI forbids
            return Group(init_process_group(size, rank, use_mpi=True))
    except (ImportError, RuntimeError) as error:
        why = f"NCCL does not start ({one_line(error)})"
        wheel = hardware.cuda_major().replace("cuda", "nvidia-nccl-cu")
        cure = f"pip install {wheel}, and one GPU for each rank"
        raise BackendUnavailable("nccl", why, cure) from error

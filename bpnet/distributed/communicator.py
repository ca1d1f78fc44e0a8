"""The interface of a group of ranks: size, rank, sum, broadcast, abort."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np

from bpnet._typing import Array
from bpnet.distributed import tree
from bpnet.errors import Diverged, InputError, one_line

Host = np.ndarray[Any, Any]


@dataclass
class Traffic:
    """Messages that a rank has sent, without empty ones, their bytes, and its sums."""

    messages: int = 0
    bytes: int = 0
    sums: int = 0

    def count(self, sent: Array) -> None:
        """Count a message, unless it is empty."""
        if sent.size:
            self.messages += 1
            self.bytes += sent.nbytes


_NO_LIMIT = 1e9
"""Seconds that stand for no limit."""


def check_timeout(timeout: Any) -> float:
    """Seconds that a rank may take to answer, as a float; refused unless it is positive."""
    is_number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not is_number or not 0 < timeout < _NO_LIMIT:
        msg = f"timeout is {timeout!r}; give the seconds that a rank may take to answer"
        raise InputError(msg)
    return float(timeout)


class Communicator(ABC):
    """A group of ranks, as one of them sees it.

    A subclass must define :meth:`exchange` and :meth:`abort`. The other methods use these two, and
    are overridden where a library has its own.

    Parameters
    ----------
    rank, size : int
        Number of this rank, from 0, and number of ranks.
    timeout : float
        Seconds that a rank may take to answer.
    """

    library: ClassVar[str] = "numpy"
    """Array library of the buffers of :meth:`sum`."""

    def __init__(self, rank: int, size: int, timeout: float = 300.0) -> None:
        self.rank, self.size, self.timeout = rank, size, check_timeout(timeout)
        self.local_rank = rank  # number among the ranks of one machine, by which a GPU is taken
        self.traffic = Traffic()
        # whether others wait for this rank in the middle of training, and why it left it
        self.active, self.cause = False, "without an exception"

    @abstractmethod
    def exchange(self, partner: int, send: Array, receive: Array, stage: int = 0) -> None:
        """Send one flat array to a rank, which calls this too, and receive one from it.

        Either may be empty. ``stage`` is the number of exchanges before this one in its sum: a
        later stage waits longer, so that the first rank to time out is a neighbor of the rank that
        hangs.
        """

    @abstractmethod
    def abort(self, message: str, status: int = 1) -> NoReturn:
        """End all ranks, with one line that names this one and the cause."""

    def sum(self, buffer: Array, *, ordered: bool = True) -> None:
        """Replace each rank's buffer, (n,), by the sum of all ranks' buffers.

        The sum is ``ordered`` by a fixed tree over the ranks, of which there is a power of two;
        otherwise the library chooses the order.
        """
        self.traffic.sums += 1
        if ordered or self.size == 1:
            tree.total(self, buffer)
        else:
            self.allreduce(buffer)

    def allreduce(self, buffer: Array) -> None:
        """Sum in an order that the library chooses."""
        tree.total(self, buffer)

    def broadcast(self, buffer: Array) -> None:
        """Replace every buffer, (n,), by that of rank 0."""
        tree.broadcast(self, buffer)

    def synchronize(self) -> None:  # noqa: B027
        """Wait for sums in progress on a device; sums on the host are complete when they return."""

    def gather(self, values: Any) -> Host:
        """Gather ``c`` numbers of each rank, ``(size, c)``.

        It is a sum of slots, to which other ranks add zeros, so that its order does not matter.
        """
        slots = np.zeros((self.size, len(values)))
        slots[self.rank] = values
        self.sum_host(slots.reshape(-1))
        return slots

    def sum_host(self, buffer: Host) -> None:
        """Sum of a buffer on the host, also where the buffers of :meth:`sum` are on a device."""
        tree.total(self, buffer)

    def broadcast_host(self, buffer: Host) -> None:
        """Broadcast of a buffer on the host."""
        self.broadcast(buffer)

    def share(self, content: bytes | None) -> bytes:
        """Return rank 0's bytes on every rank; the arguments of the others are ignored."""
        # the others must know how much memory to allocate
        length = np.asarray([len(content or b"")], np.int64)
        self.broadcast_host(length)
        buffer = np.empty(int(length[0]), np.uint8)
        if self.rank == 0 and content:
            buffer[:] = np.frombuffer(content, np.uint8)
        self.broadcast_host(buffer)
        return buffer.tobytes()

    def agree(self, status: int = 0) -> Host:
        """Gather the ranks' exit statuses, ``(size,)``, where 0 means to go on.

        If this rank could go on and another cannot, it exits; the other prints the reason.
        """
        statuses = self.gather([float(status)])[:, 0]
        # a rank with an error of its own goes on, to report it
        if statuses.any() and not status:
            raise SystemExit(int(statuses.max()))
        return statuses

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Context manager without a time limit, for ranks that work long between messages."""
        usual, self.timeout = self.timeout, _NO_LIMIT
        try:
            yield
        finally:
            self.timeout = usual

    @contextmanager
    def running(self) -> Iterator[None]:
        """Mark this rank as active, so that its end ends the others, unless all fail alike."""
        self.active = True
        try:
            yield
        # these meet all ranks alike, so that each ends by itself
        except (Diverged, KeyboardInterrupt):
            self.active = False
            raise
        except BaseException as error:
            self.cause = one_line(error, typed=True)
            raise
        self.active = False


class Single(Communicator):
    """A group of one rank.

    Examples
    --------
    >>> ranks = Single()
    >>> ranks.rank, ranks.size
    (0, 1)
    """

    def __init__(self) -> None:
        super().__init__(0, 1)

    def exchange(self, partner: int, send: Array, receive: Array, stage: int = 0) -> None:
        """Refuse: there is no other rank."""
        msg = f"there is no rank {partner} beside a single one"
        raise InputError(msg)

    def abort(self, message: str, status: int = 1) -> NoReturn:
        """End the process."""
        raise SystemExit(status)

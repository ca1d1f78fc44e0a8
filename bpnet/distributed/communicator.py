"""What training asks of a group of ranks: size, rank, sum, broadcast, abort."""

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
    """What a rank has sent: messages that were not empty, their bytes, and the sums it took."""

    messages: int = 0
    bytes: int = 0
    sums: int = 0

    def count(self, sent: Array) -> None:
        """Count a message, unless it is empty."""
        if sent.size:
            self.messages += 1
            self.bytes += sent.nbytes


_NO_LIMIT = 1e9
"""Seconds that nobody waits."""


def check_timeout(timeout: Any) -> float:
    """Seconds that a rank may take to answer, as a float; a positive number."""
    number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not number or not 0 < timeout < _NO_LIMIT:
        msg = f"timeout is {timeout!r}; give the seconds that a rank may take to answer"
        raise InputError(msg)
    return float(timeout)


class Communicator(ABC):
    """A group of ranks, as one of them sees it.

    Its own are :meth:`exchange` and :meth:`abort`; the rest is made of them, and replaced where a
    library has better.

    Parameters
    ----------
    rank, size : int
        Which one this is, from 0, and how many there are.
    timeout : float
        Seconds after which a rank that does not answer is given up.
    """

    library: ClassVar[str] = "numpy"
    """Whose arrays the buffers of :meth:`sum` are."""

    def __init__(self, rank: int, size: int, timeout: float = 300.0) -> None:
        self.rank, self.size, self.timeout = rank, size, check_timeout(timeout)
        self.local_rank = rank
        self.traffic = Traffic()
        self.active, self.cause = False, "without an exception"

    @abstractmethod
    def exchange(self, partner: int, send: Array, receive: Array, stage: int = 0) -> None:
        """Send one flat array to a rank, which calls this too, and receive one of it.

        Either may be empty. The stage is how many exchanges came before it in this sum: whoever
        waits for a rank that waits itself is more patient, so that the first to complain is the
        one beside the rank that hangs.
        """

    @abstractmethod
    def abort(self, message: str, status: int = 1) -> NoReturn:
        """End all ranks, with one line that names this one and the cause."""

    def sum(self, buffer: Array, *, ordered: bool = True) -> None:
        """Sum of all ranks' buffers, (n,), in place of each of them.

        In order it is by a fixed tree over the ranks, a power of two of them; otherwise in
        whatever order the library takes.
        """
        self.traffic.sums += 1
        if ordered or self.size == 1:
            tree.total(self, buffer)
        else:
            self.allreduce(buffer)

    def allreduce(self, buffer: Array) -> None:
        """Sum in the order of the library's own choice."""
        tree.total(self, buffer)

    def broadcast(self, buffer: Array) -> None:
        """Rank 0's buffer, (n,), in place of every other."""
        tree.broadcast(self, buffer)

    def settle(self) -> None:  # noqa: B027
        """Wait for the sums that are under way; none is, where they are the host's."""

    def gather(self, values: Any) -> Host:
        """What each rank has to say, ``(size, c)``, for ``c`` numbers of each.

        A sum of slots: the others add zeros, which changes nothing whatever the order.
        """
        slots = np.zeros((self.size, len(values)))
        slots[self.rank] = values
        self.sum_host(slots.reshape(-1))
        return slots

    def sum_host(self, buffer: Host) -> None:
        """Sum of a buffer on the host, where those of :meth:`sum` are another library's."""
        tree.total(self, buffer)

    def broadcast_host(self, buffer: Host) -> None:
        """Broadcast of a buffer on the host."""
        self.broadcast(buffer)

    def share(self, content: bytes | None) -> bytes:
        """Rank 0's bytes on every rank; what the others give does not matter."""
        length = np.asarray([len(content or b"")], np.int64)
        self.broadcast_host(length)
        buffer = np.empty(int(length[0]), np.uint8)
        if self.rank == 0 and content:
            buffer[:] = np.frombuffer(content, np.uint8)
        self.broadcast_host(buffer)
        return buffer.tobytes()

    def agree(self, status: int = 0) -> Host:
        """Go on if all ranks can; ``(size,)`` statuses where this one cannot.

        The status is what the process would exit with, 0 if nothing is wrong. SystemExit is raised
        where another rank cannot go on, which says why.
        """
        found = self.gather([float(status)])[:, 0]
        if found.any() and not status:
            raise SystemExit(int(found.max()))
        return found

    @contextmanager
    def patient(self) -> Iterator[None]:
        """Wait as long as it takes: for ranks that work without a word for any length of time."""
        usual, self.timeout = self.timeout, _NO_LIMIT
        try:
            yield
        finally:
            self.timeout = usual

    @contextmanager
    def running(self) -> Iterator[None]:
        """Remember that the others count on this rank, until it is done or all fail alike."""
        self.active = True
        try:
            yield
        except (Diverged, KeyboardInterrupt):
            self.active = False
            raise
        except BaseException as error:
            self.cause = one_line(error, typed=True)
            raise
        self.active = False


class Single(Communicator):
    """One rank, by itself.

    Examples
    --------
    >>> alone = Single()
    >>> alone.rank, alone.size
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

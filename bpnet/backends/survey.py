"""All backends tried out at once, each in a process of its own: a crash or a hang is a row."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from bpnet.arguments import checked
from bpnet.backends import diagnosis, libraries, registry, specs
from bpnet.backends.trial import BackendStatus, try_out
from bpnet.errors import one_line


def command(name: str) -> list[str]:
    """Command line of a probe; it prints one line of JSON."""
    return [sys.executable, "-m", "bpnet.backends.probe", name]


@checked
def status(
    names: Sequence[str] | None = None,
    timeout: float = 20.0,
    command: Callable[[str], list[str]] = command,
) -> Iterator[BackendStatus]:
    """Try backends out, and give a row for each as soon as it has answered.

    What needs no import comes at once; a table can show those that have no row yet as still
    starting.

    Parameters
    ----------
    names : sequence of str, optional
        Backends; all by default.
    timeout : float
        Seconds after which a probe that has not answered is ended.
    command : callable
        Command line of the probe for a name.

    Yields
    ------
    BackendStatus
        In the order of the answers.

    Raises
    ------
    InputError
        If a name is unknown.
    """
    wanted = list(dict.fromkeys(registry.names() if names is None else names))
    for name in wanted:
        registry.check_name(name)
    deadline = time.monotonic() + timeout
    answers: queue.SimpleQueue[BackendStatus] = queue.SimpleQueue()
    slow = [name for name in wanted if name != "numpy" and libraries.installed(name)]
    processes = [_start(name, command(name), deadline, timeout, answers) for name in slow]
    try:
        yield from (_at_once(name) for name in wanted if name not in slow)
        for _ in slow:
            yield answers.get()
    finally:
        for process in processes:  # whoever stops looking leaves nothing running
            process.kill()


def available() -> list[str]:
    """Names of the backends that work here, best first: those with a GPU, NumPy, the others.

    Every installed library is tried out, in a process of its own, which can take seconds.
    """
    order = registry.names()

    def rank(row: BackendStatus) -> tuple[bool, bool, int]:
        on_gpu = any(specs.is_gpu(device.spec) for device in row.devices)
        return not on_gpu, row.name != "numpy", order.index(row.name)

    return [row.name for row in sorted(status(), key=rank) if row.usable]


def _at_once(name: str) -> BackendStatus:
    if name == "numpy":
        return try_out(name)
    why, cure = diagnosis.diagnose(name, None)
    return BackendStatus(name, False, why=why, cure=cure)


def _start(
    name: str,
    arguments: list[str],
    deadline: float,
    timeout: float,
    answers: "queue.SimpleQueue[BackendStatus]",
) -> "subprocess.Popen[str]":
    # JAX would take three quarters of a GPU's memory, and the other probes would find none
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    # the probe must find this bpnet, installed or not, from whatever folder
    path = [entry for entry in sys.path if entry] + [os.getcwd()] * ("" in sys.path)
    environment["PYTHONPATH"] = os.pathsep.join(path)
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
    )

    def wait() -> None:
        try:
            out, err = process.communicate(timeout=max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            answers.put(_hung(name, timeout))
        else:
            answers.put(_read(name, process.returncode, out, err))

    threading.Thread(target=wait, daemon=True).start()
    return process


def _read(name: str, code: int, out: str, err: str) -> BackendStatus:
    try:
        return BackendStatus.from_dict(json.loads(out.splitlines()[-1]))
    except (IndexError, ValueError, TypeError, KeyError):
        last = one_line((err.strip().splitlines() or ["no message"])[-1])
        why = f"its probe ended with {_ending(code)} ({last})"
        cure = f"python -X faulthandler -m bpnet.backends.probe {name} shows where"
        return BackendStatus(name, False, why=why, cure=cure)


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _hung(name: str, timeout: float) -> BackendStatus:
    why = f"its probe did not answer within {timeout:g} s"
    cure = f"python -X faulthandler -m bpnet.backends.probe {name} tries without a limit"
    return BackendStatus(name, False, why=why, cure=cure)

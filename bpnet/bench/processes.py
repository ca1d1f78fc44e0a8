"""Each backend in a process of its own, one after the other: two would fight over the processor."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

from bpnet import backends
from bpnet.bench import cells
from bpnet.bench.cells import Cell, Job
from bpnet.bench.measure import Timing, measure
from bpnet.errors import one_line

_START = 60.0
"""Seconds that a library may need to start and to compile, besides the time of the cells."""


def run(names: Sequence[str], job: Job) -> Iterator[Timing]:
    """Measure every cell on every backend.

    Parameters
    ----------
    names : sequence of str
        Backends, as :func:`bpnet.backends.get` takes them.
    job : Job
        The cells and their data.

    Yields
    ------
    Timing
        One for each backend and cell, with the error of a backend that fails.

    Raises
    ------
    InputError
        If the job cannot be done.
    """
    cells.check(job)
    for name in names:
        yield from _one(name, job)


def _one(name: str, job: Job) -> Iterator[Timing]:
    """Measure all cells on one backend, in a process of its own."""
    # the process must import this bpnet, installed or not
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done, last = 0, "no message"
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "bpnet.bench.processes"],
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,  # fmt: skip
    ):
        # a process that hangs is ended, and the cells that it has measured count
        limit = threading.Timer(_START + 4 * job.seconds * len(job.cells), process.kill)
        limit.start()
        try:
            # a process that ends at its import reads nothing; its status tells why
            with suppress(BrokenPipeError), process.stdin as described:  # type: ignore[union-attr]
                described.write(json.dumps([name, dataclasses.asdict(job)]))
            for line in process.stdout or ():
                yield Timing.from_dict(json.loads(line))
                done += 1
            code = process.wait()
        finally:
            limit.cancel()
            process.kill()
        errors.seek(0)
        last = (errors.read().strip().splitlines() or [last])[-1]
    why = f"its process ended with status {code} ({one_line(last)})"
    for cell in job.cells[done:]:
        yield Timing(name, cell, error=why)


def _child() -> None:
    """Measure the job that standard input describes, and print each timing as a line of JSON."""
    name, described = json.load(sys.stdin)
    # JSON has lists where Job and Cell have tuples
    described["cells"] = tuple(
        Cell(**{**cell, "hidden": tuple(cell["hidden"])}) for cell in described["cells"]
    )
    job = Job(**described)
    backend = backends.get(name)
    for cell in job.cells:
        try:
            timing = measure(backend, job, cell)
        except Exception as error:
            timing = Timing(name, cell, error=one_line(error, typed=True))
        sys.stdout.write(json.dumps(dataclasses.asdict(timing)) + "\n")
        # a cell that is measured counts, even if the next one ends the process
        sys.stdout.flush()


if __name__ == "__main__":
    _child()

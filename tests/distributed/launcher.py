"""``mpiexec`` of one MPI, and what it may leave behind."""

import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "BPNET_TEST_MPI"
"""Comma list of the folders that MPIs are installed in; see ci/mpi."""

ROOT = Path(__file__).parents[2]
_MARK = "BPNET_TEST_JOB"
_SEGMENTS = ("mpich_shm_*", "sm_segment*", "vader_segment*")


@dataclass(frozen=True)
class Launcher:
    """One MPI.

    Parameters
    ----------
    prefix : Path
        With its ``bin`` and ``lib``.
    """

    prefix: Path

    def start(self, ranks, *command):
        """Start a job; its processes are known by a mark in their environment."""
        library = next(p for p in self.prefix.glob("lib/libmpi.*") if p.stat().st_size > 1000)
        mark = uuid.uuid4().hex
        environment = {
            **os.environ,
            "MPI4PY_LIBMPI": str(library),  # the wheels' libmpi.so is no library but a name
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "OMPI_ALLOW_RUN_AS_ROOT": "1",  # as containers do
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
            _MARK: mark,
        }
        return Job(
            mark,
            segments(),
            subprocess.Popen(
                [str(self.prefix / "bin" / "mpiexec"), "-n", str(ranks), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
                cwd=ROOT,
                start_new_session=True,
            ),
        )

    def run(self, ranks, *command, timeout=60):
        """Run a job to its end; return status, standard output and standard error."""
        return self.start(ranks, *command).finish(timeout)

    def python(self, ranks, *command, **more):
        """The same, for this Python."""
        return self.run(ranks, sys.executable, *command, **more)


@dataclass
class Job:
    """A job that is under way."""

    mark: str
    before: set
    process: subprocess.Popen

    def members(self):
        """Process ids of the ranks: whatever runs Python with the job's mark."""
        actual = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                marked = f"{_MARK}={self.mark}".encode() in (folder / "environ").read_bytes()
                python = b"python" in (folder / "cmdline").read_bytes().split(b"\0")[0]
                alive = (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
            except OSError:
                continue
            if marked and python and alive:
                actual.append(int(folder.name))
        return actual

    def finish(self, timeout=60):
        """Wait for the end; nothing of the job may run afterwards, and no segment stays."""
        try:
            out, error = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            for member in self.members():
                os.kill(member, signal.SIGKILL)
            self.process.communicate()
            raise
        finally:
            end = time.monotonic() + 5
            while self.members() and time.monotonic() < end:
                time.sleep(0.01)
            left = self.members()
            for segment in segments() - self.before:  # MPICH leaves one where a job is killed
                segment.unlink(missing_ok=True)
        assert not left, f"still running: {left}"
        return self.process.returncode, out, error


def segments():
    """Shared memory that an MPI has made."""
    return {path for pattern in _SEGMENTS for path in Path("/dev/shm").glob(pattern)}


def installed():
    """The MPIs that the variable names."""
    return [Launcher(Path(p)) for p in os.environ.get(VARIABLE, "").split(",") if p]


def told(error):
    """What bpnet said on standard error; the launchers say more."""
    return [line[line.index("bpnet:") :] for line in error.splitlines() if "bpnet:" in line]

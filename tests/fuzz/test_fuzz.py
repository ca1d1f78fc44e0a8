"""The fuzzer in short, and that it sees what it is there to see."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import bpnet
from tests.fuzz import targets, worker

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it needs fork and /proc")


def test_damaged_files_of_every_format_are_taken_or_refused():
    """``ci/fuzz`` with 1,800 of its 100,000 inputs."""
    pytest.importorskip("polars")
    pytest.importorskip("h5py")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--inputs", "1800", "--seed", "7"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = [line.split() for line in done.stdout.splitlines() if line.endswith("refused")]
    assert [kind for kind, *_ in counts] == list(targets.TARGETS)
    for kind, taken, _, refused, _ in counts:
        assert int(taken) + int(refused) == 150, kind
        assert int(taken) >= 1, kind
        assert int(refused) >= 50, kind


def raising(error):
    def call():
        raise error

    return call


def hoarding():
    return len(b"x" * (worker.MEMORY + (30 << 20)))


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda: None, None),
        (raising(bpnet.InputError("no")), ""),
        (raising(bpnet.InputError("\x1b[2Jno\nno")), ""),  # the error itself makes a line of it
        (raising(KeyError("x")), "KeyError: 'x'"),
        (raising(bpnet.Diverged("a\nb")), "a message of more than a line"),
        (hoarding, "MB for 0 bytes"),
    ],
)
def test_it_tells_what_is_wrong(tmp_path, monkeypatch, call, wanted):
    monkeypatch.setitem(targets.TARGETS, worker.NAMES[0], lambda *_: call)
    found = worker.attempt(0, 0, tmp_path, tmp_path)
    assert found == wanted if not wanted else wanted in found


def test_an_input_is_a_function_of_seed_and_number(tmp_path):
    made = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        targets.csv(tmp_path, folder, random.Random("3:6"))
        made.append((folder / "t.csv").read_bytes())
    assert made[0] == made[1]

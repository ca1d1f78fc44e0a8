"""Runs killed with SIGKILL at random moments, again and again, until they are over.

``ci/kills --kills 1000`` is the long form; CI does 50. Each run goes on with `bpnet train --resume`
alone, and must end with the bits of one that was left in peace. Processes are forked from one that
has imported bpnet, so that most of their time is training.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bpnet import checkpoint
from bpnet.cli import main
from bpnet.errors import InputError

USUAL = ["digits", "--hidden", "48", "--batch-size", "16", "--epochs", "12", "--backend", "numpy"]
JOBS = (
    ["--dropout", "0.1"],
    ["--norm", "batch", "--schedule", "cosine", "--optimizer", "momentum"],
    ["--patience", "2", "--l2", "0.5", "--validation", "0.2"],
)
OFTEN = ["--checkpoint-minutes", "0.0002", "--quiet"]


def begin(*arguments):
    """Start ``bpnet train`` in a process of its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os._exit(main(["train", *map(str, arguments)]))
    except BaseException:
        os._exit(99)


def status_of(pid, limit=120):
    """Wait for a process; its exit status, negative for a signal."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "hang"


def outcome(folder):
    history = json.loads((folder / "history.json").read_text())
    history.pop("seconds")
    return (folder / "model.safetensors").read_bytes(), history


def damaged(folder):
    """Checkpoints of a folder that do not load."""
    bad = []
    for path in (folder / "checkpoints").glob("step-*.safetensors"):
        try:
            checkpoint.read(path)
        except InputError:
            bad.append(path)
    return bad


def torture(folder, job, seconds, moments, most):
    """Kill a run up to ``most`` times, then let it end. Returns what happened, counted."""
    seen = Counter()
    while True:
        known = (folder / "config.toml").exists()
        pid = begin(*(["--resume", folder, "--quiet"] if known else [*job, "--out", folder]))
        if seen["kills"] < most:
            time.sleep(moments.uniform(0, 1.1) * seconds)
            os.kill(pid, signal.SIGKILL)
        status = status_of(pid)
        if status != -signal.SIGKILL:
            seen["failed"] += status != 0
            break
        seen["kills"] += 1
        seen["before the first checkpoint"] += not any(folder.glob("checkpoints/step-*"))
        seen["half-written files left"] += len(list(folder.rglob("*.partial")))
        seen["checkpoints that do not load"] += len(damaged(folder))
    seen["half-written files at the end"] += len(list(folder.rglob("*.partial")))
    return seen


def measure(kills, seed, place):
    """Kill so many times; what was seen, counted."""
    jobs = [[*USUAL, *extra, *OFTEN] for extra in JOBS]
    wanted, seconds = [], []
    for i, job in enumerate(jobs):
        times = []
        for again in range(2):  # the quicker one counts: a disk may be slow for a while
            start = time.monotonic()
            folder = place / f"whole-{i}-{again}"
            assert status_of(begin(*job, "--out", folder)) == 0
            times.append(time.monotonic() - start)
        seconds.append(min(times))
        wanted.append(outcome(folder))
    moments, seen = random.Random(seed), Counter()
    while seen["kills"] < kills:
        i = seen["runs"] % len(jobs)
        folder = place / f"run-{seen['runs']}"
        left = kills - seen["kills"]
        seen.update(torture(folder, jobs[i], seconds[i], moments, min(left, 8)))
        seen["runs"] += 1
        seen["runs that differ"] += outcome(folder) != wanted[i]
    return seen


def run(arguments=None):
    parser = argparse.ArgumentParser(prog="ci/kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        seen = measure(asked.kills, asked.seed, Path(place))
    for name, count in seen.items():
        print(f"{count:6d}  {name}")
    print(f"{time.monotonic() - start:6.0f}  seconds")
    wrong = ("failed", "runs that differ", "checkpoints that do not load")
    return int(any(seen[name] for name in wrong) or seen["half-written files at the end"] > 0)


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.exit(run())

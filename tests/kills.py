"""Commands killed with SIGKILL at random moments, again and again, until they are over.

``ci/kills --kills 1000`` is the long form; CI does 50. Each run goes on with `bpnet train --resume`
alone, each sweep with `bpnet sweep --resume` or that, and must end with the bits of one that was
left in peace. What the other commands write is whole or not there, and the run is as it was. Half
as many kills are of sweeps, as many of the other commands, and a fifth of sets that `bpnet.train`
trains. Processes are forked from one that has imported bpnet, so that most of their time is work.
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
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

import bpnet
from bpnet.cli import main
from bpnet.errors import InputError
from bpnet.report.page import sealed_page
from bpnet.storage import checkpoint

USUAL = ["digits", "--hidden", "48", "--batch-size", "16", "--epochs", "12", "--backend", "numpy"]
JOBS = (
    ["--dropout", "0.1"],
    ["--norm", "batch", "--schedule", "cosine", "--optimizer", "momentum"],
    ["--patience", "2", "--l2", "0.5", "--validation", "0.2"],
)
OFTEN = ["--checkpoint-minutes", "0.0002", "--quiet"]


SWEEP = [
    "sweep", "digits", "--hidden", "16", "--epochs", "8", "--learning-rate", "0.003,0.01,0.03",
    "--l2", "0,1", "--seeds", "2", "--batch-size", "64", "--backend", "numpy", "--quiet",
]  # fmt: skip


def begin(*arguments):
    """Start a command in a process of its own."""
    return fork(lambda: main([*map(str, arguments)]))


def fork(work):
    """Start what returns an exit status in a process of its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os._exit(work())
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


def torture(start, most, seconds, moments, seen, kills, look):
    """Kill what ``start`` begins up to ``most`` times, with a look after each, then let it end."""
    most += seen[kills]
    while True:
        pid = start()
        if seen[kills] < most:
            time.sleep(moments.uniform(0, 1.1) * seconds)
            os.kill(pid, signal.SIGKILL)
        status = status_of(pid)
        if status != -signal.SIGKILL:
            seen["failed"] += status != 0
            return
        seen[kills] += 1
        look()


def train(folder, job):
    """Start a run, or what is left of it."""
    again = ["train", "--resume", folder, "--quiet"]
    return begin(
        *(again if (folder / "config.toml").exists() else ["train", *job, "--out", folder])
    )


def measure(kills, seed, place):
    """Kill so many times; what was seen, counted."""
    jobs = [[*USUAL, *extra, *OFTEN] for extra in JOBS]
    expected, seconds = [], []
    for i, job in enumerate(jobs):
        times = []
        for again in range(2):  # the quicker one counts: a disk may be slow for a while
            start = time.monotonic()
            folder = place / f"whole-{i}-{again}"
            assert status_of(begin("train", *job, "--out", folder)) == 0
            times.append(time.monotonic() - start)
        seconds.append(min(times))
        expected.append(outcome(folder))
    moments, seen = random.Random(seed), Counter()
    while seen["kills"] < kills:
        i = seen["runs"] % len(jobs)
        folder = place / f"run-{seen['runs']}"

        def look(folder=folder):
            seen["before the first checkpoint"] += not any(folder.glob("checkpoints/step-*"))
            seen["half-written files left"] += len(list(folder.rglob("*.partial")))
            seen["checkpoints that do not load"] += len(damaged(folder))

        most = min(8, kills - seen["kills"])
        torture(partial(train, folder, jobs[i]), most, seconds[i], moments, seen, "kills", look)
        seen["half-written files at the end"] += len(list(folder.rglob("*.partial")))
        seen["runs"] += 1
        seen["runs that differ"] += outcome(folder) != expected[i]
    return seen


def ranking(folder):
    """What a sweep left: its ranking, and the best run."""
    ledger = json.loads((folder / "sweep.json").read_text())
    return ledger["finished"], ledger["configurations"], *outcome(folder)


def sweep(folder):
    """Start a sweep, or what is left of it."""
    began = [name for name in ("config.toml", "sweep.json") if (folder / name).exists()]
    again = ["train" if "config.toml" in began else "sweep", "--resume", folder, "--quiet"]
    return begin(*(again if began else [*SWEEP, "--out", folder]))


def whole_ledger(folder):
    """Read the ledger of a sweep, which is whole at every moment."""
    if (folder / "sweep.json").exists():
        json.loads((folder / "sweep.json").read_text())


def sweeps(kills, moments, place):
    """Kill sweeps so many times in all; each is then taken up and ends."""
    start, whole, seen = time.monotonic(), place / "whole-sweep", Counter()
    assert status_of(begin(*SWEEP, "--out", whole)) == 0
    seconds, expected = time.monotonic() - start, ranking(whole)
    while seen["kills of sweeps"] < kills:
        folder, most = place / f"sweep-{seen['sweeps']}", min(6, kills - seen["kills of sweeps"])
        start, look = partial(sweep, folder), partial(whole_ledger, folder)
        torture(start, most, seconds, moments, seen, "kills of sweeps", look)
        seen["sweeps"] += 1
        seen["half-written files at the end"] += len(list(folder.rglob("*.partial")))
        seen["sweeps that differ"] += ranking(folder) != expected
    return seen


def train_set(folder):
    """Train a set of networks, or what is left of it, and write what it gave."""
    nets = [bpnet.Network([64, 24, 10], hidden="relu", seed=s) for s in range(5)]
    histories = bpnet.train(
        nets, bpnet.data.load("digits"), epochs=[9, 9, 9, 12, 12], batch_size=16, backend="numpy",
        dropout=[0.1, 0.2, 0.3, 0.1, 0.0], l2=[0.0, 0.1, 1.0, 0.0, 0.1], seed=[3, 1, 4, 1, 5],
        callbacks=[bpnet.EarlyStopping(3)], resume=True,
        checkpoint=bpnet.Checkpoint(folder / "checkpoints", minutes=0.0002),
    )  # fmt: skip
    for history in histories:
        history.pop("seconds")
    arrays = [a.tobytes().hex() for net in nets for pair in net.parameters for a in pair]
    (folder / "new").write_text(json.dumps([arrays, list(histories)]))
    (folder / "new").rename(folder / "outcome")
    return 0


def sets(kills, moments, place):
    """Kill the training of sets so many times in all; each is then taken up and ends."""
    whole, seen = place / "whole-set", Counter()
    whole.mkdir()
    start = time.monotonic()
    assert status_of(fork(lambda: train_set(whole))) == 0
    seconds, expected = time.monotonic() - start, (whole / "outcome").read_text()
    while seen["kills of sets"] < kills:
        folder, most = place / f"set-{seen['sets']}", min(8, kills - seen["kills of sets"])
        folder.mkdir()

        def look(folder=folder):
            seen["checkpoints that do not load"] += len(damaged(folder))

        start = partial(fork, partial(train_set, folder))
        torture(start, most, seconds, moments, seen, "kills of sets", look)
        seen["sets"] += 1
        seen["half-written files at the end"] += len(list(folder.rglob("*.partial")))
        seen["sets that differ"] += (folder / "outcome").read_text() != expected
    return seen


def contents(folder):
    """Files of a folder that are not half-written, and what they hold."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".partial")
    return {path.relative_to(folder): path.read_bytes() for path in files}


def lacking(folder, expected):
    """Files that hold something else than is wanted; the time is in a page, which has a seal."""
    page = Path("page", "index.html")
    differ = {name for name, content in contents(folder).items() if content != expected.get(name)}
    whole = page in differ and sealed_page(folder / "page") is not None
    return differ - {page} if whole else differ


def others(kills, moments, place):
    """Kill the commands that write a file or a page of a run so many times in all."""
    run, weights = place / "whole-0-0", place / "w.safetensors"
    rng = np.random.default_rng(0)
    save_file({"0.weight": rng.normal(size=(3, 9)), "0.bias": rng.normal(size=3)}, weights)
    commands = {
        "predict": lambda out: ["predict", run, "digits", "-o", out / "p.csv"],
        "report": lambda out: ["report", run, "--out", out / "page"],
        "import": lambda out: ["import", weights, out / "m.safetensors", "--output", "softmax"],
        **({"export": lambda out: ["export", run, out / "m.onnx"]} if find_spec("ndonnx") else {}),
    }
    before, seen = contents(run), Counter()
    for number, (name, words) in enumerate(commands.items()):
        whole, out = place / f"whole-{name}", place / f"out-{name}"
        whole.mkdir()
        out.mkdir()
        start = time.monotonic()
        assert status_of(begin(*words(whole))) == 0
        seconds, expected = time.monotonic() - start, contents(whole)
        for _ in range(kills // len(commands) + (number < kills % len(commands))):
            pid = begin(*words(out))
            time.sleep(moments.uniform(0, 1.0) * seconds)
            os.kill(pid, signal.SIGKILL)
            seen["failed"] += status_of(pid) not in (0, -signal.SIGKILL)
            seen["kills of other commands"] += 1
            seen["files that are not whole"] += len(lacking(out, expected))
        seen["failed"] += status_of(begin(*words(out))) != 0
        seen["files that are not whole"] += len(lacking(out, expected))
        seen["files that are not whole"] += len(expected.keys() - contents(out).keys())
    seen["files of the run that differ"] += contents(run) != before
    return seen


def run(arguments=None):
    parser = argparse.ArgumentParser(prog="ci/kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        seen = measure(options.kills, options.seed, Path(place))
        moments = random.Random(options.seed)
        seen.update(sweeps(options.kills // 2, moments, Path(place)))
        seen.update(others(options.kills // 2, moments, Path(place)))
        seen.update(sets(options.kills // 5, moments, Path(place)))
    for name, count in seen.items():
        print(f"{count:6d}  {name}")
    print(f"{time.monotonic() - start:6.0f}  seconds")
    wrong = (
        "failed", "runs that differ", "sweeps that differ", "sets that differ",
        "checkpoints that do not load",
        "files that are not whole", "files of the run that differ",
    )  # fmt: skip
    return int(any(seen[name] for name in wrong) or seen["half-written files at the end"] > 0)


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.exit(run())

"""Real ranks, on each MPI that BPNET_TEST_MPI names: the same bits, and they end together."""

import json
import os
import random
import shutil
import signal
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

from bpnet.cli import main
from bpnet.storage import checkpoint
from tests.distributed import jobs, launcher

KILLS = int(os.environ.get("BPNET_TEST_KILLS", "3"))
"""BPNET_TEST_KILLS=100 is the long form."""

CASES = ("plain", "everything", "schedule", "sixteen shards")

BEFORE = launcher.segments()

pytestmark = pytest.mark.skipif(
    not launcher.installed(), reason=f"{launcher.VARIABLE} names no MPI: ci/mpi installs two"
)


@pytest.fixture(
    params=launcher.installed(),
    ids=[each.prefix.name for each in launcher.installed()],
    scope="module",
)
def mpi(request):
    """Each MPI in turn."""
    return request.param


@pytest.fixture(scope="module")
def alone():
    """Hashes of the same runs without MPI."""
    return {name: jobs.train(**{"shards": 8, **jobs.CASES[name]})[0] for name in CASES}


def digests(mpi, ranks, *cases, backend="numpy"):
    worker = ("-m", "tests.distributed.worker", "digests", backend, *cases)
    status, out, error = mpi.python(ranks, *worker)
    assert status == 0, error
    return json.loads(out)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_one_hash_for_any_number_of_ranks_on_any_mpi_and_without(mpi, alone, ranks):
    assert digests(mpi, ranks, *CASES) == alone


def test_ranks_on_other_backends(mpi, backend):
    if backend.spec not in ("array_api_strict:no_float64", "torch:cpu", "jax:cpu"):
        pytest.skip("another leg is its like, or far quicker")
    options = {"shards": 8, "threads": 1 if backend.name == "torch" else None}
    want = jobs.train(backend=backend, **options, **jobs.EVERYTHING)[0]
    assert digests(mpi, 2, "everything", backend=backend.spec) == {"everything": want}


def test_a_fast_sum_is_the_same_on_all_ranks(mpi):
    assert set(digests(mpi, 3, "fast")) == {"fast"}  # the worker has compared the ranks


FAILURES = {
    "exception": (1, r"rank 1 of 4: ZeroDivisionError: planted (", 5),
    "exit": (1, "rank 1 of 4: the process ended in the middle of training (SystemExit: 3)", 5),
    "sudden exit": (None, None, 5),
    "kill": (None, None, 5),
    "hang": (75, "did not answer within 2 s", 4),
}


@pytest.mark.parametrize("how", FAILURES)
def test_a_rank_that_fails_takes_all_with_it(mpi, how):
    expected, words, seconds = FAILURES[how]
    job = mpi.start(4, sys.executable, "-m", "tests.distributed.worker", "fail", how)
    status, out, error = job.finish(timeout=40)
    gone = time.time() - json.loads(out.splitlines()[0])
    assert gone < seconds
    assert status == expected or (expected is None and status), error
    lines = launcher.told(error)
    if words is None:
        assert lines == []
    else:
        assert len(lines) == 1
        assert words in lines[0]


def test_ranks_that_were_asked_for_other_runs_end_with_one_line(mpi):
    status, _, error = mpi.python(4, "-m", "tests.distributed.worker", "different")
    assert status == 1
    assert launcher.told(error) == [
        "bpnet: error: rank 0 of 4: rank 1 has other l2 than rank 0; give every rank the same"
    ]


def bpnet(mpi, ranks, *arguments, **more):
    return mpi.python(ranks, "-m", "bpnet", "train", *arguments, **more)


def test_the_command_speaks_and_writes_once(mpi, tmp_path):
    status, out, error = bpnet(mpi, 2, "digits", "--epochs", 2, "--out", tmp_path / "run")
    assert status == 0, error
    assert launcher.told(error) == []
    assert out.count("ranks: 2, 8 shards") == out.count("run: ") == 1
    history = json.loads((tmp_path / "run" / "history.json").read_text())
    assert len(history["validation_cost"]) == 2
    actual = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"model.safetensors", "config.toml", "history.json", "checkpoints"} <= actual
    assert main(["train", "--resume", str(tmp_path / "run")]) == 0
    status, out, _ = bpnet(mpi, 2, "--resume", tmp_path / "run")
    assert status == 0
    assert out.count("is finished: nothing to do") == 1


def test_json_is_printed_once(mpi, tmp_path):
    options = ("digits", "--epochs", 1, "--json", "--reduce", "fast", "--out", tmp_path / "run")
    status, out, error = bpnet(mpi, 2, *options)
    assert status == 0, error
    assert len(json.loads(out)["history"]["cost"]) == 1


BAD = {
    "no file": (["nothing.csv"], 2, "there is no file nothing.csv"),
    "no number": (["digits", "--epochs", "x"], 2, "--epochs is 'x'; give a valid integer"),
    "shards": (["digits", "--shards", "1"], 2, "2 ranks can't share 1 shards evenly"),
    "timeout": (["digits", "--timeout", "0"], 2, "timeout is 0.0; give the seconds"),
    "no run": (["--resume", "nowhere"], 2, "there is no run at nowhere"),
    "batch normalization": (["digits", "--norm", "batch"], 2, "use norm='layer'"),
    "diverged": (
        ["digits", "--optimizer", "sgd", "--learning-rate", "1e30", "--quiet"],
        1,
        "training diverged at step 2 of epoch 1",
    ),
}


@pytest.mark.parametrize(("arguments", "expected", "words"), BAD.values(), ids=BAD)
def test_bad_input_is_told_once(mpi, tmp_path, arguments, expected, words):
    if mpi != launcher.installed()[0] and words != BAD["no file"][2]:
        pytest.skip("on one MPI it is as on another")
    out = [] if "--resume" in arguments else ["--out", tmp_path / "run"]
    status, _, error = bpnet(mpi, 2, *arguments, *out)
    assert status == expected
    (line,) = launcher.told(error)
    assert line.startswith("bpnet: error: rank 0 of 2: ")
    assert words in line
    assert not (tmp_path / "run").exists()


def test_another_mpis_launcher_is_told(tmp_path):
    first, second, *_ = [*launcher.installed(), None, None]
    if second is None:
        pytest.skip("there is one MPI only")
    mixed = launcher.Launcher(tmp_path)
    for name, each in {"bin": first, "lib": second}.items():
        (tmp_path / name).symlink_to(each.prefix / name)
    status, _, error = bpnet(mixed, 2, "digits", "--out", tmp_path / "run")
    assert status == 2
    (line,) = launcher.told(error)
    assert "mpiexec started 2 processes, and mpi4py's Open MPI" in line
    assert line.endswith("use the mpiexec that belongs to it")


RUN = ["digits", "--hidden", "48", "--dropout", "0.1", "--quiet", "--epochs", "6"]


def outcome(folder):
    history = json.loads((folder / "history.json").read_text())
    history.pop("seconds")
    tensors = load_file(folder / "model.safetensors")
    return {name: array.tobytes() for name, array in tensors.items()}, history


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert main(["train", *RUN, "--shards", "8", "--threads", "1", "--out", str(folder)]) == 0
    return outcome(folder)


def test_killed_at_random_and_resumed_on_other_ranks_it_ends_with_the_same_bits(
    uninterrupted, tmp_path
):
    moments, kills, tries, runs = random.Random(7), 0, 0, 0
    launchers = launcher.installed()
    while kills < KILLS:
        folder = tmp_path / str(runs)
        runs += 1
        command = [*RUN, "--threads", 1, "--checkpoint-minutes", 0.0002, "--out", folder]
        ranks = 0
        while True:
            ranks = moments.choice([n for n in (1, 2, 4) if n != ranks])
            mpi = moments.choice(launchers)
            job = mpi.start(ranks, sys.executable, "-m", "bpnet", "train", *command)
            tries += 1
            assert tries < 20 * KILLS + 20, "nearly every run ends before it is killed"
            wait = moments.uniform(0.5, 1.0 + ranks)
            killed = kill_one(job, moments, wait) if kills < KILLS else False
            status, _, error = job.finish()
            kills += killed and status != 0
            if status == 0:
                break
            assert killed, error
            if launcher.told(error):
                print(mpi.prefix.name, launcher.told(error))
            if checkpoint.latest(folder / "checkpoints") is None:
                shutil.rmtree(folder, ignore_errors=True)  # it had not begun
            else:
                command = ["--resume", folder, "--quiet"]
        assert outcome(folder) == uninterrupted
    print(f"{kills} kills, {runs} runs, {tries} starts")


def kill_one(job, moments, wait):
    """Kill a rank after some seconds, unless the job is over."""
    end = time.monotonic() + wait
    while time.monotonic() < end:
        if job.process.poll() is not None:
            return False
        time.sleep(0.01)
    members = job.members()
    if not members:
        return False
    os.kill(moments.choice(members), signal.SIGKILL)
    return True


def test_nothing_is_left():
    assert launcher.segments() <= BEFORE


def test_the_hash_tells_networks_apart():
    assert len({jobs.train(shards=8, epochs=1, seed=seed)[0] for seed in (0, 1)}) == 2
    assert np.isfinite(jobs.train(epochs=1)[1]["cost"]).all()

"""``bpnet train --resume``: killed at any moment, a run ends as if it had not been."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from bpnet import checkpoint
from bpnet.cli import main

OPTIONS = ["digits", "--hidden", "48", "--dropout", "0.1", "--batch-size", "16", "--quiet"]
OFTEN = ["--checkpoint-minutes", "0.0002"]
KILLS = int(os.environ.get("BPNET_TEST_KILLS", "8"))
"""BPNET_TEST_KILLS=1000 is the long form."""


def start(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "bpnet", "train", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finish(*arguments):
    with start(*arguments) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error


def outcome(folder):
    history = json.loads((folder / "history.json").read_text())
    history.pop("seconds")
    seen = (folder / "distributions.json").read_bytes()
    return (folder / "model.safetensors").read_bytes(), history, seen


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    before = time.monotonic()
    finish(*OPTIONS, "--epochs", 12, "--out", folder)
    return outcome(folder), time.monotonic() - before


def test_killed_at_random_moments_it_ends_with_the_same_bits(uninterrupted, tmp_path):
    wanted, seconds = uninterrupted
    moments = random.Random(11)
    for i in range(KILLS):
        folder = tmp_path / str(i)
        command = [*OPTIONS, *OFTEN, "--epochs", 12, "--out", folder]
        while True:
            with start(*command) as process:
                time.sleep(moments.uniform(0.3, 1.2) * seconds)
                process.kill()
                process.communicate()
            if process.returncode == -signal.SIGKILL and (folder / "config.toml").exists():
                break
            shutil.rmtree(folder, ignore_errors=True)  # it was over, or had not begun
        finish("--resume", folder, "--quiet")
        assert outcome(folder) == wanted
        assert len(list((folder / "checkpoints").glob("*.safetensors"))) <= 2


def test_killed_before_its_first_checkpoint_it_starts_anew(uninterrupted, tmp_path):
    folder = tmp_path / "run"
    finish(*OPTIONS, "--epochs", 12, "--out", folder)
    for path in (folder / "checkpoints").iterdir():
        path.unlink()
    (folder / "model.safetensors").unlink()
    (folder / "history.json").unlink()
    finish("--resume", folder, "--quiet")
    assert outcome(folder) == uninterrupted[0]


def test_sigterm_writes_a_checkpoint_and_the_run_goes_on(uninterrupted, tmp_path):
    folder = tmp_path / "run"
    with start(*OPTIONS, "--epochs", 12, "--checkpoint-minutes", "9", "--out", folder) as process:
        while not (folder / "history.json").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 143
    assert list((folder / "checkpoints").glob("*.safetensors"))
    assert len(json.loads((folder / "history.json").read_text())["cost"]) < 12
    finish("--resume", folder, "--quiet")
    assert outcome(folder) == uninterrupted[0]


def test_a_folder_is_one_process_s_own(tmp_path, capsys):
    folder = tmp_path / "run"
    with start(*OPTIONS, "--epochs", 5000, *OFTEN, "--out", folder) as process:
        while not (folder / "checkpoints").exists():
            time.sleep(0.01)
        try:
            assert main(["train", "--resume", str(folder)]) == 2
            assert "another process is training in" in capsys.readouterr().err
            assert main(["train", *OPTIONS, "--epochs", "1", "--out", str(folder)]) == 2
        finally:
            process.kill()
            process.communicate()
    kept = checkpoint.latest(folder / "checkpoints").step
    with start("--resume", folder, "--quiet") as process:  # the lock has gone with its holder
        while checkpoint.latest(folder / "checkpoints").step <= kept:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert not (folder / ".lock").exists()
    capsys.readouterr()


def test_a_finished_run_says_so_and_is_left_alone(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["train", *OPTIONS, "--epochs", "2", "--out", str(folder)]) == 0
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*")}
    assert main(["train", "--resume", str(folder)]) == 0
    assert "is finished: nothing to do" in capsys.readouterr().out
    assert before == {p: p.stat().st_mtime_ns for p in folder.rglob("*")}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--hidden", "3"], "leave hidden out"),
        (["--out", "x"], "leave out out"),
        (["--batch-size", "64"], "leave batch-size out"),
    ],
)
def test_a_resume_takes_the_runs_own_settings(options, text, tmp_path, capsys):
    assert main(["train", "--resume", str(tmp_path), *options]) == 2
    assert text in capsys.readouterr().err


def test_what_is_no_run_is_refused(tmp_path, capsys):
    assert main(["train", "--resume", str(tmp_path)]) == 2
    (tmp_path / "config.toml").write_text("[data")
    assert main(["train", "--resume", str(tmp_path)]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 2
    assert "holds no config.toml" in error[0]
    assert "damaged" in error[1]


def test_damaged_checkpoints_are_told(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["train", *OPTIONS, "--epochs", "2", "--out", str(folder)]) == 0
    (folder / "model.safetensors").unlink()
    for path in (folder / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    capsys.readouterr()
    assert main(["train", "--resume", str(folder)]) == 2
    assert "checkpoints are damaged; start another run" in " ".join(capsys.readouterr().err.split())

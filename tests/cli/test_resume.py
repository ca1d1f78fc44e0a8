"""``bpnet train --resume``: killed at any moment, a run ends as if it had not been."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bpnet
from bpnet.cli import main
from bpnet.storage import checkpoint, disk

OPTIONS = ["digits", "--hidden", "48", "--dropout", "0.1", "--batch-size", "16", "--quiet"]
OFTEN = ["--checkpoint-minutes", "0.0002"]
ROOT = Path(__file__).parents[2]


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="its processes are forked")
def test_fifty_kills():
    """``ci/kills`` in short: no run or sweep that differs, no file that is not whole."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.kills", "--kills", "50"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "    50  kills\n" in done.stdout
    assert "    25  kills of sweeps\n" in done.stdout
    assert "    25  kills of other commands\n" in done.stdout
    assert "    10  kills of sets\n" in done.stdout


def test_a_process_of_its_own_killed_ends_with_the_same_bits(uninterrupted, tmp_path):
    expected, seconds = uninterrupted
    moments = random.Random(11)
    for i in range(2):
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
        assert outcome(folder) == expected
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
    assert main(["train", "--resume", str(folder), "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    history = json.loads((folder / "history.json").read_text())
    assert output == {
        "run": str(folder), "backend": "numpy", "history": history, "finished": True,
    }  # fmt: skip
    assert before == {p: p.stat().st_mtime_ns for p in folder.rglob("*")}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--hidden", "3"], "leave --hidden out"),
        (["--out", "x"], "leave --out out"),
        (["--batch-size", "64"], "leave --batch-size out"),
        (["digits"], "leave DATA out"),
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


def test_damaged_checkpoints_are_reported(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["train", *OPTIONS, "--epochs", "2", "--out", str(folder)]) == 0
    (folder / "model.safetensors").unlink()
    for path in (folder / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    capsys.readouterr()
    assert main(["train", "--resume", str(folder)]) == 2
    assert "checkpoints are damaged; start another run" in " ".join(capsys.readouterr().err.split())


def test_what_a_kill_left_before_the_configuration_is_no_run(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in (".lock", ".config.toml.7.partial"):
        (folder / name).touch()
    assert main(["train", *OPTIONS, "--epochs", "1", "--out", str(folder)]) == 0
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("how", ["stop", "continue"])
def test_a_disk_that_fails_while_training(tmp_path, capsys, monkeypatch, caplog, how):
    """The second checkpoint and those after it cannot be written, the model can."""
    written, write = [], disk.write

    def failing(path, content, **options):
        written.extend([path.name] * (path.parent.name == "checkpoints"))
        if path.parent.name == "checkpoints" and len(written) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, content, **options)

    monkeypatch.setattr(disk, "write", failing)
    folder = tmp_path / "run"
    command = ["train", *OPTIONS, *OFTEN, "--epochs", "6", "--on-error", how, "--out", str(folder)]
    status = main(command)
    error = capsys.readouterr().err
    monkeypatch.undo()
    if how == "stop":
        assert status == 1
        assert error.count("\n") == 1
        assert "no checkpoint could be written" in error
        assert os.strerror(errno.ENOSPC) in error
    else:
        assert status == 0
        assert "training goes on" in caplog.text
        assert bpnet.load(folder).sizes == [64, 48, 10]
    assert checkpoint.latest(folder / "checkpoints").step > 0
    assert main(["train", "--resume", str(folder), "--quiet"]) == 0
    assert len(json.loads((folder / "history.json").read_text())["cost"]) == 6

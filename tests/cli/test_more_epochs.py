"""``bpnet train --resume RUN --epochs N``: as if it had had N from the start."""

import json
import signal
import tomllib

import pytest

from bpnet import runs
from bpnet.cli import main

OPTIONS = ["digits", "--hidden", "12", "--dropout", "0.1", "--backend", "numpy", "--quiet"]


def run(*arguments):
    try:
        return main([str(a) for a in arguments]) or 0
    except SystemExit as end:
        return end.code or 0


def outcome(folder):
    history = json.loads((folder / "history.json").read_text())
    history.pop("seconds")
    return (folder / "model.safetensors").read_bytes(), history


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def short(tmp_path):
    assert run("train", *OPTIONS, "--epochs", 2, "--out", tmp_path / "short") == 0
    return tmp_path / "short"


@pytest.fixture
def whole(tmp_path):
    assert run("train", *OPTIONS, "--epochs", 4, "--out", tmp_path / "whole") == 0
    return outcome(tmp_path / "whole")


def test_it_ends_with_the_bits_of_a_longer_run(short, whole, capsys):
    assert run("train", "--resume", short, "--epochs", 4, "--quiet") == 0
    assert outcome(short) == whole
    assert tomllib.loads((short / "config.toml").read_text())["training"]["epochs"] == 4
    before = files(short)
    for more in ([], ["--epochs", 4]):
        assert run("train", "--resume", short, *more) == 0
        assert "is finished: nothing to do" in capsys.readouterr().out
    assert files(short) == before


def test_one_that_is_stopped_on_the_way_goes_on_to_as_many(short, whole, monkeypatch):
    write = runs.Recorder.on_epoch_end

    def stopping(self, run):
        write(self, run)
        if run.epoch == 2:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(runs.Recorder, "on_epoch_end", stopping)
        assert run("train", "--resume", short, "--epochs", 4, "--quiet") == 143
    assert len(json.loads((short / "history.json").read_text())["cost"]) == 3
    assert run("train", "--resume", short, "--quiet") == 0
    assert outcome(short) == whole


def test_one_that_was_killed_before_its_first_step_goes_on_to_as_many(short, whole, monkeypatch):
    """The configuration says so from the start."""

    def killed(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("bpnet.training.session.Session.train_epoch", killed)
        assert run("train", "--resume", short, "--epochs", 4, "--quiet") == 1
    assert run("train", "--resume", short, "--quiet") == 0
    assert outcome(short) == whole


def test_fewer_than_it_has_are_refused(short, capsys):
    before = files(short)
    assert run("train", "--resume", short, "--epochs", 1) == 2
    assert "has 2 epochs, and 1 are asked for; give more" in capsys.readouterr().err
    assert files(short) == before


def test_a_run_without_checkpoints_is_refused(tmp_path, capsys):
    out = tmp_path / "run"
    assert run("train", *OPTIONS[:3], "--optimizer", "lbfgs", "--epochs", 2, "--out", out) == 0
    before = files(out)
    assert run("train", "--resume", out, "--epochs", 3) == 2
    said = capsys.readouterr().err
    assert f"{out} holds no checkpoint from which more epochs could follow" in said
    assert files(out) == before

"""What practitioners expect of ``bpnet train``: L-BFGS, a rate that is found, metrics, norms."""

import json
import shutil
import signal

import numpy as np
import pytest

import bpnet
from bpnet import runs
from bpnet.cli import main


def run(*arguments):
    try:
        return main([str(a) for a in arguments]) or 0
    except SystemExit as end:
        return end.code or 0


def test_lbfgs_takes_all_examples_and_says_what_it_cost(tmp_path, capsys):
    out = tmp_path / "run"
    assert run("train", "--optimizer", "lbfgs", "--epochs", 4, "--hidden", 8, "--out", out) == 0
    said = capsys.readouterr().out
    assert "L-BFGS: 4 iterations, " in said
    assert "round trips to the host" in said
    assert len(json.loads((out / "history.json").read_text())["cost"]) == 4
    assert run("train", "--resume", out) == 0
    assert "is finished: nothing to do" in capsys.readouterr().out


def test_lbfgs_that_is_stopped_is_not_called_finished(tmp_path, capsys, monkeypatch):
    """It has no checkpoints; what is taken up begins anew."""
    out, model = tmp_path / "run", tmp_path / "run" / "model.safetensors"
    options = ("--optimizer", "lbfgs", "--epochs", 6, "--hidden", 8, "--backend", "numpy", "-q")
    assert run("train", *options, "--out", tmp_path / "whole") == 0
    with monkeypatch.context() as patch:
        write = runs.Recorder.on_epoch_end

        def stopping(self, run):
            write(self, run)
            if run.epoch == 1:
                signal.raise_signal(signal.SIGTERM)

        patch.setattr(runs.Recorder, "on_epoch_end", stopping)
        assert run("train", *options, "--out", out) == 143
    assert model.is_file()
    capsys.readouterr()
    assert run("train", "--resume", out, "-q") == 0
    assert "is finished" not in capsys.readouterr().out
    assert model.read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()
    assert run("train", "--resume", out) == 0
    assert "is finished: nothing to do" in capsys.readouterr().out


def test_the_learning_rate_finder_stores_its_rate_in_the_run(tmp_path, capsys):
    out = tmp_path / "run"
    assert run("train", "--learning-rate", "find", "--epochs", 1, "--out", out) == 0
    said = capsys.readouterr().out
    history = json.loads((out / "history.json").read_text())
    rate = history["learning_rate"][0]
    assert 0 < said.index(f"learning rate: {rate:.3g}, suggested by") < said.index("epoch 1/")
    assert f"learning_rate = {rate!r}" in (out / "config.toml").read_text()
    if "no picture" not in said:
        assert (out / "learning-rate.png").is_file()


def test_momentum_is_kept_in_the_run(tmp_path, capsys):
    """Killed before its first checkpoint and taken up again, the run has it from its folder."""
    models = []
    options = ("--optimizer", "momentum", "--hidden", 8, "--epochs", 1, "-q")
    for name, momentum in (("usual", ()), ("own", ("--momentum", 0.5))):
        out = tmp_path / name
        assert run("train", *options, *momentum, "--out", out) == 0
        models.append((out / "model.safetensors").read_bytes())
    assert models[0] != models[1]
    shutil.rmtree(out / "checkpoints")
    (out / "model.safetensors").unlink()
    assert run("train", "--resume", out, "-q") == 0
    assert (out / "model.safetensors").read_bytes() == models[1]


def test_norm_and_metrics(tmp_path, capsys):
    out = tmp_path / "run"
    options = ("--norm", "batch", "--metric", "f1,top-2", "--epochs", 2, "--micro-batch", "none")
    assert run("train", *options, "--out", out) == 2
    assert not out.exists()
    assert run("train", *options[:-2], "--out", out) == 0
    history = json.loads((out / "history.json").read_text())
    assert len(history["validation_f1"]) == len(history["validation_top_2"]) == 2
    assert type(bpnet.load(out).layers[1]).__name__ == "BatchNorm"
    capsys.readouterr()
    assert run("evaluate", out, "--metric", "auc", "--json") == 0
    assert 0.5 < json.loads(capsys.readouterr().out)["auc"] <= 1


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (("--learning-rate", "fast"), "--learning-rate is 'fast'; give a number, or find"),
        (("--momentum", "0.5"), "momentum is 0.5 and adam has none; use momentum or nesterov"),
        (("--momentum", "1", "--optimizer", "nesterov"), "momentum is 1.0; give a number from 0"),
        (("--metric", "f2"), "there is no metric 'f2'"),
        (("--norm", "group"), "unknown norm 'group'; choose one of batch, layer"),
        (("--optimizer", "lbfgs", "--batch-size", "8"), "batch_size is 8, leave it at None"),
        (("--optimizer", "lbfgs", "--learning-rate", "find"), "lbfgs finds its own"),
        (("--norm", "batch", "--micro-batch", "8"), "batch normalization needs the whole batch"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, capsys, options, match):
    assert run("train", *options, "--out", tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert match in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_weights_of_the_examples_come_from_a_file(tmp_path, capsys):
    x = np.random.default_rng(0).normal(size=(40, 3))
    y = np.arange(40) % 2
    np.savez(tmp_path / "data.npz", x=x, y=y)
    weights = np.linspace(0, 2, 40)
    np.save(tmp_path / "w.npy", weights)
    options = ("train", tmp_path / "data.npz", "--epochs", 2, "--hidden", 4, "--quiet")
    options = (*options, "--sample-weight", tmp_path / "w.npy", "--validation", 0.25)
    options = (*options, "--test", 0.1)
    assert run(*options, "--out", tmp_path / "run") == 0
    data = bpnet.data.load(str(tmp_path / "data.npz"), validation=0.25, test=0.1, seed=0)
    np.testing.assert_array_equal(data.x, x[data.rows])
    net = bpnet.Network([3, 4, 2], hidden="relu", seed=0)
    bpnet.train(net, data, epochs=2, sample_weight=weights[data.rows], validation=data.validation)
    np.testing.assert_array_equal(bpnet.load(tmp_path / "run").weights[0], net.weights[0])
    np.save(tmp_path / "w.npy", weights[:-1])
    capsys.readouterr()
    assert run(*options, "--out", tmp_path / "other") == 2
    assert "has shape (39,) and the data 40 rows; give one" in capsys.readouterr().err
    (tmp_path / "w.npy").write_bytes(b"no array")
    assert run(*options, "--out", tmp_path / "other") == 2
    assert "can't be read" in capsys.readouterr().err

"""Runs and sweeps that are taken up from another folder, or on another device."""

import json
import shutil
import tomllib

import numpy as np

import bpnet
from bpnet.cli import main

QUICK = ["--recipe", "none", "--hidden", "4", "--epochs", "1", "--backend", "numpy", "-q"]


def test_sample_weights_are_read_from_any_working_folder(tmp_path, monkeypatch):
    rows = len(bpnet.data.load("digits").y)
    np.save(tmp_path / "w.npy", np.linspace(1.0, 2.0, rows))
    monkeypatch.chdir(tmp_path)
    assert main(["train", *QUICK, "--sample-weight", "w.npy", "--out", "run"]) == 0
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert config["training"]["sample_weight"] == str(tmp_path / "w.npy")


def test_a_device_beside_resume_is_used_for_the_rest(tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["sweep", "digits", *QUICK[2:], "--out", str(run)]) == 0
    for name in ("config.toml", "model.safetensors"):  # as if the best were not trained yet
        (run / name).unlink()
    shutil.rmtree(run / "checkpoints")
    before = json.loads((run / "sweep.json").read_text())
    capsys.readouterr()
    assert main(["sweep", "--resume", str(run), "--device", "nowhere"]) == 2
    assert "device 'nowhere'" in capsys.readouterr().err
    assert json.loads((run / "sweep.json").read_text()) == before
    assert main(["sweep", "--resume", str(run), "--device", "cpu", "-q"]) == 0
    assert (run / "model.safetensors").is_file()


def test_the_finder_has_the_options_of_training(tmp_path, monkeypatch):
    calls = []

    def find(network, data, **options):
        calls.append(options)
        return bpnet.training.LearningRates(np.ones(2), np.ones(2), 0.25)

    monkeypatch.setattr(bpnet, "find_learning_rate", find)
    options = ["--learning-rate", "find", "--l2", "0.5", "--seed", "3", "--dtype", "float64"]
    options += ["--cost", "quadratic", "--batch-size", "32", "--out", str(tmp_path / "run")]
    assert main(["train", *QUICK, *options]) == 0
    (keywords,) = calls
    expected = {"l2": 0.5, "seed": 3, "dtype": "float64", "batch_size": 32}
    expected["cost"] = bpnet.costs.Quadratic()
    assert {name: keywords[name] for name in expected} == expected

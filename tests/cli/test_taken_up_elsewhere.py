"""Runs and sweeps that are taken up from another folder, or on another device."""

import json
import shutil
import tomllib

import numpy as np

import bpnet
from bpnet.cli import main

QUICK = ["--recipe", "none", "--hidden", "4", "--epochs", "1", "--backend", "numpy", "-q"]


def test_weights_of_examples_are_found_from_any_folder(tmp_path, monkeypatch):
    rows = len(bpnet.data.load("digits").y)
    np.save(tmp_path / "w.npy", np.linspace(1.0, 2.0, rows))
    monkeypatch.chdir(tmp_path)
    assert main(["train", *QUICK, "--sample-weight", "w.npy", "--out", "run"]) == 0
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert config["training"]["sample_weight"] == str(tmp_path / "w.npy")


def test_a_device_given_with_a_resume_is_that_of_the_rest(tmp_path, capsys):
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


def test_the_rate_that_is_found_is_found_for_what_is_trained(tmp_path, monkeypatch):
    asked = []

    def find(network, data, **options):
        asked.append(options)
        return bpnet.training.LearningRates(np.ones(2), np.ones(2), 0.25)

    monkeypatch.setattr(bpnet, "find_learning_rate", find)
    options = ["--learning-rate", "find", "--l2", "0.5", "--seed", "3", "--dtype", "float64"]
    options += ["--cost", "quadratic", "--batch-size", "32", "--out", str(tmp_path / "run")]
    assert main(["train", *QUICK, *options]) == 0
    (found,) = asked
    wanted = {"l2": 0.5, "seed": 3, "dtype": "float64", "batch_size": 32}
    wanted["cost"] = bpnet.costs.Quadratic()
    assert {name: found[name] for name in wanted} == wanted

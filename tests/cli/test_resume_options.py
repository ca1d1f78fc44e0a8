"""A run begun with any option of ``bpnet train`` is taken up again, and ends with the same bits."""

import inspect
import shutil

import numpy as np
import polars
import pytest

from bpnet.cli import main
from bpnet.cli.train import train

USUAL = {
    "hidden": "6", "epochs": "4", "batch-size": "128", "backend": "numpy",
    "checkpoint-minutes": "0.0000001",
}  # fmt: skip
NO_PART = {"context", "source", "out", "resume", "json_", "quiet", "live"}
"""Parameters that say nothing of how is trained."""

CASES = {
    "hidden": ["--hidden", "5,4"],
    "activation": ["--activation", "tanh"],
    "output": ["--output", "softmax"],
    "norm": ["--norm", "layer"],
    "init": ["--init", "he"],
    "cost": ["--cost", "quadratic", "--output", "sigmoid"],
    "optimizer": ["--optimizer", "rmsprop"],
    "optimizer lbfgs": ["--optimizer", "lbfgs", "--batch-size", "0"],
    "learning_rate": ["--learning-rate", "0.01"],
    "learning_rate find": ["--learning-rate", "find"],
    "momentum": ["--optimizer", "nesterov", "--momentum", "0.8"],
    "epochs": ["--epochs", "5"],
    "batch_size": ["--batch-size", "0"],
    "micro_batch": ["--micro-batch", "32"],
    "label_smoothing": ["--label-smoothing", "0.2"],
    "l2": ["--l2", "0.1"],
    "l1": ["--l1", "0.1"],
    "max_norm": ["--max-norm", "1"],
    "clip_norm": ["--clip-norm", "1"],
    "schedule": ["--schedule", "cosine"],
    "sample_weight": ["--sample-weight", "w.npy", "--validation", "0"],
    "class_weight": ["--class-weight", "balanced"],
    "patience": ["--patience", "2"],
    "dropout": ["--dropout", "0.2"],
    "validation": ["--validation", "0.3"],
    "test": ["x.npy,y.npy", "--test", "0.2"],
    "metric": ["--metric", "f1,top-2"],
    "backend": ["--backend", "array_api_strict"],
    "device": ["--backend", "array_api_strict", "--device", "no_float64"],
    "dtype": ["--dtype", "float64"],
    "seed": ["--seed", "3"],
    "threads": ["--threads", "1"],
    "precision": ["--precision", "tf32"],
    "compiled": ["--no-compiled"],
    "target": ["table.csv", "--target", "kind"],
    "task": ["table.csv", "--target", "a", "--task", "regress"],
    "drop": ["table.csv", "--target", "kind", "--drop", "b"],
    "categorical": ["table.csv", "--target", "kind", "--categorical", "c"],
    "numeric": ["table.csv", "--target", "kind", "--numeric", "a,c"],
    "separator": ["table.csv", "--target", "kind", "--separator", ","],
    "recipe": ["table.csv", "--target", "kind", "--recipe", "none"],
    "members": ["table.csv", "--target", "kind", "--members", "3"],
    "stream": ["x.npy,y.npy", "--stream"],
    "shuffle": ["x.npy,y.npy", "--stream", "--shuffle", "blocks"],
    "buffer": ["x.npy,y.npy", "--stream", "--shuffle", "blocks", "--buffer", "64"],
    "checkpoint_minutes": ["--checkpoint-minutes", "0.00000001"],
    "on_error": ["--on-error", "continue"],
    "reduce": ["--reduce", "ordered"],
    "shards": ["--shards", "4"],
    "timeout": ["--timeout", "60"],
    "tensorboard": ["--tensorboard"],
    "tensorboard_folder": ["--tensorboard-folder", "events"],
}


def test_every_option_is_among_these():
    assert {name.split()[0] for name in CASES} == {*inspect.signature(train).parameters} - NO_PART


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Files that options name."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 3)).astype(np.float32), np.arange(300) % 2
    np.save("x.npy", x)
    np.save("y.npy", y)
    np.save("w.npy", rng.uniform(0.5, 1, 1438))
    columns = {"a": x[:, 0], "b": x[:, 1], "c": np.arange(300) % 4, "kind": y.astype(str)}
    polars.DataFrame(columns).write_csv("table.csv")
    return tmp_path


def command(options):
    """Words of a command: what is given goes before what is usual."""
    usual = [f"--{name}={value}" for name, value in USUAL.items() if f"--{name}" not in options]
    if "lbfgs" in options or "find" in options:
        usual = [word for word in usual if "checkpoint" not in word or "find" in options]
    source = [] if options[0][0] != "-" else ["digits"]
    return [*source, *options, *usual, "--quiet"]


@pytest.mark.parametrize("name", CASES)
def test_a_run_that_was_killed_goes_on_with_it(place, capsys, name):
    if name.startswith("tensorboard"):
        pytest.importorskip("tensorboardX")
    options = CASES[name]
    status = main(["train", *command(options), "--out", "run"])
    if name == "precision":  # of a GPU: it is refused before there is a run
        assert status == 2
        return
    assert status == 0, capsys.readouterr().err
    model = place / "run" / "model.safetensors"
    whole = model.read_bytes()
    model.unlink()
    steps = sorted((place / "run").glob("checkpoints/step-*"))
    if "lbfgs" not in options:
        assert len(steps) == 2
        steps[-1].unlink()
    assert main(["train", "--resume", "run", "--quiet"]) == 0, capsys.readouterr().err
    assert model.read_bytes() == whole
    shutil.rmtree(place / "run" / "checkpoints", ignore_errors=True)
    model.unlink()  # killed before the first checkpoint
    assert main(["train", "--resume", "run", "--quiet"]) == 0, capsys.readouterr().err
    assert model.read_bytes() == whole


@pytest.mark.parametrize("options", [["--tensorboard"], ["--tensorboard-folder", "events"]])
def test_event_files_join_those_that_are_there(place, options):
    pytest.importorskip("tensorboardX")
    assert main(["train", *command(options), "--out", "run"]) == 0
    folder = place / ("run/tensorboard" if len(options) == 1 else "events")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    (place / "run" / "model.safetensors").unlink()
    sorted((place / "run").glob("checkpoints/step-*"))[-1].unlink()
    assert main(["train", "--resume", "run", "--quiet"]) == 0
    assert len(list(folder.iterdir())) == len(before) + 1
    assert all(path.read_bytes() == content for path, content in before.items())

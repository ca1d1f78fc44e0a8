"""``bpnet export``."""

import json
import shutil

import numpy as np
import pytest

import bpnet
from bpnet.cli import main
from tests.export.sessions import BOUND, Session, error
from tests.optional import library

for name in ("ndonnx", "onnxscript", "onnxruntime"):
    library(name)

TRAIN = ["--recipe", "none", "--hidden", "8", "--epochs", "1", "--backend", "numpy", "-q"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder of a run with options of its own."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    options = ["--l2", "0.5", "--optimizer", "momentum", "--learning-rate", "0.125"]
    options += ["--momentum", "0.75"]
    assert main(["train", "digits", *TRAIN, *options, "--out", str(folder)]) == 0
    return folder


def test_a_run_becomes_a_file_that_predicts_as_it_does(run, tmp_path, capsys):
    capsys.readouterr()
    path = tmp_path / "digits.onnx"
    assert main(["export", str(run), str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "input x: (batch, 64) float32",
        "output output: (batch, 10) float32",
        "output label: (batch) int64",
        f"ONNX: {path}",
    ]
    x, _ = bpnet.data.load("digits").test
    network = bpnet.load(run)
    outputs = Session(path)(x=(x * network.scale).astype(np.float32))
    assert error(outputs["output"], network.predict(x)) <= BOUND
    assert outputs["label"].tolist() == network.classify(x).tolist()


def test_the_model_of_a_run_without_its_folder(run, tmp_path, capsys):
    capsys.readouterr()
    path = tmp_path / "digits.onnx"
    assert main(["export", str(run / "model.safetensors"), str(path), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert Session(path).inputs == ["x"]


def test_the_training_step_has_the_options_of_the_run(run, tmp_path):
    path = tmp_path / "step.onnx"
    assert main(["export", str(run), str(path), "--training", "-q"]) == 0
    assert Session(path).about["optimizer"] == "Momentum(learning_rate=0.125, momentum=0.75)"
    check_first_step(path, run)


def check_first_step(path, run):
    """The first step of a run with the options above, held against ``gradients`` and (27)."""
    network = bpnet.load(run)
    data = bpnet.data.load("digits", validation=0.1)
    x, y = (data.x[:40] * data.scale).astype(np.float32), data.y[:40].astype(np.int64)
    outputs = Session(path)(x=x, y=y)
    weights = network.weights[0].T
    _, gradients = bpnet.gradients(network, x, y, l2=0.0)
    decayed = gradients[0][0].T + 0.5 / len(data.y) * weights
    np.testing.assert_allclose(outputs["W.0.new"], weights - 0.125 * decayed, rtol=0, atol=1e-6)


def test_the_step_of_a_sweep_s_run(tmp_path):
    """Its data has a seed of its own."""
    out, path = tmp_path / "run", tmp_path / "step.onnx"
    options = ["--l2", "0.5", "--optimizer", "momentum", "--learning-rate", "0.125", "--seeds", "2"]
    options += ["--momentum", "0.25,0.5"]
    assert main(["sweep", "digits", *TRAIN[2:], *options, "--out", str(out)]) == 0
    assert main(["export", str(out), str(path), "--training", "-q"]) == 0
    best = json.loads((out / "sweep.json").read_text())["configurations"][0]
    rule = f"Momentum(learning_rate=0.125, momentum={best['momentum']})"
    assert Session(path).about["optimizer"] == rule
    check_first_step(path, out)


def test_the_step_of_streamed_data_is_that_of_data_in_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32)
    np.save("x.npy", x)
    np.save("y.npy", (x[:, 0] > 0).astype(int))
    for name, stream in (("memory", []), ("stream", ["--stream"])):
        options = ["--l1", "0.5", *stream, "--out", name]
        assert main(["train", "x.npy,y.npy", *TRAIN, *options]) == 0
        assert main(["export", name, f"{name}.onnx", "--training", "-q"]) == 0
    assert (tmp_path / "stream.onnx").read_bytes() == (tmp_path / "memory.onnx").read_bytes()


def test_a_run_whose_data_cannot_be_read_again_has_no_step(run, tmp_path, capsys):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    config = (copy / "config.toml").read_text()
    (copy / "config.toml").write_text(config.replace("[data]", "[data]\ncolour = 1"))
    capsys.readouterr()
    assert main(["export", str(copy), str(tmp_path / "s.onnx"), "--training"]) == 2
    error = capsys.readouterr().err
    assert (error.count("\n"), "data.colour" in error) == (1, True)


@pytest.mark.parametrize(
    ("target", "y"),
    [("price", "the target standardized, (value - 105) / "), ("kind", "numbers of the classes")],
)
def test_what_a_file_takes_of_a_table_is_said(tmp_path, capsys, target, y):
    table, run = tmp_path / "t.csv", str(tmp_path / "run")
    rows = [f"{i % 7},{'uvw'[i % 3]},{100 + i % 10}.5" for i in range(60)]
    table.write_text("\n".join(["size,kind,price", *rows]))
    options = [str(table), "--target", target, "--validation", "0", *TRAIN, "--out", run]
    assert main(["train", *options]) == 0
    notes = {}
    for name, training in (("run", []), ("step", ["--training"])):
        capsys.readouterr()
        assert main(["export", run, str(tmp_path / f"{name}.onnx"), *training]) == 0
        shown = capsys.readouterr().out.splitlines()
        notes[name] = [line.removeprefix("note: ") for line in shown if line.startswith("note: ")]
    values = 4 if target == "price" else 2
    assert notes["step"][0].startswith(f"x is the {values} encoded values of each row")
    assert notes["step"][1].startswith(f"y is {y}")
    assert ["spaces" in note for note in notes["run"]] == [True] * (target == "price")


BAD = {
    "no run": (["nowhere", "m.onnx"], "nowhere"),
    "a run without a model": (["empty", "m.onnx"], "not a finished run"),
    "no model": (["junk.safetensors", "m.onnx"], "junk.safetensors"),
    "another ending": (["run", "m.pb"], ".onnx"),
    "no folder": (["run", "no/m.onnx"], "can't be written"),
    "dtype": (["run", "m.onnx", "--dtype", "int8"], "float32 or float64"),
}


@pytest.mark.parametrize(("arguments", "word"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_leaves_nothing(
    run, tmp_path, monkeypatch, capsys, arguments, word
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert main(["export", *(str(run) if a == "run" else a for a in arguments)]) == 2
    out, said = capsys.readouterr()
    assert (out, said.count("\n")) == ("", 1)
    assert word in said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_of_lbfgs_has_no_step(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["train", "digits", *TRAIN, "--optimizer", "lbfgs", "--out", str(folder)]) == 0
    capsys.readouterr()
    assert main(["export", str(folder), str(tmp_path / "s.onnx"), "--training"]) == 2
    assert "lbfgs" in capsys.readouterr().err
    assert not (tmp_path / "s.onnx").exists()

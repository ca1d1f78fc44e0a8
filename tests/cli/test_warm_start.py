"""``--init RUN``: a run that begins with the weights of another."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import bpnet
from bpnet.cli import main

FAST = ["--recipe", "none", "--epochs", "2", "--backend", "numpy", "-q"]


def frame(rows, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    a = rng.normal(shift, 2, rows)
    return pl.DataFrame(
        {"a": a, "c": rng.choice(["x", "z"], rows), "y": 3 * a + rng.normal(0, 0.1, rows)}
    )


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame(120, 0).write_csv("first.csv")
    frame(120, 1, shift=5.0).write_csv("more.csv")
    words = ["first.csv", "--target", "y", "--hidden", "6,5", "--activation", "tanh,relu"]
    assert main(["train", *words, *FAST, "--out", "first"]) == 0
    return tmp_path


def refused(capsys, *words):
    capsys.readouterr()
    assert main(["train", *words, *FAST, "--out", "other"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert not Path("other").exists()
    return line


def begun(source="more.csv", *more, out="second"):
    words = ["train", source, "--target", "y", "--init", "first", *more, *FAST, "--out", out]
    return main(words)


def test_it_goes_on_from_the_weights_with_the_columns(place):
    assert begun() == 0
    net, first = bpnet.load("second"), bpnet.load("first")
    assert net.columns == first.columns  # not those of more.csv, whose mean is another
    assert net.layers == first.layers
    data = bpnet.data.load("more.csv", target="y", validation=0.1, test=0.1, columns=first.columns)
    bpnet.train(first, data, epochs=2, backend="numpy")
    for one, other in zip(net.weights, first.weights, strict=True):
        np.testing.assert_array_equal(one, other)
    history = json.loads(Path("second/history.json").read_text())
    assert len(history["cost"]) == 2


def test_it_is_taken_up_again_without_the_other_run(place):
    assert begun(out="whole") == 0
    assert begun("more.csv", "--checkpoint-minutes", "1e-9") == 0
    Path("second/model.safetensors").unlink()  # as if it had been killed
    assert main(["train", "--resume", "second", "-q"]) == 0
    expected = Path("whole/model.safetensors").read_bytes()
    assert Path("second/model.safetensors").read_bytes() == expected
    Path("second/model.safetensors").unlink()
    shutil.rmtree("second/checkpoints", ignore_errors=True)
    shutil.move("first", "gone")
    assert main(["train", "--resume", "second", "-q"]) == 2


def test_differences_are_named(place, capsys):
    options = ["more.csv", "--target", "y", "--init", "first"]
    line = refused(capsys, *options, "--hidden", "6,7")
    assert "layer 2 of the trained network is dense 6 to 5 relu, not dense 6 to 7" in line
    assert "leave --hidden out" in line
    line = refused(capsys, *options, "--activation", "tanh")
    assert "is dense 6 to 5 relu, not dense 6 to 5 tanh" in line
    frame(60, 2).rename({"a": "b"}).write_csv("lacking.csv")
    assert "lacks 'a'" in refused(capsys, "lacking.csv", *options[1:])
    assert "trained on 'y'" in refused(capsys, "more.csv", "--target", "c", *options[3:])
    assert "no run at runs/none" in refused(capsys, *options[:-1], "runs/none")
    assert main(["train", "digits", "--hidden", "8", *FAST, "--out", "digits"]) == 0
    np.savez("wide.npz", x=np.ones((20, 3)), y=np.arange(20) % 10)
    line = refused(capsys, "wide.npz", "--init", "digits")
    assert "has 64 inputs, and the data need 3" in line


def test_layers_may_be_said_again(place):
    assert begun("more.csv", "--hidden", "6,5", "--activation", "tanh,relu") == 0


def test_a_model_file_will_do(place):
    bpnet.load("first").save("model.safetensors")
    assert main(["train", "more.csv", "--target", "y", "--init", "model.safetensors", *FAST,
                 "--out", "third"]) == 0  # fmt: skip


def test_python_refuses_columns_that_are_taken_otherwise(place):
    net = bpnet.load("first")
    data = bpnet.data.load("more.csv", target="y")
    with pytest.raises(bpnet.InputError, match="trained with other columns: 'a' has mean"):
        bpnet.train(net, data, epochs=1)
    bpnet.train(net, bpnet.data.load("more.csv", target="y", columns=net.columns), epochs=1)

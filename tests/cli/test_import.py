"""``bpnet import``."""

import inspect

import numpy as np
import pytest
from safetensors.numpy import save_file

import bpnet
import bpnet.imports
from bpnet.cli import import_, main

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Working folder with the weights of two layers, and files that are none."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(1)
    shapes = {"0.weight": (5, 4), "0.bias": (5,), "2.weight": (3, 5), "2.bias": (3,)}
    save_file({n: generator.normal(size=s) for n, s in shapes.items()}, "w.safetensors")
    for name in ("m.pt", "m.pkl", "m.h5", "m.txt", "m.keras"):
        (tmp_path / name).write_bytes(b"junk")
    bpnet.Network([4, 3]).save("own.safetensors")
    np.savez("x.npz", x=X, y=np.arange(20) % 3)
    return tmp_path


ACTIVATIONS = ["--activation", "tanh", "--output", "softmax", "--classes", "ant,bee,cat"]


def test_weights_become_a_model_that_predicts(place, capsys):
    assert main(["import", "w.safetensors", "model.safetensors", *ACTIVATIONS]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "network: Network([4, 5, 3], Tanh, Softmax)",
        "model: model.safetensors",
    ]
    network = bpnet.load("model.safetensors")
    assert set(network.classify(X)) <= {"ant", "bee", "cat"}
    assert main(["predict", "model.safetensors", "x.npz", "-o", "p.csv", "-q"]) == 0
    first, *rows = (place / "p.csv").read_text().splitlines()
    assert first == "class,p_ant,p_bee,p_cat"
    assert [row.partition(",")[0] for row in rows] == network.classify(X).tolist()


def test_the_example_of_its_help_works(place, capsys):
    assert main(["import", "--help"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    (example,) = [words[1:] for words in lines if words[:3] == ["bpnet", "import", "w.safetensors"]]
    assert main(example) == 0
    assert bpnet.load(example[2]).sizes == [4, 5, 3]


def test_one_layer_needs_no_hidden_activation(place):
    save_file({"weight": X[:3].T.copy()}, "one.safetensors")
    assert main(["import", "one.safetensors", "m.safetensors", "--output", "identity"]) == 0
    assert bpnet.load("m.safetensors").sizes == [3, 4]


def test_the_order_of_layers_whose_names_do_not_say_it(place, capsys):
    generator = np.random.default_rng(2)
    state = {
        "out.weight": generator.normal(size=(3, 5)),
        "fc.weight": generator.normal(size=(5, 4)),
    }
    save_file(state, "named.safetensors")
    command = ["import", "named.safetensors", "m.safetensors", "--activation", "tanh"]
    command += ["--output", "identity"]
    assert main(command) == 2
    assert "--order first,...,last" in capsys.readouterr().err
    assert main([*command, "--order", "fc,out"]) == 0
    expected = np.tanh(X @ state["fc.weight"].T) @ state["out.weight"].T
    np.testing.assert_allclose(bpnet.load("m.safetensors").predict(X), expected, rtol=0, atol=1e-6)


def test_the_command_takes_what_python_takes_in_its_order():
    path, *parameters = inspect.signature(bpnet.imports.from_file).parameters
    source, _, *options, quiet = inspect.signature(import_.import_).parameters
    assert (path, source, quiet) == ("path", "source", "quiet")
    assert ["hidden" if name == "activation" else name for name in options] == parameters


def test_a_model_without_a_run_is_evaluated_on_other_data(place, capsys):
    options = ["--activation", "tanh", "--output", "softmax"]
    assert main(["import", "w.safetensors", "model.safetensors", *options, "-q"]) == 0
    assert main(["evaluate", "model.safetensors", "x.npz"]) == 0
    assert "test accuracy" in capsys.readouterr().out
    assert main(["evaluate", "model.safetensors"]) == 2
    error = capsys.readouterr().err
    assert "DATA" in error
    assert error.count("\n") == 1


BAD = {
    "no file": (["no.keras", "o.safetensors"], "no.keras"),
    "pickled by torch": (["m.pt", "o.safetensors"], "save_file"),
    "pickled": (["m.pkl", "o.safetensors"], "from_sklearn"),
    "weights of Keras": (["m.h5", "o.safetensors"], "model.keras"),
    "something": (["m.txt", "o.safetensors"], ".keras or a .safetensors"),
    "damaged": (["m.keras", "o.safetensors"], "damaged"),
    "no activations": (["w.safetensors", "o.safetensors"], "(--activation relu --output softmax,"),
    "no output": (["w.safetensors", "o.safetensors", "--activation", "relu"], "(--output softmax,"),
    "no hidden": (["w.safetensors", "o.safetensors", "--output", "softmax"], "(--activation relu,"),
    "its own file": (["own.safetensors", "o.safetensors"], "one of bpnet's own models"),
    "the file itself": (["w.safetensors", "w.safetensors", *ACTIVATIONS], "it is an input file"),
    "too many activations": (["m.keras", "o.safetensors", "--output", "softmax"], "leave them out"),
    "no folder": (["w.safetensors", "no/o.safetensors", *ACTIVATIONS], "can't be written"),
    "another ending": (["w.safetensors", "o.onnx", *ACTIVATIONS], ".safetensors"),
    "an order it has": (["m.keras", "o.safetensors", "--order", "a,b"], "leave them out"),
    "another order": (
        ["w.safetensors", "o.safetensors", *ACTIVATIONS, "--order", "0"],
        "name each once",
    ),
    "a folder": ([".", "o.safetensors"], "give a .keras"),
    "too few classes": (
        ["w.safetensors", "o.safetensors", *ACTIVATIONS[:-1], "ant"],
        "3 different",
    ),
}


@pytest.mark.parametrize(("arguments", "word"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_leaves_nothing(place, capsys, arguments, word):
    before = sorted(place.rglob("*"))
    assert main(["import", *arguments]) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert word in error
    assert sorted(place.rglob("*")) == before

"""The forward pass as an ONNX file, against ``predict``."""

import json
import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import bpnet
from bpnet.core.activations import ACTIVATIONS, ReLU
from bpnet.core.layers import Dense, Dropout
from bpnet.errors import InputError
from bpnet.export import to_onnx
from tests.export.sessions import BOUND, Session, error
from tests.optional import library


def examples(m, n, seed=0):
    return np.random.default_rng(seed).normal(size=(m, n)).astype(np.float32) * 2


def exported(network, folder, **options):
    return Session(to_onnx(network, folder / "model.onnx", **options))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_hidden_and_as_output(tmp_path, name):
    net = bpnet.Network([6, 5, 4], hidden=name, output=name, init="normal", seed=1)
    net.biases[0] = np.linspace(-1, 1, 5)
    session = exported(net, tmp_path)
    x = examples(50, 6) * (0.3 if name == "exp" else 1)
    expected = net.predict(x, dtype="float32")
    # exp makes of a relative error of z one that is |z| times as large
    condition = max(1.0, float(np.abs(np.log(expected)).max())) if name == "exp" else 1.0
    assert error(session(x=x)["output"], expected) <= BOUND * condition
    dense = session.operators.count("Gemm") + session.operators.count("MatMul")
    assert dense == 2
    assert not {"If", "Loop", "Size", "Shape", "Identity"} & set(session.operators)


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "identity"])
def test_the_graph_is_what_a_person_would_write(tmp_path, output):
    net = bpnet.Network([6, 5, 4, 3], hidden=["relu", "sigmoid"], output=output)
    for l in range(3):
        net.biases[l] = np.arange(net.sizes[l + 1]) + l + 1
    named = {"softmax": ["Softmax"], "sigmoid": ["Sigmoid"], "identity": []}
    session = exported(net, tmp_path)
    assert session.operators == ["Gemm", "Relu", "Gemm", "Sigmoid", "Gemm", *named[output]]
    assert [node.input[1] for node in session.model.graph.node if node.op_type == "Gemm"] == [
        *("W.0", "W.1", "W.2")
    ]
    constants = {
        t.name: library("onnx").numpy_helper.to_array(t) for t in session.model.graph.initializer
    }
    assert set(constants) == {"W.0", "W.1", "W.2", "b.0", "b.1", "b.2"}
    np.testing.assert_array_equal(constants["W.1"], net.weights[1].T.astype(np.float32))


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_normalization_as_in_prediction(tmp_path, norm):
    net = bpnet.Network([6, 5, 4], hidden="tanh", norm=norm, seed=1)
    x, y = examples(60, 6), np.arange(60) % 4
    bpnet.train(net, (x, y), epochs=3, batch_size=16)  # averages that are not those of the start
    session = exported(net, tmp_path)
    assert error(session(x=x)["output"], net.predict(x)) <= BOUND
    assert session.operators.count("Gemm") == 2


def test_dropout_is_off(tmp_path):
    net = bpnet.Network([Dense(6, 5, ReLU()), Dropout(0.5), Dense(5, 4, "softmax")])
    session = exported(net, tmp_path)
    x = examples(9, 6)
    assert error(session(x=x)["output"], net.predict(x, dtype="float32")) <= BOUND
    assert session.operators == ["Gemm", "Relu", "Gemm", "Softmax"]


def test_any_number_of_examples_and_extreme_ones(tmp_path):
    """Whole inputs and weights in eighths: sums are exact, in whatever order they are taken."""
    net = bpnet.Network([6, 5, 4], hidden="relu", output="sigmoid")
    for l in (0, 1):
        net.weights[l] = np.round(net.weights[l] * 8) / 8
    session = exported(net, tmp_path)
    for m in (0, 1, 2, 1000):
        x = np.round(examples(m, 6) * 1000)
        actual = session(x=x)["output"]
        assert actual.shape == (m, 4)
        assert m == 0 or error(actual, net.predict(x, dtype="float32")) <= BOUND


def test_float64(tmp_path):
    net = bpnet.Network([6, 5, 4], hidden="relu", output="identity")
    x = examples(20, 6).astype(np.float64)
    actual = exported(net, tmp_path, dtype="float64")(x=x)["output"]
    assert actual.dtype == np.float64
    assert error(actual, net.predict(x, dtype="float64")) <= 1e-14


@pytest.mark.parametrize(
    ("classes", "output", "n"),
    [
        (["no", "yes", "ß 1"], "softmax", 3),
        ([3, 5, 8], "softmax", 3),
        ([0.5, 1.5], "sigmoid", 1),
        (["no", "yes"], "identity", 1),
        ([False, True], "sigmoid", 1),
    ],
)
def test_labels_are_those_of_classify(tmp_path, classes, output, n):
    net = bpnet.Network([6, 5, n], hidden="tanh", output=output, init="normal", seed=2)
    net.classes = np.asarray(classes)
    session = exported(net, tmp_path)
    x = examples(40, 6)
    expected = net.decide(net.predict(x, dtype="float32")).tolist()
    assert session(x=x)["label"].tolist() == expected
    assert len(set(expected)) > 1
    assert json.loads(session.about["classes"]) == classes


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("output", ["sigmoid", "identity"])
def test_labels_that_do_not_exclude_each_other_are_0_and_1(tmp_path, n, output):
    net = bpnet.Network([6, 5, n], hidden="tanh", output=output, init="normal", seed=2)
    net.labels = True
    session, x = exported(net, tmp_path), examples(40, 6)
    actual = session(x=x)
    middle = 0.5 if output == "sigmoid" else 0.0  # of a hinge, whose outputs are scores
    right = (net.predict(x, dtype="float32") > middle).astype(int)
    assert actual["label"].tolist() == (right[:, 0] if n == 1 else right).tolist()
    assert 0 < right.mean() < 1


def test_numbers_that_are_no_classes_have_no_label(tmp_path):
    net = bpnet.Network([6, 5, 1], output="identity", seed=2)
    assert exported(net, tmp_path).outputs == ["output"]


def test_what_the_file_says_of_itself(tmp_path):
    net = bpnet.Network([6, 5, 4], hidden="relu")
    net.scale = 1 / 255
    session = exported(net, tmp_path)
    model = session.model
    library("onnx").checker.check_model(model, full_check=True)
    assert {o.domain: o.version for o in model.opset_import} == {"": 21}  # what is used alone
    assert (model.producer_name, model.producer_version) == ("bpnet", bpnet.__version__)
    assert session.about == {
        "kind": "forward pass",
        "network": "Network([6, 5, 4], ReLU, Softmax)",
        "classes": "null",
        "scale": repr(1 / 255),
    }


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("model.onx", {}, ".onnx"),
        ("no/model.onnx", {}, "can't be written"),
        ("model.onnx", {"dtype": "float16"}, "float32 or float64"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(tmp_path, name, options, word):
    with pytest.raises(InputError, match=word):
        to_onnx(bpnet.Network([2, 2]), tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    to_onnx(bpnet.Network([2, 2]), path)
    before = path.read_bytes()

    def failing(*_arguments):
        raise OSError(28, "no space left")

    monkeypatch.setattr("os.fsync", failing)
    with pytest.raises(OSError, match="no space"):
        to_onnx(bpnet.Network([2, 3]), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]


@pytest.mark.parametrize("name", ["ndonnx", "onnx_ir", "onnxscript.optimizer"])
def test_a_missing_library_is_named_with_its_cure(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=rf'{name}.*pip install "ndonnx>=0.23" "onnx>=1.19"'):
        to_onnx(bpnet.Network([2, 2]), tmp_path / "model.onnx")


def test_the_extra_names_each_library_that_is_imported():
    used = set()
    for path in Path(bpnet.export.__file__).parent.glob("*.py"):
        used |= set(re.findall(r'library\("(\w+)', path.read_text(encoding="utf-8")))
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extra = [re.match(r"[\w-]+", need)[0] for need in project["optional-dependencies"]["onnx"]]
    assert {"ndonnx", "onnx"} < used <= {name.replace("-", "_") for name in extra}

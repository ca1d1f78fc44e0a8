"""What an estimator answers, its network, the file of that and its ONNX graph answer too."""

import warnings

import numpy as np
import pytest

import bpnet
from bpnet.errors import InputError
from bpnet.export import to_onnx
from bpnet.imports import from_sklearn
from bpnet.sklearn import MLPClassifier, MLPRegressor
from tests.export.sessions import Session

X = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32)
THREE = np.digitize(X[:, 0], [-0.5, 0.5])
LABELS = (X[:, :3] > 0).astype(int)
SVM = {"output_activation": "identity", "cost": "hinge"}
CASES = {
    "three classes": (THREE, {}),
    "names not in order": (np.asarray(["zebra", "ant", "moth"])[THREE], {}),
    "names that are objects": (np.asarray(["zebra", "ant", "moth"], object)[THREE], {}),
    "numbers with gaps": (np.asarray([7, -2, 30])[THREE], {}),
    "floats": (np.asarray([1.0, 0.0, 4.0])[THREE], {}),
    "three sigmoids": (THREE, {"output_activation": "logistic"}),
    "three of hinge": (THREE, SVM),
    "two classes": (np.asarray([5, 3])[LABELS[:, 0]], {}),
    "two names": (np.asarray(["yes", "no"])[LABELS[:, 0]], {}),
    "booleans": (LABELS[:, 0] > 0, {}),
    "two of hinge": (LABELS[:, 0], SVM),
    "two by tanh": (LABELS[:, 0], {"output_activation": "tanh", "cost": "quadratic"}),
    "labels": (LABELS, {}),
    "two labels": (LABELS[:, :2], {}),
    "booleans as labels": (LABELS > 0, {}),
    "labels of hinge": (LABELS, SVM),
    "labels by tanh": (LABELS, {"output_activation": "tanh", "cost": "quadratic"}),
    "labels by softmax": (LABELS, {"output_activation": "softmax", "cost": "quadratic"}),
}


def fitted(kind, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(hidden_layer_sizes=(8,), max_iter=20, random_state=0, **options).fit(X, y)


@pytest.mark.parametrize("name", CASES)
def test_classes_and_labels(name, tmp_path):
    y, options = CASES[name]
    est = fitted(MLPClassifier, y, **options)
    expected = est.predict(X)
    assert len(np.unique(expected, axis=0)) > 1
    network = est.to_network()
    read = bpnet.load(network.save(tmp_path / "m.safetensors"))
    for net in (network, read, from_sklearn(est), bpnet.Ensemble([read])):
        np.testing.assert_array_equal(net.classify(X), expected)
    for net in (network, read):
        label = Session(to_onnx(net, tmp_path / "m.onnx"))(x=X)["label"]
        assert label.shape == expected.shape
        np.testing.assert_array_equal(label, expected)
    both = bpnet.Ensemble([network, read]).save(tmp_path / "e.safetensors")
    np.testing.assert_array_equal(bpnet.Ensemble.load(both).classify(X), expected)


@pytest.mark.parametrize("options", [{}, {"loss": "poisson"}], ids=["squares", "poisson"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_numbers(options, outputs, tmp_path):
    y = np.exp(X[:, :outputs] / 2)
    est = fitted(MLPRegressor, y[:, 0] if outputs == 1 else y, **options)
    expected = est.predict(X).reshape(90, outputs)
    network = est.to_network()
    read = bpnet.load(network.save(tmp_path / "m.safetensors"))
    for net in (network, read, from_sklearn(est)):
        np.testing.assert_allclose(net.predict(X), expected, rtol=1e-6)
    actual = Session(to_onnx(read, tmp_path / "m.onnx"))(x=X)
    assert list(actual) == ["output"]
    np.testing.assert_allclose(actual["output"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sets", [False, True])
@pytest.mark.parametrize(("output", "cost"), [("sigmoid", "cross_entropy"), ("identity", "hinge")])
def test_a_network_trained_with_rows_of_labels_tells_labels(output, cost, sets, tmp_path):
    net = bpnet.Network([4, 8, 3], hidden="relu", output=output, seed=0)
    adam = bpnet.optimizers.Adam(0.02)
    bpnet.train([net] if sets else net, (X, LABELS), cost=cost, optimizer=adam, epochs=20)
    accuracy = bpnet.evaluate(net, (X, LABELS), cost=cost)["accuracy"]
    assert accuracy > 0.5
    read = bpnet.load(net.save(tmp_path / "m.safetensors"))
    graph = Session(to_onnx(read, tmp_path / "m.onnx"))
    for decided in (net.classify(X), read.classify(X), graph(x=X)["label"]):
        assert (decided == LABELS).all(axis=1).mean() == accuracy
    one_hot = np.eye(3)[THREE]
    bpnet.train(net, (X, one_hot), cost=cost, optimizer=adam, epochs=20)
    assert net.classify(X).shape == (90,)


def test_an_estimator_of_one_class_makes_no_network():
    est = fitted(MLPClassifier, np.full(90, 7))
    assert (est.predict(X) == 7).all()
    with pytest.raises(InputError, match="knows one class, 7; a network tells at least two"):
        est.to_network()


@pytest.mark.parametrize("value", ["yes", 1])
def test_labels_that_make_no_sense_are_not_taken(value):
    net = fitted(MLPClassifier, LABELS).to_network()
    with pytest.raises(InputError, match="labels is"):
        net.labels = value
    assert net.labels is True

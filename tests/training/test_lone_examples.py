"""A batch of one example has no variance for a batch normalization to follow."""

import numpy as np
import pytest

import bpnet
from bpnet.core.layers import BatchNorm, Dense, Dropout, LayerNorm
from bpnet.data import draws
from bpnet.errors import InputError
from bpnet.export import to_onnx, training_to_onnx
from bpnet.sklearn import MLPClassifier, MLPRegressor
from tests.export.sessions import Session

STILL = bpnet.optimizers.SGD(1e-300)
"""Leaves the weights as they are, so that a batch shows the same statistics in every epoch."""


def data(m):
    generator = np.random.default_rng(3)
    return generator.normal(size=(m, 4)) * 3 + 5, np.arange(m) % 2


def network():
    return bpnet.Network([4, 5, 2], hidden="tanh", norm="batch", seed=1)


def averages_by_hand(X, k, epochs, seed=0):
    """Of a network under ``STILL``: the recurrence over the batches that have a variance."""
    W, b = network().parameters[0]
    mean, variance = np.zeros(5), np.ones(5)
    for epoch in range(epochs):
        order = draws.order(seed, epoch, len(X))
        for first in range(0, len(X), k):
            z = X[order[first : first + k]] @ W + b
            if len(z) > 1:
                mean += 0.1 * (z.mean(axis=0) - mean)
                variance += 0.1 * (z.var(axis=0, ddof=1) - variance)
    return mean, variance


def check_averages(net, expected, dtype="float64"):
    for average, right in zip(net.parameters[1][2:], expected, strict=True):
        np.testing.assert_allclose(average, right, rtol=1e-10 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("m", [17, 18])
def test_the_last_example_of_an_epoch_leaves_the_averages(m, backend):
    dtype = "float64" if "float64" in backend.dtypes() else "float32"
    X, y = data(m)
    net = network()
    bpnet.train(
        net, (X, y), optimizer=STILL if dtype == "float64" else bpnet.optimizers.SGD(1e-30),
        epochs=3, batch_size=8, dtype=dtype, backend=backend,
    )  # fmt: skip
    check_averages(net, averages_by_hand(X, 8, 3), dtype)


def test_it_does_so_in_a_set_in_one_shard_and_from_files(tmp_path):
    X, y = data(17)
    expected = averages_by_hand(X, 8, 2)
    options = {"optimizer": STILL, "epochs": 2, "batch_size": 8, "dtype": "float64"}
    nets = [network(), network()]
    bpnet.train(nets, (X, y), **options)
    for name, array in (("x", X), ("y", y)):
        np.save(tmp_path / f"{name}.npy", array)
    streamed = network()
    bpnet.train(streamed, bpnet.data.stream(f"{tmp_path}/x.npy,{tmp_path}/y.npy"), **options)
    cut = network()
    bpnet.train(cut, (X, y), shards=1, **options)
    for net in (*nets, cut, streamed):
        check_averages(net, expected)


def test_a_lone_example_moves_what_lies_above_only():
    X, y = data(9)
    net, before = network(), network()
    bpnet.train(net, (X, y), optimizer="sgd", epochs=1, batch_size=8)
    whole = network()
    rows = draws.order(0, 0, 9)[:8]
    bpnet.train(whole, (X[rows], y[rows]), optimizer="sgd", epochs=1, batch_size=None)
    np.testing.assert_allclose(net.weights[0], whole.weights[0], rtol=1e-5)
    assert abs(net.weights[0] - before.weights[0]).max() > 1e-4
    assert abs(net.biases[-1] - whole.biases[-1]).max() > 1e-4


NO_VARIANCE = "batch normalization was given one example a batch"


@pytest.mark.parametrize("sets", [False, True])
@pytest.mark.parametrize(
    ("m", "batch_size"), [(9, 1), (1, None), (1, 64)], ids=["of one", "whole set", "one example"]
)
def test_batches_of_one_are_refused(m, batch_size, sets, tmp_path):
    X, _ = data(m)
    net = bpnet.Network([4, 5, 1], hidden="sigmoid", output="identity", norm="batch", seed=1)
    asked = {} if sets else {"checkpoint": tmp_path / "run"}
    before = [a.copy() for a in net.parameters[1]]
    with pytest.raises(InputError, match=NO_VARIANCE):
        bpnet.train([net] if sets else net, (X, X[:, :1]), batch_size=batch_size, **asked)
    assert not list(tmp_path.iterdir())
    for a, b in zip(net.parameters[1], before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_fold_of_one_example_is_refused_before_another_is_trained():
    nets = [network(), network()]
    first = nets[0].weights[0].copy()
    folds = [(np.arange(8), np.arange(8, 9)), (np.arange(1), np.arange(1, 9))]
    with pytest.raises(InputError, match=NO_VARIANCE):
        bpnet.train(nets, data(9), folds=folds)
    np.testing.assert_array_equal(nets[0].weights[0], first)


def test_the_estimators_and_the_finder_refuse_them_too():
    X, y = data(9)
    with pytest.raises(InputError, match=NO_VARIANCE):
        MLPClassifier((3,), norm="batch", batch_size=1).fit(X, y)
    with pytest.raises(InputError, match=NO_VARIANCE):
        MLPRegressor(hidden_layer_sizes=3, norm="batch").partial_fit(X[:1], X[:1, 0])
    with pytest.raises(InputError, match=NO_VARIANCE):
        bpnet.find_learning_rate(network(), (X, y), batch_size=1)


def test_an_exported_step_leaves_the_averages(tmp_path):
    net = network()
    step = Session(training_to_onnx(net, tmp_path / "step.onnx", dtype="float32"))
    X, y = data(8)
    x, y = X.astype(np.float32), y.astype(np.int64)
    held = [a.astype(np.float32) for a in net.parameters[1][2:]]
    lone, several = (step(x=x[:k], y=y[:k]) for k in (1, 8))
    for name, before in zip(("mean.1.new", "variance.1.new"), held, strict=True):
        np.testing.assert_array_equal(lone[name], before)
        assert np.abs(several[name] - before).min() > 1e-3


@pytest.mark.parametrize("first", [BatchNorm(3), LayerNorm(3), Dropout(0.5)], ids=type)
def test_a_first_layer_that_is_not_dense_does_all_that_others_do(first, tmp_path):
    X, y = np.random.default_rng(0).normal(size=(31, 3)).astype(np.float32), np.arange(31) % 3
    net = bpnet.Network([first, Dense(3, 3, "softmax")])
    bpnet.train(net, (X, y), epochs=2, batch_size=10, validation=(X, y), metrics="f1")
    a = net.predict(X)
    x = X
    if len(net.parameters[0]) == 4:
        gamma, beta, mean, variance = net.parameters[0]
        x = gamma * (X - mean) / np.sqrt(variance + 1e-5) + beta
    elif len(net.parameters[0]) == 2:
        gamma, beta = net.parameters[0]
        x = (X - X.mean(axis=1, keepdims=True)) / np.sqrt(X.var(axis=1, keepdims=True) + 1e-5)
        x = gamma * x + beta
    e = np.exp(x @ net.weights[0].T + net.biases[0])
    np.testing.assert_allclose(a, e / e.sum(axis=1, keepdims=True), rtol=1e-4)
    assert (net.classify(X) == a.argmax(axis=1)).all()
    assert bpnet.evaluate(net, (X, y))["accuracy"] == (net.classify(X) == y).mean()
    again = bpnet.load(net.save(tmp_path / "m.safetensors"))
    np.testing.assert_array_equal(again.predict(X), a)
    np.testing.assert_allclose(bpnet.Ensemble([net]).predict(X), a, rtol=1e-6)
    graph = Session(to_onnx(net, tmp_path / "m.onnx"))
    np.testing.assert_allclose(graph(x=X)["output"], a, rtol=1e-5)
    with pytest.raises(InputError, match="X has 2 values an example and the network takes 3"):
        net.predict(X[:, :2])
    step = Session(training_to_onnx(net, tmp_path / "step.onnx", optimizer="sgd"))
    rows = {"rows": np.arange(31)} if "rows" in step.inputs else {}
    assert step(x=X, y=y, **rows)["W.1.new"].shape == (3, 3)

"""What is written down of the layers while a run goes on, held against plain NumPy."""

import numpy as np
import pytest

import bpnet
from bpnet.backends.numpy import NumPy
from bpnet.training import Distributions, Run
from bpnet.training.distributions import QUANTILES, _described

ETA = 0.3


def problem(m=90):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(m, 5)).astype(np.float32)
    return X, (X[:, 0] > X[:, 1]).astype(int) + (X[:, 2] > 0)


class Keep(bpnet.Callback):
    """Keeps the weights of every epoch."""

    def __init__(self):
        self.weights = []

    def on_epoch_end(self, run):
        run.pull()
        self.weights.append([np.array(W, np.float64) for W in run.network.weights])


class Rates(bpnet.Callback):
    """Keeps the learning rate that a run has at the end of each epoch."""

    def __init__(self):
        self.seen = []

    def on_epoch_end(self, run):
        self.seen.append(run.learning_rate)


def network(hidden="relu", **options):
    return bpnet.Network([5, 7, 3], hidden=hidden, seed=1, **options)


def quantiles(values):
    return np.quantile(np.asarray(values, np.float64), QUANTILES)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=2e-3, atol=1e-7)


def test_they_are_those_of_the_probe_in_plain_numpy():
    """64 rows spread over the data, and one step of plain descent, eta times the gradient."""
    X, y = problem()
    net, seen = network(), Distributions()
    options = {"optimizer": bpnet.optimizers.SGD(learning_rate=ETA), "batch_size": 10}
    bpnet.train(net, (X, y), epochs=1, callbacks=[seen], **options)
    rows = np.arange(64) * (90 // 64)
    x = X[rows].astype(np.float64)
    a1 = np.maximum(x @ net.weights[0].T + net.biases[0], 0)
    z2 = a1 @ net.weights[1].T + net.biases[1]
    a2 = np.exp(z2) / np.exp(z2).sum(axis=1, keepdims=True)
    _, slopes = bpnet.gradients(net, X[rows], y[rows])

    assert [record["epoch"] for record in seen.records] == [1]
    for l, (layer, a) in enumerate(zip(seen.records[0]["layers"], (a1, a2), strict=True)):
        W, dW = net.weights[l], slopes[l][0]
        close(layer["activations"], quantiles(a))
        close(layer["silent"], np.mean(a == 0))
        close(layer["gradients"], quantiles(abs(dW[dW != 0])))
        close(layer["still"], np.mean(dW == 0))
        close(layer["updates"], quantiles(ETA * abs(dW) / np.sqrt(np.mean(W**2))))


@pytest.mark.parametrize("options", [{"dropout": 0.2}, {"schedule": "cosine"}, {}], ids=str)
def test_the_run_is_not_touched(backend, options):
    X, y = problem()
    outcomes = []
    for callbacks in ([], [Distributions()]):
        net = network(norm="batch")
        history = bpnet.train(
            net, (X, y), epochs=2, batch_size=30, backend=backend, callbacks=callbacks, **options
        )
        history.pop("seconds")
        outcomes.append((history, [W.tolist() for W in net.weights]))
    assert outcomes[0] == outcomes[1]


def test_every_backend_sees_the_same(backend):
    X, y = problem()
    actual = []
    for where in ("numpy", backend):
        seen = Distributions()
        bpnet.train(network("tanh"), (X, y), epochs=2, backend=where, callbacks=[seen])
        actual.append([[layer[k] for k in sorted(layer)] for layer in seen.records[-1]["layers"]])
    for one, other in zip(*actual, strict=True):
        for values, others in zip(one, other, strict=True):
            np.testing.assert_allclose(values, others, rtol=5e-3, atol=1e-6)


def test_a_schedule_s_rate_is_that_of_the_last_step():
    """Eta falls to nothing, so the last update is nearly none."""
    X, y = problem()
    seen = Distributions()
    bpnet.train(network(), (X, y), epochs=9, schedule="cosine", optimizer="sgd", callbacks=[seen])
    sizes = [record["layers"][0]["updates"][2] for record in seen.records]
    assert sizes[-1] < 0.1 * sizes[0]


def test_updates_of_lbfgs_are_the_way_of_an_iteration():
    X, y = problem()
    seen, keep = Distributions(), Keep()
    bpnet.train(
        network(), (X, y), optimizer="lbfgs", epochs=4, batch_size=None, callbacks=[seen, keep]
    )
    before, W = keep.weights[-2][0], keep.weights[-1][0]
    expected = quantiles(abs(W - before) / np.sqrt(np.mean(W**2)))
    close(seen.records[-1]["layers"][0]["updates"], expected)


@pytest.mark.parametrize("epochs", [1, 50, 51, 1000])
def test_a_long_run_is_looked_at_about_fifty_times(epochs):
    seen, run = Distributions(), Run(network(), epochs, 1, 1, "numpy", probe=list)
    for run.epoch in range(epochs):
        seen.on_epoch_end(run)
    at = [record["epoch"] for record in seen.records]
    assert (at[0], at[-1]) == (1, epochs)
    assert min(epochs, 25) <= len(at) <= 52


def test_without_memory_for_it_the_run_goes_on(monkeypatch):
    X, y = problem()
    seen = Distributions()
    scan = NumPy.scan

    def short(self, step, *arguments):
        if type(step).__name__ == "_Probe":
            raise MemoryError
        return scan(self, step, *arguments)

    monkeypatch.setattr(NumPy, "scan", short)
    history = bpnet.train(network(), (X, y), epochs=2, callbacks=[seen])
    assert len(history["cost"]) == 2
    assert seen.records == []


def test_of_large_arrays_a_sample_comes_back():
    X, y = problem(300)
    wide = bpnet.Network([5, 700, 3], hidden="tanh", seed=1)
    seen, keep = Distributions(), Keep()
    bpnet.train(wide, (X, y), epochs=1, callbacks=[seen, keep])
    a = np.tanh(X.astype(np.float64) @ wide.weights[0].T + wide.biases[0])
    actual = seen.records[0]["layers"][0]["activations"]
    np.testing.assert_allclose(actual, quantiles(a), atol=0.15)


def test_a_run_keeps_its_rate_while_its_layers_are_looked_at():
    """With a rate that answers to the history the probe's, made anew, is one epoch ahead."""
    before, after = Rates(), Rates()
    bpnet.train(
        network(), problem(), epochs=6, batch_size=30, callbacks=[before, Distributions(), after],
        schedule=bpnet.schedules.OnPlateau(patience=1, factor=0.5),
        optimizer=bpnet.optimizers.SGD(learning_rate=30.0),
    )  # fmt: skip
    assert len(set(before.seen)) > 1
    assert before.seen == after.seen


@pytest.mark.parametrize(("weight", "size"), [(0.0, 1.0), (-2.0, 2.0)])
def test_updates_are_relative_to_the_size_of_the_weights(weight, size):
    """Those of weights that are all 0 are told as they are."""
    W = np.full((2, 3), weight)
    found = _described(np.ones((4, 3)), np.ones((2, 3)), W, W + 0.5)
    assert found["updates"] == [0.5 / size] * len(QUANTILES)

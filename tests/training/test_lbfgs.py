"""``bpnet.train`` with L-BFGS: the objective, the history, what it refuses."""

import logging

import numpy as np
import pytest
from scipy.optimize import minimize

import bpnet
from bpnet.data import batches
from bpnet.errors import Diverged, InputError


@pytest.fixture(scope="module")
def data():
    loaded = bpnet.data.load("digits")
    return loaded.x[:200] / 16, np.asarray(loaded.y[:200])


def network(seed=0):
    return bpnet.Network([64, 6, 10], hidden="tanh", seed=seed)


def train(net, data, **options):
    options = {"optimizer": "lbfgs", "batch_size": None, "dtype": "float64", **options}
    return bpnet.train(net, data, **options)


def flat(pairs):
    return np.concatenate([a.ravel() for pair in pairs for a in pair])


def put(net, w):
    at = 0
    for l in range(len(net.weights)):
        for arrays in (net.weights, net.biases):
            n = arrays[l].size
            arrays[l] = w[at : at + n].reshape(arrays[l].shape)
            at += n


@pytest.mark.parametrize("l2", [0.0, 2.0])
def test_it_is_scipys_on_the_same_cost(data, l2):
    net = network()

    def cost(w):
        put(net, w)
        C, slopes = bpnet.gradients(net, *data, l2=l2)
        return C, flat(slopes)

    start = flat(zip(net.weights, net.biases, strict=True))
    want = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 15})
    ours = network()
    history = train(ours, data, epochs=15, l2=l2)
    assert history["cost"][-1] == pytest.approx(want.fun, rel=1e-8)
    assert len(history["cost"]) == 15
    assert bpnet.gradients(ours, *data, l2=l2)[0] == pytest.approx(want.fun, rel=1e-8)


def test_every_backend_goes_the_same_way(data, backend):
    if "float64" not in backend.dtypes():
        pytest.skip("the bound is that of float64")
    few = data[0][:60], data[1][:60]
    nets = network(), network()
    weight = np.linspace(0, 2, 60)
    histories = [
        train(net, few, epochs=5, backend=on, l2=1.0, l1=0.1, sample_weight=weight)
        for net, on in zip(nets, ("numpy", backend), strict=True)
    ]
    np.testing.assert_allclose(histories[0]["cost"], histories[1]["cost"], rtol=1e-9)
    assert histories[0]["accuracy"] == histories[1]["accuracy"]
    np.testing.assert_allclose(nets[0].weights[0], nets[1].weights[0], atol=1e-7)


def test_chunks_make_no_difference(data, monkeypatch):
    nets = network(), network()
    whole = train(nets[0], data, epochs=8, l2=1.0)
    monkeypatch.setattr(batches, "_CHUNK", 64 * 30)
    parts = train(nets[1], data, epochs=8, l2=1.0)
    np.testing.assert_allclose(whole["cost"], parts["cost"], rtol=1e-9)
    assert whole["accuracy"] == parts["accuracy"]


def test_one_copy_to_the_host_an_evaluation(data, monkeypatch, caplog):
    from bpnet.backends.numpy import NumPy

    copies = []
    download = NumPy._download
    monkeypatch.setattr(
        NumPy, "_download", lambda self, a: copies.append(a.shape) or download(self, a)
    )
    with caplog.at_level(logging.INFO, logger="bpnet"):
        train(network(), data, epochs=10, backend="numpy")
    small = [shape for shape in copies if shape == (5,)]
    said = f"10 iterations, {len(small)} evaluations, {len(small)} round trips to the host"
    assert said in caplog.text
    assert len(copies) - len(small) == 5  # the labels before, weights and biases at the end


def test_it_goes_lower_than_adam(data):
    nets = network(), network()
    lbfgs = train(nets[0], data, epochs=60)
    adam = bpnet.train(nets[1], data, epochs=60, dtype="float64")
    assert lbfgs["cost"][-1] < 0.2 * adam["cost"][-1]
    assert bpnet.evaluate(nets[0], data)["cost"] == pytest.approx(lbfgs["cost"][-1])


def test_early_stopping_gives_the_best_iteration_back(data):
    X, y = data
    net = network()
    stopping = bpnet.EarlyStopping(2)
    history = train(
        net, (X[:60], y[:60]), validation=(X[60:], y[60:]), epochs=100, callbacks=[stopping]
    )
    costs = history["validation_cost"]
    assert len(costs) < 100
    assert stopping.best == min(costs)
    assert bpnet.evaluate(net, (X[60:], y[60:]))["cost"] == pytest.approx(min(costs))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"batch_size": 64}, "lbfgs takes all examples in a step .* batch_size is 64, leave it at"),
        ({"schedule": "cosine"}, "schedule is"),
        ({"max_norm": 1.0}, "max_norm is 1.0"),
        ({"clip_norm": 1.0}, "clip_norm is 1.0"),
        ({"micro_batch": 8}, "micro_batch is 8"),
        ({"checkpoint": "here"}, "checkpoint is 'here'"),
        ({"dropout": 0.5}, "lbfgs needs a cost that does not change"),
        ({"dtype": "float16"}, "lbfgs cannot tell steps apart in .*float16"),
    ],
)
def test_what_it_cannot_do_is_refused(data, options, match):
    with pytest.raises(InputError, match=match):
        train(network(), data, **options)


def test_a_start_that_is_not_finite_is_said(data):
    net = bpnet.Network([64, 3, 1], hidden="identity", output="identity", init="zeros")
    net.weights[1] = np.full((1, 3), 1e200)
    net.biases[0] = np.full(3, 1e200)
    with pytest.raises(Diverged, match="the cost is not finite before the first step of L-BFGS"):
        train(net, (data[0], data[1].astype(float)))


class Ends(bpnet.Callback):
    """Keeps what a run says of itself when it ends."""

    note = None

    def on_train_end(self, run):
        self.note = run.note


@pytest.mark.parametrize(
    ("stop", "reason"), [(False, "as many iterations as allowed, 2"), (True, "stopped")]
)
def test_why_it_ended_is_known_to_callbacks_at_the_end(data, stop, reason):
    class Stops(bpnet.Callback):
        def on_epoch_end(self, run):
            if stop:
                run.stop("enough")

    ends = Ends()
    train(network(), data, epochs=2, callbacks=[Stops(), ends])
    assert ends.note.startswith(f"L-BFGS: {1 if stop else 2} iterations, ")
    assert reason in ends.note

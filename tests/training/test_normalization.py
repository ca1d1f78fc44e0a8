"""Networks with normalization: trained, judged, saved, taken up again."""

import numpy as np
import pytest

import bpnet
from bpnet.core.layers import describe
from bpnet.errors import InputError

NORMS = ("batch", "layer")


def data(m=60):
    generator = np.random.default_rng(0)
    y = np.arange(m) % 3
    return (generator.normal(size=(m, 5)) + 2 * y[:, None]) * 3, y


def network(norm):
    return bpnet.Network([5, 8, 6, 3], hidden="relu", norm=norm, seed=2)


def arrays(net):
    return [a for layer in net.parameters for a in layer]


@pytest.mark.parametrize("norm", NORMS)
def test_training_is_that_of_numpy_everywhere(norm, backend):
    dtype = "float64" if "float64" in backend.dtypes() else "float32"
    nets = [network(norm), network(norm)]
    for net, on in zip(nets, (backend, "numpy"), strict=True):
        bpnet.train(net, data(), epochs=2, batch_size=16, dtype=dtype, backend=on, l2=0.1)
    for a, b in zip(*map(arrays, nets), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("norm", NORMS)
def test_it_learns(norm):
    net = network(norm)
    adam = bpnet.optimizers.Adam(learning_rate=0.01)
    history = bpnet.train(net, data(300), optimizer=adam, epochs=40, validation=data(90))
    assert history["validation_accuracy"][-1] > 0.8
    assert bpnet.evaluate(net, data(90))["accuracy"] == history["validation_accuracy"][-1]


def test_averages_are_the_statistics_of_the_batches():
    X, y = data(20)
    net = bpnet.Network([5, 4, 3], hidden="sigmoid", norm="batch", seed=2)
    expected = [np.zeros(4), np.ones(4)]
    W, b = net.parameters[0]
    z = X @ W + b
    bpnet.train(
        net,
        (X, y),
        optimizer=bpnet.optimizers.SGD(1e-300),
        epochs=3,
        batch_size=None,
        dtype="float64",
    )
    for _ in range(3):
        expected[0] += 0.1 * (z.mean(axis=0) - expected[0])
        expected[1] += 0.1 * (z.var(axis=0, ddof=1) - expected[1])
    np.testing.assert_allclose(net.parameters[1][2], expected[0], rtol=1e-12)
    np.testing.assert_allclose(net.parameters[1][3], expected[1], rtol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_gamma_and_beta_are_not_decayed(norm):
    net = network(norm)
    before = [a.copy() for a in net.parameters[1][:2]]
    X, y = data()
    bpnet.train(net, (X, y), optimizer=bpnet.optimizers.SGD(1e-9), epochs=1, l2=1e9, l1=1e3,
                max_norm=1e-3, dtype="float64")  # fmt: skip
    for a, b in zip(net.parameters[1][:2], before, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert np.linalg.norm(net.weights[0], axis=1).max() <= 1e-3 * (1 + 1e-9)


@pytest.mark.parametrize("norm", NORMS)
def test_saved_and_loaded_it_is_the_same(norm, tmp_path):
    net = network(norm)
    bpnet.train(net, data(), epochs=2)
    again = bpnet.load(net.save(tmp_path / "m.safetensors"))
    assert [describe(layer) for layer in again.layers] == [describe(layer) for layer in net.layers]
    for a, b in zip(arrays(again), arrays(net), strict=True):
        np.testing.assert_array_equal(a, b)


def test_predictions_do_not_depend_on_company():
    net = network("batch")
    X, _ = data()
    bpnet.train(net, data(), epochs=2, dtype="float64")
    np.testing.assert_allclose(net.predict(X)[7:8], net.predict(X[7:8]), rtol=1e-12)


def test_resumed_it_has_the_bits_of_one_run(tmp_path):
    options = {"batch_size": 16, "dropout": 0.2}
    whole, parts = network("batch"), network("batch")
    bpnet.train(whole, data(), epochs=4, **options)
    bpnet.train(parts, data(), epochs=2, checkpoint=tmp_path, **options)
    bpnet.train(parts, data(), epochs=4, checkpoint=tmp_path, resume=True, **options)
    for a, b in zip(arrays(whole), arrays(parts), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_needs_the_whole_batch_is_refused():
    with pytest.raises(InputError, match="batch normalization needs the whole batch at once"):
        bpnet.train(network("batch"), data(), micro_batch=4)
    with pytest.raises(InputError, match="change, and this network has batch normalization"):
        bpnet.train(network("batch"), data(), optimizer="lbfgs", batch_size=None)
    bpnet.train(network("layer"), data(), optimizer="lbfgs", batch_size=None, epochs=2)


def test_gradients_are_of_the_dense_layers():
    net = network("batch")
    _, slopes = bpnet.gradients(net, *data())
    assert [g[0].shape for g in slopes] == [(8, 5), (6, 8), (3, 6)]
    h, ends = 1e-6, []
    for sign in (1, -1):
        W = net.weights[0].copy()
        W[2, 3] += sign * h
        net.weights[0] = W
        ends.append(bpnet.gradients(net, *data())[0])
        W[2, 3] -= sign * h
        net.weights[0] = W
    assert slopes[0][0][2, 3] == pytest.approx((ends[0] - ends[1]) / (2 * h), abs=1e-8)

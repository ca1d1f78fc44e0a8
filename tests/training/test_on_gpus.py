"""Runs on two GPUs that are not there: no step waits, each array is on the GPU that was named.

``tests/gpus.py`` says what is an error there. A scan that makes the host wait, or send something,
fails; a launch with an array of another GPU does, too.
"""

import gc
import logging
import weakref

import numpy as np
import pytest

import bpnet
from bpnet.backends import cupy as adapter
from bpnet.check import cases
from bpnet.core import activations, feedforward, optimizers
from bpnet.data import batches, host_rows
from bpnet.errors import OutOfMemory
from tests.cupy_modules import installed

RANDOM = np.random.default_rng(0)
X = RANDOM.integers(0, 256, (96, 8), dtype=np.uint8)
Y = np.arange(96) % 4
ROWS = np.eye(4)[Y]
SLOW = optimizers.SGD(1e-3)


@pytest.fixture
def gpu():
    with installed() as gpu:
        yield gpu


def train(backend, *, hidden="relu", output="softmax", y=Y, **options):
    net = bpnet.Network(
        [8, 6, 4], hidden=hidden, output=output, seed=0, norm=options.pop("norm", None)
    )
    data = bpnet.data.Dataset(X, y, scale=1 / 255)
    usual = {"epochs": 2, "batch_size": 40, "optimizer": "sgd", "validation": (X[:20], y[:20])}
    history = bpnet.train(net, data, **{**usual, **options}, backend=backend)
    return net, history


def assert_fine(gpu, dtype="float32"):
    gc.collect()
    assert gpu.races == []
    assert dtype == "float64" or gpu.wide == []


def assert_alike(one, other):
    (net, history), (second, also) = one, other
    np.testing.assert_allclose(history["cost"], also["cost"], rtol=1e-5)
    for a, b in zip(net.weights, second.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("hidden", activations.ACTIVATIONS)
def test_no_activation_makes_a_step_wait(gpu, hidden):
    actual = train("cupy:1", hidden=hidden, optimizer=SLOW)
    assert_fine(gpu)
    assert_alike(actual, train("numpy", hidden=hidden, optimizer=SLOW))


@pytest.mark.parametrize(("cost", "output"), cases.PAIRS)
def test_no_cost_makes_a_step_wait(gpu, cost, output):
    options = {"cost": cost, "output": output, "y": ROWS, "optimizer": SLOW}
    actual = train("cupy:1", **options)
    assert_fine(gpu)
    assert_alike(actual, train("numpy", **options))


OPTIONS = {
    **{name: {"optimizer": name} for name in optimizers.OPTIMIZERS},
    "regularized": {"l2": 0.1, "l1": 0.1, "max_norm": 1.0, "clip_norm": 1.0},
    "dropout": {"dropout": 0.3},
    "batch normalization": {"norm": "batch"},
    "layer normalization": {"norm": "layer"},
    "weights": {"class_weight": "balanced"},
    "parts of a batch": {"micro_batch": 3, "class_weight": "balanced"},
    "shards": {"shards": 4},
    "float64": {"dtype": "float64"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_no_option_makes_a_step_wait(gpu, name):
    actual = train("cupy:1", **OPTIONS[name])
    assert_fine(gpu, OPTIONS[name].get("dtype"))
    assert_alike(actual, train("numpy", **OPTIONS[name]))


def test_halves_are_added_up_in_float32_without_a_wait(gpu):
    train("cupy:1", dtype="float16", dropout=0.2)
    assert_fine(gpu)


def sets(backend, **options):
    nets = [bpnet.Network([8, 6, 4], hidden="gelu", seed=seed) for seed in range(3)]
    data = bpnet.data.Dataset(X, Y, scale=1 / 255)
    own = {
        "l2": [0.0, 0.1, 0.0],
        "l1": 0.1,
        "max_norm": 1.0,
        "clip_norm": 1.0,
        "dropout": [0, 0.1, 0.3],
    }
    bpnet.train(nets, data, epochs=2, batch_size=10, backend=backend, **own, **options)
    return nets


@pytest.mark.parametrize("seed", [0, [0, 1, 2]], ids=["one order", "orders"])
def test_no_set_makes_a_step_wait(gpu, seed):
    actual = sets("cupy:1", seed=seed)
    assert_fine(gpu)
    for net, want in zip(actual, sets("numpy", seed=seed), strict=True):
        for a, b in zip(net.weights, want.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def no_room(*arguments, **named):
    raise MemoryError


@pytest.mark.parametrize("options", [{}, {"shards": 2}, {"limited": True}])
def test_a_stream_of_blocks_races_with_no_step(gpu, tmp_path, monkeypatch, options):
    """Blocks come on a stream of their own; without room for two, one after the other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(host_rows, "_BLOCK", 2 * 10 * 8)
    np.save("x.npy", RANDOM.normal(size=(96, 8)))
    np.save("y.npy", Y)
    data = bpnet.data.stream("x.npy,y.npy")
    limited = options == {"limited": True}
    options = {} if limited else options
    nets = [bpnet.Network([8, 6, 4], hidden="sigmoid", seed=0) for _ in range(2)]
    bpnet.train(nets[0], data, epochs=2, batch_size=10, backend="numpy", **options)
    if limited:
        monkeypatch.setattr(adapter.CuPy, "_begin", no_room)
    bpnet.train(nets[1], data, epochs=2, batch_size=10, backend="cupy:1", **options)
    assert_fine(gpu)
    for a, b in zip(nets[0].weights, nets[1].weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"shards": 2}])
def test_a_block_is_let_go_before_the_next_is_waited_for(gpu, tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(host_rows, "_BLOCK", 2 * 10 * 8)
    monkeypatch.setattr(batches, "_CHUNK", 10 * 8)
    np.save("x.npy", RANDOM.normal(size=(96, 8)))
    np.save("y.npy", Y)
    data = bpnet.data.stream("x.npy,y.npy", validation=0.5)
    usual, sent, held = adapter.CuPy.send, [], []

    def send(self, x, dtype=None):
        wait = usual(self, x, dtype)
        sent.append(x.shape)
        block = (len(sent) - 1) // 2  # rows and examples: targets are in memory

        def checked():
            held.append((block, weakref.ref(array := wait())))
            assert not [b for b, ref in held if b < block and ref() is not None]
            return array

        return checked

    monkeypatch.setattr(adapter.CuPy, "send", send)
    net = bpnet.Network([8, 6, 4], hidden="sigmoid", seed=0)
    usual_run = {"batch_size": 10, "epochs": 2, "validation": data.validation}
    bpnet.train(net, data, backend="cupy:1", **usual_run, **options)
    assert len(sent) >= 2 * 2 * (3 + 3)


def test_a_step_that_has_no_room_is_taken_in_parts_once_the_pools_are_empty(gpu, caplog):
    want = train("numpy", epochs=1, batch_size=32)
    gpu.limit = 1000  # bytes of an array: 16 examples have 512, the data set 768
    with caplog.at_level(logging.WARNING, logger="bpnet"):
        actual = train("cupy:1", epochs=1, batch_size=32)
    assert "memory ran out with 32 examples at a time: going on with 16 of a batch" in caplog.text
    assert gpu.freed[:2] == [1, "pinned"]
    assert_alike(actual, want)


def test_an_error_of_memory_does_not_hold_on_to_the_arrays_of_its_step(gpu, monkeypatch):
    monkeypatch.setattr(feedforward, "weighted_input", no_room)
    with pytest.raises(OutOfMemory, match="with one example at a time") as caught:
        train("cupy:1")
    assert caught.value.__cause__.__traceback__ is None


def test_predictions_and_gradients_come_from_the_gpu_that_is_named(gpu):
    net, _ = train("cupy:1", hidden="gelu")
    np.testing.assert_allclose(
        net.predict(X, backend="cupy:1"), net.predict(X, backend="numpy"), rtol=1e-4
    )
    C, _ = bpnet.gradients(net, X, Y, backend="cupy:1")
    np.testing.assert_allclose(C, bpnet.gradients(net, X, Y, backend="numpy")[0], rtol=1e-12)
    assert gpu.races == []

"""What a session asks of its backend: batches of one length, and masks in 32 bits."""

import numpy as np
import pytest

import bpnet
from bpnet.errors import InputError
from bpnet.training.opening import opened
from bpnet.training.planning import plan

RANDOM = np.random.default_rng(2)
X = RANDOM.normal(size=(40, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
OPTIONS = {"epochs": 2, "batch_size": 16, "dtype": "float64"}


def network(**options):
    return bpnet.Network([4, 5, 3], hidden="tanh", seed=0, **options)


@pytest.fixture
def numpy(monkeypatch):
    """NumPy's backend, and what sets an attribute of its class while a test goes on."""
    backend = bpnet.backends.get("numpy")
    return backend, lambda name, value: monkeypatch.setattr(type(backend), name, value)


class Watch(bpnet.Callback):
    """Cost and accuracy after each block."""

    def __init__(self):
        self.seen = []

    def on_block_end(self, run):
        self.seen.append((run.cost, run.accuracy))


def test_rows_that_fill_up_a_batch_are_not_counted(numpy):
    """As on a backend that compiles, where a short batch is filled up to the length of others."""
    backend, be = numpy
    be("compiles", True)
    net, watch = network(), Watch()
    still = bpnet.optimizers.SGD(1e-30)
    history = bpnet.train(
        net, (X, Y), optimizer=still, backend=backend, callbacks=[watch], **OPTIONS
    )
    a = net.predict(X, dtype="float64")
    cost, right = -np.log(a[np.arange(40), Y]).mean(), float(np.mean(a.argmax(axis=1) == Y))
    assert history["cost"] == pytest.approx([cost] * 2, rel=1e-12)
    assert history["accuracy"] == [right] * 2
    assert watch.seen[-1] == (pytest.approx(cost, rel=1e-12), right)


@pytest.mark.parametrize("shape", [{}, {"norm": "batch"}, {"norm": "layer"}])
def test_a_batch_that_is_filled_up_is_the_same_step(numpy, shape):
    """Not where rows that are none would count in the averages of a batch normalization."""
    backend, be = numpy
    net, other = network(**shape), network(**shape)
    bpnet.train(net, (X, Y), backend=backend, **OPTIONS)
    be("compiles", True)
    bpnet.train(other, (X, Y), backend=backend, **OPTIONS)
    for a, b in zip(net.parameters, other.parameters, strict=True):
        for one, two in zip(a, b, strict=True):
            np.testing.assert_allclose(one, two, rtol=0, atol=1e-12)


def test_a_backend_whose_integers_do_not_wrap_draws_no_masks(numpy):
    """What only differs in training, such as a batch normalization, it may train."""
    backend, be = numpy
    be("wraps", False)
    bpnet.train(network(norm="batch"), (X, Y), backend=backend, **OPTIONS)
    with pytest.raises(InputError, match="numpy can't draw dropout's masks"):
        bpnet.train(network(), (X, Y), backend=backend, dropout=0.1, **OPTIONS)


@pytest.mark.parametrize(
    ("name", "optimizer", "vectors"),
    [("numpy", "sgd", 1), ("numpy", "adam", 1), ("torch", "sgd", 4), ("torch", "adam", 1)],
)
def test_small_arrays_are_one_vector_where_that_saves_calls(name, optimizer, vectors):
    """PyTorch slices a vector in each step, for which SGD's two calls an array are too few."""
    pytest.importorskip(name)
    recipe, data = bpnet.Recipe(optimizer=optimizer), (np.eye(4), np.arange(4) % 3)
    job = opened(plan(bpnet.Network([4, 5, 3]), data, recipe, bpnet.Place(backend=name)))
    assert job.session([0], 1, [None]).step.layout.vectors == vectors

"""One network of a session: what it counts of an epoch, and what it has when it has left."""

import numpy as np
import pytest

import bpnet

RANDOM = np.random.default_rng(2)
X = RANDOM.normal(size=(40, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
STILL = bpnet.optimizers.SGD(1e-30)


def networks(count, **options):
    options = {"hidden": "tanh", **options}
    return [bpnet.Network([4, 5, 3], seed=seed, **options) for seed in range(count)]


class Watch(bpnet.Callback):
    """Keeps the run that it is called for, and its cost and accuracy after each block."""

    def __init__(self):
        self.seen = []

    def for_member(self):
        return self

    def on_train_begin(self, run):
        self.run = run

    def on_block_end(self, run):
        self.seen.append((run.cost, run.accuracy))


@pytest.mark.parametrize("count", [1, 4])
def test_every_epoch_is_counted_from_its_own_start(count):
    """Nothing moves: each epoch has the means of the first, over all examples."""
    nets = networks(count)
    found = bpnet.train(nets, (X, Y), epochs=3, batch_size=16, optimizer=STILL, dtype="float64")
    for net, history in zip(nets, found, strict=True):
        a = net.predict(X, dtype="float64")
        cost = -np.log(a[np.arange(40), Y]).mean()
        assert history["cost"] == pytest.approx([cost] * 3, rel=1e-12)
        assert history["accuracy"] == [np.mean(a.argmax(axis=1) == Y)] * 3


def test_rows_that_fill_up_a_batch_are_not_counted(monkeypatch):
    """As on a backend that compiles, where a short batch is filled up to the length of others."""
    backend = bpnet.backends.get("numpy")
    monkeypatch.setattr(type(backend), "compiles", True)
    (net,), watch = networks(1), Watch()
    history = bpnet.train(
        net, (X, Y), epochs=2, batch_size=16, optimizer=STILL, dtype="float64", backend=backend,
        callbacks=[watch],
    )  # fmt: skip
    a = net.predict(X, dtype="float64")
    cost, right = -np.log(a[np.arange(40), Y]).mean(), float(np.mean(a.argmax(axis=1) == Y))
    assert history["cost"] == pytest.approx([cost] * 2, rel=1e-12)
    assert history["accuracy"] == [right] * 2
    assert watch.seen[-1] == (pytest.approx(cost, rel=1e-12), right)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 2: 0.5}])
def test_weights_of_classes_reach_each_network_of_a_set(class_weight):
    nets, others = networks(4), networks(4)
    options = {"epochs": 2, "batch_size": 16, "dtype": "float64", "class_weight": class_weight}
    found = bpnet.train(nets, (X, Y), **options)
    assert found.stacks == [4]
    for net, other, history in zip(nets, others, found, strict=True):
        wanted = bpnet.train(other, (X, Y), **options)
        np.testing.assert_allclose(net.weights[0], other.weights[0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(history["cost"], wanted["cost"], rtol=1e-12)


def test_one_that_diverges_in_a_stack_has_what_it_had_before():
    """The parameters that it had alone before the step that went wrong."""
    rates = [bpnet.optimizers.SGD(eta) for eta in (0.01, 1e300, 0.02, 0.03)]
    options = {"epochs": 2, "batch_size": 8, "cost": "quadratic", "dtype": "float64"}
    shape = {"output": "identity", "hidden": "relu"}
    target = np.stack([Y, 1 - Y, Y * 2.0], axis=1)
    nets, (_, other, *_), watched, watch = networks(4, **shape), networks(4, **shape), Watch(), []
    lists = [[], [watched], [], []]
    found = bpnet.train(nets, (X, target), optimizer=rates, callbacks=lists, **options)
    assert list(found.diverged) == [1]
    watch = Watch()
    with pytest.raises(bpnet.Diverged):
        bpnet.train(other, (X, target), optimizer=rates[1], callbacks=[watch], **options)
    watched.run.pull()
    watch.run.pull()
    for W, alone in zip(nets[1].weights, other.weights, strict=True):
        assert np.all(np.isfinite(W))
        np.testing.assert_allclose(W, alone, rtol=1e-12)


class Falling:
    def rate(self, eta, moment):
        return eta / (1 + moment.step)


@pytest.mark.parametrize("count", [1, 4])
def test_the_rate_of_an_epoch_is_that_of_its_last_step(count):
    options = {"epochs": 2, "batch_size": 16, "optimizer": "sgd", "schedule": Falling()}
    for history in bpnet.train(networks(count), (X, Y), **options):
        assert history["learning_rate"] == pytest.approx([0.1 / 3, 0.1 / 6])

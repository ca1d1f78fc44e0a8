"""One network of a session: what it counts of an epoch, and what it has when it has left."""

from dataclasses import dataclass

import numpy as np
import pytest

import bpnet
from bpnet.core.optimizers import Optimizer

RANDOM = np.random.default_rng(2)
X = RANDOM.normal(size=(40, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
STILL = bpnet.optimizers.SGD(1e-30)


def networks(count, **options):
    options = {"hidden": "tanh", **options}
    return [bpnet.Network([4, 5, 3], seed=seed, **options) for seed in range(count)]


class Watch(bpnet.Callback):
    """Keeps the run that it is called for."""

    def on_train_begin(self, run):
        self.run = run


@pytest.mark.parametrize("count", [1, 4])
def test_every_epoch_is_counted_from_its_own_start(count):
    """Nothing moves: each epoch has the means of the first, over all examples."""
    nets = networks(count)
    actual = bpnet.train(nets, (X, Y), epochs=3, batch_size=16, optimizer=STILL, dtype="float64")
    for net, history in zip(nets, actual, strict=True):
        a = net.predict(X, dtype="float64")
        cost = -np.log(a[np.arange(40), Y]).mean()
        assert history["cost"] == pytest.approx([cost] * 3, rel=1e-12)
        assert history["accuracy"] == [np.mean(a.argmax(axis=1) == Y)] * 3


@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 2: 0.5}])
def test_weights_of_classes_reach_each_network_of_a_set(class_weight):
    nets, others = networks(4), networks(4)
    options = {"epochs": 2, "batch_size": 16, "dtype": "float64", "class_weight": class_weight}
    actual = bpnet.train(nets, (X, Y), **options)
    assert actual.stacks == [4]
    for net, other, history in zip(nets, others, actual, strict=True):
        expected = bpnet.train(other, (X, Y), **options)
        np.testing.assert_allclose(net.weights[0], other.weights[0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(history["cost"], expected["cost"], rtol=1e-12)


def test_one_that_diverges_in_a_stack_has_what_it_had_before():
    """The parameters that it had alone before the step that went wrong."""
    rates = [bpnet.optimizers.SGD(eta) for eta in (0.01, 1e300, 0.02, 0.03)]
    options = {"epochs": 2, "batch_size": 8, "cost": "quadratic", "dtype": "float64"}
    shape = {"output": "identity", "hidden": "relu"}
    target = np.stack([Y, 1 - Y, Y * 2.0], axis=1)
    nets, (_, other, *_), watched = networks(4, **shape), networks(4, **shape), Watch()
    lists = [[], [watched], [], []]
    actual = bpnet.train(nets, (X, target), optimizer=rates, callbacks=lists, **options)
    assert list(actual.diverged) == [1]
    watch = Watch()
    with pytest.raises(bpnet.Diverged):
        bpnet.train(other, (X, target), optimizer=rates[1], callbacks=[watch], **options)
    assert watched.run.stopped == watch.run.stopped == "diverged"
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
    options = {"epochs": 2, "batch_size": 10, "optimizer": "sgd", "schedule": Falling()}
    for history in bpnet.train(networks(count), (X, Y), **options):
        assert history["learning_rate"] == pytest.approx([0.1 / 4, 0.1 / 8])


@pytest.mark.parametrize("count", [1, 4])
def test_the_step_that_goes_wrong_is_sought_with_the_rates_of_the_steps(count):
    """The second step of a block of three is too long; the first and third would not be."""

    class Leaps:
        def rate(self, eta, moment):
            return 1e300 if moment.step == 1 else 0.0

    nets = networks(count, output="identity", hidden="identity")
    options = {"batch_size": 16, "optimizer": "sgd", "schedule": Leaps(), "epochs": 1}
    far = np.stack([Y * 1e30, Y * 1e30, Y * 1e30], axis=1)
    said = "training diverged at step 2 of epoch 1: the update of layer 1 is not finite"
    with pytest.raises(bpnet.Diverged, match=said):
        bpnet.train(nets if count > 1 else nets[0], (X, far), dtype="float64", **options)


@pytest.mark.parametrize("options", [{"optimizer": "adam"}, {"dropout": 0.3, "optimizer": "sgd"}])
def test_the_others_of_a_stack_go_on_counting_when_the_first_has_left(options):
    """Steps number what is drawn, and the corrections of Adam."""

    class Leaves(bpnet.Callback):
        def on_epoch_end(self, run):
            run.stop("enough")

    options = {"epochs": 4, "batch_size": 16, "dtype": "float64", **options}
    nets, others = networks(5), networks(5)
    actual = bpnet.train(nets, (X, Y), callbacks=[[Leaves()], [], [], [], []], **options)
    assert actual.stacks == [5]
    assert [len(history["cost"]) for history in actual] == [1, 4, 4, 4, 4]
    for i, (net, other) in enumerate(zip(nets, others, strict=True)):
        bpnet.train(other, (X, Y), callbacks=[] if i else [Leaves()], **options)
        for W, alone in zip(net.weights, other.weights, strict=True):
            np.testing.assert_allclose(W, alone, rtol=0, atol=1e-12)


@dataclass(frozen=True)
class Warm(Optimizer):
    """A user's: its first two steps are half as long, which it asks of t."""

    def coefficients(self, t, learning_rate):
        return (learning_rate / 2 if t <= 2 else learning_rate,)

    def update(self, p, g, slots, coefficients, *, xp):
        return p - coefficients[0] * g, ()


class Halves:
    """The same of a schedule."""

    def rate(self, eta, moment):
        return eta / 2 if moment.step < 2 else eta


@pytest.mark.parametrize("count", [1, 4])
def test_a_users_optimizer_is_asked_for_each_step_by_itself(count):
    nets, others = networks(count), networks(count)
    options = {"batch_size": 16, "epochs": 1, "dtype": "float64"}
    bpnet.train(nets, (X, Y), optimizer=Warm(0.4), **options)
    sgd = bpnet.optimizers.SGD(0.4)
    for net, other in zip(nets, others, strict=True):
        bpnet.train(other, (X, Y), optimizer=sgd, schedule=Halves(), **options)
        np.testing.assert_allclose(net.weights[0], other.weights[0], rtol=0, atol=1e-12)

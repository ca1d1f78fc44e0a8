"""The paper's own settings, section 3: sigmoids, plain SGD, quadratic and cross-entropy."""

import numpy as np
import pytest

import bpnet

SGD = bpnet.optimizers.SGD


def saturated_neuron(cost):
    """History of one sigmoid that starts badly wrong: w = 2, b = 2, input 1, wanted 0."""
    net = bpnet.Network([1, 1], output="sigmoid", init=[([[2.0]], [2.0])])
    return bpnet.train(
        net,
        ([[1.0]], [[0.0]]),
        cost=cost,
        optimizer=SGD(learning_rate=0.15),
        epochs=300,
        batch_size=1,
        dtype="float64",
        backend="numpy",
    ), net


def test_cross_entropy_learns_faster_from_a_saturated_start():
    """Section 3.2: sigma' is gone from the error, so a wrong neuron learns at once."""
    (_, quadratic), (_, cross_entropy) = map(saturated_neuron, ("quadratic", "cross_entropy"))
    x = [[1.0]]
    assert quadratic.predict(x)[0, 0] > 0.15
    assert cross_entropy.predict(x)[0, 0] < 0.03


def test_the_first_step_is_sigma_prime_times_slower():
    """The ratio of the first errors (17) / (26) is sigma'(z) exactly, z = w x + b = 4."""
    net = bpnet.Network([1, 1], output="sigmoid", init=[([[2.0]], [2.0])])
    _, [(slow, _)] = bpnet.gradients(net, [[1.0]], [[0.0]], cost="quadratic")
    _, [(fast, _)] = bpnet.gradients(net, [[1.0]], [[0.0]], cost="cross_entropy")
    a = 1 / (1 + np.exp(-4.0))
    assert slow[0, 0] / fast[0, 0] == pytest.approx(a * (1 - a), rel=1e-14)


@pytest.mark.parametrize(("cost", "eta"), [("quadratic", 3.0), ("cross_entropy", 0.5)])
def test_the_papers_network_learns_digits(cost, eta):
    """64-30-10 of sigmoids with ten sigmoid outputs, mini-batches of 10."""
    data = bpnet.data.load("digits")
    net = bpnet.Network([64, 30, 10], hidden="sigmoid", output="sigmoid", init="normal", seed=0)
    sgd = SGD(learning_rate=eta)
    bpnet.train(net, data, cost=cost, optimizer=sgd, epochs=15, batch_size=10, backend="numpy")
    assert bpnet.evaluate(net, data.test, backend="numpy")["accuracy"] > 0.9


def test_stochastic_mini_batch_and_batch_descent_are_one_option():
    """batch_size 1, k and None, (5)-(7): as many steps an epoch as there are batches."""
    data = bpnet.data.load("digits")
    seen = {}

    class Count(bpnet.Callback):
        def on_train_begin(self, run):
            seen[size] = run.steps

    for size in (1, 10, None):
        net = bpnet.Network([64, 10], seed=0)
        bpnet.train(net, data, epochs=1, batch_size=size, callbacks=[Count()], backend="numpy")
    m = len(data.x)
    assert seen == {1: m, 10: -(-m // 10), None: 1}

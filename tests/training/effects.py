"""What the options of ``bpnet.train`` do to what is learned, each shown by an effect of its own.

An effect is a function of a mode that fails unless the option is honored there. Most are what one
step of plain descent, or the first one of L-BFGS, must do to the weights.
"""

from dataclasses import dataclass

import numpy as np
import pytest

import bpnet
from bpnet import optimizers
from bpnet.core.lbfgs import LBFGS
from tests.training.modes import ETA, FOLDS, MODES, STEPS, Growing, M, Probe, X, Y

WEIGHTS = np.arange(M) % 4 % 3
"""Of the examples; they can be repeated so many times."""


def vector(net):
    return np.concatenate([a.ravel() for a in (*net.weights, *net.biases)]).astype(np.float64)


def slopes(mode, trained):
    """What a step went along: the gradient, or its direction."""
    step = (vector(trained.start) - vector(trained.end)) / ETA
    return step if mode.descends else step / np.linalg.norm(step)


def gradient(mode, net, rows=slice(None), **options):
    """The gradient of a cost, all numbers in a row as :func:`vector` has those of a network."""
    actual = bpnet.gradients(net, X[rows], mode.y[rows], **options)[1]
    return np.concatenate([g[i].ravel() for i in (0, 1) for g in actual])


def only_weights(net, function):
    """A function of the weights, and zeros for the biases."""
    biases = sum(b.size for b in net.biases)
    return np.concatenate([function(vector(net))[:-biases], np.zeros(biases)])


def goes_along(mode, reference, **options):
    """The first step goes along ``wanted``, which is not where it goes without the options."""
    for trained in mode.train(**options):
        expected, plain = reference(trained.start), gradient(mode, trained.start)
        if not mode.descends:
            expected, plain = (g / np.linalg.norm(g) for g in (expected, plain))
        np.testing.assert_allclose(slopes(mode, trained), expected, rtol=1e-7, atol=1e-9)
        assert np.abs(expected - plain).max() > 1e-3


def stays(mode, **options):
    """The step is that without the options, to rounding."""
    for one, other in zip(mode.train(**options), mode.train(), strict=True):
        np.testing.assert_allclose(vector(one.end), vector(other.end), rtol=0, atol=1e-12)


def seen(mode, look=None, **options):
    """What an activation saw while a network learned."""
    probe = Probe() if look is None else Probe(look)
    mode.train(probe, **options)
    return probe.seen


def like_a_run(mode, **options):
    """The costs of a search for a rate are those of a run with its rates; they tell options."""
    epochs = STEPS // (M // (options.get("batch_size") or M))
    (run,) = MODES["one"].train(schedule=Growing(), epochs=epochs, **options)
    costs = [mode.train(**given)[0].history["cost"] for given in (options, {})]
    np.testing.assert_allclose(costs[0], run.history["cost"], rtol=1e-9)
    assert len(costs[0]) != len(costs[1]) or not np.allclose(*costs, rtol=1e-3)


def cost(mode):
    goes_along(mode, lambda net: gradient(mode, net, cost=mode.cost), cost=mode.cost)


def optimizer(mode):
    if not mode.descends:  # a gradient this small is small enough
        (trained,) = mode.train(optimizer=LBFGS(tolerance=1e9))
        assert np.array_equal(vector(trained.start), vector(trained.end))
        return
    goes_along(mode, lambda net: 2 * gradient(mode, net), optimizer=optimizers.SGD(2 * ETA))


def label_smoothing(mode):
    rows = 0.75 * np.eye(3)[Y] + 0.25 / 3

    def smoothed(net):
        actual = bpnet.gradients(net, X, rows)[1]
        return np.concatenate([g[i].ravel() for i in (0, 1) for g in actual])

    goes_along(mode, smoothed, label_smoothing=0.25)


def epochs(mode):
    for trained in mode.train(epochs=3):
        assert len(trained.history["cost"]) == 3


def batch_size(mode):
    if not mode.descends:  # of an estimator: as in scikit-learn, which takes all
        stays(mode, batch_size=16)
        return
    assert 3 * max(seen(mode, batch_size=16)) == max(seen(mode))


def l2(mode):
    goes_along(
        mode, lambda net: gradient(mode, net) + only_weights(net, lambda W: 3.0 * W / M), l2=3.0
    )


def l1(mode):
    goes_along(
        mode,
        lambda net: gradient(mode, net) + only_weights(net, lambda W: 3.0 * np.sign(W) / M),
        l1=3.0,
    )


def dropout(mode):
    """With all hidden values dropped nothing goes back to the first layer."""
    for trained in mode.train(dropout=1 - 2**-15, seed=1):
        assert np.array_equal(trained.start.weights[0], trained.end.weights[0])
    for trained in mode.train():
        assert not np.array_equal(trained.start.weights[0], trained.end.weights[0])


def max_norm(mode):
    for limit, kept in ((0.1, True), (0.0, False)):
        for trained in mode.train(max_norm=limit):
            norms = [np.linalg.norm(W, axis=1).max() for W in trained.end.weights]
            assert (max(norms) <= 0.1 + 1e-9) == kept


def clip_norm(mode):
    goes_along(
        mode,
        lambda net: 0.01 * gradient(mode, net) / np.linalg.norm(gradient(mode, net)),
        clip_norm=0.01,
    )


def micro_batch(mode):
    assert max(seen(mode, micro_batch=2)) == 2
    stays(mode, micro_batch=2)


@dataclass(frozen=True)
class Half:
    def rate(self, eta, at):
        return eta / 2


def schedule(mode):
    goes_along(mode, lambda net: gradient(mode, net) / 2, schedule=Half())


def repeated(mode, net, weights=WEIGHTS):
    return gradient(mode, net, np.repeat(np.arange(M), weights))


def sample_weight(mode):
    goes_along(mode, lambda net: repeated(mode, net), sample_weight=WEIGHTS.astype(float))


def class_weight(mode):
    goes_along(
        mode, lambda net: repeated(mode, net, np.asarray([2, 1, 0])[Y]),
        class_weight={0: 2.0, 1: 1.0, 2: 0.0},
    )  # fmt: skip


def validation(mode):
    if mode is MODES["finder"]:  # which judges the network after its first step at the lowest rate
        (one,) = MODES["one"].train(optimizer=optimizers.SGD(Growing.low))
        (trained,) = mode.train(validation=mode.held)
        judged = bpnet.evaluate(one.end, mode.held)["cost"]
        assert trained.history["cost"][0] == pytest.approx(judged, rel=1e-9)
        return
    for trained in mode.train(validation=mode.held, epochs=2):
        judged = bpnet.evaluate(trained.end, mode.held)["cost"]
        assert trained.history["validation_cost"][-1] == pytest.approx(judged, rel=1e-12)
        assert len(trained.history["validation_cost"]) == 2


def metrics(mode):
    (metric, judge), (x, y) = mode.metric, mode.held
    name = "validation_score" if mode.estimates else f"validation_{metric}"
    for trained in mode.train(validation=mode.held, metrics=metric):
        end = trained.end
        told = end.predict(x)[:, 0] if metric == "r2" else end.classify(x)
        assert trained.history[name][-1] == pytest.approx(judge(y, told))


def seed(mode):
    """The same seed gives the same bits whatever NumPy's own generator does; another gives others.

    L-BFGS draws nothing, so that every seed gives the same.
    """
    given, ends = {}, []
    if mode.descends:
        given = {"batch_size": 16, "shuffle": True} if mode.estimates else {"batch_size": 16}
    for number in (1, 1, 2):
        ends.append([vector(t.end) for t in mode.train(seed=number, **given)])
        np.random.random()  # noqa: NPY002
    assert np.array_equal(ends[0], ends[1])
    assert np.array_equal(ends[0], ends[2]) != (mode.descends or mode.estimates)
    if mode in (MODES["streamed"], MODES["fastest"]):
        one = MODES["one"].train(seed=1, **given)
        assert np.array_equal(ends[0], [vector(t.end) for t in one])


def folds(mode):
    for trained, (rows, held) in zip(mode.train(folds=FOLDS), FOLDS, strict=True):
        np.testing.assert_allclose(
            slopes(mode, trained), gradient(mode, trained.start, rows), rtol=1e-7, atol=1e-9
        )
        judged = bpnet.evaluate(trained.end, (X[held], Y[held]))["cost"]
        assert trained.history["validation_cost"] == [pytest.approx(judged, rel=1e-12)]

"""The finder answers with a rate that its costs show, or says what they do not show."""

import contextlib

import numpy as np
import pytest

import bpnet
from bpnet.backends import threads
from bpnet.core import costs
from bpnet.errors import Diverged, InputError
from bpnet.training import finder

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 5))


def regression(noise=0.1, scale=1.0):
    """Rows that a network of one output learns; all but the noise can be."""
    return X * scale, X[:, :1] + noise * RNG.normal(size=(400, 1))


def network(**options):
    return bpnet.Network([5, 8, 1], hidden="relu", output="identity", seed=0, **options)


FLAT = "the cost does not fall between the rates"
HIGHER = "the cost does not rise again up to the last rate, .*; give a higher one as high"
LOWER = "the cost is lowest at .*the first rate, .*; give a lower one as low"


@pytest.mark.parametrize("batch_size", [8, 64, None])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_what_it_suggests_learns(optimizer, batch_size):
    data, net = regression(), network()
    actual = bpnet.find_learning_rate(net, data, optimizer=optimizer, batch_size=batch_size)
    assert actual.rates[0] <= actual.suggestion <= actual.rates[-1]
    rule = bpnet.core.optimizers.get(optimizer, actual.suggestion)
    before = bpnet.evaluate(net, data)["cost"]
    bpnet.train(net, data, optimizer=rule, epochs=5, batch_size=batch_size)
    assert bpnet.evaluate(net, data)["cost"] < 0.95 * before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 1e-12, "high": 1e-9}, FLAT),  # nothing moves
        ({"low": 1e-12, "high": 1e-9, "batch_size": None}, FLAT),
        ({"low": 1e-6, "high": 1e-4, "batch_size": 1}, FLAT),
        ({"high": 0.01}, HIGHER),
        ({"high": 0.01, "batch_size": None}, HIGHER),
        ({"low": 5.0, "high": 1e3, "optimizer": "sgd"}, LOWER),  # diverges at once
        ({"low": 0.5, "high": 3.0}, LOWER),  # no rate is ten times the first
    ],
)
def test_costs_without_evidence_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        bpnet.find_learning_rate(network(), regression(), **options)


def test_a_network_that_cannot_learn_is_refused():
    dead = bpnet.Network([5, 8, 2], hidden="relu", init="zeros")
    with pytest.raises(InputError, match=FLAT):
        bpnet.find_learning_rate(dead, (X, np.arange(400) % 2))


def test_a_cost_that_is_not_finite_at_first_is_told():
    with pytest.raises(Diverged, match="diverged at step 1 of epoch 1: the cost of layer 2 is not"):
        bpnet.find_learning_rate(network(), regression(scale=1e30))


class Shifted(costs.Quadratic):
    """A cost that is below 0 where the network is right, as likelihoods are."""

    def value(self, z, y, output, *, xp):
        return super().value(z, y, output, xp=xp) - 100


def test_costs_below_0_do_not_end_it_early():
    data = regression()
    usual, shifted = (
        bpnet.find_learning_rate(network(), data, cost=cost) for cost in (None, Shifted())
    )
    n = len(usual.costs)
    assert n > 100
    np.testing.assert_allclose(shifted.costs[:n], usual.costs - 100, rtol=1e-4)
    assert shifted.suggestion == usual.suggestion


@pytest.mark.parametrize("steps", [20, 200])
@pytest.mark.parametrize("degrees", [1, 4, 200], ids=["skewed", "less skewed", "normal"])
def test_noise_alone_is_no_evidence(degrees, steps):
    """Squares of normal numbers, as one example gives them, and means of several."""
    rates, answers = np.geomspace(1e-6, 10, steps), []
    for seed in range(500):
        seen = np.random.default_rng(seed).chisquare(degrees, steps).tolist()
        with contextlib.suppress(InputError):
            answers.append(finder._lowest(seen, finder._smoothed(seen), rates, broken_off=True))
    assert len(answers) < 500 / 50


@pytest.mark.parametrize("steps", [19, 20.5, "20", True, None, float("nan")])
def test_steps_that_are_none(steps):
    with pytest.raises(InputError, match=r"at least 20 steps|steps is .*; give a whole number"):
        bpnet.find_learning_rate(network(), regression(), steps=steps)


@pytest.mark.parametrize(
    "options",
    [{"low": "1"}, {"low": float("nan")}, {"high": float("inf")}, {"high": None}, {"low": -1}],
)
def test_rates_that_are_none(options):
    with pytest.raises(InputError, match=r"give 0 < low < high|(low|high) is .*; give a number"):
        bpnet.find_learning_rate(network(), regression(), **options)


@pytest.mark.parametrize("batch_size", [0, -3, 2.5, True])
def test_batches_that_are_none(batch_size):
    with pytest.raises(InputError, match=r"batch_size is .*; give a whole number"):
        bpnet.find_learning_rate(network(), regression(), batch_size=batch_size)


def test_it_uses_the_threads_of_training(monkeypatch):
    asked = []
    rule = threads.rule
    monkeypatch.setattr(threads, "rule", lambda work, most: asked.append(work) or rule(work, most))
    data, net = regression(), network()
    bpnet.find_learning_rate(net, data, batch_size=32, backend="numpy")
    bpnet.train(net, data, batch_size=32, epochs=1, backend="numpy")
    assert asked == [32 * 5 * 8] * 2

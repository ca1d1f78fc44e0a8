"""The finder judges its rates by a data set's own validation part, unless told otherwise."""

import numpy as np
import pytest

import bpnet
from bpnet.errors import InputError

GENERATOR = np.random.default_rng(6)
X = GENERATOR.normal(size=(640, 6))
Y = (X[:, 0] > 0).astype(int)
HELD = (GENERATOR.normal(size=(90, 6)), np.arange(90) % 2)
MANY = GENERATOR.normal(size=(2500, 6))


def network():
    return bpnet.Network([6, 8, 2], hidden="tanh", seed=0)


def find(data, **options):
    return bpnet.find_learning_rate(network(), data, backend="numpy", **options)


def right(x):
    return x, (x[:, 0] > 0).astype(int)


def test_the_cost_at_each_rate_is_that_of_the_examples_held_out():
    held = right(HELD[0])
    actual = find(bpnet.data.Dataset(X, Y, validation=held))
    before = bpnet.evaluate(network(), held, backend="numpy")["cost"]
    assert actual.costs[0] == pytest.approx(before, rel=1e-4)  # a step of 1e-6 is next to none
    assert find((X, Y)).costs[0] != pytest.approx(before, rel=1e-3)
    np.testing.assert_array_equal(actual.costs, find((X, Y), validation=held).costs)
    assert 1e-4 < actual.suggestion < 1


def test_of_many_those_that_are_spread_over_them():
    held = right(MANY)
    actual = find(bpnet.data.Dataset(X, Y, validation=held))
    some = tuple(values[:2000:2] for values in held)
    before = bpnet.evaluate(network(), some, backend="numpy")["cost"]
    assert actual.costs[0] == pytest.approx(before, rel=1e-4)


def test_what_is_learned_but_not_true_of_others_gives_no_rate():
    """The labels held out are those of the training rows turned around."""
    x, y = right(HELD[0])
    data = bpnet.data.Dataset(X, Y, validation=(x, 1 - y))
    with pytest.raises(InputError, match=r"the cost does not fall|the cost is lowest at"):
        find(data)
    np.testing.assert_array_equal(find(data, validation=None).costs, find((X, Y)).costs)


def test_what_cannot_be_validation_is_refused():
    with pytest.raises(InputError, match="validation is float; give a pair"):
        find((X, Y), validation=0.1)

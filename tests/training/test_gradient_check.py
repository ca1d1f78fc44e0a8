"""``check_gradients`` tells right derivatives from wrong ones, and whose they are."""

import numpy as np
import pytest

import bpnet
from bpnet.core.activations import ACTIVATIONS, Elementwise
from bpnet.core.costs import COSTS

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(12, 5)), rng.integers(0, 3, 12)
ROWS = np.eye(3)[Y]


@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_bpnets_own_activations_are_right(hidden):
    net = bpnet.Network([5, 7, 3], hidden=hidden, seed=1)
    before = [a.copy() for arrays in net.parameters for a in arrays]
    actual = bpnet.check_gradients(net, X, Y, l2=0.1)
    assert actual, actual
    assert len(actual.differences) >= 5
    for a, b in zip(before, [a for arrays in net.parameters for a in arrays], strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("cost", COSTS)
def test_bpnets_own_costs_are_right(cost):
    outputs = {"cross_entropy": "softmax", "poisson": "exp", "hinge": "tanh"}
    net = bpnet.Network([5, 7, 3], output=outputs.get(cost, "sigmoid"), seed=1)
    assert bpnet.check_gradients(net, X, ROWS, cost=cost)


class Wrong(Elementwise):
    def sigma(self, z, *, xp):
        return xp.sin(z)

    def prime(self, z, a, *, xp):
        return xp.cos(z) + self.off

    def __init__(self, off):
        self.off = off


@pytest.mark.parametrize("off", [1e-3, 1.0, float("nan")])
def test_a_wrong_activation_is_named(off):
    net = bpnet.Network([5, 7, 3], hidden=Wrong(off), seed=1)
    actual = bpnet.check_gradients(net, X, Y)
    assert not actual
    assert actual.wrong == ["W of layer 1", "b of layer 1", "Wrong alone"]
    assert repr(actual).count("wrong") == 3
    right = bpnet.Network([5, 7, 3], hidden=Wrong(0.0), seed=1)
    assert bpnet.check_gradients(right, X, Y).passed


class Cost:
    def __init__(self, factor):
        self.factor = factor

    def value(self, z, y, output, *, xp):
        return xp.sum((output.sigma(z, xp=xp) - y) ** 4, axis=-1)

    def delta(self, z, y, output, *, xp):
        a = output.sigma(z, xp=xp)
        return output.backward(self.factor * (a - y) ** 3, z, a, xp=xp)


def test_a_wrong_cost_is_named():
    net = bpnet.Network([5, 7, 3], output="sigmoid", seed=1)
    assert bpnet.check_gradients(net, X, ROWS, cost=Cost(4.0))
    actual = bpnet.check_gradients(net, X, ROWS, cost=Cost(4.01))
    assert set(actual.wrong) == {f"{p} of layer {l}" for p in "Wb" for l in (1, 2)}
    assert "look at the cost's delta" in repr(actual)

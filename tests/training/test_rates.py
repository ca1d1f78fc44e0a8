"""Rates at their lower end: 0 leaves a network as it is, less is refused."""

import numpy as np
import pytest

import bpnet


class Rates:
    def __init__(self, *rates):
        self.rates = rates

    def rate(self, eta, at):
        return self.rates[at.epoch]


def train(*rates):
    x, y = np.random.default_rng(0).normal(size=(12, 2)), np.arange(12) % 2
    net = bpnet.Network([2, 3, 2], seed=0)
    history = bpnet.train(
        net, (x, y), epochs=len(rates), batch_size=4, optimizer="sgd", schedule=Rates(*rates),
        dtype="float64", backend="numpy",
    )  # fmt: skip
    return [W.tolist() for W in net.weights], history


def test_a_rate_of_0_moves_nothing():
    first, history = train(0.0, 0.0)
    assert first == [W.tolist() for W in bpnet.Network([2, 3, 2], seed=0).weights]
    assert history["learning_rate"] == [0.0, 0.0]
    assert train(0.5, 0.0)[0] == train(0.5)[0] != first


@pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf")])
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(bpnet.InputError, match=f"gave the learning rate {rate}; give 0 or more"):
        train(0.5, rate)

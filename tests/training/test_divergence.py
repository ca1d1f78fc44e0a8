"""A run that diverges says where, and leaves nothing behind that is not finite."""

import numpy as np
import pytest

import bpnet
from bpnet.data import draws
from bpnet.storage import checkpoint

M = 120
HUGE = 57
"""Row that is one too much."""

pytestmark = pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")


def step_of(row, seed=3):
    return int(np.flatnonzero(draws.order(seed, 0, M) == row)[0]) + 1


def train(backend, X, y, *, rate=1e-6, hidden="tanh", **options):
    net = bpnet.Network([4, 5, 2], hidden=hidden, output="identity", seed=0)
    net.weights[0] = 4 * net.weights[0]
    rule = bpnet.optimizers.SGD(learning_rate=rate)
    usual = {"cost": "quadratic", "optimizer": rule, "epochs": 2, "batch_size": 1, "seed": 3}
    bpnet.train(net, (X, y), backend=backend, **{**usual, **options})
    return net


def data():
    random = np.random.default_rng(1)
    return random.normal(size=(M, 4)).astype(np.float32), random.normal(size=(M, 2))


def huge_target(X, y):
    y[HUGE] = 1e30  # its square is no float32
    return "the cost of layer 2 is not finite"


def huge_input(X, y):
    X[HUGE] = 3e38 * np.sign(bpnet.Network([4, 5, 2], hidden="relu", seed=0).weights[0][0])
    return "the weighted input of layer 1 is not finite"


@pytest.mark.parametrize("spoil", [huge_target, huge_input])
def test_the_step_and_the_layer_are_named(backend, spoil):
    X, y = data()
    said = spoil(X, y)
    with pytest.raises(bpnet.Diverged, match=said) as caught:
        train(backend, X, y, hidden="relu")
    assert f"diverged at step {step_of(HUGE)} of epoch 1" in str(caught.value)
    assert "the learning rate is 1e-06, try a lower one" in str(caught.value)


def test_an_update_that_is_too_large_is_seen_where_it_is_made(backend):
    """Also after the last step of all, and where tanh makes 1 of what is infinite."""
    X, y = data()
    y *= 1e6
    for options in ({}, {"batch_size": None, "epochs": 1}):
        with pytest.raises(bpnet.Diverged, match=r"the update of layer 1 .* rate is 1e\+38") as why:
            train(backend, X, y, rate=1e38, **options)
        assert "at step 1 of epoch 1" in str(why.value)


def test_an_infinite_weighted_input_is_seen_though_tanh_makes_1_of_it():
    X, y = data()
    X[HUGE], y[HUGE] = 3e38, 1e30
    net = bpnet.Network([4, 5, 2], hidden="tanh", output="identity", seed=0)
    net.weights[0] = np.full((5, 4), 4.0)
    rule = bpnet.optimizers.SGD(learning_rate=1e-6)
    with pytest.raises(bpnet.Diverged, match="the weighted input of layer 1 is not finite"):
        bpnet.train(net, (X, y), cost="quadratic", optimizer=rule, batch_size=1, backend="numpy")


class OnceTooLarge:
    """A learning rate that only one step of all cannot take."""

    step = 6  # counted from 0

    def rate(self, eta, moment):
        return 1e38 if moment.step == self.step else eta


@pytest.mark.parametrize("shards", [1, 2])
def test_a_step_that_is_gone_over_again_has_its_own_rate(shards):
    """The block is done again step by step; each has the numbers that it had in the block."""
    X, y = data()
    options = {"batch_size": 4, "schedule": OnceTooLarge(), "shards": shards}
    with pytest.raises(bpnet.Diverged, match="the update of layer 1 is not finite") as caught:
        train("numpy", X, y * 1e6, **options)
    assert "at step 7 of epoch 1" in str(caught.value)


def test_the_last_good_checkpoint_stays(tmp_path):
    X, y = data()
    huge_target(X, y)
    every = bpnet.Checkpoint(tmp_path, steps=1)
    with pytest.raises(bpnet.Diverged):
        train(bpnet.backends.get("numpy"), X, y, checkpoint=every, epochs=3)
    for path in tmp_path.glob("*.safetensors"):
        actual = checkpoint.read(path)
        assert actual.step < step_of(HUGE)
        arrays = [a for layer in actual.arrays["0 parameters"] for a in layer]
        assert all(np.isfinite(a).all() for a in arrays)
    actual = checkpoint.latest(tmp_path)
    assert actual is not None or step_of(HUGE) <= 50  # blocks have 50 steps at least

"""Defaults, boundaries and orders that no formula fixes and that users rely on."""

import math

import numpy as np
import pytest

import bpnet
from bpnet import backends
from bpnet.core import costs, feedforward, metrics, optimizers
from bpnet.core.activations import Softmax
from bpnet.core.layers import BatchNorm, Dense, Dropout, LayerNorm, with_dropout, with_norm
from bpnet.errors import InputError

DEFAULTS = {
    "sgd": {"learning_rate": 0.1},
    "momentum": {"learning_rate": 0.1, "momentum": 0.9},
    "nesterov": {"learning_rate": 0.1, "momentum": 0.9},
    "adagrad": {"learning_rate": 0.01, "epsilon": 1e-10},
    "rmsprop": {"learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-8},
    "adam": {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
    "adamw": {
        "learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.01,
    },
}  # fmt: skip
"""Duchi et al. 2011 with PyTorch's epsilon; Tieleman and Hinton 2012; Kingma and Ba 2015;
Loshchilov and Hutter 2019 with PyTorch's decay; 0.1 where the papers name no rate."""


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_the_settings_of_an_optimizer_that_is_named_alone(name):
    assert vars(optimizers.get(name)) == DEFAULTS[name]


def test_adamw_decays_at_the_rate_of_the_step():
    """As PyTorch does under a schedule: 1 - eta_t weight_decay, not the first eta."""
    rule = optimizers.AdamW(learning_rate=0.1, weight_decay=0.5)
    for rate in (0.1, 0.02, 0.0):
        assert rule.coefficients(3, rate)[4] == 1 - rate * 0.5


@pytest.mark.parametrize(("norm", "kind"), [("batch", BatchNorm), ("layer", LayerNorm)])
def test_dropout_stands_behind_the_normalization_of_its_layer(norm, kind):
    chain = with_dropout(with_norm([Dense(4, 3, "relu"), Dense(3, 2)], norm), 0.5)
    assert [type(layer) for layer in chain] == [Dense, kind, Dropout, Dense]


def test_a_batch_of_two_has_the_variance_of_a_sample():
    """k/(k - 1) is 2: half the squared distance of two numbers."""
    layer = BatchNorm(1)
    xp = backends.get("numpy").xp
    arrays = tuple(np.full((1,), value) for value in layer.start)
    x = np.asarray([[1.0], [4.0]])
    _, cache = layer.forward(arrays, x, xp=xp, key=object())
    (_, _, mean, variance), _ = layer.backward(arrays, cache, np.ones((2, 1)), False, xp=xp)
    assert (mean.tolist(), variance.tolist()) == ([2.5], [4.5])


def test_averages_may_be_those_of_the_last_batch():
    net = bpnet.Network(
        [Dense(2, 3, "identity"), BatchNorm(3, "relu", momentum=1), Dense(3, 2, "softmax")], seed=0
    )
    X = np.random.default_rng(0).normal(size=(16, 2))
    bpnet.train(net, (X, np.arange(16) % 2), epochs=1, batch_size=None, dtype="float64",
                optimizer=bpnet.optimizers.SGD(1e-30))  # fmt: skip
    z = X @ net.parameters[0][0] + net.parameters[0][1]
    np.testing.assert_allclose(net.parameters[1][2], z.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(net.parameters[1][3], z.var(axis=0, ddof=1), rtol=1e-12)


class Lengthy:
    """A cost whose results have the right number of axes and the wrong length."""

    def __init__(self, wrong):
        self.wrong = wrong

    def value(self, z, y, output):
        return (z[:-1] if self.wrong == "value" else z).sum(axis=-1)

    def delta(self, z, y, output):
        return z[:-1] if self.wrong == "delta" else z


@pytest.mark.parametrize("wrong", ["value", "delta"])
def test_a_cost_of_a_users_own_gives_as_many_numbers_as_there_are_examples(wrong):
    cost = costs.get(Lengthy(wrong), Softmax())
    z = np.ones((4, 3))
    with pytest.raises(InputError, match=rf"Lengthy\.{wrong} gave shape \(3"):
        getattr(cost, wrong)(z, z, Softmax(), xp=backends.get("numpy").xp)


def test_the_bias_gradient_of_halves_is_summed_in_float32(backend):
    """4096 times 1/1024 + 2^-20, of which halves would keep no more than a few steps."""
    if "float16" not in backend.dtypes():
        pytest.skip("no float16 here")
    with backend.session("float16"):
        delta = backend.asarray(np.full((4096, 2), 1 + 2.0**-10), dtype="float16")
        actual = backend.to_numpy(feedforward.bias_gradient(delta, xp=backend.xp))
    assert actual.astype(np.float64).tolist() == [4100.0, 4100.0]


def test_what_is_kept_is_scaled_by_the_rate_that_is_kept():
    """Rates are steps of 2^-16: 0.1 is 6554 of them."""
    assert Dropout(0.1).drops() == (6554, 65536 / (65536 - 6554))


@pytest.mark.parametrize("z", [0.0, math.log(3.0)])
def test_an_output_on_the_threshold_is_class_0(backend, z):
    """As ``classify`` says, which asks whether an output is larger."""
    with backend.session("float32"):
        put = lambda a, dtype: backend.asarray(np.asarray(a), dtype=dtype)  # noqa: E731
        threshold = float(np.float32(z))
        values = put([[threshold], [threshold]], "float32")
        expected = put([[0.0], [0.0]], "float32")
        classes = backend.asarray(np.arange(1), dtype=backend.index_dtype)
        right = metrics.count_correct(
            values, expected, classes, "threshold", threshold, xp=backend.xp
        )
        assert int(backend.to_numpy(right)) == 2

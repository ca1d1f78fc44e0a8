"""First weights: scales, shapes, and bits that depend on seed and layer alone."""

import itertools
import math

import array_api_compat.numpy as xp
import numpy as np
import pytest

from bpnet.core import activations, initializers
from bpnet.core.initializers import INITIALIZERS
from bpnet.data.draws import HostDraw, generator
from bpnet.errors import InputError

N_IN, N_OUT = 300, 120

# variance of the weights and their distribution, as the papers of their authors have them
GLOROT, HE, LECUN = 2 / (N_IN + N_OUT), 2 / N_IN, 1 / N_IN
RULES = {
    "normal": (LECUN, "normal"),
    "glorot_normal": (GLOROT, "normal"),
    "glorot_uniform": (GLOROT, "uniform"),
    "he_normal": (HE, "normal"),
    "he_uniform": (HE, "uniform"),
    "lecun_normal": (LECUN, "normal"),
    "lecun_uniform": (LECUN, "uniform"),
    "glorot": (GLOROT, "uniform"),
    "he": (HE, "normal"),
    "lecun": (LECUN, "normal"),
}
KURTOSIS = {"normal": 3.0, "uniform": 1.8}


def drawn(name, seed=1, layer=0, n_in=N_IN, n_out=N_OUT):
    draw = HostDraw(generator(seed, "weights", layer))
    return INITIALIZERS[name](draw, n_in, n_out, xp=xp)


def test_all_are_tested():
    assert {*RULES, "orthogonal", "zeros"} == set(INITIALIZERS)


@pytest.mark.parametrize("name", RULES)
def test_mean_variance_and_shape_of_the_distribution(name):
    """Within five standard deviations of each estimate, for n = 36,000 independent draws."""
    variance, kind = RULES[name]
    W, _ = drawn(name)
    n, kurtosis = W.size, KURTOSIS[kind]
    assert abs(np.mean(W)) < 5 * math.sqrt(variance / n)
    assert abs(np.var(W) / variance - 1) < 5 * math.sqrt((kurtosis - 1) / n)
    # the fourth moment tells uniform from normal; its estimate varies by sqrt(m8 - m4^2)
    fourth = np.mean(W**4) / variance**2
    spread = {"normal": math.sqrt(105 - 9), "uniform": math.sqrt(9 - 1.8**2)}[kind]
    assert abs(fourth - kurtosis) < 5 * spread / math.sqrt(n)
    if kind == "uniform":
        assert np.max(np.abs(W)) <= math.sqrt(3 * variance)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_shapes_types_and_biases(name):
    for n_in, n_out in ((7, 3), (3, 7), (4, 4), (1, 1)):
        W, b = drawn(name, n_in=n_in, n_out=n_out)
        assert (W.shape, b.shape) == ((n_in, n_out), (n_out,))
        assert W.dtype == b.dtype == np.float64
        if name != "normal":  # network2's biases are N(0, 1), all others are zero, not -0
            assert not b.any()
            assert not np.signbit(b).any()


def test_biases_of_network2_are_standard_normal():
    _, b = drawn("normal", n_in=2, n_out=10_000)
    assert abs(np.mean(b)) < 5 / 100
    assert abs(np.var(b) - 1) < 5 * math.sqrt(2) / 100


@pytest.mark.parametrize(("n_in", "n_out"), [(8, 5), (5, 8), (6, 6), (1, 4), (4, 1)])
@pytest.mark.parametrize("gain", [1.0, 2.5])
def test_orthogonal_rows_or_columns(n_in, n_out, gain):
    draw = HostDraw(generator(3, "weights"))
    W, _ = initializers.Orthogonal(gain)(draw, n_in, n_out, xp=xp)
    product = W.T @ W if n_in >= n_out else W @ W.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(n_in, n_out)), atol=1e-13)


def test_orthogonal_has_length_one_where_it_is_named_alone():
    """Saxe's for linear layers: nothing grows or shrinks from layer to layer."""
    W, _ = drawn("orthogonal", n_in=6, n_out=6)
    np.testing.assert_allclose(W.T @ W, np.eye(6), atol=1e-13)


def test_orthogonal_draws_are_uniform():
    """No entry prefers a sign, as those of an uncorrected QR do."""
    first = [drawn("orthogonal", seed, n_in=3, n_out=3)[0] for seed in range(400)]
    assert np.all(np.abs(np.mean(first, axis=0)) < 5 * math.sqrt(1 / 3 / 400))


def test_zeros():
    W, b = drawn("zeros")
    assert not W.any()
    assert not b.any()
    assert not np.signbit(W).any()


@pytest.mark.parametrize("name", sorted(set(INITIALIZERS) - {"zeros"}))
def test_bits_depend_on_seed_and_layer_alone(name):
    bits = lambda seed, layer: [a.tobytes() for a in drawn(name, seed, layer, 6, 5)]  # noqa: E731
    assert bits(1, 0) == bits(1, 0)
    keys = itertools.product((0, 1, 2**63), (0, 1, 2))
    assert len({bits(*key)[0] for key in keys}) == 9


AUTO = {
    "relu": "he",
    "leaky_relu": "he",
    "elu": "he",
    "gelu": "he",
    "silu": "he",
    "softplus": "he",
    "selu": "lecun",
    "identity": "glorot",
    "sigmoid": "glorot",
    "tanh": "glorot",
    "exp": "glorot",
    "softmax": "glorot",
}


@pytest.mark.parametrize("activation", activations.ACTIVATIONS)
def test_auto_suits_the_activation(activation):
    actual = initializers.get("auto", activations.get(activation))
    assert actual == INITIALIZERS[AUTO[activation]]


def test_objects_are_taken_and_others_refused():
    mine = initializers.Orthogonal(2.0)
    assert initializers.get(mine, activations.Tanh()) is mine
    with pytest.raises(InputError, match="did you mean 'he_normal'"):
        initializers.get("he-norml", activations.Tanh())
    for thing in (3, None, [1.0]):
        with pytest.raises(InputError, match="give a name, an initializer"):
            initializers.get(thing, activations.Tanh())

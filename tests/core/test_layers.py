"""Layers and metrics: what they refuse, dropout, and what counts as right."""

import itertools
import math

import array_api_compat.numpy as xp
import numpy as np
import pytest

from bpnet.core import costs, feedforward, layers, metrics, random
from bpnet.core.layers import Dense, Dropout
from bpnet.errors import InputError
from tests.assertions import assert_close


@pytest.mark.parametrize("n", [0, -1, 2.0, "3", None, True])
def test_a_layer_needs_neurons(n):
    for sizes, name in (((n, 3), "n_in"), ((3, n), "n_out")):
        with pytest.raises(InputError, match=f"{name} = .* neurons; give a whole number"):
            Dense(*sizes)


def test_a_layer_says_its_shapes():
    assert Dense(5, 3).shapes == ((5, 3), (3,))
    assert Dropout(0.5).shapes == ()


@pytest.mark.parametrize("rate", [-0.1, 1, 1.0, 0.9999999, math.nan, math.inf, "0.5", None, True])
def test_bad_rates_of_dropout_are_refused(rate):
    with pytest.raises(InputError, match="the dropout rate is"):
        Dropout(rate)


def key(backend, batch, step=0, layer=0):
    rows = backend.asarray(np.arange(batch, dtype=np.int32))
    return random.Key(random.step_words(9, 4, step), rows).at(layer)


def test_dropout_zeroes_some_and_scales_the_others(backend):
    dtype = backend.dtypes()[0]
    with backend.session(dtype):
        a = backend.asarray(np.ones((200, 30)), dtype=dtype)
        out, _ = Dropout(0.25).forward((), a, xp=backend.xp, key=key(backend, 200))
        assert out.dtype == a.dtype
        values = backend.to_numpy(out)
        assert np.allclose(np.unique(values), [0, 1 / 0.75], rtol=1e-6)
        assert abs(np.mean(values) - 1) < 5 * math.sqrt(0.25 / 0.75 / values.size)
        untouched, cache = Dropout(0.25).forward((), a, xp=backend.xp)
        assert_close(untouched, np.ones((200, 30)), 0, backend)
        _, below = Dropout(0.25).backward((), cache, a, True, xp=backend.xp)
        assert_close(below, np.ones((200, 30)), 0, backend)


@pytest.mark.parametrize("sizes", [(3, 4, 2), (3, 5, 4, 2)])
def test_gradients_through_dropout(backend, sizes):
    """With the masks of one step fixed, the gradients are central differences of the cost."""
    if "float64" not in backend.dtypes():
        pytest.skip("differences need float64")
    rng, dtype = np.random.default_rng(4), "float64"
    dense = tuple(Dense(n_in, n_out, "tanh") for n_in, n_out in itertools.pairwise(sizes))
    net = layers.with_dropout(dense, 0.4)
    arrays = [tuple(rng.normal(size=shape) for shape in layer.shapes) for layer in net]
    x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    C = costs.Quadratic()

    def run(parameters):
        with backend.session(dtype):
            put = lambda a: backend.asarray(a, dtype=dtype)  # noqa: E731
            on_device = tuple(tuple(map(put, layer)) for layer in parameters)
            _, values, slopes = feedforward.cost_and_gradients(
                net, on_device, put(x), put(y), C, xp=backend.xp, key=key(backend, 6)
            )
            mean = backend.to_numpy(costs.mean_cost(values, xp=backend.xp))
            return mean, [backend.to_numpy(g) for layer in slopes for g in layer]

    _, actual = run(arrays)
    v = [tuple(rng.normal(size=p.shape) for p in layer) for layer in arrays]
    flat = [d for layer in v for d in layer]
    along = sum(np.sum(g * d) for g, d in zip(actual, flat, strict=True))
    h = 1e-5
    moved = lambda s: [  # noqa: E731
        tuple(p + s * d for p, d in zip(*pair, strict=True)) for pair in zip(arrays, v, strict=True)
    ]
    slope = (run(moved(h))[0] - run(moved(-h))[0]) / (2 * h)
    assert float(along) == pytest.approx(float(slope), rel=1e-7)


def test_layers_of_dropout_draw_each_their_own():
    """Two layers of one step drop different values."""
    from bpnet import backends

    numpy = backends.get("numpy")
    net = layers.with_dropout((Dense(8, 8, "identity"), Dense(8, 8, "identity"), Dense(8, 1)), 0.5)
    eye = (np.eye(8), np.zeros(8))
    arrays = (eye, (), eye, (), (np.ones((8, 1)), np.zeros(1)))
    x = np.ones((50, 8))
    _, caches = feedforward.forward(net, arrays, x, xp=xp, key=key(numpy, 50))
    assert np.mean((caches[1] > 0) == (caches[3] > 0)) == pytest.approx(0.5, abs=5 * 0.5 / 20)


def test_dropout_follows_each_hidden_layer_and_no_other():
    dense = (Dense(3, 4), Dense(4, 5), Dense(5, 2))
    net = layers.with_dropout(dense, 0.2)
    assert net == (dense[0], Dropout(0.2), dense[1], Dropout(0.2), dense[2])
    assert layers.with_dropout(dense[:1], 0.2) == dense[:1]
    assert layers.differs_in_training(net)
    assert not layers.differs_in_training(dense)
    assert not layers.differs_in_training(layers.with_dropout(dense, 0.0))


def count(backend, z, y, kind, middle=0.0):
    classes = backend.asarray(np.arange(np.shape(z)[-1]), dtype=backend.index_dtype)
    dtype = backend.dtypes()[-1]
    with backend.session(dtype):
        put = lambda a: backend.asarray(  # noqa: E731
            np.asarray(a), dtype=backend.index_dtype if np.ndim(a) == 1 else dtype
        )
        right = metrics.count_correct(put(z), put(y), classes, kind, middle, xp=backend.xp)
        assert right.dtype == backend.xp.int32
        assert right.shape == ()
        return int(backend.to_numpy(right))


Z = [[1.0, 3.0, 2.0], [5.0, -1.0, 0.0], [0.0, 0.0, 0.0], [-3.0, -2.0, -1.0]]


def test_right_answers_by_the_largest_output(backend):
    """The first of equal outputs is the answer: a network of zeros is not always right."""
    assert count(backend, Z, [1, 0, 0, 2], "class") == 4
    assert count(backend, Z, [1, 1, 1, 2], "class") == 2
    assert count(backend, Z, np.eye(3)[[1, 0, 2, 0]], "class") == 2


def test_right_answers_by_thresholds(backend):
    """Every output of an example must be on its side of the middle."""
    z = [[1.0, -1.0], [1.0, 1.0], [-0.5, 0.25], [0.6, 0.7]]
    y = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    assert count(backend, z, y, "threshold") == 3
    assert count(backend, z, y, "threshold", middle=0.5) == 2


def test_explained_variance():
    y = np.asarray([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    assert metrics.r2(y, y) == 1
    assert metrics.r2(np.full((3, 1), 2.0), y[:, 0]) == 0  # the mean explains nothing
    assert metrics.r2(np.asarray([[1.0], [2.0], [4.0]]), y[:, 0]) == pytest.approx(0.5)
    assert metrics.r2(y + np.asarray([0.0, 1.0]), y) == 0.5  # an output that does not vary, not met

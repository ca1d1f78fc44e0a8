"""L1, max-norm and clipping, on every backend, against NumPy by hand."""

import numpy as np
import pytest

from bpnet.core import regularizers
from tests.assertions import assert_close

W = [np.asarray([[3.0, 0.5], [4.0, -1.0]]), np.asarray([[0.0, -2.0, 6.0], [0.1, 0.0, 8.0]])]
B = [np.asarray([9.0, -9.0]), np.asarray([1.0, 2.0, 3.0])]


@pytest.fixture
def put(backend):
    dtype = backend.dtypes()[0]
    with backend.session(dtype):
        yield lambda a: backend.asarray(np.asarray(a, float), dtype=dtype, copy=True)


def parameters(put):
    """Two dense layers with dropout between them."""
    return (put(W[0]), put(B[0])), (), (put(W[1]), put(B[1]))


def bound(backend):
    return {"float64": 1e-14, "float32": 1e-6}[backend.dtypes()[0]]


def test_l1_adds_the_sizes_of_the_weights(backend, put):
    actual = regularizers.l1_cost(parameters(put), 0.5, 10, xp=backend.xp)
    assert_close(actual, 0.05 * (8.5 + 16.1), bound(backend), backend)
    slopes = regularizers.l1_gradient(parameters(put), parameters(put), 0.5, 10, xp=backend.xp)
    for l, layer in ((0, 0), (1, 2)):
        assert_close(slopes[layer][0], W[l] + 0.05 * np.sign(W[l]), bound(backend), backend)
        assert_close(slopes[layer][1], B[l], 0.0, backend)
    assert slopes[1] == ()


def test_max_norm_shortens_what_is_longer_and_leaves_the_rest(backend, put):
    actual = regularizers.max_norm(parameters(put), 2.5, xp=backend.xp)
    assert_close(actual[0][0], W[0] * [0.5, 1.0], bound(backend), backend)
    assert_close(actual[2][0], W[1] * [1.0, 1.0, 0.25], bound(backend), backend)
    assert_close(actual[0][1], B[0], 0.0, backend)


def test_clipping_keeps_the_direction_and_bounds_the_whole(backend, put):
    length = float(np.sqrt(sum((a**2).sum() for a in (*W, *B))))
    for limit, factor in ((1.0, 1 / length), (length * 2, 1.0)):
        arrays = [a for layer in parameters(put) for a in layer]
        actual = regularizers.clip(tuple(arrays), limit, xp=backend.xp)
        for l in range(2):
            assert_close(actual[2 * l], W[l] * factor, bound(backend), backend)
            assert_close(actual[2 * l + 1], B[l] * factor, bound(backend), backend)


def test_members_are_bounded_each_on_its_own(backend, put):
    pair = put(np.stack([W[0], 0.1 * W[0]])), put(np.stack([B[0], 0.1 * B[0]]))
    actual = regularizers.clip(pair, 2.0, 1, xp=backend.xp)
    for i, scale in enumerate((1.0, 0.1)):
        expected = regularizers.clip((put(scale * W[0]), put(scale * B[0])), 2.0, xp=backend.xp)
        assert_close(actual[0][i, ...], backend.to_numpy(expected[0]), bound(backend), backend)
        assert_close(actual[1][i, ...], backend.to_numpy(expected[1]), bound(backend), backend)
    stacked = ((put(np.stack([W[0], 0.1 * W[0]])), put(np.stack([B[0], B[0]]))),)
    shortened = regularizers.max_norm(stacked, 2.5, xp=backend.xp)[0][0]
    assert_close(shortened, np.stack([W[0] * [0.5, 1], 0.1 * W[0]]), bound(backend), backend)


def test_gradients_of_zero_stay(backend, put):
    zeros = ((put(np.zeros((2, 2))), put(np.zeros(2))),)
    for array in regularizers.clip(zeros[0], 1.0, xp=backend.xp):
        assert_close(array, np.zeros(array.shape), 0.0, backend)
    assert_close(
        regularizers.max_norm(zeros, 1.0, xp=backend.xp)[0][0], np.zeros((2, 2)), 0.0, backend
    )

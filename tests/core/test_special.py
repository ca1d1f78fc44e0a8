"""Special functions against the C library's."""

import math

import numpy as np
import pytest

from bpnet.core import special
from tests.assertions import assert_close

SPREAD = np.concatenate(
    [np.linspace(-6, 6, 241), [-0.46875, 0.46875, -4.0, 4.0, 1e-300, -1e-300, 1e-8, -1e-8]]
)
NEAR = {"float64": 4e-15, "float32": 2e-6}


def relative(actual, desired):
    return np.max(np.abs(actual - desired) / np.abs(desired))


def on_host(f, z, backend, dtype):
    with backend.session(dtype):
        return backend.to_numpy(f(backend.asarray(z, dtype=dtype), xp=backend.xp)).astype(float)


@pytest.fixture
def dtype(backend):
    return backend.dtypes()[0]


def rounded(z, dtype):
    """Numbers as the dtype holds them, in float64."""
    return np.asarray(z, dtype=dtype).astype(np.float64)


def test_erfc(backend, dtype):
    """Relative, number by number: a few units in the last place up to 4, as it says."""
    z = rounded(SPREAD[np.abs(SPREAD) <= 4], dtype)
    desired = np.asarray([math.erfc(v) for v in z])
    assert relative(on_host(special.erfc, z, backend, dtype), desired) < NEAR[dtype]


def test_erfc_beyond(backend, dtype):
    """In the tail exp(-x^2) costs x^2 units; beyond what the dtype holds it is 0, and 2."""
    z = rounded(np.linspace(4, 26 if dtype == "float64" else 9, 101), dtype)
    desired = np.asarray([math.erfc(v) for v in z])
    bound = 4e-13 if dtype == "float64" else 2e-5
    assert relative(on_host(special.erfc, z, backend, dtype), desired) < bound
    assert on_host(special.erfc, [30.0, 1e38, math.inf], backend, dtype).tolist() == [0, 0, 0]
    assert on_host(special.erfc, [-9.0, -1e38, -math.inf], backend, dtype).tolist() == [2, 2, 2]
    assert np.isnan(on_host(special.erfc, [math.nan], backend, dtype)).all()


def test_normal_distribution(backend, dtype):
    """Relative in the lower tail too, where 1 - Phi(-z) would have lost every digit."""
    z = rounded(np.linspace(-37 if dtype == "float64" else -12, 9, 231), dtype)
    desired = np.asarray([math.erfc(-v / math.sqrt(2)) / 2 for v in z])
    bound = {"float64": 4e-13, "float32": 3e-5}[dtype]
    assert relative(on_host(special.normal_cdf, z, backend, dtype), desired) < bound
    # tables: Phi(1.96), Phi(-3), and phi(0), phi(1)
    table = on_host(special.normal_cdf, [1.96, -3.0, 0.0], backend, dtype)
    np.testing.assert_allclose(table, [0.9750021048517795, 0.0013498980316300945, 0.5], rtol=1e-6)
    density = on_host(special.normal_pdf, [0.0, 1.0, -1.0], backend, dtype)
    np.testing.assert_allclose(
        density, [0.3989422804014327, 0.24197072451914337, 0.24197072451914337], rtol=1e-6
    )


def test_normal_distribution_of_halves(backend):
    """By way of float32: the polynomials leave float16's range."""
    for half in {"float16", "bfloat16"} & set(backend.dtypes()):
        z = np.asarray([-8.0, -3.0, -0.5, 0.0, 0.25, 2.0, 6.0, 100.0])
        actual = on_host(special.normal_cdf, z, backend, half)
        desired = [math.erfc(-v / math.sqrt(2)) / 2 for v in z]
        np.testing.assert_allclose(actual, desired, rtol=1e-2, atol=1e-7)


def test_softplus(backend, dtype):
    z = rounded(np.concatenate([SPREAD, [-80.0, -30.0, 30.0, 80.0]]), dtype)
    desired = np.asarray([max(v, 0) + math.log1p(math.exp(-abs(v))) for v in z])
    assert relative(on_host(special.softplus, z, backend, dtype), desired) < NEAR[dtype]
    far = on_host(special.softplus, [-1e38, 1e38, -math.inf, math.inf], backend, dtype)
    assert far.tolist() == [0, rounded(1e38, dtype), 0, math.inf]


def test_logsumexp(backend, dtype):
    rows = [[0.1, -2.0, 3.0], [1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [0.0, -math.inf, 0.0]]
    desired = [
        math.log(math.exp(0.1) + math.exp(-2) + math.exp(3)),
        1e4 + math.log(2),
        -1e4 + math.log(3),
        math.log(2),
    ]
    actual = on_host(special.logsumexp, rows, backend, dtype)
    assert actual.shape == (4, 1)
    np.testing.assert_allclose(actual[:, 0], desired, rtol=1e-14 if dtype == "float64" else 2e-7)
    nothing = on_host(special.logsumexp, [[-math.inf] * 2, [math.inf, 0]], backend, dtype)
    assert nothing[:, 0].tolist() == [-math.inf, math.inf]


def test_one_hot_rows(backend, dtype):
    with backend.session(dtype):
        labels = backend.asarray(np.asarray([[2, 0], [1, 1]]), dtype="int32")
        classes = backend.asarray(np.arange(3), dtype="int32")
        rows = special.one_hot(labels, classes, backend.dtype(dtype), xp=backend.xp)
        assert rows.dtype == backend.dtype(dtype)
        assert_close(rows, np.eye(3)[[[2, 0], [1, 1]]], 0, backend)


def test_halves_are_added_up_in_float32(backend):
    """4,096 ones, column by column: float16 alone would stop at 2,048, bfloat16 at 256."""
    for half in {"float16", "bfloat16"} & set(backend.dtypes()):
        with backend.session(half):
            x = backend.asarray(np.ones((4096, 3)), dtype=half)
            total = special.accumulate(x, axis=0, xp=backend.xp)
            assert total.dtype == backend.dtype(half)
            assert backend.to_numpy(total).tolist() == [4096] * 3

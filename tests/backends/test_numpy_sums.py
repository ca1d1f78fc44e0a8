"""Sums over one axis in another dtype than that of what is summed."""

import itertools

import numpy as np
import pytest

from bpnet.backends import numpy_namespace as xp


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("keepdims", [False, True])
def test_a_sum_is_of_the_dtype_that_is_asked_for(axis, keepdims):
    x = np.full((3, 3), 2.0**24, np.float32)
    x[0, 0] = x[1, 1] = x[2, 2] = 1.0  # which float32 loses beside 2^24
    actual = xp.sum(x, axis=axis, dtype=np.float64, keepdims=keepdims)
    assert actual.dtype == np.float64
    assert np.ravel(actual).tolist() == [2.0**25 + 1] * 3
    assert actual.ndim == (2 if keepdims else 1)
    assert xp.sum(x, axis=axis).dtype == np.float32


def test_a_sum_of_integers_in_another_dtype():
    x = np.asarray([2**31 - 1, 1], np.int32)
    assert xp.sum(x, axis=-1, dtype=np.int64) == 2**31


@pytest.mark.parametrize("shape", [(6,), (4, 6), (2, 4, 6)])
@pytest.mark.parametrize("kind", ["float32", "float64", "int32", "int64", "bool"])
def test_every_sum_has_the_shape_dtype_and_value_of_the_standards(shape, kind):
    x = (np.arange(np.prod(shape)).reshape(shape) % 3).astype(kind)
    for axis, keepdims in itertools.product((None, 0, -1, -len(shape)), (False, True)):
        for dtype in (None, np.float64, np.int64):
            actual = xp.sum(x, axis=axis, dtype=dtype, keepdims=keepdims)
            expected = np.sum(x, axis=axis, dtype=dtype, keepdims=keepdims)
            if dtype is None and np.isdtype(x.dtype, "integral"):
                expected = expected.astype(actual.dtype)  # a count may stay as narrow as it is
            np.testing.assert_array_equal(actual, expected, strict=True)

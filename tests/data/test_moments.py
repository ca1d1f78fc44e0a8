"""Mean and deviation in one pass: equal to those of all rows at once, sound far from zero."""

from fractions import Fraction

import numpy as np
import pytest

from bpnet.data.moments import Moments, merged


def exact(column):
    """Mean and variance in fractions."""
    values = [Fraction(float(v)) for v in column]
    mean = sum(values) / len(values)
    return float(mean), float(sum((v - mean) ** 2 for v in values) / len(values))


@pytest.mark.parametrize("offset", [0.0, 1e8, -1e12])
@pytest.mark.parametrize("pieces", [1, 7, 100])
def test_far_from_zero_no_digits_are_lost(offset, pieces):
    x = np.random.default_rng(0).normal(size=(300, 3)) + offset
    found = merged(Moments.of(part) for part in np.array_split(x, pieces))
    for j in range(3):
        mean, variance = exact(x[:, j])
        bound = 4 * np.finfo(float).eps * max(abs(mean), variance**0.5)
        assert abs(found.mean[j] - mean) <= bound
        np.testing.assert_allclose(found.std[j] ** 2, variance, rtol=1e-11)
    assert found.count == 300
    np.testing.assert_array_equal(found.low, x.min(axis=0))
    np.testing.assert_array_equal(found.high, x.max(axis=0))


def test_a_column_that_does_not_vary_has_no_deviation_and_becomes_zero():
    x = np.column_stack([np.full(5, 0.1), np.arange(5.0)])
    found = merged([Moments.of(x[:2]), Moments.of(x[2:])])
    assert found.std[0] == 0
    made = found.standardize(x, np.float32)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made[:, 0], 0)
    np.testing.assert_allclose(made[:, 1], (x[:, 1] - 2) / np.sqrt(2), rtol=1e-6)

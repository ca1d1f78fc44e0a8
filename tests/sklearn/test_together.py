"""Fits of one search that differ in what their data is stored as."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bpnet.sklearn import MLPRegressor, together

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_candidates_of_two_dtypes_have_data_of_two_dtypes():
    """1 + 2^-30 is no number of float32."""
    X = np.random.RandomState(0).normal(size=(24, 3)) * (1 + 2.0**-30)
    y = X @ [1.0, -1.0, 2.0]
    options = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 1, "batch_size": 6}
    dtypes = ["float32", "float64", "float32", "float64"]
    fits = [together.Fit(MLPRegressor(**options, dtype=dtype), np.arange(20)) for dtype in dtypes]
    for dtype, found in zip(dtypes, together.fit(fits, X, y), strict=True):
        alone = MLPRegressor(**options, dtype=dtype).fit(X[:20], y[:20])
        assert found.coefs_[0].dtype == dtype
        for a, b in zip(found.coefs_, alone.coefs_, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4 if dtype == "float32" else 1e-12)
    assert_array_equal(fits[1].estimator.coefs_[0], fits[3].estimator.coefs_[0])

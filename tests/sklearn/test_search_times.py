"""Times of a search whose candidates were trained as one set."""

import time

import numpy as np
import pytest

from bpnet.sklearn import GridSearch, MLPRegressor


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_each_fit_took_its_share_of_the_time_of_all():
    X = np.random.default_rng(0).normal(size=(40, 3))
    net = MLPRegressor(hidden_layer_sizes=(4,), max_iter=40)
    start = time.perf_counter()
    search = GridSearch(net, {"alpha": [0.0, 0.1, 1.0]}, cv=2)
    actual = search.fit(X, X[:, 0]).cv_results_
    taken = time.perf_counter() - start
    share = actual["mean_fit_time"][0]
    assert actual["mean_fit_time"].tolist() == [share] * 3
    assert actual["std_fit_time"].tolist() == [0.0] * 3
    assert 0 < 6 * share < taken

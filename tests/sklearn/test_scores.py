"""Validation scores where the outputs are no numbers, as scikit-learn has them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import neural_network as theirs
from sklearn.model_selection import train_test_split

from bpnet import sklearn as ours


def held_out(m, seed):
    """The rows that early stopping holds out of ``m``, drawn after the first weights."""
    made = np.random.RandomState(seed)
    for shape in ((30, 3), 3, (3, 1), 1):
        made.uniform(size=shape)
    return train_test_split(np.arange(m), random_state=made, test_size=0.1)[1]


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_score_of_outputs_that_overflow_is_nan_and_never_the_best():
    X, seed = np.random.RandomState(0).normal(size=(40, 30)), 3
    y = X[:, 0] - 2 * X[:, 1]
    X[held_out(len(X), seed)[0]] = 1.7e308  # finite, and their sums are not
    options = {"hidden_layer_sizes": (3,), "activation": "identity", "early_stopping": True}
    their, our = (
        library.MLPRegressor(**options, max_iter=4, random_state=seed).fit(X, y)
        for library in (theirs, ours)
    )
    assert_array_equal(our.validation_scores_, [np.nan] * 4)
    assert_array_equal(our.validation_scores_, their.validation_scores_)
    assert our.best_validation_score_ == their.best_validation_score_ == -np.inf

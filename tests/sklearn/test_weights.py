"""Weights of examples reach everything: the fit, its score, and fits that are trained as one."""

import numpy as np
import pytest

from bpnet.sklearn import MLPClassifier, MLPRegressor
from bpnet.sklearn import search as grid_search

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
W = np.linspace(0.2, 3.0, 90)


def test_both_kinds_of_weights_are_multiplied():
    make = {"hidden_layer_sizes": 4, "max_iter": 3, "random_state": 0}
    by_class = np.asarray([1.0, 5.0, 0.5])
    both = MLPClassifier(class_weight=dict(enumerate(by_class)), **make).fit(X, Y, sample_weight=W)
    product = MLPClassifier(**make).fit(X, Y, sample_weight=W * by_class[Y])
    only = MLPClassifier(class_weight=dict(enumerate(by_class)), **make).fit(X, Y)
    for a, b, c in zip(both.coefs_, product.coefs_, only.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.any(a != c)


def test_the_score_that_stops_a_fit_is_weighted():
    est = MLPClassifier(4, early_stopping=True, max_iter=1, random_state=0, solver="sgd",
                        learning_rate_init=1e-12, alpha=0.0)  # fmt: skip
    est.fit(X[:60], Y[:60], sample_weight=W[:60], X_val=X[60:], y_val=Y[60:])
    plain = est.validation_scores_[0]
    assert plain == pytest.approx(np.mean(est.predict(X[60:]) == Y[60:]))
    drawn = MLPClassifier(4, early_stopping=True, max_iter=1, random_state=0, solver="sgd",
                          learning_rate_init=1e-12, alpha=0.0, validation_fraction=0.5)  # fmt: skip
    heavy = np.where(drawn.fit(X, Y).predict(X) == Y, 1.0, 1e-9)
    drawn.fit(X, Y, sample_weight=heavy)
    assert drawn.validation_scores_[0] > 1 - 1e-6
    light = MLPClassifier(**drawn.get_params()).fit(X, Y)
    assert light.validation_scores_[0] < 0.9


def test_fits_that_are_trained_as_one_have_the_losses_of_each_alone():
    """An epoch's loss weighs each batch by its length, as scikit-learn's does."""
    make = {"hidden_layer_sizes": 5, "max_iter": 4, "random_state": 0, "batch_size": 16}
    y, parts = X[:, 0] * 2, np.array_split(np.arange(90), 3)
    fits = [grid_search.Candidate(MLPRegressor(**make), np.concatenate(parts[:i] + parts[i + 1 :]))
            for i in range(3)]  # fmt: skip
    for fit, est in zip(fits, grid_search.fit_all(fits, X, y, W), strict=True):
        alone = MLPRegressor(**make).fit(X[fit.rows], y[fit.rows], sample_weight=W[fit.rows])
        np.testing.assert_allclose(est.loss_curve_, alone.loss_curve_, rtol=1e-9)


@pytest.mark.parametrize("count", [1, 3])
def test_the_loss_of_an_epoch_weighs_each_batch_by_its_length(count):
    """Nothing moves: the weighted mean of a batch counts as often as the batch has examples."""
    make = {"hidden_layer_sizes": 4, "max_iter": 1, "batch_size": 32, "shuffle": False,
            "solver": "sgd", "learning_rate_init": 1e-12, "alpha": 0.0}  # fmt: skip
    fits = [grid_search.Candidate(MLPClassifier(random_state=seed, **make), np.arange(90))
            for seed in range(count)]  # fmt: skip
    for est in grid_search.fit_all(fits, X, Y, W):
        losses = -np.log(est.predict_proba(X)[np.arange(90), Y])
        parts = [slice(0, 32), slice(32, 64), slice(64, 90)]
        means = [np.average(losses[part], weights=W[part]) for part in parts]
        assert est.loss_ == pytest.approx(np.average(means, weights=[32, 32, 26]), rel=1e-6)

"""Turns of the estimators that neither scikit-learn's checks nor whole fits reach."""

import warnings

import numpy as np
import pytest
from sklearn import clone, neural_network
from sklearn.exceptions import ConvergenceWarning

from bpnet.errors import InputError
from bpnet.sklearn import MLPClassifier
from bpnet.sklearn import search as grid_search

X = np.random.default_rng(4).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def test_another_solver_begins_anew_from_the_weights():
    """The first step of Adam moves each weight by eta; sgd kept a velocity of another kind."""
    est = MLPClassifier((), solver="sgd", alpha=0.0, batch_size=40, random_state=0)
    est.partial_fit(X, Y, classes=[0, 1])
    before = est.coefs_[0].copy()
    est.set_params(solver="adam", learning_rate_init=0.02).partial_fit(X, Y)
    np.testing.assert_allclose(np.abs(est.coefs_[0] - before), 0.02, rtol=1e-4)


def test_scores_are_decided_at_0_and_probabilities_at_a_half():
    for output, cost, expected in (("identity", "hinge", [0, 1, 1]), ("logistic", None, [0, 1, 1])):
        est = MLPClassifier((), output_activation=output, cost=cost, random_state=0)
        est.build(1, [0, 1])
        est.coefs_[0][:], est.intercepts_[0][:] = 1.0, 0.0
        assert est.predict(np.asarray([[-0.2], [0.2], [0.9]])).tolist() == expected


def test_a_device_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="numpy has no device 'cpu:7'"):
        MLPClassifier((), backend="numpy", device="cpu:7").fit(X, Y)


def test_lbfgs_ends_after_as_many_evaluations_as_scikit_learns():
    ended = []
    for kind in (MLPClassifier, neural_network.MLPClassifier):
        est = kind((), solver="lbfgs", max_fun=4, max_iter=200, tol=1e-9, random_state=0)
        with pytest.warns(ConvergenceWarning):
            ended.append(est.fit(X, Y).n_iter_)
    assert ended[0] == ended[1] < 5


def test_parts_of_different_sizes_are_each_taken_whole():
    """A stack goes through the rows of all its members in step."""
    parts = [np.arange(first, 40) for first in (0, 1, 0, 1)]
    est = MLPClassifier((), solver="sgd", batch_size=8, max_iter=3, tol=1.0, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        actual = grid_search.fit_all(
            [grid_search.Candidate(clone(est), rows) for rows in parts], X, Y
        )
        for one, rows in zip(actual, parts, strict=True):
            expected = clone(est).fit(X[rows], Y[rows])
            np.testing.assert_allclose(one.coefs_[0], expected.coefs_[0], rtol=1e-12)

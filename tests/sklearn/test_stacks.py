"""Fits of one search: what their data is stored as, and what happens when memory runs out."""

import copy
import logging

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from bpnet.backends.trace import replay
from bpnet.sklearn import MLPClassifier, MLPRegressor
from bpnet.sklearn import search as grid_search
from bpnet.training.step import Stacked

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_candidates_of_two_dtypes_have_data_of_two_dtypes():
    """1 + 2^-30 is no number of float32."""
    X = np.random.RandomState(0).normal(size=(24, 3)) * (1 + 2.0**-30)
    y = X @ [1.0, -1.0, 2.0]
    options = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 1, "batch_size": 6}
    dtypes = ["float32", "float64", "float32", "float64"]
    fits = [
        grid_search.Candidate(MLPRegressor(**options, dtype=dtype), np.arange(20))
        for dtype in dtypes
    ]
    for dtype, actual in zip(dtypes, grid_search.fit_all(fits, X, y), strict=True):
        alone = MLPRegressor(**options, dtype=dtype).fit(X[:20], y[:20])
        assert actual.coefs_[0].dtype == dtype
        for a, b in zip(actual.coefs_, alone.coefs_, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4 if dtype == "float32" else 1e-12)
    assert_array_equal(fits[1].estimator.coefs_[0], fits[3].estimator.coefs_[0])


@pytest.mark.parametrize(
    "options",
    [{}, {"early_stopping": True}, {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1}],
    ids=str,
)
def test_memory_that_runs_out_halves_the_stack(monkeypatch, caplog, options):
    """In the second step, when orders are drawn and curves begun; the fits are then as ever."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(32, 3)), np.arange(32) % 3
    usual, sizes = Stacked.__call__, []

    def hungry(self, carry, batch, *rest):
        sizes.append(carry[0][0][0].shape[0])
        if sizes[-1] > 2 and len(sizes) > 3:
            raise MemoryError
        return usual(self, carry, batch, *rest)

    given = {"max_iter": 6, "batch_size": 8, "n_iter_no_change": 1, **options}
    sources = [0, 1, 2, 3, np.random.RandomState(4)]
    made = [
        [
            MLPClassifier(**{**given, **options}, random_state=copy.deepcopy(s), norm=n)
            for s in sources
        ]
        for n in ("layer", None)
    ]
    rows = np.arange(1, 32)
    alone = [est.fit(X[rows], y[rows]) for est in [clone(one) for group in made for one in group]]
    monkeypatch.setattr(Stacked, "__call__", hungry)
    monkeypatch.setattr(replay, "WORTH", 10**9)  # a step that is replayed is not called
    with caplog.at_level(logging.WARNING, "bpnet"):
        fits = [grid_search.Candidate(one, rows) for group in made for one in group]
        done = grid_search.fit_all(fits, X, y)
    assert "memory ran out with 5 networks at a time: 2" in caplog.text
    assert set(sizes) >= {5, 2}
    for actual, expected in zip(done, alone, strict=True):
        assert (actual.n_iter_, actual.t_) == (expected.n_iter_, expected.t_)
        assert_allclose(actual.loss_curve_, expected.loss_curve_)
        for a, b in zip(actual.coefs_, expected.coefs_, strict=True):
            assert_allclose(a, b, rtol=1e-7, atol=1e-10)


def test_a_row_that_is_no_number_is_the_matter_of_its_folds():
    X = np.random.default_rng(0).normal(size=(24, 3)).astype(object)
    X[0, 0] = {"a": 1}
    options = {"hidden_layer_sizes": 4, "max_iter": 2}
    fits = [
        grid_search.Candidate(MLPRegressor(**options), rows)
        for rows in (np.arange(12), np.arange(12, 24))
    ]
    broken, actual = grid_search.fit_all(fits, X, np.arange(24.0))
    assert isinstance(broken, TypeError)
    assert actual.n_iter_ == 2


def test_a_fit_of_a_stack_keeps_no_examples_of_its_own():
    X = np.random.default_rng(0).normal(size=(24, 3))
    held = [grid_search.Candidate(MLPRegressor(max_iter=1), np.arange(20)) for _ in range(2)]
    shared = grid_search.Shared(X, X[:, 0])
    for one in held:
        one.begin(shared)
    assert held[0].begun.data is held[1].begun.data
    assert held[0].kind == held[1].kind

"""``GridSearch`` against scikit-learn's own ``GridSearchCV`` over the same estimators."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bpnet.sklearn import GridSearch, MLPClassifier, MLPRegressor
from bpnet.sklearn import search as grid_search
from bpnet.training import epochs

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{ConvergenceWarning.__module__}.{ConvergenceWarning.__name__}"
)
BOUND = 1e-12


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(75, 4))
    names = np.asarray(["ant", "bee", "cat"])
    return X, names[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0.3)]


@pytest.fixture
def stacks(monkeypatch):
    """How many networks were trained in each stack."""
    sizes = []
    usual = epochs.run

    def run(session, *rest):
        if len(session.members) > 1:
            sizes.append(len(session.members))
        usual(session, *rest)

    monkeypatch.setattr(epochs, "run", run)
    return sizes


def both(est, grid, X, y, fit=None, **options):
    options = {"cv": 3, **options}
    actual = GridSearch(est, grid, **options).fit(X, y, **(fit or {}))
    reference = GridSearchCV(est, grid, **options).fit(X, y, **(fit or {}))
    return actual, reference


def assert_same(actual, reference):
    assert actual.cv_results_.keys() == reference.cv_results_.keys()
    for name, values in reference.cv_results_.items():
        if "time" in name:
            continue
        if name.startswith(("split", "mean", "std", "rank")):
            np.testing.assert_allclose(actual.cv_results_[name], values, atol=BOUND)
        else:
            assert list(actual.cv_results_[name]) == list(values)
    if hasattr(reference, "best_score_"):  # to rounding, as the scores that it is one of
        np.testing.assert_allclose(actual.best_score_, reference.best_score_, rtol=0, atol=BOUND)
    for name in ("best_index_", "best_params_", "n_splits_", "multimetric_"):
        assert getattr(actual, name, None) == getattr(reference, name, None)
    assert repr(actual.scorer_) == repr(reference.scorer_)
    best, expected = actual.best_estimator_, reference.best_estimator_
    assert type(best) is type(expected)
    np.testing.assert_allclose(best.coefs_[0], expected.coefs_[0], atol=BOUND)


def small(**options):
    return MLPClassifier(**{"hidden_layer_sizes": 6, "max_iter": 8, "random_state": 0, **options})


CASES = {
    "adam": (small(), {"alpha": [1e-4, 1.0], "learning_rate_init": [0.01, 0.1]}),
    "momentum": (small(solver="sgd"), {"momentum": [0.2, 0.9], "random_state": [0, 3]}),
    "dropout": (small(dropout=0.3), {"dropout": [0.2, 0.5], "l1": [0.0, 0.1]}),
    "rates between epochs": (
        small(solver="sgd", learning_rate="adaptive", tol=1e-2, n_iter_no_change=1, max_iter=40),
        {"learning_rate_init": [0.5, 0.05]},
    ),
    "early stopping": (
        small(early_stopping=True, n_iter_no_change=2, max_iter=30),
        {"learning_rate_init": [0.3, 0.01]},
    ),
    "normalization": (small(norm="batch"), {"max_norm": [0.0, 1.0], "clip_norm": [0.1, 0.0]}),
}


@pytest.mark.parametrize(("est", "grid"), CASES.values(), ids=CASES)
def test_scores_and_best_are_scikit_learns(data, stacks, est, grid):
    X, y = data
    actual, reference = both(est, grid, X, y)
    assert_same(actual, reference)
    assert sum(stacks) == 3 * len(reference.cv_results_["params"])
    assert max(stacks) > 2
    assert (actual.predict(X) == reference.predict(X)).all()
    assert actual.score(X, y) == reference.score(X, y)


def test_candidates_of_several_shapes_and_solvers(data, stacks):
    X, y = data
    grid = [
        {"hidden_layer_sizes": [(5,), (5, 4)], "alpha": [0.1, 0.2]},
        {"solver": ["lbfgs"], "max_iter": [5]},
        {"batch_size": [10, 20]},
    ]
    assert_same(*both(small(), grid, X, y))
    assert stacks == [6, 6, 3, 3]


def test_regression_with_several_metrics(data):
    X, _ = data
    y = X[:, :2] ** 2
    est = MLPRegressor(hidden_layer_sizes=6, max_iter=10, random_state=0)
    options = {
        "scoring": ["r2", "neg_mean_absolute_error"], "refit": "r2", "return_train_score": True,
        "cv": KFold(3, shuffle=True, random_state=0),
    }  # fmt: skip
    actual, reference = both(est, {"alpha": [0.0, 1.0]}, X, y, **options)
    assert_same(actual, reference)
    assert "mean_train_neg_mean_absolute_error" in actual.cv_results_


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_weights_and_groups(data, solver):
    X, y = data
    weights = np.linspace(0.1, 2, len(y))
    actual, reference = both(
        small(solver=solver, dropout=0.0), {"alpha": [0.1, 10.0]}, X, y,
        {"sample_weight": weights, "groups": np.arange(len(y)) % 5}, cv=GroupKFold(3),
    )  # fmt: skip
    assert_same(actual, reference)


def test_frames(data):
    X, y = data
    frame = pd.DataFrame(X, columns=list("abcd"))
    actual, reference = both(small(), {"alpha": [0.1, 1.0]}, frame, pd.Series(y))
    assert_same(actual, reference)
    assert actual.feature_names_in_.tolist() == list("abcd")


def test_a_fold_without_a_class(data):
    X, y = data
    order = np.argsort(y, kind="stable")
    actual, reference = both(small(), {"alpha": [0.1, 1.0]}, X[order], y[order], cv=KFold(3))
    assert_same(actual, reference)


def test_a_candidate_that_diverges_has_the_error_score(data, stacks):
    X, _ = data
    est = MLPRegressor(hidden_layer_sizes=5, solver="sgd", max_iter=5, random_state=0)
    grid = {"learning_rate_init": [1e-3, 1e30]}
    with pytest.warns(FitFailedWarning, match="3 fits failed"):
        actual, reference = both(est, grid, X, X[:, 0], error_score=-7.0)
    assert_same(actual, reference)
    assert actual.cv_results_["mean_test_score"][1] == -7.0
    assert stacks == [6]
    with pytest.raises(ValueError, match="non-finite"):
        GridSearch(est, grid, cv=3, error_score="raise").fit(X, X[:, 0])


def test_without_a_refit(data):
    X, y = data
    actual, reference = both(small(), {"alpha": [0.1, 1.0]}, X, y, refit=False)
    assert actual.best_params_ == reference.best_params_
    with pytest.raises((NotFittedError, AttributeError)):
        actual.predict(X)


def test_what_is_no_network_of_bpnet_is_left_to_scikit_learn(data, monkeypatch):
    X, y = data
    monkeypatch.setattr(grid_search, "fit_all", None)
    pipe = make_pipeline(StandardScaler(), small())
    grid = {"mlpclassifier__alpha": [0.1, 1.0]}
    actual = GridSearch(pipe, grid, cv=3).fit(X, y)
    reference = GridSearchCV(pipe, grid, cv=3).fit(X, y)
    np.testing.assert_array_equal(
        actual.cv_results_["mean_test_score"], reference.cv_results_["mean_test_score"]
    )


def test_bad_parameters_are_scikit_learns_errors(data):
    X, y = data
    with pytest.raises(ValueError, match="Invalid parameter 'beauty'"):
        GridSearch(small(), {"beauty": [1]}, cv=3).fit(X, y)
    with pytest.raises(ValueError, match="All the 3 fits failed"):
        GridSearch(small(), {"alpha": [-1.0]}, cv=3).fit(X, y)


def test_what_a_backend_refuses_is_an_error_of_each_fit(data):
    X, y = data
    with pytest.raises(ValueError, match="All the 3 fits failed"):
        GridSearch(small(backend="numpy", precision="tf32"), {"alpha": [1.0]}, cv=3).fit(X, y)

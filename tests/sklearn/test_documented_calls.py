"""What scikit-learn's guide and examples do with its MLP, with the import line changed."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_digits, load_iris, make_circles, make_moons, make_regression
from sklearn.inspection import partial_dependence
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

from bpnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_guide_two_points():
    X, y = [[0.0, 0.0], [1.0, 1.0]], [0, 1]
    clf = MLPClassifier(solver="lbfgs", alpha=1e-5, hidden_layer_sizes=(5, 2), random_state=1)
    clf.fit(X, y)
    assert clf.predict([[2.0, 2.0], [-1.0, -2.0]]).tolist() == [1, 0]
    assert [coef.shape for coef in clf.coefs_] == [(2, 5), (5, 2), (2, 1)]
    np.testing.assert_allclose(clf.predict_proba([[2.0, 2.0]]).sum(axis=1), 1.0)


def test_guide_several_labels():
    X, y = [[0.0, 0.0], [1.0, 1.0]], [[0, 1], [1, 1]]
    clf = MLPClassifier(solver="lbfgs", alpha=1e-5, hidden_layer_sizes=(15,), random_state=1)
    clf.fit(X, y)
    assert clf.predict([[1.0, 2.0]]).tolist() == [[1, 1]]
    assert clf.predict([[0.0, 0.0]]).tolist() == [[0, 1]]


def test_guide_own_loop_over_epochs():
    X, y = [[0.0, 0.0], [1.0, 1.0]], [0, 1]
    clf = MLPClassifier(hidden_layer_sizes=(15,), random_state=1, max_iter=1, warm_start=True)
    for _ in range(10):
        clf.fit(X, y)
    assert clf.t_ == 20


def test_guide_regressor_and_early_stopping():
    X, y = make_regression(n_samples=200, n_features=20, random_state=1)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)
    regr = MLPRegressor(random_state=1, max_iter=2000, tol=0.1).fit(X_train, y_train)
    assert regr.predict(X_test[:2]).shape == (2,)
    assert regr.score(X_test, y_test) > 0.95


def test_example_varying_alpha():
    for X, y in (
        make_moons(noise=0.3, random_state=0),
        make_circles(noise=0.2, factor=0.5, random_state=1),
    ):
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=42)
        for alpha in np.logspace(-1, 0, 2):
            clf = make_pipeline(
                StandardScaler(),
                MLPClassifier(
                    solver="lbfgs", alpha=alpha, random_state=1, max_iter=2000,
                    early_stopping=True, hidden_layer_sizes=[10, 10],
                ),
            )  # fmt: skip
            clf.fit(X_train, y_train)
            assert clf.score(X_test, y_test) > 0.7
            Z = clf.predict_proba(np.column_stack([X[:, 0], X[:, 1]]))[:, 1]
            assert Z.shape == (100,)


def test_example_training_curves():
    X, y = load_iris(return_X_y=True)
    X = MinMaxScaler().fit_transform(X)
    curves = []
    for params in (
        {"solver": "sgd", "learning_rate": "constant", "momentum": 0, "learning_rate_init": 0.2},
        {"solver": "sgd", "learning_rate": "constant", "momentum": 0.9,
         "nesterovs_momentum": False, "learning_rate_init": 0.2},
        {"solver": "sgd", "learning_rate": "invscaling", "momentum": 0.9,
         "nesterovs_momentum": True, "learning_rate_init": 0.2},
        {"solver": "adam", "learning_rate_init": 0.01},
    ):  # fmt: skip
        mlp = MLPClassifier(random_state=0, max_iter=50, **params)
        mlp.fit(X, y)
        curves.append(mlp.loss_curve_)
        assert mlp.loss_ == mlp.loss_curve_[-1]
    assert curves[-1][-1] < curves[-1][0]


def test_example_weights_of_the_first_layer(capsys):
    X, y = load_digits(return_X_y=True)
    mlp = MLPClassifier(
        hidden_layer_sizes=(40,), max_iter=8, alpha=1e-4, solver="sgd", verbose=10,
        random_state=1, learning_rate_init=0.2,
    )  # fmt: skip
    mlp.fit(X / 16.0, y)
    assert "Iteration 8, loss = " in capsys.readouterr().out
    vmin, vmax = mlp.coefs_[0].min(), mlp.coefs_[0].max()
    assert vmin < 0 < vmax
    assert mlp.coefs_[0].T[0].reshape(8, 8).shape == (8, 8)


def test_example_partial_dependence():
    X, y = make_regression(n_samples=300, n_features=5, random_state=0)
    model = TransformedTargetRegressor(
        make_pipeline(
            QuantileTransformer(n_quantiles=50),
            MLPRegressor(hidden_layer_sizes=(30, 15), learning_rate_init=0.01,
                         early_stopping=True, random_state=0),
        ),
        transformer=StandardScaler(),
    )  # fmt: skip
    model.fit(X, y)
    assert partial_dependence(model, X, [0], grid_resolution=5)["average"].shape == (1, 5)


def test_grid_search_in_two_processes():
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(
        MLPClassifier(max_iter=20, random_state=0), {"alpha": [1e-4, 1e-1]}, cv=2, n_jobs=2
    )
    assert search.fit(X, y).best_score_ > 0.3

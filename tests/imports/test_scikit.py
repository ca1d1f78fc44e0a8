"""scikit-learn's estimators as networks, by equal predictions."""

import warnings

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

import bpnet.sklearn
from bpnet.errors import InputError
from bpnet.imports import from_sklearn

X = np.random.default_rng(0).normal(size=(80, 5))
TARGETS = {
    "three names": np.asarray(["a", "b", "c"])[np.arange(80) % 3],
    "two names": np.asarray(["no", "yes"])[(X[:, 0] > 0).astype(int)],
    "two numbers": (X[:, 0] > 0) * 2 + 3,
    "labels that go together": (X[:, :3] > 0).astype(int),
}


def fitted(kind, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(hidden_layer_sizes=(7, 4), max_iter=15, random_state=0, **options).fit(X, y)


@pytest.mark.parametrize("name", TARGETS)
def test_classifiers(name):
    mlp = fitted(MLPClassifier, TARGETS[name])
    net = from_sklearn(mlp)
    expected = mlp.predict_proba(X)
    actual = net.predict(X)
    if actual.shape[1] == 1:
        expected = expected[:, 1:]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)
    assert net.classify(X).tolist() == mlp.predict(X).tolist()


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_regressors_with_every_activation(activation):
    y = np.stack([X.sum(axis=1), X[:, 0]], axis=1)
    mlp = fitted(MLPRegressor, y, activation=activation)
    np.testing.assert_allclose(from_sklearn(mlp).predict(X), mlp.predict(X), rtol=0, atol=1e-12)


def test_float32_stays_float32_and_a_copy_is_taken():
    mlp = MLPClassifier((3,), max_iter=1, random_state=0)
    mlp.partial_fit(X.astype(np.float32), TARGETS["three names"], classes=["a", "b", "c"])
    net = from_sklearn(mlp)
    assert net.dtype == "float32"
    before = net.weights[0].copy()
    mlp.coefs_[0][:] = 0
    np.testing.assert_array_equal(net.weights[0], before)


def test_the_estimators_of_bpnet_itself():
    mlp = fitted(bpnet.sklearn.MLPClassifier, TARGETS["three names"])
    assert from_sklearn(mlp).classify(X).tolist() == mlp.predict(X).tolist()


@pytest.mark.parametrize("estimator", [MLPClassifier(), "model.pkl", None])
def test_what_is_not_fitted_is_refused(estimator):
    with pytest.raises(InputError, match="fitted MLPClassifier"):
        from_sklearn(estimator)

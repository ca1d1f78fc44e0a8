"""What a scikit-learn network was fitted to, and what it was fitted inside of."""

import warnings

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bpnet
from bpnet.errors import InputError
from bpnet.imports import from_sklearn

X = np.random.default_rng(0).normal(size=(60, 4))
Y = np.asarray(["a", "b", "c"])[np.arange(60) % 3]


def fitted(estimator, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(X, y)


@pytest.mark.parametrize(
    "y",
    [
        Y.astype(object),
        X[:, 0] > 0,
        np.arange(60) % 2 * 2.0,
        (X[:, :2] > 0).astype(int),
        np.zeros((60, 2), int),
    ],
)
def test_classes_of_every_type_are_those_of_predict(y, tmp_path):
    mlp = fitted(MLPClassifier((5,), max_iter=20, random_state=0), y)
    net = from_sklearn(mlp)
    again = bpnet.load(net.save(tmp_path / "m.safetensors"))
    for network in (net, again):
        assert network.classify(X).tolist() == mlp.predict(X).tolist()


def test_a_regressor_of_counts():
    y = np.abs(X[:, 0]) + 0.1
    mlp = fitted(MLPRegressor(hidden_layer_sizes=(5,), loss="poisson", max_iter=5), y)
    np.testing.assert_allclose(from_sklearn(mlp).predict(X)[:, 0], mlp.predict(X), rtol=1e-12)


def test_one_class_is_refused():
    with pytest.raises(InputError, match=r"knows one class, .*'a'"):
        from_sklearn(fitted(MLPClassifier((5,), max_iter=2), ["a"] * 60))


MLP = MLPClassifier((5,), max_iter=2)
AROUND = {
    r"Pipeline .* attribute steps,": (make_pipeline(StandardScaler(), MLP), Y),
    r"GridSearchCV .* attribute best_estimator_,": (GridSearchCV(MLP, {"alpha": [0.1]}, cv=2), Y),
    r"BaggingClassifier .* attribute estimators_,": (BaggingClassifier(MLP, 2), Y),
    r"TransformedTargetRegressor .* attribute regressor_,": (
        TransformedTargetRegressor(MLPRegressor(hidden_layer_sizes=(5,), max_iter=2)),
        X[:, 0],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("word", "estimator"), AROUND.items(), ids=AROUND.keys())
def test_what_a_network_is_inside_of_is_refused_by_name(word, estimator):
    with pytest.raises(InputError, match=word):
        from_sklearn(fitted(*estimator))

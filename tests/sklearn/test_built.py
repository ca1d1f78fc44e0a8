"""Estimators that are built without a fit: outputs and probabilities as a fit would have them."""

import numpy as np
import pytest

from bpnet.sklearn import MLPClassifier, MLPRegressor


@pytest.mark.parametrize(
    ("classes", "outputs", "activation"),
    [(["no", "yes"], 1, "logistic"), (["a", "b", "c"], 3, "softmax")],
)
def test_two_classes_share_one_output(classes, outputs, activation):
    X = np.random.RandomState(0).normal(size=(6, 2))
    y = np.resize(classes, 6)
    built = MLPClassifier((4,), random_state=0).build(2, classes)
    fitted = MLPClassifier((4,), random_state=0).partial_fit(X, y, classes=classes)
    for est in (built, fitted):
        assert est.n_outputs_ == outputs
        assert est.out_activation_ == activation
        assert est.predict_proba(X).shape == (6, len(classes))
        assert set(est.predict(X)) <= set(classes)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    ("own", "given", "wanted"),
    [
        (None, None, np.float64),
        ("float32", None, np.float32),
        (None, "float32", np.float32),
        ("float64", "float32", np.float32),
    ],
)
def test_what_build_is_given_goes_before_the_estimators_own(kind, own, given, wanted):
    est = kind(hidden_layer_sizes=(4,), dtype=own)
    built = est.build(2, ["no", "yes"], given) if kind is MLPClassifier else est.build(2, 1, given)
    assert {a.dtype for a in (*built.coefs_, *built.intercepts_)} == {np.dtype(wanted)}

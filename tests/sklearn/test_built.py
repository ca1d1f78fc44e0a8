"""Estimators that are built without a fit: outputs and probabilities as a fit would have them."""

import numpy as np
import pytest

from bpnet.sklearn import MLPClassifier


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

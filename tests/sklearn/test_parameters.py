"""Values of parameters: what scikit-learn's own perceptrons take is taken here."""

import math
import warnings

import numpy as np
import pytest
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

from bpnet import sklearn as ours

EDGES = [
    0, 1, 2, 0.0, 0.5, 1.0, math.inf, np.inf, np.float32(0.5), np.float64(np.inf), np.int32(3),
    np.float32(2.0), True, np.True_, "auto", "adaptive", "balanced", None, "lbfgs", -1, math.nan,
]  # fmt: skip
KINDS = ("MLPClassifier", "MLPRegressor")


def takes(estimator):
    try:
        estimator._validate_params()
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_taken_there_is_taken_here(kind):
    their, our = getattr(theirs, kind), getattr(ours, kind)
    refused = [
        (name, value)
        for name in their().get_params()
        for value in EDGES
        if takes(their(**{name: value})) and not takes(our(**{name: value}))
    ]
    assert not refused


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_patience_without_end_runs_all_epochs(kind, early_stopping):
    X = np.random.default_rng(0).normal(size=(60, 4))
    y = (X[:, 0] > 0).astype(int)
    for value in (np.inf, np.float32(np.inf)):
        est = getattr(ours, kind)(
            hidden_layer_sizes=3, n_iter_no_change=value, max_iter=30, tol=1e9,
            early_stopping=early_stopping, random_state=0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            assert est.fit(X, y).n_iter_ == 30

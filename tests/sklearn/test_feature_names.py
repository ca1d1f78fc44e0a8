"""Names of features: those of the last fit, and none where its arrays have none."""

import numpy as np
import pandas
import pytest

from bpnet.sklearn import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_a_fit_to_arrays_of_another_library_forgets_the_names_of_a_frame():
    library = pytest.importorskip("array_api_strict")
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    est = MLPClassifier((3,), max_iter=2).fit(pandas.DataFrame(X, columns=["a", "b"]), y)
    assert est.feature_names_in_.tolist() == ["a", "b"]
    est.fit(library.asarray(X), y)
    assert not hasattr(est, "feature_names_in_")
    assert est.n_features_in_ == 2
    assert est.predict(X).shape == (20,)  # no warning that names were given in fit

"""The estimators against scikit-learn's own: same weights, curves, messages."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_matrix, csr_array
from sklearn import neural_network as theirs
from sklearn.datasets import load_diabetes, load_digits, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning

from bpnet import sklearn as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CURVES = ("loss_", "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_")
COUNTS = ("n_iter_", "t_", "n_layers_", "n_outputs_", "n_features_in_", "out_activation_")


def digits(m=300):
    X, y = load_digits(return_X_y=True)
    return X[:m] / 16, y[:m]


def numbers(m=200):
    X, y = load_diabetes(return_X_y=True)
    return X[:m] * 10, y[:m] / 100


def both(kind, X, y, fit=None, **options):
    options = {"random_state": 3, "hidden_layer_sizes": (7, 5), **options}
    pair = [getattr(library, kind)(**options) for library in (theirs, ours)]
    for est in pair:
        est.fit(X, y, **(fit or {}))
    return pair


def assert_same(their, our, X):
    for a, b in zip(their.coefs_ + their.intercepts_, our.coefs_ + our.intercepts_, strict=True):
        assert type(b) is np.ndarray
        assert b.dtype == a.dtype
        assert_allclose(b, a, rtol=0, atol=1e-6)
    for name in CURVES:
        want, got = getattr(their, name), getattr(our, name)
        assert (want is None) == (got is None), name
        if want is not None:
            assert_allclose(got, want, rtol=1e-6, err_msg=name)
    for name in COUNTS:
        assert getattr(our, name) == getattr(their, name), name
    assert_allclose(our.predict(X), their.predict(X), rtol=1e-6)


SOLVERS = {
    "adam": {"max_iter": 8, "batch_size": 64},
    "adam in order": {"max_iter": 8, "shuffle": False},
    "adam, other betas": {"max_iter": 8, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2},
    "sgd": {"solver": "sgd", "max_iter": 8, "learning_rate_init": 0.1},
    "no momentum": {"solver": "sgd", "max_iter": 8, "momentum": 0.0, "learning_rate_init": 0.1},
    "full momentum": {"solver": "sgd", "max_iter": 4, "momentum": 1.0},
    "heavy ball": {"solver": "sgd", "max_iter": 8, "nesterovs_momentum": False},
    "invscaling": {"solver": "sgd", "max_iter": 8, "learning_rate": "invscaling", "power_t": 0.2},
    "adaptive": {
        "solver": "sgd", "max_iter": 60, "learning_rate": "adaptive", "tol": 0.05,
        "n_iter_no_change": 1, "learning_rate_init": 0.2,
    },
    "tol": {"max_iter": 60, "tol": 0.02, "n_iter_no_change": 2, "learning_rate_init": 0.02},
    "early": {
        "max_iter": 40, "early_stopping": True, "n_iter_no_change": 3, "learning_rate_init": 0.02,
        "validation_fraction": 0.2,
    },
    "logistic": {"max_iter": 8, "activation": "logistic"},
    "tanh": {"max_iter": 8, "activation": "tanh", "alpha": 0.5},
    "identity": {"max_iter": 8, "activation": "identity", "alpha": 0.0},
    "clipped batch": {"max_iter": 3, "batch_size": 200, "hidden_layer_sizes": 4},
}  # fmt: skip


@pytest.mark.parametrize("options", SOLVERS.values(), ids=SOLVERS)
def test_classifier_has_the_same_weights(options):
    X, y = digits()
    assert_same(*both("MLPClassifier", X, y, **options), X)


@pytest.mark.parametrize("options", SOLVERS.values(), ids=SOLVERS)
def test_regressor_has_the_same_weights(options):
    X, y = numbers()
    assert_same(*both("MLPRegressor", X, y, **options), X)


@pytest.mark.parametrize("name", ["adam", "sgd", "adaptive", "early"])
def test_every_backend_has_the_same_weights(name, backend):
    if "float64" not in backend.dtypes():
        pytest.skip("the tolerance is that of float64")
    X, y = digits(120)
    options = {**SOLVERS[name], "random_state": 3, "hidden_layer_sizes": (5,), "batch_size": 60}
    options["max_iter"] = min(options["max_iter"], 6)
    their = theirs.MLPClassifier(**options).fit(X, y)
    our = ours.MLPClassifier(**options, backend=backend).fit(X, y)
    assert_same(their, our, X)


CASES = {
    "two classes": (lambda: (digits()[0], digits()[1] > 4), {}),
    "two classes, early": (lambda: (digits()[0], digits()[1] > 4), {"early_stopping": True}),
    "text": (lambda: (digits()[0], np.asarray(list("abcdefghij"))[digits()[1]]), {}),
    "multilabel": (lambda: make_multilabel_classification(200, random_state=0), {}),
    "multilabel, early": (
        lambda: make_multilabel_classification(200, random_state=0), {"early_stopping": True},
    ),
    "sparse": (lambda: (csr_array(digits()[0]), digits()[1]), {}),
    "sparse columns": (lambda: (csc_matrix(digits()[0]), digits()[1]), {"early_stopping": True}),
}  # fmt: skip


@pytest.mark.parametrize(("make", "options"), CASES.values(), ids=CASES)
def test_kinds_of_targets_and_inputs(make, options):
    X, y = make()
    their, our = both("MLPClassifier", X, y, max_iter=6, **options)
    for a, b in zip(their.coefs_, our.coefs_, strict=True):
        assert_allclose(b, a, rtol=0, atol=1e-6)
    assert_array_equal(our.predict(X), their.predict(X))
    assert our.predict(X).dtype == their.predict(X).dtype
    assert_allclose(our.predict_proba(X), their.predict_proba(X), atol=1e-6)
    assert_allclose(our.predict_log_proba(X), their.predict_log_proba(X), atol=1e-6)
    assert_array_equal(our.classes_, their.classes_)
    assert our.score(X, y) == pytest.approx(their.score(X, y))


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_weights_of_examples(solver):
    X, y = digits()
    weight = np.random.default_rng(5).uniform(0, 3, len(y))
    pair = both("MLPClassifier", X, y, {"sample_weight": weight}, max_iter=6, solver=solver)
    assert_same(*pair, X)
    X, y = numbers()
    pair = both("MLPRegressor", X, y, {"sample_weight": weight[:200]}, max_iter=6, solver=solver)
    assert_same(*pair, X)


def test_poisson_and_several_outputs():
    X, y = numbers()
    assert_same(*both("MLPRegressor", X, y, loss="poisson", max_iter=6), X)
    assert_same(*both("MLPRegressor", X, np.c_[y, y[::-1], y**2], alpha=0.3, max_iter=6), X)


def test_float32_stays():
    X, y = digits()
    our = ours.MLPClassifier(5, max_iter=2).fit(X.astype(np.float32), y)
    assert our.coefs_[0].dtype == our.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert ours.MLPClassifier(5, max_iter=2, dtype="float32").fit(X, y).coefs_[0].dtype == "float32"


def test_warm_start_goes_on_from_the_weights():
    X, y = digits()
    pair = [
        lib.MLPClassifier(6, warm_start=True, max_iter=3, random_state=1) for lib in (theirs, ours)
    ]
    for est in pair:
        est.fit(X, y).fit(X, y)
    assert_same(*pair, X)
    assert pair[1].t_ == 6 * len(y)


def test_verbose_prints_the_same_lines(capsys):
    X, y = digits()
    options = {"verbose": True, "max_iter": 40, "early_stopping": True, "tol": 0.01,
               "n_iter_no_change": 2, "random_state": 0, "learning_rate_init": 0.01}  # fmt: skip
    printed = []
    for library in (theirs, ours):
        library.MLPClassifier(8, **options).fit(X, y)
        printed.append(capsys.readouterr().out)
    assert printed[1] == printed[0]
    assert "Stopping." in printed[1]


def test_same_warnings_and_errors():
    X, y = digits(60)

    def raised(library, kind, fit_y, options, error):
        with pytest.raises(error) as caught:
            getattr(library, kind)(**options).fit(X, fit_y)
        return str(caught.value)

    for options in (
        {"hidden_layer_sizes": (5, 0)},
        {"hidden_layer_sizes": -1},
        {"early_stopping": True, "validation_fraction": 0.01, "max_iter": 1},
        {"alpha": -1},
        {"max_iter": 0},
    ):
        messages = [raised(lib, "MLPRegressor", y, options, ValueError) for lib in (theirs, ours)]
        assert messages[1] == messages[0]
    for library in (theirs, ours):
        with pytest.warns(
            ConvergenceWarning, match=r"Maximum iterations \(2\) reached and the opt"
        ):
            library.MLPClassifier(4, max_iter=2).fit(X, y)
        with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger than sample"):
            library.MLPClassifier(4, max_iter=1, batch_size=1000).fit(X, y)
        with pytest.raises(AttributeError):
            library.MLPClassifier(solver="lbfgs").partial_fit(X, y, classes=range(10))
        with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
            library.MLPClassifier(early_stopping=True).partial_fit(X, y, classes=range(10))
        with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
            library.MLPClassifier().partial_fit(X, y, classes=range(5))
        est = library.MLPClassifier(4, warm_start=True, max_iter=1).fit(X, y)
        with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same"):
            est.fit(X, y % 3)
        with pytest.raises(ValueError, match="Input X contains NaN"):
            library.MLPClassifier().fit(np.full_like(X, np.nan), y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_ends_as_there():
    X, y = numbers()
    for library in (theirs, ours):
        est = library.MLPRegressor(
            "squared_error", 9, solver="sgd", learning_rate_init=1e20, max_iter=20
        )
        with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
            est.fit(X, y)


LBFGS = {
    "classes": ("MLPClassifier", digits, {}),
    "two classes": ("MLPClassifier", lambda: (digits()[0], digits()[1] > 4), {}),
    "numbers": ("MLPRegressor", numbers, {}),
    "poisson": ("MLPRegressor", numbers, {"loss": "poisson"}),
    "several outputs": (
        "MLPRegressor", lambda: (numbers()[0], np.c_[numbers()[1], numbers()[1] ** 2]), {},
    ),
    "logistic": ("MLPClassifier", digits, {"activation": "logistic", "alpha": 1.0}),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "make", "options"), LBFGS.values(), ids=LBFGS)
def test_lbfgs_has_the_same_iterates(kind, make, options):
    X, y = make()
    their, our = both(kind, X, y, solver="lbfgs", max_iter=12, tol=1e-6, **options)
    assert our.loss_ == pytest.approx(their.loss_, rel=1e-6)
    assert our.n_iter_ == their.n_iter_ == 12
    for a, b in zip(their.coefs_, our.coefs_, strict=True):
        assert_allclose(b, a, atol=1e-5)


def test_lbfgs_has_the_same_loss_at_the_end():
    X, y = digits()
    weight = np.random.default_rng(5).uniform(0, 3, len(y))
    options = {"solver": "lbfgs", "alpha": 10.0, "activation": "tanh", "max_iter": 2000}
    their, our = both("MLPClassifier", X, y, {"sample_weight": weight}, **options)
    assert our.loss_ == pytest.approx(their.loss_, rel=1e-3)
    assert our.n_iter_ < 2000
    assert our.round_trips_ >= our.n_iter_


def test_lbfgs_that_does_not_converge_warns():
    X, y = digits()
    for library in (theirs, ours):
        with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 2 iteration"):
            library.MLPClassifier(solver="lbfgs", max_iter=2).fit(X, y)


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_lbfgs_on_every_backend(kind, backend):
    if "float64" not in backend.dtypes():
        pytest.skip("the tolerance is that of float64")
    X, y = digits(60)
    options = {"solver": "lbfgs", "max_iter": 6, "hidden_layer_sizes": 3, "random_state": 0}
    want = getattr(theirs, kind)(**options).fit(X, y)
    got = getattr(ours, kind)(**options, backend=backend).fit(X, y)
    assert got.loss_ == pytest.approx(want.loss_, rel=1e-6)

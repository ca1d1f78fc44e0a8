"""In the place of scikit-learn's: what they take is taken and means the same, to the weights."""

import inspect
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import neural_network as theirs

from bpnet import sklearn as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.RandomState(0).randn(60, 4)
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
TARGETS = {"classes": CLASSES, "two": CLASSES > 0, "numbers": X[:, 0] * 2}
TAKEN = [
    {"n_iter_no_change": np.inf},
    {"beta_1": False, "beta_2": 0, "epsilon": True},
    {"solver": "lbfgs", "tol": True},
    {"solver": "sgd", "momentum": True},
    {"solver": "sgd", "momentum": np.float32(0.5), "power_t": 3, "learning_rate": "invscaling"},
    {"hidden_layer_sizes": np.int64(3)},
    {"hidden_layer_sizes": np.array([3, 2])},
    {"hidden_layer_sizes": range(2, 4)},
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": (), "activation": "logistic"},
    {"hidden_layer_sizes": [], "solver": "lbfgs"},
    {"verbose": np.True_, "alpha": 0},
    {"learning_rate_init": np.float32(0.25), "batch_size": np.int64(7)},
]


def fitted(target, options, **fit):
    kind = "MLPRegressor" if target == "numbers" else "MLPClassifier"
    asked = {"hidden_layer_sizes": (3,), "max_iter": 3, "random_state": 0, **options}
    return [
        getattr(library, kind)(**asked).fit(X, TARGETS[target], **fit) for library in (theirs, ours)
    ]


def assert_same(their, our):
    pairs = zip(their.coefs_ + their.intercepts_, our.coefs_ + our.intercepts_, strict=True)
    for a, b in pairs:
        assert_allclose(b, a, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("options", TAKEN, ids=str)
def test_what_they_take_means_the_same(options, target):
    assert_same(*fitted(target, options))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("sizes", [(), (3,)])
@pytest.mark.parametrize("stopping", [False, True])
def test_rows_without_weight(target, solver, sizes, stopping):
    options = {"solver": solver, "hidden_layer_sizes": sizes, "early_stopping": stopping}
    weights = (np.arange(60) % 3 > 0) * 1.0
    assert_same(*fitted(target, {**options, "batch_size": 10}, sample_weight=weights))


@pytest.mark.parametrize("kind", [ours.MLPClassifier, ours.MLPRegressor])
def test_a_batch_without_weight_leaves_the_weights_alone(kind):
    """scikit-learn divides by its weight there, and ends with ZeroDivisionError."""
    weights = np.repeat([0.0, 1.0], 30)
    options = {"batch_size": 10, "shuffle": False, "max_iter": 1, "random_state": 0, "momentum": 0}
    asked = {"hidden_layer_sizes": 3, "solver": "sgd", "alpha": 0.0, **options}
    whole = kind(**asked).fit(X, CLASSES, sample_weight=weights)
    assert_same(kind(**asked).fit(X[30:], CLASSES[30:]), whole)
    assert np.isfinite(kind(**{**asked, "alpha": 0.1}).fit(X, CLASSES, weights).loss_)


SIZES = [(2.5,), ("a",), (True,), True, [[2, 3]], {"a": 1}, np.array([[2, 3]]), (0,), (-1,)]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_sizes_that_are_none_are_refused(sizes):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes"):
        ours.MLPClassifier(sizes).fit(X, CLASSES)


@pytest.mark.parametrize("activation", [(), (3,), np.array([]), np.array([[2, 3]]), {"a": 1}, {3}])
def test_activations_that_are_none_are_refused(activation):
    with pytest.raises(ValueError, match=r"activation"):
        ours.MLPClassifier((3,), activation=activation).fit(X, CLASSES)


def test_callbacks_that_are_none_are_refused():
    with pytest.raises(ValueError, match="callbacks holds 1; give a list, each a Callback"):
        ours.MLPClassifier((3,), max_iter=1, callbacks=[1]).fit(X, CLASSES)


def test_a_fit_that_diverges_before_it_was_judged_is_told():
    """There is no best score whose weights could be kept."""
    options = {"solver": "sgd", "learning_rate_init": 1e200, "early_stopping": True}
    est = ours.MLPRegressor(hidden_layer_sizes=3, batch_size=5, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
            est.fit(X, X[:, 0] * 2)


def test_a_power_that_no_rate_survives_stops_learning():
    options = {"solver": "sgd", "momentum": 0, "random_state": 0}
    steep = {"learning_rate": "invscaling", "power_t": 1e308, "max_iter": 3}
    est = ours.MLPClassifier((3,), **options, **steep).fit(X, CLASSES)
    assert_same(theirs.MLPClassifier((3,), **options, max_iter=1).fit(X, CLASSES), est)


@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_parameters_stand_in_their_order(kind):
    their, our = (
        [(p.name, p.kind, p.default) for p in inspect.signature(which).parameters.values()]
        for which in (getattr(theirs, kind), getattr(ours, kind))
    )
    known = {name for name, *_ in their}
    assert [p for p in our if p[0] in known] == their
    assert all(p[1] == inspect.Parameter.KEYWORD_ONLY for p in our if p[0] not in known)
    assert getattr(ours, kind)().get_params().keys() == {name for name, *_ in our}

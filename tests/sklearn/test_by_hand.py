"""Parts of the estimators by themselves: refusals, conventions, bounds, and what a fit keeps."""

import math
import re
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

import bpnet
from bpnet import backends
from bpnet.sklearn import MLPClassifier, MLPRegressor, conventions, fitting, inputs

X = np.random.default_rng(4).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
Z = X @ [1.0, -2.0, 0.5]


@pytest.fixture(autouse=True)
def few_iterations():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def said(make, *arguments, kind=ValueError, **named):
    """The refusal of a call, whole."""
    with pytest.raises(kind) as refused:
        make(*arguments, **named)
    return str(refused.value)


def classifier(**options):
    usual = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
    return MLPClassifier(**{**usual, **options})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"hidden_layer_sizes": (4, 0)}, "hidden_layer_sizes must be > 0, got [4, 0]."),
        ({"hidden_layer_sizes": (4, 1.5)},
         "hidden_layer_sizes must be whole numbers > 0, got (4, 1.5)."),
        ({"activation": ["relu", "tanh"]},
         "activation has 2 entries for 1 hidden layers; match them"),
        ({"callbacks": [3]}, "callbacks"), ({"callbacks": [bpnet.Callback]}, "callbacks"),
        ({"callbacks": 3}, "callbacks"),
        ({"backend": "fastest"},
         'backend="fastest" is tried out by bpnet.train alone; name a backend, or leave it out'),
        ({"solver": "lbfgs", "scoring": "f1"}, "scoring"),
        ({"solver": "lbfgs", "dropout": 0.5}, "dropout"),
        ({"solver": "lbfgs", "learning_rate": "cosine"}, "learning_rate"),
        ({"solver": "lbfgs", "clip_norm": 1.0}, "clip_norm"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused_before_a_step(options, text):
    est = classifier(**options)
    found = said(est.fit, X, Y)
    assert text in found
    assert not hasattr(est, "loss_")


def test_one_example_is_too_few_to_judge_by():
    est = classifier(validation_fraction=0.01, early_stopping=True)
    assert said(est.fit, X, np.arange(40) % 3) == (
        "The validation set is too small. Increase 'validation_fraction' or the size of your "
        "dataset."
    )


def test_a_fit_of_lbfgs_takes_the_learning_rates_of_scikit_learn():
    for rate in conventions.LEARNING_RATES:
        classifier(solver="lbfgs", learning_rate=rate).fit(X, Y)
    text = said(classifier(solver="lbfgs").fit, X, Y, X_val=X, y_val=Y)
    assert text == (
        "lbfgs is not judged while it fits, and X_val was given; leave it out, or use "
        "another solver"
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: classifier().fit(X, Y, X_val=X), "X_val was given without y_val; give both"),
        (lambda: classifier().fit(X, Y, y_val=Y), "y_val was given without X_val; give both"),
        (lambda: classifier(early_stopping=True).partial_fit(X, Y, classes=[0, 1]),
         "partial_fit does not support early_stopping=True"),
        (lambda: fitted(warm_start=True).fit(X, Y + 1),
         "warm_start can only be used where `y` has the same classes as in the previous call to "
         "fit. Previously got [0 1], `y` has [1 2]"),
        (lambda: fitted().partial_fit(X, Y + 1),
         "`y` has classes not in `self.classes_`. `self.classes_` has [0 1]. 'y' has [1 2]."),
        (lambda: fitted(warm_start=True).set_params(hidden_layer_sizes=(5,)).fit(X, Y),
         "the network has the sizes [3, 4, 1] and the parameters ask for [3, 5, 1]; "
         "set warm_start=False to begin anew"),
        (lambda: classifier().fit(X, np.zeros(40)).to_network(),
         "the estimator knows one class, 0.0; a network tells at least two"),
    ],
)  # fmt: skip
def test_what_a_refusal_says(call, text):
    assert said(call) == text


def fitted(**options):
    return classifier(**options).fit(X, Y)


def on(backend, *arrays):
    held = backends.get(backend)
    return [held.asarray(np.asarray(a)) for a in arrays]


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("rows", [39, 41])
def test_arrays_of_another_library_have_as_many_targets_as_examples(kind, rows):
    x, y = on("array_api_strict", X, np.arange(rows) % 2)
    text = said(kind(hidden_layer_sizes=(4,), max_iter=2).fit, x, y)
    assert text == f"Found input variables with inconsistent numbers of samples: [40, {rows}]"
    assert said(kind(hidden_layer_sizes=(4,), max_iter=2).fit, x, np.arange(rows) % 2) == text


def test_arrays_of_another_library_have_as_many_features_as_were_fitted():
    est = fitted()
    (x,) = on("array_api_strict", X[:, :2])
    assert said(est.predict, x) == (
        "X has 2 features, but MLPClassifier is expecting 3 features as input."
    )
    x, y = on("array_api_strict", X, Y)
    same = classifier().fit(x, y)
    assert same.n_features_in_ == 3
    np.testing.assert_allclose(same.coefs_[0], est.coefs_[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "kind", "found"),
    [(None, "float64", "float64"), (None, "float32", "float32"), (None, "float16", "float32"),
     (None, "int64", "float64"), ("float32", "float64", "float32"), ("float16", "f8", "float16")],
)  # fmt: skip
def test_the_type_of_a_fit(dtype, kind, found):
    est = SimpleNamespace(dtype=dtype)
    assert inputs.float_dtype(est, np.zeros(1, kind), backends.get("numpy")) == found
    if dtype is None:
        narrow = backends.get("array_api_strict:no_float64")
        assert inputs.float_dtype(est, np.zeros(1, kind), narrow) == "float32"


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"solver": "sgd"}, bpnet.optimizers.Nesterov(0.001, 0.9)),
        ({"solver": "sgd", "nesterovs_momentum": False}, bpnet.optimizers.Momentum(0.001, 0.9)),
        ({"solver": "sgd", "momentum": 0, "learning_rate_init": 0.5}, bpnet.optimizers.SGD(0.5)),
        ({"solver": "sgd", "momentum": 1},
         bpnet.optimizers.Nesterov(0.001, math.nextafter(1.0, 0.0))),
        ({"beta_1": 0.5, "beta_2": 0.25, "epsilon": 1e-3, "learning_rate_init": 0.5},
         conventions.Adam(0.5, 0.5, 0.25, 1e-3)),
        ({"solver": "rmsprop", "learning_rate_init": 0.5}, bpnet.optimizers.RMSprop(0.5)),
        ({"solver": bpnet.optimizers.SGD(0.25), "learning_rate_init": 0.5},
         bpnet.optimizers.SGD(0.25)),
    ],
)  # fmt: skip
def test_the_rule_that_parameters_ask_for(options, rule):
    assert conventions.optimizer(MLPClassifier(**options)) == rule


@pytest.mark.parametrize(("activation", "factor"), [("logistic", 2), ("relu", 6), ("tanh", 6)])
def test_first_weights_are_scikit_learns(activation, factor):
    source = np.random.RandomState(3)
    sigma = conventions.activation(activation)
    W, b = conventions.first_weights(300, 200, sigma, "auto", source)
    bound = math.sqrt(factor / 500)
    for a in (W, b):
        assert 0.9 * bound < np.abs(a).max() <= bound
    options = {"hidden_layer_sizes": (5, 4), "activation": activation, "max_iter": 1,
               "random_state": 1, "learning_rate_init": 1e-300}  # fmt: skip
    mine, theirs = MLPClassifier(**options), neural_network.MLPClassifier(**options)
    for a, c in zip(mine.fit(X, Y).coefs_, theirs.fit(X, Y).coefs_, strict=True):
        np.testing.assert_allclose(a, c, rtol=1e-12)
    assert conventions.name(sigma) == activation


@pytest.mark.parametrize(
    ("size", "m", "k"), [("auto", 500, 200), ("auto", 50, 50), (30, 50, 30), (60, 50, 50)]
)
def test_examples_of_a_batch(size, m, k):
    assert fitting.batch_size(SimpleNamespace(batch_size=size), m) == k


def test_a_batch_larger_than_the_examples_is_told_of():
    text = re.escape("Got `batch_size` less than 1 or larger than sample size. It is going to be ")
    with pytest.warns(UserWarning, match=text):
        classifier(batch_size=41).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier(batch_size=40).fit(X, Y)


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3.0}])
def test_weights_of_classes_multiply_those_of_examples(weighed, class_weight):
    own = np.linspace(0.5, 2.0, 40) if weighed else None
    y = np.where(np.arange(40) < 10, 1, 0)
    by_class = {None: [1.0, 1.0], "balanced": [40 / 60, 2.0]}.get(
        class_weight if class_weight is None or isinstance(class_weight, str) else "", [3.0, 1.0]
    )
    whole = np.asarray(by_class)[y] * (1.0 if own is None else own)
    one = classifier(class_weight=class_weight).fit(X, y, sample_weight=own)
    other = classifier().fit(X, y, sample_weight=whole)
    np.testing.assert_allclose(one.coefs_[0], other.coefs_[0], rtol=1e-9)


@pytest.mark.parametrize("n", [1, 3])
def test_numbers_of_a_fit(n):
    """Two epochs of 40 examples, in batches of 16."""
    y = Y if n == 1 else np.arange(40) % 3
    est = classifier(batch_size=16).fit(X, y)
    assert (est.n_iter_, est.t_, est.n_layers_, est.n_outputs_) == (2, 80, 3, n)
    assert len(est.loss_curve_) == 2
    assert est.loss_ == est.loss_curve_[-1]
    assert est.out_activation_ == ("logistic" if n == 1 else "softmax")
    assert est.best_loss_ == min(est.loss_curve_)
    assert est.predict_proba(X).shape == (40, max(n, 2))
    np.testing.assert_allclose(est.predict_proba(X).sum(axis=1), 1)
    np.testing.assert_allclose(est.predict_log_proba(X), np.log(est.predict_proba(X)))
    assert (est.predict(X) == est.classes_[est.predict_proba(X).argmax(axis=1)]).all()


def test_early_stopping_keeps_the_best_scores_weights():
    est = classifier(early_stopping=True, max_iter=30, learning_rate_init=0.3, n_iter_no_change=3)
    est.fit(X, Y)
    assert est.best_validation_score_ == max(est.validation_scores_)
    assert est.best_loss_ is None
    history = est.history_
    assert history["validation_score"] == est.validation_scores_
    assert len(history["validation_cost"]) == est.n_iter_
    held = MLPClassifier((4,), max_iter=9, random_state=0).fit(X, Y, X_val=X[:8], y_val=Y[:8])
    a = held.predict_proba(X[:8])
    assert held.history_["validation_cost"][-1] == pytest.approx(log_loss(Y[:8], a), rel=1e-6)
    assert held.validation_scores_[-1] == held.score(X[:8], Y[:8])


@pytest.mark.parametrize(
    ("worse", "after"), [([1.0, 2.0, 3.0, 4.0], 2), ([1.0, 0.5, 0.45, 0.4, 0.2], 3)]
)
def test_a_loss_that_does_not_fall_by_tol_ends_a_fit(monkeypatch, worse, after):
    """More than ``n_iter_no_change`` epochs in a row, as scikit-learn counts."""
    losses = iter(worse)
    record = fitting.Fit.on_epoch_end

    def told(self, run):
        run.cost = next(losses)
        record(self, run)

    monkeypatch.setattr(fitting.Fit, "on_epoch_end", told)
    est = classifier(max_iter=len(worse), tol=0.1, n_iter_no_change=1).fit(X, Y)
    assert est.n_iter_ == min(after + 1, len(worse))


def test_the_outputs_of_a_regressor_are_as_its_targets_were():
    for y, shape in ((Z, (40,)), (np.stack([Z, -Z], axis=1), (40, 2))):
        est = MLPRegressor(
            hidden_layer_sizes=(4,), solver="lbfgs", max_iter=200, random_state=0
        ).fit(X, y)
        assert est.predict(X).shape == shape
        assert est.score(X, y) > 0.99
        assert est.out_activation_ == "identity"
        np.testing.assert_allclose(est.to_network().predict(X).reshape(shape), est.predict(X))
    counts = np.random.default_rng(0).poisson(2.0, 40)
    poisson = MLPRegressor(hidden_layer_sizes=(4,), loss="poisson", max_iter=2, random_state=0).fit(
        X, counts
    )
    assert poisson.out_activation_ == "exp"
    assert (poisson.predict(X) > 0).all()


def test_lbfgs_tells_how_it_ended():
    est = MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=3, random_state=0)
    squares = lambda: sum((W**2).sum() for W in est.coefs_)  # noqa: E731
    text = r"lbfgs failed to converge after 3 iteration\(s\): .*\nIncrease .* \(max_iter=3\), or"
    with pytest.warns(ConvergenceWarning, match=text):
        est.fit(X, Z)
    assert est.n_iter_ == 3
    assert est.round_trips_ > 0
    assert est.loss_ == pytest.approx(
        ((est.predict(X) - Z) ** 2).mean() / 2 + 1e-4 / 2 / 40 * squares()
    )


def test_built_networks_have_the_classes_that_were_named():
    two = classifier().build(3, ["no", "yes"])
    assert (two.classes_.tolist(), two.n_outputs_, two.n_features_in_) == (["no", "yes"], 1, 3)
    three = classifier().build(3, ["a", "b", "c"], "float32")
    assert (three.n_outputs_, three.coefs_[0].dtype) == (3, np.float32)
    assert three.to_network().classes.tolist() == ["a", "b", "c"]
    assert MLPRegressor(hidden_layer_sizes=(4,)).build(3, 2).n_outputs_ == 2


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_whole_weights_are_examples_that_often(kind):
    """To the loss that is told: its mean is over what the weights add up to."""
    counts = np.arange(40) % 3
    options = {"hidden_layer_sizes": (4,), "solver": "lbfgs", "max_iter": 3, "random_state": 0}
    y = Y if kind is MLPClassifier else Z
    one = kind(**options, alpha=0.5).fit(X, y, sample_weight=counts)
    other = kind(**options, alpha=0.5).fit(X.repeat(counts, 0), y.repeat(counts))
    assert one.loss_ == pytest.approx(other.loss_, rel=1e-6)
    np.testing.assert_allclose(one.coefs_[0], other.coefs_[0], rtol=1e-5, atol=1e-7)


SHARES = ([0.0, 0.5, 0.999999], [-1e-9, 1.0, 1.5, "0.5", None])
LIMITS = ([0, 0.0, 2.5], [-1e-9, "1", None])
COUNTS = ([1, 7], [0, -1, 1.5, "1"])


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        *((name, SHARES) for name in ("validation_fraction", "beta_1", "beta_2", "dropout")),
        *((name, LIMITS) for name in ("alpha", "power_t", "tol", "l1", "max_norm", "clip_norm")),
        *((name, COUNTS) for name in ("max_iter", "max_fun", "threads")),
        ("momentum", ([0, 0.5, 1, 1.0], [-1e-9, 1.1, None])),
        ("learning_rate_init", ([1e-300, 2.0], [0, 0.0, -1.0, None])),
        ("epsilon", ([1e-300, 2.0], [0, 0.0, -1.0])),
        ("batch_size", (["auto", 1, 9], [0, "all", 1.5])),
        ("n_iter_no_change", ([1, 9, math.inf], [0, 1.5, -1])),
        ("warm_start", ([True, False, "exact"], ["yes", None])),
        ("early_stopping", ([True, False], ["yes", None])), ("shuffle", ([True, False], [None])),
        ("nesterovs_momentum", ([True, False], [None])), ("norm", ([None, "batch"], ["group"])),
        ("dtype", ([None, "float16"], ["int8"])), ("precision", ([None, "tf32"], ["bf16"])),
        ("learning_rate", (["constant", "adaptive", "cosine"], ["fast", 0.1])),
        ("solver", (["lbfgs", "adamw"], ["newton", None])),
        ("initializer", (["auto", "he"], ["random", 3])),
        ("class_weight", ([None, "balanced", {0: 1.0}], ["equal", [1.0]])),
        ("scoring", ([None, "f1", len], [3])), ("callbacks", ([None, []], [3])),
        ("cost", ([None, "hinge"], [3])), ("output_activation", ([None, "tanh"], ["steps", 3])),
    ],
)  # fmt: skip
def test_parameters_on_their_bounds_are_taken_and_past_them_refused(name, bounds):
    from sklearn.utils._param_validation import InvalidParameterError

    for value in bounds[0]:
        classifier(**{name: value})._validate_params()
    for value in bounds[1]:
        text = said(classifier(**{name: value})._validate_params, kind=InvalidParameterError)
        assert text.startswith(f"The {name!r} parameter of MLPClassifier must be ")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_checkpoint_is_no_callback_of_an_estimator(tmp_path, solver):
    watching = [bpnet.Callback(), bpnet.Checkpoint(tmp_path / "a.ckpt")]
    text = said(classifier(callbacks=watching, solver=solver).fit, X, Y)
    assert text.startswith("callbacks holds a Checkpoint;")
    assert [*tmp_path.iterdir()] == []

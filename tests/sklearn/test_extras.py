"""What the estimators offer beyond scikit-learn's."""

import pickle

import numpy as np
import pandas
import polars
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import set_config
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier as Theirs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bpnet
from bpnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, y[:300]


def assert_equal_bits(a, b):
    for p, q in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        assert_array_equal(p, q)


RUNS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    "adaptive": {
        "solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1,
        "learning_rate_init": 0.1,
    },
    "dropout": {"dropout": 0.3},
    "weights": {"class_weight": "balanced"},
}  # fmt: skip


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS)
def test_three_calls_of_partial_fit_are_one_fit_of_three_epochs(options, digits):
    X, y = digits
    make = {"hidden_layer_sizes": (9,), "random_state": 4, "batch_size": 70, **options}
    whole = MLPClassifier(max_iter=3, **make).fit(X, y)
    parts = MLPClassifier(**make)
    for _ in range(3):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X, y, classes=np.arange(10))))
    assert_equal_bits(whole, parts)
    assert_array_equal(parts.loss_curve_, whole.loss_curve_)


def test_exact_warm_start_is_one_long_fit(digits):
    X, y = digits
    make = {"hidden_layer_sizes": (9,), "random_state": 4, "learning_rate_init": 0.01}
    whole = MLPClassifier(max_iter=6, **make).fit(X, y)
    parts = MLPClassifier(max_iter=3, warm_start="exact", **make).fit(X, y).fit(X, y)
    assert_equal_bits(whole, parts)
    plain = MLPClassifier(max_iter=3, warm_start=True, **make).fit(X, y).fit(X, y)
    assert not np.array_equal(plain.coefs_[0], parts.coefs_[0])


@pytest.mark.filterwarnings("ignore:Got `batch_size`")
def test_class_weights_are_repeated_examples(digits):
    X, y = digits
    keep = np.isin(y, (0, 1))
    X, y = X[keep], y[keep]
    again = np.flatnonzero(y == 1)
    make = {"random_state": 0, "alpha": 0.0, "batch_size": 10_000, "shuffle": False, "max_iter": 5}
    make["solver"] = "sgd"
    weighted = MLPClassifier(4, class_weight={1: 2}, **make).fit(X, y)
    repeated = MLPClassifier(4, **make).fit(np.r_[X, X[again]], np.r_[y, y[again]])
    for p, q in zip(weighted.coefs_, repeated.coefs_, strict=True):
        assert_allclose(p, q, atol=1e-12)


def test_balanced_is_what_scikit_learn_computes(digits):
    X, y = digits
    y = np.minimum(y, 2)
    counts = np.bincount(y)
    weight = (len(y) / (3 * counts))[y]
    make = {"hidden_layer_sizes": (4,), "random_state": 0, "max_iter": 4}
    ours = MLPClassifier(class_weight="balanced", **make).fit(X, y)
    theirs = Theirs(**make).fit(X, y, sample_weight=weight)
    assert_allclose(ours.coefs_[0], theirs.coefs_[0], atol=1e-10)


def test_own_validation_set_has_a_curve_and_stops(digits):
    X, y = digits
    make = {"hidden_layer_sizes": (9,), "random_state": 4, "learning_rate_init": 0.01}
    est = MLPClassifier(early_stopping=True, n_iter_no_change=2, **make)
    est.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    scores = est.validation_scores_
    assert len(scores) == est.n_iter_ < 200
    assert est.best_validation_score_ == max(scores) == est.score(X[200:], y[200:])
    # the same epochs without stopping end with the weights of the best one
    best = int(np.argmax(scores)) + 1
    again = MLPClassifier(max_iter=best, **make).fit(X[:200], y[:200])
    assert_equal_bits(est, again)

    curve = MLPClassifier(max_iter=5, **make).fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    p = curve.predict_proba(X[200:])[np.arange(100), y[200:]]
    assert curve.history_["validation_cost"][-1] == pytest.approx(-np.log(p).mean())
    assert curve.validation_scores_[-1] == curve.score(X[200:], y[200:])
    assert curve.best_validation_score_ is None
    with pytest.raises(ValueError, match="X_val was given without y_val; give both"):
        est.fit(X, y, X_val=X)


@pytest.mark.parametrize("scoring", ["f1_macro", "loss", "callable"])
def test_any_score_to_stop_on(scoring, digits):
    X, y = digits
    given = (lambda est, X, y: -est.loss_) if scoring == "callable" else scoring
    est = MLPClassifier(
        9, early_stopping=True, n_iter_no_change=2, random_state=4, scoring=given, max_iter=12,
        learning_rate_init=0.01,
    )  # fmt: skip
    est.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    want = {
        "f1_macro": lambda: f1_score(y[200:], est.predict(X[200:]), average="macro"),
        "loss": lambda: np.log(est.predict_proba(X[200:])[np.arange(100), y[200:]]).mean(),
        "callable": lambda: -min(est.loss_curve_),
    }[scoring]()
    assert est.best_validation_score_ == pytest.approx(want)


def test_layers_of_the_user(digits):
    X, y = digits
    est = MLPClassifier(
        (8, 6), activation=["gelu", bpnet.activations.LeakyReLU(0.2)], max_iter=40, dropout=0.1,
        output_activation="identity", cost="hinge", solver="rmsprop", initializer="orthogonal",
        learning_rate="cosine", l1=1e-3, max_norm=2.0, clip_norm=1.0, random_state=0,
        learning_rate_init=0.02,
    ).fit(X, y)  # fmt: skip
    assert est.out_activation_ == "identity"
    assert est.score(X, y) > 0.5
    assert (np.linalg.norm(est.coefs_[1], axis=0) <= 2.0 + 1e-9).all()
    assert not hasattr(est, "predict_proba")
    rates = est.history_["learning_rate"]
    assert rates[0] > rates[20] > rates[-1]
    with pytest.raises(ValueError, match="activation has 1 entries for 2 hidden layers; match"):
        MLPClassifier((8, 6), activation=["relu"]).fit(X, y)
    with pytest.raises(ValueError, match="not defined for the output"):
        MLPClassifier(output_activation="identity", cost="cross_entropy").fit(X, y)


def test_a_users_cost(digits):
    class Squares:
        def value(self, z, y, output, *, xp):
            return xp.sum((output.sigma(z, xp=xp) - y) ** 2, axis=-1)

        def delta(self, z, y, output, *, xp):
            a = output.sigma(z, xp=xp)
            return output.backward(2 * (a - y), z, a, xp=xp)

    X, y = digits
    est = MLPRegressor(hidden_layer_sizes=6, cost=Squares(), random_state=0, max_iter=3).fit(X, y)
    assert est.loss_ > 0


def test_callbacks_see_each_epoch(digits):
    seen = []

    class Look(bpnet.Callback):
        def on_epoch_end(self, run):
            seen.append((run.epoch, run.cost))
            if run.epoch == 2:
                run.stop("enough")

    est = MLPClassifier(4, callbacks=[Look()], random_state=0).fit(*digits)
    assert est.n_iter_ == 3
    assert [cost for _, cost in seen] == est.loss_curve_


def test_build_without_fit(digits):
    X, y = digits
    est = MLPClassifier(5, random_state=1, warm_start="exact", max_iter=2).build(64, np.arange(10))
    first = [W.copy() for W in est.coefs_]
    assert est.predict(X).shape == y.shape
    est.fit(X, y)
    assert_equal_bits(est, MLPClassifier(5, random_state=1, max_iter=2).fit(X, y))
    assert not np.array_equal(first[0], est.coefs_[0])
    assert MLPRegressor(hidden_layer_sizes=3).build(4, 2).predict(np.ones((5, 4))).shape == (5, 2)


def test_to_network_predicts_the_same(digits, tmp_path):
    X, y = digits
    est = MLPClassifier(5, random_state=1, max_iter=5).fit(X, np.asarray(list("abcdefghij"))[y])
    saved = bpnet.load(est.to_network().save(tmp_path / "m.safetensors"))
    assert_array_equal(saved.classify(X), est.predict(X))
    assert_allclose(saved.predict(X), est.predict_proba(X))


def test_arrays_of_a_device_stay_there(backend, digits, monkeypatch):
    if backend.name == "numpy" or "float64" not in backend.dtypes():
        pytest.skip("of other libraries, in float64")
    X, y = digits[0][:90], digits[1][:90]
    make = {"hidden_layer_sizes": (4,), "random_state": 1, "max_iter": 2, "early_stopping": True}
    want = MLPClassifier(**make).fit(X, y)
    with backend.session("float64"):
        moved, labels = backend.asarray(X, dtype="float64"), backend.asarray(y)
        copied = []
        download = type(backend)._download

        def watch(self, a):
            copied.append(tuple(a.shape))
            return download(self, a)

        monkeypatch.setattr(type(backend), "_download", watch)
        est = MLPClassifier(**make).fit(moved, labels)
        predicted = est.predict(moved)
    assert (90, 64) not in copied
    assert (81, 64) not in copied
    assert (9, 64) not in copied
    for p, q in zip(est.coefs_, want.coefs_, strict=True):
        assert type(p) is np.ndarray
        assert_allclose(p, q, atol=1e-6)
    assert_array_equal(predicted, want.predict(X))
    with pytest.raises(ValueError, match="X has 63 features, but MLPClassifier is expecting 64"):
        est.predict(moved[:, :63])


@pytest.mark.parametrize("library", [pandas, polars])
def test_frames(library, digits):
    X, y = digits
    frame = library.DataFrame({f"p{i}": X[:, i] for i in range(64)})
    labels = library.Series("y", [f"n{i}" for i in y]) if library is polars else library.Series(
        [f"n{i}" for i in y])  # fmt: skip
    est = MLPClassifier(5, random_state=1, max_iter=5).fit(frame, labels)
    assert est.feature_names_in_[3] == "p3"
    assert est.predict(frame)[0].startswith("n")
    want = MLPClassifier(5, random_state=1, max_iter=5).fit(X, np.asarray(labels))
    assert_equal_bits(est, want)


def test_lists_and_mixed_labels():
    X = [[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [1.0, 1.0]]
    for y in (
        [True, False, True, False],
        ["a", "b", "a", "b"],
        [-7, 9, -7, 9],
        [0.0, 1.0, 0.0, 1.0],
    ):
        est = MLPClassifier(4, max_iter=3, random_state=0).fit(X, y)
        assert set(est.predict(X)) <= set(y)


def test_lives_in_scikit_learn(digits):
    X, y = digits
    pipe = make_pipeline(
        StandardScaler(), MLPClassifier(8, max_iter=60, learning_rate_init=0.05, random_state=0)
    )
    search = GridSearchCV(pipe, {"mlpclassifier__dropout": [0.0, 0.9]}, cv=2).fit(X, y)
    assert search.best_params_["mlpclassifier__dropout"] == 0.0
    assert cross_val_score(pipe, X, y, cv=2).mean() > 0.7
    est = clone(pipe.set_params(mlpclassifier__alpha=0.5))
    assert est.get_params()["mlpclassifier__alpha"] == 0.5


def test_metadata_routing(digits):
    X, y = digits
    set_config(enable_metadata_routing=True)
    try:
        est = MLPClassifier(4, max_iter=2, random_state=0).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        scaled = make_pipeline(scaler, est).fit(X, y, sample_weight=np.ones(len(y)))
        assert scaled[-1].coefs_[0].shape == (64, 4)
    finally:
        set_config(enable_metadata_routing=False)


def test_large_sparse_input_is_dense_in_blocks_only(monkeypatch):
    from scipy.sparse import random_array

    from bpnet.data import host_rows

    X = random_array((400, 50), density=0.1, rng=0, format="csr")
    y = np.asarray(X.sum(axis=1)).ravel() > 2.4
    make = {"hidden_layer_sizes": (4,), "random_state": 1, "max_iter": 4, "batch_size": 30}
    want = MLPClassifier(**make).fit(X.toarray(), y)
    monkeypatch.setattr(host_rows, "_DENSE", 1000)
    monkeypatch.setattr(host_rows, "_BLOCK", 5000)
    taken = []
    take = host_rows.SparseRows.take
    monkeypatch.setattr(
        host_rows.SparseRows, "take", lambda self, rows: taken.append(len(rows)) or take(self, rows)
    )
    est = MLPClassifier(**make).fit(X, y)
    assert max(taken) <= 100
    for p, q in zip(est.coefs_, want.coefs_, strict=True):
        assert_allclose(p, q, atol=1e-10)
    assert_allclose(est.predict_proba(X), want.predict_proba(X.toarray()), atol=1e-10)

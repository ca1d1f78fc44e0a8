"""scikit-learn's own callbacks, which its 1.9 brought, with the estimators and the grid search."""

import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bpnet.sklearn import GridSearch, MLPClassifier, MLPRegressor
from bpnet.sklearn import search as grid_search

callback = pytest.importorskip("sklearn.callback")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
OPTIONS = {"hidden_layer_sizes": (5,), "learning_rate_init": 0.05, "random_state": 0}


class Seen:
    """Writes down what each hook is given; asks for an end after so many epochs."""

    max_propagation_depth = None

    def __init__(self, last=None):
        self.began, self.ended, self.tasks, self.last = [], [], [], last
        self.depth = 0

    def setup(self, estimator, context):
        self.depth += 1

    def teardown(self, estimator, context):
        self.depth -= 1

    def on_fit_task_begin(self, estimator, context):
        self.began.append((context.estimator_name, context.task_name, context.task_id))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.ended.append((context.estimator_name, context.task_name, context.task_id))
        self.tasks.append((context, X, y, metadata, fitted_estimator))
        return context.task_id == self.last

    def epochs(self, name="epoch"):
        return [task for task in self.tasks if task[0].task_name == name]


def fit(est, *data, **given):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return est.fit(*(data or (X, Y)), **given)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    ("solver", "name"), [("adam", "epoch"), ("sgd", "epoch"), ("lbfgs", "iteration")]
)
def test_each_epoch_has_an_estimator_that_is_fitted_as_one_of_so_many_epochs(kind, solver, name):
    options = {**OPTIONS, "solver": solver}
    seen = Seen()
    est = fit(kind(**options, max_iter=4).set_callbacks(seen))
    who = kind.__name__
    assert seen.began == [(who, "fit", 0), *((who, name, i) for i in range(4))]
    assert seen.ended == [*seen.began[1:], seen.began[0]]
    for n, (_, given, y, metadata, fitted) in enumerate(seen.epochs(name), 1):
        assert given is X
        assert (y == Y).all()
        assert metadata is None
        alone = fit(kind(**options, max_iter=n))
        for a, b in zip(fitted.coefs_ + fitted.intercepts_, alone.coefs_ + alone.intercepts_,
                        strict=True):  # fmt: skip
            np.testing.assert_allclose(a, b, rtol=1e-12)
        np.testing.assert_allclose(fitted.predict(X), alone.predict(X), rtol=1e-12)
        assert (fitted.n_iter_, len(fitted.history_["cost"])) == (n, n)
        np.testing.assert_allclose(fitted.loss_, alone.loss_, rtol=1e-12)
        assert getattr(fitted, "loss_curve_", None) == getattr(alone, "loss_curve_", None)
    assert (seen.tasks[-1][-1].predict(X) == est.predict(X)).all()
    assert seen.depth == 0
    plain = fit(kind(**options, max_iter=4))
    assert all((a == b).all() for a, b in zip(est.coefs_, plain.coefs_, strict=True))


def test_normalization_is_that_of_the_epoch():
    seen = Seen()
    fit(MLPClassifier(**OPTIONS, norm="batch", batch_size=20, max_iter=3).set_callbacks(seen))
    for n, (*_, fitted) in enumerate(seen.epochs(), 1):
        alone = fit(MLPClassifier(**OPTIONS, norm="batch", batch_size=20, max_iter=n))
        np.testing.assert_allclose(fitted.predict_proba(X), alone.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_monitors_scores_are_those_of_the_epochs(solver):
    monitor = callback.ScoringMonitor(scoring=["neg_log_loss", "accuracy"])
    frame = pd.DataFrame(X, columns=list("abcd"))  # whose names the estimators must know
    options = {**OPTIONS, "solver": solver}
    fit(MLPClassifier(**options, max_iter=3).set_callbacks(monitor), frame, Y)
    rows = monitor.get_logs().data
    assert [row["task_id_path"] for row in rows] == [(0,), (0, 0), (0, 1), (0, 2)]
    for row, n in zip(rows, [3, 1, 2, 3], strict=True):
        alone = fit(MLPClassifier(**options, max_iter=n))
        np.testing.assert_allclose(row["neg_log_loss"], -log_loss(Y, alone.predict_proba(X)))
        np.testing.assert_allclose(row["accuracy"], alone.score(X, Y))


@pytest.mark.parametrize("frame", [False, True])
def test_early_stopping_tells_what_is_learned_from(frame):
    seen, weights = Seen(), RANDOM.uniform(1, 2, 60)
    given = pd.DataFrame(X, columns=list("abcd")) if frame else X
    est = MLPClassifier(**OPTIONS, early_stopping=True, validation_fraction=0.25, max_iter=2)
    fit(est.set_callbacks(seen), given, Y, sample_weight=weights)
    for _, rows, y, metadata, _ in seen.epochs():
        places = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in np.asarray(rows)]
        assert len(set(places)) == 45
        assert (y == Y[places]).all()
        assert (metadata["sample_weight"] == weights[places]).all()
        assert type(rows) is type(given)
    _, whole, y, metadata, _ = seen.tasks[-1]
    assert whole is given
    assert len(y) == len(metadata["sample_weight"]) == 60


@pytest.mark.parametrize(("solver", "name"), [("adam", "epoch"), ("lbfgs", "iteration")])
def test_a_callback_ends_the_fit(solver, name):
    seen = Seen(last=1)
    est = MLPClassifier(**OPTIONS, solver=solver, max_iter=50).set_callbacks(seen)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        est.fit(X, Y)
    assert len(seen.epochs(name)) == est.n_iter_ == 2
    assert sorted(seen.began) == sorted(seen.ended)


def test_partial_fit_is_a_fit_of_one_epoch():
    seen = Seen()
    est = MLPClassifier(**OPTIONS).set_callbacks(seen)
    for _ in range(2):
        est.partial_fit(X, Y, classes=[0, 1, 2])
    assert [name for _, name, _ in seen.began] == ["fit", "epoch"] * 2


def test_tasks_that_a_fit_leaves_open_are_ended():
    """Here early stopping keeps the best weights of a fit that diverges."""
    seen = Seen()
    options = {"solver": "sgd", "learning_rate_init": 0.1, "early_stopping": True, "max_iter": 50}

    class Breaks(Seen):
        def on_fit_task_end(self, estimator, context):
            super().on_fit_task_end(estimator, context)
            if context.task_name == "epoch":
                raise KeyError(context.task_id)

    with pytest.raises(KeyError):
        fit(MLPClassifier(**OPTIONS).set_callbacks(broken := Breaks()))
    assert broken.depth == 0
    numbers = X[:, 0]
    steep = {"learning_rate": Jump(), "batch_size": 20, "random_state": 0}
    est = MLPRegressor(hidden_layer_sizes=3, **options, **steep).set_callbacks(seen)
    with np.errstate(all="ignore"):
        fit(est, X, numbers)
    assert est.n_iter_ == 2
    assert sorted(seen.began) == sorted(seen.ended)
    assert [fitted is None for *_, fitted in seen.epochs()] == [False, False, True]


class Jump:
    """A schedule whose rate is far too large from the third epoch on."""

    def rate(self, eta, at):
        return eta if at.step < 6 else 1e200


@pytest.mark.parametrize("search", [GridSearchCV, GridSearch])
def test_it_goes_through_meta_estimators(search):
    seen, monitor = Seen(), callback.ScoringMonitor(scoring="accuracy")
    chain = make_pipeline(
        StandardScaler(), MLPClassifier(**OPTIONS, max_iter=3).set_callbacks(monitor)
    )
    grid = {"mlpclassifier__alpha": [1e-4, 1.0]}
    actual = fit(search(chain, grid, cv=2).set_callbacks(seen))
    own = [task for task in seen.began if task[0] == "MLPClassifier"]
    one = [("MLPClassifier", "fit", 1), *(("MLPClassifier", "epoch", i) for i in range(3))]
    assert own == one * 5  # of two candidates in two folds, and the best
    assert sorted(seen.began) == sorted(seen.ended)
    logs = monitor.get_logs()
    assert logs.estimator_name == search.__name__
    last = max(row["task_id_path"] for row in logs.data)
    scores = {row["task_id_path"]: row["accuracy"] for row in logs.data}
    assert scores[last] == actual.best_estimator_.score(X, Y)
    assert len(scores) == 5 * 4


@pytest.mark.parametrize("on", ["search", "estimator"])
def test_a_grid_search_tells_of_its_fits_and_scores_the_same(on, monkeypatch):
    est, grid = MLPClassifier(**OPTIONS, max_iter=3), {"alpha": [1e-4, 1.0]}
    plain = fit(GridSearch(est, grid, cv=2))
    monkeypatch.setattr(grid_search, "fit_all", lambda *_: pytest.fail("nobody would be told"))
    seen = Seen() if on == "search" else callback.ScoringMonitor(scoring="accuracy")
    search = GridSearch(est, grid, cv=2)
    (search if on == "search" else est).set_callbacks(seen)
    actual = fit(search)
    key = "mean_test_score"
    np.testing.assert_allclose(actual.cv_results_[key], plain.cv_results_[key])
    told = len(seen.epochs()) if on == "search" else len(seen.get_logs().data)
    assert told == (15 if on == "search" else 20)


def test_the_progress_bar_is_filled(capsys):
    fit(MLPClassifier(**OPTIONS, max_iter=3).set_callbacks(callback.ProgressBar()))
    assert "MLPClassifier - fit" in (shown := capsys.readouterr().out)
    assert "100%" in shown


WITHOUT = """
import sys, warnings, numpy, sklearn.model_selection, sklearn.pipeline
held = sys.modules["sklearn.callback"]
sys.modules["sklearn.callback"] = None
import bpnet.sklearn
sys.modules["sklearn.callback"] = held  # scikit-learn asks for it while it fits
assert not hasattr(bpnet.sklearn.MLPClassifier, "set_callbacks")
warnings.simplefilter("ignore")
X = numpy.random.default_rng(0).normal(size=(20, 3))
print(bpnet.sklearn.MLPClassifier(3, max_iter=2).fit(X, X[:, 0] > 0).n_iter_)
"""


def test_a_scikit_learn_without_callbacks_does(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.stdout, done.stderr) == ("2\n", "")

"""``GridSearch``: scikit-learn's grid search, which trains the networks of candidates at once."""

import copy
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, ParameterGrid, check_cv
from sklearn.utils.metaestimators import _safe_split

from bpnet.sklearn import fitting, inputs
from bpnet.sklearn.base import Base
from bpnet.sklearn.fitting import Host
from bpnet.sklearn.stochastic import StochasticFit
from bpnet.training import stacking
from bpnet.training.objective import Data


class GridSearch(GridSearchCV):  # type: ignore[misc]
    """Grid search over the parameters of bpnet's estimators, in place of scikit-learn's own.

    Networks that differ only in what members of a set may differ in (learning rate, alpha,
    momentum, dropout, random state, folds) are trained as one set, as :func:`bpnet.train` does;
    the others one after another. The scores are those of :class:`sklearn.model_selection.\
GridSearchCV` to rounding; ``fit_time`` is each fit's share of the whole time. scikit-learn itself
    fits, one after another, other estimators, sparse examples, arrays on a device, and searches
    with metadata routing or with scikit-learn's own callbacks.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Of :mod:`bpnet.sklearn`.
    param_grid, scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As in :class:`sklearn.model_selection.GridSearchCV`; ``n_jobs`` and ``pre_dispatch`` have
        an effect only where scikit-learn itself fits.

    Attributes
    ----------
    best_estimator_, best_score_, best_params_, best_index_, cv_results_, scorer_, n_splits_, \
refit_time_, multimetric_
        As in :class:`sklearn.model_selection.GridSearchCV`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from bpnet.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> est = MLPClassifier(8, max_iter=30, learning_rate_init=0.1, tol=0.1, random_state=0)
    >>> search = GridSearch(est, {"alpha": [1e-4, 1.0], "momentum": [0.5, 0.9]}, cv=3).fit(X, y)
    >>> len(search.cv_results_["mean_test_score"]), sorted(search.best_params_)
    (4, ['alpha', 'momentum'])
    """

    def fit(self, X: Any, y: Any = None, **params: Any) -> "GridSearch":
        """Fit all candidates on all folds, and then the best candidate on all examples.

        Parameters
        ----------
        X : array or frame, (m, n)
            Examples.
        y : array, (m,) or (m, n_outputs)
            Targets.
        **params
            ``sample_weight`` and ``groups``.

        Returns
        -------
        self
            Fitted.
        """
        if set(params) - {"sample_weight", "groups"} or not self._may_stack(X, y):
            super().fit(X, y, **params)
            return self
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y, params.get("groups")))
        fits = [
            Candidate(
                # an object among the values would be shared by fits that change it
                clone(self.estimator).set_params(**clone(candidate, safe=False)),
                np.arange(len(y))[train],
            )
            for candidate in ParameterGrid(self.param_grid)
            for train, _ in splits
        ]
        start = time.perf_counter()
        done = fit_all(fits, X, y, params.get("sample_weight"))
        seconds = (time.perf_counter() - start) / max(len(fits), 1)
        kind, replayed = type(self.estimator), clone(self.estimator)
        # the estimator's own class is a base, so that its tags, parameters and score stay
        replayed.__class__ = type(kind.__name__, (_Replayed, kind), {"done": iter(done)})
        # the splits are passed on, because a splitter may draw others the second time
        options = {**self.get_params(deep=False), "estimator": replayed, "cv": splits}
        # n_jobs=None: the fits must take the results in order, in this process
        search = GridSearchCV(**{**options, "n_jobs": None}).fit(X, y, **params)
        results = {name: value for name, value in vars(search).items() if name.endswith("_")}
        for est in (replayed, results.get("best_estimator_", replayed)):
            # a class made at run time cannot be pickled
            est.__class__ = kind
        self.__dict__.update(results)
        # the search has measured how long replaying took
        self.cv_results_["mean_fit_time"][:] = seconds
        self.cv_results_["std_fit_time"][:] = 0.0
        return self

    def _may_stack(self, X: Any, y: Any) -> bool:
        """Whether the fits may be trained as stacks, which no callback of scikit-learn watches."""
        watched = any(hasattr(est, "_skl_callbacks") for est in (self, self.estimator))
        foreign = hasattr(X, "tocsr") or inputs.is_foreign(X) or not hasattr(y, "__len__")
        routed = get_config()["enable_metadata_routing"]
        return isinstance(self.estimator, Base) and not (watched or foreign or routed)


class _Replayed:
    """An estimator whose fits are done already: each ``fit`` returns the next of them.

    scikit-learn's search clones the estimator for each fit. The clones share the iterator of their
    class, which yields fitted estimators, or what their fits raised, in the order of the calls.
    When it is at its end, a ``fit`` is a real one: that of the best candidate.
    """

    done: Iterator[Any]

    def fit(self, X: Any, y: Any, **params: Any) -> Any:
        """Take over the next fit that is done, or do one."""
        fitted = next(self.done, None)
        if fitted is None:
            return super().fit(X, y, **params)  # type: ignore[misc]
        if isinstance(fitted, Exception):
            raise fitted
        vars(self).update(vars(fitted))
        return self


class Shared:
    """The examples of all fits, stored once for each backend, dtype and set of classes."""

    def __init__(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        self.X, self.y = X, y
        self.weights = None if sample_weight is None else np.asarray(sample_weight)
        self._stored: dict[Any, Data | None] = {}

    def data(self, est: Any, backend: Any) -> Data | None:
        """Return all examples on the device, or None if an estimator needs its own."""
        # class numbers depend on the classes that the estimator has seen
        key = (backend, est._dtype, str(getattr(est, "classes_", "")), est.n_outputs_)
        if key not in self._stored:
            self._stored[key] = None
            # an error may be one of rows or classes that the estimator's own part does not have
            with suppress(TypeError, ValueError), backend.session(est._dtype):
                examples = est._check_examples(self.X, self.y)
                self._stored[key] = fitting.store(est, backend, examples)
        return self._stored[key]


@dataclass(eq=False)
class Candidate:
    """A fit to do: an estimator with its parameters, and the rows that it is fitted to."""

    estimator: Any
    rows: Host
    begun: Any = None
    """The :class:`bpnet.sklearn.fitting.Fit` that the estimator has begun, until it is finished."""
    error: Exception | None = None
    """What the fit raised."""

    def __post_init__(self) -> None:
        # a stack that runs out of memory begins again as two, from these attributes
        self.before = copy.deepcopy(vars(self.estimator))

    def begin(self, shared: Shared) -> None:
        """Begin the fit, with the shared examples where possible, or with its own."""
        est, rows = self.estimator, self.rows
        weights = None if shared.weights is None else shared.weights[rows]
        parts = *_safe_split(est, shared.X, shared.y, rows), weights
        self.begun = begun = est._begin(*parts, incremental=False)
        if isinstance(begun, StochasticFit):
            data = shared.data(est, begun.backend)
            if data is not None:
                with fitting.placed(begun):  # an error of precision or threads is this fit's own
                    begun.move(data, rows)

    @property
    def kind(self) -> Any:
        """What fits of one stack must have in common."""
        member, est = self.begun.member, self.estimator
        same = stacking.common(member.step), member.k, member.run.epochs, member.run.samples
        # arrays are compared by identity, since a stack reads one set of arrays
        placed = est.threads, est.precision, tuple(map(id, self.begun.data))
        return *same, member.weights is not None, placed

    def finish(self) -> None:
        """Write the results of the fit to the estimator."""
        with self.noting_errors():
            self.begun.finish()
        self.begun = None

    @contextmanager
    def noting_errors(self) -> Iterator[None]:
        """Keep an exception as the error of this fit."""
        try:
            yield
        except Exception as error:
            self.begun, self.error = None, error


def fit_all(fits: Sequence[Candidate], X: Any, y: Any, sample_weight: Any = None) -> list[Any]:
    """Fit each estimator to its rows, as ``estimator.fit(X[rows], y[rows])`` would.

    Return for each fit the fitted estimator, or the exception that its fit raised.
    """
    shared = Shared(X, y, sample_weight)
    stacked = []
    for one in fits:
        with one.noting_errors():
            one.begin(shared)
            # only fits that share their examples have places among these
            if one.begun.member.places is not None:
                stacked.append(one)
                continue
            fitting.run([one.begun])
            one.finish()
    for numbers in stacking.grouped([one.kind for one in stacked]):
        _run([stacked[n] for n in numbers], shared)
    return [one.error or one.estimator for one in fits]


def _run(fits: Sequence[Candidate], shared: Shared) -> None:
    """Run fits of one kind in stacks, and finish them."""
    backend, member = fits[0].begun.backend, fits[0].begun.member
    size = stacking.size(backend, member.step, member.k)
    del member  # it would keep the arrays of a stack alive that ran out of memory

    def run(part: Sequence[Candidate]) -> None:
        fitting.run([one.begun for one in part])

    def undo(part: Sequence[Candidate]) -> None:
        for one in part:
            vars(one.estimator).clear()
            # a copy, because memory may run out again
            vars(one.estimator).update(copy.deepcopy(one.before))
            one.begin(shared)

    for start in range(0, len(fits), size):
        for part, _ in stacking.in_parts(fits[start : start + size], run, undo, backend):
            for one in part:
                one.finish()

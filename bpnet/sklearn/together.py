"""Fits of several estimators on parts of one set of examples, as stacks where they can be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import _safe_split

from bpnet.sklearn import fitting, inputs, stochastic
from bpnet.sklearn.base import Base
from bpnet.training import memory, stacking
from bpnet.training.judge import Data

Host = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Fit:
    """One fit to do.

    Parameters
    ----------
    estimator : Base
        With its parameters set.
    rows : array of int
        The examples that it is fitted to.
    """

    estimator: Any
    rows: Host


def possible(estimator: Any, X: Any, y: Any) -> bool:
    """Whether fits of an estimator may be trained as a stack: by batches, of dense examples."""
    dense = not hasattr(X, "tocsr") and not inputs.is_foreign(X)
    return isinstance(estimator, Base) and y is not None and dense


def fit(fits: Sequence[Fit], X: Any, y: Any, sample_weight: Any = None) -> list[Any]:
    """Fit each estimator to its rows, as ``estimator.fit(X[rows], y[rows])`` would.

    Parameters
    ----------
    fits : sequence of Fit
        What to do.
    X, y : array or frame
        The examples of all.
    sample_weight : array, (m,), optional
        Their weights.

    Returns
    -------
    list
        The fitted estimator of each, or the exception that its fit raised.
    """
    shared = _Shared(X, y, None if sample_weight is None else np.asarray(sample_weight))
    results: list[Any] = [one.estimator for one in fits]
    ready = []
    for i, one in enumerate(fits):
        started = _Ready(i, one, shared)
        try:
            started.begin()
        except Exception as error:
            results[i] = error
            continue
        if started.made is not None:  # lbfgs has been run
            ready.append(started)
    for numbers in stacking.grouped([one.kind for one in ready]):
        _run([ready[n] for n in numbers], results)
    return results


class _Shared:
    """The examples of all on their device, once for each dtype and set of classes."""

    def __init__(self, X: Any, y: Any, weights: Host | None) -> None:
        self.X, self.y, self.weights = X, y, weights
        self._held: dict[Any, Data | None] = {}

    def data(self, one: Fit, made: stochastic.Fit) -> Data | None:
        """Let a fit take its rows from the data of all, which are returned, where that can be."""
        est, member, rows = one.estimator, made.member, one.rows
        backend = made.job.backend
        key = (backend, est._dtype, str(getattr(est, "classes_", "")), est.n_outputs_)
        if key not in self._held:
            self._held[key] = self._store(est, backend)
        data = self._held[key]
        if data is None:
            return None
        made.job = replace(made.job, data=data)  # its own rows need no memory any more
        member.places = np.zeros(len(self.y), np.int64)
        member.places[rows] = np.arange(len(rows))
        local: Any = member.order
        member.order = lambda epoch: rows[local(epoch)]
        if member.weights is not None:
            weights, member.weights = member.weights, np.zeros(len(self.y))
            member.weights[rows] = weights
        return data

    def _store(self, est: Any, backend: Any) -> Data | None:
        try:
            X, y = est._check_input(self.X, self.y, backend, incremental=True, reset=False)
        except (TypeError, ValueError):  # of rows or classes that this part has not
            return None
        with backend.session(est._dtype):
            return fitting.store(X, est._values(y), None, backend, est)


class _Ready:
    """A fit that has begun, or begins anew.

    Parameters
    ----------
    i : int
        Its number.
    fit : Fit
        What to do.
    shared : _Shared
        The examples of all.

    Attributes
    ----------
    made : stochastic.Fit or None
        As its estimator began it; None where nothing is left to do.
    data : tuple of arrays or None
        Examples of all, which it takes its rows from; None for a fit that stays by itself.
    """

    made: Any = None
    data: Data | None = None

    def __init__(self, i: int, fit: Fit, shared: _Shared) -> None:
        self.i, self.fit, self.shared = i, fit, shared
        given = fit.estimator.random_state
        self._source = given if isinstance(given, np.random.RandomState) else None
        self._state: Any = self._source and self._source.get_state()
        self._before = dict(vars(fit.estimator))

    def begin(self) -> None:
        """Begin it, with the estimator as it was at first."""
        est, rows, shared = self.fit.estimator, self.fit.rows, self.shared
        vars(est).clear()
        vars(est).update(self._before)
        if self._source is not None:
            self._source.set_state(self._state)
        weights = None if shared.weights is None else shared.weights[rows]
        begun: list[stochastic.Fit] = []
        est._fit(*_safe_split(est, shared.X, shared.y, rows), weights, begun=begun)
        if begun:
            (self.made,) = begun
            self.data = shared.data(self.fit, self.made)

    @property
    def kind(self) -> Any:
        """What must be the same in one stack."""
        if self.data is None:
            return object()
        member, est = self.made.member, self.fit.estimator
        same = stacking.common(member.step), member.k, member.run.epochs, member.run.samples
        placed = est.threads, est.precision, tuple(map(id, self.data))
        return *same, member.weights is not None, placed


def _run(group: list[_Ready], results: list[Any]) -> None:
    """Run fits of one kind, and write what they gave to their estimators."""
    job, member = group[0].made.job, group[0].made.member
    est, backend = job.est, job.backend
    size = stacking.size(backend, member.step, member.k)
    work = member.k * max(W.size for W in est.coefs_)

    def run(part: Sequence[_Ready]) -> None:
        with fitting.placed(est, backend, work):
            stochastic.run([one.made for one in part], part[0].data)

    def undo(part: Sequence[_Ready]) -> None:
        for one in part:
            one.begin()

    for start in range(0, len(group), size):
        for part, _ in memory.in_parts(group[start : start + size], run, undo, backend):
            for one in part:
                try:
                    one.made.finish()
                except Exception as error:
                    results[one.i] = error

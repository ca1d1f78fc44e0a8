"""Fits of several estimators on parts of one set of examples, as stacks where they can be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import _safe_split

from bpnet.sklearn import fitting, inputs, stochastic
from bpnet.sklearn.base import Base
from bpnet.training import stacking
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


@dataclass(frozen=True, eq=False)
class _Ready:
    """A fit that has begun.

    Parameters
    ----------
    i : int
        Its number.
    made : stochastic.Fit
        As its estimator began it.
    data : tuple of arrays or None
        Examples of all, which it takes its rows from; None for a fit that stays by itself.
    """

    i: int
    made: stochastic.Fit
    data: Data | None

    @property
    def kind(self) -> Any:
        """What must be the same in one stack; None for a fit that stays by itself."""
        if self.data is None:
            return None
        member, threads = self.made.member, self.made.job.est.threads
        same = stacking.common(member.step), member.k, member.run.epochs, member.run.samples
        return *same, member.weights is not None, threads, self.data


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
    results: list[Any] = [None] * len(fits)
    ready, shared = [], _Shared(X, y)
    for i, one in enumerate(fits):
        weights = None if sample_weight is None else np.asarray(sample_weight)[one.rows]
        begun: list[stochastic.Fit] = []
        try:
            part = _safe_split(one.estimator, X, y, one.rows)
            one.estimator._fit(*part, weights, begun=begun)
        except Exception as error:
            results[i] = error
            continue
        results[i] = one.estimator
        if begun:  # lbfgs has been run
            ready.append(_Ready(i, begun[0], shared.data(one, begun[0])))
    for group in _groups(ready):
        _run(group, results)
    return results


class _Shared:
    """The examples of all on their device, once for each dtype and set of classes."""

    def __init__(self, X: Any, y: Any) -> None:
        self.X, self.y = X, y
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
        except ValueError:  # classes that this part has not
            return None
        y = column_or_1d(y) if y.ndim == 2 and y.shape[1] == 1 else y
        with backend.session(est._dtype):
            return fitting.store(X, est._values(y), None, backend, est)


def _groups(ready: list[_Ready]) -> list[list[_Ready]]:
    found: list[tuple[Any, list[_Ready]]] = []
    for one in ready:
        key = one.kind
        same = next((group for known, group in found if _same(known, key)), None)
        if same is None:
            found.append((key, [one]))
        else:
            same.append(one)
    return [group for _, group in found]


def _same(one: Any, other: Any) -> bool:
    """Whether two kinds are the same; their data must be the same objects."""
    if one is None or other is None:
        return False
    held = all(a is b for a, b in zip(one[-1], other[-1], strict=True))
    return held and bool(one[:-1] == other[:-1])


def _run(group: list[_Ready], results: list[Any]) -> None:
    """Run fits of one kind, and write what they gave to their estimators."""
    job, member = group[0].made.job, group[0].made.member
    est, backend = job.est, job.backend
    size = stacking.size(backend, member.step, member.k)
    work = member.k * max(W.size for W in est.coefs_)
    with backend.session(est._dtype), backend.threads(est.threads, work):
        for start in range(0, len(group), size):
            part = group[start : start + size]
            stochastic.run([one.made for one in part], part[0].data)
    for one in group:
        try:
            one.made.finish()
        except Exception as error:
            results[one.i] = error

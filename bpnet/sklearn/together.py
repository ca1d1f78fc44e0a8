"""Fits of several estimators on parts of one set of examples, as stacks where they can be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import _safe_split

from bpnet.sklearn import fitting, inputs, stochastic
from bpnet.sklearn.base import Base
from bpnet.sklearn.stochastic import Begun
from bpnet.training import stack
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


@dataclass(eq=False)
class _Ready:
    """A fit that has begun, on the examples of all.

    Parameters
    ----------
    i : int
        Its number.
    fit : Fit
        What to do.
    begun : Begun
        As its estimator began it, the data then replaced.
    """

    i: int
    fit: Fit
    begun: Begun

    @property
    def kind(self) -> Any:
        """What must be the same in one stack; None for a fit that stays by itself."""
        member = self.begun.member
        if member.places is None:
            return None
        session, run = member.session, member.run
        weighed = session.weights is not None
        kind = stack.kind(session.step, session.batch_size)
        threads = self.fit.estimator.threads
        return kind, run.epochs, run.samples, weighed, threads, session.data[:2]


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
        begun: list[Begun] = []
        try:
            part = _safe_split(one.estimator, X, y, one.rows)
            one.estimator._fit(*part, weights, begun=begun)
        except Exception as error:
            results[i] = error
            continue
        results[i] = one.estimator
        if begun:  # lbfgs has been run
            shared.replace(one, begun[0])
            ready.append(_Ready(i, one, begun[0]))
    for group in _groups(ready):
        _run(group, results)
    return results


class _Shared:
    """The examples of all on their device, once for each dtype and set of classes."""

    def __init__(self, X: Any, y: Any) -> None:
        self.X, self.y = X, y
        self._held: dict[Any, Data | None] = {}

    def replace(self, one: Fit, begun: Begun) -> None:
        """Let a fit take its rows from the data of all."""
        est, session, rows = one.estimator, begun.member.session, one.rows
        data = self._data(est, session)
        if data is None:
            return
        places = np.zeros(len(self.y), np.int64)
        places[rows] = np.arange(len(rows))
        local: Any = session.order
        weights = session.weights
        session.order = lambda epoch: rows[local(epoch)]
        if weights is not None:
            session.weights = np.zeros(len(self.y))
            session.weights[rows] = weights
        session.data = stack.with_own(
            data, session.weights, places, keyed=session.keyed, backend=session.backend,
            dtype=est._dtype,
        )  # fmt: skip
        begun.member.places = places

    def _data(self, est: Any, session: Any) -> Data | None:
        key = (session.backend, est._dtype, str(getattr(est, "classes_", "")), est.n_outputs_)
        if key not in self._held:
            self._held[key] = self._store(est, session.backend)
        return self._held[key]

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
    session, est = group[0].begun.member.session, group[0].fit.estimator
    backend, k = session.backend, session.batch_size
    size = stack.together(backend, session.step, k)
    work = k * max(W.size for W in est.coefs_)
    with backend.session(est._dtype), backend.threads(est.threads, work):
        for start in range(0, len(group), size):
            part = group[start : start + size]
            members = [one.begun.member for one in part]
            if len(part) == 1:
                members[0].error = stochastic.alone(members[0])
            else:
                stack.Stack(members, lambda _parameters, held: [{} for _ in held]).train()
    for one in group:
        try:
            one.begun.finish(one.begun.member.error)
        except Exception as error:
            results[one.i] = error

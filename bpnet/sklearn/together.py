"""Fits of several estimators to parts of one set of examples, as stacks where they can be."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import _safe_split

from bpnet.sklearn import fitting
from bpnet.sklearn.fitting import Host
from bpnet.sklearn.stochastic import StochasticFit
from bpnet.training import memory, stacking
from bpnet.training.judge import Data


class Shared:
    """Examples of all fits, stored once for each backend, dtype and set of classes."""

    def __init__(self, X: Any, y: Any, sample_weight: Any = None) -> None:
        self.X, self.y = X, y
        self.weights = None if sample_weight is None else np.asarray(sample_weight)
        self._stored: dict[Any, Data | None] = {}

    def data(self, est: Any, backend: Any) -> Data | None:
        """Examples of all on the device; None where an estimator can't take the others' ones."""
        key = (backend, est._dtype, str(getattr(est, "classes_", "")), est.n_outputs_)
        if key not in self._stored:
            self._stored[key] = None
            # errors are of rows or classes that its own part has not
            with suppress(TypeError, ValueError), backend.session(est._dtype):
                examples = est._check_examples(self.X, self.y)
                self._stored[key] = fitting.store(est, backend, examples)
        return self._stored[key]


@dataclass(eq=False)
class Fit:
    """One fit to do: an estimator, its parameters set, and the rows that it is fitted to."""

    estimator: Any
    rows: Host
    begun: Any = None
    """The :class:`bpnet.sklearn.fitting.Fit` that the estimator has begun, until it is finished."""
    error: Exception | None = None
    """What the fit raised."""

    def __post_init__(self) -> None:
        # a stack for which there is not enough memory begins anew in two, with these attributes
        self.before = copy.deepcopy(vars(self.estimator))

    def begin(self, shared: Shared) -> None:
        """Begin it; its examples are those of all, where they can be, or else its own."""
        est, rows = self.estimator, self.rows
        weights = None if shared.weights is None else shared.weights[rows]
        parts = *_safe_split(est, shared.X, shared.y, rows), weights
        self.begun = begun = est._begin(*parts, incremental=False)
        if isinstance(begun, StochasticFit):
            data = shared.data(est, begun.backend)
            if data is not None:
                with fitting.placed(begun):  # what is refused here is no error of the stack
                    begun.move(data, rows)

    @property
    def kind(self) -> Any:
        """What must be the same in one stack."""
        member, est = self.begun.member, self.estimator
        same = stacking.common(member.step), member.k, member.run.epochs, member.run.samples
        placed = est.threads, est.precision, tuple(map(id, self.begun.data))
        return *same, member.weights is not None, placed

    def finish(self) -> None:
        """Write what it gave to the estimator."""
        with self.noting_errors():
            self.begun.finish()
        self.begun = None

    @contextmanager
    def noting_errors(self) -> Iterator[None]:
        """Keep what is raised as the fit's own error."""
        try:
            yield
        except Exception as error:
            self.begun, self.error = None, error


def fit(fits: Sequence[Fit], X: Any, y: Any, sample_weight: Any = None) -> list[Any]:
    """Fit each estimator to its rows, as ``estimator.fit(X[rows], y[rows])`` would.

    What is returned of each is the estimator, fitted, or the exception that its fit raised.
    """
    shared = Shared(X, y, sample_weight)
    stacked = []
    for one in fits:
        with one.noting_errors():
            one.begin(shared)
            if one.begun.member.places is not None:
                stacked.append(one)
                continue
            fitting.run([one.begun])
            one.finish()
    for numbers in stacking.grouped([one.kind for one in stacked]):
        _run([stacked[n] for n in numbers], shared)
    return [one.error or one.estimator for one in fits]


def _run(fits: Sequence[Fit], shared: Shared) -> None:
    """Run fits of one kind in stacks, and finish them."""
    backend, member = fits[0].begun.backend, fits[0].begun.member
    size = stacking.size(backend, member.step, member.k)
    del member  # which would hold on to the arrays of a stack that ran out of memory

    def run(part: Sequence[Fit]) -> None:
        fitting.run([one.begun for one in part])

    def undo(part: Sequence[Fit]) -> None:
        for one in part:
            vars(one.estimator).clear()
            vars(one.estimator).update(copy.deepcopy(one.before))
            one.begin(shared)

    for start in range(0, len(fits), size):
        for part, _ in memory.in_parts(fits[start : start + size], run, undo, backend):
            for one in part:
                one.finish()

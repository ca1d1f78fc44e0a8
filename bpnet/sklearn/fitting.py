"""A fit: the estimator's data on its backend, then one of the two kinds of solver."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from bpnet.backends import Backend
from bpnet.core import costs
from bpnet.core.feedforward import Parameters
from bpnet.data import batches
from bpnet.sklearn import inputs
from bpnet.sklearn.progress import Tasks
from bpnet.training import Callback
from bpnet.training.callbacks import Run
from bpnet.training.judge import Data, Judge

Host = np.ndarray[Any, Any]

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


@dataclass(frozen=True, eq=False)
class Job:
    """What a solver works on.

    Parameters
    ----------
    est : Base
        Its parameters and fitted attributes.
    backend : Backend
        Where the fit is done.
    judge : Judge
        Network and cost.
    data : tuple of arrays
        Examples, targets, class numbers and weights on the device.
    weights : numpy array, (m,), or None
        Of the examples.
    threads : int or None
        Processor threads in use.
    callbacks : list of Callback
        Called between epochs, after what the solver has of its own.
    """

    est: Any
    backend: Backend
    judge: Judge
    data: Data
    weights: Host | None
    threads: int | None
    callbacks: list[Callback]

    @property
    def samples(self) -> int:
        """Examples."""
        return int(self.data[0].shape[0])

    def parameters(self) -> Parameters:
        """Own copies of the estimator's arrays on the device."""
        held: Parameters = self.on_device(self.est._parameters())
        return held

    def on_device(self, arrays: Any) -> Any:
        """Own copies of arrays in the dtype in which parameters are kept."""
        dtype = batches.host_dtype(self.est._dtype)
        return batches.on_device(arrays, backend=self.backend, dtype=dtype)


def fit(
    est: Any,
    backend: Backend,
    X: Any,
    y: Any,
    values: Host,
    weights: Host | None,
    validation: Any,
    *,
    goes_on: bool,
    incremental: bool,
    begun: list[Any] | None = None,
    tasks: Tasks | None = None,
) -> None:
    """Fit an estimator whose first weights are set.

    Parameters
    ----------
    est : Base
        Its parameters and fitted attributes.
    backend : Backend
        Where to.
    X : array, (m, n)
        Checked examples.
    y : array
        Targets as scorers take them.
    values : array, (m,) or (m, n_outputs)
        Class numbers, or rows, for the cost.
    weights : array, (m,), or None
        Of the examples.
    validation : (X, y) or None
        The user's own.
    goes_on : bool
        Whether the optimizer's state, its rate and the order are those of before.
    incremental : bool
        Whether it is one epoch of ``partial_fit``.
    begun : list, optional
        Where to put a fit that goes by batches, ready to be run, in place of running it.
    tasks : Tasks, optional
        What scikit-learn's callbacks are told by.
    """
    from bpnet.sklearn import lbfgs, stochastic

    dtype = est._dtype
    if est.early_stopping and incremental:
        msg = "partial_fit does not support early_stopping=True"
        raise ValueError(msg)
    work = batch_size(est, X.shape[0]) * max(W.size for W in est.coefs_)
    with placed(est, backend, work) as used:
        output = est._layers[-1].activation
        cost = est._suited_cost(output) if est.cost is None else costs.get(est.cost, output)
        judge = Judge(est._layers, cost, None, None, backend.dtype(dtype), backend.xp)
        data = store(X, values, weights, backend, est)
        callbacks = [*(est.callbacks or ()), *([] if tasks is None else [tasks])]
        job = Job(est, backend, judge, data, weights, used, callbacks)
        if est.solver == "lbfgs":
            lbfgs.fit(job, validation)
            return
        rows, judged = _split(est, X, values, y, weights, validation)
        if tasks is not None and len(rows) < job.samples:
            tasks.narrow(rows)
        made = stochastic.begin(job, rows, judged, goes_on=goes_on, incremental=incremental)
        if begun is not None:
            begun.append(made)
            return
        stochastic.run([made])
        made.finish()


def users_level() -> int:
    """Level of the stack, for a warning of who calls this, that is no library's: the user's."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals["__name__"].partition(".")[0] in {"bpnet", "sklearn"}:
        frame, level = frame.f_back, level + 1
    return level


def tell_end(run: Run, unconverged: str | None) -> None:
    """Warn where a fit was interrupted, or ended before it converged.

    Parameters
    ----------
    run : Run
        That has ended.
    unconverged : str or None
        What to say where no callback stopped it.
    """
    if run.stopped == "interrupted":
        warnings.warn("Training interrupted by user.", stacklevel=users_level())
    elif run.stopped is None and unconverged:
        warnings.warn(unconverged, ConvergenceWarning, stacklevel=users_level())


@contextmanager
def placed(est: Any, backend: Backend, work: int) -> Iterator[int | None]:
    """A backend as an estimator asks for it: dtype, precision and threads, which are yielded."""
    with (
        backend.session(est._dtype),
        backend.threads(est.threads, work) as used,
        backend.precision(est.precision),
    ):
        yield used


def batch_size(est: Any, m: int) -> int:
    """Examples in a step of an estimator."""
    return min(200 if est.batch_size == "auto" else int(est.batch_size), m)


def store(X: Any, values: Host, weights: Host | None, backend: Backend, est: Any) -> Data:
    """Examples, targets, class numbers and weights on the device."""
    dtype = est._dtype
    x = batches.examples(X, None, backend=backend, dtype=dtype)
    labels = values.ndim == 1
    host = values if labels else values.astype(batches.host_dtype(dtype))
    moved = backend.asarray(host, dtype=backend.index_dtype if labels else dtype)
    data = (x, moved, backend.asarray(np.arange(est.n_outputs_), dtype=backend.index_dtype))
    return data if weights is None else (*data, backend.asarray(weights, dtype=dtype))


def _split(
    est: Any, X: Any, values: Host, y: Any, weights: Host | None, validation: Any
) -> tuple[Host, Any]:
    """Rows to train with, and (X, y, weights) to be judged by, or None."""
    rows = np.arange(X.shape[0])
    if validation is not None:
        return rows, (*est._check_validation(*validation), None)
    if not est.early_stopping:
        return rows, None
    train, held = train_test_split(
        rows,
        random_state=est._random_state,
        test_size=est.validation_fraction,
        stratify=values == 1 if is_classifier(est) and est.n_outputs_ == 1 else None,
    )
    if len(held) < 2:
        msg = "The validation set is too small. Increase 'validation_fraction' "
        raise ValueError(msg + "or the size of your dataset.")
    return train, (inputs.rows(X, held), y[held], None if weights is None else weights[held])

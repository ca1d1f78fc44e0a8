"""scikit-learn's own callbacks, from its 1.9 on: a fit is a task, and each of its epochs one in it.

What scikit-learn's protocol asks for stands here alone; with an older one there are no callbacks.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from bpnet.sklearn import inputs
from bpnet.training import Callback, Run

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ModuleNotFoundError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """In place of that of scikit-learn 1.9."""

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "Tasks", "with_callbacks"]


class Tasks(Callback):
    """Tells scikit-learn's callbacks of a fit and its epochs, and stops it where they ask for that.

    Parameters
    ----------
    estimator : Base
        That is fitted.
    X, y : array
        Examples as they were given, and targets.
    sample_weight : array, (m,), optional
        As it was given.
    epochs : int
        Of the fit at most.

    Attributes
    ----------
    data : callable
        Gives X, y and sample_weight of an epoch: the whole, or what the network learns from.
    """

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any, epochs: int) -> None:
        self.estimator = estimator
        self.data: Callable[[], tuple[Any, Any, Any]] = lambda: (X, y, sample_weight)
        self._weighted = sample_weight is not None
        self._root: Any = estimator._init_callback_context(max_subtasks=epochs)
        self._whole = self._told()
        self._root.call_on_fit_task_begin(**self._whole)
        self._name = "iteration" if estimator.solver == "lbfgs" else "epoch"
        self._epoch: Any = None

    def narrow(self, rows: Any) -> None:
        """Tell of these rows as what the network learns from."""
        X, y, weights = self.data()
        own = None if weights is None else weights[rows]
        self.data = lambda: (inputs.rows(X, rows), y[rows], own)

    def on_train_begin(self, run: Run) -> None:
        """Begin the first epoch."""
        self._begin()

    def on_epoch_end(self, run: Run) -> None:
        """End an epoch, with an estimator that is fitted so far, and begin the next."""
        context, self._epoch = self._epoch, None
        fitted = partial(_fitted, self.estimator, run)
        if context.call_on_fit_task_end(**self._told(), reconstruction_attributes=fitted):
            run.stop("asked for by a callback of scikit-learn")
        if not run.stopped and run.epoch + 1 < run.epochs:
            self._begin()

    def end(self) -> None:
        """End the fit, and the epoch that was not ended."""
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self.estimator)
        self._root.call_on_fit_task_end(**self._whole, reconstruction_attributes={})

    def _begin(self) -> None:
        self._epoch = self._root.subcontext(task_name=self._name)
        self._epoch.call_on_fit_task_begin(**self._told())

    def _told(self) -> dict[str, Any]:
        """What a task is told; the data are looked up where a callback wants them."""
        data = self.data
        weights = (lambda: {"sample_weight": data()[2]}) if self._weighted else None
        told = {"X": lambda: data()[0], "y": lambda: data()[1], "metadata": weights}
        return {"estimator": self.estimator, **told}


def begin(estimator: Any, X: Any, y: Any, sample_weight: Any, epochs: int) -> Tasks | None:
    """Begin the task of a fit; None where scikit-learn has no callbacks."""
    known = hasattr(estimator, "_init_callback_context")
    return Tasks(estimator, X, y, sample_weight, epochs) if known else None


def _fitted(estimator: Any, run: Run) -> dict[str, Any]:
    """Attributes of the estimator as if the epoch had been its last, for a copy of it."""
    run.pull()
    held = vars(estimator).items()  # the lists are written to in the epochs to come
    own = {k: list(v) for k, v in held if k.endswith("_") and isinstance(v, list)}
    history = {name: list(values) for name, values in run.history.items()}
    return {**own, "n_iter_": run.epoch + 1, "loss_": run.cost, "history_": history}

"""Callbacks of scikit-learn 1.9: a fit is a task, and each of its epochs is a task within it.

Only this module knows the protocol; an older scikit-learn has no callbacks.
"""

from functools import partial
from typing import Any

from bpnet.sklearn import inputs
from bpnet.training import Callback, Run

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ModuleNotFoundError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for the class of scikit-learn 1.9."""

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "Tasks", "with_callbacks"]


class Tasks(Callback):
    """Calls scikit-learn's callbacks for a fit and its epochs, and stops it where one asks to."""

    def __init__(self, fit: Any, X: Any, examples: Any) -> None:
        self.estimator = estimator = fit.est
        self._name = "iteration" if estimator.solver == "lbfgs" else "epoch"
        self._epoch: Any = None
        y, weights, rows = examples.y, examples.weights, fit.rows
        self._whole = self._learned = self._arguments(lambda: X, lambda: y, weights)
        if len(rows) < len(y):  # early stopping holds some out
            own = None if weights is None else weights[rows]
            self._learned = self._arguments(lambda: inputs.rows(X, rows), lambda: y[rows], own)
        epochs = fit.member.run.epochs
        self._root: Any = estimator._init_callback_context(max_subtasks=epochs)
        self._root.call_on_fit_task_begin(**self._whole)

    def on_train_begin(self, run: Run) -> None:
        """Begin the first epoch."""
        self._begin()

    def on_epoch_end(self, run: Run) -> None:
        """End an epoch, with the estimator as it is fitted so far, and begin the next."""
        context, self._epoch = self._epoch, None
        fitted = partial(_fitted, self.estimator, run)
        # a callback of scikit-learn answers True to end the fit
        if context.call_on_fit_task_end(**self._learned, reconstruction_attributes=fitted):
            run.stop("asked for by a callback of scikit-learn")
        if not run.stopped and run.epoch + 1 < run.epochs:
            self._begin()

    def end(self) -> None:
        """End the fit, and before it an epoch that was interrupted."""
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self.estimator)
        self._root.call_on_fit_task_end(**self._whole, reconstruction_attributes={})

    def _begin(self) -> None:
        self._epoch = self._root.subcontext(task_name=self._name)
        self._epoch.call_on_fit_task_begin(**self._learned)

    def _arguments(self, X: Any, y: Any, weights: Any) -> dict[str, Any]:
        """Return the arguments of a task; X and y are functions, called where needed."""
        metadata = None if weights is None else {"sample_weight": weights}
        return {"estimator": self.estimator, "X": X, "y": y, "metadata": metadata}


def _fitted(estimator: Any, run: Run) -> dict[str, Any]:
    """Return the attributes that the estimator would have if the epoch were its last."""
    run.pull()
    # the lists are copied, because later epochs write to them
    attributes = vars(estimator).items()
    own = {k: list(v) for k, v in attributes if k.endswith("_") and isinstance(v, list)}
    history = {name: list(values) for name, values in run.history.items()}
    return {**own, "history_": history}

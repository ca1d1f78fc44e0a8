"""Early stopping: end a run that no longer gets better, and take back its best epoch."""

import copy
import math
from collections.abc import Collection
from typing import Any

from bpnet.arguments import checked, finite_number, shown
from bpnet.errors import InputError
from bpnet.training import scores
from bpnet.training.callbacks import Callback, Run
from bpnet.training.saved import fitting


@checked
class EarlyStopping(Callback):
    """Stops when a value of the history has not got better for some epochs.

    Parameters
    ----------
    patience : int
        Epochs without a better value after which the run ends.
    metric : str
        Name in the history; the default is ``validation_cost``, of the data set's own validation
        part too, or ``cost`` without one.
        What is called a cost or a loss, and mse and mae, shall shrink, all else grow.
    least : float
        By how much a value must be better to count.
    restore : bool
        Whether the network gets the parameters of the best epoch at the end.

    Attributes
    ----------
    best : float or None
        Best value so far.
    best_epoch : int or None
        Its epoch, from 0.
    """

    def __init__(
        self,
        patience: int = 10,
        metric: Any = None,  # held against the history before training starts
        least: float = 0.0,
        restore: bool = True,
    ) -> None:
        epochs, by = finite_number(patience), finite_number(least)
        if not isinstance(epochs, int) or epochs < 1:
            raise InputError(f"patience is {patience!r}; give a whole number of at least 1")
        if by is None or by < 0:
            raise InputError(f"least is {least!r}; give a number of 0 or more")
        self.patience, self.metric, self.least, self.restore = epochs, metric, by, restore
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch: int | None = None
        self._parameters: Any = None
        self._like: Any = None

    def for_member(self) -> "EarlyStopping":
        """Return a copy: each network of a set has its own best epoch."""
        return copy.copy(self)

    def on_train_begin(self, run: Run) -> None:
        """Forget an earlier run."""
        self._forget()
        self._like = run.network.parameters

    def watches(self) -> str | None:
        """Return the metric that was asked for."""
        name: str | None = self.metric
        return name

    def state(self) -> tuple[dict[str, Any], Any] | None:
        """Return the best value, its epoch and its parameters."""
        return {"best": self.best, "best_epoch": self.best_epoch}, self._parameters

    def take_back(self, numbers: dict[str, Any], arrays: Any) -> None:
        """Take them back."""
        best, epoch = numbers.get("best", ...), numbers.get("best_epoch", ...)
        if not isinstance(best, float | int | None) or not isinstance(epoch, int | None):
            msg = "the checkpoint does not say which epoch was the best; start another run"
            raise InputError(msg)
        self.best, self.best_epoch = best, epoch
        if arrays is not None:
            self._parameters = fitting(arrays, self._like, "best parameters")

    def on_epoch_end(self, run: Run) -> None:
        """Compare the epoch with the best, keep it or lose patience."""
        name = self.metric or ("validation_cost" if "validation_cost" in run.history else "cost")
        check_watched(name, run.history)
        value = run.history[name][-1]
        sign = 1 if scores.grows(name) else -1
        score = sign * value
        best = -math.inf if self.best is None else sign * self.best
        if score > best + self.least or self.best_epoch is None:
            self.best, self.best_epoch = value, run.epoch
            if self.restore:
                run.pull()
                self._parameters = run.network.parameters
        elif run.epoch - self.best_epoch >= self.patience:
            run.stop(f"no better {name} for {self.patience} epochs")

    def on_train_end(self, run: Run) -> None:
        """Hand over the best epoch's parameters."""
        if self.restore and self._parameters is not None:
            run.result = self._parameters


def check_watched(name: Any, known: Collection[str]) -> None:
    """Refuse to watch what the history has not, or will not have."""
    if not isinstance(name, str):
        raise InputError(f"metric is {shown(name)}; give a name or leave it out")
    if name not in known:
        msg = f"early stopping watches {name!r}, which the history lacks; it has "
        raise InputError(f"{msg}{', '.join(known)}; give validation or metrics for more")

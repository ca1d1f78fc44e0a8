"""Callbacks: code of a user, or of bpnet, that is called between blocks and epochs of a run."""

import copy
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bpnet.arguments import checked, finite_number, shown
from bpnet.errors import Diverged, InputError
from bpnet.model.network import Network
from bpnet.storage.checkpoint import fitting
from bpnet.training import scores
from bpnet.training.history import History


class Histories(list[History]):
    """The histories of a set of networks, one for each.

    Attributes
    ----------
    diverged : dict
        Errors of the networks that diverged, by the network's number. Such a network has the
        parameters that it had before, and its history ends there.
    stacks : list of int
        Sizes of the stacks in which networks were trained at once, in their order.
    """

    def __init__(self, histories: Sequence[History] = ()) -> None:
        super().__init__(histories)
        self.diverged: dict[int, Diverged] = {}
        self.stacks: list[int] = []


SIGNALS = frozenset({"interrupted", "SIGINT", "SIGTERM"})
"""Reasons of a stop that are for the whole process, and after which a run can be resumed."""

PRUNED = "pruned"
"""Reason of a stop by the pruner of a sweep."""


@dataclass(eq=False)
class Run:
    """A training run as its callbacks see it.

    Attributes
    ----------
    network : Network
        The network in training; :meth:`pull` copies its arrays from the device.
    epochs, steps, samples : int
        Epochs of the run; steps and samples in one epoch.
    epoch : int
        The current epoch, from 0; at ``on_epoch_end`` the one that has ended.
    step : int
        Steps done in this epoch.
    before : int
        Steps that other networks of a set have done before this run.
    cost, accuracy : float or None
        Means over the examples of this epoch so far.
    history : dict of lists
        Figures of the epochs that have ended.
    backend : str
        Name and device of the backend.
    threads : int or None
        Processor threads in use; None if the library decides.
    compiled : bool
        Whether PyTorch compiles the steps.
    learning_rate : float
        eta of the last step.
    sums : pair of float
        Sums of the cost and of correct answers over this epoch so far.
    result : tuple of tuples of arrays or None
        Parameters that the network gets at the end in place of the last ones.
    stopped : str or None
        Reason why the run ends before its last epoch.
    note : str
        Remark of the optimizer at the end of the run.
    """

    network: Network
    epochs: int
    steps: int
    samples: int
    backend: str
    threads: int | None = None
    learning_rate: float = 0.0
    epoch: int = 0
    step: int = 0
    cost: float | None = None
    accuracy: float | None = None
    history: History = field(default_factory=History)
    stopped: str | None = None
    sums: tuple[float, float] = (0.0, 0.0)
    pull: Any = None  # copies the parameters from the device into the network
    snapshot: Any = None  # returns the contents of a checkpoint
    probe: Any = None  # returns quantiles of the layers, of one network alone
    result: Any = None
    note: str = ""
    compiled: bool = False
    before: int = 0

    def stop(self, reason: str) -> None:
        """End the run after this block, with what was learned so far.

        A signal does not replace a reason that is there already: after a signal a run can be
        resumed, and a run that ends for another reason is over.
        """
        if self.stopped is None or reason not in SIGNALS:
            self.stopped = reason

    @property
    def position(self) -> tuple[int, int]:
        """Epochs that have ended, whose figures the history has, and steps of the next one."""
        # the history grows before run.epoch does, so callbacks of an epoch see it as ended
        ended = len(self.history.get("cost", ())) > self.epoch
        return (self.epoch + 1, 0) if ended else (self.epoch, self.step)

    @property
    def at(self) -> int:
        """Steps since the start, with those of networks of a set that were trained before."""
        epoch, step = self.position
        return self.before + epoch * self.steps + step


class Callback:
    """Base class of callbacks, whose methods do nothing until they are overridden.

    A callback that overrides ``on_block_end`` makes blocks shorter than an epoch, so that it is
    called several times a second in a long epoch; the results stay the same.
    """

    def for_member(self) -> "Callback":
        """Return the callback for one network of a set: itself, or a copy with its own state."""
        return self

    def watches(self) -> str | None:
        """Return the name of a figure that the history must have, or None."""
        return None

    def state(self) -> tuple[dict[str, Any], Any] | None:
        """Return the state that a checkpoint must keep: plain data, and arrays or None."""
        return None

    def take_back(self, numbers: dict[str, Any], arrays: Any) -> None:
        """Restore what :meth:`state` returned, after ``on_train_begin`` of a resumed run."""

    def on_train_begin(self, run: Run) -> None:
        """Run before the first step."""

    def on_block_end(self, run: Run) -> None:
        """Run after a block of steps."""

    def on_epoch_end(self, run: Run) -> None:
        """Run after an epoch, its history written."""

    def on_train_end(self, run: Run) -> None:
        """Run at the end, also after a stop."""


def named(callbacks: Sequence[Callback]) -> Iterator[tuple[str, Callback]]:
    """Yield callbacks with their names in a checkpoint, which are those of their classes.

    The second callback of a class, and those after it, have a number in their name.
    """
    seen: dict[str, int] = {}
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name} {seen[name]}"), callback


@checked
class EarlyStopping(Callback):
    """Stops a run when a figure of the history has not improved for some epochs.

    Parameters
    ----------
    patience : int
        Epochs without an improvement after which the run ends.
    metric : str
        Name of the figure in the history. The default is ``validation_cost``, also where the data
        set has a validation part of its own, and ``cost`` without validation. A cost, a loss, mse
        and mae improve by shrinking, all other figures by growing.
    least : float
        Smallest change that counts as an improvement.
    restore : bool
        Whether the network gets the parameters of the best epoch at the end.

    Attributes
    ----------
    best : float or None
        Best value of the figure so far.
    best_epoch : int or None
        Epoch of the best value, from 0.
    """

    def __init__(
        self,
        patience: int = 10,
        metric: Any = None,  # compared with the names of the history before training starts
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
        # a shallow copy is enough, because on_train_begin gives each copy a state of its own
        return copy.copy(self)

    def on_train_begin(self, run: Run) -> None:
        """Reset the state of an earlier run."""
        self._forget()
        self._like = run.network.parameters

    def watches(self) -> str | None:
        """Return the metric of the constructor."""
        name: str | None = self.metric
        return name

    def state(self) -> tuple[dict[str, Any], Any] | None:
        """Return the best value, its epoch and its parameters."""
        return {"best": self.best, "best_epoch": self.best_epoch}, self._parameters

    def take_back(self, numbers: dict[str, Any], arrays: Any) -> None:
        """Restore the best epoch of a checkpoint."""
        # None is a valid best value, so that a missing entry is told by the ellipsis
        best, epoch = numbers.get("best", ...), numbers.get("best_epoch", ...)
        if not isinstance(best, float | int | None) or not isinstance(epoch, int | None):
            msg = "the checkpoint does not say which epoch was the best; start another run"
            raise InputError(msg)
        self.best, self.best_epoch = best, epoch
        if arrays is not None:
            self._parameters = fitting(arrays, self._like, "best parameters")

    def on_epoch_end(self, run: Run) -> None:
        """Compare the epoch with the best one; stop the run after too many that are no better."""
        name = self.metric or ("validation_cost" if "validation_cost" in run.history else "cost")
        check_watched(name, run.history)
        value = run.history[name][-1]
        sign = 1 if scores.grows(name) else -1
        score = sign * value
        best = -math.inf if self.best is None or math.isnan(self.best) else sign * self.best
        # the first epoch is the best so far also where its figure is nan
        if score > best + self.least or self.best_epoch is None:
            self.best, self.best_epoch = value, run.epoch
            if self.restore:
                run.pull()
                self._parameters = run.network.parameters
        # a distance and not a count, so that a resumed run needs the best epoch only
        elif run.epoch - self.best_epoch >= self.patience:
            run.stop(f"no better {name} for {self.patience} epochs")

    def on_train_end(self, run: Run) -> None:
        """Set the parameters of the best epoch as the result of the run."""
        if self.restore and self._parameters is not None:
            run.result = self._parameters


def check_watched(name: Any, known: Collection[str]) -> None:
    """Refuse to watch a figure that the history lacks, or will lack."""
    if not isinstance(name, str):
        raise InputError(f"metric is {shown(name)}; give a name or leave it out")
    if name not in known:
        msg = f"early stopping watches {name!r}, which the history lacks; it has "
        raise InputError(f"{msg}{', '.join(known)}; give validation or metrics for more")

"""Callbacks: what a user's code may do between blocks and epochs of a run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bpnet.model.network import Network

History = dict[str, list[float]]
"""One list a name, one value an epoch."""

SIGNALS = frozenset({"interrupted", "SIGINT", "SIGTERM"})
"""Reasons of a stop after which the run is not over; they are for the whole process."""


@dataclass(eq=False)
class Run:
    """A training run as its callbacks see it.

    Attributes
    ----------
    network : Network
        Being trained; its arrays on the host are brought up to date by :meth:`pull`.
    epochs, steps, samples : int
        Epochs asked for; steps and samples in one epoch.
    epoch : int
        The epoch under way, from 0; at ``on_epoch_end`` the one that has ended.
    step : int
        Steps done in this epoch.
    before : int
        Steps that other networks of a set have done before this run.
    cost, accuracy : float or None
        Means over the examples seen in this epoch so far.
    history : dict of lists
        Of the epochs that have ended.
    backend : str
        Name and device of the backend.
    threads : int or None
        Processor threads that it uses; None where its library decides.
    compiled : bool
        Whether PyTorch compiles the steps.
    learning_rate : float
        eta of the last step.
    sums : pair of float
        Cost and right answers, added up over this epoch so far.
    result : tuple of tuples of arrays or None
        Parameters that the network shall have at the end in place of the last ones.
    note : str
        What the optimizer has to say at the end.
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
    history: History = field(default_factory=dict)
    stopped: str | None = None
    sums: tuple[float, float] = (0.0, 0.0)
    pull: Any = None
    snapshot: Any = None
    probe: Any = None
    result: Any = None
    note: str = ""
    compiled: bool = False
    before: int = 0

    def stop(self, reason: str) -> None:
        """End the run after this block, cleanly, with what was learned so far.

        A signal, after which a run can go on, is no news to one that ends for another reason.
        """
        if self.stopped is None or reason not in SIGNALS:
            self.stopped = reason

    @property
    def position(self) -> tuple[int, int]:
        """Epochs that have ended, which the history has, and steps done in the next one."""
        ended = len(self.history.get("cost", ())) > self.epoch
        return (self.epoch + 1, 0) if ended else (self.epoch, self.step)

    @property
    def at(self) -> int:
        """Steps since the start, with those that other networks of a set have done before."""
        epoch, step = self.position
        return self.before + epoch * self.steps + step


class Callback:
    """Base of callbacks; override what is wanted.

    A callback with its own ``on_block_end`` makes blocks shorter than an epoch, so that it is
    called several times a second in a long epoch; the results stay the same.
    """

    def for_member(self) -> "Callback":
        """Return what is called for one network of a set: itself, or a copy with its own state."""
        return self

    def watches(self) -> str | None:
        """Return the name in the history that the run cannot go without, if there is one."""
        return None

    def state(self) -> tuple[dict[str, Any], Any] | None:
        """Return what a checkpoint must hold of the callback: plain data, and arrays or None."""
        return None

    def take_back(self, numbers: dict[str, Any], arrays: Any) -> None:
        """Take back what :meth:`state` gave, after ``on_train_begin`` of a run taken up again."""

    def on_train_begin(self, run: Run) -> None:
        """Run before the first step."""

    def on_block_end(self, run: Run) -> None:
        """Run after a block of steps."""

    def on_epoch_end(self, run: Run) -> None:
        """Run after an epoch, its history written."""

    def on_train_end(self, run: Run) -> None:
        """Run at the end, also after a stop."""


def named(callbacks: Sequence[Callback]) -> Iterator[tuple[str, Callback]]:
    """Yield callbacks with the names that a checkpoint has for them: their classes.

    From the second one of a class on a number follows.
    """
    seen: dict[str, int] = {}
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name} {seen[name]}"), callback

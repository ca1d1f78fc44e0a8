"""Ctrl-C and SIGTERM during training: the run stops after the current block, and is saved."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bpnet.training import Callback, Run


class StopOnSignal(Callback):
    """Callback that stops a run on SIGINT or SIGTERM.

    ``status`` is the exit status: 130, 143, or 0 without a signal. ``note`` is the optimizer's note
    at the end of training.
    """

    def __init__(self) -> None:
        self.status = 0
        self.note = ""
        self._run: Run | None = None
        self._previous: dict[int, Any] = {}

    def on_train_begin(self, run: Run) -> None:
        """Install the handlers of both signals."""
        self._run = run
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._stop)

    def on_block_end(self, run: Run) -> None:
        """Do nothing: with a callback after each block, blocks are short and a stop comes soon."""

    def on_train_end(self, run: Run) -> None:
        """Restore the handlers, and note how the run ended."""
        self.note = run.note
        if run.stopped in ("SIGINT", "SIGTERM"):  # another rank may have received the signal
            self.status = 128 + signal.Signals[run.stopped]
        self.close()

    def _stop(self, number: int, _frame: Any) -> None:
        self.status = 128 + number
        if self._run is not None:
            self._run.stop(signal.Signals(number).name)
        self.close()  # a second signal ends the process at once

    def close(self) -> None:
        """Restore the handlers, also after an error in training."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()


@dataclass
class Stopped:
    """Exit status for the signal that stopped a command; 0 before a signal."""

    status: int = 0


@contextmanager
def interrupting() -> Iterator[Stopped]:
    """Make SIGTERM raise a KeyboardInterrupt within the ``with``, as Ctrl-C does."""
    stopped = Stopped()

    def stop(number: int, _frame: Any) -> None:
        stopped.status = 128 + number
        # Python's own handler of SIGINT then raises the KeyboardInterrupt.
        signal.raise_signal(signal.SIGINT)

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGTERM, previous)

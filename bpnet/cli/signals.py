"""Ctrl-C and SIGTERM while a run is under way: it stops after the block and keeps its model."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bpnet.training import Callback, Run


class StopOnSignal(Callback):
    """Callback that ends a run on SIGINT or SIGTERM; ``status`` is then 130 or 143.

    ``note`` is what the optimizer had to say at the end.
    """

    def __init__(self) -> None:
        self.status = 0
        self.note = ""
        self._run: Run | None = None
        self._usual: dict[int, Any] = {}

    def on_train_begin(self, run: Run) -> None:
        """Take over the signals."""
        self._run = run
        for number in (signal.SIGINT, signal.SIGTERM):
            self._usual[number] = signal.signal(number, self._stop)

    def on_block_end(self, run: Run) -> None:
        """Do nothing: that it is here makes blocks short, so that a stop comes soon."""

    def on_train_end(self, run: Run) -> None:
        """Give the signals back."""
        self.note = run.note
        if run.stopped in ("SIGINT", "SIGTERM"):  # which another rank may have got
            self.status = 128 + signal.Signals[run.stopped]
        self.close()

    def _stop(self, number: int, _frame: Any) -> None:
        self.status = 128 + number
        if self._run is not None:
            self._run.stop(signal.Signals(number).name)
        self.close()  # a second one is at once

    def close(self) -> None:
        """Give the signals back, also where training failed."""
        for number, handler in self._usual.items():
            signal.signal(number, handler)
        self._usual.clear()


@dataclass
class Stopped:
    """Exit status for the signal that stopped what is under way; 0 while there was none."""

    status: int = 0


@contextmanager
def interrupting() -> Iterator[Stopped]:
    """Let SIGTERM end what is under way as Ctrl-C does, by a KeyboardInterrupt."""
    seen = Stopped()

    def stop(number: int, _frame: Any) -> None:
        seen.status = 128 + number
        signal.raise_signal(signal.SIGINT)

    usual = signal.signal(signal.SIGTERM, stop)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGTERM, usual)

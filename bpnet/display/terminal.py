"""Display of training on a terminal: a bar, curves, and lines of the epochs."""

import math
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from bpnet.display import lines
from bpnet.display.curves import Curves
from bpnet.display.figures import display_name, value_text
from bpnet.training.callbacks import PRUNED, Callback, Run
from bpnet.training.scores import grows

_ROOM = (40, 20)
"""Least columns and lines of a terminal on which curves are drawn."""

_SECONDS = 5.0
"""Least seconds from one line of a set to the next, where the output is no terminal."""

_BAR = 14
"""Columns of a bar."""

_BESIDE = 5
"""Columns of the spinner and of the gaps beside a bar."""


def _bar(console: Console, **options: Any) -> Progress:
    text = TextColumn("{task.fields[text]}")
    return Progress(SpinnerColumn(), BarColumn(bar_width=_BAR), text, console=console, **options)


def _fitting(parts: Sequence[str], console: Console) -> str:
    """Join as many parts as fit beside the bar."""
    room, text = console.width - _BAR - _BESIDE, ""
    for part in filter(None, parts):
        longer = f"{text}  {part}" if text else part
        if len(longer) > room:
            break
        text = longer
    return text


class Bar(Callback):
    """Callback that shows curves, a bar and lines; where the output is no terminal, lines only.

    Parameters
    ----------
    console : rich.console.Console
        Console to write to.
    heading : sequence of str
        Lines that are written when training begins.
    live : bool
        Whether curves are drawn where the terminal has room for them.
    """

    def __init__(self, console: Console, heading: Sequence[str] = (), *, live: bool = True) -> None:
        self._console = console
        self._heading = heading
        # it is drawn within `_live`, and never started by itself
        self._progress = _bar(console)
        roomy = console.width >= _ROOM[0] and console.height >= _ROOM[1]
        self._draws = live and console.is_terminal and roomy
        self._curves: Curves | None = None
        self._live = Live(console=console, get_renderable=self._view, transient=True)
        self._task: Any = None
        self._clock = lines.Clock()
        self._began = 0.0
        self._written = 0

    def on_train_begin(self, run: Run) -> None:
        """Write the heading, and show the bar."""
        for line in self._heading:
            lines.write(self._console, line)
        if self._draws:
            self._curves = Curves(run.history, run.epochs)
        # control sequences would stand in a log
        if self._console.is_terminal:
            self._live.start()
        self._task = self._progress.add_task("", total=1.0, text="")
        self._clock, self._written = lines.Clock(lines.share(run)), 0
        self._began = time.perf_counter()

    def on_block_end(self, run: Run) -> None:
        """Update the bar."""
        # examples of the epoch so far: the size of a batch is rounded up, the last one is shorter
        samples = min(run.step * -(-run.samples // run.steps), run.samples)
        rate = samples / max(time.perf_counter() - self._began, 1e-9)
        self._move(run, run.epoch + 1, lines.learned(run.cost, run.accuracy), rate)

    def on_epoch_end(self, run: Run) -> None:
        """Move the bar to the end of the epoch, and write its line if it gets one."""
        last = {name: values[-1] for name, values in run.history.items()}
        rate = run.samples / max(last["seconds"], 1e-9)
        epoch = run.epoch + 1
        self._move(run, epoch, lines.learned(last["cost"], last.get("accuracy")), rate)
        if lines.is_written(epoch, run.epochs):
            self._write(run)
        # the rate within an epoch is measured from its start
        self._began = time.perf_counter()

    def on_train_end(self, run: Run) -> None:
        """Write the last epoch, remove the bar, and print the curves, which end with that epoch."""
        # early stopping may end a run after an epoch that had no line
        if run.position[0] == run.epoch + 1 != self._written:
            self._write(run)
        self.close()
        if self._curves is not None and self._curves.epochs_done > 1:
            # the axis ends where early stopping ended the run
            self._curves.epochs = self._curves.epochs_done
            self._console.print(self._curves)

    def close(self) -> None:
        """Restore the terminal, also after an error in training."""
        self._live.stop()

    def _move(self, run: Run, epoch: int, learned: str, rate: float) -> None:
        done = lines.share(run)
        parts = [
            f"epoch {epoch}/{run.epochs}", self._clock.text(done), learned,
            f"{rate:,.0f} samples/s",
        ]  # fmt: skip
        self._progress.update(self._task, completed=done, text=_fitting(parts, self._console))

    def _write(self, run: Run) -> None:
        if self._console.is_terminal:
            times = self._clock.text(lines.share(run))
            text = lines.epoch_line(run, times, self._console.width)
        else:  # in a log the time left is of no use
            text = lines.epoch_line(run)
        lines.write(self._console, text)
        self._written = run.epoch + 1

    def _view(self) -> Group:
        bar = self._progress.get_renderable()
        if self._curves is None or self._curves.epochs_done < 2:
            return Group(bar)
        return Group(self._curves, bar)


class Count(Callback):
    """Callback that counts the networks of a set: a bar, or lines where there is no terminal.

    Parameters
    ----------
    console : rich.console.Console
        Console to write to.
    networks, epochs : int
        Number of networks, and most epochs of each.
    silent : bool
        Whether to show nothing.
    score : str
        Name of a figure in the history, whose best value so far is shown.
    before : int
        Number of networks that an earlier process has trained.
    beside : int
        Number of networks that are not trained where one is pruned.
    stays : bool
        Whether the last line is written at the end, also of a set that took no time.
    """

    def __init__(
        self, console: Console, networks: int, epochs: int, *, silent: bool = False,
        score: str = "", before: int = 0, beside: int = 0, stays: bool = False,
    ) -> None:  # fmt: skip
        self._console, self._networks, self._epochs = console, networks, epochs
        self._silent, self._score, self._beside, self._stays = silent, score, beside, stays
        self._before = self._done = before
        # the epochs that networks of an earlier process did not need count as done, too
        self._trained = before * epochs
        self._best: float | None = None
        self._twentieths, self._last_line = 0, 0.0
        shows = console.is_terminal and not silent
        self._progress = _bar(console, transient=True, disable=not shows)
        self._clock = lines.Clock()
        self._task: Any = None

    def say(self, line: str) -> None:
        """Write a line above the bar, unless silent."""
        if not self._silent:
            lines.write(self._console, line)

    def __enter__(self) -> "Count":
        self._progress.start()
        self._task = self._progress.add_task("", total=1.0, text=self._text())
        self._clock = lines.Clock(self._share)
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Restore the terminal, also after an error in training."""
        self._progress.stop()
        if self._stays:
            self.say(self._text())
            self._stays = False

    def on_epoch_end(self, run: Run) -> None:
        """Update the bar and the best score."""
        self._trained += 1
        # a score that is not finite is no best one
        values = [v for v in run.history.get(self._score, [])[-1:] if math.isfinite(v)]
        if values:
            pick = max if grows(self._score) else min
            self._best = pick(values + ([] if self._best is None else [self._best]))
        self._show()

    def on_train_end(self, run: Run) -> None:
        """Count a network, and the epochs that early stopping has saved."""
        self._done += 1
        self._trained += self._epochs - run.position[0]
        # the other seeds and folds of a pruned combination are not trained
        if run.stopped == PRUNED:
            self._networks -= self._beside
        self._show()
        twentieths, now = 20 * self._done // self._networks, self._clock.elapsed
        # in a log: a line for each twentieth, but none within seconds of the one before
        is_time = now - self._last_line >= _SECONDS and twentieths > self._twentieths
        if is_time and not self._console.is_terminal:
            self._twentieths, self._last_line = twentieths, now
            self.say(self._text())

    @property
    def _share(self) -> float:
        return min(self._trained / max(self._networks * self._epochs, 1), 1.0)

    def _show(self) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=self._share, text=self._text())

    def _text(self) -> str:
        best = ""
        if self._best is not None:
            name = self._score.removeprefix("validation_")
            best = f"best {display_name(name)} {value_text(name, self._best)}"
        parts = [f"{self._done}/{self._networks} networks", self._clock.text(self._share), best]
        return _fitting(parts, self._console)

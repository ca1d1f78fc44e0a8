"""What a run shows in the terminal: a bar while it trains, a line for each epoch."""

import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from bpnet.cli import screen
from bpnet.cli.curves import Curves
from bpnet.runs import results
from bpnet.training import Callback, Run

_ROOM = (40, 20)
"""Columns and lines that a terminal has at least where curves are drawn."""


class Bar(Callback):
    """Curves and a progress bar with cost, accuracy and samples/s; without a terminal, lines only.

    Parameters
    ----------
    console : rich.console.Console
        Where to.
    lines : list of str
        What to say when training begins.
    live : bool
        Whether curves are drawn where the terminal has room for them.
    """

    def __init__(self, console: Console, lines: list[str], *, live: bool = True) -> None:
        self._console = console
        self._lines = lines
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=14),
            TextColumn("{task.fields[text]}"),
            console=console,
        )
        roomy = console.width >= _ROOM[0] and console.height >= _ROOM[1]
        self._draws = live and console.is_terminal and roomy
        self._curves: Curves | None = None
        self._live = Live(console=console, get_renderable=self._view, transient=True)
        self._task: Any = None
        self._began = 0.0
        self._before = 0

    def on_train_begin(self, run: Run) -> None:
        """Say what is trained, and show the bar."""
        for line in self._lines:
            screen.line(self._console, line)
        if self._draws:
            self._curves = Curves(run.history, run.epochs)
        if self._console.is_terminal:
            self._live.start()
        total = run.epochs * run.steps
        self._task = self._progress.add_task("", total=total, epoch=f"1/{run.epochs}", text="")
        self._began = time.perf_counter()

    def on_block_end(self, run: Run) -> None:
        """Move the bar on."""
        now = time.perf_counter()
        seen = min(run.step * -(-run.samples // run.steps), run.samples)
        rate = seen / max(now - self._began, 1e-9)
        self._progress.update(
            self._task,
            completed=run.epoch * run.steps + run.step,
            epoch=f"{run.epoch + 1}/{run.epochs}",
            text=f"{_figures('', run.cost, run.accuracy)}  {rate:,.0f} samples/s",
        )

    def on_epoch_end(self, run: Run) -> None:
        """Write the epoch's line."""
        last = {name: values[-1] for name, values in run.history.items()}
        rate = run.samples / max(last["seconds"], 1e-9)
        width = len(str(run.epochs))
        line = (
            f"epoch {run.epoch + 1:>{width}}/{run.epochs}"
            f"  {_figures('', last['cost'], last.get('accuracy'))}"
        )
        if "validation_cost" in last:
            held = _figures("validation ", last["validation_cost"], last.get("validation_accuracy"))
            line += f"  {held}{_metrics(last)}"
        line += f"  {rate:,.0f} samples/s"
        if self._console.is_terminal and len(line) > self._console.width:
            line = _compact(line)
        screen.line(self._console, line)
        self._began = time.perf_counter()

    def on_train_end(self, run: Run) -> None:
        """Take the bar away; the curves stay."""
        self.close()
        if self._curves is not None and self._curves.epochs_done > 1:
            self._console.print(self._curves)

    def close(self) -> None:
        """Give the terminal back, also where training failed."""
        self._live.stop()

    def _view(self) -> Group:
        bar = self._progress.get_renderable()
        if self._curves is None or self._curves.epochs_done < 2:
            return Group(bar)
        return Group(self._curves, bar)


class Count(Callback):
    """Progress bar over the networks of a set; without a terminal, what is said only.

    Parameters
    ----------
    console : rich.console.Console
        Where to.
    networks, epochs : int
        How many, and how many each has at most.
    silent : bool
        Whether to show nothing.
    """

    def __init__(self, console: Console, networks: int, epochs: int, *, silent: bool) -> None:
        self._console, self._networks, self._epochs, self._silent = (
            console,
            networks,
            epochs,
            silent,
        )
        self._done = 0
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}"),
            console=console,
            transient=True,
            disable=silent or not console.is_terminal,
        )
        self._task: Any = None

    def say(self, line: str) -> None:
        """Write a line."""
        if not self._silent:
            screen.line(self._console, line)

    def __enter__(self) -> "Count":
        self._progress.start()
        total = self._networks * self._epochs
        self._task = self._progress.add_task("", total=total, text="")
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def on_epoch_end(self, run: Run) -> None:
        """Move the bar on."""
        self._progress.advance(self._task)

    def on_train_end(self, run: Run) -> None:
        """Count a network, and the epochs that it did without."""
        self._done += 1
        left = self._epochs - run.epoch - 1
        text = f"{self._done}/{self._networks} networks"
        self._progress.update(self._task, advance=left, text=text)


def _figures(name: str, cost: float | None, accuracy: float | None) -> str:
    text = f"{name}cost {cost:.4f}" if cost is not None else ""
    return text if accuracy is None else f"{text}  accuracy {accuracy:6.1%}".replace("%", " %")


def _metrics(last: dict[str, float]) -> str:
    """Metrics of the validation examples beside their cost and accuracy."""
    held = {n.removeprefix("validation_"): v for n, v in last.items() if n.startswith("validation")}
    return "".join(
        f"  {results.FIGURES.get(name, name)} {results.value_text(name, value)}"
        for name, value in held.items() if name not in {"cost", "accuracy"}
    )  # fmt: skip


def _compact(line: str) -> str:
    """The line of an epoch for a narrow terminal: the bar below has the pace.

    Examples
    --------
    >>> _compact("epoch 1/9  cost 1.0  validation cost 2.0  accuracy  96.5 %  9 samples/s")
    'epoch 1/9  cost 1.0  validation 2.0, 96.5 %'
    """
    pace = line.rindex("  ")
    trained, validated, held = line[:pace].partition("  validation cost ")
    if not validated:
        return trained
    parts = held.replace("accuracy ", "").split("  ")
    return f"{trained}  validation {', '.join(part.strip() for part in parts if part.strip())}"

"""What a run shows in the terminal: a bar while it trains, a line for each epoch."""

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from bpnet.training import Callback, Run


class Bar(Callback):
    """Progress bar with cost, accuracy and samples/s; without a terminal, lines only.

    Parameters
    ----------
    console : rich.console.Console
        Where to.
    lines : list of str
        What to say when training begins.
    """

    def __init__(self, console: Console, lines: list[str]) -> None:
        self._console = console
        self._lines = lines
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: Any = None
        self._began = 0.0
        self._before = 0

    def on_train_begin(self, run: Run) -> None:
        """Say what is trained, and show the bar."""
        for line in self._lines:
            self._console.print(line, soft_wrap=True, markup=False)
        self._progress.start()
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
            line += f"  {held}"
        self._console.print(f"{line}  {rate:,.0f} samples/s", highlight=False, soft_wrap=True)
        self._began = time.perf_counter()

    def on_train_end(self, run: Run) -> None:
        """Take the bar away."""
        self.close()

    def close(self) -> None:
        """Give the terminal back, also where training failed."""
        self._progress.stop()


def _figures(name: str, cost: float | None, accuracy: float | None) -> str:
    text = f"{name}cost {cost:.4f}" if cost is not None else ""
    return text if accuracy is None else f"{text}  accuracy {accuracy:6.1%}".replace("%", " %")

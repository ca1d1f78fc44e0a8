"""Lines on the progress of a run: figures of an epoch, elapsed time and time left."""

import time
from dataclasses import dataclass, field
from typing import Any

from bpnet.display.figures import display_name, duration, figure, value_text
from bpnet.shown import plain
from bpnet.training.callbacks import Run

_LINES = 40
"""Approximate number of lines that a long run prints."""


def write(console: Any, text: object) -> None:
    """Write a line to a rich console without markup, names of emoji or control sequences."""
    # rich would break a long line at the width of the terminal, and at 80 columns in a log
    console.print(plain(text), soft_wrap=True, markup=False, emoji=False, highlight=False)


def is_written(epoch: int, epochs: int) -> bool:
    """Whether an epoch, counted from 1, gets a line: of a long run about forty do.

    Examples
    --------
    >>> [epoch for epoch in range(1, 121) if is_written(epoch, 120)][:4]
    [1, 3, 6, 9]
    """
    # rounded up, so that a long run has at most forty lines between its first and its last one
    return epoch in {1, epochs} or epoch % -(-epochs // _LINES) == 0


def _now() -> float:
    return time.perf_counter()


@dataclass
class Clock:
    """Elapsed time of a run, and the time left at the pace so far.

    Parameters
    ----------
    begun : float
        Share of the run that was done when the clock started, as in a resumed run.
    start : float
        Time when the clock started, of :func:`time.perf_counter`.
    """

    begun: float = 0.0
    start: float = field(default_factory=_now)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return _now() - self.start

    def left(self, done: float) -> float | None:
        """Seconds left when the share ``done`` of the run is done; None before any progress."""
        # the pace of this process alone: a resumed run begins with a share that is done
        paced = done - self.begun
        return self.elapsed * (1 - done) / paced if paced > 0 else None

    def text(self, done: float) -> str:
        """Elapsed time and time left, as text."""
        left = self.left(done)
        rest = f", {duration(left)} left" if left is not None and done < 1 else ""
        return f"{duration(self.elapsed)}{rest}"


def share(run: Run) -> float:
    """Share of a run that is done."""
    epoch, step = run.position
    return (epoch + step / run.steps) / run.epochs


def epoch_parts(run: Run) -> tuple[str, str, list[tuple[str, str]]]:
    """Parts of an epoch's line: its number, the training figures, the validation figures."""
    last = {name: values[-1] for name, values in run.history.items()}
    prefix = "validation_"
    validation = {n.removeprefix(prefix): v for n, v in last.items() if n.startswith(prefix)}
    number = f"epoch {run.epoch + 1:>{len(str(run.epochs))}}/{run.epochs}"
    figures = [(display_name(name), _padded(name, value)) for name, value in validation.items()]
    return number, learned(last["cost"], last.get("accuracy")), figures


def epoch_line(run: Run, times: str = "", width: int | None = None) -> str:
    """Line of the last epoch, shortened where it is longer than ``width``.

    Parameters
    ----------
    run : Run
        The run at the end of an epoch.
    times : str
        Text of :meth:`Clock.text`.
    width : int, optional
        Columns of the terminal; None is no limit.
    """
    number, trained, figures = epoch_parts(run)
    # an epoch may take 0 seconds by a coarse clock
    rate = run.samples / max(run.history["seconds"][-1], 1e-9)
    line = f"{number}  {trained}"
    whole = line
    if figures:
        whole += "  validation " + "  ".join(f"{name} {text}" for name, text in figures)
    whole += f"  {rate:,.0f} samples/s" + (f"  {times}" if times else "")
    if width is None or len(whole) <= width:
        return whole
    # in a narrow terminal the pace goes first, then the names of the commonest figures
    parts = [t.strip() if n in {"cost", "accuracy"} else f"{n} {t.strip()}" for n, t in figures]
    if parts:
        line += f"  validation {', '.join(parts)}"
    # the time left stands behind the comma
    elapsed = times.partition(",")[0]
    return f"{line}  {elapsed}" if elapsed and len(line) + 2 + len(elapsed) <= width else line


def learned(cost: float | None, accuracy: float | None) -> str:
    """Cost and accuracy of the training examples, as text."""
    text = f"cost {figure(cost)}" if cost is not None else ""
    return text if accuracy is None else f"{text}  accuracy {_padded('accuracy', accuracy)}"


def _padded(name: str, value: float) -> str:
    text = value_text(name, value)
    # a fixed width keeps the columns of the lines in place up to 100.0 %
    return f"{text:>7}" if name == "accuracy" else text

"""The lines of a run: what an epoch gave, how long it has taken, and how long it will take."""

import time
from dataclasses import dataclass, field
from typing import Any

from bpnet.display.figures import display_name, duration, figure, value_text
from bpnet.shown import plain
from bpnet.training.callbacks import Run

_LINES = 40
"""Epochs of a long run that are written, about."""


def write(console: Any, text: object) -> None:
    """Write a line on a terminal as it stands: no markup, no emoji by name, no sequences."""
    console.print(plain(text), soft_wrap=True, markup=False, emoji=False, highlight=False)


def is_written(epoch: int, epochs: int) -> bool:
    """Whether an epoch, from 1, gets a line: of a long run the first, the last, and some forty.

    Examples
    --------
    >>> [epoch for epoch in range(1, 121) if is_written(epoch, 120)][:4]
    [1, 3, 6, 9]
    """
    return epoch in {1, epochs} or epoch % -(-epochs // _LINES) == 0


def _now() -> float:
    return time.perf_counter()


@dataclass
class Clock:
    """How long a run has taken, and how long it will take at the same pace.

    Parameters
    ----------
    begun : float
        Share of the run that was done when the clock started: of a run that is taken up again.
    """

    begun: float = 0.0
    start: float = field(default_factory=_now)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return _now() - self.start

    def left(self, done: float) -> float | None:
        """Seconds that are left where a share of the run is done; None before there is a pace."""
        paced = done - self.begun
        return self.elapsed * (1 - done) / paced if paced > 0 else None

    def told(self, done: float) -> str:
        """Elapsed time, and what is left."""
        left = self.left(done)
        rest = f", {duration(left)} left" if left is not None and done < 1 else ""
        return f"{duration(self.elapsed)}{rest}"


def share(run: Run) -> float:
    """Share of a run that is done."""
    epoch, step = run.position
    return (epoch + step / run.steps) / run.epochs


def epoch_parts(run: Run) -> tuple[str, str, list[tuple[str, str]]]:
    """Number of the last epoch, what was learned, and each figure of the validation examples."""
    last = {name: values[-1] for name, values in run.history.items()}
    prefix = "validation_"
    held = {n.removeprefix(prefix): v for n, v in last.items() if n.startswith(prefix)}
    number = f"epoch {run.epoch + 1:>{len(str(run.epochs))}}/{run.epochs}"
    figures = [(display_name(name), _padded(name, value)) for name, value in held.items()]
    return number, learned(last["cost"], last.get("accuracy")), figures


def epoch_line(run: Run, told: str = "", width: int | None = None) -> str:
    """The line of the last epoch; a narrow terminal gets the pace from the bar below.

    Parameters
    ----------
    run : Run
        At the end of an epoch.
    told : str
        Elapsed time and what is left.
    width : int, optional
        Columns that there are; None is any number.
    """
    number, trained, figures = epoch_parts(run)
    rate = run.samples / max(run.history["seconds"][-1], 1e-9)
    line = f"{number}  {trained}"
    whole = line
    if figures:
        whole += "  validation " + "  ".join(f"{name} {text}" for name, text in figures)
    whole += f"  {rate:,.0f} samples/s" + (f"  {told}" if told else "")
    if width is None or len(whole) <= width:
        return whole
    parts = [t.strip() if n in {"cost", "accuracy"} else f"{n} {t.strip()}" for n, t in figures]
    if parts:
        line += f"  validation {', '.join(parts)}"
    elapsed = told.partition(",")[0]
    return f"{line}  {elapsed}" if elapsed and len(line) + 2 + len(elapsed) <= width else line


def learned(cost: float | None, accuracy: float | None) -> str:
    """Cost and accuracy of the examples that are trained with."""
    text = f"cost {figure(cost)}" if cost is not None else ""
    return text if accuracy is None else f"{text}  accuracy {_padded('accuracy', accuracy)}"


def _padded(name: str, value: float) -> str:
    text = value_text(name, value)
    return f"{text:>7}" if name == "accuracy" else text

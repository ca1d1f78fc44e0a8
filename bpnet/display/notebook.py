"""Display of training in a notebook: one output with a table and curves, which is updated."""

import base64
import io
import re
import time
from typing import Any

from bpnet.display import lines
from bpnet.training.callbacks import Callback, Run

_SECONDS = 0.5
"""Least seconds from one update to the next."""

_SHARE = 10
"""Least time between updates in units of their duration: updates take a tenth of the time."""


class Cell(Callback):
    """Callback that shows a table of the last epochs and curves below a notebook's cell.

    Parameters
    ----------
    networks : int
        Number of networks; several are counted, and have neither table nor curves.
    """

    def __init__(self, networks: int) -> None:
        self._networks, self._done = networks, 0
        self._handle: Any = None
        self._clock = lines.Clock()
        self._next = 0.0

    def on_train_begin(self, run: Run) -> None:
        """Make the output when the first network begins."""
        # each network of a set begins, and all share one output
        if self._handle is None:
            from IPython import display

            self._clock = lines.Clock(lines.share(run))
            bundle = self._bundle(run)
            self._handle = display.display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def on_block_end(self, run: Run) -> None:
        """Update the output, unless the last update was just before."""
        self._update(run)

    def on_epoch_end(self, run: Run) -> None:
        """Update the output, unless the last update was just before."""
        self._update(run)

    def on_train_end(self, run: Run) -> None:
        """Update the output a last time."""
        self._done += 1
        self._update(run, last=True)

    def close(self) -> None:
        """Do nothing: the output stays."""

    def _update(self, run: Run, *, last: bool = False) -> None:
        start = time.perf_counter()
        if start < self._next and not last:
            return
        self._handle.update(self._bundle(run), raw=True)
        now = time.perf_counter()
        self._next = now + max(_SECONDS, _SHARE * (now - start))

    def _bundle(self, run: Run) -> dict[str, str]:
        done = lines.share(run)
        if self._networks > 1:  # `run` stands for the networks of a stack: all are at its epoch
            done = min((self._done + (done if done < 1 else 0)) / self._networks, 1.0)
        times = self._clock.text(done)
        if self._networks > 1:
            text = f"{self._done}/{self._networks} networks  {times}"
            return _bundle(text, done, "")
        number = f"epoch {run.position[0]}/{run.epochs}"
        learned = lines.learned(run.cost, run.accuracy).replace("accuracy  ", "accuracy ")
        text = "  ".join(filter(None, (number, times, learned)))
        return _bundle(text, done, run.history._repr_html_() + _curves(run))


def _bundle(text: str, done: float, below: str) -> dict[str, str]:
    # HTML would join the two spaces between the parts of the text
    bar = f'<progress value="{done:.4f}" max="1"></progress> {re.sub("  +", " &middot; ", text)}'
    return {"text/plain": text, "text/html": f"<div>{bar}</div>{below}"}


def _curves(run: Run) -> str:
    """Image of the curves; empty before the second epoch, or without matplotlib."""
    if run.history.epochs < 2:
        return ""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        return ""
    names = [name for name in ("cost", "accuracy", "r2") if _is_there(run, name)]
    # without pyplot, which would show the figure in the notebook a second time
    figure = Figure(figsize=(4.2 * len(names), 2.8), layout="constrained")
    run.history.draw(
        dict(zip(names, figure.subplots(1, len(names), squeeze=False)[0], strict=True))
    )
    file = io.BytesIO()
    with rc_context({"svg.fonttype": "none"}):  # the file is a third of one with glyphs as paths
        figure.savefig(file, format="svg")
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="curves" src="data:image/svg+xml;base64,{data}">'


def _is_there(run: Run, name: str) -> bool:
    return name in run.history or f"validation_{name}" in run.history
